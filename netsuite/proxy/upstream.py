"""The connection to an origin: one exchange at a time, or none.

Theory.  Bytes of an answer are read by what the answer's own head says (``http1.body``), handed to the
exchange, and the connection goes back to the pool when the body has ended, nothing lies past it, both sides
may go on and the request was sent whole.  Bytes that nobody asked for end the connection: they would be
taken for the next answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from netsuite.glue import End
from netsuite.http1.body import Body, passing_trailers, response_body
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HeadReader, ResponseHead, parse_response
from netsuite.http1.limits import Limits
from netsuite.proxy.dialling import Dialling
from netsuite.wire import IWire

if TYPE_CHECKING:
    from netsuite.proxy.exchange import Exchange
    from netsuite.proxy.pool import Pool


class UpstreamSide(Dialling):
    """An origin's connection.  ``used``: it has answered before, so the origin may be closing it just now."""

    transport: IWire  # type: ignore[assignment]  # a real connection has more than ITransport

    def __init__(self, pool: Pool, origin: tuple[bytes, int], limits: Limits) -> None:
        self.origin = origin
        self.used = False
        self.end: End | None = None
        self.idle_until = 0.0
        self._pool, self._limits = pool, limits
        self._exchange: Exchange | None = None
        self._heads: HeadReader[ResponseHead] = HeadReader(parse_response, limits)
        self._head: ResponseHead | None = None
        self._body: Body | None = None
        self._begun = False  # a 1xx has come

    def connectionMade(self) -> None:
        """Be counted among the open ones, and say so."""
        self._pool.connected(self)
        self.greet()

    @property
    def is_free(self) -> bool:
        """Whether no exchange and no tunnel has this connection."""
        return self._exchange is None and self.end is None

    def ask(self, exchange: Exchange, head: bytes) -> None:
        """Send a request's head; the answer goes to ``exchange``."""
        self._exchange, self._begun = exchange, False
        self.transport.write(head)

    def dataReceived(self, data: bytes) -> None:
        """Read an answer, and hand on what is body."""
        exchange = self._exchange
        if exchange is None:
            self._unasked(data)
            return
        try:
            try:
                body = self._body
                if body is None:
                    rest = self._read_head(exchange, data)
                    body = self._body
                    if rest is None or body is None:
                        return
                    data = rest
                payload, spare = body.feed(data)
                if spare is None:
                    exchange.relay(payload)
                else:
                    self._finish(exchange, payload, spare)
            except BadMessage as error:
                self._exchange = None
                self.transport.abortConnection()
                exchange.origin_failed(error.reason)
        except Exception:  # our own fault ends this exchange, and is told
            self._exchange = None
            self.transport.abortConnection()
            exchange.client.fault(Failure())

    def _unasked(self, data: bytes) -> None:
        if self.end is not None:
            self.end.received(data)
            return
        self._pool.lost(self)  # nobody may take it before its end is told
        self.transport.abortConnection()

    def _read_head(self, exchange: Exchange, data: bytes) -> bytes | None:
        while True:
            found = self._heads.feed(data)
            if found is None:
                return None
            head, data = found
            if head.status >= 200:
                break
            if head.status == 101:
                self._exchange = None
                self._pool.lost(self)
                exchange.upgraded(head, data)
                return None
            self._begun = True
            exchange.interim(head)
        self._head = head
        body = self._body = response_body(head, exchange.request.method, self._limits)
        exchange.answered(head, body)
        return data if self._exchange is exchange else None

    def _finish(self, exchange: Exchange, payload: bytes, spare: bytes) -> None:
        head, body = self._head, self._body
        self._exchange = self._head = self._body = None
        exchange.stop_relaying()
        if not spare and head is not None and head.keep_alive and exchange.may_keep:
            self.used = True
            self._pool.give(self)
        else:
            self.transport.loseConnection()
        exchange.finished(payload, passing_trailers(body, head.connection if head is not None else ()))

    def abandon(self) -> None:
        """The exchange has ended without this connection's answer; nothing more is read."""
        self._exchange = None
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End the exchange that was under way: as its body ends, or as cut short."""
        self._pool.lost(self)
        if self.end is not None:
            self.end.lost(aborted=not reason.check(ConnectionDone))
            return
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        try:
            if self._body is not None and self._body.complete and reason.check(ConnectionDone):
                exchange.stop_relaying()
                exchange.finished(b"", [])
            else:
                started = self._begun or bool(self._heads.held or self._head)
                exchange.origin_lost(started=started, used=self.used)
        except Exception:
            exchange.client.fault(Failure())
