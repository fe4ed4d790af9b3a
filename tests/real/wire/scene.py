"""What a case plays with: one client, one scripted origin, and the proxy between them.

Each case has an origin of its own, on a port of its own, so that no connection or memory of the proxy links
two cases.  One thread plays both sides: what a side has to see is waited for, with a bound, and what must not
arrive is proved by what arrives instead (a refusal, the next request), never by waiting.  ``ORIGIN`` in the
bytes that a client sends stands for the origin's ``host:port``.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

from tests.real.wire.line import Breach, Line, Message

Address = tuple[str, int]


def ask(*lines: bytes, start: bytes = b"GET http://ORIGIN/ HTTP/1.1", body: bytes = b"") -> bytes:
    """The bytes of a request: a start line, Host, more field lines, and what follows the head."""
    return b"".join(line + b"\r\n" for line in (start, b"Host: ORIGIN", *lines)) + b"\r\n" + body


def post(*lines: bytes, body: bytes = b"", start: bytes = b"POST http://ORIGIN/ HTTP/1.1") -> bytes:
    """The bytes of a POST whose framing is among ``lines``."""
    return ask(*lines, start=start, body=body)


def reply(
    *lines: bytes, start: bytes = b"HTTP/1.1 200 OK", body: bytes = b"ok", framed: bool = True
) -> bytes:
    """The bytes of an answer, with its Content-Length unless ``framed`` is false."""
    length = (b"Content-Length: %d" % len(body),) if framed else ()
    return b"".join(line + b"\r\n" for line in (start, *length, *lines)) + b"\r\n" + body


def same(actual: object, expected: object, what: str) -> None:
    """Both are equal, or it is a Breach that names ``what``."""
    if actual != expected:
        raise Breach(f"{what}: {actual!r} and not {expected!r}")


def holds(condition: object, what: str) -> None:
    """The condition is true, or it is a Breach."""
    if not condition:
        raise Breach(what)


class Scene:
    """The stage of one case.  ``seconds``: how long what has to arrive may take."""

    def __init__(self, proxy: Address, seconds: float = 20.0) -> None:
        self.proxy, self.seconds = proxy, seconds
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port: int = self._listener.getsockname()[1]
        self.origin = b"127.0.0.1:%d" % self.port
        self._lines: list[Line] = []
        self._servers: list[Line] = []
        self._client: Line | None = None
        self._threads: list[threading.Thread] = []
        self._early: dict[bytes, Line] = {}  # whose request came before its turn, by its path

    def __enter__(self) -> Scene:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for line in self._lines:
            line.close()
        self._listener.close()
        for thread in self._threads:
            thread.join(self.seconds)

    # both sides' connections

    @property
    def client(self) -> Line:
        """The client's connection; a new one after ``another_client``."""
        return self._client or self.another_client()

    def another_client(self) -> Line:
        """A new connection to the proxy, which ``client`` is from now on."""
        sock = socket.create_connection(self.proxy, self.seconds)
        self._client = self._kept(Line(sock, "at the client", self.seconds))
        return self._client

    def _kept(self, line: Line) -> Line:
        self._lines.append(line)
        return line

    def filled(self, data: bytes) -> bytes:
        """The bytes with the origin's place put in."""
        return data.replace(b"ORIGIN", self.origin)

    def send(self, data: bytes) -> None:
        """The client sends."""
        self.client.send(self.filled(data))

    def stop_listening(self) -> None:
        """The origin takes no more connections."""
        self._listener.close()

    def accept(self) -> Line:
        """The next new connection at the origin."""
        self._listener.settimeout(self.seconds)
        try:
            sock, _ = self._listener.accept()
        except TimeoutError:
            raise Breach(f"no connection reached the origin within {self.seconds:g} s") from None
        line = self._kept(Line(sock, "at the origin", self.seconds))
        self._servers.append(line)
        return line

    def meanwhile(self, act: Callable[[], object]) -> None:
        """Something is done in a thread, for bodies that no socket's buffer holds."""
        thread = threading.Thread(target=act, daemon=True)
        self._threads.append(thread)
        thread.start()

    def first(self, *, client: bool = True) -> Line:
        """The first line that bytes arrive on: an origin's, or the client's unless told otherwise."""
        end = time.monotonic() + self.seconds
        while True:
            lines = [line for line in self._servers if not line.end and line.sock.fileno() >= 0]
            if client and self._client is not None:
                lines.append(self._client)
            for line in lines:
                if line.has_unread():
                    return line
            waiting = [self._listener, *(line.sock for line in lines)]
            ready, _, _ = select.select(waiting, [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise Breach(f"neither an answer nor a request within {self.seconds:g} s")
            if self._listener in ready:
                self.accept()
            for line in lines:
                if line.sock in ready and (line.more() or line is self._client):
                    return line

    def quiet(self) -> None:
        """No request is at the origin now; called when an answer has proved that none is to come."""
        ready, _, _ = select.select([self._listener], [], [], 0)
        if ready:
            self.accept()
        for line in self._servers:
            if not line.end and line.sock.fileno() >= 0 and select.select([line.sock], [], [], 0)[0]:
                line.more()
            if not line.end and line.has_unread():
                raise line.breach("a request that should not be here")

    # the usual plots

    def arrival(self) -> Line:
        """The origin's connection on which the next request's bytes are; a refusal is a Breach."""
        line = self.first()
        while line is self._client:
            if not line.has_unread() or (head := line.answer_head()).status >= 200:
                raise line.breach("answered by the proxy, where the origin had to be asked")
            line.interims.append(head)
            line = self.first()
        return line

    def forwarded(self, data: bytes) -> Message:
        """What the origin sees of a request that the client sends."""
        self.send(data)
        return self.arrival().request()

    @property
    def server(self) -> Line:
        """The origin's youngest connection."""
        if not self._servers:
            raise Breach("no connection reached the origin")
        return self._servers[-1]

    def turn_of(self, path: bytes) -> Line | None:
        """The origin's connection with the request for ``path``; None if the client's is closed before."""
        while path not in self._early:
            line = self.first()
            if line is self._client:
                if line.end and not line.has_unread():
                    return None
                raise line.breach("an answer before its request was answered")
            self._early[line.request().target] = line
        return self._early.pop(path)

    def others(self, line: Line) -> list[Line]:
        """The origin's other connections that carry a request, as far as they are here now."""
        while select.select([self._listener], [], [], 0)[0]:
            self.accept()
        return [each for each in self._servers if each is not line and each.has_bytes()]

    def answered(
        self, data: bytes, request: bytes = b"", *, ends: bool = False, partial: bool = False
    ) -> Message:
        """What the client sees of an answer that the origin sends; ``ends``: it closes after that."""
        request = request or ask()
        method = request.partition(b" ")[0]
        self.send(request)
        line = self.arrival()
        line.request()
        line.send(self.filled(data))
        if ends:
            line.half_close()
        return self.client.answer(method, partial=partial)

    def exchange(self, request: bytes = b"", data: bytes = b"") -> tuple[Message, Message]:
        """A whole request and its answer, as each side sees the other's."""
        request = request or ask()
        self.send(request)
        line = self.arrival()
        seen = line.request()
        line.send(self.filled(data or reply()))
        return seen, self.client.answer(request.partition(b" ")[0])

    def again(self, request: bytes = b"", data: bytes = b"") -> tuple[Message, Message]:
        """Another exchange, on the client's connection or, if the proxy has closed that, on a new one."""
        request = request or ask(start=b"GET http://ORIGIN/again HTTP/1.1")
        try:
            return self.exchange(request, data)
        except Breach:
            if not self.client.end or self.client.has_unread():
                raise
        self.another_client()
        return self.exchange(request, data)

    def refused(self, data: bytes, *statuses: int, closes: bool = True) -> Message:
        """The proxy's own answer: an error, of these statuses if any are named; nothing is at the origin."""
        got = self.attempt(data, *statuses, closes=closes)
        if isinstance(got, Line):
            raise got.breach("it reached the origin")
        return got

    def attempt(self, data: bytes, *statuses: int, closes: bool = True) -> Message | Line:
        """Either the proxy's refusal, checked, or the origin's line that the request's bytes are on."""
        self.send(data)
        line = self.first()
        if line is not self._client:
            return line
        got = self.client.answer(data.partition(b" ")[0], partial=True)
        holds(got.status >= 400, f"an answer {got.status} of the proxy's own")
        holds(not statuses or got.status in statuses, f"{got.status}, not one of {statuses}")
        if closes:
            self.client.ended()
        self.quiet()
        return got

    def broken_upload(self, data: bytes) -> None:
        """A body that is no body is never told to the origin as a whole one, and the connection ends."""
        self.send(data)
        line = self.first()
        if line is not self._client and line.request(partial=True).whole:
            raise line.breach("passed on as a whole request")
        if self.client.has_bytes():
            status = self.client.answer(b"POST", partial=True).status
            holds(status >= 400, f"an answer {status} to a broken request")
        self.client.ended()
        self.quiet()

    def bad_answer(self, data: bytes, *statuses: int, request: bytes = b"", ends: bool = False) -> Message:
        """An answer that cannot be trusted becomes a 502 of the proxy's own, or one of ``statuses``."""
        got = self.answered(data, request, ends=ends, partial=True)
        holds(got.status in (statuses or (502,)), f"status {got.status} at the client")
        return got
