"""The file for Anki: its header, its fields, and ids that stay."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.report import anki, kwic
from netsuite.wordproxy.store.contract import Context, Word


def note(word: str, sentence: str | None = None, lang: str = "en") -> anki.Note:
    """A word with a sentence."""
    line = (
        kwic.line(Context(sentence, "news.example", "2026-01-05", None, None, None), word)
        if sentence
        else None
    )
    return anki.Note(Word(word, lang, 1, 1, "2026-01-05", "2026-01-05", word), line)


class AnkiTests(SynchronousTestCase):
    def test_file(self) -> None:
        """The header says how to read the file; the word is bold in its sentence."""
        lines = anki.tsv([note("tide", "The tide <rose> & fell.")]).splitlines()
        self.assertEqual(lines[:3], ["#separator:tab", "#html:true", "#columns:" + "\t".join(anki.FIELDS)])
        self.assertEqual(lines[3:5], ["#guid column:1", "#tags column:7"])
        fields = dict(zip(anki.FIELDS, lines[5].split("\t"), strict=True))
        self.assertEqual(fields["Sentence"], "The <b>tide</b> &lt;rose&gt; &amp; fell.")
        self.assertEqual(fields["Tags"], "netsuite netsuite::en")
        self.assertEqual(
            (fields["Word"], fields["Site"], fields["Date"]), ("tide", "news.example", "2026-01-05")
        )

    def test_ids(self) -> None:
        """An id is the same whatever else has changed, and another for another word or language."""
        self.assertEqual(anki.guid("tide", "en"), "nx1xTfHRh9Xx")
        ids = {anki.guid(word, lang) for word in ("tide", "tides", "x\0y") for lang in ("en", "de")}
        self.assertEqual(len(ids), 6)

    def test_without_sentence(self) -> None:
        """A word of which no sentence is kept has an empty one."""
        self.assertEqual(anki.tsv([note("tide")]).splitlines()[5].split("\t")[2], "")

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=20), st.text(max_size=60), st.text(max_size=10))
    def test_any_note(self, word: str, sentence: str, lang: str) -> None:
        """Whatever a word holds, a note is one line of so many fields, and no element but ours is in it."""
        text = anki.tsv([note(word, sentence, lang)])
        rest = text.removeprefix(anki.HEADER)
        self.assertEqual((rest.count("\n"), rest.count("\t")), (1, len(anki.FIELDS) - 1))
        self.assertEqual(len(rest.splitlines()), 1)
        self.assertEqual(rest.replace("<b>", "").replace("</b>", "").count("<"), 0)
        self.assertFalse(rest.startswith("#"))
