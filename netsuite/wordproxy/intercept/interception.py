"""Which tunnels are opened, and what becomes of clients that won't have it.

A tunnel is opened if its host is listed and not on the never-list, if the client's first bytes are a TLS
handshake for that very host, and if no client has refused our certificate there lately: programs that pin
certificates would never work otherwise.  In every other case it goes its way untouched, as if we had never
looked.

One alert about the certificate is a refusal.  Leaving without a word is one the third time in a row, since it
may be anything; a request that comes through clears the host of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.http1.target import Target
from netsuite.proxy.inside import go_inside
from netsuite.proxy.lookout import Opening, Watch
from netsuite.wordproxy.intercept import hello
from netsuite.wordproxy.intercept.hosts import Hosts, address_of
from netsuite.wordproxy.intercept.leaves import Leaves

if TYPE_CHECKING:
    from netsuite.proxy.client import ClientSide

#: Seconds for a ClientHello; a client that waits for the other side to speak first waits no longer.
HELLO_SECONDS = 2.0

#: Hosts remembered as pinned, and for how many seconds.
PINNED_MAX, PINNED_SECONDS = 1000, 86_400.0

#: Times in a row that clients may leave without a word.
DOUBTS_MAX = 3

#: What OpenSSL calls alerts about our certificate (RFC 8446 §6.2), whatever its version puts before it.
_REFUSALS = ("unknown ca", "certificate", "access denied", "decrypt error")


class Interception:
    """Decides for one relay; a `Lookout`, and a ``Listener`` of what clients make of it."""

    def __init__(
        self, hosts: Hosts, leaves: Leaves, reactor: Any, *, on_pinned: Callable[[str], object] = str
    ) -> None:
        self.hosts, self.leaves = hosts, leaves
        self._reactor, self._on_pinned = reactor, on_pinned
        self._pinned: dict[str, float] = {}  # until when
        self._doubts: dict[str, int] = {}

    def wants(self, target: Target) -> bool:
        """Whether a tunnel to this target is to be looked into."""
        host = target.host.decode("ascii").rstrip(".")
        return host in self.hosts and not self.is_pinned(host)

    def look(self, client: ClientSide, opening: Opening) -> Watch:
        """Return what gets the client's bytes until it is decided."""
        return Look(client, opening, self, self._reactor)

    # what clients make of it

    def accepted(self, host: str) -> None:
        """A client has sent a request."""
        self._doubts.pop(host, None)

    def refused(self, host: str, reason: str) -> None:
        """A client has ended the handshake, with an alert if ``reason`` says one."""
        if "alert" in reason and any(part in reason for part in _REFUSALS):
            self.pin(host)
        else:
            self.silent(host)

    def silent(self, host: str) -> None:
        """A client has left without a request."""
        doubts = self._doubts.pop(host, 0) + 1
        if doubts >= DOUBTS_MAX:
            self.pin(host)
            return
        if len(self._doubts) >= PINNED_MAX:
            del self._doubts[next(iter(self._doubts))]
        self._doubts[host] = doubts

    def pin(self, host: str) -> None:
        """Tunnels to this host go untouched for a day; whoever wants to know is told."""
        if not self.is_pinned(host):
            journal.interception_refused(host=host)
            self.note_pinned(host)
            self._on_pinned(host)

    def note_pinned(self, host: str) -> None:
        """Another process of ours has pinned this host."""
        self._doubts.pop(host, None)
        self._pinned.pop(host, None)
        if len(self._pinned) >= PINNED_MAX:
            del self._pinned[next(iter(self._pinned))]
        self._pinned[host] = self._reactor.seconds() + PINNED_SECONDS

    def is_pinned(self, host: str) -> bool:
        """Whether tunnels to this host go untouched for now."""
        until = self._pinned.get(host)
        if until is None or until > self._reactor.seconds():
            return until is not None
        del self._pinned[host]
        return False

    def unpin(self, host: str | None = None) -> None:
        """Try this host again, or all of them: the authority may have been installed by now."""
        if host is None:
            self._pinned.clear()
        else:
            self._pinned.pop(host, None)

    def status(self) -> Mapping[str, object]:
        """What is told of it."""
        return {"pinned": [host for host in sorted(self._pinned) if self.is_pinned(host)]}


class Look:
    """A client's bytes until it is known what they are; a `Watch`."""

    def __init__(self, client: ClientSide, opening: Opening, owner: Interception, reactor: Any) -> None:
        self._client, self._opening, self._owner = client, opening, owner
        self._data = b""
        self._is_over = self._is_making = False
        self._timer = reactor.callLater(HELLO_SECONDS, self._untouched)

    def received(self, data: bytes) -> None:
        """The client has sent more."""
        self._data += data
        if self._is_making or not self._data:
            return
        try:
            found = hello.read(self._data)
        except hello.NoHello:
            self._untouched()
            return
        if found is None:
            return
        host = self._opening.decision.target.host.decode("ascii").rstrip(".")
        if found.name == host.encode() or (found.name is None and address_of(host) is not None):
            self._open(host)
        else:
            self._untouched()

    def read_closed(self) -> None:
        """The client sends no more: this will be no handshake."""
        self._client.is_last = True
        self._untouched()

    def lost(self, aborted: bool) -> None:
        """The client is gone."""
        self._end()

    def _end(self) -> bool:
        """Return whether this was the end."""
        was_over, self._is_over = self._is_over, True
        if self._timer.active():
            self._timer.cancel()
        return not was_over

    def _untouched(self) -> None:
        if self._end():
            self._client.go_untouched(self._opening, self._data)

    def _open(self, host: str) -> None:
        context = self._owner.leaves.ready(host)
        if context is not None:
            self._inside(context)
            return
        self._is_making = True
        self._client.transport.pauseProducing()
        made = Deferred.fromCoroutine(self._owner.leaves.context(host))
        made.addCallbacks(self._inside, self._not_made)
        made.addErrback(self._client.fault)

    def _inside(self, context: SSL.Context) -> None:
        if self._end():
            go_inside(self._client, self._opening, context, self._owner, self._data)

    def _not_made(self, failure: Failure) -> None:
        journal.fault(where="intercept", failure=failure)
        self._untouched()
