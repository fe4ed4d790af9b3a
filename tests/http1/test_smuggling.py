"""Requests that two readers could take differently: refused, with a status each; what good ones mean."""

from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HTTP10, HTTP11, HeadReader, RequestHead, parse_request
from netsuite.http1.limits import DEFAULT
from tests.http1.corpus import REFUSED, REQUESTS, UNFRAMED


def read(data: bytes) -> RequestHead:
    """The head that ``data`` is."""
    found = HeadReader(parse_request, DEFAULT).feed(data)
    assert found is not None
    return found[0]


def request(*fields: bytes, line: bytes = b"POST / HTTP/1.1") -> RequestHead:
    """The head of this line, Host and ``fields``."""
    return parse_request(b"\r\n".join((line, b"Host: a.example", *fields)), DEFAULT)


class RefusedTests(SynchronousTestCase):
    def refused(self, *names: str) -> None:
        for name in names:
            status, data = REFUSED[name]
            with self.assertRaises(BadMessage, msg=name) as caught:
                read(data)
            self.assertEqual(caught.exception.status, status, name)

    def test_every_case(self) -> None:
        """Each head of the corpus of bad ones is refused with its status."""
        self.refused(*REFUSED)

    def test_bare_lf(self) -> None:
        """A line ends with CRLF; LF alone is no end (RFC 9112 §2.2: MAY accept; we don't)."""
        self.refused("bare LF after the request line", "bare LF between fields", "bare LF at the end")

    def test_bare_cr(self) -> None:
        """CR without LF is refused anywhere (RFC 9112 §2.2)."""
        self.refused("bare CR in a value", "CR CR LF", "CR in a request line")

    def test_controls(self) -> None:
        """Control characters but HTAB are refused, NUL first of all (RFC 9110 §5.5)."""
        for code in [*range(9), *range(10, 32), 127]:
            with self.assertRaises(BadMessage) as caught:
                request(b"A: b%cd" % code)
            self.assertEqual(caught.exception.status, 400)

    def test_obs_fold(self) -> None:
        """Folded lines are refused, also before the first field (RFC 9112 §5.2, §2.2)."""
        self.refused("folded line", "folded by a tab", "space before the first field")

    def test_space_before_colon(self) -> None:
        """White space between name and colon is refused (RFC 9112 §5.1)."""
        self.refused("space before a colon", "tab before a colon")

    def test_names(self) -> None:
        """A name is a token: every byte that is none refuses it (RFC 9110 §5.1, CVE-2023-25725)."""
        tokens = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for code in range(256):
            field = b"A%cb: c" % code
            if code in tokens:
                self.assertEqual(request(field).fields[-1], (field[:3], b"c"))
            elif code != ord(":"):
                self.assertRaises(BadMessage, request, field)
        self.refused("empty name", "only a colon", "no colon")

    def test_empty_lines_first(self) -> None:
        """One empty line before a request is passed over, not two (RFC 9112 §2.2)."""
        self.assertEqual(read(REQUESTS["one empty line before"]).method, b"GET")
        self.refused("two empty lines before", "LF before")

    def test_request_line(self) -> None:
        """Method, space, target, space, version: nothing else, nothing more (RFC 9112 §3)."""
        self.refused("two spaces", "tabs for spaces", "space last", "space in the target", "8-bit target")

    def test_versions(self) -> None:
        """HTTP/0.9 and a misspelt version are 400, versions we don't speak are 505 (RFC 9110 §15.6.6)."""
        self.refused("HTTP/0.9", "lower-case version", "two-digit version", "HTTP/2.0", "HTTP/1.2")

    def test_host(self) -> None:
        """HTTP/1.1 has one valid Host, which is the target's (RFC 9112 §3.2)."""
        self.refused("no Host", "two Hosts", "empty Host", "Host with user", "Host unlike the target")

    def test_content_length(self) -> None:
        """Content-Length is digits once, whatever else it may look like (RFC 9112 §6.2, CVE-2022-24801)."""
        self.refused(
            *(name for name, (_, fields) in UNFRAMED.items() if fields.startswith(b"Content-Length"))
        )

    def test_transfer_encoding(self) -> None:
        """Transfer-Encoding is ``chunked`` once; codings before it are 501 (RFC 9112 §6.1)."""
        self.refused(*(name for name, (_, fields) in UNFRAMED.items() if fields.startswith(b"Transfer")))

    def test_no_content(self) -> None:
        """CONNECT and TRACE carry no content (RFC 9110 §9.3.6, §9.3.8); a length of 0 says so too."""
        self.refused("tunnel with a length", "tunnel with chunks", "TRACE with a length")
        self.assertEqual(request(b"Content-Length: 0", line=b"CONNECT a.example:443 HTTP/1.1").length, 0)

    def test_essential_fields(self) -> None:
        """Connection may name Transfer-Encoding, of one hop, not what routes or frames (RFC 9110 §7.6.1)."""
        self.refused("Connection takes Host away", "Connection takes the length away")
        head = request(b"Transfer-Encoding: chunked", b"Connection: Transfer-Encoding")
        self.assertTrue(head.chunked)


class AcceptedTests(SynchronousTestCase):
    def test_fields(self) -> None:
        """Order, case and obs-text stay; white space around values goes (RFC 9110 §5.5, RFC 9112 §5)."""
        fields = read(REQUESTS["white space around values"]).fields
        self.assertEqual(fields, [(b"Host", b"a.example"), (b"A", b""), (b"B", b""), (b"C", b"c  d")])
        self.assertEqual(read(REQUESTS["obs-text"]).fields[1], (b"X", b"caf\xe9 \x80\xff"))

    def test_combined(self) -> None:
        """Values are found by lower-case name, those of repeated lines joined (RFC 9110 §5.3)."""
        table = request(b"Via: 1.1 a", b"VIA: 1.1 b", b"X: y").combined
        self.assertEqual(table, {b"host": b"a.example", b"via": b"1.1 a, 1.1 b", b"x": b"y"})

    def test_methods(self) -> None:
        """Any token is a method, and its case counts (RFC 9110 §9.1)."""
        for method in (b"GET", b"get", b"FROBNICATE", b"M-SEARCH", b"!"):
            self.assertEqual(request(line=method + b" / HTTP/1.1").method, method)

    def test_versions(self) -> None:
        """HTTP/1.0 needs no Host."""
        self.assertEqual(parse_request(b"GET / HTTP/1.0", DEFAULT).version, HTTP10)
        self.assertEqual(request().version, HTTP11)

    def test_framing(self) -> None:
        """A length, chunks, or neither."""
        for field, expected in (
            (b"A: b", (None, False)),
            (b"Content-Length: 0", (0, False)),
            (b"Content-Length: 12 ", (12, False)),
            (b"Content-Length: 9223372036854775807", (2**63 - 1, False)),
            (b"transfer-encoding: Chunked", (None, True)),
        ):
            head = request(field)
            self.assertEqual((head.length, head.chunked), expected, field)

    def test_keep_alive(self) -> None:
        """HTTP/1.1 persists unless it closes; HTTP/1.0 does not persist with a proxy (RFC 9112 §9.3)."""
        for version, value, expected in (
            (b"1.1", b"", True),
            (b"1.1", b"keep-alive", True),
            (b"1.1", b"close", False),
            (b"1.1", b"CLOSE", False),
            (b"1.1", b"keep-alive, Close", False),
            (b"1.1", b"x,, close ,y", False),
            (b"1.0", b"", False),
            (b"1.0", b"keep-alive", False),
        ):
            head = request(b"Connection: " + value, line=b"GET / HTTP/" + version)
            self.assertEqual(head.keep_alive, expected, (version, value))
        self.assertFalse(request(b"Connection: keep-alive", b"Connection: close").keep_alive)

    def test_connection_options(self) -> None:
        """Options come in lower case from every line."""
        head = request(b"Connection: Keep-Alive, X-One", b"connection: x-two")
        self.assertEqual(head.connection, {b"keep-alive", b"x-one", b"x-two"})

    def test_upgrade(self) -> None:
        """Upgrade counts if Connection names it, in HTTP/1.1 (RFC 9110 §7.8)."""
        line = b"GET / HTTP/1.1"
        for fields, version, expected in (
            ((b"Connection: Upgrade", b"Upgrade: websocket"), b"1.1", b"websocket"),
            ((b"Connection: upgrade", b"Upgrade: h2c, foo/2"), b"1.1", b"h2c, foo/2"),
            ((b"Upgrade: websocket",), b"1.1", None),
            ((b"Connection: upgrade",), b"1.1", None),
            ((b"Connection: upgrade", b"Upgrade: websocket"), b"1.0", None),
        ):
            self.assertEqual(request(*fields, line=line[:-3] + version).upgrade, expected, fields)

    def test_expect(self) -> None:
        """The client waits for a 100 if it says so, has content, and speaks HTTP/1.1 (RFC 9110 §10.1.1)."""
        for fields, version, expected in (
            ((b"Expect: 100-continue", b"Content-Length: 5"), b"1.1", True),
            ((b"Expect: 100-Continue", b"Transfer-Encoding: chunked"), b"1.1", True),
            ((b"Expect: 100-continue",), b"1.1", False),
            ((b"Expect: 100-continue", b"Content-Length: 5"), b"1.0", False),
            ((b"Expect: something-else", b"Content-Length: 5"), b"1.1", False),
        ):
            head = request(*fields, line=b"POST / HTTP/" + version)
            self.assertEqual(head.expect_continue, expected, fields)

    def test_unknown_expectation_passes(self) -> None:
        """An expectation that we don't know stays a field for the origin to judge (RFC 9110 §10.1.1)."""
        self.assertIn((b"Expect", b"x"), request(b"Expect: x").fields)

    def test_repr_tells_no_target(self) -> None:
        """What a traceback shows of a head holds no URL."""
        self.assertNotIn("secret", repr(request(line=b"GET /secret HTTP/1.1")))
