"""The loads: what is asked of a proxy, and what it cost it.

Each load takes a running peer and an origin and returns one round's figures by name.  CPU is the proxy's own:
what all its processes used between the load's begin and end.  A load of which answers fail is no measurement
and raises ``Spoiled``.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.origin import HUGE, HUGE_BYTES, PAGE, SMALL, SMALL_BYTES, Origin
from bench.peers import Peer, program
from bench.processes import cpu_seconds, memory_bytes

Figures = dict[str, float]
Load = Callable[[Peer, Origin, float], Figures]

#: Longest wait for one answer, in seconds.
PATIENCE = 60.0

TUNNELS_AT_ONCE = 32
IDLE_TUNNELS = 9_000

#: Failed answers that a round may have of a thousand: wrk counts what it cuts off itself at its end.
SPOILED_PER_MILLE = 1


class Spoiled(Exception):  # noqa: N818 - a round's state
    """Answers failed, so that the round's figures say nothing."""


# -- requests, by wrk ----------------------------------------------------------------------------

#: An absolute-form request, made once: with no ``request`` function wrk sends the same bytes again and again.
_SCRIPT = """\
wrk.path = "{url}"
wrk.headers["Host"] = "{host}"
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '{{"requests":%d,"microseconds":%d,"p50":%d,"failed":%d,"cut":%d}}\\n',
        summary.requests, summary.duration, latency:percentile(50),
        e.connect + e.status + e.timeout, e.read + e.write))
end
"""


def requests(path: str, connections: int) -> Load:
    """A load of GETs for a path over so many kept connections."""

    def load(peer: Peer, origin: Origin, seconds: float) -> Figures:
        with TemporaryDirectory(prefix="netsuite-wrk-") as folder:
            script = Path(folder, "request.lua")
            script.write_text(_SCRIPT.format(url=origin.url(path), host=origin.authority))
            command = [program("wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
            command += ["-s", str(script), f"http://{peer.host}:{peer.port}/"]
            with spent(peer) as cost:
                done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        answers = told["requests"]
        failed = told["failed"] + (told["cut"] if peer.keeps else 0)
        if not answers or failed * 1000 > answers * SPOILED_PER_MILLE:
            raise Spoiled(f"{failed} of {answers} answers failed")
        return {
            "cpu": cost() / answers * 1e6,
            "rate": answers / told["microseconds"] * 1e6,
            "p50": told["p50"],
            "busy": cost() / told["microseconds"] * 1e8,
        }

    return load


@contextlib.contextmanager
def spent(peer: Peer) -> Iterator[Callable[[], float]]:
    """Gives what tells, after the block, the CPU seconds that the peer used in it."""
    before, after = cpu_seconds(peer.pids()), 0.0
    yield lambda: after - before
    after = cpu_seconds(peer.pids())


# -- bytes ---------------------------------------------------------------------------------------


def tunnelled(peer: Peer, origin: Origin, _seconds: float) -> Figures:
    """The huge file through a tunnel."""
    with tunnel(peer, origin) as sock:
        return bulk(peer, sock, f"GET {HUGE} HTTP/1.1\r\nHost: {origin.authority}\r\n\r\n".encode())


def downloaded(peer: Peer, origin: Origin, _seconds: float) -> Figures:
    """The huge file by a plain GET."""
    with socket.create_connection(peer.address, PATIENCE) as sock:
        url = origin.url(HUGE)
        return bulk(peer, sock, f"GET {url} HTTP/1.1\r\nHost: {origin.authority}\r\n\r\n".encode())


def bulk(peer: Peer, sock: socket.socket, request: bytes) -> Figures:
    """What the huge file costs to get by this request."""
    began = time.monotonic()
    with spent(peer) as cost:
        sock.sendall(request)
        left = HUGE_BYTES - len(after_head(sock))
        into = bytearray(1 << 20)
        while left:
            # MSG_TRUNC has TCP drop the bytes where they lie: the load costs next to nothing.
            got = sock.recv_into(into, min(left, len(into)), socket.MSG_TRUNC)
            if not got:
                raise Spoiled(f"{left} bytes of the file are missing")
            left -= got
    took = time.monotonic() - began
    return {"cpu": cost(), "rate": HUGE_BYTES / took / (1 << 20), "busy": cost() / took * 100}


# -- tunnels -------------------------------------------------------------------------------------


def tunnel(peer: Peer, origin: Origin) -> socket.socket:
    """A connection to the origin through the peer.  Raises: Spoiled, OSError."""
    sock = socket.create_connection((peer.host, peer.tunnel_port), PATIENCE)
    if peer.connects:
        sock.sendall(f"CONNECT {origin.authority} HTTP/1.1\r\nHost: {origin.authority}\r\n\r\n".encode())
        after_head(sock)
    return sock


def after_head(sock: socket.socket) -> bytes:
    """What came past the head of a 200.  Raises: Spoiled."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        got = sock.recv(65536)
        if not got:
            raise Spoiled(f"closed within a head: {data[:80]!r}")
        data += got
    if data[9:12] != b"200":
        raise Spoiled(f"answered {data[:80]!r}")
    return data[end + 4 :]


def one_get(sock: socket.socket, origin: Origin, more: str = "") -> None:
    """The small file came."""
    sock.sendall(f"GET {SMALL} HTTP/1.1\r\nHost: {origin.authority}\r\n{more}\r\n".encode())
    have = len(after_head(sock))
    while have < SMALL_BYTES:
        got = sock.recv(65536)
        if not got:
            raise Spoiled("closed within a body")
        have += len(got)


def connects(peer: Peer, origin: Origin, seconds: float) -> Figures:
    """Tunnels of one GET each, by clients that open the next as soon as the last is closed.

    The clients are processes with blocking sockets.  Where ``busy`` is well under 100 the load is the limit.
    """
    fork = multiprocessing.get_context("fork")
    plain = (peer.host, peer.tunnel_port, peer.connects, origin.authority)
    with ProcessPoolExecutor(TUNNELS_AT_ONCE, mp_context=fork) as pool:
        begin = time.monotonic() + 0.5  # all have been forked by then
        with spent(peer) as cost:
            each = list(pool.map(_client, [(*plain, begin, begin + seconds)] * TUNNELS_AT_ONCE))
    took = [second for times in each for second in times]
    if not took:
        raise Spoiled("no tunnel came")
    return {
        "cpu": cost() / len(took) * 1e6,
        "rate": len(took) / seconds,
        "p50": statistics.median(took) * 1e6,
        "busy": cost() / seconds * 100,
    }


def _client(given: tuple[str, int, bool, str, float, float]) -> list[float]:
    """Seconds of each tunnel from ``begin`` to ``end``."""
    host, port, asks, authority, begin, end = given
    ask = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode()
    get = f"GET {SMALL} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n".encode()
    took = []
    time.sleep(max(0.0, begin - time.monotonic()))
    while (now := time.monotonic()) < end:
        sock = socket.socket()
        sock.connect((host, port))
        if asks:
            sock.send(ask)
            if sock.recv(4096)[9:12] != b"200":
                raise Spoiled("a tunnel was refused")
        sock.send(get)
        have = 0
        while got := sock.recv(65536):
            have += len(got)
        sock.close()
        if have < SMALL_BYTES:
            raise Spoiled("a tunnel ended early")
        took.append(time.monotonic() - now)
    return took


def idle(peer: Peer, origin: Origin, _seconds: float) -> Figures:
    """Memory of tunnels that have carried one GET each and are silent now; the kernel's buffers don't count."""
    _hold(peer, origin, 64)  # what is allocated once, whatever number follows
    before = memory_bytes(peer.pids())
    after = _hold(peer, origin, IDLE_TUNNELS)
    return {"memory": (after - before) / IDLE_TUNNELS / 1024, "total": after / (1 << 20)}


def _hold(peer: Peer, origin: Origin, number: int) -> int:
    """The peer's memory while so many tunnels are open."""
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            one_get(stack.enter_context(tunnel(peer, origin)), origin)
        time.sleep(1.0)
        held = memory_bytes(peer.pids())
    time.sleep(1.0)  # the peer has seen them end
    return held


LOADS: dict[str, Load] = {
    "small": requests(SMALL, 64),
    "page": requests(PAGE, 64),
    "latency": requests(SMALL, 1),
    "tunnel": tunnelled,
    "download": downloaded,
    "connects": connects,
    "idle": idle,
    "workers": requests(SMALL, 64),
}
