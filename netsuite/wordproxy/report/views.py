"""The report's lists, for people and programs: their addresses hold all their state."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from netsuite.site.answer import Answer, Asked
from netsuite.wordproxy.report import desk, lists, query, wording
from netsuite.wordproxy.report.desk import Desk, Found
from netsuite.wordproxy.report.listing import Listing
from netsuite.wordproxy.report.overview import every_day
from netsuite.wordproxy.store.contract import (
    LEVELS,
    SORTS,
    UNKNOWN,
    CoverageQuery,
    Sources,
    Store,
    WordList,
    WordQuery,
)

#: Words that the chart of ranks is drawn from.
RANKS = 1000

#: Most rows that a page shows of coverage.
_DAYS_MAX, _HOSTS_MAX = 60, 200


class Views:
    """The lists."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def words(self, asked: Asked) -> Answer:
        """``/words``: the words, most frequent first, with a form to narrow them."""
        return await self._words(asked, "words", known=None, sort=SORTS[0], names=True)

    async def unknown(self, asked: Asked) -> Answer:
        """``/unknown``: next to learn: words met on most pages, then most often; probable names left out."""
        return await self._words(asked, "unknown", known=UNKNOWN, sort="pages", names=False)

    async def search(self, asked: Asked) -> Answer:
        """``/search``: words by a part or a pattern, and the sites whose names have it."""
        return await self._words(asked, "search", known=None, sort=SORTS[0], names=True)

    async def _words(self, asked: Asked, name: str, *, known: str | None, sort: str, names: bool) -> Answer:
        wanted, said = query.words(desk.pairs(asked), known=known, sort=sort, names=names)
        is_page = desk.form_of(asked) == "html"
        if is_page:
            query.page_rows(wanted)
        path, shown_sort = f"/{name}", wanted.sort if wanted.sort != sort else None
        with_ranks = is_page and name == "words" and wanted.sort == SORTS[0] and not wanted.offset
        asking = replace(wanted, limit=max(wanted.limit, RANKS)) if with_ranks else wanted

        def read(store: Store) -> Found:
            days = query.days_of(wanted)
            looks = name != "search" or wanted.q
            found = store.words(asking) if looks else WordList(lists.NO_TOTAL, [])
            columns = lists.unknown() if name == "unknown" else lists.WORDS
            rows = found.words[: wanted.limit] if is_page else found.words
            total = lists.total(found.total)
            listing = Listing(name, columns, rows, store.coverage(days), days, said, total, key="words")
            if not is_page:
                return Found(listing)
            sources = store.sources()
            return Found(
                listing,
                {
                    "name": name,
                    "path": path,
                    "query": wanted,
                    "has_lemma": find_spec("simplemma") is not None,
                    "filter": said,
                    "shown_sort": shown_sort,
                    "headings": desk.headings(listing, path, said, wanted.sort, sort),
                    "sources": sources,
                    "sites": _sites(sources, wanted) if name == "search" else [],
                    "levels": (*LEVELS, UNKNOWN),
                    "empty": desk.nothing_read(listing, bool(said or wanted.offset)) if looks else None,
                    "data": desk.data_links(path, said, sort=shown_sort, limit=0),
                    "ranks": [word.occurrences for word in found.words] if with_ranks else [],
                    **desk.neighbours(
                        path, said, wanted.limit, wanted.offset, found.total.distinct, sort=shown_sort
                    ),
                },
            )

        return await self._desk.answer(asked, "words.html", read)

    async def days(self, asked: Asked) -> Answer:
        """``/days``: what was read day by day, newest first."""
        return await self._parts(asked, "days", "day")

    async def sites(self, asked: Asked) -> Answer:
        """``/sites``: what was read on which site, most first."""
        return await self._parts(asked, "sites", "site")

    async def langs(self, asked: Asked) -> Answer:
        """``/langs``: what was read in which language, most first."""
        return await self._parts(asked, "langs", "lang")

    async def _parts(self, asked: Asked, name: str, by: str) -> Answer:
        wanted, said = query.breakdown(desk.pairs(asked), by)
        if desk.form_of(asked) == "html":
            query.page_rows(wanted)
        path = f"/{name}"

        def read(store: Store) -> Found:
            days = query.days_of(wanted)
            found = store.breakdown(wanted)
            total = {"parts": found.total}
            listing = Listing(name, lists.parts(by), found.parts, store.coverage(days), days, said, total)
            return Found(
                listing,
                {
                    "name": name,
                    "path": path,
                    "filter": said,
                    "query": wanted,
                    "total": found.total,
                    "headings": desk.plain(listing),
                    "data": desk.data_links(path, said, limit=0),
                    "series": every_day(found.parts) if by == "day" else [],
                    **desk.neighbours(path, said, wanted.limit, wanted.offset, found.total),
                },
            )

        return await self._desk.answer(asked, "parts.html", read)

    async def pages(self, asked: Asked) -> Answer:
        """``/pages``: the pages whose addresses are still kept, newest visit first."""
        wanted, said = query.pages(desk.pairs(asked))
        if desk.form_of(asked) == "html":
            query.page_rows(wanted)

        def read(store: Store) -> Found:
            days = query.days_of(wanted)
            found = store.pages(wanted)
            total = {"pages": found.total}
            listing = Listing("pages", lists.PAGES, found.pages, store.coverage(days), days, said, total)
            return Found(
                listing,
                {
                    "path": "/pages",
                    "filter": said,
                    "query": wanted,
                    "total": found.total,
                    "headings": desk.plain(listing),
                    "data": desk.data_links("/pages", said, limit=0),
                    **desk.neighbours("/pages", said, wanted.limit, wanted.offset, found.total),
                },
            )

        return await self._desk.answer(asked, "pages.html", read)

    async def coverage(self, asked: Asked) -> Answer:
        """``/coverage``: what was counted and what was not, by reason, by day, and by host for one day."""
        wanted, said = query.coverage(desk.pairs(asked))
        form = desk.form_of(asked)
        if form == "html" or (form == "csv" and not wanted.by):
            wanted = replace(wanted, by=wanted.by or (("host",) if wanted.day else ("day",)))
        most = _DAYS_MAX if wanted.by == ("day",) else _HOSTS_MAX

        def read(store: Store) -> Found:
            coverage = store.coverage(wanted)
            rows = list(coverage.parts)
            if wanted.by == ("host",):
                rows.sort(key=lambda row: (-_outcomes(row[2]), row[1]))
            listing = Listing("coverage", lists.coverage(wanted.by), rows, coverage, wanted, said)
            if form != "html":
                return Found(listing)
            shown = replace(listing, rows=rows[:most])
            return Found(
                shown,
                {
                    "query": wanted,
                    "headings": desk.plain(shown),
                    "left_out": len(rows) - len(shown.rows),
                    "data": desk.data_links("/coverage", said, by=",".join(wanted.by)),
                    "all_days": wording.days(wanted),
                },
            )

        return await self._desk.answer(asked, "coverage.html", read)

    async def setup(self, asked: Asked) -> Answer:
        """``/setup``: how to point a browser, curl or the system here."""
        query.nothing(desk.pairs(asked))
        about = self._desk.about()
        host, _, port = about.proxy.rpartition(":")
        where: dict[str, Any] = {"about": about, "proxy_host": host.strip("[]"), "proxy_port": port}

        def read(store: Store) -> Found:
            return Found(no_list(store), where)

        return await self._desk.answer(asked, "setup.html", read)


def no_list(store: Store) -> Listing:
    """The coverage of all days, of a view that lists nothing."""
    days = CoverageQuery()
    return Listing("nothing", [], [], store.coverage(days), days)


def _sites(sources: Sources, wanted: WordQuery) -> list[tuple[str, int]]:
    """The sites whose names hold what is searched for."""
    part = (wanted.q or "").replace("*", "").lower()
    return [(name, pages) for name, pages in sources.sites if part and part in name.lower()][:50]


def _outcomes(share: Any) -> int:
    return int(share.counted + share.unseen + sum(share.skipped.values()))
