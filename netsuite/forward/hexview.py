"""Bytes as people read them: offset, hexadecimal, printable ASCII."""

from __future__ import annotations

#: Bytes of a line.
WIDTH = 16


class HexView:
    """One direction.  ``mark``: begins each line, ``>`` for sent, ``<`` for received."""

    def __init__(self, mark: str) -> None:
        self._mark, self._offset = mark, 0

    def lines(self, data: bytes) -> str:
        """Return the lines of some more bytes; each piece begins a line of its own."""
        shown = []
        for start in range(0, len(data), WIDTH):
            part = data[start : start + WIDTH]
            text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
            shown.append(f"{self._mark} {self._offset + start:08x}  {part.hex(' '):47}  |{text}|\n")
        self._offset += len(data)
        return "".join(shown)
