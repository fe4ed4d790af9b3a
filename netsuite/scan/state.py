"""What is known of each port of an address, and what that comes to.

A port is *open*, *closed* (refused), *filtered* (silent, or somebody on the way said no) or has an *error* of
ours: a lack of descriptors or local ports, no route.  An error is never taken for closed.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

UNKNOWN, OPEN, CLOSED, FILTERED, ERROR, BARRED = range(6)

#: What a connection's error says of its port; all else is an error of ours.
_STATES = {
    0: OPEN,
    errno.EISCONN: OPEN,
    errno.ECONNRESET: OPEN,  # it was there, and gone when we looked
    errno.EPIPE: OPEN,
    errno.ECONNREFUSED: CLOSED,
    errno.ETIMEDOUT: FILTERED,
    errno.EHOSTUNREACH: BARRED,
    errno.ENETUNREACH: BARRED,
    errno.EHOSTDOWN: BARRED,
    errno.ENONET: BARRED,
    errno.ENOPROTOOPT: BARRED,
}

#: Errors that may be gone in a moment: our own lacks.
LACKS = frozenset(
    (
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EADDRINUSE,
        errno.EAGAIN,
    )
)

#: Errors that mean that there is no way to an address.
NO_WAY = frozenset(
    (
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
        errno.ENONET,
        errno.EINVAL,
        errno.EACCES,
    )
)


def state_of(code: int) -> int:
    """Return the state that a connection's error number stands for."""
    return _STATES.get(code, ERROR)


@dataclass(slots=True)
class Scanned:
    """The states of an address's ports, by number; ``codes``: error numbers of those barred or in error."""

    host: str
    address: str
    ports: tuple[int, ...]
    states: bytearray = field(init=False)
    codes: dict[int, int] = field(default_factory=dict)
    banners: dict[int, str] = field(default_factory=dict)
    is_only: bool = True

    def __post_init__(self) -> None:
        """There is room for each port, and for no more: a network has many hosts."""
        self.states = bytearray(max(self.ports) + 1)

    def mark(self, port: int, code: int) -> None:
        """A port's connection ended with an error number, 0 for none."""
        state = self.states[port] = state_of(code)
        if state in (ERROR, BARRED):
            self.codes[port] = code
        else:
            self.codes.pop(port, None)

    def done(self) -> Result:
        """Return what is known now."""
        found: list[list[int]] = [[], [], [], [], [], []]
        states = self.states
        for port in self.ports:
            found[states[port]].append(port)
        answered = bool(found[OPEN] or found[CLOSED])
        barred, errors = found[BARRED], found[ERROR]
        filtered = sorted(found[FILTERED] + (barred if answered else []))
        errors = errors if answered else sorted(errors + barred)
        return Result(
            host=self.host,
            address=self.address,
            ports=self.ports,
            open=tuple(found[OPEN]),
            closed=len(found[CLOSED]),
            filtered=tuple(filtered),
            errors={port: self.codes.get(port, 0) for port in errors},
            unknown=tuple(found[UNKNOWN]),
            banners=dict(self.banners),
            is_only=self.is_only,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What a scan found at one address.

    ``unknown``: ports that were not come to; ``is_only``: the host has no other address.
    """

    host: str
    address: str
    ports: tuple[int, ...]
    open: tuple[int, ...]
    closed: int
    filtered: tuple[int, ...]
    errors: dict[int, int] = field(default_factory=dict, hash=False)
    unknown: tuple[int, ...] = ()
    banners: dict[int, str] = field(default_factory=dict, hash=False)
    is_only: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether every port has a state."""
        return not self.errors and not self.unknown

    @property
    def has_answered(self) -> bool:
        """Whether there is a host at all."""
        return bool(self.open or self.closed)

    @property
    def is_unreachable(self) -> bool:
        """Whether there is no way to the address, so that nothing could be asked."""
        return bool(self.errors) and not self.has_answered and all(c in NO_WAY for c in self.errors.values())
