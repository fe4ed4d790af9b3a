"""Several relay processes work as one, and the first looks after the others."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import TestCase

from passlib.hash import apr_md5_crypt

from tests.real.hatchery import HatchedTwistd
from tests.real.origins import Origin
from tests.real.parts import (
    FETCH_SECONDS,
    STOP_SECONDS,
    PartError,
    Twistd,
    alive,
    answers,
    children,
    free_ports,
    until,
)

SMALL = 1000

#: How many answers of ours were a success, all workers together.
ANSWERED = 'netsuite_requests_total{class="2xx",listener="port",service="proxy"}'


class Working(TestCase):
    """A test with an origin and a proxy of several processes."""

    count = 2

    def setUp(self) -> None:
        self.origin = Origin()
        self.addCleanup(self.origin.close)
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-workers-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "settings.toml"
        self.write()

    def write(self, *lines: str) -> None:
        """The settings file has these lines, beside the permission to ask our origin."""
        self.path.write_text("\n".join(["[proxy]", 'allow-net = "127.0.0.0/8"', *lines]) + "\n")

    def started(self, *options: str) -> Twistd:
        """Return the proxy, with all its workers at work."""
        if "port" not in self.path.read_text():
            options = ("-p", "0", *options)
        (self.admin,) = free_ports(1)
        proxy = HatchedTwistd(
            "proxy", "-c", str(self.path), "--workers", str(self.count), "--admin", str(self.admin), *options
        )
        self.addCleanup(proxy.close)
        proxy.up()
        until("all workers are ready", lambda: len(self.ready()) == self.count)
        return proxy

    def status(self) -> dict[str, Any]:
        """Return /status.json."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.admin}/status.json", timeout=FETCH_SECONDS) as answer:
            told: dict[str, Any] = json.loads(answer.read())
            return told

    def ready(self) -> list[int]:
        """Return the process ids of workers that are at work."""
        return [worker["pid"] for worker in self.status()["workers"] if worker["ready"]]

    def metric(self, line: str) -> float:
        """Return one number of /metrics."""
        with contextlib.closing(socket.create_connection(("127.0.0.1", self.admin), FETCH_SECONDS)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        found = [each.split()[-1] for each in text.splitlines() if each.startswith(line)]
        return float(found[0]) if found else 0.0

    @contextlib.contextmanager
    def connected(self, proxy: Twistd, port: int = 0) -> Iterator[http.client.HTTPConnection]:
        """Give a client's connection to the proxy."""
        place = port or proxy.ports["proxy"]
        connection = http.client.HTTPConnection("127.0.0.1", place, timeout=FETCH_SECONDS)
        with contextlib.closing(connection):
            yield connection

    def ask(self, connection: http.client.HTTPConnection, user: str = "") -> int:
        """Return the status of an answer, which is read."""
        headers = {"Proxy-Authorization": user} if user else {}
        connection.request("GET", self.origin.url(SMALL), headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 200 and len(body) != SMALL:
            raise PartError(f"{len(body)} bytes")
        return answer.status

    def once(self, proxy: Twistd, user: str = "") -> int:
        """Return the status of a request over a connection of its own."""
        with self.connected(proxy) as connection:
            return self.ask(connection, user)


class SumTests(Working):
    """Seen from outside it is one."""

    def test_all_work(self) -> None:
        """Clients that come at once are shared out; counts and the log have all of them, each line whole."""
        log = self.folder / "access.log"
        proxy = self.started("--access-log", str(log))
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.connected(proxy)) for _ in range(24)]
            threads = [threading.Thread(target=lambda c=c: [self.ask(c) for _ in range(5)]) for c in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(FETCH_SECONDS)
            until("all are counted", lambda: self.status().get("connections") == 24)
            each = [worker["connections"] for worker in self.status()["workers"]]
            self.assertGreaterEqual(min(each), 8, each)
        until(
            "all answers are counted",
            lambda: self.metric(ANSWERED) == 120,
        )
        lines = log.read_text().splitlines()
        self.assertEqual(len(lines), 120)
        self.assertEqual({line.split()[3] for line in lines}, {"GET"})
        self.assertEqual(len({line.split()[2] for line in lines}), 120, "each request has its number")

    def test_lines_of_workers(self) -> None:
        """With twistd's log to standard output, workers' lines stand in it."""
        proxy = self.started()
        self.assertEqual(self.once(proxy), 200)
        proxy.wait_log(rf"\[netsuite\] GET {self.origin.url(SMALL)} 200")

    def test_lines_in_a_file(self) -> None:
        """With twistd's log in a file, the first process writes them there, and in JSON where asked to."""
        log = self.folder / "twistd.log"
        proxy = HatchedTwistd("proxy", "-c", str(self.path), "--workers", "2", "-p", "0", "--log-json")
        self.addCleanup(proxy.close)
        run = "from twisted.scripts.twistd import run; run()"
        arguments = ["-n", "--pidfile=", "-l", str(log), *proxy.arguments]
        proxy.start([sys.executable, "-c", run, *arguments])
        until("it is up", lambda: log.exists() and "proxy http://" in log.read_text())
        ready = next(line for line in log.read_text().splitlines() if "proxy http://" in line)
        proxy.ports["proxy"] = int(ready.rpartition(":")[2].strip(' }"'))
        self.assertEqual(self.once(proxy), 200)

        def found() -> dict[str, Any] | None:
            events = map(json.loads, log.read_text().splitlines())
            return next((event for event in events if event.get("event") == "request.done"), None)

        event = until("the request's event", found)
        self.assertEqual((event["status"], event["method"]), (200, "GET"))

    def test_failed_log_ins_count_together(self) -> None:
        """A client that guesses wrong at one worker is slow at all, also at one that is started later."""
        users = self.folder / "users"
        users.write_text(f"ann:{apr_md5_crypt.hash('right')}\n")
        proxy = self.started("-A", str(users))
        wrong = "Basic YW5uOndyb25n"
        for _ in range(10):
            self.assertEqual(self.once(proxy, wrong), 407)
        until("all are told of", lambda: proxy.log.count("login failed") >= 10)
        self.assertEqual(proxy.log.count("login failed"), 10)
        self.assertEqual(self.once(proxy, "Basic YW5uOnJpZ2h0"), 200)


class UnixTests(Working):
    """A Unix socket is shared too."""

    def test_unix(self) -> None:
        """All accept from it; the end of a worker does not take it away, the end of all does."""
        place = self.folder / "socket"
        (self.admin,) = free_ports(1)
        arguments = ("--workers", "2", "--admin", str(self.admin), "-p", f"unix:{place}")
        proxy = HatchedTwistd("proxy", "-c", str(self.path), *arguments)
        self.addCleanup(proxy.close)
        proxy.launch()
        proxy.wait_log("proxy: proxy unix:")
        until("all workers are ready", lambda: len(self.ready()) == 2)
        for _ in range(2):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(FETCH_SECONDS)
                client.connect(str(place))
                client.sendall(f"GET {self.origin.url(1)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                self.assertIn(b"HTTP/1.1 ", client.recv(4096))
            gone_soon = self.ready()[0]
            os.kill(gone_soon, signal.SIGTERM)
            until("it is replaced", lambda pid=gone_soon: len(self.ready()) == 2 and pid not in self.ready())
        self.assertEqual(proxy.stop(), 0)
        self.assertFalse(place.exists())
        self.assertNotIn("Traceback", proxy.log)


class FaultTests(Working):
    """Workers that die and hang."""

    def test_killed(self) -> None:
        """A worker that is killed is replaced; what it counted stays counted; the others serve meanwhile."""
        proxy = self.started()
        for _ in range(8):
            self.assertEqual(self.once(proxy), 200)
        until(
            "they are counted",
            lambda: self.metric(ANSWERED) == 8,
        )
        before = self.ready()
        os.kill(before[0], signal.SIGKILL)
        proxy.wait_log(rf"worker 0, process {before[0]}, lost: .*signal 9")
        self.assertEqual(self.once(proxy), 200)
        until("another is at work", lambda: len(set(self.ready()) - set(before)) == 1)
        until("all is counted", lambda: self.metric(ANSWERED) == 9)

    def test_file_being_edited(self) -> None:
        """A worker that is replaced has the settings in force, not those of a file that is being edited."""
        proxy = self.started()
        before = self.ready()
        self.path.write_text('[proxy]\nmax-clients = "many')
        os.kill(before[0], signal.SIGKILL)
        until("another is at work", lambda: len(self.ready()) == 2 and before[0] not in self.ready())
        os.kill(before[1], signal.SIGKILL)
        until("both are new", lambda: len(self.ready()) == 2 and before[1] not in self.ready())
        self.assertEqual(self.once(proxy), 200)

    def test_no_storm(self) -> None:
        """One that dies again and again is started ever later."""
        proxy = self.started()
        for number in range(3):
            pid = until("a worker", lambda: next(iter(children(proxy.pid)), None))
            os.kill(pid, signal.SIGKILL)
            until("its loss is told", lambda number=number: proxy.log.count(" lost: ") == number + 1)
            until("another", lambda: len(children(proxy.pid)) == self.count)
        self.assertRegex(proxy.log, r"lost: .*; the next in 0\.5s")

    def test_supervisor_killed(self) -> None:
        """When the first process is killed its workers end by themselves, and the port is free."""
        proxy = self.started()
        workers = children(proxy.pid)
        self.assertEqual(len(workers), self.count)
        proxy.kill9()
        until("the workers are gone", lambda: not any(map(alive, workers)))
        self.assertFalse(answers("127.0.0.1", proxy.ports["proxy"]))


class WedgedTests(Working):
    """One of four is stuck."""

    count = 4

    def test_stopped(self) -> None:
        """While one is stopped the others serve all that come; it is killed and replaced."""
        proxy = self.started()
        before = self.ready()
        os.kill(before[1], signal.SIGSTOP)
        served = 0
        while "silent for" not in proxy.log:
            self.assertEqual(self.once(proxy), 200)
            served += 1
        self.assertGreater(served, 0)
        proxy.wait_log(rf"worker 1, process {before[1]}, silent for [\d.]+s: killed")
        until("another is at work", lambda: len(self.ready()) == 4 and before[1] not in self.ready())


class SignalTests(Working):
    """What the first process is told reaches all."""

    def test_reload(self) -> None:
        """Rules reach every worker's open connections; a faulty file reaches none."""
        proxy = self.started()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.connected(proxy)) for _ in range(8)]
            self.assertEqual([self.ask(client) for client in clients], [200] * 8)
            self.write('deny = ["host:127.0.0.1"]')
            proxy.signal(signal.SIGHUP)
            until("all have reloaded", lambda: proxy.log.count("reloaded: rules") == self.count + 1)
            self.assertEqual([self.ask(client) for client in clients], [403] * 8)
            self.write("deny = [")
            proxy.signal(signal.SIGHUP)
            proxy.wait_log("reload refused, nothing changed: .*line 3")
            self.assertEqual([self.ask(client) for client in clients], [403] * 8)

    def test_moved(self) -> None:
        """A listener that a reload moves is moved in all; the connections that are open stay."""
        first, second = free_ports(2)
        self.write(f"port = {first}")
        proxy = self.started()
        with self.connected(proxy) as connection:
            self.assertEqual(self.ask(connection), 200)
            self.write(f"port = {second}")
            proxy.signal(signal.SIGHUP)
            until("the old place is closed", lambda: not answers("127.0.0.1", first))
            self.assertEqual(self.ask(connection), 200)
        for _ in range(8):
            with self.connected(proxy, second) as connection:
                self.assertEqual(self.ask(connection), 200)
        self.assertNotIn("Traceback", proxy.log)

    def test_reopen(self) -> None:
        """After USR1 every worker writes to the new file."""
        log = self.folder / "access.log"
        proxy = self.started("--access-log", str(log))
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.connected(proxy)) for _ in range(8)]
            for client in clients:
                self.ask(client)
            until("all lines", lambda: len(log.read_text().splitlines()) == 8)
            log.rename(self.folder / "old.log")
            proxy.signal(signal.SIGUSR1)
            proxy.wait_log("logs reopened")
            until("a line in the new file", lambda: [self.ask(c) for c in clients] and log.read_text())
            moved = len((self.folder / "old.log").read_text().splitlines())
            until("old and new have all", lambda: self._all_in_new(clients, log, moved))

    def _all_in_new(self, clients: list[http.client.HTTPConnection], log: Path, moved: int) -> bool:
        before = len(log.read_text().splitlines())
        for client in clients:
            self.ask(client)
        return len(log.read_text().splitlines()) == before + len(clients)

    def test_drain(self) -> None:
        """TERM lets what is in hand end, in every worker, then all end with 0 and nothing is left."""
        proxy = self.started()
        workers = children(proxy.pid)
        size = 64 << 20
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.connected(proxy)) for _ in range(4)]
            answers_ = []
            for client in clients:
                client.request("GET", self.origin.url(size))
                answers_.append(client.getresponse())
            proxy.signal(signal.SIGTERM)
            proxy.wait_log("SIGTERM")
            self.assertEqual([len(answer.read()) for answer in answers_], [size] * 4)
        self.assertEqual(proxy.wait(), 0)
        self.assertFalse(any(map(alive, workers)))
        self.assertNotIn("Traceback", proxy.log)

    def test_second_term(self) -> None:
        """A second TERM ends all at once."""
        proxy = self.started("--drain", "1h")
        workers = children(proxy.pid)
        with self.connected(proxy) as client:
            client.request("GET", self.origin.url(1 << 30))
            client.getresponse().read(1000)
            proxy.signal(signal.SIGTERM)
            proxy.wait_log("finishing what is in hand")
            self.assertTrue(proxy.running())
            proxy.signal(signal.SIGTERM)
            proxy.wait(STOP_SECONDS)
        until("the workers are gone", lambda: not any(map(alive, workers)))

    def test_worker_told_to_end(self) -> None:
        """TERM to a worker alone lets it finish, and another takes its place."""
        proxy = self.started()
        before = self.ready()
        os.kill(before[0], signal.SIGTERM)
        proxy.wait_log(rf"worker 0, process {before[0]}, lost: ended")
        until("another is at work", lambda: len(self.ready()) == 2 and before[0] not in self.ready())
