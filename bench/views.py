"""What each view of the report costs on a store of years: milliseconds, bytes, and how long others waited.

    python -m bench.store_size --keep words.db --one status      (makes the store, once)
    python -m bench.views --store words.db [--rounds 5] [--one /words]

A real wordproxy is asked for each view over a connection, and meanwhile, every few milliseconds over another,
for its ``/proxy.pac``, which asks no store: who waits longer for that than when nothing else is asked waits
because the event loop was held up.  Each view is asked ``anew``, after something was counted, and ``again``,
while nothing has changed: whole milliseconds, medians of the rounds; the wait is the median of the longest of
those asked anew.  ``first`` is the first byte of those.  What breaks a demand has a ``!``: 300 ms, the first
byte of ``/`` in 100, 100 KB, 10 ms of waiting.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import multiprocessing
import re
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import quote

from bench import processes
from bench.store_history import FIRST_DAY
from netsuite.wordproxy.store.contract import Batch, Note
from netsuite.wordproxy.store.open import open_store
from tests.real.parts import Twistd

#: What is demanded, in milliseconds and bytes.
WHOLE_MS, FIRST_MS, PAGE_BYTES, PAUSE_MS = 300, 100, 100_000, 10

#: Seconds between two questions of who waits.
EVERY = 0.003

#: The last day of the history is the day on which the report is asked.
TODAY = FIRST_DAY + timedelta(1095)
TOP, WORD, LANG = "site0.example", "besti", "en"
#: Characters of the longest address.
WIDTH = 78

MONTH, RANGE = "from=2025-03-01&to=2025-03-31", "from=2023-11-12&to=2025-09-17"

_RUN = """
from datetime import date
from netsuite.wordproxy.report import overview
overview.Overview.__init__.__defaults__ = (lambda: date.fromisoformat({today!r}),)
from twisted.scripts.twistd import run
run()
"""


class Then(Twistd):
    """A wordproxy for whose first page it is still the history's last day."""

    def launch(self) -> None:
        """twistd runs."""
        run = _RUN.format(today=TODAY.isoformat())
        self.start([sys.executable, "-c", run, "-n", "--pidfile=", *self.arguments])


@dataclass(frozen=True, slots=True)
class Round:
    """One question's milliseconds, to the first byte and the last, its bytes, and how long another waited."""

    first: float
    whole: float
    size: int
    pause: float


def ticks(port: int, told: Connection) -> None:
    """Ask again and again for what needs no store; at each word from ``told``, say the longest wait since."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    longest = 0.0
    while True:
        began = time.perf_counter()
        connection.request("GET", "/proxy.pac")
        connection.getresponse().read()
        longest = max(longest, time.perf_counter() - began)
        if told.poll(EVERY):
            if not told.recv():
                return
            told.send(longest * 1000)
            longest = 0.0


class Asker:
    """The report at a port, and who waits beside."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._connection.connect()
        self._told, there = multiprocessing.Pipe()
        self._ticks = multiprocessing.Process(target=ticks, args=(port, there), daemon=True)
        self._ticks.start()

    def waited(self) -> float:
        """The longest wait since this was asked last."""
        self._told.send(True)
        return float(self._told.recv())

    def ask(self, path: str) -> Round:
        """One question."""
        self.waited()
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Accept-Encoding": "identity"})
        answer = self._connection.getresponse()
        first = time.perf_counter() - began
        body = answer.read()
        whole = time.perf_counter() - began
        time.sleep(0.02)
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
        return Round(first * 1000, whole * 1000, len(body), self.waited())

    def json(self, path: str) -> Any:
        """What a view says."""
        self._connection.request("GET", path)
        return json.loads(self._connection.getresponse().read())

    def close(self) -> None:
        """Nobody asks any more."""
        with contextlib.suppress(OSError):
            self._told.send(False)
        self._ticks.join(5)
        self._connection.close()


def views(page: str) -> list[str]:
    """The addresses: every view, with the filters that cost most."""
    lists = ["/words", "/unknown", "/known", "/sites", "/days", "/langs", "/pages", "/coverage"]
    narrowed = [
        f"/words?lang={LANG}",
        f"/words?site={TOP}",
        f"/words?{MONTH}",
        f"/words?{RANGE}",
        f"/words?day={TODAY.isoformat()}",
        "/words?all=1",
        "/words?q=a",
        "/words?known=known",
        "/words?names=0",
        *(f"/words?sort={sort}" for sort in ("pages", "word", "first", "last")),
        "/words?offset=10000",
        f"/words?lang={LANG}&lemma=1",
        f"/unknown?lang={LANG}&{MONTH}",
        f"/sites?{RANGE}",
        f"/days?site={TOP}",
        f"/pages?site={TOP}",
        "/search?q=stri*",
        f"/coverage?day={TODAY.isoformat()}",
        f"/compare?a_site={TOP}&b_site=site1.example",
        f"/compare?a_site={TOP}",
        "/compare?a_from=2025-03-01&a_to=2025-03-31&b_from=2025-02-01&b_to=2025-02-28",
    ]
    single = [f"/word/{WORD}", f"/site/{TOP}", f"/page/{quote(page, safe=':')}"]
    plain = ["/", "/overview.json", "/setup", "/forget", f"/forget?day={TODAY.isoformat()}", "/healthz"]
    data = [f"{path}.{form}" for path in (*lists, *single) for form in ("json", "csv")]
    return [*plain, *lists, *single, *narrowed, *data, "/unknown.tsv"]


def marked(value: float, most: float) -> str:
    """A number, with a mark where it is more than is demanded."""
    return f"{value:.0f}" + "!" * (value > most)


def row(path: str, anew: list[Round], again: list[Round]) -> str:
    """A line of the table."""
    most = FIRST_MS if path == "/" else WHOLE_MS
    cells = [
        marked(statistics.median(one.first for one in anew), most),
        *(marked(statistics.median(one.whole for one in rounds), WHOLE_MS) for rounds in (anew, again)),
        marked(anew[0].size, PAGE_BYTES),
        marked(statistics.median(one.pause for one in anew), PAUSE_MS),
    ]
    return line(f"``{path}``", *cells)


def line(view: str, *cells: str) -> str:
    """A line of a table in reStructuredText; a long page's id is cut."""
    return "  ".join([f"{re.sub('[0-9a-f]{28}', '…', view):{WIDTH}}", *(f"{cell:>9}" for cell in cells)])


class Counter:
    """Something is counted now and then, by another process than the one that shows it."""

    def __init__(self, where: str) -> None:
        self._store, self._node = open_store(where), f"bench-{time.time_ns()}"
        self._numbers = itertools.count(1)

    def count(self) -> None:
        """A tunnel passed unseen."""
        number = next(self._numbers)
        note = Note(number, TODAY.isoformat(), "cdn.example", "unseen")
        self._store.add(Batch(self._node, number, [], [note]))


def measured(path: str, asker: Asker, counter: Counter, rounds: int) -> tuple[list[Round], list[Round]]:
    """The rounds after something was counted, and those after nothing was."""
    anew = []
    for _ in range(rounds):
        counter.count()
        anew.append(asker.ask(path))
    return anew, [asker.ask(path) for _ in range(rounds)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--store", required=True, help="the file that bench.store_size --keep has made")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", help="ask only for addresses that begin so")
    options = parser.parse_args()
    arguments = ("-r", "0", "-p", "0", "-k", "36500", "-s", options.store)
    with contextlib.closing(Then("wordproxy", *arguments)) as service, processes.first():
        asker, counter = Asker(service.up().ports["report"]), Counter(options.store)
        idle = []
        for _ in range(10):
            asker.waited()
            time.sleep(0.3)
            idle.append(asker.waited())
        print(f"nothing asked: the longest wait of 0.3 s is {statistics.median(idle):.1f} ms (median of 10)")
        rule = line("=" * WIDTH, *["=" * 9] * 5)
        print(rule, line("view", "first, ms", "anew", "again", "bytes", "waited"), rule, sep="\n")
        page = asker.json("/pages.json?limit=1")["pages"][0]["id"]
        for path in views(page):
            if options.one is None or path.startswith(options.one):
                print(row(path, *measured(path, asker, counter, options.rounds)), flush=True)
        print(rule)
        asker.close()


if __name__ == "__main__":
    main()
