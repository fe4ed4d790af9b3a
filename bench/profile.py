"""Where the time of one request goes: by part of the source, by line, and by system call.

    python -m bench.profile [--load small|page|latency] [--seconds 15] [--options "OPTIONS OF OURS"]

Microseconds are CPU of the proxy: a part's share of the samples (bench/sampled.py) of what a request costs
without the sampler.  Lines that enter the kernel are parts of their own: their time is mostly the kernel's.
System calls are counted by strace in a run of their own, where it is installed and allowed.
"""

from __future__ import annotations

import argparse
import json
import linecache
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.loads import LOADS, Figures
from bench.origin import Origin
from bench.peers import Peer
from bench.processes import first, pin
from bench.race import Cores
from bench.sampled import START_OR_END
from tests.real.parts import ROOT, Twistd, until

#: What a line that enters the kernel looks like.
_CALLS = r"recv|send|writev|splice|poll|accept4?|connect_ex|close|_file\.write|(?:un)?register"
KERNEL = re.compile(rf"\b_?({_CALLS})\(")
LIBRARIES = re.compile(r".*/(?:site-packages|python3\.\d+)/")

STRACE_SECONDS = 3.0

Sample = tuple[str, int, str, int]


class Sampled(Twistd):
    """twistd with the sampler."""

    def launch(self) -> None:
        """It runs; its samples will be in ``samples.json``."""
        starter = [sys.executable, "-P", str(ROOT / "bench" / "sampled.py")]
        self.start([*starter, str(self.folder / "samples.json"), "-n", "--pidfile=", *self.arguments])


@dataclass(frozen=True, slots=True)
class Profile:
    """What one request costs, and of what that is made."""

    load: str
    cost: float
    kernel: float
    samples: list[Sample]
    calls: list[tuple[str, float]]

    def text(self, lists: Sequence[str], longest: int) -> str:
        """These lists (of ``LISTS``) and the system calls, for people."""
        parts = [f"{self.load}: {self.cost:.1f} µs CPU a request, {self.kernel:.0%} of it in the kernel"]
        for name in lists:
            parts += [f"   µs   share  {name}\n{shares(self.samples, LISTS[name], self.cost, longest)}"]
        if self.calls:
            counts = "\n".join(f"{number:9.3f}  {name}" for name, number in self.calls)
            parts.append(f"a request  system call\n{counts}")
        return "\n\n".join(parts)


def profile(load: str, seconds: float, options: Sequence[str] = ()) -> Profile:
    """Return what a request of this load costs.  Raises: Absent, PartError, Spoiled."""
    cores, origin = Cores.of_machine(), Origin()
    os.sched_setaffinity(0, cores.load)
    pin(origin.pids(), cores.load)

    def run(peer: Peer, seconds: float) -> Figures:
        pin(peer.pids(), cores.proxy)
        return LOADS[load](peer, origin, seconds)

    try:
        with first(), peers.ours(origin.address, *options) as ours:
            run(ours, 1.0)  # connections are made, caches filled
            before = _ticks(ours)
            cost = run(ours, seconds)["cpu"]
            user, system = (after - was for after, was in zip(_ticks(ours), before, strict=True))
            calls = system_calls(ours, run)
        with first(), peers.ours(origin.address, *options, kind=Sampled) as ours:
            samples = sampled(ours, lambda: run(ours, seconds))
    finally:
        origin.stop()
    return Profile(load, cost, system / (user + system), samples, calls)


def _ticks(peer: Peer) -> tuple[int, int]:
    """Its user and system time so far."""
    fields = Path(f"/proc/{peer.child.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


# -- samples -------------------------------------------------------------------------------------


def sampled(peer: Peer, load: Callable[[], object]) -> list[Sample]:
    """The samples of a load."""
    path = peer.child.folder / "samples.json"
    os.kill(peer.child.pid, START_OR_END)
    load()
    os.kill(peer.child.pid, START_OR_END)
    until("the samples are written", path.exists)
    return [(file, number, name, times) for file, number, name, times in json.loads(path.read_text())]


def shares(samples: Sequence[Sample], of: Callable[[Sample], str], cost: float, longest: int) -> str:
    """The longest shares, as lines of text."""
    found: Counter[str] = Counter()
    for sample in samples:
        found[of(sample)] += sample[3]
    total = found.total() or 1
    return "\n".join(
        f"{cost * number / total:5.1f}  {number / total:6.1%}  {name}"
        for name, number in found.most_common(longest)
    )


def part(sample: Sample) -> str:
    """The module, or the call into the kernel."""
    call = KERNEL.search(linecache.getline(sample[0], sample[1]))
    return f"[kernel] {call[1]}" if call else module(sample[0])


def function(sample: Sample) -> str:
    """The function, with its module."""
    return f"{module(sample[0])}  {sample[2]}"


def line(sample: Sample) -> str:
    """The line, with its text."""
    return f"{module(sample[0])}:{sample[1]}  {linecache.getline(sample[0], sample[1]).strip()[:80]}"


def module(file: str) -> str:
    """``netsuite.http1.head`` of its path."""
    if file.startswith("<"):
        return "generated code"
    inside = LIBRARIES.sub("", file.removeprefix(f"{ROOT}/"))
    return inside.removesuffix(".py").replace("/", ".")


# -- system calls --------------------------------------------------------------------------------


def system_calls(peer: Peer, load: Callable[[Peer, float], Figures]) -> list[tuple[str, float]]:
    """How many of each a request makes, most first; nothing where strace can't say."""
    strace = shutil.which("strace")
    if strace is None:
        return []
    path = peer.child.folder / "calls"
    tracer = subprocess.Popen(
        [strace, "-c", "-f", "-o", str(path), "-p", str(peer.child.pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(0.5)  # it is attached, or has given up
        answers = load(peer, STRACE_SECONDS)["rate"] * STRACE_SECONDS
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.wait()
    if not path.exists():
        return []
    rows = (row.split() for row in path.read_text().splitlines())
    counts = {
        row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit() and row[-1] != "total"
    }
    each = [(name, number / answers) for name, number in counts.items()]
    return sorted((pair for pair in each if pair[1] >= 0.001), key=lambda pair: -pair[1])


LISTS: dict[str, Callable[[Sample], str]] = {"part": part, "function": function, "line": line}


def main(arguments: Sequence[str]) -> int:
    """Print what a request costs."""
    reader = argparse.ArgumentParser(prog="bench.profile", description="Where the time of one request goes.")
    reader.add_argument("--load", choices=["small", "page", "latency"], default="small")
    reader.add_argument("--seconds", type=float, default=15.0)
    reader.add_argument("--options", type=shlex.split, default=[], help="further options of ours")
    asked = reader.parse_args(arguments)
    peers.raise_descriptors()
    print(profile(asked.load, asked.seconds, asked.options).text(list(LISTS), longest=30))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
