"""Whether descriptors are enough for the clients that the settings let in, and the disk for the stores."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from netsuite.descriptors import MOST, clients_enough
from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING, Finding
from netsuite.doctor.sockets import PROC

#: Bytes free below which a store's disk is a fault, or warned about; files likewise.
ROOM_LEAST, ROOM_FEW = 64 << 20, 1 << 30
FILES_FEW = 1000

#: Descriptors that one client may need, by service; of others one.
EACH = {"proxy": 2, "wordproxy": 2, "pages": 2}


@dataclass(frozen=True, slots=True)
class Descriptors:
    """How many may be open.  ``owner``: whose limit it is, for people; ``hard``: 0 is no limit."""

    owner: str
    hard: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on the disk of a folder, but for root.  ``files``: None where there is no bound."""

    folder: str
    free: int = 0
    files: int | None = None
    error: str = ""


def descriptors(pid: int | None, name: str, proc: Path = PROC) -> Descriptors:
    """Return the limit of a process that runs, else ours, which a start from here would have."""
    if pid is None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return Descriptors("here", 0 if hard == resource.RLIM_INFINITY else hard)
    try:
        for line in (proc / str(pid) / "limits").read_text().splitlines():
            if line.startswith("Max open files"):
                hard_text = line.split()[4]
                return Descriptors(f"of {name}", 0 if hard_text == "unlimited" else int(hard_text))
    except (OSError, ValueError, IndexError) as error:
        return Descriptors(f"of {name}", 0, getattr(error, "strerror", None) or "can't be read")
    return Descriptors(f"of {name}", 0, "is not told")


def room(folders: Iterable[str]) -> list[Room]:
    """Return what is free, once for each disk."""
    found: dict[int, Room] = {}
    for folder in folders:
        while not os.path.isdir(folder) and folder != os.path.dirname(folder):
            folder = os.path.dirname(folder)  # where it would be made
        try:
            disk, state = os.stat(folder).st_dev, os.statvfs(folder)
        except OSError as error:
            found.setdefault(-len(found) - 1, Room(folder, error=error.strerror or str(error)))
            continue
        files = state.f_favail if state.f_files else None
        found.setdefault(disk, Room(folder, state.f_bavail * state.f_frsize, files))
    return list(found.values())


def judge_descriptors(
    limit: Descriptors, clients: Sequence[tuple[str, int]], joint: int | None
) -> list[Finding]:
    """Return what is to be said of the limit; ``clients``: that each service lets in, ``joint``: all."""
    if limit.error:
        return [Finding(UNKNOWN, "descriptors", f"the limit {limit.owner} {limit.error}")]
    most = MOST if not limit.hard else min(limit.hard, MOST)
    short = [
        Finding(
            WARNING,
            "descriptors",
            f"the limit {limit.owner} is {most}: enough for {enough} clients, not for --max-clients {asked}",
            name,
            "raise it (LimitNOFILE=, ulimit -Hn), or ask for fewer",
        )
        for name, asked in clients
        if (enough := clients_enough(most, EACH.get(name, 1))) < asked
    ]
    if short:
        return short
    dearest = max((EACH.get(name, 1) for name, _ in clients), default=1)
    if joint is not None and (enough := clients_enough(most, dearest)) < min(
        joint, sum(n for _, n in clients)
    ):
        told = f"the limit {limit.owner} is {most}: enough for {enough} clients if all were of one kind"
        mend = "raise it (LimitNOFILE=, ulimit -Hn), or lower max-clients of [netsuite]"
        return [Finding(WARNING, "descriptors", told, f"netsuite --max-clients {joint}", mend)]
    return [Finding(OK, "descriptors", f"the limit {limit.owner} is {most}, which is enough")]


def judge_room(rooms: Sequence[Room]) -> list[Finding]:
    """Return what is to be said of the disks."""
    findings = []
    for one in rooms:
        if one.error:
            findings.append(Finding(UNKNOWN, "disk", f"can't be asked ({one.error})", one.folder))
            continue
        free = f"{one.free >> 20} MiB free"
        if one.free < ROOM_LEAST:
            findings.append(
                Finding(FAULT, "disk", free, one.folder, "make room: nothing would be counted or kept")
            )
        elif one.free < ROOM_FEW:
            findings.append(Finding(WARNING, "disk", free, one.folder, "make room, or set a shorter --keep"))
        elif one.files is not None and one.files < FILES_FEW:
            told = f"room for {one.files} more files"
            findings.append(Finding(WARNING, "disk", told, one.folder, "remove files; df -i counts them"))
        else:
            findings.append(Finding(OK, "disk", free, one.folder))
    return findings
