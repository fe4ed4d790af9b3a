"""Which answers are counted, as a table; what a copy holds, hands on, and gives up; what leaves no trace."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.head import RequestHead, ResponseHead, parse_request, parse_response
from netsuite.http1.limits import Limits
from netsuite.http1.target import Target
from netsuite.wordproxy import copying
from netsuite.wordproxy.copying import (
    SMALL,
    Copy,
    Copying,
    Rules,
    host_name,
    host_pattern,
    judge,
    media_type,
    shown_url,
)
from netsuite.wordproxy.days import local_day
from netsuite.wordproxy.ledger import CopiedPage
from netsuite.wordproxy.store.contract import RECOUNTED
from netsuite.words.skipped import Reason

KEY = b"k" * 32
RULES = Rules(url_key=KEY, max_text=1000)
NOON = 1_767_610_800.0
HTML = b"Content-Type: text/html"


def asked(
    method: bytes = b"GET", url: bytes = b"http://news.example/a?id=secret", *lines: bytes
) -> RequestHead:
    """A request for that URL."""
    host = url.split(b"/")[2] if b"://" in url else b"a.example"
    head = [b"%b %b HTTP/1.1" % (method, url), b"Host: " + host, *lines]
    return parse_request(b"\r\n".join(head), Limits())


def answered(status: int = 200, *lines: bytes) -> ResponseHead:
    """An answer with those fields."""
    return parse_response(b"\r\n".join([b"HTTP/1.1 %d x" % status, *lines]), Limits())


class StrawFeed:
    """Takes what it is given."""

    def __init__(self) -> None:
        self.room = 10**6
        self.pages: list[CopiedPage] = []
        self.notes: list[tuple[str, str, float]] = []
        self.skipped: list[tuple[int, str]] = []
        self.profiles: set[str] = set()

    def page(self, page: CopiedPage) -> bool:
        self.pages.append(page)
        return True

    def skip(self, exchange_id: int, host: str, reason: Reason, profile: str = "") -> None:
        self.skipped.append((exchange_id, reason.value))
        self.note(host, reason.value, 1, profile)

    def note(self, host: str, outcome: str, amount: float = 1, profile: str = "") -> None:
        self.notes.append((host, outcome, amount))
        self.profiles.add(profile)


class JudgeTests(SynchronousTestCase):
    """The decision, by both heads."""

    def check(self, reason: Reason | None, *lines: bytes, status: int = 200, rules: Rules = RULES) -> None:
        """A GET with that answer is skipped for that reason, or counted."""
        self.assertEqual(judge(asked(), answered(status, *lines), rules), reason, (status, lines))

    def test_pages(self) -> None:
        """HTML, XHTML and plain text count, however they are written."""
        for kind in (
            b"text/html",
            b"Text/HTML; charset=utf-8",
            b"application/xhtml+xml",
            b"text/plain;x=y",
            b" text/html ;",
        ):
            self.check(None, b"Content-Type: " + kind)

    def test_not_text(self) -> None:
        """Nothing else does, nor what says nothing of itself."""
        for kind in (b"image/png", b"text/css", b"application/json", b"text/html2", b"xtext/html", b""):
            self.check(Reason.NOT_TEXT, b"Content-Type: " + kind)
        self.check(Reason.NOT_TEXT)

    def test_statuses(self) -> None:
        """Only a 200 counts."""
        for status, reason in (
            (200, None),
            (201, Reason.STATUS),
            (203, Reason.STATUS),
            (206, Reason.PARTIAL),
            (301, Reason.STATUS),
            (304, Reason.NOT_MODIFIED),
            (404, Reason.STATUS),
            (410, Reason.STATUS),
            (500, Reason.STATUS),
            (503, Reason.STATUS),
        ):
            self.check(reason, HTML, status=status)

    def test_methods(self) -> None:
        """Only GET and POST count."""
        for method, reason in (
            (b"GET", None),
            (b"POST", None),
            (b"HEAD", Reason.STATUS),
            (b"PUT", Reason.STATUS),
            (b"OPTIONS", Reason.STATUS),
            (b"get", Reason.STATUS),
        ):
            self.assertEqual(judge(asked(method), answered(200, HTML), RULES), reason, method)

    def test_attachments(self) -> None:
        """What a browser saves is no page that is read; inline, or a name alone, is."""
        for value, reason in (
            (b"attachment", Reason.ATTACHMENT),
            (b'Attachment; filename="a.html"', Reason.ATTACHMENT),
            (b"something-new", Reason.ATTACHMENT),
            (b"inline", None),
            (b"INLINE; filename=a.html", None),
            (b"filename=attachment", None),
            (b"", None),
        ):
            self.check(reason, HTML, b"Content-Disposition: " + value)

    def test_no_store(self) -> None:
        """no-store is respected, in any list and case, unless the operator decides otherwise."""
        always = Rules(url_key=KEY, count_no_store=True)
        for value, reason in (
            (b"no-store", Reason.NO_STORE),
            (b"private, No-Store, max-age=0", Reason.NO_STORE),
            (b"no-cache", None),
            (b'private="no-store"', None),
            (b"x-no-store", None),
        ):
            self.check(reason, HTML, b"Cache-Control: " + value)
            self.check(None, HTML, b"Cache-Control: " + value, rules=always)
        self.check(Reason.NO_STORE, HTML, b"Cache-Control: private", b"Cache-Control: no-store")

    def test_authorization(self) -> None:
        """An answer to credentials is private."""
        request = asked(b"GET", b"http://news.example/", b"authorization: Basic c2VjcmV0")
        self.assertEqual(judge(request, answered(200, HTML), RULES), Reason.AUTHORIZATION)

    def test_length(self) -> None:
        """A page that says to be too large is not copied at all."""
        self.check(None, HTML, b"Content-Length: 1000")
        self.check(Reason.TOO_LARGE, HTML, b"Content-Length: 1001")

    def test_hosts(self) -> None:
        """Ignored hosts, and all others where only some are wanted; port and root's dot don't matter."""
        some = Rules(
            url_key=KEY,
            ignore_hosts=(host_pattern("*.Bank.example"), host_pattern("[::1]")),
            only_hosts=(host_pattern("*.example"), host_pattern("bücher.test"), host_pattern("::1")),
        )
        for url, reason in (
            (b"http://news.example/", None),
            (b"http://news.example.:8080/", None),
            (b"http://NEWS.example/", None),
            (b"http://my.bank.example/", Reason.IGNORED_HOST),
            (b"http://my.bank.example./", Reason.IGNORED_HOST),
            (b"http://bank.example/", None),
            (b"http://xn--bcher-kva.test/", None),
            (b"http://elsewhere.test/", Reason.IGNORED_HOST),
            (b"http://[::1]/", Reason.IGNORED_HOST),
        ):
            self.assertEqual(judge(asked(b"GET", url), answered(200, HTML), some), reason, url)

    def test_order(self) -> None:
        """Of several reasons the host's comes first, then what it is, then whose it is."""
        mine = Rules(url_key=KEY, ignore_hosts=("news.example",))
        self.check(Reason.IGNORED_HOST, b"Content-Type: image/png", status=304, rules=mine)
        self.check(Reason.NOT_TEXT, b"Content-Type: image/png", b"Cache-Control: no-store")
        self.check(Reason.NO_STORE, HTML, b"Cache-Control: no-store", b"Content-Length: 5000")

    def test_a_request_without_a_target(self) -> None:
        """What was not for an origin is none of our concern."""
        request = asked(b"GET", b"/local", b"X: y")
        self.assertEqual(judge(request, answered(200, HTML), RULES), Reason.STATUS)


class NameTests(SynchronousTestCase):
    """Values out of heads."""

    def test_media_types(self) -> None:
        """Type and charset, with quotes, spaces, and other parameters before it."""
        for value, expected in (
            (b"text/html", (b"text/html", None)),
            (b'Text/HTML ; x=y; Charset="GBK"', (b"text/html", "GBK")),
            (b"text/html; charset= utf-8 ", (b"text/html", "utf-8")),
            (b"text/html;charset=", (b"text/html", None)),
            (b"text/html;charset=" + b"x" * 41, (b"text/html", None)),
            (b"text/html;charset=\xff", (b"text/html", None)),
            (b"text/html, image/png", (b"text/html", None)),
            (b"", (b"", None)),
        ):
            self.assertEqual(media_type(value), expected, value)

    def test_shown_urls(self) -> None:
        """Neither query nor fragment is shown, only that there was one; odd bytes are escaped."""
        for path, expected in (
            (b"/a/b", "http://news.example/a/b"),
            (b"/a?id=secret", "http://news.example/a?…"),
            (b"/?", "http://news.example/?…"),
            (b"/a#secret?x", "http://news.example/a"),
            (b"/a?b#secret", "http://news.example/a?…"),
            (b"/caf\xc3\xa9 <b>", "http://news.example/caf%C3%A9%20%3Cb%3E"),
            (b"/caf%C3%A9", "http://news.example/caf%C3%A9"),
        ):
            self.assertEqual(shown_url(Target(b"http", b"news.example", 80, path)), expected)
        self.assertEqual(shown_url(Target(b"http", b"::1", 8080, b"/")), "http://[::1]:8080/")

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=60), st.binary(max_size=60))
    def test_any_path(self, path: bytes, query: bytes) -> None:
        """Whatever the path's bytes, what is shown is printable ASCII, and nothing of the query."""
        marked = b"/" + path.replace(b"?", b"").replace(b"#", b"") + b"?" + query
        shown = shown_url(Target(b"http", b"a.example", 80, marked))
        self.assertTrue(shown.removesuffix("?…").isascii())
        self.assertTrue(shown.isprintable())
        self.assertEqual(shown.count("?"), 1)

    def test_host_names(self) -> None:
        """One form for each host."""
        self.assertEqual(host_name(b"News.Example."), "news.example")
        self.assertEqual(host_name("A.b"), "a.b")
        for wrong in ("", " ", "http://a/", "a/b", "u@a"):
            self.assertRaises(ValueError, host_pattern, wrong)


class CopyingCase(SynchronousTestCase):
    """Copying to a feed of straw."""

    rules = RULES

    def setUp(self) -> None:
        self.now = NOON
        self.feed = StrawFeed()
        self.copying = Copying(self.feed, self.rules, lambda: self.now)

    def copy(self, *lines: bytes, method: bytes = b"GET", url: bytes = b"http://news.example/a?id=1") -> Copy:
        """A copy that has begun."""
        copy = self.copying.on_response(7, asked(method, url), answered(200, HTML, *lines))
        assert copy is not None
        return copy


class CopyTests(CopyingCase):
    """A body as it passes."""

    def test_whole(self) -> None:
        """A whole page goes on in its very pieces, with all that the counter needs to know."""
        pieces = [b"<p>" + b"tide " * 60, b"harbour " * 50]
        copy = self.copy(
            b"Content-Encoding: gzip", b"Content-Language: de-AT, en", b"Content-Type: x", b"X: y"
        )
        for piece in pieces:
            copy.data(piece)
        copy.end(True)
        [page] = self.feed.pages
        for ours, theirs in zip(page.pieces, pieces, strict=True):
            self.assertIs(ours, theirs)
        self.assertEqual((page.exchange_id, page.size), (7, sum(map(len, pieces))))
        self.assertEqual((page.host, page.url), ("news.example", "http://news.example/a?…"))
        self.assertEqual((page.when, page.day), (NOON, local_day(NOON)))
        self.assertEqual((page.media_type, page.content_encoding), ("text/html", "gzip"))
        self.assertEqual(page.content_language, "de-AT")
        self.assertEqual(self.copying.open_bytes, 0)

    def test_digest(self) -> None:
        """A page is known by a keyed digest of the whole URL, query included."""
        for url in (b"http://news.example/a?id=1", b"http://news.example/a?id=2"):
            self.copy(url=url).end(True)
            expected = hashlib.blake2b(url, digest_size=16, key=KEY).digest()
            self.assertEqual(self.feed.pages[-1].digest, expected)
        other = Copying(self.feed, Rules(url_key=b"another"), lambda: NOON)
        copy = other.on_response(8, asked(), answered(200, HTML))
        assert copy is not None
        copy.end(True)
        self.assertNotEqual(self.feed.pages[-1].digest, self.feed.pages[-2].digest)

    def test_post(self) -> None:
        """Of an answer to a form nothing but counts may be kept."""
        self.copy(method=b"POST").end(True)
        [page] = self.feed.pages
        self.assertEqual(page.url, None)
        self.assertEqual(len(page.digest), 16)

    def test_cut_short(self) -> None:
        """A page that did not come whole is not counted in part."""
        copy = self.copy()
        copy.data(b"<p>tide")
        copy.end(False)
        self.assertEqual(self.feed.pages, [])
        self.assertEqual(self.feed.skipped, [(7, "cut short")])
        self.assertEqual(self.copying.open_bytes, 0)

    def test_too_large(self) -> None:
        """Past the bound the bytes are let go of at once, and it is noted once."""
        copy = self.copy()
        copy.data(b"x" * 1000)
        self.assertEqual(self.feed.skipped, [])
        copy.data(b"x")
        self.assertEqual(self.feed.skipped, [(7, "too large")])
        self.assertEqual(self.copying.open_bytes, 0)
        copy.data(b"x" * 5000)
        copy.end(True)
        self.assertEqual((len(self.feed.skipped), self.feed.pages), (1, []))
        self.assertEqual(self.copying.open_bytes, 0)

    def test_busy(self) -> None:
        """All copies together keep to what the feed has room for; the one that goes past it is given up."""
        self.feed.room = 1500
        first, second = self.copy(), self.copy()
        first.data(b"x" * 900)
        second.data(b"x" * 700)
        self.assertEqual(self.feed.skipped, [(7, "busy")])
        first.end(True)
        self.assertEqual(len(self.feed.pages), 1)

    def test_small_pieces(self) -> None:
        """A page that comes byte by byte is held in few objects, and is the same page."""
        copy, body = self.copy(), bytes(number % 251 for number in range(900))
        for at in range(len(body)):
            copy.data(body[at : at + 1])
        copy.end(True)
        [page] = self.feed.pages
        self.assertEqual(b"".join(page.pieces), body)
        self.assertLess(len(page.pieces), len(body) // SMALL + SMALL)

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.integers(0, 2 * SMALL), max_size=900))
    def test_any_pieces(self, sizes: list[int]) -> None:
        """Joined or not, the bytes and their order are those that came."""
        copying = Copying(self.feed, Rules(url_key=KEY), lambda: NOON)
        self.feed.pages.clear()
        copy = copying.on_response(7, asked(), answered(200, HTML))
        assert copy is not None
        body = b""
        for number, size in enumerate(sizes):
            piece = bytes((number % 256,)) * size
            body += piece
            copy.data(piece)
        copy.end(True)
        [page] = self.feed.pages
        self.assertEqual(b"".join(page.pieces), body)
        self.assertEqual(page.size, len(body))


class NotedTests(CopyingCase):
    """What is not copied."""

    rules = Rules(url_key=KEY, ignore_hosts=("private.example",))

    def test_quiet_reasons(self) -> None:
        """What most answers are is noted, and not reported one by one."""
        self.assertIsNone(self.copying.on_response(7, asked(), answered(200, b"Content-Type: image/png")))
        self.assertEqual(self.feed.notes, [("news.example", "not text", 1)])
        self.assertEqual(self.feed.skipped, [])

    def test_reported_reasons(self) -> None:
        """A page that somebody may miss is reported, too."""
        self.copying.on_response(7, asked(), answered(200, HTML, b"Cache-Control: no-store"))
        self.assertEqual(self.feed.notes, [("news.example", "no-store", 1)])
        self.assertEqual(self.feed.skipped, [(7, "no-store")])

    def test_tunnels(self) -> None:
        """A tunnel is unseen, and its host is named."""
        self.copying.on_tunnel(7, "Shop.example", 443)
        self.assertEqual(self.feed.notes, [("shop.example", "unseen", 1)])

    def test_ignored_hosts_leave_no_name(self) -> None:
        """Of a host that is not to be counted there is a number and nothing more, of its tunnels likewise."""
        self.copying.on_response(7, asked(b"GET", b"http://private.example/"), answered(200, HTML))
        self.copying.on_response(8, asked(b"GET", b"http://private.example/"), answered(304))
        self.copying.on_tunnel(9, "private.example.", 443)
        self.assertEqual(
            self.feed.notes, [("", "ignored host", 1), ("", "ignored host", 1), ("", "unseen", 1)]
        )


class RevisitTests(CopyingCase):
    """Pages that had not changed."""

    def test_ignored(self) -> None:
        """By default an answer 304 is noted and nothing else."""
        self.assertIsNone(self.copying.on_response(1, asked(), answered(304)))
        self.assertEqual((self.feed.notes, self.feed.pages), ([("news.example", "not modified", 1)], []))

    def test_counted(self) -> None:
        """Where revisits count, the page is known by its digest, and nothing else is told of it."""
        self.copying.rules = replace(RULES, revisits=True)
        copy = self.copying.on_response(1, asked(), answered(200, HTML))
        assert copy is not None
        copy.end(True)
        self.assertIsNone(self.copying.on_response(2, asked(), answered(304)))
        first, again = self.feed.pages
        self.assertEqual((again.digest, again.host, again.source), (first.digest, first.host, RECOUNTED))
        self.assertEqual((again.exchange_id, again.url, again.pieces, again.size), (2, None, [], 0))
        self.assertEqual((again.day, self.feed.notes), (local_day(NOON), []))

    def test_not_of_a_get(self) -> None:
        """Only a GET's page is met again, and never one of an ignored host."""
        self.copying.rules = replace(RULES, revisits=True, ignore_hosts=("b.example",))
        self.copying.on_response(1, asked(b"HEAD"), answered(304))
        self.copying.on_response(2, asked(b"GET", b"http://b.example/"), answered(304))
        self.assertEqual(self.feed.pages, [])
        self.assertEqual(
            [(host, why) for host, why, _ in self.feed.notes],
            [("news.example", "not modified"), ("", "ignored host")],
        )


class ProfileTests(CopyingCase):
    """Users who are counted apart."""

    ALICE = b"Proxy-Authorization: Basic " + base64.b64encode("alicé:secret:x".encode())

    def all_ways(self) -> None:
        """A page, a page cut short, one that is skipped, one that is noted, one met again, a tunnel."""
        url = b"http://a.example/"
        for number, end in ((1, True), (2, False)):
            copy = self.copying.on_response(number, asked(b"GET", url, self.ALICE), answered(200, HTML))
            assert copy is not None
            copy.end(end)
        self.copying.on_response(3, asked(b"GET", url, self.ALICE), answered(206))
        self.copying.on_response(4, asked(b"GET", url, self.ALICE), answered(404))
        self.copying.on_response(5, asked(b"GET", url, self.ALICE), answered(304))
        self.copying.on_request(6, asked(b"CONNECT", b"a.example:443", self.ALICE))
        self.copying.on_tunnel(6, "a.example", 443)

    def test_apart(self) -> None:
        """All that a user reads is that user's, also what is not counted."""
        self.copying.rules = replace(RULES, profiles=True, revisits=True)
        self.all_ways()
        self.assertEqual([page.profile for page in self.feed.pages], ["alicé", "alicé"])
        self.assertEqual((self.feed.profiles, len(self.feed.notes)), ({"alicé"}, 4))

    def test_together(self) -> None:
        """Without profiles nobody's name is even looked at."""
        self.all_ways()
        self.assertEqual([page.profile for page in self.feed.pages], [""])
        self.assertEqual((self.feed.profiles, len(self.feed.notes)), ({""}, 5))

    def test_nobody(self) -> None:
        """Who sends no name, or none that can be read, is nobody."""
        self.copying.rules = replace(RULES, profiles=True)
        for line in (b"Accept: */*", b"Proxy-Authorization: Basic !!!", b"Proxy-Authorization: Digest x"):
            self.copying.on_response(1, asked(b"GET", b"http://a.example/", line), answered(404))
        self.assertEqual(self.feed.profiles, {""})

    def test_tunnels_that_never_open(self) -> None:
        """Of tunnels that are asked for and don't come to be little is remembered."""
        self.copying.rules = replace(RULES, profiles=True)
        for number in range(copying.TUNNELS_MAX * 2):
            self.copying.on_request(number, asked(b"CONNECT", b"a.example:443", self.ALICE))
        self.assertEqual(len(self.copying._tunnels), copying.TUNNELS_MAX)


class PauseTests(CopyingCase):
    """Paused."""

    def test_nothing_is_counted_or_noted(self) -> None:
        """While paused neither pages nor tunnels nor reasons are noted."""
        self.copying.pause()
        self.assertIsNone(self.copying.on_response(7, asked(), answered(200, HTML)))
        self.assertIsNone(self.copying.on_response(7, asked(), answered(304)))
        self.copying.on_tunnel(7, "shop.example", 443)
        self.assertEqual((self.feed.notes, self.feed.pages), ([], []))

    def test_a_page_on_its_way(self) -> None:
        """A page that ends while paused is not counted, and not noted either."""
        whole, cut = self.copy(), self.copy()
        whole.data(b"tide")
        self.copying.pause()
        whole.end(True)
        cut.end(False)
        self.assertEqual((self.feed.notes, self.feed.pages), ([], []))
        self.assertEqual(self.copying.open_bytes, 0)

    def test_seconds(self) -> None:
        """The time it was paused is noted when it goes on, and at each settling only what is new."""
        self.copying.pause()
        self.now += 60
        self.copying.pause()
        self.copying.settle()
        self.assertTrue(self.copying.is_paused)
        self.now += 12
        self.copying.resume()
        self.assertFalse(self.copying.is_paused)
        self.assertEqual(self.feed.notes, [("", "paused", 60), ("", "paused", 12)])
        self.copying.settle()
        self.copying.resume()
        self.assertEqual(len(self.feed.notes), 2)

    def test_a_clock_set_back(self) -> None:
        """No pause is shorter than nothing."""
        self.copying.pause()
        self.now -= 3600
        self.copying.resume()
        self.assertEqual(self.feed.notes, [])
