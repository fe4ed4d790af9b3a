"""The connections that are open now: how many, whose, until when (rule R2).

Timers are coarse and cheap: a connection has a ``deadline``, an attribute that its protocol sets as bytes
come and go, and one sweep a second asks those whose deadline has passed to end.  A deadline so costs an
attribute's assignment, not a timer object re-armed at each read.
"""

from __future__ import annotations

import ipaddress
import math
from typing import Any, Protocol

from twisted.internet import defer
from twisted.internet.task import LoopingCall

from netsuite import journal
from netsuite.options import Common
from netsuite.values import Network

#: Seconds between two sweeps: how much later than its deadline a connection may end.
SWEEP_SECONDS = 1.0

NEVER = math.inf


class Member(Protocol):
    """A connection in a crowd."""

    deadline: float
    busy: bool

    def overdue(self) -> None:
        """The deadline has passed: end, telling the peer why where it can be told."""

    def drain(self) -> None:
        """End as soon as nothing is in hand."""

    def shut(self) -> None:
        """End now."""


class Crowd:
    """Counts, sheds and sweeps connections.  ``enter`` and ``leave`` are called once by each."""

    def __init__(self, reactor: Any, common: Common) -> None:
        self._reactor = reactor
        self._most, self._networks = common.max_clients, common.allow_clients
        self._most_each, self._most_loopback = common.per_client, common.per_client_loopback
        self._members: dict[Member, str] = {}
        self._each: dict[str, int] = {}
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = reactor
        self._empty: defer.Deferred[None] | None = None
        self.refused = 0

    def __len__(self) -> int:
        return len(self._members)

    def start(self) -> None:
        """Begin sweeping."""
        journal.detach(self._sweeping.start(SWEEP_SECONDS, now=False), where="crowd.sweep")

    def admit(self, host: str) -> str | None:
        """Return why a client may not connect now, None if it may; an idle connection gives way to it."""
        reason = self._judge(host)
        if reason is not None:
            self.refused += 1
            journal.client_refused(client=host, reason=reason)
        return reason

    def _judge(self, host: str) -> str | None:
        if not may_connect(host, self._networks):
            return "this address may not connect"
        most = self._most_loopback if _loopback(host) else self._most_each
        if most is not None and self._each.get(host, 0) >= most:
            return "too many connections from this address"
        if len(self._members) >= self._most and not self._shed():
            return "too many connections"
        return None

    def _shed(self) -> bool:
        idle = next((member for member in self._members if not member.busy), None)
        if idle is None:
            return False
        journal.client_shed(client=self._members[idle])
        idle.shut()
        return True

    def enter(self, member: Member, host: str) -> None:
        """Count a connection."""
        self._members[member] = host
        self._each[host] = self._each.get(host, 0) + 1

    def leave(self, member: Member) -> None:
        """Forget a connection that has ended."""
        host = self._members.pop(member, None)
        if host is None:
            return
        left = self._each.pop(host) - 1
        if left:
            self._each[host] = left
        if self._empty is not None and not self._members:
            empty, self._empty = self._empty, None
            empty.callback(None)

    def _sweep(self) -> None:
        now = self._reactor.seconds()
        for member in [member for member in self._members if member.deadline <= now]:
            member.overdue()

    async def drain(self, seconds: float) -> None:
        """Let what is in hand end, at most ``seconds`` long; then shut what is left."""
        for member in list(self._members):
            member.drain()
        if self._members:
            self._empty = defer.Deferred()
            late = self._reactor.callLater(seconds, self.shut)
            await self._empty
            if late.active():
                late.cancel()
        if self._sweeping.running:
            self._sweeping.stop()

    def shut(self) -> None:
        """End every connection now."""
        for member in list(self._members):
            member.shut()


def _loopback(host: str) -> bool:
    return host.startswith("127.") or host == "::1"


def may_connect(host: str, networks: tuple[Network, ...]) -> bool:
    """Return whether a client may come in: with no list all may, loopback and Unix sockets always."""
    if not networks or not host or _loopback(host):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any(address in network or (mapped is not None and mapped in network) for network in networks)
