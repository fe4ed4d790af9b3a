"""One request and its answer: what ties a client's side to an origin's.

Theory.  An exchange is made when a request's head was judged; it takes a waiting connection or makes one,
sends the head, and from then on hands bytes across: ``upload`` from the client, ``relay`` from the origin.
It ends once, in one of four ways, whatever else happens afterwards: ``finished`` (the answer is whole), a
refusal of ours (nothing of an answer was sent yet), ``cut`` (too late for a refusal: the client sees a
short message), ``client_lost``.

A request that was sent on a used connection which the origin closed without a byte of answer is sent again,
once, on a new connection, if its method is idempotent and it has no body (RFC 9110 §9.2.2, RFC 9112
§9.3.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet import defer
from twisted.internet import error as neterror
from twisted.internet.error import ConnectError, DNSLookupError

from netsuite import journal
from netsuite.glue import join
from netsuite.guard import Forbidden, OwnAddress
from netsuite.http1.body import Body, ChunkedBody, CloseBody, chunk, last_chunk, request_body
from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import Fields, end_to_end
from netsuite.http1.head import HTTP11, RequestHead, ResponseHead, write_response
from netsuite.http1.target import Target
from netsuite.proxy import rewrite
from netsuite.proxy.hooks import Tap
from netsuite.proxy.route import Refuse
from netsuite.proxy.upstream import UpstreamSide

if TYPE_CHECKING:
    from netsuite.proxy.client import ClientSide

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))


def refusal_of(error: Exception, host: str) -> Refuse:
    """Return how a failed attempt to reach an origin is told."""
    if isinstance(error, OwnAddress):
        return Refuse(508, "loop", f"{error}: the request would come back")
    if isinstance(error, Forbidden):
        return Refuse(403, "guard", str(error))
    if isinstance(error, DNSLookupError):
        return Refuse(502, "dns", f"the name {host} was not found")
    if isinstance(error, neterror.TimeoutError | neterror.TCPTimedOutError):
        return Refuse(504, "timeout", f"{host} did not answer in time")
    if isinstance(error, neterror.ConnectionRefusedError):
        return Refuse(502, "refused", f"{host} refused the connection")
    return Refuse(502, "unreachable", f"{host} cannot be reached")


def wants_websocket(request: RequestHead) -> bool:
    """Return whether a request offers the one protocol that is passed on; h2c is not (RFC 9113 §3.1)."""
    return request.upgrade is not None and request.upgrade.lower() == b"websocket"


class Exchange:
    """One request on its way.  ``is_sent``: the whole of it has gone to the origin."""

    __slots__ = (
        "_body",
        "_chunked_out",
        "_close",
        "_early",
        "_ended",
        "_head",
        "_is_answered",
        "_relaying",
        "_retried",
        "_sent",
        "_started",
        "_tap",
        "_uploaded",
        "_upstream",
        "client",
        "is_sent",
        "kind",
        "number",
        "request",
        "status",
        "target",
    )

    def __init__(self, client: ClientSide, request: RequestHead, target: Target) -> None:
        self.client, self.request, self.target = client, request, target
        self.number = client.relay.next_number()
        self.status, self.kind = 0, b""
        self.is_sent = not request.chunked and not request.length
        self._body: Body | None = None if self.is_sent else request_body(request, client.relay.limits)
        self._upstream: UpstreamSide | None = None
        self._tap: Tap | None = None
        self._early: list[bytes] = []
        self._head = b""
        self._is_answered = self._chunked_out = self._relaying = self._ended = self._retried = False
        self._close = True
        self._sent = self._uploaded = 0
        self._started = client.relay.reactor.seconds()

    # to the origin

    def start(self) -> None:
        """Ask the origin, on a waiting connection or a new one."""
        upstream = self.client.relay.pool.take(self.target)
        if upstream is not None:
            self._ask(upstream)
        else:
            self._dial()

    def _dial(self) -> None:
        if not self.is_sent:
            self.client.transport.pauseProducing()  # the body waits in the client's socket
        journal.detach(defer.Deferred.fromCoroutine(self._ask_fresh()), where="exchange")

    async def _ask_fresh(self) -> None:
        try:
            upstream = await self.client.relay.pool.fresh(self.target)
        except (Forbidden, DNSLookupError, ConnectError) as error:
            if not self._ended:
                self.refuse(refusal_of(error, journal.escaped(self.target.host)))
            return
        if self._ended:
            upstream.transport.loseConnection()
            return
        if not self.is_sent:
            self.client.transport.resumeProducing()
        self._ask(upstream)

    def _ask(self, upstream: UpstreamSide) -> None:
        self._upstream = upstream
        client = self.client
        client.deadline = client.now() + client.relay.times.answer
        upgrade = wants_websocket(self.request)
        upstream.ask(self, rewrite.request(self.request, self.target, client.relay.via, upgrade=upgrade))
        if not self.is_sent:
            upstream.transport.registerProducer(client.transport, True)
        early, self._early = self._early, []
        for payload in early:
            upstream.transport.write(payload)
        if self.is_sent and early:
            self._upload_done(upstream)

    def upload(self, data: bytes) -> bytes | None:
        """Send more of the request's body; return what lies past its end, None while it goes on."""
        if self._body is None:
            return data
        try:
            payload, rest = self._body.feed(data)
        except BadMessage as error:
            self.refuse(Refuse(error.status, "message", error.reason))
            return b""
        self._uploaded += len(payload)
        most = self.client.relay.rules.max_body
        if most is not None and self._uploaded > most:  # chunked: no head has told
            self.refuse(Refuse(413, "body", f"the body is larger than {most} bytes (--max-body)"))
            return b""
        framed = chunk(payload) if payload and self.request.chunked else payload
        if rest is not None:
            trailers = getattr(self._body, "trailers", [])
            framed += last_chunk(trailers) if self.request.chunked else b""
            self.is_sent, self._body = True, None
        upstream = self._upstream
        if upstream is None:
            self._early.append(framed)
        else:
            self.client.deadline = self.client.now() + self.client.relay.times.answer
            upstream.transport.write(framed)
            if rest is not None:
                self._upload_done(upstream)
        return rest

    def _upload_done(self, upstream: UpstreamSide) -> None:
        upstream.transport.unregisterProducer()
        self.client.transport.resumeProducing()

    # from the origin

    def interim(self, head: ResponseHead) -> None:
        """Pass on a 1xx answer; HTTP/1.0 knows none (RFC 9110 §15.2)."""
        if self.request.version is HTTP11:
            self.client.transport.write(write_response(head.status, head.reason, end_to_end(head.fields)))

    def answered(self, head: ResponseHead, body: Body) -> None:
        """The final answer's head came; it is sent together with the first of its body."""
        relay = self.client.relay
        unframed = isinstance(body, CloseBody)
        self._is_answered = True
        self._chunked_out = self.request.version is HTTP11 and (unframed or isinstance(body, ChunkedBody))
        self._close = (
            not self.request.keep_alive
            or not self.is_sent
            or self.client.closing
            or (not self._chunked_out and isinstance(body, CloseBody | ChunkedBody))
        )
        self.status, self.kind = head.status, head.combined.get(b"content-type", b"")
        self._head = rewrite.response(
            head, self.target, relay.via, chunked=self._chunked_out, close=self._close
        )
        self._tap = relay.hooks.on_response(self.number, self.request, head)

    def relay(self, payload: bytes) -> None:
        """Hand on more of the answer's body."""
        client = self.client
        client.deadline = client.now() + client.relay.times.idle
        if not self._relaying and self._upstream is not None:
            self._relaying = True
            client.transport.registerProducer(self._upstream.transport, True)
        framed = chunk(payload) if self._chunked_out and payload else payload
        if self._head:
            framed, self._head = self._head + framed, b""
        client.transport.write(framed)
        self._sent += len(payload)
        if self._tap is not None and payload:
            self._tap.data(payload)

    def stop_relaying(self) -> None:
        """Let go of the origin's connection, which reads again: it may go to the pool."""
        if self._relaying and self._upstream is not None:
            self._relaying = False
            self.client.transport.unregisterProducer()
            self._upstream.transport.resumeProducing()

    def finished(self, payload: bytes, trailers: Fields) -> None:
        """The answer is whole; the last of it is sent."""
        framed = chunk(payload) if self._chunked_out and payload else payload
        if self._chunked_out:
            framed += last_chunk(trailers)
        self._sent += len(payload)
        if self._head or framed:
            self.client.transport.write(self._head + framed)
        tap, self._tap = self._tap, None
        if tap is not None:
            if payload:
                tap.data(payload)
            tap.end(True)
        self._end()
        self.client.exchange_done(close=self._close or not self.is_sent)

    def upgraded(self, head: ResponseHead, data: bytes) -> None:
        """The origin changed protocols as the client asked: from here on it is a tunnel (RFC 9110 §7.8)."""
        upstream = self._upstream
        if upstream is None or not wants_websocket(self.request) or not self.is_sent:
            if upstream is not None:
                upstream.abandon()
            self.origin_failed("a change of protocol that nobody asked for")
            return
        self.status = 101
        client = self.client
        client.transport.write(
            rewrite.response(head, self.target, client.relay.via, chunked=False, close=False)
        )
        self._end()
        client.end, upstream.end = join(client.transport, upstream.transport, client.touch)
        client.relay.hooks.on_tunnel(self.number, self.target.host.decode("ascii"), self.target.port)
        if data:
            upstream.end.received(data)
        client.tunnelled()

    # the ways to end early; an answer whose head is still held back may be forgotten

    def origin_failed(self, reason: str) -> None:
        """The origin's bytes are no message (RFC 9112 §11): 502, or cut if that is too late."""
        if self._is_answered and not self._head:
            self.cut()
        else:
            self.refuse(Refuse(502, "message", f"the origin's answer cannot be trusted: {reason}"))

    def origin_lost(self, *, started: bool, used: bool) -> None:
        """The origin's connection ended before the answer did."""
        if self._is_answered:
            self.cut()
        elif (
            used
            and not started
            and not self._retried
            and self.request.method in IDEMPOTENT
            and not (self.request.length or self.request.chunked)
        ):
            self._retried, self._upstream = True, None
            self._dial()
        else:
            self._upstream = None
            self.refuse(Refuse(502, "lost", "the origin closed the connection without an answer"))

    def timed_out(self) -> None:
        """Nothing moved for too long."""
        self._abandon()
        if self._is_answered:
            self.cut()
        else:
            self.refuse(Refuse(504, "timeout", "the origin did not answer in time"))

    def refuse(self, refusal: Refuse) -> None:
        """Answer ourselves, while nothing of an answer was sent."""
        self._abandon()
        if self._is_answered and not self._head:
            self.cut()
            return
        self.status = refusal.status
        self._end()
        close = not self.request.keep_alive or not self.is_sent
        self.client.write_refusal(refusal, self.request, self.number, close=close)
        self.client.exchange_done(close=close)

    def cut(self) -> None:
        """Show that the answer is short: by its framing, or by a reset if it has none."""
        self.stop_relaying()
        self._end()
        self.client.exchange_cut(reset=not self._chunked_out and self._close)

    def client_lost(self) -> None:
        """The client left."""
        self._abandon()
        self._end()

    def _abandon(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is None:
            return
        if self._relaying:
            self._relaying = False
            self.client.transport.unregisterProducer()
        upstream.transport.unregisterProducer()
        upstream.abandon()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        tap, self._tap = self._tap, None
        if tap is not None:
            tap.end(False)
        client, relay = self.client, self.client.relay
        relay.tally.add("requests", f"{self.status // 100}xx" if self.status else "left")
        relay.log.request(
            conn=self.number,
            client=client.shown,
            head=self.request,
            target=self.target,
            status=self.status,
            kind=self.kind,
            sent=self._sent,
            seconds=client.now() - self._started,
            peer=self._upstream.address if self._upstream is not None else "-",
        )
