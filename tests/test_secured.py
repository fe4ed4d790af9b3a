"""A connection in TLS whose peer says that it sends no more: what it has said is answered."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.renewal import Certificates, in_tls
from tests.test_certificates import Folder


class Answering(Protocol):
    """Says again what it gets."""

    def dataReceived(self, data: bytes) -> None:
        """Say it again, in a turn of its own as TLS does with small pieces."""
        self.transport.write(data)


@implementer(IHalfCloseableProtocol)
class Patient(Answering):
    """Knows half-closed connections; what it has to say last takes a while."""

    ends = 0

    def readConnectionLost(self) -> None:
        """The peer sends no more."""
        self.ends += 1

    def writeConnectionLost(self) -> None:
        """Nothing more can be told."""

    def last(self, data: bytes) -> None:
        """Say it, and end the connection."""
        self.transport.write(data)
        self.transport.loseConnection()


class ClosingCase(Folder):
    """A server in TLS, and OpenSSL alone as its client, without sockets."""

    def begin(self, protocol: Protocol) -> None:
        """Both are through the handshake."""
        self.protocol, self.clock, self.said = protocol, Clock(), b""
        shown = Certificates(self.files, (), lambda context: None)
        factory = in_tls(Factory.forProtocol(lambda: protocol), shown, self.clock)
        server = factory.buildProtocol(None)
        assert server is not None
        self.server, self.transport = server, StringTransport()
        self.server.makeConnection(self.transport)
        self.client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self.client.set_connect_state()
        for _ in range(3):
            try:
                self.client.do_handshake()
            except SSL.WantReadError:
                self.sent()

    def sent(self) -> None:
        """What the client has to send has come in one piece; what is answered has been read."""
        self.server.dataReceived(self.client.bio_read(1 << 16))
        self.clock.advance(0)
        self.read()

    def read(self) -> None:
        """The client has read all that the server sent."""
        if self.transport.value():
            self.client.bio_write(self.transport.value())
            self.transport.clear()
        try:
            while True:
                self.said += self.client.recv(1 << 16)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            return

    @property
    def is_closed(self) -> bool:
        """The server has said that it sends no more, and closes."""
        return bool(self.client.get_shutdown() & SSL.RECEIVED_SHUTDOWN) and self.transport.disconnecting


class ClosingTests(ClosingCase):
    """close_notify, in one piece with what was said before it."""

    def test_answered(self) -> None:
        """What was written before the end was seen is sent, then the connection ends."""
        self.begin(Answering())
        self.client.send(b"tide")
        self.client.shutdown()
        self.sent()
        self.assertEqual(self.said, b"tide")
        self.assertTrue(self.is_closed)

    def test_half_closed(self) -> None:
        """A protocol that knows half-closed connections is told once, and may say more before it ends."""
        patient = Patient()
        self.begin(patient)
        self.client.send(b"tide")
        self.client.shutdown()
        self.sent()
        self.assertEqual((self.said, patient.ends, self.is_closed), (b"tide", 1, False))
        patient.last(b" and time")
        self.clock.advance(0)
        self.read()
        self.assertEqual((self.said, patient.ends, self.is_closed), (b"tide and time", 1, True))

    def test_half_closed_in_the_handshake(self) -> None:
        """So is one whose peer says nothing at all, and closes with the handshake's last piece."""
        patient = Patient()
        self.begin(patient)
        self.client.shutdown()
        self.sent()
        self.assertEqual((patient.ends, self.is_closed), (1, False))
        patient.last(b"hello")
        self.read()
        self.assertEqual((self.said, self.is_closed), (b"hello", True))

    def test_both(self) -> None:
        """Who has ended the connection is told of no other end."""
        patient = Patient()
        self.begin(patient)
        self.sent()
        patient.last(b"bye")
        self.client.shutdown()
        self.sent()
        self.assertEqual((self.said, patient.ends, self.is_closed), (b"bye", 0, True))

    def test_gone(self) -> None:
        """A half-closed connection whose peer is gone ends like any other."""
        patient = Patient()
        lost: list[Failure] = []
        self.patch(patient, "connectionLost", lost.append)
        self.begin(patient)
        self.client.shutdown()
        self.sent()
        self.server.connectionLost(Failure(connectionDone.value))
        self.assertEqual((len(lost), patient.ends), (1, 1))
