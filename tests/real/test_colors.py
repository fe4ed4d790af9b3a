"""Colors as it runs: twistd, curl's view of it, and Chromium's."""

from __future__ import annotations

import re
import shutil
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.real import parts
from tests.real.clients import require_axe, told_by
from tests.real.hatchery import HatchedTwistd
from tests.real.parts import Twistd
from tests.scale import NIGHTLY

BROWSER_SECONDS = 300.0

#: Else each view is looked at on one of the two screens, and fewer by keys.

#: Light, dark and clear colours, a mistake, and all other pages; the list has some of them by then.
VIEWS = (
    "/color/00abef",
    "/color/777777?on=ffffff",
    "/color/12000080?over=ffffff",
    "/color/",
    "/",
    "/palette/?colors=red,nonsense",
    "/palette/264653-2a9d8f-e9c46a-f4a261-e76f51",
    "/color/fff00",
)

#: What may not run, stand in a style, or leave.
HOSTILE = (
    "/color/red;%7D%3C/style%3E%3Cscript%3Ealerted=1%3C/script%3E",
    "/color/?c=%22%3E%3Cscript%3Ealerted=1%3C/script%3E",
    "/palette/%3Cimg%20src=x%20onerror=alerted=1%3E",
    "/palette/?colors=%3Csvg%20onload=alerted=1%3E",
    "/color/ff0000?ui=%22%3E%3Cscript%3Ealerted=1%3C/script%3E",
    "/color/?do=reset",
)


def colors(*options: str) -> Twistd:
    """A colors that is up, on a free port: ``ports["colors"]``."""
    service = HatchedTwistd("colors", "-p", "0", *options)
    try:
        service.up(r"colors: http://")
    except parts.PartError:
        service.close()
        raise
    service.ports["colors"] = int(re.search(r"colors: http://127\.0\.0\.1:(\d+)", service.log)[1])  # type: ignore[index]
    return service


def fetch(service: Twistd, path: str) -> tuple[int, str, str]:
    """Status, last address and text of what is there."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{service.ports['colors']}{path}", timeout=60) as answer:
            return answer.status, answer.url, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.url, error.read().decode()


class ServiceTests(SynchronousTestCase):
    """The process."""

    def test_tutorial(self) -> None:
        """``twistd -n colors`` has the tutorial's pages, and ends with 0."""
        with_styles = colors("--seen", "3")
        self.addCleanup(with_styles.close)
        self.assertIn("What's here:", fetch(with_styles, "/")[2])
        status, url, text = fetch(with_styles, "/color/00abef")
        self.assertEqual(status, 200)
        self.assertIn("<h1>This is #00abef.</h1>", text)
        for name in ("F00", "red", "%23ff0000", "rgb(255,0,0)", "ff0000"):
            self.assertTrue(fetch(with_styles, f"/color/{name}")[1].endswith("/color/ff0000"), name)
        self.assertEqual(fetch(with_styles, "/color")[1], url.replace("00abef", ""))
        self.assertEqual(
            re.findall(r">([0-9a-f]{6})</a>", fetch(with_styles, "/color/")[2]), ["00abef", "ff0000"]
        )
        self.assertEqual(with_styles.stop(), 0)
        self.assertNotIn("Traceback", with_styles.log)

    def test_reloaded(self) -> None:
        """The user's style sheet is linked, and read again on HUP; one that can't be read changes nothing."""
        folder = Path(self.mktemp())
        folder.mkdir()
        sheet = folder / "own.css"
        sheet.write_text("h1 { color: teal }")
        service = colors("--styles", str(sheet.absolute()), "--access-log", "off")
        self.addCleanup(service.close)
        self.assertIn('href="/styles.css"', fetch(service, "/color/ff0000")[2])
        self.assertEqual(fetch(service, "/styles.css")[2], "h1 { color: teal }")
        sheet.write_text("h1 { color: navy }")
        service.signal(signal.SIGHUP)
        service.wait_log("reloaded: style sheet")
        self.assertEqual(fetch(service, "/css/styles.css")[2], "h1 { color: navy }")
        sheet.unlink()
        service.signal(signal.SIGHUP)
        service.wait_log("(?s)not reloaded|No such file")
        self.assertEqual(fetch(service, "/styles.css")[2], "h1 { color: navy }")
        self.assertNotIn("GET /", service.log)
        self.assertEqual(service.stop(), 0)

    def test_refused(self) -> None:
        """A style sheet that can't be read is told at the start, in a line."""
        refused = HatchedTwistd("colors", "-p", "0", "--styles", "nowhere.css")
        self.addCleanup(refused.close)
        refused.launch()
        self.assertEqual(refused.wait(), 1)
        self.assertIn("cannot start colors", refused.log)
        self.assertNotIn("Traceback", refused.log)


class LooksTests(SynchronousTestCase):
    """The pages in Chromium: wide and light, narrow and dark."""

    service: ClassVar[Twistd]

    @classmethod
    def setUpClass(cls) -> None:
        require_axe()
        cls.service = colors()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.service.close()

    def check(self, views: tuple[str, ...], *checks: str) -> dict[str, Any]:
        """What the browser told of the checks."""
        base = f"http://127.0.0.1:{self.service.ports['colors']}"
        program = shutil.which("chromium")
        order = {"program": program, "base": base, "views": views, "checks": checks, "whole": NIGHTLY}
        told: dict[str, Any] = told_by("report_browser", order, BROWSER_SECONDS)
        return told

    def test_looks(self) -> None:
        """axe-core finds nothing, and nothing is wider than the screen."""
        self.assertEqual(self.check(VIEWS, "axe"), {"axe": []})

    def test_keys_and_enemies(self) -> None:
        """Tab reaches everything, with a ring; nothing of an address runs, or breaks the policy."""
        told = self.check((*(VIEWS if NIGHTLY else VIEWS[1:4]), *HOSTILE), "keys", "hostile")
        refused = ("404 (Not Found)", "400 (Bad Request)")
        faults = [one for one in told["hostile"] if not any(status in one for status in refused)]
        self.assertEqual((told["keys"], faults), ([], []))
