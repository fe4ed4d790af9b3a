"""What nodes that share a Redis carry: pages a second, processor time of each part, bytes that stay.

    python -m bench.nodes [--nodes 1,2] [--pages 600] [--fsync always,everysec] [--haproxy] [--kinds]

Pages are those of ``bench.corpus``, each asked for once, as fast as it goes; a run ends when the store has
them all.  All parts, the load and the origin too, share this machine, so pages a second are of all of them
together: what a machine of its own would carry is worked out from the processor time of each part.
``--haproxy``: through ``deploy/haproxy.cfg`` (two nodes); ``--kinds``: where the memory is.  One line a run.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import redis

from bench import corpus
from bench.pages import PageOrigin, ask
from bench.peers import Peer
from bench.processes import cpu_seconds
from tests.real.cluster import HAProxy, Node
from tests.real.parts import children, until
from tests.wordproxy.store.server import Redis

#: Pages before the others, so that what is made once is made.
WARM = 60

#: Longest wait for the last page.
LONGEST = 300.0


@dataclass(slots=True)
class Parts:
    """What runs, and the processes of each part."""

    redis: Redis
    nodes: list[Node]
    haproxy: HAProxy | None

    def pids(self) -> dict[str, list[int]]:
        """The processes of each part."""
        relays = [node.running.pid for node in self.nodes]
        return {
            "relay": relays,
            "counter": [child for relay in relays for child in children(relay)],
            "redis": [self.redis.pid],
            "haproxy": [] if self.haproxy is None else [self.haproxy.pid],
        }

    def spent(self) -> dict[str, float]:
        """CPU seconds of each part so far."""
        return {name: cpu_seconds(pids) for name, pids in self.pids().items()}


@contextlib.contextmanager
def running(nodes: int, fsync: str, haproxy: bool) -> Iterator[Parts]:
    """A Redis, nodes on it, and HAProxy before them where it is wanted."""
    with contextlib.ExitStack() as stack:
        server = Redis(["--appendfsync", fsync])
        stack.callback(server.close)
        made = []
        for number in range(nodes):
            node = Node(
                f"node{number}", server.where("bench"), "--waiting-bytes", "1GiB", "--access-log", "off"
            )
            stack.callback(node.forget)
            made.append(node.up())
        front = None
        if haproxy:
            front = HAProxy(made)
            stack.callback(front.close)
            front.up()
        yield Parts(server, made, front)


def measured(parts: Parts, origin: PageOrigin, fsync: str) -> str:
    """Ask for all pages and return the line."""
    link = redis.Redis(unix_socket_path=str(parts.redis.socket))
    ports = [parts.haproxy.proxy] if parts.haproxy else [node.proxy for node in parts.nodes]
    peers = [Peer("node", "", parts.nodes[0].running, port, port) for port in ports]

    def counted() -> int:
        return int(parts.nodes[0].running.report("/coverage.json")["counted"])

    def read(urls: list[str]) -> None:
        lots = [urls[at :: len(peers)] for at in range(len(peers))]
        _together([lambda peer=peer, lot=lot: ask(peer, lot) for peer, lot in zip(peers, lots, strict=True)])

    read(origin.urls[:WARM])
    until("the first pages", lambda: counted() == WARM, LONGEST)
    pages = len(origin.urls) - WARM
    before, memory, log = parts.spent(), link.info()["used_memory"], link.info()["aof_current_size"]
    calls, held = _scripts(link)
    began = time.monotonic()
    read(origin.urls[WARM:])
    asked = time.monotonic() - began
    until("all pages", lambda: counted() == WARM + pages, LONGEST)
    took = time.monotonic() - began
    after, info = parts.spent(), link.info()
    busy = "  ".join(f"{name} {1000 * (after[name] - before[name]) / pages:.2f}" for name in after)
    more = _scripts(link)
    ran, milliseconds = more[0] - calls, (more[1] - held) / 1000 / (more[0] - calls)
    tallies = sum(link.hlen(key) for key in link.scan_iter("{bench}:tally:*", count=1000))
    how = f"{len(parts.nodes)} nodes{' by haproxy' if parts.haproxy else ''}, {fsync}"
    return (
        f"{how}: {pages / took:.0f} pages/s stored ({pages / asked:.0f} relayed); CPU ms a page: {busy}; "
        f"{(info['used_memory'] - memory) / pages / 1024:.1f} KiB of memory and "
        f"{(info['aof_current_size'] - log) / pages / 1024:.1f} KiB of log a page; {tallies} tallies of "
        f"{info['used_memory'] / max(1, tallies):.0f} bytes in all; {ran} scripts of {milliseconds:.0f} ms"
    )


def kinds(parts: Parts) -> Iterator[str]:
    """A line for each kind of key: how many there are, members, and bytes of memory."""
    link = redis.Redis(unix_socket_path=str(parts.redis.socket))
    found: dict[str, list[int]] = {}
    sizes = {b"hash": link.hlen, b"set": link.scard, b"zset": link.zcard}
    for key in link.scan_iter("{bench}:*", count=1000):
        kind = key.split(b":")[1].decode()
        row = found.setdefault(kind, [0, 0, 0])
        size = sizes.get(link.type(key), lambda _key: 1)
        for at, more in enumerate((1, size(key), link.memory_usage(key, samples=0) or 0)):
            row[at] += more
    for kind, (keys, members, used) in sorted(found.items(), key=lambda item: -item[1][2]):
        line = f"  {kind:10} {keys:7} keys {members:9} members {used / 2**20:8.2f} MiB"
        yield line + f" {used / members:7.0f} bytes each"


def _scripts(link: redis.Redis) -> tuple[int, int]:
    """Scripts that were run, and microseconds that they held the server."""
    told = link.info("commandstats")
    rows = [told.get(f"cmdstat_{name}", {}) for name in ("evalsha", "eval", "fcall")]
    return sum(int(row.get("calls", 0)) for row in rows), sum(int(row.get("usec", 0)) for row in rows)


def _together(jobs: list[Callable[[], object]]) -> None:

    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nodes", default="1,2")
    parser.add_argument("--pages", type=int, default=600)
    parser.add_argument("--fsync", default="always")
    parser.add_argument("--haproxy", action="store_true")
    parser.add_argument("--kinds", action="store_true")
    told = parser.parse_args()
    origin = PageOrigin(list(corpus.news(WARM + told.pages)))
    try:
        for nodes in map(int, told.nodes.split(",")):
            for fsync in told.fsync.split(","):
                with running(nodes, fsync, told.haproxy and nodes == 2) as parts:
                    print(measured(parts, origin, fsync), flush=True)
                    if told.kinds:
                        print("\n".join(kinds(parts)), flush=True)
    finally:
        origin.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
