"""The pages of one thing: a word in its sentences, a site, a page that was read."""

from __future__ import annotations

from typing import Any

from netsuite.site.answer import NO_STORE, Answer, Asked
from netsuite.site.tongue import said
from netsuite.wordproxy.report import desk, kwic, lists, query
from netsuite.wordproxy.report.desk import Desk, Found
from netsuite.wordproxy.report.listing import Listing, known_share
from netsuite.wordproxy.report.views import no_list
from netsuite.wordproxy.store.contract import (
    LEVELS,
    BreakdownQuery,
    ContextQuery,
    CoverageQuery,
    PageQuery,
    Store,
    Word,
    WordFacts,
)
from netsuite.words import segment

TEXT = "text/plain; charset=utf-8"

#: Rows of each list on such a page.
ROWS = 20

#: Languages that a word is looked for in, where none is said.
_LANGS_MAX = 100

_WORD = {"lang": query.lang, "sort": query.one_of("sort", kwic.SORTS[1:]), "site": query.site}
_FORMATS = ("html", "json", "csv", "text")


class Singles:
    """The pages of one word, one site, one page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def word(self, asked: Asked) -> Answer:
        """``/word/W``: its sentences, aligned at it; how often, when and where.

        ``format=text``: the sentences alone, as a terminal shows them.
        """
        form, name = _word_of(asked)
        key = segment.key(query.word(name))[: segment.LENGTH_MAX]
        wanted = query.values(
            [pair for pair in asked.args if pair[0] not in ("format", *desk.EVERYWHERE)], _WORD
        )
        sort, site = wanted.get("sort", ""), wanted.get("site")

        def read(store: Store) -> Found:
            found = _met(store, key, wanted.get("lang"))
            if not found:
                return Found(no_list(store), refusal=said("word.missing"))
            facts = found[0]
            lines = kwic.lines(store.contexts(ContextQuery(facts.word.key, facts.word.lang, site)), key, sort)
            days = CoverageQuery()
            word = facts.word
            more = {
                "word": word.word,
                "key": word.key,
                "lang": word.lang,
                "occurrences": word.occurrences,
                "other_occurrences": facts.other_occurrences,
                "pages": word.pages,
                "known": word.known,
                "is_name": word.is_name,
                "first": word.first,
                "last": word.last,
                "forms": dict(facts.forms),
            }
            listing = Listing(
                "contexts", lists.SENTENCES, lines, store.coverage(days), days, wanted, more=more
            )
            return Found(listing, _about_word(store, facts, found, sort) if form == "html" else {})

        if form == "text":
            lines = await self._desk.ask(asked, lambda store: self._text(read(store)))
            return Answer(lines.encode("utf-8", "replace"), TEXT, 200, (NO_STORE,))
        return await self._desk.answer(asked, "word.html", read, form=form)

    @staticmethod
    def _text(found: Found) -> str:
        return kwic.text(found.listing.rows) if found.refusal is None else ""

    async def site(self, asked: Asked) -> Answer:
        """``/site/H``: what was read there: words, pages, days, languages, and how much of it is known."""
        form, name = desk.form_of(asked), _name(asked, "/site/")
        host = query.site(name)
        wanted, told = query.words(desk.pairs(asked), site=host)
        if form == "html":
            query.page_rows(wanted)

        def read(store: Store) -> Found:
            days = query.days_of(wanted)
            coverage = store.coverage(days)
            parts = store.breakdown(BreakdownQuery("site", site=host)).parts
            by_host = [
                part for _, name, part in store.coverage(CoverageQuery(by=("host",))).parts if name == host
            ]
            if not parts and not by_host:
                return Found(no_list(store), refusal=said("site.nothing"))
            found = store.words(wanted)
            listing = Listing(
                "site",
                lists.AT_SITE,
                found.words,
                coverage,
                days,
                {"site": host, **told},
                lists.total(found.total),
                key="words",
            )
            if form != "html":
                return Found(listing)
            return Found(
                listing,
                {
                    "host": host,
                    "part": parts[0] if parts else None,
                    "share": by_host[0] if by_host else None,
                    "headings": desk.plain(listing),
                    "pages": store.pages(PageQuery(site=host, limit=ROWS)),
                    "days": store.breakdown(BreakdownQuery("day", site=host, limit=60)),
                    "langs": store.breakdown(BreakdownQuery("lang", site=host, limit=ROWS)),
                    "lang": store.site_langs().get(host),
                    "lists": lists,
                    "data": desk.data_links(f"/site/{host}", told),
                },
            )

        return await self._desk.answer(asked, "site.html", read)

    async def page(self, asked: Asked) -> Answer:
        """``/page/ID``: the words of a page's latest visit, and how much of them is known."""
        form, identity = desk.form_of(asked), query.page_id(_name(asked, "/page/"))
        wanted, told = query.words(desk.pairs(asked), page=identity)
        if form == "html":
            query.page_rows(wanted)

        def read(store: Store) -> Found:
            pages = store.pages(PageQuery(id=identity)).pages
            if not pages:
                return Found(no_list(store), refusal=said("page.missing"))
            found = store.words(wanted)
            days = CoverageQuery()
            row = pages[0]
            more = {
                "title": row.title,
                "url": row.url,
                "known_occurrences": known_share(row.known.known_occurrences, row.known.occurrences),
                "known_distinct": known_share(row.known.known_distinct, row.known.distinct),
            }
            listing = Listing(
                "page",
                lists.WORDS,
                found.words,
                store.coverage(days),
                days,
                {"page": identity, **told},
                lists.total(found.total),
                more,
                key="words",
            )
            path = f"/page/{identity}"
            return Found(
                listing,
                {
                    "page": row,
                    "headings": desk.plain(listing),
                    "data": desk.data_links(path, told, limit=0),
                    **desk.neighbours(path, told, wanted.limit, wanted.offset, found.total.distinct),
                },
            )

        return await self._desk.answer(asked, "page.html", read)


def _word_of(asked: Asked) -> tuple[str, str]:
    """The form asked for, and the word."""
    said_form = dict(asked.args).get("format")
    name = asked.path.removeprefix("/word/")
    if said_form:
        return query.one_of("format", _FORMATS)(said_form), name
    return desk.form_of(asked), _name(asked, "/word/")


def _name(asked: Asked, prefix: str) -> str:
    name = asked.path.removeprefix(prefix)
    return name if desk.form_of(asked) == "html" else name.rpartition(".")[0]


def _met(store: Store, key: str, lang: str | None) -> list[WordFacts]:
    """The word in the language asked for, else in each that it was met in, the most frequent first."""
    langs = [lang] if lang else [name for name, _ in store.sources(limit=_LANGS_MAX).langs]
    found = [facts for one in langs if (facts := store.word(key, one)) is not None]
    return sorted(found, key=lambda facts: -facts.word.occurrences - facts.other_occurrences)


def _about_word(store: Store, facts: WordFacts, found: list[WordFacts], sort: str) -> dict[str, Any]:
    word: Word = facts.word
    days, sites = (
        store.breakdown(BreakdownQuery(by, lang=word.lang, word=word.key, limit=60)) for by in ("day", "site")
    )
    return {
        "facts": facts,
        "word": word,
        "others": [other.word for other in found[1:]],
        "sort": sort,
        "sorts": [("", "word.by_time"), ("left", "word.by_left"), ("right", "word.by_right")],
        "direction": kwic.direction(word.lang),
        "days": days,
        "sites": sites,
        "lists": lists,
        "series": list(reversed(days.parts)),
        "levels": LEVELS,
    }
