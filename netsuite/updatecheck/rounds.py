"""A page visited round by round: what is remembered, what its server's validators are worth, what is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from netsuite.client.url import Url

from . import judge
from .diff import diff
from .judge import Change, Verdict
from .state import Entry
from .tally import Tally, counted, has_validators_of, verified
from .visit import Came, Known, Lost, Sent

#: Ids of a feed's items that are remembered: old ones come back where servers disagree.
ITEMS_MAX = 2000


class Asks(Protocol):
    """Who asks, so that tests can answer."""

    async def ask(self, url: Url, sent: Sent, at: str | None = None) -> Came | Lost:
        """Return what comes."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """One visit, as it is told.  ``before``: what was remembered."""

    url: Url
    before: Known | None
    sent: Sent
    came: Came | Lost
    verdict: Verdict
    tally: Tally
    diff: tuple[str, ...] = ()

    @property
    def is_first(self) -> bool:
        """Whether there was nothing to compare with."""
        return self.verdict.by == "first"


@dataclass(frozen=True, slots=True)
class Manner:
    """How pages are visited.  ``lens``: its name; ``verify``: look behind 304s; ``text``: it is kept."""

    lens: str = ""
    verify: bool = False
    diff: bool = False
    text: bool = False


class Page:
    """One URL; ``entry`` is what is remembered of it, and changes with each visit."""

    def __init__(
        self, asks: Asks, url: Url, manner: Manner, clock: Callable[[], float], entry: Entry | None = None
    ) -> None:
        self._asks, self.url, self._manner, self._clock = asks, url, manner, clock
        self.entry = entry

    async def begin(self, at: str | None = None) -> Told:
        """Return what the first visit gives: nothing to compare with, and why, if it can't be remembered."""
        came = await self._asks.ask(self.url, Sent(), at)
        verdict = judge.first(came)
        tally = Tally()
        if verdict is None and isinstance(came, Came):
            tally = counted(tally, None, Sent(), came)
            self.entry = Entry(self._known(came), tally)
            verdict = Verdict(Change.UNKNOWN, "first", judge.FIRST, "", "unknown")
        if verdict is None:
            raise RuntimeError("an answer is lost or came")
        return Told(self.url, None, Sent(), came, verdict, tally)

    async def visit(self, at: str | None = None) -> Told:
        """Return what a visit gives that compares with what is remembered."""
        if self.entry is None:
            return await self.begin(at)
        known, tally = self.entry.known, self.entry.tally
        sent = known.validators
        came = await self._asks.ask(self.url, sent, at)
        verdict = judge.verdict(known, sent, came, self._manner.lens)
        body: Came | Lost = came
        if isinstance(came, Came) and verdict.change is not Change.UNKNOWN:
            looks = self._manner.verify and came.status == 304 and tally.wants_verifying
            tally = counted(tally, known, sent, came)
            if looks:
                verdict, tally, body = await self._behind(known, tally, verdict, at)
        lines = self._diff(known, body) if verdict.change is Change.YES else ()
        self._remember(known, tally, verdict, body)
        return Told(self.url, known, sent, came, verdict, tally, lines)

    async def _behind(
        self, known: Known, tally: Tally, before: Verdict, at: str | None
    ) -> tuple[Verdict, Tally, Came | Lost]:
        """Return the same after the page was asked for without conditions, though the server said 304."""
        look = await self._asks.ask(self.url, Sent(), at)
        verdict = judge.verdict(known, Sent(), look, self._manner.lens)
        if not isinstance(look, Came) or verdict.change is Change.UNKNOWN:
            return before, tally, look
        insists = False
        if look.sha256 != known.sha256 and not has_validators_of(known, look):
            again = await self._asks.ask(self.url, known.validators, at)
            insists = isinstance(again, Came) and again.status == 304
        lies = tally.counts.get("lying_304", 0)
        tally = verified(tally, known, look, insists=insists)
        if verdict.change is not Change.YES:
            return before, tally, look
        lied = tally.counts.get("lying_304", 0) > lies
        told = "the 304 was a lie" if lied else "meanwhile"
        more = f"Asked for without conditions, the body differs: the page changed, {told}."
        return replace(verdict, by="verify", line=before.line, more=more), tally, look

    def _remember(self, known: Known, tally: Tally, verdict: Verdict, body: Came | Lost) -> None:
        new = verdict.change is not Change.UNKNOWN or verdict.by == "lens change"
        if new and isinstance(body, Came) and body.status == 200:
            known = self._known(body, known.items)
        self.entry = Entry(known, tally)

    def _known(self, came: Came, items: tuple[str, ...] = ()) -> Known:
        """Return what is to be remembered; ``items``: of a feed, what it had before and may have again."""
        known = Known.of(came, self._manner.lens, self._clock(), text=self._manner.text)
        return replace(known, items=tuple(dict.fromkeys((*known.items, *items)))[:ITEMS_MAX])

    def _diff(self, known: Known, body: Came | Lost) -> tuple[str, ...]:
        if not self._manner.diff or not isinstance(body, Came) or body.seen is None:
            return ()
        if known.text is None:
            return ("(the text before was not kept, so there is no difference to show)",)
        return tuple(diff(known.text, body.seen.text))


def decisive(told: Sequence[Told]) -> Told:
    """Return the round that counts: one without an answer, else a change, else the last."""
    failed = [each for each in told if each.verdict.change is Change.UNKNOWN]
    changed = [each for each in told if each.verdict.change is Change.YES]
    found = (failed or changed or [told[-1]])[0]
    return replace(found, tally=told[-1].tally)
