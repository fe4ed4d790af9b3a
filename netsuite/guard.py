"""Which addresses may be dialled: resolve, judge every address, dial what was judged (SSRF, rebinding).

The judgement is of the address that is dialled, after resolution, at every attempt.  Refused by default is
whatever is not a globally reachable unicast address in the IANA special-purpose registries (RFC 6890, RFC
8190), also where such an IPv4 address hides in an IPv6 one (mapped, NAT64, 6to4).  Addresses of cloud
metadata services stay refused under ``--allow-private`` and under a wider ``--allow-net``; our own
listeners are refused always.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet import defer
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IHostResolution, IResolutionReceiver
from zope.interface import implementer

from netsuite.options import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Addresses of one name that are looked at; a resolver may answer hundreds.
ADDRESSES_MAX = 16

_TABLE: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), what)
    for what, networks in {
        "a loopback address": "127.0.0.0/8 ::1/128",
        "an unspecified address": "0.0.0.0/8 ::/128",
        "a private address": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
        "a link-local address": "169.254.0.0/16 fe80::/10",
        "a carrier's private address": "100.64.0.0/10",
        "a multicast address": "224.0.0.0/4 ff00::/8",
        "a reserved address": (
            "240.0.0.0/4 192.0.0.0/24 198.18.0.0/15 192.88.99.0/24 ::/96 100::/64 5f00::/16"
            " 2001:2::/48 2001:10::/28 2001:20::/28"
        ),
        "a documentation address": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "a tunnel's address": "2001::/32 64:ff9b:1::/48",
    }.items()
    for network in networks.split()
)

_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")


class Forbidden(Exception):  # noqa: N818 - a verdict, not a mistake
    """An address may not be dialled; the text names it, why, and the option that permits it."""


class OwnAddress(Forbidden):
    """The address is one that we listen on: a request to it would come back to us."""


def embedded(address: Address) -> Address:
    """Return the IPv4 address in a mapped, NAT64 or 6to4 one, else itself (RFC 6052, RFC 3056)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return address


def kind(address: Address) -> str | None:
    """Return what a special address is, None for one of the public network."""
    real = embedded(address)
    if real in _METADATA:
        return "a cloud metadata address"
    return next((what for network, what in _TABLE if real in network), None)


class Guard:
    """Judges addresses by the table, the exceptions, and ``own``, the (address, port) pairs we listen on."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        allow_nets: Sequence[Network] = (),
        own: Callable[[], Iterable[tuple[str, int]]] = tuple,
    ) -> None:
        self._allow_private, self._allow_nets, self._own = allow_private, tuple(allow_nets), own

    def judge(self, text: str, port: int) -> str | None:
        """Return why an address may not be dialled, None if it may.  ``text``: an IP address, or scoped."""
        address = ipaddress.ip_address(text.partition("%")[0])
        if self._is_own(embedded(address), port):
            return f"{text} port {port} is this proxy itself"
        what = kind(address)
        if what is None:
            return None
        if what == "a cloud metadata address":
            exact = ipaddress.ip_network(address)
            return None if exact in self._allow_nets else self._told(text, what, exact)
        if self._allow_private or any(
            real in net for net in self._allow_nets for real in (address, embedded(address))
        ):
            return None
        return self._told(text, what, ipaddress.ip_network(address))

    @staticmethod
    def _told(text: str, what: str, network: Network) -> str:
        return f"{text} is {what} (built-in guard; --allow-net {network} to permit)"

    def _is_own(self, address: Address, port: int) -> bool:
        for host, own_port in self._own():
            if own_port != port or own_port == 0:
                continue
            bound = ipaddress.ip_address(host.partition("%")[0])
            if bound == address or bound.is_unspecified or (address.is_loopback and bound.is_loopback):
                return True
            if address.is_unspecified:
                return True
        return False

    async def addresses(self, reactor: Any, host: str, port: int) -> list[str]:
        """Return the addresses of ``host`` that may be dialled, in the resolver's order, each judged.

        Raises: Forbidden if all are refused, DNSLookupError if there are none.
        """
        found = [host] if _literal(host) else await resolve(reactor, host, port)
        refusals = [(address, self.judge(address, port)) for address in found]
        allowed = [address for address, refusal in refusals if refusal is None]
        if not allowed:
            first, text = refusals[0]
            own = self._is_own(embedded(ipaddress.ip_address(first.partition("%")[0])), port)
            raise (OwnAddress if own else Forbidden)(str(text))
        return allowed


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@implementer(IResolutionReceiver)
class _Collected:
    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.done: defer.Deferred[list[str]] = defer.Deferred()

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Nothing to keep: a lookup in the system's resolver can't be cancelled."""

    def addressResolved(self, address: Any) -> None:
        if address.host not in self.hosts and len(self.hosts) < ADDRESSES_MAX:
            self.hosts.append(address.host)

    def resolutionComplete(self) -> None:
        self.done.callback(self.hosts)


async def resolve(reactor: Any, host: str, port: int) -> list[str]:
    """Return a name's addresses by the reactor's resolver.  Raises: DNSLookupError if there are none."""
    collected = _Collected()
    reactor.nameResolver.resolveHostName(collected, host, port)
    found = await collected.done
    if not found:
        raise DNSLookupError(f"address {host!r} not found")
    return found
