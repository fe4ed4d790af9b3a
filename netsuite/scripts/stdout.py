"""A body's bytes on standard output: as they are into a pipe or a file, harmless on a terminal.

On a terminal control characters other than tab and line ends are written as ``\\u001b``: a page must not be
able to move the cursor, set a title or answer for the user.  Bytes that are no UTF-8 become ``\\xff``.  A
line's end is added there where the body has none.
"""

from __future__ import annotations

import codecs
import errno
import os
import re
import select
import sys

from netsuite.scripts.running import NoOutput

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]|\r(?!\n)")


class Stdout:
    """Standard output.  ``escapes``: how many characters were written in another way.

    Raises, wherever it writes: NoOutput.
    """

    def __init__(self) -> None:
        try:
            self._fd = sys.stdout.fileno()
        except (AttributeError, ValueError, OSError):
            raise NoOutput(errno.EBADF, "is closed") from None
        self.is_terminal = os.isatty(self._fd)
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""  # a carriage return whose line feed may follow
        self._last = b"\n"
        self.escapes = 0

    def write(self, data: bytes) -> None:
        """Write bytes."""
        if not data:
            return
        self._last = data[-1:]
        self._put(self._harmless(self._decoder.decode(data)) if self.is_terminal else data)

    def end(self) -> None:
        """The body has ended."""
        if self.is_terminal:
            self._put(self._harmless(self._decoder.decode(b"", True), last=True))
            if self._last != b"\n":
                self._put(b"\n")

    def coloured(self, text: str) -> None:
        """Write text of ours, on a terminal, as it is."""
        self._put(text.encode())
        self._last = text[-1:].encode()

    def _harmless(self, text: str, *, last: bool = False) -> bytes:
        text = self._held + text
        self._held = ""
        if text.endswith("\r") and not last:
            text, self._held = text[:-1], "\r"
        shown, changed = _CONTROL.subn(lambda found: f"\\u{ord(found[0]):04x}", text)
        self.escapes += changed
        return shown.encode()

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                select.select([], [self._fd], [])
            except OSError as error:
                raise NoOutput(error.errno, error.strerror) from None


def harmless(text: str) -> str:
    """Return text without what plays tricks on a terminal; lines and tabs stay."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
