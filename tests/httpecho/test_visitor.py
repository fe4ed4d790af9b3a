"""Connections: the tutorial's answer, keeping, pipelining and bodies, however the bytes are cut."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred

from netsuite.crowd import FRESH_SECONDS
from tests.httpecho.visiting import HEAD, Visiting, all_replied, replied


class TutorialTests(Visiting):
    """Without options: what the tutorial's webecho says."""

    def test_exact(self) -> None:
        """HTTP/1.0 200 OK, type and length, the words, the lines as received, the empty one; and close."""
        wire = self.said(HEAD)
        sent = wire.value()
        self.assertTrue(
            sent.startswith(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 70\r\n"), sent
        )
        self.assertEqual(replied(sent).body, b"You said: \r\n\r\n" + HEAD[:-2])
        self.assertTrue(wire.disconnecting)

    def test_byte_exact(self) -> None:
        """Case, order, duplicates, white space and bytes that are no UTF-8 come back as they came."""
        head = b"GET /%zz\xff HTTP/1.1\r\nhOST: a\r\nB:\t 1 \r\nA: \xff\xfe\r\nb: 2\r\nB: 1\r\n\r\n"
        self.assertIn(head[:-2], self.said(head).value())

    def test_any_cut(self) -> None:
        """However a head is cut, the answer is the same."""
        for head in (HEAD, b"\r\n" + HEAD, b"GET / HTTP/1.0\n\n", b"POST / HTTP/1.1\nHost: a\r\n\n"):
            whole = replied(self.said(head).value())
            for cut in range(1, len(head)):
                found = replied(self.said(head[:cut], head[cut:]).value())
                self.assertEqual((found.status, found.body), (whole.status, whole.body), cut)
            bytewise = replied(self.said(*(bytes((byte,)) for byte in head)).value())
            self.assertEqual(bytewise.body, whole.body)

    def test_body_is_not_awaited(self) -> None:
        """A body is not needed for the answer; what comes of it is remembered while it lingers."""
        self.open()
        visitor, wire = self.connect()
        visitor.dataReceived(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
        self.assertEqual(replied(wire.value()).status, 200)
        self.assertTrue(wire.has_fin)
        self.assertFalse(wire.disconnecting)
        visitor.dataReceived(b"llo")
        self.assertTrue(wire.disconnecting)
        entry = next(self.hall.ring.newest())
        self.assertEqual(entry.payload.body if entry.payload else None, b"hello")


class KeptTests(Visiting):
    """With ``--http11``."""

    def test_two_on_one(self) -> None:
        """Two requests on one connection have their answers in order; Connection: close ends it."""
        self.open("--http11")
        visitor, wire = self.connect()
        visitor.dataReceived(HEAD)
        self.assertFalse(wire.disconnecting)
        visitor.dataReceived(HEAD.replace(b"/x", b"/y").replace(b"X-One: 1", b"Connection: close"))
        first, second = all_replied(wire.value())
        self.assertEqual((first.version, first.status), ("HTTP/1.1", 200))
        self.assertIn(b"GET /x ", first.body)
        self.assertIn(b"GET /y ", second.body)
        self.assertEqual((first.field("Connection"), second.field("Connection")), (None, "close"))
        self.assertTrue(wire.disconnecting)

    def test_pipelined_any_cut(self) -> None:
        """Requests sent ahead are answered in turn, wherever the bytes are cut, with bodies of both kinds."""
        sent = (
            b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
            b"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            b"POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
            b"HEAD /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        self.open("--http11", "--body")
        for cut in range(len(sent) + 1):
            replies = all_replied(self.said(sent[:cut], sent[cut:]).value())
            found = [reply.body[:100].split(b" ")[3:4] for reply in replies]
            self.assertEqual(found, [[b"/1"], [b"/2"], [b"/3"], []], cut)
            self.assertTrue(replies[1].body.endswith(b"\r\n\r\nabc"))

    def test_http10_is_closed(self) -> None:
        """A client that speaks HTTP/1.0 gets its answer and the end."""
        self.assertTrue(self.said(b"GET / HTTP/1.0\r\n\r\n", arguments=("--http11",)).disconnecting)


class StopTests(Visiting):
    """A stop."""

    def test_on_its_way(self) -> None:
        """A request that is on its way is answered, its connection's last; who is silent is closed soon."""
        self.open("--http11")
        wires = [self.connect() for _ in range(3)]
        wires[1][0].dataReceived(HEAD[:9])
        Deferred.fromCoroutine(self.hall.crowd.drain(10))
        for (visitor, wire), rest in zip(wires, (HEAD, HEAD[9:]), strict=False):
            self.assertFalse(wire.disconnecting)
            visitor.dataReceived(rest)
            self.assertEqual(replied(wire.value()).field("Connection"), "close")
            self.assertTrue(wire.disconnecting)
        silent = wires[2][1]
        self.assertFalse(silent.disconnecting)
        self.clock.advance(FRESH_SECONDS)
        self.assertTrue(silent.disconnecting)

    def test_idle(self) -> None:
        """Who has asked before and asks nothing now is closed at once."""
        self.open("--http11")
        visitor, wire = self.connect()
        visitor.dataReceived(HEAD)
        Deferred.fromCoroutine(self.hall.crowd.drain(10))
        self.assertTrue(wire.disconnecting)


class BodyTests(Visiting):
    """With ``--body``, or as JSON."""

    def test_length(self) -> None:
        """The body follows the empty line."""
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
        self.assertEqual(self.reply(head + b"hello", "--body").body, b"You said: \r\n\r\n" + head + b"hello")

    def test_chunked(self) -> None:
        """A chunked body is shown decoded and as it was sent."""
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        frames = b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n"
        for cut in range(len(frames)):
            wire = self.said(head + frames[:cut], frames[cut:], arguments=("--body",))
            self.assertEqual(
                replied(wire.value()).body,
                b"You said: \r\n\r\n" + head + b"abcde\r\n\r\nIn chunks, as sent:\r\n\r\n" + frames,
                cut,
            )
        told = json.loads(self.reply(head.replace(b"/ ", b"/.json ") + frames).body)
        self.assertEqual(
            (told["body"], told["trailers"], told["framing"]), ("abcde", [["T", "1"]], "chunked")
        )

    def test_continue(self) -> None:
        """A client that waits for it is told to go on, once, and only if its body is wanted."""
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        self.open("--body")
        visitor, wire = self.connect()
        visitor.dataReceived(head)
        self.assertEqual(wire.value(), b"HTTP/1.1 100 Continue\r\n\r\n")
        visitor.dataReceived(b"ab")
        self.assertTrue(replied(wire.value()).rest.endswith(b"ab"))
        self.assertEqual(self.reply(head, "--strict").status, 200)

    def test_longest(self) -> None:
        """A body of the bound is echoed; of one byte more the first, and that it is truncated."""
        for size, is_cut in ((8, False), (9, True)):
            for framed in (
                b"Content-Length: %d\r\n\r\n" % size,
                b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size,
            ):
                end = b"" if b"Length" in framed else b"\r\n0\r\n\r\n"
                data = b"POST /.json HTTP/1.1\r\nHost: a\r\n" + framed + b"x" * size + end
                told = json.loads(self.reply(data, "--max-body", "8", "--http11").body)
                self.assertEqual((told["body"], told["truncated"]), ("x" * 8, is_cut), framed)

    def test_cut_short(self) -> None:
        """A body that ends with the connection is echoed with a note."""
        self.open("--body")
        visitor, wire = self.connect()
        visitor.dataReceived(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
        visitor.readConnectionLost()
        answer = replied(wire.value())
        self.assertEqual(answer.field("X-Netsuite-Note"), "the connection ended within the body")
        self.assertTrue(answer.body.endswith(b"\r\n\r\nhe"))

    def test_room_for_all(self) -> None:
        """Bodies under way share a bound; past it they are kept no more, and at their end it is free."""
        self.open("--body")
        self.patch(__import__("netsuite.httpecho.desk", fromlist=["x"]), "HELD_MAX", 10)
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n"
        one, _ = self.connect()
        one.dataReceived(head + b"x" * 12)
        other, wire = self.connect()
        other.dataReceived(head + b"y" * 20)
        self.assertIn(b"[truncated: 0 bytes", wire.value())
        self.assertEqual(self.hall.held, 12)
        one.dataReceived(b"x" * 8)
        self.assertEqual(self.hall.held, 0)
