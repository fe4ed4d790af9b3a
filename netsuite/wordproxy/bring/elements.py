"""The elements of one array deep in a JSON document of any size, one at a time (RFC 8259).

The theory.  What lies between two elements is found by brackets and strings alone: outside of strings a
bracket opens or closes something, and inside of them only a backslash and the closing quote mean anything.
So the scanner needs a depth, the names of the objects it is in near the top, and where the element began; it
reads each byte once, keeps one element and one block, and knows no recursion.  Whether an element is JSON is
for who decodes it.  What is no JSON at all between elements (a comma too many) is passed over: nothing
depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

BLOCK = 256 * 1024

#: Longest name of a member that is compared.
NAME_MAX = 64

_SIGN = re.compile(rb'["{}\[\]:,]')
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


class Elements:
    """Yields each element under ``path``, None in the place of one over ``most`` bytes.

    Once the iteration is over, ``is_whole``: the array was found and its end seen; ``is_cut``: it was found.
    """

    def __init__(self, file: BinaryIO, path: tuple[bytes, ...], most: int) -> None:
        self._file, self._path, self._most = file, path, most
        self.is_whole = False
        self._depth = 0
        self._fits = 0  # how many names of the path lead to where we are
        self._name = b""  # the last string outside of the array: perhaps a member's name
        self._member = b""  # the member whose value comes
        self._string: bytes | None = None  # inside of a string, and its beginning
        self._kept: list[bytes] = []
        self._size = 0
        self._is_in = False  # inside of an element
        self._is_over = False  # the array has ended

    @property
    def is_cut(self) -> bool:
        """The document ended before the array did."""
        return self._fits == len(self._path) and not self.is_whole

    def __iter__(self) -> Iterator[bytes | None]:
        rest = b""
        while not self._is_over and (block := self._file.read(BLOCK)):
            block = rest + block
            # A backslash at the very end belongs to the sign after it.
            slashes = len(block) - len(block.rstrip(b"\\"))
            rest = block[-1:] if slashes % 2 else b""
            yield from self._scan(block[: len(block) - len(rest)])

    def _scan(self, block: bytes) -> Iterator[bytes | None]:
        at = begin = 0
        while at < len(block) and not self._is_over:
            if self._string is not None:
                at = self._in_string(block, at)
                continue
            match = _SIGN.search(block, at)
            if match is None:
                break
            at, sign = match.end(), match[0]
            if sign == b'"':
                self._string = b""
            elif sign in b"{[":
                if self._is_array():
                    self._is_in, begin = True, at - 1
                self._open(sign)
            elif sign in b"}]":
                self._close()
                if self._is_in and self._is_array():
                    self._keep(block[begin:at])
                    yield self._element()
            elif not self._is_in:
                self._member = self._name if sign == b":" else b""
        if self._is_in:
            self._keep(block[begin:])

    def _in_string(self, block: bytes, at: int) -> int:
        match = _IN_STRING.match(block, at)
        end = match.end() if match else at
        if not self._is_in and self._string is not None:
            self._string = (self._string + block[at : min(end, at + NAME_MAX)])[:NAME_MAX]
        if end < len(block):
            self._name, self._string = self._string or b"", None
            return end + 1
        return end

    def _is_array(self) -> bool:
        """Whether we are in the array itself, in none of its elements."""
        return self._fits == len(self._path) and self._depth == len(self._path) + 1

    def _open(self, sign: bytes) -> None:
        leads = self._fits == self._depth - 1 and self._fits < len(self._path)
        if leads and self._depth > 0 and self._member == self._path[self._fits]:
            is_last = self._fits + 1 == len(self._path)
            if sign == (b"[" if is_last else b"{"):
                self._fits += 1
        self._depth += 1
        self._member = b""

    def _close(self) -> None:
        if self._is_array():
            self.is_whole = self._is_over = True
        self._depth -= 1
        self._fits = min(self._fits, max(0, self._depth - 1))

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._most:
            self._kept.append(piece)
        else:
            self._kept.clear()

    def _element(self) -> bytes | None:
        element = b"".join(self._kept) if self._size <= self._most else None
        self._kept, self._size, self._is_in = [], 0, False
        return element
