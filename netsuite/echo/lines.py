"""From bytes to lines and their answers, a block at a time.

Theory.  A client that sends many lines at once is answered by few calls: what has come is cut at its last
line ending, and one ``bytes.replace`` puts the answer's words before every line of it.  Only what that can't
do, a line that is too long, is looked at line by line.  Both ways answer alike, however the bytes are cut.
"""

from __future__ import annotations

#: How every answer begins, and the line that ends a conversation.
SAID = b"You said: "
QUIT = b"quit"


class Lines:
    """Cuts bytes into lines ending with LF or CRLF; a line is bytes, whatever its coding.

    ``most``: longest line in bytes.  The CR of a line ending is no part of the line and not counted.
    """

    __slots__ = ("_held", "_most")

    def __init__(self, most: int) -> None:
        self._held, self._most = bytearray(), most

    def block(self, data: bytes) -> bytes | None:
        """Take ``data``; return the lines that are complete now, each ended by LF alone.

        None if one is too long, or has begun to be: nothing is taken then, and ``feed`` says which it is.
        """
        end = data.rfind(b"\n") + 1
        held = self._held
        if len(data) - end + (0 if end else len(held)) > self._most and self._is_past(data, end):
            return None
        if not end:
            held += data
            return b""
        lines = data if end == len(data) else data[:end]
        if held:
            lines = bytes(held) + lines
        if b"\r" in lines:
            lines = lines.replace(b"\r\n", b"\n")
        if len(lines) > self._most and has_longer(lines, self._most):
            return None
        held[:] = data[end:]
        return lines

    def _is_past(self, data: bytes, end: int) -> bool:
        """Whether the line that goes on after ``data`` is too long, its last byte no CR that may end it."""
        size = len(data) - end + (0 if end else len(self._held))
        return size - data.endswith(b"\r") > self._most

    def feed(self, data: bytes) -> tuple[list[bytes], bool]:
        """Return the lines that are complete now, and whether a longer one than allowed has begun."""
        whole: list[bytes] = []
        parts = (bytes(self._held) + data).split(b"\n")
        for part in parts[:-1]:
            line = part.removesuffix(b"\r")
            if len(line) > self._most:
                return whole, True
            whole.append(line)
        self._held[:] = parts[-1]
        return whole, len(parts[-1].removesuffix(b"\r")) > self._most


def has_longer(lines: bytes, most: int) -> bool:
    """Whether one of the lines, each ended by LF, has more than ``most`` bytes."""
    start, end = 0, len(lines)
    while end - start > most + 1:
        start = lines.rfind(b"\n", start, start + most + 1) + 1
        if not start:
            return True
    return False


def until_quit(lines: bytes) -> tuple[bytes, bool]:
    """Return the lines before one that is ``quit``, and whether there is one."""
    if lines.startswith(QUIT + b"\n"):
        return b"", True
    at = lines.find(b"\n" + QUIT + b"\n")
    return (lines, False) if at < 0 else (lines[: at + 1], True)


def answers(lines: bytes, said: bytes) -> bytes:
    """Return what is said to whole lines, each ended by LF: ``said``, the line, CRLF."""
    return said + lines[:-1].replace(b"\n", b"\r\n" + said) + b"\r\n" if lines else b""
