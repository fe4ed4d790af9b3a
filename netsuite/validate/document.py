"""A document as a checker takes it: what kind it is, and its bytes in an encoding that the checker reads.

The Nu checker takes a file's bytes for UTF-8 whatever the file declares, and then finds an error in every
letter.  So HTML and CSS are handed over in UTF-8: by mark, by what came with them (HTTP), by what they
declare, else by what their bytes look like.  HTML allows UTF-8 alone, so what is not declared and not UTF-8
gets an error of ours; XML says its encoding itself and goes as it is.

Sources: WHATWG HTML §4.2.5.4 and §13.2.3; CSS Syntax §3.2; XML 1.0 §4.3.3.
"""

from __future__ import annotations

import codecs
import enum
import os.path
import re
from dataclasses import dataclass

import turbohtml.detect
import webencodings

from netsuite.words import charset
from netsuite.words.skipped import Skip

from .message import Grade, Message


class Kind(enum.StrEnum):
    """What a document is written in; the value is the ending by which the checker knows it."""

    HTML = ".html"
    XHTML = ".xhtml"
    SVG = ".svg"
    CSS = ".css"


#: Endings of names -> kind.
ENDINGS = {
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.XHTML,
    ".xht": Kind.XHTML,
    ".svg": Kind.SVG,
    ".css": Kind.CSS,
}

#: Media types -> kind.
TYPES = {
    "text/html": Kind.HTML,
    "application/xhtml+xml": Kind.XHTML,
    "image/svg+xml": Kind.SVG,
    "text/css": Kind.CSS,
}

#: Other media types whose bytes may be one of these: what servers say of what they don't know.
_UNSURE = frozenset(("", "text/plain", "text/xml", "application/xml", "application/octet-stream"))

#: Characters in which the root of an XML document, or a rule of CSS, is looked for.
LOOKED_AT = 2048

_CHARSET_RULE = re.compile(rb'\A@charset "([^"]{1,40})";')
_META_CHARSET = re.compile(r"(?i)encoding declaration .{1,40} disagrees with the actual encoding")
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(svg|html)[\s>/]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """``body``: as it was read.  ``label``: the charset that came with it (HTTP), if any did."""

    name: str
    kind: Kind
    body: bytes
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a checker is given, and our remarks on its encoding.  ``was``: the encoding, if not UTF-8."""

    body: bytes
    remarks: tuple[Message, ...] = ()
    was: str | None = None

    def amended(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Return the checker's messages, without what our change of encoding has caused, with our own."""
        if self.was is not None:
            messages = tuple(m for m in messages if not _META_CHARSET.search(m.text))
        return (*self.remarks, *messages)


def kind_of(name: str, body: bytes, media_type: str = "") -> Kind:
    """Return what a document is: by its media type, its name's ending, else by how it begins."""
    known = TYPES.get(media_type.partition(";")[0].strip().lower())
    known = known or ENDINGS.get(os.path.splitext(name)[1].lower())
    if known is not None:
        return known
    start = body[:LOOKED_AT].removeprefix(codecs.BOM_UTF8).lstrip()
    root = _ROOT.search(start)
    if start.startswith(b"<?xml") or (
        root and root[1].lower() == b"svg" and b"<!doctype html" not in start.lower()
    ):
        return Kind.SVG if root and root[1].lower() == b"svg" else Kind.XHTML
    if not start.startswith(b"<") and b"<" not in start and re.search(rb"[{@]", start):
        return Kind.CSS
    return Kind.HTML


def is_checkable(content_type: str) -> bool:
    """Return whether what has this Content-Type may be a document at all."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in TYPES or media_type in _UNSURE


def charset_of(content_type: str) -> str | None:
    """Return the charset parameter of a Content-Type, None without one."""
    match = re.search(r';\s*charset\s*=\s*"?([^\s";]{1,40})', content_type, re.IGNORECASE)
    return match[1] if match else None


def prepare(document: Document) -> Prepared:
    """Return the document in UTF-8, or as it is where that is its own business."""
    if document.kind in (Kind.XHTML, Kind.SVG):
        return Prepared(document.body)
    encoding, declared = encoding_of(document)
    body = document.body
    if encoding == "utf-8":
        return Prepared(body)
    try:
        text = charset.decode(body, encoding)
    except Skip:
        return Prepared(body)  # no text in any encoding: the checker says so of each byte
    if document.kind is Kind.CSS:
        remark = () if declared else (_undeclared(encoding, Grade.WARNING),)
        return Prepared(text.removeprefix("\ufeff").encode(), remark, encoding)
    remarks: tuple[Message, ...] = ()
    if encoding.startswith("utf-16"):
        remarks = (
            Message(Grade.ERROR, f"The document is {encoding}; documents of HTML must be UTF-8.", 1, 1),
        )
    elif not declared:
        remarks = (_undeclared(encoding, Grade.ERROR),)
    return Prepared(text.encode("utf-8", "replace"), remarks, encoding)


def _undeclared(encoding: str, grade: Grade) -> Message:
    text = f"The character encoding is not declared, and the bytes are not UTF-8; read as {encoding}."
    return Message(grade, text, 1, 1)


def encoding_of(document: Document) -> tuple[str, bool]:
    """Return the encoding's name, and whether something says so: a mark, HTTP, the document."""
    body = document.body
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16le"),
        (codecs.BOM_UTF16_BE, "utf-16be"),
    ):
        if body.startswith(mark):
            return name, True
    if document.label and (known := webencodings.lookup(document.label)) is not None:
        return str(known.name), True
    if document.kind is Kind.CSS:
        rule = _CHARSET_RULE.match(body)
        known = webencodings.lookup(rule[1].decode("latin-1")) if rule else None
        if known is not None:
            return ("utf-8" if str(known.name).startswith("utf-16") else str(known.name)), True
    elif (declared := charset.declared(body)) is not None:
        return declared, True
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        guess = turbohtml.detect.detect(body).encoding or "windows-1252"
        known = webencodings.lookup(guess)
        return (str(known.name) if known is not None else "windows-1252"), False
    return "utf-8", False
