"""Real books, read through a real proxy: what arrives is the origin's, and every count is right.

The books are Debian's: the handbook in many languages, the reference in Chinese, Japanese and German.  nginx
serves them plain, gzip'd and br'd; curl and Chromium read them through one wordproxy that twistd runs.  The
counts are held against ``independent``, which shares no code with ours.
"""

from __future__ import annotations

import hashlib
import itertools
import statistics
import time
from collections import Counter
from pathlib import Path

from tests.real import independent, parts
from tests.real.books import (
    ACCEPT,
    BOOKS,
    LANGUAGES,
    SETTLE_SECONDS,
    Reading,
    handbook,
    reference,
    words_path,
)
from tests.real.clients import browse, curl, require_chromium
from tests.real.hatchery import wordproxy
from tests.real.nginx import BROTLI, host
from tests.scale import NIGHTLY

#: How many pages of the handbook curl reads in each language, and Chromium in each of two; of the reference.
PAGES_EACH, BROWSED_EACH, REFERENCE_EACH = (8, 100, 1000) if NIGHTLY else (1, 15, 2)

#: A page's counts are in the report so soon after its last byte (DESIGN §7).
COUNTED_SECONDS = 2.0


class CurlTests(Reading):
    """curl reads, by each of nginx's ways of sending."""

    def test_the_codings_are_those(self) -> None:
        """nginx did send the three ways, so that the others tests test what they say."""
        urls = [self.nginx.url(way, "/handbook-en-US/index.html", 5) for way in self.nginx.ports]
        codings = [each.headers.get("content-encoding") for each in curl(urls, self.proxy.proxy, ACCEPT)]
        parts.require("brotli", BROTLI.exists())
        self.assertEqual(codings, [None, "gzip", "br"])

    def test_handbook(self) -> None:
        """Pages of the handbook in eleven languages arrive as sent, and each count is right."""
        for number, language in enumerate(LANGUAGES):
            # Chinese twice and others once: one site and language must not meet two lists of pages.
            visit = number % 4 if language != "zh-TW" else 4
            pages = handbook(language)[number : number + 12 * PAGES_EACH : 12]
            self.read_by_every_way(visit, f"handbook-{language}", language, pages)

    def test_reference(self) -> None:
        """The reference in Japanese, Chinese and German likewise."""
        for language in BOOKS:
            self.read_by_every_way(6, f"reference-{language}", language, reference(language)[:REFERENCE_EACH])

    def test_twice(self) -> None:
        """A page read again shows doubled occurrences, the same pages, and within two seconds."""
        delays: list[float] = []
        wanted: Counter[str] = Counter()
        for page in handbook("de-DE")[:3]:
            url = self.nginx.url("gzip", f"/handbook-de-DE/{page.name}", 7)
            once = independent.count_files([page])
            for times in (1, 2):
                curl([url], self.proxy.proxy, ACCEPT)
                began = time.monotonic()
                wanted += once
                self.settled(self.proxy, wanted, SETTLE_SECONDS, site=host("gzip", 7))
                delays.append(time.monotonic() - began)
                pages = self.proxy.report(words_path(site=host("gzip", 7)))["total"]["pages"]
                self.assertEqual(pages, len(delays) // 2 + (times == 1))
        # The first may find a counter that is still starting; one may be unlucky on a busy machine.
        self.assertLess(statistics.median(delays), COUNTED_SECONDS, delays)


class ChromiumTests(Reading):
    """Chromium reads."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        require_chromium()

    def test_many_pages(self) -> None:
        """Pages of the handbook load, each with the origin's bytes, and every count is right."""
        english, french = (handbook(language)[:BROWSED_EACH] for language in ("en-US", "fr-FR"))
        # One page after the other by nginx's ways in turn.
        read = list(zip(english + french, itertools.cycle(self.nginx.ports)))
        self.assertEqual(len(read), 2 * BROWSED_EACH)
        urls = [self.nginx.url(way, f"/handbook-{page.parent.name}/{page.name}") for page, way in read]
        for (page, _), seen in zip(read, browse(urls, self.proxy.proxy), strict=True):
            self.assertEqual(seen.status, 200, seen.url)
            self.assertEqual(seen.sha256, hashlib.sha256(page.read_bytes()).hexdigest(), seen.url)
        for way in self.nginx.ports:
            for book, language in ((english, "en"), (french, "fr")):
                wanted = independent.count_files(page for page in book if (page, way) in read)
                self.settled(self.proxy, wanted, SETTLE_SECONDS, site=host(way), lang=language)


class RestartTests(Reading):
    """The counts are there after a stop."""

    def test_restart(self) -> None:
        """A clean stop ends with 0, and a start later shows what was counted, and goes on counting."""
        pages = handbook("ru-RU")[:4]
        urls = [self.nginx.url("gzip", f"/handbook-ru-RU/{page.name}", 1) for page in pages]
        wanted = independent.count_files(pages)
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        for times in (1, 2):
            service = wordproxy(folder=folder.resolve())
            self.addCleanup(service.close)
            curl(urls, service.proxy, ACCEPT)
            for word in wanted:
                wanted[word] *= times
            self.settled(service, wanted, SETTLE_SECONDS)
            self.assertEqual(service.stop(), 0, service.log)
            self.assertNotIn("Traceback", service.log)
        service = wordproxy(folder=folder.resolve())
        self.addCleanup(service.close)
        self.settled(service, wanted, 0.0)
