"""The languages of our pages: whose they are, and that no text is missing in one."""

from __future__ import annotations

import re
import string
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from twisted.trial.unittest import SynchronousTestCase

import netsuite
from netsuite.site.tongue import COOKIE, TONGUES, accepted, catalogue, chosen, remember, said, tongue
from netsuite.words.skipped import SENTENCES

PACKAGE = Path(netsuite.__file__ or "").parent


def places(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


class CatalogueTests(SynchronousTestCase):
    def test_same_keys(self) -> None:
        """Every text is there in every language."""
        keys = {code: set(texts) for code, texts in catalogue().items()}
        self.assertEqual(set(keys), set(TONGUES))
        self.assertEqual(keys["en"] ^ keys["zh"], set())

    def test_same_places(self) -> None:
        """A text has the same places for values in every language and in every number."""
        for key, text in catalogue()["en"].items():
            other = catalogue()["zh"][key]
            texts = [
                *([text] if isinstance(text, str) else text),
                *([other] if isinstance(other, str) else other),
            ]
            many = places(texts[1] if not isinstance(text, str) else texts[0])
            for one in texts:
                # "And once in menus" needs no number
                self.assertLessEqual(places(one), many, key)
                self.assertLessEqual(many - places(one), {"n"} if one == texts[0] else set(), key)

    def test_no_text_is_empty(self) -> None:
        """No text is empty, and the Chinese ones are not left in English but where both say the same."""
        for texts in catalogue().values():
            for key, text in texts.items():
                self.assertTrue(all(text) if not isinstance(text, str) else text.strip(), key)

    def test_every_text_is_used(self) -> None:
        """No text is left over: each key, or its group, stands in a template or in the source."""
        source = "".join(
            path.read_text() for pattern in ("**/*.py", "**/*.html") for path in PACKAGE.glob(pattern)
        )
        made = {
            "column",
            "reason",
            "why",
            "query",
            "level",
            "forget",
            "nav",
            "parts",
            "coverage",
            "date",
            "vision",
        }
        left = [
            key
            for key in catalogue()["en"]
            if key.partition(".")[0] not in made
            and not any(form in source for form in (f'"{key}"', f"'{key}'", f'~ ".{key.partition(".")[2]}"'))
        ]
        self.assertEqual(left, [])

    def test_every_use_has_a_text(self) -> None:
        """What templates and the source ask for by name is in the catalogue."""
        for path in [*PACKAGE.glob("**/*.html"), *PACKAGE.glob("**/*.py")]:
            for key in re.findall(
                r"""\b(?:t|said|say)\(["']([a-z]+\.[a-z_0-9]+)["'][,)]""", path.read_text()
            ):
                self.assertIn(key, catalogue()["en"], path)

    def test_reasons(self) -> None:
        """Each reason for skipping has a name and a sentence, which in English are those of the counter."""
        english = catalogue()["en"]
        for reason, sentence in SENTENCES.items():
            name = reason.value.replace(" ", "_").replace("-", "_")
            self.assertEqual((english[f"reason.{name}"], english[f"why.{name}"]), (reason.value, sentence))


class SayTests(SynchronousTestCase):
    def test_numbers(self) -> None:
        """English has one and many; Chinese has one form; numbers are grouped."""
        for code, n, text in [
            ("en", 1, "1 page"),
            ("en", 0, "0 pages"),
            ("en", 1200, "1,200 pages"),
            ("zh", 1, "1 个网页"),
            ("zh", 1200, "1,200 个网页"),
        ]:
            self.assertEqual(str(tongue(code).say("count.pages", n=n)), text)

    def test_days(self) -> None:
        """A day is said as people say it."""
        self.assertEqual(tongue("en").long_day("2026-01-05"), "Monday, 5 January 2026")
        self.assertEqual(tongue("zh").long_day("2026-11-08"), "2026年11月8日，星期日")

    def test_values_are_escaped(self) -> None:
        """Values are text whatever they hold; only what is marked as HTML stays HTML."""
        shown = tongue("en").say("forget.word", what="<script>{n}")
        self.assertIn("&lt;script&gt;{n}", shown)
        self.assertIn("<bdi>", shown)
        self.assertIn("<b>x</b>", tongue("en").say("forget.word", what=Markup("<b>x</b>")))

    def test_said_in_said(self) -> None:
        """A text may be a value of another, and comes in the same language."""
        text = said("level.changed_one", word="tide", level=said("level.known"))
        self.assertEqual(str(tongue("zh").say(text)), "“tide”已标为已掌握。")
        self.assertEqual(str(text), "“tide” is marked as known.")

    @settings(deadline=None, max_examples=100)
    @given(st.text(max_size=40))
    def test_any_value(self, value: str) -> None:
        """No value can put an element into a page."""
        for code in TONGUES:
            shown = tongue(code).say("query.lang", name=value)
            self.assertNotIn("<", shown)


class ChosenTests(SynchronousTestCase):
    def test_accept_language(self) -> None:
        """The range with the highest weight that we speak decides; regions and scripts don't matter."""
        for field, code in [
            ("", "en"),
            ("zh", "zh"),
            ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
            ("zh-Hant-TW", "zh"),
            ("en;q=0.4, zh;q=0.6", "zh"),
            ("EN-gb, ZH;q=0.9", "en"),
            ("fr, de;q=0.5", "en"),
            ("fr, zh;q=0.1", "zh"),
            ("zh;q=0, en;q=0.1", "en"),
            ("zh;q=0", "en"),
            ("*", "en"),
            ("zh;q=nan", "en"),
            ("zh;q=2", "en"),
            ("zh;q=x", "en"),
            ("zhx", "en"),
            (",,;;,zh", "zh"),
            ("x," * 5000 + "zh", "en"),
        ]:
            self.assertEqual(accepted(field), code, field[:80])

    def test_order(self) -> None:
        """The address wins over the cookie, and the cookie over the browser; nonsense is as nothing."""
        zh = {"accept-language": "zh", "cookie": f"a=b; {COOKIE}=en"}
        for ui, headers, code in [
            ("zh", {"cookie": f"{COOKIE}=en"}, "zh"),
            ("", zh, "en"),
            ("", {"accept-language": "zh"}, "zh"),
            ("xx", {"cookie": f"{COOKIE}=<script>", "accept-language": "zh"}, "zh"),
        ]:
            self.assertEqual(chosen(ui, headers).code, code)

    def test_remembered(self) -> None:
        """The cookie is for us alone, and not for scripts."""
        self.assertEqual(chosen("", {"cookie": remember("zh").partition(";")[0]}).code, "zh")
        for part in ("; HttpOnly", "; SameSite=Strict", "; Path=/"):
            self.assertIn(part, remember("zh"))

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=60), st.text(max_size=60))
    def test_any_fields(self, field: str, cookie: str) -> None:
        """Whatever a client sends, a language of ours is chosen."""
        self.assertIn(chosen("", {"accept-language": field, "cookie": cookie}).code, TONGUES)
