"""Batches to try stores with, in few words."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from unittest import TestCase

from netsuite.wordproxy.store.contract import COUNTED, Batch, Note, Page, Revisit

DAY = "2026-01-05"


def page(
    sequence: int,
    *forms: tuple[str, str, int, int] | str,
    path: str = "a",
    host: str = "news.example",
    lang: str = "en",
    day: str = DAY,
    title: str | None = "A title",
    url: str | None = "",
    contexts: Sequence[tuple[str, str]] = (),
    names: Sequence[str] = (),
    source: str = COUNTED,
) -> Page:
    """A visit of ``http://HOST/PATH``; a form that is only text was met once in the main text.

    ``url``: None where only counts may be kept.
    """
    rows = [(form, form.casefold(), 1, 0) if isinstance(form, str) else form for form in forms]
    head = sequence, digest(path, host), host, None if url is None else address(path, host), title, lang, day
    return Page(*head, 1767607200.0 + sequence, rows, list(contexts), list(names), source)


def revisit(sequence: int, *, path: str = "a", host: str = "news.example", day: str = DAY) -> Revisit:
    """``http://HOST/PATH`` was met and had not changed."""
    return Revisit(sequence, digest(path, host), host, day, 1767607200.0 + sequence)


def address(path: str, host: str) -> str:
    """The address of a sample page."""
    return f"http://{host}/{path}"


def digest(path: str, host: str) -> bytes:
    """What a sample page is known by."""
    return blake2b(address(path, host).encode(), digest_size=16).digest()


def batch(*items: Page | Note | Revisit, node: str = "node", last: int | None = None) -> Batch:
    """What a counter sends: these pages, notes and revisits."""
    return Batch(
        node,
        max((item.sequence for item in items), default=0) if last is None else last,
        [item for item in items if isinstance(item, Page)],
        [item for item in items if isinstance(item, Note)],
        [item for item in items if isinstance(item, Revisit)],
    )


def folder(test: TestCase) -> Path:
    """A folder not made yet, in one that is gone after the test and open to all users."""
    outer = Path(tempfile.mkdtemp())
    test.addCleanup(shutil.rmtree, outer)
    outer.chmod(0o755)
    return outer / "state"
