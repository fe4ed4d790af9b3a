"""webdownload against what happens to machines: kills, full disks, huge files; and nginx as it is."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.client.files import DATE, Served
from tests.client.origin import Asked, Origin, answer
from tests.real import killed
from tests.real.load import GIB, MIB
from tests.real.nginx import Nginx, Site, require_nginx
from tests.scale import NIGHTLY
from tests.scripts.tools import command, environment, finished

#: Runs that are killed; bytes of a sparse file.
KILLS = 1000 if NIGHTLY else 30
SPARSE = 20 * GIB if NIGHTLY else 128 * MIB


class KilledTests(SynchronousTestCase):
    """Killed at any moment."""

    def test_old_or_new(self) -> None:
        """FILE is the old one or the new one, whole, whenever webdownload is killed."""
        folder = Path(self.mktemp())
        folder.mkdir()
        number = folder / "version"

        def serve(asked: Asked) -> Iterator[bytes | float | str]:
            current = int(number.read_text() or 0)
            for piece in Served(killed.version(current), tag=killed.tag(current))(asked):
                assert isinstance(piece, bytes)
                for at in range(0, len(piece), 200_000):
                    yield piece[at : at + 200_000]

        origin = Origin(serve)
        self.addCleanup(origin.close)
        seed = random.randrange(1 << 30)
        words = ["-m", "tests.real.killed", origin.url("/f"), str(folder / "f"), str(number)]
        done = subprocess.run(
            [sys.executable, *words, str(KILLS), str(seed)],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=600,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertNotIn("wrong", told)
        self.assertGreater(told["killed"], 0, told)
        if NIGHTLY:  # of few runs it may be none
            for what in ("new", "old", "began with a part"):
                self.assertGreater(told.get(what, 0), KILLS // 50, told)
            resumed = [asked for asked in origin.asked if asked.get("Range")]
            self.assertGreater(len(resumed), KILLS // 50)


class DiskTests(SynchronousTestCase):
    """A disk with no room."""

    def mounted(self, mib: int) -> Path:
        """A disk of so many MiB."""
        folder = Path(self.mktemp())
        folder.mkdir()
        made = shutil.which("mount") and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)], capture_output=True
        )
        if not made or made.returncode:
            raise SkipTest("NOT TESTED: no disk of its own for this test; only root may mount one")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
        return folder

    def test_full(self) -> None:
        """What can't have room is refused by its length; what fills the disk is 12 and keeps its part."""
        disk = self.mounted(2)
        data = os.urandom(3 * MIB)
        sized = Origin(Served(data))
        endless = Origin(lambda _: [f'HTTP/1.1 200 OK\r\nETag: "a"\r\nDate: {DATE}\r\n\r\n'.encode(), data])
        self.addCleanup(sized.close)
        self.addCleanup(endless.close)
        (disk / "f").write_bytes(b"old")
        code, _, errors = finished(command("webdownload", "-q", "-f", sized.url(), str(disk / "f")))
        self.assertEqual((code, "the disk has room for" in errors), (12, True), errors)
        self.assertEqual(sorted(each.name for each in disk.iterdir()), ["f"])
        code, _, errors = finished(command("webdownload", "-q", "-f", endless.url(), str(disk / "f")))
        self.assertEqual((code, errors), (12, "Error: No space left on device\n"))
        self.assertEqual((disk / "f").read_bytes(), b"old")
        self.assertGreater((disk / "f.part").stat().st_size, MIB)
        self.assertEqual((disk / "f.part").read_bytes(), data[: (disk / "f.part").stat().st_size])

    def test_outputs(self) -> None:
        """Where standard output is closed or left, the file is fetched all the same; then it is 12."""
        origin = Origin(Served())
        self.addCleanup(origin.close)
        for how, told in ((">&-", "is closed\n"), ("| :", "")):
            file = Path(self.mktemp())
            words = ["bash", "-c", f'"$@" {how}; exit ${{PIPESTATUS[0]}}', "bash"]
            code, _, errors = finished([*words, *command("webdownload", origin.url(), str(file))])
            self.assertEqual((code, file.read_bytes()), (12, Served().data), how)
            self.assertEqual(errors, told and f"webdownload: standard output: {told}")

    def test_webcat(self) -> None:
        """webcat -o on a full disk is 12, and leaves nothing behind."""
        disk = self.mounted(1)
        origin = Origin(lambda _: answer(body=bytes(2 * MIB)))
        self.addCleanup(origin.close)
        code, _, errors = finished(command("webcat", "-o", str(disk / "f"), origin.url()))
        self.assertEqual((code, errors, list(disk.iterdir())), (12, "Error: No space left on device\n", []))


class NginxTests(SynchronousTestCase):
    """A server as they are."""

    def setUp(self) -> None:
        """nginx with a folder of files."""
        require_nginx()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.nginx = Nginx([Site("files", self.folder)]).up()
        self.addCleanup(self.nginx.close)
        self.out = Path(self.mktemp())

    def get(self, way: str, name: str, *arguments: str) -> tuple[int, str, str]:
        """Exit status and outputs of webdownload."""
        return finished(
            command("webdownload", *arguments, self.nginx.url(way, f"/files/{name}"), str(self.out))
        )

    def test_continued(self) -> None:
        """A part is continued, a finished one becomes the file; one of another version is not."""
        data = random.Random(3).randbytes(3 * MIB)
        (self.folder / "f").write_bytes(data)
        os.utime(self.folder / "f", (1_700_000_000, 1_700_000_000))
        part, known = Path(f"{self.out}.part"), self.interrupted()
        for cut in (MIB + 1, len(data)):
            self.leave(known, cut)
            code, output, errors = self.get("plain", "f", "-j", "--progress", "none")
            result = json.loads(output)["result"]
            self.assertEqual((code, result["resumed_from"], errors), (0, cut, ""))
            self.assertEqual((self.out.read_bytes(), part.exists()), (data, False))
            self.assertEqual(int(self.out.stat().st_mtime), 1_700_000_000)
            self.out.unlink()
        self.leave(known, MIB)
        new = random.Random(4).randbytes(3 * MIB)
        (self.folder / "f").write_bytes(new)
        code, output, _ = self.get("plain", "f", "-j", "--progress", "none")
        self.assertEqual((code, json.loads(output)["result"]["resumed_from"]), (0, None))
        self.assertEqual(self.out.read_bytes(), new)

    def interrupted(self) -> dict[str, object]:
        """What an interrupted run leaves behind it knows of the part."""
        words = ["--limit-rate", "100K", self.nginx.url("plain", "/files/f"), str(self.out)]
        about = Path(f"{self.out}.part.json")
        with subprocess.Popen(command("webdownload", "-q", *words), env=environment()) as process:
            while not about.exists():
                if process.poll() is not None:
                    raise AssertionError("it ended")
                time.sleep(0.01)
            process.terminate()
        self.assertEqual(process.returncode, 143)
        told: dict[str, object] = json.loads(about.read_text())
        return told

    def leave(self, known: dict[str, object], size: int) -> None:
        """A part of that size is there, as such a run leaves it."""
        Path(f"{self.out}.part").write_bytes((self.folder / "f").read_bytes()[:size])
        Path(f"{self.out}.part.json").write_text(json.dumps({**known, "synced": size}))

    def test_huge(self) -> None:
        """A file of any size takes the same memory."""
        with (self.folder / "huge").open("wb") as file:
            file.truncate(SPARSE)
            file.seek(SPARSE - 1)
            file.write(b"x")
        if shutil.disk_usage(self.out.parent).free < 2 * SPARSE:
            raise SkipTest(f"NOT TESTED: no room for {SPARSE} bytes")
        words = command("webdownload", "-q", self.nginx.url("plain", "/files/huge"), str(self.out))
        most = 0
        with subprocess.Popen(words, env=environment()) as process:
            status = Path(f"/proc/{process.pid}/status")
            while process.poll() is None:
                found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
                most = int(found[1]) if found else most
                time.sleep(0.01)
        self.assertEqual((process.returncode, self.out.stat().st_size), (0, SPARSE))
        self.assertGreater(most, 0)
        self.assertLess(most, 120 * 1024)  # KiB; the interpreter with all modules takes 60 MiB
        self.out.unlink()

    def test_compressed(self) -> None:
        """A server that would compress is asked not to."""
        (self.folder / "page.txt").write_bytes(b"word " * 10_000)
        self.assertEqual(self.get("gzip", "page.txt", "-q")[0], 0)
        self.assertEqual(
            hashlib.sha256(self.out.read_bytes()).digest(), hashlib.sha256(b"word " * 10_000).digest()
        )
