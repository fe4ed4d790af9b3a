"""Content-Encoding undone piece by piece as it comes, never past a bound (RFC 9110 §8.4).

``words.coding`` does the same for a body that is there whole; here nothing is held.  Each step is asked for
at most ``SLICE`` bytes at a time, so that a bomb is found before it is made; the bounds hold for each step of
stacked codings.  A body that ends before its coding does is cut short; what follows the end is ignored unless
it begins a further gzip member or zstd frame.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import brotli

from netsuite.outcome import Failed
from netsuite.words.coding import CODINGS_MAX, MEMBERS_MAX, RATIO_FLOOR, SLICE, ZSTD_WINDOW_LOG

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: How much larger a body may become, unless it stays below ``RATIO_FLOOR``.
RATIO_MAX = 200

#: What we say that we can undo.
ACCEPTED = b"gzip, deflate, br, zstd"

_RAW_DEFLATE, _ZLIB, _GZIP = -15, 15, 31


class _Step(Protocol):
    """Undoes one coding.  ``feed`` raises ``zlib.error`` and its kin; ``whole``: its end has come."""

    @property
    def whole(self) -> bool: ...

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Inflate:
    """gzip, member after member (RFC 1952 §2.2), or deflate with zlib's frame or without."""

    def __init__(self, wbits: int) -> None:
        self._wbits, self._stream = wbits, zlib.decompressobj(wbits)
        self._held = b""  # what may begin a further member, or tell deflate's two forms apart
        self._members = 0

    @property
    def whole(self) -> bool:
        return self._stream.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof or not self._members:
                data = self._held + data
                self._held = b""
                if len(data) < 2:
                    self._held = data
                    return
                if not self._begin(data):
                    return
            made = self._stream.decompress(data, SLICE)
            if made:
                yield made
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            while not data and not self._stream.eof and len(made) == SLICE:  # it may hold more
                made = self._stream.decompress(b"", SLICE)
                if made:
                    yield made

    def _begin(self, data: bytes) -> bool:
        """Return whether a member begins with ``data``, its first two bytes at least."""
        if self._members and (self._wbits != _GZIP or data[:2] != b"\x1f\x8b"):
            return False
        self._members += 1
        if self._members > MEMBERS_MAX:
            raise Failed("limit", f"more than {MEMBERS_MAX} gzip members", detail="decompression")
        if self._wbits == _ZLIB and (data[0] & 15 != 8 or (data[0] << 8 | data[1]) % 31):  # RFC 1950 §2.2
            self._wbits = _RAW_DEFLATE  # what some servers send instead
        self._stream = zlib.decompressobj(self._wbits)
        return True


class _Brotli:
    """br (RFC 7932)."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def whole(self) -> bool:
        return bool(self._stream.is_finished())

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self.whole:
            return
        made = self._stream.process(data, output_buffer_limit=SLICE)
        while made or not self._stream.can_accept_more_data():
            yield made
            if self.whole:
                return
            made = self._stream.process(b"", output_buffer_limit=SLICE)


class _Zstd:
    """zstd, frame after frame (RFC 8878 §3.1)."""

    def __init__(self) -> None:
        self._frame = self._new()
        self._frames = 1
        self._held = b""  # what may begin a further frame

    @staticmethod
    def _new() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})

    @property
    def whole(self) -> bool:
        return bool(self._frame.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._frame.eof:
                data = self._held + data
                self._held = b""
                if len(data) < 4:
                    self._held = data
                    return
                if data[1:4] not in (b"\xb5\x2f\xfd", b"\x2a\x4d\x18"):
                    return
                self._frames += 1
                if self._frames > MEMBERS_MAX:
                    raise Failed("limit", f"more than {MEMBERS_MAX} zstd frames", detail="decompression")
                self._frame = self._new()
            made = self._frame.decompress(data, max_length=SLICE)
            while True:
                if made:
                    yield made
                if self._frame.eof or self._frame.needs_input:
                    break
                made = self._frame.decompress(b"", max_length=SLICE)
            data = self._frame.unused_data if self._frame.eof else b""


_STEPS: dict[str, Callable[[], _Step]] = {
    "gzip": lambda: _Inflate(_GZIP),
    "x-gzip": lambda: _Inflate(_GZIP),
    "deflate": lambda: _Inflate(_ZLIB),
    "br": _Brotli,
    "zstd": _Zstd,
}

#: What decompressors raise for bytes that are none of their coding's.
_BROKEN = (zlib.error, brotli.error, zstd.ZstdError)


def names(content_encoding: bytes) -> list[str]:
    """Return the codings of the field's value in the order in which they were applied, without identity."""
    text = content_encoding.decode("latin-1")
    found = [name for part in text.split(",") if (name := part.strip().lower())]
    return [name for name in found if name != "identity"]


class Decoder:
    """Undoes the codings of one body.  Raises, on making: Failed for a coding that we don't know."""

    def __init__(self, codings: list[str], *, ratio: int = RATIO_MAX) -> None:
        unknown = [name for name in codings if name not in _STEPS]
        if unknown or len(codings) > CODINGS_MAX:
            raise Failed("unknown", "the body is in a coding that can't be undone", detail="coding")
        self._steps: list[_Step] = [_STEPS[name]() for name in reversed(codings)]
        self._ratio, self._came = ratio, 0
        self._made = [0] * len(self._steps)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what a piece of the body decodes to, in pieces of at most ``SLICE``.  Raises: Failed."""
        self._came += len(data)
        try:
            yield from self._through(0, data)
        except _BROKEN:
            raise Failed("lost", "the body is damaged: its content coding can't be undone") from None

    def _through(self, at: int, data: bytes) -> Iterator[bytes]:
        if at == len(self._steps):
            yield data
            return
        for made in self._steps[at].feed(data):
            self._made[at] += len(made)
            if self._made[at] > max(RATIO_FLOOR, self._ratio * self._came):
                told = f"the body decodes to more than {self._ratio} times its size"
                raise Failed("limit", told, detail="decompression")
            yield from self._through(at + 1, made)

    def end(self) -> None:
        """The body has ended.  Raises: Failed if that is before its coding's end."""
        if self._came and not all(step.whole for step in self._steps):
            raise Failed("lost", "the body ended before its content coding did")
