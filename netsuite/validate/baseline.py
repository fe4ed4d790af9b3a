"""Which messages were there before: a file of them, by document, and only what is not in it is new.

A message is known by its text and the source around it, not by its line: text moves.  Numbers of lines and
columns inside texts don't count either.  Of messages that read alike there are so many old ones as the
baseline has; whose source is unchanged are taken first, so that it is the new one of them that is told.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .message import Message

#: The file's own name for its form.
FORM = "netsuite validate baseline 1"

#: Largest file, in bytes.
FILE_MAX = 64 * 1024 * 1024

_PLACE = re.compile(r"\b(line|column)s? \d+(?:, (?:line|column) \d+)?")

#: Text without places, and the source around it.
Key = tuple[str, str]
Baseline = Mapping[str, Sequence[Key]]


class BadBaseline(ValueError):  # noqa: N818 - what is the matter, told to people
    """The file is no baseline; the text says why."""


def key(message: Message) -> Key:
    """Return what a message is known by."""
    text = _PLACE.sub(r"\1 N", message.text)
    return f"{message.grade}: {text}", " ".join(message.extract.split())


def read(text: str) -> dict[str, list[Key]]:
    """Return a baseline from its file's text.  Raises: BadBaseline."""
    try:
        told = json.loads(text)
        if told["form"] != FORM:
            raise BadBaseline("it is no baseline of validate")
        files = {
            str(name): [(str(entry["text"]), str(entry["near"])) for entry in entries]
            for name, entries in told["files"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadBaseline("it is no baseline of validate") from None
    return files


def write(baseline: Baseline) -> str:
    """Return the text of a baseline's file: sorted, a message a line, to be kept with the sources."""
    files = {
        name: [{"text": text, "near": near} for text, near in sorted(keys)]
        for name, keys in sorted(baseline.items())
        if keys
    }
    return json.dumps({"form": FORM, "files": files}, indent=1, ensure_ascii=False) + "\n"


def marked(messages: Sequence[Message], known: Iterable[Key]) -> tuple[Message, ...]:
    """Return the messages, those ``old`` that are known."""
    exact = Counter(known)
    old: set[int] = set()
    for number, message in enumerate(messages):
        if exact[key(message)] > 0:
            exact[key(message)] -= 1
            old.add(number)
    alike = Counter(text for text, _near in exact.elements())
    for number, message in enumerate(messages):
        text = key(message)[0]
        if number not in old and alike[text] > 0:
            alike[text] -= 1
            old.add(number)
    return tuple(replace(m, old=True) if number in old else m for number, m in enumerate(messages))
