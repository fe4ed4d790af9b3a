"""The loads: what is asked of a proxy, and what that cost it.

Each load takes a running peer, an origin and the length of a round, and returns the round's figures by name.
CPU is the proxy's own: what all its processes used while the load ran.  A load of which answers fail, or that
takes too long, is no measurement and raises ``Spoiled``.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.origin import HUGE, HUGE_BYTES, PAGE, SMALL, SMALL_BYTES, Origin
from bench.peers import Peer, program
from bench.processes import cpu_seconds, memory_bytes

Figures = dict[str, float]
Load = Callable[[Peer, Origin, float], Figures]

#: Longest wait for bytes, and longest round of the loads that end by themselves, in seconds.
SILENCE, LONGEST = 20.0, 90.0

TUNNELS_AT_ONCE = 32
IDLE_TUNNELS = 9_000

#: Answers of a thousand that may fail in a round.
SPOILED_PER_MILLE = 1

MIB = 1 << 20


class Spoiled(Exception):  # noqa: N818 - a round's state
    """Answers failed, so that the round's figures say nothing."""


@contextlib.contextmanager
def spent(by: Peer | Origin) -> Iterator[Callable[[], float]]:
    """Gives what tells, after the block, the CPU seconds that its processes used in it."""
    before, after = cpu_seconds(by.pids()), 0.0
    yield lambda: after - before
    after = cpu_seconds(by.pids())


# -- requests, by wrk ----------------------------------------------------------------------------

#: An absolute-form request: without a ``request`` function wrk makes it once and sends the same bytes again.
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
    """A load of GETs for a path over so many connections."""

    def load(peer: Peer, origin: Origin, seconds: float) -> Figures:
        with TemporaryDirectory(prefix="netsuite-wrk-") as folder:
            script = Path(folder, "request.lua")
            script.write_text(_SCRIPT.format(url=origin.url(path), host=origin.authority))
            command = [program("wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
            command += ["-s", str(script), f"http://{peer.host}:{peer.port}/"]
            with spent(peer) as cost, spent(origin) as served, _spent_by_children() as asked:
                done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        answers = told["requests"]
        failed = told["failed"] + (told["cut"] if peer.keeps else 0)
        if not answers or failed * 1000 > answers * SPOILED_PER_MILLE:
            raise Spoiled(f"{failed} of {answers} answers failed")
        seconds = told["microseconds"] / 1e6
        return {
            "cpu": cost() / answers * 1e6,
            "rate": answers / seconds,
            "p50": told["p50"],
            **_busy(cost(), served() + asked(), seconds),
        }

    return load


def _busy(proxy: float, load: float, seconds: float) -> Figures:
    """How much of its cores each used, and both of all of them, in per cent; the load's cores are our own."""
    return {
        "busy": proxy / seconds * 100,
        "load": load / seconds / len(os.sched_getaffinity(0)) * 100,
        "machine": (proxy + load) / seconds / (os.cpu_count() or 1) * 100,
    }


@contextlib.contextmanager
def _spent_by_children() -> Iterator[Callable[[], float]]:
    """The same of our own children that ended in the block."""
    before, after = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), 0.0
    yield lambda: after - before
    after = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


# -- bytes ---------------------------------------------------------------------------------------


def tunnelled(peer: Peer, origin: Origin, _seconds: float) -> Figures:
    """The huge file through a tunnel."""
    with tunnel(peer, origin) as sock:
        return _bulk(peer, sock, get(HUGE, origin))


def downloaded(peer: Peer, origin: Origin, _seconds: float) -> Figures:
    """The huge file by a plain GET."""
    with socket.create_connection(peer.address, SILENCE) as sock:
        return _bulk(peer, sock, get(origin.url(HUGE), origin))


def _bulk(peer: Peer, sock: socket.socket, request: bytes) -> Figures:
    """What the huge file costs to get by this request."""
    began = time.monotonic()
    into = bytearray(MIB)
    with spent(peer) as cost:
        sock.sendall(request)
        left = HUGE_BYTES - len(after_head(sock))
        while left:
            # With MSG_TRUNC the kernel drops the bytes where they lie: the load costs next to nothing.
            got = sock.recv_into(into, min(left, MIB), socket.MSG_TRUNC)
            if not got:
                raise Spoiled(f"{left} bytes of the file are missing")
            if time.monotonic() - began > LONGEST:
                raise Spoiled(f"{left / HUGE_BYTES:.0%} of the file missing after {LONGEST:.0f} s")
            left -= got
    took = time.monotonic() - began
    return {"seconds": cost(), "speed": HUGE_BYTES / took / MIB, "busy": cost() / took * 100}


# -- tunnels -------------------------------------------------------------------------------------


def get(target: str, origin: Origin, more: str = "") -> bytes:
    """A GET; ``more``: further header lines."""
    return f"GET {target} HTTP/1.1\r\nHost: {origin.authority}\r\n{more}\r\n".encode()


def connect(origin: Origin) -> bytes:
    """A request for a tunnel to the origin."""
    return f"CONNECT {origin.authority} HTTP/1.1\r\nHost: {origin.authority}\r\n\r\n".encode()


def tunnel(peer: Peer, origin: Origin) -> socket.socket:
    """A connection to the origin through the peer.  Raises: Spoiled, OSError."""
    sock = socket.create_connection((peer.host, peer.tunnel_port), SILENCE)
    if peer.connects:
        sock.sendall(connect(origin))
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


def connects(peer: Peer, origin: Origin, seconds: float) -> Figures:
    """Tunnels of one GET each, by clients that open the next as soon as the last is closed.

    The clients are processes with blocking sockets.
    """
    plain = ((peer.host, peer.tunnel_port), connect(origin) if peer.connects else b"")
    ask = get(SMALL, origin, "Connection: close\r\n")
    fork = multiprocessing.get_context("fork")
    try:
        with ProcessPoolExecutor(TUNNELS_AT_ONCE, mp_context=fork) as clients:
            begin = time.monotonic() + 0.5  # all have been forked by then
            with spent(peer) as cost, spent(origin) as served:
                jobs = [(*plain, ask, begin, begin + seconds)] * TUNNELS_AT_ONCE
                told = list(clients.map(_client, jobs))
    except BrokenProcessPool:
        raise Spoiled("a tunnel did not end") from None
    took = [second for times, _ in told for second in times]
    if not took:
        raise Spoiled("no tunnel came")
    return {
        "cpu": cost() / len(took) * 1e6,
        "rate": len(took) / seconds,
        "p50": statistics.median(took) * 1e6,
        **_busy(cost(), served() + sum(used for _, used in told), seconds),
    }


def _client(job: tuple[tuple[str, int], bytes, bytes, float, float]) -> tuple[list[float], float]:
    """Seconds of each tunnel from ``begin`` to ``end``, and the CPU seconds they took here."""
    address, tunnel_request, request, begin, end = job
    signal.alarm(int(end - time.monotonic() + SILENCE))  # ends this process if it hangs
    took, used = [], time.process_time()
    time.sleep(max(0.0, begin - time.monotonic()))
    while (now := time.monotonic()) < end:
        with socket.socket() as sock:
            sock.connect(address)
            if tunnel_request:
                sock.send(tunnel_request)
                if sock.recv(4096)[9:12] != b"200":
                    raise Spoiled("a tunnel was refused")
            sock.send(request)
            have = 0
            while got := sock.recv(65536):
                have += len(got)
        if have < SMALL_BYTES:
            raise Spoiled("a tunnel ended early")
        took.append(time.monotonic() - now)
    signal.alarm(0)
    return took, time.process_time() - used


def idle(peer: Peer, origin: Origin, _seconds: float) -> Figures:
    """Memory of tunnels that carried one GET each and are silent now; the kernel's buffers don't count.

    Only the first round of a process tells: after it, memory that was freed is used again.
    """
    _hold(peer, origin, 64)  # what is allocated once, whatever number follows
    before = memory_bytes(peer.pids())
    after = _hold(peer, origin, IDLE_TUNNELS)
    return {"memory": (after - before) / IDLE_TUNNELS / 1024, "total": after / MIB}


def _hold(peer: Peer, origin: Origin, number: int) -> int:
    """The peer's memory while so many tunnels are open."""
    too_late = time.monotonic() + LONGEST
    with contextlib.ExitStack() as stack:
        for opened in range(number):
            sock = stack.enter_context(tunnel(peer, origin))
            sock.sendall(get(SMALL, origin))
            have = len(after_head(sock))
            while have < SMALL_BYTES:
                have += len(sock.recv(65536)) or SMALL_BYTES
            if time.monotonic() > too_late:
                raise Spoiled(f"{opened:,} of {number:,} tunnels after {LONGEST:.0f} s")
        time.sleep(1.0)  # the peer is done with the last bytes
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

#: Loads that need tunnels, that are warmed up by a short round, and that have one round a process.
TUNNELS, WARMED, ONCE = {"tunnel", "connects", "idle"}, {"small", "page", "latency", "workers"}, {"idle"}
