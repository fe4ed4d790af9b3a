"""Lists of known words: a word a line, CSV and TSV with a header, and what Anki exports.

A list is taken whole or not at all; the first line that can't be read says why.  A line whose text is no
single word (a phrase, a number) is left out and counted.  Source of Anki's headers:
https://docs.ankiweb.net/importing/text-files.html.
"""

from __future__ import annotations

import csv
import html
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netsuite.wordproxy.store.contract import LEVELS, Knowledge
from netsuite.words import segment

#: Bounds of a list: bytes of the file, code points of a line.
LIST_MAX = 32 * 1024 * 1024
LINE_MAX = 64 * 1024

#: The level of words of which a list doesn't tell it.
KNOWN = "known"

_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|", "colon": ":"}
_LANG = re.compile("[a-z][a-z0-9-]{0,34}")
_MARKUP = re.compile(r"<[^<>]{0,2000}>")


class ListFault(ValueError):  # noqa: N818 - a fault of the file's
    """A list can't be read; the text says in which line, and why."""


@dataclass(frozen=True, slots=True)
class WordList:
    """The words of a list, each once, and how many lines had no single word."""

    words: list[Knowledge]
    left_out: int


def read(path: str, lang: str) -> WordList:
    """The words of a file.  Raises: ListFault, OSError."""
    with open(path, "rb") as file:
        data = file.read(LIST_MAX + 1)
    if len(data) > LIST_MAX:
        raise ListFault(f"it is over {LIST_MAX >> 20} MiB")
    return parse(data, lang, os.path.basename(path))


def parse(data: bytes, lang: str, name: str = "", level: str = KNOWN) -> WordList:
    """The words of a list.  ``name``: the file's, whose end tells CSV and TSV.

    ``lang``, ``level``: of words of which the list doesn't tell it.  Raises: ListFault.
    """
    text = _text(data)
    lines = text.split("\n")
    headers = _anki(lines)
    ending = os.path.splitext(name.lower())[1]
    if headers or ending in (".csv", ".tsv"):
        rows = _rows(lines, headers, "," if ending == ".csv" else "\t")
    else:
        rows = ((number, line.strip(), "", "") for number, line in enumerate(lines, 1) if line[:1] != "#")
    levels: dict[tuple[str, str], str] = {}
    left_out = 0
    for number, text, told, tongue in rows:
        if not text:
            continue
        if (told or level) not in LEVELS:
            raise ListFault(f"line {number}: {told[:40]!r} is no level; there are {', '.join(LEVELS)}")
        if not _LANG.fullmatch(tongue or lang):
            raise ListFault(f"line {number}: {tongue[:40]!r} is no language; write en or zh")
        words = list(segment.words(segment.composed(text)))
        if len(words) == 1:
            levels[segment.key(words[0])[: segment.LENGTH_MAX], tongue or lang] = told or level
        else:
            left_out += 1
    return WordList([Knowledge(key, lang, level) for (key, lang), level in levels.items()], left_out)


def _text(data: bytes) -> str:
    """The list as text, with line feeds alone.  Raises: ListFault."""
    coding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(coding)
    except UnicodeDecodeError as error:
        raise ListFault(f"line {data.count(10, 0, error.start) + 1}: it is no {coding[:5].upper()}") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        if "\0" in line or len(line) > LINE_MAX:
            raise ListFault(f"line {number}: it is {'no text' if chr(0) in line else 'too long'}")
    return text


def _anki(lines: Sequence[str]) -> dict[str, str]:
    """Anki's headers: ``#separator:tab`` and so on, in the first lines."""
    headers: dict[str, str] = {}
    for line in lines[:20]:
        name, colon, value = line.removeprefix("#").partition(":")
        if line[:1] != "#" or not colon:
            break
        headers[name.strip().lower()] = value.strip("\n") if name == "columns" else value.strip(" \n")
    return headers if headers.keys() & {"separator", "columns", "html", "notetype", "deck"} else {}


def _rows(lines: list[str], headers: dict[str, str], separator: str) -> Iterator[tuple[int, str, str, str]]:
    """Yield line, text, level and language of each row, the latter two "" if untold.  Raises: ListFault."""
    if "separator" in headers:
        told = headers["separator"]
        separator = _SEPARATORS.get(told.lower(), told)
        if len(separator) != 1:
            raise ListFault(f"line 1: {told[:40]!r} is no separator")
    names = headers["columns"].split(separator) if "columns" in headers else None
    first = len(headers)
    while not headers and first < len(lines) and lines[first][:1] == "#":  # our own begin with the coverage
        first += 1
    reader = csv.reader(io.StringIO("\n".join(lines[first:])), delimiter=separator, strict=True)
    column, begin = 0, first
    level_column: int | None = None
    lang_column: int | None = None
    if names is not None or not headers:
        try:
            names = names if names is not None else next(reader, [])
        except csv.Error as error:
            raise ListFault(f"line {first + 1}: {error}") from None
        lower = [name.strip().lower() for name in names]
        if "word" not in lower:
            raise ListFault(f"line {max(1, first)}: there is no column `word`")
        column = lower.index("word")
        level_column = lower.index("level") if "level" in lower else None
        lang_column = lower.index("lang") if "lang" in lower else None
    while True:
        begin = first + reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise ListFault(f"line {begin}: {error}") from None
        if row is None:
            return
        if not row:
            continue
        if len(row) <= max(column, level_column or 0, lang_column or 0):
            raise ListFault(f"line {begin}: it has {len(row)} columns only")
        text = row[column]
        if headers.get("html", "").lower() == "true":
            text = html.unescape(_MARKUP.sub("", text))
        level = row[level_column].strip().lower() if level_column is not None else ""
        lang = row[lang_column].strip().lower() if lang_column is not None else ""
        yield begin, text.strip(), level, lang
