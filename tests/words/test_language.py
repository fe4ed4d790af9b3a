"""Which language a page is in, source by source."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import language
from netsuite.words.count import Source, WordCounter

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
    "cs": (
        "Stránka, kterou jsme dnes ráno četli, byla o řece a o lidech, kteří u ní žijí, a všichni "
        "umějí plavat, "
        "ale ne vždy se jim chce, protože voda je pro ně příliš studená a oni to vědí."
    ),
    "da": (
        "Siden, som vi læste i morges, handler om en flod og om de mennesker, der bor ved den, og "
        "de kan alle "
        "svømme, men de vil ikke altid gøre det, fordi vandet er for koldt til dem."
    ),
    "sv": (
        "Sidan som vi läste i morse handlar om en flod och om de människor som bor vid den, och "
        "alla kan simma, "
        "men de vill inte alltid göra det, för att vattnet är för kallt för dem."
    ),
    "no": (
        "Siden som vi leste i dag tidlig handler om en elv og om de menneskene som bor ved den, og alle kan "
        "svømme, men de vil ikke alltid gjøre det, fordi vannet er for kaldt for dem."
    ),
    "hu": (
        "Az oldal, amelyet ma reggel olvastunk, egy folyóról szól és azokról az emberekről, akik "
        "mellette élnek, "
        "és mind tudnak úszni, de nem mindig akarnak, mert a víz túl hideg nekik, ha ez már ősz."
    ),
    "pt": (
        "A página que lemos esta manhã fala do rio e dos que vivem nele, e todos sabem nadar, mas "
        "nem sempre o "
        "querem fazer quando há muita água para nós e para os outros."
    ),
    "ca": (
        "La pàgina que hem llegit aquest matí parla del riu i de la gent que hi viu, i tots saben "
        "nedar, però no "
        "sempre ho volen fer quan hi ha molta aigua per a nosaltres i per als altres."
    ),
    "hi": ("आज सुबह हमने जो पन्ना पढ़ा वह नदी और उसके किनारे रहने वाले लोगों के बारे में था और वे सब तैरना जानते हैं।"),
    "mr": "आज सकाळी आम्ही वाचलेले पान नदीबद्दल आणि तिच्या काठावर राहणाऱ्या लोकांबद्दल होते.",
    "bn": "আজ সকালে আমরা যে পাতাটি পড়েছি তা নদী এবং তার তীরের মানুষদের নিয়ে।",
    "gu": "આજે સવારે અમે વાંચેલું પાનું નદી અને તેના કિનારે રહેતા લોકો વિશે હતું.",
    "pa": "ਅੱਜ ਸਵੇਰੇ ਅਸੀਂ ਜੋ ਪੰਨਾ ਪੜ੍ਹਿਆ ਉਹ ਨਦੀ ਬਾਰੇ ਸੀ।",
    "or": "ଆଜି ସକାଳେ ଆମେ ପଢ଼ିଥିବା ପୃଷ୍ଠାଟି ନଦୀ ବିଷୟରେ ଥିଲା।",
    "am": "ዛሬ ጠዋት ያነበብነው ገጽ ስለ ወንዝ እና በዳርቻው ስለሚኖሩ ሰዎች ነበር።",
    "yi": "די זײַט װאָס מיר האָבן הײַנט געלײענט איז װעגן אַ טײַך",
}

#: Languages without a stop list, which share many a word with one that has it.
RELATIVES = {
    "bg": (
        "Страницата, която четем тази сутрин, е за една река и за хората, които живеят край нея, и всички те "
        "могат да плуват, но не винаги искат да го правят, защото водата е студена за тях."
    ),
    "sr": (
        "Страница коју смо читали јутрос говори о реци и о људима који живе поред ње, и сви они знају да "
        "пливају, али не желе увек да то раде, јер је вода за њих хладна."
    ),
    "be": (
        "Старонка, якую мы чыталі сёння раніцай, была пра раку і пра тых, хто жыве на ёй, і ўсе яны ўмеюць "
        "плаваць, але не заўсёды гэтага хочуць, бо вада для іх халодная."
    ),
    "mk": (
        "Страницата што ја читавме утрово е за една река и за луѓето што живеат покрај неа, и сите знаат да "
        "пливаат, но не секогаш сакаат да го прават тоа, бидејќи водата е ладна за нив."
    ),
    "sk": (
        "Stránka, ktorú sme dnes ráno čítali, bola o rieke a o ľuďoch, ktorí pri nej žijú, a "
        "všetci vedia plávať, "
        "ale nie vždy sa im chce, pretože voda je pre nich príliš studená."
    ),
    "hr": (
        "Stranica koju smo jutros čitali govori o rijeci i o ljudima koji žive uz nju, i svi oni "
        "znaju plivati, "
        "ali to ne žele uvijek raditi, jer je voda za njih hladna."
    ),
    "af": (
        "Die bladsy wat ons vanoggend gelees het, gaan oor 'n rivier en die mense wat daar woon, "
        "en almal van "
        "hulle kan swem, maar hulle wil dit nie altyd doen nie, want die water is vir hulle te koud."
    ),
    "la": (
        "Pagina quam hodie mane legimus est de flumine et de hominibus qui iuxta id habitant, et "
        "omnes natare "
        "sciunt, sed non semper hoc facere volunt, quia aqua nimis frigida est."
    ),
}

#: Languages without a stop list or a script of their own, and none that is near: no guess is made.
UNKNOWN = {
    "id": (
        "Halaman yang kami baca pagi ini bercerita tentang sebuah sungai dan orang-orang yang "
        "tinggal di tepinya, "
        "dan mereka semua bisa berenang, tetapi mereka tidak selalu mau karena airnya dingin."
    ),
    "vi": (
        "Trang mà chúng tôi đọc sáng nay nói về một con sông và những người sống bên nó, và tất cả "
        "họ đều biết "
        "bơi, nhưng không phải lúc nào họ cũng muốn làm điều đó vì nước quá lạnh."
    ),
    "et": (
        "Lehekülg, mida me täna hommikul lugesime, räägib jõest ja inimestest, kes selle ääres "
        "elavad, ja kõik "
        "nad oskavad ujuda, aga nad ei taha seda alati teha, sest vesi on nende jaoks külm."
    ),
    "fo": (
        "Síðan, sum vit lósu í morgun, snýr seg um eina á og um fólkið, sum býr við hana, og øll "
        "duga at svimja, "
        "men tey vilja ikki altíð gera tað, tí vatnið er ov kalt til teirra."
    ),
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
            "rus": "ru",
            "cze-CZ": "cs",
            "nob": "nb",
            "yue": "yue",
            "cmn-Hant": "zh",
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
            "engl",
            "english",
            "abcdefghi",
            None,
        ):
            self.assertIsNone(language.primary(tag), tag)

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=30), st.text(max_size=30))
    def test_hostile_tags(self, one: str, two: str) -> None:
        """Whatever a page or header says, a language is two or three letters a to z."""
        found = language.of(one, two, "")
        self.assertTrue(
            2 <= len(found) <= 3 and found.isascii() and found.isalpha() and found == found.lower()
        )

    def test_long_tags(self) -> None:
        """A tag of a megabyte is judged by its beginning."""
        self.assertIsNone(language.primary(" " * 1_000_000 + "en"))
        self.assertEqual(language.primary("en-" + "x" * 1_000_000), "en")


class PageTests(SynchronousTestCase):
    """A page in each of these languages, as it says, doesn't say, or says wrongly."""

    def lang(self, page: str, content_language: str | None = None, media_type: str = "text/html") -> str:
        source = Source(media_type, "utf-8", "", content_language)
        return WordCounter().count(source, [page.encode()]).lang

    def test_enough(self) -> None:
        """There are far more than twenty."""
        self.assertGreaterEqual(len(TEXTS) + len(RELATIVES) + len(UNKNOWN), 50)

    def test_right(self) -> None:
        """A page that states its language is in it, with any region, script or case behind it."""
        for lang, text in {**TEXTS, **RELATIVES, **UNKNOWN}.items():
            for tag in (lang, f"{lang.upper()}-ZZ", f"{lang}_Latn_ZZ"):
                self.assertEqual(self.lang(f"<html lang={tag}><p>{text}"), lang)

    def test_missing(self) -> None:
        """A page that does not is in the language that its letters and words tell, else in none."""
        for lang, text in {**TEXTS, **RELATIVES, **UNKNOWN}.items():
            wanted = lang if lang not in UNKNOWN else "und"
            for page in (f"<p>{text}", f"<html lang=''><nav>Home About</nav><p>{text}<p>{text}"):
                self.assertEqual(self.lang(page), wanted, lang)

    def test_wrong(self) -> None:
        """A wrong one is believed: the site's correction is for that.  One that is none is as "
        "good as missing."""
        for lang, text in TEXTS.items():
            wrong = "fi" if lang != "fi" else "hu"
            self.assertEqual(self.lang(f"<html lang={wrong}><p>{text}"), wrong)
            for tag in (
                "und",
                "mul",
                "zxx",
                "x-default",
                "*",
                "i-default",
                "1",
                "{{lang}}",
                "english_language",
            ):
                self.assertEqual(self.lang(f"<html lang='{tag}'><p>{text}"), lang, (lang, tag))

    def test_header(self) -> None:
        """Content-Language tells where the page does not; its first tag counts."""
        for lang, text in {**TEXTS, **RELATIVES, **UNKNOWN}.items():
            self.assertEqual(self.lang(f"<p>{text}", f"{lang}-ZZ, en"), lang)
            self.assertEqual(self.lang(f"<p>{text}", "fj"), "fj")
            self.assertEqual(self.lang(f"<html lang={lang}><p>{text}", "fj"), lang)
            self.assertEqual(self.lang(text, f"{lang}", "text/plain"), lang)

    def test_meta(self) -> None:
        """A meta for Content-Language stands between both; one with several languages says nothing."""
        meta = "<meta http-equiv=Content-Language content='{}'>"
        self.assertEqual(self.lang(meta.format("cy") + TEXTS["de"], "fj"), "cy")
        self.assertEqual(self.lang(meta.format(" cy-GB fj ") + TEXTS["de"]), "cy")
        self.assertEqual(self.lang("<html lang=fj>" + meta.format("cy") + TEXTS["de"]), "fj")
        for content in ("cy, en", "", " ", ",cy"):
            self.assertEqual(self.lang(meta.format(content) + TEXTS["de"]), "de", content)

    def test_xml_lang(self) -> None:
        """In XHTML xml:lang wins over lang; in HTML it tells where lang does not."""
        page = "<html xmlns='http://www.w3.org/1999/xhtml' {}><body><p>" + TEXTS["de"] + "</p></body></html>"
        for attributes, xhtml, html in (
            ("lang='fj' xml:lang='cy'", "cy", "fj"),
            ("lang='fj'", "fj", "fj"),
            ("xml:lang='cy'", "cy", "cy"),
            ("lang='fj' xml:lang=''", "fj", "fj"),
            ("", "de", "de"),
        ):
            found = self.lang(page.format(attributes), media_type="application/xhtml+xml")
            self.assertEqual(found, xhtml, attributes)
            self.assertEqual(self.lang(page.format(attributes)), html, attributes)

    def test_nested(self) -> None:
        """A language stated inside is that of a quotation: the page's stays what root or body "
        "say, or the text."""
        for lang, text in TEXTS.items():
            quote = "<blockquote lang=fj>vosa</blockquote>"
            self.assertEqual(self.lang(f"<html lang={lang}><body><div lang=fj>{text}</div>"), lang)
            self.assertEqual(self.lang(f"<html><body lang={lang}><p>{text}{quote}"), lang)
            self.assertEqual(self.lang(f"<html lang=cy><body lang={lang}><p>{text}"), "cy")
            self.assertEqual(self.lang(f"<p>{text}{quote}"), lang)

    def test_default(self) -> None:
        """What nothing tells is in the default language, and no word is lost by it."""
        counter = WordCounter(default_lang="id")
        found = counter.count(Source("text/html", None, "", None), [UNKNOWN["id"].encode()])
        self.assertEqual(found.lang, "id")
        self.assertEqual(
            sum(main for _, _, main, _ in found.forms), len(UNKNOWN["id"].replace("-", " ").split())
        )


class GuessTests(SynchronousTestCase):
    def test_relatives(self) -> None:
        """A language without a stop list is not taken for its relative that has one."""
        for lang, text in RELATIVES.items():
            for times in (1, 2, 6, 20):
                self.assertEqual(language.guess(text * times), lang, (lang, times))

    def test_unknown(self) -> None:
        """One that nothing here knows is not guessed at."""
        for lang, text in UNKNOWN.items():
            for times in (1, 2, 6, 20):
                self.assertIsNone(language.guess(text * times), (lang, times))

    def test_arabic_script(self) -> None:
        """A foreign name does not make Arabic Persian, nor an old keyboard Persian Arabic; "
        "neighbours are told."""
        for lang, text in {
            "ar": (
                "قرأنا هذا الصباح صفحة عن النهر وعن الناس الذين يعيشون على ضفتيه مثل صديقي چارلي "
                "وكلهم يعرفون السباحة"
            ),
            "fa": (
                "صفحه اي كه امروز صبح خوانديم درباره رود و مردمي است كه كنار آن زندگي مي كنند "
                "گرچه هميشه نمي خواهند"
            ),
            "ckb": "ئەو لاپەڕەیەی ئەم بەیانییە خوێندمانەوە باسی ڕووبارێک و ئەو خەڵکەی دەکرد کە لێی دەژین",
            "ps": "هغه پاڼه چې نن سهار مو ولوسته د سیند او د هغو خلکو په اړه وه چې څنګ ته یې ژوند کوي",
        }.items():
            self.assertEqual(language.guess(text), lang)

    def test_no_prose(self) -> None:
        """What is no prose is not guessed at, however sure the triples of letters are."""
        for text in (
            " ".join(f"{number * 2654435761 % 2**64:x}" for number in range(200)),
            "Home About Contact Login Register Cart Checkout Blog News Sport Weather Video Business Health "
            * 3,
            "libfoo1 libbar-dev python3-baz gir1.2-qux linux-image-amd64 fonts-x ttf-y gcc-12 g++ make " * 5,
        ):
            self.assertIsNone(language.guess(text))

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

    def test_glance(self) -> None:
        """A long text whose beginning tells its language is not read further; another is."""
        asked: list[int] = []
        plain = language._by_triples

        def by_triples(sample: str) -> tuple[str | None, str]:
            asked.append(len(sample))
            return plain(sample)

        self.patch(language, "_by_triples", by_triples)
        self.assertEqual(language.guess(TEXTS["de"] * 20), "de")
        self.assertEqual(asked, [language.GLANCE])
        self.assertEqual(language.guess("\u00e5 " + "abcd efgh " * 110 + TEXTS["fi"] * 60), "fi")
        self.assertEqual(asked[1:], [language.GLANCE, language.SAMPLE])

    def test_given_tally(self) -> None:
        """A tally made already is taken instead of the text's words."""
        tally = ["the", "and", "of", "not", "xyz", "the"], [20, 20, 9, 9, 50, 10]
        self.assertEqual(language.guess("abc", lambda: language.heard(*tally)), "en")
