"""A dialogue by rote: wait until the peer has said something, then say something, and so on.

Each expectation is a regular expression over bytes, looked for in what came after the last one was met.  Of
that the last ``WINDOW`` bytes are kept: what an expression has to see at once is no longer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Bytes in which an expression is looked for.
WINDOW = 64 * 1024

#: Steps of one dialogue.
STEPS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Expect:
    """Wait until this is seen.  ``text``: the expression as it was given."""

    pattern: re.Pattern[bytes]
    text: str


@dataclass(frozen=True, slots=True)
class Send:
    """Say this."""

    data: bytes


Step = Expect | Send


def parse_expect(text: str) -> Expect:
    """Return the expectation of a regular expression.  Raises: ValueError, with a clause."""
    try:
        return Expect(re.compile(text.encode("utf-8", "surrogateescape"), re.DOTALL), text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is no regular expression: {error}") from None


class Dialogue:
    """The steps that are left.  ``waits``: what is expected now, None once all is done."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = list(steps)
        self._seen = b""
        self.met = 0

    @property
    def waits(self) -> Expect | None:
        """What the peer is expected to say next; None: nothing any more."""
        return next((step for step in self._steps if isinstance(step, Expect)), None)

    def feed(self, data: bytes) -> list[bytes]:
        """Take what the peer has said, nothing at first; return what is to be said now."""
        if not self._steps:
            return []
        self._seen = (self._seen + data)[-max(WINDOW, len(data)) :]
        said = []
        while self._steps:
            step = self._steps[0]
            if isinstance(step, Expect):
                found = step.pattern.search(self._seen)
                if found is None:
                    break
                self._seen = self._seen[found.end() :]
                self.met += 1
            else:
                said.append(step.data)
            del self._steps[0]
        self._seen = self._seen[-WINDOW:]
        return said
