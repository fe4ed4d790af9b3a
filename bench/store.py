"""How long stores take to keep a batch, and to answer the report's questions, on a history made from a seed.

    python -m bench.store [--pages 2000] [--batch 50] [--words 100000] [--redis unix:///run/redis.sock]

A page has about 300 distinct words, frequent ones on most pages (Zipf), one visit in five is of a page met
before.  One line a store: pages a second; microseconds for a word written, by the clock and of this process;
bytes; milliseconds a question.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import blake2b

from netsuite.wordproxy.store.contract import Batch, CoverageQuery, Page, Store, WordQuery
from netsuite.wordproxy.store.open import open_store

FIRST_DAY = date(2026, 1, 1)

DAY = FIRST_DAY.isoformat()

QUESTIONS = {
    "top 100": WordQuery(lang="en"),
    "a day": WordQuery(day=DAY),
    "a site": WordQuery(site="site3.example"),
    "a search": WordQuery(q="w12"),
    "ten days": WordQuery(from_=DAY, to=(FIRST_DAY + timedelta(9)).isoformat()),
}


def history(pages: int, words: int, dice: random.Random) -> Iterator[Page]:
    """Visits of about 300 distinct words each, over 20 sites and 30 days."""
    vocabulary = [f"w{n}" for n in range(words)]
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(words)))
    for number in range(pages):
        path = dice.randrange(number + 1) if dice.random() < 0.2 else number
        host = f"site{path % 20}.example"
        counts: dict[str, int] = {}
        for word in dice.choices(vocabulary, cum_weights=weights, k=400):
            counts[word] = counts.get(word, 0) + 1
        forms = [(word, word, n - n // 5, n // 5) for word, n in counts.items()]
        digest = blake2b(b"%d" % path, digest_size=16).digest()
        day = (FIRST_DAY + timedelta(number * 30 // pages)).isoformat()
        url = f"http://{host}/{path}"
        yield Page(number, digest, host, url, f"Page {path}", "en", day, 1767600000.0 + number, forms)


def batches(pages: list[Page], size: int) -> list[Batch]:
    """The visits, so many a batch."""
    starts = range(0, len(pages), size)
    return [
        Batch("bench", pages[min(start + size, len(pages)) - 1].sequence, pages[start : start + size], [])
        for start in starts
    ]


def measure(name: str, store: Store, told: list[Batch]) -> str:
    """One line: what the store took to keep the batches and to answer."""
    pages = sum(len(batch.pages) for batch in told)
    words = sum(len(page.forms) for batch in told for page in batch.pages)
    began, worked, slowest = time.perf_counter(), time.process_time(), 0.0
    for batch in told:
        start = time.perf_counter()
        store.add(batch)
        slowest = max(slowest, time.perf_counter() - start)
    seconds, work = time.perf_counter() - began, time.process_time() - worked
    parts = [
        f"{name:7} {pages / seconds:6.0f} pages/s  {seconds / words * 1e6:5.1f} µs a word",
        f" ({work / words * 1e6:.1f} of processor)",
        f"  slowest batch {slowest * 1000:5.0f} ms",
    ]
    parts.append(f"  {store.status().size_bytes / words:5.0f} bytes a word written |")
    for question, query in QUESTIONS.items():
        start = time.perf_counter()
        store.words(query)
        parts.append(f" {question} {(time.perf_counter() - start) * 1000:.0f} ms")
    start = time.perf_counter()
    store.coverage(CoverageQuery())
    parts.append(f" coverage {(time.perf_counter() - start) * 1000:.0f} ms")
    return "".join(parts)


def main() -> None:
    """Print one line for each store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--redis", help="address of a store that is empty, to measure it too")
    options = parser.parse_args()
    dice = random.Random(options.seed)
    told = batches(list(history(options.pages, options.words, dice)), options.batch)
    distinct = len({form[1] for batch in told for page in batch.pages for form in page.forms})
    print(
        f"{options.pages} pages, {distinct} distinct words, batches of {options.batch}, seed {options.seed}"
    )
    with tempfile.TemporaryDirectory() as folder:
        places = {"memory": ":memory:", "file": os.path.join(folder, "words.db")}
        for name, where in {**places, **({"redis": options.redis} if options.redis else {})}.items():
            store = open_store(where, stop_words={"en": [f"w{n}" for n in range(100)]})
            try:
                print(measure(name, store, told), flush=True)
            finally:
                store.close()


if __name__ == "__main__":
    main()
