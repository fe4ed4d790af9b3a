"""The n-th write, flush, cut or removal of a scripted run fails, or the process dies there, for every n.

``strace --inject`` does it to a real process (RELIABILITY §3 row 8).  Afterwards the store opens, holds what
was acknowledged and only whole batches; and when the same script runs again, nothing is counted twice.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import CoverageQuery, PageQuery, StoreFault
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.scale import NIGHTLY
from tests.wordproxy.store.samples import folder
from tests.wordproxy.store.test_upgrade import make_old

#: Adds batches of two pages, forgets a host, lets retention remove the oldest pages; says what it has done.
SCRIPT = """
import sys
from netsuite.wordproxy.store.contract import Forget, StoreFault
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.wordproxy.store.samples import batch, page
print("started", flush=True)
try:
    store = SqliteStore(sys.argv[1])
    for n in range(1, 9, 2):
        words = "tide", "boat", f"w{n}"
        day = f"2026-01-0{n}"
        told = [("tide", "The tide.")]
        store.add(batch(*(page(n + i, *words, path=str(n), day=day, contexts=told) for i in (0, 1))))
        print(n + 1, flush=True)
    store.add(batch(page(9, "tide", host="sea.example", day="2026-01-08")))
    print(9, flush=True)
    store.forget(Forget(host="sea.example"))
    print("forgotten", flush=True)
    store.retain("2026-01-02")
    print("retained", flush=True)
    store.close()
except StoreFault as fault:
    print("fault", fault, flush=True)
"""

#: Opens a store, which upgrades it if it is an old one.
OPENING = """
import sys
from netsuite.wordproxy.store.contract import StoreFault
from netsuite.wordproxy.store.sqlite import SqliteStore
print("started", flush=True)
try:
    SqliteStore(sys.argv[1]).close()
    print("opened", flush=True)
except StoreFault as fault:
    print("fault", fault, flush=True)
"""

#: What is made to fail, and how.
CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "link", "rename")
WAYS = ("signal=KILL", "error=ENOSPC", "error=EIO")

#: Of how many calls of one kind one is tried.
STEP, UPGRADE_STEP = (1, 1) if NIGHTLY else (199, 113)

#: Of how many calls each way is tried with one.
EVERY = 1 if NIGHTLY else 2

ROOT = str(Path(__file__).parents[3])


def strace(*options: str) -> list[str]:
    """The command that runs what follows under strace."""
    return ["strace", "-f", "-qq", "--seccomp-bpf", *options]


class InjectedTests(SynchronousTestCase):
    def setUp(self) -> None:
        if not shutil.which("strace"):
            raise SkipTest("NOT TESTED: no strace here to make writes fail")
        if subprocess.run([*strace("-o", os.devnull), "true"], capture_output=True).returncode:
            raise SkipTest("NOT TESTED: strace may not trace here, so no write can be made to fail")
        self.folder = folder(self)

    def play(self, path: Path, *options: str, script: str = SCRIPT) -> tuple[list[str], str]:
        """The script runs on the store at ``path``; the lines that it said, and its complaints."""
        done = subprocess.run(
            [*strace(*options), sys.executable, "-c", script, str(path)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": ROOT, "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=120,
        )
        return done.stdout.splitlines(), done.stderr

    def counts(self, script: str = SCRIPT) -> Counter[str]:
        """How often the script makes each call."""
        log = self.folder.parent / "log"
        trace = f"trace={','.join(CALLS)}"
        said, complaints = self.play(self.folder / "words.db", "-o", str(log), "-e", trace, script=script)
        self.assertEqual((said[-1] in ("retained", "opened"), complaints), (True, ""))
        shutil.rmtree(self.folder)
        return Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(errors="replace"), re.M))

    def test_every_call(self) -> None:
        """Whichever call fails or kills: what was acknowledged is there, and a second run does the rest."""
        counts = self.counts()
        self.assertGreater(counts["pwrite64"], 20)
        self.assertGreater(counts["fdatasync"], 5)
        tried = 0
        for at, way in enumerate(WAYS):
            for call, count in list(counts.items())[at % EVERY :: EVERY]:
                for n in range(1 + tried % STEP, count + 1, STEP):
                    self.try_at(way, call, n)
                    tried += 1
        self.assertGreater(tried, 5)

    def try_at(self, way: str, call: str, n: int) -> None:
        where = f"{way} at {call} {n}"
        path = self.folder / "words.db"
        rule = f"inject={call}:{way}:when={n}"
        said, complaints = self.play(path, "-o", os.devnull, "-e", f"trace={call}", "-e", rule)
        self.assertNotIn("Traceback", complaints, where)
        self.assertIn("started", said, where)
        faults = [line for line in said if line.startswith("fault")]
        if way.startswith("error"):
            self.assertEqual(said[-1:] == faults or said[-1] == "retained", True, (where, said))
        kept = max((int(line) for line in said if line.isdigit()), default=0)
        if path.exists():
            self.look(path, kept, "forgotten" in said, where)
        said, complaints = self.play(path, "-o", os.devnull, "-e", "trace=none")
        self.assertEqual((said[-1], complaints), ("retained", ""), where)
        self.look(path, 9, True, where, is_done=True)
        left = {entry.name for entry in self.folder.iterdir() if not entry.name.startswith(".")}
        self.assertEqual(left, {"words.db"}, where)
        shutil.rmtree(self.folder)

    def look(self, path: Path, kept: int, forgotten: bool, where: str, *, is_done: bool = False) -> None:
        """The store is whole, has at least what was kept, and whole batches."""
        try:
            store = SqliteStore(str(path))
        except StoreFault as fault:  # the folder may be left with nothing but a draft; never a broken store
            self.fail(f"{where}: {fault}")
        try:
            counted = store.coverage(CoverageQuery()).total.counted
            pages = store.pages(PageQuery()).total
            tide, boat = store.word("tide", "en"), store.word("boat", "en")
        finally:
            store.close()
        sea = counted % 2
        self.assertGreaterEqual(counted, kept - (kept == 9), where)
        self.assertEqual(boat.word.occurrences if boat else 0, counted - sea, where)
        # the coverage of a host is forgotten last
        self.assertIn(counted - (tide.word.occurrences if tide else 0), {0, sea}, where)
        if forgotten:
            self.assertEqual((counted, sea), (8, 0), where)
        if is_done:
            self.assertEqual(pages, 3, where)

    def test_every_call_of_an_upgrade(self) -> None:
        """Whichever call of an upgrade fails or kills: the old store is there or the new one, whole."""
        path = self.folder / "words.db"
        make_old(str(path))
        counts = self.counts(OPENING)
        self.assertGreater(counts["rename"], 0)
        tried = 0
        for way in WAYS:
            for call, count in counts.items():
                for n in range(1 + tried % UPGRADE_STEP, count + 1, UPGRADE_STEP):
                    make_old(str(path))
                    rule = f"inject={call}:{way}:when={n}"
                    where = f"{way} at {call} {n}"
                    _, complaints = self.play(
                        path, "-o", os.devnull, "-e", f"trace={call}", "-e", rule, script=OPENING
                    )
                    self.assertNotIn("Traceback", complaints, where)
                    self.look_upgraded(path, where)
                    shutil.rmtree(self.folder)
                    tried += 1
        self.assertGreater(tried, 5)

    def look_upgraded(self, path: Path, where: str) -> None:
        store = SqliteStore(str(path))
        try:
            tide = store.word("tide", "en")
            self.assertEqual(store.coverage(CoverageQuery()).total.counted, 4, where)
            self.assertEqual(
                tide and (tide.word.occurrences, tide.forms), (4, [("tide", 4), ("Tide", 2)]), where
            )
        finally:
            store.close()
        left = sorted(entry.name for entry in self.folder.iterdir())
        self.assertEqual((left[0], [name for name in left if "draft" in name]), ("words.db", []), where)
