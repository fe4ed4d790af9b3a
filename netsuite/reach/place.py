"""Where to connect: a host and a port, or a path, read from what people type.

A host is an address or a name as DNS carries it: A-labels of IDNA 2008 by the mapping of UTS #46, as browsers
send them.  Each ``parse_`` raises ValueError with a clause that follows the quoted text.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

import idna

from netsuite.reach.wellknown import port_named

#: Longest name and label (RFC 1035 §2.3.4), longest path of a socket (sun_path, with its NUL).
NAME_MAX, LABEL_MAX = 253, 63
PATH_MAX = 107

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?", re.ASCII)
_BRACKETED = re.compile(r"\[([^\[\]]*)\]:([^:]*)")
_NO_HOST = "is no host; write example.org, 192.0.2.7 or ::1"
_NO_PORT = "is no port; ports are 1 to 65535, or names like http"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect.  ``host``: an address or an ASCII name; ``path``: of a unix socket, in their place.

    ``typed``: the host as it was given, for people.
    """

    host: str
    port: int
    typed: str = ""
    path: str | None = None

    @property
    def is_address(self) -> bool:
        """Whether there is nothing to look up."""
        return self.path is not None or is_address(self.host)

    @property
    def told(self) -> dict[str, object]:
        """The place as a tool's ``target`` in JSON (rule R4)."""
        if self.path is not None:
            return {"path": self.path}
        return {"host": self.typed or self.host, "port": self.port}

    def __str__(self) -> str:
        """Return the place for people: ``localhost:80``, ``[::1]:80``, ``unix:/run/x``."""
        if self.path is not None:
            return f"unix:{self.path}"
        host = self.typed or self.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def is_address(text: str) -> bool:
    """Return whether a text is an IP address, also one with a scope (``fe80::1%eth0``)."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def parse_host(text: str) -> str:
    """Return an address, or a name in ASCII, lower case.  Raises: ValueError."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_address(bare) and bare.isascii() and bare.isprintable():
        return bare.lower() if "%" not in bare else bare
    if ":" in bare or bare != text:
        raise ValueError(_NO_HOST)
    name = bare if bare.isascii() else _ascii(bare)
    labels = name.removesuffix(".").split(".")
    if (
        len(name) > NAME_MAX + 1
        or len(name.removesuffix(".")) > NAME_MAX
        or max(map(len, labels)) > LABEL_MAX
    ):
        raise ValueError("is longer than a name can be (RFC 1035)")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(_NO_HOST)
    return name.lower()


def _ascii(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise ValueError("is no name that can be looked up (IDNA 2008)") from None


def parse_port(text: str) -> int:
    """Return the port of a number or of a service's name.  Raises: ValueError."""
    if text.isascii() and text.isdecimal():
        port = int(text) if len(text) < 8 else 0
        if not 1 <= port <= 65535:
            raise ValueError("is no port; ports are 1 to 65535")
        return port
    named = port_named(text)
    if named is None:
        raise ValueError(_NO_PORT)
    return named


def parse_place(text: str) -> Place:
    """Return the place of ``HOST:PORT``, ``[::1]:PORT`` or ``unix:PATH``.  Raises: ValueError."""
    if text.startswith("unix:"):
        return _socket(text.removeprefix("unix:"))
    found = _BRACKETED.fullmatch(text)
    host, colon, port = (f"[{found[1]}]", ":", found[2]) if found else text.rpartition(":")
    if not colon or (":" in host and not found):
        raise ValueError("is no place; write HOST:PORT, [::1]:PORT or unix:PATH")
    return place_at(host, port)


def place_at(host: str, port: str) -> Place:
    """Return the place of a host and a port given apart.  Raises: ValueError, which quotes the wrong one."""
    try:
        ascii_host = parse_host(host)
    except ValueError as error:
        raise ValueError(f"has a host that {error}") from None
    try:
        return Place(ascii_host, parse_port(port), host.strip("[]"))
    except ValueError as error:
        raise ValueError(f"has a port that {error}") from None


def _socket(path: str) -> Place:
    if not path or "\0" in path or len(path.encode("utf-8", "surrogateescape")) > PATH_MAX:
        raise ValueError(f"is no socket's path; it has 1 to {PATH_MAX} bytes")
    return Place("", 0, path=path)
