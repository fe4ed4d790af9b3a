"""A tunnel's two ends: bytes, backpressure, half-close, loss."""

from __future__ import annotations

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from netsuite.glue import End, join


class Wire(StringTransport):
    """A connection in memory that notes a half-close."""

    write_closed = False

    def loseWriteConnection(self) -> None:
        """Note a FIN."""
        self.write_closed = True


class TunnelTests(SynchronousTestCase):
    """Two connections joined."""

    def setUp(self) -> None:
        """Join two wires."""
        self.touched = 0
        self.near, self.far = Wire(), Wire()
        self.left, self.right = self.joined()

    def joined(self) -> tuple[End, End]:
        """Return the ends of a tunnel between the wires."""

        def touch() -> None:
            self.touched += 1

        return join(self.near, self.far, touch)

    def test_bytes_pass_both_ways(self) -> None:
        """What comes on one side leaves by the other, counted, and each time is a sign of life."""
        self.left.received(b"up")
        self.right.received(b"down!")
        self.assertEqual((self.far.value(), self.near.value()), (b"up", b"down!"))
        self.assertEqual((self.left.count, self.right.count, self.touched), (2, 5, 2))

    def test_backpressure(self) -> None:
        """Each side's queue pauses the other side's reading."""
        self.assertIs(self.near.producer, self.far)
        self.assertIs(self.far.producer, self.near)

    def test_half_close(self) -> None:
        """A FIN passes on as a FIN; the other direction goes on until it ends too."""
        self.left.read_closed()
        self.assertTrue(self.far.write_closed)
        self.assertFalse(self.near.disconnecting or self.far.disconnecting)
        self.right.received(b"answer")
        self.assertEqual(self.near.value(), b"answer")
        self.right.read_closed()
        self.assertTrue(self.near.disconnecting and self.far.disconnecting)

    def test_tls_has_no_half_close(self) -> None:
        """Over TLS on either side one end's FIN closes both."""
        directlyProvides(self.far, ISSLTransport)
        self.left.read_closed()
        self.assertTrue(self.near.disconnecting and self.far.disconnecting)
        self.assertFalse(self.far.write_closed)

    def test_lost(self) -> None:
        """A connection that ended lets the other send what is queued; one that was reset takes it along."""
        self.left.lost(aborted=False)
        self.assertTrue(self.far.disconnecting)
        self.assertFalse(self.far.disconnected)
        self.near, self.far = Wire(), Wire()
        _, right = self.joined()
        right.lost(aborted=True)
        self.assertTrue(self.near.disconnected)

    def test_lost_while_paused(self) -> None:
        """A side that was paused reads again, so that it sees its own end."""
        self.far.pauseProducing()
        self.left.lost(aborted=False)
        self.assertEqual(self.far.producerState, "producing")
        self.assertIsNone(self.far.producer)
