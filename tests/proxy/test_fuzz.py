"""The fuzzer's cut for every push, the rounds that once found something, and whether it would find anything.

``python -m tests.proxy.fuzz --runs 1000000`` is the long run;
``NETSUITE_TEST_SCALE=nightly`` makes this one longer.
"""

from __future__ import annotations

from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1 import framing
from netsuite.http1.body import ChunkedBody, LengthBody
from netsuite.proxy import exchange, rewrite
from netsuite.proxy.pool import Pool
from tests.proxy import fuzz
from tests.proxy.fuzz_readers import Misread, Origin, read_answer, same_answer, strict_head
from tests.scale import NIGHTLY

#: Messages of a push, and of a night.
MESSAGES = 200_000 if NIGHTLY else 4_000
SEED = 4

#: Rounds that found a fault once; their names stay although the grammar may grow.
FOUND: tuple[str, ...] = ()


class FuzzTests(SynchronousTestCase):
    """Rounds of the fuzzer."""

    def test_many(self) -> None:
        """So many messages of a known seed find nothing."""
        _rounds, messages = fuzz.many(MESSAGES, SEED)
        self.assertGreaterEqual(messages, MESSAGES)

    def test_found(self) -> None:
        """What was found once is mended."""
        for name in FOUND:
            fuzz.one(name)

    def test_repeats(self) -> None:
        """A round is the same each time."""
        first, second = fuzz.Round("1.5"), fuzz.Round("1.5")
        first.run()
        second.run()
        self.assertEqual([client.got for client in first.clients], [client.got for client in second.clients])


class SensitivityTests(SynchronousTestCase):
    """A fuzzer that finds nothing in a broken relay is none."""

    def assert_found(self, rounds: int = 1500) -> None:
        """Some round fails."""
        for number in range(rounds):
            try:
                fuzz.one(f"broken.{number}")
            except fuzz.Fault:
                return
        self.fail("not found")

    def test_twice(self) -> None:
        """A request that is sent a second time though that may change something is found."""
        with patch.object(exchange, "IDEMPOTENT", exchange.IDEMPOTENT | {b"POST", b"PATCH", b"QUERY"}):
            self.assert_found()

    def test_length(self) -> None:
        """A Content-Length that is read as other programs might is found."""
        with patch.object(
            framing,
            "_length",
            lambda value: int(value[: len(value) - len(value.lstrip(b"0123456789"))] or b"0"),
        ):
            self.assert_found()

    def test_chunk(self) -> None:
        """A body whose last byte is lost now and then is found."""
        feed = ChunkedBody.feed

        def short(self: ChunkedBody, data: bytes) -> tuple[bytes, bytes | None]:
            payload, rest = feed(self, data)
            return payload[:-1], rest

        with patch.object(ChunkedBody, "feed", short):
            self.assert_found()

    def test_spare(self) -> None:
        """Bytes past a body that are forgotten are found."""
        feed = LengthBody.feed

        def greedy(self: LengthBody, data: bytes) -> tuple[bytes, bytes | None]:
            payload, rest = feed(self, data)
            return payload, b"" if rest else rest

        with patch.object(LengthBody, "feed", greedy):
            self.assert_found()

    def test_framed_twice(self) -> None:
        """A Content-Length beside chunks is found."""
        with patch.object(rewrite, "_CHUNKED", b"\r\nTransfer-Encoding: chunked\r\nContent-Length: 3"):
            self.assert_found()

    def test_leak(self) -> None:
        """A pool that forgets to let go is found."""
        with patch.object(Pool, "sweep", lambda self, now: None):
            self.assert_found(200)


class ReaderTests(SynchronousTestCase):
    """The independent readers notice what they are there for."""

    def test_head(self) -> None:
        """Heads that a sender may not write are refused."""
        for head in (
            b"GET / HTTP/1.1\r\nA:b\r\n\r\n",
            b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
            b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET / HTTP/1.1\r\n",
        ):
            self.assertRaises(Misread, strict_head, head)

    def test_request(self) -> None:
        """What h11 and llhttp read differently is refused."""
        origin = Origin()
        origin.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        origin.answered()
        self.assertTrue(origin.waits)
        self.assertRaises(Misread, Origin().feed, b"GET / HTTP/1.1\r\n\r\n")
        spaced = Origin()  # h11 takes the space, llhttp does not
        spaced.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n")
        self.assertRaises(Misread, spaced.answered)

    def test_answer(self) -> None:
        """An answer is parted from the next; one that is cut is not whole."""
        one = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
        found = read_answer(b"HTTP/1.1 103 Early\r\n\r\n" + one + one, b"GET", upgrade=False, ended=True)
        assert found is not None
        read, rest = found
        self.assertEqual((read.status, read.body, read.interim, rest), (200, b"abc", [103], one))
        same_answer(read, b"GET")
        cut = read_answer(one[:-1], b"GET", upgrade=False, ended=True)
        assert cut is not None
        self.assertFalse(cut[0].whole)
        self.assertRaises(Misread, read_answer, one[:20], b"GET", upgrade=False, ended=True)
