"""Long answers: made piece by piece as the connection takes them, so that none is ever whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

#: Bytes of a piece, about.
PIECE = 64 * 1024

_LINE = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.\n"
_FILLER = _LINE * (PIECE // len(_LINE))


def filler(size: int) -> Iterator[bytes]:
    """So many bytes of text, in pieces."""
    for at in range(0, size, len(_FILLER)):
        yield _FILLER[: min(len(_FILLER), size - at)]


def pieces_of(body: bytes) -> Iterator[bytes]:
    """The body, in pieces."""
    for at in range(0, len(body), PIECE):
        yield body[at : at + PIECE]


def chunked(pieces: Iterator[bytes], size: int, *, ends: bool = True) -> Iterator[bytes]:
    """The pieces in chunks of ``size`` bytes (RFC 9112 §7.1); without its last chunk if it doesn't end."""
    held = b""
    for piece in pieces:
        held += piece
        whole = len(held) - len(held) % size
        if whole:
            yield b"".join([b"%x\r\n%b\r\n" % (size, held[at : at + size]) for at in range(0, whole, size)])
            held = held[whole:]
    last = b"%x\r\n%b\r\n" % (len(held), held) if held else b""
    if ends:
        last += b"0\r\n\r\n"
    if last:
        yield last


def up_to(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The first ``size`` bytes."""
    for piece in pieces:
        if len(piece) >= size:
            yield piece[:size]
            return
        size -= len(piece)
        yield piece


@implementer(IPullProducer)
class Pouring:
    """Sends pieces; ``on_piece`` is called at each, ``on_end`` after the last, never if the client leaves."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        transport: Any,
        on_piece: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._pieces, self._transport = pieces, transport
        self._on_piece, self._on_end = on_piece, on_end

    def resumeProducing(self) -> None:
        """The connection takes a piece more."""
        piece = next(self._pieces, None)
        if piece is None:
            self._transport.unregisterProducer()
            self._on_end()
        else:
            self._on_piece()
            self._transport.write(piece)

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._pieces = iter(())
