"""Seconds that hostile pages of 8 MB take to be counted: linear in their size, far from a page's limit.

    python -m bench.hostile [--size 8388608]

Each page is also counted at half and at a quarter of its size: twice the size should be twice the time.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from collections.abc import Callable, Sequence

import brotli

from netsuite.words.count import MAX_TEXT, Source, WordCounter
from netsuite.words.skipped import Skip

#: What `--page-seconds` is by default: past it a page is skipped and its counter killed.
LIMIT_SECONDS = 10.0


def _filled(unit: str | bytes, size: int) -> bytes:
    data = unit.encode() if isinstance(unit, str) else unit
    return (data * (size // len(data) + 1))[:size]


def _different(size: int) -> bytes:
    return _filled(" ".join(f"w{at:x}" for at in range(size // 7)), size)


def _lettered(size: int) -> bytes:
    """Different words of plain letters."""
    digits = str.maketrans("0123456789", "abcdefghij")
    return _filled(" ".join(str(at).translate(digits) for at in range(size // 7)), size)


PAGES: dict[str, tuple[Callable[[int], bytes], str | None, str]] = {
    "one word": (lambda size: b"x" * size, "utf-8", ""),
    "one word of é": (lambda size: _filled("é", size), "utf-8", ""),
    "words of one letter": (lambda size: _filled("a ", size), "utf-8", ""),
    "different words": (_lettered, "utf-8", ""),
    "different words with digits": (_different, "utf-8", ""),
    "a letter with marks": (lambda size: b"a" + _filled("\u0301\u0323", size - 1), "utf-8", ""),
    "joiners": (lambda size: _filled("\u200d\u200c", size), "utf-8", ""),
    "soft hyphens in a word": (lambda size: _filled("a\u00ad", size), "utf-8", ""),
    "U+202F between letters": (lambda size: _filled("a\u202f", size), "utf-8", ""),
    "Chinese without a break": (lambda size: _filled("汉字和中文系统的", size), "utf-8", ""),
    "Thai without a break": (lambda size: _filled("ภาษาไทย", size), "utf-8", ""),
    "kana without a break": (lambda size: _filled("カナ", size), "utf-8", ""),
    "Hangul and Latin in turn": (lambda size: _filled("a의", size), "utf-8", ""),
    "apostrophes": (lambda size: _filled("a'", size), "utf-8", ""),
    "NUL bytes in words": (lambda size: _filled(b"abcdefghijklmnopqrstuvwxy \0", size), "utf-8", ""),
    "lone surrogates (CESU)": (lambda size: _filled(b"a\xed\xa0\x80 ", size), "utf-8", ""),
    "lone surrogates (references)": (lambda size: _filled("&#xD800;a ", size), "utf-8", ""),
    "a lying charset (UTF-8 as koi8-r)": (lambda size: _filled("é à ", size), "koi8-r", ""),
    "a lying charset (latin1 as UTF-8)": (lambda size: _filled(b"caf\xe9 na\xefve ", size), "utf-8", ""),
    "nested elements": (lambda size: _filled("<b>a", size), "utf-8", ""),
    "nested blocks": (lambda size: _filled("<div>", size), "utf-8", ""),
    "100,000 nested elements": (
        lambda size: b"<i>" * 100_000 + _filled("word ", max(5, size - 300_000)),
        "utf-8",
        "",
    ),
    "unclosed tags": (lambda size: _filled("<p class=", size), "utf-8", ""),
    "formatting never closed": (lambda size: _filled("<a><p>", size), "utf-8", ""),
    "misnested tables": (lambda size: _filled("<table><b>x", size), "utf-8", ""),
    "attributes without end": (lambda size: b"<p " + _filled("a b c ", size), "utf-8", ""),
    "entities": (lambda size: _filled("&amp;&eacute;", size), "utf-8", ""),
    "a comment without end": (lambda size: b"<!--" + _filled("-", size - 4), "utf-8", ""),
    "titles": (lambda size: _filled("<title>a</title>", size), "utf-8", ""),
    "one word, gzip'd": (lambda size: gzip.compress(b"x" * size), "utf-8", "gzip"),
    "words, gzip'd and cut": (lambda size: gzip.compress(_different(size))[:-9], "utf-8", "gzip"),
    "words, named gzip and plain": (_different, "utf-8", "gzip"),
    "words, br": (lambda size: brotli.compress(_different(size), quality=1), "utf-8", "br"),
}


def seconds(body: bytes, charset: str | None, coding: str) -> tuple[float, str]:
    """How long it took, and what came of it."""
    counter = WordCounter(max_ratio=100_000)
    began = time.process_time()
    try:
        found = counter.count(Source("text/html", charset, coding, None), [body])
    except Skip as skip:
        told = f"skipped: {skip.reason.value}"
    else:
        told = f"{sum(main + other for _, _, main, other in found.forms):,} words"
    return time.process_time() - began, told


def rows(size: int) -> list[list[str]]:
    """The table: seconds of each page at a quarter, a half and the whole of the size, and what came of it."""
    lines = [["page", "¼", "½", "1", "what came of it"]]
    for name, (make, charset, coding) in PAGES.items():
        took = [seconds(make(size // part), charset, coding) for part in (4, 2, 1)]
        lines.append([name, *(f"{one:.2f}" for one, _ in took), took[-1][1]])
        print("  ".join(lines[-1]), file=sys.stderr, flush=True)
    return lines


def main(arguments: Sequence[str]) -> int:
    """Print the table; the status is 1 if a page takes half of its limit."""
    from bench.table import plain

    reader = argparse.ArgumentParser(prog="bench.hostile", description="Seconds of hostile pages.")
    reader.add_argument("--size", type=int, default=MAX_TEXT)
    lines = rows(reader.parse_args(arguments).size)
    print(plain(lines))
    return int(any(float(line[3]) > LIMIT_SECONDS / 2 for line in lines[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
