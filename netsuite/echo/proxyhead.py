"""The PROXY protocol's head, versions 1 and 2: whom a balancer speaks for.

Theory.  The head is the first thing on a connection, once, and from a balancer that is known to send it;
nobody guesses whether it is there.  Only one reading is taken: addresses in their own family, numbers as
they are written, no byte more than the lengths say.  Whatever else comes is no head, and the connection is
closed. Where the balancer speaks for itself (LOCAL, a check of its own) or of nobody it could name
(UNKNOWN, a Unix socket), the connection's own address counts.

Source: "The PROXY protocol, versions 1 & 2", haproxy, 2020/03/05, §2.1, §2.2.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

#: How the two versions begin; neither can be the beginning of the other.
V1 = b"PROXY "
V2 = b"\r\n\r\n\x00\r\nQUIT\n"

#: Longest head of version 1 with its CRLF (§2.1), and of version 2 that we take; both are far from it.
V1_MAX = 107
V2_MAX = 4096

_V2_FIXED = 16
_STREAM, _DATAGRAM = 1, 2

#: Address block of each family in version 2: addresses and ports, or two paths.
_SIZES = {0: 0, 1: 12, 2: 36, 3: 216}

_CRC32C = 0x03


class BadProxyHead(Exception):  # noqa: N818 - an answer: the connection is closed
    """These bytes are no head."""


@dataclass(frozen=True, slots=True)
class ProxyHead:
    """A head of ``size`` bytes.  ``client``: address and port it names, None where it names nobody."""

    client: tuple[str, int] | None
    size: int


def read(data: bytes) -> ProxyHead | None:
    """Return the head that ``data`` begins with, None if it is not whole yet.  Raises: BadProxyHead."""
    if data[: len(V1)] == V1[: len(data)]:
        return _first(data)
    if data[: len(V2)] == V2[: len(data)]:
        return _second(data)
    raise BadProxyHead("neither version's signature")


def _first(data: bytes) -> ProxyHead | None:
    end = data.find(b"\r\n", 0, V1_MAX)
    if end < 0:
        if len(data) >= V1_MAX:
            raise BadProxyHead("longer than a head may be")
        return None
    kind, *rest = data[len(V1) : end].split(b" ")
    if kind == b"UNKNOWN":  # what follows is to be ignored
        return ProxyHead(None, end + 2)
    if kind not in (b"TCP4", b"TCP6") or len(rest) != 4:
        raise BadProxyHead("not a protocol, two addresses and two ports")
    make = ipaddress.IPv4Address if kind == b"TCP4" else ipaddress.IPv6Address
    source, _ = (_address(text, make) for text in rest[:2])
    port, _ = (_port(text) for text in rest[2:])
    return ProxyHead((source, port), end + 2)


def _address(text: bytes, make: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]) -> str:
    try:
        return str(make(text.decode("ascii"))) if b"%" not in text else _no_address()
    except ValueError:
        return _no_address()


def _no_address() -> str:
    raise BadProxyHead("no address of its protocol")


def _port(text: bytes) -> int:
    if not text.isdigit() or len(text) > 5 or int(text) > 65535 or (text[:1] == b"0" and len(text) > 1):
        raise BadProxyHead("no port")
    return int(text)


def _second(data: bytes) -> ProxyHead | None:
    if len(data) < _V2_FIXED:
        return None
    version, command = data[12] >> 4, data[12] & 15
    family, transport = data[13] >> 4, data[13] & 15
    size = _V2_FIXED + int.from_bytes(data[14:16], "big")
    if version != 2 or command > 1 or family not in _SIZES or transport > _DATAGRAM:
        raise BadProxyHead("no version, command, family or transport of version 2")
    if size > V2_MAX:
        raise BadProxyHead("longer than we take")
    if len(data) < size:
        return None
    if command == 0:  # LOCAL: the rest is to be ignored
        return ProxyHead(None, size)
    addresses = _SIZES[family]
    if size < _V2_FIXED + addresses:
        raise BadProxyHead("its addresses are cut short")
    if family:
        _check(data[:size], _V2_FIXED + addresses)
    if family not in (1, 2) or transport != _STREAM:
        return ProxyHead(None, size)
    length = 4 if family == 1 else 16
    source = data[_V2_FIXED : _V2_FIXED + length]
    (port,) = struct.unpack_from("!H", data, _V2_FIXED + 2 * length)
    return ProxyHead((str(ipaddress.ip_address(source)), port), size)


def _check(head: bytes, at: int) -> None:
    """The additions from ``at`` on are whole, and a checksum among them is right (§2.2.3, §2.2.4)."""
    while at < len(head):
        if at + 3 > len(head):
            raise BadProxyHead("an addition is cut short")
        kind, length = head[at], int.from_bytes(head[at + 1 : at + 3], "big")
        value, after = at + 3, at + 3 + length
        if after > len(head):
            raise BadProxyHead("an addition is longer than the head")
        if kind == _CRC32C:
            blank = head[:value] + bytes(length) + head[after:]
            if head[value:after] != crc32c(blank).to_bytes(4, "big"):
                raise BadProxyHead("its checksum is another")
        at = after


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of ``data``.  Source: RFC 9260 appendix A."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF
