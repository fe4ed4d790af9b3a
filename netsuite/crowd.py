"""The connections that are open now: how many, whose, until when (rule R2).

Timers are coarse and cheap: a connection has a ``deadline``, an attribute that its protocol sets as bytes
come and go, and ``ends``, past which it may not go on at all.  One sweep a second asks those for which either
has passed to end, so that a limit costs an attribute's assignment, not a timer object re-armed at each read.
However many are overdue at once, the sweep gives the reactor its turn after each slice of them.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import deque
from itertools import islice
from typing import Any, Protocol

from twisted.internet import defer
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.options import Common
from netsuite.values import Network

#: Seconds between two sweeps: how much later than its deadline a connection may end.
SWEEP_SECONDS = 1.0

NEVER = math.inf

#: Seconds at a stop in which a connection that has not asked anything yet may: its request is on the way, and
#: another process that accepts from the same socket will never see it.
FRESH_SECONDS = 1.0

#: Seconds that one slice of a sweep may take.
SLICE_SECONDS = 0.02

#: Connections asked to end between two looks at the time.
SLICE_LEAST = 16

#: Idle connections that are closed when descriptors are lacking.
SHED_AT_ONCE = 8

#: Seconds before idle connections are looked for again after none was found.
BUSY_SECONDS = 0.05

#: Why a client may not connect, by the word that metrics have for it.
REFUSALS = {
    "address": "this address may not connect",
    "per_client": "too many connections from this address",
    "max_clients": "too many connections",
    "all_clients": "too many connections in all",
}


class Member(Protocol):
    """A connection in a crowd."""

    deadline: float
    ends: float
    busy: bool

    def overdue(self) -> None:
        """The deadline or the end has passed: end, telling the peer why where it can be told."""

    def drain(self) -> None:
        """End as soon as nothing is in hand."""

    def shut(self) -> None:
        """End now."""


class Crowd:
    """Counts, sheds and sweeps connections.  ``enter`` and ``leave`` are called once by each."""

    def __init__(self, reactor: Any, common: Common) -> None:
        self._reactor = reactor
        self.limit(common)
        self._members: dict[Member, str] = {}
        self._each: dict[str, int] = {}
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = reactor
        self._leaving: set[Member] = set()  # shed, and gone on the reactor's next turn
        self._overdue: deque[Member] = deque()
        self._all_busy_until = -NEVER
        self._empty: list[defer.Deferred[None]] = []
        self.accepted = self.shed_count = self.overdue_count = 0
        self.refusals = dict.fromkeys(REFUSALS, 0)
        self.is_draining = False
        self._service, self._joint = common.service, common.joint
        if self._joint is not None:
            self._joint.enter(self)

    def limit(self, common: Common) -> None:
        """These bounds hold for whoever comes from now on."""
        self._most, self._networks = common.max_clients, common.allow_clients
        self._most_each, self._most_loopback = common.per_client, common.per_client_loopback

    def __len__(self) -> int:
        return len(self._members)

    @property
    def most(self) -> int:
        """Connections that there may be."""
        return self._most

    @property
    def refused(self) -> int:
        """Connections that were not taken, since the start."""
        return sum(self.refusals.values())

    @property
    def staying(self) -> int:
        """The connections without those that were shed and are about to be gone."""
        return len(self._members) - len(self._leaving)

    def start(self) -> None:
        """Begin sweeping."""
        journal.detach(self._sweeping.start(SWEEP_SECONDS, now=False), where="crowd.sweep")

    def admit(self, host: str, *, speaks_for_others: bool = False) -> str | None:
        """Return why a client may not connect now, None if it may; an idle connection gives way to it.

        ``speaks_for_others``: a balancer, whose clients are judged when it has said who they are
        (``become``).
        """
        cause = None if speaks_for_others else self._judge(host)
        if cause is None and self.staying >= self._most and not self.shed(1):
            cause = "max_clients"
        if cause is None and self._joint is not None and not self._joint.has_room():
            cause = "all_clients"
        return self._told(host, cause)

    def become(self, member: Member, host: str) -> str | None:
        """The member that a balancer brought is this client's; return why it may not stay, None if it may."""
        cause = self._judge(host)
        if cause is None:
            self._part(self._members[member])
            self._members[member] = host
            self._each[host] = self._each.get(host, 0) + 1
        return self._told(host, cause)

    def _told(self, host: str, cause: str | None) -> str | None:
        if cause is None:
            return None
        self.refusals[cause] += 1
        journal.client_refused(client=host, reason=REFUSALS[cause], service=self._service)
        return REFUSALS[cause]

    def _judge(self, host: str) -> str | None:
        if not may_connect(host, self._networks):
            return "address"
        most = self._most_loopback if _loopback(host) else self._most_each
        if most is not None and self._each.get(host, 0) >= most:
            return "per_client"
        return None

    def shed(self, count: int) -> int:
        """Shut up to ``count`` idle connections, the oldest first; return how many there were."""
        now = self._reactor.seconds()
        if now < self._all_busy_until <= now + BUSY_SECONDS:
            return 0  # a crowd at work is not searched anew for each of a flood of clients
        free = (member for member in self._members if not (member.busy or member in self._leaving))
        idle = list(islice(free, count))
        if not idle:
            self._all_busy_until = now + BUSY_SECONDS
        for member in idle:
            self.shed_count += 1
            journal.client_shed(client=self._members[member], service=self._service)
            self._leaving.add(member)
            member.shut()
        return len(idle)

    def enter(self, member: Member, host: str) -> None:
        """Count a connection."""
        self.accepted += 1
        self._members[member] = host
        self._each[host] = self._each.get(host, 0) + 1

    def leave(self, member: Member) -> None:
        """Forget a connection that has ended."""
        host = self._members.pop(member, None)
        if host is None:
            return
        self._leaving.discard(member)
        self._part(host)
        if self._empty and not self._members:
            waiting, self._empty = self._empty, []
            for empty in waiting:
                empty.callback(None)

    def _part(self, host: str) -> None:
        left = self._each.pop(host) - 1
        if left:
            self._each[host] = left

    def _sweep(self) -> None:
        if self._overdue:
            return  # the last sweep's are not all told yet
        now = self._reactor.seconds()
        self._overdue.extend(
            member for member in self._members if member.deadline <= now or member.ends <= now
        )
        self._slice()

    def _slice(self) -> None:
        until = time.monotonic() + SLICE_SECONDS
        while self._overdue:
            for _ in range(min(SLICE_LEAST, len(self._overdue))):
                self._tell(self._overdue.popleft())
            if time.monotonic() > until and self._overdue:
                self._reactor.callLater(0, self._slice)
                return

    def _tell(self, member: Member) -> None:
        now = self._reactor.seconds()
        if member in self._members and (member.deadline <= now or member.ends <= now):
            self.overdue_count += 1
            try:
                member.overdue()
            except Exception:  # one connection's fault must not end the sweep of all
                journal.fault(where="crowd.sweep", failure=Failure(), service=self._service)
                member.shut()

    async def drain(self, seconds: float) -> None:
        """Let what is in hand end, at most ``seconds`` long; then shut what is left."""
        self.is_draining = True
        for member in list(self._members):
            member.drain()
        if self._members:
            late = self._reactor.callLater(seconds, self.shut)
            await self.emptied()
            if late.active():
                late.cancel()
        if self._sweeping.running:
            self._sweeping.stop()

    def emptied(self) -> defer.Deferred[None]:
        """Fires when nobody is here."""
        empty: defer.Deferred[None] = defer.Deferred()
        if self._members:
            self._empty.append(empty)
        else:
            empty.callback(None)
        return empty

    def shut(self) -> None:
        """End every connection now."""
        for member in list(self._members):
            member.shut()


class Together:
    """Crowds that have one bound in common beside their own: the services of one process."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._crowds: list[Crowd] = []

    def enter(self, crowd: Crowd) -> None:
        """The crowd's connections are among those that are bounded."""
        self._crowds.append(crowd)

    def has_room(self) -> bool:
        """Whether one more may come, if need be in the place of one that is idle."""
        return sum(crowd.staying for crowd in self._crowds) < self.most or any(
            crowd.shed(1) for crowd in self._crowds
        )


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
