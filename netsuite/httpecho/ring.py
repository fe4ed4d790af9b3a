"""The last requests: numbered, newest first, bounded in number and in bytes.

Theory.  A request is kept as the bytes that came; what is shown of it is read out of them when somebody
looks, redacted then (unless secrets are shown), so that remembering costs a request next to nothing.  What
the ring takes of memory is the sum of its entries' bytes and ``OVERHEAD`` for each; the oldest go when there
are too many or they are too large together.  Nothing of it reaches the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from netsuite.httpecho.payload import Payload

#: Most bytes of one request: its head and what is kept of its body.
EACH_MAX = 1 << 20

#: What an entry takes beside its bytes, about.
OVERHEAD = 512

#: Who is told of new requests, at most.
FOLLOWERS_MAX = 32


class Entry:
    """A request that is over.  ``when``: seconds of the epoch; ``status``: of our answer, 0 for none."""

    __slots__ = ("client", "number", "payload", "raw", "size", "status", "when")

    def __init__(
        self, number: int, when: float, client: str, raw: bytes, payload: Payload | None, status: int
    ):
        self.number, self.when, self.client = number, when, client
        self.raw, self.payload, self.status = raw, payload, status
        self.size = len(raw) + OVERHEAD + (payload.held if payload is not None else 0)


class Ring:
    """Keeps at most ``most`` requests and ``most_bytes`` of them."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._entries: deque[Entry] = deque()
        self._followers: set[Callable[[Entry], None]] = set()
        self.bytes = 0
        self.last = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, when: float, client: str, raw: bytes, payload: Payload | None, status: int) -> int:
        """Remember a request; return its number."""
        number = self.last = self.last + 1
        if not self._most:
            return number
        entry = Entry(number, when, client, raw, payload, status)
        entries = self._entries
        entries.append(entry)
        self.bytes += entry.size
        if len(entries) > self._most or self.bytes > self._most_bytes:
            self._shrink()
        if self._followers:
            for tell in tuple(self._followers):
                tell(entry)
        return number

    def limit(self, most: int, most_bytes: int) -> None:
        """These bounds hold from now on."""
        self._most, self._most_bytes = most, most_bytes
        self._shrink()

    def _shrink(self) -> None:
        while self._entries and (len(self._entries) > self._most or self.bytes > self._most_bytes):
            self.bytes -= self._entries.popleft().size

    def newest(self, count: int | None = None) -> Iterator[Entry]:
        """The requests, newest first."""
        return islice(reversed(self._entries), count)

    def after(self, number: int) -> list[Entry]:
        """The requests past ``number``, oldest first."""
        return [entry for entry in self._entries if entry.number > number]

    def find(self, number: int) -> Entry | None:
        """The request of this number, None if it is gone or never was."""
        if not self._entries:
            return None
        at = number - self._entries[0].number  # numbers have no gaps
        return self._entries[at] if 0 <= at < len(self._entries) else None

    def follow(self, tell: Callable[[Entry], None]) -> bool:
        """Tell of each request from now on; False if too many are told already."""
        if len(self._followers) >= FOLLOWERS_MAX:
            return False
        self._followers.add(tell)
        return True

    def leave(self, tell: Callable[[Entry], None]) -> None:
        """Tell no more."""
        self._followers.discard(tell)
