"""What the relay and its counter process say to each other, and how it is framed.

A frame is a length of four bytes (big-endian) and so many bytes of MessagePack: one of the tagged values
below. A page's body is the last element of its `Job`, so that everything before it can be written first and
the body after it, in the pieces in which it came: nothing is joined on the relay's side.  Both ends bound
the length that they believe, and both hold the other for a possible liar: what is no frame, or no value of
theirs, is a `PipeFault`, after which nothing that comes out of that pipe means anything::

    relay -> counter    Begin, then Job and Mark in the order of their sequence numbers; end of file: finish
    counter -> relay    Ready; for each Job in order Counted or Skipped; around each batch Storing and
                        Committed or Refused (where the relay keeps the store: Returned); Spooled, Trouble,
                        Leaving
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from netsuite.wordproxy.store.contract import COUNTED, Batch, Note

#: Longest frame without a body that the counter believes.  A URL has 16 KiB at most, a header block 64 KiB.
HEAD_MAX = 256 * 1024

#: Longest frame that the relay believes: a batch for a memory store (``counter.BATCH_BYTES``, and a page).
ANSWER_MAX = 128 * 1024 * 1024


class PipeFault(Exception):  # noqa: N818 - as StoreFault
    """The other end broke the rules of the pipe; the text names no byte of what it sent."""


class Begin(msgspec.Struct, array_like=True, frozen=True, tag="begin"):
    """How to count, and where the store is.  Bounds in bytes and seconds."""

    node: str
    store: str
    max_text: int
    max_ratio: int
    default_lang: str
    memory: int  #: of the whole process; 0: no bound
    nice: int
    page_seconds: float
    batch_pages: int = 1000
    batch_seconds: float = 1.0
    spool: str = ""  #: folder for batches that the store can't take; "": none
    spool_name: str = ""  #: the store's address without its password
    spool_bytes: int = 0
    keep_seconds: float = 0.0  #: that addresses are kept


class Job(msgspec.Struct, array_like=True, frozen=True, tag="job"):
    """A page to be counted.  ``url`` None: only its counts may be kept, no title either.

    One whose ``source`` is RECOUNTED is a `Revisit`, and has nothing that could be counted.  ``profile``:
    whose page it is, "" for nobody's.  ``title``, ``lang``: where whoever brought the page knows better than
    the page does.
    """

    sequence: int
    digest: bytes
    host: str
    url: str | None
    day: str
    when: float
    media_type: str
    charset: str | None
    content_encoding: str
    content_language: str | None
    title: str | None = None
    lang: str | None = None
    source: str = COUNTED  #: of `store.contract.Page`
    is_hurried: bool = False  #: others wait: no time for sentences
    profile: str = ""
    body: bytes = b""  #: the last field: see `job_frame`


class Mark(msgspec.Struct, array_like=True, frozen=True, tag="mark"):
    """Something that was not counted, to be kept in its turn."""

    note: Note
    profile: str = ""


class Ready(msgspec.Struct, array_like=True, frozen=True, tag="ready"):
    """The counter has begun and takes pages; so many batches wait in spools."""

    spooled: int = 0


class Counted(msgspec.Struct, array_like=True, frozen=True, tag="counted"):
    """A page was counted; it is not in the store yet."""

    sequence: int
    words: int


class Skipped(msgspec.Struct, array_like=True, frozen=True, tag="skipped"):
    """A page can't be counted, for one of `words.skipped.Reason`."""

    sequence: int
    reason: str


class Storing(msgspec.Struct, array_like=True, frozen=True, tag="storing"):
    """No page is in hand: the store is being written."""


class Refused(msgspec.Struct, array_like=True, frozen=True, tag="refused"):
    """The store has not taken the batch, and will be asked again; pages are taken meanwhile."""


class Committed(msgspec.Struct, array_like=True, frozen=True, tag="committed"):
    """Everything up to this number is in the store, or the spool, for good."""

    last: int


class Spooled(msgspec.Struct, array_like=True, frozen=True, tag="spooled"):
    """So many batches wait in spools for their store."""

    batches: int


class Returned(msgspec.Struct, array_like=True, frozen=True, tag="returned"):
    """A batch for a store that the relay's process keeps; ``more``: others of these numbers follow."""

    batch: Batch
    profile: str = ""
    more: bool = False


class Trouble(msgspec.Struct, array_like=True, frozen=True, tag="trouble"):
    """Something an operator should know, with nothing of a page in it."""

    text: str


class Leaving(msgspec.Struct, array_like=True, frozen=True, tag="leaving"):
    """The counter ends by its own will; no page is to blame."""


ToCounter = Begin | Job | Mark
FromCounter = (
    Ready | Counted | Skipped | Storing | Refused | Committed | Spooled | Returned | Trouble | Leaving
)

_Message = TypeVar("_Message")
_encode = msgspec.msgpack.Encoder(enc_hook=list).encode  # the hook: for a page's `Forms`

TO_COUNTER: msgspec.msgpack.Decoder[ToCounter] = msgspec.msgpack.Decoder(ToCounter)
FROM_COUNTER: msgspec.msgpack.Decoder[FromCounter] = msgspec.msgpack.Decoder(FromCounter)

_NO_BYTES = b"\xc4\x00"  # MessagePack's empty byte string, with which every Job without its body ends
_LONG_BYTES = b"\xc6"  # ... and the sign for one whose length takes four bytes


def frame(message: ToCounter | FromCounter) -> bytes:
    """The bytes of ``message`` on the pipe."""
    value = _encode(message)
    return len(value).to_bytes(4, "big") + value


def job_frame(job: Job, pieces: Sequence[bytes], size: int) -> list[bytes]:
    """The bytes of ``job``, given without a body, with ``pieces`` of ``size`` bytes as its body, uncopied."""
    value = _encode(job)[: -len(_NO_BYTES)] + _LONG_BYTES + size.to_bytes(4, "big")
    return [(len(value) + size).to_bytes(4, "big") + value, *pieces]


def decoded(decoder: msgspec.msgpack.Decoder[_Message], block: bytes) -> _Message:
    """The value in a frame's bytes.  Raises: PipeFault."""
    try:
        return decoder.decode(block)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PipeFault("a frame that holds none of the values known") from None


class FrameReader:
    """Cuts a stream of bytes into frames; takes no length over ``limit``, and joins a frame's pieces once."""

    __slots__ = ("_held", "_need", "_pieces", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._pieces: list[bytes] = []
        self._held = 0
        self._need = 4  # bytes without which nothing new can be said

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return self._held

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole now, without their lengths.  Raises: PipeFault."""
        self._pieces.append(data)
        self._held += len(data)
        if self._held < self._need:
            return []
        block = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        frames, at, total = [], 0, len(block)
        while True:
            end = at + 4
            if end <= total:
                length = int.from_bytes(block[at:end], "big")
                if not 0 < length <= self.limit:
                    raise PipeFault(f"a frame of {length} bytes where {self.limit} are allowed")
                end += length
            if end > total:
                break
            frames.append(block[at + 4 : end])
            at = end
        rest = block[at:]
        self._pieces, self._held, self._need = ([rest] if rest else []), len(rest), end - at
        return frames
