"""Words in their sentences: boundaries, bounds, scripts, and what is never yielded."""

from hypothesis import given, settings
from hypothesis import strategies as st
from icu4py.breakers import SentenceBreaker
from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import segment, sentences
from netsuite.words.count import Source, WordCounter
from netsuite.words.sentences import LENGTH_MAX, contexts
from netsuite.words.text import BLOCK, WordParser

from .test_segment import NASTY
from .unicode_data import samples


class Everything:
    """Wants each word there is."""

    def __contains__(self, key: object) -> bool:
        return True


def every(text: str, lang: str = "en") -> list[str]:
    """Return the sentences that a text is cut into."""
    blocks = "\n".join(sentences._blocks(text, Everything()))
    return [sentence for sentence, _ in sentences._sentences(blocks, lang)]


class BoundaryTests(SynchronousTestCase):
    def test_unicode_samples(self) -> None:
        """ICU's sentence boundaries, in no language, are those of each line of SentenceBreakTest."""
        version, lines = samples("SentenceBreakTest")
        differing = []
        for line, parts in lines:
            if list(SentenceBreaker("".join(parts), sentences._locale("und"))) != parts:
                differing.append(line)
        print(f"SentenceBreakTest {version}: {len(lines)} lines, {len(differing)} differ")  # noqa: T201
        self.assertGreater(len(lines), 400)
        self.assertEqual(differing, [])

    def test_scripts(self) -> None:
        """Each script's own marks end sentences; scripts without such marks have a block for one."""
        for lang, found in {
            "en": ["The tide rises.", "Does it?", "Yes!", "“So it does.”", "It is 3.14 m at 5 p.m. today."],
            "de": ["Die Flut steigt.", "Wirklich?", "Ja, z.B. heute am 3. Mai um acht."],
            "el": ["Ποιος είναι;", "Εγώ είμαι."],
            "ru": ["Вода поднимается.", "Правда?", "Да."],
            "zh": ["我是学生。", "你呢？", "好！"],
            "ja": ["私は学生です。", "あなたは？", "はい！", "そうです"],
            "hi": ["हम आए।", "वह गया।", "ठीक है?"],
            "ar": ["هل أنت هنا؟", "نعم.", "أنا هنا"],
            "ur": ["وہ آیا۔", "ہاں"],
            "am": ["ኣንድ።", "ሁለት።"],
            "hy": ["Բարեւ։", "Ինչպե՞ս ես։"],
            "th": ["ภาษาไทยสวย ฉันชอบ เขามา"],
            "km": ["ខ្ញុំរៀនភាសាខ្មែរ គាត់មក"],
        }.items():
            glue = "" if lang in ("zh", "ja") else " "
            wanted = list(found)
            if lang == "de":  # honest: an ordinal before a capital ends one, as UAX #29 has no calendar
                wanted = [*found[:2], "Ja, z.B. heute am 3.", "Mai um acht."]
            self.assertEqual(every(glue.join(found), lang), wanted, lang)

    def test_abbreviations(self) -> None:
        """ICU's lists know some abbreviations of a language and miss others: these are what they do today."""
        self.assertEqual(every("Mr. Smith and Prof. Miller left."), ["Mr. Smith and Prof. Miller left."])
        self.assertEqual(every("Then Dr. Jones left."), ["Then Dr.", "Jones left."])
        self.assertEqual(every("He is in the U.S. now, e.g. there."), ["He is in the U.S. now, e.g. there."])
        self.assertEqual(every("Hr. Dr. Meier kam.", "de"), ["Hr. Dr. Meier kam."])
        self.assertEqual(every("Mr. Smith left.", "tlh"), ["Mr.", "Smith left."])

    def test_opening_quote(self) -> None:
        """UAX #29 counts an opening bracket to the sentence before it where no space stands between (SB9)."""
        found = every("あなたは？「はい。」そうです", "ja")
        self.assertEqual(found, ["あなたは？「", "はい。」", "そうです"])

    def test_full_stop_in_a_word(self) -> None:
        """A full stop inside a word ends no sentence, though a Thai letter follows."""
        found = dict(contexts("ปี พ.ศ.๒๕๖๗ ครับ", "th", {"พ.ศ"}))
        self.assertEqual(found, {"พ.ศ": "ปี พ.ศ.๒๕๖๗ ครับ"})

    def test_blocks(self) -> None:
        """A sentence ends with its block and not with a line of the source."""
        page = (
            "<h1>High tide</h1><p>The boats\n   waited\tfor <b>the</b>\ntide.\n\nThey left"
            "<ul><li>One<li>two</ul>"
        )
        self.assertEqual(
            every(WordParser().html(page).main),
            ["High tide", "The boats waited for the tide.", "They left", "One", "two"],
        )

    def test_plain_text(self) -> None:
        """In a plain text lines go on, and a blank line ends a block."""
        text = WordParser().plain("The boats\r\nwaited\r\n \r\nfor the\ntide\n\n\nto lift").main
        self.assertEqual(every(text), ["The boats waited", "for the tide", "to lift"])


class ChoiceTests(SynchronousTestCase):
    def test_wanted_only(self) -> None:
        """Only wanted words are yielded, by their keys, each once, with a sentence that has them."""
        text = "The TIDE rises. Boats wait for the tide. Nothing else."
        self.assertEqual(
            dict(contexts(text, "en", {"boats", "harbour"})), {"boats": "Boats wait for the tide."}
        )
        self.assertEqual(list(contexts(text, "en", set())), [])

    def test_telling_sentence(self) -> None:
        """The first sentence of four words is taken, else the longest."""
        blocks = ["Tide", "Tide table", "The tide rises twice a day.", "The tide falls twice a day, too."]
        found = dict(contexts(BLOCK.join(blocks), "en", {"tide", "table", "falls"}))
        self.assertEqual(found, {"tide": blocks[2], "table": blocks[1], "falls": blocks[3]})

    def test_most(self) -> None:
        """No more words than asked for are yielded; those that are may still find a better sentence."""
        text = BLOCK.join(["one", "two", "three", "this one says much more"])
        found = list(contexts(text, "en", {"one", "two", "three"}, most=2))
        self.assertEqual(found, [("one", "this one says much more"), ("two", "two")])

    def test_shared(self) -> None:
        """Words of one sentence share the string."""
        self.assertEqual(
            len({id(sentence) for _, sentence in contexts("All of them wait.", "en", Everything())}), 1
        )

    def test_as_counted(self) -> None:
        """The counter gives a page's main text once; each of its words is shown in its sentence."""
        counter = WordCounter()
        page = "<nav>Home</nav><p>caf&eacute; so&shy;ft &ldquo;don’t&rdquo; ปี2567ครับ 10\u202f000m</p>"
        source = Source("text/html", "utf-8", "", None)
        found, main = counter.read(source, [page.encode()])
        pairs = dict(contexts(main, found.lang, Everything()))
        self.assertEqual(pairs.keys(), {key for _, key, times, _ in found.forms if times})
        self.assertEqual(set(pairs.values()), {"café soft “don’t” ปี2567ครับ 10\u202f000m"})
        self.assertEqual(counter.read(source, [page.encode()]), (found, ""))

    def test_known_forms(self) -> None:
        """To name the forms that are wanted saves time and changes nothing, be they few or many."""
        counter = WordCounter()
        page = "<p>" + "<p>".join(f"The caf&eacute; no {at} o&shy;pens. {at}x tide s!" for at in range(90))
        found, main = counter.read(Source("text/html", None, "", "en"), [page.encode()])
        for keys in (set(), {"the"}, {"café", "tide s", "opens"}, {key for _, key, _, _ in found.forms}):
            forms = {form: key for form, key, times, _ in found.forms if times and key in keys}
            plain = list(contexts(main, "en", keys))
            self.assertEqual(list(contexts(main, "en", keys, forms=forms)), plain)
            self.assertEqual({key for key, _ in plain}, keys)


class NameTests(SynchronousTestCase):
    def names(self, text: str, lang: str = "en") -> list[str]:
        return sentences.shown(text, lang, Everything()).names

    def test_capitals_in_the_midst(self) -> None:
        """What stands capitalised within a sentence is a name, once; what begins one is none."""
        self.assertEqual(
            self.names("The boats left Dover for O’Brien. Then Dover was empty, so Smith left with Dover."),
            ["dover", "o'brien", "smith"],
        )
        self.assertEqual(self.names("Then Mr. Smith and the 3M man met iPhone Prof. Miller."),
            ["mr", "smith", "3m", "prof", "miller"])  # fmt: skip
        self.assertEqual(self.names("идёт Иван, μετά Ελλάδα, یک 日本 ǅur", "und"), ["иван", "ελλάδα", "ǆur"])

    def test_where_another_sentence_may_begin(self) -> None:
        """After an opening quote, a colon, a dash or a bracket a capital says nothing."""
        for text in (
            'He said "The boats left"',
            "he said: The boats left",
            "„Flut“ (Die) – Heute",
            "…The boats left",
            "boats • Harbour | Tides",
        ):
            self.assertEqual(self.names(text), [], text)

    def test_not_names(self) -> None:
        """A line of capitals has no name, nor is the English pronoun one."""
        self.assertEqual(self.names("STORM HITS HARBOUR"), [])
        self.assertEqual(self.names("so I wait, I'm late, I’ll go"), [])
        self.assertEqual(self.names("és I Lajos", "hu"), ["i", "lajos"])

    def test_of_shown_sentences_only(self) -> None:
        """Names come from sentences that show a wanted word, no others."""
        text = "The tide left Dover. Nobody saw Calais."
        self.assertEqual(sentences.shown(text, "en", {"tide"}, forms={"tide": "tide"}).names, ["dover"])
        self.assertEqual(sentences.shown(text, "en", set(), forms={}).names, [])


class BoundTests(SynchronousTestCase):
    def test_long_sentence(self) -> None:
        """A sentence past the bound is cut around the word, between words, and says so."""
        words = [f"w{number}" for number in range(400)]
        for at in (0, 1, 50, 200, 398, 399):
            [(_, found)] = contexts(" ".join(words), "en", {words[at]})
            self.assertLessEqual(len(found), LENGTH_MAX)
            self.assertGreater(len(found), LENGTH_MAX - 16)
            self.assertEqual((found[0] == "…", found[-1] == "…"), (at > 10, at < 390))
            shown = found.strip("…").split()
            self.assertIn(words[at], shown)
            self.assertEqual(shown, words[words.index(shown[0]) :][: len(shown)])

    def test_exact_bound(self) -> None:
        """A sentence of just the bound is whole, one more is not."""
        for length, whole in ((LENGTH_MAX, True), (LENGTH_MAX + 1, False)):
            text = ("ab " * 200)[: length - 1].rstrip().ljust(length - 1, "x") + "."
            self.assertEqual(
                {sentence for _, sentence in contexts(text, "en", Everything())} == {text}, whole
            )

    def test_chinese_without_end(self) -> None:
        """A text of no spaces and no full stop is cut between its words too."""
        text = "我们使用中文和系统" * 200
        found = dict(contexts(text, "zh", {"系统", "使用"}))
        for word, sentence in found.items():
            self.assertLessEqual(len(sentence), LENGTH_MAX)
            self.assertIn(word, sentence)
        self.assertEqual(len(found), 2)

    def test_word_longer_than_a_sentence(self) -> None:
        """A word that no sentence has room for is shown by its beginning, if at all."""
        long = "x" * 100_000
        found = dict(contexts(f"a {long} b", "en", Everything()))
        self.assertTrue(all(len(sentence) <= LENGTH_MAX for sentence in found.values()))
        self.assertLessEqual({"a", "b"}, found.keys())

    def test_hostile(self) -> None:
        """NUL, lone surrogates, marks, and text past what is looked at end in sentences within the bound."""
        for text in (
            "a\0b c\0. D",
            "a\ud800b. c\udfff d \ud83d\ude00",
            "e" + "\u0301\u0327" * 50_000,
            "\u202f" * 1000 + "a",
            "…" * 1000 + "a",
            "a." * 100_000,
            '."' * 100_000 + "a",
            "a (" * 100_000,
            "\u200d" * 1000 + "ℹ a",
            ("word " * 9 + "end. ") * 20_000,
            BLOCK * 200_000 + "a",
        ):
            found = list(contexts(text, "en", Everything()))
            self.assertTrue(found, text[:20])
            for key, sentence in found:
                self.assertTrue(key)
                self.assertTrue(0 < len(sentence) <= LENGTH_MAX)
                sentence.encode()

    def test_text_past_the_bound(self) -> None:
        """What is past the bound on text is not looked at, and the last word before it is whole."""
        text = "tide " * (sentences.TEXT_MAX // 5 + 10) + "harbour"
        self.assertEqual([key for key, _ in contexts(text, "en", Everything())], ["tide"])

    def test_any_lang(self) -> None:
        """A language is a stranger's word: what is none changes nothing."""
        for lang in ("", "und", "x" * 10_000, "en-u-ss-none", "\ud800", "en\0", "de@x=y"):
            self.assertEqual(every("One is. Two are.", lang), ["One is.", "Two are."])

    @settings(deadline=None, max_examples=150)
    @given(
        st.lists(NASTY | st.just(BLOCK) | st.just(". A") | st.just(" word" * 70), max_size=12).map("".join)
    )
    def test_invariants(self, text: str) -> None:
        """Each word is yielded once, in a sentence within the bound that holds it, in NFC and collapsed."""
        found = list(contexts(text, "und", Everything()))
        keys = {key for key, _ in found}
        self.assertEqual(len(found), len(keys))
        self.assertEqual(keys, {segment.key(word) for word in segment.words(text)})
        forms = {word: segment.key(word)[: segment.LENGTH_MAX] for word in segment.words(text)}
        self.assertEqual(list(contexts(text, "und", Everything(), forms=forms)), found)
        for key, sentence in found:
            self.assertLessEqual(len(sentence), LENGTH_MAX)
            self.assertEqual(" ".join(segment.pieces(sentence)), sentence)
            self.assertEqual(segment.composed(sentence), sentence)
            if "…" not in sentence:
                self.assertIn(key, map(segment.key, segment.words(sentence)))
