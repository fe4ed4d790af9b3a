"""Whether the suite can listen where its settings say, and if not, who is in the way.

A place is tried as the start would try it, by binding it for a moment without listening; the kernel's tables
then say who has it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING, Finding
from netsuite.doctor.plan import Listener
from netsuite.doctor.running import Running, holds, strangers
from netsuite.doctor.sockets import (
    PROC,
    NoTables,
    Process,
    Socket,
    listening,
    meets,
    owners,
    process,
    user_name,
)
from netsuite.listen import DEFAULT_PORTS

#: Our services, by name.
OURS = frozenset(name.split()[0] for names in DEFAULT_PORTS.values() for name in names)

#: What a place that the running suite has may give: it may have been started by root, and we are not.
_MAYBE_OURS = frozenset((errno.EADDRINUSE, errno.EACCES))


@dataclass(frozen=True, slots=True)
class Tried:
    """A place, tried.  ``error``: the number that binding it gave, 0 if it could be bound.

    ``holders``: who has it; ``uid``: whose that is, where the processes can't be seen; ``reason``: why that
    can't be told.
    """

    listener: Listener
    error: int = 0
    holders: tuple[Process, ...] = ()
    uid: int | None = None
    reason: str = ""


def look(listeners: Sequence[Listener], proc: Path = PROC) -> list[Tried]:
    """Return every place, tried."""
    errors = {told: _bind(told) for told in listeners}
    reason, table = "", list[Socket]()
    try:
        table = listening(proc)
    except NoTables as error:
        reason = str(error)
    in_way = {told: _in_way(told, table) for told in listeners if errors[told] in _MAYBE_OURS}
    seen = owners({one.inode for sockets in in_way.values() for one in sockets}, proc)
    tried = []
    for told in listeners:
        found = in_way.get(told, [])
        pids = sorted({pid for one in found for pid in seen.get(one.inode, ())})
        holders = tuple(one for pid in pids if (one := process(pid, proc)) is not None)
        tried.append(Tried(told, errors[told], holders, found[0].uid if found else None, reason))
    return tried


def _in_way(told: Listener, table: Sequence[Socket]) -> list[Socket]:
    if told.kind == "unix":
        return [one for one in table if one.kind == "unix" and one.path == told.path]
    return [one for one in table if one.kind != "unix" and meets(one, told.kind, told.host, told.port)]


def _bind(told: Listener) -> int:
    """Return the number of the error that binding a place gives, 0 if it can be bound."""
    if told.kind == "systemd" or (told.kind != "unix" and not told.port):
        return 0
    if told.kind == "unix":
        return _reach(told.path)
    family = socket.AF_INET6 if ":" in told.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if told.kind == "udp" else socket.SOCK_STREAM
    try:
        with socket.socket(family, kind) as tried:
            if told.kind == "tcp":  # as the start does it; else old connections would be in the way
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((told.host, told.port))
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _reach(path: str) -> int:
    """Return the same of a Unix socket: in use if somebody answers there."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        return errno.ENOENT
    if os.path.lexists(path):
        with socket.socket(socket.AF_UNIX) as link, contextlib.suppress(OSError):
            link.settimeout(1.0)
            link.connect(path)
            return errno.EADDRINUSE
    return 0 if os.access(folder, os.W_OK | os.X_OK) else errno.EACCES


def judge(tried: Sequence[Tried], running: Running) -> list[Finding]:
    """Return what is to be said of the places."""
    findings, own, free = [], 0, 0
    for one in tried:
        if one.error in _MAYBE_OURS and holds(
            running, one.listener.place, (each.pid for each in one.holders)
        ):
            own += 1
        elif one.error:
            findings.append(_fault(one))
        elif running.is_there and one.listener.port:
            findings.append(_not_held(one.listener, running))
        else:
            free += 1
    if own:
        findings.append(Finding(OK, "ports", f"{_places(own)} held by {running.name}"))
    if free:
        findings.append(Finding(OK, "ports", f"{_places(free)} free"))
    unseen = [one for one in tried if one.reason and one.error == errno.EADDRINUSE]
    if len(unseen) > own:
        findings.append(Finding(UNKNOWN, "ports", f"who has what can't be told: {unseen[0].reason}"))
    return findings


def _places(count: int) -> str:
    return "1 place to listen at is" if count == 1 else f"{count} places to listen at are"


def _not_held(told: Listener, running: Running) -> Finding:
    return Finding(
        WARNING,
        "ports",
        f"{running.name} does not listen at {told.place}",
        told.option,
        "the settings have changed since, or a part of it is down: reload, or start it again",
    )


def _fault(one: Tried) -> Finding:
    told = one.listener
    place = told.place.partition(":")[2]
    where = f"{told.option} {place}"
    option = told.option.rpartition(" ")[2]
    if one.error == errno.EADDRINUSE:
        who = strangers(one.holders) or f"a process of {user_name(one.uid)}"
        hint = "" if one.holders else " (root can see which)"
        whose = _also(one.holders)
        return Finding(
            FAULT, "ports", f"in use by {who}{hint}{whose}", where, f"stop it, or choose another {option}"
        )
    if one.error in (errno.EACCES, errno.EPERM):
        if told.kind == "unix":
            mend = f"let this user write in {os.path.dirname(told.path)}"
        else:
            mend = "start as root with --uid, or take a socket of systemd's (systemd:…:name=NAME)"
        return Finding(FAULT, "ports", "this user may not listen there", where, mend)
    if one.error in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return Finding(
            FAULT, "ports", "this machine has no such address", where, "ip address lists those it has"
        )
    return Finding(FAULT, "ports", os.strerror(one.error), where, f"choose another {option}")


def _also(holders: Sequence[Process]) -> str:
    """Return a hint where a service of ours is in the way."""
    if not holders or not holders[0].is_twistd:
        return ""
    if holders[0].service == "netsuite":
        return ", a suite with other settings"
    return ", a service of ours, run by itself" if holders[0].service in OURS else ""
