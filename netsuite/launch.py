"""What must be right before twistd starts a service of ours: its pidfile, its log, and as whom it goes on.

twistd itself would go on as root, end with a traceback where it can't write, and never start again in a
container whose last life left its pidfile.  Here each of these is one line among all the other faults.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any

from netsuite import held, pidfile, privilege, twistdlog
from netsuite.aside import Rotation
from netsuite.values import Where, split_endpoint

#: Ports below it only root may open.
PRIVILEGED_BELOW = 1024

_begun: list[str] = []


def places(settings: Any) -> Iterator[tuple[str, Where]]:
    """Yield where a service listens, of its settings, each with the name of its option."""
    if not is_dataclass(settings):
        return
    for field in fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, Where):
            yield field.name, value
        else:
            yield from places(value)


def faults(twistd: MutableMapping[str, Any], *, is_json: bool = False) -> list[str]:
    """Return what is wrong with twistd's own settings.  Nothing is changed, but whom we expect to become."""
    told = privilege.expect(twistd)
    if path := twistd.get("pidfile"):
        told += _pidfile_faults(os.path.abspath(path))
    if is_json and twistd.get("syslog"):
        told.append("--log-json: syslog has lines of text; leave out this, or twistd's --syslog")
    is_foreground = twistd.get("nodaemon") or twistd.get("debug")
    if twistd.get("logfile") == "-" and not is_foreground and not twistd.get("syslog"):
        told.append("--logfile -: in the background there is no standard output; give a file, or -n")
    if (log := twistdlog.path_of(twistd)) and not _may_write(log):
        told.append(f"--logfile {log}: can't be written; give another, or let this user write there")
    return told


def _pidfile_faults(path: str) -> list[str]:
    try:
        found = pidfile.look(path, own=os.getpid())
    except FileNotFoundError:
        if not _may_write(path):
            return [f"--pidfile {path}: can't be written; give another, or --pidfile= for none"]
        return [] if _has_room(path) else [f"--pidfile {path}: the disk is full; free some, or give another"]
    except OSError as error:
        return [f"--pidfile {path}: {error.strerror}; give another, or --pidfile= for none"]
    if found.state in ("stale", "own"):
        return []
    who = f"{found.state}, process {found.pid}" if found.pid is not None else found.state
    return [f"--pidfile {path}: {who}: {found.advice}, or give another --pidfile"]


def _may_write(path: str) -> bool:
    if os.path.lexists(path):
        return os.access(path, os.W_OK) and not os.path.isdir(path)
    return os.access(os.path.dirname(path), os.W_OK | os.X_OK)


def _has_room(path: str) -> bool:
    state = os.statvfs(os.path.dirname(path))
    return (state.f_bfree if os.geteuid() == 0 else state.f_bavail) > 0


def root_faults(settings: Any) -> Iterator[tuple[str, str]]:
    """Yield (option, fault) for each listener that root should not go on serving, if it is root who would."""
    if not privilege.stays_root():
        return
    for name, where in places(settings):
        remedy = "root would go on serving it; give twistd --uid USER, or --allow-root"
        if where.public:
            yield name, f"{where.text} is reached from other machines, and {remedy}"
        elif any(0 < _port(text) < PRIVILEGED_BELOW for text in where.descriptions):
            yield name, f"{where.text} is below {PRIVILEGED_BELOW}, and {remedy}"


def _port(description: str) -> int:
    kind, *rest = split_endpoint(description)
    number = rest[0].removeprefix("port=") if rest else ""
    return int(number) if kind in ("tcp", "ssl") and number.isdecimal() else 0


def begin(twistd: MutableMapping[str, Any], *, is_json: bool, rotation: Rotation) -> None:
    """Signals wait for the start, twistd logs as it is told, and a pidfile that names nobody is gone."""
    path = os.path.abspath(twistd["pidfile"]) if twistd.get("pidfile") else ""
    _begun.append(path)
    held.hold()
    twistdlog.choose(twistd, is_json=is_json, rotation=rotation)
    with suppress(OSError):
        if path and pidfile.look(path, own=os.getpid()).state == "own":
            os.unlink(path)


def show_pidfile() -> None:
    """Everybody may read the pidfile, as whom we become may want to; only who starts us may write it."""
    with suppress(OSError):
        if _begun and _begun[-1]:
            fd = os.open(_begun[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fchmod(fd, 0o644)
            finally:
                os.close(fd)


def has_begun() -> bool:
    """Return whether this process was started to serve: settings that are read again are then for it."""
    return bool(_begun)
