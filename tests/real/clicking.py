"""Chromium opens pages and clicks a bookmark on each; a line of JSON says of each what was seen.

A program of its own, as `tests.real.browser` is.  The bookmark's script runs in the page's own world, under
the page's own policy for what it sends, as it does when a user clicks it.
"""

from __future__ import annotations

import json
import sys
from urllib.parse import unquote

from playwright.sync_api import Error, Page, sync_playwright

from tests.real.browser import FLAGS, PAGE_MS

#: How long a page's own fetch, or the window that opens in its place, may take.
SEEN_MS = 20_000


def click(page: Page, script: str) -> str:
    """What the user sees: the note in the page, or the text of the window that opened."""
    opened: list[Page] = []
    page.context.on("page", lambda window: opened.append(window))
    page.evaluate(f"() => {{ {script} }}")
    for _ in range(SEEN_MS // 100):
        if opened:
            opened[0].wait_for_load_state(timeout=PAGE_MS)
            return "window: " + opened[0].inner_text("main")
        note = page.query_selector("html > div")
        if note is not None:
            return "note: " + note.inner_text()
        page.wait_for_timeout(100)
    return "nothing"


def main() -> None:
    """Every page of the order was opened and its bookmark clicked."""
    order = json.load(sys.stdin)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=order["program"], args=FLAGS)
        context = browser.new_context(ignore_https_errors=True)
        report = context.new_page()
        errors: list[str] = []
        report.on("console", lambda message: errors.append(message.text))
        report.goto(order["bookmarklet"], timeout=PAGE_MS)
        link = report.get_attribute("a[href^='javascript:']", "href") or ""
        script = unquote(link.removeprefix("javascript:"))
        for url in order["urls"]:
            page = context.new_page()
            try:
                page.goto(url, timeout=PAGE_MS)
                seen = click(page, script)
            except Error as error:
                seen = f"error: {error}"
            sys.stdout.write(json.dumps({"url": url, "seen": seen}) + "\n")
            page.close()
        sys.stdout.write(json.dumps({"url": "bookmarklet", "seen": errors}) + "\n")
        browser.close()


if __name__ == "__main__":
    main()
