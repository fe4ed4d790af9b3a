"""netsuite cert: a key and a certificate that its own key has signed, for a trial."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import datetime
import os
import re
from typing import Any, ClassVar, NoReturn

from twisted.python import usage

from netsuite.manual.kind import FOLDER, NAME, Kind
from netsuite.outcome import Outcome
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

    optParameters: ClassVar[list[list[Any]]] = [["out", "o", ".", "Folder for the two files."]]
    optFlags: ClassVar[list[list[Any]]] = [["force", "f", "Replace files that are there."]]
    kinds: ClassVar[dict[str, Kind]] = {
        "out": FOLDER,
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
    """Both files are there, the key for this user alone."""
    start_of_both = os.path.join(str(options["out"]), options.names[0].replace("*", "_").replace(":", "_"))
    key, certificate = self_signed(options.names, DAYS, datetime.datetime.now(datetime.UTC))
    for path, data, mode in (
        (f"{start_of_both}.key", key, 0o600),
        (f"{start_of_both}.pem", certificate, 0o644),
    ):
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if options["force"] else os.O_EXCL)
        with os.fdopen(os.open(path, flags | os.O_NOFOLLOW, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
        options.results.line(path)
    return Outcome.done(key=f"{start_of_both}.key", certificate=f"{start_of_both}.pem", days=DAYS)


def run() -> NoReturn:
    """Run the tool."""
    start(Options, main)


if __name__ == "__main__":
    run()
