"""The container's recipe, done without an engine: it runs, counts, says how it is, and keeps its counts."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import ClassVar
from unittest import TestCase

from tests.real.container import Container
from tests.real.parts import ROOT, until
from tests.scale import NIGHTLY

CONTAINERFILE = ROOT / "deploy/container/Containerfile"

#: An address that an engine's network would have, and one of nobody's.
NEAR, FAR = "172.30.80.9", "192.0.2.9"

#: Asks for a URL, through a proxy or not, from an address; prints status and body.
ASK = """
import http.client, sys
source, host, port, target = sys.argv[1:]
link = http.client.HTTPConnection(host, int(port), timeout=20, source_address=(source, 0))
try:
    link.request("GET", target, headers={"Host": "localhost:8000"} if target[0] == "/" else {})
    answer = link.getresponse()
    print(answer.status, answer.read().decode())
except (OSError, http.client.HTTPException) as error:
    print(type(error).__name__)
"""


class RunTests(TestCase):
    """The image, made and run."""

    box: ClassVar[Container]
    pages: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.box = cls.enterClassContext(Container(CONTAINERFILE, is_whole=NIGHTLY))
        cls.box.said("ip", "addr", "add", f"{NEAR}/16", "dev", "lo")
        cls.box.said("ip", "addr", "add", f"{FAR}/32", "dev", "lo")
        cls.pages = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (cls.pages / "page.html").write_text("<p>Zebras gallop past seventeen zebras.")
        server = cls.box.beside(
            sys.executable, "-m", "http.server", "-b", "127.0.0.1", "-d", str(cls.pages), "9000"
        )
        cls.addClassCleanup(server.communicate)
        cls.addClassCleanup(server.kill)

    def asked(self, port: int, target: str, source: str = NEAR) -> str:
        """What is answered to somebody at an address."""
        return self.box.said(sys.executable, "-c", ASK, source, NEAR, str(port), target).strip()

    def healthy(self) -> bool:
        """What the health check says."""
        return self.box.run(*self.box.image.health).returncode == 0

    def started(self) -> None:
        """It runs, and is healthy."""
        before = self.box.text.count("netsuite: wordproxy; admin ")
        self.box.start(NETSUITE_WORDPROXY_ALLOW_NET="127.0.0.0/8")

        def probe() -> bool:
            if self.box.process is None or self.box.process.poll() is not None:
                self.fail(self.box.text)
            return self.box.text.count("netsuite: wordproxy; admin ") > before

        until("it is up", probe)
        self.assertTrue(self.healthy(), self.box.text)

    def counted(self) -> int:
        """How often the word of the page has been met."""
        status, _, body = self.asked(8000, "/words.json?all=1").partition(" ")
        self.assertEqual(status, "200", body)
        words = {each["word"].lower(): each["occurrences"] for each in json.loads(body)["words"]}
        return int(words.get("zebras", 0))

    def test_life(self) -> None:
        """It starts with nothing but its volume, counts, is healthy; killed it is not; its counts stay."""
        self.started()
        self.assertIn("Zebras gallop", self.asked(8001, "http://127.0.0.1:9000/page.html"))
        until("the page is counted", lambda: self.counted() == 2)
        self.judge_confinement()
        self.judge_access()
        os.kill(self.box.first(), signal.SIGKILL)
        self.box.wait()
        self.assertFalse(self.healthy())
        self.started()
        self.assertEqual(self.counted(), 2)
        os.kill(self.box.first(), signal.SIGTERM)
        self.assertEqual(self.box.wait(), 0, self.box.text)
        self.assertNotIn("Traceback", self.box.text)

    def judge_confinement(self) -> None:
        """It is no root, has no capabilities, and can write nothing but its volume."""
        state = dict(
            line.split(":", 1) for line in Path(f"/proc/{self.box.first()}/status").read_text().splitlines()
        )
        self.assertEqual(state["Uid"].split(), ["1000"] * 4)
        self.assertEqual(state["Gid"].split(), ["1000"] * 4)
        self.assertEqual({int(state[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")}, {0})
        for place in ("/", "/etc", "/opt/netsuite", "/tmp"):
            self.assertNotEqual(self.box.run("/bin/sh", "-c", f"echo x >{place}/x").returncode, 0, place)
        for kept in self.box.volume.rglob("*"):
            self.assertEqual(kept.stat().st_mode & 0o077, 0, kept)

    def judge_access(self) -> None:
        """Who is in no network of an engine's is not let in."""
        for port, target in ((8000, "/words.json"), (8001, "http://127.0.0.1:9000/page.html")):
            self.assertNotIn("200", self.asked(port, target, FAR)[:3])
        self.assertIn(FAR, self.box.text)
