"""twistd with a sampler in it: ``python bench/sampled.py FILE TWISTD-ARGUMENTS...``.

SIGRTMIN starts it, a second one ends it and writes the samples to FILE.  Each 2 ms of CPU time (or each tick
of a kernel that has longer ones) the interpreter notes, between two bytecodes, which line it is on; time in C
code and in the kernel falls on the line that called it.  Unlike a trace of each call it bends no proportions.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

PERIOD_SECONDS = 0.002

START_OR_END = signal.SIGRTMIN


class Sampler:
    """Counts where the program is; samples are [file, line, function, number]."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: Counter[tuple[str, int, str]] = Counter()

    def install(self) -> None:
        """It waits for its signal."""
        signal.signal(signal.SIGPROF, self._note)
        signal.signal(START_OR_END, self._turn)
        signal.siginterrupt(signal.SIGPROF, False)

    def _note(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None:
            code = frame.f_code
            self._found[code.co_filename, frame.f_lineno or 0, code.co_qualname] += 1

    def _turn(self, _number: int, _frame: FrameType | None) -> None:
        runs, _ = signal.getitimer(signal.ITIMER_PROF)
        again = 0.0 if runs else PERIOD_SECONDS
        signal.setitimer(signal.ITIMER_PROF, again, again)
        if runs:
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps([[*where, number] for where, number in self._found.items()]))
            part.rename(self._path)


if __name__ == "__main__":
    Sampler(Path(sys.argv.pop(1))).install()
    from twisted.scripts.twistd import run

    run()
