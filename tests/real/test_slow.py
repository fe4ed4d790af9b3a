"""Slow clients, as slowhttptest makes them: heads, bodies and reading that never end.  Others are served."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.real import parts
from tests.real.origin.sites import start
from tests.real.origin.visit import Site
from tests.real.parts import Twistd, until
from tests.scale import NIGHTLY

#: Connections of each attack, and seconds that it may go on.
CONNECTIONS, SECONDS = (1000, 120) if NIGHTLY else (80, 30)

#: The site's patience, in seconds; and its most connections: more than all that attack at once.
LIMITS = ("--head-time", "1", "--body-time", "2", "--idle", "2", "--max-clients", "8000")

ATTACKS = {
    "head": ("-H", "-x", "10"),
    "body": ("-B", "-x", "10"),
    "read": ("-X", "-w", "10", "-y", "20", "-n", "1", "-z", "5", "-k", "3"),
}


class SlowTests(SynchronousTestCase):
    """``twistd colors`` with little patience."""

    name, others = "colors", "/color/ff0000.json"
    service: ClassVar[Twistd]
    site: ClassVar[Site]

    @classmethod
    def setUpClass(cls) -> None:
        parts.require("slowhttptest", shutil.which("slowhttptest"))
        cls.service, cls.site = start(cls.name, *LIMITS)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.service.close()

    def descriptors(self) -> int:
        """How many descriptors the service has open."""
        return len(list(Path(f"/proc/{self.service.pid}/fd").iterdir()))

    def attack(self, kind: str, folder: Path) -> subprocess.Popen[str]:
        """An attack has begun; it ends when all its connections are closed, or after `SECONDS`."""
        count, page = str(CONNECTIONS), self.site.page.decode()
        options = ("-c", count, "-r", count, "-i", "1", "-l", str(SECONDS), "-p", "10", "-v", "1")
        command = ["slowhttptest", *ATTACKS[kind], *options, "-u", f"http://127.0.0.1:{self.site.port}{page}"]
        output = (folder / kind).open("w")
        self.addCleanup(output.close)
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, text=True)
        self.addCleanup(_end, process)
        return process

    def test_slow(self) -> None:
        """Three attacks at once: every other request is answered, and all that is held is let go."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        before = self.descriptors()
        running = {kind: self.attack(kind, Path(folder.name)) for kind in ATTACKS}
        served, slowest = 0, 0.0
        until("the attack is there", lambda: self.descriptors() > before + 60)
        while any(running[kind].poll() is None for kind in ("head", "body")):
            began = time.monotonic()
            with opener.open(f"http://127.0.0.1:{self.site.port}{self.others}", timeout=20) as answer:
                self.assertEqual(answer.status, 200)
            slowest = max(slowest, time.monotonic() - began)
            served += 1
        until("all is let go", lambda: self.descriptors() <= before + 8)
        self.assertGreater(served, 10)
        for kind in ("head", "body"):
            told = (Path(folder.name) / kind).read_text()
            self.assertIn("No open connections left", told, kind)
            self.assertNotIn("NO", re.findall(r"service available:\W*(?:\[\d+m)?(\w+)", told), kind)
        self.assertGreater(self.service.log.count("408: the head took too long"), 0.9 * CONNECTIONS)
        self.assertGreater(self.service.log.count("408: the body took too long"), 0.9 * CONNECTIONS)
        self.assertNotIn("Traceback", self.service.log)
        sys.stdout.write(
            f"{served} requests of others beside 3 x {CONNECTIONS} slow ones, the slowest {slowest:.3f} s\n"
        )


if NIGHTLY:

    class FormsiteSlowTests(SlowTests):
        """``twistd formsite``, whose connections are of the same code."""

        name, others = "formsite", "/"


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
