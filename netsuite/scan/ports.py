"""Which ports of which hosts are scanned: lists, ranges, names, the most common ones; networks in bounds."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from netsuite.reach.place import parse_host, parse_port
from netsuite.reach.wellknown import COMMON

#: Pieces of one list of ports.
PIECES_MAX = 4096


def parse_ports(text: str) -> tuple[int, ...]:
    """Return the ports of ``1-200,443,http`` in order, each once.  Raises: ValueError."""
    pieces = text.split(",")
    if len(pieces) > PIECES_MAX:
        raise ValueError(f"has more than {PIECES_MAX} pieces")
    found: set[int] = set()
    for piece in pieces:
        low, dash, high = piece.strip().partition("-")
        if dash and low.isdecimal() and (high.isdecimal() or not high):
            first, last = _port(low), _port(high) if high else 65535
            if first > last:
                raise ValueError(f"has the range {piece!r}, whose end is before its beginning")
            found.update(range(first, last + 1))
        elif piece.strip() == "-":
            found.update(range(1, 65536))
        else:
            found.add(_port(piece.strip()))
    return tuple(sorted(found))


def _port(text: str) -> int:
    try:
        return parse_port(text)
    except ValueError as error:
        raise ValueError(f"has {text[:40]!r}, which {error}") from None


def top(count: int) -> tuple[int, ...]:
    """Return the ports that are found open most often, so many at most, in order of their numbers."""
    return tuple(sorted(list(COMMON)[:count]))


def ranges(ports: Iterable[int]) -> str:
    """Return ports as short text: ``1-3,80``; they come in order."""
    runs: list[list[int]] = []
    for port in ports:
        if runs and port == runs[-1][1] + 1:
            runs[-1][1] = port
        else:
            runs.append([port, port])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


class TooMany(ValueError):  # noqa: N818 - told to people
    """A network has more hosts than may be scanned."""


def parse_hosts(text: str, most: int) -> list[str]:
    """Return the hosts of a name, an address or a network (``192.0.2.0/24``), at most so many.

    Raises: ValueError, TooMany.
    """
    if "/" not in text:
        return [parse_host(text)]
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("is no network; write 192.0.2.0/24") from None
    if network.num_addresses - 2 > most:
        raise TooMany(f"has {network.num_addresses} addresses; --max-hosts is {most}")
    return [str(address) for address in network.hosts()]
