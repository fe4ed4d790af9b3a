"""What one client may take: requests a second, and bytes a second.

Theory.  Both are token buckets, kept as one number for each client: the time at which all that it took will
have been paid for (the generic cell rate algorithm of ATM Forum TM 4.0, §4.4.2).  Time pays for itself, so no
timer runs, and a client that stayed away costs nothing but its place in a table.  The table is bounded: past
``CLIENTS_MAX`` the client that was away longest is forgotten, which gives it at most a full bucket.
"""

from __future__ import annotations

#: Clients remembered at once.
CLIENTS_MAX = 16_384

#: Seconds whose bytes may be taken at once: shorter would have slow clients woken too often.
BURST_SECONDS = 0.25


class _Paid:
    """For each client when it will have paid, the one away longest first."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def take(self, client: str) -> float:
        """Return when a client will have paid, and forget it; 0.0 for one that is not known."""
        return self._until.pop(client, 0.0)

    def put(self, client: str, until: float) -> None:
        """Remember it, as the one that was here last."""
        table = self._until
        if len(table) >= CLIENTS_MAX:
            del table[next(iter(table))]
        table[client] = until


class Rate:
    """Requests a second of one client, a second's worth of them (at least one) in one go."""

    __slots__ = ("_each", "_paid", "_slack", "per_second")

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._each = 1.0 / per_second
        self._slack = max(0.0, 1.0 - self._each)
        self._paid = _Paid()

    def __len__(self) -> int:
        return len(self._paid)

    def take(self, client: str, now: float) -> bool:
        """Return whether a client may have one more request; one that is refused costs it nothing."""
        until = max(self._paid.take(client), now)
        allowed = until - now <= self._slack + 1e-9
        self._paid.put(client, until + self._each if allowed else until)
        return allowed


class Bandwidth:
    """Bytes a second of one client, over all its connections and both ways."""

    __slots__ = ("_each", "_paid", "bytes_per_second")

    def __init__(self, bytes_per_second: int) -> None:
        self.bytes_per_second = bytes_per_second
        self._each = 1.0 / bytes_per_second
        self._paid = _Paid()

    def __len__(self) -> int:
        return len(self._paid)

    def spend(self, client: str, count: int, now: float) -> float:
        """Return the seconds that a client which took ``count`` bytes must wait; 0.0: it may go on.

        What was taken is taken: a piece larger than the allowance is paid for by a longer wait.
        """
        until = max(self._paid.take(client), now - BURST_SECONDS) + count * self._each
        self._paid.put(client, until)
        return max(0.0, until - now)
