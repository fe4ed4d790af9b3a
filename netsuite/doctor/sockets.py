"""Who listens on this machine: the kernel's tables of sockets, and the processes that have them open (Linux).

Source: proc(5), /proc/net/tcp and /proc/PID/fd.  Whose socket it is can be seen of one's own processes, and
by root of all; of others the user is known, by the table.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pwd
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

#: The state of a TCP socket that listens; of UDP, one that is bound.
_LISTENS = {"tcp": "0A", "udp": "07"}

#: Flag of a Unix socket that listens (net/unix/af_unix.c, __SO_ACCEPTCON).
_ACCEPTS = 0x10000

#: Programs of which the script says more than their own name.
_INTERPRETERS = ("python", "perl", "ruby", "node", "java", "php", "sh", "bash")

#: Longest name of a program that is shown.
NAME_MAX = 60


class NoTables(Exception):  # noqa: N818 - a state, told to people
    """The kernel's tables can't be read here."""


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket that listens.  ``kind``: tcp, udp or unix; ``uid``: whose it is, None if that isn't told."""

    kind: str
    host: str
    port: int
    inode: int
    uid: int | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """A process.  ``words``: its command line; ``folder``: where it runs, if that may be seen.

    ``is_here``: its network is ours, and not that of a container.
    """

    pid: int
    words: tuple[str, ...]
    folder: str = ""
    uid: int | None = None
    is_here: bool = False

    @property
    def name(self) -> str:
        """What a person would call it."""
        words = [os.path.basename(word) for word in self.words if word]
        if not words:
            return "a process without a name"
        if self.is_twistd:
            return f"twistd {self.service}".rstrip()[:NAME_MAX]
        first = words[0]
        if first.rstrip("0123456789.").startswith(_INTERPRETERS):
            first = f"{first} {self._script}".rstrip()
        return first[:NAME_MAX]

    @property
    def _script(self) -> str:
        """What an interpreter runs: a file or module, not a program that is in the command line itself."""
        words = iter(self.words[1:])
        for word in words:
            if word in ("-c", "-e"):
                return word
            if word == "-m":
                return next(words, "")
            if not word.startswith("-"):
                return os.path.basename(word)
        return ""

    @property
    def service(self) -> str:
        """Of a twistd the service that it runs, as far as the command line tells."""
        words = (word for word in self.words[1:] if word.isascii() and word.isalpha() and word.islower())
        return next((word for word in words if word != "twistd"), "")

    @property
    def is_twistd(self) -> bool:
        """Whether it is a twistd."""
        return any("twistd" in word for word in self.words[:4])


def listening(proc: Path = PROC) -> list[Socket]:
    """Return every socket that listens.  Raises: NoTables."""
    found: list[Socket] = []
    try:
        for kind in _LISTENS:
            for name in (kind, f"{kind}6"):
                path = proc / "net" / name
                if path.exists() or name == "tcp":  # a machine without IPv6 has no second one
                    found += _internet(kind, path.read_text("ascii", "replace").splitlines()[1:])
        path = proc / "net" / "unix"
        if path.exists():
            found += _unix(path.read_text("utf-8", "replace").splitlines()[1:])
    except OSError as error:
        raise NoTables(f"{error.filename}: {error.strerror}") from None
    return found


def _internet(kind: str, lines: Iterable[str]) -> Iterator[Socket]:
    for line in lines:
        words = line.split()
        if len(words) > 9 and words[3] == _LISTENS[kind]:
            address, _, port = words[1].partition(":")
            yield Socket(kind, _host(address), int(port, 16), int(words[9]), int(words[7]))


def _host(text: str) -> str:
    """Return an address of the table: words of 32 bits in the machine's own order."""
    raw = bytes.fromhex(text)
    words = struct.unpack(f"={len(raw) // 4}I", raw)
    return str(ipaddress.ip_address(struct.pack(f">{len(words)}I", *words)))


def _unix(lines: Iterable[str]) -> Iterator[Socket]:
    for line in lines:
        words = line.split(None, 7)
        if len(words) == 8 and int(words[3], 16) & _ACCEPTS:
            yield Socket("unix", "", 0, int(words[6]), path=words[7])


def owners(inodes: Iterable[int], proc: Path = PROC) -> dict[int, list[int]]:
    """Return the processes that have these sockets open, as far as we may see them."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[int, list[int]] = {}
    for pid in pids(proc) if wanted else ():
        with contextlib.suppress(OSError):  # not ours to look at, or gone
            for entry in os.scandir(proc / str(pid) / "fd"):
                with contextlib.suppress(OSError):
                    inode = wanted.get(os.readlink(entry.path))
                    if inode is not None and pid not in found.setdefault(inode, []):
                        found[inode].append(pid)
    return found


def pids(proc: Path = PROC) -> list[int]:
    """Return the processes that there are."""
    with contextlib.suppress(OSError):
        return sorted(int(name) for name in os.listdir(proc) if name.isdecimal())
    return []


def process(pid: int, proc: Path = PROC) -> Process | None:
    """Return a process, None if there is none."""
    home = proc / str(pid)
    try:
        words = (home / "cmdline").read_bytes().rstrip(b"\0").decode("utf-8", "replace").split("\0")
        uid = home.stat().st_uid
    except OSError:
        return None
    folder, is_here = "", False
    with contextlib.suppress(OSError):
        folder = os.readlink(home / "cwd")
        is_here = os.readlink(home / "ns" / "net") == os.readlink(proc / "self" / "ns" / "net")
    return Process(pid, tuple(words), folder, uid, is_here)


def meets(socket: Socket, kind: str, host: str, port: int) -> bool:
    """Whether a socket is in the way of one more at this place: the same address, or all of them."""
    if socket.kind != kind or socket.port != port:
        return False
    one, other = ipaddress.ip_address(socket.host), _address(host)
    if one == other:
        return True
    if one.version == other.version:
        return one.is_unspecified or other.is_unspecified
    six = one if one.version == 6 else other
    return six.is_unspecified  # all of IPv6 is, on Linux, all of IPv4 too unless asked otherwise


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError:  # a name
        return ipaddress.ip_address("127.0.0.1")


def user_name(uid: int | None, known: Mapping[int, str] = {}) -> str:
    """Return the name of a user, or the number."""
    if uid is None:
        return "another user"
    try:
        return known.get(uid) or pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
