"""netsuite check: every fault of a settings file, of all services in it, at once; nothing is opened."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import os
from typing import Any, NoReturn

from twisted.python import usage
from twisted.python.reflect import namedAny

from netsuite.manual.kind import TOML
from netsuite.outcome import Outcome
from netsuite.scripts.running import ToolOptions, start

#: What reads the file, by its name: only where one is checked are the services' modules needed.
SUITE = "netsuite.suite.Options"


class Options(ToolOptions):
    """The command line of netsuite check."""

    tool = "check"
    synopsis = "Usage: netsuite check [options] FILE"
    longdesc = "Say what is wrong with a settings file.  Exit status: 0 sound, 1 faulty, 2 usage, 12 file."
    examples = """Examples:
  netsuite check /etc/netsuite/netsuite.toml
  netsuite check -j netsuite.toml"""

    operands = (TOML,)

    def __init__(self) -> None:
        super().__init__()
        self.path = ""

    def parseArgs(self, *words: str) -> None:
        """Take the file."""
        if len(words) != 1:
            raise usage.UsageError("give one FILE")
        self.path = words[0]
        self.target = {"file": self.path}


async def main(reactor: Any, options: Options) -> Outcome:
    """Say whether the suite would start with the file."""
    with open(options.path, "rb"):  # a file that can't be read is no faulty one
        told = namedAny(SUITE)()
    try:
        told.parse(["--config", os.path.abspath(options.path)])
    except usage.UsageError as error:
        faults = str(error).splitlines()
        return Outcome.failed("no", "\n".join(faults), result={"faults": faults})
    names = [member.name for member in told.settings.members]
    options.results.line(f"{options.path}: sound; runs {', '.join(names)}")
    return Outcome.done(services=names)


def run() -> NoReturn:
    """Run the tool."""
    start(Options, main)


if __name__ == "__main__":
    run()
