"""What came with a form, as values: its fields in their order, each with all its values, and its files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from netsuite.site.posted import Fields as Fields


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a form.  ``name``: as its sender calls it; ``stored``: as we do."""

    field: str
    name: str
    kind: str
    size: int
    stored: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be kept.  ``key``: two drafts with the same one are one entry; b"" if it has none."""

    fields: Fields
    files: tuple[File, ...] = ()
    spam: str = ""
    origin: str = ""
    key: bytes = b""

    def digest(self) -> bytes:
        """What tells this content from any other under the same key."""
        files = [(file.field, file.name, file.kind, file.size) for file in self.files]
        content = msgspec.json.encode([self.fields, files])
        return hashlib.blake2b(content, key=self.key[:64], digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Entry:
    """What was kept.  ``at``: milliseconds since 1970; ``spam``: why it was flagged, "" if it wasn't."""

    id: int
    at: int
    spam: str
    marked: bool
    origin: str
    fields: Fields
    files: tuple[File, ...] = ()

    @property
    def when(self) -> str:
        """The moment in UTC, ISO 8601."""
        return when(self.at)


@dataclass(frozen=True, slots=True)
class Kept:
    """How keeping a draft ended.  ``how``: *new*; *again*: it was there; *other*: its key was, with another
    content, and nothing was kept now."""

    how: str
    id: int
    at: int


def when(at: int) -> str:
    """Milliseconds since 1970 as UTC, ISO 8601."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def grouped(fields: Fields) -> list[tuple[str, list[str]]]:
    """The fields by name, in the order in which each name came first, with every value in its order."""
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return list(found.items())
