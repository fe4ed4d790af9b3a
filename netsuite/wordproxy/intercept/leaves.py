"""Server certificates for the hosts that are opened, made when they are first asked for.

A leaf costs a third of a millisecond, in a thread.  All leaves of a process have one key, which is never
written down.  A leaf comes to a TLS context ready to be used; the cache of these is bounded, the one not used
for longest goes first, and each is made anew before it ends.
"""

from __future__ import annotations

import datetime
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet.threads import deferToThreadPool

from netsuite.wordproxy.intercept.authority import LEAF_RENEW_DAYS, Authority

#: Hosts whose leaves are kept ready.
LEAVES_MAX = 1000

_HTTP11 = b"http/1.1"

_MARGIN = datetime.timedelta(days=LEAF_RENEW_DAYS)


def utc_now() -> datetime.datetime:
    """The time, as certificates have it."""
    return datetime.datetime.now(datetime.UTC)


class Leaves:
    """The contexts of one authority's leaves."""

    def __init__(
        self, authority: Authority, reactor: Any, *, now: Callable[[], datetime.datetime] = utc_now
    ) -> None:
        self._authority, self._reactor, self._now = authority, reactor, now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._ready: OrderedDict[str, tuple[SSL.Context, datetime.datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ready)

    def ready(self, host: str) -> SSL.Context | None:
        """The context for a host, None if it has to be made."""
        found = self._ready.get(host)
        if found is None or found[1] - self._now() < _MARGIN:
            return None
        self._ready.move_to_end(host)
        return found[0]

    async def context(self, host: str) -> SSL.Context:
        """The context for a host, made in a thread if need be."""
        found = self.ready(host)
        if found is not None:
            return found
        context, ends = await deferToThreadPool(
            self._reactor, self._reactor.getThreadPool(), self._made, host
        )
        self._ready[host] = context, ends
        while len(self._ready) > LEAVES_MAX:
            self._ready.popitem(last=False)
        return context

    def _made(self, host: str) -> tuple[SSL.Context, datetime.datetime]:
        leaf = self._authority.leaf(host, self._key.public_key(), self._now())
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
        context.use_certificate(leaf)
        context.use_privatekey(self._key)
        context.set_session_id(host.encode("ascii", "replace")[:32])
        context.set_alpn_select_callback(_http11)
        return context, leaf.not_valid_after_utc


def _http11(connection: SSL.Connection, offered: list[bytes]) -> Any:
    """HTTP/1.1 where it is offered, else none: what speaks only another protocol finds out itself."""
    return _HTTP11 if _HTTP11 in offered else SSL.NO_OVERLAPPING_PROTOCOLS
