"""Log files of ours: rotated in every way without a lost line, by us and by others, with mode 0640."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netsuite import aside, linefile, privilege, tail
from netsuite.aside import Rotation, kept, span
from netsuite.linefile import LOOK_SECONDS, RETRY_SECONDS, LineFile
from netsuite.tail import NEW_SECONDS, TAIL_BYTES, Tail


class Writing(SynchronousTestCase):
    """A log file in a folder of its own, a clock, and what was journalled."""

    rotation = Rotation()

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.path = self.folder / "access.log"
        self.now, self.wall = 1000.0, 1_700_000_000.0
        self.patch(time, "monotonic", lambda: self.now)
        self.patch(time, "time", lambda: self.wall)
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)  # type: ignore[arg-type]
        self.number = 0
        self.log = self.another()

    def another(self) -> LineFile:
        """One more writer to the file."""
        log = LineFile(str(self.path), rotation=self.rotation)
        log.open()
        self.addCleanup(log.close)
        return log

    def lines(self, count: int, log: LineFile | None = None) -> None:
        """So many more lines, numbered."""
        for _ in range(count):
            self.number += 1
            (log or self.log).line(f"line {self.number:04d}\n")

    def later(self, seconds: float = LOOK_SECONDS) -> None:
        """Time passes."""
        self.now += seconds
        self.wall += seconds

    def told(self, event: str) -> int:
        """How often an event was journalled."""
        return sum(each.get("event") == event for each in self.events)

    def found(self, *names: str) -> list[str]:
        """Lines of some files of the folder, or of all."""
        paths = [self.folder / name for name in names] or sorted(self.folder.iterdir())
        return [line for path in paths for line in path.read_text().splitlines()]

    def assert_all(self) -> None:
        """Every line is in one of the files, once."""
        self.assertEqual(sorted(self.found()), [f"line {n:04d}" for n in range(1, self.number + 1)])


class MovedTests(Writing):
    """Others move the file."""

    def test_move_and_create(self) -> None:
        """The file that stands there is found by itself, within a quarter of a second."""
        self.lines(3)
        self.path.rename(self.folder / "access.log.1")
        self.path.touch(0o600)
        self.lines(1)
        self.later()
        self.lines(2)
        self.assertEqual(self.found("access.log"), ["line 0005", "line 0006"])
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)  # as whoever made it wants it
        self.assert_all()

    def test_move(self) -> None:
        """Where none is made we make one, 0640, but not while logrotate may be about to."""
        self.lines(1)
        self.path.rename(self.folder / "access.log.1")
        self.later()
        self.lines(1)
        self.assertFalse(self.path.exists())
        self.later()
        self.lines(1)
        self.assertEqual(self.found("access.log"), ["line 0003"])
        self.assert_all()

    def test_told(self) -> None:
        """``open``, as at USR1, needs no time to pass."""
        self.lines(1)
        self.path.rename(self.folder / "access.log.1")
        self.log.open()
        self.lines(1)
        self.assertEqual(self.found("access.log"), ["line 0002"])
        self.assert_all()

    def test_mode(self) -> None:
        """0640, whatever the umask."""
        for umask in (0o077, 0o000, 0o027):
            self.path.unlink()
            before = os.umask(umask)
            try:
                self.log.open()
            finally:
                os.umask(before)
            self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)

    def test_cannot_be_opened(self) -> None:
        """A file that is not ours to open leaves us with the one that was moved; said once, then mended."""
        self.lines(1)
        self.path.rename(self.folder / "access.log.1")
        self.path.mkdir()
        for _ in range(5):
            self.later()
            self.lines(1)
        self.assertEqual(self.told("log.moved"), 1)
        self.path.rmdir()
        self.later()
        self.lines(1)
        self.assertEqual(self.found("access.log"), [f"line {self.number:04d}"])
        self.assert_all()


def time_of(now: Callable[[], float]) -> Any:
    """The module ``time``, as a test has it."""
    return SimpleNamespace(time=now)


class CopiedTests(Writing):
    """The file is copied, then emptied."""

    def copied(self, name: str = "access.log.1") -> None:
        """A copy as logrotate makes it."""
        (self.folder / name).write_bytes(self.path.read_bytes())

    def test_between(self) -> None:
        """What was written between the copy and the emptying is written again; nothing else is."""
        for round_ in range(3):
            self.lines(200)
            self.copied(f"access.log.{round_}")
            self.lines(7)
            os.truncate(self.path, 0)
            self.lines(3)
        self.assert_all()
        self.assertNotIn("\0", self.path.read_text())

    def test_nothing_between(self) -> None:
        """Where nothing was, nothing is twice."""
        self.lines(10)
        self.copied()
        os.truncate(self.path, 0)
        self.lines(1)
        self.assertEqual(self.found("access.log"), ["line 0011"])
        self.assert_all()

    def test_before_the_first(self) -> None:
        """A copy that was made before the first line lacks them all; an empty file of long ago is no copy."""
        self.patch(tail, "time", time_of(lambda: os.stat(self.folder).st_ctime))
        self.copied()
        self.lines(5)
        os.truncate(self.path, 0)
        self.lines(1)
        self.assert_all()
        self.patch(tail, "time", time_of(lambda: os.stat(self.folder).st_ctime + NEW_SECONDS + 1))
        os.truncate(self.path, 0)
        self.lines(1)
        self.assertEqual(self.found("access.log"), ["line 0007"])

    def test_cut_in_a_line(self) -> None:
        """A copy that ends within a line gets its rest at the beginning of the file."""
        self.lines(2)
        (self.folder / "access.log.1").write_bytes(self.path.read_bytes()[:-4])
        os.truncate(self.path, 0)
        self.log.close()
        self.assertEqual(
            (self.folder / "access.log.1").read_text() + self.path.read_text(), "line 0001\nline 0002\n"
        )

    def test_at_the_end(self) -> None:
        """Nobody writes any more: what the copy lacks is there once the file is closed, or opened again."""
        for end in (self.log.close, self.log.open):
            self.log.open()
            self.lines(3)
            self.copied(f"access.log.{self.number}")
            self.lines(2)
            os.truncate(self.path, 0)
            end()
        self.assert_all()

    def test_two_writers(self) -> None:
        """Of two processes each mends its own lines."""
        other = self.another()
        self.lines(5)
        self.lines(5, other)
        self.copied()
        self.lines(2)
        self.lines(2, other)
        os.truncate(self.path, 0)
        self.lines(1)
        self.lines(1, other)
        self.assert_all()

    def test_emptied_by_hand(self) -> None:
        """With no copy the file is as empty as somebody wanted it; with an older copy too."""
        self.lines(5)
        (self.folder / "access.log.old").write_text("line 9999\n" * 5)
        os.truncate(self.path, 0)
        self.lines(1)
        self.assertEqual(self.found("access.log"), ["line 0006"])


class TailTests(SynchronousTestCase):
    """What is kept in mind."""

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=20), st.data())
    def test_any_copy(self, pieces: list[bytes], data: st.DataObject) -> None:
        """Whatever the copy has, it and what it lacks are the whole."""
        folder = Path(self.mktemp())
        folder.mkdir()
        whole, last = b"".join(pieces), Tail()
        for number in range(len(pieces)):
            last.wrote(pieces[number], len(b"".join(pieces[: number + 1])))
        size = data.draw(st.integers(1, len(whole)))
        (folder / "x-1.log").write_bytes(whole[:size])
        self.assertEqual(whole[:size] + last.lacking(str(folder / "x.log")), whole)

    def test_bound(self) -> None:
        """It has a bound, and the last piece is always in it."""
        last, end = Tail(), 0
        for size in (1000,) * 1000 + (TAIL_BYTES * 2,):
            end += size
            last.wrote(bytes(size), end)
        self.assertLessEqual(last._size, TAIL_BYTES * 2)
        self.assertEqual(last.end, end)


class SizeTests(Writing):
    """Put aside by size."""

    rotation = Rotation(size=100, keep=3)

    def test_rotated(self) -> None:
        """A full file is put aside under a name that sorts by time; of these the newest stay, with 0640."""
        for _ in range(6):
            self.lines(10)
            self.later(1.0)
        names = kept(str(self.path))
        self.assertEqual(len(names), 3)
        held = [line for name in names for line in Path(name).read_text().splitlines()]
        self.assertEqual(held, [f"line {n:04d}" for n in range(31, 61)])
        self.assertEqual(self.path.read_text(), "")
        modes = {stat.S_IMODE(os.stat(name).st_mode) for name in (*names, self.path)}
        self.assertEqual(modes, {0o640})

    def test_two_writers(self) -> None:
        """Two processes agree on who does it, and lose nothing."""
        other = self.another()
        for _ in range(12):
            self.lines(2)
            self.lines(2, other)
            self.later(0.1)
        self.assertEqual(len(kept(str(self.path))), 3)
        self.assertEqual(sorted(self.found()), [f"line {n:04d}" for n in range(49 - len(self.found()), 49)])
        self.assertGreater(len(self.found()), 30)

    def test_others_names(self) -> None:
        """What others put beside it is never removed."""
        others = [
            "access.log.1",
            "access.log.2.gz",
            "access.log-20260105",
            "access.log.20260105T103344.123Z.bak",
        ]
        for name in others:
            (self.folder / name).touch()
        for _ in range(6):
            self.lines(10)
            self.later(1.0)
        for name in others:
            self.assertTrue((self.folder / name).exists(), name)

    def test_cannot(self) -> None:
        """A file that can't be put aside grows on; that is said, and tried again a minute later."""

        def fail(path: str, fd: int, now: float) -> bool:
            raise PermissionError(13, "Permission denied", path)

        self.patch(linefile, "put_aside", fail)
        self.lines(50)
        self.assertEqual(self.told("log.grows"), 1)
        self.patch(linefile, "put_aside", aside.put_aside)
        self.lines(1)
        self.assertEqual(kept(str(self.path)), [])
        self.later(RETRY_SECONDS)
        self.lines(1)
        self.assertEqual(len(kept(str(self.path))), 1)
        self.assert_all()

    def test_link(self) -> None:
        """A link, as /dev/stdout is one, is never put aside."""
        link = self.folder / "link.log"
        link.symlink_to(self.path)
        log = LineFile(str(link), rotation=self.rotation)
        log.open()
        self.addCleanup(log.close)
        self.lines(50, log)
        self.assertTrue(link.is_symlink())
        self.assertEqual(len(self.found("access.log")), 50)


class AgeTests(Writing):
    """Put aside by age."""

    rotation = Rotation(age=86400.0, keep=2)

    def test_midnight(self) -> None:
        """Each local day has a file; a day without a line has none; the age counts over a new start."""
        self.lines(1)
        self.later(86400)
        self.lines(1)
        self.later(5 * 86400)
        os.utime(self.path, (self.wall - 86400,) * 2)
        self.log.close()
        self.log.open()
        self.lines(1)
        self.assertEqual(self.found("access.log"), ["line 0003"])
        self.assertEqual([self.found(name) for name in kept(str(self.path))], [["line 0001"], ["line 0002"]])

    def test_spans(self) -> None:
        """A day begins at local midnight; no age, no span."""
        before = os.environ.get("TZ")
        self.addCleanup(time.tzset)
        self.addCleanup(lambda: os.environ.update(TZ=before) if before else os.environ.pop("TZ", None))
        os.environ["TZ"] = "XXX-5"  # five hours east
        time.tzset()
        midnight = 86400 * 20000 - 5 * 3600
        self.assertEqual(span(midnight, 86400) - span(midnight - 1, 86400), 1)
        self.assertEqual(span(midnight, 86400), span(midnight + 86399, 86400))
        self.assertEqual(span(midnight, 0), 0)


class TroubleTests(Writing):
    """What a disk does."""

    def test_full(self) -> None:
        """Lines that find no room are lost; the first is told, and their number when there is room again."""
        real = os.write

        def full(fd: int, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        self.lines(1)
        self.patch(os, "write", full)
        self.lines(3)
        self.patch(os, "write", real)
        self.lines(1)
        self.assertEqual((self.told("log.lost"), self.told("log.back")), (1, 1))
        (back,) = [event for event in self.events if event.get("event") == "log.back"]
        self.assertEqual(back["count"], 3)
        self.assertEqual(self.found(), ["line 0001", "line 0005"])

    def test_no_reader(self) -> None:
        """A pipe that nobody reads is an error at once, not a wait."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.assertRaises(OSError, LineFile(str(pipe)).open)

    def test_other_kinds(self) -> None:
        """A pipe with a reader, and a device, take lines as they come."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        log = LineFile(f"/proc/self/fd/{writer}", rotation=Rotation(size=1))
        log.open()
        os.close(writer)
        log.line("one\n")
        log.close()
        self.assertEqual(os.read(reader, 99), b"one\n")
        null = LineFile(os.devnull, rotation=Rotation(size=1))
        null.open()
        null.line("x\n")
        null.close()


class ManyTests(SynchronousTestCase):
    """Processes at once."""

    WRITER = (
        "import sys; from netsuite.linefile import LineFile; from netsuite.aside import Rotation\n"
        "log = LineFile(sys.argv[1], rotation=Rotation(size=2000, keep=1000)); log.open()\n"
        "for n in range(400): log.line(f'{sys.argv[2]} {n}\\n')\n"
        "log.close()\n"
    )

    def test_all_lines(self) -> None:
        """Three processes write to one file that each puts aside when it is full: every line is there."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        command = [sys.executable, "-c", self.WRITER, str(folder / "log")]
        writers = [subprocess.Popen([*command, name]) for name in "abc"]
        self.assertEqual([writer.wait(60) for writer in writers], [0, 0, 0])
        found = [line for path in folder.iterdir() for line in path.read_text().splitlines()]
        self.assertEqual(sorted(found), sorted(f"{name} {n}" for name in "abc" for n in range(400)))
        self.assertGreater(len(list(folder.iterdir())), 2)


class OwnerTests(SynchronousTestCase):
    """Files that root opens for whom it becomes."""

    def setUp(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("NOT TESTED: only root may give files away")
        self.path = Path(self.mktemp()).resolve()
        self.addCleanup(privilege.expect, {})
        self.assertEqual(privilege.expect({"uid": 65534, "gid": None}), [])

    def owner(self) -> int:
        """Who has the file once it was opened."""
        log = LineFile(str(self.path))
        log.open()
        log.close()
        return self.path.stat().st_uid

    def test_given(self) -> None:
        """One that is made, and one that was root's."""
        self.assertEqual(self.owner(), 65534)
        os.chown(self.path, 0, 0)
        self.assertEqual(self.owner(), 65534)

    def test_not_given(self) -> None:
        """One with two names, and what a link points to, stay root's."""
        self.path.touch()
        os.link(self.path, f"{self.path}.other")
        self.assertEqual(self.owner(), 0)
        os.unlink(f"{self.path}.other")
        self.path.rename(f"{self.path}.real")
        self.path.symlink_to(f"{self.path}.real")
        self.assertEqual(self.owner(), 0)

    def test_again(self) -> None:
        """A new start by root opens what was given away, in a folder of everybody's too."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        folder.chmod(0o1777)
        self.path = folder / "x.log"
        for _ in range(2):
            self.assertEqual(self.owner(), 65534)

    def test_nobody(self) -> None:
        """Without --uid nothing is given away, and root stays root; an unknown user is a fault."""
        privilege.expect({"uid": None})
        self.assertTrue(privilege.stays_root())
        self.assertEqual(self.owner(), 0)
        (fault,) = privilege.expect({"uid": 3_999_999_999})
        self.assertIn("no entry", fault)
