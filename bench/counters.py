"""What counts pages, each started with a fair configuration: ours, two proxies with an add-on, and a script.

with PROXIES["ours"](origin) as running:       # a bench.pages.PageOrigin
    ...                                        # running.peer, running.counted(), running.words()
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import addon, peers
from bench.corpus import Sample
from bench.exact import compared
from bench.loads import Figures, Spoiled, spent
from bench.pages import PageOrigin, ask
from bench.peers import Peer
from bench.processes import cpu_seconds, pin
from bench.race import Cores
from tests.real.parts import ROOT, Twistd, until

#: A folder that is on a disk, for stores.
DISK = "/var/tmp"

#: Pages before a round's first, so that what is made once is made.
WARM = 200

#: The peers' rounds are shorter by this factor, and so is their warming-up.
SHORTER = 5

#: Longest wait for the last page to be counted, and time between two looks: ours answers each, at 2 to 5 ms.
LONGEST, LOOK_SECONDS = 120.0, 0.5

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
    with tempfile.TemporaryDirectory(prefix="netsuite-store-", dir=DISK) as disk:
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
        relay = cpu_seconds([peer.child.pid])
        with spent(peer) as cost:
            relayed = ask(peer, urls[warm:]).seconds
            _settle(running, len(urls))
            took = time.monotonic() - began
        pages = len(urls) - warm
        relay = cpu_seconds([peer.child.pid]) - relay
        words = running.words()
    return {
        "cpu": cost() / pages * 1e6,
        "relay": relay / pages * 1e6,
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
