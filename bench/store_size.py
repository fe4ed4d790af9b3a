"""How long the report's questions take in a store of years: one million words, ten million tallies.

    python -m bench.store_size [--pages 100000] [--words 1000000] [--keep FILE] [--one QUESTION]

The store is written by the code that always writes it, from `bench.store_history`; with ``--keep`` it stays,
and is only asked the next time.  Each question is asked in a process of its own: once cold, then three times
more (their median).  The table is what docs/store.rst shows.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bench.store_history import FIRST_DAY, History, batches
from netsuite.wordproxy.store.contract import (
    BreakdownQuery,
    ContextQuery,
    CoverageQuery,
    PageQuery,
    WordQuery,
)
from netsuite.wordproxy.store.open import open_store
from netsuite.wordproxy.store.packing import unpack
from netsuite.wordproxy.store.sqlite import SqliteStore


def _day(number: int) -> str:
    return (FIRST_DAY + timedelta(number)).isoformat()


TOP, SMALL = "site0.example", "site400.example"
LAST = 1095
MONTH = {"from_": "2025-03-01", "to": "2025-03-31"}
RANGE = {"from_": "2023-11-12", "to": "2025-09-17"}

Question = Callable[[Any], Any]


def _words(**told: Any) -> Question:
    query = WordQuery(**told)
    return lambda store: store.words(query)


def _parts(by: str, **told: Any) -> Question:
    query = BreakdownQuery(by, **told)
    return lambda store: store.breakdown(query)


QUESTIONS: dict[str, Question] = {
    "words": _words(),
    "words, all=1": _words(everything=True),
    "words, lang": _words(lang="de"),
    "words, a site": _words(site=TOP),
    "words, a small site": _words(site=SMALL),
    "words, today": _words(day=_day(LAST)),
    "words, an old day": _words(day=_day(500)),
    "words, a week": _words(from_=_day(700), to=_day(706)),
    "words, a month": _words(**MONTH),
    "words, the last 30 days": _words(from_=_day(LAST - 29)),
    "words, 22 months": _words(**RANGE),
    "words, 22 months, all=1": _words(**RANGE, everything=True),
    "words, 22 months, lang": _words(**RANGE, lang="en"),
    "words, 22 months, a site": _words(**RANGE, site=TOP),
    "words, since the second day": _words(from_=_day(1)),
    "words, q, rare": _words(q="bazo"),
    "words, q, in every second word": _words(q="a"),
    "words, q, a beginning": _words(q="stri*"),
    "words, 22 months, q": _words(**RANGE, q="ba"),
    "words, known=known": _words(known="known"),
    "words, known=unknown": _words(known="unknown"),
    "words, known=unknown, 22 months": _words(**RANGE, known="unknown"),
    "words, without names": _words(names=False),
    "words, without names, 22 months": _words(**RANGE, names=False),
    "words, lang, unknown, without names, by pages": _words(
        lang="en", known="unknown", names=False, sort="pages"
    ),
    "words, site, month, unknown, q": _words(site=TOP, **MONTH, known="unknown", q="a"),
    "words, offset 10,000": _words(offset=10_000),
    "words, offset 500,000": _words(offset=500_000),
    "words, 22 months, offset 10,000": _words(**RANGE, offset=10_000),
    **{f"words, by {sort}": _words(sort=sort) for sort in ("pages", "word", "first", "last")},
    **{
        f"words, 22 months, by {sort}": _words(**RANGE, sort=sort)
        for sort in ("pages", "word", "first", "last")
    },
    **{f"words, a site, by {sort}": _words(site=TOP, sort=sort) for sort in ("pages", "last")},
    "words, by word, offset 10,000": _words(sort="word", offset=10_000),
    "words, lemma, lang": _words(lang="en", lemma=True),
    "words, lemma, 22 months": _words(**RANGE, lemma=True),
    "words of a page": lambda store: store.words(WordQuery(page=store.pages(PageQuery(limit=1)).pages[0].id)),
    "pages": lambda store: store.pages(PageQuery()),
    "pages, a site": lambda store: store.pages(PageQuery(site=TOP)),
    "pages, 22 months, lang": lambda store: store.pages(PageQuery(**RANGE, lang="de")),
    "pages, offset 50,000": lambda store: store.pages(PageQuery(offset=50_000)),
    "by day": _parts("day"),
    "by day, all": _parts("day", limit=0),
    "by day, a site": _parts("day", site=TOP),
    "by day, lang, 22 months": _parts("day", lang="en", **RANGE),
    "by site": _parts("site"),
    "by site, a month": _parts("site", **MONTH),
    "by site, 22 months": _parts("site", **RANGE),
    "by site, lang": _parts("site", lang="en"),
    "by lang": _parts("lang"),
    "by lang, 22 months": _parts("lang", **RANGE),
    "by lang, a site": _parts("lang", site=TOP),
    "a frequent word by day": _parts("day", word="besti", lang="en"),
    "a frequent word by site": _parts("site", word="besti", lang="en"),
    "coverage": lambda store: store.coverage(CoverageQuery()),
    "coverage by day": lambda store: store.coverage(CoverageQuery(by=("day",))),
    "coverage by host": lambda store: store.coverage(CoverageQuery(by=("host",))),
    "sources": lambda store: store.sources(),
    "one word": lambda store: store.word("besti", "en"),
    "contexts": lambda store: store.contexts(ContextQuery("besti", "en")),
    "status": lambda store: store.status(),
}


def ask(where: str, name: str) -> None:
    """Print milliseconds (first answer, median of three more, of processor) and the peak in MB."""
    store = open_store(where, stop_words=History().stop_words())
    times, work = [], []
    for _ in range(4):
        began, worked = time.perf_counter(), time.thread_time()
        QUESTIONS[name](store)
        times.append((time.perf_counter() - began) * 1000)
        work.append((time.thread_time() - worked) * 1000)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{times[0]:.0f} {statistics.median(times[1:]):.0f} {statistics.median(work[1:]):.0f} {peak:.0f}")
    store.close()


def fill(where: str, history: History, size: int) -> str:
    """The store has the whole history; what writing it cost."""
    store = open_store(where, stop_words=history.stop_words())
    assert isinstance(store, SqliteStore)
    words = seconds = work = 0.0
    visits = 0
    worst = 0.0
    for number, batch in enumerate(batches(history.visits(), size)):
        began, worked = time.perf_counter(), time.process_time()
        store.add(batch)
        took = time.perf_counter() - began
        work += time.process_time() - worked
        seconds, worst = seconds + took, max(worst, took)
        words += sum(len(page.forms) for page in batch.pages)
        visits += len(batch.pages)
        if number % 200 == 199:
            print(f"  {visits} visits, {work / words * 1e6:.1f} µs of processor a word", file=sys.stderr)
    store.set_levels(history.known())
    began = time.perf_counter()
    while store.renew():
        pass
    left = time.perf_counter() - began
    store.close()
    rates = f"{visits / seconds:.0f} visits/s, {words / seconds:.0f} words/s"
    costs = f"{seconds / words * 1e6:.1f} µs a word, {work / words * 1e6:.1f} of processor"
    return f"{rates}; {costs}; slowest batch {worst * 1000:.0f} ms; sums left: {left:.0f} s"


def sizes(where: str) -> str:
    """What is in the store, and its size."""
    store = open_store(where)
    assert isinstance(store, SqliteStore)
    count = store._connection.execute
    rows = {name: count(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("word", "page")}
    rows["tally"] = sum(len(unpack(words)) for (words,) in count("SELECT words FROM tally"))
    size = os.path.getsize(where)
    store.close()
    held = ", ".join(f"{n:,} {name}s" for name, n in rows.items()).replace("tallys", "tallies")
    return f"{held}; {size / 1e6:.0f} MB, {size / rows['tally']:.0f} bytes a tally"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--keep", help="the store's file: made if it isn't there, and kept")
    parser.add_argument("--one", help="ask only questions that begin so")
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        ask(options.keep, options.ask)
        return
    with tempfile.TemporaryDirectory() as folder:
        where = options.keep or os.path.join(folder, "words.db")
        if not os.path.lexists(where):
            history = replace(History(), pages=options.pages, words=options.words)
            print(fill(where, history, options.batch))
        print(sizes(where))
        print("question | first ms | then ms | of processor | peak MB")
        for name in QUESTIONS:
            if options.one and not name.startswith(options.one):
                continue
            command = [sys.executable, "-m", "bench.store_size", "--keep", where, "--ask", name]
            done = subprocess.run(command, capture_output=True, text=True)
            told = done.stdout.split() or [done.stderr.strip().rpartition("\n")[2]]
            print(" | ".join([f"{name:48}", *told]), flush=True)


if __name__ == "__main__":
    main()
