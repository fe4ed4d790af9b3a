"""One name asked of one DNS server: both families at once, over UDP, over TCP what did not fit (RFC 1035).

Theory.  A ``Question`` has a socket of its own, on a port that the kernel chose, connected with the server:
an answer from elsewhere never arrives, and a forged one has to guess port, id and name (RFC 5452 §9).
Silence is asked again.  Where an answer ends with an alias, that is asked for, a bounded number of times.

When one family's addresses are there, the other's get ``PATIENCE`` more, or what the asker allows, so that a
server which never answers one kind of question does not hold up every name (RFC 8305 §3).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import defer
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.names import dns
from twisted.protocols.basic import Int16StringReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from netsuite.dial import dial
from netsuite.resolving.answer import Asked, Found, ResolverFailed, followed

#: Seconds after which a question is sent again, and after the last of which it is given up.
RESEND_SECONDS = (1.0, 2.0, 3.0)

#: Seconds that the slower family gets once the other's addresses are there (RFC 8305 §3).
PATIENCE = 0.05

#: Most seconds that addresses of one family hold where nothing was heard of the other.
PARTLY_SECONDS = 30.0


class _Stream(Int16StringReceiver):
    """The same question over TCP (RFC 7766); ``told`` gets the answer, or None for none, once."""

    MAX_LENGTH = 65535
    transport: Any

    def __init__(self, asked: Asked, told: Callable[[Asked, dns.Message | None], None]) -> None:
        self._asked, self._told = asked, told
        self.attempt: Any = None

    def connectionMade(self) -> None:
        """Ask."""
        self.sendString(self._asked.message())

    def stringReceived(self, string: bytes) -> None:
        """The answer, or what is none."""
        self.end(self._asked.read(string))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """No answer, if none came before."""
        self.end(None)

    def end(self, message: dns.Message | None) -> None:
        """Close, and tell."""
        if self._asked.stream is self:
            self.stop()
            self._told(self._asked, message)

    def stop(self) -> None:
        """Close, and tell nothing."""
        self._asked.stream = None
        if self.transport is None:
            self.attempt.stopConnecting()
        else:
            self.transport.abortConnection()


class _Streaming(ClientFactory):
    noisy = False

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def buildProtocol(self, addr: object) -> _Stream:
        return self._stream

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._stream.end(None)


@implementer(IReadDescriptor)
class Question:
    """Asks for both families of one name; ``done`` fires once, with Found, or fails with ResolverFailed."""

    def __init__(
        self, reactor: Any, server: tuple[str, int], host: str, patience: float | None = None
    ) -> None:
        self._patience = PATIENCE if patience is None else patience
        name = host.removesuffix(".").lower().encode("ascii")
        self._reactor, self._server = reactor, server
        self._both = (Asked(name, dns.AAAA), Asked(name, dns.A))
        self._resends = list(RESEND_SECONDS)
        self._timer: Any = None
        self._hurry: Any = None
        self._socket: socket.socket | None = None
        self._over = False
        self.done: defer.Deferred[Found] = defer.Deferred(lambda _: self._close())

    def begin(self) -> defer.Deferred[Found]:
        """Ask; return ``done``, which may be cancelled."""
        family = socket.AF_INET6 if ":" in self._server[0] else socket.AF_INET
        try:
            made = self._socket = socket.socket(family, socket.SOCK_DGRAM)
            made.setblocking(False)
            made.connect(self._server)
        except OSError as error:  # no descriptor left, no way there
            self._fail(error)
            return self.done
        self._reactor.addReader(self)
        self._timer = self._reactor.callLater(self._resends.pop(0), self._resend)
        for asked in self._both:
            self._send(asked)
        return self.done

    def _send(self, asked: Asked) -> None:
        if self._socket is None:
            return
        try:
            self._socket.send(asked.message())
        except BlockingIOError:  # it is sent again
            return
        except OSError as error:
            self._fail(error)

    def _resend(self) -> None:
        waiting = [asked for asked in self._both if asked.outcome is None]
        if not self._resends:
            for asked in waiting:
                asked.outcome = ResolverFailed("the resolver does not answer")
            self._conclude()
            return
        self._timer = self._reactor.callLater(self._resends.pop(0), self._resend)
        for asked in waiting:
            if asked.stream is None:
                self._send(asked)

    # what the reactor tells

    def fileno(self) -> int:
        """Return the socket's number."""
        return -1 if self._socket is None else self._socket.fileno()

    def doRead(self) -> None:
        """An answer, or that nobody is there."""
        if self._socket is None:
            return
        try:
            data = self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        for asked in self._both:
            if asked.outcome is None and asked.stream is None:
                message = asked.read(data)
                if message is not None and message.trunc:
                    self._ask_over_tcp(asked)
                elif message is not None:
                    self._told(asked, message)
                    return

    def _ask_over_tcp(self, asked: Asked) -> None:
        stream = asked.stream = _Stream(asked, self._told)
        stream.attempt = dial(self._reactor, *self._server, _Streaming(stream), sum(RESEND_SECONDS))

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw an error on the socket."""
        self._fail(reason.value)

    def logPrefix(self) -> str:
        """Return who logs, for Twisted's own messages."""
        return "netsuite"

    # what follows

    def _told(self, asked: Asked, message: dns.Message | None) -> None:
        try:
            if message is None:
                raise ResolverFailed("the resolver does not answer over TCP")
            said = followed(message, asked.name, asked.kind)
            asked.seconds = min(asked.seconds, said.seconds)
            if said.alias is None:
                asked.outcome = Found(said.addresses, asked.seconds)
            else:
                asked.follow(said.alias)
                self._send(asked)
        except ResolverFailed as error:
            asked.outcome = error
        self._settle()

    def _settle(self) -> None:
        """Fire once enough is known."""
        outcomes = [asked.outcome for asked in self._both]
        if None not in outcomes:
            self._conclude()
            return
        have = any(isinstance(outcome, Found) and outcome.addresses for outcome in outcomes)
        if have and self._hurry is None and not self._over:
            self._hurry = self._reactor.callLater(self._patience, self._conclude)

    def _conclude(self) -> None:
        if self._over:
            return
        self._close()
        outcomes = [asked.outcome for asked in self._both]
        found = [outcome for outcome in outcomes if isinstance(outcome, Found)]
        failed = [outcome for outcome in outcomes if isinstance(outcome, ResolverFailed)]
        addresses = tuple(address for outcome in found for address in outcome.addresses)
        if failed and not addresses:
            self.done.errback(failed[0])
            return
        seconds = min(outcome.seconds for outcome in found)
        self.done.callback(Found(addresses, seconds if len(found) == 2 else min(seconds, PARTLY_SECONDS)))

    def _fail(self, error: BaseException | None) -> None:
        if not self._over:
            self._close()
            told = getattr(error, "strerror", None) or error
            self.done.errback(ResolverFailed(f"the resolver cannot be asked: {told}"))

    def _close(self) -> None:
        self._over = True
        for timer in (self._timer, self._hurry):
            if timer is not None and timer.active():
                timer.cancel()
        for asked in self._both:
            if asked.stream is not None:
                asked.stream.stop()
        made, self._socket = self._socket, None
        if made is not None:
            self._reactor.removeReader(self)
            made.close()
