"""The pages that are served: what entries say, with the files they name read, ready to be sent.

A small file is held in memory as it was when the table was loaded.  A long one is held open, so that a file
put in its place is not seen before the next load; what is written into it is.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from netsuite.pages.entry import PAGES_MAX, BadTable, Entry
from netsuite.site.answer import phrase
from netsuite.site.squeeze import is_worth_it

#: A longer file is not held in memory; bytes of all that are; files that may be held open.
MEMORY_EACH = 1 << 20
MEMORY_ALL = 256 << 20
OPEN_MAX = 256

#: The tutorial's pages, and what it says where there is none.
DEFAULT = (
    Entry(b"/", "the tutorial", body="<h1>Home</h1>Home Page"),
    Entry(b"/test", "the tutorial", body="<h1>Test</h1>Test Page"),
)
NOT_FOUND = b"<h1>Not Found</h1>Sorry, no such page."

#: Where an own 404 page has the path that was asked for.
PATH_MARK = b"{path}"

_KINDS = mimetypes.MimeTypes()  # not the machine's own list: everywhere the same


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditional requests and ranges go by."""

    size: int
    tag: str
    modified: float


class OpenFile:
    """A long file, held open until nobody needs it."""

    fd = -1

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def facts(self) -> Facts:
        """Return what it is now.  Raises: OSError."""
        found = os.fstat(self.fd)
        tag = f'"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"'
        return Facts(found.st_size, tag, found.st_mtime)

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


class Small:
    """The bytes of a page in gzip, made when somebody asks: a reload must not wait for all of them."""

    __slots__ = ("_body", "_made")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._made: bytes | None = None

    def get(self) -> bytes | None:
        """Return the bytes in gzip, None where they would be more."""
        if self._made is None:
            self._made = gzip.compress(self._body, 6, mtime=0)
        return self._made if len(self._made) < len(self._body) else None


@dataclass(frozen=True, slots=True)
class Page:
    """A page, ready.  ``body``: bytes or a file; ``small``: where it goes in gzip to who asks for that."""

    path: bytes
    kind: str
    body: bytes | OpenFile
    facts: Facts
    small: Small | None = None
    statuses: tuple[int, ...] = (200,)
    fields: tuple[tuple[str, str], ...] = ()
    methods: tuple[str, ...] = ("GET", "HEAD")
    delay: float = 0.0

    def now(self) -> Facts:
        """Return the facts as they are at this moment.  Raises: OSError."""
        return self.body.facts() if isinstance(self.body, OpenFile) else self.facts

    @property
    def allow(self) -> str:
        """The methods, as ``Allow`` tells them."""
        return ", ".join([*self.methods, "OPTIONS"])


@dataclass(frozen=True, slots=True)
class Missing:
    """The answer where there is no page; with ``has_path`` it shows, escaped, what was asked for."""

    body: bytes = NOT_FOUND
    kind: str = "text/html"
    has_path: bool = False

    def told(self, path: bytes) -> bytes:
        """Return the body for a path."""
        if not self.has_path:
            return self.body
        shown = escape(path.decode("utf-8", "replace")[:200])
        return self.body.replace(PATH_MARK, "".join(c if c.isprintable() else "�" for c in shown).encode())


@dataclass(frozen=True, slots=True)
class Table:
    """All pages by their path.  ``watched``: the files that it was made of."""

    pages: Mapping[bytes, Page]
    missing: Missing = Missing()
    watched: tuple[str, ...] = field(default=(), compare=False)


def unique(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries.  Raises: BadTable if two are for one path, or there are too many."""
    found: dict[bytes, Entry] = {}
    for entry in entries:
        other = found.setdefault(entry.path, entry)
        if other is not entry:
            shown = entry.path.decode("utf-8", "replace")
            raise BadTable(f"{entry.place}: {shown} is there already: {other.place}")
    if len(found) > PAGES_MAX:
        raise BadTable(f"more than {PAGES_MAX} pages")
    return list(found.values())


def load(
    entries: Sequence[Entry],
    *,
    not_found: str | None = None,
    in_gzip: bool = True,
    now: float,
    before: Table | None = None,
    also: Sequence[str] = (),
) -> Table:
    """Return the table with its files read.  Raises: BadTable; then nothing is open that was not before.

    ``now``: what texts count as last changed at, but those that ``before`` had with the same bytes; ``also``:
    other files to be watched.
    """
    pages: dict[bytes, Page] = {}
    held = kept = 0
    for entry in unique(entries):
        page = _page(entry, now, in_gzip, before)
        pages[entry.path] = page
        held += len(page.body) if isinstance(page.body, bytes) else 0
        kept += isinstance(page.body, OpenFile)
        if held > MEMORY_ALL:
            raise BadTable(f"{entry.place}: more than {MEMORY_ALL >> 20} MiB of pages")
        if kept > OPEN_MAX:
            raise BadTable(f"{entry.place}: more than {OPEN_MAX} files over {MEMORY_EACH >> 20} MiB")
    files = [entry.file for entry in entries if entry.file is not None]
    watched = (*also, *files, *([not_found] if not_found is not None else []))
    return Table(pages, _missing(not_found), watched)


def _page(entry: Entry, now: float, in_gzip: bool, before: Table | None) -> Page:
    body: bytes | OpenFile
    if entry.file is not None:
        body, modified = _read(entry.file, entry.place)
        kind = entry.kind or _kind_of(entry.file, body)
    elif entry.redirect is not None:
        body, modified, kind = _redirection(entry), now, "text/html"
    else:
        body, modified = (entry.body or "").encode(), now
        kind = entry.kind or _html(body)
    fields = entry.fields + ((("Location", entry.redirect),) if entry.redirect is not None else ())
    small: Small | None = None
    if isinstance(body, OpenFile):
        facts = body.facts()
    else:
        facts = Facts(len(body), f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"', modified)
        old = before.pages.get(entry.path) if before is not None else None
        if entry.file is None and old is not None and old.facts.tag == facts.tag:
            facts = old.facts
        small = Small(body) if in_gzip and is_worth_it(kind, body) else None
    return Page(entry.path, kind, body, facts, small, entry.statuses, fields, entry.methods, entry.delay)


def _read(path: str, place: str) -> tuple[bytes | OpenFile, float]:
    try:
        file = OpenFile(path)
        found = os.fstat(file.fd)
        if not stat.S_ISREG(found.st_mode):
            raise BadTable(f"{place}: {path} is no regular file")
        if found.st_size > MEMORY_EACH:
            return file, found.st_mtime
        with open(os.dup(file.fd), "rb") as opened:
            return opened.read(MEMORY_EACH + 1), found.st_mtime
    except OSError as error:
        raise BadTable(f"{place}: {path}: {error.strerror}") from None


def _redirection(entry: Entry) -> bytes:
    name = phrase(next(status for status in entry.statuses if status in range(300, 400)))
    target = escape(entry.redirect or "")
    return f'<h1>{name}</h1>It is <a href="{target}">{target}</a> now.'.encode()


def _html(body: bytes) -> str:
    return "text/html" if body.isascii() else "text/html; charset=utf-8"


def _kind_of(path: str, body: bytes | OpenFile) -> str:
    """Return a file's media type by its name; text in UTF-8 says so."""
    kind, coding = _KINDS.guess_type(path)
    if coding is not None:
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2"}.get(
            coding, f"application/x-{coding}"
        )
    kind = kind or "application/octet-stream"
    if kind.startswith("text/") and isinstance(body, bytes) and not body.isascii():
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            return kind
        return f"{kind}; charset=utf-8"
    return kind


def _missing(path: str | None) -> Missing:
    if path is None:
        return Missing()
    body, _modified = _read(path, "--not-found")
    if isinstance(body, OpenFile):
        raise BadTable(f"--not-found: {path} is longer than {MEMORY_EACH >> 20} MiB")
    kind = _kind_of(path, body)
    return Missing(body, kind, PATH_MARK in body and kind.startswith("text/html"))
