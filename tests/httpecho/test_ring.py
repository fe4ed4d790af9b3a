"""The ring: what is remembered and for how long, what is shown of it and to whom."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.limits import DEFAULT
from netsuite.httpecho import replay
from netsuite.httpecho.compare import compared
from netsuite.httpecho.faults import judged
from netsuite.httpecho.redaction import Redaction
from netsuite.httpecho.ring import OVERHEAD, Ring
from tests.httpecho.visiting import Reply, Visiting, replied

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"


class RingTests(SynchronousTestCase):
    """The ring alone."""

    def test_oldest_goes(self) -> None:
        """Of 101 requests the oldest is gone, and numbers go on."""
        ring = Ring(100, 1 << 20)
        for number in range(101):
            ring.add(0.0, "", b"%d" % number, None, 200)
        self.assertEqual((len(ring), ring.last), (100, 101))
        self.assertIsNone(ring.find(1))
        self.assertEqual([entry.raw for entry in ring.newest(2)], [b"100", b"99"])
        self.assertEqual([entry.number for entry in ring.after(99)], [100, 101])

    @given(st.lists(st.integers(0, 3000), max_size=60), st.integers(0, 20), st.integers(0, 10_000))
    @settings(deadline=None, max_examples=100)
    def test_bounds(self, sizes: list[int], most: int, most_bytes: int) -> None:
        """Neither bound is ever passed, the sum is that of what is kept, and what is kept are the newest."""
        ring = Ring(most, most_bytes)
        for size in sizes:
            ring.add(0.0, "", b"x" * size, None, 200)
            entries = list(ring.newest())
            self.assertLessEqual(len(entries), most)
            self.assertLessEqual(ring.bytes, most_bytes)
            self.assertEqual(ring.bytes, sum(len(entry.raw) + OVERHEAD for entry in entries))
            self.assertEqual(
                [entry.number for entry in entries], list(range(ring.last, ring.last - len(entries), -1))
            )
            self.assertTrue(all(ring.find(entry.number) is entry for entry in entries))

    def test_followers_are_bounded(self) -> None:
        """Only so many are told, each of each request, and none after it has left."""
        ring, told = Ring(10, 1 << 20), []
        followers = [lambda entry, n=n: told.append((n, entry.number)) for n in range(33)]
        self.assertEqual([ring.follow(one) for one in followers], [True] * 32 + [False])
        ring.leave(followers[0])
        ring.add(0.0, "", b"", None, 200)
        self.assertEqual(sorted(told), [(n, 1) for n in range(1, 32)])


class RedactionTests(SynchronousTestCase):
    """What is hidden."""

    redaction = Redaction(b"k" * 32)

    def test_hidden(self) -> None:
        """No secret is left, whatever it stands in and however malformed that is."""
        head = (
            b"GET http://user:SECRET1@h/p?token=SECRET2&a=1&sig=SECRET3 HTTP/1.1\r\n"
            b"Authorization: Bearer SECRET4\r\nCookie: sid=SECRET5; theme=SECRET6\r\nX-Api-Key:SECRET7\r\n"
            b"authorization : SECRET8\n SECRET9\r\nCookie\tx=SECRET10\r\nX: a\rSet-Cookie: z=SECRET11\r\n"
            b"Coo\0kie: SECRET12\r\nReferer: /x?access_token=SECRET13#f\r\nProxy-Authorization SECRET14\r\n"
            b"Token = SECRET15\r\nX Auth: SECRET16\r\nCookie a=SECRET17: b\r\nHost: a\r\n\r\n"
        )
        shown = self.redaction.head(head)
        self.assertNotIn(b"SECRET", shown)
        for kept in (
            b"GET http://",
            b"a=1",
            b"Authorization: Bearer [",
            b"sid=[7-bytes-",
            b"theme=[",
            b"X-Api-Key:[",
        ):
            self.assertIn(kept, shown)
        body = (
            b'{"password": "SECRET", "a": {"client_secret":"S\\"ECRET", "otp": 1234567}, "author": "Ann"}'
            b"&passwd=SECRET&x=1\r\n"
            b'Content-Disposition: form-data; name="password"\r\n\r\nSECRET\r\n--'
        )
        shown = self.redaction.body(body)
        self.assertNotRegex(shown, rb"ECRET|1234567")
        self.assertIn(b'"author": "Ann"', shown)
        self.assertIn(b"x=1", shown)

    def test_same_or_not(self) -> None:
        """Equal secrets have equal marks, others others; under another key all are others."""
        mark = self.redaction.mark
        self.assertEqual(mark(b"abc"), mark(b"abc"))
        self.assertNotEqual(mark(b"abc"), mark(b"abd"))
        self.assertNotEqual(mark(b"abc"), Redaction(b"other").mark(b"abc"))
        self.assertTrue(mark(b"abc").startswith(b"[3-bytes-"))

    @given(st.binary(max_size=300))
    @settings(deadline=None, max_examples=100)
    def test_rest_is_untouched(self, data: bytes) -> None:
        """What has no secret's name in it is shown as it came."""
        plain = data.replace(b":", b"").replace(b"=", b"").replace(b'"', b"").replace(b"@", b"")
        self.assertEqual(
            self.redaction.head(b"GET / HTTP/1.1\r\nX:" + plain.replace(b"\n", b"").replace(b"\r", b"")),
            b"GET / HTTP/1.1\r\nX:" + plain.replace(b"\n", b"").replace(b"\r", b""),
        )
        self.assertEqual(self.redaction.body(plain), plain)

    def test_linear(self) -> None:
        """Bytes made to be slow take a time in proportion to their number (RELIABILITY: no ReDoS)."""
        for piece in (b"auth", b'"', b'"auth', b'"a" ', b"=\xff", b'name="a"\n', b"/", b"a=b&", b'"a":'):
            self.redaction.body(piece * (200_000 // len(piece)) + b'="@')  # a quadratic one would never end


class CompareTests(SynchronousTestCase):
    """Two requests side by side."""

    def test_lines(self) -> None:
        """Lines that only one has, names in another case, another order, and where bodies part."""
        one = b"GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nB: 2\r\n\r\n"
        other = b"GET / HTTP/1.1\r\nHost: a\r\nx-one: 1\r\nB: 2\r\nC: 3\r\n\r\n"
        found = compared(one, other, b"abc", b"abd")
        self.assertEqual(
            [line for line in found.lines if line[0] != "="],
            [("-", b"X-One: 1"), ("+", b"x-one: 1"), ("+", b"C: 3")],
        )
        self.assertEqual((found.case, found.order, found.body, found.is_none), ((b"X-One",), False, 2, False))
        self.assertTrue(compared(one, one, b"", b"").is_none)
        self.assertTrue(
            compared(one, b"GET / HTTP/1.1\r\nB: 2\r\nHost: a\r\nX-One: 1\r\n\r\n", b"", b"").order
        )

    def test_bounded(self) -> None:
        """Heads of very many lines are compared as far as a good head could go."""
        many = b"x\n" * 30_000
        self.assertEqual(len(compared(many, many + b"y\n", b"", b"a").lines), 300)


class ReplayTests(SynchronousTestCase):
    """The command; that it does what it says is tried with curl itself in ``tests/real``."""

    def curl(self, raw: bytes, body: bytes = b"") -> str:
        """The command for a request."""
        head, _, _ = judged(raw, DEFAULT)
        assert head is not None
        return replay.curl(head, body, place="h:1", secure=False, fetch="http://h:1/_ring/1.body").decode(
            "latin-1"
        )

    def test_quoted(self) -> None:
        """Whatever a request has in it is quoted for the shell, and nothing of it is curl's own syntax."""
        text = self.curl(b"GET /$(x)'`y` HTTP/1.1\r\nHost: a\r\nX: '; rm -rf /\r\nE:\r\n\r\n")
        self.assertIn("'http://h:1/$(x)'\\''`y`'", text)
        self.assertIn("--header 'X: '\\''; rm -rf /'", text)
        self.assertIn("--header 'E;'", text)
        self.assertIn("--globoff --path-as-is", text)

    def test_bodies(self) -> None:
        """A body of text is quoted, any other is base64, a large one is fetched."""
        raw = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
        self.assertTrue(self.curl(raw, b"a'b").startswith("printf %s 'a'\\''b' | curl "))
        self.assertTrue(self.curl(raw, b"a\nb").startswith("printf %s 'YQpi' | base64 -d | curl "))
        self.assertTrue(self.curl(raw, b"x" * 20_000).startswith("curl -s 'http://h:1/_ring/1.body' | curl "))
        self.assertNotIn("Content-Length", self.curl(raw, b"abc"))


class Looking(Visiting):
    """A test that looks into the ring."""

    def look(self, path: str, *fields: str, host: str = "127.0.0.1", name: str = "localhost:8000") -> Reply:
        """The answer to a request for a page of the ring."""
        lines = [f"GET {path} HTTP/1.1", *([f"Host: {name}"] if name else []), *fields]
        visitor, wire = self.connect(host)
        visitor.dataReceived(("\r\n".join(lines) + "\r\n\r\n").encode())
        return replied(wire.value())

    def told(self, path: str) -> Any:
        """The JSON of a page."""
        answer = self.look(path)
        self.assertEqual(answer.status, 200, answer.body)
        return json.loads(answer.body)

    def send(self, data: bytes) -> None:
        """A request is made."""
        visitor, _ = self.connect()
        visitor.dataReceived(data)


class RingSiteTests(Looking):
    """``/_ring`` for programs and people."""

    def setUp(self) -> None:
        self.open("--body")
        self.send(GET % (b"one?token=SECRET", b"Authorization: Bearer SECRET\r\n"))
        self.send(b"POST /two HTTP/1.1\r\nHost: b\r\nX : 1\r\n\r\nfoo<b>")
        self.send(GET % (b"three", b"Authorization: Bearer SECRET\r\nX-Id: <script>\x1b\r\n"))

    def test_list(self) -> None:
        """Newest first, with what is wrong with a request; looking is not remembered."""
        told = self.told("/_ring")
        self.assertEqual([it["number"] for it in told["requests"]], [3, 2, 1])
        self.assertIn("before a field's colon", told["requests"][1]["note"])
        self.assertEqual(self.told("/_ring.json")["last"], 3)

    def test_filter(self) -> None:
        """By method, target, client, field, status and text, and only in what is shown."""
        for query, numbers in {
            "method=POST": [2],
            "target=thr": [3],
            "client=127.0.0.1&limit=2": [3, 2],
            "client=127.0.0.9": [],
            "header=authorization": [3, 1],
            "header=X-Id:script": [3],
            "status=200": [3, 2, 1],
            "status=404": [],
            "q=FOO": [2],
            "q=SECRET": [],
            "since=1": [3, 2],
        }.items():
            self.assertEqual(
                [it["number"] for it in self.told(f"/_ring?{query}")["requests"]], numbers, query
            )
        for query in ("limit=0", "limit=x", "since=-1", "status=1000", "nosuch=1", "format=xml"):
            self.assertEqual(self.look(f"/_ring.json?{query}").status, 400, query)

    def test_secrets(self) -> None:
        """No page of the ring has a secret; the same one has the same mark in each."""
        for path in (
            "/_ring",
            "/_ring/1",
            "/_ring/1.json",
            "/_ring/1.curl",
            "/_ring/1.head",
            "/_ring/diff?a=1&b=3",
        ):
            for accept in ("text/html", "application/json"):
                answer = self.look(path, f"Accept: {accept}")
                self.assertEqual(answer.status, 200, path)
                self.assertNotIn(b"SECRET", answer.body, path)
        marks = {dict(self.told(f"/_ring/{n}")["headers"])["Authorization"] for n in (1, 3)}
        self.assertEqual(len(marks), 1)
        self.assertRegex(marks.pop(), r"^Bearer \[6-bytes-[0-9a-f]{10}\]$")

    def test_shown_on_demand(self) -> None:
        """--show-secrets shows them."""
        self.open("--show-secrets")
        self.send(GET % (b"", b"Authorization: Bearer SECRET\r\n"))
        self.assertEqual(dict(self.told("/_ring/1")["headers"])["Authorization"], "Bearer SECRET")

    def test_secret_over_two_chunks(self) -> None:
        """A body's framing is left out where it could show what is hidden in the body."""
        self.send(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"c\r\npassword=SEC\r\n3\r\nRET\r\n0\r\n\r\n"
        )
        told = self.told("/_ring/4")
        self.assertEqual((told["body_raw"], told["body"][:18]), (None, "password=[6-bytes-"))

    def test_pages(self) -> None:
        """Pages have what was sent as text only, and run nothing but our own files."""
        for path in (
            "/_ring",
            "/_ring/2",
            "/_ring/3",
            "/_ring/diff?a=2&b=3",
            "/_ring?ui=zh",
            "/_ring?q=nothing",
        ):
            answer = self.look(path, "Accept: text/html")
            self.assertEqual(
                (answer.status, answer.field("Content-Type")), (200, "text/html; charset=utf-8"), path
            )
            self.assertNotIn(b"<script>", answer.body)
            self.assertNotIn(b"<b>", answer.body)
            self.assertNotIn(b"\x1b", answer.body)
            self.assertIn("default-src 'none'", answer.field("Content-Security-Policy") or "")
        style = self.look("/_ring/static/httpecho.css")
        self.assertEqual((style.status, style.field("Content-Type")), (200, "text/css; charset=utf-8"))

    def test_one(self) -> None:
        """A request whole, as JSON; what is not there is 404."""
        told = self.told("/_ring/2")
        self.assertEqual((told["body"], told["method"], told["framing"]), ("foo<b>", "POST", "unknown"))
        self.assertEqual(self.look("/_ring/2.body").body, b"foo<b>")
        for path in (
            "/_ring/4",
            "/_ring/0",
            "/_ring/x",
            "/_ring/2.exe",
            "/_ring/diff?a=1",
            "/_ring/diff?a=1&b=99",
        ):
            self.assertEqual(self.look(path).status, 404, path)

    def test_methods(self) -> None:
        """The ring is read only."""
        visitor, wire = self.connect()
        visitor.dataReceived(b"POST /_ring HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
        self.assertEqual(replied(wire.value()).status, 405)
        self.assertEqual(self.hall.ring.last, 3)

    def test_follow(self) -> None:
        """Requests are told as they come, those that were missed first; nobody is told after leaving."""
        visitor, wire = self.connect()
        visitor.dataReceived(b"GET /_ring/events?since=2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(b"text/event-stream", wire.value())
        self.assertEqual(wire.value().count(b"event: request"), 1)
        wire.clear()
        self.send(GET % (b"four?token=SECRET", b""))
        self.assertTrue(wire.value().startswith(b"id: 4\nevent: request\ndata: {"), wire.value())
        self.assertNotIn(b"SECRET", wire.value())
        wire.clear()
        self.clock.pump([1] * 62)
        self.assertEqual(wire.value(), b": still here\n\n")
        visitor.connectionLost()
        self.assertEqual(len(self.hall.ring._followers), 0)

    def test_slow_follower(self) -> None:
        """What a follower doesn't take is left out; one that takes nothing for the idle time is cut off."""
        visitor, wire = self.connect()
        visitor.dataReceived(b"GET /_ring/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        visitor.pauseProducing()
        wire.clear()
        self.send(GET % (b"", b""))
        self.assertEqual(wire.value(), b"")
        visitor.resumeProducing()
        self.send(GET % (b"", b""))
        self.assertEqual(wire.value().count(b"event: request"), 1)
        visitor.pauseProducing()
        self.clock.pump([1] * 62)
        self.assertTrue(wire.is_aborted)


class AccessTests(Looking):
    """Who may look into the ring."""

    def test_this_machine_alone(self) -> None:
        """Loopback may, another machine may not, nor may who comes by way of a proxy."""
        self.open()
        for host, status in (("127.0.0.1", 200), ("127.0.0.2", 200), ("::1", 200), ("192.0.2.7", 403)):
            self.assertEqual(self.look("/_ring", host=host).status, status, host)
        for field in ("X-Forwarded-For: 192.0.2.7", "Forwarded: for=x", "Via: 1.1 x", "X-Real-IP: x"):
            self.assertEqual(self.look("/_ring", field).status, 403, field)

    def test_names(self) -> None:
        """Another site's name is no name of the ring (DNS rebinding), unless it is given as ours."""
        self.open("--host", "echo.example")
        for name, status in (
            ("evil.example", 421),
            ("echo.example", 200),
            ("127.0.0.1:8000", 200),
        ):
            self.assertEqual(self.look("/_ring", name=name).status, status, name)
        self.assertEqual(self.look("/x", name="evil.example").status, 200)


class OwnPathTests(Looking):
    """Health, and names that are ours."""

    def test_health(self) -> None:
        """A thousand probes leave nothing in ring and log."""
        self.open("--http11")
        self.hall.visits.is_off = False
        lines: list[object] = []
        self.patch(self.hall.visits, "visit", lambda *told: lines.append(told))
        visitor, wire = self.connect()
        for _ in range(334):
            for path in (b"healthz", b"health", b"_health"):
                visitor.dataReceived(GET % (path, b""))
        self.assertEqual(wire.value().count(b"HTTP/1.1 200 OK"), 1002)
        self.assertTrue(wire.value().endswith(b"\r\n\r\nok\n"))
        self.assertEqual((len(self.hall.ring), lines, wire.disconnecting), (0, [], False))
        visitor.dataReceived(GET % (b"x", b""))
        self.assertEqual((len(self.hall.ring), len(lines)), (1, 1))

    def test_own_health_path(self) -> None:
        """--health names other paths, and then the usual ones are echoed."""
        self.open("--health", "/up")
        self.assertEqual(self.look("/up").body, b"ok\n")
        self.assertIn(b"GET /healthz", self.look("/healthz").body)

    def test_others_are_echoed(self) -> None:
        """A path that only looks like one of ours is echoed."""
        self.open()
        for path in ("/_ringing", "/_wsx", "/_", "/_x", "/healthzz"):
            self.assertIn(f"GET {path} ".encode(), self.look(path).body)
