"""A request's body on its way to the origin: read by its framing, bounded, framed anew."""

from __future__ import annotations

from netsuite.http1.body import chunk, last_chunk, passing_trailers, request_body
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import RequestHead
from netsuite.http1.limits import Limits


class Upload:
    """One body.  ``count``: its bytes so far; ``early``: what came before there was an origin to send it to.

    ``most``: bytes that it may have, None for any number.
    """

    __slots__ = ("_body", "_is_chunked", "_most", "_named", "count", "early")

    def __init__(self, request: RequestHead, limits: Limits, most: int | None) -> None:
        self._body = request_body(request, limits)
        self._is_chunked, self._named, self._most = request.chunked, request.connection, most
        self.count = 0
        self.early: list[bytes] = []

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Return what to send on, and the bytes past the body's end, None while it goes on.

        Raises: BadMessage, 413 for too large a body that no head had told of.
        """
        payload, rest = self._body.feed(data)
        self.count += len(payload)
        if self._most is not None and self.count > self._most:
            raise BadMessage(413, f"the body is larger than {self._most} bytes (--max-body)")
        if not self._is_chunked:
            return payload, rest
        framed = chunk(payload)
        if rest is None:
            return framed, None
        return framed + last_chunk(passing_trailers(self._body, self._named)), rest
