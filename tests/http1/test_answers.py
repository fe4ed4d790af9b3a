"""Heads of answers: what an origin may say, and 502 for the rest."""

from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HTTP10, HTTP11, HeadReader, ResponseHead, parse_response
from netsuite.http1.limits import DEFAULT, Limits
from tests.http1.corpus import ANSWERS, REFUSED_ANSWERS


def answer(*lines: bytes) -> ResponseHead:
    return parse_response(b"\r\n".join(lines), DEFAULT)


class RefusedTests(SynchronousTestCase):
    def test_every_case(self) -> None:
        """Each bad answer of the corpus is 502, whatever is wrong with it (RFC 9110 §15.6.3)."""
        for name, data in REFUSED_ANSWERS.items():
            with self.assertRaises(BadMessage, msg=name) as caught:
                HeadReader(parse_response, DEFAULT).feed(data)
            self.assertEqual(caught.exception.status, 502, name)

    def test_too_large(self) -> None:
        """An answer's head past the bounds is 502 too."""
        for limits in (Limits(head_bytes=20), Limits(fields=1)):
            with self.assertRaises(BadMessage) as caught:
                parse_response(b"HTTP/1.1 200 OK\r\nA: b\r\nC: d", limits)
            self.assertEqual(caught.exception.status, 502)

    def test_content_where_none_may_be(self) -> None:
        """1xx and 204 with content are refused: a reader might wait (RFC 9112 §6.1, RFC 9110 §8.6)."""
        for status in (b"100", b"103", b"204"):
            for field in (b"Content-Length: 1", b"Transfer-Encoding: chunked"):
                self.assertRaises(BadMessage, answer, b"HTTP/1.1 " + status, field)


class AcceptedTests(SynchronousTestCase):
    def test_space_before_a_colon(self) -> None:
        """White space before a colon is taken away, and the field means what it means (RFC 9112 §5.1)."""
        head = answer(b"HTTP/1.1 200 OK", b"A \t: b", b"Content-Length : 5", b"C: d e : f")
        self.assertEqual(head.length, 5)
        self.assertEqual(head.lines, b"\r\nA: b\r\nContent-Length: 5\r\nC: d e : f")

    def test_status_line(self) -> None:
        """Code and reason; the reason may be empty, and the space before it missing (RFC 9112 §4)."""
        for name, code, reason in (
            ("plain", 200, b"OK"),
            ("no reason", 200, b""),
            ("no reason, no space", 200, b""),
            ("odd reason", 404, b"Non trouv\xe9\t(!)"),
            ("last code", 599, b"Unheard of"),
        ):
            head = answer(*ANSWERS[name][:-4].split(b"\r\n"))
            self.assertEqual((head.status, head.reason), (code, reason))

    def test_every_code(self) -> None:
        """Codes are 100 to 599 (RFC 9110 §15)."""
        for code in range(1000):
            line = b"HTTP/1.1 %03d X" % code
            if 100 <= code <= 599:
                self.assertEqual(answer(line).status, code)
            else:
                self.assertRaises(BadMessage, answer, line)

    def test_versions(self) -> None:
        """Both minor versions are read."""
        self.assertIs(answer(b"HTTP/1.0 200 OK").version, HTTP10)
        self.assertIs(answer(b"HTTP/1.1 200 OK").version, HTTP11)

    def test_keep_alive(self) -> None:
        """HTTP/1.1 persists unless it closes, HTTP/1.0 if it asks to (RFC 9112 §9.3)."""
        for version, value, expected in (
            (b"1.1", b"", True),
            (b"1.1", b"close", False),
            (b"1.0", b"", False),
            (b"1.0", b"Keep-Alive", True),
            (b"1.0", b"keep-alive, close", False),
        ):
            head = answer(b"HTTP/" + version + b" 200 OK", b"Connection: " + value)
            self.assertEqual(head.keep_alive, expected, (version, value))

    def test_length_of_nothing(self) -> None:
        """204 with a length of 0 is read, and the field left out, as we must not send it (RFC 9110 §8.6)."""
        for status in (b"204", b"100"):
            head = answer(b"HTTP/1.1 " + status, b"content-length: 0", b"A: b")
            self.assertEqual((head.fields, head.length, head.combined), ([(b"A", b"b")], None, {b"a": b"b"}))

    def test_length_of_what_is_not_sent(self) -> None:
        """304 keeps the length that a 200 would have had (RFC 9110 §8.6)."""
        self.assertEqual(answer(b"HTTP/1.1 304 Not Modified", b"Content-Length: 500").length, 500)

    def test_upgrade(self) -> None:
        """101 says to which protocol."""
        head = answer(*ANSWERS["switching"][:-4].split(b"\r\n"))
        self.assertEqual((head.status, head.upgrade), (101, b"websocket"))
        self.assertEqual(repr(head), "<ResponseHead 101>")
