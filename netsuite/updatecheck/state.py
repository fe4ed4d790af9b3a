"""What is remembered between visits: one readable file of JSON, whole at any moment.

Entries are put in without touching others: the file is read again, and the whole put in its place in one
step, under a lock that other processes of ours wait for.  A file that is none of ours is refused and left as
it is.  ``Memory`` gathers the entries of many URLs for a moment, since each writing is one of the whole file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields

from netsuite import durable

from .tally import Tally
from .visit import Known

FORM = "netsuite updatecheck 1"

#: Largest file, and most characters of a page's text that it keeps.
FILE_MAX = 256 * 1024 * 1024
TEXT_MAX = 1024 * 1024

#: Seconds between two writings, while visits follow one another.
WRITE_SECONDS = 0.5


class BadState(OSError):  # noqa: N818 - what is the matter, told to people
    """The file is none of ours, or damaged."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of one URL."""

    known: Known
    tally: Tally


def read(path: str) -> dict[str, Entry]:
    """Return the entries of a file, none of one that is not there.  Raises: OSError, BadState."""
    try:
        with open(path, "rb") as file:
            content = file.read(FILE_MAX + 1)
    except FileNotFoundError:
        return {}
    try:
        if len(content) > FILE_MAX:
            raise BadState(f"{path}: is larger than {FILE_MAX >> 20} MiB")
        told = json.loads(content)
        if told["form"] != FORM:
            raise BadState(f"{path}: is no state file of updatecheck")
        return {str(url): _entry(entry) for url, entry in told["urls"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadState(f"{path}: is no state file of updatecheck, or damaged") from None


class Memory:
    """A state file and what is still to be written to it; no ``path``: nothing is."""

    def __init__(self, path: str | None, clock: Callable[[], float]) -> None:
        self._path, self._clock = path, clock
        self._waiting: dict[str, Entry] = {}
        self._written = -WRITE_SECONDS

    def add(self, url: str, entry: Entry, *, now: bool = False) -> None:
        """The entry is in the file (always so with ``now``), or ``is_waiting`` for ``flush``.

        Raises: OSError, BadState.
        """
        self._waiting[url] = entry
        if now or self._clock() - self._written >= WRITE_SECONDS:
            self.flush()

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to write."""
        return bool(self._waiting)

    def flush(self) -> None:
        """All entries are in the file; what can't be written is not tried again.  Raises: as ``add``."""
        waiting, self._waiting = self._waiting, {}
        if waiting and self._path is not None:
            put(self._path, waiting)
            self._written = self._clock()


def put(path: str, new: Mapping[str, Entry]) -> None:
    """The file has these entries, and all others as they were.  Raises: OSError, BadState."""
    with _locked(path):
        entries = {**read(path), **new}
        durable.write(path, write(entries).encode("utf-8", "surrogatepass"), replace=True)


def write(entries: Mapping[str, Entry]) -> str:
    """Return a file's text: for people too."""
    urls = {url: _told(entry) for url, entry in sorted(entries.items())}
    return json.dumps({"form": FORM, "urls": urls}, indent=1) + "\n"


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    # The file's folder is locked: the file itself is another one after each writing.
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _told(entry: Entry) -> dict[str, object]:
    known = {key: value for key, value in asdict(entry.known).items() if value not in (None, "", ())}
    text = known.get("text")
    if isinstance(text, str) and len(text) > TEXT_MAX:
        del known["text"]
    tally = entry.tally
    return {
        **known,
        "validators": {
            "rounds": tally.rounds,
            "verdict": tally.verdict,
            "counts": dict(tally.counts),
            "unverified": tally.unverified,
            "tags": {where: list(tag) for where, tag in tally.tags.items()},
        },
    }


_FIELDS = {each.name for each in fields(Known)}
_TEXTS = ("sha256", "key", "lens", "host", "media_type")


def _entry(told: Mapping[str, object]) -> Entry:
    values = {name: value for name, value in told.items() if name in _FIELDS}
    values = {"etag": None, "last_modified": None, **dict.fromkeys(_TEXTS, ""), "size": 0, **values}
    values["items"] = tuple(map(str, told.get("items", ())))  # type: ignore[call-overload]
    wrong = [
        name
        for name in ("etag", "last_modified", "wall", "text")
        if not isinstance(values.get(name), str | None)
    ]
    wrong += [name for name in _TEXTS if not isinstance(values[name], str)]
    wrong += [name for name in ("size", "status", "when") if not isinstance(values.get(name, 0), int | float)]
    if wrong:
        raise ValueError(wrong[0])
    found = told["validators"]
    if not isinstance(found, Mapping):
        raise ValueError("validators")
    tally = Tally(
        int(found["rounds"]),
        {str(what): int(number) for what, number in found["counts"].items()},
        int(found["unverified"]),
        {str(where): (str(tag), str(sha256)) for where, (tag, sha256) in found["tags"].items()},
    )
    return Entry(Known(**values), tally)  # type: ignore[arg-type]
