"""Much nonsense: memory stays flat, descriptors come back, no traceback in the log, others are served."""

from __future__ import annotations

import os
import random
import re
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.real.origin.cases import CASES
from tests.real.origin.sites import start
from tests.real.origin.visit import Visit, ask, post
from tests.real.parts import Twistd, until

NIGHTLY = os.environ.get("NETSUITE_TEST_SCALE") == "nightly"

#: Connections with a mutated request each, before and after memory is looked at.
WARM, MORE = (5_000, 60_000) if NIGHTLY else (600, 1_500)

#: How much the process may grow by the second lot.
GROWTH = 8 << 20

_SEEDS = (
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
    data = bytearray(random_.choice(_SEEDS) * random_.choice((1, 1, 2)))
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


class FloodTests(SynchronousTestCase):
    """Each site gets its lot; the seed of a failure is in its message."""

    def flood(self, service: Twistd, visit: Visit, random_: random.Random, count: int) -> None:
        """So many connections, each with its nonsense, some closed by us in the midst of it."""
        for number in range(count):
            with socket.create_connection(("127.0.0.1", visit.site.port), 20) as one:
                one.settimeout(20)
                try:
                    one.sendall(visit.filled(mutated(random_)))
                    if number % 3:
                        one.shutdown(socket.SHUT_WR)
                        while one.recv(1 << 16):
                            pass
                except OSError:
                    continue

    def descriptors(self, pid: int) -> int:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    def try_site(self, name: str) -> None:
        seed = random.SystemRandom().randrange(1 << 32)
        random_ = random.Random(seed)
        service, site = start(name, "--access-log", "off")
        self.addCleanup(service.close)
        with Visit(site) as visit:
            before = self.descriptors(service.pid)
            self.flood(service, visit, random_, WARM)
            until("all is let go", lambda: self.descriptors(service.pid) <= before + 8)
            warm = kilobytes(service.pid)
            self.flood(service, visit, random_, MORE)
            until("all is let go", lambda: self.descriptors(service.pid) <= before + 8)
            self.assertLess(1024 * (kilobytes(service.pid) - warm), GROWTH, f"seed {seed}")
            visit.good(ask())
        for word in ("Traceback", "fault "):
            at = service.log.find(word)
            self.assertLess(at, 0, f"seed {seed}: {service.log[at : at + 3000]}")

    def test_colors(self) -> None:
        """colors."""
        self.try_site("colors")

    def test_pages(self) -> None:
        """pages."""
        self.try_site("pages")

    def test_report(self) -> None:
        """The report."""
        self.try_site("report")

    def test_seeds_are_good(self) -> None:
        """What is mutated is no nonsense before: most of it is answered 200 or sent elsewhere."""
        service, site = start("colors")
        self.addCleanup(service.close)
        with Visit(site) as visit:
            statuses = [visit.answer(seed).status for seed in _SEEDS if b"HTTP/1.1" in seed]
        self.assertNotIn(500, statuses)
        self.assertGreaterEqual(sum(status in (200, 301) for status in statuses), 3, statuses)
        self.assertGreater(len(CASES), 140)
