"""One request and its answer in memory: however the bytes are cut, and whatever they are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.client.exchange import END_SECONDS, Exchange
from netsuite.http1.body import chunk
from netsuite.outcome import Failed

HEAD = b"HTTP/1.1 200 OK\r\n"


class Taken:
    """An exchange in memory; ``ended`` is None while it goes on, the body, or why there is none.

    ``late``: the body is asked for once all of it has come (1), or once the connection has ended, too (2).
    """

    def __init__(self, pieces: list[bytes], *, reset: bool = False, late: int = 0) -> None:
        self.clock, self.transport = Clock(), StringTransport()
        self.body: list[bytes] = []
        self.ended: bytes | BaseException | None = None
        self.exchange = Exchange(self.clock, b"GET", silence=30.0, ends=None)
        self.exchange.makeConnection(self.transport)
        self.late = late
        self.exchange.ask(b"GET / HTTP/1.1\r\n\r\n", iter(())).addCallbacks(self._answered, self._failed)
        for piece in pieces:
            self.exchange.dataReceived(piece)
        if late == 1:
            self.pour()
        self.exchange.connectionLost(Failure(ConnectionLost() if reset else ConnectionDone()))
        if late == 2:
            self.pour()

    def _answered(self, head: object) -> None:
        if not self.late:
            self.pour()

    def pour(self) -> None:
        """Take the body."""
        if self.ended is None and self.exchange.answered:
            self.exchange.pour(self.body.append).addCallbacks(self._whole, self._failed)

    def _whole(self, _: object) -> None:
        assert self.ended is None
        self.ended = b"".join(self.body)

    def _failed(self, failure: Failure) -> None:
        assert self.ended is None
        self.ended = failure.value


def answers(body: bytes, size: int) -> list[bytes]:
    """A body in each framing."""
    chunks = b"".join(chunk(body[at : at + size]) for at in range(0, len(body), size))
    return [
        HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nTrailer: x\r\n\r\n",
        HEAD + b"\r\n" + body,
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200\r\n\r\n" + body,
    ]


class CutTests(SynchronousTestCase):
    """Whole answers."""

    def test_any_cut(self) -> None:
        """However an answer is cut, its body is the same, whether it is taken at once or later."""
        for sent in answers(b"the tide", 3):
            for cut in range(len(sent) + 1):
                for late in range(3):
                    taken = Taken([piece for piece in (sent[:cut], sent[cut:]) if piece], late=late)
                    self.assertEqual(taken.ended, b"the tide", (sent, cut, late))
                    self.assertEqual(taken.clock.getDelayedCalls(), [])

    @given(st.binary(max_size=2000), st.integers(1, 700), st.lists(st.integers(0, 2500), max_size=6))
    @settings(deadline=None, max_examples=60)
    def test_bodies(self, body: bytes, size: int, cuts: list[int]) -> None:
        """So it is for any body and any cuts."""
        for sent in answers(body, size):
            places = [0, *sorted(cuts), len(sent)]
            pieces = [sent[one:other] for one, other in pairwise(places)]
            self.assertEqual(Taken([piece for piece in pieces if piece]).ended, body)

    def test_cut_off(self) -> None:
        """What ends before its end is lost, wherever; without a length a reset is."""
        for number, sent in enumerate(answers(b"the tide", 3)):
            for cut in range(len(sent)):
                taken = Taken([sent[:cut]] if cut else [], reset=number > 1)
                self.assertIsInstance(taken.ended, Failed, (sent, cut))
                self.assertEqual(getattr(taken.ended, "cause", None), "lost")

    def test_wait_for_the_end(self) -> None:
        """A server that keeps the connection open after the body is waited for so long, and no longer."""
        clock, transport, ended = Clock(), StringTransport(), list[Any]()
        exchange = Exchange(clock, b"GET", silence=30.0, ends=None)
        exchange.makeConnection(transport)
        asked = exchange.ask(b"", iter(()))
        exchange.dataReceived(HEAD + b"Content-Length: 1\r\n\r\nx")
        self.successResultOf(asked)
        exchange.pour(lambda _: None).addBoth(ended.append)
        clock.advance(END_SECONDS - 0.01)
        self.assertEqual(ended, [])
        clock.advance(0.02)
        self.assertEqual((ended, clock.getDelayedCalls()), ([None], []))

    def test_rest(self) -> None:
        """While we rest nothing is read, and that is no silence of the server's."""
        clock, transport, ended = Clock(), StringTransport(), list[Any]()
        exchange = Exchange(clock, b"GET", silence=5.0, ends=None)
        exchange.makeConnection(transport)
        exchange.ask(b"", iter(()))
        exchange.dataReceived(HEAD + b"Content-Length: 2\r\n\r\n")
        exchange.pour(lambda _: exchange.rest(60)).addBoth(ended.append)
        exchange.dataReceived(b"x")
        self.assertEqual(transport.producerState, "paused")
        clock.pump([1.0] * 59)
        self.assertEqual(ended, [])
        clock.pump([1.0] * 2)
        self.assertEqual(transport.producerState, "producing")
        clock.pump([1.0] * 6)
        [failure] = ended
        self.assertEqual(failure.value.cause, "timeout")

    def test_cancelled(self) -> None:
        """Whoever gives up leaves no timer and no connection."""
        for late in (False, True):
            clock, transport = Clock(), StringTransport()
            exchange = Exchange(clock, b"GET", silence=30.0, ends=None)
            exchange.makeConnection(transport)
            waiting: Any = exchange.ask(b"", iter(()))
            if late:
                exchange.dataReceived(HEAD + b"Content-Length: 2\r\n\r\nx")
                waiting = exchange.pour(lambda _: None)
            waiting.cancel()
            self.failureResultOf(waiting)
            self.assertEqual((clock.getDelayedCalls(), transport.disconnecting), ([], True))


class AnythingTests(SynchronousTestCase):
    """What is no answer, or a broken one."""

    @given(
        st.integers(0, 3),
        st.lists(st.tuples(st.integers(0, 120), st.binary(max_size=6), st.integers(0, 4)), max_size=5),
        st.booleans(),
        st.integers(0, 2),
    )
    @settings(deadline=None, max_examples=100)
    def test_broken(self, which: int, changes: list[tuple[int, bytes, int]], reset: bool, late: int) -> None:
        """An answer with bytes changed ends once: with a body, or with a failure that knows its cause."""
        sent = answers(b"the sea waits for the tide", 7)[which]
        for at, put, taken_away in changes:
            sent = sent[:at] + put + sent[at + taken_away :]
        taken = Taken([sent] if sent else [], reset=reset, late=late)
        self.assertIsNotNone(taken.ended)
        if isinstance(taken.ended, BaseException):
            self.assertIsInstance(taken.ended, Failed)
        self.assertEqual(taken.clock.getDelayedCalls(), [])
