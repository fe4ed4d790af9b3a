"""How far a download is, told as it goes: in place on a terminal, else a line for each tenth, or as JSON.

``Progress: 42%`` where the length is known, else ``Progress: 60K``, in thousands of bytes.  A terminal's line
is written over by ``\\033[1F``; nothing else has such characters in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

#: Cursor to the beginning of the line before; the rest of the line is cleared.
OVER, CLEAR = "\x1b[1F", "\x1b[K"

#: Seconds between two lines on a terminal, and between two of JSON.
APART = 0.1
APART_JSON = 0.5

#: Bytes after which the first line comes where the length is unknown and no terminal is there; it doubles.
FIRST = 1_000_000

#: Bytes looked at a time on a terminal where the length is unknown.
STEP = 1000


class Progress:
    """Tells how far one file is.

    ``write`` takes a piece of text; ``how``: ``terminal``, ``lines``, ``json`` or ``none``; ``verbose``: with
    speed and time left.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        how: str,
        reactor: Any,
        *,
        verbose: bool = False,
        file: str = "",
    ) -> None:
        self._write, self._how, self._reactor = write, how, reactor
        self._now: Callable[[], float] = reactor.seconds
        self._timer: Any = None
        self._verbose, self._file = verbose, file
        self.came = 0
        self.total: int | None = None
        self._next: float = 0
        self._began = self._last = 0.0
        self._began_at = 0
        self._told = ""
        self._lines = 0

    def begin(self, have: int, total: int | None) -> None:
        """So many bytes are there, of so many."""
        self.stop()
        self.came, self.total = have, total
        self._began = self._now()
        self._last = float("-inf")
        self._began_at = have
        self._told = ""
        self._next = have
        if self._how == "lines":
            self._next = FIRST if total is None else (have * 10 // total + 1) * total / 10 if total else 0
        elif self._how == "none":
            self._next = float("inf")
        else:
            self._show()

    def add(self, count: int) -> None:
        """So many further bytes came."""
        self.came += count
        if self.came >= self._next:
            self._show()

    def end(self) -> None:
        """All of it is there."""
        self.stop()
        if self._how == "none":
            return
        self._last = float("-inf")
        if self._told != (str(self.came) if self._how == "json" else self._text()):
            self._show(last=True)

    def _show(self, *, last: bool = False) -> None:
        total = self.total
        if self._how == "lines":
            if total is None:
                self._next = max(self._next, FIRST) if self.came < self._next else self._next * 2
            elif total:
                self._next = (self.came * 10 // total + 1) * total / 10
            self._tell(f"{self._text(tenths=not last)}{self._speed()}\n")
            return
        now = self._now()
        apart = APART if self._how == "terminal" else APART_JSON
        if not last and now - self._last < apart:
            self._next = float("inf")
            self._timer = self._reactor.callLater(self._last + apart - now, self._late)
            return
        self._last = now
        step = STEP if total is None or self._how == "json" else max(1, total // 100)
        self._next = (self.came // step + 1) * step
        if self._how == "json":
            self._json()
        else:
            over = OVER if self._lines else ""
            clear = CLEAR if self._verbose else ""
            self._tell(f"{over}{self._text()}{self._speed()}{clear}\n")

    def _late(self) -> None:
        self._timer = None
        self._last = float("-inf")
        self._show()

    def stop(self) -> None:
        """Nothing more is told by itself."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _text(self, *, tenths: bool = False) -> str:
        if self.total is None:
            return f"Progress: {self.came // 1000}K"
        percent = min(100, self.came * 100 // self.total) if self.total else 100
        return f"Progress: {percent // 10 * 10 if tenths else percent}%"

    def _tell(self, line: str) -> None:
        self._lines += 1
        self._told = self._text()
        self._write(line)

    def _speed(self) -> str:
        if not self._verbose:
            return ""
        seconds = self._now() - self._began
        speed = (self.came - self._began_at) / seconds if seconds > 0 else 0.0
        left = f", {(self.total - self.came) / speed:.0f} s left" if self.total is not None and speed else ""
        return f" {speed / 1e6:.1f} MB/s{left}"

    def _json(self) -> None:
        told = {"event": "progress", "file": self._file, "bytes": self.came, "total": self.total}
        self._told = str(self.came)
        self._write(json.dumps(told, separators=(",", ":")) + "\n")

    def interrupted(self) -> None:
        """Something else is written next: the line that stands there stays."""
        self._lines = 0
