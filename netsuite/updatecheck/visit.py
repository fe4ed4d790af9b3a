"""A visit to a page: what was sent, what came; and what of it is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from .lens import Seen

#: Media types of one kind: pages that are text for people.
_PAGES = frozenset(("text/html", "application/xhtml+xml"))


@dataclass(frozen=True, slots=True)
class Sent:
    """The conditions that a request had."""

    etag: str | None = None
    last_modified: str | None = None

    @property
    def any(self) -> bool:
        """Whether there was one at all."""
        return self.etag is not None or self.last_modified is not None


@dataclass(frozen=True, slots=True)
class Came:
    """An answer whose body is whole.  ``sha256``: of its bytes; ``seen``: what the lens shows.

    ``host``: who answered in the end; ``address``: at which address; ``size``: bytes; ``unfit``: why the
    lens shows nothing; ``wall``: what the page is in the place of the one asked for, known by its
    ``wall_words``; ``wall_declines``: so that the server will not serve us; the rest are fields, None where
    there were none.
    """

    status: int
    host: str = ""
    address: str = ""
    etag: str | None = None
    last_modified: str | None = None
    media_type: str = ""
    sha256: str = ""
    size: int = 0
    seen: Seen | None = None
    unfit: str | None = None
    wall: str | None = None
    wall_words: str = ""
    wall_declines: bool = False
    date: str | None = None
    age: int | None = None
    max_age: int | None = None
    retry_after: float | None = None
    vary: str | None = None
    cache: str | None = None
    reason: str = ""

    @property
    def validators(self) -> Sent:
        """The conditions of the next request."""
        return Sent(self.etag, self.last_modified)


@dataclass(frozen=True, slots=True)
class Lost:
    """No whole answer came.  ``cause``: a word of the table of outcomes."""

    cause: str
    text: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a page: its last whole state.  ``text``: what the lens showed, if it is kept."""

    etag: str | None
    last_modified: str | None
    sha256: str
    size: int
    key: str
    lens: str
    host: str = ""
    media_type: str = ""
    wall: str | None = None
    items: tuple[str, ...] = ()
    text: str | None = None
    when: float = 0.0
    status: int = 200

    @classmethod
    def of(cls, came: Came, lens: str, when: float, *, text: bool) -> Known:
        """Return what is to be remembered of an answer with a body."""
        seen = came.seen or Seen("", "")
        return cls(
            came.etag,
            came.last_modified,
            came.sha256,
            came.size,
            seen.key,
            lens,
            came.host,
            came.media_type,
            came.wall,
            seen.items or (),
            seen.text if text else None,
            when,
            came.status,
        )

    @property
    def validators(self) -> Sent:
        """The conditions of the next request: as they came."""
        return Sent(self.etag, self.last_modified)


def same_kind(one: str, other: str) -> bool:
    """Return whether two media types may be of one page."""
    return one == other or not one or not other or {one, other} <= _PAGES


def moment(value: str | None) -> float | None:
    """Return the seconds of an HTTP date, None for what is none (RFC 9110 §5.6.7)."""
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, TypeError, OverflowError):
        return None
