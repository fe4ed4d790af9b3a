"""The WebSocket echo: each message comes back as it was, text or binary, up to a bound (RFC 6455).

The frames are wsproto's, which checks masks, opcodes, lengths and UTF-8; no extension is agreed on, so that
nothing is ever decompressed.  Only with the extra ``[websocket]``.
"""

from __future__ import annotations

import base64
import binascii

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, generate_accept_token

from netsuite.http1.fields import split_list
from netsuite.http1.head import RequestHead
from netsuite.httpecho.desk import Desk
from netsuite.httpecho.errand import Errand
from netsuite.httpecho.hall import Hall
from netsuite.httpecho.seat import Seat

#: Longest reason in a close frame: 125 bytes with its code (RFC 6455 §5.5).
_REASON_MAX = 120


def open_talk(hall: Hall, desk: Desk, seat: Seat, errand: Errand, head: RequestHead, data: bytes) -> bytes:
    """Shake hands, or say why not; return what is past the request.  Source: RFC 6455 §4.2."""
    table = head.combined
    offered = head.upgrade is not None and b"websocket" in split_list(head.upgrade)
    if not offered or head.method != b"GET":
        return _no(desk, seat, errand, 426, "this path is a WebSocket", (b"Upgrade", b"websocket"))
    if table.get(b"sec-websocket-version") != b"13":
        return _no(desk, seat, errand, 426, "only version 13 is spoken", (b"Sec-WebSocket-Version", b"13"))
    key = table.get(b"sec-websocket-key", b"")
    if not _is_key(key) or head.chunked or head.length:
        desk.refuse(seat, 400, "Sec-WebSocket-Key is no base64 of 16 bytes, or there is a body", errand.raw)
        return b""
    fields = (
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Accept", generate_accept_token(key)),
    )
    answer = hall.heads.written(101, b"", None, is_11=True, close=False, fields=fields)
    seat.transport.write(answer)
    errand.status = 101
    if not hall.visits.is_off:
        desk.log(seat, errand.raw, head, 101, 0)
    desk.forget(seat, errand)
    seat.receive(Talk(seat, hall.settings.max_body), data)
    return b""


def _no(desk: Desk, seat: Seat, errand: Errand, status: int, why: str, field: tuple[bytes, bytes]) -> bytes:
    desk.refuse(seat, status, why, errand.raw, fields=(field,))
    return b""


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


class Talk:
    """A WebSocket.  ``most``: bytes of the longest message."""

    def __init__(self, seat: Seat, most: int) -> None:
        self._seat, self._most = seat, most
        self._frames = Connection(ConnectionType.SERVER)
        self._held = bytearray()
        self._is_over = False

    def received(self, data: bytes) -> None:
        """Frames, or pieces of some."""
        if self._is_over:
            return
        self._seat.touch()
        self._frames.receive_data(data)
        for event in self._frames.events():
            if isinstance(event, TextMessage | BytesMessage):
                self._take(event)
            elif isinstance(event, Ping):
                self._seat.transport.write(self._frames.send(event.response()))
            elif isinstance(event, CloseConnection):
                self._close(_code(event.code), event.reason or "")
            if self._is_over:
                return

    def _take(self, message: TextMessage | BytesMessage) -> None:
        """A piece of a message; a whole one goes back."""
        is_text = isinstance(message, TextMessage)
        self._held += message.data.encode() if isinstance(message, TextMessage) else message.data
        if len(self._held) > self._most:
            self._close(CloseReason.MESSAGE_TOO_BIG, f"a message has at most {self._most} bytes")
        elif message.message_finished:
            whole = TextMessage(self._held.decode()) if is_text else BytesMessage(bytes(self._held))
            self._held.clear()
            self._seat.transport.write(self._frames.send(whole))

    def _close(self, code: int, why: str) -> None:
        self._is_over = True
        try:
            closing = self._frames.send(
                CloseConnection(code, why.encode()[:_REASON_MAX].decode("utf-8", "ignore"))
            )
        except LocalProtocolError:  # it was closed from both sides already
            closing = b""
        self._seat.transport.write(closing)
        self._seat.part()

    def overdue(self) -> None:
        """Nothing came for the idle time."""
        self._close(CloseReason.GOING_AWAY, "idle for too long")

    def drain(self) -> None:
        """The service stops."""
        self._close(CloseReason.GOING_AWAY, "the service stops")

    def full(self, is_full: bool) -> None:
        """A client that doesn't read is not read."""
        if is_full:
            self._seat.transport.pauseProducing()
        else:
            self._seat.transport.resumeProducing()

    def lost(self) -> None:
        """The connection is gone."""
        self._is_over = True


def _code(code: int | None) -> int:
    """What a close is answered with: its own code; 1005, "none", is never sent (RFC 6455 §7.4.1)."""
    if code is None or code in (CloseReason.NO_STATUS_RCVD, CloseReason.ABNORMAL_CLOSURE):
        return CloseReason.NORMAL_CLOSURE
    return code
