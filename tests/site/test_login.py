"""Who may read a site whose users are listed."""

from __future__ import annotations

import base64
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from netsuite.site.answer import Asked, Refusal
from netsuite.site.login import Login


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Users:
    """As `Htpasswd`: one user, whose password costs a check the first time."""

    def __init__(self) -> None:
        self.checked: list[str] = []
        self._known: set[bytes] = set()

    def remembered(self, credentials: bytes) -> str | None:
        return "alice" if credentials in self._known else None

    async def check(self, credentials: bytes, client: str) -> str | None:
        self.checked.append(client)
        if credentials != basic("alice", "secret").encode():
            return None
        self._known.add(credentials)
        return "alice"


class LoginTests(SynchronousTestCase):
    """What `Login.user` says."""

    def setUp(self) -> None:
        self.users = Users()
        self.listed: Any = self.users
        self.login = Login(lambda: self.listed, ("/proxy.pac",))

    def user(self, path: str = "/", authorization: str | None = None) -> str | None:
        headers = {} if authorization is None else {"authorization": authorization}
        return self.successResultOf(
            ensureDeferred(self.login.user(Asked(path, headers=headers, client="192.0.2.1")))
        )

    def refused(self, authorization: str | None) -> Refusal:
        headers = {} if authorization is None else {"authorization": authorization}
        asked = Asked("/words.json", headers=headers, client="192.0.2.1")
        found = self.failureResultOf(ensureDeferred(self.login.user(asked)), Refusal).value
        assert isinstance(found, Refusal)
        return found

    def test_nobody_listed(self) -> None:
        """Without users nobody has to log in."""
        self.listed = None
        self.assertIsNone(self.user())

    def test_right(self) -> None:
        """Name and password open the site; they are checked once."""
        for _ in range(3):
            self.assertEqual(self.user("/", basic("alice", "secret")), "alice")
        self.assertEqual(self.users.checked, ["192.0.2.1"])

    def test_asked_for(self) -> None:
        """Who says nothing is asked (RFC 7617), and costs no check."""
        refusal = self.refused(None)
        self.assertEqual(refusal.status, 401)
        self.assertEqual(refusal.headers, (("WWW-Authenticate", 'Basic realm="netsuite", charset="UTF-8"'),))
        self.assertEqual(self.users.checked, [])

    def test_wrong(self) -> None:
        """A wrong password, another scheme, rubbish: asked again, each time after a check of that client."""
        for value in (basic("alice", "guess"), "Bearer x", "Basic ?", "\udcff"):
            self.assertEqual(self.refused(value).status, 401)
        self.assertEqual(self.users.checked, ["192.0.2.1"] * 4)

    def test_open_paths(self) -> None:
        """The look and what programs fetch by themselves are open; a path that merely begins alike isn't."""
        for path in ("/static/style.css", "/proxy.pac"):
            self.assertIsNone(self.user(path))
        for path in ("/static", "/proxy.pac/", "/Proxy.pac"):
            failure = self.failureResultOf(ensureDeferred(self.login.user(Asked(path))), Refusal)
            self.assertEqual(failure.value.status, 401)  # type: ignore[attr-defined]
