"""What a client has already, and what it gets in gzip: entity tags, conditions, codings."""

from __future__ import annotations

import gzip

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.site.answer import NO_STORE, Answer, Asked
from netsuite.site.conditional import judged, matches, tag_of
from netsuite.site.delivery import delivered
from netsuite.site.frame import Frame
from netsuite.site.routes import Routes
from netsuite.site.server import make_site
from netsuite.site.squeeze import LEAST_BYTES, MOST_BYTES, is_worth_it, takes_gzip
from tests.site.wire import ask

LONG = b"colour, and more colour. " * 200
KEPT = ("Cache-Control", "no-cache")
#: Sunday, 6 November 1994, 08:49:37 GMT.
DATE, SECONDS = "Sun, 06 Nov 1994 08:49:37 GMT", 784111777.0


class ConditionTests(SynchronousTestCase):
    """RFC 9110 §13, as values."""

    def test_none_match(self) -> None:
        """A tag that the client has is 304 to GET and HEAD, 412 to what would change something."""
        for field in ('"a"', 'W/"a"', '"b", "a"', '"x,y", W/"a"', "*"):
            self.assertEqual(judged("GET", {"if-none-match": field}, '"a"'), 304, field)
            self.assertEqual(judged("HEAD", {"if-none-match": field}, 'W/"a"'), 304, field)
            self.assertEqual(judged("PUT", {"if-none-match": field}, '"a"'), 412, field)
        for field in ('"b"', "a", "", '"a', '"A"'):
            self.assertIsNone(judged("GET", {"if-none-match": field}, '"a"'), field)

    def test_match(self) -> None:
        """A condition that the bytes are the same compares strongly, and fails with 412."""
        for field, tag, status in (
            ('"a"', '"a"', None),
            ("*", '"a"', None),
            ('"b"', '"a"', 412),
            ('W/"a"', '"a"', 412),
            ('"a"', 'W/"a"', 412),
            ('"a"', None, 412),
        ):
            self.assertEqual(judged("GET", {"if-match": field}, tag), status, (field, tag))

    def test_dates(self) -> None:
        """Dates count where no tags are told; what is no date is as if it weren't there."""
        since, until = {"if-modified-since": DATE}, {"if-unmodified-since": DATE}
        self.assertEqual(judged("GET", since, None, SECONDS + 0.5), 304)
        self.assertIsNone(judged("GET", since, None, SECONDS + 1))
        self.assertIsNone(judged("POST", since, None, SECONDS))
        self.assertIsNone(judged("GET", until, None, SECONDS))
        self.assertEqual(judged("GET", until, None, SECONDS + 1), 412)
        self.assertIsNone(judged("GET", {**since, "if-none-match": '"b"'}, '"a"', SECONDS))
        self.assertIsNone(judged("GET", {**until, "if-match": '"a"'}, '"a"', SECONDS + 9))
        for odd in ("", "yesterday", "9" * 90, "Sun, 06 Nov 99999 08:49:37 GMT", "0 0 0 0"):
            self.assertIsNone(judged("GET", {"if-modified-since": odd}, None, SECONDS), odd)

    @settings(deadline=None, max_examples=40)
    @given(st.text(max_size=300), st.text(max_size=60))
    def test_any_text(self, tags: str, date: str) -> None:
        """Whatever a client sends, the answer is a status or none."""
        headers = {
            "if-none-match": tags,
            "if-match": tags,
            "if-modified-since": date,
            "if-unmodified-since": date,
        }
        self.assertIn(judged("GET", headers, '"a"', SECONDS), (None, 304, 412))
        self.assertIsInstance(matches(tags, tag_of(tags.encode("utf-8", "replace"))), bool)


class CodingTests(SynchronousTestCase):
    """gzip, for whom and of what."""

    def test_who_takes_it(self) -> None:
        """gzip is for who names it, or anything, with no less weight than the plain bytes."""
        for field, takes in (
            ("gzip", True),
            ("deflate, gzip;q=0.5, br", True),
            ("*", True),
            ("x-gzip", True),
            ("GZIP ; Q=1", True),
            ("", False),
            ("br", False),
            ("gzip;q=0", False),
            ("*, gzip;q=0", False),
            ("identity, gzip;q=0.5", False),
            ("gzip;q=x", False),
            ("gzip;q=9", False),
        ):
            self.assertEqual(takes_gzip(field), takes, field)

    def test_what_is_worth_it(self) -> None:
        """Texts of some length are; pictures, crumbs and giants are not."""
        for kind in ("text/html; charset=utf-8", "application/json", "image/svg+xml", "text/css"):
            self.assertTrue(is_worth_it(kind, LONG), kind)
            self.assertFalse(is_worth_it(kind, b"x" * (LEAST_BYTES - 1)))
            self.assertFalse(is_worth_it(kind, b"x" * (MOST_BYTES + 1)))
        for kind in ("image/png", "text/event-stream", "application/octet-stream"):
            self.assertFalse(is_worth_it(kind, LONG), kind)

    def test_never_of_what_is_not_stored(self) -> None:
        """A page that may hold a token has no tag and is never compressed (BREACH)."""
        asked = Asked("/", headers={"accept-encoding": "gzip", "if-none-match": "*"})
        page = Answer(LONG)
        self.assertEqual(page.headers, (NO_STORE,))
        self.assertIs(delivered(asked, page), page)
        partial = Answer(LONG, headers=(KEPT, ("Content-Range", "bytes 0-1/9")))
        self.assertIs(delivered(asked, partial), partial)


class WireTests(SynchronousTestCase):
    """The same on a connection."""

    def setUp(self) -> None:
        frame = Frame("demo")
        self.site = make_site(Routes(frame, {"/": self.page}), frame, reactor=Clock())

    async def page(self, asked: Asked) -> Answer:
        return Answer(LONG, "text/plain", headers=(KEPT, ("Vary", "Cookie")))

    def test_gzip(self) -> None:
        """Who takes gzip gets the same bytes in it, with a weak tag; all are told that it varies."""
        plain, coded = ask(self.site), ask(self.site, "/", "Accept-Encoding: gzip, br")
        self.assertNotIn("content-encoding", plain.headers)
        self.assertEqual(coded.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(coded.body), plain.body)
        self.assertEqual(coded.headers["etag"], "W/" + plain.headers["etag"])
        self.assertLess(len(coded.body), len(plain.body) // 4)
        for reply in (plain, coded):
            self.assertEqual(reply.headers["vary"], "Accept-Encoding, Cookie")

    def test_not_modified(self) -> None:
        """Who has it, in whichever coding, gets 304 with the fields a cache needs and no body."""
        for coding in ("gzip", "identity"):
            fields = (f"Accept-Encoding: {coding}",)
            tag = ask(self.site, "/", *fields).headers["etag"]
            reply = ask(self.site, "/", f"If-None-Match: {tag}", *fields)
            self.assertEqual((reply.status, reply.body, reply.headers["etag"]), (304, b"", tag))
            self.assertEqual(
                (reply.headers["cache-control"], reply.headers["vary"][:6]), ("no-cache", "Accept")
            )
            self.assertNotIn("content-length", reply.headers)
            self.assertNotIn("content-encoding", reply.headers)
        self.assertEqual(ask(self.site, "/", 'If-Match: "other"').status, 412)

    def test_head(self) -> None:
        """HEAD has the fields of GET, in gzip too."""
        for fields in ((), ("Accept-Encoding: gzip",)):
            get, head = ask(self.site, "/", *fields), ask(self.site, "/", *fields, method="HEAD")
            self.assertEqual(head.headers | {"date": ""}, get.headers | {"date": ""})
            self.assertEqual(head.body, b"")
