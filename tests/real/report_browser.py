"""Chromium looks at the report: standard input says where and what to try, a line of JSON what was seen.

A program of its own: playwright's synchronous interface runs a loop, which must not be in the
reactor's process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.real.browser import FLAGS, PAGE_MS

#: A wide screen, light, in English; a phone, dark, in Chinese.
SCREENS: tuple[dict[str, Any], ...] = (
    {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", "locale": "en-US"},
    {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "locale": "zh-CN"},
)

#: What the keyboard must reach, and what of it has a ring around it when it is there.
FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']"
WANTED = "s => document.querySelectorAll(s).forEach(e => { if (e.checkVisibility()) e.dataset.wanted = 1 })"
REACHED = """() => {
  const e = document.activeElement;
  delete e.dataset.wanted;
  return e === document.body || (e.matches(":focus-visible") && getComputedStyle(e).outlineStyle !== "none");
}"""


def seen(page: Page, base: str) -> dict[str, list[str]]:
    """What goes wrong is noted from now on: dialogs, faults of scripts and the policy, requests elsewhere."""
    noted: dict[str, list[str]] = {"dialogs": [], "console": [], "elsewhere": []}
    page.on("dialog", lambda dialog: (noted["dialogs"].append(dialog.message), dialog.dismiss()))
    page.on("console", lambda said: noted["console"].append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: noted["console"].append(str(error)))
    page.on(
        "request", lambda asked: None if asked.url.startswith(base) else noted["elsewhere"].append(asked.url)
    )
    return noted


def axe(browser: Browser, order: dict[str, Any]) -> list[str]:
    """What axe-core finds wrong, and what is wider than the screen; ``whole``: each view on both screens."""
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text()
    wrong = []
    for number, screen in enumerate(SCREENS):
        page = browser.new_context(**screen).new_page()
        for view in order["views"] if order["whole"] else order["views"][number :: len(SCREENS)]:
            page.goto(order["base"] + view, timeout=PAGE_MS)
            page.evaluate(source)
            violations = page.evaluate("axe.run()")["violations"]
            wrong += [f"{view}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations]
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > screen["viewport"]["width"]:
                wrong.append(f"{view}: {width} wide")
    return wrong


def keys(browser: Browser, order: dict[str, Any]) -> list[str]:
    """What Tab does not reach, and what has no ring when it is reached."""
    wrong = []
    page = browser.new_context(**SCREENS[0]).new_page()
    for view in order["views"]:
        page.goto(order["base"] + view, timeout=PAGE_MS)
        page.evaluate(WANTED, FOCUSABLE)
        most = page.locator("[data-wanted]").count()
        for _ in range(most + 5):
            page.keyboard.press("Tab")
            ring = page.evaluate(REACHED)
            if not ring:
                wrong.append(f"{view}: no ring: {page.evaluate('document.activeElement.outerHTML')[:120]}")
        left = page.eval_on_selector_all("[data-wanted]", "all => all.map(e => e.outerHTML.slice(0, 120))")
        wrong += [f"{view}: not reached: {one}" for one in left]
    return wrong


def plain(browser: Browser, order: dict[str, Any]) -> list[str]:
    """What is missing without scripts: a word is marked and the mark undone by forms alone."""
    context = browser.new_context(**SCREENS[0], java_script_enabled=False)
    page = context.new_page()
    page.goto(order["base"] + "/unknown?lang=en", timeout=PAGE_MS)
    first = page.locator("tbody th bdi").first.inner_text()
    page.locator("button[name=mark]").first.click()
    wrong = [] if page.locator("tbody th bdi").first.inner_text() != first else [f"{first} is still there"]
    page.get_by_role("button", name="Undo").click()
    if page.locator("tbody th bdi").first.inner_text() != first:
        wrong.append(f"{first} did not come back")
    return wrong


def hostile(browser: Browser, order: dict[str, Any]) -> list[str]:
    """Everything that runs or leaves on any view, hovered over and focused."""
    page = browser.new_context(**SCREENS[0]).new_page()
    noted = seen(page, order["base"])
    for view in order["views"]:
        answer = page.goto(order["base"] + view, timeout=PAGE_MS)
        if answer is not None and answer.status >= 500:
            noted["console"].append(f"{answer.status} {view}")
        page.mouse.move(400, 500)
        page.keyboard.press("Tab")
        if page.evaluate("'alerted' in window"):
            noted["dialogs"].append(view)
    return [f"{what}: {text}" for what, texts in noted.items() for text in texts]


def story(browser: Browser, order: dict[str, Any]) -> list[str]:
    """What a reader does in a week; each line of ``told`` is one thing seen, in order."""
    told: list[str] = []
    context = browser.new_context(**SCREENS[0], accept_downloads=True)
    page = context.new_page()
    noted = seen(page, order["base"])
    for step in STEPS:
        step(page, context, order, told)
    return [*told, *(f"{what}: {text}" for what, texts in noted.items() for text in texts)]


def _share(page: Page, order: dict[str, Any]) -> float:
    page.goto(order["base"] + "/known", timeout=PAGE_MS)
    shown = page.locator(".known b")
    return float(shown.first.inner_text().strip("%<>")) if shown.count() else 0.0


def _marks(page: Page, context: BrowserContext, order: dict[str, Any], told: list[str]) -> None:
    """Three words are marked by one click each, without the page being loaded anew."""
    before = _share(page, order)
    page.goto(order["base"] + "/unknown?lang=en", timeout=PAGE_MS)
    page.evaluate("window.stays = true")
    for _ in range(3):
        first = page.locator("tbody th bdi").first.inner_text()
        page.locator("button[name=mark]").first.click()
        page.wait_for_function("w => document.querySelector('tbody th bdi').textContent !== w", arg=first)
        told.append(f"marked {first}")
        page.wait_for_function(
            "() => document.activeElement.name === 'mark'"
        )  # the keyboard stays where it was
    told.append(f"stays {page.evaluate('window.stays === true')}")
    told.append(f"share rose {_share(page, order) > before}")


def _anki(page: Page, context: BrowserContext, order: dict[str, Any], told: list[str]) -> None:
    """The file for Anki, brought in again as known words, twice: no doubles."""
    page.goto(order["base"] + "/unknown?lang=en", timeout=PAGE_MS)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Anki").click()
    file = Path(waiting.value.path()).read_text()
    words = [line for line in file.splitlines() if not line.startswith("#")]
    told.append(f"anki {len(words)} {all('<b>' in line for line in words[:3])}")
    for _ in range(2):
        page.goto(order["base"] + "/known", timeout=PAGE_MS)
        page.locator("#list").fill(file)
        page.locator("#import-lang").fill("en")
        page.get_by_role("button", name="Bring in").click()
        page.wait_for_load_state()
        told.append(page.locator(".done p").inner_text())
        told.append(page.locator(".list caption").inner_text())


def _forgets(page: Page, context: BrowserContext, order: dict[str, Any], told: list[str]) -> None:
    """A page is forgotten, and is nowhere any more."""
    page.goto(order["base"] + "/pages", timeout=PAGE_MS)
    link = page.locator("tbody th a").first
    title = link.inner_text()
    link.click()
    page.locator(".danger a").click()
    page.get_by_role("button", name="Forget it").click()
    told.append(page.locator(".done p").inner_text())
    page.goto(order["base"] + "/pages", timeout=PAGE_MS)
    told.append(f"gone {title not in page.content()}")


STEPS: tuple[Callable[[Page, BrowserContext, dict[str, Any], list[str]], None], ...] = (
    _marks,
    _anki,
    _forgets,
)

CHECKS: dict[str, Callable[[Browser, dict[str, Any]], list[str]]] = {
    "axe": axe,
    "keys": keys,
    "plain": plain,
    "hostile": hostile,
    "story": story,
}


def main() -> None:
    """Each check of the order was made; its lines are told under its name."""
    order = json.load(sys.stdin)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=order["program"], args=FLAGS)
        told = {name: CHECKS[name](browser, order) for name in order["checks"]}
        browser.close()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
