"""Pages counted a second and core: ours, and what people write instead.

    python -m bench.counting [--pages 1500] [--rounds 3] [--peers ours,mitmdump,...] [--corpora news,handbook]
                             [--write docs/benchmarks.rst] [--profile] [--latency] [--memory] [--hostile]

Ours is all of ``twistd wordproxy``: relay, counter process and a store on the disk.  The peers count by an
add-on (bench/addon.py) into a Counter in memory; html5lib counts files, without a proxy.  All processes of a
proxy share one core; load and origin have the others.  A round is a fresh start, a short warming-up, and
pages that are asked for once each, as fast as it goes; it ends when all are counted, ours also kept in
the store.  A round of which a page is missing says nothing and fails.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import addon, corpus, peers
from bench.corpus import Sample
from bench.exact import compared, exact, wrong
from bench.loads import Figures, Spoiled, spent
from bench.pages import PageOrigin, ask
from bench.peers import Peer
from bench.processes import first, pin
from bench.race import Cores
from tests.real.parts import ROOT, PartError, Twistd, until

#: Pages before a round's first, so that what is made once is made.
WARM = 200

#: The peers' rounds are shorter by this factor, and so is their warming-up.
SHORTER = 5

#: Longest wait for the last page to be counted, and time between two looks.
LONGEST, LOOK_SECONDS = 120.0, 0.1

#: What ours is to reach of the better add-on's pages a second, and what it aims at.
REACH, AIM = 6.0, 15.0

Words = Counter[str]


@dataclass(slots=True)
class Running:
    """A proxy that counts: how many pages it has counted, and which words."""

    peer: Peer
    counted: Callable[[], int]
    words: Callable[[], Words]


@contextlib.contextmanager
def ours(_origin: PageOrigin, *options: str) -> Iterator[Running]:
    """``twistd wordproxy``, its store on the disk."""
    with tempfile.TemporaryDirectory(prefix="netsuite-store-", dir="/var/tmp") as disk:
        child = Twistd("wordproxy")
        log = ["--access-log", str(child.folder / "access.log"), "-s", str(Path(disk, "words.db"))]
        reach = ["-p", "0", "-r", "0", "--allow-net", "127.0.0.0/8", "--waiting-bytes", "1GiB"]
        child.arguments = ("wordproxy", *reach, *log, *options)
        try:
            port = child.up(r"proxy http://\S+, report http://\S+, store ").ports["proxy"]
            yield Running(
                Peer("ours", "", child, port, port),
                lambda: int(child.report("/coverage.json")["counted"]),
                lambda: _reported(child),
            )
        finally:
            child.close()


def _reported(child: Twistd) -> Words:
    words: Words = Counter()
    for entry in child.report("/words.json?all=1&limit=0")["words"]:
        words[compared(entry["word"])] += entry["occurrences"]
    return words


@contextlib.contextmanager
def mitmdump(origin: PageOrigin) -> Iterator[Running]:
    """mitmdump with the add-on; what it counts is gathered whole, so nothing is streamed."""
    path = peers.program("mitmdump")
    script = str(ROOT / "bench" / "addon_mitmdump.py")

    def command(folder: Path, ports: list[int]) -> list[str]:
        bind = ["--listen-host", peers.HOST, "-p", str(ports[0]), "--set", f"confdir={folder}"]
        return [path, "-q", *bind, "-s", script]

    with _added("mitmdump", origin, command) as running:
        yield running


@contextlib.contextmanager
def proxy_py(origin: PageOrigin) -> Iterator[Running]:
    """proxy.py with the add-on as its plugin, one worker."""
    path = peers.program("proxy")

    def command(folder: Path, ports: list[int]) -> list[str]:
        log = ["--log-file", str(folder / "access.log"), "--data-dir", str(folder)]
        one = ["--num-acceptors", "1", "--num-workers", "1", "--timeout", "900"]
        plugin = ["--plugins", "bench.addon_proxy_py.CountingPlugin"]
        return [path, "--hostname", peers.HOST, "--port", str(ports[0]), *one, *log, *plugin]

    with _added("proxy.py", origin, command) as running:
        yield running


@contextlib.contextmanager
def _added(
    name: str, origin: PageOrigin, command: Callable[[Path, list[int]], list[str]]
) -> Iterator[Running]:
    """A peer with the add-on."""
    with tempfile.TemporaryDirectory(prefix="netsuite-counts-") as folder:
        place = Path(folder, "counts.json")
        os.environ[addon.PLACE] = str(place)
        try:
            peer = peers.listen(name, "", command)
        finally:
            del os.environ[addon.PLACE]

        def told() -> Any:
            place.unlink(missing_ok=True)
            ask(peer, [origin.url(addon.FLUSH)], 1)
            until(f"{name} has written its counts", place.exists, LONGEST)
            return json.loads(place.read_text())

        with peer:
            yield Running(peer, lambda: int(told()["pages"]), lambda: Counter(told()["words"]))


PROXIES: dict[str, Callable[..., Any]] = {"ours": ours, "mitmdump": mitmdump, "proxy.py": proxy_py}


# -- a round -------------------------------------------------------------------------------------


def measure(name: str, origin: PageOrigin, urls: Sequence[str], cores: Cores) -> tuple[Figures, Words]:
    """A round of these pages: what it cost, and the words.  Raises: Absent, PartError, Spoiled."""
    factor = 1 if name == "ours" else SHORTER
    warm = WARM // factor
    urls = urls[: max(warm + 50, len(urls) // factor)]
    with PROXIES[name](origin) as running:
        peer = running.peer
        pin(peer.pids(), cores.proxy)
        ask(peer, urls[:warm])
        _settle(running, warm)
        pin(peer.pids(), cores.proxy)
        began = time.monotonic()
        with spent(peer) as cost:
            relayed = ask(peer, urls[warm:]).seconds
            _settle(running, len(urls))
            took = time.monotonic() - began
        pages = len(urls) - warm
        words = running.words()
    return {
        "cpu": cost() / pages * 1e6,
        "rate": pages / cost(),
        "wall": pages / took,
        "relayed": pages / relayed,
        "pages": len(urls),
    }, words


def _settle(running: Running, pages: int) -> None:
    """So many pages are counted, neither fewer nor more."""
    end = time.monotonic() + LONGEST
    while (counted := running.counted()) < pages and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
    if counted != pages:
        raise Spoiled(f"{counted} of {pages} pages were counted")


def html5lib(pages: Sequence[Sample], cores: Cores) -> tuple[Figures, Words]:
    """The plain script, on the proxies' core."""
    with tempfile.TemporaryDirectory(prefix="netsuite-pages-") as folder:
        for number, page in enumerate(pages):
            Path(folder, f"{number:06}.gz").write_bytes(page.packed)
        command = [sys.executable, "-m", "bench.addon", folder]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            preexec_fn=lambda: os.sched_setaffinity(0, cores.proxy),
        )
    told, words = done.stdout.splitlines()
    seconds, number = (float(part) for part in told.split())
    rate = number / seconds
    return {"cpu": 1e6 / rate, "rate": rate, "wall": rate, "pages": number}, Counter(json.loads(words))


# -- all of them ---------------------------------------------------------------------------------

CORPORA: dict[str, Callable[[int], list[Sample]]] = {
    "news": lambda number: list(corpus.news(number)),
    "handbook": corpus.handbook,
}

NAMES = (*PROXIES, "html5lib")

#: Pages of a corpus that are counted by other libraries too.
INDEPENDENT = 20


@dataclass(slots=True)
class Race:
    """The rounds of each peer on one corpus, or why it has none, and its share of wrong words."""

    pages: list[Sample]
    rounds: dict[str, list[Figures] | str]
    wrong: dict[str, float]

    def rate(self, name: str) -> float:
        """A peer's pages a second of its processes' CPU, 0 if it has none."""
        found = self.rounds.get(name, "")
        return statistics.median(each["rate"] for each in found) if isinstance(found, list) and found else 0.0


def race(name: str, pages: int, rounds: int, names: Sequence[str]) -> Race:
    """The peers took turns.  Raises: Spoiled, where ours has other words than the exact way."""
    samples = CORPORA[name](WARM + pages)
    cores, origin = Cores.of_machine(), PageOrigin(samples)
    os.sched_setaffinity(0, cores.load)
    pin(origin.pids(), cores.load)
    found = Race(samples, {each: [] for each in names}, {})
    right = {len(samples): exact(samples)}
    try:
        for number in range(rounds):
            for each in names:
                _round(each, found, origin, cores, right)
                print(f"  {name} {number + 1} {each}: {found.rounds[each]}", file=sys.stderr, flush=True)
    finally:
        origin.stop()
    if found.wrong.get("ours"):
        raise Spoiled(f"ours has {found.wrong['ours']:.4%} of the words wrong")
    return found


def _round(name: str, found: Race, origin: PageOrigin, cores: Cores, right: dict[int, Words]) -> None:
    figures = found.rounds[name]
    if isinstance(figures, str):
        return
    try:
        if name == "html5lib":
            one, words = html5lib(found.pages[: max(50, len(found.pages) // SHORTER)], cores)
        else:
            one, words = measure(name, origin, origin.urls, cores)
    except (peers.Absent, PartError, Spoiled, OSError) as error:
        found.rounds[name] = str(error).split("\n")[0]
        return
    figures.append(one)
    number = int(one["pages"])
    if number not in right:
        right[number] = exact(found.pages[:number])
    found.wrong[name] = wrong(words, right[number])


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked and print it."""
    reader = argparse.ArgumentParser(prog="bench.counting", description="Pages counted a second and core.")
    reader.add_argument("--pages", type=int, default=1500, help="of a round of ours; the peers have a fifth")
    reader.add_argument("--rounds", type=int, default=3, help="of each peer; figures are their medians")
    reader.add_argument("--corpora", type=lambda text: text.split(","), default=list(CORPORA))
    reader.add_argument("--peers", type=lambda text: text.split(","), default=list(NAMES))
    asked = reader.parse_args(arguments)
    peers.raise_descriptors()
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"
    with first():
        for name in asked.corpora:
            found = race(name, asked.pages, asked.rounds, asked.peers)
            for each in asked.peers:
                print(name, each, f"{found.rate(each):.0f}", f"{found.wrong.get(each, -1):.2%}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
