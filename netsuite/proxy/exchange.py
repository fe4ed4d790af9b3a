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

from typing import TYPE_CHECKING, Any

from twisted.internet import defer
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.glue import Gate
from netsuite.http1.body import Body, ChunkedBody, CloseBody, chunk, last_chunk
from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import Fields, split_list
from netsuite.http1.head import HTTP11, RequestHead, ResponseHead
from netsuite.proxy import handshake, refusal, rewrite
from netsuite.proxy.hooks import Tap
from netsuite.proxy.route import Forward, Refuse
from netsuite.proxy.tunnel import Record
from netsuite.proxy.upload import Upload
from netsuite.proxy.upstream import UpstreamSide

if TYPE_CHECKING:
    from netsuite.proxy.client import ClientSide

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))

#: Schemes that log in a connection, not a request: such a connection must not serve another client.
_OF_CONNECTIONS = (b"ntlm", b"negotiate", b"kerberos")


def passes_upgrade(request: RequestHead, *, inside: bool = False) -> bool:
    """Return whether the protocols that a request offers are passed on.

    Of plain requests a WebSocket alone, a GET without content (RFC 6455 §4.1).  ``inside`` TLS that was
    opened the client speaks with the origin as if we were not there: anything but h2c, which is not for TLS
    (RFC 9113 §3.1).
    """
    if request.upgrade is None or request.chunked or request.length:
        return False
    offered = request.upgrade.lower()
    if inside:
        return b"h2c" not in split_list(offered)
    return offered == b"websocket" and request.method == b"GET"


class Exchange:
    """One request on its way.  ``is_sent``: the whole of it has gone to the origin."""

    __slots__ = (
        "_chunked_out",
        "_close",
        "_dialling",
        "_ended",
        "_gate",
        "_head",
        "_is_answered",
        "_logs_in",
        "_max_forwards",
        "_permit",
        "_relaying",
        "_retried",
        "_sent",
        "_started",
        "_tap",
        "_upload",
        "_upstream",
        "client",
        "is_sent",
        "kind",
        "number",
        "request",
        "status",
        "target",
    )

    def __init__(self, client: ClientSide, request: RequestHead, decision: Forward) -> None:
        self.client, self.request = client, request
        self.target, self._permit, self._max_forwards = decision
        relay = client.relay
        self.number = relay.next_number()
        self.status, self.kind = 0, b""
        self.is_sent = not (request.chunked or request.length)
        self._upload = None if self.is_sent else Upload(request, relay.limits, relay.rules.max_body)
        self._upstream: UpstreamSide | None = None
        self._dialling: defer.Deferred[UpstreamSide] | None = None
        self._gate: Gate | None = None
        self._tap: Tap | None = None
        self._head = b""
        self._is_answered = self._chunked_out = self._relaying = self._ended = self._retried = False
        self._logs_in = False
        self._close = True
        self._sent = 0
        self._started = relay.reactor.seconds()

    # to the origin

    def start(self) -> None:
        """Ask the origin, on a waiting connection or a new one."""
        pool = self.client.relay.pool
        if self.request.chunked and pool.is_old(self.target):
            self.refuse(Refuse(411, "length", "the origin speaks HTTP/1.0, which knows no chunks"))
            return
        upstream = self._upstream = pool.take(self.target, self._permit)
        if upstream is not None:
            self._ask(upstream)
        else:
            self._dial()

    def _dial(self) -> None:
        if not self.is_sent:
            self.client.source.pauseProducing()  # the body waits in the client's socket
        fresh = self.client.relay.pool.fresh(self.target, self._permit)
        dialling = self._dialling = defer.Deferred.fromCoroutine(fresh)
        dialling.addCallbacks(self._connected, self._unreachable)
        dialling.addErrback(self.client.fault)

    def _connected(self, upstream: UpstreamSide) -> None:
        self._dialling = None
        if self._ended:
            upstream.transport.loseConnection()
            return
        self._upstream = upstream
        if not self.is_sent:
            self.client.source.resumeProducing()
        self._ask(upstream)

    def _unreachable(self, failure: Failure) -> None:
        self._dialling = None
        if self._ended:
            return
        told = refusal.of_failure(failure, journal.escaped(self.target.host))
        if told is None:
            self.client.fault(failure)
        else:
            self.refuse(told)

    def _ask(self, upstream: UpstreamSide) -> None:
        client, request = self.client, self.request
        relay = client.relay
        client.deadline = relay.reactor.seconds() + relay.times.answer
        head = rewrite.request(
            request,
            self.target,
            relay.via,
            upgrade=request.upgrade is not None and self._passes_upgrade(),
            hop=upstream.hop,
            max_forwards=self._max_forwards,
            client=client.host if relay.forwarded_for else None,
        )
        upstream.ask(self, head)
        upload = self._upload
        if upload is None:
            return
        if not self.is_sent:
            upstream.transport.registerProducer(self, True)
        early, upload.early = upload.early, []
        for framed in early:
            upstream.transport.write(framed)
        if self.is_sent:
            self._upload_done(upstream)
        if relay.bandwidth is not None:
            client.slow_down(upload.count)

    def _passes_upgrade(self) -> bool:
        return passes_upgrade(self.request, inside=self.client.scheme == b"https")

    def upload(self, data: bytes) -> bytes | None:
        """Send more of the request's body; return what lies past its end, None while it goes on."""
        upload = self._upload
        if upload is None or self.is_sent:
            return data
        try:
            framed, rest = upload.feed(data)
        except BadMessage as error:
            cause = "body" if error.status == 413 else "message"
            self.refuse(Refuse(error.status, cause, error.reason))
            return b""
        self.is_sent = rest is not None
        upstream, client = self._upstream, self.client
        if upstream is None:
            upload.early.append(framed)
            return rest
        relay = client.relay
        client.deadline = relay.reactor.seconds() + relay.times.answer
        upstream.transport.write(framed)
        if self.is_sent:
            self._upload_done(upstream)
        if relay.bandwidth is not None:
            client.slow_down(len(framed))
        return rest

    def _upload_done(self, upstream: UpstreamSide) -> None:
        upstream.transport.unregisterProducer()
        self.client.source.resumeProducing()

    def pauseProducing(self) -> None:
        """The origin's queue is full."""
        self.client.source.pauseProducing()

    def resumeProducing(self) -> None:
        """The origin's queue is empty."""
        self.client.source.resumeProducing()

    def stopProducing(self) -> None:
        """The origin's connection is gone; what that means for the client is decided when it tells us."""

    # from the origin

    @property
    def may_keep(self) -> bool:
        """Whether the origin's connection may serve another request, anybody's."""
        return self.is_sent and not self._logs_in

    def interim(self, head: ResponseHead) -> None:
        """Pass on a 1xx answer; HTTP/1.0 knows none (RFC 9110 §15.2)."""
        if self.request.version is HTTP11:
            self.client.transport.write(rewrite.interim(head))

    def answered(self, head: ResponseHead, body: Body) -> None:
        """The final answer's head came; it is sent together with the first of its body."""
        request, upstream = self.request, self._upstream
        client = self.client
        relay = client.relay
        if upstream is not None and upstream.hop is not None and head.status == 407:
            relay.pool.dialler.chain.failed(upstream.hop)
            self.refuse(Refuse(502, "upstream", str(handshake.refused(upstream.hop, 407))))
            return
        self._is_answered = True
        unframed = isinstance(body, CloseBody)
        is_11 = request.version is HTTP11
        self._chunked_out = is_11 and (unframed or isinstance(body, ChunkedBody))
        self._close = (
            not request.keep_alive
            or not self.is_sent
            or client.closing
            or (not is_11 and (unframed or isinstance(body, ChunkedBody)))
        )
        if head.version is not HTTP11 or relay.pool.old_origins:
            relay.pool.note_version(self.target, is_old=head.version is not HTTP11)
        fields = head.combined
        if head.status == 401 or b"authorization" in request.combined:
            self._logs_in = _logs_in_connection(request, head)
        self.status, self.kind = head.status, fields.get(b"content-type", b"")
        self._head = rewrite.response(
            head, self.target, relay.via, chunked=self._chunked_out, close=self._close
        )
        self._tap = relay.hooks.on_response(self.number, request, head)

    def relay(self, payload: bytes) -> None:
        """Hand on more of the answer's body."""
        client = self.client
        relay = client.relay
        client.deadline = relay.reactor.seconds() + relay.times.idle
        if not self._relaying and self._upstream is not None:
            self._relaying = True
            source: Any = self._upstream.transport
            if relay.bandwidth is not None:
                source = self._gate = Gate(source, relay.reactor)
            client.transport.registerProducer(source, True)
        framed = chunk(payload) if self._chunked_out and payload else payload
        if self._head:
            framed, self._head = self._head + framed, b""
        client.transport.write(framed)
        self._sent += len(payload)
        if self._tap is not None and payload:
            self._tap.data(payload)
        if self._gate is not None and relay.bandwidth is not None:
            wait = relay.bandwidth.spend(client.host, len(payload), relay.reactor.seconds())
            self._gate.hold(wait)
            client.deadline += wait  # it is not the origin who is silent

    def stop_relaying(self) -> None:
        """Let go of the origin's connection, which reads again: it may go to the pool."""
        if self._relaying and self._upstream is not None:
            self._relaying = False
            self.client.transport.unregisterProducer()
            if self._gate is not None:
                self._gate.open()
            self._upstream.transport.resumeProducing()

    def finished(self, payload: bytes, trailers: Fields) -> None:
        """The answer is whole; the last of it is sent."""
        client = self.client
        framed = payload
        if self._chunked_out:
            framed = chunk(payload) + last_chunk(trailers)
        if self._head:
            framed = self._head + framed
        self._head = b""
        if framed:
            client.transport.write(framed)
        self._sent += len(payload)
        tap = self._tap
        if tap is not None:
            if payload:
                tap.data(payload)
            self._tap = None
            tap.end(True)
        self._end()
        client.exchange_done(close=self._close or not self.is_sent, lingers=not self.is_sent)
        if client.relay.bandwidth is not None:
            client.slow_down(len(payload))

    def upgraded(self, head: ResponseHead, data: bytes) -> None:
        """The origin changed protocols as the client asked: from here on it is a tunnel (RFC 9110 §7.8)."""
        upstream = self._upstream
        if upstream is None or not self._passes_upgrade():
            if upstream is not None:
                upstream.abandon()
            self.origin_failed("a change of protocol that nobody asked for")
            return
        self.status, self._ended = 101, True
        client = self.client
        relay = client.relay
        relay.meter.request(101, 0, 0, 0.0)
        client.transport.write(rewrite.response(head, self.target, relay.via, chunked=False, close=False))
        record = Record(relay, self.number, client.shown, self.target, upstream.address, self._started)
        client.tunnelled(upstream, record, data)

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
        """Nothing moved for too long, or all of it took too long."""
        if self._is_answered:
            self._abandon()
            self.cut()
        else:
            self.refuse(Refuse(504, "timeout", "the origin did not answer in time"))

    def refuse(self, told: Refuse) -> None:
        """Answer ourselves, while nothing of an answer was sent."""
        self._abandon()
        if self._is_answered and not self._head:
            self.cut()
            return
        self.status, self._head = told.status, b""
        self._end(told)
        close = not self.request.keep_alive or not self.is_sent or self.client.closing
        self.client.write_refusal(told, self.request, close=close)
        self.client.exchange_done(close=close, lingers=not self.is_sent)

    def cut(self) -> None:
        """Show that the answer is short: by its framing, or by a reset if it has none."""
        self.stop_relaying()
        self._end()
        self.client.exchange_cut(reset=not self._chunked_out and self._close)

    def client_lost(self) -> None:
        """The client left."""
        self._abandon()
        self._end()

    def fail(self) -> bool:
        """End for a fault of ours; return whether the client can still be answered."""
        tap, self._tap = self._tap, None
        self._abandon()
        if not self._ended:
            self.status = 500
            self._end(Refuse(500, "fault", "a fault of ours"))
        if tap is not None:
            try:
                tap.end(False)
            except Exception:  # it may be what failed
                journal.fault(where="hooks", failure=Failure())
        return not self._is_answered or bool(self._head)

    def _abandon(self) -> None:
        dialling, self._dialling = self._dialling, None
        upstream, self._upstream = self._upstream, None
        if dialling is not None:
            ended, self._ended = self._ended, True  # its own failure is nobody's business any more
            dialling.cancel()
            self._ended = ended
        if upstream is None:
            return
        if self._relaying:
            self._relaying = False
            self.client.transport.unregisterProducer()
            if self._gate is not None:
                self._gate.open()
        try:
            upstream.transport.unregisterProducer()
            upstream.abandon()
        except Exception:  # a fault of ours; even so no connection is left behind
            upstream.transport.abortConnection()
            raise

    def _end(self, told: Refuse | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        tap, self._tap = self._tap, None
        if tap is not None:
            tap.end(False)
        client, status = self.client, self.status
        relay = client.relay
        seconds = relay.reactor.seconds() - self._started
        relay.meter.request(status, self._sent, self._upload.count if self._upload else 0, seconds)
        if told is not None:
            relay.log.refused(
                self.number, client.shown, self.request, status, told.cause, told.reason, seconds
            )
            return
        upstream = self._upstream
        relay.log.request(
            self.number,
            client.shown,
            self.request,
            self.target,
            status,
            self.kind,
            self._sent,
            seconds,
            upstream.address if upstream is not None else "-",
        )


def _logs_in_connection(request: RequestHead, head: ResponseHead) -> bool:
    """Return whether this exchange logs in the connection itself, as NTLM does (RFC 4559 §6)."""
    given = request.combined.get(b"authorization", b"")
    asked = head.combined.get(b"www-authenticate", b"") if head.status == 401 else b""
    return any(scheme in (given[:10] + b" " + asked).lower() for scheme in _OF_CONNECTIONS)
