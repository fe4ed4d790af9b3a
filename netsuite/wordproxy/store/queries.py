"""Queries as SQL: each function gives the statement's text and its parameters, and touches no database.

Text from outside is only ever a parameter; what is put together are parts of this file.  In the statements
``:lo`` and ``:hi`` are the first and last day number of the days asked for.  ``CROSS JOIN`` is SQLite's way
to fix the order of loops: by site and day, which is the order that tallies are kept in.
"""

# ruff: noqa: S608 - statements are put together from this file's own parts, as its first lines say

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Any

from netsuite.wordproxy.store.contract import UNSEEN, BreakdownQuery, CoverageQuery, PageQuery, WordQuery

Parameters = dict[str, Any]

#: Day numbers that no query goes past: the calendar's ends.
_FIRST_DAY, _LAST_DAY = date.min.toordinal(), date.max.toordinal()

_MARKS = re.compile("[\u0300-\u036f]+")

_DROPPED = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_DROP = dict.fromkeys(map(ord, _DROPPED))


def day_number(day: str) -> int:
    """The number of a day like ``2026-01-05``; ValueError if it is none."""
    return date.fromisoformat(day).toordinal()


def day_text(number: int) -> str:
    """The day of a number."""
    return date.fromordinal(number).isoformat()


def plain(text: str) -> str:
    """``text`` as search compares it: case folded, without accents, soft hyphens and joiners."""
    folded = unicodedata.normalize("NFC", text).casefold().replace("’", "'").translate(_DROP)
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", folded)))


def plains(words: Sequence[str]) -> list[str]:
    """The same of each of many words."""
    text = "\n".join(words)
    folded = unicodedata.normalize("NFC", text).casefold().replace("’", "'")
    lines = folded.split("\n")
    if len(lines) != len(words) or any(sign in folded for sign in _DROPPED):
        return list(map(plain, words))
    apart = unicodedata.normalize("NFD", folded)
    bare = _MARKS.sub("", apart)
    if bare != apart:  # put together again where something was removed: that takes longest
        pairs = zip(apart.split("\n"), bare.split("\n"), strict=True)
        changed = [(at, after) for at, (before, after) in enumerate(pairs) if before != after]
        together = unicodedata.normalize("NFC", "\n".join(after for _, after in changed)).split("\n")
        for (at, _), line in zip(changed, together, strict=True):
            lines[at] = line
    return lines


def digest(name: str) -> bytes:
    """The bytes of a digest in hexadecimal; of text that is none, those of no page."""
    try:
        return bytes.fromhex(name)
    except ValueError:
        return b""


def pattern(q: str) -> str:
    """A GLOB pattern: the whole word where ``q`` has a ``*``, else any part of it."""
    text = plain(q)
    if "*" not in text:
        text = f"*{text}*"
    while "**" in text:
        text = text.replace("**", "*")
    return text.replace("[", "[[]").replace("?", "[?]")


def fits(q: str) -> tuple[str, str]:
    """The condition on a word, and what it is told; any part of the word where ``q`` has no ``*``."""
    text = plain(q)
    compared = "coalesce(plain, key)"
    return (f"{compared} GLOB ?", pattern(q)) if "*" in text else (f"instr({compared}, ?) > 0", text)


def span(query: WordQuery | CoverageQuery | PageQuery | BreakdownQuery) -> tuple[int, int] | None:
    """The first and last day number that a query asks for, None for all days."""
    lo, hi = _FIRST_DAY, _LAST_DAY
    for start, end in ((query.day, query.day), (query.from_, query.to)):
        lo = max(lo, day_number(start) if start else lo)
        hi = min(hi, day_number(end) if end else hi)
    return None if (lo, hi) == (_FIRST_DAY, _LAST_DAY) else (lo, hi)


def read_pages(query: WordQuery) -> tuple[str, Parameters]:
    """The statement for how many pages were read there; on each of the days asked for, each counts."""
    days = span(query)
    lang = "r.lang = :lang" if query.lang is not None else ""
    count = "new" if days is None else "pages"
    rows = f"site s CROSS JOIN reading r ON r.site = s.id {_where(query.site, days, 'r', lang)}"
    return f"SELECT coalesce(sum(r.{count}), 0) FROM {rows}", _parameters(query, days)


def coverage(query: CoverageQuery) -> tuple[str, Parameters]:
    """The statement for rows ``(day, host, outcome, amount, hosts)``; unasked, day is 0 and host "".

    ``hosts`` of all days together is counted of what passed unseen alone: the only one that is told.
    """
    days = span(query)
    day = "day" if "day" in query.by else "0"
    where = "" if days is None else "WHERE day BETWEEN :lo AND :hi"
    told = {} if days is None else {"lo": days[0], "hi": days[1]}
    if "host" in query.by:
        sql = (
            f"SELECT {day} AS d, host AS h, outcome, sum(amount), host <> ''"
            f" FROM coverage {where} GROUP BY d, h, outcome ORDER BY d DESC, h, outcome"
        )
        return sql, told
    # the key's order is day, outcome, host: sums of each day are read off it, in a third of the time
    of_days = (
        f"SELECT day AS d, outcome, sum(amount) AS n, sum(host <> '') AS hosts FROM coverage {where}"
        " GROUP BY d, outcome"
    )
    if "day" in query.by:
        return f"SELECT d, '', outcome, n, hosts FROM ({of_days}) ORDER BY d DESC, outcome", told
    hosts = f"SELECT host FROM coverage {where or 'WHERE 1'} AND outcome = '{UNSEEN}' AND host <> ''"
    unseen = f"CASE outcome WHEN '{UNSEEN}' THEN (SELECT count(DISTINCT host) FROM ({hosts})) ELSE 0 END"
    sql = f"SELECT 0, '', outcome, sum(n), {unseen} FROM ({of_days}) GROUP BY outcome ORDER BY outcome"
    return sql, told


def pages(query: PageQuery) -> tuple[str, str, Parameters]:
    """The statements for a list of pages and for how many fit, and the parameters of both."""
    days = span(query)
    where = []
    if query.lang is not None:
        where.append("p.lang = :lang")
    if query.site is not None:
        where.append("s.host = :site")
    if query.id is not None:
        where.append("p.digest = :digest AND p.lang = :of_lang")
    if days is not None:
        where.append("p.id IN (SELECT page FROM visit WHERE day BETWEEN :lo AND :hi)")
    fitting = "FROM page p JOIN site s ON s.id = p.site" + (f" WHERE {' AND '.join(where)}" if where else "")
    listed = (
        f"SELECT p.id, p.digest, p.url, p.title, s.host, p.lang, p.first, p.last, p.visits {fitting}"
        " ORDER BY p.last DESC, p.seen DESC, p.id DESC LIMIT :limit OFFSET :offset"
    )
    name, _, of_lang = (query.id or "").partition(":")
    told = {**_parameters(query, days), "digest": digest(name), "of_lang": of_lang}
    return listed, f"SELECT count(*) {fitting}", told


def _where(site: str | None, days: tuple[int, int] | None, table: str, *more: str) -> str:
    terms = [term for term in more if term]
    if site is not None:
        terms.append("s.host = :site")
    if days is not None:
        terms.append(f"{table}.day BETWEEN :lo AND :hi")
    return f"WHERE {' AND '.join(terms)}" if terms else ""


def _parameters(query: WordQuery | PageQuery, days: tuple[int, int] | None) -> Parameters:
    lo, hi = days or (_FIRST_DAY, _LAST_DAY)
    return {
        "lang": query.lang,
        "site": query.site,
        "lo": lo,
        "hi": hi,
        "limit": query.limit or -1,
        "offset": query.offset,
    }
