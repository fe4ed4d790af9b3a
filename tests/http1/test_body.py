"""Bodies: payload and end, however the bytes are cut."""

from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.body import (
    LAST_CHUNK,
    Body,
    ChunkedBody,
    CloseBody,
    LengthBody,
    NoBody,
    chunk,
    last_chunk,
    request_body,
    response_body,
)
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import parse_request, parse_response
from netsuite.http1.limits import DEFAULT, Limits

HOST = b" HTTP/1.1\r\nHost: a\r\n"


def fed(body: Body, pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    """The whole payload, and what lay past the end."""
    payload, rest = b"", None
    for piece in pieces:
        if rest is not None:
            rest += piece
            continue
        run, rest = body.feed(piece)
        payload += run
    return payload, rest


def cuts(data: bytes) -> list[list[bytes]]:
    """``data`` in two pieces at every place, and in pieces of one byte."""
    single = [data[at : at + 1] for at in range(len(data))]
    return [[data[:at], data[at:]] for at in range(len(data) + 1)] + [single]


class LengthBodyTests(SynchronousTestCase):
    """RFC 9112 §6.2."""

    def test_any_cut(self) -> None:
        """However the bytes are cut, the body ends at its length and the rest is kept."""
        for pieces in cuts(b"helloNEXT"):
            body = LengthBody(5)
            self.assertEqual(fed(body, pieces), (b"hello", b"NEXT"), pieces)
            self.assertTrue(body.complete)

    def test_cut_short(self) -> None:
        """A body that lacks bytes is not complete."""
        body = LengthBody(5)
        self.assertEqual(body.feed(b"hell"), (b"hell", None))
        self.assertFalse(body.complete)

    def test_by_reference(self) -> None:
        """A piece that is all payload is handed on as the same object."""
        piece = b"x" * 1000
        self.assertIs(LengthBody(5000).feed(piece)[0], piece)
        self.assertIs(LengthBody(1000).feed(piece)[0], piece)

    def test_exact(self) -> None:
        """A body that ends with its piece leaves nothing, which is not the same as going on."""
        self.assertEqual(LengthBody(5).feed(b"hello"), (b"hello", b""))


class PlainBodyTests(SynchronousTestCase):
    def test_none(self) -> None:
        """All bytes after a message without a body are the next one's."""
        self.assertEqual(NoBody().feed(b"NEXT"), (b"", b"NEXT"))
        self.assertTrue(NoBody().complete)

    def test_until_close(self) -> None:
        """A body that ends with the connection never ends before, and is never cut short."""
        self.assertEqual(CloseBody().feed(b"all of it"), (b"all of it", None))
        self.assertTrue(CloseBody().complete)


GOOD = [
    (b"5\r\nhello\r\n0\r\n\r\n", b"hello", []),
    (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world", []),
    (b"0\r\n\r\n", b"", []),
    (b"000\r\n\r\n", b"", []),
    (b"0000000000000005\r\nhello\r\n0\r\n\r\n", b"hello", []),
    (b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", b"01234567890123456789", []),
    (b"2\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n", b"\r\n0\r", []),
    (b'5;a\r\nhello\r\n0;b=c;d="e;\\"\xff"\r\n\r\n', b"hello", []),
    (b"5 ; a = b\t;c\r\nhello\r\n0\r\n\r\n", b"hello", []),
    (b"1\r\nx\r\n0\r\nX-Sum: 1 \r\nx-Other:2\r\n\r\n", b"x", [(b"X-Sum", b"1"), (b"x-Other", b"2")]),
]

BAD = [
    b"\r\n",
    b"\n",
    b"5\nhello\r\n0\r\n\r\n",
    b"5\rhello\r\n0\r\n\r\n",
    b"5\r\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5_0\r\nhello\r\n0\r\n\r\n",
    b"5h\r\nhello\r\n0\r\n\r\n",
    b"\xd9\xa5\r\nhello\r\n0\r\n\r\n",
    b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\nhello",
    b"8000000000000000\r\nhello",
    b"5;\r\nhello\r\n0\r\n\r\n",
    b"5;;a\r\nhello\r\n0\r\n\r\n",
    b"5;a=\r\nhello\r\n0\r\n\r\n",
    b"5;a=b c\r\nhello\r\n0\r\n\r\n",
    b'5;a="b\r\nhello\r\n0\r\n\r\n',
    b'5;a="b\n"\r\nhello\r\n0\r\n\r\n',
    b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    b"5;a\x00\r\nhello\r\n0\r\n\r\n",
    b"5;" + b"a" * 300 + b"\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhelloXY0\r\n\r\n",
    b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhello\r0\r\n\r\n",
    b"5\r\nhello!\r\n0\r\n\r\n",
    b"5\r\nhell\r\n0\r\n\r\n",
    b"5\r\nhello\r\n\r\n0\r\n\r\n",
    b"0\r\nbad name: x\r\n\r\n",
    b"0\r\nname : x\r\n\r\n",
    b"0\r\nname: x\r\n folded\r\n\r\n",
    b"0\r\n name: x\r\n\r\n",
    b"0\r\nname: x\n\r\n\r\n",
    b"0\r\nname: x\ry\r\n\r\n",
    b"0\r\nname: \x00\r\n\r\n",
    b"0\r\nGET / HTTP/1.1\r\n\r\n",
    b"0\r\n" + b"a: b\r\n" * 101 + b"\r\n",
    b"0\r\na: " + b"b" * 9000 + b"\r\n\r\n",
]


class ChunkedBodyTests(SynchronousTestCase):
    """RFC 9112 §7.1."""

    def test_any_cut(self) -> None:
        """However chunks are cut, payload, trailers and the rest are the same."""
        for data, payload, trailers in GOOD:
            for pieces in cuts(data + b"NEXT"):
                body = ChunkedBody()
                self.assertEqual(fed(body, pieces), (payload, b"NEXT"), pieces)
                self.assertEqual(body.trailers, trailers)
                self.assertTrue(body.complete)

    def test_refused(self) -> None:
        """What is no chunk by §7.1's grammar is refused, however it is cut (GHSA-j83v, CVE-2025-43859)."""
        for data in BAD:
            step = max(1, len(data) // 60)
            halves = [[data[:at], data[at:]] for at in range(0, len(data), step)]
            for pieces in [*halves, [data[at : at + 1] for at in range(len(data))]]:
                with self.assertRaises(BadMessage, msg=f"{data!r} {pieces!r}") as caught:
                    fed(ChunkedBody(), pieces)
                self.assertEqual(caught.exception.status, 400)

    def test_cut_short(self) -> None:
        """No true prefix of a chunked body is complete."""
        for data, _, _ in GOOD:
            for at in range(len(data)):
                body = ChunkedBody()
                self.assertIsNone(body.feed(data[:at])[1])
                self.assertFalse(body.complete, data[:at])

    def test_by_reference(self) -> None:
        """A piece inside a chunk is handed on as the same object."""
        body = ChunkedBody()
        body.feed(b"800\r\n")
        piece = b"x" * 0x7FF
        self.assertIs(body.feed(piece)[0], piece)

    def test_waiting_is_bounded(self) -> None:
        """A line that never ends is refused at its bound, whatever the size of the pieces."""
        limits = Limits(chunk_line_bytes=64, trailer_bytes=128)
        for start, bound in ((b"5;", 64), (b"0\r\na:", 131)):
            body = ChunkedBody(limits)
            body.feed(start)
            with self.assertRaises(BadMessage):
                for _ in range(bound):
                    body.feed(b"b")

    def test_longest_line(self) -> None:
        """A size line may be as long as the limit says, and not a byte longer."""
        for extra, fits in ((0, True), (1, False)):
            line = b"0;" + b"a" * (DEFAULT.chunk_line_bytes - 4 + extra) + b"\r\n"
            if fits:
                self.assertEqual(ChunkedBody().feed(line + b"\r\n"), (b"", b""))
            else:
                self.assertRaises(BadMessage, ChunkedBody().feed, line + b"\r\n")

    def test_what_trailers_may_not_say(self) -> None:
        """Framing, routing, authentication and the like are left out of trailers (RFC 9110 §6.5.1)."""
        names = (
            b"Content-Length",
            b"HOST",
            b"transfer-encoding",
            b"Authorization",
            b"Proxy-Anything",
            b"Set-Cookie",
        )
        lines = b"".join(b"%b: 1\r\n" % name for name in names)
        body = ChunkedBody()
        self.assertEqual(body.feed(b"0\r\n" + lines + b"Server-Timing: x\r\n\r\n"), (b"", b""))
        self.assertEqual(body.trailers, [(b"Server-Timing", b"x")])

    def test_an_origins_fault(self) -> None:
        """A chunk that an origin got wrong is 502, as its head would be."""
        head = parse_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", DEFAULT)
        for data in (b"nonsense\r\n", b"0\r\n bad\r\n\r\n"):
            with self.assertRaises(BadMessage) as caught:
                response_body(head, b"GET").feed(data)
            self.assertEqual(caught.exception.status, 502)


class WritingTests(SynchronousTestCase):
    def test_chunk(self) -> None:
        """A chunk carries its size in hexadecimal; an empty payload makes none, as it would end the body."""
        self.assertEqual(chunk(b"x" * 26), b"1a\r\n" + b"x" * 26 + b"\r\n")
        self.assertEqual(chunk(b""), b"")

    def test_last_chunk(self) -> None:
        """The last chunk carries trailers, and none without."""
        self.assertEqual(last_chunk([]), LAST_CHUNK)
        self.assertEqual(last_chunk([(b"A", b"1")]), b"0\r\nA: 1\r\n\r\n")

    def test_no_line_breaks(self) -> None:
        """A line break in a trailer is refused rather than written."""
        for value in (b"1\r\nB: 2", b"1\n", b"\r"):
            self.assertRaises(ValueError, last_chunk, [(b"A", value)])


class FramingTests(SynchronousTestCase):
    """RFC 9112 §6.3, in its order."""

    def response(self, status: int, fields: bytes = b"", method: bytes = b"GET") -> Body:
        return response_body(
            parse_response(b"HTTP/1.1 %d X\r\n%b" % (status, fields) + b"A: b", DEFAULT), method
        )

    def test_1_no_body_by_status_or_method(self) -> None:
        """HEAD, 1xx, 204 and 304 end with the head, whatever their lengths say."""
        length, chunked = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"
        for body in (
            self.response(200, length, b"HEAD"),
            self.response(200, chunked, b"HEAD"),
            self.response(304, length),
            self.response(304, chunked),
            self.response(204),
            self.response(100),
            self.response(101),
            self.response(103),
        ):
            self.assertIsInstance(body, NoBody)

    def test_2_tunnel(self) -> None:
        """A 2xx to CONNECT opens a tunnel at once, lengths or not; another answer to it has a body."""
        self.assertIsInstance(self.response(200, b"Content-Length: 5\r\n", b"CONNECT"), NoBody)
        self.assertIsInstance(self.response(200, b"Transfer-Encoding: chunked\r\n", b"CONNECT"), NoBody)
        self.assertIsInstance(self.response(403, b"Content-Length: 5\r\n", b"CONNECT"), LengthBody)

    def test_4_to_8_by_fields(self) -> None:
        """Chunked, a length, or until the connection closes."""
        self.assertIsInstance(self.response(200, b"Transfer-Encoding: chunked\r\n"), ChunkedBody)
        self.assertIsInstance(self.response(200, b"Content-Length: 5\r\n"), LengthBody)
        self.assertIsInstance(self.response(200, b"Content-Length: 0\r\n"), NoBody)
        self.assertIsInstance(self.response(200), CloseBody)

    def test_7_requests(self) -> None:
        """A request has the body it announces, else none: it never lasts until close."""
        for fields, kind in (
            (b"A: b", NoBody),
            (b"Content-Length: 0", NoBody),
            (b"Content-Length: 5", LengthBody),
            (b"Transfer-Encoding: chunked", ChunkedBody),
        ):
            self.assertIsInstance(request_body(parse_request(b"POST /" + HOST + fields, DEFAULT)), kind)
