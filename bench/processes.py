"""What processes cost: CPU time and memory as the kernel counts them, and the core they run on (Linux)."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Where the kernel's range is from -20, first, to 19.
NICENESS = -10


def family(pid: int) -> list[int]:
    """A process and all that descend from it, threads' children too."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found.extend(int(child) for child in children.read_text().split())
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU seconds so far, user and system, of all threads that these processes have or had.

    A process's own clock has nanoseconds where ``/proc/PID/stat`` has hundredths of a second, and
    unlike ``/proc/PID/task/*/schedstat`` it keeps what ended threads used.
    """
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):  # it ended
            total += time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) makes of a pid
    return total


def memory_bytes(pids: Iterable[int]) -> int:
    """Resident memory; a page that processes share counts once (PSS)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) * 1024 if found else 0
    return total


@contextlib.contextmanager
def first() -> Iterator[None]:
    """In the block we and what we start go before other programs, where we may: a busy machine disturbs less.

    Where each terminal session has a share of its own (autogroup in sched(7)), the session goes first.
    """
    session = Path("/proc/self/autogroup")
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        session.write_text(str(NICENESS))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, 0)
            session.write_text("0")


def pin(pids: Iterable[int], cores: set[int]) -> None:
    """These processes, and what they will start, run on these cores only."""
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*"):
            with contextlib.suppress(OSError):  # it ended
                os.sched_setaffinity(int(task.name), cores)
