"""The lists of the report, as columns: words, pages, levels, coverage, days, sites, languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from netsuite.wordproxy.report import frequency, links
from netsuite.wordproxy.report.listing import Column, known_columns
from netsuite.wordproxy.store.contract import Part, Total

_WORD = Column(
    "word", lambda word: word.word, "word", lambda word: links.word(word.word, word.lang), sort=True
)
_LANG = Column("lang", lambda row: row.lang, "lang")
_OCCURRENCES = Column("occurrences", lambda row: row.occurrences, "count", sort=True)
_PAGES = Column("pages", lambda row: row.pages, "count", sort=True)
_LEVEL = Column("known", lambda word: word.known, "level")
_LAST = Column("last", lambda row: row.last, "day", sort=True, extra=True)

#: What data has of a word, and pages don't show.
_HIDDEN = [
    Column("key", lambda word: word.key, shown=False),
    Column("is_name", lambda word: word.is_name, shown=False),
]

_FIRST_HIDDEN = Column("first", lambda row: row.first, "day", shown=False)

WORDS = [_WORD, _LANG, _OCCURRENCES, _PAGES, _LEVEL, _FIRST_HIDDEN, _LAST, *_HIDDEN]

#: A word's sentences (`kwic.Line`).
SENTENCES = [
    Column("host", lambda line: line.context.host, "site"),
    Column("day", lambda line: line.context.day, "day"),
    Column("before", lambda line: line.before),
    Column("word", lambda line: line.word),
    Column("after", lambda line: line.after),
    Column("sentence", lambda line: line.context.sentence),
    Column("title", lambda line: line.context.title),
    Column("url", lambda line: line.context.url),
    Column("page", lambda line: line.context.page),
]

#: Levels (`Knowledge`).
KNOWN = [
    Column("word", lambda one: one.key, "word", lambda one: links.word(one.key, one.lang)),
    Column("lang", lambda one: one.lang, "lang"),
    Column("level", lambda one: one.level, "level"),
]

PAGES = [
    Column("title", lambda page: page.title, "title", lambda page: links.page(page.id)),
    Column("host", lambda page: page.host, "site", lambda page: links.site(page.host), extra=True),
    Column("lang", lambda page: page.lang, "lang", extra=True),
    Column("visits", lambda page: page.visits, "count", extra=True),
    *known_columns(lambda page: page.known),
    Column("first", lambda page: page.first, "day", shown=False),
    Column("last", lambda page: page.last, "day"),
    Column("url", lambda page: page.url, shown=False),
    Column("id", lambda page: page.id, shown=False),
]


#: Of one site, whose language and days stand beside.
AT_SITE = [replace(column, shown=column.shown and column not in (_LANG, _LAST)) for column in WORDS]

#: What the overview shows of them.
FEW = [_WORD, replace(_LANG, extra=True), _OCCURRENCES, _PAGES]
TO_LEARN = [_WORD, replace(_LANG, extra=True), _PAGES]


def unknown() -> list[Column]:
    """The columns of words to learn: how frequent a word is in general is shown where that is known."""
    general = Column(
        "frequency",
        lambda word: frequency.zipf(word.word, word.lang),
        "frequency",
        shown=frequency.is_there(),
        extra=True,
    )
    return [
        _WORD,
        replace(_LANG, extra=True),
        _PAGES,
        replace(_OCCURRENCES, extra=True),
        general,
        replace(_LEVEL, extra=True),
        _FIRST_HIDDEN,
        _LAST,
        *_HIDDEN,
    ]


def parts(by: str, *, link: Callable[[Part], str] | None = None) -> list[Column]:
    """The columns of what was read by day, site or language."""
    links_to: dict[str, Callable[[Part], str]] = {
        "day": lambda part: links.to("/words", day=part.name),
        "site": lambda part: links.site(part.name),
        "lang": lambda part: links.to("/words", lang=part.name),
    }
    return [
        Column(
            by,
            lambda part: part.name,
            {"day": "day", "site": "site", "lang": "lang"}[by],
            link or links_to[by],
        ),
        Column("occurrences", lambda part: part.occurrences, "count"),
        Column("distinct", lambda part: part.distinct, "count", extra=True),
        Column("new", lambda part: part.new, "count"),
        Column("pages", lambda part: part.pages, "count", extra=True),
        *known_columns(lambda part: part.known),
    ]


def word_parts(by: str) -> list[Column]:
    """The same of one word: how often, on how many pages."""
    return [column for column in parts(by) if column.key in (by, "occurrences", "pages")]


def coverage(by: tuple[str, ...]) -> list[Column]:
    """The columns of coverage, by some of day and host: rows are ``(day, host, share)``."""
    columns = {
        "day": Column("day", lambda row: row[0], "day", lambda row: links.to("/coverage", day=row[0])),
        "host": Column("host", lambda row: row[1], "site"),
    }
    return [
        *(columns[name] for name in by),
        Column("counted", lambda row: row[2].counted, "count"),
        Column("unseen", lambda row: row[2].unseen, "count"),
        Column("skipped", lambda row: sum(row[2].skipped.values()), "count"),
        Column("reasons", lambda row: _reasons(row[2].skipped), shown=False),
        Column("paused_s", lambda row: round(row[2].paused_seconds), "count", shown=False),
    ]


def _reasons(skipped: Mapping[str, int]) -> str:
    return "; ".join(f"{reason}: {number}" for reason, number in skipped.items())


#: Of a search for nothing.
NO_TOTAL = Total()


def total(of: Any) -> dict[str, int]:
    """The sums over all words that fit, as JSON has them."""
    return {"occurrences": of.occurrences, "distinct": of.distinct, "pages": of.pages}
