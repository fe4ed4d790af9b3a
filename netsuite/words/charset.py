"""Which character encoding a body has, and its text in it.

A browser's order, without its guessing: byte order mark, the header's label, ``<meta>`` in the first 1024
bytes, an XML declaration, then UTF-8 if the bytes are valid as that, else windows-1252.  Sources: WHATWG
HTML §13.2.3 (the scan for ``<meta>``), WHATWG Encoding §4.2 and §6 (labels, marks).

The decoders are the standard's own.  Python's differ from it in thousands of byte pairs: in some letters,
and in what a wrong byte takes with it, which can be the ``<`` after it.
"""

import codecs
from collections.abc import Iterator
from itertools import chain

import turbohtml.detect  # noqa: F401  # registers the codecs whatwg-*
import webencodings

from .skipped import Reason, Skip

#: Bytes in which a ``<meta>`` may declare the encoding.
PRESCAN = 1024

#: Bytes that no text has but by accident (WHATWG MIME Sniffing §3, "binary data byte").
_BINARY = bytes({*range(0x20)} - {*b"\t\n\f\r\x1b"})

#: How a gzip, a zstd frame begin: a body that still does was coded once more than its head says.
_CODED = (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")

#: Bytes of a body that are looked at, the fewest that tell, and the share of binary ones that is too much.
#: In compressed data it is a tenth.
BINARY_SAMPLE = 4096
BINARY_SAMPLE_MIN = 64
BINARY_SHARE = 0.05

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

#: What is meant where bytes that were read as ASCII say it: they can't be UTF-16, and only a script's own
#: data is ever x-user-defined (WHATWG HTML §13.2.3.2).
_MEANT = {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}

#: Encodings in which a letter has such bytes.
_WIDE = ("utf-16le", "utf-16be")

_SPACE = b"\t\n\f\r "
_SPACE_OR_SLASH = _SPACE + b"/"


def decode(body: bytes, label: str | None, *, markup: bool = True) -> str:
    """Return the body's text; bytes that are wrong in its encoding become U+FFFD.

    ``label``: the charset parameter of Content-Type.  Plain text (``markup=False``) declares nothing inside
    itself.  Raises `Skip` for the encodings that the web gave up as unsafe (iso-2022-kr and others), and for
    what is no text in any: a browser shows its noise, which has words.
    """
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    encoding = _lookup((label or "").strip("\"' \t"))
    if encoding is None and markup:
        encoding = _declared(body[:PRESCAN])
    if encoding not in _WIDE and _is_binary(body[:BINARY_SAMPLE]):
        raise Skip(Reason.UNREADABLE)
    if encoding is not None:
        return body.decode(_codec(encoding), "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode(_codec("windows-1252"), "replace")


def declared(body: bytes) -> str | None:
    """Return the encoding that markup declares inside itself, None if it names none that is read."""
    try:
        return _declared(body[:PRESCAN])
    except Skip:
        return None


def _is_binary(start: bytes) -> bool:
    """Is a body that begins so compressed data, a picture, or UTF-16 that nobody told of?"""
    if start.startswith(_CODED):
        return True
    binary = len(start) - len(start.translate(None, _BINARY))
    return len(start) >= BINARY_SAMPLE_MIN and binary > len(start) * BINARY_SHARE


def _codec(encoding: str) -> str:
    return "whatwg-" + encoding


def _lookup(label: str) -> str | None:
    """Return the encoding that a label names, None if the web knows no such label."""
    found = webencodings.lookup(label) if label.isascii() else None
    if found is None:
        return None
    if found.name == "replacement":
        raise Skip(Reason.UNREADABLE)
    name: str = found.name
    return name


def _declared(start: bytes) -> str | None:
    """Return the encoding that a ``<meta>``, else an XML declaration, names (WHATWG HTML §13.2.3.2)."""
    if start.startswith((b"<\0?\0x\0", b"\0<\0?\0x")):
        return "utf-16le" if start.startswith(b"<") else "utf-16be"
    labels = (_meta_label(attributes) for attributes in _metas(start))
    for label in chain(labels, (_xml_label(start),)):
        if label is not None and (encoding := _lookup(label.decode("ascii", "replace"))) is not None:
            return _MEANT.get(encoding, encoding)
    return None


def _meta_label(attributes: dict[bytes, bytes]) -> bytes | None:
    if (label := attributes.get(b"charset")) is not None:
        return label
    if attributes.get(b"http-equiv", b"").lower() == b"content-type":
        return _content_label(attributes.get(b"content", b""))
    return None


def _content_label(content: bytes) -> bytes | None:
    """Return what follows ``charset=`` in a content attribute (WHATWG HTML §2.5.1's algorithm)."""
    at = 0
    while (at := content.lower().find(b"charset", at)) >= 0:
        at += len(b"charset")
        rest = content[at:].lstrip(_SPACE)
        if rest.startswith(b"="):
            value = rest[1:].lstrip(_SPACE)
            if value[:1] in (b'"', b"'"):
                inside, closed, _ = value[1:].partition(value[:1])
                return inside if closed else None
            return value.partition(b";")[0].split()[0] if value.strip(_SPACE + b";") else None
    return None


def _xml_label(start: bytes) -> bytes | None:
    """Return the encoding of ``<?xml … encoding="…"?>`` (WHATWG HTML §13.2.3.2, "get an XML encoding")."""
    if not start.startswith(b"<?xml"):
        return None
    declaration, closed, _ = start.partition(b">")
    _, found, value = declaration.partition(b"encoding")
    value = value.lstrip(_SPACE)
    if not closed or not found or not value.startswith(b"="):
        return None
    value = value[1:].lstrip(_SPACE)
    inside, ended, _ = value[1:].partition(value[:1] or b"?")
    return inside if ended and value[:1] in (b'"', b"'") else None


def _metas(start: bytes) -> Iterator[dict[bytes, bytes]]:
    """Yield the attributes of each ``<meta>``, skipping comments, other tags and their attributes."""
    at = 0
    while (at := start.find(b"<", at)) >= 0:
        if start.startswith(b"<!--", at):
            end = start.find(b"-->", at + 2)  # "<!-->" is a whole comment
            at = end + 3
        elif start[at + 1 : at + 2] in (b"!", b"?") or _is_end_of_nothing(start, at):
            end = start.find(b">", at)
            at = end + 1
        elif start[at + 1 : at + 2].isalpha() or start[at + 1 : at + 2] == b"/":
            name, end = _tag_name(start, at + 1)
            attributes, end = _attributes(start, end)
            if name == b"meta" and end >= 0:
                yield attributes
            at = end
        else:
            end = at = at + 1
        if end < 0:
            return


def _is_end_of_nothing(start: bytes, at: int) -> bool:
    return start[at + 1 : at + 2] == b"/" and not start[at + 2 : at + 3].isalpha()


def _tag_name(start: bytes, at: int) -> tuple[bytes, int]:
    """Return a tag's name in lower case and where it ends; an end tag's name keeps its slash."""
    end = at + 1
    while end < len(start) and start[end] not in _SPACE_OR_SLASH + b">":
        end += 1
    return start[at:end].lower(), end


def _attributes(start: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    """Return a tag's attributes, the first of a name winning, and where the tag ends: -1 if it doesn't."""
    found: dict[bytes, bytes] = {}
    while True:
        while at < len(start) and start[at] in _SPACE_OR_SLASH:
            at += 1
        if at >= len(start):
            return found, -1
        if start[at : at + 1] == b">":
            return found, at
        name, at = _until(start, at, _SPACE_OR_SLASH + b"=>", first=1)
        while at < len(start) and start[at] in _SPACE:
            at += 1
        value = b""
        if start[at : at + 1] == b"=":
            value, at = _value(start, at + 1)
        if at < 0:
            return found, -1
        found.setdefault(name.lower(), value)


def _value(start: bytes, at: int) -> tuple[bytes, int]:
    while at < len(start) and start[at] in _SPACE:
        at += 1
    quote = start[at : at + 1]
    if quote in (b'"', b"'"):
        end = start.find(quote, at + 1)
        return (start[at + 1 : end], end + 1) if end >= 0 else (b"", -1)
    return _until(start, at, _SPACE + b">")


def _until(start: bytes, at: int, stops: bytes, first: int = 0) -> tuple[bytes, int]:
    """Return the bytes from ``at`` to the first stop (not looked for in the ``first`` bytes) and where it
    is."""
    end = at + first
    while end < len(start) and start[end] not in stops:
        end += 1
    return start[at:end], end
