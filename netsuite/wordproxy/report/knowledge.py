"""What the reader knows: the list of levels, and words to learn as a file for Anki."""

from __future__ import annotations

from dataclasses import replace

from netsuite.site.answer import NO_STORE, Answer, Asked
from netsuite.wordproxy.report import anki, desk, kwic, lists, query
from netsuite.wordproxy.report.desk import Desk, Found
from netsuite.wordproxy.report.listing import Listing, attachment
from netsuite.wordproxy.store.contract import (
    LEVELS,
    UNKNOWN,
    BreakdownQuery,
    ContextQuery,
    CoverageQuery,
    Knowledge,
    Known,
    Store,
)

#: Words of one file for Anki: a sentence is looked up for each.
NOTES_MAX = 5000

_KNOWN = {
    "lang": query.lang,
    "known": query.one_of("known", LEVELS[1:]),
    "q": query.search,
    **query.ROWS,
}


class Learning:
    """Known words, and those to learn."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def known(self, asked: Asked) -> Answer:
        """``/known``: the words of which a level was said, met or not."""
        found = query.values(desk.pairs(asked), _KNOWN)
        form = desk.form_of(asked)
        limit = found.get("limit", query.PAGE_ROWS)
        if form == "html":
            query.judge_page_rows(limit)
        offset = found.get("offset", 0)
        said = {name: found[name] for name in ("lang", "known", "q") if found.get(name)}

        def read(store: Store) -> Found:
            rows = [one for one in store.levels(said.get("lang")) if _fits(one, said)]
            days = CoverageQuery()
            shown = rows[offset : offset + limit] if limit else rows[offset:]
            listing = Listing(
                "known", lists.KNOWN, shown, store.coverage(days), days, said, {"words": len(rows)}
            )
            if form != "html":
                return Found(listing)
            langs = store.breakdown(BreakdownQuery("lang", lang=said.get("lang"), limit=0)).parts
            return Found(
                listing,
                {
                    "headings": desk.plain(listing),
                    "filter": said,
                    "total": len(rows),
                    "langs": [(part.name, part.known) for part in langs],
                    "share": sum_of([part.known for part in langs]),
                    "sources": store.sources(),
                    "levels": LEVELS[1:],
                    "data": desk.data_links("/known", said, limit=0),
                    **desk.neighbours("/known", said, limit, offset, len(rows)),
                },
            )

        return await self._desk.answer(asked, "known.html", read)

    async def anki(self, asked: Asked) -> Answer:
        """``/unknown.tsv``: words to learn, each with its newest sentence, for Anki."""
        wanted, _ = query.words(asked.args, known=UNKNOWN, sort="pages", names=False)
        wanted = replace(wanted, limit=min(wanted.limit or NOTES_MAX, NOTES_MAX))

        def read(store: Store) -> str:
            notes = []
            for word in store.words(wanted).words:
                contexts = store.contexts(ContextQuery(word.key, word.lang, wanted.site, limit=1))
                notes.append(anki.Note(word, kwic.line(contexts[0], word.key) if contexts else None))
            return anki.tsv(notes)

        text = await self._desk.ask(asked, read)
        return Answer(text.encode("utf-8", "replace"), anki.KIND, 200, (NO_STORE, attachment("unknown.tsv")))


def _fits(one: Knowledge, said: dict[str, str]) -> bool:
    if one.level != said.get("known", one.level) or one.level == LEVELS[0]:
        return False
    part = said.get("q", "").replace("*", "").casefold()
    return part in one.key


def sum_of(parts: list[Known]) -> Known:
    """What is known of all of them together."""
    return Known(
        sum(part.occurrences for part in parts),
        sum(part.known_occurrences for part in parts),
        sum(part.distinct for part in parts),
        sum(part.known_distinct for part in parts),
    )
