"""Pipelined lines that echo answers for a second of CPU time, beside a LineReceiver that does the same.

    python -m bench.echo [--rounds 5] [--lines 2000000]

One client sends lines of 5 letters without waiting and reads what comes back; every answer is compared.  In
each round each peer has its turn, in an order that alternates.  The cost is the CPU time of the server's
process as the kernel counts it.  ``faults`` is ours with a fault that never happens, so that each line goes
its long way.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from bench.machine import Machine
from bench.processes import cpu_seconds, first
from bench.table import plain
from tests.real.parts import Child, Twistd, answers, free_ports, until

LINE = b"hello\r\n"
ANSWER = b"You said: " + LINE

#: Lines that are sent by one call.
BATCH = 4000

#: What each peer does to fewer lines, so that no round takes long.
SHARE = {"ours": 1.0, "LineReceiver": 0.25, "faults": 0.1}


def start(name: str) -> tuple[Child, int]:
    """The peer runs; return it and its port."""
    if name == "LineReceiver":
        (port,) = free_ports(1)
        child = Child("line_echo")
        child.start([sys.executable, str(Path(__file__).with_name("line_echo.py")), str(port)])
        until("the LineReceiver", lambda: answers("127.0.0.1", port))
        return child, port
    knobs = ("--reset", "0.0000000001") if name == "faults" else ()
    service = Twistd("echo", "-p", "0", *knobs)
    service.launch()
    return service, int(service.wait_log(r"echo: 127\.0\.0\.1:(\d+)")[1])


def answered(child: Child, port: int, lines: int) -> float:
    """Return how many lines were answered for a second of CPU time."""
    batches = max(1, lines // BATCH)
    before = cpu_seconds([child.pid])
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        sender = threading.Thread(target=_send, args=(client, batches))
        sender.start()
        came, wanted, held = 0, batches * BATCH, b""
        while came < wanted:
            held += client.recv(1 << 20)
            whole = len(held) // len(ANSWER)
            if held[: whole * len(ANSWER)] != ANSWER * whole:
                raise SystemExit("an answer was another")
            came, held = came + whole, held[whole * len(ANSWER) :]
        sender.join()
    return wanted / (cpu_seconds([child.pid]) - before)


def _send(client: socket.socket, batches: int) -> None:
    for _ in range(batches):
        client.sendall(LINE * BATCH)


def run(names: Sequence[str], rounds: int, lines: int) -> dict[str, list[float]]:
    """Return each peer's figures."""
    running = {name: start(name) for name in names}
    found: dict[str, list[float]] = {name: [] for name in names}
    try:
        for child, port in running.values():
            answered(child, port, BATCH)
        for number in range(rounds):
            for name in list(running)[:: 1 if number % 2 else -1]:
                child, port = running[name]
                found[name].append(answered(child, port, int(lines * SHARE[name])))
    finally:
        for child, _ in running.values():
            child.close()
    return found


def table(found: dict[str, list[float]]) -> list[list[str]]:
    """Medians in thousands of lines, their range, and how many times LineReceiver's each is."""
    taught = statistics.median(found["LineReceiver"]) if "LineReceiver" in found else None
    rows = [["peer", "1000 lines/CPU s", "least–most", "× LineReceiver"]]
    for name, figures in found.items():
        middle = statistics.median(figures)
        ratio = f"{middle / taught:.2f}" if taught else ""
        spread = f"{min(figures) / 1000:.0f}–{max(figures) / 1000:.0f}"
        rows.append([name, f"{middle / 1000:.0f}", spread, ratio])
    return rows


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", type=int, default=2_000_000)
    told = parser.parse_args()
    with first():
        found = run(list(SHARE), told.rounds, told.lines)
    sys.stdout.write(f"{Machine.here({}).text()}\n\n{plain(table(found))}\n")


if __name__ == "__main__":
    main()
