"""A plain text: one page, that its file's name is the title of and the file's date the day."""

from __future__ import annotations

import hashlib
import os
from typing import BinaryIO
from urllib.parse import quote

from netsuite.wordproxy.bring.records import Record, skipped
from netsuite.wordproxy.copying import Rules
from netsuite.wordproxy.days import local_day
from netsuite.wordproxy.ledger import CopiedPage
from netsuite.wordproxy.store.contract import IMPORTED
from netsuite.words.skipped import Reason

#: What stands for the site of pages that came from files; no host can be called so.
HOST = "(files)"


def record(file: BinaryIO, path: str, rules: Rules, when: float) -> Record:
    """The record of a text.  ``when``: of its last change.  Raises: OSError."""
    body = file.read(rules.max_text + 1)
    if rules.ignores(HOST):
        return skipped(1, when, Reason.IGNORED_HOST)
    if len(body) > rules.max_text:
        return skipped(1, when, Reason.TOO_LARGE)
    name = os.fsencode(os.path.basename(path)).decode("utf-8", "replace")
    digest = hashlib.blake2b(b"file:", digest_size=16, key=rules.url_key)
    digest.update(body)
    page = CopiedPage(
        exchange_id=0,
        pieces=[body],
        size=len(body),
        digest=digest.digest(),
        host=HOST,
        url=f"file:{quote(name)}",
        day=local_day(when),
        when=when,
        media_type="text/plain",
        charset=None,
        content_encoding="",
        content_language=None,
        title=name,
        source=IMPORTED,
    )
    return Record(1, page.day, page.host, page)
