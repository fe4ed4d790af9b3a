"""Load: an origin that sends, takes, hangs and hashes as it is asked, clients, and what a process uses.

How much is tried follows ``NETSUITE_TEST_SCALE``: a cut for every push, ``nightly`` the whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import hashlib
import http.client
import os
import re
import resource
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from unittest import SkipTest

from tests.real.hatchery import HatchedTwistd
from tests.real.parts import FETCH_SECONDS, START_SECONDS, PartError, Twistd, children

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

#: What bodies are made of: no two places alike, so that a lost or moved piece shows in the digest.
BLOCK = Random(25).randbytes(MIB + 7)
MIXED = 200


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    silent: tuple[int, int, int] = (300, 150, 60)
    crowd: int = 300
    crowd_seconds: float = 1.0
    unread: int = 256 * MIB
    bulk: int = 64 * MIB
    page: int = 40 * MIB
    tunnel: int = 64 * MIB
    equal: int = 3_000
    broken: int = 300
    stops: int = 2
    pairs: int = 8


SCALES = {
    "": Scale(),
    "nightly": Scale(
        silent=(1_000, 500, 200),
        crowd=3_000,
        crowd_seconds=600.0,
        unread=GIB,
        bulk=10 * GIB,
        page=96 * MIB,
        tunnel=GIB,
        equal=20_000,
        broken=2_000,
        stops=10,
        pairs=32,
    ),
}
SCALE = SCALES[os.environ.get("NETSUITE_TEST_SCALE", "")]


# -- bytes ------------------------------------------------------------------------------------------------


def pieces(size: int) -> Iterator[memoryview]:
    """The bytes of a body, in pieces of a block."""
    block = memoryview(BLOCK)
    while size > 0:
        yield block[:size]
        size -= len(block)


@functools.cache
def digest(size: int) -> str:
    """The SHA-256 of a body."""
    summed = hashlib.sha256()
    for piece in pieces(size):
        summed.update(piece)
    return summed.hexdigest()


def mixed(number: int) -> tuple[bytes, bytes]:
    """Head (without status line's end) and body of one of the mixed answers; framing and coding vary."""
    rng = Random(number)
    words = " ".join(
        rng.choice(("tide", "time", "größe", "木", "a")) for _ in range(rng.choice((1, 50, 9000)))
    )
    page = f"<!doctype html><html lang=en><title>{number}</title><p>{words}</html>".encode()
    kind, body = rng.choice(
        ((b"text/html; charset=utf-8", page), (b"text/plain", page), (b"image/png", rng.randbytes(30_000)))
    )
    head = b"Content-Type: " + kind
    if rng.random() < 0.4:
        head, body = head + b"\r\nContent-Encoding: gzip", gzip.compress(body, mtime=0)
    if rng.random() < 0.1:
        body = b""
    return head, body


# -- an origin --------------------------------------------------------------------------------------------


class Origin:
    """An origin in a thread of its own, on a port for HTTP and one for tunnels.

    Paths: ``/bytes/N``, ``/chunked/N``, ``/close/N`` send N bytes, ``/html/N`` as HTML; ``/slow/MS/N`` half
    of them later;
    ``/sum`` says how many bytes of what digest it got; ``/deaf`` reads no body; ``/hang`` never answers;
    ``/mixed/N`` is one of the mixed answers; anything else is ``ok``.  A tunnel begins with a line:
    ``SEND N``, ``SUM N``, ``ECHO`` or ``DEAF``.
    """

    def __init__(self) -> None:
        self.requests = self.open = 0
        self.hung = 0
        self.heads: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise PartError("the origin did not come up")

    def close(self) -> None:
        """It is gone."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _listen(self) -> None:
        served = await asyncio.start_server(self._counted(self._http), "127.0.0.1", 0, backlog=1024)
        tunnels = await asyncio.start_server(self._counted(self._tunnel), "127.0.0.1", 0, backlog=1024)
        self.port: int = served.sockets[0].getsockname()[1]
        self.tunnel_port: int = tunnels.sockets[0].getsockname()[1]

    def _counted(
        self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.open += 1
            try:
                await serve(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # the other side's doing, or our own end
            finally:
                self.open -= 1
                writer.close()

        return counted

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            self.requests += 1
            self.heads = [*self.heads[-999:], head]
            _method, target, *_ = head.split(b" ", 2)
            found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            length = int(found[1]) if found else 0
            path = re.sub(r"^http://[^/]*", "", target.decode("ascii").partition("?")[0])
            _, name, *rest = path.split("/")
            if not await self._answer(reader, writer, name, rest, length):
                return

    async def _answer(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        name: str,
        rest: Sequence[str],
        length: int,
    ) -> bool:
        """Answer a request; return whether another may follow."""
        if name == "sum":
            await _send(writer, b"Content-Type: text/plain", (await _summed(reader, length)).encode())
        elif name in ("hang", "deaf"):
            self.hung += 1
            if name == "deaf":
                await asyncio.sleep(3600)
            await reader.read()
            self.hung -= 1
            return False
        elif name == "slow":
            await asyncio.sleep(int(rest[0]) / 1000)
            size = int(rest[1])
            await _send_pieces(writer, b"Content-Length: %d" % size, size, pause=int(rest[0]) / 1000)
        elif name == "bytes":
            await _send_pieces(writer, b"Content-Length: %d" % int(rest[0]), int(rest[0]))
        elif name == "chunked":
            await _send_pieces(writer, b"Transfer-Encoding: chunked", int(rest[0]), chunked=True)
        elif name == "html":
            size = int(rest[0])
            await _send_pieces(writer, b"Content-Type: text/html\r\nContent-Length: %d" % size, size)
        elif name == "close":
            await _send_pieces(writer, b"Connection: close", int(rest[0]))
            return False
        elif name == "mixed":
            head, body = mixed(int(rest[0]))
            await _send(writer, head, body)
        else:
            await _discard(reader, length)
            await _send(writer, b"Content-Type: text/plain\r\nSet-Cookie: planted-in-set-cookie=1", b"ok")
        return True

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        what, _, number = (await reader.readuntil(b"\n")).decode("ascii").strip().partition(" ")
        if what == "SEND":
            for piece in pieces(int(number)):
                writer.write(piece)
                await writer.drain()
        elif what == "SUM":
            writer.write((await _summed(reader, int(number))).encode() + b"\n")
            await writer.drain()
        elif what == "ECHO":
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        else:
            await asyncio.sleep(3600)


async def _summed(reader: asyncio.StreamReader, length: int) -> str:
    summed, left = hashlib.sha256(), length
    while left:
        data = await reader.read(min(left, MIB))
        if not data:
            break
        summed.update(data)
        left -= len(data)
    return f"{length - left} {summed.hexdigest()}"


async def _discard(reader: asyncio.StreamReader, length: int) -> None:
    await _summed(reader, length)


async def _send(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n\r\n%b" % (len(body), head, body))
    await writer.drain()


async def _send_pieces(
    writer: asyncio.StreamWriter, framing: bytes, size: int, *, chunked: bool = False, pause: float = 0.0
) -> None:
    head = b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing
    if size <= 64 * KIB and not (chunked or pause):
        head, size = head + BLOCK[:size], 0
    writer.write(head)
    if pause:
        writer.write(BLOCK[: size // 2])
        await asyncio.sleep(pause)
        writer.write(BLOCK[size // 2 : size])
        size = 0
    for piece in pieces(size):
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        await writer.drain()
    if chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


# -- clients ----------------------------------------------------------------------------------------------


def connect(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A connection; waiting on it is bounded."""
    return socket.create_connection((host, port), FETCH_SECONDS)


def asked(url: str, method: str = "GET", *fields: str) -> bytes:
    """A request's head, in absolute form."""
    host = url.split("/")[2]
    return "\r\n".join([f"{method} {url} HTTP/1.1", f"Host: {host}", *fields, "", ""]).encode()


def answer(client: socket.socket, method: str = "GET") -> http.client.HTTPResponse:
    """The head of the answer that comes next; its body can be read from it."""
    response = http.client.HTTPResponse(client, method=method)
    response.begin()
    return response


def fetch(port: int, url: str, method: str = "GET", *fields: str, body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of an answer, over a connection of its own."""
    with connect(port) as client:
        if body:
            fields = (*fields, f"Content-Length: {len(body)}")
        client.sendall(asked(url, method, *fields) + body)
        response = answer(client, method)
        return response.status, response.read()


def tunnel(port: int, target_port: int, host: str = "127.0.0.1") -> socket.socket:
    """A tunnel's connection, once it is there."""
    client = connect(port)
    place = f"{host}:{target_port}"
    client.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    response = answer(client, "CONNECT")
    if response.status != 200:
        raise PartError(f"no tunnel: {response.status}")
    return client


def received(client: socket.socket, size: int) -> str:
    """The digest of the next bytes of a connection; all of them have come."""
    summed, buffer, left = hashlib.sha256(), bytearray(MIB), size
    while left:
        count = client.recv_into(buffer, min(left, MIB))
        if not count:
            raise PartError(f"{left} of {size} bytes are missing")
        summed.update(memoryview(buffer)[:count])
        left -= count
    return summed.hexdigest()


def body_digest(response: http.client.HTTPResponse) -> str:
    """The digest of an answer's body."""
    summed, buffer = hashlib.sha256(), bytearray(MIB)
    while count := response.readinto(buffer):
        summed.update(memoryview(buffer)[:count])
    return summed.hexdigest()


def stuff(client: socket.socket, data: bytes, quiet: float = 1.0) -> int:
    """Send ``data`` over and over until nothing has been taken for so long; return how many bytes went."""
    client.setblocking(False)
    sent, last, view = 0, time.monotonic(), memoryview(data)
    while time.monotonic() - last < quiet and sent < GIB:
        try:
            count = client.send(view[sent % len(data) :])
        except BlockingIOError:
            time.sleep(0.02)
            continue
        sent, last = sent + count, time.monotonic()
    client.setblocking(True)
    client.settimeout(FETCH_SECONDS)
    return sent


def reset(client: socket.socket) -> None:
    """The connection is ended by RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


# -- what a process uses ----------------------------------------------------------------------------------


def _family(pid: int) -> list[int]:
    return [pid, *children(pid)]


def memory(pid: int) -> int:
    """Resident bytes of a process and of those it started."""
    total = 0
    for each in _family(pid):
        with contextlib.suppress(FileNotFoundError):
            found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{each}/status").read_text())
            total += int(found[1]) * KIB if found else 0
    return total


def descriptors(pid: int) -> int:
    """Open descriptors of a process and of those it started."""
    total = 0
    for each in _family(pid):
        with contextlib.suppress(FileNotFoundError):
            total += len(os.listdir(f"/proc/{each}/fd"))
    return total


def processor(pid: int) -> float:
    """Seconds of processor that a process has used, and those it started."""
    ticks = 0
    for each in _family(pid):
        with contextlib.suppress(FileNotFoundError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def steady(measure: Callable[[], int], seconds: float = START_SECONDS) -> int:
    """What is measured, once it has stopped growing for half a second."""
    end = time.monotonic() + seconds
    most, since = measure(), time.monotonic()
    while time.monotonic() - since < 0.5:
        if time.monotonic() > end:
            raise PartError("it grows and grows")
        time.sleep(0.05)
        now = measure()
        if now > most:
            most, since = now, time.monotonic()
    return most


def many_descriptors(number: int) -> None:
    """This process may have so many descriptors, or the test is skipped."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= number:
        return
    if hard < number:
        raise SkipTest(f"NOT TESTED: {number} descriptors are needed, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


def proxy(*options: str, make: Callable[..., Twistd] = HatchedTwistd) -> Twistd:
    """A proxy that is up, on a free port, and may fetch from loopback."""
    made = make("proxy", "-p", "0", "--allow-net", "127.0.0.0/8", *options)
    try:
        return made.up()
    except PartError:
        made.close()
        raise
