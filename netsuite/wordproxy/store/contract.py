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
* A site whose language was corrected (`Store.set_site_lang`) has had that language always.
* Levels of knowledge are the user's own: they outlive retention, and a word may have one before it is met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from netsuite.storefault import StoreFault as StoreFault

if TYPE_CHECKING:  # relays know this contract, and have no use for numpy
    import numpy
    from numpy.typing import NDArray

    Occurrences: TypeAlias = NDArray[numpy.int64]

#: The ways a word list can be sorted; each has one direction, the one that people want.
SORTS = ("occurrences", "pages", "word", "first", "last")

#: The ways coverage can be broken down.
GROUPS = ("day", "host")

#: Outcomes in the coverage that are no reason for a skipped page.  Those of pages are the store's own, by
#: where the page came from (`Page.source`) or for a `Revisit` that was counted again.
COUNTED, RECOUNTED, INGESTED, IMPORTED = "counted", "recounted", "ingested", "imported"
UNSEEN, PAUSED = "unseen", "paused"

#: How well a word is known, from least; the first is that of a word of which nothing was said.
LEVELS = ("new", "learning", "known", "ignored")

#: What `WordQuery.known` may ask for beside one of `LEVELS`: new or learning.
UNKNOWN = "unknown"

#: Sentences that a store keeps of one word; an older one makes room for a new one.
CONTEXTS_MAX = 10

#: Days that a silent node's last sequence is remembered; its spool must be sent or empty by then.
NODE_DAYS = 30

#: What the id of a node that stands for an imported file begins with; such a node is remembered for good.
FILE_NODE = "file:"

#: What breakdowns can be by.
BREAKDOWNS = ("day", "site", "lang")


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
    #: form as shown, key, occurrences in main text, in the rest; it may be `words.forms.Forms`
    forms: Sequence[tuple[str, str, int, int]]
    contexts: list[tuple[str, str]] = []  #: key, a sentence of the page with it; words may share one
    names: list[str] = []  #: keys that stand capitalised in the midst of a sentence
    source: str = COUNTED  #: or INGESTED, IMPORTED


class Revisit(msgspec.Struct, array_like=True, frozen=True):
    """A page was met that had not changed (304): what its last visit counted is counted again.

    The store notes it as RECOUNTED, or as "not modified" where it has no such page.
    """

    sequence: int
    digest: bytes
    host: str
    day: str
    when: float


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
    revisits: list[Revisit] = []


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
    known: str | None = None  #: one of `LEVELS`, or UNKNOWN
    names: bool = True  #: False: probable names are left out
    lemma: bool = (
        False  #: forms of one base are one word: its base is shown, pages are those of its best form
    )
    page: str | None = (
        None  #: a page's ``id``: only the words of its latest visit, and how often they are there
    )
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
    id: str | None = None  #: of one page
    limit: int = 100  #: 0: all
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ContextQuery:
    """Which sentences of a word; newest first."""

    key: str
    lang: str
    site: str | None = None
    limit: int = CONTEXTS_MAX


@dataclass(frozen=True, slots=True)
class BreakdownQuery:
    """What was read, ``by`` one of `BREAKDOWNS`: days newest first, else most occurrences first.

    A part is a day, site or language of which pages were read; of one word, where it has an occurrence in the
    text that is asked about.  Stop words are in all numbers: this is what was read.
    """

    by: str
    lang: str | None = None
    site: str | None = None
    day: str | None = None
    from_: str | None = None
    to: str | None = None
    everything: bool = False
    word: str | None = None  #: a key: of this word in ``lang`` alone
    limit: int = 100  #: 0: all
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the list, in the form that was met most often.

    ``is_name``: it was capitalised in the midst of a sentence, and never met in small letters (not told of
    German, which capitalises nouns).
    """

    word: str
    lang: str
    occurrences: int
    pages: int
    first: str
    last: str
    key: str = field(default="", compare=False)  #: in a list by base forms the base, whose level this is, too
    known: str = LEVELS[0]
    is_name: bool = False


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
class Pair:
    """A word with its occurrences under two questions."""

    word: str
    lang: str
    left: int
    right: int
    key: str = field(default="", compare=False)
    known: str = LEVELS[0]
    is_name: bool = False


#: Gets the words' occurrences under two questions, in one order, and then how many there are of all words,
#: those that are left out included; says which places are to be named, in which order.
Choose: TypeAlias = "Callable[[Occurrences, Occurrences, int, int], Sequence[int]]"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """How well one word is known: one of `LEVELS`."""

    key: str
    lang: str
    level: str


@dataclass(frozen=True, slots=True)
class Known:
    """How much of some text is known; ``known`` and "ignored" words count as known.

    ``occurrences`` and ``distinct`` are of main text, stop words included: shares are of both, by name.
    """

    occurrences: int = 0
    known_occurrences: int = 0
    distinct: int = 0
    known_distinct: int = 0


@dataclass(frozen=True, slots=True)
class WordFacts:
    """All of one word: forms with their occurrences, the most frequent first."""

    word: Word
    forms: list[tuple[str, int]]
    other_occurrences: int  #: in boilerplate


@dataclass(frozen=True, slots=True)
class Context:
    """A word in its sentence.  ``url``, ``title``, ``page`` are None where the page's address is not kept."""

    sentence: str
    host: str
    day: str
    url: str | None
    title: str | None
    page: str | None  #: its ``id``


@dataclass(frozen=True, slots=True)
class Part:
    """One day, site or language of a breakdown.

    ``new``: words of it that it has on their own first day; met at two sites that day, a word is new at both.
    """

    name: str
    occurrences: int
    distinct: int
    pages: int
    new: int
    known: Known = field(default_factory=Known)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The parts asked for, and how many there are."""

    total: int
    parts: list[Part]


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
    id: str = field(default="", compare=False)  #: its digest in hexadecimal, a colon, its language
    known: Known = field(default_factory=Known, compare=False)  #: of its latest visit


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
    recounted: int = 0
    ingested: int = 0
    imported: int = 0


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


@dataclass(frozen=True, slots=True)
class Forget:
    """What is to be forgotten; exactly one thing is said.

    ``word``: a key in ``lang``.  ``page``: an ``id``.  ``host``: also its name in the coverage.
    ``day``: all of that day.  ``everything``: all but the levels of knowledge, and these too where
    ``levels`` says so.
    """

    word: str | None = None
    lang: str | None = None
    page: str | None = None
    host: str | None = None
    day: str | None = None
    everything: bool = False
    levels: bool = False


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

    def last(self, node: str) -> int:
        """The highest sequence that is kept of a node, 0 if none is."""

    def retain(self, before_day: str) -> None:
        """Addresses, titles, digests and sentences of pages last met before that day are gone; numbers stay.

        Also gone are nodes that were silent for `NODE_DAYS`, but those of imported files.
        """

    def renew(self) -> bool:
        """A step of tenths of a second is done of what makes reports quick; False: there was none to do.

        No answer depends on it, only how soon it comes.
        """

    def close(self) -> None:
        """Nothing is open any more.  A closed store stays closed."""

    def word(self, key: str, lang: str) -> WordFacts | None:
        """All of one word, None if it was never met."""

    def version(self) -> object | None:
        """Another whenever anything was written, by whomever; None where the store can't tell at once."""

    def compare(self, left: WordQuery, right: WordQuery, choose: Choose) -> list[Pair]:
        """The words that ``choose`` takes of all that fit one of two questions.

        Questions of a page or for base forms can't be compared; how they are sorted does not matter.
        """

    def contexts(self, query: ContextQuery) -> list[Context]:
        """Sentences with the word, newest first; none once retention has removed them."""

    def breakdown(self, query: BreakdownQuery) -> Breakdown:
        """What was read, by day, site or language, with how much of it is known."""

    def levels(self, lang: str | None = None) -> list[Knowledge]:
        """All words of which a level was said, by language and key; met or not."""

    def set_levels(self, words: Sequence[Knowledge]) -> list[Knowledge]:
        """The words have these levels, all or none; the levels that they had before, for an undo."""

    def site_langs(self) -> dict[str, str]:
        """The sites whose language was corrected."""

    def set_site_lang(self, host: str, lang: str | None) -> None:
        """All pages of the site, met or to come, are in ``lang``; None: those to come tell theirs again."""

    def forget(self, what: Forget) -> int:
        """It is gone with all its numbers, its bytes too; how many pages or words that were.

        A word goes with every sentence and title that has it.  What is met again is counted again.
        """
