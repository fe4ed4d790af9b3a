"""Where redirects lead, by which method, and which are refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.client.redirects import Step, step
from netsuite.client.url import joined, parse_url, shown
from netsuite.outcome import Failed

HOME = parse_url("https://example.org/a/b?c")


def lead(location: bytes, status: int = 302, method: bytes = b"GET", *seen: str, **options: bool) -> Step:
    """Where a redirect from ``HOME`` leads."""
    before = [*((method, url) for url in seen), (method, HOME.text)]
    return step(status, location, HOME, method, before, **options)


class UrlTests(SynchronousTestCase):
    """URLs as people write them."""

    def test_parse(self) -> None:
        """Host, port, path; letters outside ASCII are escaped, names become A-labels, fragments go."""
        for text, asked in (
            ("http://localhost:8000/test", "http://localhost:8000/test"),
            ("HTTP://LocalHost", "http://localhost/"),
            ("https://example.org:443/?a=b c#there", "https://example.org/?a=b%20c"),
            ("http://[::1]:80/x", "http://[::1]/x"),
            ("http://bücher.example/größe", "http://xn--bcher-kva.example/gr%C3%B6%C3%9Fe"),
            ('http://h/a%20b"<>\\^`{|}', "http://h/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ):
            self.assertEqual(parse_url(text).text, asked)

    def test_login(self) -> None:
        """What stands before an ``@`` is no part of the place."""
        url = parse_url("http://me:p%40ss:x@h:81/")
        assert url.login is not None
        self.assertEqual((url.text, url.login.user, url.login.password), ("http://h:81/", "me", "p@ss:x"))
        self.assertNotIn("p@ss", repr(url))

    def test_refused(self) -> None:
        """What is no http URL, or would split a request, is refused without telling secrets."""
        for text in (
            "localhost:8000/",
            "ftp://h/",
            "http:///x",
            "http://h:0/",
            "http://h:99999/",
            "http://h/\r\nX: y",
            "http://h\x00/",
            "http://[::1/",
            "http://ex ample/",
            "http://" + "h" * 20000,
            "http://\ud800/",
            "http://xn--\u0301/",
        ):
            with self.assertRaises(ValueError, msg=text) as caught:
                parse_url(text)
            self.assertNotIn("\n", str(caught.exception))
        self.assertEqual(shown("http://me:secret@h/\x1b[2J?q=secret"), "…@h/\\u001b[2J")

    def test_joined(self) -> None:
        """References are resolved as RFC 3986 §5 has it."""
        for location, at in (
            (b"d", "https://example.org/a/d"),
            (b"/d", "https://example.org/d"),
            (b"?d", "https://example.org/a/b?d"),
            (b"../../../d", "https://example.org/d"),
            (b"//other.example/d", "https://other.example/d"),
            (b"http://h/\xc3\xbc", "http://h/%C3%BC"),
            (b"/\xfc", "https://example.org/%C3%BC"),
            (b"", "https://example.org/a/b?c"),
        ):
            self.assertEqual(joined(HOME, location).text, at)


class StepTests(SynchronousTestCase):
    """One redirect."""

    def test_methods(self) -> None:
        """Which method goes on, and whether the content goes with it."""
        for method, status, following, bare in (
            (b"GET", 301, b"GET", False),
            (b"POST", 301, b"GET", True),
            (b"POST", 302, b"GET", True),
            (b"POST", 303, b"GET", True),
            (b"POST", 307, b"POST", False),
            (b"POST", 308, b"POST", False),
            (b"PUT", 302, b"PUT", False),
            (b"PUT", 303, b"GET", True),
            (b"HEAD", 303, b"HEAD", False),
            (b"DELETE", 308, b"DELETE", False),
        ):
            found = lead(b"/x", status, method)
            self.assertEqual((found.method, found.bare), (following, bare), (method, status))

    def test_refused(self) -> None:
        """Loops, too many, no place to go, and from https to http."""
        many = [f"https://example.org/{n}" for n in range(10)]
        for location, seen, cause, detail in (
            (b"/a/b?c", (), "limit", "loop"),
            (b"/before", ("https://example.org/before",), "limit", "loop"),
            (b"/x", many, "limit", "redirects"),
            (b"http://example.org/", (), "limit", "downgrade"),
            (b"javascript:alert(1)", (), "http", "location"),
            (b"file:///etc/passwd", (), "http", "location"),
            (b"https://h/\x01", (), "http", "location"),
        ):
            with self.assertRaises(Failed) as caught:
                lead(location, 302, b"GET", *seen)
            self.assertEqual((caught.exception.cause, caught.exception.detail), (cause, detail), location)

    def test_ten(self) -> None:
        """Ten redirects are followed."""
        self.assertEqual(lead(b"/x", 302, b"GET", *many(9)).url.text, "https://example.org/x")

    def test_downgrade_allowed(self) -> None:
        """From https to http where that is allowed."""
        self.assertEqual(lead(b"http://h/", downgrade=True).url.text, "http://h/")

    def test_user_information(self) -> None:
        """User and password in a Location are ignored, and that is said."""
        found = lead(b"https://me:secret@h/x")
        self.assertIsNone(found.url.login)
        self.assertEqual(found.note, "user and password in a redirect to https://h are ignored")

    def test_post_then_get(self) -> None:
        """A page that was posted to may be got afterwards: that is no loop."""
        self.assertEqual(lead(b"/a/b?c", 303, b"POST").method, b"GET")


def many(number: int) -> list[str]:
    """So many URLs."""
    return [f"https://example.org/{n}" for n in range(number)]
