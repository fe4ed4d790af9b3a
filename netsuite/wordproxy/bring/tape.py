"""A file of records, plain or in gzip members, read forwards; and found into again behind a broken record.

A ``.warc.gz`` has a gzip member for each record (WARC 1.1 annex D), so behind a damaged one the next can be
looked for by gzip's magic; in a plain file by the line that every record begins with.
"""

from __future__ import annotations

import os
import zlib
from typing import BinaryIO

_BLOCK, _RAW = 64 * 1024, 16 * 1024
_GZIP = b"\x1f\x8b\x08"
_GZIP_WINDOW = 31

#: Decompressed bytes that show whether a record begins in a gzip member, and bytes of it read for that.
_PROBE, _PROBE_RAW = 16, 512


#: Bytes of a record in gzip that are decompressed to pass it over.
SKIP_MAX = 1024 * 1024 * 1024

#: Times that the next record is looked for in a file: a search may read bytes again.
SEARCHES_MAX = 1000


class Broken(Exception):  # noqa: N818 - the state of a file
    """The bytes can't be read on from here; what is past them may be."""


class Hopeless(Exception):  # noqa: N818 - the state of a file
    """Too much of the file is broken for searching on."""


class Tape:
    """``start``: where in the file the record that was begun last began (of gzip: its member)."""

    def __init__(self, file: BinaryIO, magic: bytes) -> None:
        self._file, self._magic = file, magic
        head = file.read(len(_GZIP))
        self.is_gzip = head == _GZIP
        self._size = file.seek(0, os.SEEK_END)
        self.start = self._searches = 0
        self._seek(0)

    def _seek(self, at: int) -> None:
        self._file.seek(at)
        self._held = b""  # to be given out
        self._raw = b""  # read, and not decompressed yet
        self._raw_at = at  # where `_raw` begins
        self._held_at = at  # where `_held` begins, in a plain file
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        self._member = at
        self._is_open = False  # a member has begun and not ended

    def begin(self) -> None:
        """A record begins here, behind empty lines.  Raises: Broken, EOFError at the end."""
        self._strip()
        try:
            while not self._held and self._fill():
                self._strip()
        finally:  # also of a member that can't be read
            self.start = self._member if self.is_gzip else self._held_at
        if not self._held:
            raise EOFError

    def end(self) -> None:
        """A record ends here: another follows, or nothing.  Raises: Broken."""
        self._strip()
        while not self._held and (self._is_open or not self.is_gzip) and self._fill():
            self._strip()
        while 0 < len(self._held) < len(self._magic) and self._fill():
            pass
        if not self._held.startswith(self._magic[: len(self._held)]):
            raise Broken

    def _strip(self) -> None:
        self._give(len(self._held) - len(self._held.lstrip(b"\r\n")))

    def line(self, most: int) -> bytes:
        """The next line without its end; at the file's end what is left.  Raises: Broken if over ``most``."""
        seen = 0
        while (end := self._held.find(b"\n", seen)) < 0:
            seen = len(self._held)
            if seen > most:
                raise Broken
            if not self._fill():
                return self._give(seen)
        if end > most:
            raise Broken
        return self._give(end + 1).rstrip(b"\r\n")

    def take(self, size: int, most: int) -> bytes | None:
        """The next ``size`` bytes, None in the place of more than ``most``.

        Raises: Broken where there are fewer, or more than anybody decompresses.
        """
        if size > (SKIP_MAX if self.is_gzip else self._size - self._held_at):
            raise Broken
        if size > most and not self.is_gzip:
            self._seek(self._held_at + size)
            return None
        pieces: list[bytes] = []
        left = size
        while left > 0:
            if not self._held and not self._fill():
                raise Broken
            piece = self._give(min(left, len(self._held)))
            left -= len(piece)
            if size <= most:
                pieces.append(piece)
        return b"".join(pieces) if size <= most else None

    def _give(self, size: int) -> bytes:
        given, self._held = self._held[:size], self._held[size:]
        self._held_at += size
        return given

    def _fill(self) -> bool:
        """Something was read, of which more may be held now; False at the end.  Raises: Broken."""
        if not self.is_gzip:
            block = self._file.read(_BLOCK)
            self._held += block
            return bool(block)
        if not self._raw:
            self._raw_at = self._file.tell()
            self._raw = self._file.read(_RAW)
            if not self._raw:
                was_open, self._is_open = self._is_open, False
                if was_open:
                    raise Broken
                return False
        self._decompress()
        return True

    def _decompress(self) -> None:
        if not self._is_open:
            self._member = self._raw_at
            self._inflate = zlib.decompressobj(_GZIP_WINDOW)
            self._is_open = True
        size = len(self._raw)
        try:
            self._held += self._inflate.decompress(self._raw, _BLOCK)
        except zlib.error:
            raise Broken from None
        if self._inflate.eof:
            self._is_open = False
            self._raw = self._inflate.unused_data
        else:
            self._raw = self._inflate.unconsumed_tail
        self._raw_at += size - len(self._raw)

    def recover(self) -> bool:
        """The next record after the one begun last is where reading goes on; False if none is found.

        Raises: Hopeless at the search after `SEARCHES_MAX`.
        """
        self._searches += 1
        if self._searches > SEARCHES_MAX:
            raise Hopeless
        at = self.start + 1
        mark = _GZIP if self.is_gzip else b"\n" + self._magic
        held = b""
        self._file.seek(at)
        while block := self._file.read(_BLOCK):
            held += block
            found = held.find(mark)
            while found >= 0:
                if self._begins(at + found):
                    self._seek(at + found + (0 if self.is_gzip else 1))
                    return True
                self._file.seek(at + len(held))
                found = held.find(mark, found + 1)
            keep = len(mark) - 1
            at += max(0, len(held) - keep)
            held = held[-keep:]
        self._seek(at + len(held))
        return False

    def _begins(self, at: int) -> bool:
        """Whether a record really begins in the gzip member at ``at``."""
        if not self.is_gzip:
            return True
        self._file.seek(at)
        try:
            inflate = zlib.decompressobj(_GZIP_WINDOW)
            return inflate.decompress(self._file.read(_PROBE_RAW), _PROBE).startswith(self._magic)
        except zlib.error:
            return False
