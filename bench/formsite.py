"""Submissions to a form site, each on the disk before its answer, then kill -9 under load and a count.

    python -m bench.formsite [--seconds 4] [--clients 1 16 64]

So many clients send a form's answers over kept connections, each the next when the one before was answered.
After the time the service is killed with requests under way; every answer that was acknowledged must be in
the store.  With strace there is a row of a disk whose flush takes 5 ms, which is what group commit is for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import Machine
from bench.processes import cpu_seconds, first
from bench.table import plain
from netsuite.formsite.store import FormStore
from tests.real.parts import Child, Twistd, children

#: Milliseconds that a flush takes on the slow disk.
SLOW_MS = 5

#: What a submission must reach (issue 8).
GOAL = 500


@dataclass
class Run:
    """What one load came to."""

    name: str
    acknowledged: set[str] = field(default_factory=set)
    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0
    lost: int = 0

    @property
    def rate(self) -> float:
        """Submissions a second."""
        return len(self.acknowledged) / self.seconds

    def row(self) -> list[str]:
        """The row of the table."""
        waits = sorted(self.waits)
        return [
            self.name,
            f"{self.rate:.0f}",
            f"{statistics.median(waits) * 1000:.1f}",
            f"{waits[int(len(waits) * 0.99)] * 1000:.1f}",
            f"{self.cpu / len(self.acknowledged) * 1e6:.0f}",
            str(self.lost),
        ]


def start(folder: Path, *, is_slow: bool) -> tuple[Child, int]:
    """A form site that takes posts from anywhere runs; return it and its port."""
    service = Twistd(
        "formsite", "-p", "0", "-s", str(folder / "forms.db"), "--allow-origin", "*", "--access-log", "off"
    )
    if is_slow:
        run = "from twisted.scripts.twistd import run; run()"
        inject = f"inject=fdatasync,fsync:delay_exit={SLOW_MS * 1000}"
        traced = ["strace", "-f", "-o", "/dev/null", "--seccomp-bpf", "-e", "trace=fdatasync,fsync"]
        service.start(
            [*traced, "-e", inject, sys.executable, "-c", run, "-n", "--pidfile=", *service.arguments]
        )
    else:
        service.launch()
    return service, int(service.wait_log(r"form on http://127\.0\.0\.1:(\d+)/")[1])


async def client(port: int, name: str, run: Run, end: float) -> None:
    """Send answers until the time is over, or the service is."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(10**9):
            if time.monotonic() > end:
                break
            mark = f"{name}-{number}"
            body = f"name={mark}&color=blue&flavor=vanilla&flavor=coffee".encode()
            began = time.monotonic()
            writer.write(
                b"POST /posthandler HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            if head.startswith(b"HTTP/1.1 200 "):
                run.acknowledged.add(mark)
                run.waits.append(time.monotonic() - began)
        writer.close()


async def load(child: Child, port: int, clients: int, seconds: float, run: Run) -> None:
    """The load is over, and the service was killed while requests were under way."""
    pids = [child.pid, *children(child.pid)]
    before, began = cpu_seconds(pids), time.monotonic()
    tasks = [client(port, f"c{number}", run, began + seconds + 5) for number in range(clients)]
    working = asyncio.gather(*tasks)
    await asyncio.sleep(seconds)
    run.seconds, run.cpu = time.monotonic() - began, cpu_seconds(pids) - before
    os.kill(pids[-1], signal.SIGKILL)  # the service itself, also where strace started it
    child.wait()
    await working


def measure(clients: int, seconds: float, *, is_slow: bool = False) -> Run:
    """Return what a load came to."""
    run = Run(f"{clients} clients" + (f", flush {SLOW_MS} ms" if is_slow else ""))
    with tempfile.TemporaryDirectory(prefix="netsuite-forms-") as folder:
        child, port = start(Path(folder), is_slow=is_slow)
        try:
            asyncio.run(load(child, port, clients, seconds, run))
        finally:
            child.close()
        run.lost = len(run.acknowledged - stored(str(Path(folder) / "forms.db")))
    return run


def stored(path: str) -> set[str]:
    """The marks of the answers in a store."""
    store, found, since = FormStore(path), set[str](), 0
    while entries := store.after(since, 5000, "all"):
        found |= {entry.fields[0][1] for entry in entries}
        since = entries[-1].id
    store.close()
    return found


def table(runs: Sequence[Run]) -> list[list[str]]:
    """Submissions a second, how long one took, what it cost, and what was lost."""
    head = ["load", "kept/s", "median ms", "p99 ms", "CPU µs each", "lost by kill -9"]
    return [head, *(run.row() for run in runs)]


def main() -> None:
    """Measure and print the table; status 1 if anything was lost or the goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    told = parser.parse_args()
    with first():
        runs = [measure(clients, told.seconds) for clients in told.clients]
        if shutil.which("strace"):
            runs.append(measure(64, told.seconds, is_slow=True))
    sys.stdout.write(f"{Machine.here({}).text()}\n\n{plain(table(runs))}\n")
    if any(run.lost for run in runs) or max(run.rate for run in runs) < GOAL:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
