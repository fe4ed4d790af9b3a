"""Requests and answers as they pass."""

from __future__ import annotations

from unittest.mock import patch

from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy.route import Rules
from tests.proxy.scripted import HOST, Bench, Recording, request

OK = b"HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\nabc"
VIA = b"Via: 1.1 bench\r\n"


def status(answer: bytes) -> int:
    """Return the status of an answer, 0 for none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


class AnswerTests(SynchronousTestCase):
    """How an answer is framed for the client."""

    def answer(self, told: bytes, asked: bytes | None = None, *, end: bool = False) -> bytes:
        """Return what the client gets for an origin's answer."""
        self.bench = Bench()
        self.bench.ask(asked or request())
        got = self.bench.reply(told)
        if end:
            self.bench.origins[0].end()
            self.bench.settle()
            got += self.bench.client.take()
        return got

    def test_keep_alive(self) -> None:
        """The second request of a client goes out on the connection of the first."""
        self.assertEqual(
            self.answer(OK), b"HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n%b\r\nabc" % VIA
        )
        self.bench.ask(request(b"GET", b"/b"))
        self.assertEqual(len(self.bench.origins), 1)
        self.assertEqual(self.bench.reply(OK)[-3:], b"abc")
        self.assertFalse(self.bench.client.disconnecting)

    def test_date(self) -> None:
        """An answer without Date gets one, once (RFC 9110 §6.6.1)."""
        got = self.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.assertRegex(got, rb"\r\nDate: [A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT\r\n")
        self.assertEqual(self.answer(OK).count(b"Date:"), 1)

    def test_one_write(self) -> None:
        """Head and first bytes of the body leave together."""
        bench = Bench()
        writes: list[bytes] = []
        bench.ask(request())
        with patch.object(bench.client, "write", writes.append):
            bench.reply(OK[:-1])
        self.assertEqual(len(writes), 1)

    def test_chunked(self) -> None:
        """Chunks are made anew, extensions end here, trailers pass."""
        got = self.answer(
            b"HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2;x\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n"
        )
        self.assertEqual(
            got,
            b"HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n%b\r\n"
            b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n" % VIA,
        )

    def test_no_body(self) -> None:
        """HEAD, 204 and 304 end with the head, whatever length they tell, and both sides go on."""
        for method, head in (
            (b"HEAD", b"200 OK\r\nContent-Length: 9"),
            (b"HEAD", b"200 OK\r\nTransfer-Encoding: chunked"),
            (b"GET", b"204 No Content"),
            (b"GET", b"304 Not Modified\r\nContent-Length: 9"),
        ):
            got = self.answer(b"HTTP/1.1 %b\r\n\r\n" % head, request(method))
            self.assertTrue(got.endswith(VIA + b"\r\n"), got)
            self.bench.ask(request())
            self.assertEqual(self.bench.reply(OK)[-3:], b"abc")
            self.assertEqual(len(self.bench.origins), 1)

    def test_old_client(self) -> None:
        """HTTP/1.0 gets no chunks, and the connection closes after the body."""
        got = self.answer(
            b"HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"GET http://%b/ HTTP/1.0\r\n\r\n" % HOST,
        )
        self.assertEqual(got, b"HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\n%b\r\nabc" % VIA)
        self.assertTrue(self.bench.client.gone)

    def test_until_close(self) -> None:
        """A body that ends with the connection is chunked for the client, who stays."""
        got = self.answer(b"HTTP/1.1 200 OK\r\n\r\nabc", end=True)
        self.assertTrue(got.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
        self.assertFalse(self.bench.client.disconnecting)

    def test_interim(self) -> None:
        """1xx is passed on, to HTTP/1.1 only."""
        early = b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
        self.assertTrue(self.answer(early + OK).startswith(early))
        self.assertEqual(status(self.answer(early + OK, b"GET http://%b/ HTTP/1.0\r\n\r\n" % HOST)), 200)

    def test_bad(self) -> None:
        """An answer that is none is 502, and its connection ends."""
        self.assertEqual(status(self.answer(b"SSH-2.0-x\r\n\r\n")), 502)
        self.assertTrue(self.bench.origins[0].aborted)
        self.assertFalse(self.bench.client.disconnecting)

    def test_cut(self) -> None:
        """A body that the origin cuts is cut for the client, and the tap is told."""
        for head in (b"Content-Length: 9\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"):
            got = self.answer(b"HTTP/1.1 200 OK\r\n" + head, end=True)
            self.assertFalse(got.endswith(b"0\r\n\r\n"))
            self.assertTrue(self.bench.client.gone)
            hooks = self.bench.hooks
            assert isinstance(hooks, Recording)
            self.assertEqual([(tap.body, tap.ends) for tap in hooks.taps], [(b"abc", [False])])

    def test_tap(self) -> None:
        """A tap gets the body's bytes without framing, and one end."""
        for told, end in (
            (OK, False),
            (b"HTTP/1.1 200 OK\r\n\r\nabc", True),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", False),
        ):
            self.answer(told, end=end)
            hooks = self.bench.hooks
            assert isinstance(hooks, Recording)
            self.assertEqual([(tap.body, tap.ends) for tap in hooks.taps], [(b"abc", [True])])

    def test_bad_in_the_middle(self) -> None:
        """Chunks that stop making sense are a cut, not an end."""
        got = self.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        got += self.bench.reply(b"zz\r\n")
        self.assertTrue(got.endswith(b"3\r\nabc\r\n"))
        self.assertTrue(self.bench.client.gone and self.bench.origins[0].aborted)

    def test_bad_at_once(self) -> None:
        """Chunks that make no sense from the start, in the head's own piece, are 502."""
        got = self.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        self.assertEqual(status(got), 502)
        hooks = self.bench.hooks
        assert isinstance(hooks, Recording)
        self.assertEqual(hooks.taps[0].ends, [False])

    def test_backpressure(self) -> None:
        """The client's queue pauses the origin while a body passes, and lets go of it afterwards."""
        self.answer(OK[:-1])
        self.assertIs(self.bench.client.producer, self.bench.origins[0])
        self.bench.origins[0].pauseProducing()
        self.bench.reply(OK[-1:])
        self.assertIsNone(self.bench.client.producer)
        self.assertFalse(self.bench.origins[0].paused)

    def test_cut_everywhere(self) -> None:
        """An answer that comes byte by byte gives the client the same bytes."""
        bench = Bench()
        bench.ask(request())
        got = b"".join(bench.reply(OK[at : at + 1]) for at in range(len(OK)))
        self.assertEqual(got, self.answer(OK))


class UploadTests(SynchronousTestCase):
    """A request's body."""

    def test_length(self) -> None:
        """A body of known length passes as it is."""
        bench = Bench()
        bench.ask(request(b"POST", b"/", b"Content-Length: 5") + b"ab")
        bench.ask(b"cde")
        self.assertTrue(bench.seen().endswith(b"\r\n\r\nabcde"))
        self.assertIsNone(bench.origins[0].producer)
        self.assertEqual(bench.reply(OK)[-3:], b"abc")

    def test_chunked(self) -> None:
        """Chunks are made anew, with their trailers."""
        bench = Bench()
        bench.ask(
            request(b"POST", b"/", b"Transfer-Encoding: chunked")
            + b"2;e=1\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n"
        )
        self.assertTrue(bench.seen().endswith(b"\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"))

    def test_waits(self) -> None:
        """While the origin is dialled the client's body is not read."""
        bench = Bench(hold=True)
        bench.ask(request(b"POST", b"/", b"Content-Length: 5") + b"ab")
        self.assertTrue(bench.client.paused)
        bench.answer_dials()
        self.assertFalse(bench.client.paused)
        bench.origins[0].producer.pauseProducing()
        self.assertTrue(bench.client.paused)
        bench.origins[0].producer.resumeProducing()
        self.assertFalse(bench.client.paused)

    def test_bound(self) -> None:
        """A chunked body, whose size no head tells, is bounded too."""
        bench = Bench(rules=Rules(max_body=4))
        asked = request(b"POST", b"/", b"Transfer-Encoding: chunked")
        self.assertEqual(status(bench.ask(asked + b"4\r\nabcd\r\n")), 0)
        self.assertEqual(status(bench.ask(b"1\r\ne\r\n")), 413)
        self.assertTrue(bench.origins[0].aborted)

    def test_bad_chunk(self) -> None:
        """A body that cannot be read is 400, and the origin's connection ends without an end of it."""
        bench = Bench()
        bench.ask(request(b"POST", b"/", b"Transfer-Encoding: chunked"))
        self.assertEqual(status(bench.ask(b"zz\r\n")), 400)
        self.assertTrue(bench.origins[0].aborted and bench.client.gone)
        self.assertFalse(bench.seen().endswith(b"0\r\n\r\n"))

    def test_origin_gone(self) -> None:
        """An origin that leaves in the middle of a body is 502, and the client's connection ends."""
        bench = Bench()
        bench.ask(request(b"POST", b"/", b"Content-Length: 5") + b"ab")
        bench.origins[0].reset()
        bench.settle()
        self.assertEqual(status(bench.client.take()), 502)
        self.assertTrue(bench.client.gone)

    def test_answered_in_the_middle(self) -> None:
        """A body may go on under its answer; both end whole, then the connection closes."""
        bench = Bench()
        bench.ask(request(b"POST", b"/", b"Content-Length: 5") + b"ab")
        got = bench.reply(OK[:-1])
        bench.ask(b"cde")
        self.assertTrue(bench.seen().endswith(b"abcde"))
        self.assertEqual((got + bench.reply(OK[-1:]))[-3:], b"abc")
        self.assertTrue(bench.client.gone)

    def test_client_leaves_in_the_middle(self) -> None:
        """A client that sends FIN before its body's end takes the origin's connection with it."""
        bench = Bench()
        bench.ask(request(b"POST", b"/", b"Content-Length: 5") + b"ab")
        bench.client.protocol.readConnectionLost()
        bench.settle()
        self.assertTrue(bench.client.gone and bench.origins[0].aborted)

    def test_expect(self) -> None:
        """A client that waits for 100 gets the origin's, and then sends."""
        bench = Bench()
        bench.ask(request(b"POST", b"/", b"Content-Length: 5", b"Expect: 100-continue"))
        self.assertIn(b"\r\nExpect: 100-continue\r\n", bench.seen())
        self.assertEqual(status(bench.reply(b"HTTP/1.1 100 Continue\r\n\r\n")), 100)
        bench.ask(b"abcde")
        self.assertEqual(bench.seen(), b"abcde")
        self.assertEqual(status(bench.reply(OK)), 200)

    def test_early_answer_is_read(self) -> None:
        """After an answer before the body's end the client's connection outlives the origin's."""
        bench = Bench()
        bench.ask(request(b"POST", b"/", b"Content-Length: 5") + b"ab")
        bench.origins[0].feed(OK)
        bench.origins[0].end()
        self.assertTrue(bench.client.half_closed)
        self.assertFalse(bench.client.disconnecting)

    def test_early_answer(self) -> None:
        """An answer before the body's end closes both connections."""
        bench = Bench()
        bench.ask(request(b"POST", b"/", b"Content-Length: 5") + b"ab")
        self.assertIn(b"\r\nConnection: close\r\n", bench.reply(OK))
        self.assertTrue(bench.client.gone and bench.origins[0].gone)


class PipelineTests(SynchronousTestCase):
    """Several requests at once."""

    def test_order(self) -> None:
        """One is asked after the other is answered."""
        bench = Bench()
        bench.ask(request(b"GET", b"/1") + request(b"GET", b"/2"))
        self.assertEqual(bench.seen().count(b"GET "), 1)
        bench.reply(OK)
        self.assertTrue(bench.seen().startswith(b"GET /2 "))
        self.assertEqual(status(bench.reply(OK)), 200)

    def test_after_body(self) -> None:
        """What lies past a body is the next request."""
        bench = Bench()
        bench.ask(request(b"POST", b"/1", b"Content-Length: 2") + b"ab" + request(b"GET", b"/2"))
        self.assertTrue(bench.seen().endswith(b"\r\n\r\nab"))
        bench.reply(OK)
        self.assertTrue(bench.seen().startswith(b"GET /2 "))

    def test_half_closed(self) -> None:
        """A client that has sent its FIN gets the answers to all that it asked, then the close."""
        bench = Bench()
        bench.ask(request(b"GET", b"/1") + request(b"GET", b"/2"))
        bench.client.protocol.readConnectionLost()
        self.assertEqual(status(bench.reply(OK)), 200)
        self.assertFalse(bench.client.gone)
        self.assertEqual(status(bench.reply(OK)), 200)
        self.assertTrue(bench.client.gone)

    def test_fin_keeps_what_is_queued(self) -> None:
        """A FIN after the answer closes the connection without forgetting what is queued."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK)
        bench.client.protocol.readConnectionLost()
        self.assertTrue(bench.client.disconnecting and not bench.client.aborted)

    def test_many_refused(self) -> None:
        """A thousand requests that are refused at once are each answered."""
        got = Bench().ask(request(host=b"10.0.0.1") * 1000)
        self.assertEqual(got.count(b"HTTP/1.1 403 "), 1000)

    def test_waiting_is_bounded(self) -> None:
        """A client that sends on and on is not read until its answer is sent."""
        bench = Bench()
        bench.ask(request() + b"x" * 70000)
        bench.ask(b"x")
        self.assertTrue(bench.client.paused)


class FailureTests(SynchronousTestCase):
    """What goes wrong on the way."""

    def test_refused(self) -> None:
        """An origin that takes no connection is 502; the client stays."""
        bench = Bench(hold=True)
        bench.ask(request())
        bench.fail_dial(ConnectionRefusedError())
        self.assertEqual(status(bench.client.take()), 502)
        self.assertFalse(bench.client.gone)

    def test_guard(self) -> None:
        """A private address is 403, our own 508; neither is dialled."""
        bench = Bench()
        self.assertEqual(status(bench.ask(request(host=b"10.0.0.1"))), 403)
        self.assertEqual(status(bench.ask(request(host=b"127.0.0.1:8001"))), 508)
        self.assertEqual(bench.origins, [])

    def test_loop(self) -> None:
        """A request that passed here before is 508."""
        bench = Bench()
        self.assertEqual(status(bench.ask(request(b"GET", b"/", b"Via: 1.1 bench"))), 508)
        self.assertEqual(bench.origins, [])

    def test_stale(self) -> None:
        """A kept connection that ends before a byte of answer: GET is asked once more, once."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK)
        bench.ask(request(b"GET", b"/b"))
        bench.origins[0].reset()
        bench.settle()
        self.assertEqual(len(bench.origins), 2)
        self.assertTrue(bench.seen().startswith(b"GET /b "))
        bench.origins[1].reset()
        bench.settle()
        self.assertEqual(status(bench.client.take()), 502)
        self.assertEqual(len(bench.origins), 2)

    def test_stale_post(self) -> None:
        """POST is never asked again, nor is what got a 1xx."""
        for method, told in ((b"POST", b""), (b"GET", b"HTTP/1.1 103 Hints\r\n\r\n")):
            bench = Bench()
            bench.ask(request())
            bench.reply(OK)
            bench.ask(request(method, b"/b"))
            bench.reply(told) if told else None
            bench.origins[0].reset()
            bench.settle()
            self.assertEqual(status(bench.client.take()), 502)
            self.assertEqual(len(bench.origins), 1)

    def test_client_gone(self) -> None:
        """A client that leaves ends its origin's connection, also one being made."""
        bench = Bench(hold=True)
        bench.ask(request())
        bench.client.end()
        bench.hold = False
        bench.settle()
        self.assertEqual(bench.origins, [])
        bench = Bench()
        bench.ask(request())
        bench.client.reset()
        self.assertTrue(bench.origins[0].aborted)


SMUGGLED = [
    request(b"POST", b"/", *lines) + b"0\r\n\r\n"
    for lines in (
        (b"Content-Length: 3", b"Transfer-Encoding: chunked"),
        (b"Content-Length: 3", b"Content-Length: 4"),
        (b"Content-Length: 3, 4",),
        (b"Content-Length: +3",),
        (b"Content-Length : 3",),
        (b"Content-Length: -1",),
        (b"Transfer-Encoding: xchunked",),
        (b"Transfer-Encoding : chunked",),
        (b"Transfer-Encoding: chunked, identity",),
        (b"Host: other.example",),
        (b"X: a\nTransfer-Encoding: chunked",),
        (b"X: a", b" folded"),
    )
]


class SmugglingTests(SynchronousTestCase):
    """Messages with two readings."""

    def test_refused(self) -> None:
        """Each is refused, the connection closes, and no origin hears of it."""
        for message in SMUGGLED:
            bench = Bench()
            self.assertIn(status(bench.ask(message + request())), (400, 501), message)
            self.assertTrue(bench.client.gone)
            self.assertEqual(bench.clock.tcpClients, [])

    def test_cut_everywhere(self) -> None:
        """A request cut anywhere gives the origin the same bytes."""
        for message in (
            request(b"GET", b"/a?b", b"Accept: */*", b"Connection: close"),
            request(b"POST", b"/", b"Content-Length: 5") + b"abcde",
            request(b"POST", b"/", b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\nX: y\r\n\r\n",
        ):
            whole = payload(message, 0)
            for at in range(1, len(message)):
                self.assertEqual(payload(message, at), whole, at)


def payload(message: bytes, at: int) -> tuple[bytes, bytes]:
    """Return head and un-chunked rest as the origin gets them from a message cut at ``at``."""
    bench = Bench()
    for piece in (message[:at], message[at:]):
        if piece:
            bench.ask(piece)
    head, _, body = bench.seen().partition(b"\r\n\r\n")
    if b"chunked" in head:
        data, body = body, b""
        while not data.startswith(b"0\r\n"):
            size, _, data = data.partition(b"\r\n")
            body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]
        body += data
    return head, body
