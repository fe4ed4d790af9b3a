"""One option's text to its value: size, seconds, network, ports, rate, place to listen.

Each ``parse_`` raises ValueError with a clause that follows the quoted text: ``"12x" is no size in bytes``.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SIZES = {
    "": 1,
    "b": 1,
    "k": 1 << 10,
    "kib": 1 << 10,
    "m": 1 << 20,
    "mib": 1 << 20,
    "g": 1 << 30,
    "gib": 1 << 30,
}


@dataclass(frozen=True, slots=True)
class Where:
    """A place to listen: Twisted endpoint ``descriptions``, and whether other machines reach them."""

    text: str
    descriptions: tuple[str, ...]
    public: bool

    @property
    def scheme(self) -> str:
        """``https`` where TLS is spoken, else ``http``."""
        parts = [part for description in self.descriptions for part in split_endpoint(description)]
        return "https" if any(part.startswith("privateKey=") for part in parts) else "http"


def parse_size(text: str) -> int:
    """Return bytes of ``65536``, ``64KiB`` or ``8M``.  Raises: ValueError."""
    digits = text.strip()
    unit = digits.lstrip("0123456789").strip().lower()
    number = digits[: len(digits) - len(digits.lstrip("0123456789"))]
    if not number or unit not in _SIZES or len(number) > 15:
        raise ValueError("is no size in bytes; write 65536, 64KiB or 8M")
    return int(number) * _SIZES[unit]


def parse_seconds(text: str) -> float:
    """Return seconds of ``2``, ``0.5``, ``200ms``, ``3m`` or ``1h``.  Raises: ValueError."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    unit = next((u for u in units if text.endswith(u)), "")
    try:
        number = float(text.removesuffix(unit)) * units.get(unit, 1.0)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise ValueError("is no duration; write 10, 0.5, 200ms, 3m or 1h")
    return number


def parse_rate(text: str) -> float:
    """Return times a second of ``10``, ``10/s``, ``600/m`` or ``3600/h``.  Raises: ValueError."""
    number, _slash, unit = text.replace(" ", "").partition("/")
    seconds = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}.get(unit)
    try:
        rate = float(number) / seconds if seconds else 0.0
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1e6:
        raise ValueError("is no rate; write 10, 10/s, 600/m or 3600/h")
    return rate


def parse_network(text: str) -> Network:
    """Return the network of ``10.0.0.0/8`` or of one address.  Raises: ValueError."""
    try:
        return ipaddress.ip_network(text.strip().strip("[]"))
    except ValueError as error:
        raise ValueError("is no network; write 10.0.0.0/8, 192.0.2.7 or fd00::/8") from error


def parse_ports(text: str) -> tuple[tuple[int, int], ...]:
    """Return the ranges of ``443,8000-8100``.  Raises: ValueError."""
    ranges = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        first, last = (int(low) if low.isdecimal() else 0), (int(high) if high.isdecimal() else 0)
        last = last if dash else first
        if not 1 <= first <= last <= 65535:
            raise ValueError("is no list of ports; write 443 or 443,8000-8100")
        ranges.append((first, last))
    return tuple(ranges)


def split_endpoint(text: str) -> list[str]:
    r"""Return an endpoint string's parts; ``\:`` does not separate (Twisted's own quoting)."""
    parts, current, quoted = [], "", False
    for char in text:
        if quoted:
            current, quoted = current + char, False
        elif char == "\\":
            quoted = True
        elif char == ":":
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]


def join_endpoint(parts: Iterable[str]) -> str:
    """Return the endpoint string of these parts, quoted: ``split_endpoint`` gives them back."""
    return ":".join(part.replace("\\", "\\\\").replace(":", "\\:") for part in parts)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a bind address; of names, localhost alone is trusted."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_port(arguments: list[str]) -> bool:
    """Return whether an endpoint's arguments have a port, which is the first unless it is named."""
    named = [part.removeprefix("port=") for part in arguments if part.startswith("port=")]
    number = (named or arguments)[0]
    return number.isdecimal() and int(number) <= 65535


def parse_where(text: str, ipv6: bool = False) -> Where:
    """Return where to listen: a bare port number means loopback (rule R1).  Raises: ValueError."""
    if text.isdecimal():
        if int(text) > 65535:
            raise ValueError("is no port; ports end at 65535")
        descriptions: tuple[str, ...] = (f"tcp:{text}:interface=127.0.0.1",)
        if ipv6:
            descriptions = (*descriptions, f"tcp:{text}:interface=\\:\\:1")
        return Where(text, descriptions, public=False)
    kind, *rest = split_endpoint(text)
    if kind not in ("tcp", "ssl", "unix", "systemd") or not rest:
        raise ValueError(
            "is neither a port number nor an endpoint; write 8001 or tcp:8001:interface=127.0.0.1"
        )
    if kind in ("tcp", "ssl") and not _is_port(rest):
        raise ValueError(f"names no port from 0 to 65535; write {kind}:8001:interface=127.0.0.1")
    interface = next((part[10:] for part in rest if part.startswith("interface=")), "")
    return Where(text, (text,), public=kind == "systemd" or (kind != "unix" and not is_loopback(interface)))
