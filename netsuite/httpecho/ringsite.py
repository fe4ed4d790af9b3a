"""The ring's pages: the list, one request, two compared, a replay, and news as they come.

For programs as JSON, for people as pages; what is asked for decides (Accept, ``.json``, ``?format=``).
Secrets are hidden here, before anything else is done with a request: what is searched for is looked for in
what is shown, so that nobody can find a secret out by asking for pieces of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from netsuite.access import Htpasswd
from netsuite.http1.head import RequestHead
from netsuite.httpecho import replay, telling
from netsuite.httpecho.compare import Difference, compared
from netsuite.httpecho.hall import Hall
from netsuite.httpecho.ring import Entry
from netsuite.httpecho.shown import Shown
from netsuite.site import static
from netsuite.site.answer import Answer, Asked, Refusal, Stream, json_answer
from netsuite.site.frame import Frame
from netsuite.site.login import Login
from netsuite.site.routes import Routes
from netsuite.site.streaming import KIND, event
from netsuite.site.tongue import said

#: Most requests in a list, and how many there are unless one asks.
LIST_MAX = 1000
LIST_USUAL = 100

#: Bytes of a body that are searched, and that a page shows.
SEARCHED = 4 * 1024
PAGE_BODY = 64 * 1024

TEXT = "text/plain; charset=utf-8"

_PLACE = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_ONE = re.compile(r"/_ring/([0-9]{1,15})(?:\.(json|curl|head|body))?")
_FILTERS = ("method", "target", "client", "header", "q", "status", "since", "limit", "format", "ui")

#: The fields of the page's form, with their labels.
_FORM = {
    "method": "ring.filter_method",
    "target": "ring.filter_target",
    "header": "ring.filter_header",
    "q": "ring.filter_q",
    "client": "ring.filter_client",
    "status": "ring.filter_status",
}

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class RingFrame(Frame):
    """The frame of a site whose own files lie below the ring: elsewhere all is echoed."""

    def page(self, template: str, asked: Asked, *, status: int = 200, **values: Any) -> Answer:
        """The template, filled."""
        return super().page(template, asked, status=status, static=_place, **values)


def _place(name: str) -> str:
    return "/_ring" + static.url(name)


class RingSite:
    """The views of ``/_ring``.  ``users``: who may look, None where only this machine may."""

    def __init__(self, hall: Hall, users: Callable[[], Htpasswd | None]) -> None:
        self._hall = hall
        self._frame = RingFrame("httpecho", [("/_ring", said("ring.title"))])
        self._telling: dict[Any, Callable[[Entry], None]] = {}
        views = {
            "/_ring": self.index,
            "/_ring.json": self.index,
            "/_ring/events": self.events,
            "/_ring/diff": self.diff,
            "/_ring/diff.json": self.diff,
        }
        prefixes = {"/_ring/static/": self._static, "/_ring/": self.one}
        self.routes = Routes(self._frame, views, prefixes, login=Login(users))

    async def answer(self, head: RequestHead, client: str, here: str) -> Answer:
        """What a request for the ring gets, whatever happens.  ``here``: host and port that it came to."""
        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.combined.items()}
        return await self.routes.answer(head.method, head.raw_target, {"host": here, **fields}, b"", client)

    async def _static(self, asked: Asked) -> Answer:
        return await static.view(replace(asked, path=asked.path.removeprefix("/_ring")))

    def _shown(self, entry: Entry) -> Shown:
        settings = self._hall.settings
        return Shown(entry, None if settings.show_secrets else self._hall.redaction, settings.limits)

    # -- the list ------------------------------------------------------------------------------------------

    async def index(self, asked: Asked) -> Answer:
        """``/_ring``: the requests, newest first, those that fit the filter."""
        told = _parameters(asked, _FILTERS)
        fits, limit = _filter(told), _number(told, "limit", 1, LIST_MAX, LIST_USUAL)
        found: list[dict[str, Any]] = []
        for entry in self._hall.ring.newest():
            if entry.number <= _number(told, "since", 0, 10**15, 0) or len(found) >= limit:
                break
            shown = self._shown(entry)
            if fits(shown):
                found.append(shown.summary())
        ring = self._hall.ring
        about = {
            "remembered": len(ring),
            "last": ring.last,
            "bytes": ring.bytes,
            "instance": self._hall.instance,
        }
        if _is_page(asked, told):
            found = [
                {**it, "method": _visible(it["method"]), "target": _visible(it["target"])} for it in found
            ]
            return self._frame.page(
                "httpecho/ring.html", asked, found=found, told=told, about=about, form=_FORM
            )
        return json_answer({**about, "requests": found})

    async def events(self, asked: Asked) -> Answer:
        """``/_ring/events``: requests as they come; ``since``, Last-Event-ID: and those that were missed."""
        told = _parameters(asked, _FILTERS)
        fits = _filter(told)
        last = asked.headers.get("last-event-id", "")
        since = int(last) if last.isdecimal() and len(last) < 16 else _number(told, "since", 0, 10**15, 0)
        missed = self._hall.ring.after(since) if since or "since" in told else []
        news = [self._news(shown) for entry in missed[-LIST_USUAL:] if fits(shown := self._shown(entry))]

        def enter(listener: Any) -> None:
            def tell(entry: Entry) -> None:
                if fits(shown := self._shown(entry)):
                    listener.tell(self._news(shown))

            self._telling[listener] = tell
            if not self._hall.ring.follow(tell):
                listener.tell(event("busy", "too many follow already"))
                listener.end()

        def leave(listener: Any) -> None:
            tell = self._telling.pop(listener, None)
            if tell is not None:
                self._hall.ring.leave(tell)

        return Answer(b": requests as they come\n\n" + b"".join(news), KIND, stream=Stream(enter, leave))

    def _news(self, shown: Shown) -> bytes:
        data = msgspec.json.encode(shown.summary()).decode()
        return f"id: {shown.entry.number}\n".encode() + event("request", data)

    # -- one, and two --------------------------------------------------------------------------------------

    async def one(self, asked: Asked) -> Answer:
        """``/_ring/N``: one request; ``N.json .head .body``, and ``.curl``, a command that sends it again."""
        match = _ONE.fullmatch(asked.path)
        told = _parameters(asked, ("format", "to", "ui"))
        if match is None:
            raise Refusal(404, said("refusal.no_page"))
        shown = self._find(match[1])
        form = match[2] or ("" if _is_page(asked, told) else "json")
        if form == "json":
            return json_answer(shown.whole())
        if form == "curl":
            return Answer(self._replay(asked, shown, told), TEXT)
        if form in ("head", "body"):
            return Answer(getattr(shown, "raw" if form == "head" else "body"), "application/octet-stream")
        ring = self._hall.ring
        return self._frame.page(
            "httpecho/request.html",
            asked,
            it=shown.summary(),
            lines=_seen_lines(shown.raw),
            body=seen(shown.body[:PAGE_BODY]),
            is_cut=shown.truncated or len(shown.body) > PAGE_BODY,
            hides=shown.hides,
            command=seen(self._replay(asked, shown, told)),
            before=ring.find(shown.entry.number - 1) is not None,
            after=ring.find(shown.entry.number + 1) is not None,
        )

    def _find(self, text: str) -> Shown:
        entry = self._hall.ring.find(int(text)) if text.isdecimal() and len(text) < 16 else None
        if entry is None:
            raise Refusal(404, said("ring.gone"))
        return self._shown(entry)

    def _replay(self, asked: Asked, shown: Shown, told: Mapping[str, str]) -> bytes:
        place = told.get("to") or asked.headers["host"]
        if not _PLACE.fullmatch(place):
            raise Refusal(400, said("ring.place"))
        notes = b""
        if shown.hides:
            notes += b"# Secrets are left out: each stands as its length and a mark.\n"
        if shown.truncated:
            notes += b"# The body was longer than what is remembered of it.\n"
        if shown.head is not None:
            fetch = f"http://{place}/_ring/{shown.entry.number}.body"
            return notes + replay.curl(shown.head, shown.body, place=place, secure=False, fetch=fetch)
        host, _, port = place.rpartition(":") if re.search(r":[0-9]+$", place) else (place, "", "80")
        body = shown.body[: replay.INLINE_MAX]
        return notes + replay.bytes_as_sent(shown.raw, body, host=host.strip("[]"), port=int(port))

    async def diff(self, asked: Asked) -> Answer:
        """``/_ring/diff?a=N&b=M``: what differs between two requests."""
        told = _parameters(asked, ("a", "b", "format", "ui"))
        a, b = self._find(told.get("a", "")), self._find(told.get("b", ""))
        found = compared(a.raw, b.raw, a.body, b.body)
        if _is_page(asked, told):
            lines = [(sign, seen(line)) for sign, line in found.lines]
            return self._frame.page(
                "httpecho/diff.html", asked, a=a.summary(), b=b.summary(), lines=lines, found=found
            )
        return json_answer(_told_difference(a, b, found))


def _told_difference(a: Shown, b: Shown, found: Difference) -> dict[str, Any]:
    return {
        "a": a.summary(),
        "b": b.summary(),
        "same": found.is_none,
        "lines": [[sign, telling.text_of(line)] for sign, line in found.lines],
        "other_case": [telling.text_of(name) for name in found.case],
        "other_order": found.order,
        "bodies_part_at": found.body,
    }


def seen(data: bytes) -> str:
    """Bytes as text for a page: what can't be seen, or would reorder it, is written out."""
    return _visible(data.decode("utf-8", "backslashreplace").replace("\r\n", "\n"))


def _visible(text: str) -> str:
    return _UNSEEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _seen_lines(raw: bytes) -> list[tuple[str, str]]:
    """The lines of a head, each with the name of its end."""
    lines = raw.split(b"\n")[:LIST_MAX]
    ends = [("CRLF" if line.endswith(b"\r") else "LF") for line in lines]
    return [(seen(line.removesuffix(b"\r")), end) for line, end in zip(lines, ends, strict=True)][:-1]


def _parameters(asked: Asked, names: tuple[str, ...]) -> dict[str, str]:
    """The query's parameters.  Raises: Refusal 400 for one that means nothing here."""
    for name, _ in asked.args:
        if name not in names:
            raise Refusal(400, said("query.unknown", name=name[:40], names=", ".join(names)))
    return {name: value for name, value in asked.args if value}


def _number(told: Mapping[str, str], name: str, least: int, most: int, usual: int) -> int:
    text = told.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 17 and least <= int(text) <= most):
        raise Refusal(400, said("query.number", name=name, least=least, most=most))
    return int(text)


def _is_page(asked: Asked, told: Mapping[str, str]) -> bool:
    """Whether a page is asked for, as browsers do, and not JSON."""
    form = told.get("format")
    if form not in (None, "json", "html"):
        raise Refusal(400, said("query.one_of", name="format", names="html, json"))
    if asked.path.endswith(".json") or form is not None:
        return form == "html"
    return "text/html" in asked.headers.get("accept", "")


def _filter(told: Mapping[str, str]) -> Callable[[Shown], bool]:
    """Whether a request fits: method, a part of its target, client, a field, our status, text anywhere."""
    method, target, client = (told.get(name, "") for name in ("method", "target", "client"))
    name, _, value = told.get("header", "").partition(":")
    wanted, text = value.strip().lower(), told.get("q", "").lower().encode()
    status = _number(told, "status", 0, 599, -1)

    def fits(shown: Shown) -> bool:
        start = telling.start_of(shown.raw, shown.head)
        if method and start[0] != method.encode():
            return False
        if target and target not in telling.text_of(start[1]):
            return False
        if (client and shown.entry.client != client) or (status >= 0 and shown.entry.status != status):
            return False
        if name and not _has(shown, name.strip().lower().encode(), wanted.encode()):
            return False
        return not text or text in shown.raw.lower() or text in shown.body[:SEARCHED].lower()

    return fits


def _has(shown: Shown, name: bytes, part: bytes) -> bool:
    """Whether there is a field of this name with ``part`` in its value."""
    fields = telling.pairs_of(shown.raw, shown.head)
    return any(key.strip().lower() == name and part in value.lower() for key, value in fields)
