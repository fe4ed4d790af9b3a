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
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a clone will do

from bench.soaking.calls import Caller, Pace, done_by
from bench.soaking.relays import Relay
from bench.soaking.watch import DESCRIPTORS, GROWTH
from tests.real import load
from tests.real.load import MIB, fetch
from tests.real.parts import Twistd, wordproxy

CLIENTS = 16


def started(told: argparse.Namespace, origin: load.Origin) -> Twistd:
    """The service, up."""
    more = ["--connect-port", str(origin.tunnel_port), "--access-log", "off"]
    if told.workers > 1:
        more += ["--workers", str(told.workers)]
    return (wordproxy if told.service == "wordproxy" else load.proxy)(*more, make=Twistd)


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
        pace, dice = Pace(), [random.Random(f"{told.seed}.{one}") for one in range(CLIENTS)]
        clients = [Caller(Relay(port, origin, rng).deeds(), rng, told.rate / CLIENTS, pace) for rng in dice]
        for client in clients:
            client.start()
        samples: list[tuple[float, int]] = []
        print("minute   deeds  wrong  memory MiB  descriptors  processor", flush=True)
        while time.monotonic() < ends:
            used, since = load.processor(service.pid), time.monotonic()
            time.sleep(max(0.1, min(60.0, ends - since)))
            share = (load.processor(service.pid) - used) / (time.monotonic() - since)
            samples.append((time.monotonic() - began, load.memory(service.pid)))
            deeds = sum(done_by(clients).values())
            wrong = sum(len(client.wrong) for client in clients)
            print(
                f"{samples[-1][0] / 60:6.1f} {deeds:7} {wrong:6} {samples[-1][1] / MIB:11.1f}"
                f" {load.descriptors(service.pid):12} {share:9.0%}",
                flush=True,
            )
        pace.stop.set()
        for client in clients:
            client.join(load.FETCH_SECONDS)
        return verdict(told, service, origin, clients, samples, settled(service, descriptors) - descriptors)


def verdict(
    told: argparse.Namespace,
    service: Twistd,
    origin: load.Origin,
    clients: list[Caller],
    samples: list[tuple[float, int]],
    more_descriptors: int,
) -> bool:
    """Print what was found; return whether all was well."""
    done = done_by(clients)
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
        and more_descriptors <= DESCRIPTORS * (1 + told.workers)
        and status == 0
    )


def adds_up(service: Twistd, origin: load.Origin, clients: list[Caller]) -> bool:
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
