"""Words, hosts, languages and parameters made by who wants to run in our pages: everything is text."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite.wordproxy.store.contract import Note
from tests.site.wire import ask
from tests.wordproxy.report.desk import ReportCase
from tests.wordproxy.store.samples import DAY, batch, page

HOSTILE = [
    "<script>alert(1)</script>",
    "</bdi></th></table><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "${7*7}",
    "&lt;b&gt;&amp;",
    "<!--",
    "]]>",
    "\u202eevil\u202c",
    "\u2066left\u2069",
    "a\u2028b\u2029c",
    "\ufeff\u200b",
    "a\x00b",
    "\x1b[31m",
    "😀" * 50,
    "ᄀ" * 3,
    "=cmd|' /C calc'!A0",
    "w" * 5000,
]


class Reading(HTMLParser):
    """The elements and texts of a page as a browser's tokenizer has them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


class HostileTests(ReportCase):
    def assert_harmless(self, target: str) -> Reading:
        """The page has no element or attribute that ours don't have."""
        reply = ask(self.site, target)
        self.assertEqual(reply.status, 200, target)
        found = Reading(reply.text)
        self.assertFalse({"img", "iframe", "style", "object"} & set(found.tags), target)
        self.assertLessEqual(found.tags.count("script"), 2, target)
        self.assertFalse({name for name in found.attributes if name.startswith("on")}, target)
        self.assertNotIn("style", found.attributes)
        return found

    def test_words(self) -> None:
        """Each hostile word is shown letter by letter, in the page and in JSON."""
        words = list(dict.fromkeys(HOSTILE))
        self.store.add(batch(page(1, *((word, word, 1, 0) for word in words))))
        found = self.assert_harmless("/")
        shown = "".join(found.texts)
        for word in words:
            # a browser, and the parser here, shows NUL as U+FFFD or not at all
            self.assertIn(word.partition("\x00")[0], shown)
        told = json.loads(ask(self.site, "/words.json").text)
        self.assertEqual({word["word"] for word in told["words"]}, set(words))

    def test_hosts_langs_and_titles(self) -> None:
        """The same for hosts, languages, titles and outcomes, wherever they are shown."""
        for n, text in enumerate(HOSTILE, 1):
            self.store.add(batch(page(2 * n, "tide", host=text, lang=text, title=text, path=str(n))))
            self.store.add(batch(Note(2 * n + 1, DAY, text, "unseen"), Note(2 * n + 1, DAY, text, text)))
        for target in ("/", "/coverage", f"/coverage?day={DAY}", "/setup"):
            self.assert_harmless(target)
        found = self.assert_harmless(f"/coverage?day={DAY}")
        self.assertIn(HOSTILE[0], "".join(found.texts))
        json.loads(ask(self.site, "/coverage.json?by=day,host").text)

    def test_parameters(self) -> None:
        """What a link made by others puts into the form, or into a refusal, stays text."""
        for text in HOSTILE:
            for name in ("q", "lang", "site", "sort", "day", text):
                reply = ask(self.site, f"/words?{quote(name)}={quote(text)}")
                self.assertIn(reply.status, (200, 400))
                found = Reading(reply.text)
                self.assertFalse({"img", "svg"} & set(found.tags), (name, text))
                self.assertIn(found.tags.count("script"), (0, 2), (name, text))
                self.assertFalse({name for name in found.attributes if name.startswith("on")})

    def test_paths(self) -> None:
        """A path of any bytes is 404, and is shown nowhere."""
        for text in HOSTILE:
            reply = ask(self.site, "/" + quote(text))
            self.assertEqual(reply.status, 404)
            self.assertNotIn("alert", reply.text)

    @settings(deadline=None, max_examples=60)
    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
    def test_any_word(self, word: str) -> None:
        """Whatever a word holds, the page has the elements that it has for a plain one."""
        self.setUp()
        self.store.add(batch(page(1, ("plain", "plain", 1, 0))))
        plain = Reading(ask(self.site, "/").text)
        self.setUp()
        self.store.add(batch(page(1, (word, word, 1, 0))))
        found = Reading(ask(self.site, "/").text)
        self.assertEqual(found.tags, plain.tags)
