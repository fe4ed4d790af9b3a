"""Chromium before a form site: standard input says where and what to try, a line of JSON what was seen.

A program of its own, as ``report_browser`` is, whose looks and keys these are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.real.browser import FLAGS, PAGE_MS
from tests.real.report_browser import SCREENS, axe, hostile, keys


def story(browser: Browser, order: dict[str, Any]) -> list[str]:
    """A visitor and the form's owner, without scripts; each line is one thing seen, in order."""
    page = browser.new_context(**SCREENS[0], java_script_enabled=False).new_page()
    told: list[str] = []
    page.goto(order["base"] + "/", timeout=PAGE_MS)
    told.append(page.title())
    page.get_by_label("Your Name:").fill("Größe & <b>")
    page.get_by_label("Blue").check()
    for flavor in ("Vanilla", "Coffee"):
        page.get_by_label(flavor).check()
    page.get_by_role("button", name="Submit").click()
    told.append(page.title())
    told += page.locator(".values h2, .values li, .notice").all_inner_texts()
    page.go_back()
    page.get_by_role("button", name="Submit").click()
    told.append(page.locator(".notice").inner_text().partition(",")[0])
    page.goto(order["base"] + "/inbox", timeout=PAGE_MS)
    page.get_by_label("Answer").first.check()
    page.get_by_role("button", name="This is spam").click()
    told.append(page.locator(".notice.good").inner_text())
    page.goto(order["base"] + "/inbox?box=spam", timeout=PAGE_MS)
    page.get_by_label("Answer").first.check()
    page.get_by_role("button", name="No spam").click()
    told.append(page.locator(".notice.good").inner_text())
    page.goto(order["base"] + "/inbox", timeout=PAGE_MS)
    page.get_by_label("Answer").first.check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    told.append(page.locator(".notice.good").inner_text())
    return told


def fill(browser: Browser, order: dict[str, Any]) -> list[str]:
    """What axe-core finds wrong on the pages that only a post shows: errors, thanks, a question."""
    wrong = []
    for screen in SCREENS if order["whole"] else SCREENS[1:]:
        page = browser.new_context(**screen).new_page()
        page.goto(order["base"] + "/", timeout=PAGE_MS)
        page.locator("form.asked").evaluate("form => { form.noValidate = true }")
        page.locator("form.asked button").click()
        wrong += _wrong(page, screen, "errors")
        page.locator("[name=email]").fill("a@example.org")
        page.locator("[name=ok]").check()
        page.locator("form.asked button").click()
        wrong += _wrong(page, screen, "thanks")
        page.goto(order["base"] + "/", timeout=PAGE_MS)
        page.locator("[name=_stamp]").evaluate("field => { field.value = 'x' }")
        page.locator("[name=email]").fill("a@example.org")
        page.locator("[name=ok]").check()
        page.locator("form.asked button").click()
        wrong += _wrong(page, screen, "once more")
    return wrong


def _wrong(page: Any, screen: dict[str, Any], name: str) -> list[str]:
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found = [
        f"{name}: {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in page.evaluate("axe.run()")["violations"]
    ]
    width = page.evaluate("document.documentElement.scrollWidth")
    return [*found, f"{name}: {width} wide"] if width > screen["viewport"]["width"] else found


CHECKS: dict[str, Callable[[Browser, dict[str, Any]], list[str]]] = {
    "axe": axe,
    "keys": keys,
    "hostile": hostile,
    "story": story,
    "fill": fill,
}


def main() -> None:
    """Each check of each order was made; its lines are told under its name."""
    orders = json.load(sys.stdin)
    told: dict[str, list[str]] = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=orders[0]["program"], args=FLAGS)
        for order in orders:
            told[order["name"]] = CHECKS[order["check"]](browser, order)
        browser.close()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
