"""Batches to try stores with, in few words."""

from __future__ import annotations

import shutil
import tempfile
from hashlib import blake2b
from pathlib import Path
from unittest import TestCase

from netsuite.wordproxy.store.contract import Batch, Note, Page

DAY = "2026-01-05"


def page(
    sequence: int,
    *forms: tuple[str, str, int, int] | str,
    path: str = "a",
    host: str = "news.example",
    lang: str = "en",
    day: str = DAY,
    title: str | None = "A title",
) -> Page:
    """A visit of ``http://HOST/PATH``; a form that is only text was met once in the main text."""
    rows = [(form, form.casefold(), 1, 0) if isinstance(form, str) else form for form in forms]
    url = f"http://{host}/{path}"
    digest = blake2b(url.encode(), digest_size=16).digest()
    return Page(sequence, digest, host, url, title, lang, day, 1767607200.0 + sequence, rows)


def batch(*items: Page | Note, node: str = "node", last: int | None = None) -> Batch:
    """What a counter sends: these pages and notes."""
    pages = [item for item in items if isinstance(item, Page)]
    notes = [item for item in items if isinstance(item, Note)]
    return Batch(
        node, max((item.sequence for item in items), default=0) if last is None else last, pages, notes
    )


def folder(test: TestCase) -> Path:
    """A folder not made yet, in one that is gone after the test and open to all users."""
    outer = Path(tempfile.mkdtemp())
    test.addCleanup(shutil.rmtree, outer)
    outer.chmod(0o755)
    return outer / "state"
