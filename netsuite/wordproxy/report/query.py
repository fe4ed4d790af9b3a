"""From the parameters of an address to a query: closed sets and bounds; whatever else comes is told by name.

An empty parameter is one not given: forms send those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from netsuite.wordproxy.store.contract import GROUPS, SORTS, CoverageQuery, WordQuery

Pairs = Sequence[tuple[str, str]]

#: Most rows of one answer, but for 0, which means all.
LIMIT_MAX = 100_000

#: Rows of a page of the report.
PAGE_ROWS = 100

OFFSET_MAX = 1_000_000_000

#: Longest search, and most ``*`` in it: what a match costs grows with each.
SEARCH_MAX, STARS_MAX = 100, 4

_LANG_MAX, _SITE_MAX = 35, 255
_LANG = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class BadQuery(ValueError):  # noqa: N818 - it says what is bad
    """A parameter is unknown or has a value that it can't have; the text says which, and what it may be."""


def _lang(value: str) -> str:
    value = value.lower()
    if len(value) > _LANG_MAX or not _LANG.issuperset(value) or not value[0].isalpha():
        raise BadQuery("lang: a language tag is wanted, like en or zh")
    return value


def _site(value: str) -> str:
    value = value.strip().lower()
    if len(value) > _SITE_MAX or not value.isprintable() or any(c in "/ \\@?#" for c in value):
        raise BadQuery("site: a host's name is wanted, like news.example")
    return value


def _day_of(name: str) -> Callable[[str], str]:
    def day(value: str) -> str:
        try:
            known = date.fromisoformat(value).isoformat()
        except ValueError:
            known = ""
        if known != value:  # Python reads other forms, too
            raise BadQuery(f"{name}: a day is wanted, like 2026-01-05")
        return value

    return day


def _search(value: str) -> str:
    if len(value) > SEARCH_MAX:
        raise BadQuery(f"q: at most {SEARCH_MAX} characters are searched for")
    if value.count("*") > STARS_MAX:
        raise BadQuery(f"q: at most {STARS_MAX} * are understood")
    if not value.isprintable():
        raise BadQuery("q: letters and * are wanted")
    return value.strip()


def _number(name: str, most: int) -> Callable[[str], int]:
    def number(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and len(value) < 12 and int(value) <= most):
            raise BadQuery(f"{name}: a number from 0 to {most} is wanted")
        return int(value)

    return number


def _one_of(name: str, choices: Sequence[str]) -> Callable[[str], str]:
    def one(value: str) -> str:
        if value not in choices:
            raise BadQuery(f"{name}: one of {', '.join(choices)} is wanted")
        return value

    return one


def _known(value: str) -> str:
    raise BadQuery("known: levels of knowledge are not kept by this version")


def _by(value: str) -> tuple[str, ...]:
    groups = value.split(",")
    if not set(groups) <= set(GROUPS):
        raise BadQuery(f"by: {' and '.join(GROUPS)} are understood, with a comma between")
    return tuple(group for group in GROUPS if group in groups)


_DAYS: dict[str, Callable[[str], Any]] = {name: _day_of(name) for name in ("day", "from", "to")}

_WORDS: dict[str, Callable[[str], Any]] = {
    "lang": _lang,
    "site": _site,
    **_DAYS,
    "q": _search,
    "all": _one_of("all", ("0", "1")),
    "known": _known,
    "sort": _one_of("sort", SORTS),
    "offset": _number("offset", OFFSET_MAX),
    "limit": _number("limit", LIMIT_MAX),
}

#: What names a part of the words, rather than how they are shown.
FILTERS = ("lang", "site", "day", "from", "to", "q", "all")


def _values(pairs: Pairs, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """The parameters' values, judged.

    Raises:
        BadQuery: the first that is unknown, comes twice, or has no value that it can have.
    """
    values: dict[str, Any] = {}
    for name, text in pairs:
        judge = known.get(name)
        if judge is None:
            raise BadQuery(f"{_shown(name)}: no such parameter; there are {', '.join(known)}")
        if text == "":
            continue
        if name in values:
            raise BadQuery(f"{name}: comes twice")
        values[name] = judge(text)
    _judge_days(values)
    return values


def _judge_days(values: Mapping[str, Any]) -> None:
    if "day" in values and ("from" in values or "to" in values):
        raise BadQuery("day: either one day, or from and to")
    if values.get("from", "") > values.get("to", "9999-12-31"):
        raise BadQuery("from: is after to")


def _shown(name: str) -> str:
    name = name if len(name) <= 40 else name[:40] + "…"
    return name if name.isprintable() else ascii(name)


def words(pairs: Pairs) -> tuple[WordQuery, dict[str, Any]]:
    """The query for a list of words, and its filter as answers repeat it."""
    values = _values(pairs, _WORDS)
    query = WordQuery(
        lang=values.get("lang"),
        site=values.get("site"),
        day=values.get("day"),
        from_=values.get("from"),
        to=values.get("to"),
        q=values.get("q") or None,
        everything=values.get("all") == "1",
        limit=values.get("limit", PAGE_ROWS),
        offset=values.get("offset", 0),
        sort=values.get("sort", SORTS[0]),
    )
    if query.everything:
        values["all"] = True
    else:
        values.pop("all", None)
    return query, {name: values[name] for name in FILTERS if values.get(name)}


def coverage(pairs: Pairs) -> CoverageQuery:
    """The query for coverage."""
    values = _values(pairs, {**_DAYS, "by": _by})
    return CoverageQuery(values.get("day"), values.get("from"), values.get("to"), values.get("by", ()))


def nothing(pairs: Pairs) -> None:
    """There are no parameters, or `BadQuery`."""
    if pairs:
        raise BadQuery(f"{_shown(pairs[0][0])}: this page takes no parameters")


def days_of(query: WordQuery | CoverageQuery) -> CoverageQuery:
    """Coverage of the same days: by site or language it would hide what passed unseen."""
    return CoverageQuery(query.day, query.from_, query.to)
