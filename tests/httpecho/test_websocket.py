"""The WebSocket echo (RFC 6455), against wsproto as a client and against bytes that no client should send."""

from __future__ import annotations

import builtins
import struct
from typing import Any

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from tests.httpecho.visiting import Visiting, Wire, replied

#: The handshake of RFC 6455 §1.3.
SHAKE = (
    b"GET /_ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A frame as a client sends it."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes((opcode | (0x80 if fin else 0),)) + length + b"\0\0\0\0" + payload


class Talking(Visiting):
    """A test with a WebSocket that is open."""

    def talk(self, *arguments: str) -> None:
        """Shake hands."""
        self.open(*arguments)
        self.visitor, self.wire = self.connect()
        self.visitor.dataReceived(SHAKE)
        self.assertTrue(self.wire.value().startswith(b"HTTP/1.1 101 Switching Protocols\r\n"))
        self.client = Connection(ConnectionType.CLIENT)
        self.wire.clear()

    def send(self, *events: Event) -> list[Event]:
        """What comes back for these events."""
        self.visitor.dataReceived(b"".join(self.client.send(event) for event in events))
        return self.got()

    def got(self) -> list[Event]:
        """What came since last asked for."""
        self.client.receive_data(self.wire.value())
        self.wire.clear()
        return list(self.client.events())


class ShakeTests(Visiting):
    """The opening."""

    def test_accept(self) -> None:
        """The key of the RFC has the answer of the RFC, without --http11 too; the request is remembered."""
        answer = replied(self.said(SHAKE).value())
        self.assertEqual((answer.version, answer.status), ("HTTP/1.1", 101))
        self.assertEqual(answer.field("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        self.assertEqual(next(self.hall.ring.newest()).status, 101)

    def test_any_cut(self) -> None:
        """However the handshake and the first message are cut, the message comes back."""
        data = SHAKE + masked(1, b"hello")
        for cut in range(1, len(data)):
            wire: Wire = self.said(data[:cut], data[cut:])
            self.assertTrue(wire.value().endswith(b"\x81\x05hello"), cut)

    def test_refused(self) -> None:
        """What is no handshake is told what is missing."""
        for old, new, status, field in (
            (b"Upgrade: websocket\r\n", b"", 426, "Upgrade"),
            (b"Upgrade: websocket", b"Upgrade: h2c", 426, "Upgrade"),
            (b"HTTP/1.1", b"HTTP/1.0", 426, "Upgrade"),
            (b"GET", b"POST", 426, "Upgrade"),
            (b"Version: 13", b"Version: 8", 426, "Sec-WebSocket-Version"),
            (b"dGhlIHNhbXBsZSBub25jZQ==", b"c2hvcnQ=", 400, None),
            (b"dGhlIHNhbXBsZSBub25jZQ==", b"!!!", 400, None),
        ):
            answer = self.reply(SHAKE.replace(old, new))
            self.assertEqual(answer.status, status, new)
            if field is not None:
                self.assertIsNotNone(answer.field(field), new)

    def test_without_the_extra(self) -> None:
        """Without wsproto the refusal names the extra."""
        plain_import = builtins.__import__

        def lacking(name: str, *told: Any, **named: Any) -> Any:
            if name == "netsuite.httpecho.websocket":
                raise ImportError(name)
            return plain_import(name, *told, **named)

        self.patch(builtins, "__import__", lacking)
        answer = self.reply(SHAKE)
        self.assertEqual(answer.status, 501)
        self.assertIn(b"netsuite[websocket]", answer.body)


class TalkTests(Talking):
    """Messages."""

    def test_text_and_binary(self) -> None:
        """Each comes back as what it was, also when it came in fragments with a ping between."""
        self.talk()
        self.assertEqual(self.send(TextMessage("grüß")), [TextMessage("grüß")])
        self.assertEqual(self.send(BytesMessage(b"\0\xff")), [BytesMessage(bytearray(b"\0\xff"))])
        found = self.send(TextMessage("ab", message_finished=False), Ping(b"p"), TextMessage("cd"))
        self.assertEqual(found, [Pong(b"p"), TextMessage("abcd")])
        self.assertEqual(self.send(TextMessage("")), [TextMessage("")])

    def test_close(self) -> None:
        """A close is answered with its code, and the connection ends."""
        self.talk()
        self.assertEqual(self.send(CloseConnection(1000, "bye")), [CloseConnection(1000, "bye")])
        self.assertTrue(self.wire.has_fin)
        self.talk()
        self.visitor.dataReceived(masked(8, b""))
        self.assertEqual(self.wire.value()[:1], b"\x88")

    def test_longest(self) -> None:
        """A message of --max-body comes back; one byte more is 1009, in one frame or in many."""
        self.talk("--max-body", "1000")
        self.assertEqual(self.send(BytesMessage(b"x" * 1000)), [BytesMessage(bytearray(b"x" * 1000))])
        self.assertEqual(getattr(self.send(BytesMessage(b"x" * 1001))[0], "code", None), 1009)
        self.talk("--max-body", "1000")
        pieces = [BytesMessage(b"x" * 100, message_finished=False)] * 11
        self.assertEqual([getattr(event, "code", None) for event in self.send(*pieces)], [1009])

    def test_wrong_frames(self) -> None:
        """What the RFC forbids ends the connection with the code that it names, and no traceback."""
        for frame, code in {
            b"\x81\x05hello": 1002,  # §5.1: not masked
            masked(3, b""): 1002,  # an opcode that is none
            bytes((0xC1,)) + masked(1, b"a")[1:]: 1002,  # a reserved bit, with no extension
            masked(0, b"a"): 1002,  # goes on with nothing
            masked(9, b"", fin=False): 1002,  # a control frame in pieces
            masked(9, b"x" * 126): 1002,  # a long one
            masked(1, b"\xff"): 1007,  # no UTF-8
            masked(1, b"\xc0\xaf"): 1007,  # overlong
            masked(8, b"\x03"): 1002,  # half a code
            masked(8, struct.pack("!H", 1005)): 1002,  # a code that is never sent
            masked(1, b"a", fin=False) + masked(1, b"b"): 1002,  # a message within one
            b"\x82\xff" + b"\xff" * 8 + b"\0\0\0\0": 1002,  # a length past 2**63
        }.items():
            self.talk()
            for byte in frame:
                self.visitor.dataReceived(bytes((byte,)))
            closes = [event for event in self.got() if isinstance(event, CloseConnection)]
            self.assertEqual([int(event.code) for event in closes], [code], frame)
            self.assertTrue(self.wire.has_fin)

    def test_never_ending_fragments(self) -> None:
        """Empty fragments without end take no memory."""
        self.talk()
        self.visitor.dataReceived(masked(1, b"", fin=False))
        for _ in range(100):
            self.visitor.dataReceived(masked(0, b"", fin=False) * 100)
        self.visitor.dataReceived(masked(0, b"x"))
        self.assertEqual(self.got(), [TextMessage("x")])

    def test_idle_and_stop(self) -> None:
        """A silent one ends with 1001 after the idle time; so do all when the service stops."""
        self.talk("--idle", "5")
        self.clock.pump([1] * 6)
        self.assertEqual([getattr(event, "code", None) for event in self.got()], [1001])
        self.talk()
        self.visitor.drain()
        self.assertEqual([getattr(event, "code", None) for event in self.got()], [1001])

    def test_client_that_does_not_read(self) -> None:
        """A client that takes nothing is not read."""
        self.talk()
        self.visitor.pauseProducing()
        self.assertEqual(self.wire.producerState, "paused")
        self.visitor.resumeProducing()
        self.assertEqual(self.wire.producerState, "producing")
