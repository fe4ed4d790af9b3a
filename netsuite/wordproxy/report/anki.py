"""Words with a sentence each, as a file that Anki imports: tab-separated, with Anki's own header lines.

A note's id is made of language and word, so that importing the file again updates notes and doubles none.
Source: Anki manual, "Text files", file headers.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from markupsafe import escape

from netsuite.wordproxy.report.kwic import Line
from netsuite.wordproxy.store.contract import Word

#: The fields of a note.
FIELDS = ("Id", "Word", "Sentence", "Language", "Site", "Date", "Tags")

HEADER = (
    "#separator:tab\n"
    "#html:true\n"
    f"#columns:{chr(9).join(FIELDS)}\n"
    "#guid column:1\n"
    f"#tags column:{len(FIELDS)}\n"
)

KIND = "text/tab-separated-values; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Note:
    """A word and, where one is kept, its sentence."""

    word: Word
    line: Line | None


def guid(key: str, lang: str) -> str:
    """The note's id: the same for the same word for ever."""
    return urlsafe_b64encode(
        blake2b(f"{lang}\0{key}".encode("utf-8", "replace"), digest_size=9).digest()
    ).decode()


def tsv(notes: Iterable[Note]) -> str:
    """The file."""
    return HEADER + "".join("\t".join(_fields(note)) + "\n" for note in notes)


def _fields(note: Note) -> list[str]:
    word, line = note.word, note.line
    sentence = f"{_html(line.before)}<b>{_html(line.word)}</b>{_html(line.after)}" if line is not None else ""
    host, day = (line.context.host, line.context.day) if line is not None else ("", "")
    tags = ["netsuite", f"netsuite::{_tag(word.lang)}"]
    return [
        guid(word.key, word.lang),
        _html(word.word),
        sentence,
        _html(word.lang),
        _html(host),
        day,
        " ".join(tags),
    ]


def _html(text: str) -> str:
    """Text as HTML in one field: no tabs, no line ends, nothing that Anki could take for a header."""
    return str(escape("".join(c if c.isprintable() or c in "\u200c\u200d" else " " for c in text)))


def _tag(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text)[:40] or "und"
