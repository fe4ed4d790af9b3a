"""The system's resolver, which blocks, for half a minute where its servers are silent.

So each look-up has a thread of its own, and nobody waits for it at the end.  How many there are is bounded by
whoever asks (``Names``).
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from twisted.internet import defer
from twisted.internet.interfaces import IHostResolution, IReactorFromThreads, IResolutionReceiver
from zope.interface import implementer

from netsuite.resolving.answer import Found, ResolverFailed

#: Seconds that an answer of the system's resolver holds, which does not tell for how long it does.
SYSTEM_SECONDS, SYSTEM_ABSENT_SECONDS = 30.0, 5.0

_ABSENT = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


class System:
    """The system's resolver, or the reactor's own where it can run no threads, such as a test's."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def ask(self, host: str) -> defer.Deferred[Found]:
        """Look a name up."""
        if not IReactorFromThreads.providedBy(self._reactor):
            return _by_reactor(self._reactor, host)
        done: defer.Deferred[Found] = defer.Deferred()
        try:
            threading.Thread(target=self._run, args=(host, done), name="resolver", daemon=True).start()
        except RuntimeError:  # no thread left
            done.errback(ResolverFailed("no thread is left to ask the resolver"))
        return done

    def _run(self, host: str, done: defer.Deferred[Found]) -> None:
        try:
            result: Found | ResolverFailed = _by_system(host)
        except ResolverFailed as error:
            result = error
        with contextlib.suppress(OSError):  # the reactor has ended meanwhile
            self._reactor.callFromThread(
                done.errback if isinstance(result, ResolverFailed) else done.callback, result
            )


def _by_system(host: str) -> Found:
    try:
        # as bytes: a str would go through IDNA first, which raises errors of its own
        listed = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _ABSENT:
            return Found((), SYSTEM_ABSENT_SECONDS)
        raise ResolverFailed(f"the resolver failed ({error.strerror})") from None
    except (OSError, ValueError) as error:
        raise ResolverFailed(f"the resolver failed ({error})") from None
    return Found(tuple(str(entry[4][0]) for entry in listed), SYSTEM_SECONDS)


def _by_reactor(reactor: Any, host: str) -> defer.Deferred[Found]:
    collected = _Collected()
    reactor.nameResolver.resolveHostName(collected, host, 0)
    return collected.done


@implementer(IResolutionReceiver)
class _Collected:
    def __init__(self) -> None:
        self._hosts: list[str] = []
        self.done: defer.Deferred[Found] = defer.Deferred()

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Nothing to keep: it is not cancelled."""

    def addressResolved(self, address: Any) -> None:
        self._hosts.append(address.host)

    def resolutionComplete(self) -> None:
        found = tuple(self._hosts)
        self.done.callback(Found(found, SYSTEM_SECONDS if found else SYSTEM_ABSENT_SECONDS))
