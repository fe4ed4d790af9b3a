"""Recordings to try: HAR and WARC made of the same exchanges."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

from netsuite.wordproxy.bring.records import Record
from netsuite.wordproxy.copying import Rules

RULES = Rules(url_key=b"k" * 32, max_text=10_000)
WHEN = 1_700_000_000.0
HTML = "<html lang=en><title>Tides</title><p>The tide lifts the boats."


def entry(
    url: str = "http://news.example/a",
    text: str | None = HTML,
    *,
    status: Any = 200,
    kind: str = "text/html",
    headers: tuple[tuple[str, str], ...] = (),
    asked: tuple[tuple[str, str], ...] = (),
    method: str = "GET",
    **content: Any,
) -> dict[str, Any]:
    """An entry of a HAR."""
    body = {"size": len(text or ""), "mimeType": kind, **content}
    if text is not None:
        body["text"] = text
    return {
        "startedDateTime": "2026-01-05T10:00:00.000Z",
        "request": {"method": method, "url": url, "headers": _pairs(asked), "cookies": [], "queryString": []},
        "response": {
            "status": status,
            "headers": _pairs((("Content-Type", kind), *headers)),
            "content": body,
        },
    }


def _pairs(fields: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in fields]


def har(*entries: Any) -> bytes:
    """A HAR with these entries."""
    return json.dumps({"log": {"version": "1.2", "creator": {}, "entries": list(entries)}}).encode()


def warc_record(
    block: bytes,
    uri: str = "http://news.example/a",
    *,
    kind: str = "response",
    length: int | None = None,
    **more: str,
) -> bytes:
    """A record of a WARC."""
    fields = {
        "WARC-Type": kind,
        "WARC-Target-URI": uri,
        "WARC-Date": "2026-01-05T10:00:00Z",
        **{name.replace("_", "-"): value for name, value in more.items()},
        "Content-Length": str(len(block) if length is None else length),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"WARC/1.1\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def answer(body: bytes = HTML.encode(), head: str = "HTTP/1.1 200 OK", *fields: str) -> bytes:
    """An HTTP answer as it came."""
    lines = [head, *(fields or ("Content-Type: text/html",)), "", ""]
    return "\r\n".join(lines).encode() + body


def zipped(*records: bytes) -> bytes:
    """The records, each in a gzip member of its own."""
    return b"".join(gzip.compress(record) for record in records)


def seen(record: Record) -> str:
    """What became of a record, in a word."""
    return record.reason.value if record.reason is not None else "page"


def file(data: bytes) -> io.BytesIO:
    """An open file."""
    return io.BytesIO(data)
