"""Who may change something on a site of ours: whether a POST comes from our own pages, and has the token.

One secret stands behind all of it.  A page of ours carries a token made of the secret for forms, what is
sent from elsewhere (a bookmarklet, an app) one for its own purpose, so that a foreign page that gets hold of
the latter can't do what only forms may.  The secret itself opens everything, as ``Authorization: Bearer``.

Three things are judged, in this order.  *Where from*: a browser says so, by ``Sec-Fetch-Site`` and
``Origin``, and what it says came from another site is refused, but on the paths that are meant for that.
*How often*: a client that gave a wrong token too often in a minute is not listened to for the rest of it; so
is each origin, so that a foreign page can't shut us to our own.  *The token*, in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

import msgspec

from netsuite.site.answer import JSON, Asked, Refusal
from netsuite.site.tongue import said

#: What tokens are for: forms of our own pages; pages that are brought here.
FORM, INGEST = "form", "ingest"

#: Wrong tokens in a minute: of one client and origin, of all together.
TRIES, TRIES_OF_ALL = 20, 600
MINUTE = 60.0

#: Characters that a secret must have at least, and that are read of one.
SECRET_MIN, SECRET_MAX = 16, 1024

_ELSEWHERE = said("refusal.elsewhere")
_STALE = said("refusal.stale")
_TOO_OFTEN = said("refusal.often")


class Token:
    """The secret of a site and the tokens made of it.  ``clock``: seconds, of any beginning."""

    def __init__(self, clock: Callable[[], float], secret: str = "") -> None:
        self._clock = clock
        self._tries: dict[tuple[str, str], int] = {}
        self._all = 0
        self._since = clock()
        self.become(secret or secrets.token_urlsafe(32))

    def become(self, secret: str) -> None:
        """This is the secret from now on; tokens given out before are wrong."""
        self._secret = secret

    def of(self, purpose: str) -> str:
        """The token for a purpose: `FORM`, to be the hidden field ``token`` of our forms, or `INGEST`."""
        return hmac.new(self._secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()

    def judge(self, asked: Asked, purpose: str, *, from_elsewhere: bool = False) -> None:
        """Nothing, if the request may do what it asks for.

        ``from_elsewhere``: pages of other sites may, too.  Raises: Refusal 401, 403, 429.
        """
        if not from_elsewhere and not is_from_here(asked):
            raise Refusal(403, _ELSEWHERE)
        given = given_token(asked)
        who = (asked.client, asked.headers.get("origin", ""))
        self._next_minute()
        if given and (self._tries.get(who, 0) >= TRIES or self._all >= TRIES_OF_ALL):
            raise Refusal(429, _TOO_OFTEN, ("Retry-After", f"{MINUTE:.0f}"))
        right = [self._secret, self.of(purpose)]
        if sum(hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()) for token in right):
            return
        if given:
            self._tries[who] = self._tries.get(who, 0) + 1
            self._all += 1
        raise Refusal(401, _STALE, ("WWW-Authenticate", "Bearer"))

    def _next_minute(self) -> None:
        now = self._clock()
        if not 0 <= now - self._since < MINUTE:
            self._since, self._all = now, 0
            self._tries.clear()


def is_from_here(asked: Asked) -> bool:
    """Whether a request is no foreign page's: what a browser says of it, if one sent it.

    Source: Fetch §3.2 (Origin), Fetch Metadata Request Headers §2.3.
    """
    site, origin = asked.headers.get("sec-fetch-site"), asked.headers.get("origin")
    if site not in (None, "same-origin", "none"):
        return False
    if origin is None or (origin == "null" and site == "same-origin"):
        return True
    scheme, _, host = origin.lower().partition("://")
    return scheme in ("http", "https") and host == asked.headers.get("host", "").lower()


class _InJson(msgspec.Struct):
    """What of a posted object says who posts it."""

    token: str = ""


def given_token(asked: Asked) -> str:
    """The token that came with a request: as Bearer (RFC 6750 §2.1), or as a field of a form or JSON object.

    "" if none did.
    """
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    if asked.kind != JSON:
        return dict(asked.form).get("token", "")
    try:
        return msgspec.json.decode(asked.body, type=_InJson).token
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def read_secret(path: str) -> str:
    """The secret in a file.  Raises: ValueError for a file that holds none, OSError."""
    with open(path, encoding="ascii", errors="replace") as file:
        secret = file.read(SECRET_MAX + 1).strip()
    if not SECRET_MIN <= len(secret) <= SECRET_MAX or not secret.isascii() or not secret.isprintable():
        raise ValueError(f"{path} is no token: {SECRET_MIN} to {SECRET_MAX} letters and digits, in one line")
    return secret
