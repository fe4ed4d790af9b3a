"""From the text of ``--store redis://…`` to where that server is; what is shown of it holds no password."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from netsuite.wordproxy.store.contract import StoreFault

SCHEMES = ("redis", "rediss", "unix")

#: The name of a store whose address gives none.
PREFIX = "netsuite"

#: How long a server may take to accept a connection, and to answer; ``?timeout=`` sets the second.
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 10.0

#: Longest password file that is read, in bytes.
PASSWORD_MAX = 4096

_OPTIONS = frozenset(("prefix", "password-file", "timeout", "ca-file", "db"))
_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,64}(:[A-Za-z0-9._-]{1,64})?")  # the second part is a user's
_FORM = "give redis://[user:password@]host[:port][/db][?prefix=…], rediss://… or unix:///path"


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """Where a Redis is and how to get in: ``arguments`` are those of a client."""

    shown: str  #: the address without user and password
    prefix: str
    arguments: dict[str, Any] = field(repr=False)


def is_redis(where: str) -> bool:
    """The text names a Redis, not a file."""
    return where.partition("://")[0].lower() in SCHEMES and "://" in where


def parse_place(where: str) -> RedisPlace:
    """Where ``redis://…``, ``rediss://…`` or ``unix://…`` is.

    Raises:
        StoreFault: it is no such address; the text never quotes what may hold a password.
    """
    try:
        parts = urlsplit(where)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        port = parts.port or 6379
    except ValueError:
        raise StoreFault(f"the store's address can't be read; {_FORM}") from None
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown or parts.fragment:
        known = ", ".join(sorted(_OPTIONS))
        raise StoreFault(f"the store's address has an option that is none: after ? these are known: {known}")
    prefix = options.get("prefix", PREFIX)
    if not _PREFIX.fullmatch(prefix):
        raise StoreFault("the store's prefix is 1 to 64 letters, digits, dots, hyphens or underscores")
    db = _database(parts, options)
    arguments: dict[str, Any] = {
        "db": db,
        "username": unquote(parts.username) if parts.username else None,
        "password": _password(parts, options),
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": _seconds(options),
    }
    asked = f"?prefix={prefix}" if "prefix" in options else ""
    if parts.scheme == "unix":
        if not parts.path.startswith("/") or parts.hostname:
            raise StoreFault("a Unix socket's address is unix:///its/path")
        path = unquote(parts.path)
        return RedisPlace(f"unix://{path}{asked}", prefix, {**arguments, "unix_socket_path": path})
    if not parts.hostname:
        raise StoreFault(f"the store's address has no host; {_FORM}")
    arguments |= {"host": parts.hostname, "port": port}
    if parts.scheme == "rediss":
        arguments |= {"ssl": True, "ssl_ca_certs": options.get("ca-file")}
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return RedisPlace(f"{parts.scheme}://{host}:{port}/{db}{asked}", prefix, arguments)


def with_prefix(where: str, prefix: str) -> str:
    """The same address with another prefix; ``where`` is one that `parse_place` takes."""
    base, _, query = where.partition("?")  # put together by hand: urlunsplit makes unix:/path of unix:///path
    options = {**dict(parse_qsl(query, keep_blank_values=True)), "prefix": prefix}
    return f"{base}?{urlencode(options, safe='/:')}"


def _database(parts: SplitResult, options: dict[str, str]) -> int:
    text = options.get("db", "0") if parts.scheme == "unix" else parts.path.strip("/") or "0"
    if not (text.isascii() and text.isdigit()) or len(text) > 4:
        raise StoreFault("the store's database is a number: redis://host:port/0")
    return int(text)


def _seconds(options: dict[str, str]) -> float:
    text = options.get("timeout", "")
    if not text:
        return ANSWER_SECONDS
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text) or not float(text):
        raise StoreFault("the store's timeout is a number of seconds: ?timeout=10")
    return float(text)


def _password(parts: SplitResult, options: dict[str, str]) -> str | None:
    """The password of the address, or the first line of the file that it names."""
    path = options.get("password-file")
    if path is None:
        return unquote(parts.password) if parts.password is not None else None
    if not os.path.isabs(path):
        raise StoreFault("the store's password-file has an absolute path: ?password-file=/its/path")
    try:
        with open(path, "rb") as file:
            raw = file.read(PASSWORD_MAX)
    except OSError as error:
        raise StoreFault(f"the store's password-file {path} can't be read ({error.strerror})") from None
    try:
        return raw.split(b"\n")[0].rstrip(b"\r").decode()
    except UnicodeDecodeError:
        raise StoreFault(f"the store's password-file {path} is no UTF-8 text") from None
