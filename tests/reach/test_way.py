"""How a connection comes about: addresses in turn, one limit of time, TLS proved before anybody speaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet import defer, error
from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.race import APART
from netsuite.reach.place import Place
from netsuite.reach.trust import BadTrust, Secure, TlsFailed, Trust
from netsuite.reach.way import Endpoint, Race, Reach, Way, furthest
from tests.real.tlsorigin import Issuer, TlsOrigin
from tests.scripts.tools import Quiet, ToolCase, saying

reactor: Any = _reactor


class RaceTests(SynchronousTestCase):
    """Attempts with several addresses."""

    def setUp(self) -> None:
        """Attempts that a test ends."""
        self.clock = Clock()
        self.begun: list[str] = []
        self.attempts: dict[str, defer.Deferred[Any]] = {}
        self.cancelled: list[str] = []

    def attempt(self, address: str) -> defer.Deferred[Any]:
        """Begin one."""
        self.begun.append(address)
        self.attempts[address] = defer.Deferred(lambda _: self.cancelled.append(address))
        return self.attempts[address]

    def test_apart(self) -> None:
        """The next begins a while after the last, the first that is ready wins, the others are closed."""
        race = Race(self.clock, self.attempt, ["a", "b", "c"])
        self.assertEqual(self.begun, ["a"])
        self.clock.advance(APART)
        self.assertEqual(self.begun, ["a", "b"])
        self.attempts["b"].callback("line")
        self.assertEqual(self.successResultOf(race.done), "line")
        self.assertEqual((self.cancelled, self.begun, self.clock.getDelayedCalls()), (["a"], ["a", "b"], []))

    def test_at_once_after_a_failure(self) -> None:
        """A failure begins the next at once; when all have failed the one that came furthest is told."""
        race = Race(self.clock, self.attempt, ["a", "b"])
        self.attempts["a"].errback(error.ConnectionRefusedError(111, "x"))
        self.attempts["b"].errback(error.TimeoutError())
        self.failureResultOf(race.done, error.ConnectionRefusedError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """What is under way is closed, and nothing more begins."""
        race = Race(self.clock, self.attempt, ["a", "b", "c"])
        self.clock.advance(APART)
        race.done.cancel()
        self.failureResultOf(race.done, defer.CancelledError)
        self.assertEqual((self.cancelled, self.clock.getDelayedCalls()), (["a", "b"], []))

    def test_order(self) -> None:
        """Of errors the one that says most is told."""
        refused = error.ConnectionRefusedError(111, "x")
        self.assertIs(furthest([error.TimeoutError(), error.NoRouteError(101, "x"), refused]), refused)


class ReachTests(ToolCase):
    """Connections for real."""

    async def test_connected(self) -> None:
        """The protocol is connected, also as an endpoint; what was said before is heard."""
        heard: list[bytes] = []

        class Hearing(Protocol):
            def dataReceived(self, data: bytes) -> None:
                heard.append(data)
                self.transport.loseConnection()

        place = Place("127.0.0.1", self.listening(saying(b"hello")))
        protocol = await Reach(reactor, Way()).connect(place, Factory.forProtocol(Quiet))
        protocol.transport.abortConnection()
        line = await Reach(reactor, Way()).line(place)
        waiting: defer.Deferred[None] = defer.Deferred()
        reactor.callLater(0.05, waiting.callback, None)
        await waiting  # the greeting came while nobody spoke
        line.carry(Hearing())
        self.assertEqual(heard, [b"hello"])
        protocol = await Endpoint(Reach(reactor, Way()), place).connect(Factory.forProtocol(Quiet))
        protocol.transport.abortConnection()

    async def test_one_limit(self) -> None:
        """The limit holds for all addresses together."""
        reach = Reach(reactor, Way(seconds=0.2))
        with self.assertRaises(error.TimeoutError):
            await reach.connect(Place("127.0.0.1", self.silent()), Factory.forProtocol(Quiet))

    async def test_nobody_speaks_before_proof(self) -> None:
        """A protocol hears nothing of a peer that does not prove itself, and says nothing to it."""
        folder = Path(self.mktemp())
        folder.mkdir()
        issuer = Issuer(folder)
        made: list[object] = []

        class Eager(Protocol):
            def connectionMade(self) -> None:
                made.append(self)
                self.transport.abortConnection()

        for names, fine in ((("other.test",), False), (("127.0.0.1",), True)):
            origin = TlsOrigin(issuer.issue(*names))
            self.addCleanup(origin.close)
            reach = Reach(reactor, Way(trust=Trust(cafile=str(issuer.path))))
            connecting = reach.connect(Place("127.0.0.1", origin.port), Factory.forProtocol(Eager))
            if fine:
                await connecting
            else:
                with self.assertRaises(TlsFailed):
                    await connecting
            self.assertEqual(bool(made), fine)


class TrustTests(SynchronousTestCase):
    """Files with certificates and keys."""

    def test_wrong_files(self) -> None:
        """What is missing, a folder, or no PEM is told with its name."""
        empty = Path(self.mktemp())
        empty.write_text("nothing")
        for trust in (
            Trust(cafile="/nonexistent"),
            Trust(cafile="/"),
            Trust(cafile=str(empty)),
            Trust(cert=str(empty)),
        ):
            with self.assertRaises(BadTrust) as caught:
                Secure(Clock(), trust)
            self.assertIn(trust.cafile or trust.cert or "", str(caught.exception))

    def test_own_certificate(self) -> None:
        """A certificate with its key is taken; with another's key it is not."""
        folder = Path(self.mktemp())
        folder.mkdir()
        issuer = Issuer(folder)
        first, second = issuer.issue("a.test"), issuer.issue("b.test")
        Secure(Clock(), Trust(cert=str(first)))
        mixed = folder / "mixed.pem"
        key, _, _ = first.read_bytes().partition(b"-----BEGIN CERTIFICATE")
        _, begin, certificate = second.read_bytes().partition(b"-----BEGIN CERTIFICATE")
        mixed.write_bytes(key + begin + certificate)
        with self.assertRaises(BadTrust):
            Secure(Clock(), Trust(cert=str(mixed)))
