"""Peers that do what a test says, in a thread; and dataforward run here, on the real reactor."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from netsuite.outcome import Outcome
from netsuite.scripts import dataforward
from netsuite.scripts.running import NoOutput, failure, finish

#: Seconds after which a peer gives up.
PATIENCE = 30

#: What a peer does with its connection.
Doing = Callable[[socket.socket], None]

RESET = struct.pack("ii", 1, 0)


def whole(client: socket.socket) -> bytes:
    """Everything until the other side's end."""
    parts = []
    while data := client.recv(1 << 16):
        parts.append(data)
    return b"".join(parts)


def reset(client: socket.socket) -> None:
    """Close by RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()


def echo(client: socket.socket) -> None:
    """The tutorial's echo server."""
    for line in client.makefile("rb"):
        if line.rstrip() == b"quit":
            client.sendall(b"Goodbye.\r\n")
            return
        client.sendall(b"You said: " + line)


class Far:
    """A listener that does something with each of ``times`` connections; ``path``: of a Unix socket."""

    def __init__(self, *doing: Doing, path: str = "", context: ssl.SSLContext | None = None) -> None:
        if path:
            self._server = socket.socket(socket.AF_UNIX)
            self._server.bind(path)
            self._server.listen()
        else:
            self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(PATIENCE)
        self.port = "" if path else str(self._server.getsockname()[1])
        self._doing, self._context = doing, context
        self.errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            for doing in self._doing:
                client, _ = self._server.accept()
                client.settimeout(PATIENCE)
                with contextlib.suppress(ssl.SSLError):
                    if self._context is not None:
                        client = self._context.wrap_socket(client, server_side=True)
                    with client:
                        doing(client)
        except OSError as error:
            self.errors.append(error)

    def close(self) -> None:
        """Everything is over."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(PATIENCE)


class ForwardCase(TestCase):
    """Runs dataforward here, between pipes, against peers that a test writes."""

    timeout = 60

    def far(self, *doing: Doing, **settings: Any) -> Far:
        """A peer for the time of a test."""
        made = Far(*doing, **settings)
        self.addCleanup(deferToThread, made.close)  # the reactor goes on: our side may still have to close
        return made

    def folder(self) -> Path:
        """A new folder."""
        folder = Path(self.mktemp())
        folder.mkdir()
        return folder.absolute()

    async def ran(self, *words: str, typed: bytes | None = b"", stop: Any = None) -> tuple[int, bytes, str]:
        """Exit status, output, messages; ``typed``: input, None: stays open; ``stop``: fires for Ctrl-C."""
        reading, writing = os.pipe()
        sending = deferToThread(_write, writing, typed)
        shown, out = os.pipe()
        errors = io.StringIO()
        coming: Deferred[bytes] = deferToThread(_read, shown)
        outcome = await self.outcome(words, (reading, out), errors, stop)
        os.close(out)
        output = await coming
        os.close(reading)
        if typed is None:
            os.close(writing)
        else:
            await sending
        return outcome.exit, output, errors.getvalue()

    async def outcome(
        self, words: tuple[str, ...], streams: tuple[int, int], errors: io.StringIO, stop: Any = None
    ) -> Outcome:
        """How one run ends, between two descriptors."""
        options = dataforward.Options()
        options.streams = lambda: streams  # type: ignore[method-assign]
        before = sys.stderr
        sys.stderr = errors
        try:
            try:
                options.parseOptions(list(words))
                work = Deferred.fromCoroutine(dataforward.main(reactor, options))
                if stop is not None:
                    stop.addCallback(lambda _: work.cancel())
                outcome = await work
            except NoOutput as error:
                return Outcome.failed("local", str(error))
            except CancelledError:
                return options.stopped(Outcome.failed("interrupted", "interrupted"))
            except Exception as error:
                outcome = failure(error, debug=True)
            finish(options, outcome, as_json=False)
        finally:
            sys.stderr = before
        return outcome


def _write(fd: int, data: bytes | None) -> None:
    if data is None:
        return
    view = memoryview(data)
    with contextlib.suppress(BrokenPipeError):
        while view:
            view = view[os.write(fd, view) :]
    os.close(fd)


def _read(fd: int) -> bytes:
    with open(fd, "rb") as file:
        return file.read()
