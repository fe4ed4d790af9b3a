"""The first page: today, this week, in all; what was met most, what to learn next, and day by day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from netsuite.site.answer import Answer, Asked
from netsuite.wordproxy.report import desk, lists, query, wording
from netsuite.wordproxy.report.desk import Desk, Found
from netsuite.wordproxy.report.listing import Listing, known_share
from netsuite.wordproxy.store.contract import (
    SORTS,
    UNKNOWN,
    BreakdownQuery,
    CoverageQuery,
    Part,
    Store,
    WordQuery,
)

#: Days of the charts, and words of each list.
DAYS, WORDS = 60, 25

#: Longest span of a chart with a place for each day.
SPAN_DAYS = 200


@dataclass(frozen=True, slots=True)
class Card:
    """The sums of some days.  ``known``: share of occurrences, from 0 to 1, None of nothing."""

    title: str
    href: str
    occurrences: int
    pages: int
    new: int
    known: float | None


class Overview:
    """``/``.  ``today``: the machine's local day."""

    def __init__(self, desk: Desk, today: Callable[[], date] = date.today) -> None:
        self._desk, self._today = desk, today

    async def overview(self, asked: Asked) -> Answer:
        """``/``: how reading goes.  As data: the days of its charts."""
        query.nothing(desk.pairs(asked))
        today = self._today()

        def read(store: Store) -> Found:
            since = (today - timedelta(days=DAYS - 1)).isoformat()
            days = store.breakdown(BreakdownQuery("day", from_=since, limit=0)).parts
            all_days = CoverageQuery()
            coverage = store.coverage(all_days)
            total = store.words(WordQuery(limit=WORDS))
            cards = _cards(days, today, store)
            listing = Listing(
                "days",
                lists.parts("day"),
                days,
                coverage,
                all_days,
                total=lists.total(total.total),
                more={"cards": cards},
            )
            met = Listing("words", lists.FEW, total.words, coverage, all_days)
            learn = store.words(WordQuery(known=UNKNOWN, names=False, sort="pages", limit=WORDS))
            series = every_day(days, today)
            to_learn = Listing("unknown", lists.TO_LEARN, learn.words, coverage, all_days)
            return Found(
                listing,
                {
                    "cards": cards,
                    "today": today.isoformat(),
                    "met": met,
                    "met_headings": desk.headings(met, "/words", {}, SORTS[0], SORTS[0]),
                    "learn": to_learn,
                    "learn_headings": desk.plain(to_learn),
                    "series": series,
                    "shares": shares(series),
                    "empty": None if total.words else wording.why_empty(coverage.total, False),
                    "data": desk.data_links("/overview", {}),
                },
            )

        return await self._desk.answer(asked, "overview.html", read)


def every_day(parts: Sequence[Part], last: date | None = None) -> list[Part]:
    """The days from the first of them to ``last``, oldest first, also those without reading.

    Past `SPAN_DAYS` only those with reading: the others would leave them no room in a chart.
    """
    by_day = {part.name: part for part in parts}
    if not by_day:
        return []
    first, last = date.fromisoformat(min(by_day)), last or date.fromisoformat(max(by_day))
    if (last - first).days >= SPAN_DAYS:
        return [by_day[name] for name in sorted(by_day)]
    names = [(first + timedelta(days=n)).isoformat() for n in range(max(0, (last - first).days) + 1)]
    return [by_day.get(name) or Part(name, 0, 0, 0, 0) for name in names]


def _cards(days: Sequence[Part], today: date, store: Store) -> list[Card]:
    week = (today - timedelta(days=6)).isoformat()
    of_today = [part for part in days if part.name == today.isoformat()]
    of_week = [part for part in days if week <= part.name <= today.isoformat()]
    ever = store.breakdown(BreakdownQuery("lang", limit=0)).parts
    pages = store.words(WordQuery(from_=week, limit=1)).total.pages if of_week else 0
    return [
        _card("today", f"/words?day={today.isoformat()}", of_today),
        _card("week", f"/words?from={week}", of_week, pages),
        _card("ever", "/words", ever),
    ]


def _card(title: str, href: str, parts: Sequence[Part], pages: int | None = None) -> Card:
    known = sum(part.known.known_occurrences for part in parts)
    return Card(
        title,
        href,
        sum(part.occurrences for part in parts),
        sum(part.pages for part in parts) if pages is None else pages,
        sum(part.new for part in parts),
        known_share(known, sum(part.known.occurrences for part in parts)),
    )


def shares(parts: Sequence[Part]) -> list[tuple[str, Any]]:
    """The known share of each day's occurrences, for the chart."""
    return [(part.name, known_share(part.known.known_occurrences, part.known.occurrences)) for part in parts]
