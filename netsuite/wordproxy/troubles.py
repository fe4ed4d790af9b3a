"""What counters complain of: which trouble there is now, and each in the journal once a minute."""

from __future__ import annotations

from collections.abc import Callable

from netsuite.journal import escaped

#: Longest text of a counter's trouble that is kept, seconds before the same is in the journal again, and how
#: many different ones are remembered.
TROUBLE_CHARS = 300
SAME_TROUBLE_SECONDS = 60.0
TROUBLES_MAX = 64


class Troubles:
    """``clock``: seconds that never go back; ``journal`` is told what belongs there."""

    __slots__ = ("_again", "_clock", "_journal", "now")

    def __init__(self, clock: Callable[[], float], journal: Callable[[str], None]) -> None:
        self.now: str | None = None  #: what is wrong at present
        self._clock, self._journal = clock, journal
        self._again: dict[str, float] = {}  # when each may be in the journal again

    def hear(self, text: str) -> None:
        """The trouble is in the journal, unless it was a moment ago, said by this counter or another."""
        text = escaped(text)[:TROUBLE_CHARS]
        now = self._clock()
        if now >= self._again.get(text, now):
            if len(self._again) >= TROUBLES_MAX:
                self._again.clear()
            self._again[text] = now + SAME_TROUBLE_SECONDS
            self._journal(text)
        self.now = text

    def over(self) -> None:
        """Nothing is wrong any more."""
        self.now = None
