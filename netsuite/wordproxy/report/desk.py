"""What all views share: from a request to the store's answer, and from that to a page, JSON or CSV.

A view parses its parameters in the reactor's thread, and leaves the rest to the store's: reading, and
writing the page, so that no list, however long, makes the loop wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netsuite.site import token
from netsuite.site.answer import Answer, Asked, Refusal
from netsuite.site.frame import Frame
from netsuite.site.token import Token
from netsuite.site.tongue import Said
from netsuite.wordproxy.report import charts, kwic, links, query, wording
from netsuite.wordproxy.report.about import Tell
from netsuite.wordproxy.report.listing import Column, Listing, as_csv, as_json
from netsuite.wordproxy.report.readers import Readers
from netsuite.wordproxy.report.undo import Change, Changes
from netsuite.wordproxy.store.contract import Store

#: Parameters that every page takes: the language of the page, and the number of a change to tell of.
EVERYWHERE = ("ui", "done")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """What a view found: its list, and what its page shows besides."""

    listing: Listing
    values: dict[str, Any] = field(default_factory=dict)
    refusal: Said | None = None  #: there is nothing of that name: 404


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading in a page.  ``href``: sorts by it; ``sorted``: "ascending", "descending" or ""."""

    column: Column
    href: str | None = None
    sorted: str = ""


class Desk:
    """The readers, the frame, and what the service tells of itself."""

    def __init__(self, readers: Readers, about: Tell, frame: Frame, judge: Token) -> None:
        self._readers, self.about, self.frame, self._judge = readers, about, frame, judge

    async def ask(self, asked: Asked, question: Callable[[Store], T]) -> T:
        """What ``question`` says of the store of who asks.  Raises: as the reader raises."""
        return await self._readers.ask(asked.user, question)

    def changes_of(self, asked: Asked) -> Changes:
        """What they changed before."""
        return self._readers.changes(asked)

    async def answer(
        self, asked: Asked, template: str, read: Callable[[Store], Found], *, form: str = ""
    ) -> Answer:
        """What ``read`` found, in the form that the path asks for, unless ``form`` says another.

        Raises: Refusal, and as the reader raises.
        """
        form = form or form_of(asked)
        change = self.changes_of(asked).of(dict(asked.args).get("done", ""))

        def work(store: Store) -> Answer | Refusal:
            found = read(store)
            if found.refusal is not None:
                return Refusal(404, found.refusal)
            if form == "json":
                return as_json(found.listing)
            if form == "csv":
                return as_csv(found.listing)
            return self.page(asked, template, found, change)

        told = await self.ask(asked, work)
        if isinstance(told, Refusal):
            raise told
        return told

    def page(self, asked: Asked, template: str, found: Found, change: Change | None) -> Answer:
        """The template, filled with what was found; ``change``: what was just done."""
        about = self.about()
        values: dict[str, Any] = {
            "listing": found.listing,
            "token": self._judge.of(token.FORM),
            "change": change,
            "back": links.to(asked.path, {name: v for name, v in asked.args if name not in EVERYWHERE}),
            "is_paused": about.is_paused(),
            "data": None,
            "points": points,
            "wording": wording,
            "charts": charts,
            "links": links,
            "kwic": kwic,
            **found.values,
        }
        return self.frame.page(f"wordproxy/{template}", asked, **values)


def form_of(asked: Asked) -> str:
    """``html``, ``json`` or ``csv``, as the path's end says."""
    _, dot, end = asked.path.rpartition(".")
    return end if dot and end in ("json", "csv") else "html"


def pairs(asked: Asked) -> list[tuple[str, str]]:
    """The parameters that are the view's own."""
    if form_of(asked) != "html":
        return list(asked.args)
    return [(name, value) for name, value in asked.args if name not in EVERYWHERE]


def headings(listing: Listing, path: str, filter_: Mapping[str, Any], sort: str, usual: str) -> list[Heading]:
    """The headings of a list that can be sorted; ``usual``: the order that needs not be said."""
    made = []
    for column in listing.shown:
        if not column.sort:
            made.append(Heading(column))
            continue
        way = "ascending" if column.kind == "word" else "descending"
        href = links.to(path, filter_, sort=None if column.key == usual else column.key)
        made.append(Heading(column, href, way if column.key == sort else ""))
    return made


def plain(listing: Listing) -> list[Heading]:
    """The headings of a list that has its one order."""
    return [Heading(column) for column in listing.shown]


def neighbours(
    path: str, filter_: Mapping[str, Any], limit: int, offset: int, total: int, **shown: Any
) -> dict[str, str | None]:
    """The addresses of the pages before and after, None where there is none."""
    if limit != query.PAGE_ROWS:
        shown["limit"] = limit
    before = after = None
    if offset > 0:
        before = links.to(path, filter_, **shown, offset=max(0, offset - limit) or None)
    if offset + limit < total:
        after = links.to(path, filter_, **shown, offset=offset + limit)
    return {"before": before, "after": after}


def data_links(path: str, filter_: Mapping[str, Any], **more: Any) -> list[tuple[str, str]]:
    """The same list for programs: all of it."""
    return [(form.upper(), links.to(f"{path}.{form}", filter_, **more)) for form in ("csv", "json")]


def nothing_read(listing: Listing, is_filtered: bool) -> tuple[Said, str, Said] | None:
    """Why a list of words is empty, None if it isn't."""
    if listing.rows:
        return None
    return wording.why_empty(listing.coverage.total, is_filtered)


def points(parts: Sequence[Any], name: str) -> list[tuple[str, float]]:
    """The parts' names with one of their numbers, for a chart."""
    return [(part.name, getattr(part, name)) for part in parts]
