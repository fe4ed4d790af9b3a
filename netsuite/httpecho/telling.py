"""What an echo says: the request as plain text, in the tutorial's form, or as JSON.

Text is bytes as they came.  JSON has the same as text where it is UTF-8; a byte that isn't stands there as
``\\xNN``, and ``head`` and ``body_base64`` have the truth.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from netsuite.http1.fields import Fields, values
from netsuite.http1.head import RequestHead
from netsuite.httpecho.errand import Errand
from netsuite.httpecho.faults import lines_of
from netsuite.httpecho.payload import Payload
from netsuite.tlspeer import TlsPeer

SAID = b"You said: \r\n\r\n"

#: Fields that are taken out of a malformed head; a good one has its own bound.
PAIRS_MAX = 1000

_START = re.compile(rb"([^ ]*) (.*) (HTTP/[0-9.]+)")


def plain(raw: bytes) -> bytes:
    """The tutorial's answer: its words, then the head's lines joined by CRLF, of which the last is empty.

    So the head's bytes are all there but for the empty line's own end.
    """
    return SAID + (raw[:-2] if raw.endswith(b"\r\n") else raw.removesuffix(b"\n"))


def plain_with_body(raw: bytes, payload: Payload | None) -> bytes:
    """The same, and after the empty line the body; a chunked one also as it was sent."""
    if payload is None:
        return SAID + raw
    parts = [SAID, raw, payload.body]
    if payload.truncated:
        parts.append(b"\r\n\r\n[truncated: %d bytes of it are above]\r\n" % len(payload.body))
    if payload.frames is not None:
        parts.append(b"\r\n\r\nIn chunks, as sent:\r\n\r\n" + payload.frames)
    return b"".join(parts)


def wants_json(head: RequestHead | None, raw: bytes) -> bool:
    """Whether the answer is to be JSON: ``?format=json``, a path in ``.json``, or Accept."""
    if head is None:
        target = start_of(raw, head)[1]
        accept = b", ".join(values(pairs_of(raw, head), b"accept"))
    else:
        target, accept = head.raw_target, head.combined.get(b"accept", b"")
    path, _, query = target.partition(b"?")
    if query:
        for pair in query.split(b"&", 100):
            if pair.startswith(b"format="):
                return pair == b"format=json"
    return path.endswith(b".json") or (b"json" in accept and accepts_json(accept))


def accepts_json(accept: bytes) -> bool:
    """Whether Accept has JSON, and wants it no less than plain text (RFC 9110 §12.5.1)."""
    json, text = 0.0, 0.0
    for member in accept.lower()[:4096].split(b","):
        media, *parameters = (part.strip() for part in member.split(b";"))
        quality = _quality(parameters)
        if media in (b"application/json", b"text/json") or media.endswith(b"+json"):
            json = max(json, quality)
        elif media in (b"text/plain", b"text/html"):
            text = max(text, quality)
    return json > 0 and json >= text


def _quality(parameters: list[bytes]) -> float:
    for parameter in parameters:
        if parameter.startswith(b"q="):
            found = re.fullmatch(rb"[01](?:\.[0-9]{0,3})?", parameter[2:])
            return float(found[0]) if found else 0.0
    return 1.0


def text_of(data: bytes) -> str:
    """Bytes as text for people; what is no UTF-8 is ``\\xNN``."""
    return data.decode("utf-8", "backslashreplace")


def start_of(raw: bytes, head: RequestHead | None) -> tuple[bytes, bytes, bytes]:
    """Method, target and version as sent; of a malformed line as much as can be told."""
    if head is not None:
        return head.method, head.raw_target, b"HTTP/%d.%d" % head.version
    line = (lines_of(raw) or [b""])[0]
    match = _START.fullmatch(line)
    if match:
        return match[1], match[2], match[3]
    method, _, target = line.partition(b" ")
    return method, target, b""


def pairs_of(raw: bytes, head: RequestHead | None) -> Fields:
    """The fields in order, name and value as sent, without white space around the value.

    Of a malformed head each line is a pair; one without a colon is all name.
    """
    if head is not None:
        return head.fields
    found = []
    for line in lines_of(raw)[1:][:PAIRS_MAX]:
        name, _, value = line.partition(b":")
        found.append((name, value.strip(b" \t")))
    return found


def told(raw: bytes, head: RequestHead | None, payload: Payload | None) -> dict[str, Any]:
    """The request as what JSON has: keys are only ever added."""
    body = payload.body if payload is not None else b""
    frames = payload.frames if payload is not None else None
    return {
        **told_head(raw, head),
        **told_body(body, frames),
        "trailers": pairs(payload.trailers) if payload is not None else [],
        "truncated": payload.truncated if payload is not None else False,
        "sizes": {
            "head": len(raw),
            "body": payload.size if payload is not None else 0,
            "body_kept": len(body),
            "announced": payload.announced if payload is not None else None,
        },
    }


def told_head(raw: bytes, head: RequestHead | None) -> dict[str, Any]:
    """The head, its fields as pairs in their order."""
    method, target, version = start_of(raw, head)
    return {
        "method": text_of(method),
        "target": text_of(target),
        "version": text_of(version),
        "headers": pairs(pairs_of(raw, head)),
        "head": base64.b64encode(raw).decode(),
        "framing": _framing(head),
    }


def pairs(fields: Fields) -> list[list[str]]:
    """Fields as JSON has them."""
    return [[text_of(name), text_of(value)] for name, value in fields]


def told_body(body: bytes, frames: bytes | None) -> dict[str, Any]:
    """The body, as text if it is UTF-8."""
    shown = _text_or_none(body)
    return {
        "body": shown,
        "body_base64": base64.b64encode(body).decode() if shown is None else None,
        "body_raw": base64.b64encode(frames).decode() if frames is not None else None,
    }


def _text_or_none(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _framing(head: RequestHead | None) -> str:
    """How the body was framed: ``none``, ``length``, ``chunked``, or ``unknown`` where that can't be said."""
    if head is None:
        return "unknown"
    return "chunked" if head.chunked else "length" if head.length else "none"


def as_json(values: Mapping[str, Any]) -> bytes:
    """``values``, with a newline at its end for who reads it in a terminal."""
    return msgspec.json.format(msgspec.json.encode(values), indent=2) + b"\n"


def of_tls(peer: TlsPeer) -> dict[str, Any]:
    """What JSON has of a connection's TLS."""
    return {
        "version": peer.version,
        "cipher": peer.cipher,
        "server_name": peer.server_name,
        "client_certificate": peer.subject,
    }


def timing(errand: Errand, connected: float, now: float) -> dict[str, Any]:
    """When a request came, and milliseconds: from connection to first byte, of the head, of the body."""
    return {
        "received": instant(errand.when),
        "connected_ms": _milliseconds(errand.began - connected),
        "head_ms": _milliseconds(errand.head_done - errand.began),
        "body_ms": _milliseconds(now - errand.head_done),
    }


def _milliseconds(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 3)


def instant(when: float) -> str:
    """Seconds of the epoch as ISO 8601, in UTC."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
