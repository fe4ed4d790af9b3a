"""Requests that pages answers for a second of CPU time, beside a plain twisted.web Site that answers alike.

    python -m bench.pages_site [--rounds 5] [--requests 8000]

Some connections are kept, and each asks for the tutorial's ``/`` again when it has its answer, which is
compared. In each round each peer has its turn, in an order that alternates; the cost is the CPU time of the
server's process as the kernel counts it.  ``logged``: both write a line of Apache's combined log for each
answer, to a file.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.machine import Machine
from bench.processes import cpu_seconds, first
from bench.table import plain
from tests.real.parts import Child, Twistd, answers, free_ports, until

REQUEST = (
    b"GET %b HTTP/1.1\r\nHost: localhost\r\nUser-Agent: netsuite-bench/1\r\nAccept: text/html,*/*;q=0.8\r\n"
    b"Accept-Encoding: gzip, deflate\r\nAccept-Language: en\r\nConnection: keep-alive\r\n\r\n"
)
BODIES = {b"/": b"<h1>Home</h1>Home Page", b"/none": b"<h1>Not Found</h1>Sorry, no such page."}

#: Connections that are kept.
CLIENTS = 32

#: What is measured: the path, and whether there is a log.
LOADS = {"page": (b"/", False), "not found": (b"/none", False), "page, logged": (b"/", True)}


def start(name: str, logged: bool) -> tuple[Child, int]:
    """The peer runs; return it and its port."""
    if name == "pages":
        service = Twistd("pages", "-p", "0")
        log = str(service.folder / "access.log") if logged else "off"
        service.arguments = (*service.arguments, "--access-log", log)
        service.launch()
        return service, int(service.wait_log(r"pages: http://127\.0\.0\.1:(\d+)")[1])
    (port,) = free_ports(1)
    child = Child("plain_site")
    log_path = [str(child.log_path.parent / "access.log")] if logged else []
    child.start([sys.executable, str(Path(__file__).with_name("plain_site.py")), str(port), *log_path])
    until("the plain site", lambda: answers("127.0.0.1", port))
    return child, port


class Asking:
    """One connection: a request, its answer, the next request."""

    def __init__(self, port: int, path: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._request, self._body = REQUEST % path, BODIES[path]
        self.fileno = self._socket.fileno
        self._held = b""

    def ask(self) -> None:
        """A request is on its way."""
        self._socket.sendall(self._request)

    def answered(self) -> bool:
        """Whether the answer is whole, and right."""
        self._held += self._socket.recv(65536)
        head, mark, body = self._held.partition(b"\r\n\r\n")
        if not mark or len(body) < len(self._body):
            return False
        if body != self._body or not head.startswith(b"HTTP/1.1 "):
            raise SystemExit(f"another answer: {self._held!r}")
        self._held = b""
        return True

    def close(self) -> None:
        """No more is asked."""
        self._socket.close()


def rate(child: Child, port: int, path: bytes, requests: int) -> float:
    """Return how many requests were answered for a second of CPU time."""
    with selectors.DefaultSelector() as selector:
        clients = [Asking(port, path) for _ in range(CLIENTS)]
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        before, asked, done = cpu_seconds([child.pid]), 0, 0
        for client in clients:
            client.ask()
            asked += 1
        while done < asked:
            for key, _ in selector.select():
                client = key.fileobj  # type: ignore[assignment]
                if client.answered():
                    done += 1
                    if asked < requests:
                        client.ask()
                        asked += 1
        spent = cpu_seconds([child.pid]) - before
        for client in clients:
            client.close()
    return done / spent


def run(rounds: int, requests: int) -> dict[str, dict[str, list[float]]]:
    """Return the figures of each load, by peer."""
    found: dict[str, dict[str, list[float]]] = {}
    for load, (path, logged) in LOADS.items():
        running = {name: start(name, logged) for name in ("pages", "Site")}
        found[load] = {name: [] for name in running}
        try:
            for child, port in running.values():
                rate(child, port, path, 500)
            for number in range(rounds):
                for name in list(running)[:: 1 if number % 2 else -1]:
                    child, port = running[name]
                    found[load][name].append(rate(child, port, path, requests))
        finally:
            for child, _ in running.values():
                child.close()
    return found


def table(found: dict[str, dict[str, list[float]]]) -> list[list[str]]:
    """Medians, their range, microseconds a request, and how many times the Site's each is."""
    rows = [["load", "peer", "requests/CPU s", "least–most", "µs each", "× Site"]]
    for load, by_peer in found.items():
        site = statistics.median(by_peer["Site"])
        for name, figures in by_peer.items():
            middle = statistics.median(figures)
            spread = f"{min(figures):.0f}–{max(figures):.0f}"
            rows.append([load, name, f"{middle:.0f}", spread, f"{1e6 / middle:.0f}", f"{middle / site:.2f}"])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=8000)
    told = parser.parse_args(arguments)
    with first():
        found = run(told.rounds, told.requests)
    sys.stdout.write(f"{Machine.here({}).text()}\n\n{plain(table(found))}\n")


if __name__ == "__main__":
    main()
