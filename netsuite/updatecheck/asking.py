"""One request and what came of it, as values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from netsuite.client import walls
from netsuite.client.agent import Agent, Answer, Request
from netsuite.client.url import Url
from netsuite.http1.fields import Fields
from netsuite.outcome import Outcome

from .lens import Lens, Seen, Unfit, look, text_of
from .tags import is_tag
from .visit import Came, Lost, Sent, moment

#: Characters of text that a page in the place of another has at most, with status 200: what is longer is an
#: article, and may speak of captchas.
WALL_MAX = 3000

#: Longest validator that is remembered and sent back.
VALIDATOR_MAX = 1024

_CHARSET = re.compile(rb';\s*charset\s*=\s*"?([^\s";]{1,40})', re.IGNORECASE)
_MAX_AGE = re.compile(rb"(?:^|,)\s*max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_MARKUP = re.compile(r"(?s)<(script|style)\b.*?</\1\s*>|<[^>]{0,4096}>")

#: Fields by which caches tell of themselves.
_CACHES = (b"cache-status", b"x-cache", b"cf-cache-status", b"x-served-by")


@dataclass(slots=True)
class Asker:
    """``fields``: the user's own; ``wall_clock``: seconds since the epoch; ``text_too``: for a difference."""

    agent: Agent
    lens: Lens
    fields: Fields
    wall_clock: Callable[[], float]
    text_too: bool = True

    async def ask(self, url: Url, sent: Sent, at: str | None = None) -> Came | Lost:
        """Return what comes.  ``at``: the one address that is asked."""
        fields: Fields = list(self.fields)
        if sent.etag is not None:
            fields.append((b"If-None-Match", sent.etag.encode("latin-1")))
        if sent.last_modified is not None:
            fields.append((b"If-Modified-Since", sent.last_modified.encode("latin-1")))
        try:
            answer = await self.agent.fetch(Request(url, fields=fields, at=at))
            body = await self._body(answer)
        except Exception as error:
            outcome = Outcome.of(error)
            if outcome.cause in (None, "internal"):
                raise
            return Lost(str(outcome.cause), str(outcome.message), outcome.detail)
        return self._came(answer, body)

    @staticmethod
    async def _body(answer: Answer) -> bytes:
        if answer.status == 304:
            answer.close()
            return b""
        return await answer.read()

    def _came(self, answer: Answer, body: bytes) -> Came:
        kind = answer.value(b"content-type") or b""
        label = match[1].decode("latin-1") if (match := _CHARSET.search(kind)) else None
        seen: Seen | None = None
        unfit = None
        if answer.status == 200 and body:
            try:
                seen = look(self.lens, body, label, text_too=self.text_too)
            except Unfit as error:
                unfit = str(error)
        wall = None if answer.status == 304 else _wall(answer.status, kind, body, label)
        if wall is None and answer.value(b"cf-mitigated") is not None:
            wall = walls.Wall(walls.Kind.WALL, "cf-mitigated")
        etag = _text(answer.value(b"etag"))
        modified = _text(answer.value(b"last-modified"))
        cache_control = answer.value(b"cache-control") or b""
        max_age = _MAX_AGE.search(cache_control)
        caches = [f"{name.decode()}: {_text(answer.value(name))}" for name in _CACHES if answer.value(name)]
        return Came(
            answer.status,
            answer.url.host,
            answer.address,
            etag if etag is not None and is_tag(etag) else None,
            modified if moment(modified) is not None else None,
            kind.partition(b";")[0].strip().lower().decode("latin-1"),
            hashlib.sha256(body).hexdigest() if body or answer.status == 200 else "",
            len(body),
            seen,
            unfit,
            None if wall is None else wall.kind.value,
            "" if wall is None else wall.words,
            wall is not None and wall.kind is not walls.Kind.PORTAL,
            _text(answer.value(b"date")),
            _number(answer.value(b"age")),
            int(max_age[1]) if max_age else None,
            self._retry_after(answer.value(b"retry-after")),
            _text(answer.value(b"vary")),
            "; ".join(caches) or None,
            answer.reason,
        )

    def _retry_after(self, value: bytes | None) -> float | None:
        text = _text(value)
        if text is None or text.isdecimal():
            return None if text is None else float(text[:9])
        later = moment(text)
        return None if later is None else max(0.0, later - self.wall_clock())


def _wall(status: int, kind: bytes, body: bytes, label: str | None) -> walls.Wall | None:
    """Return what a small page of text is in the place of the one that was asked for."""
    is_text = not kind or kind.lower().startswith((b"text/", b"application/xhtml"))
    if not is_text or len(body) > 8 * walls.LOOKED_AT:
        return None
    text = " ".join(_MARKUP.sub(" ", text_of(body, label)).split())
    return walls.wall(text) if status >= 400 or len(text) <= WALL_MAX else None


def _text(value: bytes | None) -> str | None:
    return None if value is None or len(value) > VALIDATOR_MAX else value.decode("latin-1").strip()


def _number(value: bytes | None) -> int | None:
    return int(value[:9]) if value is not None and value.strip().isdigit() else None
