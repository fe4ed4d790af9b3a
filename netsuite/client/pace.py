"""A limited rate: an answer's body taken no faster than so many bytes a second."""

from __future__ import annotations

from typing import Any

from netsuite.client.agent import Answer

#: Seconds of a limited rate's bytes that the kernel takes ahead of us; bytes at least and at most.
AHEAD_SECONDS = 0.1
AHEAD_LEAST, AHEAD_MOST = 8 * 1024, 256 * 1024


class Pace:
    """Lets no more bytes come than ``rate`` a second, on the average since the beginning.

    The kernel takes little ahead of us, so that the sender feels it too.
    """

    def __init__(self, reactor: Any, answer: Answer, rate: float) -> None:
        self._reactor, self._answer, self._rate = reactor, answer, rate
        self._began = reactor.seconds()
        self._bytes = 0
        answer.narrow(int(min(max(rate * AHEAD_SECONDS, AHEAD_LEAST), AHEAD_MOST)))

    @property
    def ahead(self) -> float:
        """Seconds that what came is ahead of its time."""
        due = self._began + self._bytes / self._rate
        return max(0.0, float(due - self._reactor.seconds()))

    def came(self, count: int) -> None:
        """So many bytes came."""
        self._bytes += count
        ahead = self.ahead
        if ahead > 0:
            self._answer.rest(ahead)
