"""One rule of the proxy's: what is written, read into parts, and whether it fits what a client asks for.

A host is compared in one form, so that no rule is passed by with another spelling: lower case, no dot at its
end, an A-label for an international one, an address as it is usually written, also if it hides in another
(``0x7f.1``, ``::ffff:127.0.0.1``).  ``*`` stands for any characters, dots among them, and matching never goes
back: the texts between stars are sought from left to right.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import idna

from netsuite.guard import Address, embedded
from netsuite.values import Network, parse_network, parse_ports

#: Characters of one rule.
RULE_CHARACTERS = 1000

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what IDNA reads as a dot: RFC 3490 §3.1
_HOST = re.compile(r"[a-z0-9._*-]*[a-z0-9_*-]")
_METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for.  ``host`` without brackets; ``user``: the name it logged in with."""

    method: bytes
    host: bytes
    port: int
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may have it.  ``rule``: the deciding rule with its ``allow`` or ``deny``, or ``default``."""

    allowed: bool
    rule: str

    @property
    def reason(self) -> str:
        """Why not, as a clause for the refusal's page."""
        return "no rule allows this" if self.rule == "default" else f"rule `{self.rule}` refuses this"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Hosts of one written form: ``exact`` itself, and any made of ``pieces`` with something between them."""

    exact: bytes | None
    pieces: tuple[bytes, ...] = ()

    def fits(self, host: bytes) -> bool:
        """Return whether ``host``, in the one form, is among them."""
        if host == self.exact:
            return True
        if not self.pieces:
            return False
        first, *middle, last = self.pieces
        at, end = len(first), len(host) - len(last)
        if end < at or not (host.startswith(first) and host.endswith(last)):
            return False
        for piece in middle:
            at = host.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    @property
    def domain(self) -> bytes:
        """The domain that all hosts of ``pieces`` lie below, empty if they share none."""
        return self.pieces[-1].partition(b".")[2] if self.pieces else b""


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of the local clock: from minute ``start`` up to ``end``, the next day's if that is not later."""

    days: frozenset[int]
    start: int
    end: int

    def fits(self, now: datetime.datetime) -> bool:
        """Return whether ``now`` is among them; hours over midnight belong to the day on which they start."""
        day, minute = now.weekday(), now.hour * 60 + now.minute
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        return (day in self.days and minute >= self.start) or (
            (day - 1) % 7 in self.days and minute < self.end
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its ``text`` as written, and the parts read from it; a part that is None fits everything."""

    text: str
    allow: bool
    hosts: Hosts | None = field(default=None, repr=False)
    network: Network | None = field(default=None, repr=False)
    ports: tuple[int, int] | None = field(default=None, repr=False)
    method: bytes | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    hours: Hours | None = field(default=None, repr=False)

    def fits(self, asked: Asked, now: Callable[[], datetime.datetime]) -> bool:
        """Return whether all parts but host and network fit."""
        return (
            (self.ports is None or self.ports[0] <= asked.port <= self.ports[1])
            and (self.method is None or self.method == asked.method.upper())
            and (self.user is None or self.user == asked.user)
            and (self.hours is None or self.hours.fits(now()))
        )

    def covers(self, address: Address | None) -> bool:
        """Return whether the network fits; one that is not known fits no network."""
        if self.network is None:
            return True
        return address is not None and (address in self.network or embedded(address) in self.network)

    @property
    def verdict(self) -> Verdict:
        """What it says where it fits."""
        return Verdict(self.allow, f"{'allow' if self.allow else 'deny'} {self.text}")


def one_form(host: bytes) -> bytes:
    """Return the form in which a host is compared; see this module's theory."""
    host = host.lower().rstrip(b".")
    try:
        if b":" in host:
            return str(embedded(ipaddress.IPv6Address(host.decode("ascii")))).encode("ascii")
        if host[:1].isdigit():  # inet_aton reads what resolvers do: parts left out, octal, hexadecimal
            return socket.inet_ntoa(socket.inet_aton(host.decode("ascii"))).encode("ascii")
    except (OSError, ValueError):
        pass  # a name that looks like an address
    return host


def parse_rule(text: str, allow: bool) -> Rule:
    """Return the rule of ``host:*.example.org,port:443``.  Raises: ValueError."""
    text = text.strip()
    if len(text) > RULE_CHARACTERS:
        raise ValueError(f"is longer than {RULE_CHARACTERS} characters")
    if not text.isprintable():
        raise ValueError("has a character that cannot be shown")
    read: dict[str, object] = {}
    for part in text.split(","):
        kind, _colon, value = part.strip().partition(":")
        if kind not in _PARTS or not value:
            raise ValueError(
                f"has the part {part.strip()[:80]!r}; a part is host:, net:, port:, method:, user: or time: "
                "with a value, and all parts of a rule must fit"
            )
        name, parse = _PARTS[kind]
        if name in read:
            raise ValueError(
                f"has two {kind}: parts, and all parts of a rule must fit; write a rule for each"
            )
        read[name] = parse(value)
    return Rule(text, allow, **read)  # type: ignore[arg-type]  # each by the parser of its name


def _hosts(value: str) -> Hosts:
    text = value[1:-1] if value[:1] + value[-1:] == "[]" else value
    if ":" in text:
        try:
            return Hosts(one_form(str(ipaddress.IPv6Address(text)).encode("ascii")))
        except ValueError:
            raise ValueError(f"has the host {value[:80]!r}, which is no IPv6 address") from None
    written = ".".join(map(_label, _DOTS.split(text))).removesuffix(".")
    if not _HOST.fullmatch(written) or ".." in written:
        raise ValueError(
            f"has the host {value[:80]!r}; write host:example.org, host:*.example.org, or host:.example.org "
            "for both"
        )
    name = written.encode("ascii")
    if b"*" in name:
        return Hosts(None, tuple(_pieces(name.split(b"*"))))
    if name.startswith(b"."):
        return Hosts(name[1:], (b"", name))
    return Hosts(one_form(name))


def _pieces(texts: list[bytes]) -> list[bytes]:
    """The texts between stars, without the empty ones of stars side by side."""
    return [texts[0], *filter(None, texts[1:-1]), texts[-1]]


def _label(label: str) -> str:
    if label.isascii():
        return label.lower()
    try:
        return idna.encode(label, uts46=True).decode("ascii")
    except UnicodeError:
        raise ValueError(f"has the label {label[:80]!r}, which is no international name") from None


def _ports(value: str) -> tuple[int, int]:
    try:
        return parse_ports(value)[0]
    except ValueError:
        raise ValueError(f"has the port {value[:80]!r}; write port:443 or port:1-1023") from None


def _network(value: str) -> Network:
    try:
        return parse_network(value)
    except ValueError:
        raise ValueError(f"has the network {value[:80]!r}; write net:10.0.0.0/8 or net:fd00::/8") from None


def _method(value: str) -> bytes:
    if not _METHOD.fullmatch(value):
        raise ValueError(f"has the method {value[:80]!r}; write method:POST")
    return value.upper().encode("ascii")


def _hours(value: str) -> Hours:
    days, at, hours = value.partition("@")
    if not at and value[0].isdigit():
        days, hours = "", value
    try:
        start, end = map(_minute, hours.split("-")) if hours or at else (0, _DAY_MINUTES)
        if start in (end, _DAY_MINUTES):
            raise ValueError
        return Hours(_days(days) if days or at else frozenset(range(7)), start, end)
    except ValueError:
        raise ValueError(
            f"has the time {value[:80]!r}; write time:Mon-Fri@08:00-18:00, time:Sat or time:22:00-06:00"
        ) from None


def _days(text: str) -> frozenset[int]:
    first, dash, last = text.lower().partition("-")
    start = _DAYS.index(first)
    count = (_DAYS.index(last) - start) % 7 if dash else 0
    return frozenset((start + day) % 7 for day in range(count + 1))


def _minute(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    minute = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else _DAY_MINUTES + 1
    if minute > _DAY_MINUTES:
        raise ValueError
    return minute


#: Kind of part -> field of ``Rule``, and what reads its value.
_PARTS: dict[str, tuple[str, Callable[[str], object]]] = {
    "host": ("hosts", _hosts),
    "net": ("network", _network),
    "port": ("ports", _ports),
    "method": ("method", _method),
    "user": ("user", str),
    "time": ("hours", _hours),
}
