"""Who reads a site, by Basic authentication (RFC 7617), where its users are listed.

What programs fetch by themselves, without knowing who reads, is open: the look, the proxy configuration
file, and what is asked with a token of its own.  A log-in that is right is remembered by `Htpasswd` for a
while, so that a page with its parts costs one check.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from netsuite.access import Htpasswd
from netsuite.site.answer import Asked, Refusal
from netsuite.site.tongue import said

#: Paths below these are open on every site.
_OPEN_BELOW = ("/static/",)

_REALM = 'Basic realm="netsuite", charset="UTF-8"'


class Login:
    """``users`` may answer None: then nobody has to log in.  ``open_paths`` are open to all."""

    def __init__(self, users: Callable[[], Htpasswd | None], open_paths: Collection[str] = ()) -> None:
        self._users, self._open = users, frozenset(open_paths)

    async def user(self, asked: Asked) -> str | None:
        """Who asks; None where nobody has to say so.

        Raises:
            Refusal: 401, unless name and password are right.
        """
        users = self._users()
        if users is None or asked.path in self._open or asked.path.startswith(_OPEN_BELOW):
            return None
        credentials = asked.headers.get("authorization", "").encode("latin-1", "replace")
        user = users.remembered(credentials) if credentials else None
        if user is None and credentials:
            user = await users.check(credentials, asked.client)
        if user is None:
            sentence = said("refusal.wrong_login" if credentials else "refusal.login")
            raise Refusal(401, sentence, ("WWW-Authenticate", _REALM))
        return user
