"""Whose process a pidfile names, told by a /proc of our making."""

from __future__ import annotations

import os
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.pidfile import GRACE_SECONDS, judge, look

TWISTD = b"python\0/usr/bin/twistd\0-n\0echo\0"


class JudgeTests(SynchronousTestCase):
    """Bytes of a pidfile, and processes."""

    def setUp(self) -> None:
        self.proc = Path(self.mktemp())
        self.proc.mkdir()
        (self.proc / "uptime").write_text("1000.00 4000.00\n")

    def process(self, pid: int, words: bytes, seconds_ago: float = 500) -> None:
        """There is one, begun so long ago."""
        folder = self.proc / str(pid)
        folder.mkdir()
        (folder / "cmdline").write_bytes(words)
        ticks = int((1000 - seconds_ago) * os.sysconf("SC_CLK_TCK"))
        fields = ["0"] * 18 + [str(ticks), "0"]
        (folder / "stat").write_text(f"{pid} (odd) name) S {' '.join(fields)}\n")

    def test_states(self) -> None:
        """Running, stale, foreign, our own number, and what is no pidfile."""
        self.process(7, TWISTD)
        self.process(1, b"/sbin/init\0")
        self.process(2, b"")
        cases = {b"7\n": "running", b"7": "running", b"1": "foreign", b"2": "foreign", b"8": "stale"}
        cases |= {b"9": "own", b"": "empty", b" \n": "empty"}
        cases |= dict.fromkeys(
            (b"x", b"0", b"-7", b"7.", b"7 1", b"7" * 100, b"\xff", "٧".encode()), "no pidfile"
        )
        self.assertEqual({data: judge(data, self.proc, own=9).state for data in cases}, cases)

    def test_advice(self) -> None:
        """Each says what to do, and foreign what the process is."""
        self.process(7, TWISTD)
        self.process(1, b"/sbin/init\0splash\0")
        self.assertIn("/sbin/init", judge(b"1", self.proc).advice)
        self.assertIn("kill 7", judge(b"7", self.proc).advice)
        for data in (b"1", b"", b"x", b"8"):
            self.assertIn("remove", judge(data, self.proc).advice)

    def test_reused(self) -> None:
        """A twistd that began well after the file was written did not write it."""
        self.process(7, TWISTD, seconds_ago=100)
        now = time.time()
        for ago, state in ((100 + 2 * GRACE_SECONDS, "reused"), (100, "running"), (10, "running")):
            self.assertEqual(judge(b"7", self.proc, written=now - ago).state, state, ago)
        (self.proc / "7" / "stat").write_text("nonsense")
        self.assertEqual(judge(b"7", self.proc, written=1.0).state, "running")

    def test_no_proc(self) -> None:
        """Without /proc a process that is there is taken for a twistd."""
        nowhere = self.proc / "nowhere"
        self.assertEqual(judge(b"%d" % os.getpid(), nowhere).state, "running")
        self.assertEqual(judge(b"%d" % (1 << 30), nowhere).state, "stale")

    @settings(deadline=None, max_examples=50)
    @given(st.binary(max_size=100))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever is in the file, there is an answer."""
        self.assertTrue(judge(data, Path("/nowhere")).advice)

    def test_file(self) -> None:
        """A file is judged with the time it was written; a folder can't be."""
        path = Path(self.mktemp())
        path.write_text(f"{os.getpid()}\n")
        self.assertEqual(look(str(path), own=os.getpid()).state, "own")
        self.assertRaises(OSError, look, str(self.proc))
