"""``/compare``: which words tell one part of what was read from another, or from all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from netsuite.site.answer import Answer, Asked
from netsuite.wordproxy.report import desk, keyness, links, query
from netsuite.wordproxy.report.desk import Desk, Found
from netsuite.wordproxy.report.keyness import Ranking
from netsuite.wordproxy.report.listing import Column, Listing
from netsuite.wordproxy.store.contract import CoverageQuery, Pair, Store, WordQuery
from netsuite.wordproxy.store.packing import Numbers

#: Most that the floor of occurrences may be.
LEAST_MAX = 1_000_000

_SIDES = ("a", "b")
_PARTS: dict[str, query.Judge] = {
    f"{side}_{name}": lambda text, side=side, name=name, judge=judge: judge(text, f"{side}_{name}")  # type: ignore[misc]
    for side in _SIDES
    for name, judge in (("site", query.site), ("day", query.day), ("from", query.day), ("to", query.day))
}
_KNOWN: dict[str, query.Judge] = {
    **_PARTS,
    "lang": query.lang,
    "all": query.one_of("all", ("0", "1")),
    "names": query.one_of("names", ("0", "1")),
    "least": query.number_of("least", LEAST_MAX),
    **query.ROWS,
}


@dataclass(frozen=True, slots=True)
class Side:
    """One part of what was read.  ``size``: its words; ``is_rest``: all that is not in the other part."""

    query: WordQuery
    is_rest: bool = False
    size: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A word on both sides: occurrences, and how many they are in a million words."""

    pair: Pair
    a: int
    b: int
    a_rate: float
    b_rate: float
    keyness: float

    @property
    def lang(self) -> str:
        """Its language, as cells with words ask for it."""
        return self.pair.lang

    @property
    def is_name(self) -> bool:
        """Whether it probably is a name."""
        return self.pair.is_name


COLUMNS = [
    Column("word", lambda row: row.pair.word, "word", lambda row: links.word(row.pair.word, row.lang)),
    Column("lang", lambda row: row.lang, "lang", extra=True),
    Column("keyness", lambda row: round(row.keyness, 1), "count"),
    Column("a", lambda row: row.a, "count"),
    Column("a_rate", lambda row: round(row.a_rate, 1), "count", extra=True),
    Column("b", lambda row: row.b, "count"),
    Column("b_rate", lambda row: round(row.b_rate, 1), "count", extra=True),
    Column("known", lambda row: row.pair.known, "level", extra=True),
    Column("key", lambda row: row.pair.key, shown=False),
    Column("is_name", lambda row: row.pair.is_name, shown=False),
]


class Comparing:
    """The view."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def compare(self, asked: Asked) -> Answer:
        """``/compare``: words of the sides ``a_…`` and ``b_…`` (else: all the rest), most key first."""
        found = query.values(desk.pairs(asked), _KNOWN)
        sides = [_side(found, side) for side in _SIDES]
        is_page = desk.form_of(asked) == "html"
        limit, offset = found.get("limit", query.PAGE_ROWS), found.get("offset", 0)
        least = max(1, found.get("least", keyness.LEAST))
        if is_page:
            query.judge_page_rows(limit)
        said = {name: value for name, value in found.items() if name not in query.ROWS and value != "0"}
        if found.get("names") == "0":
            said["names"] = "0"

        def read(store: Store) -> Found:
            days = CoverageQuery()
            if sides[0].is_rest:
                of, rows, ranking = sides, list[Row](), Ranking([], 0, least, False)
            else:
                of, rows, ranking = _rows(store, sides, least, limit, offset)
            total = {"words": ranking.count, "a": of[0].size, "b": of[1].size}
            more = {"least": ranking.least, "cut": ranking.cut}
            listing = Listing(
                "compare", COLUMNS, rows, store.coverage(days), days, said, total, more, key="words"
            )
            if not is_page:
                return Found(listing)
            return Found(
                listing,
                {
                    "filter": said,
                    "sides": of,
                    "least": least,
                    "ranking": ranking,
                    "most": keyness.WORDS_MAX,
                    "sources": store.sources(),
                    "headings": desk.plain(listing),
                    "data": desk.data_links("/compare", said, limit=0) if rows else None,
                    **desk.neighbours("/compare", said, limit, offset, ranking.count),
                },
            )

        return await self._desk.answer(asked, "compare.html", read)


def _side(found: dict[str, Any], side: str) -> Side:
    """One side as it was asked for; the rest, where nothing was."""
    told = {
        name: found[f"{side}_{name}"] for name in ("site", "day", "from", "to") if f"{side}_{name}" in found
    }
    query.judge_days(told)
    return Side(
        WordQuery(
            lang=found.get("lang"),
            site=told.get("site"),
            day=told.get("day"),
            from_=told.get("from"),
            to=told.get("to"),
            everything=found.get("all") == "1",
            names=found.get("names") != "0",
        ),
        not told,
    )


def _rows(
    store: Store, sides: Sequence[Side], least: int, limit: int, offset: int
) -> tuple[list[Side], list[Row], Ranking]:
    """The sides with their sizes, the rows shown, and how all were ranked."""
    a, b = sides
    sizes, ranking = (0, 0), Ranking([], 0, least, False)

    def choose(left: Numbers, right: Numbers, size_a: int, size_b: int) -> Sequence[int]:
        nonlocal sizes, ranking
        if b.is_rest:  # all that was read holds the other side, too
            right, size_b = right - left, size_b - size_a
        sizes = size_a, size_b
        need = min(offset + limit, keyness.WORDS_MAX) if limit else keyness.WORDS_MAX
        ranking = keyness.rank(left, right, size_a, size_b, least=least, need=need)
        return ranking.places[offset:]

    rows = []
    for pair in store.compare(a.query, b.query, choose):
        m, n = pair.left, pair.right - pair.left * b.is_rest
        rates = keyness.per_million(m, sizes[0]), keyness.per_million(n, sizes[1])
        rows.append(Row(pair, m, n, *rates, keyness.keyness(m, n, *sizes)))
    return [replace(side, size=size) for side, size in zip(sides, sizes, strict=True)], rows, ranking
