"""A file that is being made beside its place, ``FILE.part``, and what is known of it, ``FILE.part.json``.

Theory.  FILE is the old one until the new one is whole, checked and on the disk; then one rename makes it the
new one.  What is known of the part is written before its first byte and taken away before its last ones are
cut off, so that the two never contradict each other, whenever we are killed.  After a loss of power the part
may hold blocks that were never written; so the part is trusted as far as it was synced, or, if the machine
has not been started anew since, as far as it goes.

One process at a time: the part is locked (flock) as long as it is open.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from netsuite import durable
from netsuite.client.resume import Version, remembered
from netsuite.outcome import Failed

#: Bytes after which the kernel is asked to begin writing what came, so that the last sync is short.
BEHIND = 8 * 1024 * 1024

#: Longest ``.part.json``.
_KNOWN_MAX = 64 * 1024

_BOOT = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a part.  ``synced``: bytes that are on the disk; ``boot``: the machine's run."""

    url: str
    version: Version
    boot: str
    synced: int = 0


def _boot() -> str:
    try:
        with open(_BOOT, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


class Part:
    """The part of one file, open and locked.  Raises: Failed, OSError."""

    def __init__(self, path: str) -> None:
        self.final, self.path, self.about = path, f"{path}.part", f"{path}.part.json"
        self._fd = self._opened()
        with contextlib.suppress(FileNotFoundError):  # no more may read it than what it replaces
            os.fchmod(self._fd, stat.S_IMODE(os.stat(self.final).st_mode) & 0o777 | 0o600)
        self.size = os.fstat(self._fd).st_size
        self._behind = self.size
        self._known: Known | None = None
        self._is_gone = False

    def _opened(self) -> int:
        while True:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            fd = os.open(self.path, flags, 0o666)
            try:
                found = os.fstat(fd)
                if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                    raise Failed("local", f"{self.path}: this is no part of ours; take it away")
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(os.stat(self.path, follow_symlinks=False), found):
                        return fd
            except BlockingIOError:
                os.close(fd)
                raise Failed("local", f"{self.path}: another webdownload is at it") from None
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)  # it was renamed before we had the lock

    def known(self, url: str) -> Version | None:
        """Return which version of a URL the part is of, None if it can't be continued.

        What of it may not have reached the disk is cut off.
        """
        try:
            with open(self.about, "rb") as file:
                told = json.loads(file.read(_KNOWN_MAX))
            known = Known(
                str(told["url"]),
                remembered(told["tag"], told["date"], told["length"]),
                str(told["boot"]),
                int(told["synced"]),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None
        if known.url != url or not known.version.certain or not self.size:
            return None
        if not known.boot or known.boot != _boot():
            self._cut(min(self.size, max(0, known.synced)))
        if known.version.length is not None and self.size > known.version.length:
            return None
        self._known = known
        return known.version if self.size else None

    def begin(self, url: str, version: Version) -> None:
        """The part is empty, and of this version from now on."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.about)
        self._cut(0)
        self._known = None
        if version.certain:
            self._known = Known(url, version, _boot())
            self._note()

    def _cut(self, size: int) -> None:
        os.ftruncate(self._fd, size)
        os.lseek(self._fd, size, os.SEEK_SET)
        self.size = self._behind = size

    def proceed(self) -> None:
        """What is written next goes to the end."""
        os.lseek(self._fd, self.size, os.SEEK_SET)

    def _note(self) -> None:
        assert self._known is not None  # noqa: S101 - who calls has looked
        known = asdict(self._known)
        version = known.pop("version")
        told = json.dumps({**known, **version}).encode("ascii")
        draft = f"{self.about}.new"  # nobody else writes it: the part is locked
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            file.write(told)
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, self.about)
        durable.sync_folder(os.path.dirname(self.about) or ".")

    def write(self, data: bytes) -> None:
        """Add bytes."""
        size = len(data)
        wrote = os.write(self._fd, data)
        while wrote < size:
            self.size += wrote
            data, size = data[wrote:], size - wrote
            wrote = os.write(self._fd, data)
        self.size += wrote
        if self.size - self._behind >= BEHIND:
            os.posix_fadvise(self._fd, self._behind, self.size - self._behind, os.POSIX_FADV_DONTNEED)
            self._behind = self.size

    def pieces(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Yield what is there, from the beginning."""
        at = 0
        while at < self.size and (piece := os.pread(self._fd, min(size, self.size - at), at)):
            at += len(piece)
            yield piece

    def room(self, more: int) -> None:
        """So many further bytes have room on the disk, as far as it says.  Raises: Failed."""
        found = os.fstatvfs(self._fd)
        free = found.f_bavail * found.f_frsize
        if found.f_blocks and more > free:  # no blocks at all: a file system that does not say
            told = f"{self.path}: {more} bytes are to come, and the disk has room for {free}"
            raise Failed("local", told, detail="space")

    def settle(self) -> None:
        """What is there is on the disk and stays, to be continued; if that is nothing, nothing stays."""
        if self._is_gone:
            return
        if not self.size:
            self.drop()
            return
        os.fsync(self._fd)
        if self._known is not None:
            self._known = replace(self._known, synced=self.size)
            self._note()

    def finish(self, *, modified: float | None, attributes: dict[str, bytes]) -> list[str]:
        """FILE is the new one.  ``modified``: its time of change; return attributes that it can't have."""
        with contextlib.suppress(FileNotFoundError):
            os.fchmod(self._fd, stat.S_IMODE(os.stat(self.final).st_mode) & 0o777)
        missing = []
        for name, value in attributes.items():
            try:
                os.setxattr(self._fd, name, value)
            except OSError:
                missing.append(name)
        if modified is not None:
            os.utime(self._fd, (modified, modified))
        os.fsync(self._fd)
        self._rename(self.final)
        return missing

    def condemn(self) -> str:
        """The part is ``FILE.bad``; return that name."""
        bad = f"{self.final}.bad"
        self._rename(bad)
        return bad

    def _rename(self, to: str) -> None:
        os.rename(self.path, to)
        self._is_gone = True
        self._forget()
        durable.sync_folder(os.path.dirname(self.path) or ".")

    def drop(self) -> None:
        """Nothing of the part stays."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._is_gone = True
        self._forget()

    def _forget(self) -> None:
        for path in (self.about, f"{self.about}.new"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def close(self) -> None:
        """Somebody else may have it."""
        os.close(self._fd)
