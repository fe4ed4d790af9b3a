"""From what is remembered and what came to a verdict: unchanged, changed, or neither.

The first rule that fits decides, and it is named in ``by``.  *Changed* needs a whole answer with status 200,
of the kind and from the host of the remembered one, not empty, and no page that stands in the way.  A
refusal, a block page, a captive portal, an error, a cut body are never a change: each is told as what it is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from netsuite.outcome import Outcome

from .visit import Came, Known, Lost, Sent, same_kind


class Change(enum.Enum):
    """The three answers."""

    NO = False
    YES = True
    UNKNOWN = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``by``: the rule; ``line``: the tutorial's sentence; ``more``: what that leaves open.

    ``cause``, ``detail``: of the table of outcomes, None for *unchanged*.
    """

    change: Change
    by: str
    line: str
    more: str = ""
    cause: str | None = None
    detail: str | None = None


#: The tutorial's words.
UNCHANGED = "Page is unchanged."
CHANGED = "Page changed (or server does not support conditional requests)."
UNEXPECTED = "Unexpected response."
FIRST = "First visit: nothing to compare with."


def second(status: int, text: str, which: str = "Second") -> str:
    """Return the tutorial's line."""
    return f"{which} request returned status {status}: {text}"


def first(came: Came | Lost) -> Verdict | None:
    """Return why an answer is nothing to compare with, None if it is something."""
    if isinstance(came, Lost):
        return Verdict(Change.UNKNOWN, came.cause, f"Error {came.text}", "", came.cause, came.detail)
    return _no_page(came, None, "First")


def verdict(known: Known, sent: Sent, came: Came | Lost, lens: str) -> Verdict:
    """Return what an answer says of a page that is remembered."""
    if isinstance(came, Lost):
        return Verdict(Change.UNKNOWN, came.cause, f"Error {came.text}", "", came.cause, came.detail)
    if came.status == 304:
        if not sent.any:
            more = "A 304 without conditions in the request says nothing."
            return Verdict(Change.UNKNOWN, "unasked 304", second(304, UNEXPECTED), more, "unknown")
        return Verdict(Change.NO, "304", second(304, UNCHANGED))
    if (wrong := _no_page(came, known, "Second")) is not None:
        return wrong
    return _compared(known, sent, came, lens)


def _no_page(came: Came, known: Known | None, which: str) -> Verdict | None:
    """Return why an answer is no state of the page, None if it is one."""

    def no(by: str, more: str, cause: str) -> Verdict:
        return Verdict(Change.UNKNOWN, by, second(came.status, UNEXPECTED, which), more, cause)

    if came.wall is not None and came.wall != (known.wall if known else None):
        told = f"By its words ({came.wall_words!r}) this is {came.wall}: no change."
        return no("block page", told, "declined" if came.wall_declines or came.status >= 400 else "unknown")
    if came.status >= 400:
        outcome = Outcome.of_status(came.status, retry_after=came.retry_after is not None)
        return no("status", f"{came.reason}: this says nothing of the page.", str(outcome.cause))
    if came.status != 200:
        return no("status", f"{came.reason or came.status} is no answer that can be compared.", "unknown")
    if known is not None and not same_kind(known.media_type, came.media_type):
        return no(
            "type", f"It was {known.media_type}, and now is {came.media_type}: another page.", "unknown"
        )
    if known is not None and known.host and came.host != known.host:
        return no("host", f"{came.host} answered, and before {known.host}: a portal perhaps.", "unknown")
    if came.size == 0 and (known is None or known.size):
        return no("empty", "The body is empty.", "unknown")
    if came.unfit is not None:
        return no("lens", f"{came.unfit[:1].upper()}{came.unfit[1:]}.", "unknown")
    return None


def _compared(known: Known, sent: Sent, came: Came, lens: str) -> Verdict:
    line = second(came.status, CHANGED)
    ignores = "Server ignores conditional requests" if sent.any else "Server sends nothing to ask by"
    short = f"sha256 {came.sha256[:8]}…"
    if came.sha256 == known.sha256:
        more = f"{ignores}: the body is identical ({short}), so the page is unchanged."
        return Verdict(Change.NO, "body", line, more)
    if known.lens != lens:
        more = "What is compared is chosen otherwise than before: nothing to compare with."
        return Verdict(Change.UNKNOWN, "lens change", line, more, "unknown")
    seen = came.seen
    if seen is not None and seen.items is not None:
        new = [item for item in seen.items if item not in set(known.items)]
        if new:
            told = (
                f"The feed has {len(new)} new item{'s' if len(new) > 1 else ''}: {', '.join(new[:5])[:300]}"
            )
            return Verdict(Change.YES, "feed", line, told, "no")
        return Verdict(Change.NO, "feed", line, "The feed has no new item, so it is unchanged.")
    if seen is not None and seen.key == known.key:
        more = "Only what is to be ignored differs, so the page is unchanged."
        return Verdict(Change.NO, "what is compared", line, more)
    return Verdict(Change.YES, "body", line, f"The body differs ({short}): the page changed.", "no")
