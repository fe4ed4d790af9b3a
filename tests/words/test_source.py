"""Pages that are read from their source, without a tree: a tree says the same of each."""

import random
from html.entities import html5

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import orderly, text
from netsuite.words.text import WordParser
from tests.real.parts import require
from tests.scale import NIGHTLY

from . import pages
from .test_compiled import MARKUP
from .test_tree_construction import cases

_plain = text._plain


class SourceTests(SynchronousTestCase):
    """A page in order is read without a tree; whatever is so read, a tree says the same."""

    def setUp(self) -> None:
        super().setUp()
        require("compiler", _plain)

    def check(self, page: str) -> bool:
        """A tree says the same, or is asked; returns whether it isn't."""
        if _plain.source(page, text._SOURCE_TAGS, orderly.REFERENCES) is None:
            return False
        self.assertEqual(WordParser().html(page), WordParser().by_tree(page), page)
        return True

    @settings(deadline=None, max_examples=100)
    @given(st.randoms(use_true_random=False))
    def test_pages_nearly_in_order(self, dice: random.Random) -> None:
        """Pages of all elements, most of them in order; one sign in a thousand is gone."""
        for _ in range(200 if NIGHTLY else 8):
            page = pages.page(dice)
            self.check(page)
            at = dice.randrange(len(page))
            self.check(page[:at] + page[at + 1 :])

    @settings(deadline=None, max_examples=100)
    @given(MARKUP, MARKUP)
    def test_soup(self, head: str, body: str) -> None:
        """Any markup, in a head and in a body."""
        self.check(f"<html><head>{head}</head><body>{body}</body></html>")
        self.check(f"<html><head></head><body>{body}")

    def test_each_pair_of_tags(self) -> None:
        """Each tag within each other one, ended or not."""
        tags = sorted({tag for some in orderly.KINDS for tag in some.split()} | {"x-y", "span"})
        taken = 0
        for one in tags:
            for two in tags:
                for inside in (f"<{two}>a</{two}>b", f"a<{two}>b", f"</{two}>c"):
                    taken += self.check(f"<html><head></head><body><{one}>{inside}</{one}>d</body>")
        self.assertGreater(taken, 2000)

    def test_each_triple_of_a_table(self) -> None:
        """Each three tags, begun or ended, in a table, a list and a paragraph."""
        for around, some in (
            ("table", ["tr", "td", "th", "tbody", "tfoot", "caption", "col", "colgroup", "p"]),
            ("ul", ["li", "p", "b", "ul", "div", "dd"]),
            ("p", ["p", "b", "button", "div", "h1", "a", "hr"]),
        ):
            tags = [f"<{slash}{tag}>" for tag in some for slash in ("", "/")]
            for one in tags:
                for two in tags:
                    for three in tags:
                        self.check(f"<html><head></head><body><{around}>{one} {two}\n{three}</{around}>x")

    def test_references(self) -> None:
        """Each name of a sign, with and without its end, and numbers."""
        names = [f"&{name}" for name in html5]
        names += [f"&#{number};" for number in (*range(300), 0xD7FF, 0xD800, 0xFFFF, 0x1F600, 0x110000)]
        names += [
            f"&{name}" for name in ("", " ", "&", "#", "#;", "#x;", "#xg;", "#x00000041;", "x", "notit;")
        ]
        taken = sum(self.check(f"<html><head></head><body>a{name}b") for name in names)
        taken += sum(self.check(f"<html><head></head><body>\U0001f600{name}b") for name in names)
        self.assertGreater(taken, 4000)

    def test_tree_construction_data(self) -> None:
        """All pages of html5lib's data, as they are and in a body."""
        for case in cases():
            self.check(case.source)
            self.check(f"<!doctype html><html><head><title>x</title></head><body>{case.source}</body></html>")

    def test_what_it_finds(self) -> None:
        """Language, title, main and other text; no tree is built for them."""
        page = (
            "<!DOCTYPE html>\n<html xml:lang=fr lang='de'><head><meta charset=utf-8><title> a\n b </title>"
            "<script>if (a < b) '<p>'</script></head>\n<body class=x><nav hidden>no</nav><NAV>one</NAV>"
            "<p aria-hidden=true>no<p>two&eacute;&#8217;s<br>three<svg><path d='M0'/><title>no</title></svg>"
            "<select><option>no</select></p><table><td>four</table><input type=text></body></html>\n"
        )
        self.assertTrue(self.check(page))
        self.patch(text, "parse", lambda *told, **named: self.fail("a tree was asked for"))
        found = WordParser().html(page)
        self.assertEqual((found.lang, found.title, found.has_password), ("de", "a b", False))
        self.assertEqual(
            (found.main.split(), found.other.split()), (["two\xe9\u2019s", "three", "four"], ["one"])
        )

    def test_what_is_left_to_a_tree(self) -> None:
        """Passwords, languages by pragma, what is misnested or deep, and pages without their parts."""
        page = "<html><head>{}</head><body>{}</body></html>".format
        for some in (
            page("", "<input type=password>"),
            page("", "<input TYPE=' PassWord'>"),
            page("", "<input type=pass&#119;ord>"),
            page("", "<noscript><input type=password></noscript>"),
            page("<meta http-equiv=Content-Language content=de>", ""),
            page("", "<b><p>a</b></p>"),
            page("", "<table>a</table>"),
            page("", "<div>" * 300),
            page("", "<script><!--<script></script>"),
            page("", "<title>a</title>"),
            page("", "\0"),
            "<p>a",
            "<html hidden><head></head><body>a",
            "<html><head></head><body hidden>a",
            "<html><head></head><body><p",
            "<html><head></head><body><!--",
            "<html><head></head><body><script>",
            "",
        ):
            self.assertIsNone(_plain.source(some, text._SOURCE_TAGS, orderly.REFERENCES), some)
        self.assertTrue(WordParser().html(page("", "<input type=password>")).has_password)
        for end in range(
            len(some := page("<title>a</title>", "<p title='a'>&amp;<svg><g></g></svg><!-- -->"))
        ):
            self.check(some[:end])
