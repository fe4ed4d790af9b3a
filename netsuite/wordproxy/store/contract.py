"""What every store of counted words takes and answers; the values have no behaviour of their own.

A store is told what was counted in batches and asked in queries.  Numbers come in two sorts: of the
*main text* of pages, and of *everything*, boilerplate (menus, footers) included.  Both are kept, a
query chooses.  The rules that all stores share:

* ``occurrences`` of a word are sums over all visits of all pages.
* ``pages`` of a word are distinct pages: one that is visited again adds occurrences and no page.
  In the view of the main text only pages count that have the word in their main text.  A query for a
  day or a range of days counts the distinct pages of those days.
* A page is known by its digest and language; served in two languages it is two pages.
* ``first`` and ``last`` of a word are its own whole history, whatever days a query asks for.
* A batch applies whole or not at all, and never twice (see `Batch`).
* After `Store.retain` numbers stay and addresses are gone: a page that is met again counts as new, and one
  that was visited on several days of a range counts once for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

#: The ways a word list can be sorted; each has one direction, the one that people want.
SORTS = ("occurrences", "pages", "word", "first", "last")

#: The ways coverage can be broken down.
GROUPS = ("day", "host")

#: Outcomes of `Note` that are no reason for a skipped page.  ``counted`` is the store's own.
COUNTED, UNSEEN, PAUSED = "counted", "unseen", "paused"


class StoreFault(Exception):  # noqa: N818 - faults are what the journal and the options call them, too
    """The store can't do what was asked; the text is one line: what, where, how to mend it."""


class Page(msgspec.Struct, array_like=True, frozen=True):
    """One visit of one page, counted."""

    sequence: int
    digest: bytes  #: 16 bytes, a keyed digest of the whole URL
    host: str
    url: str | None  #: as shown: without query, ``?…`` where there was one; None: keep counts only
    title: str | None
    lang: str
    day: str  #: the machine's local day, ``2026-01-05``
    when: float  #: seconds since the epoch, UTC
    forms: list[tuple[str, str, int, int]]  #: form as shown, key, occurrences in main text, in the rest


class Note(msgspec.Struct, array_like=True, frozen=True):
    """Something that was not counted: ``outcome`` is "unseen", "paused" or a reason for skipping."""

    sequence: int
    day: str
    host: str
    outcome: str
    amount: float = 1  #: pages, tunnels, or seconds of "paused"


class Batch(msgspec.Struct, array_like=True, frozen=True):
    """Pages and notes of one node; what has a sequence that the store has seen of that node is ignored."""

    node: str
    last: int  #: the highest sequence handled
    pages: list[Page]
    notes: list[Note]


@dataclass(frozen=True, slots=True)
class Span:
    """Which days: one, or from one to another, both included; all None: every day."""

    day: str | None = None
    from_: str | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True)
class WordQuery:
    """Which words, and in which order.  ``everything``: stop lists off, boilerplate counted."""

    lang: str | None = None
    site: str | None = None
    day: str | None = None
    from_: str | None = None
    to: str | None = None
    q: str | None = (
        None  #: part of a word; with ``*`` a pattern for the whole of it; case and accents don't matter
    )
    everything: bool = False
    known: str | None = None  #: levels of knowledge are not kept yet: only None is answered
    limit: int = 100  #: 0: all
    offset: int = 0
    sort: str = "occurrences"  #: one of `SORTS`


@dataclass(frozen=True, slots=True)
class CoverageQuery:
    """Which days' coverage, also broken down ``by`` some of `GROUPS`."""

    day: str | None = None
    from_: str | None = None
    to: str | None = None
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which of the pages whose addresses are still kept; newest visit first."""

    lang: str | None = None
    site: str | None = None
    day: str | None = None
    from_: str | None = None
    to: str | None = None
    limit: int = 100  #: 0: all
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the list, in the form that was met most often."""

    word: str
    lang: str
    occurrences: int
    pages: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Total:
    """Sums over all words that a query fits; ``pages``: distinct pages read, whichever words they hold."""

    occurrences: int = 0
    distinct: int = 0
    pages: int = 0


@dataclass(frozen=True, slots=True)
class WordList:
    """The words asked for, and the totals of all that fit."""

    total: Total
    words: list[Word]


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page as met; ``url`` and ``title`` are None where only counts may be kept."""

    url: str | None
    title: str | None
    host: str
    lang: str
    first: str
    last: str
    visits: int


@dataclass(frozen=True, slots=True)
class PageList:
    """The pages asked for, and how many fit."""

    total: int
    pages: list[PageRow]


@dataclass(frozen=True, slots=True)
class Share:
    """One sum of outcomes: what was counted, what passed unseen, what was skipped and why."""

    counted: int = 0
    unseen: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    paused_seconds: float = 0.0
    unseen_hosts: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the numbers are worth: the sum, and the parts by ``(day, host)``, "" for what was not asked."""

    total: Share
    parts: list[tuple[str, str, Share]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sources:
    """The languages and sites that words came from, those with most pages first: ``(name, pages)``."""

    langs: list[tuple[str, int]]
    sites: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Status:
    """How the store is: where it is, its schema's version, how much it holds.

    ``server``: of a store on a server, which one and how full; else "".
    """

    where: str
    schema: int
    words: int
    pages: int
    size_bytes: int
    server: str = ""


class Store(Protocol):
    """Where counted words are kept.  Calls block, come from one thread, and raise `StoreFault`."""

    def add(self, batch: Batch) -> None:
        """The batch is kept, durably and once; or nothing of it is."""

    def words(self, query: WordQuery) -> WordList:
        """The words that fit, sorted, with their totals."""

    def coverage(self, query: CoverageQuery) -> Coverage:
        """What was counted on those days, and what was not and why."""

    def pages(self, query: PageQuery) -> PageList:
        """The pages that fit, newest visit first."""

    def sources(self, *, limit: int = 500) -> Sources:
        """The languages and sites to choose from, at most ``limit`` of each."""

    def status(self) -> Status:
        """How the store is; answers soon at any size."""

    def retain(self, before_day: str) -> None:
        """Addresses, titles and digests of pages last met before that day are gone; numbers stay."""

    def close(self) -> None:
        """Nothing is open any more.  A closed store stays closed."""
