"""What a view is asked and what it answers: plain values, so that it can be tried without a connection."""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from netsuite.site.tongue import Said, said

#: Most parameters that a query may have, and fields that a form may.
PARAMETERS_MAX = 50
FORM_FIELDS_MAX = 2000

HTML = "text/html; charset=utf-8"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

#: A view shows what was counted until now: the next time it may be another.
NO_STORE = ("Cache-Control", "no-store")


_ESCAPED = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


class Refusal(Exception):  # noqa: N818 - an answer like others, raised because it ends the view
    """The request is answered with ``status`` and a sentence for the user, in the site's own frame."""

    def __init__(self, status: int, sentence: str | Said, *headers: tuple[str, str]) -> None:
        super().__init__(str(sentence))
        self.status, self.sentence, self.headers = status, sentence, headers


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was posted, as it came."""

    field: str
    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a view sees it.  Text that is no UTF-8 has U+FFFD in the bad places."""

    path: str
    args: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  #: by lower-case name; repeated ones joined
    method: str = "GET"
    client: str = ""  #: its address
    body: bytes = b""
    form: tuple[tuple[str, str], ...] = ()  #: the fields of a body that is a form
    uploads: tuple[Upload, ...] = ()  #: its files
    user: str | None = None  #: who asks, where one has to log in

    @classmethod
    def of(cls, uri: bytes, headers: Mapping[str, str], method: str = "GET", client: str = "") -> Asked:
        """What ``uri``, the origin-form of a target, asks for.

        Raises:
            Refusal: more parameters than anybody needs.
        """
        path, _, query = uri.partition(b"?")
        if not query:
            return cls(unquote_to_bytes(path).decode("utf-8", "replace"), (), headers, method, client)
        text = query.decode("utf-8", "replace")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=PARAMETERS_MAX)
        except ValueError:
            raise Refusal(400, said("refusal.parameters", n=PARAMETERS_MAX)) from None
        return cls(unquote_to_bytes(path).decode("utf-8", "replace"), tuple(pairs), headers, method, client)

    def posted(self, body: bytes) -> Asked:
        """The same request with a body, and its fields if it is a form.

        Raises:
            Refusal: more fields than a form may have.
        """
        if self.kind != FORM:
            return replace(self, body=body)
        if body.count(b"&") >= FORM_FIELDS_MAX:
            raise Refusal(400, said("refusal.fields", n=FORM_FIELDS_MAX))
        return replace(self, body=body, form=tuple(fields_of(body)))

    @property
    def kind(self) -> str:
        """The media type of the body, without parameters; "" if it was not told."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def wants_json(self) -> bool:
        """Whether faults, too, are told in JSON: the path says so, or what was sent is JSON."""
        return self.path.endswith(".json") or self.path == "/healthz" or self.kind == JSON


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on (`streaming`): ``enter`` gets who listens, ``leave`` the same at its end."""

    enter: Callable[[Any], None]
    leave: Callable[[Any], None]


def fields_of(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield the fields of a form (URL Standard §5.1), on long texts five times as fast as ``parse_qsl``."""
    for pair in body.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            yield _unescaped(name), _unescaped(value)


def _unescaped(text: bytes) -> str:
    return _ESCAPED.sub(_run, text.replace(b"+", b" ")).decode("utf-8", "replace")


def _run(escapes: re.Match[bytes]) -> bytes:
    return unhexlify(escapes[0].replace(b"%", b""))


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer to a request, or, with ``stream``, its beginning."""

    body: bytes
    kind: str = HTML
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (NO_STORE,)
    stream: Stream | None = None


View = Callable[[Asked], Awaitable[Answer]]


def json_answer(value: object, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """``value`` as JSON, with a newline at its end for who reads it in a terminal."""
    return Answer(msgspec.json.encode(value) + b"\n", JSON, status, (NO_STORE, *headers))


def phrase(status: int) -> str:
    """The name of a status, as RFC 9110 has it."""
    return "Request Header Fields Too Large" if status == 431 else HTTPStatus(status).phrase
