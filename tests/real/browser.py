"""Chromium loads the pages that standard input asks for, and a line of JSON says of each what it got.

A program of its own: playwright's synchronous interface runs a loop, which must not be in the
reactor's process.
"""

from __future__ import annotations

import hashlib
import json
import sys

from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-first-run",
]
PAGE_MS = 30_000


def look(page: Page, url: str) -> dict[str, object]:
    """What the browser got for a URL: ``sha256`` is of the body after its Content-Encoding is undone.

    ``issuer``: who vouches for the server, in HTTPS.
    """
    answer = page.goto(url, timeout=PAGE_MS, wait_until="domcontentloaded")
    if answer is None:
        raise SystemExit(f"no answer for {url}")
    digest = hashlib.sha256(answer.body()).hexdigest()
    issuer = (answer.security_details() or {}).get("issuer", "")
    return {"url": url, "status": answer.status, "sha256": digest, "title": page.title(), "issuer": issuer}


def main() -> None:
    """Every URL of the order was loaded once, in its order."""
    order = json.load(sys.stdin)
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=order["program"],
            args=[*FLAGS, *order["flags"]],
            proxy={"server": order["proxy"]} if order["proxy"] else None,
        )
        page = browser.new_page()
        for url in order["urls"]:
            sys.stdout.write(json.dumps(look(page, url)) + "\n")
        browser.close()


if __name__ == "__main__":
    main()
