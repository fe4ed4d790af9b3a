"""netsuite cert: a key and a certificate that its own key has signed, for a trial."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import datetime
import os
import re
from typing import Any, ClassVar, NoReturn

from twisted.python import usage

from netsuite import durable
from netsuite.manual.kind import FOLDER, NAME, Kind
from netsuite.outcome import Failed, Outcome
from netsuite.scripts.running import ToolOptions, start
from netsuite.selfsigned import self_signed

#: Days that it is valid; browsers take no longer ones.
DAYS = 90


class Options(ToolOptions):
    """The command line of netsuite cert."""

    tool = "cert"
    synopsis = "Usage: netsuite cert [options] NAME..."
    longdesc = (
        f"Make NAME.key and NAME.pem for names and addresses: a P-256 key (0600) and its own certificate, "
        f"{DAYS} days.  Exit status: 0 made, 2 usage, 12 file, also where one is there already."
    )
    examples = """Examples:
  netsuite cert words.example 192.0.2.7
  twistd -n pages \\
      -p ssl:8443:privateKey=words.example.key:certKey=words.example.pem
  curl --cacert words.example.pem https://words.example:8443/"""

    optParameters: ClassVar[list[list[Any]]] = [["output", "o", ".", "Folder for the two files."]]
    optFlags: ClassVar[list[list[Any]]] = [["force", "f", "Replace files that are there."]]
    kinds: ClassVar[dict[str, Kind]] = {
        "output": FOLDER,
    }
    operands = (NAME,)

    def __init__(self) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()

    def parseArgs(self, *names: str) -> None:
        """Take the names."""
        for name in names:
            if not re.fullmatch(r"(\*\.)?[A-Za-z0-9][A-Za-z0-9.-]{0,250}|[0-9A-Fa-f:.]{2,45}", name):
                raise usage.UsageError(
                    f"{name[:80]!r} is no name or address; write words.example or 192.0.2.7"
                )
        if not names:
            raise usage.UsageError("give at least one NAME")
        self.names = names
        self.target = {"names": list(names)}


async def main(reactor: Any, options: Options) -> Outcome:
    """Both files are there, the key for this user alone; where one was there, neither is changed."""
    folder = str(options["output"])
    if not os.path.isdir(folder):
        raise Failed("local", f"{folder}: no such folder; make it, or name another with -o")
    start_of_both = os.path.join(folder, options.names[0].replace("*", "_").replace(":", "_"))
    paths = f"{start_of_both}.key", f"{start_of_both}.pem"
    for path in paths:
        if not options["force"] and os.path.lexists(path):
            raise Failed("local", f"{path} is there already; -f replaces it, -o names another folder")
    both = self_signed(options.names, DAYS, datetime.datetime.now(datetime.UTC))
    for path, data, mode in zip(paths, both, (0o600, 0o644), strict=True):
        durable.write(path, data, replace=True)  # who reads it meanwhile finds all of it
        os.chmod(path, mode)
        options.results.line(path)
    return Outcome.done(key=paths[0], certificate=paths[1], days=DAYS)


def run() -> NoReturn:
    """Run the tool."""
    start(Options, main)


if __name__ == "__main__":
    run()
