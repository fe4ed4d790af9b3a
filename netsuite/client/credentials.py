"""Whose name and password go where: to the origin they were given for, and to no other.

An origin is scheme, host and port.  What was given for one is never sent to another, be it the same host at
another port or without TLS; once a chain of redirects comes back, it is sent again.  The same holds for
fields that a user wrote by hand and that carry such things: Authorization, Cookie, and whatever is called
alike.  A password goes out only when it is asked for, and by the best way offered: Digest, else Basic; a
token goes with the first request, as servers seldom ask for one.
"""

from __future__ import annotations

import base64
import netrc
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

from netsuite.client import digest
from netsuite.client.challenge import Challenge
from netsuite.client.url import Login, Origin
from netsuite.http1.fields import Fields
from netsuite.outcome import Failed

#: What is found in the names of fields that belong to one origin.
_SECRET = (
    b"auth",
    b"cookie",
    b"token",
    b"secret",
    b"passw",
    b"api-key",
    b"apikey",
    b"session",
    b"credential",
)

#: Longest password file, token file or line of one, in bytes.
SECRET_MAX = 8 * 1024


def is_secret(name: bytes) -> bool:
    """Return whether a field of this name is for one origin only."""
    lower = name.lower()
    return any(part in lower for part in _SECRET)


@dataclass(slots=True)
class Answered:
    """A challenge that was answered: ``count`` is how often its nonce has been used."""

    challenge: Challenge
    login: Login = field(repr=False)
    count: int = 0


class Wallet:
    """What is known for each origin.  ``basic_at_once``: do not wait to be asked."""

    def __init__(self, *, basic_at_once: bool = False) -> None:
        self._at_once = basic_at_once
        self._logins: dict[Origin, Login] = {}
        self._tokens: dict[Origin, str] = {}
        self._answered: dict[Origin, Answered] = {}

    def put(self, origin: Origin, login: Login) -> None:
        """This name and password are for this origin."""
        self._logins[origin] = login
        self._answered.pop(origin, None)

    def put_token(self, origin: Origin, token: str) -> None:
        """This bearer token is for this origin (RFC 6750)."""
        self._tokens[origin] = token

    def knows(self, origin: Origin) -> bool:
        """Return whether there is a name and password for an origin."""
        return origin in self._logins

    def needs_content(self, origin: Origin) -> bool:
        """Return whether the next value of Authorization stands on the content too (``auth-int``)."""
        answered = self._answered.get(origin)
        return answered is not None and digest.covers_content(answered.challenge)

    def authorization(self, origin: Origin, method: bytes, target: bytes, content: bytes) -> bytes | None:
        """Return the value of Authorization for the next request there, None for none."""
        token = self._tokens.get(origin)
        if token is not None:
            return b"Bearer " + token.encode("ascii")
        answered = self._answered.get(origin)
        if answered is None:
            login = self._logins.get(origin)
            return basic(login) if login is not None and self._at_once else None
        if answered.challenge.scheme == "basic":
            return basic(answered.login)
        answered.count += 1
        return digest.authorization(
            answered.challenge, answered.login, method, target, content=content, count=answered.count
        )

    def answer(self, origin: Origin, offered: Iterable[Challenge], *, sent: bytes | None) -> bool:
        """Choose how to answer what a 401 asks; return whether to ask again.

        ``sent``: the value that was refused: asking again then makes sense for a nonce that has grown old
        only, or where we know better than Basic.
        """
        login = self._logins.get(origin)
        if login is None or origin in self._tokens:
            return False
        offered = list(offered)
        chosen = digest.choose(offered) or next((each for each in offered if each.scheme == "basic"), None)
        if chosen is None:
            return False
        if sent is not None and not (
            chosen.scheme == "digest"
            and (sent.startswith(b"Basic ") or chosen.parameters.get("stale", "").lower() == "true")
        ):
            return False
        self._answered[origin] = Answered(chosen, login)
        return True


def basic(login: Login) -> bytes:
    """Return the value of Authorization for a name and password (RFC 7617).  Raises: Failed."""
    if ":" in login.user or any(ord(char) < 32 or ord(char) == 127 for char in login.user + login.password):
        raise Failed("usage", "a user's name with a colon, or a control character, can't be sent by Basic")
    return b"Basic " + base64.b64encode(f"{login.user}:{login.password}".encode())


def for_origin(fields: Fields, given_for: Origin, origin: Origin) -> Fields:
    """Return a user's own fields for a request: secret ones only where they were given for."""
    if origin == given_for:
        return fields
    return [each for each in fields if not is_secret(each[0])]


def read_secret(path: str, what: str) -> str:
    """Return the first line of a file that holds a password or a token.  Raises: Failed, OSError."""
    with open(path, "rb") as file:
        line = file.read(SECRET_MAX + 1).split(b"\n", 1)[0].removesuffix(b"\r")
    if not line or len(line) > SECRET_MAX:
        raise Failed("local", f"{path}: no {what} in its first line")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise Failed("local", f"{path}: the {what} is no UTF-8") from None


def read_token(path: str) -> str:
    """Return a bearer token from a file (RFC 6750 §2.1).  Raises: Failed, OSError."""
    token = read_secret(path, "token").strip()
    if not token.isascii() or not all(33 <= ord(char) < 127 for char in token):
        raise Failed("local", f"{path}: this is no bearer token")
    return token


def read_netrc(path: str | None, host: str) -> Login | None:
    """Return what ``.netrc`` (``$NETRC``, else that of the home folder) says of a host, None for nothing.

    Raises: Failed, OSError.
    """
    path = path or os.environ.get("NETRC") or os.path.join(os.path.expanduser("~"), ".netrc")
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Failed("local", f"{path}: others may read this; chmod 600 it")
    try:
        found = netrc.netrc(path).authenticators(host)
    except (netrc.NetrcParseError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", None)
        raise Failed("local", f"{path}: unreadable{f' at line {line}' if line else ''}") from None
    if found is None:
        return None
    user, _account, password = found
    return Login(user or "", password or "")
