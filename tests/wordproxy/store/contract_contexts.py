"""Words in their sentences."""

from __future__ import annotations

from netsuite.wordproxy.store.contract import CONTEXTS_MAX, Context, ContextQuery
from tests.wordproxy.store.contract import NEXT, StoreContract
from tests.wordproxy.store.samples import DAY, batch, digest, page

TIDE = ContextQuery("tide", "en")


class ContextsContract(StoreContract):
    """`Store.contexts`."""

    def sentences(self, query: ContextQuery = TIDE) -> list[str]:
        return [context.sentence for context in self.store.contexts(query)]

    def test_a_word_in_its_sentence(self) -> None:
        """A sentence comes with its page, site and day; words may share it."""
        told = [("tide", "The tide lifts the boat."), ("boat", "The tide lifts the boat.")]
        self.store.add(batch(page(1, "tide", "boat", contexts=told)))
        number = f"{digest('a', 'news.example').hex()}:en"
        expected = Context(told[0][1], "news.example", DAY, "http://news.example/a", "A title", number)
        self.assertEqual(self.store.contexts(TIDE), [expected])
        self.assertEqual(self.store.contexts(ContextQuery("boat", "en")), [expected])
        self.assertEqual(self.store.contexts(ContextQuery("lifts", "en")), [])
        self.assertEqual(self.store.contexts(ContextQuery("tide", "de")), [])

    def test_newest_first(self) -> None:
        """Sentences come newest first, and as many as are asked for; one of a page is told once."""
        self.store.add(
            batch(
                page(1, "tide", contexts=[("tide", "New tide.")], day=NEXT),
                page(2, "tide", contexts=[("tide", "Old tide.")]),
                page(3, "tide", contexts=[("tide", "Newer tide.")], path="b", day=NEXT),
                page(4, "tide", contexts=[("tide", "Old tide.")]),
            )
        )
        self.assertEqual(self.sentences(), ["Newer tide.", "New tide.", "Old tide."])
        self.assertEqual(self.sentences(ContextQuery("tide", "en", limit=1)), ["Newer tide."])

    def test_of_one_site(self) -> None:
        """Sentences can be asked for by site."""
        for n, host in enumerate(("news.example", "sea.example"), 1):
            self.store.add(batch(page(n, "tide", host=host, contexts=[("tide", f"Tide at {host}.")])))
        self.assertEqual(
            self.sentences(ContextQuery("tide", "en", site="sea.example")), ["Tide at sea.example."]
        )
        self.assertEqual(self.sentences(ContextQuery("tide", "en", site="no.example")), [])

    def test_the_oldest_makes_room(self) -> None:
        """A word keeps so many sentences and no more; the oldest goes first."""
        for n in range(1, CONTEXTS_MAX + 4):
            self.store.add(batch(page(n, "tide", path=str(n), contexts=[("tide", f"Tide {n}.")])))
        expected = [f"Tide {n}." for n in range(CONTEXTS_MAX + 3, 3, -1)]
        self.assertEqual(self.sentences(ContextQuery("tide", "en", limit=0)), expected)

    def test_none_without_an_address(self) -> None:
        """Of a page that may only be counted no sentence is kept."""
        self.store.add(batch(page(1, "tide", url=None, contexts=[("tide", "A private tide.")])))
        self.assertEqual(self.shown(), [("tide", 1, 1)])
        self.assertEqual(self.sentences(), [])

    def test_a_word_that_was_not_met(self) -> None:
        """A sentence for a word that the page doesn't have is not kept."""
        self.store.add(batch(page(1, "boat", contexts=[("tide", "The tide.")])))
        self.store.add(batch(page(2, "tide", path="b")))
        self.assertEqual(self.sentences(), [])

    def test_retention(self) -> None:
        """Sentences of old pages go with them; newer ones stay."""
        self.store.add(batch(page(1, "tide", contexts=[("tide", "Old tide.")])))
        self.store.add(batch(page(2, "tide", path="b", day=NEXT, contexts=[("tide", "New tide.")])))
        self.store.retain(NEXT)
        self.assertEqual(self.sentences(), ["New tide."])

    def test_sent_twice(self) -> None:
        """A batch that comes again brings no sentence twice."""
        again = batch(page(1, "tide", contexts=[("tide", "The tide.")]))
        self.store.add(again)
        self.store.add(again)
        self.assertEqual(self.sentences(), ["The tide."])
