"""What an answer says of the request as JSON, and of us; and what the command line is taken for."""

from __future__ import annotations

import base64
import errno
import json
from itertools import pairwise
from typing import Any, NoReturn

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.limits import DEFAULT
from netsuite.httpecho.cutter import Cutter
from netsuite.httpecho.faults import judged, lines_of
from netsuite.httpecho.replay import quoted
from netsuite.httpecho.service import Options
from netsuite.httpecho.telling import accepts_json, plain, told
from tests.httpecho.visiting import HEAD, Visiting, replied

#: The keys of the JSON; they are only ever added.
KEYS = {
    "method",
    "target",
    "version",
    "headers",
    "head",
    "framing",
    "body",
    "body_base64",
    "body_raw",
    "trailers",
    "truncated",
    "sizes",
    "note",
    "client",
    "server",
    "tls",
    "timing",
    "tag",
    "host",
    "instance",
}


class JsonTests(Visiting):
    """JSON, however it is asked for."""

    def told(self, data: bytes, *arguments: str) -> Any:
        """The decoded answer."""
        answer = self.reply(data, *arguments)
        self.assertEqual(answer.field("Content-Type"), "application/json")
        return json.loads(answer.body)

    def test_reset_meanwhile(self) -> None:
        """A client that was reset after its request still has its address, and is no fault of ours."""
        self.open()
        visitor, wire = self.connect()

        def gone() -> NoReturn:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

        self.patch(wire, "getPeer", gone)
        visitor.dataReceived(b"GET /x.json HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(
            json.loads(replied(wire.value()).body)["client"], {"address": "127.0.0.1", "port": 40000}
        )

    def test_asked_for(self) -> None:
        """By Accept, ?format=json or a path in .json; format=text is text whatever Accept says."""
        for target, accept, is_json in (
            ("/", "application/json", True),
            ("/?format=json", "", True),
            ("/x.json", "", True),
            ("/x.json?a=1", "text/plain", True),
            ("/?format=text", "application/json", False),
            ("/", "*/*", False),
            ("/", "text/plain;q=0.9, application/json;q=0.5", False),
            ("/", "application/json;q=0", False),
            ("/", "application/problem+json, text/html;q=0.1", True),
        ):
            data = f"GET {target} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n".encode()
            kind = self.reply(data).field("Content-Type")
            self.assertEqual(kind, "application/json" if is_json else "text/plain", (target, accept))

    def test_schema(self) -> None:
        """Every key is there; pairs keep order, case and duplicates; the head is there byte by byte."""
        found = self.told(HEAD.replace(b"/x", b"/x.json").replace(b"localhost", b"a\xff"), "--strict")
        self.assertEqual(found["note"], "a malformed host or port")
        found = self.told(HEAD.replace(b"/x", b"/x.json"))
        self.assertEqual(set(found), KEYS)
        self.assertEqual(found["headers"], [["Host", "localhost"], ["X-One", "1"], ["x-ONE", "2"]])
        self.assertEqual(base64.b64decode(found["head"]), HEAD.replace(b"/x", b"/x.json"))
        self.assertEqual((found["method"], found["target"], found["version"]), ("GET", "/x.json", "HTTP/1.1"))
        self.assertEqual(found["client"], {"address": "127.0.0.1", "port": 40000})
        self.assertEqual(set(found["timing"]), {"received", "connected_ms", "head_ms", "body_ms"})
        self.assertEqual((found["tls"], found["note"], found["body"]), (None, None, ""))

    def test_malformed(self) -> None:
        """A malformed head is told as far as it can be read."""
        data = b"GET /.json HTTP/1.1\nHost : a\nx\xff: \xff\nnonsense\n\nrest\xfe"
        found = self.told(data)
        self.assertEqual(found["headers"], [["Host ", "a"], ["x\\xff", "\\xff"], ["nonsense", ""]])
        self.assertEqual((found["framing"], found["body"]), ("unknown", None))
        self.assertEqual(base64.b64decode(found["body_base64"]), b"rest\xfe")
        self.assertIn("white space before", found["note"])

    def test_timing(self) -> None:
        """Milliseconds of the head and of the body, on the reactor's clock."""
        self.open()
        visitor, wire = self.connect()
        self.clock.advance(1)
        visitor.dataReceived(b"POST /.json HTTP/1.1\r\n")
        self.clock.advance(2)
        visitor.dataReceived(b"Host: a\r\nContent-Length: 1\r\n\r\n")
        self.clock.advance(3)
        visitor.dataReceived(b"x")
        timing = json.loads(replied(wire.value()).body)["timing"]
        self.assertEqual(
            [timing[key] for key in ("connected_ms", "head_ms", "body_ms")], [1000.0, 2000.0, 3000.0]
        )

    def test_instances(self) -> None:
        """Tag, host and instance are in a field and in the JSON; two services differ."""
        first = self.reply(HEAD, "--tag", "blå")
        self.assertEqual(first.field("X-Netsuite-Tag"), "blå".encode().decode("latin-1"))
        self.assertRegex(first.field("X-Netsuite-Instance") or "", r"^[\w.-]+/[0-9a-f]{8}$")
        found = self.told(HEAD.replace(b"/x", b"/x.json"), "--tag", "blå")
        self.assertEqual((found["tag"], found["instance"]), ("blå", first.field("X-Netsuite-Instance")))

    def test_always(self) -> None:
        """Every answer is nosniff and not to be stored, refused ones too."""
        for data in (
            HEAD,
            b"GET /?status=1 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"nonsense\n\n",
            b"GET /_ring HTTP/1.0\r\n\r\n",
        ):
            answer = self.reply(data)
            self.assertEqual(answer.field("X-Content-Type-Options"), "nosniff", data)
            self.assertEqual(answer.field("Cache-Control"), "no-store")


class ValueTests(SynchronousTestCase):
    """The parts alone."""

    @given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=4))
    @settings(deadline=None, max_examples=100)
    def test_cutter(self, data: bytes, cuts: list[int]) -> None:
        """Whatever comes and however it is cut, heads and rest are what came, and each head can be told."""
        whole = self.heads([data])
        places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        pieces = [data[a:b] for a, b in pairwise(places)]
        self.assertEqual(self.heads(pieces), whole)
        self.assertEqual(b"".join(whole), data)
        for raw in whole[:-1]:
            head, status, notes = judged(raw, DEFAULT)
            self.assertEqual(head is None, bool(notes) and status >= 400)
            self.assertIsInstance(json.dumps(told(raw, head, None)), str)
            self.assertTrue(all(note.isprintable() and note.isascii() for note in notes))
            self.assertTrue(raw.startswith(plain(raw).removeprefix(b"You said: \r\n\r\n")))
            self.assertIsInstance(lines_of(raw), list)

    def heads(self, pieces: list[bytes]) -> list[bytes]:
        """The heads that are whole, and what is left."""
        cutter, found = Cutter(DEFAULT), []
        for piece in pieces:
            data: bytes | None = piece
            while data and (cut := cutter.feed(data)):
                found.append(cut[0])
                data = cut[1]
        return [*found, cutter.take()]

    def test_accept(self) -> None:
        """Weights decide; a weight that is none is 0."""
        self.assertTrue(accepts_json(b"text/plain;q=0.5,application/json;q=0.500"))
        self.assertFalse(accepts_json(b"application/json;q=x"))

    def test_quoted(self) -> None:
        """A single quote ends and begins the quotes."""
        self.assertEqual(quoted(b"a'b"), b"'a'\\''b'")


class SettingsTests(SynchronousTestCase):
    """The command line."""

    def test_defaults(self) -> None:
        """The bounds are those of the documentation."""
        options = Options()
        options.parse([])
        told = options.settings
        self.assertEqual(told.port.descriptions, ("tcp:8000:interface=127.0.0.1",))
        self.assertEqual((told.ring, told.ring_bytes, told.max_body), (100, 16 << 20, 1 << 20))
        self.assertEqual(
            (told.limits.head_bytes, told.bounds.delay, told.bounds.size), (65536, 30.0, 16 << 20)
        )
        self.assertFalse(told.http11 or told.body or told.strict or told.show_secrets)

    def test_faults(self) -> None:
        """What can't be is told, each with its option."""
        for arguments in (
            ["--tag", "a\r\nb"],
            ["--tag", "x" * 201],
            ["--health", "healthz"],
            ["--max-head", "10"],
            ["--ring", "-1"],
            ["-p", "tcp:8000"],
        ):
            with self.assertRaises(usage.UsageError) as caught:
                Options().parse(arguments)
            self.assertIn(
                arguments[0].replace("-p", "--port") if arguments[0] == "-p" else arguments[0],
                str(caught.exception),
            )
