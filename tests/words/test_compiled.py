"""The compiled module and Python do the same: words of texts, text of markup; whatever they are given."""

from __future__ import annotations

import gc
import tracemalloc
from array import array
from collections import Counter
from collections.abc import Callable
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from turbohtml import parse
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import language, lexicon, segment, text
from netsuite.words.lexicon import Lexicon, Table
from netsuite.words.memo import EDGES, Memo
from netsuite.words.text import WordParser
from tests.real.parts import require

from .test_segment import NASTY
from .test_tree_construction import cases
from .unicode_data import samples

_plain = lexicon._plain

#: Signs of all kinds, and such as are of none.
SIGNS = st.sampled_from(
    "aZ\u00e9\u00df\u0436\u0645\u03b19_0.'\u2019\u2018:\u00b7,;\u060c-/@\"\u05d0\u05f4"
    "\u4e00\u0301\u202f\u00ad\u200d \n\v\u3000\ud800\U0001f600"
)
TEXTS = st.one_of(st.text(SIGNS, max_size=40), st.text(st.sampled_from(EDGES + "ab1 "), max_size=20), NASTY)

#: Letters of many scripts, and stop words with some that are none.
SCRIPTS = st.sampled_from(
    "a1 \u00e9\u0391\u0416\u05d0\u0627\u0915\u0e01\u3042\u4e00\uac00\U00020000\U0001f600"
)
STOPS = st.sampled_from(
    ["the", "The", "THE", "of", "de", "La", "le", "la", "und", "der", "\u0438", "og", "tide", "x1"]
)

#: Markup in which tags are opened, closed, misnested, hidden and hostile.
TAGS = st.sampled_from(
    [
        "p",
        "div",
        "b",
        "nav",
        "aside",
        "/nav",
        "/p",
        "/div",
        "/b",
        "li",
        "td",
        "table",
        "tr",
        "br",
        "hr",
        "col",
        "header",
        "/header",
        "script",
        "/script",
        "svg",
        "/svg",
        "title",
        "math",
        "template",
        "/template",
        "select",
        "option",
        "/select",
        "textarea",
        "/textarea",
        "noscript",
        "xmp",
        "/xmp",
        "plaintext",
        "pre",
        "body",
        "frameset",
        "iframe",
        "a<b",
        'a"b',
        "x-y",
        "object",
        "video",
        "p|hidden",
        "div|hidden=x",
        "nav|aria-hidden=TRUE",
        "i|aria-hidden=true",
        "body|hidden",
        'b|=q|c"d=1',
        "body|aria-hidden=true",
        "html|lang=de",
        "i|title='&<>\"&nbsp;'",
        "!--",
        "!doctype",
        "?pi",
        "![CDATA[",
        "verylongtagnameofmany",
    ]
)
MARKUP = st.lists(
    st.one_of(
        TAGS.map(lambda tag: f"<{tag.replace('|', ' ')}>"),
        TEXTS,
        st.sampled_from(["&amp;", "&lt;b&gt;", "&nbsp;", "&eacute;", "-->", "]]>", "\0"]),
    ),
    max_size=25,
).map("".join)


def walked(markup: str) -> tuple[str, str]:
    """Main and other text by a walk from node to node."""
    tree = parse(markup, positions=False, scripting=True, allow_declarative_shadow_roots=False)
    body = None if tree.root is None else text._body(tree.root)
    main: list[str] = []
    other: list[str] = []
    if body is not None:
        text._read(body, main, other, hides=True)
    return "".join(main), "".join(other)


def read(markup: str) -> tuple[str, str]:
    """The same as it is read at work."""
    found = WordParser().html(markup)
    return found.main, found.other


def tables() -> list[Lexicon]:
    """A lexicon of each sort."""
    return [Lexicon(Table()), Lexicon()]


class CompiledTests(SynchronousTestCase):
    def setUp(self) -> None:
        super().setUp()
        require("compiler", _plain)


class WordsTests(CompiledTests):
    def check(self, lexicons: list[Lexicon], main: str, other: str = "") -> None:
        """All of these count the same, as ICU does."""
        counted = {}
        for form in segment.words(main):
            counted.setdefault(form, [0, 0])[0] += 1
        for form in segment.words(other):
            counted.setdefault(form, [0, 0])[1] += 1
        wanted = sorted((form, segment.joined_keys(form), *times) for form, times in counted.items())
        for each in lexicons:
            found = each.count(main, other, Memo().tally)
            self.assertEqual(sorted(found), wanted, (main, other))
            self.assertEqual(found.words, sum(map(sum, counted.values())))

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
    def test_texts(self, texts: list[tuple[str, str]]) -> None:
        """Any texts, one after the other, main and other."""
        lexicons = tables()
        for main, other in texts * 2:
            self.check(lexicons, main, other)

    def test_word_break_data(self) -> None:
        """Each line of Unicode's WordBreakTest, alone and within plain words."""
        lexicons = tables()
        for _, parts in samples("WordBreakTest")[1]:
            line = "".join(parts)
            self.check(lexicons, line, f"a{line}b 1{line}2 .{line}_")

    def test_each_sign_of_a_kind(self) -> None:
        """Each sign that is not hard, before, after and between letters, digits and marks that join."""
        lexicons = tables()
        signs = [chr(code) for code, kind in enumerate(lexicon.kinds()) if kind != lexicon.HARD]
        self.assertGreater(len(signs), 1100)
        beside = ["a", "1", "_", "\u0436", ".", "'", ":", ",", "-"]
        for start in range(0, len(signs), 40):
            pieces = [
                one + sign + two for sign in signs[start : start + 40] for one in beside for two in beside
            ]
            self.check(lexicons, " ".join(pieces))

    def test_short_ascii(self) -> None:
        """All pieces of up to five signs, one of each kind."""
        lexicons = tables()
        for signs in ("a1_.-", "a1'.:", "a1,;:", "aB1\"'"):
            pieces = [""]
            for _ in range(5):
                pieces += [
                    piece + sign for piece in pieces[-(len(signs) ** 4) :] for sign in signs if len(piece) < 5
                ]
            self.check(lexicons, " ".join({*pieces}))

    def test_lengths(self) -> None:
        """Words at the bound of their length, in strings of each width, and many words."""
        lexicons = tables()
        for sign in "a\u00e9\u0436":
            for length in (254, 255, 256, 600):
                self.check(lexicons, f"{sign * length} .{sign * length}, \U00010400")
        self.check(lexicons, " ".join(f"w{number:x}z" for number in range(20_000)))

    def test_hard_ones_bit_by_bit(self) -> None:
        """Pieces that are handed back come in stretches; an end in the midst of them leaves nothing."""
        told = []

        def words_of(some: str) -> Counter[str]:
            told.append(len(some))
            if len(told) == 4:
                raise MemoryError
            return Memo().tally(some)

        counts = Lexicon()
        page = "plain " + "\u6f22\u5b57\u304b\u306a " * 200_000
        self.assertRaises(MemoryError, counts.count, page, page, words_of)
        self.assertTrue(all(size < 400_000 for size in told))
        self.check([counts], "plain \u6f22\u5b57 again", "again")

    def test_numbers(self) -> None:
        """A form has one number, however it came, whatever the width of the string that it stood in."""
        for each in tables():
            number = each.number("tide")
            found = each.count("tide \u6f22\u5b57", "\U0001f600 tide Tide", Memo().tally)
            shown = each.forms(found.numbers)
            self.assertIn(number, found.numbers)
            self.assertEqual(sorted(shown), sorted({"tide", "Tide", "\u6f22\u5b57"}))
            self.assertEqual(each.forms(array("I", [each.keys[each.number("Tide")]])), ["tide"])
            self.assertEqual((each.small[number], each.small[each.number("Tide")]), (1, 0))
            self.assertEqual(len(each.keys), len(each.small))


class LanguageTests(CompiledTests):
    def both(self, ask: Callable[[], object]) -> list[object]:
        """What is answered with the module, and without it."""
        found = [ask()]
        with mock.patch.object(language, "_plain", None):
            found.append(ask())
        return found

    @settings(deadline=None, max_examples=100)
    @given(st.one_of(TEXTS, st.text(max_size=40), st.text(SCRIPTS, max_size=60)))
    def test_letters(self, some: str) -> None:
        """Letters of each script are as many, and so a text's script is the same."""
        for times in (1, 50):
            one, two = self.both(lambda times=times: +language._letters(some * times))
            self.assertEqual(one, two)
            one, two = self.both(lambda times=times: language.by_script(some * times))
            self.assertEqual(one, two)

    def test_each_letter(self) -> None:
        """Each code point is of one script to both."""
        for start in range(0, 0x110000, 0x800):
            some = "".join(map(chr, range(start, start + 0x800)))
            one, two = self.both(lambda some=some: +language._letters(some))
            self.assertEqual(one, two, hex(start))

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(
            st.tuples(st.lists(STOPS, max_size=30).map(" ".join), st.lists(STOPS, max_size=9).map(" ".join)),
            min_size=1,
            max_size=4,
        )
    )
    def test_stop_words(self, pages: list[tuple[str, str]]) -> None:
        """What is heard of a page's forms is what is heard of its words."""
        counts = Lexicon()
        stops = [language.Stops(counts), language.Stops(counts)]
        for main, other in pages:
            forms = counts.count(main, other, Memo().tally)
            one = stops[0].heard(forms)
            with mock.patch.object(language, "_plain", None):
                self.assertEqual(one, stops[1].heard(forms))
            _, keys, in_main, in_other = forms.columns()
            self.assertEqual(one, language.heard(keys, in_main if any(in_main) else in_other))

    def test_misuse(self) -> None:
        """Columns that don't fit together, and a table of another size, are refused."""
        column = array("I", [0, 1])
        self.assertEqual(_plain.heard(column, column, column, b"\1\1"), [(1, 1, 2)])
        for told in (
            (column, column[:1], column, b"\1\1"),
            (column, column, column[:1], b"\1\1"),
            (column, column, column, b"\1"),
            (column, column, column, None),
        ):
            self.assertRaises((ValueError, IndexError, TypeError), _plain.heard, *told)
        self.assertRaises(ValueError, _plain.letters, "a", b"")


class MisuseTests(CompiledTests):
    def test_misuse(self) -> None:
        """What is no text, number, kind or dict is refused; the lexicon counts on."""
        made = _plain.Lexicon(lexicon.kinds(), 255, b"x" * 16)
        for call, told in (
            (_plain.Lexicon, (b"\x63", 255, b"x" * 16)),
            (_plain.Lexicon, (b"", 255, b"x")),
            (made.count, ("a", b"b", Memo().tally)),
            (made.count, ("\u6f22", "", lambda some: [some])),
            (made.count, ("\u6f22", "", lambda some: {some: -1})),
            (made.count, ("\u6f22", "", lambda some: {1: 1})),
            (made.count, ("\u6f22", "", lambda some: {some: 1 << 40})),
            (made.count, ("\u6f22", "", lambda some: made.count("b", "", Memo().tally))),
            (made.number, (b"a",)),
            (made.forms, (b"\xff\xff\xff\xff",)),
            (made.since, (99,)),
            (made.since, (-1,)),
            (_plain.tags, ({"": 1},)),
            (_plain.tags, ({"x" * 17: 1},)),
            (_plain.tags, ({f"x{n}": 1 for n in range(300)},)),
            (_plain.read, ("", object())),
            (_plain.source, ("", object(), {})),
            (_plain.source, ("", text._SOURCE_TAGS, [])),
            (_plain.source, (b"", text._SOURCE_TAGS, {})),
        ):
            self.assertRaises((TypeError, ValueError, IndexError, RuntimeError, OverflowError), call, *told)
        self.assertEqual(
            made.count("tide", "tide tide", Memo().tally)[1:], (*(bytes([n, 0, 0, 0]) for n in (1, 2)), 3)
        )

    def test_no_leak(self) -> None:
        """What was counted and read is given back."""

        def work() -> None:
            counts = Lexicon()
            for number in range(50):
                counts.count(f"a b{number} \u6f22\u5b57 x1", "<p>", Memo().tally)
                read(f"<p>tide{number}<nav>\u6f22\u5b57</nav><xmp>")

        work()
        tracemalloc.start()
        try:
            work()
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(5):
                work()
            gc.collect()
            self.assertLess(tracemalloc.get_traced_memory()[0] - before, 20_000)
        finally:
            tracemalloc.stop()


class MarkupTests(CompiledTests):
    @settings(deadline=None, max_examples=200)
    @given(MARKUP)
    def test_soup(self, markup: str) -> None:
        """Any markup says the same to a walk from node to node."""
        self.assertEqual(read(markup), walked(markup))

    def test_tree_construction_data(self) -> None:
        """So do all pages of html5lib's data."""
        for case in cases():
            self.assertEqual(read(case.source), walked(case.source), case.name)

    def test_it_is_used(self) -> None:
        """What is in order is not walked through, and what is not is."""
        walks = []
        self.patch(text, "_read", lambda *told: walks.append(told))
        self.assertEqual(
            read("<p title='&\"<'>a&amp;<br>b<nav hidden>c</nav><nav>d<p aria-hidden=true>e</nav>f"),
            ("\v\va&\v\vb\v\vf\v", "d\v\v\v"),
        )
        self.assertEqual(walks, [])
        read("<p>a<xmp><b></xmp>")
        self.assertEqual(len(walks), 1)

    def test_what_no_tree_writes(self) -> None:
        """Markup that is not in order is left alone; whatever it is, nothing is read past its end."""
        assert text._TAGS is not None
        for markup in (
            "<",
            "</",
            "<p",
            "<p ",
            "<p a",
            "<p a=",
            '<p a="',
            '<p a="b',
            '<p a="b"',
            "<!--",
            "<!-- --",
            "<?",
            "<!x>",
            "&",
            "&am",
            "&x;",
            "</nav>",
            "<p a=b>",
            "<>",
        ):
            for before in ("", "\u0436", "\U0001f600"):
                self.assertIsNone(_plain.read(before + markup, text._TAGS), markup)
        self.assertEqual(_plain.read('a<unknown x="">b</unknown>', text._TAGS), ("ab", ""))

    def test_deep(self) -> None:
        """A hundred thousand elements in one another."""
        for tag in ("b", "div", "nav"):
            page = f"<{tag}>" * 100_000 + "tide"
            self.assertEqual(read(page), walked(page))


class WithoutTests(SynchronousTestCase):
    def test_without_the_module(self) -> None:
        """Where it was not compiled, Python does all of it."""
        self.patch(lexicon, "_plain", None)
        self.patch(text, "_TAGS", None)
        self.patch(text, "_SOURCE_TAGS", None)
        counts = Lexicon()
        page = "<p>The tide <b>f</b>ell<nav>the x-1 \u6f22\u5b57</nav>"
        self.assertIsInstance(counts._table, Table)
        found = counts.count(*read(page), Memo().tally)
        self.assertEqual(
            sorted(found),
            [
                ("The", "the", 1, 0),
                ("fell", "fell", 1, 0),
                ("the", "the", 0, 1),
                ("tide", "tide", 1, 0),
                ("x", "x", 0, 1),
                ("\u6f22\u5b57", "\u6f22\u5b57", 0, 1),
            ],
        )
