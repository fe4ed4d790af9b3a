"""Our log as text is Twisted's, to the letter, whatever was logged."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel, globalLogPublisher, textFileLogObserver
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite import journal
from netsuite.textlines import TextLines


def both(event: dict[str, Any]) -> tuple[str, str]:
    """What ours and Twisted's write of one event."""
    ours, theirs = io.StringIO(), io.StringIO()
    TextLines(ours)(event)
    textFileLogObserver(theirs)(event)
    return ours.getvalue(), theirs.getvalue()


class TextLinesTests(SynchronousTestCase):
    """One observer beside the other."""

    def setUp(self) -> None:
        self.ours, self.theirs = io.StringIO(), io.StringIO()
        for observer in (TextLines(self.ours), textFileLogObserver(self.theirs)):
            globalLogPublisher.addObserver(observer)
            self.addCleanup(globalLogPublisher.removeObserver, observer)

    def test_events(self) -> None:
        """Events of ours of each level, of others, with a failure, without a text: each line is the same."""
        journal.page_counted(conn=7, words=812)
        journal.reload_kept(names="c")
        journal.reload_failed(text="d\nforged")
        journal.fault(where="e", failure=Failure(ValueError("f")))
        log = Logger(namespace="other")
        log.debug("a {b} {c()}", b=1, c=lambda: 2)
        log.info("two\nlines")
        Logger(namespace="netsuite").info("no system")
        log.info()
        log.info("no such {name}")
        self.flushLoggedErrors(ValueError)
        self.assertEqual(self.ours.getvalue(), self.theirs.getvalue())
        self.assertIn("[netsuite] page of request 7 counted 812\n", self.ours.getvalue())
        self.assertEqual(self.ours.getvalue().count("ValueError: f"), 1)

    def test_a_wrong_format(self) -> None:
        """An event of ours that can't be formatted is told as Twisted tells it, and stops nothing."""
        event = {"log_namespace": "netsuite", "log_system": "netsuite", "log_time": 1.0}
        for form in ("{absent}", "{", b"bytes", None, 3):
            ours, theirs = both({**event, "log_format": form})
            self.assertEqual(ours, theirs, form)

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(st.none() | st.floats(0, 4e9), min_size=1, max_size=6),
        st.text() | st.integers() | st.floats(),
    )
    def test_times_and_values(self, times: list[float | None], value: Any) -> None:
        """The time is the event's own, whichever came before it."""
        ours, theirs = io.StringIO(), io.StringIO()
        observers = TextLines(ours), textFileLogObserver(theirs)
        for when in times:
            for observer in observers:
                observer(
                    {
                        "log_namespace": "netsuite",
                        "log_system": "netsuite",
                        "log_level": LogLevel.info,
                        "log_format": "a {value} b",
                        "log_time": when,
                        "value": value,
                    }
                )
        self.assertEqual(ours.getvalue(), theirs.getvalue())
