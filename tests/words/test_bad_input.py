"""Bad input: a page is counted as far as it honestly can be, or skipped with a reason; no silent zero.

Linear time is held by counting what the interpreter does on one size and on twice that: no clock.
"""

import gzip
import sys
import zlib
from collections.abc import Callable
from typing import Any

import brotli
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words.coding import zstd
from netsuite.words.count import MAX_TEXT, Source, WordCounter
from netsuite.words.sentences import contexts
from netsuite.words.skipped import Reason, Skip

PAGE = b"<!doctype html><title>Tide</title>" + b"".join(
    b"<p>Boat number %d waited for the tide at %x.</p>" % (number, number**3) for number in range(60)
)

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


class Everything:
    """Wants each word there is."""

    def __contains__(self, key: object) -> bool:
        return True


def count(
    body: bytes, charset: str | None = None, coding: str = "", media_type: str = "text/html"
) -> dict[str, int]:
    """Return the forms of a body, counted by a fresh counter; its sentences are made as well."""
    found, main = WordCounter().read(Source(media_type, charset, coding, None), [body])
    for _, sentence in contexts(main, found.lang, Everything()):
        sentence.encode()
    return {form: main + other for form, _, main, other in found.forms}


def reason(body: bytes, charset: str | None = None, coding: str = "", media_type: str = "text/html") -> Any:
    """Return why a body is skipped, None if it is counted."""
    try:
        count(body, charset, coding, media_type)
    except Skip as skip:
        return skip.reason
    return None


class CodingTests(SynchronousTestCase):
    def test_truncated_at_every_byte(self) -> None:
        """A coded body that ends early is unreadable wherever it ends: half a page has other counts."""
        for coding, pack in CODINGS.items():
            whole = pack(PAGE)
            for cut in range(1, len(whole)):
                self.assertEqual(reason(whole[:cut], coding=coding), Reason.UNREADABLE, (coding, cut))
            self.assertEqual(count(whole, coding=coding), count(PAGE))
            self.assertEqual(count(b"", coding=coding), {})

    def test_truncated_stack(self) -> None:
        """So is one whose inner coding ends early inside a whole outer one."""
        for outer, pack in CODINGS.items():
            for inner, pack_inner in CODINGS.items():
                body = pack(pack_inner(PAGE)[:-9])
                self.assertEqual(reason(body, coding=f"{inner}, {outer}"), Reason.UNREADABLE, (inner, outer))

    def test_wrong_coding(self) -> None:
        """A body that is in another coding than its head says, or in none, is unreadable."""
        bodies = {"": PAGE, **{coding: pack(PAGE) for coding, pack in CODINGS.items()}}
        for said in CODINGS:
            for true, body in bodies.items():
                if true != said:
                    self.assertEqual(reason(body, coding=said), Reason.UNREADABLE, (said, true))

    def test_coding_unsaid(self) -> None:
        """A coded body whose head says nothing is no text: its noise is not counted as words."""
        for coding, pack in CODINGS.items():
            for body in (pack(PAGE), pack(b"<p>" + bytes(range(32, 127)) * 9)):
                for media_type in ("text/html", "text/plain", "application/xhtml+xml"):
                    self.assertEqual(
                        reason(body, media_type=media_type), Reason.UNREADABLE, (coding, body[:8])
                    )

    def test_twice_coded(self) -> None:
        """A body coded twice whose head says once is unreadable, not noise."""
        for coding in ("gzip", "zstd"):
            pack = CODINGS[coding]
            self.assertEqual(reason(pack(pack(PAGE)), coding=coding), Reason.UNREADABLE, coding)

    def test_flipped_bits(self) -> None:
        """A damaged body is unreadable, too large or, if its coding has no checksum, what it decodes to."""
        for coding, pack in CODINGS.items():
            whole = bytearray(pack(PAGE))
            for at in range(0, len(whole), 7):
                whole[at] ^= 0x10
                self.assertIn(
                    reason(bytes(whole), coding=coding),
                    (None, Reason.UNREADABLE, Reason.TOO_LARGE),
                    (coding, at),
                )
                whole[at] ^= 0x10

    def test_no_text(self) -> None:
        """What is called HTML and is a picture, a font or a program is unreadable."""
        noise = bytes((number * number * 7 + number // 3) % 256 for number in range(3000))
        for start in (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"wOF2\0\1\0\0",
            b"\x7fELF\2\1\1\0",
            b"PK\3\4\x14\0",
            b"\0\0\0 ftyp",
        ):
            self.assertEqual(reason(start + noise), Reason.UNREADABLE, start)


class CharsetTests(SynchronousTestCase):
    def test_wholly_wrong_label(self) -> None:
        """A page of which a lying label leaves hardly a letter is unreadable instead of empty."""
        for text, codecs in {
            "Лодки ждали прилива у причала. ": ("windows-1251", "koi8-r", "iso-8859-5"),
            "Τα σκάφη περίμεναν την παλίρροια. ": ("windows-1253",),
            "القوارب تنتظر المد في الميناء. ": ("windows-1256",),
            "船は港で潮が満ちるのを待っていた。": ("shift_jis", "euc-jp"),
            "船在港口等待涨潮。": ("gbk",),
            "船在港口等待漲潮。": ("big5",),
            "배는 항구에서 밀물을 기다렸다. ": ("euc-kr",),
        }.items():
            for codec in codecs:
                self.unreadable(("<p>" + text * 9).encode(codec))

    def unreadable(self, body: bytes) -> None:
        """A body is so as UTF-8, which a header or a meta says it is."""
        self.assertEqual(reason(body, "utf-8"), Reason.UNREADABLE)
        self.assertEqual(reason(b"<meta charset=utf-8>" + body), Reason.UNREADABLE)
        self.assertEqual(reason(body, "utf-8", media_type="text/plain"), Reason.UNREADABLE)

    def test_somewhat_wrong_label(self) -> None:
        """A page that loses some accents and quotes to its label is counted without them."""
        body = ("<p>" + "L’été, le café du port est fermé. " * 40).encode("windows-1252")
        found = count(body, "utf-8")
        self.assertEqual((found["port"], found["caf"], found["ferm"]), (40, 40, 40))

    def test_mojibake(self) -> None:
        """A wrong label under which each byte is a letter is believed, as a browser believes it."""
        self.assertEqual(count("<p>été".encode(), "windows-1252"), {"Ã": 1, "tÃ": 1})

    def test_few_wrong_bytes(self) -> None:
        """A few wrong bytes are no reason to skip a short page."""
        self.assertEqual(count(b"<p>caf\xe9 \xff tide", "utf-8"), {"caf": 1, "tide": 1})

    def test_utf_16_unsaid(self) -> None:
        """UTF-16 that neither mark nor label tells is unreadable; with a label it is read."""
        for codec in ("utf-16-le", "utf-16-be"):
            body = PAGE.decode().encode(codec)
            self.assertEqual(reason(body), Reason.UNREADABLE)
            self.assertEqual(count(body, codec.replace("16-", "16")), count(PAGE))

    def test_utf_16_label_on_ascii(self) -> None:
        """ASCII bytes said to be UTF-16 read as Chinese signs, as in a browser; nothing breaks."""
        self.assertNotIn("tide", count(PAGE, "utf-16"))

    def test_cut_inside_a_character(self) -> None:
        """A page that ends inside a character has its words before that."""
        for label, codec in (
            ("utf-8", "utf-8"),
            ("shift_jis", "shift_jis"),
            ("gbk", "gbk"),
            ("utf-16", "utf-16-le"),
        ):
            body = "<p>harbour 港".encode(codec)[:-1]
            self.assertEqual(count(body, label), {"harbour": 1}, label)


class SignTests(SynchronousTestCase):
    def test_nul(self) -> None:
        """NUL vanishes from HTML's text, as in a browser, and separates words in plain text."""
        self.assertEqual(count(b"<p>ti\0de \0 boat\0"), {"tide": 1, "boat": 1})
        self.assertEqual(count(b"ti\0de", media_type="text/plain"), {"ti": 1, "de": 1})
        self.assertEqual(count(b"<p\0>tide</p\0>boat<\0"), count(b"<p\0>tide</p\0>boat<\0"))

    def test_lone_surrogates(self) -> None:
        """Lone surrogates, by reference, in UTF-8 or in UTF-16, separate words and are in none."""
        for body, label in (
            (b"<p>ti&#xD800;de &#xDFFF;boat", None),
            (b"<p>ti\xed\xa0\x80de boat", "utf-8"),
            ("<p>ti\ud800de boat".encode("utf-16-le", "surrogatepass"), "utf-16"),
        ):
            self.assertEqual(count(body, label), {"ti": 1, "de": 1, "boat": 1}, body)

    def test_one_huge_word(self) -> None:
        """A page of one word of eight megabytes has one word, kept to its bound."""
        for sign in ("x", "é", "ж"):
            found = count((sign * (MAX_TEXT // len(sign.encode()))).encode(), "utf-8")
            self.assertEqual(found, {sign * 255: 1})
        self.assertEqual(reason(b"x" * (MAX_TEXT + 1)), Reason.TOO_LARGE)

    def test_huge_run_without_spaces(self) -> None:
        """A megabyte of Thai or Chinese without a space has all its words."""
        for word in ("ภาษา", "系统"):
            times = 1_000_000 // len(word.encode())
            self.assertEqual(count((word * times).encode(), "utf-8"), {word: times})

    def test_empty(self) -> None:
        """What is empty, or holds nothing to read, is a page of no words, which is no skip."""
        for body in (b"", b" \n", b"<p></p>", b"<!--", b"<script>no", b"\xef\xbb\xbf", b"1 2 3", b"\0"):
            self.assertEqual(count(body), {}, body)


class TreeTests(SynchronousTestCase):
    def test_nested(self) -> None:
        """A hundred thousand elements, one in the other, are counted with what is between them."""
        for tag in ("div", "span", "section", "x-y", "nav", "ul><li", "blockquote"):
            found = count(b"tide" + f"<{tag}>".encode() * 100_000 + b"boat")
            self.assertEqual(
                found.keys() - {"tideboat"}, set() if "tideboat" in found else {"tide", "boat"}, tag
            )

    def test_nested_text(self) -> None:
        """Text at each depth is there."""
        found = count(b"<div>tide" * 50_000)
        self.assertEqual(found, {"tide": 50_000})

    def test_nested_formatting(self) -> None:
        """So are misnested formatting elements and tables, whose trees a browser bounds or reorders."""
        self.assertEqual(count(b"<b><p>tide" * 5_000)["tide"], 5_000)
        self.assertEqual(sum(count(b"<table>tide " * 3_000).values()), 3_000)


def work(body: bytes, media_type: str = "text/html") -> int:
    """Return how many calls, of C functions too, it takes to count a body and to make its sentences."""
    calls = 0

    def note(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    counter, before = WordCounter(), sys.getprofile()
    source = Source(media_type, "utf-8", "", "en")
    sys.setprofile(note)
    try:
        found, main = counter.read(source, [body])
        for _ in contexts(main, found.lang, Everything()):
            pass
    finally:
        sys.setprofile(before)
    return calls


class LinearTests(SynchronousTestCase):
    def test_twice_the_page_is_twice_the_work(self) -> None:
        """Counting a page and cutting its sentences takes at most twice the calls for twice the page."""
        for name, unit in {
            "paragraphs": "<p>The boat waited for the tide. It came.</p>",
            "nested": "<div>tide ",
            "nested inline": "<b>tide</b> ",
            "attributes": "<p hidden aria-hidden=true lang=x>tide",
            "no spaces": "tide",
            "marks": "e\u0301\u0327",
            "Thai": "ภาษาไทย",
            "Chinese": "我们使用中文。",
            "full stops": "a. ",
            "brackets": "<",
            "ampersands": "&",
            "comments": "<!--",
            "NUL": "a boat, and the tide \0",
        }.items():
            one, two = (work((unit * times).encode()) for times in (1500, 3000))
            self.assertLess(two, 2.1 * one + 500, name)

    def test_new_words_only(self) -> None:
        """So does a page in which no word comes twice."""
        one, two = (work(" ".join(f"w{at:x}" for at in range(times)).encode()) for times in (3000, 6000))
        self.assertLess(two, 2.1 * one + 500)


LABELS = st.sampled_from(
    [None, "utf-8", "utf-16", "utf-16be", "shift_jis", "gb18030", "iso-2022-jp", "x-user-defined"]
)
KINDS = st.sampled_from(["text/html", "text/plain", "application/xhtml+xml"])
PARTS = st.binary(max_size=20) | st.sampled_from(
    [
        b"<p>",
        b"<?xml",
        b"<html ",
        b"lang=",
        b"</p>",
        b"<svg>",
        b"<![CDATA[",
        b"&#xD800;",
        b"&#0;",
        b"<!--",
        b"tide",
    ]
)


class AnythingTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=200)
    @given(st.lists(PARTS, max_size=12).map(b"".join), LABELS, KINDS, st.sampled_from(["", *CODINGS]))
    def test_any_bytes(self, body: bytes, label: str | None, media_type: str, coding: str) -> None:
        """Whatever bytes come under whatever name, they are counted or skipped as unreadable or too large."""
        for sent in (body, CODINGS.get(coding, bytes)(body)):
            self.assertIn(
                reason(sent, label, coding, media_type), (None, Reason.UNREADABLE, Reason.TOO_LARGE)
            )
