"""A page for people at a terminal: JSON laid out and coloured, HTML as its text or with coloured tags.

What comes in is untrusted, so each piece of it loses its control characters before a colour is put around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from netsuite.words.charset import decode
from netsuite.words.skipped import Skip
from netsuite.words.text import BLOCK, WordParser

_RESET = "\x1b[0m"
_COLOURS = {
    "key": "\x1b[34m",
    "text": "\x1b[32m",
    "number": "\x1b[36m",
    "word": "\x1b[33m",
    "tag": "\x1b[34m",
}

_JSON = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>true|false|null)"
)
_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_MARKUP = re.compile(r"(?P<word><!--.*?-->)|(?P<tag><[/!?]?[A-Za-z][^<>]*>)", re.DOTALL)
_CHARSET = re.compile(r'charset\s*=\s*"?([^\s;"]+)', re.IGNORECASE)


def kind_of(content_type: str) -> str:
    """Return ``json``, ``html``, ``xml``, ``text`` or ``other``."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence in ("application/json", "text/json") or essence.endswith("+json"):
        return "json"
    if essence in ("text/html", "application/xhtml+xml"):
        return "html"
    if essence in ("application/xml", "text/xml") or essence.endswith("+xml"):
        return "xml"
    return "text" if essence.startswith("text/") else "other"


def text_of(body: bytes, content_type: str) -> str | None:
    """Return a body as text by its charset, None if it is none."""
    found = _CHARSET.search(content_type)
    try:
        return decode(body, found[1] if found else None, markup=kind_of(content_type) in ("html", "xml"))
    except Skip:
        return None


def pretty(text: str, kind: str, harmless: Callable[[str], str]) -> str:
    """Return text laid out and coloured; ``harmless`` takes control characters away."""
    if kind == "json":
        laid = _laid_out(text)
        return _coloured(harmless(laid if laid is not None else text), _JSON)
    if kind in ("html", "xml"):
        return _coloured(harmless(text), _MARKUP)
    return harmless(text)


def read_text(text: str, kind: str) -> str:
    """Return what a reader sees of a page: of HTML its text, a line for each block; else the text itself."""
    if kind != "html":
        return text
    lines = (" ".join(line.split()) for line in WordParser().whole(text).split(BLOCK))
    return "".join(f"{line}\n" for line in lines if line)


def _laid_out(text: str) -> str | None:
    """Return JSON a line a member, None if it is none; names and numbers stay as they are written."""
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    pieces: list[str] = []
    depth, before = 0, ""
    for mark in _MARK.findall(text):
        closes = mark in "]}"
        depth -= closes
        is_empty = closes and before in ("[", "{")
        if (before in ("[", "{", ",") or closes) and not is_empty:
            pieces.append("\n" + "  " * depth)
        pieces.append(": " if mark == ":" else mark)
        depth += mark in "[{"
        before = mark
    return "".join(pieces)


def _coloured(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda found: f"{_COLOURS[found.lastgroup or 'word']}{found[0]}{_RESET}", text)
