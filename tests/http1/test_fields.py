"""Fields: found by name, told apart by hop, written back."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1 import body, fields, framing, grammar, head, target
from netsuite.http1.fields import combined, end_to_end, end_to_end_lines, members, values
from netsuite.http1.grammar import field_block, written
from netsuite.http1.head import write_request, write_response
from netsuite.http1.limits import Limits

FIELDS = [(b"Via", b"1.1 a"), (b"X", b"y"), (b"VIA", b"1.1 b, ,1.1 C"), (b"Empty", b"")]


class FindingTests(SynchronousTestCase):
    def test_values(self) -> None:
        """Every line of a name, in order, as it is."""
        self.assertEqual(values(FIELDS, b"via"), [b"1.1 a", b"1.1 b, ,1.1 C"])
        self.assertEqual(values(FIELDS, b"none"), [])

    def test_members(self) -> None:
        """List members over all lines, in lower case, without empty ones (RFC 9110 §5.6.1)."""
        self.assertEqual(members(FIELDS, b"via"), [b"1.1 a", b"1.1 b", b"1.1 c"])
        self.assertEqual(members(FIELDS, b"empty"), [])

    def test_quoted_members(self) -> None:
        """A comma in a quoted string parts nothing, an endless quote takes the rest (RFC 9110 §5.6.4)."""
        for value, expected in (
            (b'no-cache="a, b", No-Store', [b'no-cache="a, b"', b"no-store"]),
            (b'a="\\",", b', [b'a="\\","', b"b"]),
            (b'a, "b, c', [b"a", b'"b, c']),
            (b'"\\', [b'"\\']),
        ):
            self.assertEqual(members([(b"x", value)], b"x"), expected)

    def test_combined(self) -> None:
        """One value a name, repeated lines joined (RFC 9110 §5.3)."""
        table = {b"via": b"1.1 a, 1.1 b, ,1.1 C", b"x": b"y", b"empty": b""}
        self.assertEqual(combined(FIELDS), table)
        self.assertEqual(combined(FIELDS[:2]), {b"via": b"1.1 a", b"x": b"y"})


class EndToEndTests(SynchronousTestCase):
    """RFC 9110 §7.6.1."""

    def passed(
        self, *names: bytes, keep: frozenset[bytes] = frozenset(), connection: bytes = b""
    ) -> list[bytes]:
        lines = [(name, b"x") for name in names]
        if connection:
            lines.append((b"Connection", connection))
        return [name for name, _ in end_to_end(lines, keep=keep)]

    def test_all_pass(self) -> None:
        """Fields of the whole way pass untouched, in order."""
        kept = [(b"Host", b"a"), (b"Cookie", b"b"), (b"cookie", b"c"), (b"Trailer", b"d"), (b"Pragma", b"e")]
        self.assertEqual(end_to_end(kept), kept)

    def test_one_hop(self) -> None:
        """Fields of one hop are dropped in any case."""
        names = b"Connection", b"KEEP-ALIVE", b"te", b"Transfer-Encoding", b"Upgrade", b"Proxy-Connection"
        self.assertEqual(self.passed(*names, b"A"), [b"A"])

    def test_proxies(self) -> None:
        """Nothing said to or by a proxy passes, but Proxy-Status, which is for the reader (RFC 9209 §2)."""
        names = b"Proxy-Authorization", b"proxy-authenticate", b"Proxy-Authentication-Info", b"PROXY-Anything"
        self.assertEqual(self.passed(*names, b"Proxy-Status", b"Proxyless"), [b"Proxy-Status", b"Proxyless"])

    def test_named(self) -> None:
        """What Connection names is dropped, wherever it stands."""
        self.assertEqual(self.passed(b"X-One", b"A", b"x-two", connection=b"close, x-one,X-Two"), [b"A"])

    def test_named_on_two_lines(self) -> None:
        """Each line of Connection counts."""
        lines = [(b"connection", b"a"), (b"A", b"1"), (b"B", b"2"), (b"CONNECTION", b"b"), (b"C", b"3")]
        self.assertEqual(end_to_end(lines), [(b"C", b"3")])

    def test_essential(self) -> None:
        """Connection cannot take away what routes or frames, even here where no head was judged."""
        names = b"Host", b"Content-Length", b"A"
        self.assertEqual(
            self.passed(*names, connection=b"host, content-length, connection, a"), list(names[:2])
        )

    def test_keep(self) -> None:
        """The caller may keep what it deals with itself."""
        keep = frozenset((b"upgrade", b"x-one"))
        self.assertEqual(
            self.passed(b"Upgrade", b"X-One", b"TE", keep=keep, connection=b"x-one"), [b"Upgrade", b"X-One"]
        )


class WritingTests(SynchronousTestCase):
    def test_request(self) -> None:
        """A request's head is a line, its fields and an empty line."""
        written = write_request(b"GET", b"/a", [(b"Host", b"a"), (b"B", b"")])
        self.assertEqual(written, b"GET /a HTTP/1.1\r\nHost: a\r\nB: \r\n\r\n")
        self.assertEqual(write_request(b"GET", b"/", []), b"GET / HTTP/1.1\r\n\r\n")

    def test_response(self) -> None:
        """An answer's head has its space also where there is no reason (RFC 9112 §4)."""
        self.assertEqual(write_response(204, b"", []), b"HTTP/1.1 204 \r\n\r\n")
        self.assertEqual(write_response(200, b"OK", [(b"A", b"b")]), b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n")

    def test_no_line_breaks(self) -> None:
        """A line break in any part is our own fault and never written (CVE-2019-12387)."""
        for broken in (b"a\r\nB: c", b"a\n", b"\ra"):
            self.assertRaises(ValueError, write_request, b"GET", b"/", [(b"A", broken)])
            self.assertRaises(ValueError, write_request, b"GET", b"/", [(broken, b"a")])
            self.assertRaises(ValueError, write_request, b"GET", broken, [])
            self.assertRaises(ValueError, write_request, broken, b"/", [])
            self.assertRaises(ValueError, write_response, 200, broken, [])


class PatternTests(SynchronousTestCase):
    def test_no_possessive_group(self) -> None:
        """No expression here has a possessive group, misread before 3.11.5 (python/cpython#106052)."""
        patterns = [
            value.pattern
            for module in (body, fields, framing, grammar, head, target)
            for value in vars(module).values()
            if isinstance(value, re.Pattern)
        ]
        self.assertGreater(len(patterns), 10)
        for pattern in patterns:
            self.assertIsNone(re.search(rb"\)(?:[*+?]|\{[^}]*\})\+", pattern), pattern)


NAMES = st.sampled_from(
    [
        *("Host", "host", "Connection", "Keep-Alive", "TE", "Te", "Tea", "Transfer-Encoding", "Upgrade"),
        *("Upgrade-Insecure-Requests", "Proxy-Status", "Proxy-Statuses", "Proxy-Authorization", "Via"),
        *("proxy-connection", "X-Mine", "Accept", "Content-Length", "Trailer"),
    ]
)
VALUES = st.sampled_from(["", "a", "close", "x-mine, Accept", "keep-alive", "a\tb", "caf\u00e9: Host: x"])


class LinesTests(SynchronousTestCase):
    """The same, kept as a block of lines."""

    @settings(deadline=None, max_examples=300)
    @given(st.lists(st.tuples(NAMES, st.sampled_from([":", ": ", ":\t", ":  "]), VALUES), max_size=8))
    def test_as_end_to_end(self, drawn: list[tuple[str, str, str]]) -> None:
        """What passes is the same lines that ``end_to_end`` keeps, in order, each written in one way."""
        lines = "".join(f"\r\n{name}{between}{value}" for name, between, value in drawn).encode("latin-1")
        fields, block = field_block(lines + b"\r\n", 0, Limits())
        self.assertEqual(block, written(fields))
        options = frozenset(members(fields, b"connection"))
        self.assertEqual(end_to_end_lines(block, options), written(end_to_end(fields)))
        without = [field for field in end_to_end(fields) if field[0].lower() != b"host"]
        self.assertEqual(end_to_end_lines(block, options, host=False), written(without))
