"""The body of one request, kept as far as there is room: decoded, and a chunked one also as it was framed."""

from __future__ import annotations

from netsuite.http1.body import Body, ChunkedBody, NoBody, request_body
from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import Fields
from netsuite.http1.head import RequestHead
from netsuite.http1.limits import Limits

#: What frames a chunk, beside the payload that is kept: so many more bytes are kept of it as sent.
FRAMES_MAX = 64 * 1024


class Payload:
    """A body that arrives.  ``most``: how much of it is kept; what is longer is ``truncated``.

    ``note``: what is wrong with it; ``announced``: its Content-Length.  ``size``: bytes that came, decoded.
    """

    __slots__ = (
        "_frames",
        "_kept",
        "_most",
        "_reader",
        "announced",
        "done",
        "note",
        "size",
        "truncated",
    )

    def __init__(self, reader: Body, most: int, announced: int | None = None) -> None:
        self._reader, self._most = reader, most
        self._kept = bytearray()
        self._frames = bytearray() if isinstance(reader, ChunkedBody) else None
        self.announced = announced
        self.size = 0
        self.done = reader.complete
        self.truncated = False
        self.note = ""

    @classmethod
    def of(cls, head: RequestHead, limits: Limits, most: int) -> Payload:
        """What follows ``head``."""
        return cls(request_body(head, limits), most, head.length)

    @classmethod
    def unframed(cls, data: bytes, most: int) -> Payload:
        """What came with a head that doesn't say how much it is."""
        made = cls(NoBody(), most)
        made._keep(data)
        return made

    def feed(self, data: bytes) -> bytes | None:
        """Take what came; return what is past the end, None if the body goes on.  A fault ends it, too."""
        try:
            piece, rest = self._reader.feed(data)
        except BadMessage as error:
            self.note = error.reason
            self._keep_frames(data)
            self._kept.clear()  # where the fault is decides how much was decoded: as sent tells more
            self.done = True
            return b""
        if self._frames is not None:
            self._keep_frames(data[: len(data) - len(rest)] if rest else data)
        self._keep(piece)
        self.done = rest is not None
        return rest

    def keep_no_more(self) -> None:
        """There is no room for more of it."""
        self._most = min(self._most, self.size)

    def cut(self) -> None:
        """No more of it comes."""
        if not self.done:
            self.note = "the connection ended within the body"
            self.done = True

    def _keep(self, piece: bytes) -> None:
        room = self._most - self.size
        self.size += len(piece)
        if len(piece) > room:
            self.truncated = True
            piece = piece[: max(0, room)]
        self._kept += piece

    def _keep_frames(self, data: bytes) -> None:
        if self._frames is not None:
            room = self._most + min(FRAMES_MAX, self._most) - len(self._frames)
            self._frames += data[: max(0, room)]

    @property
    def body(self) -> bytes:
        """The payload, as much as was kept."""
        return bytes(self._kept)

    @property
    def frames(self) -> bytes | None:
        """A chunked body as it was sent, None of any other."""
        return None if self._frames is None else bytes(self._frames)

    @property
    def trailers(self) -> Fields:
        """Fields after a chunked body, those that may stand there."""
        return self._reader.trailers if isinstance(self._reader, ChunkedBody) else []

    @property
    def held(self) -> int:
        """Bytes that this keeps in memory."""
        return len(self._kept) + len(self._frames or b"")
