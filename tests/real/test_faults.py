"""Processes in trouble: ended under load, asked to fetch from themselves, given secrets, counting or not."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import signal
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import TestCase

import bcrypt

from tests.real import load
from tests.real.hatchery import HatchedTwistd, wordproxy
from tests.real.load import MIXED, SCALE, answer, asked, connect, fetch
from tests.real.parts import START_SECONDS, Twistd, free_ports, until


class Asker(threading.Thread):
    """A client that asks and asks until its proxy takes no more; ``broken`` has what it got in part."""

    def __init__(self, port: int, urls: list[str]) -> None:
        super().__init__(daemon=True)
        self._port, self._urls = port, urls
        self.whole = 0
        self.broken: list[str] = []

    def run(self) -> None:
        """Ask, over a new connection whenever the old one has ended between two answers."""
        with contextlib.suppress(OSError):
            while True:
                with connect(self._port) as client:
                    self._ask_on(client)

    def _ask_on(self, client: socket.socket) -> None:
        while True:
            for url in self._urls:
                client.sendall(asked(url))
                try:
                    response = answer(client)
                    size = len(response.read())
                except (http.client.RemoteDisconnected, ConnectionError):
                    return  # it ended before the answer began
                except (http.client.HTTPException, OSError) as error:
                    self.broken.append(f"{url}: {error!r}")
                    return
                if response.status != 200 or size != int(url.rpartition("/")[2]):
                    self.broken.append(f"{url}: {response.status}, {size} bytes")
                self.whole += 1
                if response.will_close:
                    return


class EndTests(TestCase):
    """SIGTERM."""

    def setUp(self) -> None:
        self.origin = load.Origin()
        self.addCleanup(self.origin.close)

    def start(self, *options: str) -> Twistd:
        """Return a proxy that is up."""
        made = load.proxy("--connect-port", str(self.origin.tunnel_port), *options)
        self.addCleanup(made.close)
        return made

    def test_under_load(self) -> None:
        """Each time it ends with 0 within the drain time, and nobody has an answer in part."""
        paths = ("/slow/30/5000", "/bytes/900000", "/chunked/300000", "/bytes/10")
        for _ in range(SCALE.stops):
            proxy = self.start("--drain", "8")
            askers = [
                Asker(proxy.ports["proxy"], [self.origin.url(path) for path in paths]) for _ in range(6)
            ]
            for asker in askers:
                asker.start()
            until("all are served", lambda askers=askers: all(asker.whole >= 3 for asker in askers))
            began = time.monotonic()
            self.assertEqual(proxy.stop(), 0)
            self.assertLess(time.monotonic() - began, 8 + 5)
            for asker in askers:
                asker.join(START_SECONDS)
                self.assertFalse(asker.is_alive())
                self.assertEqual(asker.broken, [])
            self.assertNotIn("Traceback", proxy.log)

    def test_hanging(self) -> None:
        """What hangs is cut when the drain time is over, and the end is 0 all the same."""
        proxy = self.start("--drain", "1")
        with (
            connect(proxy.ports["proxy"]) as client,
            load.tunnel(proxy.ports["proxy"], self.origin.tunnel_port) as idle,
        ):
            client.sendall(asked(self.origin.url("/hang")))
            until("it hangs", lambda: self.origin.hung)
            self.assertEqual(proxy.stop(), 0)
            idle.settimeout(START_SECONDS)
            with contextlib.suppress(ConnectionError):
                self.assertEqual(idle.recv(1), b"")

    def test_twice(self) -> None:
        """A second SIGTERM does not wait for what hangs."""
        proxy = self.start("--drain", "600")
        with connect(proxy.ports["proxy"]) as client:
            client.sendall(asked(self.origin.url("/hang")))
            until("it hangs", lambda: self.origin.hung)
            proxy.signal(signal.SIGTERM)
            proxy.wait_log("finishing what is in hand")
            self.assertTrue(proxy.running())
            self.assertIn(proxy.stop(), (0, -signal.SIGTERM))


class EqualTests(TestCase):
    """Counting changes nothing for who reads."""

    def test_mixed(self) -> None:
        """200 mixed answers have the same bytes with counting, paused, without, and without a proxy."""
        origin = load.Origin()
        self.addCleanup(origin.close)
        off, on = load.proxy("--drain", "1"), wordproxy("--drain", "1")
        paused = wordproxy("--drain", "1", "--paused")
        services = (off, paused, on)
        for service in services:
            self.addCleanup(service.close)
        direct = self.digests(origin.port, origin)
        with ThreadPoolExecutor(len(services)) as pool:
            relayed = list(pool.map(lambda service: self.digests(service.ports["proxy"], origin), services))
        self.assertTrue(all(told == direct for told in relayed))
        self.assertGreater(len(set(direct)), MIXED * 3 // 4)
        told = until(
            "all are counted or skipped",
            lambda: (found := on.report("/coverage.json")) and self.sum(found) >= MIXED and found,
        )
        self.assertEqual(self.sum(told), MIXED)
        self.assertEqual(self.sum(paused.report("/coverage.json")), 0)

    @staticmethod
    def sum(coverage: dict[str, object]) -> int:
        """Counted and skipped pages."""
        told = coverage.get("coverage", coverage)
        assert isinstance(told, dict)
        return int(told["counted"]) + sum(told["skipped"].values())

    @staticmethod
    def digests(port: int, origin: load.Origin) -> list[tuple[int, str, str, str]]:
        """Status, type, coding and digest of each answer."""
        found = []
        with connect(port) as client:
            for number in range(MIXED):
                client.sendall(asked(origin.url(f"/mixed/{number}")))
                response = answer(client)
                summed = hashlib.sha256(response.read()).hexdigest()
                kind = response.headers["Content-Type"]
                found.append((response.status, kind, response.headers.get("Content-Encoding", ""), summed))
        return found


class SecretTests(TestCase):
    """What must never be told."""

    PLANTED = (
        *("planted-in-query", "planted-in-userinfo", "planted-in-cookie", "planted-in-form"),
        *("planted-in-authorization", "planted-in-set-cookie", "planted-in-password", "planted-in-wrong"),
        "planted-in-referrer",
    )

    def test_nowhere(self) -> None:
        """They are in no log, no page of ours, no /status.json and no /metrics, plain or encoded."""
        for form in ((), ("--log-json",), ("--log-format", "json")):
            self.try_form(form)

    def try_form(self, form: tuple[str, ...]) -> None:
        """Plant secrets in a proxy with these options for its log, and look for them."""
        origin = load.Origin()
        self.addCleanup(origin.close)
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netsuite-secrets-")))
            (folder / "users").write_text(
                f"ann:{bcrypt.hashpw(b'planted-in-password', bcrypt.gensalt(4)).decode()}\n"
            )
            access = folder / "access.log"
            options = ("-A", str(folder / "users"), "--access-log", str(access), "--admin", "0", *form)
            proxy = load.proxy("--connect-port", str(origin.tunnel_port), *options)
            stack.callback(proxy.close)
            shown = self.plant(proxy.ports["proxy"], origin)
            admin = self.admin_port(proxy)
            for path in ("/status.json", "/metrics", "/healthz"):
                with contextlib.closing(http.client.HTTPConnection("127.0.0.1", admin, timeout=30)) as asks:
                    asks.request("GET", path)
                    shown.append(asks.getresponse().read())
            self.assertEqual(proxy.stop(), 0)
            shown += [access.read_bytes(), proxy.log.encode()]
            self.assertIn(b"/page", shown[-2])  # it was logged, without what must not be
            told = b"\n".join(shown)
            for secret in self.PLANTED:
                plain = secret.encode()
                for hidden in (plain, base64.b64encode(plain).rstrip(b"=")[2:-2], plain.hex().encode()):
                    self.assertNotIn(hidden, told, (secret, form))

    @staticmethod
    def admin_port(proxy: Twistd) -> int:
        """The port of the admin listener, found among those that the process listens on."""
        own = {proxy.ports["proxy"]}
        for port in sorted(_listening(proxy.pid) - own):
            with contextlib.suppress(OSError, http.client.HTTPException):
                if fetch(port, f"http://127.0.0.1:{port}/healthz")[0] < 500:
                    return port
        raise AssertionError("no admin listener")

    def plant(self, port: int, origin: load.Origin) -> list[bytes]:
        """Send secrets in every place there is; return the pages that are ours."""
        good = "Proxy-Authorization: Basic " + base64.b64encode(b"ann:planted-in-password").decode()
        wrong = "Proxy-Authorization: Basic " + base64.b64encode(b"ann:planted-in-wrong").decode()
        fields = (
            "Cookie: a=planted-in-cookie",
            "Authorization: Bearer planted-in-authorization",
            "Referer: http://example.org/?planted-in-referrer",
        )
        page = origin.url("/page?q=planted-in-query")
        self.assertEqual(fetch(port, page, "GET", good, *fields), (200, b"ok"))
        form = b"word=planted-in-form"
        self.assertEqual(fetch(port, page, "POST", good, *fields, body=form), (200, b"ok"))
        self.assertIn(b"planted-in-cookie", origin.heads[0])
        self.assertFalse([head for head in origin.heads if b"roxy-" in head])
        ours = []
        refused = (
            (407, page, (wrong, *fields)),
            (407, page, fields),
            (403, "http://10.0.0.1/page?q=planted-in-query", (good, *fields)),
            (502, "http://127.0.0.1:1/page?q=planted-in-query", (good, *fields)),
            (400, f"http://u:planted-in-userinfo@127.0.0.1:{origin.port}/page", (good, *fields)),
            (400, page, (good, *fields, "Cookie : b=planted-in-cookie")),
            (400, page, (good, *fields, "Content-Length: planted-in-form")),
        )
        for status, url, said in refused:
            for more in ((), ("Accept: application/json",)):
                with connect(port) as client:
                    head = asked(url, "GET", *said, *more)
                    client.sendall(head.replace(b"Host: u:planted-in-userinfo@", b"Host: "))
                    response = answer(client)
                    self.assertEqual(response.status, status, url)
                    ours.append(str(response.headers).encode() + response.read())
        return ours


class LoopTests(TestCase):
    """A proxy that is asked to fetch from itself."""

    def test_itself(self) -> None:
        """By address, by name, by the other family, and through its own mark in Via it is 508, at once."""
        proxy = load.proxy("--via", "me", "--ipv6", "--allow-net", "::1/128")
        self.addCleanup(proxy.close)
        port = proxy.ports["proxy"]
        for host in ("127.0.0.1", "localhost", "[::1]", "127.0.0.2", "0.0.0.0", "[::ffff:127.0.0.1]", "[::]"):
            with self.subTest(host):
                status, page = fetch(port, f"http://{host}:{port}/", "GET", "Accept: application/json")
                self.assertIn(status, (508, 502) if host == "127.0.0.2" else (508,), page)
                if status == 508:
                    self.assertEqual(json.loads(page)["cause"], "loop")
        self.assertEqual(fetch(port, "http://127.0.0.1:1/", "GET", "Via: 1.1 other, 1.1 me (x)")[0], 508)
        self.assertNotIn("Traceback", proxy.log)

    def test_in_a_ring(self) -> None:
        """Two that send everything to each other stop a request when it comes round: within two rounds."""
        first, second = free_ports(2)
        ring = []
        for port, other in ((first, second), (second, first)):
            made = HatchedTwistd(
                "proxy", "-p", str(port), "--allow-private", "-u", f"http://127.0.0.1:{other}"
            )
            self.addCleanup(made.close)
            ring.append(made.up())
        status, page = fetch(first, "http://192.168.7.7/ring", "GET", "Accept: application/json")
        self.assertEqual((status, json.loads(page)["cause"]), (508, "loop"))
        for made in ring:
            self.assertLessEqual(made.log.count("GET http://192.168.7.7/ring"), 2)


def _listening(pid: int) -> set[int]:
    """The ports of loopback that a process listens on."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    ports = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
