"""Heads out of bytes: each as soon as it is whole, however it was cut, and never past a bound."""

from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HeadReader, RequestHead, ResponseHead, parse_request, parse_response
from netsuite.http1.limits import DEFAULT, Limits
from tests.http1.corpus import ANSWERS, REFUSED, REFUSED_ANSWERS, REQUESTS


def facts(head: RequestHead | ResponseHead) -> dict[str, object]:
    """Everything a head knows."""
    return {name: getattr(head, name) for name in type(head).__slots__}


def request_reader(limits: Limits = DEFAULT) -> HeadReader[RequestHead]:
    return HeadReader(parse_request, limits)


class AnyCutTests(SynchronousTestCase):
    def test_good_heads(self) -> None:
        """However a head is cut, the same facts come out with its last byte, and what follows is kept."""
        for parse, corpus in ((parse_request, REQUESTS), (parse_response, ANSWERS)):
            reader: HeadReader[RequestHead | ResponseHead] = HeadReader(parse, DEFAULT)
            for name, data in corpus.items():
                whole = parse(data[:-4], DEFAULT)
                for cut in range(len(data)):
                    self.assertIsNone(reader.feed(data[:cut]), (name, cut))
                    found = reader.feed(data[cut:] + b"NEXT")
                    assert found is not None
                    self.assertEqual((facts(found[0]), found[1]), (facts(whole), b"NEXT"), (name, cut))
                    self.assertEqual(reader.held, 0)

    def test_good_heads_byte_by_byte(self) -> None:
        """A head that comes in single bytes is whole with the last of them and not before."""
        for parse, corpus in ((parse_request, REQUESTS), (parse_response, ANSWERS)):
            reader: HeadReader[RequestHead | ResponseHead] = HeadReader(parse, DEFAULT)
            for name, data in corpus.items():
                for at in range(len(data) - 1):
                    self.assertIsNone(reader.feed(data[at : at + 1]), (name, at))
                found = reader.feed(data[-1:])
                assert found is not None
                self.assertEqual(facts(found[0]), facts(parse(data[:-4], DEFAULT)), name)

    def test_bad_heads(self) -> None:
        """What is refused whole is refused with the same status in any two pieces and in single bytes."""
        bad = [(parse_request, name, status, data) for name, (status, data) in REFUSED.items()]
        bad += [(parse_response, name, 502, data) for name, data in REFUSED_ANSWERS.items()]
        for parse, name, status, data in bad:
            singles = [data[at : at + 1] for at in range(len(data))]
            for pieces in [[data[:cut], data[cut:]] for cut in range(len(data) + 1)] + [singles]:
                reader: HeadReader[RequestHead | ResponseHead] = HeadReader(parse, DEFAULT)
                with self.assertRaises(BadMessage, msg=name) as caught:
                    for piece in pieces:
                        reader.feed(piece)
                self.assertEqual(caught.exception.status, status, (name, pieces))

    def test_pipeline(self) -> None:
        """Heads that come together are read one by one, each from what the last left."""
        reader = request_reader()
        rest = b"GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET /3"
        targets = []
        while (found := reader.feed(rest)) is not None:
            head, rest = found
            targets.append(head.raw_target)
        self.assertEqual(targets, [b"/1", b"/2"])
        self.assertEqual(reader.held, len(b"GET /3"))


class WaitingTests(SynchronousTestCase):
    def test_held(self) -> None:
        """A reader with part of a head holds that many bytes; an empty line before a head leaves it idle."""
        reader = request_reader()
        self.assertEqual(reader.held, 0)
        reader.feed(b"\r\n")
        self.assertEqual(reader.held, 0)
        reader.feed(b"GET /")
        self.assertEqual(reader.held, 5)

    def test_refused_early(self) -> None:
        """Bytes that no head begins with are refused at once, not when the timer ends the wait."""
        for data in (b"\x16\x03\x01", b"GET / HTTP/1.1\nHost: a", b"GET / HTTP/1.1\rH", b"GET /\x00"):
            self.assertRaises(BadMessage, request_reader().feed, data)

    def test_head_bound(self) -> None:
        """A head may be as large as the limit and no byte larger, whether it ends or not: 431."""
        limits = Limits(head_bytes=200)
        start = b"GET / HTTP/1.0\r\nA: "
        for extra, fits in ((0, True), (1, False)):
            data = start + b"x" * (200 - len(start) + extra) + b"\r\n\r\n"
            for pieces in ([data], [data[:50], data[50:]], [data[:-1], data[-1:]], [data[:-3], data[-3:]]):
                reader = request_reader(limits)
                if fits:
                    self.assertIsNotNone([reader.feed(piece) for piece in pieces][-1])
                    continue
                with self.assertRaises(BadMessage) as caught:
                    for piece in pieces:
                        reader.feed(piece)
                self.assertEqual(caught.exception.status, 431)

    def test_never_ending_head(self) -> None:
        """A head without end is refused at the bound: 414 in the request line, else 431, or 502."""
        for reader, start, status in (
            (request_reader(), b"GET /", 414),
            (request_reader(), b"GET / HTTP/1.1\r\nA: ", 431),
            (HeadReader(parse_response, DEFAULT), b"HTTP/1.1 200 OK\r\nA: ", 502),
        ):
            reader.feed(start)
            with self.assertRaises(BadMessage) as caught:
                for _ in range(17):
                    reader.feed(b"x" * 4096)
            self.assertEqual(caught.exception.status, status)
            self.assertLessEqual(reader.held, DEFAULT.head_bytes + 4096)

    def test_target_bound(self) -> None:
        """A target past its bound is 414 (RFC 9112 §3)."""
        limits = Limits(target_bytes=100)
        for size, status in ((100, None), (101, 414)):
            block = b"GET /" + b"x" * (size - 1) + b" HTTP/1.0"
            if status is None:
                self.assertEqual(len(parse_request(block, limits).raw_target), 100)
            else:
                with self.assertRaises(BadMessage) as caught:
                    parse_request(block, limits)
                self.assertEqual(caught.exception.status, status)

    def test_field_bound(self) -> None:
        """100 fields are taken, 101 are 431 (RFC 6585 §5)."""
        self.assertEqual(len(parse_request(b"GET / HTTP/1.0" + b"\r\nA: b" * 100, DEFAULT).fields), 100)
        with self.assertRaises(BadMessage) as caught:
            parse_request(b"GET / HTTP/1.0" + b"\r\nA: b" * 101, DEFAULT)
        self.assertEqual(caught.exception.status, 431)


class BadMessageTests(SynchronousTestCase):
    def test_reason_is_ours(self) -> None:
        """No byte of the peer's gets into a reason, which is shown and logged."""
        for name, (_, data) in REFUSED.items():
            with self.assertRaises(BadMessage) as caught:
                request_reader().feed(data)
            reason = caught.exception.reason
            self.assertTrue(reason.isascii() and reason.isprintable() and len(reason) < 80, name)
            self.assertNotIn("example", reason)
            self.assertIn(reason, str(caught.exception))
