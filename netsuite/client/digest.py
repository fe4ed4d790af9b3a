"""Digest access authentication: the answer to a server's challenge (RFC 7616).

MD5, SHA-256 and SHA-512-256, each with ``-sess``; ``auth``, and ``auth-int`` where nothing else is offered.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable

from netsuite.client.challenge import Challenge
from netsuite.client.url import Login

#: Best first: which is taken where a server offers several (RFC 7616 §3.7).
_ALGORITHMS = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
_UNFIT = re.compile(r"[\x00-\x1f\x7f]")


def choose(offered: Iterable[Challenge]) -> Challenge | None:
    """Return the best Digest challenge that we can answer, None if there is none."""
    fit = [each for each in offered if each.scheme == "digest" and _rank(each) is not None]
    return min(fit, key=lambda each: _rank(each) or 0, default=None)


def _rank(challenge: Challenge) -> int | None:
    name = challenge.parameters.get("algorithm", "MD5").upper().removesuffix("-SESS")
    names = list(_ALGORITHMS)
    if name not in names or "nonce" not in challenge.parameters or _qop(challenge) == "unknown":
        return None
    return names.index(name)


def covers_content(challenge: Challenge) -> bool:
    """Return whether the answer to a challenge stands on the content too."""
    return challenge.scheme == "digest" and _qop(challenge) == "auth-int"


def _qop(challenge: Challenge) -> str:
    """Return ``auth``, ``auth-int``, ``unknown``, or nothing, as before RFC 2617."""
    offered = {each.strip().lower() for each in challenge.parameters.get("qop", "").split(",")} - {""}
    if not offered:
        return ""
    return next((each for each in ("auth", "auth-int") if each in offered), "unknown")


def authorization(
    challenge: Challenge,
    login: Login,
    method: bytes,
    target: bytes,
    *,
    content: bytes = b"",
    count: int = 1,
    cnonce: str | None = None,
) -> bytes:
    """Return the field's value for a request.  ``target``: as in its request line; ``count``: of the nonce.

    Raises: ValueError for a challenge or a name that can't be written into a field.
    """
    given = challenge.parameters
    named = given.get("algorithm", "MD5")
    name = named.upper()

    def digest(text: bytes) -> str:
        return hashlib.new(_ALGORITHMS[name.removesuffix("-SESS")], text, usedforsecurity=False).hexdigest()

    cnonce = cnonce or secrets.token_urlsafe(24)
    qop, nonce, realm, nc = _qop(challenge), given["nonce"], challenge.realm, f"{count:08x}"
    first = digest(f"{login.user}:{realm}:{login.password}".encode())
    if name.endswith("-SESS"):
        first = digest(f"{first}:{nonce}:{cnonce}".encode())
    second = method + b":" + target
    if qop == "auth-int":
        second += b":" + digest(content).encode("ascii")
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    response = digest(f"{first}:{middle}:{digest(second)}".encode())
    hashed = given.get("userhash", "").lower() == "true"
    user = digest(f"{login.user}:{realm}".encode()) if hashed else login.user
    parts = [
        *_user(user),
        f"realm={_quoted(realm)}",
        f"uri={_quoted(target.decode('latin-1'))}",
        f"nonce={_quoted(nonce)}",
        f'response="{response}"',
    ]
    if "algorithm" in given:
        parts.append(f"algorithm={named}")
    if qop:
        parts += [f"qop={qop}", f"nc={nc}", f"cnonce={_quoted(cnonce)}"]
    if "opaque" in given:
        parts.append(f"opaque={_quoted(given['opaque'])}")
    if hashed:
        parts.append("userhash=true")
    return f"Digest {', '.join(parts)}".encode()


def _user(user: str) -> list[str]:
    """Return the parameter that names the user: ``username*`` where ASCII has no letters for it (§3.4)."""
    if user.isascii():
        return [f"username={_quoted(user)}"]
    escaped = "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"%{byte:02X}" for byte in user.encode()
    )
    return [f"username*=UTF-8''{escaped}"]


def _quoted(text: str) -> str:
    if _UNFIT.search(text):
        raise ValueError("a control character in a challenge or a name")
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
