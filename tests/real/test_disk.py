"""The store's disk in trouble under a real service: pages pass, a line is logged, counting resumes."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import SkipTest

from tests.real.cluster import Fleet, Node
from tests.real.exactness import Found, faults
from tests.real.hatchery import HatchedTwistd
from tests.real.numbered import Readers, read_all
from tests.real.parts import START_SECONDS, require, until
from tests.scale import NIGHTLY

#: Seconds that a disk stays full: nightly long enough for the second line.
FULL_SECONDS = 130 if NIGHTLY else 2

#: Room for all pages of the load.
DISK_MIB = 32 if NIGHTLY else 4

#: How long what waited may take to be stored, on a busy machine.
CAUGHT_UP_SECONDS = 240.0

#: Errors that a disk gives: with a quota, when it was mounted read-only since, when it breaks.
ERRORS = ("EROFS", "EDQUOT", "EFBIG", "EIO", "ENOSPC") if NIGHTLY else ("EROFS", "EDQUOT")

#: Words that are in a line of the log that tells of the store.
TROUBLE = re.compile(
    r"^.*words\.db .*(?:no room|failed|written|opened|newer|replaced|removed|gone|damaged).*$", re.M
)


class Disk(Fleet):
    """A test with a store on a disk that it spoils."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-disk-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = self.folder / "words.db"

    def mount(self) -> None:
        """The folder is a small disk."""
        made = shutil.which("mount") and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(self.folder)],
            capture_output=True,
        )
        if not made or made.returncode:
            raise SkipTest("NOT TESTED: no disk of its own for this test; only root may mount one")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(self.folder)], check=True)

    def counter(self, node: Node) -> int:
        """The process of the node's counter, once it is ready."""
        return until("a counter", lambda: node.running.report("/healthz")["counter"])

    def troubled(self, node: Node) -> list[str]:
        """The lines of the log that tell of the store's trouble."""
        return TROUBLE.findall(node.running.log)

    def assert_exact(self, readers: Readers, node: Node) -> None:
        """All was delivered, all is counted, nothing was skipped."""
        readers.stop()
        self.assertEqual(readers.broken, [])
        until("nothing waits", lambda: node.waiting == 0, CAUGHT_UP_SECONDS)
        self.assertEqual(node.running.stop(), 0)
        self.assertEqual(faults(readers.told, Found.of(str(self.store))), [])
        self.assertNotIn("Traceback", node.running.log)


class DiskTests(Disk):
    """One node whose store is on a disk that we spoil."""

    def test_full(self) -> None:
        """The disk is full under load: pages pass, a line a minute; with room again all are counted."""
        self.mount()
        node = self.node("one", str(self.store))
        readers = Readers(self.book, node.proxy, rate=60.0)  # so that all of them may wait
        readers.more(30)
        filler = self.folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        until("trouble", lambda: self.troubled(node))
        end = time.monotonic() + FULL_SECONDS
        while time.monotonic() < end:
            readers.more(30)
        self.assertLessEqual(len(self.troubled(node)), 1 + FULL_SECONDS // 60)
        self.assertGreater(node.waiting, 50)
        filler.unlink()
        readers.more(50)
        self.assert_exact(readers, node)

    def test_quota(self) -> None:
        """The store may grow no further (a limit on file sizes): the same."""
        node = self.node("one", str(self.store))
        readers = Readers(self.book, node.proxy, rate=100.0)
        readers.more(30)
        counter = self.counter(node)
        resource.prlimit(counter, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        until("trouble", lambda: self.troubled(node))
        readers.more(100)
        resource.prlimit(counter, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        readers.more(50)
        self.assertEqual(self.counter(node), counter)
        self.assert_exact(readers, node)

    def test_errors(self) -> None:
        """Whatever a write to the disk answers, under load, counting goes on when it answers otherwise."""
        node = self.node("one", str(self.store))
        readers = Readers(self.book, node.proxy, rate=100.0)
        readers.more(30)
        for error in ERRORS:
            with self.failing(self.counter(node), error):
                until(f"pages wait, for {error}", lambda: node.waiting > 150)
            until(f"they are counted, after {error}", lambda: node.waiting < 100)
        self.assertLessEqual(len(self.troubled(node)), len(ERRORS))
        self.assert_exact(readers, node)

    @contextlib.contextmanager
    def failing(self, pid: int, error: str) -> Iterator[None]:
        """Writes of a process to files fail meanwhile."""
        require("strace", shutil.which("strace"))
        command = ["strace", "-f", "-e", "trace=pwrite64", "-e", f"inject=pwrite64:error={error}"]
        trace = self.folder / "trace"
        with subprocess.Popen([*command, "-o", str(trace), "-p", str(pid)], stderr=subprocess.PIPE) as strace:
            assert strace.stderr is not None
            if b"attached" not in strace.stderr.readline():
                require("strace", None)
            try:
                yield
            finally:
                strace.send_signal(signal.SIGINT)  # it lets go
                strace.wait(START_SECONDS)

    def test_read_only(self) -> None:
        """On a disk that was mounted read-only the service says so in one line and ends; then it starts."""
        self.mount()
        node = self.node("one", str(self.store))
        delivered = read_all(self.book, node.proxy, range(20))
        self.assertEqual(node.running.stop(), 0)
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)
        self.refused(str(self.store), "permission|written|opened")
        subprocess.run(["mount", "-o", "remount,rw", str(self.folder)], check=True)
        node.up()
        self.assertEqual(node.running.report("/coverage.json")["counted"], len(delivered))

    def refused(self, store: str, pattern: str) -> None:
        """A service with that store ends with 1 after one line that says why."""
        service = HatchedTwistd("wordproxy", "-p", "0", "-r", "0", "-s", store)
        self.addCleanup(service.close)
        service.launch()
        self.assertEqual(service.wait(START_SECONDS), 1)
        self.assertRegex(service.log, pattern)
        said = [line for line in service.log.splitlines() if line.startswith("netsuite:")]
        self.assertEqual(len(said), 1, service.log)
        self.assertNotIn("Traceback", service.log)

    def test_newer(self) -> None:
        """A store that a newer version has taken over: pages pass and wait, and it is not touched."""
        node = self.node("one", str(self.store))
        readers = Readers(self.book, node.proxy, rate=100.0)
        readers.more(30)
        with contextlib.closing(sqlite3.connect(self.store, timeout=30)) as other:
            (schema,) = other.execute("PRAGMA user_version").fetchone()
            other.execute("PRAGMA user_version = 99")
            os.kill(self.counter(node), signal.SIGKILL)  # the next one opens it
            until("trouble", lambda: self.troubled(node))
            self.assertIn("newer", self.troubled(node)[-1])
            self.refused(str(self.store), "newer")
            readers.more(50)
            self.assertEqual(other.execute("PRAGMA user_version").fetchone(), (99,))
            other.execute(f"PRAGMA user_version = {schema}")
        readers.more(50)
        readers.stop()
        until("nothing waits", lambda: node.waiting == 0, CAUGHT_UP_SECONDS)
        self.assertEqual(node.running.stop(), 0)
        self.assertEqual(faults(readers.told, Found.of(str(self.store)), reasons=["crashed"]), [])

    def test_two_services(self) -> None:
        """Two whole wordproxies count into one file under load: their sum is exact, and both show it."""
        nodes = [self.node(name, str(self.store)) for name in ("one", "two")]
        first = Readers(self.book, nodes[0].proxy, rate=150.0, numbers=iter(range(0, 100_000, 2)))
        second = Readers(self.book, nodes[1].proxy, rate=150.0, numbers=iter(range(1, 100_000, 2)))
        for readers in (first, second):
            readers.reached(3000 if NIGHTLY else 250)
        for readers in (first, second):
            readers.stop()
            self.assertEqual(readers.broken, [])
        for node in nodes:
            until(
                "it shows all",
                lambda at=node: (
                    at.running.report("/coverage.json")["counted"] == sum(self.book.sent.values())
                ),
            )
        for node in nodes:
            self.assertEqual(node.running.stop(), 0)
        told = first.told
        told.delivered = [*first.delivered, *second.delivered]
        self.assertEqual(faults(told, Found.of(str(self.store))), [])
