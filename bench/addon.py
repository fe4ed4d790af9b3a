"""What somebody writes in an afternoon to count words in a Python proxy: html.parser, ``\\w+`` and a Counter.

It is a fair one: gzip is undone, the charset looked up, scripts and styles left out.  Standard library only,
as it runs inside the peers.  ``python -m bench.addon FOLDER`` is the other plain way: html5lib and a Counter,
and no proxy; it prints seconds of processor time, and pages.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

#: The file that `Counting.write` writes.
PLACE = "BENCH_COUNTS"

#: The path of a request at which the counts are written.
FLUSH = "/flush"

UNSEEN = frozenset(("script", "style", "noscript", "template", "svg", "textarea", "select", "head"))

_WORD = re.compile(r"\w+")
_CHARSET = re.compile(r"charset=[\"']?([\w-]+)", re.IGNORECASE)


class _Text(HTMLParser):
    """The text outside of `UNSEEN`, in pieces."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in UNSEEN:
            self._unseen += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN and self._unseen:
            self._unseen -= 1

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.pieces.append(data)


class Counting:
    """The words of all pages so far."""

    def __init__(self) -> None:
        self.pages = 0
        self.words: Counter[str] = Counter()

    def page(self, content_type: str, coding: str, body: bytes) -> None:
        """A body as it came is counted, if it is HTML."""
        if "html" not in content_type:
            return
        if coding.lower() == "gzip":
            body = gzip.decompress(body)
        label = _CHARSET.search(content_type)
        parser = _Text()
        parser.feed(body.decode(label[1] if label else "utf-8", "replace"))
        parser.close()
        self.words.update(_WORD.findall(" ".join(parser.pieces).lower()))
        self.pages += 1

    def write(self) -> None:
        """The counts are in the file that the environment names."""
        path = Path(os.environ[PLACE])
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"pages": self.pages, "words": self.words}))
        part.rename(path)


def _seen(element: Any) -> Iterator[str]:
    """The text of an element of html5lib's tree, without what `UNSEEN` holds."""
    if not isinstance(element.tag, str) or element.tag in UNSEEN:
        return
    yield element.text or ""
    for child in element:
        yield from _seen(child)
        yield child.tail or ""


def main(folder: str) -> None:
    """Count the packed pages of a folder with html5lib."""
    import html5lib

    words: Counter[str] = Counter()
    files = sorted(Path(folder).iterdir())
    began = time.process_time()
    for file in files:
        root = html5lib.parse(gzip.decompress(file.read_bytes()), namespaceHTMLElements=False)
        words.update(_WORD.findall(" ".join(_seen(root)).lower()))
    print(time.process_time() - began, len(files))
    print(json.dumps(words))


if __name__ == "__main__":
    main(sys.argv[1])
