"""The access log of our sites: Apache's combined form, that nobody can forge and that tells no secret."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netsuite import journal
from netsuite.visits import TEXT_MAX, Visits, address_text, request_text, text

#: The combined form, as parsers of Apache's logs have it (goaccess, awstats, logwatch: all much alike).
COMBINED = re.compile(
    r"(\S+) (\S+) (\S+) \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"'
)


class FileTests(SynchronousTestCase):
    """Lines in a file."""

    def setUp(self) -> None:
        self.path = os.path.join(tempfile.mkdtemp(prefix="netsuite-visits-"), "access.log")

    def lines(self, *visits: tuple[object, ...]) -> list[str]:
        """The lines of so many visits."""
        log = Visits(self.path)
        log.open()
        for told in visits:
            log.visit(*told)  # type: ignore[arg-type]
        log.close()
        return Path(self.path).read_text().splitlines()

    def test_line(self) -> None:
        """A line has all fields in Apache's order; what isn't there is a dash."""
        (line, bare) = self.lines(
            ("127.0.0.1", b"GET /test HTTP/1.1", 200, 22, b"http://a.example/x", b"curl/8.5.0"),
            ("::1", b"HEAD / HTTP/1.1", 304, 0),
        )
        found = COMBINED.fullmatch(line)
        assert found is not None, line
        self.assertEqual(
            (found[1], *found.groups()[4:]),
            ("127.0.0.1", "GET /test HTTP/1.1", "200", "22", "http://a.example/x", "curl/8.5.0"),
        )
        found = COMBINED.fullmatch(bare)
        assert found is not None, bare
        self.assertEqual(found.groups()[4:], ("HEAD / HTTP/1.1", "304", "-", "-", "-"))

    def test_mode(self) -> None:
        """Others may not read it."""
        self.lines(("::1", b"GET / HTTP/1.1", 200, 1))
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o640)

    def test_moved_away(self) -> None:
        """After it was moved away and opened again, lines go to a new file."""
        log = Visits(self.path)
        log.open()
        log.visit("::1", b"GET /first HTTP/1.1", 200, 1)
        os.rename(self.path, self.path + ".1")
        log.open()
        log.visit("::1", b"GET /2 HTTP/1.1", 200, 1)
        log.close()
        self.assertIn("/first", Path(self.path + ".1").read_text())
        self.assertNotIn("/first", Path(self.path).read_text())

    def test_turn(self) -> None:
        """Lines of one turn are written together, on the next."""
        later: list[object] = []
        log = Visits(self.path, soon=later.append)
        log.open()
        for _ in range(3):
            log.visit("::1", b"GET / HTTP/1.1", 200, 1)
        self.assertEqual((Path(self.path).read_text(), len(later)), ("", 1))
        later[0]()  # type: ignore[operator]
        self.assertEqual(Path(self.path).read_text().count("\n"), 3)
        log.close()

    @settings(deadline=None, max_examples=100)
    @given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=80))
    def test_any_bytes(self, line: bytes, referer: bytes, agent: bytes) -> None:
        """Whatever a client sends, it is one line of the form, in printable ASCII."""
        (told,) = self.lines(("127.0.0.1", line, 400, 5, referer, agent))[-1:]
        self.assertIsNotNone(COMBINED.fullmatch(told), told)
        self.assertTrue(told.isascii() and told.isprintable())


class TextTests(SynchronousTestCase):
    """What of a client's text is shown."""

    def test_escapes(self) -> None:
        """Quotes and what can't be printed stand as Apache writes them."""
        self.assertEqual(text(b'a"b\\c\n\x1b[m\xff'), 'a\\"b\\\\c\\x0a\\x1b[m\\xff')

    def test_long(self) -> None:
        """Long text is cut, and says so."""
        self.assertEqual(text(b"x" * (TEXT_MAX + 1)), "x" * TEXT_MAX + "...")

    def test_secrets(self) -> None:
        """Queries, fragments, users and passwords are no business of a log."""
        for told, shown in (
            (b"GET /a?key=SECRET HTTP/1.1", "GET /a?... HTTP/1.1"),
            (b"GET http://u:SECRET@h.example/a?SECRET HTTP/1.1", "GET http://h.example/a?... HTTP/1.1"),
            (b"GET /a?SECRET", "GET /a?..."),
            (b"SECRET?", "SECRET?"),
        ):
            self.assertEqual(request_text(told), shown)
        self.assertEqual(address_text(b"https://u:SECRET@h.example/a#SECRET"), "https://h.example/a")
        self.assertEqual(address_text(b"//u:p@h/x?SECRET"), "//u:p@h/x?...")

    def test_shown(self) -> None:
        """With --log-queries they are kept."""
        journal.show_queries(True)
        self.addCleanup(journal.show_queries, False)
        self.assertEqual(request_text(b"GET /a?b=c HTTP/1.1"), "GET /a?b=c HTTP/1.1")


class JournalTests(SynchronousTestCase):
    """Lines in the twistd log."""

    def test_event(self) -> None:
        """A visit is an event with its own keys; off says nothing."""
        seen: list[dict[str, object]] = []
        globalLogPublisher.addObserver(seen.append)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, seen.append)  # type: ignore[arg-type]
        Visits("-").visit("::1", b"GET /x?y HTTP/1.1", 404, 9)
        Visits("off").visit("::1", b"GET /z HTTP/1.1", 404, 9)
        (event,) = [event for event in seen if event.get("event") == "visit"]
        self.assertEqual((event["request"], event["status"], event["sent"]), ("GET /x?... HTTP/1.1", 404, 9))
