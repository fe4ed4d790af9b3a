"""JSON whose texts have half characters, made such that every reader takes it.

JavaScript's strings may hold a lone surrogate, and ``JSON.stringify`` writes it as an escape (ECMA-262
§25.5.2); strict readers refuse the whole text for it (RFC 8259 §8.2 warns of them).  Here it becomes U+FFFD,
as do bytes that are no UTF-8.
"""

from __future__ import annotations

import re

#: A whole pair; half of one; any other escape, so that none is taken for the beginning of one.
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def mended(text: bytes) -> bytes:
    """The same JSON without half characters."""
    return _ESCAPES.sub(_whole, text.decode("utf-8", "replace").encode())


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]
