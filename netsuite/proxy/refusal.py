"""Answers that are ours: what could not be done, why, and what to do about it (FEATURES §4, error pages).

The page never has the query of what was asked for.
"""

from __future__ import annotations

import html
import json
from email.utils import formatdate

from twisted.internet import error as neterror
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.python.failure import Failure

from netsuite.guard import AgainstRule, Forbidden, OwnAddress
from netsuite.http1.fields import Fields
from netsuite.http1.head import RequestHead, write_response
from netsuite.names import ResolverFailed
from netsuite.proxy.chain import HopFailed
from netsuite.proxy.route import Refuse, Reply
from netsuite.proxy.secure import BadCertificate, TlsFailed

PHRASES = {
    400: b"Bad Request",
    403: b"Forbidden",
    407: b"Proxy Authentication Required",
    408: b"Request Timeout",
    411: b"Length Required",
    413: b"Content Too Large",
    414: b"URI Too Long",
    421: b"Misdirected Request",
    429: b"Too Many Requests",
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


def of_failure(failure: Failure, host: str) -> Refuse | None:
    """Return how a failed attempt to reach an origin is told; None for what is no such failure."""
    error = failure.value
    if isinstance(error, OwnAddress):
        return Refuse(508, "loop", f"{error}: the request would come back")
    if isinstance(error, Forbidden):
        return Refuse(403, "rule" if isinstance(error, AgainstRule) else "guard", str(error))
    if isinstance(error, DNSLookupError):
        return Refuse(502, "dns", f"the name {host} was not found")
    if isinstance(error, ResolverFailed):
        return Refuse(502, "dns", str(error))
    if isinstance(error, TlsFailed):
        cause = "certificate" if isinstance(error, BadCertificate) else "tls"
        return Refuse(502, cause, f"{error}, so nothing was asked or sent")
    if isinstance(error, HopFailed):
        return Refuse(502, "upstream", str(error))
    if isinstance(error, neterror.TimeoutError | neterror.TCPTimedOutError):
        return Refuse(504, "timeout", f"{host} did not answer in time")
    if isinstance(error, neterror.ConnectionRefusedError):
        return Refuse(502, "refused", f"{host} refused the connection")
    return (
        Refuse(502, "unreachable", f"{host} cannot be reached") if isinstance(error, ConnectError) else None
    )


def reply(told: Reply, *, close: bool) -> bytes:
    """Return the whole answer to a request that ends here by its own wish."""
    fields: Fields = [(b"Date", formatdate(usegmt=True).encode())]
    if told.content_type:
        fields.append((b"Content-Type", told.content_type))
    if told.allow:
        fields.append((b"Allow", told.allow))
    fields.append((b"Content-Length", b"%d" % len(told.body)))
    if close:
        fields.append((b"Connection", b"close"))
    return write_response(told.status, b"OK", fields) + told.body


def answer(refusal: Refuse, head: RequestHead | None, *, close: bool, bare: bool = False) -> bytes:
    """Return a whole answer, as JSON where that was asked for.

    To HEAD (RFC 9110 §9.3.2), and where ``bare`` says that it may have been one, without its body.
    """
    phrase = PHRASES.get(refusal.status, b"Refused")  # a hook's may be any
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
        (b"Date", formatdate(usegmt=True).encode()),
        (b"Content-Type", kind),
        (b"Content-Length", b"%d" % len(body)),
        (b"Cache-Control", b"no-store"),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"Content-Security-Policy", b"default-src 'none'"),
    ]
    if refusal.status == 407:
        fields.append((b"Proxy-Authenticate", b'Basic realm="netsuite proxy", charset="UTF-8"'))
    if refusal.status in (429, 503):
        fields.append((b"Retry-After", b"1" if refusal.status == 429 else b"5"))
    if close:
        fields.append((b"Connection", b"close"))
    written = write_response(refusal.status, phrase, fields)
    return written if bare or (head is not None and head.method == b"HEAD") else written + body
