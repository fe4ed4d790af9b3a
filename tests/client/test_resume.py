"""What is judged before a file is continued, and what it must add up to: rules as values."""

from __future__ import annotations

import base64

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.client.digests import find_sum, parse_sha256, sums_of_server
from netsuite.client.progress import Progress
from netsuite.client.proxies import Proxies, parse_proxy
from netsuite.client.resume import Again, Anew, Append, Finished, Version, asking, judge, version_of
from netsuite.client.url import parse_url
from tests.client.files import DATE, LONG_AGO

V = Version('"a"', None, 100)


class JudgeTests(SynchronousTestCase):
    """Answers to a question for the rest."""

    def test_table(self) -> None:
        """Each answer, and what it is good for."""
        for status, table, verdict in (
            (206, {b"content-range": b"bytes 40-99/100"}, Append),
            (206, {b"content-range": b"bytes 40-99/100", b"etag": b'"a"'}, Append),
            (206, {b"content-range": b"bytes 40-99/100", b"etag": b'"b"'}, Again),
            (206, {b"content-range": b"bytes 40-99/100", b"etag": b'W/"a"'}, Again),
            (206, {b"content-range": b"bytes 40-99/100", b"content-length": b"60"}, Append),
            (206, {b"content-range": b"bytes 40-99/100", b"content-length": b"61"}, Again),
            (206, {b"content-range": b"bytes 40-99/100", b"content-encoding": b"gzip"}, Again),
            (206, {b"content-range": b"bytes 39-99/100"}, Again),
            (206, {b"content-range": b"bytes 41-99/100"}, Again),
            (206, {b"content-range": b"bytes 40-98/100"}, Again),
            (206, {b"content-range": b"bytes 40-99/*"}, Again),
            (206, {b"content-range": b"bytes 40-199/200"}, Again),
            (206, {b"content-range": b"bytes 40-99/100, bytes 0-1/100"}, Again),
            (206, {b"content-type": b"multipart/byteranges; boundary=x"}, Again),
            (206, {}, Again),
            (200, {}, Anew),
            (416, {b"content-range": b"bytes */40"}, Again),
            (416, {b"content-range": b"bytes */100"}, Again),
            (416, {}, Again),
        ):
            self.assertIsInstance(judge(status, table, V, 40), verdict, (status, table))
        self.assertIsInstance(judge(416, {b"content-range": b"bytes */100"}, V, 100), Finished)
        other = {b"content-range": b"bytes */100", b"etag": b'"b"'}
        self.assertIsInstance(judge(416, other, V, 100), Again)
        self.assertIsInstance(judge(416, {b"content-range": b"bytes */100"}, Version('"a"'), 100), Again)

    @given(st.integers(0, 120), st.integers(0, 120), st.integers(0, 120))
    @settings(deadline=None, max_examples=100)
    def test_only_what_fits(self, first: int, last: int, total: int) -> None:
        """A part is appended only if it begins at our end and makes the whole."""
        said = {b"content-range": b"bytes %d-%d/%d" % (first, last, total)}
        verdict = judge(206, said, V, 40)
        self.assertEqual(isinstance(verdict, Append), (first, last, total) == (40, 99, 100))

    def test_version(self) -> None:
        """What is certain: a strong tag, or a date a minute before the answer's."""
        table = {b"date": DATE.encode(), b"last-modified": LONG_AGO.encode(), b"etag": b'W/"a"'}
        self.assertEqual(version_of(table, 5), Version(None, LONG_AGO, 5))
        self.assertEqual(version_of({**table, b"etag": b'"a"'}, 5).tag, '"a"')
        for changed in (DATE, "nonsense", "Mon, 05 Jan 2026 09:59:01 GMT"):
            self.assertFalse(version_of({**table, b"last-modified": changed.encode()}, 5).certain)
        self.assertFalse(version_of({b"last-modified": LONG_AGO.encode()}, 5).certain)
        asked = asking(Version('"a"', LONG_AGO, 5), 3)
        self.assertEqual(asked, [(b"Range", b"bytes=3-"), (b"If-Range", b'"a"')])


class SumTests(SynchronousTestCase):
    """Checksums as they are written."""

    def test_files(self) -> None:
        """GNU's lines, escaped ones too, and BSD's."""
        value = "ab" * 32
        for line in (f"{value}  f", f"{value} *f", f"{value}  dir/f", f"SHA256 (f) = {value.upper()}"):
            found = find_sum(f"# x\n{'0' * 64}  other\n{line}\r\n".replace("\r", ""), "f", "SUMS")
            assert found is not None
            self.assertEqual((found.algorithm, found.value), ("sha256", value), line)
        escaped = find_sum(f"\\{value}  a\\nb\\\\c", "a\nb\\c", "SUMS")
        self.assertIsNotNone(escaped)
        for line in (f"{value} f", f"SHA512 (f) = {value}", f"{value[:-1]}  f", f"{value}  F", ""):
            self.assertIsNone(find_sum(line, "f", "SUMS"), line)

    def test_options(self) -> None:
        """--sha256 has 64 digits."""
        self.assertEqual(parse_sha256(" " + "AB" * 32).value, "ab" * 32)
        for text in ("ab" * 20, "xy" * 32, ""):
            with self.assertRaises(ValueError):
                parse_sha256(text)

    def test_server(self) -> None:
        """RFC 9530's and RFC 3230's fields; the strongest that we know counts."""
        two, five = base64.b64encode(bytes(32)).decode(), base64.b64encode(bytes(64)).decode()
        found = sums_of_server(f"sha-256=:{two}:, sha-512=:{five}:".encode(), f"SHA-256={two}".encode())
        self.assertEqual(
            [(each.algorithm, each.by) for each in found], [("sha512", "Repr-Digest"), ("sha256", "Digest")]
        )
        self.assertEqual(sums_of_server(b"sha-256=:AAAA:, md5=:AAAA:", None), [])
        self.assertEqual(sums_of_server(f"sha-256={two}".encode(), f"sha-256=:{two}:".encode()), [])


class ProxyTests(SynchronousTestCase):
    """Which proxy."""

    def test_without(self) -> None:
        """no_proxy by names, ports, addresses and networks."""
        for entry, url, goes in (
            ("example.org", "http://example.org/", True),
            ("example.org", "http://www.example.org/", True),
            (".example.org", "http://www.example.org/", True),
            ("*.example.org", "http://www.example.org/", True),
            ("example.org", "http://badexample.org/", False),
            ("example.org:80", "http://example.org/", True),
            ("example.org:81", "http://example.org/", False),
            ("10.0.0.0/8", "http://10.1.2.3/", True),
            ("10.0.0.0/8:80", "http://10.1.2.3/", True),
            ("10.0.0.0/8:81", "http://10.1.2.3/", False),
            ("10.0.0.0/8", "http://11.1.2.3/", False),
            ("10.0.0.0/8", "http://example.org/", False),
            ("::1", "http://[::1]/", True),
            ("[::1]:80", "http://[::1]/", True),
            ("[::1]:81", "http://[::1]/", False),
            ("fd00::/8", "http://[fd00::1]/", True),
            ("a, b example.org", "http://example.org/", True),
            ("EXAMPLE.org", "http://example.org./", True),
            ("*", "http://example.org/", True),
            ("", "http://example.org/", False),
        ):
            proxies = Proxies.of({"http_proxy": "http://p:1", "no_proxy": entry})
            self.assertEqual(proxies.for_url(parse_url(url)) is None, goes, (entry, url))

    def test_which(self) -> None:
        """Each scheme has its own; --proxy is for both; HTTP_PROXY is not read."""
        environ = {"http_proxy": "a:1", "HTTPS_PROXY": "http://me:x@b:2/", "HTTP_PROXY": "c:3"}
        proxies = Proxies.of(environ)
        assert proxies.http is not None
        assert proxies.https is not None
        self.assertEqual((proxies.http.place, proxies.https.place), ("a:1", "b:2"))
        self.assertEqual(Proxies.of({"HTTP_PROXY": "c:3"}), Proxies())
        self.assertEqual(
            Proxies.of({"all_proxy": "d:4"}).for_url(parse_url("https://h/")), parse_proxy("d:4")
        )
        self.assertEqual(Proxies.of(environ, "[::1]:5").http, parse_proxy("http://[::1]:5"))
        self.assertEqual(Proxies.of(environ, "").http, None)
        for text in ("socks5://x:1", "http://x:1/path", "x y"):
            with self.assertRaises(ValueError):
                parse_proxy(text)
        with self.assertRaisesRegex(ValueError, "^https_proxy "):
            Proxies.of({"https_proxy": "ftp://x"})


class ProgressTests(SynchronousTestCase):
    """What is told as it goes."""

    def told(self, how: str, total: int | None, pieces: list[int], have: int = 0, **more: bool) -> str:
        """What is written where pieces come a second apart."""
        clock, written = Clock(), list[str]()
        progress = Progress(written.append, how, clock, file="f", **more)
        progress.begin(have, total)
        for piece in pieces:
            clock.advance(1)
            progress.add(piece)
        progress.end()
        self.assertEqual(clock.getDelayedCalls(), [])
        return "".join(written)

    def test_lines(self) -> None:
        """A line for each tenth, once; without a length the lines come further and further apart."""
        tenths = "".join(f"Progress: {n}%\n" for n in range(10, 101, 10))
        self.assertEqual(self.told("lines", 1000, [1] * 1000), tenths)
        self.assertEqual(self.told("lines", 1000, [650, 350]), "Progress: 60%\nProgress: 100%\n")
        self.assertEqual(self.told("lines", 1000, [400], have=600), "Progress: 100%\n")
        self.assertEqual(self.told("lines", None, [60_213]), "Progress: 60K\n")
        many = self.told("lines", None, [100_000] * 100)
        self.assertEqual(
            many.split(),
            [
                "Progress:",
                "1000K",
                "Progress:",
                "2000K",
                "Progress:",
                "4000K",
                "Progress:",
                "8000K",
                "Progress:",
                "10000K",
            ],
        )
        self.assertEqual(self.told("lines", 0, []), "Progress: 100%\n")
        self.assertNotIn("\x1b", tenths + many)

    def test_terminal(self) -> None:
        """In place; what comes too fast is told a moment later."""
        self.assertEqual(
            self.told("terminal", 100, [42, 58]),
            "Progress: 0%\n\x1b[1FProgress: 42%\n\x1b[1FProgress: 100%\n",
        )
        self.assertEqual(self.told("terminal", None, [60_000]), "Progress: 0K\n\x1b[1FProgress: 60K\n")
        clock, written = Clock(), list[str]()
        progress = Progress(written.append, "terminal", clock)
        progress.begin(0, 100)
        for _ in range(40):
            progress.add(1)
        self.assertEqual(len(written), 1)
        clock.advance(1)
        self.assertEqual(written[1:], ["\x1b[1FProgress: 40%\n"])
        progress.stop()

    def test_verbose(self) -> None:
        """With speed and time left."""
        told = self.told("terminal", 4_000_000, [1_000_000, 3_000_000], verbose=True)
        self.assertIn("Progress: 25% 1.0 MB/s, 3 s left\x1b[K\n", told)

    def test_none(self) -> None:
        """Nothing, where nothing is wanted."""
        self.assertEqual(self.told("none", 100, [100]), "")
