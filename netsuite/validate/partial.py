"""A small check that needs no checker: tags that don't match, duplicate ids, missing alt and labels.

It knows too little to call anything valid: what it finds is wrong, but that it finds nothing says nothing,
and ``Found.whole`` is False.  For where there is no Java.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import turbohtml

from netsuite.words import charset
from netsuite.words.skipped import Skip

from .document import Document, Kind, prepare
from .message import Answer, Failed, Found, Grade, Message

#: Elements without an end tag, and those whose end tag may be left out (HTML §13.1.2, §13.1.2.4).
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_OPTIONAL = frozenset(
    ("html", "head", "body", "li", "dt", "dd", "p", "rt", "rp", "optgroup", "option", "colgroup", "caption")
) | {"thead", "tbody", "tfoot", "tr", "td", "th"}

#: Kinds of <input> that need no label of their own (HTML §4.10.5).
_UNLABELLED = frozenset(("hidden", "submit", "reset", "button", "image"))


class Partial:
    """Documents are judged as they are taken."""

    label = "built-in check, partial"
    checker = "built-in"
    identity = "built-in"
    version = ""

    async def take(self, number: int, document: Document) -> Answer | None:
        """Return what is wrong with the document."""
        return check(document)

    async def finish(self) -> dict[int, Answer]:
        """Return nothing: every answer was given."""
        return {}


def check(document: Document) -> Answer:
    """Return what the small check finds; CSS is none of its business."""
    prepared = prepare(document)
    if document.kind is Kind.CSS:
        return Failed("unknown", "the small built-in check knows no CSS")
    if document.kind in (Kind.SVG, Kind.XHTML):
        try:
            tree: Any = turbohtml.parse_xml(charset.decode(prepared.body, charset.declared(prepared.body)))
        except (turbohtml.HTMLParseError, Skip, ValueError, LookupError) as error:
            return Found((_parse_error(error),), whole=False)
        return Found(tuple(_duplicates(tree)), whole=False)
    text = prepared.body.decode("utf-8", "replace")
    tree = turbohtml.parse(text)
    messages = [*_recovered(tree), *_unmatched(text), *_duplicates(tree), *_pictures(tree), *_fields(tree)]
    return Found(prepared.amended(tuple(messages)), whole=False)


def _parse_error(error: Exception) -> Message:
    told = getattr(error, "error", None)
    if told is None:
        return Message(Grade.ERROR, f"This is not well-formed: {error}")
    return _error(f"This is not well-formed: {told.code}", told.line, told.col)


def _error(text: str, line: int | None, column: int | None) -> Message:
    return Message(Grade.ERROR, text, line or 0, column or 0, line or 0, column or 0)


def _recovered(tree: Any) -> Iterator[Message]:
    """Yield what the parser had to mend (WHATWG's names of parse errors)."""
    for error in tree.errors:
        yield _error(f"Parse error: {error.code}", error.line, error.col)


def _unmatched(text: str) -> Iterator[Message]:
    """Yield end tags without a start, and starts that an outer end tag closes."""
    opened: list[str] = []
    depth_in_foreign = 0
    for token in turbohtml.tokenize(text):
        name = token.tag or ""
        if token.type is turbohtml.TokenType.START_TAG and name not in _VOID:
            if token.self_closing and depth_in_foreign:
                continue
            opened.append(name)
            depth_in_foreign += name in ("svg", "math")
        elif token.type is turbohtml.TokenType.END_TAG:
            if name not in opened:
                if name not in ("br", "p"):
                    yield _error(f'End tag "{name}" without a start tag', token.line, token.col + 1)
                continue
            depth_in_foreign -= name in ("svg", "math")
            while (last := opened.pop()) != name:
                if last not in _OPTIONAL:
                    yield _error(f'Element "{last}" is open at end tag "{name}"', token.line, token.col + 1)
    for name in opened:
        if name not in _OPTIONAL:
            yield _error(f'Element "{name}" is never closed', 0, 0)


def _duplicates(tree: Any) -> Iterator[Message]:
    seen: set[str] = set()
    for element in tree.iter_elements():
        name = element.attrs.get("id")
        if isinstance(name, str) and name:
            if name in seen:
                yield _error(f'Duplicate ID "{name}".', element.source_line, (element.source_col or 0) + 1)
            seen.add(name)


def _pictures(tree: Any) -> Iterator[Message]:
    for element in tree.find_all("img"):
        if "alt" not in element.attrs:
            yield _error('An "img" element has no "alt".', element.source_line, (element.source_col or 0) + 1)


def _fields(tree: Any) -> Iterator[Message]:
    labelled = {label.attrs.get("for") for label in tree.find_all("label")} - {None}
    for name in ("input", "select", "textarea"):
        for element in tree.find_all(name):
            attributes = element.attrs
            kind = str(attributes.get("type", "")).lower()
            named = any(attributes.get(one) for one in ("aria-label", "aria-labelledby", "title"))
            inside = any(getattr(above, "tag", "") == "label" for above in element.ancestors)
            if not (kind in _UNLABELLED or named or inside or attributes.get("id") in labelled):
                yield _error(
                    f'A field "{name}" has no label.', element.source_line, (element.source_col or 0) + 1
                )
