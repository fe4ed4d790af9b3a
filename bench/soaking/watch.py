"""What processes use over time, and whether that grows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.soaking.place import Process
from tests.real.load import KIB, MIB

#: Growth that is none, over a life that is judged: bytes, and descriptors.
GROWTH, DESCRIPTORS = 10 * MIB, 8

#: What a process keeps of the store in memory, at most.
CACHED = 16 * MIB

#: The first part of a life is to warm up: its share, and seconds at least.
WARM_SHARE, WARM_SECONDS = 0.25, 60.0

#: A slope is judged over so many seconds; of a shorter span only the bound.
JUDGED_SECONDS = 300.0

#: The most that a process may gain past its warming up, however short it was watched.
BOUND = 48 * MIB


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process used at a moment.  ``at``: seconds since the start; ``processor``: seconds so far.

    ``store``: bytes of the word store, of which every process that reads it keeps up to 16 MiB in memory.
    """

    at: float
    role: str
    pid: int
    memory: int
    descriptors: int
    processor: float
    store: int = 0


def sample(process: Process, at: float, store: int = 0) -> Sample | None:
    """What it uses now; None if it has just ended (Linux)."""
    home = Path(f"/proc/{process.pid}")
    with suppress(OSError, StopIteration):
        status = (home / "status").read_text().splitlines()
        memory = int(next(line for line in status if line.startswith("VmRSS:")).split()[1]) * KIB
        fields = (home / "stat").read_text().rpartition(")")[2].split()
        processor = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return Sample(at, process.role, process.pid, memory, len(os.listdir(home / "fd")), processor, store)
    return None


class Watch(threading.Thread):
    """Takes samples of a family, one every ``every`` seconds, until it is ended; ``store``: a file's path."""

    def __init__(
        self, family: Callable[[], Iterable[Process]], every: float, told: Callable[[], str], store: Path
    ) -> None:
        super().__init__(daemon=True)
        self._family, self._every, self._told, self._store = family, every, told, store
        self._ended = threading.Event()
        self._began = time.monotonic()
        self.samples: list[Sample] = []

    def run(self) -> None:
        """Watch."""
        while not self._ended.wait(self._every):
            self.look()

    def look(self) -> None:
        """Take a sample of each process, and print them in a line."""
        at = time.monotonic() - self._began
        size = self._store.stat().st_size
        now = [one for process in self._family() if (one := sample(process, at, size)) is not None]
        self.samples += now
        used = "  ".join(
            f"{one.role} {one.pid}: {one.memory / MIB:.1f} MiB, {one.descriptors} descriptors, "
            f"{one.processor:.1f} s"
            for one in now
        )
        print(f"{at / 60:6.1f} min  {self._told()}  {used}", flush=True)

    def end(self) -> None:
        """No more samples."""
        self._ended.set()
        self.join()

    def processor(self) -> float:
        """Seconds of processor that all of them have used, as far as was seen."""
        return sum({one.pid: one.processor for one in self.samples}.values())

    def rows(self) -> list[dict[str, Any]]:
        """The samples, to be written down."""
        return [asdict(one) for one in self.samples]


@dataclass(frozen=True, slots=True)
class Trend:
    """What became of a process over the part of its life that is judged."""

    role: str
    pid: int
    seconds: float
    memory: int  #: at its beginning
    growth: float  #: bytes that the line of best fit gains over it
    most: int  #: bytes past its beginning, at most
    descriptors: float  #: that the line of best fit gains
    store: int  #: bytes that the word store has gained meanwhile

    def line(self) -> str:
        """The trend in words."""
        return (
            f"{self.role} {self.pid}: {self.memory / MIB:.1f} MiB, over {self.seconds / 60:.1f} min "
            f"{self.growth / MIB:+.2f} MiB by best fit, {self.most / MIB:+.2f} MiB at most, "
            f"{self.descriptors:+.1f} descriptors; the store {self.store / MIB:+.2f} MiB"
        )

    def faults(self) -> list[str]:
        """Why that is growth."""
        found, is_long = [], self.seconds >= JUDGED_SECONDS
        if self.most > BOUND or (is_long and self.growth > GROWTH + min(self.store, CACHED)):
            found.append(f"memory: {self.line()}")
        if is_long and self.descriptors > DESCRIPTORS:
            found.append(f"descriptors: {self.line()}")
        return found


def trends(samples: Iterable[Sample]) -> list[Trend]:
    """The trend of each process that lived long enough for one."""
    lives: dict[int, list[Sample]] = {}
    for one in samples:
        lives.setdefault(one.pid, []).append(one)
    return [trend for life in lives.values() if (trend := _trend(life)) is not None]


def _trend(life: Sequence[Sample]) -> Trend | None:
    begun, ended = life[0].at, life[-1].at
    warm = begun + max(WARM_SECONDS, WARM_SHARE * (ended - begun))
    judged = [one for one in life if one.at >= warm]
    if len(judged) < 3:
        return None
    span, first = ended - judged[0].at, judged[0]
    memory = slope([(one.at, float(one.memory)) for one in judged])
    descriptors = slope([(one.at, float(one.descriptors)) for one in judged])
    most = max(one.memory for one in judged) - first.memory
    store = max(0, judged[-1].store - first.store)
    return Trend(first.role, first.pid, span, first.memory, memory * span, most, descriptors * span, store)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the line that fits best (least squares)."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
