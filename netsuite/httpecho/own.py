"""Paths that are ours and not echoed: health, the ring, and the WebSocket.

The ring is for this machine alone unless users are named.  A request that has come by way of a proxy is not
from this machine, though its connection is; nor is one for a name that isn't ours, as a page of another site
could have made it (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.internet.defer import Deferred

from netsuite.access import Htpasswd
from netsuite.http1.head import RequestHead
from netsuite.httpecho.errand import Errand
from netsuite.httpecho.following import Follower
from netsuite.httpecho.hall import Hall
from netsuite.httpecho.heads import TEXT, reason
from netsuite.httpecho.ringsite import RingSite
from netsuite.httpecho.visitor import Visitor
from netsuite.site import hosts
from netsuite.site.answer import Answer
from netsuite.site.safety import SECURITY, lines

#: What says that a request came by way of somebody else.
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")

_SAFE = lines(SECURITY)


class Own:
    """Answers for our own paths.  ``users``: who may see the ring, where that is not this machine alone."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self.users: Htpasswd | None = None
        self._ring = RingSite(hall, lambda: self.users)

    def take(
        self, visitor: Visitor, errand: Errand, head: RequestHead, path: bytes, data: bytes
    ) -> bytes | None:
        """Answer a request for a path of ours; return what is past it, None if the path is none."""
        if path in self._hall.settings.health:
            visitor.tell(errand, self._healthy(visitor, errand), remembers=False)
        elif path == b"/_ring" or path.startswith((b"/_ring/", b"/_ring.")):
            self._show(visitor, errand, head)
        elif path == b"/_ws":
            return self._talk(visitor, errand, head, data)
        else:
            return None
        return b"" if head.chunked or head.length else data  # of a body nobody has asked for

    def _healthy(self, visitor: Visitor, errand: Errand) -> bytes:
        body, settings = b"ok\n", self._hall.settings
        head = self._hall.heads.written(
            200, TEXT, len(body), is_11=settings.http11, close=not visitor.keeps(errand)
        )
        return head if errand.head is not None and errand.head.method == b"HEAD" else head + body

    # -- the ring ------------------------------------------------------------------------------------------

    def _show(self, visitor: Visitor, errand: Errand, head: RequestHead) -> None:
        refusal = self._judge(visitor, head)
        if refusal is not None:
            visitor.refuse(*refusal, errand.raw, remembers=False)
            return
        visitor.wait()
        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.combined.items()}
        asked = self._ring.answer(head.method, head.raw_target, fields, visitor.client)
        answered = Deferred.fromCoroutine(asked)
        answered.addCallback(self._answered, visitor, errand)
        answered.addErrback(lambda failure: visitor.fault(failure))

    def _judge(self, visitor: Visitor, head: RequestHead) -> tuple[int, str] | None:
        here = getattr(visitor.transport.getHost(), "host", "")
        version = b"HTTP/1.%d" % head.version[1]
        told = [head.combined[b"host"]] if b"host" in head.combined else []
        authority = head.target.authority if head.target is not None else None
        status = hosts.refusal(version, told, self._hall.names, here, authority)
        if status is not None:
            return status, "the ring doesn't answer to this name; add it with --host if it is yours"
        if self.users is None and not is_local(visitor.client):
            return 403, "the ring is for this machine alone, or for users (--htpasswd)"
        if self.users is None and any(name in head.combined for name in FORWARDED):
            return (
                403,
                "this came by way of a proxy; the ring is for this machine alone, or for users (--htpasswd)",
            )
        return None

    def _answered(self, answer: Answer, visitor: Visitor, errand: Errand) -> None:
        head, http11 = errand.head, self._hall.settings.http11
        if visitor.is_gone or head is None:
            return
        is_stream = answer.stream is not None
        keeps = visitor.keeps(errand) and not is_stream
        fields = [b"%b: %b\r\n" % (name.encode(), value.encode()) for name, value in answer.headers]
        length = b"" if is_stream or answer.status == 304 else b"Content-Length: %d\r\n" % len(answer.body)
        written = b"".join(
            (
                b"HTTP/1.%d %d %b\r\nContent-Type: %b\r\n"
                % (http11, answer.status, reason(answer.status), answer.kind.encode()),
                length,
                *fields,
                _SAFE,
                b"" if keeps or not http11 else b"Connection: close\r\n",
                b"\r\n",
            )
        )
        body = b"" if head.method == b"HEAD" or answer.status == 304 else answer.body
        if is_stream and head.method != b"HEAD" and answer.stream is not None:
            visitor.transport.write(written + body)
            visitor.receive(Follower(visitor, answer.stream))
            return
        visitor.tell(errand, written + body, remembers=False, status=answer.status)

    # -- the WebSocket -------------------------------------------------------------------------------------

    def _talk(self, visitor: Visitor, errand: Errand, head: RequestHead, data: bytes) -> bytes:
        try:
            from netsuite.httpecho.websocket import open_talk
        except ImportError:
            visitor.refuse(
                501, "WebSocket needs the extra websocket: pip install 'netsuite[websocket]'", errand.raw
            )
            return b""
        return open_talk(self._hall, visitor, errand, head, data)


def is_local(client: str) -> bool:
    """Whether a client is on this machine; over a Unix socket it has no address."""
    if not client:
        return True
    try:
        address: Any = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
