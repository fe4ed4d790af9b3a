"""One DNS server, after the hosts file and what never leaves this machine (RFC 6761 §6.3)."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from twisted.internet import defer

from netsuite.resolving.answer import Found, is_name
from netsuite.resolving.question import Question

HOSTS = Path("/etc/hosts")
HOSTS_BYTES = 16 << 20

#: Seconds that the hosts file's word holds, and that a name which can be no name is none.
LOCAL_SECONDS = 30.0

_PLACE = re.compile(
    r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?|[0-9A-Fa-f:.]+(?:%.+)?"
)
_LOOPBACK = ("127.0.0.1", "::1")


def parse_server(text: str) -> tuple[str, int]:
    """Return address and port of ``ADDR[:PORT]``; an IPv6 address with a port is in brackets.

    Raises: ValueError.
    """
    found = _PLACE.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        host = str(found["six"] or found["host"] or text)
        ip_address(host.partition("%")[0])
    except ValueError:
        raise ValueError("is the address of a DNS server, ADDR or ADDR:PORT") from None
    port = int(found["port"] or 53)
    if not 0 < port < 65536:
        raise ValueError("has a port outside 1 to 65535")
    return host, port


class Server:
    """Looks names up: in the hosts file, by rule, by asking.

    ``patience``: seconds for one family's answer once the other's is there, None for a race's.
    """

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        hosts: Hosts | None = None,
        *,
        patience: float | None = None,
    ) -> None:
        self._reactor, self._server, self._patience = reactor, (host, port), patience
        self._hosts = hosts or Hosts()

    def ask(self, host: str) -> defer.Deferred[Found]:
        """Look a name up."""
        name = host.lower().removesuffix(".")
        listed = self._hosts.addresses(name)
        if listed:
            return defer.succeed(Found(listed, LOCAL_SECONDS))
        if name == "localhost" or name.endswith(".localhost"):
            return defer.succeed(Found(_LOOPBACK, LOCAL_SECONDS))
        if not is_name(name):
            return defer.succeed(Found((), LOCAL_SECONDS))
        return Question(self._reactor, self._server, name, self._patience).begin()


class Hosts:
    """The names of a hosts file, read again when it has changed (hosts(5))."""

    def __init__(self, path: Path = HOSTS) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._names: dict[str, tuple[str, ...]] = {}

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return a name's addresses, none if it has none or there is no such file."""
        try:
            state = self._path.stat()
            seen = (state.st_mtime_ns, state.st_size)
            if seen != self._seen:
                with self._path.open("rb") as opened:
                    self._names = _hosts(opened.read(HOSTS_BYTES))
                self._seen = seen
        except OSError:
            self._names, self._seen = {}, None
        return self._names.get(name, ())


def _hosts(data: bytes) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for line in data.decode("ascii", "replace").splitlines():
        address, *listed = line.partition("#")[0].split() or [""]
        try:
            ip_address(address.partition("%")[0])
        except ValueError:
            continue
        for name in listed:
            key = name.lower().removesuffix(".")
            names[key] = (*names.get(key, ()), address)
    return names
