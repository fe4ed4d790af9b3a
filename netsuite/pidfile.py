"""Whose process a pidfile names: a twistd's that runs, nobody's, or somebody else's by now.

A number alone says little: after a reboot, or in a container, it may have been given to any program, to
another twistd, or to ourselves.  What /proc says of the process decides, and when it began: whoever wrote the
file lived before it was written (Source: proc(5)).  Where there is no /proc, a process that is there is taken
for a twistd.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

#: Longest pidfile that is one.
BYTES_MAX = 64

#: Seconds by which a process may seem to be younger than the file that it wrote: clocks are set.
GRACE_SECONDS = 60.0

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Found:
    """What a pidfile comes to.

    ``state``: running, stale, reused, foreign, own, empty or no pidfile; ``advice``: what it is, and what to
    do about it.
    """

    state: str
    pid: int | None
    advice: str


def judge(data: bytes, proc: Path = PROC, *, written: float | None = None, own: int | None = None) -> Found:
    """Return what a pidfile with these bytes comes to, by the processes that there are.

    ``written``: when, in seconds since 1970; ``own``: our process id, if it is us who want to write it.
    """
    text = data[:BYTES_MAX].decode("ascii", "replace").strip()
    if not text:
        return Found("empty", None, "it is empty, as a full disk or a crash leaves one; remove it")
    if not text.isdecimal() or len(data) > BYTES_MAX or not int(text):
        return Found("no pidfile", None, "it holds no process id; if it is no other file of yours, remove it")
    pid = int(text)
    if pid == own:
        return Found("own", pid, "it is this process's own id, of an earlier life")
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        if proc.is_dir() or not _is_there(pid):
            return Found("stale", pid, "no such process; remove it, or start again: twistd does that itself")
        words = [b"twistd"]
    except PermissionError:
        return Found("foreign", pid, "the process is not ours to look at; ask as root, or name another file")
    if not any(b"twistd" in word for word in words[:4]):
        name = os.fsdecode(words[0])[:80] or "a process without a command line"
        return Found("foreign", pid, f"that is {name} now, and no twistd; remove the file")
    began = _began(pid, proc)
    if written is not None and began is not None and began > written + GRACE_SECONDS:
        return Found("reused", pid, "a twistd, but it began after the file was written; remove the file")
    return Found("running", pid, f"stop it with: kill {pid}")


def look(path: str, *, own: int | None = None) -> Found:
    """Return what the pidfile at ``path`` comes to.  Raises: OSError."""
    with open(path, "rb") as file:
        return judge(file.read(BYTES_MAX + 1), written=os.fstat(file.fileno()).st_mtime, own=own)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _began(pid: int, proc: Path) -> float | None:
    """When a process began, in seconds since 1970; None if that isn't told."""
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        up_seconds = float((proc / "uptime").read_text().split()[0])
        return time.time() - up_seconds + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
