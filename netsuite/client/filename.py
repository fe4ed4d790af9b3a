"""A file's name from a URL or from a server, which may be hostile: one name, in one folder, that is a file's.

What a server says is cut to its last part, loses control characters and marks that reorder text, leading dots
and dashes, and whatever Windows would take for a device or a stream: a name travels further than one machine.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from urllib.parse import unquote

from netsuite.client.url import Url

#: Longest name, in bytes: a file system's 255 less what is put after it (``.part.json.new``).
NAME_MAX = 240

#: What a file is called whose URL has no name.
NAMELESS = "index.html"

_UNFIT = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"|?*]')
_DEVICE = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?=\.|\Z)")
_PARAMETER = re.compile(r';\s*(filename\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))', re.IGNORECASE)


def cleaned(name: str) -> str | None:
    """Return a name that is safe to give to a file here, None if nothing is left of it."""
    name = re.split(r"[/\\]", name)[-1]
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    name = _UNFIT.sub("_", name).strip(" ").lstrip(".-~ ").rstrip(". ")
    if _DEVICE.match(name):
        name = f"_{name}"
    return _cut(name) or None


def from_url(url: Url) -> str:
    """Return the name at the end of a URL's path."""
    path = url.target.path.decode("ascii").partition("?")[0]
    return cleaned(unquote(path.rpartition("/")[2])) or NAMELESS


def from_server(disposition: bytes | None) -> str | None:
    """Return the name in Content-Disposition, cleaned, None without one (RFC 6266 §4.3)."""
    if disposition is None:
        return None
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(disposition.decode("latin-1")[:8192]):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or plain)
    extended = _extended(found.get("filename*", ""))
    plain_name = found.get("filename", "")
    with contextlib.suppress(UnicodeDecodeError):  # else it is latin-1, as it was once
        plain_name = plain_name.encode("latin-1").decode("utf-8")
    return cleaned(extended or plain_name)


def _extended(value: str) -> str:
    """Return the text of ``UTF-8''na%C3%AFve`` (RFC 8187), nothing if it is none."""
    charset, mark, rest = value.partition("'")
    text = rest.partition("'")[2]
    if not mark or charset.lower() not in ("utf-8", "iso-8859-1"):
        return ""
    return unquote(text, encoding=charset, errors="replace")


def _cut(name: str) -> str:
    """Return a name of at most ``NAME_MAX`` bytes, its ending kept."""
    if len(name.encode()) <= NAME_MAX:
        return name
    stem, dot, ending = name.rpartition(".")
    ending = dot + ending if stem and len(ending.encode()) < 32 else ""
    room = NAME_MAX - len(ending.encode())
    return (stem or name).encode()[:room].decode("utf-8", "ignore") + ending
