"""Small requests over kept connections: CPU time of each, of httpecho and of a plain twisted.web Site.

    python -m bench.httpecho [--rounds 5] [--seconds 3] [--clients 64]

Both give the same answer, ours for having read and remembered the request, the Site because it was told to;
each runs without a log, and again with a line in a file for each request.  The load is wrk.  In each round
each peer has its turn, in an order that alternates; the cost is the CPU time of the server's process as the
kernel counts it.  nginx is the mark to measure by.  The exit status is 1 if ours is less than twice as good
as the Site.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.machine import Machine
from bench.peers import program
from bench.processes import cpu_seconds, family, first, pin
from bench.table import plain
from tests.real.parts import Child, Twistd, answers, free_ports, until

PEERS = ("ours", "Site", "ours, log", "Site, log", "nginx")

#: How many times as good as the Site ours is to be, and what it aims at.
REACH, AIM = 2.0, 3.0

REQUEST = b"GET /small HTTP/1.1\r\nHost: bench\r\n\r\n"
ANSWER = b"You said: \r\n\r\n" + REQUEST[:-2]

_SCRIPT = """\
wrk.path = "/small"
wrk.headers["Host"] = "bench"
function done(summary, latency, requests)
    local e = summary.errors
    local bad = e.connect + e.status + e.timeout + e.read + e.write
    io.write(string.format('{"requests":%d,"bad":%d}\\n', summary.requests, bad))
end
"""

_NGINX = """\
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr;
events { worker_connections 1024; }
http {
    access_log off; keepalive_requests 100000000; default_type text/plain;
    server {
        listen 127.0.0.1:%d;
        location / { return 200 "You said: \\r\\n\\r\\nGET /small HTTP/1.1\\r\\nHost: bench\\r\\n"; }
    }
}
"""


def start(name: str) -> tuple[Child, int]:
    """The peer runs; return it and its port."""
    kind, _, log = name.partition(", ")
    if kind == "ours":
        service = Twistd("httpecho", "-p", "0", "--http11", "--access-log", "off")
        if log:
            service.arguments = (*service.arguments[:-1], str(service.folder / "access.log"))
        return service, service.up(r"httpecho: httpecho http://").ports["httpecho"]
    (port,) = free_ports(1)
    child = Child(kind)
    if kind == "nginx":
        (child.folder / "nginx.conf").write_text(_NGINX % port)
        child.start([program("nginx"), "-p", str(child.folder), "-c", "nginx.conf"])
    else:
        (child.folder / "answer").write_bytes(ANSWER)
        script = str(Path(__file__).with_name("site_echo.py"))
        logs = [str(child.folder / "access.log")] if log else []
        child.start([sys.executable, script, str(port), str(child.folder / "answer"), *logs])
    until(name, lambda: answers("127.0.0.1", port))
    return child, port


def check(name: str, port: int) -> None:
    """The peer gives the answer, twice on one connection."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        for _ in range(2):
            client.sendall(REQUEST)
            have = b""
            while not have.endswith(ANSWER):
                got = client.recv(65536)
                if not got:
                    raise SystemExit(f"{name} answered {have!r}")
                have += got


def spent(child: Child, port: int, seconds: float, clients: int) -> float:
    """Return microseconds of CPU time of one request."""
    with TemporaryDirectory(prefix="netsuite-wrk-") as folder:
        script = Path(folder, "request.lua")
        script.write_text(_SCRIPT)
        command = [program("wrk"), "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "-s", str(script)]
        before = cpu_seconds(family(child.pid))
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, timeout=90, check=True
        )
        used = cpu_seconds(family(child.pid)) - before
    told = json.loads(done.stdout.splitlines()[-1])
    if told["bad"] or not told["requests"]:
        raise SystemExit(f"{told['bad']} of {told['requests']} answers failed")
    return used / told["requests"] * 1e6


def run(names: Sequence[str], rounds: int, seconds: float, clients: int) -> dict[str, list[float]]:
    """Return each peer's figures."""
    cores = sorted(os.sched_getaffinity(0))
    running: dict[str, tuple[Child, int]] = {}
    found: dict[str, list[float]] = {name: [] for name in names}
    try:
        for name in names:
            child, port = running[name] = start(name)
            pin(family(child.pid), {cores[-1]})
        if len(cores) > 1:
            os.sched_setaffinity(0, set(cores[:-1]))
        for name, (child, port) in running.items():
            check(name, port)
            spent(child, port, 1.0, clients)
        for number in range(rounds):
            for name in list(running)[:: 1 if number % 2 else -1]:
                found[name].append(spent(*running[name], seconds, clients))
    finally:
        for child, _ in running.values():
            child.close()
    return found


def table(found: dict[str, list[float]]) -> list[list[str]]:
    """Medians, their range, and how many requests each answers in the time that the Site takes for one."""
    rows = [["peer", "CPU µs a request", "least–most", "× Site"]]
    for name, figures in found.items():
        site = statistics.median(found["Site, log" if name.endswith(", log") else "Site"])
        middle = statistics.median(figures)
        spread = f"{min(figures):.1f}–{max(figures):.1f}"
        rows.append([name, f"{middle:.1f}", spread, f"{site / middle:.2f}"])
    return rows


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clients", type=int, default=64)
    told = parser.parse_args()
    names = [name for name in PEERS if name != "nginx" or shutil.which("nginx", path="/usr/sbin:/usr/bin")]
    with first():
        rows = table(run(names, told.rounds, told.seconds, told.clients))
    sys.stdout.write(f"{Machine.here({}).text()}\n\n{plain(rows)}\n\nto reach × {REACH:g}, aim × {AIM:g}\n")
    return int(float(rows[1][3]) < REACH)


if __name__ == "__main__":
    sys.exit(main())
