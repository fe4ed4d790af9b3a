"""Which language a page is in, source by source."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import language

ENGLISH = (
    "The page that we read this morning was about a river and the people who live on it, and "
    "all of them know how to swim. "
)
TEXTS = {
    "en": ENGLISH,
    "de": (
        "Die Seite, die wir heute lesen, handelt von einem Fluss und von den Leuten, die an ihm "
        "wohnen, und alle von ihnen können schwimmen, aber nicht jeder will es auch."
    ),
    "fr": (
        "La page que nous avons lue ce matin parle du fleuve et des gens qui vivent sur ses rives, "
        "et tous savent nager, mais ils ne veulent pas toujours le faire avec nous."
    ),
    "es": (
        "La página que hemos leído esta mañana habla del río y de los que viven en él, y todos "
        "saben nadar, pero no siempre quieren hacerlo cuando hay mucha agua para nosotros."
    ),
    "it": (
        "La pagina che abbiamo letto questa mattina parla del fiume e di quelli che vivono sulle "
        "sue rive, e tutti sanno nuotare, ma non sempre lo vogliono fare con noi."
    ),
    "nl": (
        "De bladzijde die wij vandaag hebben gelezen gaat over een rivier en de mensen die er "
        "wonen, en zij kunnen allemaal zwemmen, maar niet iedereen wil dat ook altijd doen."
    ),
    "fi": (
        "Me olemme täällä ja he ovat siellä, mutta minä en ole vielä nähnyt sitä jokea, jossa he "
        "uivat, koska se on niin kaukana että en ole ollut siellä kun he olivat."
    ),
    "pl": (
        "Strona, którą dziś czytamy, jest o rzece i o tych, którzy nad nią mieszkają, a oni wszyscy"
        " umieją pływać, ale nie zawsze tego chcą, bo woda jest dla nich za zimna."
    ),
    "ru": (
        "Страница, которую мы сегодня читали, была о реке и о тех, кто на ней живёт, и они все "
        "умеют плавать, но не всегда этого хотят, потому что вода для них так холодна."
    ),
    "uk": (
        "Сторінка, яку ми сьогодні читали, була про річку і про тих, хто на ній живе, і вони всі "
        "вміють плавати, але не завжди цього хочуть, бо вода для них ще така холодна."
    ),
    "tr": (
        "Bu sabah okuduğumuz sayfa bir nehir ve onun için çok şey yapan insanlar ile ilgili, ama "
        "her zaman değil, çünkü su daha soğuk ve hiç kimse o kadar iyi yüzen biri gibi değil."
    ),
    "ja": "私は日本語を勉強しています。",
    "zh": "我们使用中文和系统。",
    "ko": "한국어는 어렵다 그리고 재미있다",
    "th": "ภาษาไทยเป็นภาษาที่สวยงาม",
    "he": "אנחנו קוראים עברית",
    "el": "διαβάζουμε ελληνικά",
    "ar": "نحن نقرأ العربية",
    "fa": "من می‌خواهم فارسی را یاد بگیرم و چای",
    "ur": "میں اردو سیکھ رہا ہوں یہ ٹھیک ہے",
    "hy": "հայերեն լեզու",
    "ka": "ქართული ენა",
    "ta": "தமிழ் மொழி",
    "km": "ភាសាខ្មែរ",
    "lo": "ພາສາລາວ",
    "my": "မြန်မာဘာသာ",
}


class OfTests(SynchronousTestCase):
    def test_order(self) -> None:
        """The document is asked first, then the header's first tag, the text, the default."""
        for document, header, text, found in (
            ("de-AT", "fr, it", ENGLISH, "de"),
            (None, "fr-CA, it", ENGLISH, "fr"),
            ("", "fr", ENGLISH, "fr"),
            (None, None, ENGLISH, "en"),
            (None, "", "", "xx"),
            (None, None, "abc", "xx"),
            ("und", "mul", TEXTS["el"], "el"),
            ("x-default", "*", TEXTS["el"], "el"),
        ):
            self.assertEqual(language.of(document, header, text, "xx"), found, (document, header))
        self.assertEqual(language.of(None, None, ""), "und")

    def test_wrong_lang_is_believed(self) -> None:
        """A page that says a wrong language is in that language: the site's correction is for that."""
        self.assertEqual(language.of("en", None, TEXTS["ja"]), "en")


class PrimaryTests(SynchronousTestCase):
    def test_tags(self) -> None:
        """Of a tag the primary subtag counts, in lower case."""
        for tag, found in {
            "en": "en",
            " EN-us ": "en",
            "pt_BR": "pt",
            "zh-Hans-CN": "zh",
            "gsw": "gsw",
            "iw": "he",
            "jp": "ja",
            "ger": "de",
        }.items():
            self.assertEqual(language.primary(tag), found, tag)

    def test_no_tags(self) -> None:
        """What is no language is none."""
        for tag in (
            "",
            "e",
            "x-default",
            "i-klingon",
            "und",
            "MUL",
            "zxx",
            "e1",
            "<b>",
            "русский",
            "ﬁ",
            "abcdefghi",
            None,
        ):
            self.assertIsNone(language.primary(tag), tag)

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=30), st.text(max_size=30))
    def test_hostile_tags(self, one: str, two: str) -> None:
        """Whatever a page or header says, a language is two to eight letters a to z."""
        found = language.of(one, two, "")
        self.assertTrue(
            2 <= len(found) <= 8 and found.isascii() and found.isalpha() and found == found.lower()
        )

    def test_long_tags(self) -> None:
        """A tag of a megabyte is judged by its beginning."""
        self.assertIsNone(language.primary(" " * 1_000_000 + "en"))
        self.assertEqual(language.primary("en-" + "x" * 1_000_000), "en")


class GuessTests(SynchronousTestCase):
    def test_known(self) -> None:
        """A few sentences of a language tell it, by script or stop words."""
        for lang, text in TEXTS.items():
            self.assertEqual(language.guess(text), lang, lang)

    def test_not_plain(self) -> None:
        """Too few words, two languages, or one without a list, are not guessed at."""
        for text in (
            "",
            "the",
            "the of and " * 3,
            ENGLISH + TEXTS["fr"],
            "lorem ipsum dolor sit amet " * 20,
            "1 2 3",
        ):
            self.assertIsNone(language.guess(text), text)

    def test_mixed_scripts(self) -> None:
        """A few words in another script decide nothing."""
        self.assertEqual(language.guess(ENGLISH + "日本語 ภาษาไทย"), "en")
        self.assertEqual(language.guess(TEXTS["zh"] * 10 + "の"), "zh")
        self.assertEqual(language.guess(TEXTS["ja"] + "Debian GNU/Linux"), "ja")

    def test_given_tally(self) -> None:
        """A tally made already is taken instead of the text's words."""
        tally = [("the", 30), ("and", 20), ("of", 9), ("not", 9), ("xyz", 50)]
        self.assertEqual(language.guess("abc", tally), "en")
