"""netsuite pidfile: whose process a pidfile names: a twistd's, nobody's, or somebody else's."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

from typing import Any, NoReturn

from twisted.python import usage

from netsuite import pidfile
from netsuite.manual.kind import FILE
from netsuite.outcome import Outcome
from netsuite.scripts.running import ToolOptions, start


class Options(ToolOptions):
    """The command line of netsuite pidfile."""

    tool = "pidfile"
    synopsis = "Usage: netsuite pidfile [options] FILE"
    longdesc = (
        "Say whose process a pidfile names.  Exit status: 0 a running twistd's, 1 stale, reused, foreign, "
        "empty or none, 2 usage, 12 file."
    )
    examples = """Examples:
  netsuite pidfile /run/netsuite/netsuite.pid
  kill $(cat netsuite.pid)    what it is for"""

    operands = (FILE,)

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
    """Say what the file comes to."""
    found = pidfile.look(options.path)
    result = {"state": found.state, "pid": found.pid, "advice": found.advice}
    if found.state == "running":
        options.results.line(f"{options.path}: running, process {found.pid}")
        return Outcome.done(**result)
    who = f", process {found.pid}" if found.pid is not None else ""
    return Outcome.failed("no", f"{options.path}: {found.state}{who}: {found.advice}", result=result)


def run() -> NoReturn:
    """Run the tool."""
    start(Options, main)


if __name__ == "__main__":
    run()
