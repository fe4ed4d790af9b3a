"""wordproxy with several workers: each page is counted once, whoever relays it and whoever is killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import TestCase

from netsuite.wordproxy.store.contract import CoverageQuery, Share, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.real.clients import Reader
from tests.real.hatchery import HatchedTwistd
from tests.real.origins import Origin
from tests.real.parts import FETCH_SECONDS, PartError, Twistd, alive, children, free_ports, until

COUNT = 2
READERS = 6

#: Pages that counters, who yield to all others, have five seconds to store.
DRAINED = 60


def own_word(number: int) -> str:
    """A word that only this page has."""
    return "own" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:06}")


class Words(Origin):
    """``/N`` is a page with its own word and a common one."""

    @staticmethod
    def _answer(client: socket.socket, size: int) -> None:
        body = f"<!DOCTYPE html><title>t</title><p>tide {own_word(size)}</p>".encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/html\r\n\r\n"
        client.sendall(head % len(body) + body)


class Stubborn(threading.Thread):
    """Reads pages one after the other, and one again over a new connection where the old one broke.

    ``sure``: pages whose connection was closed by us; ``tries``: how often each was asked for.
    """

    def __init__(self, urls: Iterable[str], port: int) -> None:
        super().__init__(daemon=True)
        self._urls, self._port = list(urls), port
        self.sure: set[str] = set()
        self.tries: Counter[str] = Counter()
        self.read = 0
        self.breaks = 0

    def run(self) -> None:
        """Read all."""
        waiting = self._urls[::-1]
        while waiting and self.breaks < 100:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=FETCH_SECONDS)
            over_this: list[str] = []
            try:
                while waiting:
                    self._read(connection, waiting[-1])
                    over_this.append(waiting.pop())
                self.sure.update(over_this)
            except (OSError, http.client.HTTPException):
                self.breaks += 1
                time.sleep(0.05)
            finally:
                connection.close()

    def _read(self, connection: http.client.HTTPConnection, url: str) -> None:
        self.tries[url] += 1
        connection.request("GET", url)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise http.client.HTTPException(answer.status)
        self.read += 1

    def wait(self) -> None:
        """All is read."""
        self.join(FETCH_SECONDS * 2)
        if self.is_alive() or self.breaks >= 100:
            raise PartError(f"{self.read} pages read, {self.breaks} connections broken")


class Counting(TestCase):
    """A test with pages, and a wordproxy of several processes."""

    def setUp(self) -> None:
        self.origin = Words()
        self.addCleanup(self.origin.close)
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-counting-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.settings = self.folder / "settings.toml"
        self.store = self.folder / "words.db"
        self.write()

    def write(self, *lines: str) -> None:
        """The settings file has these lines, beside the permission to ask our origin."""
        self.settings.write_text("\n".join(["[wordproxy]", 'allow-net = "127.0.0.0/8"', *lines]) + "\n")

    def started(self, *options: str, workers: int = COUNT, store: str = "") -> Twistd:
        """Return a wordproxy that is at work with all its counters."""
        (self.admin,) = free_ports(1)
        named = ("-s", store or str(self.store), "--admin", str(self.admin), "--workers", str(workers))
        proxy = HatchedTwistd("wordproxy", "-c", str(self.settings), "-p", "0", "-r", "0", *named, *options)
        self.addCleanup(proxy.close)
        proxy.up(r"proxy http://\S+, report http://\S+, store ")
        if workers > 1:
            until("all workers count", lambda: len(self.counters(proxy)) == workers)
        return proxy

    def counters(self, proxy: Twistd) -> list[int]:
        """Return the processes of the counters that are ready."""
        return [pid for pid in proxy.report("/healthz")["counters"] if pid]

    def assert_calm(self, proxy: Twistd) -> None:
        """Nothing went wrong that the log tells of."""
        at = proxy.log.find("Traceback")
        self.assertEqual(proxy.log[at : at + 2000] if at >= 0 else "", "")

    def url(self, number: int) -> str:
        """The address of a page."""
        return self.origin.url(number)

    def read(self, proxy: Twistd, numbers: range) -> None:
        """These pages have been read, by several readers at once."""
        readers = [
            Reader([self.url(n) for n in numbers[at::READERS]], proxy.ports["proxy"]) for at in range(READERS)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            if reader.wait().error is not None:
                raise PartError(str(reader.error))

    def shown(self, proxy: Twistd) -> Counter[str]:
        """Return the words that the report shows."""
        told = proxy.report("/words.json?" + urllib.parse.urlencode({"all": 1, "limit": 0}))
        return Counter({entry["word"]: entry["occurrences"] for entry in told["words"]})

    def counted(self, proxy: Twistd) -> int:
        """Return how many pages the report has."""
        counted: int = proxy.report("/coverage.json")["counted"]
        return counted

    def kept(self) -> tuple[Counter[str], Share]:
        """Return the words of the store's file, and the coverage."""
        store = open_store(str(self.store), read_only=True)
        try:
            listed = store.words(WordQuery(everything=True, limit=0)).words
            total = store.coverage(CoverageQuery()).total
            return Counter({word.word: word.occurrences for word in listed}), total
        finally:
            store.close()

    def wanted(self, numbers: Iterable[int]) -> Counter[str]:
        """Return the words of these pages, read once each."""
        pages = list(numbers)
        return Counter({"tide": len(pages), **{own_word(number): 1 for number in pages}})


class SumTests(Counting):
    """Seen from outside it is one."""

    def test_counted_once(self) -> None:
        """Pages by two workers are counted as by one process: each once, in one store, by both counters."""
        together = self.started()
        counters = self.counters(together)
        self.assertEqual(len(set(counters)), COUNT)
        with contextlib.ExitStack() as stack:
            clients = [
                http.client.HTTPConnection("127.0.0.1", together.ports["proxy"], timeout=FETCH_SECONDS)
                for _ in range(12)
            ]
            for at, client in enumerate(clients):
                stack.callback(client.close)
                client.request("GET", self.url(at))
            for client in clients:
                self.assertEqual(client.getresponse().status, 200)
        self.read(together, range(12, 300))
        until("all are counted", lambda: self.counted(together) >= 300)
        words = self.shown(together)
        self.assertEqual(words, self.wanted(range(300)))
        health = together.report("/healthz")
        self.assertEqual((health["status"], health["paused"], health["trouble"]), ("ok", False, None))
        self.assertEqual(together.stop(), 0)
        self.assertFalse(any(map(alive, counters)))
        self.assertEqual(self.kept()[0], words)
        self.assertNotIn("Traceback", together.log)
        self.store = self.folder / "single.db"
        single = self.started(workers=1)
        self.read(single, range(300))
        until("all are counted", lambda: self.counted(single) >= 300)
        self.assertEqual(single.stop(), 0)
        self.assertEqual(self.kept()[0], words)

    def test_memory(self) -> None:
        """A store in memory is that of the first process: what all workers count is there, once."""
        proxy = self.started(store=":memory:")
        self.read(proxy, range(120))
        until("all are counted", lambda: self.counted(proxy) >= 120)
        os.kill(children(proxy.pid)[0], signal.SIGKILL)
        proxy.wait_log(r"worker 0, .* lost: ")
        until("both count again", lambda: len(self.counters(proxy)) == COUNT)
        self.read(proxy, range(120, 240))
        until("all are counted", lambda: self.counted(proxy) >= 240)
        self.assertEqual(self.shown(proxy), self.wanted(range(240)))
        self.assertEqual(proxy.stop(), 0)
        self.assertNotIn("lost: Not", proxy.log)
        self.assert_calm(proxy)

    def test_own_addresses(self) -> None:
        """No worker fetches from the report or the admin listener, though loopback is allowed."""
        proxy = self.started()
        with contextlib.ExitStack() as stack:
            for port in (proxy.ports["report"], self.admin, proxy.ports["proxy"]) * 4:
                client = http.client.HTTPConnection("127.0.0.1", proxy.ports["proxy"], timeout=FETCH_SECONDS)
                stack.callback(client.close)  # kept open until the end, so that both workers get some
                client.request("GET", f"http://127.0.0.1:{port}/healthz")
                self.assertEqual(client.getresponse().status, 508, port)


class FaultTests(Counting):
    """Workers that die."""

    def test_killed(self) -> None:
        """Under load a killed worker is replaced, its counter ends, nothing is counted twice or lost else."""
        proxy = self.started()
        numbers = range(1200)
        readers = [
            Stubborn([self.url(n) for n in numbers[at::READERS]], proxy.ports["proxy"])
            for at in range(READERS)
        ]
        for reader in readers:
            reader.start()
        before = self.counters(proxy)
        until("much is read", lambda: sum(reader.read for reader in readers) >= 300)
        victim = children(proxy.pid)[0]
        orphans = children(victim)
        self.assertTrue(set(orphans) <= set(before) and orphans)
        os.kill(victim, signal.SIGKILL)
        going_on = [reader for reader in readers if reader.is_alive()]  # the others may have been done before
        until("its counter is gone", lambda: not any(map(alive, orphans)))
        for reader in readers:
            reader.wait()
        until("both count again", lambda: len(set(self.counters(proxy)) - set(orphans)) == COUNT)
        self.read(proxy, range(2000, 2060))
        self.assertEqual(proxy.stop(), 0)
        words, total = self.kept()
        sure = {url for reader in going_on for url in reader.sure}
        tries = sum((reader.tries for reader in readers), Counter[str]())
        self.assertGreater(len(sure), 0)
        for number in numbers:
            url, occurrences = self.url(number), words.pop(own_word(number), 0)
            self.assertLessEqual(occurrences, tries[url], url)
            if url in sure:
                self.assertGreaterEqual(occurrences, 1, url)
        self.assertEqual(words.pop("tide"), total.counted)
        self.assertEqual(words, self.wanted(range(2000, 2060)) - Counter({"tide": 60}))

    def test_counter_killed(self) -> None:
        """A worker whose counter is killed goes on with another; at most the page in hand is lost."""
        proxy = self.started()
        before = self.counters(proxy)
        os.kill(before[0], signal.SIGKILL)
        until("another counts", lambda: len(set(self.counters(proxy)) - {before[0]}) == COUNT)
        self.read(proxy, range(60))
        self.assertEqual(proxy.stop(), 0)
        self.assertEqual(self.kept()[0], self.wanted(range(60)))
        self.assertNotIn("worker 0, process", proxy.log)

    def test_first_killed(self) -> None:
        """When the first process is killed, workers and counters end by themselves."""
        proxy = self.started()
        workers, counters = children(proxy.pid), self.counters(proxy)
        proxy.kill9()
        until("all are gone", lambda: not any(map(alive, [*workers, *counters])))


class SignalTests(Counting):
    """What the first process is told reaches all."""

    def test_drain(self) -> None:
        """TERM, also to all at once: what was read is counted, every process ends, with status 0."""
        proxy = self.started()
        workers, counters = children(proxy.pid), self.counters(proxy)
        self.read(proxy, range(DRAINED))
        proxy.signal(signal.SIGTERM)
        for worker in workers:
            os.kill(worker, signal.SIGTERM)  # as a service manager does
        self.assertEqual(proxy.wait(), 0)
        self.assertFalse(any(map(alive, [*workers, *counters])))
        words, total = self.kept()
        self.assertEqual((total.counted, dict(total.skipped)), (DRAINED, {}))
        self.assertEqual(words, self.wanted(range(DRAINED)))
        self.assert_calm(proxy)

    def test_pause(self) -> None:
        """USR2 pauses all, also a worker that comes later; another resumes; seconds are noted once."""
        proxy = self.started()
        self.read(proxy, range(24))
        until("they are counted", lambda: self.counted(proxy) == 24)
        began = time.time()
        proxy.signal(signal.SIGUSR2)
        until("all are paused", lambda: proxy.report("/healthz")["paused"])
        self.read(proxy, range(100, 124))
        victim = children(proxy.pid)[0]
        os.kill(victim, signal.SIGKILL)
        proxy.wait_log(r"worker 0, .* lost: ")
        until("both count again", lambda: len(self.counters(proxy)) == COUNT)
        self.assertTrue(proxy.report("/healthz")["paused"])
        self.read(proxy, range(200, 224))
        proxy.signal(signal.SIGUSR2)
        proxy.wait_log("counting goes on")
        until("the pause is noted", lambda: proxy.report("/coverage.json")["paused_s"])
        lasted = time.time() - began
        with contextlib.ExitStack() as stack:
            clients = [
                http.client.HTTPConnection("127.0.0.1", proxy.ports["proxy"], timeout=FETCH_SECONDS)
                for _ in range(8)
            ]
            for client in clients:
                stack.callback(client.close)
            until("all count again", lambda: self.each_counted(proxy, clients))
        self.assertEqual(proxy.stop(), 0)
        words, total = self.kept()
        self.assertEqual({word for word in words if word in self.unseen()}, set())
        self.assertTrue(0 < total.paused_seconds <= lasted, (total.paused_seconds, lasted))

    def test_paused_from_the_start(self) -> None:
        """Started paused nothing is counted but the seconds, which TERM doesn't lose."""
        proxy = self.started("--paused")
        until("all are paused", lambda: proxy.report("/healthz")["paused"])
        self.read(proxy, range(12))
        self.assertEqual(proxy.stop(), 0)
        words, total = self.kept()
        self.assertEqual((words, total.counted), (Counter(), 0))
        self.assertGreater(total.paused_seconds, 0)

    def unseen(self) -> set[str]:
        """Words of the pages that were read in the pause."""
        return {own_word(number) for number in (*range(100, 124), *range(200, 224))}

    def each_counted(self, proxy: Twistd, clients: list[http.client.HTTPConnection]) -> bool:
        """Read a page by each, and return whether they were all counted soon."""
        before = self.counted(proxy)
        for number, client in enumerate(clients, 300):
            client.request("GET", self.url(number))
            client.getresponse().read()
        with contextlib.suppress(PartError):
            return bool(until("all are counted", lambda: self.counted(proxy) == before + len(clients), 5.0))
        return False

    def test_reload(self) -> None:
        """HUP: other rules of counting are in force in every worker, for connections that are open too."""
        proxy = self.started()
        with contextlib.ExitStack() as stack:
            clients = [
                http.client.HTTPConnection("127.0.0.1", proxy.ports["proxy"], timeout=FETCH_SECONDS)
                for _ in range(8)
            ]
            for client in clients:
                stack.callback(client.close)
            self.assertTrue(self.each_counted(proxy, clients))
            self.write('ignore-host = ["127.0.0.1"]')
            proxy.signal(signal.SIGHUP)
            until("all have reloaded", lambda: len(re.findall("reloaded: no", proxy.log)) == COUNT + 1)
            for number, client in enumerate(clients, 400):
                client.request("GET", self.url(number))
                client.getresponse().read()

            def ignored() -> Any:
                return proxy.report("/coverage.json")["skipped"].get("ignored host") == len(clients)

            until("they are noted", ignored)
        self.assertEqual(self.counted(proxy), len(clients))
