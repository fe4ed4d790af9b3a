"""Whether counting is paused, and the seconds for which it was."""

from __future__ import annotations

from collections.abc import Callable


class Pause:
    """``clock``: seconds since the epoch, UTC; ``note`` is told seconds of pause, each once."""

    __slots__ = ("_clock", "_note", "_since")

    def __init__(self, clock: Callable[[], float], note: Callable[[float], object]) -> None:
        self._clock, self._note = clock, note
        self._since: float | None = None

    @property
    def is_on(self) -> bool:
        """Nothing is counted at present."""
        return self._since is not None

    def begin(self) -> None:
        """It is paused from now on, if it was not yet."""
        if self._since is None:
            self._since = self._clock()

    def end(self) -> None:
        """It is no longer paused, and the seconds are noted."""
        self.settle()
        self._since = None

    def settle(self) -> None:
        """The seconds so far are noted, and the pause goes on."""
        if self._since is not None:
            now = self._clock()
            seconds, self._since = now - self._since, now
            if seconds > 0:  # a clock set back is no pause
                self._note(seconds)
