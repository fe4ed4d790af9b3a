"""POST on the wire: what is taken in, what is refused before a view is asked, what other sites may read."""

from __future__ import annotations

import json
import tempfile
from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.site import channel
from netsuite.site.answer import FORM_FIELDS_MAX, Answer, Asked, Refusal, fields_of, json_answer
from netsuite.site.frame import Frame
from netsuite.site.routes import Post, Routes
from netsuite.site.server import make_site
from netsuite.site.token import INGEST, Token
from tests.site.wire import Client, Now, Reply

FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json; charset=utf-8"
ELSEWHERE = ("Origin: https://news.example", "Sec-Fetch-Site: cross-site")


class PostCase(SynchronousTestCase):
    """A site with something to change."""

    def setUp(self) -> None:
        self.clock = Now()
        self.token = Token(self.clock.seconds, "a secret of sixteen letters or more")
        self.slow: Deferred[None] = Deferred()
        frame = Frame("demo")
        posts = {
            "/both": Post(self.take),
            "/post": Post(self.take, kinds=("application/json",)),
            "/long": Post(self.take),
            "/slow": Post(self.wait),
            "/open": Post(self.take, purpose=INGEST, from_elsewhere=True),
            "/open-broken": Post(self.refuse, purpose=INGEST, from_elsewhere=True),
        }
        routes = Routes(frame, {"/both": self.take, "/": self.take}, posts=posts, judge=self.token)
        self.site = make_site(routes, frame, bodies={"/long": 200_000}, reactor=self.clock)
        self.bearer = f"Authorization: Bearer {self.token.of('form')}"
        self.open = f"Authorization: Bearer {self.token.of(INGEST)}"
        self.changes: list[Asked] = []

    async def take(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            self.changes.append(asked)
        return json_answer({"method": asked.method, "form": asked.form, "body": asked.body.decode()})

    async def wait(self, asked: Asked) -> Answer:
        await self.slow
        return json_answer({})

    async def refuse(self, asked: Asked) -> Answer:
        raise Refusal(422, "url: is missing.", ("X-Extra", "1"))

    def request(self, target: str, *fields: str, body: bytes = b"", method: str = "POST") -> bytes:
        lines = [
            f"{method} {target} HTTP/1.1",
            "Host: localhost:8000",
            f"Content-Length: {len(body)}",
            *fields,
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def chunked(self, target: str) -> bytes:
        fields = ("Host: localhost", JSON, self.bearer, "Transfer-Encoding: chunked")
        return "\r\n".join((f"POST {target} HTTP/1.1", *fields, "", "")).encode()

    def post(self, target: str, *fields: str, body: bytes = b"", method: str = "POST") -> Reply:
        [reply] = Client(self.site).send(self.request(target, *fields, body=body, method=method))
        return reply


class BodyTests(PostCase):
    """What a view gets."""

    def test_form(self) -> None:
        """A form's fields are decoded, in order; what is no UTF-8 is replaced."""
        body = f"a=%E4%B8%AD+x&b=&a=%ff&token={self.token.of('form')}".encode()
        reply = self.post("/both", FORM, body=body)
        self.assertEqual(json.loads(reply.text)["form"][:3], [["a", "\u4e2d x"], ["b", ""], ["a", "\ufffd"]])
        self.assertEqual(self.changes[0].client, "127.0.0.1")

    def test_json(self) -> None:
        """JSON is the view's to read."""
        reply = self.post("/post", JSON, self.bearer, body=b'{"a": 1}')
        self.assertEqual(json.loads(reply.text), {"method": "POST", "form": [], "body": '{"a": 1}'})

    def test_chunked(self) -> None:
        """A body in chunks is the same body."""
        [reply] = Client(self.site).send(self.chunked("/post") + b"3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n")
        self.assertEqual(json.loads(reply.text)["body"], "[1,2]")

    def test_cut_anywhere(self) -> None:
        """However the bytes come, the answer is the same."""
        data = self.request("/post", JSON, self.bearer, body=b"[1,2]")
        for cut in range(1, len(data)):
            client = Client(self.site)
            client.protocol.dataReceived(data[:cut])
            [reply] = client.send(data[cut:])
            self.assertEqual(json.loads(reply.text)["body"], "[1,2]", cut)


class FieldTests(SynchronousTestCase):
    """Forms as bytes."""

    @settings(deadline=None, max_examples=200)
    @given(data=st.text("ab=&+%4Ec3A\u00e9;", max_size=40).map(str.encode) | st.binary(max_size=40))
    def test_as_the_library(self, data: bytes) -> None:
        """Any bytes have the fields that the standard library finds in them."""
        found = parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
        if b"\xff" not in data and data.decode("utf-8", "replace").encode() == data:
            self.assertEqual(list(fields_of(data)), found)
        self.assertLessEqual(len(list(fields_of(data))), data.count(b"&") + 1)


class RefusedTests(PostCase):
    """What never comes to a view."""

    def tearDown(self) -> None:
        self.assertEqual(self.changes, [])

    def test_methods(self) -> None:
        """What a path doesn't do is refused with what it does."""
        for method, target, allow in (
            ("POST", "/", "GET, HEAD, OPTIONS"),
            ("PUT", "/both", "GET, HEAD, POST, OPTIONS"),
            ("OPTIONS", "/both", "GET, HEAD, POST, OPTIONS"),
            ("GET", "/post", "POST, OPTIONS"),
            ("HEAD", "/post", "POST, OPTIONS"),
            ("DELETE", "/open", "POST, OPTIONS"),
        ):
            reply = self.post(target, self.bearer, JSON, method=method)
            status = 204 if method == "OPTIONS" else 405
            self.assertEqual((reply.status, reply.headers["allow"]), (status, allow), (method, target))
        self.assertEqual(self.post("/none", self.bearer, JSON).status, 404)

    def test_kind(self) -> None:
        """Bodies of other types are refused with those that are taken; coded ones, too."""
        for fields in ((), ("Content-Type: text/plain",), ("Content-Type: multipart/form-data; boundary=x",)):
            reply = self.post("/both", self.bearer, *fields)
            self.assertEqual(reply.status, 415)
            self.assertEqual(reply.headers["accept"], "application/x-www-form-urlencoded, application/json")
        self.assertEqual(self.post("/post", self.bearer, FORM).status, 415)
        self.assertEqual(self.post("/post", self.bearer, JSON, "Content-Encoding: gzip").status, 415)

    def test_who(self) -> None:
        """Without the token, or from a foreign page, nothing is done."""
        self.assertEqual(self.post("/both", JSON).status, 401)
        self.assertEqual(self.post("/both", JSON, "Authorization: Bearer x").status, 401)
        self.assertEqual(self.post("/both", JSON, self.open).status, 401)
        self.assertEqual(self.post("/both", JSON, self.bearer, *ELSEWHERE).status, 403)
        self.assertEqual(self.post(f"/both?token={self.token.of('form')}", JSON).status, 401)

    def test_fields(self) -> None:
        """More fields than a form may have are refused."""
        body = b"a&" * FORM_FIELDS_MAX + f"token={self.token.of('form')}".encode()
        self.assertEqual(self.post("/both", FORM, body=body).status, 400)

    def test_no_judge(self) -> None:
        """A site without a secret takes no POST at all, whatever its table says."""
        frame = Frame("demo")
        site = make_site(Routes(frame, {}, posts={"/post": Post(self.take)}), frame, reactor=self.clock)
        [reply] = Client(site).send(self.request("/post", JSON, self.bearer))
        self.assertEqual(reply.status, 404)


class BoundTests(PostCase):
    """How much is taken in."""

    def test_one(self) -> None:
        """A body past its path's bound is refused as it says so, or as it comes; others go on."""
        body = b"[" + b" " * 150_000 + b"]"
        self.assertEqual(self.post("/long", JSON, self.bearer, body=body).status, 200)
        client = Client(self.site)
        [reply] = client.send(self.request("/post", JSON, self.bearer, body=body))
        self.assertEqual((reply.status, client.transport.disconnecting), (413, True))
        client = Client(self.site)
        client.protocol.dataReceived(self.chunked("/long"))
        chunk = b"c350\r\n" + b" " * 50_000 + b"\r\n"
        self.assertEqual([r.status for _ in range(5) for r in client.send(chunk)], [413])
        self.assertEqual(len(self.changes), 1)

    def test_long_path_and_get(self) -> None:
        """The long bound is for POST alone."""
        reply = self.post("/long", JSON, self.bearer, body=b" " * 100_000, method="GET")
        self.assertEqual(reply.status, 413)

    def test_all_together(self) -> None:
        """Bodies of all requests have a bound together, and what was held is free again afterwards."""
        self.patch(channel, "HELD_BYTES", 100_000)
        waiting, refused, broken = Client(self.site), Client(self.site), Client(self.site)
        waiting.send(self.request("/slow", JSON, self.bearer, body=b" " * 60_000))
        self.assertEqual(self.site.held_bytes, 60_000)
        [reply] = refused.send(self.request("/slow", JSON, self.bearer, body=b" " * 60_000))
        self.assertEqual(reply.status, 503)
        refused.protocol.connectionLost(Failure(ConnectionDone()))
        broken.send(self.request("/slow", JSON, self.bearer, body=b" " * 30_000)[:-1])
        broken.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.site.held_bytes, 60_000)
        self.slow.callback(None)
        [reply] = waiting.replies()
        self.assertEqual((reply.status, self.site.held_bytes), (200, 0))

    def test_memory_alone(self) -> None:
        """No body is written to a temporary file."""
        self.patch(tempfile, "TemporaryFile", None)
        [reply] = Client(self.site).send(self.request("/long", JSON, self.bearer, body=b" " * 150_000))
        self.assertEqual(reply.status, 200)


class ElsewhereTests(PostCase):
    """Pages of other sites, where they may post."""

    def test_preflight(self) -> None:
        """A browser that asks first is told that it may, without cookies, and with what."""
        for origin in ("https://news.example", "null"):
            reply = self.post(
                "/open", f"Origin: {origin}", "Access-Control-Request-Method: POST", method="OPTIONS"
            )
            self.assertEqual((reply.status, reply.body), (204, b""))
            self.assertEqual(reply.headers["access-control-allow-origin"], origin)
            self.assertEqual(reply.headers["access-control-allow-methods"], "POST")
            self.assertEqual(reply.headers["access-control-allow-headers"], "Authorization, Content-Type")
            self.assertNotIn("access-control-allow-credentials", reply.headers)
            self.assertNotIn("access-control-allow-private-network", reply.headers)
        reply = self.post("/open", "Access-Control-Request-Private-Network: true", method="OPTIONS")
        self.assertEqual(reply.headers["access-control-allow-private-network"], "true")

    def test_with_the_token(self) -> None:
        """With the token the page may read what came of it, also a refusal."""
        reply = self.post("/open", JSON, self.open, *ELSEWHERE, body=b"[]")
        self.assertEqual((reply.status, reply.headers["vary"]), (200, "Origin"))
        self.assertEqual(reply.headers["access-control-allow-origin"], "https://news.example")
        reply = self.post("/open-broken", JSON, self.open, *ELSEWHERE)
        self.assertEqual((reply.status, reply.headers["x-extra"]), (422, "1"))
        self.assertEqual(reply.headers["access-control-allow-origin"], "https://news.example")

    def test_without_the_token(self) -> None:
        """Without it nothing is done, and nothing may be read; nor anywhere else."""
        for target, fields, status in (
            ("/open", (), 401),
            ("/open", (self.bearer,), 401),
            ("/both", (self.bearer,), 403),
            ("/", (self.open,), 405),
        ):
            reply = self.post(target, JSON, *fields, *ELSEWHERE)
            self.assertEqual((reply.status, "access-control-allow-origin" in reply.headers), (status, False))
        reply = self.post("/both", *ELSEWHERE, method="GET")
        self.assertNotIn("access-control-allow-origin", reply.headers)
        self.assertEqual(self.changes, [])

    def test_hostile_origin(self) -> None:
        """An origin that is none is not repeated."""
        for origin in ("x" * 400, "\u4e2d"):
            reply = self.post("/open", JSON, self.open, f"Origin: {origin}")
            self.assertNotIn("access-control-allow-origin", reply.headers)
