"""A site on the wire: bounds, Host, headers, methods, faults."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib import resources
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from netsuite.crowd import FRESH_SECONDS, Crowd
from netsuite.site.answer import Answer, Asked, Refusal, json_answer
from netsuite.site.bounds import BODY_BYTES, FIELDS_MAX, HEAD_BYTES, HEAD_SECONDS
from netsuite.site.frame import Frame
from netsuite.site.routes import Routes
from netsuite.site.server import make_site
from tests.site.wire import Client, Now, ask

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


class SiteCase(SynchronousTestCase):
    """A site with a view of each sort."""

    def setUp(self) -> None:
        self.clock = Now()
        self.slow: Deferred[None] = Deferred()
        self.frame = Frame("demo", [("/", "Home")])
        views = {"/": self.home, "/slow": self.wait, "/broken": self.fail_, "/broken.json": self.fail_}
        self.routes = Routes(self.frame, {**views, "/no.json": self.refuse, "/echo.json": self.repeat})
        self.site = make_site(
            self.routes, self.frame, hosts=["Words.Example"], idle_seconds=60, reactor=self.clock
        )

    async def home(self, asked: Asked) -> Answer:
        return self.frame.page("refusal.html", asked, title="Home", sentence=dict(asked.args).get("x", ""))

    async def wait(self, asked: Asked) -> Answer:
        await self.slow
        return json_answer({})

    async def fail_(self, asked: Asked) -> Answer:
        raise ZeroDivisionError("s3cret")

    async def refuse(self, asked: Asked) -> Answer:
        raise Refusal(400, "x: a number is wanted.", ("X-Extra", "1"))

    async def repeat(self, asked: Asked) -> Answer:
        return json_answer({"path": asked.path, "args": asked.args, "agent": asked.headers.get("user-agent")})


class AnswerTests(SiteCase):
    def test_page(self) -> None:
        """A page comes whole, as UTF-8, and isn't kept by the browser."""
        reply = ask(self.site)
        self.assertEqual((reply.status, reply.headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertEqual(reply.headers["cache-control"], "no-store")
        self.assertIn("<h1>Home</h1>", reply.text)

    def test_safe_headers(self) -> None:
        """Every answer, also a refusal, forbids scripts, framing and guesses, and hides our version."""
        for reply in [
            ask(self.site),
            ask(self.site, "/none"),
            ask(self.site, host="evil.example"),
            ask(self.site, "/no.json"),
            ask(self.site, "/static/style.css"),
            ask(self.site, "/" + "x" * HEAD_BYTES),
        ]:
            policy = reply.headers["content-security-policy"]
            self.assertTrue(policy.startswith("default-src 'none';"))
            self.assertNotIn("unsafe", policy)
            for part in (
                "frame-ancestors 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                "script-src 'self';",
            ):
                self.assertIn(part, policy)
            self.assertIn("camera=()", reply.headers["permissions-policy"])
            self.assertEqual(reply.headers["cross-origin-opener-policy"], "same-origin")
            self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
            self.assertEqual(reply.headers["referrer-policy"], "same-origin")
            self.assertNotIn("server", reply.headers)
            self.assertNotIn("twisted", str(reply.headers).lower())

    def test_text_is_escaped(self) -> None:
        """What came with the request is shown as text."""
        self.assertIn("&lt;b&gt;&#34;", ask(self.site, "/?x=%3Cb%3E%22").text)

    def test_what_a_view_sees(self) -> None:
        """Path and parameters are decoded; what is no UTF-8 is replaced, never a fault."""
        reply = ask(self.site, "/echo.json?a=%E4%B8%AD&b=&a=%ff", "User-Agent: t\xff")
        self.assertEqual(
            json.loads(reply.text),
            {"path": "/echo.json", "args": [["a", "中"], ["b", ""], ["a", "\ufffd"]], "agent": "t\xff"},
        )

    def test_too_many_parameters(self) -> None:
        """A query of more parameters than anybody needs is refused."""
        self.assertEqual(ask(self.site, "/?" + "a&" * 60 + "b=1").status, 400)

    def test_head(self) -> None:
        """HEAD has the headers that GET has, and no body."""
        get, head = ask(self.site), ask(self.site, method="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers | {"date": ""}, get.headers | {"date": ""})

    def test_other_methods(self) -> None:
        """Methods that would change something are refused, with those that are allowed; unknown ones, too."""
        for method, status in [("POST", 405), ("PUT", 405), ("DELETE", 405), ("OPTIONS", 204)]:
            reply = ask(self.site, method=method)
            self.assertEqual((reply.status, reply.headers["allow"]), (status, "GET, HEAD, OPTIONS"), method)
        self.assertEqual(ask(self.site, method="FOO").status, 501)
        self.assertEqual(ask(self.site, method="get").status, 501)

    def test_no_such_page(self) -> None:
        """What isn't there is a page that says so, in JSON where JSON was asked for."""
        reply = ask(self.site, "/<script>")
        self.assertEqual(reply.status, 404)
        self.assertNotIn("<script>", reply.text)
        reply = ask(self.site, "/none.json")
        self.assertEqual(
            json.loads(reply.text), {"error": {"status": 404, "message": "There is no such page."}}
        )

    def test_refusal(self) -> None:
        """A view's refusal is told with its sentence and headers."""
        reply = ask(self.site, "/no.json")
        self.assertEqual((reply.status, reply.headers["x-extra"]), (400, "1"))
        self.assertIn("a number is wanted", reply.text)

    def test_bug(self) -> None:
        """A bug is logged under a number; the user sees the number and nothing of the bug."""
        for path in ("/broken", "/broken.json"):
            reply = ask(self.site, path)
            self.assertEqual(reply.status, 500)
            self.assertNotIn("s3cret", reply.text)
            self.assertIn("fault ", reply.text)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_bug_in_another_resource(self) -> None:
        """The same where the tree holds a resource that isn't of ours."""

        class Bad(Resource):
            isLeaf = True

            def render_GET(self, request: Any) -> bytes:
                raise ZeroDivisionError("s3cret")

        reply = ask(make_site(Bad(), self.frame, reactor=self.clock))
        self.assertEqual(reply.status, 500)
        self.assertNotIn("s3cret", reply.text)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_one_connection_many_requests(self) -> None:
        """A connection is kept, and requests sent ahead are answered in turn."""
        client = Client(self.site)
        replies = client.send((HEAD + b"\r\n") * 3)
        self.assertEqual([reply.status for reply in replies], [200, 200, 200])
        self.assertFalse(client.transport.disconnecting)

    def test_any_cut(self) -> None:
        """However the bytes of a request come, the answer is the same."""
        request = HEAD + b"Accept: */*\r\n\r\n"
        for cut in range(1, len(request)):
            client = Client(self.site)
            client.protocol.dataReceived(request[:cut])
            (reply,) = client.send(request[cut:])
            self.assertEqual(reply.status, 200, cut)

    def test_client_gone(self) -> None:
        """A client that leaves before its answer is ready is written nothing, and nothing breaks."""
        client = Client(self.site)
        client.protocol.dataReceived(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.protocol.connectionLost(Failure(ConnectionDone()))
        self.slow.callback(None)
        self.assertEqual(client.transport.value(), b"")


class StaticTests(SiteCase):
    def test_kept_for_long(self) -> None:
        """A file is kept for a year under an address that its content names."""
        page = ask(self.site).text
        self.assertIn('href="/static/style.css?v=', page)
        reply = ask(self.site, page.split('rel="stylesheet" href="')[1].split('"')[0])
        self.assertEqual((reply.status, reply.headers["content-type"]), (200, "text/css; charset=utf-8"))
        self.assertIn("immutable", reply.headers["cache-control"])

    def test_not_modified(self) -> None:
        """Who has the content already is told so, by its mark."""
        etag = ask(self.site, "/static/style.css").headers["etag"]
        for known in (etag, f'W/{etag}, "x"', "*"):
            reply = ask(self.site, "/static/style.css", f"If-None-Match: {known}")
            self.assertEqual((reply.status, reply.body, reply.headers["etag"]), (304, b"", etag))
        self.assertEqual(ask(self.site, "/static/style.css", 'If-None-Match: "x"').status, 200)

    def test_vendored(self) -> None:
        """What is carried along from others is what vendor.json says, byte for byte, with its licence."""
        folder = resources.files("netsuite.site") / "static" / "vendor"
        for item in json.loads((folder / "vendor.json").read_text()):
            content = (folder / item["file"]).read_bytes()
            self.assertEqual(sha256(content).hexdigest(), item["sha256"])
            self.assertIn(item["version"].encode(), content)
            self.assertTrue((folder / item["licence_file"]).read_text())
            self.assertEqual(ask(self.site, f"/static/vendor/{item['file']}").body, content)

    def test_only_ours(self) -> None:
        """No path leads out of the folder, or to what isn't meant to be served."""
        for path in ("/static/", "/static/../frame.py", "/static/%2e%2e/frame.py", "/static//etc/passwd"):
            self.assertEqual(ask(self.site, path).status, 404, path)

    def test_no_address_elsewhere(self) -> None:
        """The style sheet brings nothing from anywhere."""
        text = ask(self.site, "/static/style.css").text
        self.assertNotIn("url(", text)
        self.assertLess(len(text.encode()), 13 * 1024)
        self.assertNotIn("@import", text)


class HostTests(SiteCase):
    def test_rebinding(self) -> None:
        """A foreign name is 421 whatever it asks for; ours, and the address connected to, are answered."""
        for host, status in [
            ("evil.example", 421),
            ("localhost", 200),
            ("127.0.0.1:8000", 200),
            ("[::1]:8000", 200),
            ("words.example", 200),
            ("WORDS.example.:80", 200),
            ("192.0.2.7", 421),
        ]:
            self.assertEqual(ask(self.site, host=host).status, status, host)
        (reply,) = Client(self.site, came_to="192.0.2.7").send(
            b"GET / HTTP/1.1\r\nHost: 192.0.2.7:8000\r\n\r\n"
        )
        self.assertEqual(reply.status, 200)

    def test_no_host(self) -> None:
        """HTTP/1.1 without Host, or with two, is 400; HTTP/1.0 may leave it out."""
        self.assertEqual(ask(self.site, host=None).status, 400)
        self.assertEqual(ask(self.site, "/", "Host: localhost").status, 400)
        (reply,) = Client(self.site).send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(reply.status, 200)

    def test_absolute_target(self) -> None:
        """A target in absolute form is its path, if its host is ours."""
        self.assertEqual(ask(self.site, "http://localhost:8000/none").status, 404)
        self.assertEqual(ask(self.site, "http://localhost:8000").status, 200)
        self.assertEqual(ask(self.site, "HTTP://localhost?x=1").status, 200)
        self.assertEqual(ask(self.site, "http://evil.example/").status, 421)

    def test_other_targets(self) -> None:
        """What is no path is no page."""
        for target in ("localhost:443", "ftp://localhost/"):
            self.assertEqual(ask(self.site, target, method="OPTIONS").status, 400, target)
        self.assertEqual(ask(self.site, "*", method="OPTIONS").headers["allow"], "GET, HEAD, OPTIONS")
        self.assertEqual(ask(self.site, "*").status, 400)
        self.assertEqual(ask(self.site, "localhost:443", method="CONNECT").status, 405)


class BoundsTests(SiteCase):
    def refused(self, data: bytes) -> int:
        """The status of the one answer, after which the connection ends and more is not heard."""
        client = Client(self.site)
        (reply,) = client.send(data)
        self.assertEqual(reply.headers["connection"], "close")
        self.assertTrue(client.transport.disconnecting)
        self.assertEqual(client.send(HEAD + b"\r\n"), [])
        return reply.status

    def test_long_first_line(self) -> None:
        """A target longer than a head may be is 414, also when its end never comes."""
        self.assertEqual(self.refused(b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n"), 414)
        self.assertEqual(self.refused(b"GET /" + b"a" * HEAD_BYTES), 414)

    def test_long_head(self) -> None:
        """A head over the bound is 431, by one field or by all together."""
        self.assertEqual(self.refused(HEAD + b"X: " + b"a" * HEAD_BYTES), 431)
        self.assertEqual(self.refused(HEAD + b"X: %s\r\n" % (b"a" * 8000) * 5), 431)

    def test_many_fields(self) -> None:
        """One field more than allowed is 431."""
        self.assertEqual(self.refused(HEAD + b"X: a\r\n" * FIELDS_MAX + b"\r\n"), 431)
        (reply,) = Client(self.site).send(HEAD + b"X: a\r\n" * (FIELDS_MAX - 1) + b"\r\n")
        self.assertEqual(reply.status, 200)

    def test_no_http(self) -> None:
        """What is no HTTP is 400, another version of it 505."""
        self.assertEqual(self.refused(b"GET / HTTP/2.0\r\n\r\n"), 505)
        for data in (b"nonsense\r\n\r\n", HEAD + b"no colon\r\n\r\n"):
            self.assertEqual(self.refused(data), 400, data)

    def test_two_lengths(self) -> None:
        """A request whose end can be read in two ways is 400."""
        both = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertEqual(self.refused(HEAD.replace(b"GET", b"POST") + both), 400)

    def test_long_body(self) -> None:
        """A body over the bound is 413: when it says so, and when it only comes."""
        post = HEAD.replace(b"GET", b"POST")
        self.assertEqual(self.refused(post + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES + 1)), 413)
        client = Client(self.site)
        client.protocol.dataReceived(post + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(BODY_BYTES // 0x1000 + 2):
            client.protocol.dataReceived(b"1000\r\n" + b"a" * 0x1000 + b"\r\n")
        self.assertEqual([reply.status for reply in client.replies()], [413])

    def test_no_continue_for_what_is_refused(self) -> None:
        """A client that asks first is told no, and only no."""
        fields = b"Content-Length: 999999999\r\nExpect: 100-continue\r\n\r\n"
        self.assertEqual(self.refused(HEAD.replace(b"GET", b"POST") + fields), 413)

    def test_slow_head(self) -> None:
        """A head that comes byte by byte has so much time and no more."""
        client = Client(self.site)
        for byte in HEAD * 3:
            self.clock.advance(1)
            client.protocol.dataReceived(bytes([byte]))
            if client.transport.disconnecting:
                break
        self.assertEqual([reply.status for reply in client.replies()], [408])
        self.assertLessEqual(self.clock.seconds(), HEAD_SECONDS + 1)

    def test_silent_client(self) -> None:
        """A connection on which nothing comes is closed after the idle time, before and between requests."""
        client = Client(self.site)
        self.clock.advance(59)
        self.assertEqual([reply.status for reply in client.send(HEAD + b"\r\n")], [200])
        self.clock.advance(59)
        self.assertFalse(client.transport.disconnecting)
        self.clock.advance(2)
        self.assertTrue(client.transport.disconnecting)

    def test_a_client_that_does_not_go(self) -> None:
        """Who is told to go and stays is cut off, and no timer is left."""
        for data in (b"", b"nonsense\r\n\r\n", b"GE"):
            client = Client(self.site)
            client.protocol.dataReceived(data)
            self.clock.advance(61)
            self.clock.advance(6)
            self.assertTrue(client.transport.disconnected, data)
            client.protocol.connectionLost(Failure(ConnectionDone()))
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_timers_of_its_own(self) -> None:
        """A site at rest wakes nobody."""
        self.site.doStart()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.site.doStop()


class CrowdTests(SiteCase):
    def make(self, most: int) -> Crowd:
        bounds = {"max_clients": most, "per_client": most, "per_client_loopback": None, "allow_clients": ()}
        common: Any = SimpleNamespace(**bounds, joint=None, service="")
        crowd = Crowd(self.clock, common)
        self.site = make_site(self.routes, self.frame, crowd=crowd, reactor=self.clock)
        return crowd

    def test_at_the_cap(self) -> None:
        """Over the cap an idle connection gives way; where all are at work the new one gets 503."""
        crowd = self.make(2)
        busy, idle = Client(self.site), Client(self.site)
        busy.protocol.dataReceived(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        third = Client(self.site)
        self.assertTrue(idle.transport.disconnected)
        idle.protocol.connectionLost(Failure(ConnectionDone()))
        third.protocol.dataReceived(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        fourth = Client(self.site)
        self.assertEqual([reply.status for reply in fourth.replies()], [503])
        self.assertEqual(len(crowd), 2)

    def test_drain(self) -> None:
        """When the site stops, who waits gets the answer and the end; who doesn't gets the end."""
        crowd = self.make(9)
        busy, idle = Client(self.site), Client(self.site)
        busy.protocol.dataReceived(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        idle.send(HEAD + b"\r\n")
        done = Deferred.fromCoroutine(crowd.drain(10))
        self.assertTrue(idle.transport.disconnecting)
        self.assertFalse(busy.transport.disconnecting)
        self.slow.callback(None)
        self.assertEqual([reply.status for reply in busy.replies()], [200])
        self.assertTrue(busy.transport.disconnecting)
        for client in (busy, idle):
            client.protocol.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(done)

    def test_drain_of_the_new(self) -> None:
        """A request that is on its way at a stop is answered, its connection's last; silence ends."""
        crowd = self.make(9)
        whole, half, body, silent = (Client(self.site) for _ in range(4))
        half.send(HEAD[:9])
        body.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na")
        done = Deferred.fromCoroutine(crowd.drain(10))
        for client, rest in ((whole, HEAD + b"\r\n"), (half, HEAD[9:] + b"\r\n"), (body, b"bc")):
            self.assertFalse(client.transport.disconnecting)
            (reply,) = client.send(rest)
            self.assertEqual(reply.headers["connection"], "close")
            self.assertTrue(client.transport.disconnecting)
        self.assertFalse(silent.transport.disconnecting)
        self.clock.advance(FRESH_SECONDS)
        self.assertTrue(silent.transport.disconnecting)
        for client in (whole, half, body, silent):
            client.protocol.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(done)
