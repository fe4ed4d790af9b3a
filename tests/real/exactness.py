"""What "exact" means, as one function that all tests with kills share.

The theory.  Page *n* has words of its own: one is there once, one twice, one three times.  A load asks for
each page at most once.  Three parties say what became of it:

    origin   sent it whole: ``sent``; it also has the tunnels that were opened
    client   has its last byte: a `Delivery`, with the moment, and the node that brought it (its name in Via)
    store    how often each word was met, and the coverage: `Found`

and these hold, whatever was killed, restarted, full or away:

1. *Nothing in part*: of each page all own words are there, in their proportion, or none is.
2. *Nothing twice*: no page is there more often than the origin sent it.
3. *Nothing lost*: a page that was delivered is there, but for those of the last moments of a node that was
   killed (`Kill`), and for as many as the coverage says were skipped, for reasons that the test allows.
4. *Sums*: the common word was met as often as pages are there, and as the coverage counts.
5. *Coverage adds up*: counted, skipped and unseen are what the origin saw, but for what a kill took along.

Whatever breaks one is told by the page's number.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netsuite.wordproxy.store.contract import CoverageQuery, Share, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.real.parts import Child, children

#: A page is stored within the flush interval (RELIABILITY §3.7), and a moment for the batch to be written.
FLUSH_SECONDS = 1.0
WRITE_SECONDS = 0.5

#: The word of all pages, and the words of each: so often is each there.
COMMON = "tide"
OWN = {"once": 1, "twice": 2, "thrice": 3}

_OF_A_PAGE = re.compile(f"(?:{'|'.join(OWN)})[a-j]{{6,}}")

#: Pages of one fault that are named.
NAMED_MAX = 12


def code(number: int) -> str:
    """A page's number in letters."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:06}")


def body(number: int, more: str = "") -> bytes:
    """A page with its own words."""
    own = " ".join(" ".join([f"{name}{code(number)}"] * times) for name, times in OWN.items())
    return f"<!DOCTYPE html><html lang=en><title>Page</title><p>{COMMON} {own}</p>{more}</html>".encode()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A page that a client has whole.  ``when``: monotonic."""

    number: int
    node: str
    when: float


@dataclass(frozen=True, slots=True)
class Kill:
    """``kill -9`` of a node.  What it had delivered ``seconds`` before, or later, it may have taken along."""

    node: str
    when: float
    seconds: float = FLUSH_SECONDS + WRITE_SECONDS

    def excuses(self, node: str, when: float) -> bool:
        """Whether what this node delivered then may be lost."""
        return node == self.node and when >= self.when - self.seconds


@dataclass(frozen=True, slots=True)
class Pause:
    """A node did not count from ``when`` on, for so many ``seconds``; what was on its way may be there."""

    node: str
    when: float
    seconds: float

    def excuses(self, node: str, when: float) -> bool:
        """Whether what this node delivered then need not be there."""
        return (
            node == self.node
            and self.when - WRITE_SECONDS <= when <= self.when + self.seconds + WRITE_SECONDS
        )


def kill9(node: Child, name: str) -> Kill:
    """The node is gone; the processor time that the machine withheld from it prolongs its last moments."""
    kill = killing(name, [node.pid, *children(node.pid)])
    node.kill9()
    return kill


def killing(name: str, pids: Iterable[int]) -> Kill:
    """What the death of these processes of a node, now, may take along."""
    withheld = sum(map(_waited, pids))
    return Kill(name, time.monotonic(), FLUSH_SECONDS + WRITE_SECONDS + withheld)


def _waited(pid: int) -> float:
    """Seconds for which a process could have run and was not let, since its start (Linux)."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a store says."""

    words: Counter[str]
    share: Share

    @classmethod
    def of(cls, where: str) -> Found:
        """What the store at ``where`` says, opened beside whoever uses it."""
        store = open_store(where, read_only=True)
        try:
            listed = store.words(WordQuery(everything=True, limit=0)).words
            words: Counter[str] = Counter()
            for word in listed:
                words[word.word] += word.occurrences
            return cls(words, store.coverage(CoverageQuery()).total)
        finally:
            store.close()

    def times(self, number: int) -> list[int]:
        """How often the page seems to be there, by each of its words."""
        return [self.words[f"{name}{code(number)}"] // times for name, times in OWN.items()]

    def is_whole(self, number: int) -> bool:
        """Its words are there in their proportion."""
        own = [(self.words[f"{name}{code(number)}"], times) for name, times in OWN.items()]
        return all(met == times * own[0][0] for met, times in own)


@dataclass(slots=True)
class Told:
    """What origin and clients say of a load; ``tunnels``: opened, as both agree; moments are monotonic."""

    sent: Mapping[int, int]
    delivered: Sequence[Delivery]
    tunnels: Sequence[float] = ()
    faults: list[str] = field(default_factory=list)

    def complain(self, what: str, numbers: Iterable[int]) -> None:
        """A fault, if there are any such pages."""
        named = sorted(numbers)
        if named:
            shown = ", ".join(map(str, named[:NAMED_MAX])) + (", …" if len(named) > NAMED_MAX else "")
            self.faults.append(f"{what}: {len(named)} pages ({shown})")


def faults(
    told: Told, found: Found, kills: Sequence[Kill | Pause] = (), reasons: Collection[str] = ()
) -> list[str]:
    """What is not exact; nothing if all is.  ``reasons``: for which pages may have been skipped."""
    told.faults = []
    pages = set(told.sent)
    whole = {number for number in pages if found.is_whole(number)}
    times = {number: found.times(number)[0] for number in pages}
    told.complain("in part", pages - whole)
    told.complain("more often than sent", (n for n in whole if times[n] > told.sent[n]))
    _lost(told, found, {n for n in pages if times[n] or n not in whole}, kills, reasons)
    _sums(told, found, sum(times.values()), kills)
    return told.faults


def _lost(
    told: Told, found: Found, there: set[int], kills: Sequence[Kill | Pause], reasons: Collection[str]
) -> None:
    """Rule 3."""
    missing = [each for each in told.delivered if each.number not in there]
    unexcused = {
        each.number for each in missing if not any(kill.excuses(each.node, each.when) for kill in kills)
    }
    told.complain("delivered by no node", (each.number for each in told.delivered if not each.node))
    for reason in set(found.share.skipped) - set(reasons):
        told.faults.append(f"skipped, {reason}: {found.share.skipped[reason]} pages")
    if len(unexcused) > sum(found.share.skipped.values()):
        told.complain("delivered and lost", unexcused)


def _sums(told: Told, found: Found, there: int, kills: Sequence[Kill | Pause]) -> None:
    """Rules 4 and 5."""
    share = found.share
    if not there == share.counted == found.words[COMMON]:
        told.faults.append(
            f"sums: {there} pages by their words, {share.counted} counted, "
            f"{found.words[COMMON]} times {COMMON!r}"
        )
    others = set(found.words) - {f"{name}{code(n)}" for n in told.sent for name in OWN}
    if strange := sorted(filter(_OF_A_PAGE.fullmatch, others)):
        told.faults.append(f"words of pages not sent: {strange[:NAMED_MAX]}")
    delivered = {each.number for each in told.delivered}
    taken = sum(any(kill.excuses(each.node, each.when) for kill in kills) for each in told.delivered)
    broken = len(set(told.sent) - delivered) if kills else 0
    gone = sum(told.sent.values()) - share.counted - sum(share.skipped.values())
    if not 0 <= gone <= taken + broken:
        told.faults.append(
            f"coverage: {sum(told.sent.values())} sent, {share.counted} counted, {dict(share.skipped)} "
            f"skipped; {taken} may be lost with a kill, {broken} broken off"
        )
    after = min((kill.when - kill.seconds for kill in kills), default=float("inf"))
    if not sum(when < after for when in told.tunnels) <= share.unseen <= len(told.tunnels):
        told.faults.append(f"coverage: {len(told.tunnels)} tunnels, {share.unseen} unseen")
