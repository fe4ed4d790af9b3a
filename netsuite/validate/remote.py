"""Documents sent to a service, one by one and not too fast, by the form that the tutorial's validator has.

``multipart/form-data``, the document in the field ``uploaded_file``, the boundary declared.  Only one host
ever gets it: a redirect to another is an answer that can't be read.  Each sending is told before it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

from twisted.internet.task import deferLater

from netsuite.client.agent import Agent, Request
from netsuite.client.agent import Answer as Answered
from netsuite.client.content import Form, Part, Plain
from netsuite.client.url import Url, joined, shown
from netsuite.outcome import Outcome

from .document import Document, Kind, encoding_of
from .message import Answer, Failed
from .service import answered

#: Where ``--w3c`` sends documents.
W3C = "http://validator.w3.org/check"

#: Seconds between two requests to a service, at least.
APART = 1.0

#: Longest wait that a service may ask for; past it we give up, and say so.
WAIT_MAX = 120.0

#: Times that one document is sent, and redirects that are followed on one host.
TRIES, REDIRECTS = 3, 3

_TYPES = {
    Kind.HTML: "text/html",
    Kind.XHTML: "application/xhtml+xml",
    Kind.SVG: "image/svg+xml",
    Kind.CSS: "text/css",
}


@dataclass(slots=True)
class Pace:
    """When the next request may be made: ``APART`` after the last, and as late as the service asked for."""

    earliest: float = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds to wait, and take the turn after them."""
        seconds = max(0.0, self.earliest - now)
        self.earliest = now + seconds + APART
        return seconds

    def put_off(self, now: float, seconds: float) -> None:
        """The service wants to be left alone for so long."""
        self.earliest = max(self.earliest, now + seconds)


def retry_after(value: bytes | None, wall_clock: float) -> float | None:
    """Return the seconds of a Retry-After field, None without one that can be read (RFC 9110 §10.2.3)."""
    text = (value or b"").decode("latin-1").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - wall_clock)
    except (ValueError, TypeError, OverflowError):
        return None


class Remote:
    """Documents are sent as they are taken.  ``note``: told what is sent where."""

    version = ""

    def __init__(
        self,
        reactor: Any,
        agent: Agent,
        url: Url,
        note: Callable[[str], None],
        *,
        checker: str,
        wall_clock: Callable[[], float],
        want_page: bool = False,
    ) -> None:
        self._reactor, self._agent, self._url, self._note = reactor, agent, url, note
        self._wall_clock = wall_clock
        self._pace = Pace()
        self.checker = checker
        self.label = f"{checker}, {url.host}"
        self.identity = f"{checker} {url.text}"
        self.want_page = want_page
        self.page = b""
        self.base = url.text

    async def take(self, number: int, document: Document) -> Answer | None:
        """Return what the service says, after waiting for our turn."""
        url, form = self._url, self._form(document)
        for attempt in range(TRIES):
            seconds = self._pace.wait(self._reactor.seconds())
            if seconds:
                await deferLater(self._reactor, seconds)
            self._note(f"sending {document.name} ({len(document.body)} bytes) to {shown(url.text)}")
            try:
                status, fields, body = await self._sent(url, form)
            except Exception as error:
                return _failed(error)
            wait = retry_after(fields.get(b"retry-after"), self._wall_clock())
            if status not in (429, 503) or wait is None or wait > WAIT_MAX or attempt == TRIES - 1:
                break
            self._note(f"{url.host} asks us to wait {wait:g} s")
            self._pace.put_off(self._reactor.seconds(), wait)
        self.page = body
        return answered(status, fields, body)

    async def _sent(self, url: Url, form: Form) -> tuple[int, dict[bytes, bytes], bytes]:
        for _ in range(REDIRECTS):
            answer = await self._agent.fetch(Request(url, b"POST", content=form, follow=False))
            location = answer.value(b"location")
            if not 300 <= answer.status < 400 or location is None:
                return answer.status, dict(answer.head.combined), await answer.read()
            answer.close()
            url = _moved(answer, url, location)
        raise Moved(f"the service at {url.host} sends us round and round")

    async def finish(self) -> dict[int, Answer]:
        """Return nothing: every answer was given."""
        return {}

    def _form(self, document: Document) -> Form:
        kind = _TYPES[document.kind]
        encoding, _declared = encoding_of(document)
        content = Plain(document.body, f"{kind}; charset={encoding}".encode("ascii"))
        parts = [Part("uploaded_file", content, document.name.rpartition("/")[2] or "document")]
        if not self.want_page:  # fields stand before the file: the checker reads no further
            asked = [Part(name, Plain(b"json")) for name in ("out", "output")]
            parts = [*asked, *parts]
        return Form(parts)


class Moved(ValueError):  # noqa: N818 - what the service did, told to people
    """The service is elsewhere, and the document is not sent there."""


def _moved(answer: Answered, url: Url, location: bytes) -> Url:
    """Return where to send it instead: on the same host.  Raises: Moved."""
    try:
        other = replace(joined(url, location), login=None)
    except ValueError:
        raise Moved(f"the service redirects us ({answer.reason}) to what is no URL") from None
    if other.host != url.host or (url.secure and not other.secure):
        raise Moved(f"the service redirects us to {other.place}; nothing was sent there")
    return other


def _failed(error: Exception) -> Failed:
    if isinstance(error, Moved):
        return Failed("unknown", str(error))
    outcome = Outcome.of(error)
    if outcome.cause in (None, "internal"):
        raise error
    return Failed(str(outcome.cause), f"the service can't be asked: {outcome.message}", outcome.detail)
