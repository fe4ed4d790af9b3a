"""Pages that somebody brings: a bookmarklet, an extension, a reader app (``POST /ingest``).

They are judged by the rules of live pages and go to the counter by the feed that takes those, so that what
holds there (bounds, limits, order, exactly once) holds here.  What is told of a page (title, language, when
it was read) is believed, as it came with the token.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import TimeoutError as TooLate

from netsuite.wordproxy.bring.mending import mended
from netsuite.wordproxy.bring.records import Told, encoded, judged, target_of
from netsuite.wordproxy.copying import Rules
from netsuite.wordproxy.events import Events
from netsuite.wordproxy.ledger import CopiedPage
from netsuite.wordproxy.store.contract import INGESTED
from netsuite.words import language
from netsuite.words.skipped import Reason

#: Longest address and title, in characters.
URL_MAX, TITLE_MAX = 16 * 1024, 1000

#: Seconds that an answer waits for the count.
WAIT_SECONDS = 3.0

#: What is told to be read before this, or so many seconds from now, is a clock's fault.
FUTURE_SECONDS = 86400.0
FIRST = datetime(1990, 1, 1).timestamp()

_FIELD = re.compile(r"field `(\w{1,20})`|`\$\.(\w{1,20})")


class Brought(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A page as it is brought: its address, and ``html`` or ``text``; ``token`` was read before."""

    url: str
    title: str | None = None
    lang: str | None = None
    when: str | float | None = None  #: ISO 8601, or seconds since the epoch; None: now
    html: str | None = None
    text: str | None = None
    token: str | None = None


_DECODER = msgspec.json.Decoder(Brought)


class Wrong(ValueError):  # noqa: N818 - the name of the field that is
    """A field can't be taken; ``field`` is its name, the text says why."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class TooLong(Exception):  # noqa: N818 - a bound, not a mistake
    """The page is over the bound of one page."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a page: ``words``, or why it was skipped; neither: it waits still."""

    words: int | None = None
    reason: Reason | None = None


class Feeding(Protocol):
    """Where pages go: the `Feed`."""

    def page(self, page: CopiedPage) -> bool: ...

    def skip(self, exchange_id: int, host: str, reason: Reason) -> None: ...


def read_json(body: bytes) -> Brought:
    """The page in a JSON text.  Raises: Wrong; ValueError for what is no JSON."""
    try:
        return _decoded(body)
    except msgspec.ValidationError as error:
        found = _FIELD.search(str(error))
        field = (found[1] or found[2]) if found else ""
        raise Wrong(field, str(error).partition(" - at")[0].replace("`", "")) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("no JSON") from None


def _decoded(body: bytes) -> Brought:
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _DECODER.decode(mended(body))


def read_form(pairs: tuple[tuple[str, str], ...]) -> Brought:
    """The page in a form's fields; an empty one is one that was not given.  Raises: Wrong."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in Brought.__struct_fields__:
            raise Wrong(name[:20], "there is no such field")
        if name in values:
            raise Wrong(name, "comes twice")
        values[name] = value
    if "url" not in values:
        raise Wrong("url", "is missing")
    return Brought(**{name: value for name, value in values.items() if value or name == "url"})


class Ingesting:
    """Takes pages.  ``feed``: asked at each, it may be made at the first; ``events``: the feed's."""

    def __init__(
        self,
        reactor: Any,
        feed: Callable[[], tuple[Feeding, Events]],
        rules: Callable[[], Rules],
        is_paused: Callable[[], bool],
        *,
        max_text: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_text = max_text
        self._reactor, self._feed, self._rules, self._clock = reactor, feed, rules, clock
        self._is_paused = is_paused
        self._numbers = itertools.count(1)

    @property
    def is_paused(self) -> bool:
        """Nothing is counted at present."""
        return self._is_paused()

    async def take(self, brought: Brought) -> Result:
        """Hand a page to the counter, and tell what came of it.  Raises: Wrong, TooLong."""
        page = self.page(brought)
        feed, events = self._feed()
        if isinstance(page, Reason):
            feed.skip(0, "", page)
            return Result(reason=page)
        counted = events.watch(page.exchange_id)
        counted.addTimeout(WAIT_SECONDS, self._reactor)
        feed.page(page)
        try:
            told = await counted
        except TooLate:
            return Result()
        return Result(words=told) if isinstance(told, int) else Result(reason=Reason(told))

    def page(self, brought: Brought) -> CopiedPage | Reason:
        """The page as the counter gets it, or why it is none.  Raises: Wrong, TooLong."""
        kind, text = _body(brought)
        body = encoded(text)
        if len(body) > self.max_text:
            raise TooLong
        if len(brought.url) > URL_MAX or target_of(encoded(brought.url)) is None:
            raise Wrong("url", "an address of http or https is wanted")
        told = Told(
            url=encoded(brought.url),
            when=self._when(brought.when),
            status=200,
            fields={b"content-type": kind.encode() + b"; charset=utf-8"},
        )
        lang = _lang(brought.lang)
        record = judged(0, told, body, self._rules())
        if record.page is None:
            return record.reason or Reason.UNREADABLE
        title = " ".join(brought.title.split())[:TITLE_MAX] if brought.title is not None else None
        return replace(
            record.page,
            exchange_id=-next(self._numbers),  # those of relayed answers are positive
            title=encoded(title).decode() if title is not None else None,
            lang=lang,
            source=INGESTED,
        )

    def _when(self, told: str | float | None) -> float:
        now = self._clock()
        if told is None:
            return now
        try:
            when = datetime.fromisoformat(told.strip()).timestamp() if isinstance(told, str) else float(told)
        except (ValueError, OverflowError, OSError):
            raise Wrong("when", "a moment is wanted, like 2026-01-05T10:33:44Z") from None
        if not FIRST <= when <= now + FUTURE_SECONDS:
            raise Wrong("when", "a moment of the past is wanted")
        return when


def _body(brought: Brought) -> tuple[str, str]:
    """The media type and the text of a page.  Raises: Wrong."""
    if brought.html is not None and brought.text is not None:
        raise Wrong("text", "html or text is wanted, not both")
    if brought.html is not None:
        return "text/html", brought.html
    if brought.text is None:
        raise Wrong("html", "html or text is wanted")
    return "text/plain", brought.text


def _lang(told: str | None) -> str | None:
    if told is None or not told.strip():
        return None
    lang = language.primary(told)
    if lang is None:
        raise Wrong("lang", "a language tag is wanted, like en or zh-Hans")
    return lang
