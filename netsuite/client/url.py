"""A URL as a person or a redirect wrote it -> where to ask, and who asks (RFC 3986, RFC 9110 §4.2).

What is asked for is an ``http1.target.Target``, read as strictly as the proxy reads it.  Spaces and letters
outside ASCII are escaped, as browsers do, and a name becomes its A-labels; control characters are refused:
they are how a request is split.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin

import idna

from netsuite.http1.errors import BadMessage
from netsuite.http1.target import Target, absolute
from netsuite.journal import escaped, url_text

#: Longest URL, in characters.
URL_MAX = 16 * 1024

#: Scheme, host and port: by this credentials are kept.
Origin = tuple[bytes, bytes, int]

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://(?:([^/?#]*)@)?([^/?#@]*)([^#]*)(?:#.*)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MARKS = "!$%&'()*+,-./:;=?@[]_~"  # what stays as it is; the rest is escaped


@dataclass(frozen=True, slots=True)
class Login:
    """A user's name and password; neither is ever shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Url:
    """Where to ask.  ``login``: what stood before an ``@``, which is no part of where."""

    target: Target
    login: Login | None = None

    @property
    def origin(self) -> Origin:
        """Scheme, host and port."""
        return self.target.scheme, self.target.host, self.target.port

    @property
    def secure(self) -> bool:
        """Whether it is asked for in TLS."""
        return self.target.scheme == b"https"

    @property
    def host(self) -> str:
        """The host's name or address, without brackets."""
        return self.target.host.decode("ascii")

    @property
    def port(self) -> int:
        """The port, also where it is the scheme's own."""
        return self.target.port

    @property
    def text(self) -> str:
        """The whole URL without user and password."""
        return (self.target.scheme + b"://" + self.target.authority + self.target.path).decode("ascii")

    @property
    def shown(self) -> str:
        """The URL for people and logs: without user, password and query."""
        return url_text(self.target.scheme, self.target.authority, self.target.path)

    @property
    def place(self) -> str:
        """Scheme, host and port, for people."""
        return (self.target.scheme + b"://" + self.target.authority).decode("ascii")


def parse_url(text: str) -> Url:
    """Return the URL that was written.  Raises: ValueError, a clause without user, password and query."""
    if len(text) > URL_MAX:
        raise ValueError("is too long for a URL")
    match = _PARTS.fullmatch(text.strip(" "))
    if match is None or match[1].lower() not in ("http", "https"):
        raise ValueError("is no http or https URL; write http://localhost:8000/")
    scheme, who, authority, path = match.groups()
    if _CONTROL.search(text):
        raise ValueError("has a control character in it")
    try:
        target = absolute(f"{scheme.lower()}://{_ascii(authority)}{_path(path)}".encode("ascii"))
    except BadMessage as error:
        raise ValueError(f"is no URL to ask for: {error.reason}") from None
    except UnicodeError:  # idna's errors are of this kind
        raise ValueError("has no host that can be looked up") from None
    return Url(target, None if who is None else _login(who))


def joined(base: Url, location: bytes) -> Url:
    """Return where ``location`` points from ``base`` (RFC 3986 §5).  Raises: ValueError, as ``parse_url``."""
    try:
        text = location.decode("utf-8")
    except UnicodeDecodeError:
        text = location.decode("latin-1")
    if len(text) > URL_MAX:
        raise ValueError("is too long for a URL")
    return parse_url(urljoin(base.text, text.strip(" \t")))


def shown(text: str) -> str:
    """Return a URL as written for a complaint: without user, password, query and control characters."""
    _who, at, rest = text.partition("?")[0].partition("#")[0].rpartition("@")
    return escaped(("…@" if at else "") + rest[:200])


def _login(who: str) -> Login:
    user, _colon, password = who.partition(":")
    return Login(unquote(user), unquote(password))


def _path(path: str) -> str:
    return quote(path, safe=_MARKS, errors="strict")


def _ascii(authority: str) -> str:
    """Return an authority with its host's name as it is looked up (A-labels, RFC 5891)."""
    if authority.isascii():
        return authority
    host, colon, port = authority.partition(":")
    return idna.encode(host, uts46=True).decode("ascii") + colon + port
