"""Keyword in context: a word between what stands before it and after it, in lines that can be compared.

A sentence is cut into words as it was when it was counted, and the first of them with the word's key is the
keyword.  Sorted "left", lines go by the words before, the nearest first; "right", by the words after.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netsuite.wordproxy.store.contract import Context
from netsuite.words import segment

#: How lines can be sorted; "" leaves them newest first.
SORTS = ("", "left", "right")

#: Columns of the context before the word, in plain text.
BEFORE_COLUMNS = 40

#: Languages whose script is written from right to left.
RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"}
)


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, cut at its keyword.  ``word`` is "" if it isn't found there."""

    before: str
    word: str
    after: str
    context: Context


def line(context: Context, key: str) -> Line:
    """The sentence, cut at the first word that has this key."""
    sentence = context.sentence
    end = 0
    for form in segment.words(sentence):
        begin = sentence.find(form, end)
        if begin < 0:  # the sentence isn't as it was stored: show it whole
            break
        end = begin + len(form)
        if segment.key(form)[: segment.LENGTH_MAX] == key:
            return Line(sentence[:begin], sentence[begin:end], sentence[end:], context)
    return Line(sentence, "", "", context)


def lines(contexts: Iterable[Context], key: str, sort: str = "") -> list[Line]:
    """All of them, sorted."""
    found = [line(context, key) for context in contexts]
    if sort == "left":
        found.sort(key=lambda one: [segment.key(form) for form in reversed(list(segment.words(one.before)))])
    elif sort == "right":
        found.sort(key=lambda one: [segment.key(form) for form in segment.words(one.after)])
    return found


def text(found: Sequence[Line]) -> str:
    """The lines as plain text, aligned at the word; bytes that a terminal would obey are gone."""
    cut = [(_plain(one.before.strip()), one) for one in found]
    befores = [_last_columns(before, BEFORE_COLUMNS) for before, _ in cut]
    wide = max((columns(before) for before in befores), default=0)
    host = max((columns(_plain(one.context.host)) for one in found), default=0)
    return "".join(
        f"{_pad(_plain(one.context.host), host)} {one.context.day}   {' ' * (wide - columns(before))}{before}"
        f"  {_plain(one.word)}  {_plain(one.after.strip())}\n"
        for before, one in zip(befores, found, strict=True)
    )


def columns(shown: str) -> int:
    """How many columns of a terminal a text takes."""
    wide = {"W": 2, "F": 2}
    return sum(0 if unicodedata.combining(c) else wide.get(unicodedata.east_asian_width(c), 1) for c in shown)


def direction(lang: str) -> str:
    """``rtl`` for languages written from right to left, else ``ltr``."""
    return "rtl" if lang.partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def _plain(shown: str) -> str:
    return "".join(c if c.isprintable() else " " for c in shown)


def _pad(shown: str, wide: int) -> str:
    return shown + " " * (wide - columns(shown))


def _last_columns(shown: str, most: int) -> str:
    """The end of a text, from a word's begin if there is one, with ``…`` for what is left out."""
    if columns(shown) <= most:
        return shown
    while columns(shown) >= most:
        shown = shown[1:]
    head, space, rest = shown.partition(" ")
    return "…" + (rest if space and len(head) < most // 2 else shown).lstrip()
