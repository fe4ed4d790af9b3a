"""Malformed requests are answered, with a note of what is wrong; limits are told with their status."""

from __future__ import annotations

from tests.httpecho.visiting import Visiting, replied

GOOD = b"GET / HTTP/1.1\r\nHost: a\r\n"

#: What comes, and what of it has to be in the note.
MALFORMED = {
    b"GET / HTTP/1.1\nHost: a\n\n": "a line ends with LF alone",
    b"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n": "a line ends with LF alone",
    GOOD + b"X : 1\r\n\r\n": "white space before a field's colon",
    GOOD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n": "more than one Content-Length, unlike",
    GOOD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n": "more than one Content-Length, alike",
    GOOD + b"Content-Length: +1\r\n\r\n": "Content-Length is no number",
    GOOD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": "both Content-Length and Transfer-",
    GOOD + b"Transfer-Encoding: xchunked\r\n\r\n": "a Transfer-Encoding that is not",
    GOOD + b"Transfer-Encoding: gzip, chunked\r\n\r\n": "a transfer coding other than chunked",
    GOOD + b"Transfer-Encoding:\tchunked\r\n\r\n": "a tab beside",
    b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n": "Transfer-Encoding in HTTP/1.0",
    GOOD + b"X: 1\r\n folded\r\n\r\n": "a folded line",
    GOOD + b"X: a\rb\r\n\r\n": "a CR without its LF",
    GOOD + b"X: a\0b\r\n\r\n": "a NUL",
    GOOD + b"X: a\x1bb\r\n\r\n": "a control character",
    GOOD + b"nonsense\r\n\r\n": "a field line without a colon",
    GOOD + b": 1\r\n\r\n": "a field without a name",
    GOOD + b"X(): 1\r\n\r\n": "a field name that is no token",
    b"GET / HTTP/1.1\r\nX: 1\r\n\r\n": "no Host",
    GOOD + b"Host: b\r\n\r\n": "more than one Host",
    b"GET / HTTP/2.0\r\nHost: a\r\n\r\n": "a version other than",
    b"GET /\r\n\r\n": "a malformed request line",
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n": "a malformed request line",
    b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n": "a request line that is not ASCII",
    b"\r\n\r\n" + GOOD + b"\r\n": "a malformed request line",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\n\n": "a malformed request line",
}


class MalformedTests(Visiting):
    """The corpus of what is wrong."""

    def test_echoed_with_a_note(self) -> None:
        """Each is echoed byte by byte, with status 200 and the note; then the connection ends, lingering."""
        for data, note in MALFORMED.items():
            wire = self.said(data, arguments=("--http11",))
            answer = replied(wire.value())
            self.assertEqual(answer.status, 200, data)
            self.assertIn(note, answer.field("X-Netsuite-Note") or "", data)
            self.assertIn(data.rstrip(b"\r\n"), answer.body)
            self.assertTrue(wire.has_fin or wire.disconnecting)
            self.assertEqual(self.hall.malformed, 1)

    def test_strict(self) -> None:
        """With --strict the status says what they deserve: a 400, or its kin."""
        for data in MALFORMED:
            self.assertIn(self.reply(data, "--strict").status, (400, 501, 505), data)
        self.assertEqual(self.reply(GOOD + b"X : 1\r\n\r\n", "--strict").status, 400)

    def test_any_cut(self) -> None:
        """However a malformed head is cut, the answer is the same."""
        for data in MALFORMED:
            whole = self.reply(data, "--http11")
            for cut in range(1, len(data)):
                wire = self.said(data[:cut], data[cut:], arguments=("--http11",))
                found = replied(wire.value())
                self.assertEqual(
                    (found.body, found.field("X-Netsuite-Note")),
                    (whole.body, whole.field("X-Netsuite-Note")),
                    (data, cut),
                )

    def test_nothing_else_is_answered(self) -> None:
        """What follows a malformed head is no request: it is dropped, and a smuggled one has no answer."""
        smuggled = (
            GOOD + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        wire = self.said(smuggled, b"GET /more HTTP/1.1\r\nHost: a\r\n\r\n", arguments=("--http11",))
        self.assertEqual(wire.value().count(b"HTTP/1.1 200 OK"), 1)
        self.assertEqual(len(self.hall.ring), 1)

    def test_all_faults(self) -> None:
        """The note has every fault, once, and nothing that the client sent."""
        data = b"GET / HTTP/1.1\r\nHost : evil\r\nHost : evil\r\nContent-Length: x\n\n"
        note = self.reply(data).field("X-Netsuite-Note") or ""
        for part in ("LF alone", "before a field's colon", "more than one Host", "no number"):
            self.assertEqual(note.count(part), 1, note)
        self.assertNotIn("evil", note)

    def test_head_cut_short(self) -> None:
        """What came of a head that ends with the connection is echoed too."""
        self.open()
        visitor, wire = self.connect()
        visitor.dataReceived(b"GET / HTTP/1.0\r\nX: 1")
        visitor.readConnectionLost()
        answer = replied(wire.value())
        self.assertIn("ended within the head", answer.field("X-Netsuite-Note") or "")
        self.assertTrue(answer.body.endswith(b"X: 1"))
        visitor, wire = self.connect()
        visitor.readConnectionLost()
        self.assertEqual((wire.value(), wire.disconnecting), (b"", True))

    def test_bad_chunks(self) -> None:
        """A chunked body that is wrong is told as such, shown as sent, and ends the connection."""
        head = GOOD.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n"
        for frames in (
            b"zz\r\n",
            b"3\r\nabcX\r\n0\r\n\r\n",
            b"3\nabc\n",
            b"-1\r\n",
            b"1;\0\r\n",
            b"f" * 17 + b"\r\n",
        ):
            for cut in range(1, len(frames)):
                wire = self.said(head, frames[:cut], frames[cut:], arguments=("--http11", "--body"))
                answer = replied(wire.value())
                self.assertTrue(answer.field("X-Netsuite-Note"), frames)
                self.assertEqual(answer.field("Connection"), "close")
                self.assertIn(frames[: cut + 1].rstrip(b"\r\n")[:1], answer.body)


class LimitTests(Visiting):
    """Heads that are too large, too many or too slow have an answer, not a dropped connection."""

    def test_target(self) -> None:
        """A target over --max-line is 414, as soon as that is certain."""
        for pieces in (
            [b"GET /" + b"x" * 300 + b" HTTP/1.1\r\nHost: a\r\n\r\n"],
            [b"GET /" + b"x" * 300],
            [b"GET /", *[b"x"] * 300],
        ):
            answer = replied(self.said(*pieces, arguments=("--max-line", "100")).value())
            self.assertEqual(answer.status, 414)

    def test_head(self) -> None:
        """A head over --max-head is 431, whole or endless."""
        for end in (b"\r\n\r\n", b""):
            head = GOOD + b"X: " + b"x" * 2000 + end
            self.assertEqual(self.reply(head, "--max-head", "1024").status, 431)
        self.assertEqual(self.reply(b"\r\n" * 2000, "--max-head", "1024").status, 431)
        self.assertEqual(
            self.reply(GOOD + b"X: " + b"x" * 900 + b"\r\n\r\n", "--max-head", "1024").status, 200
        )

    def test_fields(self) -> None:
        """More fields than --max-fields are 431."""
        self.assertEqual(self.reply(GOOD + b"X: 1\r\n" * 4 + b"\r\n", "--max-fields", "4").status, 431)
        self.assertEqual(self.reply(GOOD + b"X: 1\r\n" * 3 + b"\r\n", "--max-fields", "4").status, 200)

    def test_slow_head(self) -> None:
        """A head that takes too long is 408, however often a byte of it comes."""
        self.open("--head-time", "5")
        visitor, wire = self.connect()
        for byte in b"GET / HTTP/1.1\r\nHo":
            visitor.dataReceived(bytes((byte,)))
            self.clock.advance(1)
            if wire.value():
                break
        self.assertEqual(replied(wire.value()).status, 408)
        self.assertLess(self.clock.seconds(), 8)

    def test_slow_body(self) -> None:
        """A body that stops, or drips beyond --total, is 408."""
        head = GOOD.replace(b"GET", b"POST") + b"Content-Length: 1000\r\n\r\n"
        for drips in (False, True):
            self.open("--body", "--idle", "5", "--total", "20")
            visitor, wire = self.connect()
            visitor.dataReceived(head)
            for _ in range(25):
                self.clock.advance(1)
                if drips and not wire.value():
                    visitor.dataReceived(b"x")
            self.assertEqual(replied(wire.value()).status, 408)
            self.assertTrue(wire.is_aborted or wire.has_fin)

    def test_idle(self) -> None:
        """A silent connection ends without a word, before and between requests; line ends are silence."""
        for data in (b"", b"\r\n", GOOD + b"\r\n"):
            self.open("--http11", "--idle", "5")
            visitor, wire = self.connect()
            if data:
                visitor.dataReceived(data)
            wire.clear()
            self.clock.pump([1] * 7)
            self.assertEqual((wire.value(), wire.disconnecting), (b"", True))

    def test_lingering_ends(self) -> None:
        """A client that was told no and sends on is cut off, by time and by bytes."""
        for sends in (b"", b"x" * 65536):
            self.open()
            visitor, wire = self.connect()
            visitor.dataReceived(GOOD + b"X : 1\r\n\r\n")
            self.assertTrue(wire.has_fin)
            for _ in range(80):
                if wire.disconnecting or wire.is_aborted:
                    break
                if sends:
                    visitor.dataReceived(sends)
                else:
                    self.clock.advance(1)
            self.assertTrue(wire.disconnecting or wire.is_aborted)

    def test_crowd(self) -> None:
        """Who is one too many is told so with 503."""
        self.open("--max-clients", "1")
        visitor, _ = self.connect()
        visitor.dataReceived(b"GET")  # busy, so that it doesn't give way
        _, wire = self.connect("127.0.0.2")
        answer = replied(wire.value())
        self.assertEqual((answer.status, answer.field("Retry-After")), (503, "5"))

    def test_fault_of_ours(self) -> None:
        """A bug ends one connection with 500 and a number; the log has it under that number."""
        self.open("--http11")

        def broken(*told: object, **named: object) -> None:
            raise RuntimeError("planted")

        self.patch(self.hall.ring, "add", broken)
        visitor, wire = self.connect()
        visitor.dataReceived(GOOD + b"\r\n")
        self.assertEqual(replied(wire.value()).status, 500)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
