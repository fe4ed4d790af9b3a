"""A file to be imported: what it is, what it is known by, and its records.

The theory of *exactly once*.  The store takes of a node only what is past the last sequence that it has of
it, in the batch's own transaction.  So a file is a node, named by a keyed digest of all its bytes, and a
record's sequence is its number in the file: whatever is imported again, after a kill or a year later or under
another name, is known, and what was not kept yet is past the last.  The digest is of the whole file and not
of a part, as parts would make two files one (recordings of one site begin and end alike), and reading costs
little beside counting.  A file that has grown is another file, and counts wholly.

The numbers depend on the bytes alone: neither on the rules nor on the bounds of a run.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from netsuite.wordproxy.bring import har, text, warc
from netsuite.wordproxy.bring.records import Record
from netsuite.wordproxy.copying import Rules

#: What a node of a file begins with; such nodes are never pruned.
NODE = "file:"

#: What is read, by the end of the file's name.
KINDS = {".har": "HAR", ".har.gz": "HAR", ".warc": "WARC", ".warc.gz": "WARC", ".txt": "text"}

#: How much larger a compressed HAR may be when decompressed, beyond 64 MiB.
RATIO_MAX = 200
_FREE = 64 * 1024 * 1024

_BLOCK = 1024 * 1024


class FileFault(ValueError):  # noqa: N818 - a fault of the file's
    """The file is not what its name says; the text says why."""


class Bomb(Exception):  # noqa: N818 - a bound of ours, not a mistake
    """A compressed file is larger than any recording would be; ``exit`` of it is the limit's."""


def kind_of(path: str) -> str | None:
    """What a file is by its name; None for what can't be read."""
    name = os.path.basename(path).lower()
    return next((kind for ending, kind in KINDS.items() if name.endswith(ending)), None)


@dataclass(frozen=True, slots=True)
class Bringing:
    """An open file.  ``when``: of its last change, seconds since the epoch; ``size``: bytes."""

    path: str
    kind: str
    file: BinaryIO
    node: str
    when: float
    size: int

    def read(self) -> int:
        """How many bytes of it were read."""
        return self.file.tell()

    def records(self, rules: Rules) -> Iterator[Record]:
        """Yield the file's records, in their order.  Raises: FileFault, Bomb, OSError."""
        self.file.seek(0)
        try:
            if self.kind == "text":
                yield text.record(self.file, self.path, rules, self.when)
            elif self.kind == "WARC":
                yield from warc.records(self.file, rules, self.when)
            else:
                yield from har.records(self._plain(), rules, self.when)
        except (har.HarFault, warc.WarcFault) as fault:
            raise FileFault(str(fault)) from None
        except EOFError:
            raise FileFault("it is cut short") from None
        except (gzip.BadGzipFile, zlib.error):
            raise FileFault("it is damaged") from None

    def _plain(self) -> BinaryIO:
        if not self.path.lower().endswith(".gz"):
            return self.file
        return cast(BinaryIO, Measured(self.file, max(_FREE, self.size * RATIO_MAX)))


class Measured:
    """A gzip'd file, decompressed up to a bound."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._gzip = gzip.GzipFile(fileobj=file)
        self._left = most

    def read(self, size: int) -> bytes:
        """Raises: Bomb, EOFError, gzip.BadGzipFile."""
        block = self._gzip.read(size)
        self._left -= len(block)
        if self._left < 0:
            raise Bomb
        return block


def opened(path: str, url_key: bytes) -> Bringing:
    """The file is open, to be read and closed by the caller.  Raises: OSError."""
    file = open(path, "rb")  # noqa: SIM115 - the caller's
    try:
        digest = hashlib.blake2b(digest_size=16, key=url_key)
        while block := file.read(_BLOCK):
            digest.update(block)
        status = os.fstat(file.fileno())
    except BaseException:
        file.close()
        raise
    kind = kind_of(path) or "text"
    return Bringing(path, kind, file, NODE + digest.hexdigest(), status.st_mtime, status.st_size)
