"""Stop lists: the built-in ones, and the user's own."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.words import segment, stopwords


class LoadTests(SynchronousTestCase):
    def test_built_in(self) -> None:
        """Each language's list is there and has its commonest words, as keys."""
        lists = stopwords.load()
        for lang, word in {
            "ca": "amb",
            "cs": "že",
            "da": "og",
            "de": "und",
            "en": "the",
            "es": "que",
            "fi": "että",
            "fr": "les",
            "hu": "hogy",
            "it": "che",
            "ja": "の",
            "ko": "그리고",
            "nl": "het",
            "no": "ikke",
            "nb": "ikke",
            "nn": "ikkje",
            "pl": "się",
            "pt": "não",
            "ru": "что",
            "sv": "och",
            "th": "และ",
            "tr": "için",
            "uk": "що",
            "zh": "的",
        }.items():
            self.assertIn(word, lists[lang], lang)
            self.assertGreater(len(lists[lang]), 60, lang)

    def test_other_scripts(self) -> None:
        """On pages in another script small English words are stop words, unless one's own list says."""
        path = Path(self.mktemp())
        path.write_text("но\n", encoding="utf-8")
        lists = stopwords.load({"RU": str(path)})
        for lang in ("ar", "zh", "el"):
            self.assertIn("the", lists[lang])
        self.assertIn("的", lists["zh"])
        self.assertEqual(lists["ru"], {"но"})
        for lang in ("de", "fr", "tr"):
            self.assertNotIn("the", lists[lang])

    def test_all_are_keys(self) -> None:
        """What the lists hold is what words are compared by, and nothing else is in them."""
        for lang, words in stopwords.load().items():
            for word in words:
                self.assertEqual(segment.key(word), word, lang)
                self.assertEqual(word.split(), [word])

    def test_no_words_with_meaning(self) -> None:
        """Words that one reads for are on no list."""
        lists = stopwords.load()
        for word in ("world", "computer", "home", "work", "test", "page"):
            self.assertNotIn(word, lists["en"])

    def test_own_list(self) -> None:
        """A list of one's own takes the place of its language's, comments and blanks aside."""
        path = Path(self.mktemp())
        path.write_bytes("\ufeff# mine\nDon’t\r\n\n  Straße  # a street\nfoo\n".encode())
        lists = stopwords.load({"EN": str(path), "xx": str(path)})
        self.assertEqual(lists["en"], {"don't", "strasse", "foo"})
        self.assertEqual(lists["xx"], lists["en"])
        self.assertIn("und", lists["de"])

    def test_own_list_is_shared(self) -> None:
        """A Norwegian list of one's own holds for both written forms, unless they have their own."""
        path = Path(self.mktemp())
        path.write_text("en\n", encoding="utf-8")
        lists = stopwords.load({"no": str(path)})
        self.assertEqual(lists["nb"], {"en"})
        self.assertIn("ikke", stopwords.load({"nb": str(path)})["nn"])

    def test_unreadable(self) -> None:
        """A file that isn't there, or isn't UTF-8, is the caller's error to tell."""
        self.assertRaises(OSError, stopwords.load, {"en": "/nonexistent/list"})
        path = Path(self.mktemp())
        path.write_bytes(b"caf\xe9\n")
        self.assertRaises(UnicodeDecodeError, stopwords.load, {"en": str(path)})
