"""Content-Encoding undone, never past a bound (RFC 9110 §8.4).

Theory.  A body of a few bytes can decode to gigabytes, so no step asks a library for more than it may
still have.  The bound of a page is the smaller of ``max_bytes`` and ``max_ratio`` times the bytes that
came, and it holds for each step of stacked codings too: a gzip in a gzip meets it at the outer one, before
the inner one is made.  The ratio is not judged below 1 MiB, where short pages of one repeated line are
honest and harmless.

What ends before its own end mark is UNREADABLE: half a page has other counts than the page.  What follows the
end is ignored, as in browsers, unless it begins a further gzip member or zstd frame.
"""

import sys
import zlib
from collections.abc import Callable, Iterable, Sequence

import brotli

from .skipped import Reason, Skip

try:
    from isal import isal_zlib
except ImportError:
    isal_zlib = None  # type: ignore[assignment]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: Decoded bytes below which the ratio is not judged.
RATIO_FLOOR = 1024 * 1024

#: Codings stacked on one another; real pages have one.
CODINGS_MAX = 4

#: Members of a gzip body, frames of a zstd body.  Block-wise gzip has one for each 64 KiB, and each costs
#: a copy.
MEMBERS_MAX = 4096

#: log2 of the largest zstd window: 8 MiB, what RFC 9659 §3 lets a server ask of us.
ZSTD_WINDOW_LOG = 23

#: Bytes given to a decompressor at a time, so that what it hands back unused is small.
SLICE = 64 * 1024

_RAW_DEFLATE, _ZLIB, _GZIP = -15, 15, 31


class _Room:
    """The bytes that one step may still make."""

    __slots__ = ("left",)

    def __init__(self, bound: int) -> None:
        self.left = bound

    def take(self, made: bytes) -> bytes:
        """Count what was made.  Raises `Skip` past the bound."""
        self.left -= len(made)
        if self.left < 0:
            raise Skip(Reason.TOO_LARGE)
        return made


def decode(pieces: Sequence[bytes], content_encoding: str, *, max_bytes: int, max_ratio: int = 200) -> bytes:
    """Return the body without its codings, the last applied undone first (RFC 9110 §8.4).

    ``content_encoding`` is the field's whole value.  Raises `Skip`: UNKNOWN_CODING, TOO_LARGE or UNREADABLE.
    """
    undo = list(_steps(content_encoding))
    came = sum(map(len, pieces))
    if not undo and came > max_bytes:
        raise Skip(Reason.TOO_LARGE)
    body = b"".join(pieces)
    bound = min(max_bytes, max(RATIO_FLOOR, max_ratio * came))
    for step in reversed(undo):
        if not body:  # nothing at all is an empty page in any coding, as browsers have it
            break
        body = b"".join(step(body, bound))
    return body


def _steps(content_encoding: str) -> Iterable["_Step"]:
    """Yield what undoes each coding, in the field's order."""
    names = [name for part in content_encoding.split(",") if (name := part.strip().lower())]
    names = [name for name in names if name != "identity"]
    if len(names) > CODINGS_MAX:
        raise Skip(Reason.UNKNOWN_CODING)
    for name in names:
        step = _STEPS.get(name)
        if step is None:
            raise Skip(Reason.UNKNOWN_CODING)
        yield step


def _gunzip(body: bytes, bound: int) -> list[bytes]:
    """Undo gzip, member after member (RFC 1952 §2.2)."""
    whole = None if isal_zlib is None else _at_once(body, bound)
    if whole is not None:
        return [whole]
    room, out, at = _Room(bound), list[bytes](), 0
    for _ in range(MEMBERS_MAX):
        at = _inflate(body, at, _GZIP, room, out)
        if body[at : at + 2] != b"\x1f\x8b":
            return out
    raise Skip(Reason.TOO_LARGE)


def _at_once(body: bytes, bound: int) -> bytes | None:
    """Return what a gzip of one member has, in half of zlib's time; None: zlib decides.

    That is asked of all that is not in order.  ISA-L doesn't mind flags that RFC 1952 §2.3.1.2 forbids.
    """
    if body[3:4] >= b"\x20":
        return None
    inflater = isal_zlib.decompressobj(_GZIP)
    try:
        made = inflater.decompress(body, bound + 1)
    except isal_zlib.error:  # type: ignore[misc]  # to its stubs an instance
        return None
    if not inflater.eof or len(made) > bound or inflater.unused_data.startswith(b"\x1f\x8b"):
        return None
    return made


def _undeflate(body: bytes, bound: int) -> list[bytes]:
    """Undo deflate: zlib's format (RFC 9110 §8.4.1.2), or the bare stream that some servers send instead."""
    out: list[bytes] = []
    try:
        _inflate(body, 0, _ZLIB, _Room(bound), out)
    except Skip as skip:
        if skip.reason is not Reason.UNREADABLE:
            raise
        out.clear()
        _inflate(body, 0, _RAW_DEFLATE, _Room(bound), out)
    return out


def _inflate(body: bytes, at: int, wbits: int, room: _Room, out: list[bytes]) -> int:
    """Undo one stream that begins at ``at``; return where it ends."""
    inflater = zlib.decompressobj(wbits)
    view = memoryview(body)
    while at < len(body) and not inflater.eof:
        part = view[at : at + SLICE]
        try:
            # One more than there is room for: then the rest of the part is left over only past the bound.
            out.append(room.take(inflater.decompress(part, room.left + 1)))
        except zlib.error:
            raise Skip(Reason.UNREADABLE) from None
        at += len(part) - len(inflater.unused_data)
    if not inflater.eof:
        raise Skip(Reason.UNREADABLE)
    return at


def _unbrotli(body: bytes, bound: int) -> list[bytes]:
    """Undo br (RFC 7932)."""
    room, out, view = _Room(bound), list[bytes](), memoryview(body)
    stream = brotli.Decompressor()
    try:
        for at in range(0, len(body), SLICE):
            made = stream.process(view[at : at + SLICE], output_buffer_limit=SLICE)
            while made or not stream.can_accept_more_data():  # it may hold output though all input is taken
                out.append(room.take(made))
                made = stream.process(b"", output_buffer_limit=SLICE)
    except brotli.error:
        raise Skip(Reason.UNREADABLE) from None
    if not stream.is_finished():
        raise Skip(Reason.UNREADABLE)
    return out


def _unzstd(body: bytes, bound: int) -> list[bytes]:
    """Undo zstd, frame after frame, skippable ones too (RFC 8878 §3.1)."""
    room, out, at = _Room(bound), list[bytes](), 0
    for _ in range(MEMBERS_MAX):
        at = _unframe(body, at, room, out)
        if body[at + 1 : at + 4] not in (b"\xb5\x2f\xfd", b"\x2a\x4d\x18"):
            return out
    raise Skip(Reason.TOO_LARGE)


def _unframe(body: bytes, at: int, room: _Room, out: list[bytes]) -> int:
    """Undo one frame that begins at ``at``; return where it ends."""
    frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})
    view = memoryview(body)
    try:
        while at < len(body) and not frame.eof:
            part = view[at : at + SLICE]
            out.append(room.take(frame.decompress(part, max_length=SLICE)))
            while not frame.needs_input and not frame.eof:
                out.append(room.take(frame.decompress(b"", max_length=SLICE)))
            at += len(part) - len(frame.unused_data)
    except zstd.ZstdError:
        raise Skip(Reason.UNREADABLE) from None
    if not frame.eof:
        raise Skip(Reason.UNREADABLE)
    return at


_Step = Callable[[bytes, int], list[bytes]]

_STEPS: dict[str, _Step] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,  # RFC 9110 §8.4.1.3: the same
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
