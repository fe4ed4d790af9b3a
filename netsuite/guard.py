"""Which addresses may be dialled: resolve, judge every address, dial what was judged (SSRF, rebinding).

The judgement is of the address that is dialled, after resolution, at every attempt.  Refused by default is
whatever is not a globally reachable unicast address in the IANA special-purpose registries (RFC 6890, RFC
8190), also where such an IPv4 address hides in an IPv6 one (mapped, NAT64, 6to4).  Addresses of cloud
metadata services stay refused under ``--allow-private`` and under a wider ``--allow-net``; our own
listeners are refused always.

A judgement costs 10 to 20 microseconds, and the same few addresses are dialled again and again, so the last
judgements are kept.  They hold as long as our listeners do: who binds or closes one calls ``clear``.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence

from netsuite.values import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Judgements that are kept.
JUDGED_MAX = 4096

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


class AgainstRule(Forbidden):
    """A rule that the administrator wrote refuses the address."""


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


def is_here(address: Address) -> bool:
    """Return whether an address is one of this machine's: what is sent to it would be sent from it."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:  # connecting it sends nothing
            asking.connect((str(address), 9))
            return ipaddress.ip_address(asking.getsockname()[0].partition("%")[0]) == address
    except OSError:  # no way there at all
        return False


class Guard:
    """Judges addresses by the table, the exceptions, and ``own``, the (address, port) pairs we listen on."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        allow_nets: Sequence[Network] = (),
        own: Callable[[], Iterable[tuple[str, int]]] = tuple,
        here: Callable[[Address], bool] = is_here,
    ) -> None:
        self._allow_private, self._allow_nets, self._own = allow_private, tuple(allow_nets), own
        self._here = here
        self._judged: dict[tuple[str, int], tuple[type[Forbidden], str] | None] = {}

    def clear(self) -> None:
        """Forget the judgements made, since what they stand on has changed."""
        self._judged.clear()

    def judge(self, text: str, port: int) -> str | None:
        """Return why an address may not be dialled, None if it may.  ``text``: an IP address, or scoped."""
        found = self._verdict(text, port)
        return None if found is None else found[1]

    def refusal(self, text: str, port: int) -> Forbidden | None:
        """Return the error to raise for an address that may not be dialled, None if it may."""
        found = self._verdict(text, port)
        return None if found is None else found[0](found[1])

    def own_refusal(self, text: str, port: int) -> Forbidden | None:
        """Return the error to raise for an address of ours, None for all others.

        For what the administrator has named, where the table has no say.
        """
        found = self._verdict(text, port)
        return OwnAddress(found[1]) if found is not None and found[0] is OwnAddress else None

    def _verdict(self, text: str, port: int) -> tuple[type[Forbidden], str] | None:
        key = (text, port)
        try:
            return self._judged[key]
        except KeyError:
            pass
        if len(self._judged) >= JUDGED_MAX:
            self._judged.clear()
        found = self._judged[key] = self._considered(text, port)
        return found

    def _considered(self, text: str, port: int) -> tuple[type[Forbidden], str] | None:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return Forbidden, f"{text!r} is no address"
        if self._is_own(embedded(address), port):
            return OwnAddress, f"{text} port {port} is this proxy itself"
        what = kind(address)
        if what is None:
            return None
        forms = {address, embedded(address)}
        if what == "a cloud metadata address":
            allowed = any(ipaddress.ip_network(form) in self._allow_nets for form in forms)
        else:
            allowed = self._allow_private or any(form in net for net in self._allow_nets for form in forms)
        if allowed:
            return None
        network = ipaddress.ip_network(embedded(address))
        return Forbidden, f"{text} is {what} (built-in guard; --allow-net {network} to permit)"

    def _is_own(self, address: Address, port: int) -> bool:
        for host, own_port in self._own():
            if own_port != port or own_port == 0:
                continue
            bound = ipaddress.ip_address(host.partition("%")[0])
            if bound == address or address.is_unspecified or (address.is_loopback and bound.is_loopback):
                return True
            if bound.is_unspecified and self._here(address):
                return True
        return False
