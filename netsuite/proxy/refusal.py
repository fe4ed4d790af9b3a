"""Answers that are ours: what could not be done, why, and what to do about it (FEATURES §4, error pages).

The page never has the query of what was asked for.
"""

from __future__ import annotations

import html
import json

from netsuite.http1.fields import Fields
from netsuite.http1.head import RequestHead, write_response
from netsuite.proxy.route import Refuse

PHRASES = {
    400: b"Bad Request",
    403: b"Forbidden",
    407: b"Proxy Authentication Required",
    408: b"Request Timeout",
    413: b"Content Too Large",
    414: b"URI Too Long",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
    508: b"Loop Detected",
}

_PAGE = (
    "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><title>{status} {phrase}</title>\n"
    "<h1>{status} {phrase}</h1>\n<p>{reason}.</p>\n<p><small>netsuite proxy: {cause}</small></p>\n</html>\n"
)


def answer(refusal: Refuse, head: RequestHead | None, *, close: bool) -> bytes:
    """Return a whole answer, as JSON where that was asked for; to HEAD without its body (RFC 9110 §9.3.2)."""
    phrase = PHRASES[refusal.status]
    if head is not None and b"application/json" in head.combined.get(b"accept", b""):
        told = {"status": refusal.status, "cause": refusal.cause, "message": refusal.reason}
        kind, body = b"application/json", json.dumps(told).encode()
    else:
        kind = b"text/html; charset=utf-8"
        page = _PAGE.format(
            status=refusal.status,
            phrase=phrase.decode(),
            reason=html.escape(refusal.reason[:1].upper() + refusal.reason[1:]),
            cause=html.escape(refusal.cause),
        )
        body = page.encode("utf-8", "backslashreplace")
    fields: Fields = [
        (b"Content-Type", kind),
        (b"Content-Length", b"%d" % len(body)),
        (b"Cache-Control", b"no-store"),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"Content-Security-Policy", b"default-src 'none'"),
    ]
    if refusal.status == 407:
        fields.append((b"Proxy-Authenticate", b'Basic realm="netsuite proxy", charset="UTF-8"'))
    if refusal.status == 503:
        fields.append((b"Retry-After", b"5"))
    if close:
        fields.append((b"Connection", b"close"))
    written = write_response(refusal.status, phrase, fields)
    return written if head is not None and head.method == b"HEAD" else written + body
