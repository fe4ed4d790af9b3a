r"""A peer's bytes for a terminal, without what a terminal obeys: ``\x1b]0;`` instead of a new window title.

Text in UTF-8 stays, line ends and tabs too.  Control characters (C0, DEL, C1), marks that reorder text, and
bytes that are no UTF-8 are shown escaped, however they are cut.
"""

from __future__ import annotations

import codecs
import re

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)


class Safe:
    """One stream of bytes, made safe piece by piece."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""

    def feed(self, data: bytes) -> bytes:
        """Return what may be shown now; a last CR waits for what comes after it."""
        return self._shown(self._held + self._decoder.decode(data), hold=True)

    def end(self) -> bytes:
        """Return what was held back."""
        return self._shown(self._held + self._decoder.decode(b"", final=True), hold=False)

    def _shown(self, text: str, *, hold: bool) -> bytes:
        self._held = ""
        if hold and text.endswith("\r"):
            text, self._held = text[:-1], "\r"
        return _OBEYED.sub(_escape, text).encode("utf-8")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
