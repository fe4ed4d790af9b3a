"""What a table says of a page, read and judged; no file is opened for it.

A table file is TOML, a table for each path; text alone is short for its ``body``:

    "/" = "<h1>Back at 9</h1>"

    ["/report.pdf"]
    file = "report.pdf"
    headers = { Content-Disposition = "attachment" }

    ["/flaky"]
    body = "at last"
    status = [503, 503, 200]
    delay = "200ms"

    ["/old"]
    redirect = "/report.pdf"
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from netsuite.pages.path import BadPath, canonical
from netsuite.tablefile import read_text
from netsuite.values import parse_seconds

#: Most pages of a table, and statuses of one page.
PAGES_MAX = 10_000
STATUSES_MAX = 100

#: Longest delay; past it clients have gone, and so has the time that a site gives an answer.
DELAY_MAX = 240.0

#: What a page may be asked for by, beside OPTIONS, which all are.
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH")

#: Statuses of redirects.
REDIRECTS = (301, 302, 303, 307, 308)

#: Fields that we make, or that frame a message.
OURS = frozenset(
    (
        *("content-length", "transfer-encoding", "trailer", "te", "connection", "keep-alive", "upgrade"),
        *("content-type", "content-encoding", "content-range", "accept-ranges", "etag", "last-modified"),
        *("allow", "location", "date"),
    )
)

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[ -~\t]*")
_LOCATION = re.compile(r"[!-~]+")
_HEADER = re.compile(r"""\s*\[\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*\]\s*(?:#.*)?""")
_KEY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*=""")


class BadTable(ValueError):  # noqa: N818 - of a setting, not of ours
    """A table that can't be; its words name the file and the line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A page as it was told.  ``path`` as `canonical` has it; ``place``: where it stands, for complaints.

    ``body`` or ``file`` is what is sent, or neither with ``redirect``.
    """

    path: bytes
    place: str
    body: str | None = None
    file: str | None = None
    statuses: tuple[int, ...] = (200,)
    kind: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    methods: tuple[str, ...] = ("GET", "HEAD")
    redirect: str | None = None
    delay: float = 0.0


def of_option(text: str) -> tuple[bytes, str]:
    """Return the path and the rest of ``PATH=TEXT``.  Raises: ValueError, in a clause."""
    path, equals, rest = text.partition("=")
    if not equals:
        raise ValueError("has no =; write /path=text")
    return path_of(path), rest


def path_of(text: str) -> bytes:
    """Return a path of a table as `canonical` has it.  Raises: ValueError, in a clause."""
    if "?" in text or "#" in text:
        raise ValueError("is no path: queries and fragments play no part")
    try:
        return canonical(text.encode())
    except BadPath as bad:
        raise ValueError(f"is no path: it {bad}") from None


def of_file(path: str) -> list[Entry]:
    """Return the entries of a table file.  Raises: BadTable."""
    try:
        text = read_text(path)
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = f"at line {len(text.splitlines())}, the end"
        raise BadTable(f"{path}: {error}".replace("at end of document", last)) from None
    except ValueError as error:
        raise BadTable(str(error)) from None
    if len(told) > PAGES_MAX:
        raise BadTable(f"{path}: more than {PAGES_MAX} pages")
    lines = line_numbers(text)
    folder = os.path.dirname(path)
    entries = []
    for name, values in told.items():
        place = f"{path}, line {lines.get((name, ''), 1)}"
        try:
            named = values if isinstance(values, dict) else {"body": values}
            entries.append(_entry(path_of(name), place, named, folder, partial(_line, lines, name)))
        except _At as fault:
            line = f"{path}, line {fault.line}" if fault.line else place
            raise BadTable(f"{line}: {name!r}: {fault}") from None
        except ValueError as error:
            raise BadTable(f"{place}: {name!r} {error}") from None
    return entries


def _line(lines: Mapping[tuple[str, str], int], page: str, setting: str) -> int | None:
    return lines.get((page, setting))


class _At(ValueError):  # noqa: N818 - as above
    """A fault of one setting of a page."""

    def __init__(self, text: str, line: int | None) -> None:
        super().__init__(text)
        self.line = line


def line_numbers(text: str) -> dict[tuple[str, str], int]:
    """Return the lines on which pages begin, as (name, ""), and their settings, as (name, setting).

    Lines within a text of several lines are none of these.
    """
    found: dict[tuple[str, str], int] = {}
    page, within = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if within:
            within = "" if line.count(within) % 2 else within
            continue
        if header := _HEADER.fullmatch(line):
            page = _unquoted(header)
            found.setdefault((page, ""), number)
        elif key := _KEY.match(line):
            name = _unquoted(key)
            found.setdefault((page, name) if page else (name, ""), number)
        for quotes in ('"""', "'''"):
            if line.count(quotes) % 2:
                within = quotes
    return found


def _unquoted(match: re.Match[str]) -> str:
    text = next(group for group in match.groups() if group is not None)
    return str(tomllib.loads(f'x="{text}"')["x"]) if match[1] is not None else text


def _entry(
    path: bytes, place: str, values: Mapping[str, Any], folder: str, line: Callable[[str], int | None]
) -> Entry:
    made: dict[str, Any] = {}
    for key, value in values.items():
        if key not in _SETTINGS:
            raise _At(f"no such setting {key!r}; there is {', '.join(_SETTINGS)}", line(key))
        try:
            field, read = _SETTINGS[key]
            made[field] = read(value)
        except ValueError as error:
            raise _At(f"{key} {error}", line(key)) from None
    if sum(key in made for key in ("body", "file", "redirect")) != 1:
        raise _At("needs one of body, file and redirect", None)
    if "file" in made:
        made["file"] = os.path.abspath(os.path.join(folder, os.path.expanduser(made["file"])))
    if "redirect" in made:
        statuses = made.setdefault("statuses", (302,))
        if not any(status in REDIRECTS for status in statuses):
            raise _At(
                f"status must be one of {', '.join(map(str, REDIRECTS))} for a redirect", line("status")
            )
    elif any(status in REDIRECTS for status in made.get("statuses", ())):
        raise _At("status is a redirect's, and there is no redirect", line("status"))
    return Entry(path=path, place=place, **made)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is no text")
    return value


def _some_text(value: object) -> str:
    if not _text(value):
        raise ValueError("is empty")
    return _text(value)


def _statuses(value: object) -> tuple[int, ...]:
    told = value if isinstance(value, list) else [value]
    if not 1 <= len(told) <= STATUSES_MAX:
        raise ValueError(f"is a list of 1 to {STATUSES_MAX} statuses")
    for status in told:
        if isinstance(status, bool) or not isinstance(status, int) or status not in _KNOWN:
            raise ValueError(
                f"{status!r} is no status of a page: one from 200 to 511 that has a name and a body"
            )
    return tuple(told)


#: Statuses that a page may have; what has no body, or is a condition's outcome, is not the table's to say.
_KNOWN = {status.value for status in HTTPStatus if status >= 200} - {204, 205, 206, 304, 416}


def _kind(value: object) -> str:
    text = _some_text(value)
    if not _VALUE.fullmatch(text) or not re.match(r"[^\s/;]+/[^\s/;]+", text):
        raise ValueError("is no media type; write text/html")
    return text


def _fields(value: object) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, object]]
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list) and all(isinstance(line, str) for line in value):
        pairs = [(name, told.strip()) for name, _, told in (line.partition(":") for line in value)]
    else:
        raise ValueError('is no table of fields; write { Name = "value" } or ["Name: value"]')
    for name, told in pairs:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"has {name!r}, which is no name of a field")
        if name.lower() in OURS:
            raise ValueError(f"has {name}, which is made by us")
        if not isinstance(told, str) or not _VALUE.fullmatch(told):
            raise ValueError(f"has {name} with a value that is no printable ASCII")
    return tuple((name, str(told).strip()) for name, told in pairs)


def _methods(value: object) -> tuple[str, ...]:
    told = value if isinstance(value, list) else [value]
    for method in told:
        if method not in METHODS:
            raise ValueError(f"{method!r} is none of {', '.join(METHODS)}")
    wanted = {*told, *(("HEAD",) if "GET" in told else ())}
    if not wanted:
        raise ValueError("is empty")
    return tuple(method for method in METHODS if method in wanted)


def _location(value: object) -> str:
    text = _text(value)
    if not _LOCATION.fullmatch(text):
        raise ValueError("is no address; other characters than printable ASCII are written as %XX")
    return text


def _delay(value: object) -> float:
    seconds = parse_seconds(str(value)) if not isinstance(value, bool) else DELAY_MAX + 1
    if seconds > DELAY_MAX:
        raise ValueError(f"is not from 0 to {DELAY_MAX:.0f} s")
    return seconds


_SETTINGS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "body": ("body", _text),
    "file": ("file", _some_text),
    "status": ("statuses", _statuses),
    "type": ("kind", _kind),
    "headers": ("fields", _fields),
    "methods": ("methods", _methods),
    "redirect": ("redirect", _location),
    "delay": ("delay", _delay),
}
