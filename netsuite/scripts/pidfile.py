"""netsuite pidfile: whose process a pidfile names: a twistd's, nobody's, or somebody else's."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from twisted.python import usage

from netsuite.manual.kind import FILE
from netsuite.outcome import Outcome
from netsuite.scripts.running import ToolOptions, start

#: Longest pidfile that is one.
BYTES_MAX = 64


@dataclass(frozen=True, slots=True)
class Found:
    """What a pidfile comes to.  ``state``: running, stale, foreign or no pidfile; ``advice``: what to do."""

    state: str
    pid: int | None
    advice: str


def judge(data: bytes, proc: Path = Path("/proc")) -> Found:
    """Return what a pidfile with these bytes comes to, by the processes that there are."""
    text = data[:BYTES_MAX].decode("ascii", "replace").strip()
    if not text:
        return Found("no pidfile", None, "it is empty; remove it")
    if not text.isdecimal() or len(data) > BYTES_MAX or not int(text):
        return Found("no pidfile", None, "it holds no process id; is it another file?")
    pid = int(text)
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return Found("stale", pid, "no such process; remove it, or start again: twistd does that itself")
    except PermissionError:
        return Found("foreign", pid, "the process is not ours to look at")
    if any(b"twistd" in word for word in words[:4]):
        return Found("running", pid, "")
    return Found("foreign", pid, "another program has this process id now; remove the file")


class Options(ToolOptions):
    """The command line of netsuite pidfile."""

    tool = "pidfile"
    synopsis = "Usage: netsuite pidfile [options] FILE"
    longdesc = (
        "Say whose process a pidfile names.  Exit status: 0 a running twistd's, 1 stale, foreign or none, "
        "2 usage, 12 file."
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
    with open(options.path, "rb") as file:
        found = judge(file.read(BYTES_MAX + 1))
    result = {"state": found.state, "pid": found.pid}
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
