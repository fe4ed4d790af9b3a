"""updatecheck against real servers: nginx, our own pages, and either by way of our own proxy."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests.real.hatchery import HatchedTwistd
from tests.real.nginx import Nginx, Site, require_nginx
from tests.scripts.test_updatecheck import UNCHANGED, UpdatecheckCase


class ServerTests(UpdatecheckCase):
    """Servers that tell the truth, asked directly and through a proxy."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        require_nginx()
        cls.folder = Path(tempfile.mkdtemp(prefix="netsuite-updatecheck-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        (cls.folder / "index.html").write_text("<!DOCTYPE html><title>x</title><p>" + "hello " * 99)
        cls.nginx = Nginx([Site("site", cls.folder)]).up()
        cls.addClassCleanup(cls.nginx.close)
        cls.proxy = HatchedTwistd("proxy", "-p", "0", "--allow-net", "127.0.0.0/8").up()
        cls.addClassCleanup(cls.proxy.close)
        cls.pages = HatchedTwistd("pages", "-p", "0")
        cls.addClassCleanup(cls.pages.close)
        cls.pages.launch()
        cls.home = cls.pages.wait_log(r"http://127\.0\.0\.1:\d+/")[0]

    async def test_tutorial(self) -> None:
        """Row 3-5: nginx and our own pages say 304, also through our own proxy."""
        for url in (self.nginx.url("plain", "/site/index.html"), self.home):
            for environ in ({}, {"http_proxy": self.proxy.proxy}):
                said = await self.said(url, environ=environ)
                self.assertEqual(said, (0, [UNCHANGED], ""), f"{url} {environ}")

    async def test_changes(self) -> None:
        """A file that is written is a change, once; one that is only touched is none; nginx is truthful."""
        page = self.folder / "news.html"
        page.write_text("<p>one")
        path = str(self.folder / "seen.json")
        for way in ("plain", "gzip"):
            url = self.nginx.url(way, "/site/news.html")
            codes = [(await self.said("-s", path, url))[0]]
            page.write_text(f"<p>two, {way}")
            codes += [(await self.said("-s", path, url))[0] for _ in range(2)]
            os.utime(page, (1_700_000_000, 1_700_000_000))
            code, [told] = await self.told("-s", path, url)
            result = told["result"]
            self.assertEqual([*codes, code], [3, 1, 0, 0], way)
            self.assertEqual((result["second"]["status"], result["by"]), (200, "body"))
            self.assertEqual(result["validators"]["lying_304"], 0)
        url = self.nginx.url("gzip", "/site/index.html")
        code, [told] = await self.told("--rounds", "6", "--verify", url)
        self.assertEqual((code, told["result"]["validators"]["verdict"]), (0, "truthful"))
