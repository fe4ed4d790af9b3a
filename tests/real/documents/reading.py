"""What a document says: its literal blocks, the commands in them, and what it claims they print.

A block is *shell* if a line of it begins with ``$``, or its first word is a program that we know.  A command
goes on where its line ends in a backslash; what follows a ``$`` line, up to the next one, is what it prints.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEADING = re.compile(r"([-=~])\1{3,}$")
_COMMENT = re.compile(r"\s+#\s.*$")

#: What differs from run to run, wherever it is printed: it stands for anything of its kind.
_VARYING = (
    r"\d\d:\d\d:\d\d",
    r"\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?",
    r"\d+\.\d+(?= ms| s\b)",
    r"(?<=\"ms\":)[\d.]+",
    r"(?<=curl/)[\d.]+",
    r"(?<=127\.0\.0\.1:)[3-6]\d{4}",
)
_ANYTHING = re.compile(r"\s*…|\s*\.\.\.(?=[\],}])")


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a document; ``printed``: what stands below it, None where nothing does."""

    place: str
    text: str
    printed: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A literal block, in the section where it stands."""

    document: str
    line: int
    section: str
    text: str

    @property
    def place(self) -> str:
        """Document and line, for people."""
        return f"{self.document}:{self.line}"

    @property
    def first(self) -> str:
        """Its first line."""
        return self.text.partition("\n")[0]

    def commands(self, programs: frozenset[str]) -> list[Command]:
        """The commands in it, none if it is no shell block."""
        lines = self.text.replace("\\\n", "\\\r").split("\n")
        if any(line.startswith("$ ") for line in lines):
            return list(self._session(lines))
        word = self.first.split(" ")[0].rpartition("/")[2]
        if word not in programs and "=" not in word[1:]:
            return []
        return [Command(self.place, _plain(line)) for line in lines if line and not line.startswith("#")]

    def _session(self, lines: list[str]) -> Iterator[Command]:
        """A command with what it printed, for each line that begins with ``$``."""
        starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            printed = "\n".join(lines[start + 1 : end]).strip("\n")
            yield Command(self.place, _plain(lines[start][2:]), printed or None)


def _plain(line: str) -> str:
    """A command without the remark behind it, and with the ends of its lines."""
    return _COMMENT.sub("", line).rstrip().replace("\\\r", "\\\n")


def blocks(path: Path, document: str) -> Iterator[Block]:
    """Yield the literal blocks of a document in reStructuredText."""
    lines = path.read_text(encoding="utf-8").split("\n")
    section, number = "", 0
    while number < len(lines):
        line = lines[number]
        if number + 1 < len(lines) and line.strip() and _HEADING.match(lines[number + 1]):
            section = line.strip()
        number += 1
        if not line.rstrip().endswith("::") and not line.startswith(".. code-block::"):
            continue
        indent, start = len(line) - len(line.lstrip()), number
        while number < len(lines) and (
            not lines[number].strip() or len(lines[number]) - len(lines[number].lstrip()) > indent
        ):
            number += 1
        text = textwrap.dedent("\n".join(lines[start:number])).strip("\n")
        is_directive = line.lstrip().startswith(".. ") and not line.startswith(".. code-block::")
        if text and not is_directive:
            yield Block(document, start + 1, section, text)


def inline(path: Path) -> Iterator[str]:
    """Yield what stands between two pairs of backquotes, outside of literal blocks or in."""
    for found in re.finditer(r"(?<!`)``(?!`)(.+?)``(?!`)", path.read_text(encoding="utf-8"), re.DOTALL):
        yield " ".join(found[1].split())


def fits(printed: str, seen: str, then: str = "") -> bool:
    """Whether what was printed is what the document shows: an ellipsis is anything, times are any times.

    JSON may be broken into lines in a document; what the pattern ``then`` fits may follow.
    """
    if printed.lstrip().startswith(("{", "[")):
        printed, seen = (re.sub(r"\n\s*", "", text) for text in (printed, seen))
    seen = "\n".join(line.rstrip() for line in seen.strip().split("\n")).removesuffix("^C").rstrip()
    return re.fullmatch(pattern(printed.strip()) + then, seen, re.DOTALL) is not None


def alike(printed: str, seen: str) -> bool:
    """Whether two objects in JSON have the same keys, whatever is in them."""
    keys = [sorted(set(re.findall(r'"(\w+)":', text))) for text in (printed, seen)]
    return keys[0] == keys[1]


def pattern(printed: str) -> str:
    """The regular expression of what a document shows."""
    kinds = "|".join(f"(?P<k{number}>{kind})" for number, kind in enumerate(_VARYING))
    made, at = [], 0
    for found in re.finditer(f"(?P<any>{_ANYTHING.pattern})|{kinds}", printed):
        made.append(re.escape(printed[at : found.start()]))
        kind = found.lastgroup or ""
        made.append(".*?" if kind == "any" else _VARYING[int(kind[1:])])
        at = found.end()
    made.append(re.escape(printed[at:]))
    return "".join(made)
