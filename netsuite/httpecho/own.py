"""Paths that are ours and not echoed: health, the ring, and the WebSocket.

The ring is for this machine alone unless users are named.  A request that has come by way of a proxy is not
from this machine, though its connection is; nor is one for a name that isn't ours, as a page of another site
could have made it (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.internet.defer import Deferred

from netsuite import journal
from netsuite.access import Htpasswd
from netsuite.http1.head import RequestHead
from netsuite.httpecho.answering import WHOLE_MAX
from netsuite.httpecho.desk import Desk
from netsuite.httpecho.errand import Errand
from netsuite.httpecho.following import Follower
from netsuite.httpecho.hall import Hall
from netsuite.httpecho.heads import TEXT, reason
from netsuite.httpecho.pouring import pieces_of
from netsuite.httpecho.ringsite import RingSite
from netsuite.httpecho.seat import Seat
from netsuite.listen import authority
from netsuite.site import hosts
from netsuite.site.answer import Answer
from netsuite.site.safety import SECURITY
from netsuite.site.safety import lines as lines_of_fields

#: What says that a request came by way of somebody else.
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")

_SAFE = lines_of_fields(SECURITY) + b"\r\n"


class Own:
    """Answers for our own paths.  ``users``: who may see the ring, where that is not this machine alone."""

    def __init__(self, hall: Hall, desk: Desk) -> None:
        self._hall, self._desk = hall, desk
        self.users: Htpasswd | None = None
        self._ring = RingSite(hall, lambda: self.users)

    def take(self, seat: Seat, errand: Errand, head: RequestHead, path: bytes, data: bytes) -> bytes | None:
        """Answer a request for a path of ours; return what is past it, None if the path is none."""
        if path in self._hall.settings.health:
            self._desk.tell(seat, errand, self._healthy(seat, errand))
        elif path == b"/_ring" or path.startswith((b"/_ring/", b"/_ring.")):
            self._show(seat, errand, head)
        elif path == b"/_ws":
            return self._talk(seat, errand, head, data)
        else:
            return None
        return b"" if head.chunked or head.length else data  # of a body nobody has asked for

    def _healthy(self, seat: Seat, errand: Errand) -> bytes:
        body, settings = b"ok\n", self._hall.settings
        head = self._hall.heads.written(
            200, TEXT, len(body), is_11=settings.http11, close=not self._desk.keeps(seat, errand)
        )
        return head if errand.head is not None and errand.head.method == b"HEAD" else head + body

    # -- the ring ------------------------------------------------------------------------------------------

    def _show(self, seat: Seat, errand: Errand, head: RequestHead) -> None:
        refusal = self._judge(seat, head)
        if refusal is not None:
            self._desk.refuse(seat, *refusal, errand.raw, remembers=False)
            return
        seat.wait()
        here = seat.transport.getHost()
        place = authority(getattr(here, "host", "localhost"), getattr(here, "port", 80))
        asked = self._ring.answer(head, seat.client, place)
        answered = Deferred.fromCoroutine(asked)
        answered.addCallback(self._answered, seat, errand)
        journal.detach(answered, where="httpecho.ring")

    def _judge(self, seat: Seat, head: RequestHead) -> tuple[int, str] | None:
        here = getattr(seat.transport.getHost(), "host", "")
        version = b"HTTP/1.%d" % head.version[1]
        told = [head.combined[b"host"]] if b"host" in head.combined else []
        authority = head.target.authority if head.target is not None else None
        status = hosts.refusal(version, told, self._hall.names, here, authority)
        if status is not None:
            return status, "the ring doesn't answer to this name; add it with --host if it is yours"
        if self.users is None and not is_local(seat.client):
            return 403, "the ring is for this machine alone, or for users (--htpasswd)"
        if self.users is None and any(name in head.combined for name in FORWARDED):
            return (
                403,
                "this came by way of a proxy; the ring is for this machine alone, or for users (--htpasswd)",
            )
        return None

    def _answered(self, answer: Answer, seat: Seat, errand: Errand) -> None:
        """Send an answer of the ring's site."""
        asked, stream = errand.head, answer.stream
        if seat.is_gone or asked is None:
            return
        with seat.guarded():
            if not self._hall.visits.is_off:
                self._desk.log(seat, errand.raw, asked, answer.status, len(answer.body))
            is_bare = asked.method == b"HEAD" or answer.status == 304
            head = self._head(answer, keeps=stream is None and self._desk.keeps(seat, errand))
            if stream is not None and not is_bare:
                seat.transport.write(head + answer.body)
                seat.receive(Follower(seat, stream))
            elif is_bare or len(answer.body) <= WHOLE_MAX:
                self._desk.tell(seat, errand, head if is_bare else head + answer.body)
            else:
                errand.is_begun = True
                self._desk.tell(seat, errand, head, pieces_of(answer.body))

    def _head(self, answer: Answer, *, keeps: bool) -> bytes:
        status, http11 = answer.status, self._hall.settings.http11
        lines = [
            b"HTTP/1.%d %d %b" % (http11, status, reason(status)),
            b"Content-Type: " + answer.kind.encode(),
            *(b"%b: %b" % (name.encode(), value.encode()) for name, value in answer.headers),
        ]
        if answer.stream is None and status != 304:
            lines.append(b"Content-Length: %d" % len(answer.body))
        if http11 and not keeps:
            lines.append(b"Connection: close")
        return b"\r\n".join([*lines, _SAFE])

    # -- the WebSocket -------------------------------------------------------------------------------------

    def _talk(self, seat: Seat, errand: Errand, head: RequestHead, data: bytes) -> bytes:
        try:
            from netsuite.httpecho.websocket import open_talk
        except ImportError:
            self._desk.refuse(
                seat,
                501,
                "WebSocket needs the extra websocket: pip install 'netsuite[websocket]'",
                errand.raw,
            )
            return b""
        return open_talk(self._hall, self._desk, seat, errand, head, data)


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
