"""Who may post: where from, how often, with which token."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.site.answer import FORM as FORM_TYPE
from netsuite.site.answer import Asked, Refusal
from netsuite.site.token import FORM, INGEST, MINUTE, TRIES, TRIES_OF_ALL, Token

SECRET = "open sesame, open sesame"


def bearer(token: str, **headers: str) -> Asked:
    """A request with a token in its head."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked("/x", headers={"authorization": f"Bearer {token}", "host": "localhost:8000", **fields})


class TokenCase(SynchronousTestCase):
    """One secret."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.token = Token(self.clock.seconds, SECRET)

    def status(self, asked: Asked, purpose: str = FORM, *, from_elsewhere: bool = False) -> int:
        """What the request is refused with, 0 if it isn't."""
        try:
            self.token.judge(asked, purpose, from_elsewhere=from_elsewhere)
        except Refusal as refusal:
            return refusal.status
        return 0


class PurposeTests(TokenCase):
    """Which tokens are right."""

    def test_right(self) -> None:
        """The secret itself and the token of the purpose are right, as Bearer and as a form's field."""
        for token in (SECRET, self.token.of(FORM)):
            self.assertEqual(self.status(bearer(token)), 0)
            posted = Asked("/x", headers={"content-type": FORM_TYPE}).posted(f"a=b&token={token}".encode())
            self.assertEqual(self.status(posted), 0)

    def test_wrong(self) -> None:
        """No token, another one and that of another purpose are refused, with how to say it."""
        for asked in (
            Asked("/x"),
            bearer(""),
            bearer("x"),
            bearer(SECRET + "x"),
            bearer(self.token.of(FORM)[:-1]),
            bearer("\u00e9" * 64),
            bearer(self.token.of(INGEST)),
            Asked("/x", headers={"authorization": f"Basic {SECRET}"}),
            Asked("/x", args=(("token", SECRET),)),
        ):
            with self.assertRaises(Refusal) as caught:
                self.token.judge(asked, FORM)
            self.assertEqual(
                (caught.exception.status, caught.exception.headers[0][0]), (401, "WWW-Authenticate")
            )

    def test_tokens_tell_nothing(self) -> None:
        """A token of one purpose is neither the secret nor that of another, and lasts as the secret does."""
        self.assertEqual(len({SECRET, self.token.of(FORM), self.token.of(INGEST)}), 3)
        self.assertEqual(Token(self.clock.seconds, SECRET).of(FORM), self.token.of(FORM))
        before = self.token.of(FORM)
        self.token.become("another secret than before")
        self.assertEqual(self.status(bearer(before)), 401)
        self.assertNotEqual(Token(self.clock.seconds).of(FORM), Token(self.clock.seconds).of(FORM))


class OriginTests(TokenCase):
    """Where a request comes from."""

    def ask(self, **headers: str) -> int:
        return self.status(bearer(SECRET, **headers))

    def test_from_here(self) -> None:
        """Our own pages may, and programs, which say nothing of where they come from."""
        self.assertEqual(self.ask(), 0)
        self.assertEqual(self.ask(origin="http://localhost:8000"), 0)
        self.assertEqual(self.ask(origin="https://LOCALHOST:8000", sec_fetch_site="same-origin"), 0)
        self.assertEqual(self.ask(sec_fetch_site="none"), 0)
        self.assertEqual(self.ask(origin="null", sec_fetch_site="same-origin"), 0)

    def test_from_elsewhere(self) -> None:
        """Pages of other sites, ports and unknown places may not, however right the token is."""
        for origin in (
            "http://evil.example",
            "http://localhost:8001",
            "http://localhost",
            "http://localhost:8000.evil.example",
            "http://evil.example/localhost:8000",
            "http://x@localhost:8000",
            "ftp://localhost:8000",
            "localhost:8000",
            "null",
            "",
        ):
            self.assertEqual(self.ask(origin=origin), 403, origin)
        for site in ("cross-site", "same-site", "", "nonsense"):
            self.assertEqual(self.ask(sec_fetch_site=site), 403, site)
            self.assertEqual(self.ask(sec_fetch_site=site, origin="http://localhost:8000"), 403, site)

    def test_meant_for_elsewhere(self) -> None:
        """Where other sites' pages may, they need the token all the same."""
        headers = {"origin": "https://news.example", "sec_fetch_site": "cross-site"}
        right, wrong = bearer(self.token.of(INGEST), **headers), bearer("x", **headers)
        self.assertEqual(self.status(right, INGEST, from_elsewhere=True), 0)
        self.assertEqual(self.status(right, FORM, from_elsewhere=True), 401)
        self.assertEqual(self.status(wrong, INGEST, from_elsewhere=True), 401)


class TryTests(TokenCase):
    """How often a wrong token may come."""

    def test_bound(self) -> None:
        """After so many wrong ones in a minute not even the right one is heard; then it is again."""
        for _ in range(TRIES):
            self.assertEqual(self.status(bearer("wrong")), 401)
        with self.assertRaises(Refusal) as caught:
            self.token.judge(bearer(SECRET), FORM)
        self.assertEqual(
            (caught.exception.status, dict(caught.exception.headers)), (429, {"Retry-After": "60"})
        )
        self.clock.advance(MINUTE)
        self.assertEqual(self.status(bearer(SECRET)), 0)

    def test_no_token_is_no_try(self) -> None:
        """Who brings none has not tried."""
        for _ in range(TRIES * 2):
            self.assertEqual(self.status(bearer("")), 401)
        self.assertEqual(self.status(bearer(SECRET)), 0)

    def test_a_foreign_page_shuts_itself_out(self) -> None:
        """A foreign page that guesses, by the browser of this machine, doesn't shut out anybody else."""
        for _ in range(TRIES + 1):
            self.status(bearer("wrong", origin="http://evil.example"), INGEST, from_elsewhere=True)
        self.assertEqual(self.status(bearer(SECRET, origin="http://localhost:8000")), 0)
        self.assertEqual(self.status(bearer(SECRET)), 0)

    def test_bound_of_all(self) -> None:
        """Under however many names a program guesses, there is a bound, of what is remembered, too."""
        for number in range(TRIES_OF_ALL):
            asked = bearer("wrong", origin=f"http://{number}.example")
            self.assertEqual(self.status(asked, INGEST, from_elsewhere=True), 401)
        self.assertEqual(self.status(bearer(SECRET)), 429)
        self.assertLessEqual(len(self.token._tries), TRIES_OF_ALL)
