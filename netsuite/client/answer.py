"""An answer: its head, and its body, which is still to come."""

from __future__ import annotations

from twisted.internet import defer

from netsuite.client.decoding import Decoder, names
from netsuite.client.exchange import Exchange, Sink
from netsuite.client.request import Settings
from netsuite.client.url import Url
from netsuite.http1.head import ResponseHead
from netsuite.journal import escaped
from netsuite.outcome import Failed
from netsuite.reach.trust import Shown


class Answer:
    """An answer whose body waits to be read: by ``pour`` or ``read``, once; else ``close`` it.

    ``url``: who answered; ``address``: at which one (a proxy's, by way of that); ``redirects``: the URLs that
    led there; ``tls``: what the server showed.
    """

    def __init__(
        self, head: ResponseHead, exchange: Exchange, url: Url, settings: Settings, tls: Shown | None
    ) -> None:
        self.head, self.url, self.tls = head, url, tls
        self.address = ""
        self.redirects: list[str] = []
        self._exchange, self._settings = exchange, settings
        self.made = 0

    @property
    def status(self) -> int:
        """The status code."""
        return self.head.status

    @property
    def reason(self) -> str:
        """Code and phrase, as the server has them: ``404 Not Found``."""
        return escaped(b"%d %b" % (self.head.status, self.head.reason)).strip()

    @property
    def came(self) -> int:
        """Bytes of the body that have come, as sent."""
        return self._exchange.came

    def value(self, name: bytes) -> bytes | None:
        """Return a field's value, of several lines joined by commas, None without.  ``name``: lower case."""
        return self.head.combined.get(name)

    @property
    def codings(self) -> list[str]:
        """The content codings, in the order in which they were applied."""
        return names(self.value(b"content-encoding") or b"")

    def pour(self, sink: Sink, *, raw: bool = False) -> defer.Deferred[None]:
        """Fires once ``sink`` has had the whole body, without its content codings unless ``raw``.

        May be cancelled.  Fails with Failed, or with what ``sink`` raised.
        """
        codings = [] if raw else self.codings
        most = self._settings.max_bytes
        length = self.head.length
        if most is not None and not codings and length is not None and length > most and self._has_body:
            self.close()
            return defer.fail(_too_large(most))
        if not codings:
            if most is None:
                return self._exchange.pour(sink)
            return self._exchange.pour(self._bounded(sink, most))
        try:
            decoder = Decoder(codings, ratio=self._settings.ratio)
        except Failed as error:
            self.close()
            return defer.fail(error)
        taking = sink if most is None else self._bounded(sink, most)

        def decode(data: bytes) -> None:
            for piece in decoder.feed(data):
                taking(piece)

        return self._exchange.pour(decode).addCallback(lambda _: decoder.end())

    @property
    def _has_body(self) -> bool:
        return self._exchange.has_body

    def _bounded(self, sink: Sink, most: int) -> Sink:
        def take(piece: bytes) -> None:
            self.made += len(piece)
            if self.made > most:
                raise _too_large(most)
            sink(piece)

        return take

    async def read(self) -> bytes:
        """Return the whole body, decoded.  Raises: Failed."""
        pieces: list[bytes] = []
        await self.pour(pieces.append)
        return b"".join(pieces)

    def rest(self, seconds: float) -> None:
        """Take nothing more of the body for so long."""
        self._exchange.rest(seconds)

    def narrow(self, size: int) -> None:
        """Let the kernel take so many bytes ahead of us, or few more."""
        self._exchange.narrow(size)

    def close(self) -> None:
        """The body isn't wanted (any more)."""
        self._exchange.close()


def _too_large(most: int) -> Failed:
    return Failed("limit", f"the body is larger than {most} bytes", detail="size")
