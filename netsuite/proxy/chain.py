"""The proxies that requests go through instead of straight to the origin: which, for which host, in turn.

Theory.  A *way* is a proxy (a ``Hop``) or none (``direct``), given for the hosts that a glob names.  The
first glob that fits a host decides; all ways given with that glob are tried one after the other, as they were
given.  A hop that failed is tried last for ``AILING_SECONDS``; then one request tries it again, and once that
has worked it is in its place for all.  Silence after it was asked may be the origin's: only ``DOUBTS`` such
failures, without a success between them, are the hop's.

The administrator has named the hops, so they may have private addresses.
"""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote_to_bytes

from twisted.internet.error import ConnectError

from netsuite.proxy.rule import Hosts, one_form, parse_rule

#: Seconds for which a hop that failed is tried last.
AILING_SECONDS = 30.0

#: How much a failure is the hop's own fault: not at all, perhaps, surely; so many doubts are certainty.
NO_FAULT, DOUBT = 0, 1
DOUBTS = SURE = 3

#: Ways that may be given, hosts whose ways are kept ready, bytes of a file with a password.
WAYS_MAX = 256
HOSTS_KEPT = 4096
PASSWORD_BYTES = 4096

Way = tuple[str, "Hop | None"]

_URL = re.compile(
    r"(?P<scheme>[a-z0-9]+)://(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?/?"
    r"(?:\?password-file=(?P<file>[^#]+))?"
)
_PORTS = {"http": None, "socks5": 1080, "socks5h": 1080}


class HopFailed(ConnectError):  # noqa: N818 - what happened, to be told to people
    """A proxy on the way did not do its part; the text is for the error page and has no secrets.

    ``blame``: how much it is the proxy's own fault, ``NO_FAULT``, ``DOUBT`` or ``SURE``.
    """

    def __init__(self, text: str, *, blame: int = SURE) -> None:
        super().__init__(string=text)
        self.text, self.blame = text, blame

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Hop:
    """A proxy on the way.  ``scheme``: ``http``, ``socks5``, or ``socks5h``, which resolves names itself.

    ``password_file``: where the password is read from when the service starts or reloads.
    """

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None

    @property
    def place(self) -> str:
        """``host:port``, for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def key(self) -> bytes:
        """What tells it from other hops, without its password."""
        return f"{self.scheme}://{self.user or ''}@{self.place}".encode()

    @property
    def authorization(self) -> bytes | None:
        """The value of Proxy-Authorization, None if there is no user (RFC 7617)."""
        if self.user is None:
            return None
        return b"Basic " + base64.b64encode(f"{self.user}:{self.password or ''}".encode())


def parse_upstream(text: str) -> Way:
    """Return glob and hop of ``[GLOB=]URL``; the glob is ``*`` if not given, the hop None for ``direct``.

    URL: ``http``, ``socks5`` or ``socks5h``, ``://[user[:password]@]host[:port][?password-file=PATH]``.
    Raises: ValueError, never with a password in it.
    """
    glob, equals, url = text.partition("=")
    if not equals or "://" in glob:
        glob, url = "*", text
    _hosts(glob)
    if url == "direct":
        return glob, None
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError("is direct or http://, socks5:// or socks5h://[user@]host[:port], a glob= before it")
    scheme = found["scheme"]
    if scheme not in _PORTS:
        raise ValueError(f"has the scheme {scheme!r}; there are http, socks5 and socks5h")
    port = int(found["port"]) if found["port"] else _PORTS[scheme]
    if port is None or not 0 < port < 65536:
        raise ValueError("needs a port from 1 to 65535")
    if found["password"] is not None and found["file"] is not None:
        raise ValueError("has a password and a file for it")
    user, password = _decoded(found["user"]), _decoded(found["password"])
    if (user is None or not user) and (user is not None or found["file"] is not None):
        raise ValueError("needs a user's name")
    _check(user, password)
    return glob, Hop(scheme, (found["six"] or found["host"]).lower(), port, user, password, found["file"])


def _decoded(text: str | None) -> str | None:
    try:
        return None if text is None else unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise ValueError("has a user or password that is not UTF-8") from None


def _check(user: str | None, password: str | None) -> None:
    """Raise ValueError for what one of the protocols can't carry (RFC 7617 §2, RFC 1929 §2)."""
    for text in filter(None, (user, password)):
        if len(text.encode()) > 255 or not text.isprintable():
            raise ValueError("has a user or password over 255 bytes or with control characters")
    if user is not None and ":" in user:
        raise ValueError("has a colon in the user's name")


def shown(text: str) -> str:
    """Return an option's value without the password, for people."""
    return re.sub(r"(://[^:@/?#]*):[^@/?#]*@", r"\1:…@", text)


def with_password(way: Way) -> Way:
    """Return the way with the password of its file.  Raises: OSError, ValueError."""
    glob, hop = way
    if hop is None or hop.password_file is None:
        return way
    with open(os.path.expanduser(hop.password_file), "rb") as opened:
        data = opened.read(PASSWORD_BYTES + 1)
    lines = data.splitlines()
    if len(data) > PASSWORD_BYTES or not lines:
        raise ValueError(f"{hop.password_file} is empty or too large for a password")
    try:
        password = lines[0].decode()
        _check(None, password)
    except ValueError:
        raise ValueError(f"{hop.password_file} has no password of up to 255 bytes of text") from None
    return glob, replace(hop, password=password)


def _hosts(glob: str) -> Hosts:
    if "," in glob:
        raise ValueError("has a comma in the glob")
    hosts = parse_rule(f"host:{glob}", True).hosts
    if hosts is None:
        raise ValueError("has an empty glob")
    return hosts


class Chain:
    """The ways that were given, in order; none: straight to the origin.  ``now``: a monotonic clock."""

    def __init__(self, ways: Sequence[Way] = (), now: Callable[[], float] = time.monotonic) -> None:
        if len(ways) > WAYS_MAX:
            raise ValueError(f"are more than {WAYS_MAX} ways")
        globs = dict.fromkeys(glob for glob, _ in ways)
        self._groups = [(_hosts(glob), [hop for its, hop in ways if its == glob]) for glob in globs]
        self._now = now
        self._kept: dict[bytes, list[Hop | None]] = {}
        self._ailing: dict[Hop | None, float] = {}
        self._blamed: dict[Hop, int] = {}
        self.has_hops = any(hop is not None for _, hop in ways)

    def hops(self, host: bytes) -> list[Hop | None]:
        """Return the ways to ``host`` in the order to try them, to a caller that tells how they did."""
        ways = self._ways(host)
        if not self._ailing:
            return ways
        now = self._now()
        for hop in ways:
            if self._ailing.get(hop, now + 1) <= now:  # this caller finds out; the others wait for its word
                self._ailing[hop] = now + AILING_SECONDS
                return [hop, *self._ordered([way for way in ways if way is not hop])]
        return self._ordered(ways)

    def first(self, host: bytes) -> Hop | None:
        """Return the way that is taken for ``host`` now."""
        ways = self._ways(host)
        return self._ordered(ways)[0] if self._ailing else ways[0]

    def _ordered(self, ways: list[Hop | None]) -> list[Hop | None]:
        return sorted(ways, key=self._ailing.__contains__)

    def _ways(self, host: bytes) -> list[Hop | None]:
        ways = self._kept.get(host)
        if ways is None:
            form = one_form(host)
            fitting = (hops for hosts, hops in self._groups if hosts.fits(form))
            ways = next(fitting, None) or [None]
            if len(self._kept) >= HOSTS_KEPT:
                self._kept.clear()
            self._kept[host] = ways
        return ways

    def failed(self, hop: Hop | None, blame: int = SURE) -> None:
        """Try this hop last for a while, if it is blamed enough."""
        if hop is None or not blame:
            return
        self._blamed[hop] = self._blamed.get(hop, 0) + blame
        if self._blamed[hop] >= SURE:
            self._ailing[hop] = self._now() + AILING_SECONDS

    def worked(self, hop: Hop | None) -> None:
        """Try this hop in its place again."""
        if hop is not None:
            self._blamed.pop(hop, None)
            self._ailing.pop(hop, None)
