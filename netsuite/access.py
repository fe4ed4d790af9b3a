"""Who may use a service: names and passwords from an htpasswd file, in constant time, with bounded tries.

A check of a bcrypt hash takes a large part of a second by design, so it runs in a small thread pool of its
own and its outcome is remembered for a while under a keyed digest of the pair.  An unknown name costs the
work of the file's dearest hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from typing import Any

from passlib.apache import HtpasswdFile
from twisted.internet import defer, task, threads
from twisted.python.threadpool import ThreadPool

from netsuite import journal

#: Hashes that are strong enough; plain text and {SHA} are not.
STRONG = ("$2a$", "$2b$", "$2y$", "$6$", "$apr1$")

#: bcrypt reads 72 bytes; what lies beyond would be ignored, or raise.
PASSWORD_MAX = 72

#: What a hash costs, about, in rounds of SHA-512: bcrypt at cost 0, apr1; and rounds where $6$ names none.
BCRYPT_ROUNDS, APR1_ROUNDS, SHA512_ROUNDS = 100, 1000, 5000

REMEMBERED_MAX = 1024
REMEMBER_SECONDS = 300.0

#: Failed tries of one client that are answered at once, and seconds that each further one waits.
FREE_TRIES = 10
SLOW_SECONDS = 2.0
TRIED_MAX = 4096


def read_users(path: str) -> HtpasswdFile:
    """Return the users of a file.  Raises: ValueError with the line at fault, OSError."""
    try:
        file = HtpasswdFile(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    for user in file.users():
        if not (file.get_hash(user) or b"").decode("ascii", "replace").startswith(STRONG):
            with open(path, encoding="utf-8", errors="replace") as lines:
                number = next((n for n, line in enumerate(lines, 1) if line.startswith(f"{user}:")), 0)
            raise ValueError(f"{path}, line {number}: {user} has a weak hash; make it anew with htpasswd -B")
    return file


_MADE_BY = re.compile(
    r"\$(?:2[aby]\$(?P<cost>[0-3]\d)|6\$(?:rounds=(?P<rounds>\d{1,9})\$)?|(?P<apr1>apr1)\$)"
)


def work(hashed: str) -> int:
    """Return about how much work a check against this hash is, to compare with others; 0 if it is none."""
    made = _MADE_BY.match(hashed)
    if made is None:
        return 0
    if made["cost"]:
        return BCRYPT_ROUNDS << int(made["cost"])
    return APR1_ROUNDS if made["apr1"] else int(made["rounds"] or SHA512_ROUNDS)


def _dearest(file: HtpasswdFile) -> str:
    """Return the user whose hash takes longest to check; an empty text if there is none."""
    costs = {user: work((file.get_hash(user) or b"").decode("ascii", "replace")) for user in file.users()}
    return max(filter(costs.get, costs), key=costs.__getitem__, default="")


def parse_basic(value: bytes) -> tuple[str, str] | None:
    """Return (user, password) of a ``Basic`` credentials field value, None if it is not one (RFC 7617 §2)."""
    scheme, _space, token = value.partition(b" ")
    if scheme.lower() != b"basic" or len(token) > 4096:
        return None
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


class Htpasswd:
    """Checks names and passwords against an htpasswd file, which is read again when it changes.

    ``on_try`` is told each try's client and outcome.  Raises at making: ValueError or OSError, for a file
    that can't be read or has a weak hash.
    """

    def __init__(
        self,
        path: str,
        reactor: Any,
        on_try: Callable[[str, bool], object] = lambda client, ok: None,
        *,
        service: str = "",
    ) -> None:
        self._path, self._reactor, self._on_try, self._service = path, reactor, on_try, service
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bytes, tuple[str, float]] = {}
        self._tried: dict[str, int] = {}
        self._pool = ThreadPool(0, 2, "htpasswd")
        self.load()

    def load(self) -> None:
        """Read the file.  Raises: ValueError, OSError; then the users stay as they were."""
        self.prepare(self._path)()

    def prepare(self, path: str) -> Callable[[], None]:
        """Return what puts the users of ``path`` in force.  Raises: ValueError, OSError; nothing changed."""
        stamp = os.stat(path).st_mtime_ns
        file = read_users(path)
        dearest = _dearest(file)

        def apply() -> None:
            self._path, self._file, self._stamp, self._dearest = path, file, stamp, dearest
            self._remembered.clear()

        return apply

    def start(self) -> None:
        """Be ready to check."""
        self._pool.start()

    def stop(self) -> None:
        """End the threads."""
        self._pool.stop()

    def remembered(self, credentials: bytes) -> str | None:
        """Return the user of a credentials field value that was found right a short while ago."""
        user, until = self._remembered.get(self._digest(credentials), ("", 0.0))
        return user if until > self._reactor.seconds() else None

    def _digest(self, credentials: bytes) -> bytes:
        return hashlib.blake2b(credentials, key=self._key, digest_size=16).digest()

    async def check(self, credentials: bytes, client: str) -> str | None:
        """Return the user if the credentials are right, else None; a client that failed often waits."""
        pair = parse_basic(credentials)
        if pair is None:
            return None
        if self._tried.get(client, 0) >= FREE_TRIES:
            await task.deferLater(self._reactor, SLOW_SECONDS)
        user, password = pair
        verdict: defer.Deferred[bool] = threads.deferToThreadPool(
            self._reactor, self._pool, self._verify, user, password
        )
        ok = await verdict
        journal.login(client=client, user=user, ok=ok, service=self._service)
        self.note(client, ok)
        self._on_try(client, ok)
        if not ok:
            return None
        if len(self._remembered) >= REMEMBERED_MAX:
            self._remembered.pop(next(iter(self._remembered)))
        self._remembered[self._digest(credentials)] = (user, self._reactor.seconds() + REMEMBER_SECONDS)
        return user

    @property
    def tried(self) -> dict[str, int]:
        """How often each client has failed since it was last right."""
        return dict(self._tried)

    def note(self, client: str, ok: bool) -> None:
        """Count a failed try of a client, here or in another process; a good one forgives all before it."""
        if ok:
            self._tried.pop(client, None)
            return
        if len(self._tried) >= TRIED_MAX:
            self._tried.pop(next(iter(self._tried)))
        self._tried[client] = self._tried.pop(client, 0) + 1

    def _verify(self, user: str, password: str) -> bool:
        if len(password.encode()) > PASSWORD_MAX or "\0" in password:
            password, user = "", ""  # refused, after the same work
        if user in self._file.users():
            return bool(self._file.check_password(user, password))
        if self._dearest:
            self._file.check_password(self._dearest, password)
        return False

    def refresh(self) -> None:
        """Read the file again if it has changed; a faulty one changes nothing and is logged."""
        try:
            if os.stat(self._path).st_mtime_ns != self._stamp:
                self.load()
        except (OSError, ValueError) as error:
            journal.reload_failed(text=str(error))
