"""From the parameters of an address to a query: closed sets and bounds; whatever else comes is told by name.

An empty parameter is one not given: forms send those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from netsuite.site.tongue import Said, said
from netsuite.wordproxy.store.contract import (
    GROUPS,
    LEVELS,
    SORTS,
    UNKNOWN,
    BreakdownQuery,
    CoverageQuery,
    PageQuery,
    WordQuery,
)

Pairs = Sequence[tuple[str, str]]
Judge = Callable[[str], Any]

#: Most rows of one answer, but for 0, which means all; most of a page.
LIMIT_MAX, PAGE_ROWS_MAX = 100_000, 1000

#: Rows of a page of the report.
PAGE_ROWS = 100

OFFSET_MAX = 1_000_000_000

#: Longest search, and most ``*`` in it: what a match costs grows with each.
SEARCH_MAX, STARS_MAX = 100, 4

#: Longest word: the store keeps no more of one.
WORD_MAX = 255

_LANG_MAX, _SITE_MAX = 35, 255
_LANG = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_HEX = frozenset("0123456789abcdef")


class BadQuery(ValueError):  # noqa: N818 - it says what is bad
    """A parameter is unknown or can't have its value; ``sentence`` says which, and what it may be."""

    def __init__(self, sentence: Said) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return str(self.sentence)


def _bad(key: str, /, **values: Any) -> BadQuery:
    return BadQuery(said(f"query.{key}", **values))


def lang(value: str, name: str = "lang") -> str:
    """A language tag.  Raises: BadQuery."""
    value = value.lower()
    if len(value) > _LANG_MAX or not _LANG.issuperset(value) or not value[:1].isalpha():
        raise _bad("lang", name=name)
    return value


def site(value: str, name: str = "site") -> str:
    """A host's name.  Raises: BadQuery."""
    value = value.strip().lower()
    if not value or len(value) > _SITE_MAX or not value.isprintable() or any(c in "/ \\@?#" for c in value):
        raise _bad("site", name=name)
    return value


def day(value: str, name: str = "day") -> str:
    """A day.  Raises: BadQuery."""
    try:
        known = date.fromisoformat(value).isoformat()
    except ValueError:
        known = ""
    if known != value:  # Python reads other forms, too
        raise _bad("day", name=name)
    return value


def word(value: str, name: str = "word") -> str:
    """A word or its key.  Raises: BadQuery."""
    if not value.strip() or len(value) > WORD_MAX:
        raise _bad("word", name=name, n=WORD_MAX)
    return value


def page_id(value: str, name: str = "page") -> str:
    """A page's id: its digest in hexadecimal, a colon, its language.  Raises: BadQuery."""
    digest, colon, language = value.partition(":")
    if len(digest) != 32 or not _HEX.issuperset(digest) or not colon or not 0 < len(language) <= _LANG_MAX:
        raise _bad("page", name=name)
    return value


def search(value: str) -> str:
    """What is searched for.  Raises: BadQuery."""
    if len(value) > SEARCH_MAX:
        raise _bad("long", name="q", n=SEARCH_MAX)
    if value.count("*") > STARS_MAX:
        raise _bad("stars", name="q", n=STARS_MAX)
    if not value.isprintable():
        raise _bad("letters", name="q")
    return value.strip()


def _day_of(name: str) -> Judge:
    return lambda value: day(value, name)


def number_of(name: str, most: int) -> Judge:
    """What judges a number from 0."""

    def number(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and len(value) < 12 and int(value) <= most):
            raise _bad("number", name=name, least=0, most=most)
        return int(value)

    return number


def one_of(name: str, choices: Sequence[str]) -> Judge:
    """What judges a parameter of a closed set."""

    def one(value: str) -> str:
        if value not in choices:
            raise _bad("one_of", name=name, names=", ".join(choices))
        return value

    return one


def _switch(name: str) -> Judge:
    return one_of(name, ("0", "1"))


def _by(value: str) -> tuple[str, ...]:
    groups = value.split(",")
    if not set(groups) <= set(GROUPS):
        raise _bad("by", name="by", names=", ".join(GROUPS))
    return tuple(group for group in GROUPS if group in groups)


_DAYS: dict[str, Judge] = {name: _day_of(name) for name in ("day", "from", "to")}
#: Of lists that are shown in parts.
ROWS: dict[str, Judge] = {"offset": number_of("offset", OFFSET_MAX), "limit": number_of("limit", LIMIT_MAX)}
_PLACE: dict[str, Judge] = {"lang": lang, "site": site, **_DAYS}

_WORDS: dict[str, Judge] = {
    **_PLACE,
    "q": search,
    "all": _switch("all"),
    "known": one_of("known", (*LEVELS, UNKNOWN)),
    "names": _switch("names"),
    "lemma": _switch("lemma"),
    "page": page_id,
    "sort": one_of("sort", SORTS),
    **ROWS,
}

#: What names a part of the words, rather than how they are shown.
FILTERS = ("lang", "site", "day", "from", "to", "q", "all", "known", "names", "lemma", "page", "word", "host")


def values(pairs: Pairs, known: Mapping[str, Judge]) -> dict[str, Any]:
    """The parameters' values, judged.

    Raises:
        BadQuery: the first that is unknown, comes twice, or has no value that it can have.
    """
    found: dict[str, Any] = {}
    for name, text in pairs:
        judge = known.get(name)
        if judge is None:
            if not known:
                raise _bad("none", name=_shown(name))
            raise _bad("unknown", name=_shown(name), names=", ".join(known))
        if text == "":
            continue
        if name in found:
            raise _bad("twice", name=name)
        found[name] = judge(text)
    judge_days(found)
    return found


def judge_days(found: Mapping[str, Any]) -> None:
    """Nothing, if days are said in one way and in their order.  Raises: BadQuery."""
    if "day" in found and ("from" in found or "to" in found):
        raise _bad("days")
    if found.get("from", "") > found.get("to", "9999-12-31"):
        raise _bad("order")


def _shown(name: str) -> str:
    name = name if len(name) <= 40 else name[:40] + "…"
    return name if name.isprintable() else ascii(name)


def _said(found: Mapping[str, Any]) -> dict[str, Any]:
    """The filter as answers repeat it."""
    return {name: found[name] for name in FILTERS if found.get(name)}


def words(
    pairs: Pairs, *, known: str | None = None, sort: str = SORTS[0], names: bool = True, **fixed: Any
) -> tuple[WordQuery, dict[str, Any]]:
    """The query for a list of words, and its filter as answers repeat it.

    ``known``, ``sort``, ``names``: what holds where nothing else is said; ``fixed``: what the address says
    by its path.
    """
    found = values(pairs, {name: judge for name, judge in _WORDS.items() if name not in fixed})
    query = WordQuery(
        lang=found.get("lang"),
        site=fixed.get("site", found.get("site")),
        day=found.get("day"),
        from_=found.get("from"),
        to=found.get("to"),
        q=found.get("q") or None,
        everything=found.get("all") == "1",
        known=found.get("known", known),
        names=found["names"] == "1" if "names" in found else names,
        lemma=found.get("lemma") == "1",
        page=fixed.get("page", found.get("page")),
        limit=found.get("limit", PAGE_ROWS),
        offset=found.get("offset", 0),
        sort=found.get("sort", sort),
    )
    if query.everything:
        found["all"] = True
    else:
        found.pop("all", None)
    if query.lemma:
        found["lemma"] = True
    else:
        found.pop("lemma", None)
    if query.names == names:
        found.pop("names", None)
    return query, _said(found)


def coverage(pairs: Pairs) -> tuple[CoverageQuery, dict[str, Any]]:
    """The query for coverage, and its filter."""
    found = values(pairs, {**_DAYS, "by": _by})
    query = CoverageQuery(found.get("day"), found.get("from"), found.get("to"), found.get("by", ()))
    return query, _said(found)


def pages(pairs: Pairs) -> tuple[PageQuery, dict[str, Any]]:
    """The query for a list of pages, and its filter."""
    found = values(pairs, {**_PLACE, **ROWS})
    query = PageQuery(
        found.get("lang"),
        found.get("site"),
        found.get("day"),
        found.get("from"),
        found.get("to"),
        limit=found.get("limit", PAGE_ROWS),
        offset=found.get("offset", 0),
    )
    return query, _said(found)


def breakdown(pairs: Pairs, by: str) -> tuple[BreakdownQuery, dict[str, Any]]:
    """The query for what was read by day, site or language, and its filter."""
    found = values(pairs, {**_PLACE, "all": _switch("all"), **ROWS})
    query = BreakdownQuery(
        by,
        found.get("lang"),
        found.get("site"),
        found.get("day"),
        found.get("from"),
        found.get("to"),
        found.get("all") == "1",
        limit=found.get("limit", PAGE_ROWS),
        offset=found.get("offset", 0),
    )
    if query.everything:
        found["all"] = True
    else:
        found.pop("all", None)
    return query, _said(found)


def nothing(pairs: Pairs) -> None:
    """There are no parameters, or `BadQuery`."""
    values(pairs, {})


def page_rows(query: WordQuery | PageQuery | BreakdownQuery) -> None:
    """Nothing, if a page can show so many rows.  Raises: BadQuery."""
    judge_page_rows(query.limit)


def judge_page_rows(limit: int) -> None:
    """The same of a number."""
    if not 0 < limit <= PAGE_ROWS_MAX:
        raise _bad("limit", most=PAGE_ROWS_MAX)


def days_of(query: WordQuery | PageQuery | BreakdownQuery | CoverageQuery) -> CoverageQuery:
    """Coverage of the same days: by site or language it would hide what passed unseen."""
    return CoverageQuery(query.day, query.from_, query.to)
