"""By which proxy a URL is asked for, if by any: ``--proxy``, ``http_proxy``, ``https_proxy``, ``no_proxy``.

``HTTP_PROXY`` in capitals is not read: in a CGI program a client's ``Proxy`` field would set it.  Entries of
``no_proxy`` are names (with all below them), addresses, networks, each with a port or without, or ``*``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from netsuite.client.url import Login, Url, parse_url

#: Longest list that is read.
NO_PROXY_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class ForwardProxy:
    """A proxy: its host, its port, and who we are to it."""

    host: str
    port: int
    login: Login | None = None

    @property
    def place(self) -> str:
        """Host and port, for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_proxy(text: str) -> ForwardProxy:
    """Return the proxy of ``http://[user:password@]host[:port]`` or ``host:port``.  Raises: ValueError."""
    if "://" not in text:
        text = f"http://{text}"
    if not text.lower().startswith("http://"):
        raise ValueError("is no http proxy; write http://127.0.0.1:8001")
    url = parse_url(text)
    if url.target.path != b"/":
        raise ValueError("is no proxy: it has a path; write http://127.0.0.1:8001")
    return ForwardProxy(url.host, url.port, url.login)


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that may be used, by the scheme of what is asked for, and what goes without."""

    http: ForwardProxy | None = None
    https: ForwardProxy | None = None
    without: tuple[str, ...] = ()

    @classmethod
    def of(cls, environ: Mapping[str, str], everywhere: str | None = None) -> Proxies:
        """Return those of the environment; ``everywhere``: one named instead.  Raises: ValueError."""
        without = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        if len(without) > NO_PROXY_MAX:
            raise ValueError("no_proxy is too long")
        entries = tuple(each.lower() for each in without.replace(",", " ").split())
        if everywhere is not None:
            proxy = parse_proxy(everywhere) if everywhere else None
            return cls(proxy, proxy, entries)
        every = environ.get("all_proxy") or environ.get("ALL_PROXY") or ""
        return cls(
            _named(environ, "http_proxy", every),
            _named(environ, "https_proxy", environ.get("HTTPS_PROXY") or every),
            entries,
        )

    def for_url(self, url: Url) -> ForwardProxy | None:
        """Return the proxy for a URL, None if it is asked for directly."""
        proxy = self.https if url.secure else self.http
        if proxy is None or any(_fits(entry, url.host.rstrip("."), url.port) for entry in self.without):
            return None
        return proxy


def _named(environ: Mapping[str, str], name: str, instead: str) -> ForwardProxy | None:
    text = environ.get(name) or instead
    if not text:
        return None
    try:
        return parse_proxy(text)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _fits(entry: str, host: str, port: int) -> bool:
    """Return whether an entry of ``no_proxy`` covers a host and port."""
    if entry == "*":
        return True
    name, wanted = _split(entry)
    if wanted is not None and wanted != str(port):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = name.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def _split(entry: str) -> tuple[str, str | None]:
    """Return name or network of an entry, and its port if it has one."""
    if entry.startswith("["):
        inside, _, after = entry[1:].partition("]")
        return inside, after[1:] if after.startswith(":") else None
    name, colon, port = entry.rpartition(":")
    if colon and ":" not in name and port.isdecimal():
        return name, port
    return entry, None
