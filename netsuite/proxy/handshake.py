"""What is said to a proxy on the way before a connection is the origin's: SOCKS5 and HTTP's CONNECT.

A handshake has ``opening``, the first bytes to send.  ``feed`` takes what the proxy says and returns what to
send next; once the way is free, ``rest`` is what came after the handshake, until then None.  ``silence`` is
how much the proxy is to blame if it says nothing more: it may be waiting for the origin.  What it says is
bounded and read strictly; its own words are never shown to anyone.

Source: RFC 1928, RFC 1929; RFC 9110 §9.3.6.
"""

from __future__ import annotations

import socket
from typing import Protocol

from twisted.internet import error
from twisted.internet.error import ConnectError

from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import Fields
from netsuite.http1.head import HeadReader, ResponseHead, parse_response, write_request
from netsuite.http1.limits import DEFAULT
from netsuite.proxy.chain import DOUBT, NO_FAULT, SURE, Hop, HopFailed

#: Interim answers that a proxy may give before the one to CONNECT.
INTERIM_MAX = 8

_VERSION, _LOGIN_VERSION = 5, 1
_NONE, _PASSWORD, _NO_METHOD = 0, 2, 255
_NAME_MAX = 255


class Handshake(Protocol):
    """One side of a handshake, ours."""

    opening: bytes
    rest: bytes | None
    silence: int

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the proxy; return what to send.  Raises: ConnectError kinds."""


def handshake(hop: Hop, host: str, port: int) -> Handshake:
    """Return what asks ``hop`` for a connection with ``host``, a name or an address.  Raises: HopFailed."""
    return Connect(hop, host, port) if hop.scheme == "http" else Socks5(hop, host, port)


class Connect:
    """A tunnel through an HTTP proxy."""

    def __init__(self, hop: Hop, host: str, port: int) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        fields: Fields = [(b"Host", place.encode("ascii"))]
        if hop.authorization is not None:
            fields.append((b"Proxy-Authorization", hop.authorization))
        self.opening = write_request(b"CONNECT", place.encode("ascii"), fields)
        self.rest: bytes | None = None
        self.silence = DOUBT
        self._hop, self._interim = hop, 0
        self._heads: HeadReader[ResponseHead] = HeadReader(parse_response, DEFAULT)

    def feed(self, data: bytes) -> bytes:
        """Wait for 2xx.  Raises: HopFailed."""
        while True:
            try:
                found = self._heads.feed(data)
            except BadMessage:
                raise HopFailed(f"the upstream proxy {self._hop.place} speaks no HTTP") from None
            if found is None:
                return b""
            head, data = found
            if head.status >= 200:
                break
            self._interim += 1
            if head.status == 101 or self._interim > INTERIM_MAX:
                raise HopFailed(f"the upstream proxy {self._hop.place} does not come to an answer")
        if head.status >= 300:
            raise refused(self._hop, head.status)
        self.rest = data
        return b""


def refused(hop: Hop, status: int) -> HopFailed:
    """Return the error for what an HTTP proxy answered instead of a connection or an origin's answer."""
    if status == 407 and hop.user is None:
        return HopFailed(f"the upstream proxy {hop.place} wants credentials")
    if status == 407:
        return HopFailed(f"the upstream proxy {hop.place} does not accept our credentials")
    return HopFailed(f"the upstream proxy {hop.place} answered {status}", blame=NO_FAULT)


class Socks5:
    """A connection through a SOCKS proxy, version 5."""

    def __init__(self, hop: Hop, host: str, port: int) -> None:
        self._hop, self._request = hop, b"\5\1\0" + _address(hop, host) + port.to_bytes(2, "big")
        self.opening = b"\5\1\0" if hop.user is None else b"\5\2\0\2"
        self.rest: bytes | None = None
        self.silence = SURE
        self._held = b""
        self._step = self._method

    def feed(self, data: bytes) -> bytes:
        """Answer what the proxy says.  Raises: ConnectError kinds."""
        self._held += data
        sent = b""
        while self.rest is None:
            said = self._step()
            if said is None:
                break
            sent += said
        return sent

    def _take(self, count: int) -> bytes:
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _method(self) -> bytes | None:
        """RFC 1928 §3."""
        self._expect(_VERSION)
        if len(self._held) < 2:
            return None
        method = self._take(2)[1]
        if method == _NONE:
            return self._ask()
        if method == _PASSWORD and self._hop.user is not None:
            self._step = self._login
            user, password = self._hop.user.encode(), (self._hop.password or "").encode()
            return bytes((_LOGIN_VERSION, len(user))) + user + bytes((len(password),)) + password
        if method == _NO_METHOD:
            wants = "wants credentials" if self._hop.user is None else "takes no user and password"
            raise HopFailed(f"the upstream proxy {self._hop.place} {wants}")
        raise HopFailed(f"the upstream proxy {self._hop.place} wants a log-in that was not offered")

    def _login(self) -> bytes | None:
        """RFC 1929 §2."""
        self._expect(_LOGIN_VERSION)
        if len(self._held) < 2:
            return None
        if self._take(2)[1]:
            raise HopFailed(f"the upstream proxy {self._hop.place} does not accept our credentials")
        return self._ask()

    def _ask(self) -> bytes:
        self._step, self.silence = self._reply, NO_FAULT
        return self._request

    def _reply(self) -> bytes | None:
        """RFC 1928 §6."""
        self._expect(_VERSION)
        if len(self._held) >= 2 and self._held[1]:  # some say no more than this
            raise _failure(self._hop, self._held[1])
        if len(self._held) < 5:
            return None
        size = {1: 4, 3: 1 + self._held[4], 4: 16}.get(self._held[3])
        if size is None:
            raise HopFailed(f"the upstream proxy {self._hop.place} speaks no SOCKS5")
        if len(self._held) < 6 + size:
            return None
        self._take(6 + size)
        self.rest = self._take(len(self._held))
        return b""

    def _expect(self, version: int) -> None:
        if self._held and self._held[0] != version:
            raise HopFailed(f"the upstream proxy {self._hop.place} speaks no SOCKS5")


def _address(hop: Hop, host: str) -> bytes:
    """RFC 1928 §5."""
    for kind, family in ((b"\1", socket.AF_INET), (b"\4", socket.AF_INET6)):
        try:
            return kind + socket.inet_pton(family, host)
        except OSError:
            continue
    name = host.encode("ascii")
    if len(name) > _NAME_MAX:
        raise HopFailed("the name is too long for a SOCKS proxy", blame=NO_FAULT)
    return bytes((3, len(name))) + name


def _failure(hop: Hop, code: int) -> ConnectError:
    """Return the error for a reply: the origin's where the proxy says so, else the proxy's."""
    said = f"the upstream proxy {hop.place}"
    if code == 3:
        return error.NoRouteError(string=f"{said} finds no way to its network")
    if code == 4:
        return error.NoRouteError(string=f"{said} finds no way to it")
    if code == 5:
        return error.ConnectionRefusedError(string=f"{said} was refused the connection")
    if code == 6:
        return error.TCPTimedOutError(string=f"{said} had no answer in time")
    if code == 2:
        return HopFailed(f"{said} does not allow the connection", blame=NO_FAULT)
    if code == 8:
        return HopFailed(f"{said} does not know this kind of address", blame=NO_FAULT)
    if code == 7:
        return HopFailed(f"{said} makes no connections")
    return HopFailed(f"{said} failed (code {code})", blame=NO_FAULT)
