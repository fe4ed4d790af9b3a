"""One table of a TOML settings file, and the lines on which its settings stand, for complaints."""

from __future__ import annotations

import re
import tomllib
from typing import Any

#: Largest settings file, so that a wrong one can't fill memory.
FILE_MAX = 1 << 20

_HEADER = re.compile(r"\[\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*["']?([A-Za-z0-9_-]+)["']?\s*=""")


class Table:
    """The settings of one table; empty if there is none.

    Raises: ValueError, in a clause that names the file and, for a fault of its grammar, the line.
    """

    def __init__(self, path: str, name: str) -> None:
        text = read_text(path)
        found = _parsed(path, text).get(name, {})
        if not isinstance(found, dict):
            raise ValueError(f"{path}: {name} is no table; write [{name}]")
        self.values: dict[str, object] = found
        self._blocks = dict(_blocks(text.splitlines(), name))

    def line(self, setting: str, value: str = "") -> int | None:
        """Return the line on which a setting begins, or one of its values stands; None if not seen."""
        block = self._blocks.get(setting)
        if block is None:
            return None
        first, lines = block
        within = (number for number, line in enumerate(lines) if value and value in line)
        return first + next(within, 0)


def read_tables(path: str) -> dict[str, dict[str, object]]:
    """Return all tables of a settings file, by name.  Raises: ValueError, as above."""
    found = _parsed(path, read_text(path))
    return {name: value for name, value in found.items() if isinstance(value, dict)}


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        last = f"at line {len(text.splitlines())}, the end"
        raise ValueError(f"{path}: {error}".replace("at end of document", last)) from None
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply; this is no settings file") from None


def read_text(path: str) -> str:
    """Return the text of a settings file.  Raises: ValueError, in a clause that names it."""
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_MAX + 1)
        if len(data) > FILE_MAX:
            raise ValueError(f"{path}: larger than {FILE_MAX} bytes; this is no settings file")
        return data.decode("utf-8")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}: no UTF-8 text (at line {line})") from None


def _blocks(lines: list[str], table: str) -> list[tuple[str, tuple[int, list[str]]]]:
    """For each setting of a table its first line's number and its lines."""
    blocks: list[tuple[str, tuple[int, list[str]]]] = []
    is_inside = False
    for number, line in enumerate(lines, 1):
        if header := _HEADER.fullmatch(line.partition("#")[0].strip()):
            is_inside = header[1].strip("\"'") == table
        elif is_inside and (key := _KEY.match(line)):
            blocks.append((key[1], (number, [line])))
        elif is_inside and blocks:
            blocks[-1][1][1].append(line)
    return blocks
