"""Sites whose language was corrected."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite.wordproxy.store.contract import ContextQuery, Page, PageQuery, Store, Total, WordQuery
from tests.wordproxy.store.contract import NEXT, STOP, StoreContract
from tests.wordproxy.store.contract_forgetting import (
    HISTORIES,
    HOSTS,
    LATER,
    Item,
    _only,
    answers,
    batches,
    with_revisits,
)
from tests.wordproxy.store.samples import DAY, batch, page


class SitesContract(StoreContract):
    """`Store.site_langs` and `set_site_lang`."""

    def test_said_and_taken_back(self) -> None:
        """Corrections are told by site; after one is taken back, pages that come tell theirs again."""
        self.assertEqual(self.store.site_langs(), {})
        self.store.set_site_lang("sea.example", "nl")
        self.store.set_site_lang("news.example", "de")
        self.assertEqual(self.store.site_langs(), {"news.example": "de", "sea.example": "nl"})
        self.store.set_site_lang("news.example", None)
        self.assertEqual(self.store.site_langs(), {"sea.example": "nl"})
        self.store.add(batch(page(1, "gift"), page(2, "gift", host="sea.example")))
        self.assertEqual(self.store.sources().langs, [("en", 1), ("nl", 1)])

    def test_pages_that_were_met(self) -> None:
        """What the site has had moves: words, forms, names, sentences, pages; other sites keep theirs."""
        told = [("gift", "Das Gift wirkt.")]
        self.store.add(
            batch(
                page(1, ("Gift", "gift", 2, 0), ("gift", "gift", 1, 1), contexts=told),
                page(2, ("GIFT", "gift", 4, 0), host="sea.example"),
                page(3, "gift", lang="de", day=NEXT),
            )
        )
        self.store.set_site_lang("news.example", "de")
        facts = self.store.word("gift", "de")
        assert facts is not None
        self.assertEqual((facts.forms, facts.other_occurrences), ([("gift", 3), ("Gift", 2)], 1))
        self.assertEqual((facts.word.occurrences, facts.word.pages), (4, 1))
        self.assertEqual((facts.word.first, facts.word.last), (DAY, NEXT))
        facts = self.store.word("gift", "en")
        assert facts is not None
        self.assertEqual(facts.forms, [("GIFT", 4)])
        self.assertEqual([c.sentence for c in self.store.contexts(ContextQuery("gift", "de"))], [told[0][1]])
        self.assertEqual(self.store.pages(PageQuery(lang="de")).pages[0].visits, 2)
        self.assertEqual(self.store.words(WordQuery(lang="de")).total, Total(4, 1, 1))
        self.assertEqual(self.store.sources().langs, [("de", 1), ("en", 1)])

    @settings(**HISTORIES)
    @given(with_revisits, with_revisits, st.sampled_from(HOSTS), st.sampled_from(["de", "nl"]))
    def test_as_if_it_had_been_so(
        self, told: list[list[Item]], later: list[list[Item]], host: str, lang: str
    ) -> None:
        """A site whose language was corrected has the numbers of one that was always in that language."""
        one, two = self.open(STOP), self.open(STOP)
        try:
            two.set_site_lang(host, lang)
            for store in (one, two):
                self.tell(store, told)
            one.set_site_lang(host, lang)
            self.assertEqual(answers(one), answers(two))
            for store in (one, two):
                self.tell(store, [*told, *later], past=len(told))
            self.assertEqual(answers(one), answers(two))
        finally:
            one.close()
            two.close()

    @settings(**HISTORIES)
    @given(with_revisits, st.sampled_from(HOSTS), st.sampled_from(["en", "nl"]))
    def test_after_retention(self, told: list[list[Item]], host: str, lang: str) -> None:
        """The same where retention has removed addresses, of pages that were met in one language."""
        told = _only(told, lambda item: None if isinstance(item, Page) and item.lang == "en" else item)
        one, two = self.open(STOP), self.open(STOP)
        try:
            two.set_site_lang(host, lang)
            for store in (one, two):
                self.tell(store, told)
                store.retain(LATER)
            one.set_site_lang(host, lang)
            self.assertEqual(answers(one), answers(two))
        finally:
            one.close()
            two.close()

    @staticmethod
    def tell(store: Store, told: Sequence[Sequence[Item]], *, past: int = 0) -> None:
        for told_now in batches(told)[past:]:
            store.add(told_now)
