"""From a page and a request's head to the answer: conditions, ranges, gzip.  Values in, values out.

The order is RFC 9110's: the method (§9.1), the page's own status, then conditions (§13.2.2), then the
range, and last how the bytes are coded.  Only a 200 has an entity tag, takes conditions and has ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

from netsuite.pages.ranges import NoSuchRange, wanted
from netsuite.pages.table import Facts, Missing, OpenFile, Page
from netsuite.site.answer import phrase
from netsuite.site.conditional import judged, matches
from netsuite.site.squeeze import takes_gzip

#: A reason to look further than at the path: without any of these a page is sent as it is.
LOOKED_AT = frozenset(
    (
        b"range",
        b"if-match",
        b"if-none-match",
        b"if-modified-since",
        b"if-unmodified-since",
        b"accept-encoding",
    )
)


Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file, from ``start`` up to ``end``."""

    file: OpenFile
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.  ``length``: of its body, also to HEAD, which has none; None for no Content-Length."""

    status: int
    fields: Fields
    body: bytes | Piece
    length: int | None

    @property
    def head(self) -> bytes:
        """The head's lines from the status line on, but for Date and what the connection adds."""
        lines = [f"HTTP/1.1 {self.status} {phrase(self.status)}"]
        lines.extend(f"{name}: {value}" for name, value in self.fields)
        if self.length is not None:
            lines.append(f"Content-Length: {self.length}")
        return "\r\n".join([*lines, ""]).encode("ascii")


def missing(found: Missing, path: bytes) -> Reply:
    """Return the answer where there is no page."""
    body = found.told(path)
    return Reply(404, (("Content-Type", found.kind),), body, len(body))


def not_allowed(page: Page) -> Reply:
    """Return the answer to a method that the page doesn't take (RFC 9110 §15.5.6)."""
    body = f"<h1>Method Not Allowed</h1>This page takes {page.allow}.".encode()
    return Reply(405, (("Allow", page.allow), ("Content-Type", "text/html")), body, len(body))


def options(page: Page) -> Reply:
    """Return what may be asked of the page (RFC 9110 §9.3.7)."""
    return Reply(204, (("Allow", page.allow),), b"", None)


def answered(page: Page, status: int, method: str, head: Mapping[str, str]) -> Reply:
    """Return the answer to a method that the page takes.  ``head``: fields by lower-case name.

    Raises: OSError where its file can't be looked at.
    """
    facts = page.now()
    fields: Fields = (("Content-Type", page.kind), *page.fields)
    if status != 200:
        return _plain(page, status, fields, facts)
    fields = (("ETag", facts.tag), ("Last-Modified", formatdate(int(facts.modified), usegmt=True)), *fields)
    if page.small is not None:
        fields = (*fields, ("Vary", "Accept-Encoding"))
    if method in ("GET", "HEAD"):
        fields = (("Accept-Ranges", "bytes"), *fields)
        outcome = judged(method, head, facts.tag, facts.modified)
        if outcome == 304:
            kept = tuple(pair for pair in fields if pair[0] not in ("Content-Type", "Accept-Ranges"))
            return Reply(304, kept, b"", None)
        if outcome == 412:
            return _named(412)
    if method == "GET" and "range" in head and _is_the_same(head.get("if-range"), facts):
        return _part(page, fields, facts, head["range"])
    small = page.small.get() if page.small is not None and _takes_gzip(head) else None
    if small is not None:
        weak = tuple((name, f"W/{value}" if name == "ETag" else value) for name, value in fields)
        return Reply(200, (*weak, ("Content-Encoding", "gzip")), small, len(small))
    return _whole(page, 200, fields, facts)


def _takes_gzip(head: Mapping[str, str]) -> bool:
    return takes_gzip(head.get("accept-encoding", ""))


def _plain(page: Page, status: int, fields: Fields, facts: Facts) -> Reply:
    """Return a page of another status; in a sequence that gets better, faults are told by their name."""
    if status >= 400 and page.statuses[-1] < 400:
        return _named(status, page.fields)
    return _whole(page, status, fields, facts)


def _named(status: int, fields: Fields = ()) -> Reply:
    body = f"<h1>{phrase(status)}</h1>".encode()
    return Reply(status, (("Content-Type", "text/html"), *fields), body, len(body))


def _whole(page: Page, status: int, fields: Fields, facts: Facts) -> Reply:
    body = page.body if isinstance(page.body, bytes) else Piece(page.body, 0, facts.size)
    return Reply(status, fields, body, facts.size)


def _is_the_same(condition: str | None, facts: Facts) -> bool:
    """Whether an If-Range is met: only a part of these very bytes may follow those that the client has.

    A date is the second best, so it has to be the file's own, and one that can't have been two files'
    (RFC 9110 §13.1.5, §8.8.2.2).
    """
    if condition is None:
        return True
    if condition.lstrip().startswith(('"', "W/")):
        return matches(condition, facts.tag, strong=True)
    return condition.strip() == formatdate(int(facts.modified), usegmt=True)


def _part(page: Page, fields: Fields, facts: Facts, field: str) -> Reply:
    try:
        part = wanted(field, facts.size)
    except NoSuchRange:
        return _named(416, (("Content-Range", f"bytes */{facts.size}"),))
    if part is None:
        return _whole(page, 200, fields, facts)
    start, end = part
    body: bytes | Piece = (
        page.body[start:end] if isinstance(page.body, bytes) else Piece(page.body, start, end)
    )
    return Reply(
        206, (("Content-Range", f"bytes {start}-{end - 1}/{facts.size}"), *fields), body, end - start
    )
