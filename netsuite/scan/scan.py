"""The scan: which probe begins when, what is tried again, and when a port's state is known.

Theory.  A probe is one connection with one port of one address.  Fresh ones are taken from the addresses in
turn, ``TURN`` ports each where nothing limits the rate, one by one else, so that no host is asked faster than
needed.  A probe that nothing is heard of in ``seconds`` is silent, and is tried again, ``retries`` times,
after the fresh ones; where such a second try has been answered before, packets are being lost, and silence is
tried ``LOSSY_TRIES`` times more.  What the system lacks (descriptors, ports) shrinks the window and puts the
probe back; only when nothing is under way and the lack stays for ``STARVED_SECONDS`` is it the port's error.

The work is done in the reactor's turns, at most ``TURN_PROBES`` probes in one, so that a signal or a timer
waits some milliseconds at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from typing import Any

from twisted.internet import defer
from twisted.python.failure import Failure

from netsuite.guard import is_here
from netsuite.scan.pace import Pace
from netsuite.scan.sockets import ITSELF, PENDING, Probes
from netsuite.scan.state import CLOSED, FILTERED, LACKS, Scanned

#: Ports of one address before it is the next one's turn, and probes of one turn of the reactor.
TURN = 256
TURN_PROBES = 1024

#: Tries more of what is silent, where packets are known to be lost.
LOSSY_TRIES = 2

#: Seconds of lack with nothing under way after which it is an error, and between two looks.
STARVED_SECONDS = 2.0
PAUSE_SECONDS = 0.05

#: Times that a connection with itself is tried again.
ITSELF_TRIES = 16


@dataclass(frozen=True, slots=True)
class Manner:
    """How a scan is done.  ``rate``: probes a second, 0 for no limit; ``most``: probes under way at once."""

    seconds: float
    rate: float
    most: int
    retries: int


@dataclass(slots=True)
class _Probe:
    """One try.  ``tries``: how many there were before it; ``itself``: how many connected with themselves."""

    number: int
    port: int
    tries: int = 0
    itself: int = 0
    until: float = 0.0


class Scan:
    """A scan of addresses; ``done`` fires when every port has a state, and may be cancelled."""

    def __init__(self, reactor: Any, probes: Probes, manner: Manner, targets: Sequence[Scanned]) -> None:
        self._reactor, self._probes, self._manner = reactor, probes, manner
        self._targets = targets
        self._fresh = [iter(target.ports) for target in targets]
        self._turn: deque[int] = deque(range(len(targets)))
        self._here = [manner.rate == 0 and _is_here(target.address) for target in targets]
        self._again: deque[_Probe] = deque()
        self._running: dict[int, _Probe] = {}
        self._order: deque[int] = deque()
        self._pace = Pace(manner.rate, manner.most, manner.seconds, reactor.seconds())
        self._key = 0
        self._starved: float | None = None
        self._call: Any = None
        self.total = sum(len(target.ports) for target in targets)
        self.known = 0
        self.done: defer.Deferred[None] = defer.Deferred(lambda _: self._stop())
        self._is_over = False
        probes.ended = self._ended
        self._soon(0.0)

    def _soon(self, seconds: float) -> None:
        """Go on after so many seconds, or earlier if that is planned."""
        if self._is_over:
            return
        if self._call is not None and self._call.active():
            if self._call.getTime() <= self._reactor.seconds() + seconds:
                return
            self._call.cancel()
        self._call = self._reactor.callLater(seconds, self._go_on)

    def _go_on(self) -> None:
        try:
            self._late()
            self._begin()
        except Exception:
            self._end(Failure())
            return
        if self.known >= self.total and not self._running:
            self._end(None)

    # beginning

    def _begin(self) -> None:
        left = TURN_PROBES
        while left > 0:
            now = self._reactor.seconds()
            allowed = min(left, self._pace.allowed(len(self._running), now))
            if allowed <= 0:
                self._soon(self._next_look())
                return
            begun = self._some(allowed)
            if not begun:  # nothing left to begin, or nothing to begin it with
                self._soon(self._next_look())
                return
            self._pace.began(begun)
            left -= begun
        self._soon(0.0)

    def _some(self, allowed: int) -> int:
        """Begin some probes, at most so many; return how many that were."""
        if self._starved is not None and self._running:
            return 0  # what is under way will free something
        if not self._turn or self._starved is not None:
            return self._some_again(allowed)
        number = self._turn[0]
        ports = self._take(number, min(allowed, 1 if self._manner.rate else TURN))
        if not ports:
            self._turn.popleft()
            return self._some(allowed)
        self._turn.rotate(-1)
        begun = self._short_way(number, ports) if self._here[number] else 0
        for port in ports[begun:]:
            if self._starved is None:
                self._probe(_Probe(number, port))
            else:
                self._again.append(_Probe(number, port))
        return len(ports)

    def _short_way(self, number: int, ports: list[int]) -> int:
        """Probe ports that are this machine's own; return how many were begun by that."""
        target = self._targets[number]
        begun = 0
        while begun < len(ports) and self._starved is None:
            done, code = self._probes.refused(target.address, ports[begun:], target.states, CLOSED)
            self.known += done
            begun += done
            if begun == len(ports):
                break
            if code == PENDING:
                self._here[number] = False
                break
            self._judge(_Probe(number, ports[begun]), code)
            begun += 1
        return begun

    def _take(self, number: int, count: int) -> list[int]:
        fresh = self._fresh[number]
        return list(islice(fresh, count))

    def _some_again(self, allowed: int) -> int:
        begun = 0
        for _ in range(min(allowed, len(self._again))):
            probe = self._again.popleft()
            self._probe(probe)
            begun += 1
            if self._starved is not None:
                break
        return begun if self._starved is None else 0

    def _probe(self, probe: _Probe) -> None:
        self._key += 1
        target = self._targets[probe.number]
        code = self._probes.begin(self._key, target.address, probe.port)
        if code == PENDING:
            probe.until = self._reactor.seconds() + self._manner.seconds
            self._running[self._key] = probe
            self._order.append(self._key)
            self._starved = None
        else:
            self._judge(probe, code)

    # ends

    def _ended(self, key: int, code: int) -> None:
        """A probe that was under way has ended."""
        probe = self._running.pop(key, None)
        if probe is None:
            return
        self._judge(probe, code)
        self._soon(0.0)

    def _judge(self, probe: _Probe, code: int) -> None:
        if code in LACKS:
            self._lacking(probe, code)
            return
        self._starved = None
        if code == ITSELF:
            probe.itself += 1
            if probe.itself <= ITSELF_TRIES:
                self._again.append(probe)
                return
            code = PENDING  # an error of ours: it can't be told
        self._pace.answered(was_silent=probe.tries > 0)
        self._mark(probe, code)

    def _lacking(self, probe: _Probe, code: int) -> None:
        """The system lacks something: try again when there is less under way."""
        now = self._reactor.seconds()
        if self._starved is None:
            self._starved = now
            self._pace.lacked(len(self._running))
        if not self._running and now - self._starved >= STARVED_SECONDS:
            self._mark(probe, code)
            for other in self._again:
                self._mark(other, code)
            self._again.clear()
            self._give_up_fresh(code)
        else:
            self._again.append(probe)

    def _give_up_fresh(self, code: int) -> None:
        while self._turn:
            number = self._turn.popleft()
            for port in self._fresh[number]:
                self._mark(_Probe(number, port), code)

    def _late(self) -> None:
        """Those nothing was heard of in time are silent."""
        now = self._reactor.seconds()
        while self._order:
            key = self._order[0]
            probe = self._running.get(key)
            if probe is not None and probe.until > now:
                return
            self._order.popleft()
            if probe is None:
                continue
            del self._running[key]
            self._probes.drop(key)
            self._pace.silent()
            probe.tries += 1
            most = self._manner.retries + (LOSSY_TRIES if self._pace.losses and self._manner.retries else 0)
            if probe.tries <= most:
                self._again.append(probe)
            else:
                self.known += 1
                self._targets[probe.number].states[probe.port] = FILTERED

    def _next_look(self) -> float:
        """Return the seconds until there may be something to do."""
        now = self._reactor.seconds()
        waits = [self._pace.wait()] if self._pace.wait() > 0 else []
        if self._order:
            first = next((self._running[key] for key in self._order if key in self._running), None)
            if first is not None:
                waits.append(max(0.0, first.until - now))
        if self._starved is not None or not waits:
            waits.append(PAUSE_SECONDS)
        return max(0.001, min(waits))

    def _mark(self, probe: _Probe, code: int) -> None:
        self.known += 1
        self._targets[probe.number].mark(probe.port, code)

    # the end

    def _stop(self) -> None:
        self._is_over = True
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._probes.close()

    def _end(self, failure: Failure | None) -> None:
        if self._is_over:
            return
        self._stop()
        if failure is None:
            self.done.callback(None)
        else:
            self.done.errback(failure)


def _is_here(address: str) -> bool:
    """Return whether an address is one of this machine's, so that it answers at once."""
    return "%" not in address and is_here(ip_address(address))
