"""Debian's books, served by nginx and read through a wordproxy: what tests of reading share."""

from __future__ import annotations

import time
import urllib.parse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.real import independent, parts
from tests.real.clients import Fetched, curl
from tests.real.hatchery import wordproxy
from tests.real.nginx import Nginx, Site, host, require_nginx
from tests.real.parts import HANDBOOK, REFERENCE, Twistd

#: The handbook's languages that curl reads: many scripts, and those with a quirk.
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
BOOKS = ("ja", "zh-cn", "de")

#: As curl sends it; nginx then gzips or brs where it may.
ACCEPT = 'header = "Accept-Encoding: gzip, br"'

#: Fields that a proxy may add, and those of one hop (RFC 9110 §7.6.1), are not compared; Date is the clock's.
NOT_COMPARED = {"via", "connection", "keep-alive", "transfer-encoding", "date"}

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
        require_nginx()
        independent.require_node()
        parts.require("handbook", HANDBOOK.exists())
        parts.require("reference", all(reference(language) for language in BOOKS))
        sites = [Site(f"handbook-{one}", HANDBOOK / one, one) for one in (*LANGUAGES, "de-DE")]
        sites += [Site(f"reference-{one}", REFERENCE, one) for one in BOOKS]
        cls.nginx = Nginx(sites).up()
        cls.addClassCleanup(cls.nginx.close)
        cls.proxy = wordproxy()
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
