"""As whom a service goes on: twistd binds as root, and is then the user of ``--uid`` and ``--gid``.

What root opens before that must be theirs afterwards, or they could neither open it again nor move it.  A
file is given away only if it has one name and is no link: else whoever may write in its folder could have
root give them any file.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Heir:
    """Who the process is once it has bound its ports."""

    uid: int
    gid: int
    home: str


_expected: list[Heir] = []


def expect(twistd: Mapping[str, Any]) -> list[str]:
    """Take in what twistd was told of users; return what is wrong with it."""
    uid, gid = twistd.get("uid"), twistd.get("gid")
    _expected.clear()
    if os.geteuid() != 0 or not uid:
        return []
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return [f"--uid {uid} has no entry among the users (getent passwd {uid}); make one, or name another"]
    _expected.append(Heir(uid, entry.pw_gid if gid is None else gid, entry.pw_dir))
    return []


def heir() -> Heir | None:
    """Return whom we become, or are by now; None if nobody else."""
    return _expected[0] if _expected else None


def stays_root() -> bool:
    """Return whether this process is root, and will be."""
    return os.geteuid() == 0 and not _expected


def give(fd: int) -> None:
    """An open file belongs to whom we become, if we are still root.  Raises: OSError."""
    to = heir()
    if to is None or os.geteuid() != 0:
        return
    state = os.fstat(fd)
    if (
        stat.S_ISREG(state.st_mode)
        and state.st_nlink == 1
        and (state.st_uid, state.st_gid) != (to.uid, to.gid)
    ):
        os.fchown(fd, to.uid, to.gid)
