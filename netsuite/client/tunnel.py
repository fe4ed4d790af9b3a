"""A tunnel through a proxy, asked for by CONNECT (RFC 9110 §9.3.6)."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from netsuite.client.credentials import basic
from netsuite.client.proxies import ForwardProxy
from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import Fields
from netsuite.http1.head import HeadReader, ResponseHead, parse_response, write_request
from netsuite.http1.limits import DEFAULT
from netsuite.journal import escaped
from netsuite.outcome import Failed, Outcome
from netsuite.reach.line import Line
from netsuite.reach.place import Place


def proxy_fields(proxy: ForwardProxy) -> Fields:
    """Return the fields that tell a proxy who we are."""
    return [] if proxy.login is None else [(b"Proxy-Authorization", basic(proxy.login))]


class Connect:
    """A proxy on the way to a place (``reach.way.Through``)."""

    def __init__(self, proxy: ForwardProxy) -> None:
        self.proxy = proxy
        self.place = Place(proxy.host, proxy.port)

    def ask(self, line: Line, place: Place) -> defer.Deferred[Line]:
        """Fires with the line to ``place``; may be cancelled.  Fails with: Failed."""
        host = f"[{place.host}]" if ":" in place.host else place.host
        target = f"{host}:{place.port}".encode("ascii")
        head = write_request(b"CONNECT", target, [(b"Host", target), *proxy_fields(self.proxy)])
        asking = _Asking(line, head, self.proxy.place)
        line.carry(asking)
        return asking.done


class _Asking(Protocol):
    """Asks for the tunnel and then lets go of the connection."""

    transport: Any

    def __init__(self, line: Line, head: bytes, proxy: str) -> None:
        self._line, self._head, self._proxy = line, head, proxy
        self._reader = HeadReader(parse_response, DEFAULT)
        self._is_over = False
        self.done: defer.Deferred[Line] = defer.Deferred(self._cancelled)

    def connectionMade(self) -> None:
        """Ask."""
        self.transport.write(self._head)

    def dataReceived(self, data: bytes) -> None:
        """The proxy answers."""
        if self._is_over:
            return
        try:
            found = self._reader.feed(data)
            while found is not None and found[0].status < 200:
                found = self._reader.feed(found[1])
        except BadMessage as error:
            self._fail(Failed("unknown", f"the proxy {self._proxy} sent no HTTP answer: {error.reason}"))
            return
        if found is None:
            return
        head, rest = found
        if head.status >= 300:
            self._fail(refused(head, self._proxy))
        elif rest:  # in TLS the client speaks first
            self._fail(Failed("unknown", f"the proxy {self._proxy} sent what nobody had asked for"))
        else:
            self._is_over = True
            self.done.callback(self._line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The proxy closed before it had answered."""
        if not self._is_over:
            self._is_over = True
            self.done.errback(Failed("lost", f"the proxy {self._proxy} closed the connection"))

    def _fail(self, error: Failed) -> None:
        self._is_over = True
        self.transport.abortConnection()
        self.done.errback(error)

    def _cancelled(self, done: object) -> None:
        self._is_over = True
        self.transport.abortConnection()


def refused(head: ResponseHead, proxy: str) -> Failed:
    """Return the failure that a proxy's answer to CONNECT is."""
    told = Outcome.of_status(head.status, retry_after=b"retry-after" in head.combined)
    cause = told.cause or "http"
    if head.status == 403:
        cause = "declined"
    reason = escaped(head.reason)
    return Failed(cause, f"the proxy {proxy} answered {head.status} {reason}".rstrip(), detail="proxy")
