"""The n-th write, flush, cut or removal of a scripted run fails, or the process dies there, for every n.

``strace --inject`` does it to a real process (RELIABILITY §3 row 8).  Afterwards the store opens, has every
answer that was acknowledged and only whole ones; and when the same script runs again, its keys keep anything
from being there twice.
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

from netsuite.formsite.store import FormStore
from tests.scale import NIGHTLY

#: Keeps answers, some together, deletes one, keeps a file; says what it has done.
SCRIPT = """
import sys
from netsuite.formsite.entry import Draft
from netsuite.formsite.store import FormStore
from netsuite.formsite.uploads import Folder
from netsuite.site.posted import Upload
from netsuite.storefile import StoreFault
print("started", flush=True)
try:
    store, folder = FormStore(sys.argv[1]), Folder(sys.argv[1] + ".files")
    folder.prepare(set())
    for n in range(4):
        drafts = [Draft((("n", f"{n}-{i}"), ("text", "x" * 3000)), key=b"%d-%d" % (n, i)) for i in range(3)]
        store.add(drafts, n, ("mail",))
        print("kept", *(f"{n}-{i}" for i in range(3)), flush=True)
    (file,) = folder.keep([Upload("doc", "a.txt", "", b"content")])
    store.add([Draft((("n", "file"),), (file,), key=b"file")], 9)
    print("kept file", flush=True)
    store.delete([entry.id for entry in store.after(0, 99) if ("n", "1-1") in entry.fields])
    print("deleted", flush=True)
    store.close()
except StoreFault as fault:
    print("fault", fault, flush=True)
"""

CALLS = ("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "unlink", "link", "rename")
WAYS = ("signal=KILL", "error=ENOSPC", "error=EIO")

#: Of how many calls of one kind one is tried.
STEP = 1 if NIGHTLY else 197

ROOT = str(Path(__file__).parents[2])

ALL = {*(f"{n}-{i}" for n in range(4) for i in range(3)), "file"}


class InjectedTests(SynchronousTestCase):
    """Every call of the script, failing once."""

    def setUp(self) -> None:
        if not shutil.which("strace"):
            raise SkipTest("NOT TESTED: no strace here to make writes fail")
        if subprocess.run(["strace", "-f", "-qq", "-o", os.devnull, "true"], capture_output=True).returncode:
            raise SkipTest("NOT TESTED: strace may not trace here, so no write can be made to fail")
        self.folder = Path(self.mktemp())

    def play(self, *options: str) -> tuple[list[str], str]:
        """The script runs; the lines that it said, and its complaints."""
        done = subprocess.run(
            ["strace", "-f", "-qq", "--seccomp-bpf", *options, sys.executable, "-c", SCRIPT, str(self.path)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": ROOT, "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=120,
        )
        return done.stdout.splitlines(), done.stderr

    @property
    def path(self) -> Path:
        return self.folder / "forms.db"

    def test_every_call(self) -> None:
        """Whichever call fails or kills: what was acknowledged is there, and a second run does the rest."""
        log = self.folder.with_suffix(".log")
        said, complaints = self.play("-o", str(log), "-e", f"trace={','.join(CALLS)}")
        self.assertEqual((said[-1], complaints), ("deleted", ""))
        shutil.rmtree(self.folder)
        counts = Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(errors="replace"), re.M))
        self.assertGreater(counts["fdatasync"], 5)
        tried = 0
        for way in WAYS:
            for call, count in counts.items():
                for n in range(1 + tried % STEP, count + 1, STEP):
                    self.try_at(way, call, n)
                    tried += 1
        self.assertGreater(tried, 2)

    def try_at(self, way: str, call: str, n: int) -> None:
        where = f"{way} at {call} {n}"
        said, complaints = self.play(
            "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:{way}:when={n}"
        )
        if call == "write" and "Error" in complaints:  # it was the script's own word that failed
            complaints = ""
        self.assertNotIn("Traceback", complaints, where)
        kept = {one for line in said if line.startswith("kept") for one in line.split()[1:]}
        if "deleted" in said:
            kept.discard("1-1")
        if self.path.exists():
            found = self.found()
            self.assertEqual(kept - found - {"1-1"}, set(), where)
        said, complaints = self.play("-o", os.devnull, "-e", "trace=none")
        self.assertEqual((said[-1], complaints), ("deleted", ""), where)
        self.assertEqual(self.found(), ALL - {"1-1"}, where)
        left = {one.name for one in self.folder.iterdir() if not one.name.startswith(".")}
        self.assertEqual(left, {"forms.db", "forms.db.files"}, where)
        shutil.rmtree(self.folder)

    def found(self) -> set[str]:
        """The answers in the store: each once, whole, its file in its place."""
        store = FormStore(str(self.path))
        try:
            entries = store.after(0, 99, "all")
        finally:
            store.close()
        names = [entry.fields[0][1] for entry in entries]
        self.assertEqual(len(names), len(set(names)))
        for entry in entries:
            self.assertIn(len(entry.fields), (1, 2))
            for file in entry.files:
                self.assertEqual((self.folder / "forms.db.files" / file.stored).read_bytes(), b"content")
        return set(names)
