"""Much nonsense at once: memory stays flat, descriptors come back, no traceback, others are served."""

from __future__ import annotations

import contextlib
import random
import re
import socket
from pathlib import Path

from tests.real.origin.visit import Site, Visit, ask, holds, post
from tests.real.parts import Twistd, until
from tests.scale import NIGHTLY

#: Connections with a mutated request each, before and after memory is looked at.
WARM, MORE = (5_000, 60_000) if NIGHTLY else (300, 900)

#: How much the process may grow by the second lot.
GROWTH = 8 << 20

SEEDS = (
    ask(b"Accept: */*", b"Cookie: a=b"),
    post(b"Content-Length: 5", body=b"hello"),
    post(b"Transfer-Encoding: chunked", body=b"5;x=y\r\nhello\r\n0\r\nX: 1\r\n\r\n"),
    ask(start=b"GET http://HOST/%c0%af?a=%zz HTTP/1.1"),
    ask(start=b"GET /palette/ff0000-00ff00-red.json?on=oklch(0.5%200.1%2030) HTTP/1.1"),
    ask(start=b"GET /color/rgb(255%2C0%2C0).png HTTP/1.1"),
    ask(start=b"GET /word/a?lang=en&q=%00 HTTP/1.1"),
)
_ODD = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b"%",
    b";",
    b",",
    b"\xff",
    b"0",
    b"chunked",
    b"-",
    b"\x0b",
)


def mutated(random_: random.Random) -> bytes:
    """A request with some of its bytes left out, doubled, exchanged, or odd ones put in."""
    data = bytearray(random_.choice(SEEDS) * random_.choice((1, 1, 2)))
    for _ in range(random_.randrange(1, 5)):
        at = random_.randrange(len(data))
        match random_.randrange(4):
            case 0:
                del data[at : at + random_.randrange(1, 6)]
            case 1:
                data[at:at] = random_.choice(_ODD)
            case 2:
                data[at:at] = data[at : at + random_.randrange(1, 40)]
            case 3:
                data[at] = random_.randrange(256)
        if not data:
            break
    return bytes(data)


def kilobytes(pid: int) -> int:
    """The process's memory."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def flood(visit: Visit, random_: random.Random, count: int) -> None:
    """So many connections, each with its nonsense, some closed by us in the midst of it."""
    for number in range(count):
        with socket.create_connection(("127.0.0.1", visit.site.port), 20) as one:
            one.settimeout(20)
            with contextlib.suppress(OSError):
                one.sendall(visit.filled(mutated(random_)))
                if number % 3:
                    one.shutdown(socket.SHUT_WR)
                    while one.recv(1 << 16):
                        pass


def descriptors(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def weather(service: Twistd, site: Site) -> None:
    """The site stands a flood: no more memory, descriptors or tracebacks, and others are served."""
    seed = random.SystemRandom().randrange(1 << 32)
    random_ = random.Random(seed)
    with Visit(site) as visit:
        before = descriptors(service.pid)
        flood(visit, random_, WARM)
        until("all is let go", lambda: descriptors(service.pid) <= before + 8)
        warm = kilobytes(service.pid)
        flood(visit, random_, MORE)
        until("all is let go", lambda: descriptors(service.pid) <= before + 8)
        grown = 1024 * (kilobytes(service.pid) - warm)
        holds(grown < GROWTH, f"{grown} bytes more; seed {seed}")
        visit.good(ask())
    for word in ("Traceback", "fault "):
        at = service.log.find(word)
        holds(at < 0, f"seed {seed}: {service.log[at : at + 3000]}")
