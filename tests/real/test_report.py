"""The report in a real browser, over pages that were really read: looks, keys, story, enemies."""

from __future__ import annotations

import shutil
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import PageQuery
from netsuite.wordproxy.store.sqlite import SqliteStore
from tests.real import parts
from tests.real.books import handbook
from tests.real.clients import curl, require_axe, told_by
from tests.real.hatchery import wordproxy
from tests.real.nginx import Nginx, Site, require_nginx
from tests.real.parts import HANDBOOK, Twistd
from tests.scale import NIGHTLY
from tests.wordproxy.report.test_hostile import HOSTILE
from tests.wordproxy.store.samples import batch, folder, page

#: Handbooks that are read, and how many pages of each.
LANGUAGES, PAGES = ("en-US", "zh-CN", "ar-MA"), 12

BROWSER_SECONDS = 300.0

VIEWS = (
    "/",
    "/words",
    "/unknown",
    "/known",
    "/sites",
    "/pages",
    "/days",
    "/langs",
    "/coverage",
    "/compare?a_from=2020-01-01&least=1",
    "/search?q=deb*",
    "/setup",
    "/interception",
    "/forget",
    "/forget?what=everything",
    "/word/debian?lang=en",
    "/nowhere",
)


#: Views with as many rows as are asked for.
LISTS = ("/words", "/unknown", "/pages", "/compare", "/search", "/page/")


class InBrowser(SynchronousTestCase):
    """A wordproxy, and Chromium before its report."""

    service: ClassVar[Twistd]
    page: ClassVar[dict[str, Any]]

    def check(self, name: str, views: list[str] | tuple[str, ...] = ()) -> list[str]:
        """What the browser told of one check."""
        base = f"http://127.0.0.1:{self.service.ports['report']}"
        order = {"program": shutil.which("chromium"), "base": base, "views": views, "checks": [name]}
        order["whole"] = NIGHTLY
        told: dict[str, list[str]] = told_by("report_browser", order, BROWSER_SECONDS)
        return told[name]


class ReadTests(InBrowser):
    """Over the Debian handbook in three languages, read through the proxy."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        require_nginx()
        parts.require("handbook", HANDBOOK.exists())
        require_axe()
        nginx = Nginx([Site(f"handbook-{one}", HANDBOOK / one, one) for one in LANGUAGES]).up()
        cls.addClassCleanup(nginx.close)
        cls.service = wordproxy()
        cls.addClassCleanup(cls.service.close)
        way = next(iter(nginx.ports))
        names = [f"/handbook-{one}/{page.name}" for one in LANGUAGES for page in handbook(one)[:PAGES]]
        curl([nginx.url(way, name) for name in names], cls.service.proxy)
        parts.until("all is counted", lambda: cls.service.report("/coverage.json")["counted"] == len(names))
        cls.page = cls.service.report("/pages.json?limit=1")["pages"][0]

    def views(self) -> list[str]:
        """All views, also of one site and one page; those with long lists are shorter for a push."""
        views = [*VIEWS, f"/site/{self.page['host']}", f"/page/{self.page['id']}"]
        if NIGHTLY:
            return views
        return [
            f"{view}{'&' if '?' in view else '?'}limit=12" if view.startswith(LISTS) else view
            for view in views
        ]

    def test_axe(self) -> None:
        """axe-core finds nothing wrong, and nothing is wider than its screen, a phone or a wide one."""
        self.assertEqual(self.check("axe", self.views()), [])

    def test_keys(self) -> None:
        """Tab reaches all that can be used, and where it is can be seen."""
        self.assertEqual(
            self.check(
                "keys", ["/", "/words?limit=20", "/unknown?limit=20", "/known", "/word/debian?lang=en"]
            ),
            [],
        )

    def test_without_scripts(self) -> None:
        """Without scripts a word is marked and the mark undone."""
        self.assertEqual(self.check("plain"), [])

    def test_story(self) -> None:
        """Marks by one click, a share that rises, Anki's file without doubles, a page forgotten."""
        told = self.check("story")
        self.assertEqual(sum(line.startswith("marked ") for line in told), 3)
        self.assertIn("stays True", told)
        self.assertIn("share rose True", told)
        first, again = [line for line in told if line.endswith(" words")]
        self.assertEqual(first, again)
        self.assertEqual(told[-2:], ["It is forgotten.", "gone True"], told)


class HostileTests(InBrowser):
    """Over a store of words, titles, hosts and addresses that would like to run."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        require_axe()

    def test_nothing_runs(self) -> None:
        """No script runs, no style is refused, no request leaves, on any view."""
        path = folder(self)
        path.mkdir(mode=0o700)
        store = SqliteStore(str(path / "words.db"))
        for n, text in enumerate(HOSTILE, 1):
            met = page(n, (text, text, 3, 0), "tide", host=text[:200], title=text, path=str(n))
            url = text if n % 2 else f"http://news.example/{text}"
            store.add(
                batch(msgspec.structs.replace(met, url=url, contexts=[("tide", f"{text} tide {text}")]))
            )
        pages = [f"/page/{row.id}" for row in store.pages(PageQuery(limit=0)).pages]
        store.close()
        type(self).service = wordproxy("-s", str(path / "words.db"))
        self.addCleanup(self.service.close)
        named = [f"/{kind}/{quote(text, safe='')}" for text in HOSTILE for kind in ("word", "site")]
        searched = [f"/search?q={quote(text[:90])}" for text in HOSTILE]
        views = [*VIEWS[:-1], "/word/tide?lang=en", *pages, *named, *searched]
        told = [line for line in self.check("hostile", views) if "status of 4" not in line]
        self.assertEqual(told, [])
