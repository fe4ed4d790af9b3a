"""Where each microsecond of a counted page goes: the counter's own work, step by step, in this process.

    python -m bench.costs [--pages 1200] [--corpus news] [--batch 600] [--sentences]

Pages go through `counting.Counter` as they come out of the pipe, into a store on the disk, twice: first with
a new store, then the same words on other pages, as in a store that knows them.  It is processor time, and
a step's has that of the steps inside it taken off.  The relay's part is bench.profile's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from bench.corpus import CORPORA
from bench.counters import DISK
from bench.pages import site
from bench.processes import first
from bench.table import Lines, plain
from netsuite.wordproxy import counting, pipe, sampling
from netsuite.wordproxy.store import adding, numbers, renewing, sqlite, vectors, writing
from netsuite.words import charset, coding, count, language, lexicon, memo, text
from tests.real.parts import ROOT

#: What is told of: a step's name, and where its function is looked up.
STEPS: list[tuple[str, Any, str]] = [
    ("frames: from bytes to a job", pipe, "decoded"),
    ("gzip", coding, "decode"),
    ("charset", charset, "decode"),
    ("source to text, compiled", text.WordParser, "html"),
    ("tree (turbohtml)", text, "parse"),
    ("tree to text", text, "_document"),
    ("text to words, counted", lexicon.Lexicon, "count"),
    ("ICU, and pieces that aren't plain", memo.Memo, "tally"),
    ("keys of new forms", lexicon.Lexicon, "_learn"),
    ("language", language, "of"),
    ("digest, checks", count.WordCounter, "read"),
    ("sentences", sampling.Sampler, "sample"),
    ("counter: batch, answers", counting.Counter, "take"),
    ("store: numbers of words", numbers.Numbers, "_meet"),
    ("store: columns of a visit", adding.Adding, "_columns"),
    ("store: visits into sums", adding.Adding, "visit"),
    ("store: a page's row of words", vectors, "put_first"),
    ("store: a site's day", adding._Sums, "tally"),
    ("store: row of a site's day", vectors, "append"),
    ("store: words' sums, new words", adding.Adding, "_write_words"),
    ("store: forms that are no keys", adding.Adding, "write"),
    ("store: derived sums", renewing, "changed"),
    ("store: pages, visits, coverage", writing, "add_batch"),
    ("store: commit and what follows", sqlite.SqliteStore, "add"),
]


class Watch:
    """Adds up what functions take, without what those inside them do."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._inside = [0.0]

    def on(self, name: str, where: Any, attribute: str) -> None:
        """The function is watched."""
        plain_one: Callable[..., Any] = getattr(where, attribute)

        def watched(*arguments: Any, **named: Any) -> Any:
            self._inside.append(0.0)
            began = time.process_time()
            try:
                return plain_one(*arguments, **named)
            finally:
                took = time.process_time() - began
                self.spent[name] += took - self._inside.pop()
                self._inside[-1] += took

        setattr(where, attribute, watched)


def frames(pages: int, name: str, visit: int, *, sentences: bool) -> list[bytes]:
    """Pages as they come out of the pipe; ``visit`` makes their addresses other ones."""
    made = []
    for number, page in enumerate(CORPORA[name](pages), 1):
        url = f"http://{site(page.site)}{page.path}?{visit}"
        digest = blake2b(url.encode(), digest_size=16).digest()
        head = (visit * pages + number, digest, site(page.site), url, "2026-01-05", 1767600000.0)
        job = pipe.Job(*head, "text/html", None, "gzip", None, is_hurried=not sentences)
        made.append(b"".join(pipe.job_frame(job, [page.packed], len(page.packed)))[4:])
    return made


def measure(pages: int, name: str, batch: int, *, sentences: bool) -> Lines:
    """The table: of each step its microseconds a page, in a new store and in one that knows the words."""
    watch = Watch()
    for step in STEPS:
        watch.on(*step)
    columns: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="netsuite-store-", dir=DISK) as folder:
        begin = pipe.Begin(
            "bench", str(Path(folder, "words.db")), 8 << 20, 200, "und", 0, 0, 10.0, batch, 3600.0
        )
        counts = count.WordCounter()
        counter = counting.Counter(begin, counts, lambda message: None)
        for visit in range(2):
            blocks = frames(pages, name, visit, sentences=sentences)
            counts._pages.clear()  # bodies are the same again; what they say must be counted
            watch.spent.clear()
            began = time.process_time()
            for block in blocks:
                counter.take(pipe.decoded(pipe.TO_COUNTER, block))
                counter.tick()
            counter.commit()
            whole = time.process_time() - began
            spent = {step: watch.spent[step] / pages * 1e6 for step, _, _ in STEPS}
            columns.append(
                {**spent, "the rest": whole / pages * 1e6 - sum(spent.values()), "all": whole / pages * 1e6}
            )
        counter.close()
    lines = [["step", "new store: µs a page", "known words: µs a page"]]
    return lines + [[step, *(f"{column[step]:,.0f}" for column in columns)] for step in columns[0]]


def of_corpora(pages: int, names: Sequence[str], batch: int) -> Lines:
    """The same of several corpora, in a process of its own for each: what is watched stays watched."""
    tables: list[Lines] = []
    for name in names:
        command = [sys.executable, "-m", "bench.costs", "--pages", str(pages), "--corpus", name]
        command += ["--batch", str(batch), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        tables.append(json.loads(done.stdout))
    heads = [f"{name}: {kind}" for name in names for kind in ("new store", "known words")]
    rows = list(zip(*(table[1:] for table in tables), strict=True))
    return [
        ["µs a page", *heads],
        *([same[0][0], *(cell for row in same for cell in row[1:])] for same in rows),
    ]


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    reader = argparse.ArgumentParser(prog="bench.costs", description="Where each microsecond of a page goes.")
    reader.add_argument("--pages", type=int, default=1200)
    reader.add_argument("--corpus", choices=list(CORPORA), default="news")
    reader.add_argument("--batch", type=int, default=600)
    reader.add_argument("--sentences", action="store_true", help="also what is done where no page waits")
    reader.add_argument("--json", action="store_true", help="the table for a program")
    asked = reader.parse_args(arguments)
    with first():
        table = measure(asked.pages, asked.corpus, asked.batch, sentences=asked.sentences)
    print(json.dumps(table) if asked.json else plain(table))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
