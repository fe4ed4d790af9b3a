"""A mixed load for as long as you like, and what the service used meanwhile: memory, descriptors, errors.

    python bench/soak.py --minutes 60 [--service wordproxy] [--rate 25] [--workers 2] [--seed 1]

Pages of each framing and coding, uploads, tunnels, pipelines, refusals, origins that are not there, clients
that leave in the middle, at about so many a second; each answer is compared with what the origin sent.
A line is printed every minute.  The exit status is 1 if an answer was wrong, a traceback was logged, memory
grew by more than 10 MiB after the first tenth (at least a minute, at most two hours; no verdict on runs under
ten minutes), descriptors did not come back, give or take 8 a process, or wordproxy's coverage is not what the
origin and the tunnels saw.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a clone will do

from tests.real import load
from tests.real.load import KIB, MIB, MIXED, answer, asked, connect, fetch
from tests.real.parts import PartError, Twistd, wordproxy

CLIENTS = 16
GROWTH = 10 * MIB


class Wrong(Exception):  # noqa: N818 - an answer, not a mistake of the reader's
    """An answer is not what it should be."""


def check(found: object, expected: object) -> None:
    """They are the same.  Raises: Wrong."""
    if found != expected:
        raise Wrong(f"{str(found)[:200]} instead of {str(expected)[:200]}")


class Client(threading.Thread):
    """Does one thing after the other, at its share of the rate, until ``ends``."""

    def __init__(self, port: int, origin: load.Origin, seed: str, rate: float, ends: float) -> None:
        super().__init__(daemon=True)
        self._port, self._origin, self._ends, self._pause = port, origin, ends, CLIENTS / rate
        self._rng = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._deeds: list[tuple[int, Callable[[], None]]] = [
            (40, self.pages),
            (10, self.sizes),
            (8, self.upload),
            (6, self.tunnel),
            (6, self.pipeline),
            (6, self.refused),
            (4, self.leaves),
            (2, self.slow),
        ]

    def run(self) -> None:
        """Work."""
        weights = [weight for weight, _deed in self._deeds]
        while (now := time.monotonic()) < self._ends:
            deed = self._rng.choices(self._deeds, weights)[0][1]
            name = deed.__name__
            try:
                deed()
            except (Wrong, PartError, OSError, http.client.HTTPException) as error:
                self.wrong.append(f"{name}: {error!r}")
            self.done[name] += 1
            time.sleep(max(0.0, now + self._pause * self._rng.uniform(0.5, 1.5) - time.monotonic()))

    def pages(self) -> None:
        """Some mixed answers over one connection."""
        with connect(self._port) as client:
            for number in self._rng.sample(range(MIXED), 5):
                client.sendall(asked(self._origin.url(f"/mixed/{number}?{self._rng.random()}")))
                check(answer(client).read(), load.mixed(number)[1])

    def sizes(self) -> None:
        """A body of some size, in some framing."""
        size = self._rng.choice((0, 1, KIB, 64 * KIB, 3 * MIB))
        with connect(self._port) as client:
            client.sendall(
                asked(self._origin.url(f"/{self._rng.choice(('bytes', 'chunked', 'close'))}/{size}"))
            )
            check(load.body_digest(answer(client)), load.digest(size))

    def upload(self) -> None:
        """A body that is sent."""
        size = self._rng.choice((1, KIB, 200 * KIB))
        body = load.BLOCK[:size]
        told = fetch(self._port, self._origin.url("/sum"), "POST", body=body)
        check(told, (200, f"{size} {hashlib.sha256(body).hexdigest()}".encode()))

    def tunnel(self) -> None:
        """Something through a tunnel, either way."""
        size = self._rng.choice((10, 64 * KIB, MIB))
        with load.tunnel(self._port, self._origin.tunnel_port) as end:
            if self._rng.random() < 0.5:
                end.sendall(b"SEND %d\n" % size)
                check(load.received(end, size), load.digest(size))
            else:
                end.sendall(b"SUM %d\n" % size + load.BLOCK[:size])
                with end.makefile() as lines:
                    check(lines.readline(), f"{size} {load.digest(size)}\n")

    def pipeline(self) -> None:
        """Several requests at once."""
        numbers = self._rng.sample(range(MIXED), 6)
        with connect(self._port) as client, client.makefile("rb") as answers:
            client.sendall(b"".join(asked(self._origin.url(f"/mixed/{number}")) for number in numbers))
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
            client.sendall(asked(self._origin.url(f"/bytes/{5 * MIB}"))[: self._rng.choice((10, 1000))])
            if self._rng.random() < 0.5:
                load.reset(client)

    def slow(self) -> None:
        """An answer that takes its time."""
        check(len(fetch(self._port, self._origin.url("/slow/300/5000"))[1]), 5000)


def started(told: argparse.Namespace, origin: load.Origin) -> Twistd:
    """The service, up."""
    more = ["--connect-port", str(origin.tunnel_port), "--access-log", "off"]
    if told.workers > 1:
        more += ["--workers", str(told.workers)]
    return (wordproxy if told.service == "wordproxy" else load.proxy)(*more)


def settled(service: Twistd, before: int) -> int:
    """Descriptors that are open once clients and kept connections have gone."""
    end = time.monotonic() + 45
    least = load.descriptors(service.pid)
    while least > before and time.monotonic() < end:
        time.sleep(1)
        least = min(least, load.descriptors(service.pid))
    return least


def soak(told: argparse.Namespace) -> bool:
    """Load the service; return whether all was well."""
    with contextlib.ExitStack() as stack:
        origin = load.Origin()
        stack.callback(origin.close)
        service = started(told, origin)
        stack.callback(service.close)
        port = service.ports["proxy"]
        fetch(port, origin.url("/"))
        descriptors = load.steady(lambda: load.descriptors(service.pid))
        began = time.monotonic()
        ends = began + told.minutes * 60
        clients = [Client(port, origin, f"{told.seed}.{one}", told.rate, ends) for one in range(CLIENTS)]
        for client in clients:
            client.start()
        samples: list[tuple[float, int]] = []
        print("minute   deeds  wrong  memory MiB  descriptors  processor", flush=True)
        while time.monotonic() < ends:
            used, since = load.processor(service.pid), time.monotonic()
            time.sleep(max(0.1, min(60.0, ends - since)))
            share = (load.processor(service.pid) - used) / (time.monotonic() - since)
            samples.append((time.monotonic() - began, load.memory(service.pid)))
            deeds = sum(sum(client.done.values()) for client in clients)
            wrong = sum(len(client.wrong) for client in clients)
            print(
                f"{samples[-1][0] / 60:6.1f} {deeds:7} {wrong:6} {samples[-1][1] / MIB:11.1f}"
                f" {load.descriptors(service.pid):12} {share:9.0%}",
                flush=True,
            )
        for client in clients:
            client.join(load.FETCH_SECONDS)
        return verdict(told, service, origin, clients, samples, settled(service, descriptors) - descriptors)


def verdict(
    told: argparse.Namespace,
    service: Twistd,
    origin: load.Origin,
    clients: list[Client],
    samples: list[tuple[float, int]],
    more_descriptors: int,
) -> bool:
    """Print what was found; return whether all was well."""
    done = sum((client.done for client in clients), Counter())
    wrong = [one for client in clients for one in client.wrong]
    tracebacks = service.log.count("Traceback")
    warm = min(max(told.minutes * 6, 60), 7200)
    late = [size for at, size in samples if at >= warm]
    grown = max(late) - late[0] if late else 0
    print("deeds: " + ", ".join(f"{count} {name}" for name, count in sorted(done.items())))
    print(f"wrong: {len(wrong)}" + "".join(f"\n  {one}" for one in wrong[:10]))
    print(f"tracebacks logged: {tracebacks}")
    print(f"memory after the first {warm:.0f} s: {grown / MIB:+.1f} MiB at most")
    print(f"descriptors left: {more_descriptors:+}")
    flat = grown <= GROWTH or told.minutes < 10
    sums = adds_up(service, origin, clients) if told.service == "wordproxy" else True
    status = service.stop()
    print(f"ended with {status}")
    return (
        not wrong
        and not tracebacks
        and sums
        and flat
        and more_descriptors <= 8 * (1 + told.workers)
        and status == 0
    )


def adds_up(service: Twistd, origin: load.Origin, clients: list[Client]) -> bool:
    """Whether counted, skipped and unseen are what the origin and the tunnels saw (RELIABILITY §3.28).

    A client that left before the head of its answer has got no page: those are the only ones not noted.
    """
    tunnels, left = (sum(client.done[deed] for client in clients) for deed in ("tunnel", "leaves"))
    seen, told, end = origin.requests + tunnels, 0, time.monotonic() + 60
    while told < seen - left and time.monotonic() < end:
        share = service.report("/coverage.json")
        told = share["counted"] + share["unseen"] + sum(share["skipped"].values())
        time.sleep(0.5)
    print(f"coverage: {share['counted']} counted, {share['skipped']} skipped, {share['unseen']} unseen")
    print(f"in sum {told}; {origin.requests} requests at the origin, {tunnels} tunnels, {left} clients left")
    return bool(seen - left <= told <= seen)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--service", choices=("proxy", "wordproxy"), default="proxy")
    parser.add_argument(
        "--rate", type=float, default=25.0, help="deeds a second, of about four requests each"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=None)
    told = parser.parse_args()
    if told.seed is None:
        told.seed = random.SystemRandom().getrandbits(32)
    print(f"{told.service}, seed {told.seed}", flush=True)
    return 0 if soak(told) else 1


if __name__ == "__main__":
    sys.exit(main())
