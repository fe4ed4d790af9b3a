"""Answers on order: each kind, and each bound."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.httpecho.orders import PLAIN, BadOrder, Bounds, ordered
from tests.httpecho.visiting import Visiting, replied

BOUNDS = Bounds(30.0, 1 << 20)


def ask(query: str, *, version: str = "1.1", method: str = "GET", fields: str = "") -> bytes:
    """A request with this query."""
    return f"{method} /?{query} HTTP/{version}\r\nHost: a\r\n{fields}\r\n".encode()


class OrderTests(SynchronousTestCase):
    """A query as an order."""

    def test_nothing_ordered(self) -> None:
        """Other parameters are no orders."""
        for query in (b"", b"a=1&b=2", b"Status=500", b"xstatus=1", b"&&=&"):
            self.assertIs(ordered(query, BOUNDS), PLAIN)

    def test_all(self) -> None:
        """Each is read, with percent-encoding undone."""
        order = ordered(
            b"status=503&delay=200ms&size=1K&header=A:%20b&header=c%3Ad&close=early&chunk=10", BOUNDS
        )
        self.assertEqual((order.status, order.delay, order.size), (503, 0.2, 1024))
        self.assertEqual(
            (order.fields, order.close, order.chunk), (((b"A", b"b"), (b"c", b"d")), "early", 10)
        )

    def test_bounds(self) -> None:
        """What is over a bound, or can't be read, is refused; the text names the bound."""
        for query, part in {
            b"status=199": "200 to 599",
            b"status=600": "200 to 599",
            b"status=%31%30%31": "200 to 599",
            b"delay=31": "at most 30 seconds (--max-delay)",
            b"delay=-1": "delay is no duration",
            b"delay=nan": "delay is no duration",
            b"size=1048577": "at most 1048576 bytes (--max-size)",
            b"size=x": "size is no size",
            b"size=99999999999999999999": "size is no size",
            b"close=now": "close is one of early, reset, silent",
            b"chunk=0": "chunk is from 1 to 65536",
            b"chunk=64M": "chunk is from 1 to 65536",
            b"size=1M&chunk=1": "at most 65536 chunks",
            b"status=200&status=201": "given twice",
            b"header=%0d%0aX:1": "NAME:VALUE",
            b"header=a:b%0d%0aX: 1": "NAME:VALUE",
            b"header=a:b%00": "NAME:VALUE",
            b"header=nocolon": "NAME:VALUE",
            b"header=" + b"a:" + b"x" * 4096: "at most 4096 bytes",
            b"&".join([b"header=a:b"] * 21): "more than 20",
        }.items():
            with self.assertRaises(BadOrder) as caught:
                ordered(query, BOUNDS)
            self.assertIn(part, str(caught.exception), query)

    def test_reserved(self) -> None:
        """No order frames our answer, changes what a browser takes it for, or lets another site read it."""
        for name in (
            *("Content-Length", "transfer-encoding", "Connection", "Content-Type", "Set-Cookie", "Date"),
            *("Access-Control-Allow-Origin", "X-Netsuite-Note", "Strict-Transport-Security", "Refresh"),
        ):
            self.assertRaises(BadOrder, ordered, f"header={name}:x".encode(), BOUNDS)

    @given(st.binary(max_size=200))
    @settings(deadline=None, max_examples=100)
    def test_any_bytes(self, query: bytes) -> None:
        """Whatever stands in a query, it is an order or none, and no field of it has a line's end."""
        for text in (query, b"header=" + query, b"status=" + query, b"delay=" + query, b"size=" + query):
            try:
                order = ordered(text, BOUNDS)
            except BadOrder as bad:
                self.assertTrue(str(bad).isprintable())
            else:
                for name, value in order.fields:
                    self.assertFalse(set(b"\r\n\0") & set(name + value))


class AnswerTests(Visiting):
    """What an order makes of an answer."""

    def test_status(self) -> None:
        """The status, with its phrase; those without a body have none."""
        answer = self.reply(ask("status=503"))
        self.assertEqual((answer.status, answer.body[:8]), (503, b"You said"))
        self.assertIn(b" 299 On Order\r\n", self.said(ask("status=299")).value())
        for status in (204, 304):
            answer = self.reply(ask(f"status={status}"), "--http11")
            self.assertEqual(
                (answer.body, answer.field("Content-Length"), answer.field("Content-Type")), (b"", None, None)
            )
        self.assertEqual(self.reply(ask("status=205"), "--http11").field("Content-Length"), "0")

    def test_header(self) -> None:
        """Fields are written as ordered, after ours."""
        answer = self.reply(ask("header=A:b&header=A:c%20d"))
        self.assertEqual([value for name, value in answer.fields if name == "A"], ["b", "c d"])
        self.assertEqual(answer.field("X-Content-Type-Options"), "nosniff")

    def test_refused(self) -> None:
        """A bad order is 400, in words of ours, and in the ring."""
        answer = self.reply(ask("status=999&x=<script>"))
        self.assertEqual((answer.status, answer.body), (400, b"400: status is a number from 200 to 599.\n"))
        self.assertEqual(next(self.hall.ring.newest()).status, 400)

    def test_splitting(self) -> None:
        """No parameter gets a line of its own into our head."""
        for name in ("status", "delay", "size", "header", "close", "chunk", "format", "x"):
            for value in ("%0d%0aEvil:%201", "a:b%0d%0aEvil:1", "a:b%0aEvil:1", "%E5%98%8AEvil:1"):
                head = (
                    self.said(ask(f"{name}={value}"), arguments=("--http11",))
                    .value()
                    .partition(b"\r\n\r\n")[0]
                )
                self.assertNotIn(b"\nevil", head.lower())

    def test_delay(self) -> None:
        """The answer comes after the time; what is asked meanwhile is answered after it."""
        self.open("--http11")
        visitor, wire = self.connect()
        visitor.dataReceived(ask("delay=2s") + ask("n=2") + ask("n=3")[:10])
        visitor.dataReceived(ask("n=3")[10:])
        self.clock.advance(1.9)
        self.assertEqual(wire.value(), b"")
        self.clock.advance(0.2)
        self.assertEqual(wire.value().count(b"HTTP/1.1 200"), 3)
        self.assertLess(wire.value().index(b"delay=2s"), wire.value().index(b"n=2"))

    def test_delay_longer_than_idle(self) -> None:
        """A delay that was ordered is no idleness, and is not counted to the total."""
        self.open("--idle", "5", "--total", "10")
        visitor, wire = self.connect()
        visitor.dataReceived(ask("delay=20"))
        self.clock.pump([1] * 19)
        self.assertEqual(wire.value(), b"")
        self.clock.advance(1)
        self.assertEqual(replied(wire.value()).status, 200)

    def test_gone_while_delayed(self) -> None:
        """A client that leaves costs nothing more; one that only ends its side gets its answers."""
        self.open("--http11")
        visitor, wire = self.connect()
        visitor.dataReceived(ask("delay=2s"))
        visitor.connectionLost()
        self.clock.advance(3)
        self.assertEqual((wire.value(), len(self.hall.ring), len(self.hall.crowd)), (b"", 1, 0))
        visitor, wire = self.connect()
        visitor.dataReceived(ask("delay=2s") + ask("n=2"))
        visitor.readConnectionLost()
        self.clock.advance(3)
        self.assertEqual(wire.value().count(b"HTTP/1.1 200"), 2)
        self.assertTrue(wire.disconnecting)

    def pour(self, data: bytes, *arguments: str) -> tuple[bytes, object]:
        """All that is sent in answer to ``data`` by a client that reads, and its connection."""
        self.open(*arguments)
        visitor, wire = self.connect()
        visitor.dataReceived(data)
        while wire.producer is not None and not wire.streaming:
            wire.producer.resumeProducing()
        return wire.value(), wire

    def test_size(self) -> None:
        """So many bytes of text, in pieces that the client asks for; then the next request is answered."""
        sent, _ = self.pour(ask("size=200000") + ask("n=2"), "--http11")
        first = replied(sent)
        self.assertEqual((len(first.body), first.field("Content-Length")), (200_000, "200000"))
        self.assertIn(b"n=2", replied(first.rest).body)
        self.assertEqual(self.reply(ask("size=0")).body, b"")
        sent, _ = self.pour(ask("size=100", method="HEAD"))
        self.assertEqual(replied(sent, to_head=True).rest, b"")

    def test_chunk(self) -> None:
        """A body in chunks of that size, whole or cut; HTTP/1.0 has none."""
        sent, _ = self.pour(ask("size=25&chunk=10"))
        head, _, body = sent.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK"))
        self.assertIn(b"\r\nTransfer-Encoding: chunked\r\n", head)
        self.assertEqual(body, b"a\r\n0123456789\r\na\r\nabcdefghij\r\n5\r\nklmno\r\n0\r\n\r\n")
        sent, _ = self.pour(ask("size=30&chunk=10&close=early"))
        self.assertEqual(sent.partition(b"\r\n\r\n")[2], b"a\r\n0123456789\r\n5\r\nabcde\r\n")
        self.assertEqual(self.reply(ask("chunk=1", version="1.0")).status, 400)
        sent, _ = self.pour(ask("chunk=7", fields="X: 1\r\n"), "--http11")
        self.assertTrue(sent.endswith(b"0\r\n\r\n"))

    def test_close(self) -> None:
        """Half a body and the end, or a reset, or not a word."""
        sent, wire = self.pour(ask("size=1000&close=early"), "--http11")
        self.assertEqual((len(replied(sent).body), wire.disconnecting), (500, True))  # type: ignore[attr-defined]
        sent, wire = self.pour(ask("size=1000&close=reset"), "--http11")
        self.assertEqual((len(replied(sent).body), wire.is_aborted), (500, True))  # type: ignore[attr-defined]
        sent, wire = self.pour(ask("close=silent"), "--http11")
        self.assertEqual((sent, wire.disconnecting), (b"", True))  # type: ignore[attr-defined]

    def test_reader_that_stops(self) -> None:
        """A client that takes nothing of a long answer is cut off after the idle time."""
        self.open("--idle", "5")
        visitor, wire = self.connect()
        visitor.dataReceived(ask("size=1M"))
        self.clock.pump([1] * 7)
        self.assertTrue(wire.is_aborted)
