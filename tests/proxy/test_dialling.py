"""How an origin is reached: families in turn, each address judged, the first to connect wins."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.guard import AgainstRule, Forbidden, Guard, OwnAddress
from netsuite.http1.target import Target
from netsuite.names import Names, ResolverFailed
from netsuite.proxy.chain import Chain
from netsuite.proxy.dialling import Dialler, Dialling, is_literal, written_address
from netsuite.race import APART, BEHIND_MAX, BEHIND_SECONDS, SIDE_BY_SIDE, Losers, interleaved
from netsuite.resolving.answer import Found

SIX, FOUR = "2606:4700::1111", "1.1.1.1"


class Side(Dialling):
    """A protocol that says when it is connected."""

    def __init__(self) -> None:
        self.data = b""
        self.connections = 0

    def connectionMade(self) -> None:
        """Say so."""
        self.connections += 1
        self.greet()

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.data += data


class Net:
    """A dialler, a resolver and a network in memory.  ``names``: what the resolver knows."""

    def __init__(
        self,
        names: dict[str, list[str]] | None = None,
        *,
        guard: Guard | None = None,
        chain: Chain | None = None,
        seconds: float = 10.0,
    ) -> None:
        self.reactor = MemoryReactorClock()
        self.known = names or {}
        self.silent: set[str] = set()
        self.dialler = Dialler(
            self.reactor, guard or Guard(), Names(self.reactor, ask=self.ask), chain or Chain(), seconds
        )
        self.side = Side()

    def ask(self, host: str) -> Deferred[Found]:
        """Answer at once, with a second to live."""
        done: Deferred[Found] = Deferred()
        if host not in self.silent:
            done.callback(Found(tuple(self.known.get(host, ())), 1.0))
        return done

    def connect(
        self,
        host: str = "a.test",
        port: int = 80,
        *,
        tunnel: bool = True,
        permit: Callable[[str], str | None] | None = None,
    ) -> Deferred[None]:
        """Begin to connect ``side``."""
        target = Target(b"" if tunnel else b"http", host.encode(), port, b"" if tunnel else b"/")
        return self.dialler.connect(target, self.side, tunnel=tunnel, permit=permit)

    @property
    def dialled(self) -> list[str]:
        """The addresses dialled so far."""
        return [client[0] for client in self.reactor.tcpClients]

    def accept(self, number: int = -1) -> StringTransport | None:
        """Let an attempt succeed; return the transport, None if it was not wanted any more."""
        protocol: Any = self.reactor.tcpClients[number][2].buildProtocol(None)
        if protocol is None:
            return None
        transport = StringTransport()
        transport.protocol = protocol  # as transports have it
        protocol.makeConnection(transport)
        return transport

    def refuse(self, number: int = -1, why: Exception | None = None) -> None:
        """Let an attempt fail."""
        factory: Any = self.reactor.tcpClients[number][2]
        factory.clientConnectionFailed(None, Failure(why or error.ConnectionRefusedError()))

    def stopped(self) -> list[str]:
        """Return the addresses whose attempts were given up."""
        return [
            client[0]
            for client, connector in zip(self.reactor.tcpClients, self.reactor.connectors, strict=True)
            if connector.stoppedConnecting
        ]


class OneAddressTests(SynchronousTestCase):
    """The common case."""

    def test_literal(self) -> None:
        """A written address is dialled at once, without resolver and timer."""
        net = Net()
        done = net.connect("1.1.1.1", 443)
        self.assertEqual(net.reactor.tcpClients[0][:2], ("1.1.1.1", 443))
        self.assertEqual(net.reactor.tcpClients[0][3], 10.0)
        self.assertEqual(net.reactor.getDelayedCalls(), [])
        self.assertNoResult(done)
        net.accept()
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual((net.side.address, net.side.hop, net.side.connections), ("1.1.1.1", None, 1))

    def test_name(self) -> None:
        """A name's address is dialled; known names without waiting."""
        net = Net({"a.test": [FOUR]})
        for _ in range(2):
            done = net.connect()
            net.accept()
            self.successResultOf(done)
        self.assertEqual(net.dialled, [FOUR, FOUR])

    def test_failure(self) -> None:
        """The attempt's own error is what is told."""
        for why in (error.ConnectionRefusedError(), error.TimeoutError(), error.NoRouteError()):
            net = Net({"a.test": [FOUR]})
            done = net.connect()
            net.refuse(why=why)
            self.assertIs(self.failureResultOf(done).value, why)

    def test_unknown_name(self) -> None:
        """A name that is not there is no connection error, also when that is remembered."""
        net = Net()
        for _ in range(2):
            self.failureResultOf(net.connect(), DNSLookupError)
        self.assertEqual(net.dialled, [])

    def test_silent_resolver(self) -> None:
        """The time for the whole holds for the resolver too, and nothing is dialled later."""
        net = Net({"a.test": [FOUR]}, seconds=3.0)
        net.silent.add("a.test")
        done = net.connect()
        net.reactor.advance(3)
        self.failureResultOf(done, ResolverFailed)
        net.reactor.advance(60)
        self.assertEqual(net.dialled, [])

    def test_time_left(self) -> None:
        """An attempt has what the resolver has left over."""
        net = Net(seconds=5.0)
        waiting: list[Deferred[Found]] = []
        net.dialler.names = Names(net.reactor, ask=lambda host: waiting.append(Deferred()) or waiting[-1])
        net.connect()
        net.reactor.advance(2)
        waiting[0].callback(Found((FOUR,), 5.0))
        self.assertEqual(net.reactor.tcpClients[0][3], 3.0)


class RacingTests(SynchronousTestCase):
    """Several addresses (RFC 8305)."""

    def test_order(self) -> None:
        """Families take turns, the first address's first."""
        self.assertEqual(interleaved(["::1", "::2", "::3", "1", "2"]), ["::1", "1", "::2", "2", "::3"])
        self.assertEqual(interleaved(["1", "2", "::1"]), ["1", "::1", "2"])
        self.assertEqual(interleaved(["1", "2", "3"]), ["1", "2", "3"])
        self.assertEqual(interleaved([]), [])

    def test_dead_ipv6(self) -> None:
        """A name with a dead IPv6 address is connected a quarter of a second later by IPv4."""
        net = Net({"a.test": [SIX, FOUR]})
        done = net.connect()
        self.assertEqual(net.dialled, [SIX])
        net.reactor.advance(APART - 0.01)
        self.assertEqual(net.dialled, [SIX])
        net.reactor.advance(0.01)
        self.assertEqual(net.dialled, [SIX, FOUR])
        net.accept()
        self.successResultOf(done)
        self.assertEqual(net.side.address, FOUR)
        self.assertEqual(net.stopped(), [SIX])
        self.assertEqual(net.reactor.getDelayedCalls(), [])

    def test_failure_is_not_waited_for(self) -> None:
        """When an attempt fails the next begins at once, and the one after it a quarter later."""
        net = Net({"a.test": [SIX, FOUR, "1.0.0.1"]})
        net.connect()
        net.reactor.advance(0.1)
        net.refuse()
        self.assertEqual(net.dialled, [SIX, FOUR])
        net.reactor.advance(0.2)
        self.assertEqual(net.dialled, [SIX, FOUR])
        net.reactor.advance(0.05)
        self.assertEqual(net.dialled, [SIX, FOUR, "1.0.0.1"])

    def test_late_first(self) -> None:
        """The first attempt may still win while the second is under way."""
        net = Net({"a.test": [SIX, FOUR]})
        done = net.connect()
        net.reactor.advance(APART)
        net.accept(0)
        self.successResultOf(done)
        self.assertEqual((net.side.address, net.stopped()), (SIX, [FOUR]))

    def test_both_connect(self) -> None:
        """A second connection that was made all the same is not wanted; the protocol hears of one."""
        net = Net({"a.test": [SIX, FOUR]})
        net.connect()
        net.reactor.advance(APART)
        net.accept(0)
        self.assertIsNone(net.accept(1))
        net.refuse(1, error.UserError())
        self.assertEqual(net.side.connections, 1)

    def test_dead_address_costs_once(self) -> None:
        """An address that lost is tried last for a while, then in its place again."""
        net = Net({"a.test": [SIX, FOUR]})
        net.connect()
        net.reactor.advance(APART)
        net.accept()
        net.connect()
        self.assertEqual(net.dialled, [SIX, FOUR, FOUR])
        net.accept()
        net.reactor.advance(BEHIND_SECONDS)
        net.connect()
        self.assertEqual(net.dialled[3:], [SIX])

    def test_failed_address_is_tried_last(self) -> None:
        """So with one that refused; and one that connects after all is no loser any more."""
        net = Net({"a.test": [SIX, FOUR]})
        done = net.connect()
        net.refuse()
        net.refuse()
        self.failureResultOf(done, error.ConnectionRefusedError)
        net.connect()
        self.assertEqual(net.dialled, [SIX, FOUR, SIX])
        net.accept()
        net.connect()
        self.assertEqual(net.dialled[3:], [SIX])

    def test_losers_bounded(self) -> None:
        """However many addresses lose, a bounded number is remembered."""
        losers = Losers(lambda: 0.0)
        for number in range(3 * BEHIND_MAX):
            losers.note(f"a{number}")
        self.assertLessEqual(len(losers._until), BEHIND_MAX)

    def test_all_fail(self) -> None:
        """The failure that is told is of an attempt; that there is no route tells least."""
        net = Net({"a.test": [SIX, FOUR]})
        done = net.connect()
        net.refuse(0, error.ConnectionRefusedError())
        net.refuse(1, error.NoRouteError())
        self.failureResultOf(done, error.ConnectionRefusedError)

    def test_time(self) -> None:
        """All attempts end at the same time, however many there are."""
        addresses = [f"1.1.1.{n}" for n in range(16)]
        net = Net({"a.test": addresses}, seconds=1.0)
        done = net.connect()
        for _ in range(3):
            net.reactor.advance(APART)
        self.assertEqual([client[3] for client in net.reactor.tcpClients], [1.0, 0.75, 0.5, 0.25])
        net.reactor.advance(APART)
        for number in range(4):
            net.refuse(number, error.TimeoutError())
        self.failureResultOf(done, error.TimeoutError)
        self.assertEqual(net.dialled, addresses[:4])

    def test_side_by_side(self) -> None:
        """A bounded number of attempts is under way; the next begins when one has failed."""
        net = Net({"a.test": [f"1.1.1.{n}" for n in range(16)]})
        net.connect()
        for _ in range(20):
            net.reactor.advance(APART)
        self.assertEqual(len(net.dialled), SIDE_BY_SIDE)
        net.refuse(0)
        self.assertEqual(len(net.dialled), SIDE_BY_SIDE + 1)

    def test_cancelled(self) -> None:
        """Whoever is gone costs nothing more: no timer, no attempt, no connection."""
        net = Net({"a.test": [SIX, FOUR, "1.0.0.1"]})
        done = net.connect()
        net.reactor.advance(APART)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(net.stopped(), [SIX, FOUR])
        self.assertIsNone(net.accept())
        net.refuse(0)
        self.assertEqual(net.reactor.getDelayedCalls(), [])
        self.assertEqual((net.side.connections, len(net.dialled)), (0, 2))

    def test_cancelled_look_up(self) -> None:
        """So while the name is looked up."""
        net = Net()
        net.silent.add("a.test")
        done = net.connect()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        net.reactor.advance(60)
        self.assertEqual((net.dialled, net.reactor.getDelayedCalls()), ([], []))


class JudgingTests(SynchronousTestCase):
    """Which addresses are dialled."""

    def test_refused(self) -> None:
        """A private address is not dialled, named or written, through a tunnel or not."""
        for host in ("10.0.0.1", "a.test", "::ffff:127.0.0.1"):
            for tunnel in (True, False):
                net = Net({"a.test": ["10.0.0.1", "fd00::1"]})
                told = self.failureResultOf(net.connect(host, tunnel=tunnel), Forbidden)
                self.assertIn("built-in guard", str(told.value))
                self.assertEqual(net.dialled, [])

    def test_odd_spellings(self) -> None:
        """Decimal, octal, hexadecimal and short forms are looked up, and what they are is judged."""
        for host in ("2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "localhost."):
            net = Net({host: ["127.0.0.1"]})
            self.failureResultOf(net.connect(host), Forbidden)

    def test_some_refused(self) -> None:
        """Of several addresses those that may be are dialled, in order and without a pause for the others."""
        net = Net({"a.test": ["10.0.0.1", FOUR, "::1", "1.0.0.1"]})
        done = net.connect()
        self.assertEqual(net.dialled, [FOUR])
        net.refuse()
        self.assertEqual(net.dialled, [FOUR, "1.0.0.1"])
        net.refuse()
        self.failureResultOf(done, error.ConnectionRefusedError)

    def test_rule(self) -> None:
        """A rule judges each address after the guard, and its words are told."""
        asked: list[str] = []

        def permit(address: str) -> str | None:
            asked.append(address)
            return None if address == FOUR else f"no {address}"

        net = Net({"a.test": ["10.0.0.1", SIX, FOUR]})
        net.connect(permit=permit)
        self.assertEqual((asked, net.dialled), ([SIX, FOUR], [FOUR]))
        net = Net({"a.test": [SIX]})
        told = self.failureResultOf(net.connect(permit=permit), AgainstRule).value
        self.assertEqual(str(told), f"no {SIX}")

    def test_own_listener(self) -> None:
        """Our own listener is told apart, whatever is permitted."""
        guard = Guard(
            allow_private=True, allow_nets=[ip_network("0.0.0.0/0")], own=lambda: [("127.0.0.1", 80)]
        )
        net = Net({"a.test": ["127.0.0.1"]}, guard=guard)
        self.failureResultOf(net.connect(), OwnAddress)

    def test_rebinding(self) -> None:
        """A name that alternates between public and private: 1,000 requests, none reach the private one."""
        net = Net()
        reached = 0
        for number in range(1000):
            net.known["a.test"] = ["127.0.0.1"] if number % 2 else [FOUR]
            if number % 3 == 0:
                net.known["a.test"] = [FOUR, "127.0.0.1"]
            before = len(net.dialled)
            done = net.connect()
            while len(net.dialled) > before:  # each attempt fails, so that all addresses have their turn
                before += 1
                net.refuse()
            done.addErrback(lambda failure: failure.trap(Forbidden, ConnectError))
            net.reactor.advance(0.6)
        reached = net.dialled.count("127.0.0.1")
        self.assertEqual(reached, 0)
        self.assertGreater(len(net.dialled), 500)

    def test_mistake(self) -> None:
        """A rule that raises ends the attempt with its error, also at a later address."""

        def permit(address: str) -> str | None:
            if address == FOUR:
                raise KeyError("planted")
            return None

        net = Net({"a.test": [SIX, FOUR]})
        done = net.connect(permit=permit)
        net.reactor.advance(APART)
        self.failureResultOf(done, KeyError)
        self.assertEqual((net.stopped(), net.reactor.getDelayedCalls()), ([SIX], []))


class SpellingTests(SynchronousTestCase):
    """What is an address."""

    def test_literals(self) -> None:
        """Only what is written by the book is one."""
        for host in ("1.2.3.4", "::1", "fe80::1"):
            self.assertTrue(is_literal(host), host)
        for host in (
            "1.2.3",
            "1.2.3.4.",
            "01.2.3.4",
            "0x7f.0.0.1",
            "2130706433",
            "a.test",
            "a1",
            "1.2.3.400",
            "",
        ):
            self.assertFalse(is_literal(host), host)

    def test_written(self) -> None:
        """What another machine would read as an address is read so here, to be judged before it is sent."""
        for host in (
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "localhost",
            "x.localhost.",
            "127.0.0.1.",
            "017700000001",
        ):
            self.assertEqual(written_address(host), "127.0.0.1", host)
        self.assertEqual(written_address("::1"), "::1")
        for host in ("a.test", "1.a.test", "localhost.test", "a1", "1.2.3.4.5"):
            self.assertIsNone(written_address(host), host)
