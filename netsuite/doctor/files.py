"""Whether the files that the settings name are there, whose they are, and who else may read or write them."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netsuite.doctor.finding import FAULT, OK, WARNING, Finding
from netsuite.doctor.plan import CONFIG, LOG, SECRET, STATE, STORE, USERS, Kept

#: What nobody else may do, by role: the bits that must not be set, and how bad it is.
_CLOSED = {
    SECRET: (0o077, FAULT),
    STORE: (0o077, FAULT),
    USERS: (0o027, FAULT),
    LOG: (0o027, WARNING),
    CONFIG: (0o022, FAULT),
    STATE: (0o022, FAULT),
}

#: Roles whose files the service writes.
_WRITTEN = frozenset((STORE, STATE, LOG))


@dataclass(frozen=True, slots=True)
class User:
    """Whose access is judged."""

    uid: int
    groups: frozenset[int]
    name: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it is.  ``error``: why it can't be looked at; ``is_fixed``: on a read-only file system.

    ``above``: the nearest folder that is there, and its mode, owner and group.
    """

    kept: Kept
    error: str = ""
    is_there: bool = True
    is_folder: bool = False
    mode: int = 0
    uid: int = 0
    gid: int = 0
    is_fixed: bool = False
    above: tuple[str, int, int, int] = ("/", 0o755, 0, 0)
    holds_secret: bool = False


def user(name: str | None = None, uid: int | None = None) -> User:
    """Return a user, by name or number; ourselves without either.  Raises: KeyError."""
    if name is not None and not name.isdecimal():
        found = pwd.getpwnam(name)
    else:
        number = int(name) if name is not None else uid if uid is not None else os.geteuid()
        if number == os.geteuid() and name is None:
            groups = frozenset((*os.getgroups(), os.getegid()))
            return User(number, groups, _name(number))
        try:
            found = pwd.getpwuid(number)
        except KeyError:  # a number without a name, as containers have
            return User(number, frozenset((number,)), f"user {number}")
    return User(found.pw_uid, frozenset(os.getgrouplist(found.pw_name, found.pw_gid)), found.pw_name)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def owner_of(paths: Iterable[Kept]) -> int | None:
    """Return whose the first folder of state is that is there; its owner is who the service runs as."""
    for kept in paths:
        if kept.role == STATE and os.path.isdir(kept.path):
            return os.stat(kept.path).st_uid
    return None


def look(kept: Kept) -> Seen:
    """Return a file as it is."""
    above = _above(kept.path)
    try:
        state = os.stat(kept.path)
        is_fixed = bool(os.statvfs(kept.path).f_flag & os.ST_RDONLY)
    except FileNotFoundError:
        return Seen(kept, is_there=False, is_fixed=_fixed(above[0]), above=above)
    except OSError as error:
        return Seen(kept, error=error.strerror or str(error), above=above)
    is_folder = stat.S_ISDIR(state.st_mode)
    return Seen(
        kept,
        is_folder=is_folder,
        mode=stat.S_IMODE(state.st_mode),
        uid=state.st_uid,
        gid=state.st_gid,
        is_fixed=is_fixed,
        above=above,
        holds_secret=kept.role == CONFIG and _holds_secret(kept.path),
    )


def _above(path: str) -> tuple[str, int, int, int]:
    folder = os.path.dirname(path)
    while True:
        try:
            state = os.stat(folder)
            return folder, state.st_mode, state.st_uid, state.st_gid
        except OSError:
            if folder == os.path.dirname(folder):
                return folder, 0, 0, 0
            folder = os.path.dirname(folder)


def _fixed(folder: str) -> bool:
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _holds_secret(path: str) -> bool:
    """Whether a settings file has a URL with a password in it."""
    try:
        with open(path, "rb") as file:
            text = file.read(1 << 20)
    except OSError:
        return False
    return any(b"@" in part.split(b"/")[0] and b":" in part.split(b"@")[0] for part in text.split(b"://")[1:])


def may(who: User, mode: int, uid: int, gid: int, bits: int) -> bool:
    """Whether a user may do what ``bits`` (of 7: read, write, execute) say (POSIX.1-2017 §4.5)."""
    if who.uid == 0:
        return True
    shift = 6 if uid == who.uid else 3 if gid in who.groups else 0
    return mode >> shift & bits == bits


def judge(seen: Sequence[Seen], who: User) -> list[Finding]:
    """Return what is to be said of the files; ``who``: the user that the service runs as."""
    shut = {one.kept.path for one in seen if one.is_folder and _reach(one, who)}
    findings = [
        finding for one in seen for finding in _one(one, who, is_told=os.path.dirname(one.kept.path) in shut)
    ]
    sound = sum(1 for one in seen if one.is_there and not one.error) - len({f.where for f in findings})
    if sound > 0:
        number = f"{sound} file{'s are' if sound > 1 else ' is'}"
        findings.append(Finding(OK, "files", f"{number} as they should be for {who.name}"))
    return findings


def _one(one: Seen, who: User, *, is_told: bool) -> list[Finding]:
    """``is_told``: its folder is somebody else's, and that is said of the folder."""
    if one.error:
        told = Finding(FAULT, "files", f"can't be looked at ({one.error})", one.kept.path, _let(who, one))
        return [told] if one.kept.must or one.kept.role in _WRITTEN else []
    if not one.is_there:
        return _missing(one, who)
    return [*_kind(one), *_openness(one), *(() if is_told else _reach(one, who))]


def _missing(one: Seen, who: User) -> list[Finding]:
    path, (folder, mode, uid, gid) = one.kept.path, one.above
    if one.kept.must:
        return [Finding(FAULT, "files", "is not there", path, f"make it, or change {one.kept.option}")]
    if one.kept.role not in _WRITTEN:
        return []
    if one.is_fixed:
        return [_read_only(one)]
    if may(who, mode, uid, gid, 3):
        return []
    where = f"{who.name} can't make it: no permission to write in {folder}"
    return [Finding(FAULT, "files", where, path, f"chown {shlex.quote(who.name)} {shlex.quote(folder)}")]


def _kind(one: Seen) -> list[Finding]:
    if one.kept.role == STATE and not one.is_folder:
        return [Finding(FAULT, "files", "is no folder", one.kept.path, f"change {one.kept.option}")]
    if one.kept.role in (STORE, LOG, USERS, CONFIG) and one.is_folder:
        return [
            Finding(
                FAULT,
                "files",
                "is a folder, where a file is meant",
                one.kept.path,
                f"change {one.kept.option}",
            )
        ]
    return []


def _openness(one: Seen) -> list[Finding]:
    forbidden, severity = _CLOSED[one.kept.role]
    if one.holds_secret:
        forbidden |= 0o044
    path, findings = one.kept.path, []
    if excess := one.mode & forbidden:
        what = f"others may {_verbs(excess)} it (mode {one.mode:04o})"
        if one.holds_secret and excess & 0o044:
            what += ", and it has a password in it"
        mend = f"chmod {one.mode & ~forbidden:04o} {shlex.quote(path)}"
        findings.append(Finding(severity, "files", what, path, mend))
    folder, mode, _, _ = one.above
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        what = f"anybody may put another in its place: {folder} has mode {stat.S_IMODE(mode):04o}"
        findings.append(Finding(FAULT, "files", what, path, f"chmod o-w {shlex.quote(folder)}"))
    return findings


def _verbs(bits: int) -> str:
    verbs = [verb for verb, mask in (("read", 0o044), ("write", 0o022), ("enter", 0o011)) if bits & mask]
    if len(verbs) > 1 and "enter" in verbs:
        verbs.remove("enter")
    return " and ".join(verbs)


def _reach(one: Seen, who: User) -> list[Finding]:
    """Whether the service can do with it what it has to."""
    writes = one.kept.role in _WRITTEN
    if writes and one.is_fixed:
        return [_read_only(one)]
    bits = (4 | 2 * writes) | (1 if one.is_folder else 0)
    path = one.kept.path
    if not may(who, one.mode, one.uid, one.gid, bits):
        what = (
            f"{who.name} can't {'write' if writes else 'read'} it: it is {_whose(one)}, mode {one.mode:04o}"
        )
        mend = f"chown {shlex.quote(who.name)} {shlex.quote(path)}, or name who runs it with --user"
        return [Finding(FAULT, "files", what, path, mend)]
    if who.uid == 0 and one.kept.role in (STORE, SECRET) and one.uid != one.above[2] and one.above[2]:
        what = f"it is {_whose(one)}, its folder {_name(one.above[2])}'s, who will not be able to use it"
        return [
            Finding(
                FAULT,
                "files",
                what,
                path,
                f"chown --reference={shlex.quote(one.above[0])} {shlex.quote(path)}",
            )
        ]
    return []


def _whose(one: Seen) -> str:
    try:
        group = grp.getgrgid(one.gid).gr_name
    except KeyError:
        group = str(one.gid)
    return f"{_name(one.uid)}:{group}'s"


def _read_only(one: Seen) -> Finding:
    return Finding(
        FAULT,
        "files",
        "its file system is read-only",
        one.kept.path,
        f"mount it writable, or change {one.kept.option}",
    )


def _let(who: User, one: Seen) -> str:
    return f"let {who.name} enter {one.above[0]}"
