"""Who may see the inbox: users of a password file, or, where there is none, this machine alone.

A form is for everybody and its answers are not, so the two have one port and unlike doors.  Without a
password file a request to the inbox must come from loopback, be meant for a name of loopback, and have come
by no proxy: a web server before us would make everybody look like this machine.
"""

from __future__ import annotations

from collections.abc import Callable

from netsuite.access import Htpasswd
from netsuite.site.answer import Asked, Refusal
from netsuite.site.hosts import LOOPBACK, name_of
from netsuite.site.login import Login
from netsuite.site.tongue import said
from netsuite.values import is_loopback

#: Fields by which a proxy tells that it is one.
_BY_PROXY = ("forwarded", "via", "x-forwarded-for", "x-real-ip", "x-forwarded-host")


def is_inbox(path: str) -> bool:
    """Whether a path is the inbox's."""
    return path == "/inbox" or path.startswith(("/inbox/", "/inbox."))


class Entrance(Login):
    """Asks who it is for the inbox, and for nothing else."""

    def __init__(self, users: Callable[[], Htpasswd | None]) -> None:
        super().__init__(users)
        self._who = users

    async def user(self, asked: Asked) -> str | None:
        """Who asks.  Raises: Refusal 401, 403."""
        if not is_inbox(asked.path):
            return None
        if self._who() is not None:
            return await super().user(asked)
        if not is_this_machine(asked):
            raise Refusal(403, said("inbox.closed"))
        return None


def is_this_machine(asked: Asked) -> bool:
    """Whether a request comes from a program of this machine, as far as it can be told."""
    if any(name in asked.headers for name in _BY_PROXY):
        return False
    name = name_of(asked.headers.get("host", "").encode("latin-1", "replace"))
    return (not asked.client or is_loopback(asked.client)) and (name is None or name in LOOPBACK)
