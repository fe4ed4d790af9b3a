"""What the systemd journal reads of our log: a level before each line, in text and JSON, and only there."""

from __future__ import annotations

import io
import json
import os
import tempfile

from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite import journal, journald, twistdlog


class ThereTests(SynchronousTestCase):
    """Whether standard output is the journal."""

    def test_told(self) -> None:
        """It is, if JOURNAL_STREAM names what is open there; nothing else makes it so."""
        with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as other:
            state = os.fstat(file.fileno())
            for stream, is_there in (
                (f"{state.st_dev}:{state.st_ino}", True),
                (f"{state.st_dev}:{os.fstat(other.fileno()).st_ino}", False),
                (f"{state.st_dev}", False),
                ("", False),
                ("x:y", False),
                (":", False),
            ):
                self.patch(os, "environ", {"JOURNAL_STREAM": stream})
                self.assertEqual(journald.is_there(file.fileno()), is_there, stream)
            self.assertFalse(journald.is_there(9999))

    def test_chosen(self) -> None:
        """twistd logs by our observer there, but not where it was told of syslog or of a logger."""
        self.patch(journald, "is_there", lambda fd=1: True)
        for told, is_ours in (
            ({"nodaemon": 1}, True),
            ({"nodaemon": 1, "logfile": "-"}, True),
            ({"nodaemon": 1, "syslog": 1}, False),
            ({"nodaemon": 1, "logger": "their.own"}, False),
        ):
            self.patch(twistdlog, "_chosen", twistdlog._Chosen())
            twistdlog.choose(told, is_json=False, rotation=twistdlog.NEVER)
            self.assertEqual(told.get("logger") == twistdlog.OBSERVER, is_ours, told)


class LevelledTests(SynchronousTestCase):
    """The lines."""

    def lines(self, *, is_json: bool) -> list[str]:
        """What is written of an event of each level, and of a bug."""
        stream = io.StringIO()
        observer = journald.Levelled(stream, is_json=is_json)
        globalLogPublisher.addObserver(observer)
        try:
            log = Logger(namespace="other")
            log.debug("a")
            journal.reloaded(text="b")
            journal.reload_kept(names="c")
            journal.reload_failed(text="d\n<0>forged")
            journal.fault(where="e", failure=Failure(ValueError("f")))
        finally:
            globalLogPublisher.removeObserver(observer)
        self.flushLoggedErrors(ValueError)
        return stream.getvalue().splitlines()

    def test_text(self) -> None:
        """Each line has its event's level, all of a traceback's too; the journal has the time itself."""
        lines = self.lines(is_json=False)
        self.assertEqual(
            lines[:4],
            [
                "<7>[other#debug] a",
                "<6>[netsuite] reloaded: b",
                "<4>[netsuite] not changed until a new start: c",
                "<3>[netsuite] reload refused, nothing changed: d\\u000a<0>forged",
            ],
        )
        self.assertGreater(len(lines), 5)
        self.assertEqual({line[:3] for line in lines[4:]}, {"<2>"})
        self.assertIn("ValueError: f", lines[-1])

    def test_json(self) -> None:
        """JSON has it before the object."""
        lines = self.lines(is_json=True)
        self.assertEqual([line[:3] for line in lines], ["<7>", "<6>", "<4>", "<3>", "<2>"])
        self.assertEqual(
            [json.loads(line[3:])["event"] for line in lines[1:3]], ["reload.done", "reload.kept"]
        )
