"""How many probes are under way at once, and how many may begin now.

Theory.  The *window* is how many may be under way.  It begins as wide as the rate needs where all is silent,
grows with each answer, and half as fast with silence.  When the system lacks something (descriptors, local
ports) it shrinks to three quarters of what is under way, and by a quarter when a probe is answered that was
silent before: something was lost then, and we may be too fast for somebody.  The *rate* is a bucket of
beginnings a second, with room for a twentieth of a second, so that a late timer does not make a burst.
"""

from __future__ import annotations

#: Probes under way: at the beginning where there is no rate, at most, at least, and at least by losses.
BEGIN, MOST, LEAST, LEAST_LOSSY = 256, 4096, 1, 16

#: Seconds of beginnings that are saved up.
SAVED_SECONDS = 0.05


class Pace:
    """The pace of a scan.

    ``rate``: beginnings a second, 0 for no limit; ``most``: bound of the window; ``seconds``: of a probe.
    """

    def __init__(self, rate: float, most: int, seconds: float, now: float) -> None:
        self._rate, self._most = rate, max(LEAST, min(most, MOST))
        self.window = min(rate * seconds + 1 if rate else float(BEGIN), float(self._most))
        self._room = max(1.0, rate * SAVED_SECONDS)
        self._saved, self._at = 1.0, now
        self.losses = 0

    def allowed(self, running: int, now: float) -> int:
        """Return how many probes may begin now."""
        room = int(self.window) - running
        if not self._rate:
            return max(0, room)
        self._saved = min(self._room, self._saved + max(0.0, now - self._at) * self._rate)
        self._at = now
        return max(0, min(room, int(self._saved)))

    def began(self, count: int) -> None:
        """So many have begun."""
        if self._rate:
            self._saved -= count

    def wait(self) -> float:
        """Return the seconds until one more may begin, as far as the rate is concerned."""
        if not self._rate:
            return 0.0
        return max(0.0, (1.0 - self._saved) / self._rate)

    def answered(self, *, was_silent: bool) -> None:
        """A probe was answered; ``was_silent``: only when it was tried again."""
        if was_silent:
            self.losses += 1
            self.window = max(min(float(LEAST_LOSSY), self.window), self.window * 0.75)
        else:
            self.window = min(float(self._most), self.window + 1)

    def lacked(self, running: int) -> None:
        """The system had no descriptor, port or memory for one more than ``running``."""
        self.window = max(float(LEAST), min(self.window, running) * 0.75)

    def silent(self) -> None:
        """A probe was not answered in time."""
        self.window = min(float(self._most), self.window + 0.5)
