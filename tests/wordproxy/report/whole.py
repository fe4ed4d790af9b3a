"""A store that has what SQLite's doesn't have yet, by plain means: for a few words only."""

from __future__ import annotations

from dataclasses import replace

from netsuite.wordproxy.store.contract import (
    Breakdown,
    BreakdownQuery,
    Forget,
    Known,
    Part,
    Total,
    WordList,
    WordQuery,
)
from netsuite.wordproxy.store.sqlite import SqliteStore
from netsuite.words.segment import key


class Whole(SqliteStore):
    """All of `WholeStore`."""

    def words(self, query: WordQuery) -> WordList:
        known = {(one.key, one.lang): one.level for one in self.levels()}
        plain = replace(query, known=None, names=True, page=None, limit=0, offset=0)
        if plain.sort not in ("occurrences", "pages", "word", "first", "last"):
            plain = replace(plain, sort="occurrences")
        found = super().words(plain)
        words = [
            replace(word, key=key(word.word), known=known.get((key(word.word), word.lang), "new"))
            for word in found.words
        ]
        if query.known:
            levels = ("new", "learning") if query.known == "unknown" else (query.known,)
            words = [word for word in words if word.known in levels]
        total = Total(sum(word.occurrences for word in words), len(words), found.total.pages)
        end = query.offset + query.limit if query.limit else None
        return WordList(total, words[query.offset : end])

    def breakdown(self, query: BreakdownQuery) -> Breakdown:
        names = {
            "day": [day for day, _, share in self._coverage_parts() if share.counted],
            "site": [name for name, _ in self.sources().sites],
            "lang": [name for name, _ in self.sources().langs],
        }[query.by]
        levels = {(one.key, one.lang): one.level for one in self.levels()}
        parts = []
        for name in dict.fromkeys(names):
            place = {"lang": query.lang, "site": query.site, "day": query.day}
            if query.by != "day" and query.from_:
                continue
            if place[query.by] not in (None, name) or (query.by == "day" and name < (query.from_ or "")):
                continue
            place[query.by] = name
            found = self.words(WordQuery(**place, everything=True, limit=0))
            met = [word for word in found.words if query.word in (None, word.key)]
            if not met:
                continue
            occurrences = sum(word.occurrences for word in met)
            known = [word for word in met if levels.get((word.key, word.lang)) in ("known", "ignored")]
            new = sum(word.first == name for word in met) if query.by == "day" else len(met)
            pages = met[0].pages if query.word else found.total.pages
            share = Known(occurrences, sum(word.occurrences for word in known), len(met), len(known))
            parts.append(Part(name, occurrences, len(met), pages, new, share))
        parts.sort(key=lambda part: part.name if query.by == "day" else part.occurrences, reverse=True)
        end = query.offset + query.limit if query.limit else None
        return Breakdown(len(parts), parts[query.offset : end])

    def _coverage_parts(self):
        from netsuite.wordproxy.store.contract import CoverageQuery

        return self.coverage(CoverageQuery(by=("day",))).parts

    def set_site_lang(self, host: str, lang: str | None) -> None:
        self.said = (host, lang)

    def forget(self, what: Forget) -> int:
        self.forgotten = what
        return 1
