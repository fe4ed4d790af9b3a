"""Frames: whatever the cut, what goes in comes out; whatever the bytes, only a PipeFault comes of them."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.pipe import (
    FROM_COUNTER,
    TO_COUNTER,
    Begin,
    Committed,
    Counted,
    FrameReader,
    FromCounter,
    Job,
    Leaving,
    Mark,
    PipeFault,
    Ready,
    Refused,
    Returned,
    Skipped,
    Spooled,
    Storing,
    ToCounter,
    Trouble,
    decoded,
    frame,
    job_frame,
)
from netsuite.wordproxy.store.contract import Batch, Note, Page

NOTE = Note(4, "2026-01-05", "news.example", "not text", 3)
PAGE = Page(3, b"d" * 16, "news.example", None, None, "en", "2026-01-05", 1.5, [("Tide", "tide", 2, 1)])
JOB = Job(
    3,
    b"d" * 16,
    "news.example",
    "http://a/?…",
    "2026-01-05",
    1.5,
    "text/html",
    None,
    "gzip",
    "en",
    "Tides",
    "cy",
    "ingested",
    True,
    "alice",
    b"<p>tide",
)
BARE = msgspec.structs.replace(JOB, body=b"")
TO: list[ToCounter] = [Begin("n", ":memory:", 10, 200, "und", 0, 0, 1.0), JOB, Mark(NOTE, "alice")]
FROM: list[FromCounter] = [
    Ready(2),
    Counted(3, 812),
    Skipped(4, "too large"),
    Storing(),
    Refused(),
    Committed(4),
    Spooled(3),
    Returned(Batch("n", 4, [PAGE], [NOTE]), "alice", True),
    Trouble("full"),
    Leaving(),
]


class ValueTests(SynchronousTestCase):
    """Each value survives the pipe."""

    def test_every_value(self) -> None:
        """What is framed is what is read, for each value in each direction."""
        for message in TO:
            [block] = FrameReader(1000).feed(frame(message))
            self.assertEqual(decoded(TO_COUNTER, block), message)
        for answer in FROM:
            [block] = FrameReader(1000).feed(frame(answer))
            self.assertEqual(decoded(FROM_COUNTER, block), answer)

    def test_a_body_is_not_copied(self) -> None:
        """A job's pieces are in its frame as they came, and joined they are its body."""
        pieces = [b"<p>", b"x" * 70_000, b"", b"tide"]
        head, *rest = job_frame(BARE, pieces, sum(map(len, pieces)))
        for piece, sent in zip(pieces, rest, strict=True):
            self.assertIs(piece, sent)
        [block] = FrameReader(100_000).feed(head + b"".join(rest))
        job = decoded(TO_COUNTER, block)
        assert isinstance(job, Job)
        self.assertEqual(job.body, b"".join(pieces))
        self.assertEqual(job.sequence, 3)

    def test_an_empty_body(self) -> None:
        """A page without a byte is a page."""
        [block] = FrameReader(1000).feed(b"".join(job_frame(BARE, [], 0)))
        job = decoded(TO_COUNTER, block)
        assert isinstance(job, Job)
        self.assertEqual(job.body, b"")

    def test_a_value_of_the_other_direction(self) -> None:
        """A counter that sends jobs is a liar."""
        self.assertRaises(PipeFault, decoded, FROM_COUNTER, frame(JOB)[4:])
        self.assertRaises(PipeFault, decoded, TO_COUNTER, frame(Ready())[4:])

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=80))
    def test_rubbish(self, block: bytes) -> None:
        """Bytes that are no value are a PipeFault, whatever they are."""
        try:
            decoded(FROM_COUNTER, block)
        except PipeFault:
            return

    def test_deep_nesting(self) -> None:
        """A value nested without end is a PipeFault."""
        self.assertRaises(PipeFault, decoded, FROM_COUNTER, b"\x91" * 200_000)

    def test_text_that_is_no_utf8(self) -> None:
        """Text in a wrong encoding is a PipeFault."""
        self.assertRaises(PipeFault, decoded, FROM_COUNTER, b"\x92\xa7trouble\xa2\xff\xfe")


class FrameReaderTests(SynchronousTestCase):
    """A stream of frames, cut anywhere."""

    stream = b"".join(map(frame, FROM))

    def test_every_cut(self) -> None:
        """Cut in two at each byte, the stream has the same frames."""
        for cut in range(len(self.stream) + 1):
            reader = FrameReader(1000)
            blocks = reader.feed(self.stream[:cut]) + reader.feed(self.stream[cut:])
            self.assertEqual([decoded(FROM_COUNTER, block) for block in blocks], FROM, cut)
            self.assertEqual(reader.held, 0)

    def test_byte_by_byte(self) -> None:
        """A byte at a time, each frame comes with its last byte."""
        reader, blocks = FrameReader(1000), []
        for at in range(len(self.stream)):
            blocks += reader.feed(self.stream[at : at + 1])
        self.assertEqual([decoded(FROM_COUNTER, block) for block in blocks], FROM)

    @settings(deadline=None, max_examples=150)
    @given(st.lists(st.binary(min_size=1, max_size=300), max_size=12), st.randoms(use_true_random=False))
    def test_any_pieces(self, bodies: list[bytes], random: object) -> None:
        """Frames in any pieces come out whole and in order, and nothing is left over."""
        stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
        reader, found, at = FrameReader(300), [], 0
        while at < len(stream):
            size = random.randint(1, 200)  # type: ignore[attr-defined]
            found += reader.feed(stream[at : at + size])
            at += size
        self.assertEqual(found, bodies)
        self.assertEqual(reader.held, 0)

    def test_a_lying_length(self) -> None:
        """A length over the bound, or of nothing, is refused with its fourth byte; none is waited for."""
        for length in (0, 11, 2**31, 2**32 - 1):
            reader = FrameReader(10)
            head = length.to_bytes(4, "big")
            self.assertEqual(reader.feed(head[:3]), [])
            self.assertRaises(PipeFault, reader.feed, head[3:])

    def test_a_frame_at_the_bound(self) -> None:
        """The longest frame allowed is taken."""
        self.assertEqual(FrameReader(10).feed(b"\0\0\0\x0a" + b"x" * 10), [b"x" * 10])

    def test_a_frame_cut_by_death(self) -> None:
        """What was cut off is no frame, however much of it had come."""
        whole = frame(Committed(7))
        for size in range(len(whole)):
            reader = FrameReader(100)
            self.assertEqual(reader.feed(whole[:size]), [])
            self.assertEqual(reader.held, size)
