"""What a DNS server's message says of a name (RFC 1035, RFC 2308).

Aliases are followed within the message.  What is not a proper answer to what was asked is none.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from secrets import randbits
from typing import Any

from twisted.names import dns

#: Aliases followed for one name, questions asked for one name and kind, addresses kept of each kind.
ALIASES_MAX = 16
STEPS_MAX = 4
EACH_MAX = 16

#: Seconds that "there is no such name" holds where no SOA record says (RFC 2308 §5).
UNTOLD_SECONDS = 5.0

_MISREAD = (ValueError, EOFError, IndexError, struct.error)


class ResolverFailed(Exception):  # noqa: N818 - what happened, to be told to people
    """The resolver did not say whether there is such a name."""


@dataclass(frozen=True, slots=True)
class Found:
    """Addresses of a name, none if it has none, and for how many seconds that holds."""

    addresses: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Followed:
    """What one message says of a name: ``alias`` where it ends with one and has no address of it."""

    addresses: tuple[str, ...]
    seconds: float
    alias: bytes | None = None


def is_name(host: str) -> bool:
    """Return whether a name can be asked for at all (RFC 1035 §2.3.4)."""
    labels = host.removesuffix(".").split(".")
    fits = len(host) <= 253 and host.isascii() and all(0 < len(label) < 64 for label in labels)
    return fits and not labels[-1].isdigit()  # 127.1 is an address to some, and never a name


def followed(message: dns.Message, name: bytes, kind: int) -> Followed:
    """Return what ``message`` says of ``name``.  Raises: ResolverFailed for aliases without an end."""
    if message.rCode not in (dns.OK, dns.ENAME):
        raise ResolverFailed(f"the resolver failed (code {message.rCode})")
    records: dict[tuple[bytes, int], list[dns.RRHeader]] = {}
    for record in message.answers:
        if record.cls == dns.IN:
            records.setdefault((record.name.name.lower(), record.type), []).append(record)
    seconds, passed = float("inf"), 0
    while (name, kind) not in records and (name, dns.CNAME) in records:
        alias = records[name, dns.CNAME][0]
        seconds, passed = min(seconds, _ttl(alias)), passed + 1
        payload: Any = alias.payload
        name = payload.name.name.lower()
        if passed > ALIASES_MAX:
            raise ResolverFailed("the name's aliases have no end")
    found = records.get((name, kind), [])[:EACH_MAX]
    if found:
        texts = tuple(_text(record) for record in found)
        return Followed(texts, min(seconds, *map(_ttl, found)))
    told = [_absence(record) for record in message.authority if record.type == dns.SOA]
    if passed and message.rCode == dns.OK and not told:
        return Followed((), seconds, name)
    return Followed((), min(seconds, *told, UNTOLD_SECONDS if not told else seconds))


def _text(record: dns.RRHeader) -> str:
    payload: Any = record.payload
    return socket.inet_ntop(socket.AF_INET if record.type == dns.A else socket.AF_INET6, payload.address)


def _absence(record: dns.RRHeader) -> float:
    payload: Any = record.payload
    return min(_ttl(record), float(payload.minimum))


def _ttl(record: dns.RRHeader) -> float:
    return float(record.ttl) if record.ttl < 1 << 31 else 0.0  # RFC 2181 §8


class Asked:
    """One kind of question under way."""

    __slots__ = ("_steps", "id", "kind", "name", "outcome", "seconds", "stream")

    def __init__(self, name: bytes, kind: int) -> None:
        self.name, self.kind = name, kind
        self.id, self.seconds, self._steps = randbits(16), float("inf"), 0
        self.outcome: Found | ResolverFailed | None = None
        self.stream: Any = None

    def follow(self, alias: bytes) -> None:
        """Ask for another name from now on.  Raises: ResolverFailed for one too many."""
        self._steps += 1
        if self._steps > STEPS_MAX:
            raise ResolverFailed("the name's aliases have no end")
        self.name, self.id = alias, randbits(16)

    def message(self) -> bytes:
        """Return the question as bytes."""
        asked = dns.Message(self.id, recDes=1)
        asked.addQuery(self.name, self.kind)
        return asked.toStr()

    def read(self, data: bytes) -> dns.Message | None:
        """Return the answer in ``data``, None if it is none to this question."""
        message = dns.Message()
        try:
            message.fromStr(data)
        except _MISREAD:
            return None
        if message.id != self.id or not message.answer or len(message.queries) != 1:
            return None
        query = message.queries[0]
        same = query.name.name.lower() == self.name and query.type == self.kind and query.cls == dns.IN
        return message if same else None
