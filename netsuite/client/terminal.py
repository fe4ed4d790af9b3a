"""Questions to a person at a terminal, without blocking, and answers that are not shown.

Echo is off exactly while an answer is read; it is on again however that ends, by Ctrl-C too.
"""

from __future__ import annotations

import os
import sys
import termios
from typing import Any

from twisted.internet import defer

from netsuite.journal import escaped

#: Longest answer, in bytes.
ANSWER_MAX = 4096


def is_there() -> bool:
    """Return whether a person can be asked: standard input and standard error are a terminal."""
    try:
        return os.isatty(0) and os.isatty(2)
    except OSError:
        return False


def question(reactor: Any, prompt: str, *, shown: bool = True) -> defer.Deferred[str | None]:
    """Fires with the line that is typed, None at the end of input; may be cancelled.  Fails with: OSError."""
    return _Question(reactor, prompt, shown).done


class _Question:
    """Reads one line of standard input."""

    def __init__(self, reactor: Any, prompt: str, shown: bool) -> None:
        self._reactor, self._shown = reactor, shown
        self._before: list[Any] | None = None
        self.done: defer.Deferred[str | None] = defer.Deferred(lambda _: self._stop())
        if not shown:
            self._before = termios.tcgetattr(0)
            silent = list(self._before)
            silent[3] &= ~termios.ECHO
            termios.tcsetattr(0, termios.TCSADRAIN, silent)
        sys.stderr.write(escaped(prompt))
        sys.stderr.flush()
        reactor.addReader(self)

    def fileno(self) -> int:
        """Return what is waited for: standard input."""
        return 0

    def doRead(self) -> None:
        """A line was typed."""
        self._stop()
        line = os.read(0, ANSWER_MAX)
        self.done.callback(line.decode("utf-8", "surrogateescape").rstrip("\r\n") if line else None)

    def connectionLost(self, reason: object) -> None:
        """The terminal is gone."""
        self._stop()
        if not self.done.called:
            self.done.callback(None)

    def logPrefix(self) -> str:
        """Return who asks, for Twisted's own messages."""
        return "netsuite"

    def _stop(self) -> None:
        self._reactor.removeReader(self)
        before, self._before = self._before, None
        if before is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, before)
            sys.stderr.write("\n")
            sys.stderr.flush()
