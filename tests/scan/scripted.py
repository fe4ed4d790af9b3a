"""A network that does what a test says: each port answers each try so, after so long, or never."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock

from netsuite.scan.sockets import PENDING
from netsuite.scan.state import CLOSED

#: How a try ends: an error number, 0 for open; None for silence.
Answer = int | None


class Network:
    """Probes that are answered by ``answering(address, port, tries so far)`` after ``latency`` seconds.

    ``limit``: probes under way at once; one more lacks a descriptor.
    """

    def __init__(
        self,
        clock: Clock,
        answering: Callable[[str, int, int], Answer],
        *,
        latency: float = 0.01,
        limit: int = 10**6,
    ) -> None:
        self._clock, self._answering, self._latency, self.limit = clock, answering, latency, limit
        self.ended: Callable[[int, int], object] = lambda key, code: None
        self.tries: dict[tuple[str, int], int] = {}
        self.begun: list[tuple[float, str, int]] = []
        self.open: dict[int, Any] = {}
        self.most = self.lacks = 0
        self.is_closed = False

    def begin(self, key: int, address: str, port: int) -> int:
        """Begin a probe."""
        if len(self.open) >= self.limit:
            self.lacks += 1
            return errno.EMFILE
        tries = self.tries[address, port] = self.tries.get((address, port), 0) + 1
        self.begun.append((self._clock.seconds(), address, port))
        answer = self._answering(address, port, tries - 1)
        call = None if answer is None else self._clock.callLater(self._latency, self._end, key, answer)
        self.open[key] = call
        self.most = max(self.most, len(self.open))
        return PENDING

    def refused(self, address: str, ports: list[int], states: bytearray, closed: int) -> tuple[int, int]:
        """The short way, for this machine's own ports: refused at once, or how it ended."""
        for number, port in enumerate(ports):
            self.tries[address, port] = self.tries.get((address, port), 0) + 1
            answer = self._answering(address, port, self.tries[address, port] - 1)
            if answer != errno.ECONNREFUSED:
                return number, PENDING if answer is None else answer
            states[port] = CLOSED
        return len(ports), errno.ECONNREFUSED

    def _end(self, key: int, code: int) -> None:
        del self.open[key]
        self.ended(key, code)

    def drop(self, key: int) -> None:
        """Give up one."""
        call = self.open.pop(key)
        if call is not None:
            call.cancel()

    def close(self) -> None:
        """Give up all."""
        for key in list(self.open):
            self.drop(key)
        self.is_closed = True
