"""What of a page is compared: all bytes, or what is left without noise; feeds by their items' ids."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import turbohtml

from netsuite.words import charset
from netsuite.words.skipped import Skip


class Unfit(ValueError):  # noqa: N818 - what is the matter, told to people
    """The page has not what is to be compared; the text says what."""


@dataclass(frozen=True, slots=True)
class Lens:
    """``ignore``: what fits these is left out; ``select``: an element's id; ``text``: as a reader sees it."""

    ignore: tuple[re.Pattern[str], ...] = ()
    select: str | None = None
    text: bool = False
    feed: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether all bytes are compared."""
        return not (self.ignore or self.select or self.text or self.feed)

    @property
    def name(self) -> str:
        """What tells one lens from another, in a state file; empty for that of all bytes."""
        if self.is_plain:
            return ""
        told = {
            "ignore": [each.pattern for each in self.ignore],
            "select": self.select,
            "text": self.text,
            "feed": self.feed,
        }
        return json.dumps({key: value for key, value in told.items() if value}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a lens shows of a body.  ``key``: its SHA-256; ``items``: a feed's ids, None for what is none."""

    key: str
    text: str
    items: tuple[str, ...] | None = None


def look(lens: Lens, body: bytes, label: str | None = None, *, text_too: bool = True) -> Seen:
    """Return what a lens shows of a body.

    ``label``: the charset it came with; ``text_too``: also where bytes are compared.  Raises: Unfit.
    """
    if lens.is_plain:
        text = text_of(body, label) if text_too else ""
        return Seen(hashlib.sha256(body).hexdigest(), text)
    text = text_of(body, label)
    if lens.feed:
        return _feed(text)
    if lens.select is not None or lens.text:
        text = _part(text, lens)
    for pattern in lens.ignore:
        text = pattern.sub("", text)
    return Seen(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), text)


def text_of(body: bytes, label: str | None = None) -> str:
    """Return a body as text; what is none gives an empty one."""
    try:
        return charset.decode(body, label)
    except Skip:
        return ""


def _part(text: str, lens: Lens) -> str:
    tree: Any = turbohtml.parse(text, positions=False)
    if lens.select is not None:
        found = [each for each in tree.iter_elements() if each.attrs.get("id") == lens.select]
        if not found:
            raise Unfit(f"the page has no element with the id {lens.select!r}")
        tree = found[0]
    return str(tree.to_text() if lens.text else tree.serialize())


def _feed(text: str) -> Seen:
    """Return a feed's ids; of an item without one its link, else its title."""
    try:
        feed = turbohtml.parse_xml(text.lstrip("\ufeff \t\r\n")).feed()
    except (turbohtml.HTMLParseError, ValueError) as error:
        raise Unfit(f"it is no feed: {error}") from None
    if feed is None:
        raise Unfit("it is no feed of RSS or Atom")
    items = tuple(dict.fromkeys(str(entry.id or entry.link or entry.title or "") for entry in feed.entries))
    told = "\n".join(f"{entry.id or entry.link or ''} {entry.title or ''}".strip() for entry in feed.entries)
    key = hashlib.sha256("\0".join(sorted(items)).encode("utf-8", "replace")).hexdigest()
    return Seen(key, told, items)
