"""Pictures of the report for the documentation: ``python -m tests.real.report_pictures FOLDER``.

The Debian handbook is read in three languages through a real wordproxy, some of it a day; with libfaketime
on some days before today.  Then some words are marked, and Chromium takes the pictures.
"""

from __future__ import annotations

import os
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.real.books import handbook
from tests.real.browser import FLAGS
from tests.real.clients import curl
from tests.real.nameserver import Nameserver, having
from tests.real.nginx import Nginx, Site, host
from tests.real.parts import HANDBOOK, Twistd, until
from tests.real.report_browser import SCREENS

#: Sites, their languages, and the days before today on which some of each was read.
SITES = {"handbook.example": "en-US", "shouce.example": "zh-CN", "daleel.example": "ar-MA"}
DAYS = (21, 20, 18, 17, 14, 13, 12, 10, 7, 6, 5, 3, 2, 1, 0)
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")

#: Levels given to the first of the words met most.
KNOWN, LEARNING = 400, 60

VIEWS = {
    "overview": "/",
    "words": "/words?lang=en",
    "unknown": "/unknown?lang=en",
    "word": "/word/package?lang=en&sort=right",
    "word-ar": "/word/%D8%AF%D8%A8%D9%8A%D8%A7%D9%86?lang=ar",
    "known": "/known",
    "sites": "/sites",
    "site": "/site/handbook.example",
    "pages": "/pages",
    "days": "/days",
    "langs": "/langs",
    "coverage": "/coverage",
    "compare": "/compare?a_site=handbook.example&b_site=shouce.example",
    "search": "/search?q=pack*",
    "setup": "/setup",
    "forget": "/forget?host=handbook.example",
}


def service(folder: Path, server: Nameserver, days: int) -> Twistd:
    """A wordproxy on a store in the folder, ``days`` before today."""
    env = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"-{days}d"} if days and FAKETIME.exists() else {}
    place = ("-p", "0", "-r", "0", "-s", str(folder / "words.db"), "--resolver", server.place)
    started = Twistd("wordproxy", *place, "--allow-net", "127.0.0.0/8", env=env)
    return started.up(r"proxy http://\S+, report http://\S+, store ")


def read(folder: Path, nginx: Nginx, server: Nameserver) -> None:
    """All pages were read, some each day."""
    for number, days in enumerate(DAYS):
        with_day = service(folder, server, days)
        try:
            before = with_day.report("/coverage.json")["counted"]
            port = next(iter(nginx.ports.values()))
            urls = [
                f"http://{site}:{port}/{language}/{page.name}"
                for site, language in SITES.items()
                for page in handbook(language)[number :: len(DAYS)]
            ]
            curl(urls, with_day.proxy)
            wanted = before + len(urls)
            until("all is counted", lambda: with_day.report("/coverage.json")["counted"] >= wanted)  # noqa: B023
        finally:
            with_day.close()


def mark(running: Twistd, folder: Path) -> None:
    """The words met most have levels."""
    secret = (folder / "words.db.token").read_text().strip()
    found = running.report(f"/words.json?lang=en&limit={KNOWN + LEARNING}&all=1")["words"]
    for level, words in (("known", found[:KNOWN]), ("learning", found[KNOWN:])):
        text = "\n".join(word["key"] for word in words)
        url = f"http://127.0.0.1:{running.ports['report']}/known?" + urllib.parse.urlencode(
            {"lang": "en", "level": level}
        )
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "text/plain"}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(urllib.request.Request(url, text.encode(), headers), timeout=30).close()


def pictures(base: str, to: Path) -> None:
    """Each view on each screen."""
    to.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        screens: list[dict[str, Any]] = [*SCREENS, {**SCREENS[1], "color_scheme": "light", "locale": "en-US"}]
        for screen in screens:
            page = browser.new_context(**screen).new_page()
            width, scheme = screen["viewport"]["width"], screen["color_scheme"]
            for name, path in VIEWS.items():
                page.goto(base + path)
                page.screenshot(path=to / f"{name}-{width}-{scheme}.png")
        browser.close()


def main(to: Path) -> None:
    """The pictures are in the folder."""
    with tempfile.TemporaryDirectory(prefix="netsuite-pictures-") as name:
        folder = Path(name)
        server = Nameserver({site: having(host("plain")) for site in SITES})
        nginx = Nginx([Site(one, HANDBOOK / one, one) for one in SITES.values()]).up()
        try:
            read(folder, nginx, server)
            running = service(folder, server, 0)
            try:
                mark(running, folder)
                pictures(f"http://127.0.0.1:{running.ports['report']}", to)
            finally:
                running.close()
        finally:
            nginx.close()
            server.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else os.curdir))
