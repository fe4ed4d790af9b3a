"""Pages counted as they are relayed: the whole way from bytes to words, and memories that change nothing."""

import gzip
import zlib
from collections import Counter
from typing import Any

import brotli
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import count, lexicon, memo, segment
from netsuite.words.count import PageWords, Source, WordCounter
from netsuite.words.skipped import SENTENCES, Reason, Skip
from netsuite.words.text import WordParser

from .test_segment import NASTY

#: Such text without the control characters of which too many make a page binary.
HARD = NASTY.map(lambda text: text.translate(dict.fromkeys(b"\0\x0b\x1c\x1f")))

Forms = dict[str, tuple[str, int, int]]


def source(
    media_type: str = "text/html", charset: str | None = "utf-8", coding: str = "", lang: str | None = None
) -> Source:
    return Source(media_type, charset, coding, lang)


def forms(found: PageWords) -> Forms:
    return {form: (key, main, other) for form, key, main, other in found.forms}


def counted(page: str, **of: Any) -> Forms:
    return forms(WordCounter().count(source(**of), [page.encode()]))


def plainly(page: str) -> Forms:
    """The same without a memory: parse, segment, count."""
    document = WordParser().html(page)
    main = Counter(segment.words(document.main))
    other = Counter(segment.words(document.other))
    return {
        form: (segment.key(form)[: segment.LENGTH_MAX], main[form], other[form])
        for form in main.keys() | other.keys()
    }


PAGE = """<!doctype html><html lang=de><title>Ein  Titel</title><nav>Start Über uns</nav>
<p>Der <b>K</b>önig fährt. Der König isst, don’t he? <i>wohl</i>ge<!-- -->merkt 3.14</p>
<table><tr><td>eins<td>zwei</table><script>nein()</script><footer>Über 漢字とカナ ภาษาไทย</footer>"""
WORDS: Forms = {
    "Der": ("der", 2, 0),
    "König": ("könig", 2, 0),
    "fährt": ("fährt", 1, 0),
    "isst": ("isst", 1, 0),
    "don’t": ("don't", 1, 0),
    "he": ("he", 1, 0),
    "wohlgemerkt": ("wohlgemerkt", 1, 0),
    "eins": ("eins", 1, 0),
    "zwei": ("zwei", 1, 0),
    "Start": ("start", 0, 1),
    "Über": ("über", 0, 2),
    "uns": ("uns", 0, 1),
    "漢字": ("漢字", 0, 1),
    "と": ("と", 0, 1),
    "カナ": ("カナ", 0, 1),
    "ภาษา": ("ภาษา", 0, 1),
    "ไทย": ("ไทย", 0, 1),
}


class CountTests(SynchronousTestCase):
    def refused(self, reason: Reason, of: Source, body: bytes, **bounds: Any) -> None:
        skip = self.assertRaises(Skip, WordCounter(**bounds).count, of, [body])
        self.assertEqual(skip.reason, reason)

    def test_page(self) -> None:
        """A page has its language, title, and its words with main and other occurrences."""
        found = WordCounter().count(source(), [PAGE.encode()])
        self.assertEqual((found.lang, found.title), ("de", "Ein Titel"))
        self.assertEqual(forms(found), WORDS)
        self.assertEqual(len(found.forms), len(WORDS))

    def test_any_cut(self) -> None:
        """Cut anywhere, inside a tag, a character or a reference, the bytes count the same."""
        counter, body = WordCounter(), PAGE.encode()
        for cut in range(len(body) + 1):
            self.assertEqual(forms(counter.count(source(), [body[:cut], body[cut:]])), WORDS)
            counter.forget()

    def test_codings(self) -> None:
        """The page has the same counts in each coding, and in two of them."""
        body = PAGE.encode()
        for name, packed in (
            ("gzip", gzip.compress(body)),
            ("deflate", zlib.compress(body)),
            ("br", brotli.compress(body)),
            ("zstd", zstd.compress(body)),
            ("gzip, br", brotli.compress(gzip.compress(body))),
        ):
            self.assertEqual(forms(WordCounter().count(source(coding=name), [packed])), WORDS, name)

    def test_charset_twins(self) -> None:
        """Twins of one page in several encodings count alike, named by the header or a meta."""
        for text, labels in (
            ("Привет, мир! Слово и дело.", ["koi8-r", "windows-1251", "iso-8859-5", "utf-8"]),
            ("café déjà vu naïve", ["iso-8859-1", "windows-1252", "utf-8"]),
            ("汉字和中文系统", ["gbk", "gb18030", "utf-8"]),
            ("漢字和中文系統", ["big5", "utf-8"]),
            ("私は日本語を勉強しています", ["shift_jis", "euc-jp", "iso-2022-jp", "utf-8"]),
            ("한국어는 어렵다", ["euc-kr", "utf-8"]),
        ):
            expected = counted(text)
            for label in labels:
                body = text.encode("cp1252" if label == "iso-8859-1" else label)
                self.assertEqual(forms(WordCounter().count(source(charset=label), [body])), expected, label)
                body = f"<meta charset={label}>".encode() + body
                self.assertEqual(forms(WordCounter().count(source(charset=None), [body])), expected, label)
            for codec in ("utf-16-le", "utf-16-be"):
                body = ("\ufeff" + text).encode(codec)
                self.assertEqual(forms(WordCounter().count(source(charset=None), [body])), expected, codec)

    def test_media_types(self) -> None:
        """HTML, XHTML and plain text are counted, each by its rule; nothing else is."""
        page = "<p>a&amp;</p>"
        self.assertEqual(set(counted(page)), {"a"})
        self.assertEqual(set(counted(page, media_type="application/xhtml+xml")), {"a"})
        self.assertEqual(set(counted(page, media_type="text/plain")), {"p", "a", "amp"})
        for kind in (
            "text/css",
            "application/json",
            "image/svg+xml",
            "text/xml",
            "",
            "text/html; charset=utf-8",
        ):
            self.refused(Reason.NOT_TEXT, source(kind), page.encode())

    def test_skips(self) -> None:
        """What can't or mustn't be counted says why."""
        self.refused(Reason.PASSWORD_PAGE, source(), b"secret<input type=password>")
        self.refused(Reason.UNKNOWN_CODING, source(coding="compress"), b"x")
        self.refused(Reason.UNREADABLE, source(coding="gzip"), gzip.compress(PAGE.encode())[:-9])
        self.refused(Reason.UNREADABLE, source(charset="iso-2022-kr"), b"x")
        self.refused(Reason.TOO_LARGE, source(), b"x" * 101, max_text=100)
        self.refused(Reason.TOO_LARGE, source(coding="gzip"), gzip.compress(b"x" * 101), max_text=100)
        self.refused(Reason.TOO_LARGE, source(coding="br"), brotli.compress(bytes(4 << 20)), max_ratio=10)

    def test_plain_text_with_a_password_field(self) -> None:
        """A plain text that quotes a password field has none."""
        self.assertIn("password", counted("<input type=password>", media_type="text/plain"))

    def test_language(self) -> None:
        """The language is told by document, header, text, default, in this order."""
        text = "the page that we read was about a river and the people who live on it " * 3
        for page, header, lang in (
            (f"<html lang=de>{text}", "fr", "de"),
            (text, "fr", "fr"),
            (text, None, "en"),
            (f"<nav>{text}</nav>", None, "en"),
            (f"un deux<nav>{text}</nav>", None, "xx"),
            ("", None, "xx"),
        ):
            found = WordCounter(default_lang="xx").count(source(lang=header), [page.encode()])
            self.assertEqual(found.lang, lang, page[:20])

    def test_empty_pages(self) -> None:
        """A page without words is counted: it has none."""
        for page in ("", "<html>", "3.14 --", "\0\0"):
            self.assertEqual(counted(page), {})
        self.assertEqual(WordCounter().count(source(coding="gzip"), []).forms, [])

    def test_hostile_words(self) -> None:
        """One word of the whole bound is one word, kept short; so are many that differ in their ends only."""
        found = counted("x" * count.MAX_TEXT, media_type="text/plain")
        self.assertEqual(found, {"x" * segment.LENGTH_MAX: ("x" * segment.LENGTH_MAX, 1, 0)})
        found = counted(" ".join("é" * 300 + str(at) for at in range(100)))
        self.assertEqual(list(found.values()), [("é" * segment.LENGTH_MAX, 100, 0)])
        self.assertTrue(
            all(len(key) <= segment.LENGTH_MAX for key, _, _ in counted("ΐ" * 250 + " " + "ß" * 250).values())
        )

    def test_sentences(self) -> None:
        """Each reason has its sentence."""
        self.assertEqual(set(SENTENCES), set(Reason))
        self.assertTrue(all(sentence.endswith(".") for sentence in SENTENCES.values()))
        self.assertEqual(str(Skip(Reason.NO_STORE)), "no-store")


class MemoryTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=150)
    @given(st.lists(HARD, max_size=6))
    def test_memo_changes_nothing(self, texts: list[str]) -> None:
        """Cold, warm, tiny or absent, the memo gives the same counts, page after page."""
        warm = WordCounter()
        for text in texts * 2:
            page = f"<p>{text}</p><nav>{text[::-1]}</nav>".replace("\0", "")
            expected = plainly(page)
            self.assertEqual(forms(warm.count(source(), [page.encode()])), expected)
            self.assertEqual(counted(page), expected)

    def test_tiny_memo(self) -> None:
        """With memories of next to no size, counts are the same and the bounds hold."""
        for module, name, bound in (
            (memo, "PIECES_MAX", 3),
            (memo, "PIECE_MAX", 2),
            (count, "PAGES_MAX", 1),
            (count, "FORMS_MAX", 2),
            (lexicon, "STRETCH", 7),
            (lexicon, "FORMS_MAX", 5),
        ):
            self.patch(module, name, bound)
        counter = WordCounter()
        for text in (
            "a bb ccc dddd ภาษาไทยภาษา a",
            "x1 x2 x3 (x1) a-b x1, x4 x1",
            "漢 字 と 漢 な 字",
            "bb a e f g h",
            "",
            "ccc ภาษาไทย",
            "a\u202fb c\nd" * 9,
        ) * 3:
            page = f"<p>{text}<nav>{text}"
            self.assertEqual(forms(counter.count(source(), [page.encode()])), plainly(page))
            self.assertLessEqual(len(counter._memo), 3)
            self.assertLessEqual(len(counter._pages), 1)

    def test_stretches(self) -> None:
        """A long text is cut where white space is, and all of it is counted."""
        self.patch(lexicon, "STRETCH", 10)
        for text in (
            "ab cd" * 50,
            "x" * 100,
            "é\n" * 100,
            "a\u202fb " * 30,
            " " * 100,
            "ab" + "\t" * 50 + "cd",
        ):
            self.assertEqual("".join(lexicon._stretches(text)), text)
            self.assertEqual(
                counted(text, media_type="text/plain"),
                {form: (segment.key(form), times, 0) for form, times in Counter(segment.words(text)).items()},
            )

    def test_same_page_again(self) -> None:
        """A page that comes again gets the same answer; with another head or byte it is counted anew."""
        counter, body = WordCounter(), PAGE.encode()
        first = counter.count(source(), [body])
        self.assertIs(counter.count(source(), [body[:9], body[9:]]), first)
        self.assertEqual(counter.count(source(lang="fr"), [body]).lang, "de")
        self.assertIsNot(counter.count(source(), [body + b" "]), first)
        self.assertNotEqual(counter.count(source(charset="koi8-r"), [body]).forms, first.forms)
        counter.forget()
        again = counter.count(source(), [body])
        self.assertIsNot(again, first)
        self.assertEqual(again, first)

    def test_skipped_page_again(self) -> None:
        """A page that was skipped is skipped again."""
        counter = WordCounter()
        for _ in range(2):
            self.assertRaises(Skip, counter.count, source(), [b"<input type=password>"])

    @settings(deadline=None, max_examples=100)
    @given(HARD, HARD)
    def test_sum(self, one: str, two: str) -> None:
        """The count of two block documents, one after the other, is the sum of theirs."""
        pages = [f"<div>{text}</div>".replace("\0", "") for text in (one, two)]
        total: Counter[tuple[str, str]] = Counter()
        for page in pages:
            for form, (key, main, _) in counted(page).items():
                total[form, key] += main
        both = {(form, key): main for form, (key, main, _) in counted("".join(pages)).items()}
        self.assertEqual(both, dict(total))
