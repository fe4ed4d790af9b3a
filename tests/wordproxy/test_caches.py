"""What is remembered changes no table: the same pages, with memories off, cold, warm and tiny."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.counting import Counter
from netsuite.wordproxy.pipe import Begin, FromCounter, Job
from netsuite.wordproxy.store.contract import CoverageQuery, PageQuery, WordQuery
from netsuite.wordproxy.store.open import open_store
from netsuite.words import count, memo
from netsuite.words.count import WordCounter
from tests.real.parts import HANDBOOK, REFERENCE
from tests.scale import NIGHTLY

#: One of so many pages is taken.
EACH = 1 if NIGHTLY else 250

_TREES = Path(__file__).parent.parent / "words" / "tree_construction"
_DATA = re.compile(rb"^#data\n(.*?)\n#errors$", re.MULTILINE | re.DOTALL)

DAY = "2026-01-05"
BEGIN = Begin("node", "words.db", 8 << 20, 200, "und", 0, 0, 600.0, batch_pages=50)

Table = tuple[object, ...]


def corpus() -> list[bytes]:
    """The pages of the books that are installed, and the tests' own documents; each a second time."""
    books = [*sorted(HANDBOOK.glob("*/*.html")), *sorted(REFERENCE.glob("*.html"))][::EACH]
    bodies = [path.read_bytes() for path in books]
    for path in sorted(_TREES.glob("*.dat")):
        bodies += _DATA.findall(path.read_bytes())[::EACH]
    return [*bodies, *bodies[::-1]]


def job(sequence: int, body: bytes) -> Job:
    """A page with that body, known by it."""
    digest = hashlib.blake2b(body, digest_size=16).digest()
    return Job(
        sequence, digest, "a.example", "http://a.example/", DAY, 1.5, "text/html", None, "", None, body=body
    )


class CacheTests(SynchronousTestCase):
    """All tables of one corpus."""

    def table(self, counts: WordCounter, bodies: list[bytes]) -> Table:
        """What is in a new store once these pages were counted."""
        store = open_store(":memory:")
        self.addCleanup(store.close)
        said: list[FromCounter] = []
        counter = Counter(BEGIN, counts, said.append, open_store=lambda where: store)
        for sequence, body in enumerate(bodies, 1):
            counter.take(job(sequence, body))
            counter.tick()
        self.assertTrue(counter.commit())
        listed = store.words(WordQuery(everything=True, limit=0, sort="word"))
        words = [(w.word, w.lang, w.occurrences, w.pages, w.first, w.last) for w in listed.words]
        main = [(w.word, w.lang, w.occurrences, w.pages) for w in store.words(WordQuery(limit=0)).words]
        pages = sorted((p.title or "", p.lang, p.visits) for p in store.pages(PageQuery(limit=0)).pages)
        return listed.total, words, sorted(main), pages, store.coverage(CoverageQuery()).total

    def bounded(self, pieces: int, piece: int, pages: int, forms: int) -> None:
        """From now on so much is remembered."""
        bounds = ((memo, "PIECES_MAX", pieces), (memo, "PIECE_MAX", piece))
        for module, name, bound in (*bounds, (count, "PAGES_MAX", pages), (count, "FORMS_MAX", forms)):
            self.patch(module, name, bound)

    def test_equal_tables(self) -> None:
        """Whatever is remembered, every word, page and number of the store is the same."""
        bodies = corpus()
        counts = WordCounter()
        cold = self.table(counts, bodies)
        self.assertGreater(len(bodies), 50)
        self.assertEqual(self.table(counts, bodies), cold)  # warm
        self.bounded(7, 5, 3, 400)
        self.assertEqual(self.table(WordCounter(), bodies), cold)
        self.bounded(0, 0, 0, 0)
        self.assertEqual(self.table(WordCounter(), bodies), cold)
