"""One event is one line, and no peer's bytes, query or secret is in it bare."""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import fail
from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite import journal


class EscapingTests(SynchronousTestCase):
    """Peer's text in a line."""

    def test_marks(self) -> None:
        """Line ends, controls, separators and reordering marks are shown as numbers; other text stays."""
        for raw, shown in (
            ("plain", "plain"),
            ("blå 日本", "blå 日本"),
            ("a\r\nb", "a\\u000d\\u000ab"),
            ("\x1b[31m", "\\u001b[31m"),
            ("\x85\u2028\u2029", "\\u0085\\u2028\\u2029"),
            ("\u202egpj.exe", "\\u202egpj.exe"),
            ("\ud800", "\\ud800"),
            (b"\xff\n", "\\xff\\u000a"),
        ):
            self.assertEqual(journal.escaped(raw), shown)

    def test_bounded(self) -> None:
        """Endless text is cut, and the cut is shown."""
        self.assertEqual(len(journal.escaped("x" * 99_999)), journal.TEXT_MAX + 1)

    @settings(deadline=None, max_examples=150)
    @given(st.one_of(st.text(), st.binary()))
    def test_always_one_line(self, text: str | bytes) -> None:
        """No text of a peer makes two lines, and what is left can be encoded."""
        shown = journal.escaped(text)
        self.assertLessEqual(len(shown.splitlines()), 1)
        shown.encode("utf-8")

    def test_query_hidden(self) -> None:
        """A URL's query is not shown unless it was asked for."""
        parts = (b"http", b"a.test:81", b"/p?token=secret?x")
        self.assertEqual(journal.url_text(*parts), "http://a.test:81/p?…")
        self.assertEqual(journal.url_text(b"http", b"a.test", b"/p"), "http://a.test/p")
        journal.show_queries(True)
        self.addCleanup(journal.show_queries, False)
        self.assertEqual(journal.url_text(*parts), "http://a.test:81/p?token=secret?x")


class JsonTests(SynchronousTestCase):
    """The JSON log."""

    def setUp(self) -> None:
        """Observe the log in memory."""
        self.stream = io.StringIO()
        observer = journal.JsonLines(self.stream)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def line(self) -> dict[str, Any]:
        """Return the one line written."""
        (text,) = self.stream.getvalue().splitlines()
        found: dict[str, Any] = json.loads(text)
        return found

    def test_keys(self) -> None:
        """An event has its time, level, service, name, own keys and the text that the plain log shows."""
        journal.login(client="192.0.2.1", user="ann", ok=False)
        line = self.line()
        self.assertEqual((line["level"], line["service"]), ("info", "netsuite"))
        self.assertEqual((line["event"], line["client"], line["user"]), ("login.failed", "192.0.2.1", "ann"))
        self.assertEqual(line["message"], "login failed for ann from 192.0.2.1")
        self.assertTrue(line["time"].endswith("+00:00"))

    def test_hostile_text(self) -> None:
        """What an event was given stands on one line, also in its own keys."""
        journal.echo_connected(client="a\n\u2028\x85\u202e\ud800b")
        self.assertEqual(self.line()["client"], "a\n\u2028\x85\u202e\ud800b")
        self.stream.getvalue().encode("utf-8")

    def test_others_events(self) -> None:
        """A library's event keeps its message; its objects are left out."""
        Logger(namespace="other").warn("said {what}", what=object, secret="s")
        line = self.line()
        self.assertEqual((line["level"], line["service"]), ("warn", "other"))
        self.assertNotIn("secret", line)

    def test_failure(self) -> None:
        """A traceback is on one line, with the number of its fault."""
        journal.detach(fail(ValueError("two\u2028lines")), where="here")
        line = self.line()
        self.assertEqual((line["level"], line["event"], line["where"]), ("critical", "fault", "here"))
        self.assertIn("ValueError", line["message"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_fault_number(self) -> None:
        """The number that a client is told is the one in the log."""
        number = journal.fault(where="here", failure=Failure(ValueError("x")))
        self.assertEqual(self.line()["number"], number)
        self.flushLoggedErrors(ValueError)
