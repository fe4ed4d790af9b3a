"""What clients ask of a proxy, each answer compared with what the origin sent."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from contextlib import suppress
from pathlib import Path

from bench.soaking.calls import Deed, Wrong, check, check_in
from tests.real import load
from tests.real.load import KIB, MIB, MIXED, answer, asked, connect, fetch
from tests.real.tlsorigin import Reader, TlsOrigin, ask

#: Most requests of one deed.
REQUESTS_MAX = 6


class Relay:
    """Deeds by way of the proxy at ``port``; the origin is asked for as ``host``."""

    def __init__(self, port: int, origin: load.Origin, rng: random.Random, host: str = "127.0.0.1") -> None:
        self._port, self._origin, self._rng, self._host = port, origin, rng, host

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [
            Deed(40, "relay pages", self.pages),
            Deed(10, "sizes", self.sizes),
            Deed(8, "upload", self.upload),
            Deed(6, "tunnel", self.tunnel),
            Deed(6, "pipeline", self.pipeline),
            Deed(6, "refused", self.refused),
            Deed(4, "leaves", self.leaves),
            Deed(2, "slow", self.slow),
        ]

    def url(self, path: str) -> str:
        """The origin's address of a path."""
        return f"http://{self._host}:{self._origin.port}{path}"

    def pages(self) -> None:
        """Some mixed answers over one connection."""
        with connect(self._port) as client:
            for number in self._rng.sample(range(MIXED), 5):
                client.sendall(asked(self.url(f"/mixed/{number}?{self._rng.random()}")))
                check(answer(client).read(), load.mixed(number)[1])

    def sizes(self) -> None:
        """A body of some size, in some framing."""
        size = self._rng.choice((0, 1, KIB, 64 * KIB, 3 * MIB))
        with connect(self._port) as client:
            client.sendall(asked(self.url(f"/{self._rng.choice(('bytes', 'chunked', 'close'))}/{size}")))
            check(load.body_digest(answer(client)), load.digest(size))

    def upload(self) -> None:
        """A body that is sent."""
        size = self._rng.choice((1, KIB, 200 * KIB))
        body = load.BLOCK[:size]
        told = fetch(self._port, self.url("/sum"), "POST", body=body)
        check(told, (200, f"{size} {hashlib.sha256(body).hexdigest()}".encode()))

    def tunnel(self) -> None:
        """Something through a tunnel, either way."""
        size = self._rng.choice((10, 64 * KIB, MIB))
        with load.tunnel(self._port, self._origin.tunnel_port, self._host) as end:
            if self._rng.random() < 0.5:
                end.sendall(b"SEND %d\n" % size)
                check(load.received(end, size), load.digest(size))
            else:
                end.sendall(b"SUM %d\n" % size + load.BLOCK[:size])
                with end.makefile() as lines:
                    check(lines.readline(), f"{size} {load.digest(size)}\n")

    def pipeline(self) -> None:
        """Several requests at once."""
        numbers = self._rng.sample(range(MIXED), REQUESTS_MAX)
        with connect(self._port) as client, client.makefile("rb") as answers:
            client.sendall(b"".join(asked(self.url(f"/mixed/{number}")) for number in numbers))
            for number in numbers:
                length = 0
                while (line := answers.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                check(answers.read(length), load.mixed(number)[1])

    def refused(self) -> None:
        """What can't be had."""
        url, status = self._rng.choice(
            (
                ("http://10.0.0.1/", 403),
                ("http://127.0.0.1:1/", 502),
                (f"http://127.0.0.1:{self._port}/", 508),
                ("ftp://127.0.0.1/", 400),
            )
        )
        check(fetch(self._port, url)[0], status)

    def leaves(self) -> None:
        """A client that goes in the middle."""
        with connect(self._port) as client:
            client.sendall(asked(self.url(f"/bytes/{5 * MIB}"))[: self._rng.choice((10, 1000))])
            if self._rng.random() < 0.5:
                load.reset(client)

    def slow(self) -> None:
        """An answer that takes its time."""
        check(len(fetch(self._port, self.url("/slow/300/5000"))[1]), 5000)


class Crooked:
    """An origin of its own address that answers wrongly, or with a word to forget, as the path has it."""

    HOST = "127.0.0.2"

    def __init__(self) -> None:
        self._listener = socket.create_server((self.HOST, 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """It listens no more."""
        self._listener.close()

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://{self.HOST}:{self.port}{path}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @staticmethod
    def _serve(client: socket.socket) -> None:
        with suppress(OSError, IndexError), client:
            client.settimeout(60)
            head = client.recv(65536)
            _, kind, word = (head.split()[1].decode() + "/").split("/")[:3]
            page = f"<!doctype html><html lang=en><p>{word} is here</html>".encode()
            length = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
            if kind == "garbage":
                client.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            elif kind == "two":
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
            elif kind == "cut":
                client.sendall(length % (len(page) + 9) + page)
            elif kind == "reset":
                client.sendall(length % (len(page) + 9) + page)
                load.reset(client)
            elif kind == "word":
                client.sendall(length % len(page) + page)


class Trouble:
    """Deeds with origins that are at fault."""

    def __init__(self, port: int, crooked: Crooked, rng: random.Random) -> None:
        self._port, self._crooked, self._rng = port, crooked, rng

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [Deed(6, "bad origin", self.answers), Deed(4, "cut short", self.cut)]

    def answers(self) -> None:
        """What is no answer is a 502."""
        kind = self._rng.choice(("garbage", "two", "nothing"))
        check(fetch(self._port, self._crooked.url(f"/{kind}"))[0], 502)

    def cut(self) -> None:
        """Half an answer is no whole one for the client either."""
        with connect(self._port) as client:
            client.sendall(asked(self._crooked.url(f"/{self._rng.choice(('cut', 'reset'))}")))
            try:
                answer(client).read()
            except (OSError, load.http.client.HTTPException):
                return
        raise Wrong("half an answer seems whole")


class Opened:
    """Pages of a host whose TLS is opened."""

    def __init__(self, port: int, origin: TlsOrigin, host: str, trusted: Path) -> None:
        self._port, self._origin, self._host, self._trusted = port, origin, host, trusted

    def deeds(self) -> list[Deed]:
        """The only one."""
        return [Deed(5, "opened", self.page)]

    def page(self) -> None:
        """It arrives as it was sent, under our certificate."""
        reader = Reader(self._port, self._host, self._origin.port)
        try:
            check(reader.status, 200)
            with reader.tls(self._trusted) as stream:
                status, _, body = ask(stream, f"{self._host}:{self._origin.port}")
        finally:
            reader.raw.close()
        check(status, 200)
        check_in(b"waits for the tide", body)
