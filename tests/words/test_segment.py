"""What is a word, and what words are compared by."""

import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st
from icu4py.breakers import WordBreaker
from turbohtml.detect import normalize
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import segment

#: Text that is hard on word boundaries: each kind of joiner, mark, quote, space and script there is.
NASTY = st.text(
    st.sampled_from(
        list("aBéßİıſøЖжאבعمκςΣ한글カナｶﾞあ中文国日本語ภาษาไทยລາວကမ္ဘာខ្មែរहिन्दी0123٣")
        + list("'’\"“.,:;·‧_‿-–@/\\|*+&#ℹⓂ😀🏽🇩🇪")
        + list(
            " \t\n\r\x0b\x0c\x1c\x1f\x85\u00a0\u1680\u2000\u2007\u2009\u2028\u2029\u202f\u205f\u3000\u180e"
        )
        + list(
            "\u00ad\u200b\u200c\u200d\u2060\ufeff\u0300\u0301\u0327\u0345\u20e3\ufe0f\uff9e\uff9f\u3099\u0000"
        )
        + list("\u1100\u1161\u11a8\u212b\u0390\u1fd3\ufb01\u01c5\U0001d400\U00020000")
    ),
    max_size=40,
)


def words(text: str) -> list[str]:
    return list(segment.words(text))


def apart(segment: str) -> list[str]:
    """A segment cut where Thai and its like meet other letters (Word_Break Other, so WB999)."""
    parts = [""]
    last = ""
    for sign in segment:
        mark = unicodedata.category(sign)[0] == "M" or sign in "\u200c\u200d\uff9e\uff9f"
        own = unicodedata.name(sign, "?").split()[0] in ("THAI", "LAO", "KHMER", "MYANMAR") and sign.isalpha()
        kind = "own" if own else "other" if sign.isalnum() or sign == "_" else ""
        if kind and last and kind != last and not mark:
            parts.append("")
        parts[-1] += sign
        last = last if mark else kind
    return parts


def at_once(text: str) -> list[str]:
    """The rule in one breath: the whole text to ICU, then letters looked for."""
    text = normalize("NFC", text.translate(dict.fromkeys(map(ord, "\u00ad\u2060\ufeff"))))
    segments = [part for whole in WordBreaker(text, "en") for part in apart(whole)]
    found = [part for part in segments if any(map(str.isalpha, part))]
    # A mark after a space joins it (WB4).  Of the marks, two have the letter property: the space goes.
    return [
        part.lstrip(" \t\x1c\x1f\u00a0\u1680\u2000\u2002\u2007\u2009\u205f\u3000\u200c\u200d")
        for part in found
    ]


class WordsTests(SynchronousTestCase):
    def test_table(self) -> None:
        """The examples that fix the rule."""
        for text, expected in {
            "": [],
            "don't": ["don't"],
            "won’t": ["won’t"],
            "well-known": ["well", "known"],
            "3.14 10,000 x2 2x a1b": ["x2", "2x", "a1b"],
            "‘quoted’ \"double\" 'single'": ["quoted", "double", "single"],
            "snake_case _x x_": ["snake_case", "_x", "x_"],
            "e.g. U.S.A. a.b": ["e.g", "U.S.A", "a.b"],
            "user@example.org": ["user", "example.org"],
            "l'eau aujourd’hui": ["l'eau", "aujourd’hui"],
            "word\u00a0word": ["word", "word"],
            "naïve nai\u0308ve": ["naïve", "naïve"],
            "soft\u00adly zero\u200bwidth no\u2060break bo\ufeffm": [
                "softly",
                "zero",
                "width",
                "nobreak",
                "bom",
            ],
            "می\u200cخواهم": ["می\u200cخواهم"],
            "क्\u200dष": ["क्\u200dष"],
            "😀 👩\u200d👩 🇩🇪 ½ № ①": [],
            "한국어는 어렵다": ["한국어는", "어렵다"],
            'צה"ל': ['צה"ל'],
            "--- *** ... \u0301 \u200d": [],
            "Ελλάδα Россия": ["Ελλάδα", "Россия"],
        }.items():
            self.assertEqual(words(text), expected, text)

    def test_scripts_without_spaces(self) -> None:
        """Six scripts without spaces give dictionary words; Latin ones inside are kept."""
        for text, expected in {
            "我们使用中文和Linux系统。": "我们 使用 中文 和 Linux 系统",
            "中华人民共和国": "中华 人民 共和国",
            "私は日本語を勉強しています。": "私 は 日本語 を 勉強 し てい ます",
            "Debianはオペレーティングシステムです": "Debian は オペレーティングシステム です",
            "ภาษาไทยเป็นภาษาที่สวยงาม": "ภาษา ไทย เป็น ภาษา ที่ สวยงาม",
            "ฉันใช้Linuxทุกวัน": "ฉัน ใช้ Linux ทุก วัน",
            "ปี2567ครับ พ.ศ.๒๕๖๗": "ปี ครับ พ.ศ",
            "ພາສາລາວABC": "ພາສາ ລາວ ABC",
            "ខ្ញុំរៀនភាសាខ្មែរ": "ខ្ញុំ រៀន ភាសាខ្មែរ",
            "မြန်မာဘာသာစကား": "မြန်မာဘာသာ စကား",
        }.items():
            self.assertEqual(words(text), expected.split(), text)

    def test_soft_hyphens_vanish_in_dictionary_scripts(self) -> None:
        """A soft hyphen, word joiner or byte order mark inside a run of Thai or Chinese changes no word."""
        for text in ("ภาษาไทยเป็นภาษาที่สวยงาม", "我们使用中文和系统", "日本語を勉強しています"):
            for sign in "\u00ad\u2060\ufeff":
                for cut in range(len(text) + 1):
                    self.assertEqual(words(text[:cut] + sign + text[cut:]), words(text), (text, cut))

    def test_narrow_space_joins(self) -> None:
        """U+202F is part of a word by UAX #29 (WB13a, WB13b), though Python takes it for white space."""
        self.assertEqual(words("10\u202f000 a\u202fb\u00a0c \u202f d"), ["a\u202fb", "c", "d"])

    def test_lone_surrogates(self) -> None:
        """A lone surrogate separates words; a pair is the character it stands for."""
        self.assertEqual(words("a\ud800b\udfffc é\udc80"), ["a", "b", "c", "é"])
        self.assertEqual(words("\ud840\udc00"), ["\U00020000"])

    def test_nul(self) -> None:
        """NUL separates words and ends nothing."""
        self.assertEqual(words("a\0b \0 c\0"), ["a", "b", "c"])

    def test_long_words(self) -> None:
        """A word longer than the bound is one word, kept to the bound, its key not empty."""
        self.assertEqual(words("a" * 100_000), ["a" * segment.LENGTH_MAX])
        self.assertEqual(words("é" * 100_000 + " b"), ["é" * segment.LENGTH_MAX, "b"])
        (only,) = words("\u200d" * 1000 + "ℹ")
        self.assertEqual(segment.key(only), "ℹ")

    def test_batches(self) -> None:
        """Text of many batches has the words of its parts."""
        text = "ab cd’e ภาษาไทย "
        self.assertEqual(words(text * 9000), words(text) * 9000)

    def test_marks_in_disorder(self) -> None:
        """A letter under a hundred thousand marks in the wrong order is put in order in linear time."""
        (only,) = words("e" + "\u0301\u0327" * 100_000)
        self.assertEqual(only, "ȩ" + "\u0327" * (segment.LENGTH_MAX - 1))

    @settings(deadline=None, max_examples=200)
    @given(NASTY)
    @example(" \uff9e")
    @example("a\u202f\uff9e b")
    @example("\t\u200dℹ")
    @example("中 \u200d国")
    def test_pieces_change_nothing(self, text: str) -> None:
        """Cut at white space, a text has the words that it has as a whole."""
        self.assertEqual(words(text), at_once(text))

    @settings(deadline=None, max_examples=100)
    @given(NASTY, NASTY)
    def test_sum(self, one: str, two: str) -> None:
        """Two texts with a line feed between have the words of the one, then those of the other."""
        self.assertEqual(words(one + "\n" + two), words(one) + words(two))

    @settings(deadline=None, max_examples=100)
    @given(NASTY)
    def test_normalized(self, text: str) -> None:
        """Texts that are canonically equivalent have the same words, and they are in NFC as Python has it."""
        found = words(unicodedata.normalize("NFD", text))
        self.assertEqual(found, words(text))
        for word in found:
            self.assertTrue(unicodedata.is_normalized("NFC", word))


class KeyTests(SynchronousTestCase):
    def test_equal(self) -> None:
        """Forms of one word have one key."""
        for forms, key in (
            (("Don't", "DON’T", "don’t"), "don't"),
            (("Straße", "STRASSE", "strasse"), "strasse"),
            (("ΣΊΣΥΦΟΣ", "σίσυφος"), "σίσυφοσ"),
            (("été", "e\u0301te\u0301", "ÉTÉ"), "été"),
            (("\u0390", "\u1fd3", "\u03aa\u0301", "\u03b9\u0308\u0301"), "\u0390"),
            (("می\u200cخواهم", "میخواهم"), "میخواهم"),
            (("soft\u00adly", "soft\ufeffly", "soft\u2060ly", "softly", "e\u00ad"), None),
            (("ﬁn", "FIN", "fin"), "fin"),
            (("Å", "Å"), "å"),
        ):
            keys = {segment.key(form) for form in forms[:4]}
            self.assertEqual(len(keys), 1, forms)
            if key is not None:
                self.assertEqual(keys, {key})

    def test_unequal(self) -> None:
        """Words that differ by more have different keys."""
        for one, other in (("resume", "résumé"), ("its", "it's"), ("İ", "i"), ("или", "йли")):
            self.assertNotEqual(segment.key(one), segment.key(other))

    @settings(deadline=None, max_examples=200)
    @given(NASTY)
    def test_invariants(self, text: str) -> None:
        """A key is its own key, in NFC, the same for upper-case NFD text, and never empty."""
        for word in words(text):
            key = segment.key(word)
            self.assertTrue(key)
            self.assertEqual(segment.key(key), key)
            self.assertTrue(unicodedata.is_normalized("NFC", key))
            self.assertEqual(segment.key(unicodedata.normalize("NFD", word)), key)
