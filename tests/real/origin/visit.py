"""What a case plays with: one of our sites, and connections to it that read strictly.

``HOST`` in the bytes that a client sends stands for the site's ``host:port``, ``PAGE`` for a path that is
answered 200, ``KEPT`` for one whose answer may be kept by a cache.  Reading is that of ``tests.real.wire``,
which knows nothing of netsuite's: any laxity in an answer is a ``Breach``.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from types import TracebackType

from tests.real.wire.line import Breach, Line, Message
from tests.real.wire.scene import holds, same

__all__ = ["Breach", "Site", "Visit", "ask", "holds", "post", "same"]

#: How long what has to come may take, on a busy machine.
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Site:
    """A site that is up."""

    name: str
    port: int
    page: bytes
    kept: bytes


def ask(*lines: bytes, start: bytes = b"GET PAGE HTTP/1.1", body: bytes = b"") -> bytes:
    """The bytes of a request: a start line, Host, more field lines, and what follows the head."""
    return b"".join(line + b"\r\n" for line in (start, b"Host: HOST", *lines)) + b"\r\n" + body


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """The bytes of a POST whose framing is among ``lines``."""
    return ask(*lines, start=b"POST PAGE HTTP/1.1", body=body)


class Visit:
    """The connections of one case."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._lines: list[Line] = []

    def __enter__(self) -> Visit:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._lines:
            line.close()

    @property
    def line(self) -> Line:
        """The connection; a new one after ``another``."""
        return self._lines[-1] if self._lines else self.another()

    def another(self) -> Line:
        """A new connection, which ``line`` is from now on."""
        sock = socket.create_connection(("127.0.0.1", self.site.port), SECONDS)
        self._lines.append(Line(sock, "at the client", SECONDS))
        return self._lines[-1]

    def filled(self, data: bytes) -> bytes:
        """The bytes with what they stand for."""
        for word, meant in (
            (b"HOST", b"127.0.0.1:%d" % self.site.port),
            (b"PAGE", self.site.page),
            (b"KEPT", self.site.kept),
        ):
            data = data.replace(word, meant)
        return data

    def send(self, data: bytes) -> None:
        """The bytes are on their way."""
        self.line.send(self.filled(data))

    def answer(self, data: bytes) -> Message:
        """The answer to a request."""
        self.send(data)
        return self.line.answer(data.partition(b" ")[0])

    def good(self, data: bytes, *, goes_on: bool = True) -> Message:
        """The answer, which is 200; ``goes_on``: the connection takes another request then."""
        got = self.answer(data)
        same(got.status, 200, "status")
        if goes_on:
            self.goes_on()
        return got

    def goes_on(self) -> None:
        """Another request is answered on the connection, with 200."""
        same(self.answer(ask()).status, 200, "status of the next one")

    def refused(self, data: bytes, *statuses: int, closes: bool = True) -> Message:
        """The answer is a refusal, of these statuses if any are named, and the last of the connection."""
        got = self.answer(data)
        holds(400 <= got.status < 600 and got.status != 500, f"status {got.status}")
        holds(not statuses or got.status in statuses, f"{got.status}, not one of {statuses}")
        if closes:
            self.line.ended()
        return got

    def framed(self, data: bytes, *, goes_on: bool = True) -> Message:
        """The answer to a request whose body is well framed: whatever it is, the next one is answered."""
        got = self.answer(data)
        holds(got.status not in (400, 408, 411, 413, 500, 501), f"status {got.status}")
        if goes_on:
            self.goes_on()
        return got

    def waits(self, data: bytes, rest: bytes) -> Message:
        """Nothing is answered before the rest came; then the request is, and nothing else.

        That the site has seen the first part is proved by what it answers to another client meanwhile.
        """
        line = self.line
        line.send(self.filled(data))
        same(
            self.another().sock.fileno() >= 0 and self.answer(ask()).status, 200, "status for another client"
        )
        self._lines.remove(line)
        self._lines.append(line)
        holds(not line.comes_within(0), "an answer to half a request")
        return self.answer(rest)
