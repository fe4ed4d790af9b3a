"""The Nu checker's JSON to messages, with nothing believed that does not stand there.

A checker that never opened a file answers ``"messages":[]``, which reads like *valid*, and one that broke off
leaves half an object.  So the JSON must be whole; a message must have a type that we know; and a
``non-document-error`` (the checker's own trouble: no schema, input or internal error) makes the answer a
failure of the checker, not of the document.  Source: the checker's wiki, "Output » JSON".
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .message import Answer, Failed, Found, Grade, Message

#: Messages kept of one document; one of garbage has a hundred thousand, and no reader.
MESSAGES_MAX = 5000

#: Longest text of a message, in characters.
TEXT_MAX = 2000

QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'"})

#: What says that a document could not be checked, though no code of a message says so.
_NOT_CHECKED = re.compile(r"\AFile (not found|was not checked)\b")

#: How the checker complains of a document that broke it, amid its JSON.
_BROKEN_BY = re.compile(r'^"?file:[^"\n]*?([^/"\n]+)":-1:-1: warning: (.*)', re.MULTILINE)


class Unreadable(ValueError):  # noqa: N818 - as it is told
    """This is no answer of the checker."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A whole answer: of each document (its file's name; empty: none named) what was said."""

    version: str
    by_name: Mapping[str, Answer]

    def of(self, name: str) -> Answer:
        """Return what was said of a document that the checker is known to have read."""
        if isinstance(all_of_it := self.by_name.get(""), Failed):
            return all_of_it
        return self.by_name.get(name, Found((), self.version))


def read(text: str) -> Spoken:
    """Return the answer that stands in ``text``, after whatever Java said before it.

    Raises: Unreadable.
    """
    try:
        answer, end = json.JSONDecoder().raw_decode(text, text.index('{"'))
    except (ValueError, RecursionError):
        raise Unreadable("its answer is no whole JSON") from None
    messages = answer.get("messages") if isinstance(answer, dict) else None
    if not isinstance(messages, list):
        raise Unreadable("its answer has no list of messages")
    if text[end:].strip():
        raise Unreadable(f"it went on after its answer: {first_line(text[end:])}")
    said: dict[str, list[Message]] = {}
    failed: dict[str, Answer] = {}
    for entry in messages:
        name = file_name(entry)
        message = _message(entry)
        if isinstance(message, Failed):
            failed[name] = message
        elif len(kept := said.setdefault(name, [])) < MESSAGES_MAX:
            kept.append(message)
    version = str(answer.get("version", ""))
    found = {name: Found(tuple(messages), version) for name, messages in said.items()}
    return Spoken(version, {**found, **failed})


def file_name(entry: Any) -> str:
    """Return the last part of a message's URL."""
    url = entry.get("url") if isinstance(entry, dict) else None
    return posixpath.basename(url) if isinstance(url, str) else ""


def _message(entry: Any) -> Message | Failed:
    kind = entry.get("type") if isinstance(entry, dict) else None
    text = entry.get("message") if isinstance(entry, dict) else None
    if not isinstance(text, str) or kind not in ("error", "info", "non-document-error"):
        raise Unreadable("its answer has a message that is none")
    text = " ".join(text.translate(QUOTES).split())[:TEXT_MAX]
    if kind == "non-document-error":
        return Failed("unknown", f"the checker could not check it: {text}")
    if _NOT_CHECKED.match(text):
        return Failed("unknown", f"the checker did not check it: {text}")
    grade = Grade.ERROR if kind == "error" else Grade.INFO
    if kind == "info" and entry.get("subType") == "warning":
        grade = Grade.WARNING
    last_line, last_column = _number(entry, "lastLine"), _number(entry, "lastColumn")
    line, column = _start(entry, last_line, last_column)
    return Message(
        grade,
        text,
        line,
        column,
        last_line,
        last_column,
        str(entry.get("extract") or "")[:TEXT_MAX],
    )


def _start(entry: Mapping[str, Any], last_line: int, last_column: int) -> tuple[int, int]:
    """Return where it begins: the checker counts white space before a tag as a part of it, we don't."""
    line, column = _number(entry, "firstLine") or last_line, _number(entry, "firstColumn") or last_column
    extract = str(entry.get("extract") or "")
    rest = extract[_number(entry, "hiliteStart") :]
    for char in rest[: len(rest) - len(rest.lstrip())]:
        if (line, column) >= (last_line, last_column):
            break
        line, column = (line + 1, 1) if char == "\n" else (line, column + 1)
    return line, column


def _number(entry: Mapping[str, Any], name: str) -> int:
    value = entry.get(name)
    return value if isinstance(value, int) and 0 <= value < 1 << 31 else 0


def broken_by(text: str) -> tuple[str, str] | None:
    """Return the file that broke the checker, and how, where its output says so."""
    match = _BROKEN_BY.search(text)
    return (match[1], match[2].strip()) if match else None


def trouble(text: str) -> str:
    """Return why the checker did not answer, from what it or Java wrote."""
    if "UnsupportedClassVersionError" in text:
        return "this Java is too old for the checker, which needs 17 or newer"
    if "OutOfMemoryError" in text:
        return "it ran out of memory"
    if "StackOverflowError" in text:
        return "the document is nested too deeply for it"
    if "Unable to access jarfile" in text or "Invalid or corrupt jarfile" in text:
        return "its vnu.jar is no program that Java can run"
    exception = re.search(r"^(?:Exception in thread .*|Caused by: .*|Error: .*)$", text, re.MULTILINE)
    if exception is None and text.lstrip().startswith("{"):
        return "its answer broke off"
    return first_line(exception[0] if exception else text) or "it ended without an answer"


def first_line(text: str) -> str:
    """Return the first line that has something, cut to a readable length."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("Picked up ")), "")[:200]
