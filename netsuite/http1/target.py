"""Where a request is to go: request targets read strictly (RFC 9112 §3.2, RFC 3986).

An authority is where readers differ most, so what is unusual is refused rather than guessed: user
information, a fragment, an empty host, a zone, brackets around what is no IPv6 address.  A name that merely
looks like an address (``0x7f.1``) is a name here; the guard judges what it resolves to.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

from netsuite.http1.errors import BadMessage

#: Ports that need not be written.  0, which nobody may write, stands for "unknown" in schemes we have no port
#: for.
DEFAULT_PORTS = {b"http": 80, b"https": 443}
HOST_BYTES = 255

#: Scheme and authority as they were written -> where that is: few are asked for again and again.
PLACES_MAX = 1024
_PLACES: dict[bytes, Target] = {}

_HOST_AND_PORT = rb"(?:\[([0-9A-Fa-f:.]++)\]|([A-Za-z0-9\-._~!$&'*+,;=%()]++))(?::([0-9]*+))?"
_ABSOLUTE = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*+)://" + _HOST_AND_PORT + rb"((?:[/?][!\"$-~]*+)?)")
_PATH = re.compile(rb"/[!\"$-~]*+")
_AUTHORITY = re.compile(_HOST_AND_PORT)
_BAD_ESCAPE = re.compile(rb"%(?![0-9a-f]{2})")
_NEEDLESS_ESCAPE = re.compile(rb"%(?:2d|2e|3[0-9]|4[1-9a-f]|5[0-9a]|5f|6[1-9a-f]|7[0-9ae])")


class Target:
    """Where a request goes: ``host`` in lower case, no brackets; ``path`` with query, empty for CONNECT.

    ``authority``: what Host says: brackets around IPv6, the port only where it is not the scheme's own.
    ``origin``: host, port and whether in TLS: by this connections are kept.  A value, never changed; a frozen
    dataclass takes four times as long to make, and each request makes one.
    """

    __slots__ = ("authority", "host", "origin", "path", "port", "scheme")

    def __init__(self, scheme: bytes, host: bytes, port: int, path: bytes) -> None:
        self.scheme, self.host, self.port, self.path = scheme, host, port, path
        authority = b"[%b]" % host if b":" in host else host
        self.authority = authority if port == DEFAULT_PORTS.get(scheme, 0) else b"%b:%d" % (authority, port)
        self.origin = (host, port) if scheme != b"https" else (b"https " + host, port)

    def at(self, path: bytes) -> Target:
        """The same place with another path."""
        other = Target.__new__(Target)
        other.scheme, other.host, other.port, other.path = self.scheme, self.host, self.port, path
        other.authority, other.origin = self.authority, self.origin
        return other

    def _values(self) -> tuple[bytes, bytes, int, bytes]:
        return self.scheme, self.host, self.port, self.path

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, Target) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"<Target {self.authority!r}>"  # a path may hold secrets


def absolute(raw: bytes) -> Target:
    """The target of ``scheme://host[:port]/path?query``; an empty path is ``/``, an empty port the default.

    Whether the scheme is one we serve is the caller's decision.  Raises: BadMessage 400.  Source: RFC 9112
    §3.2.2.
    """
    slash = raw.find(b"/", 8)  # past "http://" and a byte of a host
    known = _PLACES.get(raw[:slash])
    if known is not None and slash > 0 and _PATH.fullmatch(raw, slash):
        return known.at(raw[slash:])
    match = _ABSOLUTE.fullmatch(raw)
    if match is None:
        raise BadMessage(400, _absolute_fault(raw))
    scheme, ipv6, name, port, path = match.groups()
    scheme = scheme.lower()
    target = Target(
        scheme,
        _host(ipv6, name),
        _port(port) if port else DEFAULT_PORTS.get(scheme, 0),
        path if path.startswith(b"/") else b"/" + path,
    )
    if match.start(5) == slash:
        if len(_PLACES) >= PLACES_MAX:
            _PLACES.clear()
        _PLACES[raw[:slash]] = target.at(b"/")
    return target


def authority(raw: bytes) -> Target:
    """The target of CONNECT, ``host:port``.  Raises: BadMessage 400.  Source: RFC 9112 §3.2.3."""
    host, port = host_and_port(raw)
    if port is None:
        raise BadMessage(400, "a tunnel needs a port")
    return Target(b"", host, port, b"")


def host_and_port(raw: bytes) -> tuple[bytes, int | None]:
    """The host of ``host[:port]``, in lower case without brackets, and the port if there is one.

    Raises: BadMessage 400.  Source: RFC 9110 §7.2, RFC 3986 §3.2.
    """
    match = _AUTHORITY.fullmatch(raw)
    if match is None:
        raise BadMessage(400, _authority_fault(raw))
    ipv6, name, port = match.groups()
    return _host(ipv6, name), _port(port) if port else None


def request_target(method: bytes, raw: bytes) -> Target | None:
    """The target in the form that ``method`` may have; None for a path (origin-form) and for ``*``.

    Raises: BadMessage 400.  Source: RFC 9112 §3.2.
    """
    if method == b"CONNECT":
        return authority(raw)
    if raw.startswith(b"/"):
        if b"#" in raw:
            raise BadMessage(400, "a fragment in the target")
        return None
    if method != b"OPTIONS":
        return absolute(raw)
    if raw == b"*":
        return None
    target = absolute(raw)
    if target.path == b"/" and raw[-1:] != b"/":  # the last proxy sends "*" for it: RFC 9112 §3.2.4
        return Target(target.scheme, target.host, target.port, b"*")
    return target


def check_host(host: bytes | None, target: Target | None, minor: bytes) -> None:
    """Raise BadMessage 400 unless Host is there once and names what the target names (RFC 9112 §3.2)."""
    if host is None:
        if minor == b"1":
            raise BadMessage(400, "no Host")
        return
    if target is not None and host == target.authority:
        return
    if b", " in host:
        raise BadMessage(400, "more than one Host, or one with spaces")
    name, port = host_and_port(host)
    if target is not None and (name != target.host or not _same_port(port, target)):
        raise BadMessage(400, "Host differs from the target")


def _same_port(port: int | None, target: Target) -> bool:
    """Whether ``port`` of Host, None for the default one, is the target's."""
    if port is not None:
        return port == target.port
    if target.scheme:
        return target.port == DEFAULT_PORTS.get(target.scheme, 0)
    return target.port in DEFAULT_PORTS.values()  # CONNECT: some clients leave out what they think usual


def _host(ipv6: bytes | None, name: bytes) -> bytes:
    """The one form of a host that is compared, resolved and sent."""
    if ipv6 is not None:
        try:
            IPv6Address(ipv6.decode("ascii"))
        except AddressValueError:
            raise BadMessage(400, "brackets around what is no IPv6 address") from None
        return ipv6.lower()
    if len(name) > HOST_BYTES:
        raise BadMessage(400, "a host name over 255 bytes")
    name = name.lower()
    return _unescaped(name) if b"%" in name else name


def _unescaped(name: bytes) -> bytes:
    """``name`` without needless escapes (RFC 3986 §6.2.2.2), so that no rule is passed by with them."""
    if _BAD_ESCAPE.search(name):
        raise BadMessage(400, "a malformed escape in the host")
    return _NEEDLESS_ESCAPE.sub(lambda escape: bytes((int(escape[0][1:], 16),)).lower(), name)


def _port(digits: bytes) -> int:
    port = int(digits) if len(digits) <= 5 else 0
    if not 0 < port <= 65535:
        raise BadMessage(400, "a port outside 1 to 65535")
    return port


def _absolute_fault(raw: bytes) -> str:
    """Why ``raw`` is no absolute target."""
    if b"#" in raw:
        return "a fragment in the target"
    scheme, mark, rest = raw.partition(b"://")
    if not mark or not re.fullmatch(rb"[A-Za-z][A-Za-z0-9+.\-]*+", scheme):
        return "a target that is neither a path nor a URL"
    return _authority_fault(re.split(rb"[/?]", rest, maxsplit=1)[0])


def _authority_fault(raw: bytes) -> str:
    """Why ``raw`` is no authority that we read."""
    if b"@" in raw:
        return "user information in the authority"
    if not raw or raw[:1] == b":":
        return "an authority without a host"
    return "a malformed host or port"
