"""Every service in one process, used, misused, reloaded, killed and restarted for an hour.

    python bench/soak_suite.py [--minutes 60] [--rate 12] [--seed 1] [--out samples.json]

`twistd netsuite` runs from one TOML file on free loopback ports.  Clients ask well-formed, malformed, slow,
large and broken-off things of each service, and compare each answer with what it should be.  Meanwhile it
is reloaded (by good files and bad ones), its logs are moved, counting is paused, certificates change, its
counter and all of it are killed, and it is restarted.  A line is printed for each look at it.

The exit status is 1, and each finding is listed, if an answer was wrong; if the log has a traceback, or
warnings that nobody caused; if a page was counted twice, in part, or not at all for no reason; if a thank-you
or a line of an access log is lost; if memory or descriptors of a process grow, or a process is left.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a clone will do

from bench.soaking.calls import Caller, Pace, done_by, percentiles
from bench.soaking.happenings import Happenings, plan
from bench.soaking.place import NAMES, OPENED, Place
from bench.soaking.relays import REQUESTS_MAX, Crooked, Opened, Relay, Trouble
from bench.soaking.visits import Admin, Colors, Echo, FormSite, HttpEcho, Pages, Report, asked
from bench.soaking.watch import DESCRIPTORS, Watch, sample, trends
from netsuite.formsite.store import FormStore
from netsuite.wordproxy.store.contract import CoverageQuery, Share, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.real import load
from tests.real.exactness import Found, Kill, Told, faults
from tests.real.nameserver import Nameserver, having
from tests.real.numbered import Book, Readers
from tests.real.parts import PartError, until
from tests.real.tlsorigin import Issuer, TlsOrigin

#: The share of the rate that each caller has; pages that are counted exactly have one of their own: three new
#: words each, which the report has in memory, where growth would hide behind that of many.
SHARES = {"wordproxy": 0.3, "proxy": 0.2, "sites": 0.35, "report": 0.15}
COUNTED_SHARE = 0.2

#: Deeds by way of wordproxy whose requests its coverage has, with the host that they are for.
NOTED = ("relay pages", "sizes", "upload", "tunnel", "pipeline", "leaves", "slow")

#: Why a page may be skipped: the one that a counter had in hand when it was killed.
REASONS = ("crashed", "lost")

SETTLE_SECONDS = 90.0

#: What the report has once a page was counted.
TIDE = "/word/tide?lang=en"


class Soak:
    """One soak, from its parts to its findings."""

    def __init__(self, told: argparse.Namespace) -> None:
        self._told = told
        self._stack = contextlib.ExitStack()
        self._pace = Pace()
        self.findings: list[str] = []

    def __enter__(self) -> Soak:
        try:
            self._assemble(random.Random(self._told.seed))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._pace.stop.set()
        self._stack.close()

    def _assemble(self, rng: random.Random) -> None:
        keep = self._stack
        self._book, crooked, names = Book(), Crooked(), Nameserver({OPENED: having("127.0.0.1")})
        self._origins = {name: load.Origin() for name in ("wordproxy", "proxy")}
        for part in (self._book, crooked, names, *self._origins.values()):
            keep.callback(part.close)
        issuer = Issuer(Path(keep.enter_context(tempfile.TemporaryDirectory(prefix="netsuite-soak-"))))
        opened = TlsOrigin(issuer.issue(OPENED), word=b"harbour")
        keep.callback(opened.close)
        place = self._place = Place(f"127.0.0.1:{names.port}", issuer)
        keep.callback(place.close)

        def dice() -> random.Random:
            return random.Random(rng.getrandbits(64))

        ports = place.ports
        colors = Colors(ports["colors"], dice(), issuer.path)
        self._pages, self._forms = Pages(ports["pages"], dice()), FormSite(ports["formsite"], dice())
        token, authority = place.folder / "words.db.token", place.folder / "ca" / "ca.pem"
        deeds = {
            "wordproxy": [
                *Relay(ports["wordproxy"], self._origins["wordproxy"], dice(), "localhost").deeds(),
                *Trouble(ports["wordproxy"], crooked, dice()).deeds(),
                *Opened(ports["wordproxy"], opened, OPENED, authority).deeds(),
            ],
            "proxy": Relay(ports["proxy"], self._origins["proxy"], dice()).deeds(),
            "sites": [
                *Echo(ports["echo"], dice()).deeds(),
                *HttpEcho(ports["httpecho"], dice()).deeds(),
                *self._pages.deeds(),
                *self._forms.deeds(),
                *colors.deeds(),
            ],
            "report": [
                *Report(ports["report"], ports["wordproxy"], crooked.url("/word/"), token, dice()).deeds(),
                *Admin(ports["admin"], NAMES).deeds(),
            ],
        }
        self._callers = {
            name: [Caller(deeds[name], dice(), self._told.rate * share / 2, self._pace) for _ in range(2)]
            for name, share in SHARES.items()
        }
        self._happenings = Happenings(place, self._pace, colors)
        self._plan = plan(self._told.minutes, dice())

    @property
    def _everybody(self) -> list[Caller]:
        return [caller for callers in self._callers.values() for caller in callers]

    # -- the soak ------------------------------------------------------------------------------------------

    def run(self) -> None:
        """It was soaked, and judged."""
        place = self._place
        place.up()
        at_first = {one.role: load.steady(lambda pid=one.pid: _open(pid)) for one in place.family()}  # type: ignore[misc]
        self._readers = Readers(
            self._book,
            place.ports["wordproxy"],
            readers=2,
            rate=self._told.rate * COUNTED_SHARE,
            numbers=itertools.count(),
            tunnels=True,
        )
        self._readers.more(5)
        until("the report has words", lambda: asked(place.ports["report"], TIDE)[0] == 200, SETTLE_SECONDS)
        for caller in self._everybody:
            caller.start()
        every, store = max(5.0, min(60.0, self._told.minutes)), place.folder / "words.db"
        self.watch = Watch(place.family, every, self._so_far, store)
        self.watch.start()
        self._live(time.monotonic())
        self._pace.stop.set()
        for caller in self._everybody:
            caller.join(2 * load.FETCH_SECONDS)
            if caller.is_alive():
                self.findings.append("a caller hangs")
        self._readers.stop()
        self._settle(at_first)
        self.watch.look()
        self.watch.end()
        place.family()
        if (status := place.term()) != 0:
            self.findings.append(f"SIGTERM: exit status {status}")
        self._judge()

    def _live(self, began: float) -> None:
        """Everything of the plan happens in its time."""
        for at, name in [*self._plan, (self._told.minutes * 60, "")]:
            while (left := began + at - time.monotonic()) > 0:
                time.sleep(min(left, 1.0))
                if self._told.beside and not _runs(self._told.beside):
                    raise SystemExit("who asked for this is gone")
            if name:
                print(f"{(time.monotonic() - began) / 60:6.1f} min  {name}", flush=True)
                self._happenings.happen(name)

    def _so_far(self) -> str:
        wrong = sum(len(caller.wrong) for caller in self._everybody)
        deeds, pages = sum(done_by(self._everybody).values()), len(self._readers.delivered)
        return f"{deeds} deeds, {wrong} wrong, {pages} pages"

    def _settle(self, at_first: dict[str, int]) -> None:
        """What was open for clients is closed; nothing waits to be counted."""

        def many() -> list[str]:
            return [
                f"descriptors: {one.role} {one.pid} has {found.descriptors}, and had {at_first[one.role]}"
                for one in self._place.family()
                if (found := sample(one, 0)) and found.descriptors > at_first[one.role] + DESCRIPTORS
            ]

        with contextlib.suppress(PartError):
            until("few descriptors", lambda: not many(), SETTLE_SECONDS)
        self.findings += many()
        try:
            until("nothing waits to be counted", lambda: self._place.waiting == 0, SETTLE_SECONDS)
        except PartError as error:
            self.findings.append(str(error))

    # -- the verdict ---------------------------------------------------------------------------------------

    def _judge(self) -> None:
        wrong = [one for caller in self._everybody for one in caller.wrong]
        self.findings += [f"{number} times wrong: {one}" for one, number in Counter(wrong).most_common(20)]
        down = self._pace.down
        self.findings += [
            f"page {number} broke off: {how}"
            for number, how, when in self._readers.broken
            if not down.meet(when - load.FETCH_SECONDS if "timed out" in how else when - 1, when)
        ]
        self.findings += self._happenings.faults
        self.findings += self._place.complaints(self._happenings.due)
        self.findings += [f"still runs: {process.role} {process.pid}" for process in self._place.left()]
        self._judge_words()
        self._judge_answers()
        self._judge_lines()
        for trend in trends(self.watch.samples):
            print(trend.line())
            self.findings += trend.faults()

    def _judge_words(self) -> None:
        """Each page is there once, whole, or there is a reason; coverage adds up."""
        where = str(self._place.folder / "words.db")
        store = open_store(where, read_only=True)
        try:
            shares = {host: share for _, host, share in store.coverage(CoverageQuery(by=("host",))).parts}
            words: Counter[str] = Counter()
            for word in store.words(WordQuery(everything=True, limit=0, site="127.0.0.1")).words:
                words[word.word] += word.occurrences
            (harbour,) = store.words(WordQuery(everything=True, q="harbour")).words or [None]
        finally:
            store.close()
        told = Told(dict(self._book.sent), list(self._readers.delivered), list(self._readers.opened))
        share = shares.get("127.0.0.1", Share())
        found = faults(told, Found(words, share), self._happenings.excuses, REASONS)
        self.findings += [f"words: {one}" for one in found]
        print(
            f"words: {sum(told.sent.values())} pages sent, {len(told.delivered)} delivered, {share.counted} "
            f"counted, {dict(share.skipped)} skipped, {share.unseen} tunnels; "
            f"{len(self._happenings.excuses)} kills and pauses"
        )
        self._judge_coverage(shares.get("localhost", Share()))
        self._judge_opened(0 if harbour is None else harbour.occurrences)

    def _loose(self, *names: str) -> tuple[int, int]:
        """How many of these deeds were done, by way of wordproxy, and how many beside a kill or pause."""
        spans = [span for caller in self._callers["wordproxy"] for span in caller.spans if span[0] in names]
        loose = 0
        for _, began, ended in spans:
            loose += any(
                began - each.seconds - 1 <= each.when <= ended + each.seconds + 1
                for each in self._happenings.excuses
            ) or self._pace.down.meet(began, ended)
        return len(spans), loose

    def _judge_coverage(self, share: Share) -> None:
        tunnels, _ = self._loose("tunnel")
        left, _ = self._loose("leaves")
        _, loose = self._loose(*NOTED)
        seen = self._origins["wordproxy"].requests + tunnels
        told = share.counted + share.unseen + sum(share.skipped.values())
        print(
            f"coverage: {seen} requests and tunnels, {share.counted} counted, {dict(share.skipped)} skipped, "
            f"{share.unseen} unseen; {left} clients left, {loose} deeds beside a kill or pause"
        )
        if not seen - left - REQUESTS_MAX * loose <= told <= seen:
            self.findings.append(f"coverage: {told} told, {seen} seen, {left} left, {loose} beside a kill")

    def _judge_opened(self, counted: int) -> None:
        done, loose = self._loose("opened")
        print(f"opened: {done} pages over opened TLS, {counted} counted, {loose} beside a kill or pause")
        if not done - loose <= counted <= done:
            self.findings.append(f"opened: {counted} of {done} pages counted, {loose} beside a kill")

    def _judge_answers(self) -> None:
        """Who was thanked is in the store, once."""
        store = FormStore(str(self._place.folder / "forms.db"))
        try:
            kept = Counter(dict(entry.fields)["name"] for entry in store.after(0, 1_000_000, "all"))
        finally:
            store.close()
        lost = self._forms.thanked - set(kept)
        twice = [name for name, number in kept.items() if number > 1]
        print(
            f"answers: {self._forms.sent} sent, {len(self._forms.thanked)} thanked, {sum(kept.values())} kept"
        )
        if lost or twice or sum(kept.values()) > self._forms.sent:
            self.findings.append(f"answers: lost {sorted(lost)[:5]}, twice {twice[:5]}")

    def _judge_lines(self) -> None:
        """Each visit is a line of the access log, but for those of the last moment before a kill."""
        lines = Counter(
            int(found[1])
            for line in self._place.logged("pages.log")
            if (found := re.search(r'"n(\d+)"$', line))
        )
        visited = self._pages.visited
        kills = [each for each in self._happenings.excuses if isinstance(each, Kill)]
        lost = [
            number
            for number in set(visited) - set(lines)
            if not any(kill.when - kill.seconds <= visited[number] <= kill.when for kill in kills)
        ]
        twice = [number for number, times in lines.items() if times > 1]
        print(f"access log: {len(visited)} visits, {sum(lines.values())} lines")
        if lost or twice:
            self.findings.append(f"access log: lost {lost[:5]} ({len(lost)}), twice {twice[:5]}")

    def table(self) -> None:
        """Print what was done, how long it took and what was found."""
        print(f"{'deed':24}{'done':>8}{'median':>10}{'p99':>10}{'longest':>10}   ms")
        for name, number, *seconds in percentiles(self._everybody):
            print(f"{name:24}{number:8}" + "".join(f"{1000 * each:10.1f}" for each in seconds))
        excused = sum(sum(caller.excused.values()) for caller in self._everybody)
        print(f"{excused} deeds met a restart or a pause; happened: {dict(self._happenings.done)}")
        print(f"processor: the suite {self.watch.processor():.0f} s, its load {time.process_time():.0f} s")
        print(f"findings: {len(self.findings)}")
        for finding in self.findings:
            print(f"  {finding}")


def _open(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _interrupted(number: int, frame: object) -> None:
    """All of it ends, the suite as well."""
    raise SystemExit(128 + number)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=12.0, help="deeds a second, of all together")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--out", type=Path, default=None, help="file for the samples and findings, in JSON")
    parser.add_argument("--beside", type=int, default=0, metavar="PID", help="end when this process does")
    told = parser.parse_args()
    if told.seed is None:
        told.seed = random.SystemRandom().getrandbits(32)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    print(f"soak_suite, seed {told.seed}, {told.minutes} minutes, {told.rate} deeds a second", flush=True)
    with Soak(told) as soak:
        soak.run()
        soak.table()
    if told.out is not None:
        rows = soak.watch.rows()
        told.out.write_text(json.dumps({"seed": told.seed, "findings": soak.findings, "samples": rows}))
    return 1 if soak.findings else 0


if __name__ == "__main__":
    sys.exit(main())
