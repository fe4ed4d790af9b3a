"""A gigabyte through dataforward, nc, ncat and socat: wall time, CPU time and memory of each, in one run.

    python -m bench.forward [--rounds 3] [--mib 1024]

Random bytes go from a file, or through a pipe that ``cat`` fills, to a peer that only counts; or come from a
peer into a pipe that ``cat`` empties, or into a file.  In each round each tool has its turn, in an order that
alternates.  The speed is counted by the peer, from the connection to its end.  Wall and CPU time (wait4(2))
are the whole of the tool: Python and its start are among them.  *moving* is the CPU time without that of a
transfer of nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.machine import Machine
from bench.table import plain
from tests.real.parts import clean_environment

MIB = 1 << 20

#: How each tool sends all of its input and ends once the peer does; and how it only receives.
SEND = {
    "ours": [sys.executable, "-m", "netsuite.scripts.dataforward", "-q", "-b"],
    "ours, CRLF": [sys.executable, "-m", "netsuite.scripts.dataforward", "-q"],
    "nc": ["nc.openbsd", "-N"],
    "ncat": ["ncat"],
    "socat": ["socat", "-t60", "-b65536", "-"],
}
PLACES = ("file to peer", "pipe to peer", "peer to pipe", "peer to file")


@dataclass(frozen=True, slots=True)
class Turn:
    """One tool, once: seconds of the transfer, of all, and of CPU time."""

    transfer: float
    wall: float
    cpu: float


class Peer:
    """Takes one connection, and drains it or fills it."""

    def __init__(self, path: Path, *, fills: bool) -> None:
        self.count, self.seconds = 0, 0.0
        self._path, self._fills = path, fills
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._server.accept()
        began = time.monotonic()
        with client:
            if self._fills:
                with self._path.open("rb") as file:
                    self.count = client.sendfile(file)
            else:
                buffer = bytearray(4 * MIB)
                while size := client.recv_into(buffer):
                    self.count += size
            if self._fills:
                client.shutdown(socket.SHUT_WR)
                client.recv(1)  # the tool has read everything once it ends its own side
        self.seconds = time.monotonic() - began

    def end(self) -> int:
        """Return how many bytes passed."""
        self._thread.join()
        self._server.close()
        return self.count


def command(name: str, port: int) -> list[str]:
    """Return a tool's command line for a port of loopback."""
    if name == "socat":
        return [*SEND[name], f"TCP4:127.0.0.1:{port},rcvbuf=1048576"]
    return [*SEND[name], "127.0.0.1", str(port)]


def turn(name: str, place: str, path: Path) -> Turn:
    """Return what one tool takes for one way.  Raises: AssertionError if a byte is missing."""
    peer = Peer(path, fills=place.startswith("peer"))
    out = path.with_suffix(".out")
    streams: dict[str, int | None] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    cat = None
    held: list[int] = []
    if place == "file to peer":
        held.append(os.open(path, os.O_RDONLY))
        streams["stdin"] = held[-1]
    elif place == "pipe to peer":
        cat = subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE)
        assert cat.stdout is not None
        streams["stdin"] = cat.stdout.fileno()
    elif place == "peer to pipe":
        cat = subprocess.Popen(["sh", "-c", "cat >/dev/null"], stdin=subprocess.PIPE)
        assert cat.stdin is not None
        streams["stdout"] = cat.stdin.fileno()
    else:
        held.append(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
        streams["stdout"] = held[-1]
    began = time.monotonic()
    tool = subprocess.Popen(command(name, peer.port), env=clean_environment(), **streams)  # type: ignore[call-overload]
    for fd in held:
        os.close(fd)
    for stream in () if cat is None else (cat.stdin, cat.stdout):
        if stream is not None:
            stream.close()
    _pid, status, used = os.wait4(tool.pid, 0)
    wall = time.monotonic() - began
    tool.returncode = os.waitstatus_to_exitcode(status)
    if cat is not None:
        cat.wait()
    wanted = path.stat().st_size
    more = name == "ours, CRLF" and place.endswith("to peer")  # it adds a byte here and there
    assert peer.end() == wanted or more, f"{name}, {place}: {peer.count} bytes of {wanted}"
    assert place != "peer to file" or out.stat().st_size == wanted, f"{name}: the file is short"
    assert tool.returncode == 0, f"{name}, {place}: exit status {tool.returncode}"
    return Turn(peer.seconds, wall, used.ru_utime + used.ru_stime)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 0 if ours moves bytes for no more CPU time than nc and ncat."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024)
    asked = parser.parse_args(arguments)
    names = [name for name in SEND if name.startswith("ours") or shutil.which(SEND[name][0])]
    good = True
    with tempfile.TemporaryDirectory(prefix="netsuite-forward-") as folder:
        path = Path(folder, "random")
        with path.open("wb") as file:
            for _ in range(asked.mib):
                file.write(os.urandom(MIB))
        print(Machine.here(versions(names)).text())
        empty = Path(folder, "empty")
        empty.touch()
        starts = {
            name: statistics.median(turn(name, "file to peer", empty).cpu for _ in range(3)) for name in names
        }
        for place in PLACES:
            turns: dict[str, list[Turn]] = {name: [] for name in names}
            for number in range(asked.rounds):
                for name in names if number % 2 == 0 else reversed(names):
                    turns[name].append(turn(name, place, path))
            speed = {
                name: asked.mib / statistics.median(one.transfer for one in turns[name]) for name in names
            }
            wall = {name: statistics.median(one.wall for one in turns[name]) for name in names}
            cpu = {name: statistics.median(one.cpu for one in turns[name]) for name in names}
            moving = {name: max(0.001, cpu[name] - starts[name]) for name in names}
            head = [place, "MiB/s", "wall s", "CPU s", "moving", "ours: speed", "wall", "CPU", "moving"]
            lines = [head]
            lines += [
                [
                    name,
                    f"{speed[name]:,.0f}",
                    f"{wall[name]:.2f}",
                    f"{cpu[name]:.2f}",
                    f"{moving[name]:.2f}",
                    f"{speed['ours'] / speed[name]:.2f}",
                    f"{wall['ours'] / wall[name]:.2f}",
                    f"{cpu['ours'] / cpu[name]:.2f}",
                    f"{moving['ours'] / moving[name]:.2f}",
                ]
                for name in names
            ]
            print(f"\n{plain(lines)}", flush=True)
            good = good and all(moving["ours"] <= moving[name] for name in ("nc", "ncat") if name in names)
    return 0 if good else 1


def versions(names: Sequence[str]) -> dict[str, str]:
    """Return the peers' versions, as their packages have them."""
    packages = {"nc": "netcat-openbsd", "ncat": "ncat", "socat": "socat"}
    found = {}
    for name in set(names) & set(packages):
        asked = ["dpkg-query", "-W", "-f", "${Version}", packages[name]]
        found[name] = subprocess.run(asked, capture_output=True, text=True, check=False).stdout or "unknown"
    return found


if __name__ == "__main__":
    sys.exit(main())
