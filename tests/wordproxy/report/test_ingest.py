"""``POST /ingest`` and ``/bookmarklet``: what is taken, what is refused, what the link may do."""

from __future__ import annotations

import json
from urllib.parse import unquote, urlencode

from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.target import absolute
from netsuite.site.frame import Frame
from netsuite.site.routes import Post, Routes
from netsuite.site.server import make_site
from netsuite.site.token import FORM, INGEST, Token
from netsuite.wordproxy.bring.ingest import WAIT_SECONDS, Feeding, Ingesting
from netsuite.wordproxy.copying import Rules, digest_of
from netsuite.wordproxy.events import Events
from netsuite.wordproxy.ledger import CopiedPage
from netsuite.wordproxy.report.ingest import Bringing
from netsuite.wordproxy.store.contract import INGESTED
from netsuite.words.skipped import Reason
from tests.site.wire import Client, Now, Reply

RULES = Rules(url_key=b"k" * 32, max_text=1000, ignore_hosts=("*.private.example",))
NOW = 1_767_607_200.0
PAGE = {
    "url": "https://news.example/a?q=s3cret#f",
    "title": " The\n Tide ",
    "lang": "en-GB",
    "html": "<p>tide",
}


class Straw:
    """A feed that counts at once, or not at all."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.pages: list[CopiedPage] = []
        self.skips: list[tuple[str, Reason]] = []
        self.outcome: int | Reason | None = 5

    def page(self, page: CopiedPage) -> bool:
        self.pages.append(page)
        if isinstance(self.outcome, Reason):
            self.events.skipped(page.exchange_id, self.outcome.value)
        elif self.outcome is not None:
            self.events.counted(page.exchange_id, self.outcome)
        return True

    def skip(self, exchange_id: int, host: str, reason: Reason) -> None:
        self.skips.append((host, reason))


class IngestCase(SynchronousTestCase):
    """A site with the two views."""

    def setUp(self) -> None:
        self.clock = Now()
        self.events = Events()
        self.feed = Straw(self.events)
        self.is_paused = False
        self.token = Token(self.clock.seconds, "a secret of sixteen letters or more")
        frame = Frame("demo")

        def feeding() -> tuple[Feeding, Events]:
            return self.feed, self.events

        ingesting = Ingesting(
            self.clock, feeding, lambda: RULES, lambda: self.is_paused, max_text=1000, clock=lambda: NOW
        )
        bringing = Bringing(frame, self.token, ingesting)
        posts = {"/ingest": Post(bringing.ingest, INGEST, from_elsewhere=True)}
        routes = Routes(frame, {"/bookmarklet": bringing.bookmarklet}, posts=posts, judge=self.token)
        self.site = make_site(routes, frame, bodies={"/ingest": bringing.body_bytes}, reactor=self.clock)

    def send(self, body: bytes, *fields: str, kind: str = "application/json") -> list[Reply]:
        """The answers to a body, with these fields."""
        lines = ["POST /ingest HTTP/1.1", "Host: localhost:8000", f"Content-Length: {len(body)}"]
        lines += [f"Content-Type: {kind}", *fields, "", ""]
        return Client(self.site).send("\r\n".join(lines).encode() + body)

    def bring(self, **changes: object) -> tuple[int, dict[str, object]]:
        """Status and object of the answer to a page with these fields."""
        told = {name: value for name, value in {**PAGE, **changes}.items() if value is not None}
        [reply] = self.send(json.dumps(told).encode(), f"Authorization: Bearer {self.token.of(INGEST)}")
        return reply.status, json.loads(reply.text)

    def refused(self, **changes: object) -> str:
        """The message of a 422."""
        status, told = self.bring(**changes)
        self.assertEqual((status, self.feed.pages), (422, []))
        error = told["error"]
        assert isinstance(error, dict)
        return str(error["message"])


class TakenTests(IngestCase):
    """Pages that are taken."""

    def test_described(self) -> None:
        """The counter gets the page as a live one, with what was told of it and without the query."""
        status, told = self.bring()
        self.assertEqual((status, told["counted"], told["words"]), (200, True, 5))
        [page] = self.feed.pages
        self.assertEqual((page.url, page.host), ("https://news.example/a?…", "news.example"))
        self.assertEqual((page.title, page.lang, page.source), ("The Tide", "en", INGESTED))
        self.assertEqual((page.media_type, page.charset, page.pieces), ("text/html", "utf-8", [b"<p>tide"]))
        self.assertEqual(page.digest, digest_of(absolute(b"https://news.example/a?q=s3cret"), RULES.url_key))
        self.assertEqual(page.when, NOW)
        self.assertNotIn("s3cret", repr(page) + str(told))

    def test_text(self) -> None:
        """Text is counted as it stands; what wasn't told is left to the counter."""
        self.bring(html=None, text="tide <b>", title=None, lang=None)
        [page] = self.feed.pages
        self.assertEqual((page.media_type, page.title, page.lang), ("text/plain", None, None))

    def test_when(self) -> None:
        """A page may have been read before."""
        for when, expected in (("2025-12-30T08:00:00Z", 1767081600.0), (1767081600, 1767081600.0)):
            self.bring(when=when)
            self.assertEqual(self.feed.pages[-1].when, expected)

    def test_form(self) -> None:
        """A form with the token in a field is the same, and answered with a page."""
        body = urlencode({**PAGE, "token": self.token.of(INGEST), "when": ""}).encode()
        [reply] = self.send(body, "Origin: https://news.example", kind="application/x-www-form-urlencoded")
        self.assertEqual((reply.status, reply.headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("5 words of the page were counted", reply.text)
        self.assertEqual(self.feed.pages[0].title, "The Tide")

    def test_token_in_json(self) -> None:
        """A JSON object may have the token as a field, too."""
        [reply] = self.send(json.dumps({**PAGE, "token": self.token.of(INGEST)}).encode())
        self.assertEqual(reply.status, 200)

    def test_half_characters(self) -> None:
        """Half a character, as JavaScript writes it, is one that was lost; the page is taken."""
        body = rb'{"url":"http://a.example/","title":"a\ud83d","text":"tide \udc00 \ud83d\ude00 \\ud800"}'
        [reply] = self.send(body, f"Authorization: Bearer {self.token.of(INGEST)}")
        self.assertEqual(reply.status, 200)
        [page] = self.feed.pages
        self.assertEqual((page.title, page.pieces), ("a\ufffd", ["tide \ufffd \U0001f600 \\ud800".encode()]))

    def test_skipped(self) -> None:
        """The answer says why a page was not counted; an ignored host leaves no name."""
        self.feed.outcome = Reason.PASSWORD_PAGE
        status, told = self.bring()
        self.assertEqual((status, told["counted"], told["reason"]), (200, False, "password page"))
        status, told = self.bring(url="http://a.private.example/")
        self.assertEqual(
            (status, told["reason"], self.feed.skips), (200, "ignored host", [("", Reason.IGNORED_HOST)])
        )

    def test_slow(self) -> None:
        """Where the counter takes its time the answer is 202, and a late count does no harm."""
        self.feed.outcome = None
        body = json.dumps(PAGE).encode()
        client = Client(self.site)
        head = (
            f"POST /ingest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token.of(INGEST)}\r\n"
        )
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.assertEqual(client.send(head.encode() + body), [])
        self.clock.advance(WAIT_SECONDS)
        [reply] = client.replies()
        self.assertEqual((reply.status, json.loads(reply.text)["counted"]), (202, None))
        self.events.counted(self.feed.pages[0].exchange_id, 5)


class RefusedTests(IngestCase):
    """Pages that are not taken."""

    def test_token(self) -> None:
        """Without the token, or with that of forms, nothing is taken."""
        for token in (None, "x", self.token.of(FORM)):
            fields = [f"Authorization: Bearer {token}"] if token else []
            [reply] = self.send(json.dumps(PAGE).encode(), *fields)
            self.assertEqual((reply.status, self.feed.pages), (401, []))

    def test_fields(self) -> None:
        """The field at fault is named."""
        for changes, name in (
            ({"url": None}, "url"),
            ({"url": "ftp://a.example/"}, "url"),
            ({"url": "about:blank"}, "url"),
            ({"url": "http://" + "x" * 20_000}, "url"),
            ({"title": 1}, "title"),
            ({"lang": "klingon"}, "lang"),
            ({"when": "yesterday"}, "when"),
            ({"when": "9999-01-01"}, "when"),
            ({"when": -1e300}, "when"),
            ({"html": None}, "html"),
            ({"text": "x"}, "text"),
            ({"titel": "x"}, "titel"),
        ):
            self.assertTrue(self.refused(**changes).startswith(f"{name}: "), changes)

    def test_forms(self) -> None:
        """A form's faults are named likewise."""
        for pairs in ([("titel", "x")], [("url", "http://a.example/"), ("url", "x")], [("text", "x")]):
            body = urlencode([*pairs, ("token", self.token.of(INGEST))]).encode()
            [reply] = self.send(body, kind="application/x-www-form-urlencoded")
            self.assertEqual(reply.status, 422, pairs)

    def test_bodies(self) -> None:
        """What is no JSON is 400, what is neither JSON nor a form 415, what is too long 413."""
        bearer = f"Authorization: Bearer {self.token.of(INGEST)}"
        for body in (b"", b"{", b"\xff", b'{"url":'):
            self.assertEqual(self.send(body, bearer)[0].status, 400, body[:10])
        self.assertEqual(self.send(b"[]", bearer)[0].status, 422)
        self.assertEqual(self.send(b"{}", bearer, kind="text/plain")[0].status, 415)
        self.assertEqual(self.bring(html="x" * 1001)[0], 413)
        self.assertEqual(self.send(b" " * 80_000, bearer)[0].status, 413)
        self.assertEqual(self.feed.pages, [])

    def test_paused(self) -> None:
        """While counting is paused nothing is taken, and the answer says so."""
        self.is_paused = True
        self.assertEqual((self.bring()[0], self.feed.pages), (503, []))


class LinkTests(IngestCase):
    """The page with the link."""

    def get(self) -> Reply:
        [reply] = Client(self.site).send(b"GET /bookmarklet HTTP/1.1\r\nHost: localhost:8000\r\n\r\n")
        return reply

    def test_link(self) -> None:
        """The link has the token of /ingest, and neither that of forms nor the secret."""
        reply = self.get()
        _, _, rest = reply.text.partition('href="javascript:')
        script = unquote(rest.partition('"')[0])
        self.assertIn(self.token.of(INGEST), script)
        self.assertIn('"http://localhost:8000/ingest"', script)
        self.assertNotIn(self.token.of(FORM), reply.text)
        self.assertNotIn("a secret of sixteen", reply.text)
        self.assertNotIn("\n", script)

    def test_policy(self) -> None:
        """The page itself runs no script of its own and obeys the policy of all pages."""
        reply = self.get()
        self.assertNotIn("unsafe", reply.headers["content-security-policy"])
        self.assertIn("default-src 'none'", reply.headers["content-security-policy"])
        self.assertNotIn("access-control-allow-origin", reply.headers)
