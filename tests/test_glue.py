"""A tunnel's two ends: bytes, backpressure, half-close, loss."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from netsuite.glue import End, Gate, join


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


#: What can happen to a gate, in any order: the queue, a wait of so many seconds, time.
STEPS = st.lists(
    st.one_of(
        st.sampled_from((("pause", 0.0), ("resume", 0.0))),
        st.tuples(st.just("hold"), st.sampled_from((-1.0, 0.0, 1.0, 2.5))),
        st.tuples(st.just("pass"), st.sampled_from((0.5, 1.0, 3.0))),
    ),
    max_size=12,
)


class GateTests(SynchronousTestCase):
    """A producer paused for two reasons."""

    def setUp(self) -> None:
        """Put a gate before a wire."""
        self.clock, self.source = Clock(), Wire()
        self.gate = Gate(self.source, self.clock)

    @property
    def runs(self) -> bool:
        """Whether the source is read."""
        return bool(self.source.producerState == "producing")

    @settings(deadline=None, max_examples=200)
    @given(STEPS)
    def test_model(self, steps: list[tuple[str, float]]) -> None:
        """The source runs if, and only if, the queue is not full and no wait is on; the last wait counts."""
        self.setUp()
        full, until = False, 0.0
        for what, seconds in steps:
            if what == "pass":
                self.clock.advance(seconds)
            elif what == "hold":
                self.gate.hold(seconds)
                until = self.clock.seconds() + seconds if seconds > 0 else until
            else:
                full = what == "pause"
                (self.gate.pauseProducing if full else self.gate.resumeProducing)()
            self.assertEqual(self.runs, not full and until <= self.clock.seconds(), steps)
        self.gate.open()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_open(self) -> None:
        """The end of a wait leaves what is read next to who asked for it, also later."""
        self.gate.hold(5.0)
        self.gate.open()
        self.assertFalse(self.runs)
        self.gate.resumeProducing()
        self.assertTrue(self.runs)
        self.source.pauseProducing()
        self.clock.advance(10)
        self.assertFalse(self.runs)

    def test_stop(self) -> None:
        """Without a consumer the source closes, and no timer is left."""
        self.gate.hold(5.0)
        self.gate.stopProducing()
        self.assertTrue(self.source.disconnecting)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class LimitedTests(SynchronousTestCase):
    """A tunnel whose ends must wait for what has passed."""

    def setUp(self) -> None:
        """Join two wires; a byte costs a second."""
        self.clock = Clock()
        self.near, self.far = Wire(), Wire()
        self.left, self.right = join(self.near, self.far, lambda: None, spend=float, reactor=self.clock)

    def test_waits(self) -> None:
        """Who has sent is read again when that is paid for; the other end goes on."""
        self.left.received(b"abc")
        self.assertEqual(self.far.value(), b"abc")
        self.assertEqual((self.near.producerState, self.far.producerState), ("paused", "producing"))
        self.clock.advance(2)
        self.assertEqual(self.near.producerState, "paused")
        self.clock.advance(1)
        self.assertEqual(self.near.producerState, "producing")

    def test_full_and_waiting(self) -> None:
        """A queue that empties during the wait does not end the wait."""
        self.left.received(b"abc")
        self.far.producer.pauseProducing()
        self.far.producer.resumeProducing()
        self.assertEqual(self.near.producerState, "paused")
        self.clock.advance(3)
        self.assertEqual(self.near.producerState, "producing")

    def test_ends(self) -> None:
        """However it ends, no timer is left and nobody stays paused."""
        for aborted in (False, True):
            self.setUp()
            self.left.received(b"abc")
            self.right.received(b"abc")
            self.left.lost(aborted=aborted)
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.assertTrue(self.far.disconnecting or self.far.disconnected)

    def test_half_closed(self) -> None:
        """A FIN passes during a wait; with the second both close, and read on to see it."""
        self.right.received(b"abc")
        self.left.read_closed()
        self.assertTrue(self.far.write_closed)
        self.clock.advance(3)
        self.right.received(b"d")
        self.right.read_closed()
        self.assertTrue(self.near.disconnecting and self.far.disconnecting)
        self.assertEqual(self.far.producerState, "producing")
        self.assertEqual(self.near.value(), b"abcd")
        self.right.lost(aborted=True)
        self.assertEqual(self.clock.getDelayedCalls(), [])
