"""What the command line names: files, folders, patterns, standard input and URLs, each once and in order."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .document import ENDINGS

#: Folders that hold other people's documents.
_SKIPPED = {"node_modules", "__pycache__"}

#: Most documents of one call.
SOURCES_MAX = 100_000

_URL = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """``name``: as it is told; ``-`` is standard input."""

    name: str

    @property
    def is_url(self) -> bool:
        """Whether it has to be fetched."""
        return _URL.match(self.name) is not None


class Nothing(ValueError):  # noqa: N818 - what is the matter, told to people
    """An argument names no document at all; a pass would be a lie."""


def gather(arguments: Iterable[str]) -> list[Source]:
    """Return what the arguments name.  A name that is no file is kept: reading it says why.

    Raises: Nothing.
    """
    names: dict[str, None] = {}
    for argument in arguments:
        found = list(_names(argument))
        if not found:
            raise Nothing(f"{argument}: nothing to check in it")
        names.update(dict.fromkeys(found))
        if len(names) > SOURCES_MAX:
            raise Nothing(f"more than {SOURCES_MAX} documents")
    return [Source(name) for name in names]


def _names(argument: str) -> Iterator[str]:
    if argument == "-" or _URL.match(argument):
        yield argument
    elif os.path.isdir(argument):
        yield from _inside(argument)
    elif not os.path.lexists(argument) and glob.has_magic(argument):
        for name in sorted(glob.glob(argument, recursive=True)):
            yield from _inside(name) if os.path.isdir(name) else (name,)
    else:
        yield argument


def _inside(folder: str) -> Iterator[str]:
    """Yield a folder's documents, by path; hidden folders and those of packages are left out."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(files):
            if os.path.splitext(name)[1].lower() in ENDINGS:
                yield os.path.join(place, name)
