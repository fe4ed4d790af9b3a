"""Sockets that somebody else has bound: by name, on the first connection, and over restarts."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
import sys
import tempfile
import threading
from collections.abc import Sequence
from unittest import TestCase

from tests.real.managed import Ear, Managed
from tests.real.origins import Origin
from tests.real.parts import (
    FETCH_SECONDS,
    START_SECONDS,
    Child,
    answers,
    free_ports,
    require,
    until,
)
from tests.real.test_secure_proxy import write_certificate
from tests.real.test_suite import RUN
from tests.scale import NIGHTLY

#: Requests over the restarts, and how often is restarted.
REQUESTS, RESTARTS, CLIENTS = (20_000, 20, 4) if NIGHTLY else (1000, 3, 4)


def bound(family: socket.AddressFamily = socket.AF_INET, path: str = "") -> socket.socket:
    """A listening socket on loopback, or at a path."""
    made = socket.socket(family, socket.SOCK_STREAM)
    made.bind(path or ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    made.listen(4096)
    return made


def fetched(place: tuple[str, int], target: str = "/") -> bytes:
    """The whole answer of one request on a connection of its own."""
    with socket.create_connection(place, FETCH_SECONDS) as link:
        return asked(link, target)


def asked(link: socket.socket, target: str) -> bytes:
    """The whole answer to one request, its connection's last; ``target``: a URL, where a proxy is asked."""
    host = target.split("/")[2] if target.startswith("http:") else "127.0.0.1"
    link.settimeout(FETCH_SECONDS)
    link.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return b"".join(iter(lambda: link.recv(65536), b""))


class FirstConnectionTests(TestCase):
    """The suite under the real systemd-socket-activate."""

    def test_by_name(self) -> None:
        """Nothing runs before the first client, who is answered; then each name is a listener of its own."""
        require("systemd", shutil.which("systemd-socket-activate"))
        ports = dict(zip(("report", "pages", "secure", "admin"), free_ports(4), strict=True))
        child = Child("activated")
        self.addCleanup(child.close)
        write_certificate(child.folder)
        (child.folder / "netsuite.toml").write_text(
            '[netsuite]\nadmin = "systemd:domain=INET:name=admin"\n'
            '[wordproxy]\nport = "0"\nreport = "systemd:domain=INET:name=report"\nstore = "words.db"\n'
            '[pages]\nport = "systemd:domain=INET:name=pages"\n'
            '[colors]\nport = "systemd:domain=INET:name=secure:privateKey=both.pem"\n'
        )
        child.start(
            [
                "systemd-socket-activate",
                *(f"--listen=127.0.0.1:{port}" for port in ports.values()),
                f"--fdname={':'.join(ports)}",
                f"-EPYTHONPATH={child.env['PYTHONPATH']}",
                *(sys.executable, "-c", RUN, "-n", "--pidfile=", "netsuite", "-c", "netsuite.toml"),
            ]
        )
        child.wait_log(f"Listening on 127.0.0.1:{ports['admin']}")
        self.assertTrue(os.readlink(f"/proc/{child.pid}/exe").endswith("systemd-socket-activate"))
        self.assertIn(b"<h1>Test</h1>", fetched(("127.0.0.1", ports["pages"]), "/test"))
        self.assertIn(b" 200 ", fetched(("127.0.0.1", ports["report"])))
        self.assertIn(b'{"status":"up"}', fetched(("127.0.0.1", ports["admin"]), "/healthz"))
        context = ssl.create_default_context(cafile=str(child.folder / "authority.pem"))
        with (
            socket.create_connection(("127.0.0.1", ports["secure"]), FETCH_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as link,
        ):
            self.assertIn(b" 200 ", asked(link, "/color/ff0000"))
        self.assertEqual(child.stop(), 0, child.log)


class NamesTests(TestCase):
    """Names that are there, or aren't."""

    def refused(self, *arguments: str, sockets: Sequence[tuple[str, socket.socket]] = ()) -> str:
        """The one line of a start that was refused, with status 1."""
        service = Managed(*arguments, sockets=sockets)
        self.addCleanup(service.close)
        service.launch()
        self.assertEqual(service.wait(START_SECONDS), 1, service.log)
        lines = [line for line in service.log.splitlines() if line.startswith("netsuite: ")]
        self.assertEqual(len(lines), 1, service.log)
        self.assertNotIn("Traceback", service.log)
        return lines[0]

    def test_refused(self) -> None:
        """A name that isn't there is refused in a line that lists those that are; none at all says so."""
        with bound() as one, bound(socket.AF_INET6) as two:
            line = self.refused(
                *("pages", "-p", "systemd:domain=INET:name=wbe"),
                sockets=(("web", one), ("admin", two)),
            )
            self.assertIn("no socket named 'wbe' in INET was handed over; there are: web (127.0.0.1:", line)
            self.assertIn(", admin (::1:", line)
        line = self.refused("pages", "-p", "systemd:domain=INET:name=web")
        self.assertIn("no socket named 'web' in INET: none was handed over", line)

    def test_several_of_one_name(self) -> None:
        """All sockets of one name are listened on, of any family; none is closed for others at the stop."""
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            path = f"{folder}/web"
            kinds = (bound(), bound(), bound(socket.AF_INET6), bound(socket.AF_UNIX, path))
            sockets = [stack.enter_context(each) for each in kinds]
            service = Managed("pages", "-p", "systemd:name=web", sockets=[("web", each) for each in sockets])
            self.addCleanup(service.close)
            service.up(r"pages: http://\S+")
            for each in sockets[:3]:
                self.assertIn(b" 200 ", fetched(each.getsockname()[:2], "/test"))
            with socket.socket(socket.AF_UNIX) as link:
                link.connect(path)
                self.assertIn(b" 200 ", asked(link, "/test"))
            self.assertEqual(service.stop(), 0)
            self.assertTrue(os.path.exists(path))
            self.assertTrue(answers(*sockets[0].getsockname()))


class Load:
    """Clients that ask, one request a connection, all the time; ``failures`` has what went wrong."""

    def __init__(self, places: Sequence[tuple[tuple[str, int], str, bytes]], count: int) -> None:
        """``places``: address, target, what the answer must hold; ``count``: requests at each at least."""
        self._places, self._count = places, count
        self.failures: list[str] = []
        self.done = [0] * len(places)
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(number % len(places),), daemon=True)
            for number in range(CLIENTS)
        ]

    def start(self) -> None:
        """All ask."""
        for thread in self._threads:
            thread.start()

    def _ask(self, which: int) -> None:
        place, target, wanted = self._places[which]
        while not self._is_over.is_set() or self.done[which] < self._count:
            try:
                answer = fetched(place, target)
            except OSError as error:
                self.failures.append(f"{which}: {error}")
            else:
                if wanted not in answer:
                    self.failures.append(f"{which}: {answer[:200]!r}")
            self.done[which] += 1
            if len(self.failures) > 9:
                return

    def finish(self) -> None:
        """The last request is answered."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(FETCH_SECONDS)


class RestartTests(TestCase):
    """Restarts under load, with the same sockets."""

    def test_none_is_lost(self) -> None:
        """Of all requests to a site and through the proxy, over restarts, none is refused, reset or cut."""
        origin = Origin()
        self.addCleanup(origin.close)
        with bound() as pages, bound() as proxy:
            suite = Managed(
                *("netsuite", "-c", "netsuite.toml"), sockets=(("pages", pages), ("proxy", proxy))
            )
            self.addCleanup(suite.close)
            (suite.folder / "netsuite.toml").write_text(
                '[netsuite]\nadmin = "0"\n[pages]\nport = "systemd:domain=INET:name=pages"\n'
                '[proxy]\nport = "systemd:domain=INET:name=proxy"\nallow-net = ["127.0.0.0/8"]\n'
            )
            load = Load(
                [
                    (pages.getsockname(), "/test", b"<h1>Test</h1>Test Page"),
                    (proxy.getsockname(), origin.url(2000), bytes(range(256))),
                ],
                REQUESTS // 2,
            )
            self.addCleanup(load.finish)
            suite.launch()
            load.start()  # who comes before it is ready waits
            for _number in range(RESTARTS):
                before = list(load.done)

                def is_answered(before: list[int] = before) -> bool:
                    return bool(load.failures) or all(
                        n > b + 20 for n, b in zip(load.done, before, strict=True)
                    )

                until("all are being answered", is_answered)
                self.assertEqual(load.failures, [])
                suite.restart()
            load.finish()
            self.assertEqual(load.failures, [])
            self.assertGreaterEqual(sum(load.done), REQUESTS)
            self.assertEqual(suite.stop(), 0)
            self.assertNotIn("Traceback", suite.log)

    def test_left_with_the_manager(self) -> None:
        """Without a socket unit the manager keeps what was bound: none is lost; a place given up is free."""
        ear = Ear()
        self.addCleanup(ear.close)
        first, second = free_ports(2)
        service = Managed("pages", "-c", "x.toml", env={"NOTIFY_SOCKET": ear.address, "FDSTORE": "9"})
        self.addCleanup(service.close)
        settings = service.folder / "x.toml"
        settings.write_text(f"[pages]\nport = {first}\n")
        load = Load([(("127.0.0.1", first), "/test", b"<h1>Test</h1>Test Page")], REQUESTS // 4)
        self.addCleanup(load.finish)
        service.launch()
        ear.wait("READY=1")
        load.start()
        until("all are being answered", lambda: load.failures or load.done[0] > 20)
        self.assertEqual([name for name, _ in ear.kept], [f"netsuite-127.0.0.1-{first}"])
        self.assertEqual(service.stop(), 0)
        service.sockets = tuple(ear.kept)
        service.launch()
        ear.wait("READY=1", 2)
        load.finish()
        self.assertEqual((load.failures, len(ear.kept)), ([], 1))
        settings.write_text(f"[pages]\nport = {second}\n")
        service.signal(signal.SIGHUP)
        ear.wait("READY=1", 3)
        self.assertEqual([name for name, _ in ear.kept], [f"netsuite-127.0.0.1-{second}"])
        self.assertFalse(answers("127.0.0.1", first))
        self.assertTrue(answers("127.0.0.1", second))

    def test_in_flight(self) -> None:
        """A request that has begun to come is answered by the old one, the next client by the new one."""
        with bound() as web:
            service = Managed("pages", "-p", "systemd:domain=INET:name=web", sockets=[("web", web)])
            self.addCleanup(service.close)
            service.up(r"pages: http://\S+")
            folder = f"/proc/{service.pid}/fd"
            before = len(os.listdir(folder))
            with socket.create_connection(web.getsockname(), FETCH_SECONDS) as link:
                link.sendall(b"GET /test HTTP/1.1\r\nHo")
                until("it is accepted", lambda: len(os.listdir(folder)) > before)
                service.signal(signal.SIGTERM)
                service.wait_log("finishing what is in hand")
                with socket.create_connection(web.getsockname(), FETCH_SECONDS) as later:
                    link.sendall(b"st: 127.0.0.1\r\n\r\n")
                    answer = b"".join(iter(lambda: link.recv(65536), b""))
                    self.assertIn(b"Connection: close", answer)
                    self.assertIn(b"<h1>Test</h1>", answer)
                    self.assertEqual(service.wait(), 0)
                    service.launch()
                    self.assertIn(b"<h1>Test</h1>", asked(later, "/test"))
