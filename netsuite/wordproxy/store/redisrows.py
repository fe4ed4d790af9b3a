"""The values that a store in Redis holds, as MessagePack arrays, and what one visit makes of them.

A *tally* is a word's numbers at one place: one day, language and host.  What each page gave to it is kept
with the page (`Day`), so that a page can be taken out again, or moved to another language, exactly: what
changes is always what the page gave before, negated, and what it gives now.  A word's own row is the sum of
its tallies.

Forms are kept only where they are not the key: how often the key itself stood there is what remains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import add as _plus
from typing import Any, TypeAlias

import msgspec

from netsuite.words.segment import is_small

#: Marks of a word on a page and day: the page is new for it in main text, or in any; it is a name there.
NEW, ALL_NEW, NAMED = 1, 2, 4

#: Where the parts of a tally stand: occurrences; pages of the day, pages that were new then, in main text or
#: in any; pages on which it is a name; occurrences in small letters.  Forms and their times follow.
MAIN, OTHER, PAGES, ALL_PAGES, NEW_PAGES, ALL_NEW_PAGES, NAMES, SMALL = range(8)

#: Where a word's row differs: its pages are those that were new, and it has its first and last day.
FIRST, LAST = 4, 5

#: Numbers that stand before the forms of a word or a tally.
NUMBERS = 8


class Met(msgspec.Struct, array_like=True):
    """A word on a page on a day: occurrences, `NEW` and the like, and forms that are not the key."""

    key: str
    main: int
    other: int
    marks: int = 0
    forms: dict[str, int] = {}


class Day(msgspec.Struct, array_like=True):
    """All visits of a page on one day: ``outcomes`` are what they are in the coverage.

    ``latest``: the words of the last visit alone, None where the day had one.
    """

    visits: int = 0
    is_new: bool = False
    seen: int = 0
    url: str | None = None
    title: str | None = None
    outcomes: dict[str, int] = {}
    words: list[Met] = []
    latest: list[Met] | None = None


class Facts(msgspec.Struct, array_like=True):
    """A page, as its days sum up: ``url`` and ``title`` are those of the newest day that has one.

    ``texts`` are the addresses and titles of other days that differ.
    """

    host: str
    url: str | None
    title: str | None
    first: int
    last: int
    seen: int
    visits: int
    texts: list[str] = []


class TallyHead(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a tally, as it is read by the thousands."""

    main: int
    other: int
    pages: int
    all_pages: int
    new: int
    all_new: int


class WordHead(msgspec.Struct, array_like=True, gc=False):
    """The beginning of a word's row."""

    main: int
    other: int
    pages: int
    all_pages: int
    first: int
    last: int


class Sentence(msgspec.Struct, array_like=True):
    """A sentence of a page, the day it was first met there, and the words that it shows.

    ``order`` grows with each sentence that the store gets.
    """

    page: str
    host: str
    day: int
    order: int
    text: str
    keys: list[str]


#: A word or tally: numbers, then a form and its times by turns.
Row: TypeAlias = list[int | str]

encode = msgspec.msgpack.encode
facts_of = msgspec.msgpack.Decoder(Facts).decode
day_of = msgspec.msgpack.Decoder(Day).decode
sentence_of = msgspec.msgpack.Decoder(Sentence).decode
numbers_of = msgspec.msgpack.Decoder(list[int]).decode
numbers_or_none_of = msgspec.msgpack.Decoder(list[int | None]).decode
texts_of = msgspec.msgpack.Decoder(list[str]).decode

tally_heads_of = msgspec.msgpack.Decoder(list[TallyHead]).decode
word_heads_of = msgspec.msgpack.Decoder(list[WordHead]).decode
row_of = msgspec.msgpack.Decoder(Row).decode
rows_of = msgspec.msgpack.Decoder(list[Row | None]).decode


def text(data: bytes) -> msgspec.Raw:
    """Bytes as a part of what is encoded, of the kind that Redis's decoder knows: a string."""
    size = len(data)
    if size < 256:
        return msgspec.Raw(_HEADS[size] + data)
    return msgspec.Raw(b"\xdb" + size.to_bytes(4, "big") + data)


_HEADS = [b"\xd9" + bytes((size,)) for size in range(256)]


#: What is added to a word's numbers, at one place or by place; and to its forms, as in `Met`.
Added: TypeAlias = tuple[list[int], dict[str, int]]


def packed(added: Added) -> Row:
    """The row as it is kept."""
    numbers, forms = added
    row: Row = [*numbers]
    if not forms:
        return row
    for form, times in forms.items():
        if times:
            row += (form, times)
    return row


def field_of(text: str) -> str:
    """``text`` for a name of several parts, which NULs keep apart."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def count(tallies: dict[str, Added], words: Iterable[Met], sign: int) -> None:
    """The tallies of a place have what a page gives to it on a day, or no longer (``sign`` -1)."""
    for met in words:
        key, main, other, marks = met.key, met.main, met.other, met.marks
        small = left = main + other
        if met.forms:
            for form, times in met.forms.items():
                left -= times
                if not is_small(form):
                    small -= times
        if left and not is_small(key):
            small -= left
        new = [
            sign * main,
            sign * other,
            sign if main else 0,
            sign,
            sign if marks & NEW else 0,
            sign if marks & ALL_NEW else 0,
            sign if marks & NAMED else 0,
            sign * small,
        ]
        added = tallies.get(key)
        if added is None:
            tallies[key] = new, {form: sign * times for form, times in met.forms.items()} if met.forms else {}
        else:
            add(added, new, met.forms, sign)


def add(added: Added, numbers: Iterable[int], forms: Mapping[str, int], sign: int = 1) -> None:
    """These numbers, and so many times the sign of these forms, are added, too."""
    sums, shown = added
    sums[:] = map(_plus, sums, numbers)
    for form, times in forms.items():
        shown[form] = shown.get(form, 0) + sign * times


def facts(host: str, days: Mapping[int, Day]) -> Facts:
    """The page that has these days."""
    told = Facts(host, None, None, min(days), max(days), 0, 0)
    for _, day in sorted(days.items()):
        told.url, told.title = day.url or told.url, day.title or told.title
        told.seen = max(told.seen, day.seen)
        told.visits += day.visits
    texts = {text for day in days.values() for text in (day.url, day.title) if text}
    told.texts = sorted(texts - {told.url, told.title})
    return told


def forms(key: str, row: Row) -> list[tuple[str, int]]:
    """The forms of a word's row and how often each was met, the most frequent first."""
    numbers: list[Any] = row[:NUMBERS]
    shown: list[Any] = row[NUMBERS:]
    found: list[tuple[str, int]] = list(zip(shown[::2], shown[1::2], strict=True))
    left = numbers[MAIN] + numbers[OTHER] - sum(times for _, times in found)
    if left:
        found.append((key, left))
    return sorted(found, key=lambda form: (-form[1], form[0]))


def latest(days: Mapping[int, Day]) -> list[Met]:
    """The words of a page's latest visit."""
    day = days[max(days)]
    return day.words if day.latest is None else day.latest


def visit_words(forms: Iterable[tuple[str, str, int, int]], names: Iterable[str]) -> dict[str, Met]:
    """The words of one visit by key; what has no number is left out."""
    words: dict[str, Met] = {}
    for form, key, main, other in forms:
        if not main and not other:
            continue
        key = field_of(key)
        met = words.get(key)
        if met is None:
            met = words[key] = Met(key, main, other, 0, {})
        else:
            met.main += main
            met.other += other
        if form != key:
            met.forms[form] = met.forms.get(form, 0) + main + other
    for key in names:
        if key in words:
            words[key].marks |= NAMED
    return words


def merge(words: dict[str, Met], more: Iterable[Met]) -> None:
    """``words`` have the occurrences, forms and names of ``more``; which pages are new is for `settle`."""
    for met in more:
        old = words.get(met.key)
        if old is None:
            words[met.key] = Met(met.key, met.main, met.other, met.marks & NAMED, dict(met.forms))
            continue
        old.main += met.main
        old.other += met.other
        old.marks |= met.marks & NAMED
        for form, times in met.forms.items():
            old.forms[form] = old.forms.get(form, 0) + times


def settle(days: Mapping[int, Day]) -> None:
    """Of each word exactly one day is the page's new one, in main text and in all; of the page, too.

    A day that was it before stays it.
    """
    claimed: dict[tuple[str, int], bool] = {}
    for rank in (True, False):  # days that have the mark, then the others from the first on
        for _, day in sorted(days.items()):
            for met in day.words:
                for mark, is_meant in ((NEW, met.main > 0), (ALL_NEW, True)):
                    if rank == bool(met.marks & mark):
                        is_mine = is_meant and claimed.setdefault((met.key, mark), True)
                        if is_mine:
                            claimed[met.key, mark] = False
                            met.marks |= mark
                        else:
                            met.marks &= ~mark
    has_new = False
    for _, day in sorted(days.items(), key=lambda item: (not item[1].is_new, item[0])):
        day.is_new, has_new = not has_new, True
