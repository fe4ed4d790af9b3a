"""What must not disturb reading and must not be told wrong: the counter or twistd killed, hostile pages."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.real import independent
from tests.real.books import Reading, differences, handbook, words_of, words_path
from tests.real.clients import Reader
from tests.real.hatchery import wordproxy
from tests.real.nginx import Nginx, Site, host
from tests.real.parts import children, until
from tests.scale import NIGHTLY

MIB = 1024 * 1024
BOMB_BYTES = 500 * MIB
LONG_BYTES = 20 * MIB

#: Pages that ended so shortly before a kill may be lost: the flush interval of a second, and as long again
#: for a machine that has other work.
LOST_SECONDS = 2.0

#: After how many pages twistd is killed.
KILLS = (20, 150, 400) if NIGHTLY else (150,)


def write_hostile(folder: Path) -> dict[str, Path]:
    """Pages that try the counter, written to a folder: by name, the file as it is sent."""
    word = b"<p>tide and time " * (MIB // 17)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with (folder / "bomb.html").open("wb") as bomb:
        for _ in range(BOMB_BYTES // len(word)):
            bomb.write(packer.compress(word))
        bomb.write(packer.flush())
    (folder / "long.html").write_bytes(b"<!doctype html><html lang=en>" + word * (LONG_BYTES // len(word)))
    (folder / "random.html").write_bytes(random.Random(3).randbytes(256 * 1024))
    (folder / "cut.html").write_bytes((folder / "bomb.html").read_bytes()[:1000])
    return {path.stem: path for path in folder.glob("*.html")}


class TroubleTests(Reading):
    """Each trouble comes in the middle of reading."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.pages = handbook("en-US")[:60]

    def urls(self, visit: int, pages: Sequence[Path], nginx: Nginx | None = None) -> list[str]:
        """The pages' addresses, plain, on a site that is the visit's own."""
        served = nginx or self.nginx
        return [served.url("plain", f"/handbook-en-US/{page.name}", visit) for page in pages]

    def assert_whole(self, reader: Reader, pages: Sequence[Path]) -> None:
        """All pages arrived, with the origin's bytes."""
        self.assertIsNone(reader.error)
        digests = [hashlib.sha256(page.read_bytes()).hexdigest() for page in pages]
        self.assertEqual([digest for _, digest, _ in reader.finished], digests)

    def coverage(self, site: str, pages: int) -> dict[str, Any]:
        """A site's coverage, once it says something of as many pages."""

        def whole() -> dict[str, Any] | None:
            told: list[dict[str, Any]] = self.proxy.report("/coverage.json?by=host")["by"]
            for part in told:
                if part["host"] == site and part["counted"] + sum(part["skipped"].values()) >= pages:
                    return part
            return None

        return until(f"coverage of {pages} pages on {site}", whole)

    def test_counter_killed(self) -> None:
        """The counter is killed while pages come: all arrive; if one is not counted, it is told."""
        [counter] = children(self.proxy.pid)
        reader = Reader(self.urls(1, self.pages), self.proxy.ports["proxy"])
        reader.start()
        until("ten pages", lambda: len(reader.finished) >= 10)
        os.kill(counter, signal.SIGKILL)
        self.assert_whole(reader.wait(), self.pages)
        told = self.coverage(host("plain", 1), len(self.pages))
        crashed = told["skipped"].get("crashed", 0)
        self.assertEqual(told["skipped"], {"crashed": crashed} if crashed else {})
        self.assertEqual(told["counted"], len(self.pages) - crashed)
        self.assertLessEqual(crashed, 1)
        self.assertNotIn(counter, children(self.proxy.pid))
        ours = words_of(self.proxy.report(words_path(site=host("plain", 1))))
        every = independent.count_files(self.pages)
        possible = (
            [every] if not crashed else [every - independent.count_files([page]) for page in self.pages]
        )
        self.assertIn(ours, possible)

    def test_hostile_pages(self) -> None:
        """A bomb, a huge page, random bytes and a cut stream arrive whole; coverage has each, and why."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        hostile = write_hostile(folder)
        sites = [Site("packed", folder.resolve(), coding="gzip"), Site("bare", folder.resolve())]
        nginx = Nginx([*sites, *self.nginx.sites]).up()
        self.addCleanup(nginx.close)
        where = {"bomb": "packed", "cut": "packed", "long": "bare", "random": "bare"}
        urls = [nginx.url("plain", f"/{where[name]}/{name}.html", 2) for name in sorted(hostile)]
        readers = [Reader([url], self.proxy.ports["proxy"]) for url in urls]
        calm = Reader(self.urls(3, self.pages, nginx), self.proxy.ports["proxy"])
        for reader in (*readers, calm):
            reader.start()
        self.assert_whole(calm.wait(), self.pages)
        for reader, name in zip(readers, sorted(hostile), strict=True):
            self.assert_whole(reader.wait(), [hostile[name]])
        told = self.coverage(host("plain", 2), len(hostile))
        self.assertEqual(told["skipped"].pop("too large"), 2, told)
        self.assertLessEqual(set(told["skipped"]), {"unreadable", "cut short"}, told)
        self.assertEqual(told["counted"] + sum(told["skipped"].values()), 2, told)
        self.settled(self.proxy, independent.count_files(self.pages), 60, site=host("plain", 3))

    def test_killed(self) -> None:
        """twistd is killed under load: the store opens, lacks the last second, and has no page twice."""
        pages = (handbook("en-US") + handbook("fr-FR")) * 10
        urls = [self.nginx.url("plain", f"/handbook-{page.parent.name}/{page.name}", 4) for page in pages]
        for kill in KILLS:
            folder = Path(self.mktemp()).absolute()
            folder.mkdir(parents=True)
            service = wordproxy(folder=folder)
            self.addCleanup(service.close)
            reader = Reader(urls, service.ports["proxy"])
            reader.start()
            until("the moment to kill", lambda wanted=kill, at=reader: len(at.finished) >= wanted)
            killed = time.monotonic()
            service.kill9()
            reader.wait()
            self.assertIsNotNone(reader.error, "reading ended before the kill")
            again = wordproxy(folder=folder)
            self.addCleanup(again.close)
            ours = words_of(again.report(words_path()))
            due = sum(when < killed - LOST_SECONDS for _, _, when in reader.finished)
            self.assert_first_pages(ours, pages[: len(reader.finished) + 1], due)
            again.close()

    def assert_first_pages(self, ours: Counter[str], pages: Sequence[Path], due: int) -> None:
        """The counts are of the first pages, ``due`` at least: none twice, none in part, none left out."""
        sizes = [one.total() for one in independent.count_each(pages)]
        totals = list(itertools.accumulate(sizes, initial=0))
        self.assertIn(ours.total(), totals, "the counts are of no first pages")
        kept = totals.index(ours.total())
        self.assertEqual(differences(ours, independent.count_files(pages[:kept])), {})
        self.assertGreaterEqual(kept, due, f"{kept} of {len(pages)} pages kept")
