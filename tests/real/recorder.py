"""Chromium loads the pages that standard input asks for by a proxy, and records them as a HAR.

A program of its own, as `tests.real.browser` is.
"""

from __future__ import annotations

import contextlib
import json
import sys

from playwright.sync_api import Error, sync_playwright

from tests.real.browser import FLAGS, PAGE_MS


def main() -> None:
    """The browse is recorded in the order's file."""
    order = json.load(sys.stdin)
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=order["program"],
            args=[*FLAGS, "--proxy-bypass-list=<-loopback>"],
            proxy={"server": order["proxy"]},
        )
        context = browser.new_context(record_har_path=order["har"])
        context.add_cookies([{"name": "b", "value": "c00kie", "url": order["urls"][0]}])
        for url in order["urls"]:
            page = context.new_page()  # one that goes on elsewhere may take the recorded body with it
            with contextlib.suppress(Error):  # of an image or an error status there may be no page
                page.goto(url, timeout=PAGE_MS, wait_until="load")
        context.close()
        browser.close()


if __name__ == "__main__":
    main()
