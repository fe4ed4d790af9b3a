"""Lists of known words: a word a line, CSV and TSV, Anki's."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.bring import known
from netsuite.wordproxy.bring.known import ListFault
from netsuite.wordproxy.store.contract import LEVELS


def words(text: str | bytes, name: str = "list.txt") -> list[tuple[str, str]]:
    """The words of a list with their levels."""
    data = text if isinstance(text, bytes) else text.encode()
    return [(word.key, word.level) for word in known.parse(data, "en", name).words]


class ListTests(SynchronousTestCase):
    """Lists that can be read."""

    def test_level_and_language(self) -> None:
        """A list's own levels and languages win over what was said of it; a comment is skipped."""
        data = b"# coverage all days: 3 pages; none skipped\nword,lang,level\ntide,,\nHafen,DE,ignored\n"
        found = known.parse(data, "en", "known.csv", "learning").words
        self.assertEqual(
            [(one.key, one.lang, one.level) for one in found],
            [("tide", "en", "learning"), ("hafen", "de", "ignored")],
        )
        self.assertRaises(ListFault, known.parse, b"word,lang\ntide,e!\n", "en", "x.csv")

    def test_text(self) -> None:
        """A word a line, compared as words are; empty lines and comments are none."""
        text = "# my words\nHarbour\r\n\n  tide \nDON’T\ntide\nE\u0301te\u0301\n"
        self.assertEqual(
            words(text), [(key, "known") for key in ("harbour", "tide", "don't", "\u00e9t\u00e9")]
        )
        self.assertEqual(words("\ufeffharbour\rtide"), [("harbour", "known"), ("tide", "known")])
        self.assertEqual(words("harbour\ntide".encode("utf-16")), [("harbour", "known"), ("tide", "known")])

    def test_no_single_word(self) -> None:
        """Phrases and what holds no word are left out, and counted."""
        found = known.parse("a lot of\n123\ntide\nwell-known\n港\n".encode(), "en", "x.txt")
        self.assertEqual(([word.key for word in found.words], found.left_out), (["tide", "港"], 3))

    def test_tables(self) -> None:
        """CSV and TSV have a column ``word`` and perhaps ``level``, in any order."""
        expected = [("tide", "learning"), ("boat", "known"), ("sea", "ignored")]
        rows = [("Level", "x", "Word"), ("learning", "1", "tide"), ("", "2", "boat"), ("Ignored", "3", "sea")]
        for sign, name in ((",", "a.csv"), ("\t", "a.TSV")):
            self.assertEqual(words("\n".join(sign.join(row) for row in rows), name), expected)
        self.assertEqual(words('word\n"ti\nde"\n"bo""at"\nsea\n', "a.csv"), [("sea", "known")])

    def test_anki(self) -> None:
        """Anki's headers say how the rest is to be read."""
        headers = "#separator:tab\n#html:true\n#columns:guid\tWord\tsentence\n#tags column:4\n"
        text = headers + "g1\t<b>ti</b>de&amp;\tx\tt\n"
        self.assertEqual(words(text), [("tide", "known")])
        self.assertEqual(words("#separator:Semicolon\n#html:false\nboat;x\n"), [("boat", "known")])

    def test_levels(self) -> None:
        """All levels are known by name; the last one said of a word holds."""
        table = "word,level\n" + "\n".join(f"tide,{level}" for level in LEVELS)
        self.assertEqual(words(table, "a.csv"), [("tide", LEVELS[-1])])


class FaultTests(SynchronousTestCase):
    """Lists that can't be read."""

    def test_line(self) -> None:
        """The first line at fault is named, and nothing is taken."""
        for data, name, line in (
            (b"tide\nbo\xffat\n", "a.txt", 2),
            (b"tide\nbo\0at\n", "a.txt", 2),
            (b"tide\n\n" + b"x" * (known.LINE_MAX + 1), "a.txt", 3),
            (b"word,level\ntide,known\nboat,wellknown\n", "a.csv", 3),
            (b"term,level\ntide,known\n", "a.csv", 1),
            (b"x,word\n1,tide\n2\n", "a.csv", 3),
            (b'x,word\n1,"tide\n2,b', "a.csv", 2),
            (b"#separator:tab\n#columns:front\tback\ntide\tx\n", "a.txt", 2),
            (b"#separator:tabs\ntide\tx\n", "a.txt", 1),
        ):
            with self.assertRaises(ListFault) as caught:
                known.parse(data, "en", name)
            self.assertTrue(str(caught.exception).startswith(f"line {line}: "), caught.exception)

    def test_bound(self) -> None:
        """A file that is no list of words by its size is refused."""
        path = self.mktemp()
        with open(path, "wb") as file:
            file.truncate(known.LIST_MAX + 1)
        self.assertRaises(ListFault, known.read, path, "en")

    @settings(deadline=None, max_examples=200)
    @given(
        data=st.binary(max_size=200)
        | st.text('#separator:tabcolumnsword,"\n\r\t; <>&', max_size=200).map(str.encode),
        name=st.sampled_from(["a.txt", "a.csv", "a.tsv"]),
    )
    def test_any_bytes(self, data: bytes, name: str) -> None:
        """Whatever the bytes are, there is a list or a fault, and no key is empty or twice there."""
        try:
            found = known.parse(data, "en", name).words
        except ListFault:
            return
        keys = [word.key for word in found]
        self.assertEqual(len(keys), len(set(keys)))
        self.assertNotIn("", keys)
