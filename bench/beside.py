"""What counting costs who reads: latency of a small request beside a stream of pages; the counter's memory.

    python -m bench.beside [--rate 200] [--seconds 10] [--rounds 3] [--words 1000000]

*Latency*: one client gets 1 KiB again and again while others get so many pages a second; the same with
counting paused.  Proxy, origin and load have all cores, as on a user's machine.  *Memory*: the counter's,
after pages that had so many distinct words in all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence

from bench import corpus, peers
from bench.corpus import Sample
from bench.counters import ours
from bench.loads import MIB
from bench.origin import SMALL
from bench.pages import Asked, PageOrigin, ask
from bench.processes import memory_bytes
from tests.real.parts import children, until

#: What p99 may be beside counting, as a multiple of the same without.
LATENCY_MAX = 2.0

#: What the counter may have after a million distinct words.
MEMORY_MAX_MIB = 200

_PAGES = 1000


def latency(origin: PageOrigin, rate: float, seconds: float, *options: str) -> tuple[float, float, int]:
    """p50 and p99 of small requests in milliseconds, beside ``rate`` pages a second; and pages counted."""
    with ours(origin, *options) as running:
        ask(running.peer, origin.urls[:50])
        stop = threading.Event()
        took: list[float] = []
        reader = threading.Thread(target=_read, args=(running.peer, origin.url(SMALL), stop, took))
        urls = (origin.urls * (1 + int(rate * seconds) // len(origin.urls)))[: int(rate * seconds)]
        reader.start()
        streamed = ask(running.peer, urls, 16, 1 / rate)
        stop.set()
        reader.join()
        late = len(urls) / streamed.seconds
        if late < rate * 0.9:
            print(f"  only {late:.0f} pages a second were asked for", file=sys.stderr)
        cuts = statistics.quantiles(took, n=100)
        return cuts[49] * 1000, cuts[98] * 1000, running.counted()


def _read(peer: peers.Peer, url: str, stop: threading.Event, took: list[float]) -> None:
    def forever() -> Iterator[str]:
        while not stop.is_set():
            time.sleep(0.002)
            yield url

    each: Asked = ask(peer, forever(), 1)
    took += each.each


def distinct(words: int, each: int = 500) -> Iterator[Sample]:
    """Pages of so many distinct words each, so many in all."""
    letters = str.maketrans("0123456789", "etaoinshrd")
    for page, start in enumerate(range(0, words, each)):
        text = " ".join(f"q{str(at).translate(letters)}" for at in range(start, min(words, start + each)))
        yield Sample(page % 20, f"/d/{page}.html", f"<!doctype html><html lang=en><p>{text}".encode())


def memory(words: int) -> tuple[float, float]:
    """MiB of the counter once it is idle, and at most."""
    origin = PageOrigin(list(distinct(words)))
    try:
        with ours(origin, "--waiting-bytes", "1GiB", "--waiting-pages", "100000") as running:
            most = 0
            urls = origin.urls
            ask(running.peer, urls)

            def done() -> bool:
                nonlocal most
                counters = children(running.peer.child.pid)
                most = max(most, memory_bytes(counters))
                time.sleep(0.2)
                return running.counted() >= len(urls)

            until("all pages are counted", done, 600.0)
            return memory_bytes(children(running.peer.child.pid)) / MIB, most / MIB
    finally:
        origin.stop()


def main(arguments: Sequence[str]) -> int:
    """Print both; the status is 1 if one is past its bound."""
    reader = argparse.ArgumentParser(prog="bench.beside", description="What counting costs who reads.")
    reader.add_argument("--rate", type=float, default=200, help="pages a second")
    reader.add_argument("--seconds", type=float, default=10.0)
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument(
        "--words", type=int, default=1_000_000, help="distinct ones; 0: no memory is measured"
    )
    asked = reader.parse_args(arguments)
    peers.raise_descriptors()
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"
    ratio, most = 0.0, 0.0
    if asked.rounds:
        origin = PageOrigin(list(corpus.news(_PAGES)))
        try:
            with_it, without = [], []
            for _ in range(asked.rounds):
                with_it.append(latency(origin, asked.rate, asked.seconds))
                without.append(latency(origin, asked.rate, asked.seconds, "--paused"))
                print(f"  counting {with_it[-1]}, paused {without[-1]}", file=sys.stderr, flush=True)
        finally:
            origin.stop()
        p99, paused = (statistics.median(one[1] for one in each) for each in (with_it, without))
        ratio = p99 / paused
        print(
            f"p99 of 1 KiB beside {asked.rate:g} pages/s: {p99:.2f} ms, paused {paused:.2f} ms, {ratio:.2f} x"
        )
    if asked.words:
        idle, most = memory(asked.words)
        print(f"counter after {asked.words:,} distinct words: {idle:.0f} MiB, at most {most:.0f} MiB")
    return int(ratio > LATENCY_MAX or most > MEMORY_MAX_MIB)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
