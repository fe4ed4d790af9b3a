"""Echo over UDP (RFC 862): each datagram back as it came, and those faults that a datagram can meet.

A datagram is never answered by more than it was: what is amplified invites reflection.  Those from ports of
services that answer by themselves are ignored, or two would talk for ever.
"""

from __future__ import annotations

from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.crowd import may_connect
from netsuite.echo.faults import Dice, Fate, Faults, corrupted
from netsuite.echo.shared import Shared

#: Ports whose services answer datagrams by themselves: echo, chargen, domain.
CHATTERING = frozenset((7, 19, 53))

#: Datagrams that wait to be sent back late; those past it have no answer.
WAITING_MAX = 1000

Address = tuple[str, int]


class EchoDatagrams(DatagramProtocol):
    """Sends each datagram back.  Chance is that of connection 0."""

    noisy = False

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._count = self._waiting = 0

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Send it back; a fault of ours ends nothing but its answer."""
        try:
            self._received(datagram, addr)
        except Exception:
            journal.fault(where="echo.udp", failure=Failure(), service="echo")

    def _received(self, datagram: bytes, addr: Address) -> None:
        networks = self._shared.settings.common.allow_clients
        if addr[1] in CHATTERING or not may_connect(addr[0], networks):
            return
        self._count += 1
        faults = self._shared.faults
        if faults.is_calm:
            self._send(datagram, addr)
        else:
            self._misbehave(datagram, addr, faults, Dice(self._shared.seed, 0).fate(self._count, faults))

    def _misbehave(self, datagram: bytes, addr: Address, faults: Faults, fate: Fate) -> None:
        name = f"datagram {self._count}"
        if fate.is_dropped:
            self._tell(addr, "drop", f"{name} dropped: it has no answer")
            return
        if fate.is_corrupted and datagram:
            datagram, at, bit = corrupted(datagram, fate)
            self._tell(addr, "corrupt", f"answer to {name} corrupted: bit {bit} of its byte {at}")
        if faults.truncate is not None and len(datagram) > faults.truncate:
            datagram = datagram[: faults.truncate]
            self._tell(addr, "truncate", f"answer to {name} cut to {faults.truncate} bytes")
        delay = fate.delay_in + fate.delay_out
        if not delay:
            self._send(datagram, addr)
        elif self._waiting >= WAITING_MAX:
            self._tell(addr, "drop", f"{name} dropped: {WAITING_MAX} others wait already")
        else:
            self._tell(addr, "latency", f"{name} delayed by {delay:.3f}s")
            self._waiting += 1
            self._shared.reactor.callLater(delay, self._late, datagram, addr)

    def _late(self, datagram: bytes, addr: Address) -> None:
        self._waiting -= 1
        self._send(datagram, addr)

    def _send(self, datagram: bytes, addr: Address) -> None:
        if self.transport is not None:
            self.transport.write(datagram, addr)

    def _tell(self, addr: Address, kind: str, text: str) -> None:
        self._shared.counts[kind] += 1
        journal.echo_fault(conn=0, client=addr[0], kind=kind, text=text)
