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
import urllib.parse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.real import independent, parts
from tests.real.parts import HANDBOOK, REFERENCE, Fetched, Nginx, Site, Twistd, browse, curl, host

#: The handbook's languages that curl reads, some pages each: many scripts, and those with a quirk.
LANGUAGES = (
    "en-US",
    "fr-FR",
    "ru-RU",
    "ar-MA",
    "el-GR",
    "ko-KR",
    "ja-JP",
    "zh-CN",
    "zh-TW",
    "vi-VN",
    "it-IT",
)
PAGES_EACH = 8
BOOKS = ("ja", "zh-cn", "de")
BROWSED = 200

#: As curl sends it; nginx then gzips or brs where it may.
ACCEPT = 'header = "Accept-Encoding: gzip, br"'

#: Fields that a proxy may add, and those of one hop (RFC 9110 §7.6.1), are not compared; Date is the clock's.
NOT_COMPARED = {"via", "connection", "keep-alive", "transfer-encoding", "date"}

#: A page's counts are in the report so soon after its last byte (DESIGN §7).
COUNTED_SECONDS = 2.0

#: How long the report may lag behind a great many pages at once, before the counts are called wrong.
SETTLE_SECONDS = 60.0


def handbook(language: str) -> list[Path]:
    """The handbook's pages in a language."""
    return sorted((HANDBOOK / language).glob("*.html"))


def reference(language: str) -> list[Path]:
    """The reference's pages in a language."""
    return sorted(REFERENCE.glob(f"*.{language}.html"))


def end_to_end(fetched: Fetched) -> dict[str, str]:
    """The fields of an answer that no proxy may touch."""
    return {name: value for name, value in fetched.headers.items() if name not in NOT_COMPARED}


def words_path(**query: object) -> str:
    """The report's address of all words, of a site or a language."""
    return "/words.json?" + urllib.parse.urlencode({"all": 1, "limit": 0, **query})


def words_of(report: dict[str, Any]) -> Counter[str]:
    """The words of a report, by what they are compared by."""
    counter: Counter[str] = Counter()
    for entry in report["words"]:
        counter[independent.compared(entry["word"])] += entry["occurrences"]
    return counter


def differences(ours: Counter[str], theirs: Counter[str]) -> dict[str, tuple[int, int]]:
    """Words whose counts differ: ours, and the independent one."""
    return {word: (ours[word], theirs[word]) for word in ours | theirs if ours[word] != theirs[word]}


class Reading(SynchronousTestCase):
    """What tests of a served book share: nginx, and a wordproxy before it."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        parts.require_nginx()
        independent.require_node()
        parts.require("handbook", HANDBOOK.exists())
        parts.require("reference", all(reference(language) for language in BOOKS))
        sites = [Site(f"handbook-{one}", HANDBOOK / one, one) for one in (*LANGUAGES, "de-DE")]
        sites += [Site(f"reference-{one}", REFERENCE, one) for one in BOOKS]
        cls.nginx = Nginx(sites).up()
        cls.addClassCleanup(cls.nginx.close)
        cls.proxy = parts.wordproxy()
        cls.addClassCleanup(cls.proxy.close)

    def settled(self, service: Twistd, wanted: Counter[str], seconds: float, **query: object) -> None:
        """The report comes to show exactly these words; else the differences are the failure."""
        end = time.monotonic() + seconds
        while True:
            report = service.report(words_path(**query))
            if report["total"]["occurrences"] >= wanted.total() or time.monotonic() > end:
                break
            time.sleep(0.1)
        wrong = differences(words_of(report), wanted)
        shown = dict(sorted(wrong.items())[:40])
        self.assertEqual(shown, {}, f"{len(wrong)} words differ (ours, independent) for {query}")

    def fetched_alike(self, urls: Sequence[str]) -> None:
        """Through the proxy each URL gives what it gives directly, byte for byte, fields too."""
        direct, proxied = curl(urls, None, ACCEPT), curl(urls, self.proxy.proxy, ACCEPT)
        for url, one, other in zip(urls, direct, proxied, strict=True):
            self.assertEqual((other.status, len(other.body)), (200, len(one.body)), url)
            self.assertEqual(other.body, one.body, url)
            fields = [
                {k: v for k, v in each.headers.items() if k not in NOT_COMPARED} for each in (one, other)
            ]
            self.assertEqual(fields[1], fields[0], url)

    def read_by_every_way(self, visit: int, name: str, language: str, pages: list[Path]) -> None:
        """Pages read plain, gzip'd and br'd came whole, and are counted right on each way's site."""
        urls = [f"/{name}/{page.name}" for page in pages]
        wanted = independent.count_files(pages)
        for way in self.nginx.ports:
            self.fetched_alike([self.nginx.url(way, url, visit) for url in urls])
        primary = language.partition("-")[0].lower()
        for way in self.nginx.ports:
            self.settled(self.proxy, wanted, SETTLE_SECONDS, site=host(way, visit), lang=primary)


class CurlTests(Reading):
    """curl reads, by each of nginx's ways of sending."""

    def test_the_codings_are_those(self) -> None:
        """nginx did send the three ways, so that the others tests test what they say."""
        urls = [self.nginx.url(way, "/handbook-en-US/index.html", 5) for way in self.nginx.ports]
        codings = [each.headers.get("content-encoding") for each in curl(urls, self.proxy.proxy, ACCEPT)]
        parts.require("brotli", parts.BROTLI.exists())
        self.assertEqual(codings, [None, "gzip", "br"])

    def test_handbook(self) -> None:
        """Pages of the handbook in eleven languages arrive as sent, and each count is right."""
        for number, language in enumerate(LANGUAGES):
            # Chinese twice and others once: one site and language must not meet two lists of pages.
            visit = number % 4 if language != "zh-TW" else 4
            pages = handbook(language)[number : number + 12 * PAGES_EACH : 12]
            self.read_by_every_way(visit, f"handbook-{language}", language, pages)

    def test_reference(self) -> None:
        """The whole reference in Japanese, Chinese and German likewise."""
        for language in BOOKS:
            self.read_by_every_way(6, f"reference-{language}", language, reference(language))

    def test_twice(self) -> None:
        """A page read again shows doubled occurrences, the same pages, and within two seconds."""
        delays: list[float] = []
        wanted: Counter[str] = Counter()
        for page in handbook("de-DE")[:6]:
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
        parts.require_chromium()

    def test_two_hundred_pages(self) -> None:
        """200 pages of the handbook load, each with the origin's bytes, and every count is right."""
        english = handbook("en-US")
        french = handbook("fr-FR")[: BROWSED - len(english)]
        # One page after the other by nginx's ways in turn.
        read = list(zip(english + french, itertools.cycle(self.nginx.ports)))
        self.assertEqual(len(read), BROWSED)
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
        pages = handbook("ru-RU")[:10]
        urls = [self.nginx.url("gzip", f"/handbook-ru-RU/{page.name}", 1) for page in pages]
        wanted = independent.count_files(pages)
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        for times in (1, 2):
            service = parts.wordproxy(folder=folder.resolve())
            self.addCleanup(service.close)
            curl(urls, service.proxy, ACCEPT)
            for word in wanted:
                wanted[word] *= times
            self.settled(service, wanted, SETTLE_SECONDS)
            self.assertEqual(service.stop(), 0, service.log)
            self.assertNotIn("Traceback", service.log)
        service = parts.wordproxy(folder=folder.resolve())
        self.addCleanup(service.close)
        self.settled(service, wanted, 0.0)
