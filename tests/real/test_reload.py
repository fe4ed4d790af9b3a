"""SIGHUP puts other settings in force, and nobody who is connected notices."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from unittest import TestCase

from passlib.hash import apr_md5_crypt

from tests.real.hatchery import HatchedTwistd
from tests.real.origins import Origin, digest
from tests.real.parts import FETCH_SECONDS, Twistd, answers, free_ports, until
from tests.real.test_services import refused

#: A body that is under way for some seconds on a busy machine, and a small one.
LARGE, SMALL = 200 << 20, 1000


class Reloading(TestCase):
    """A test with an origin and a proxy whose settings are in a file."""

    service = "proxy"

    def setUp(self) -> None:
        self.origin = Origin()
        self.addCleanup(self.origin.close)
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-reload-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "settings.toml"
        self.reloads = 0

    def write(self, *lines: str, port: int | None = None) -> None:
        """The file has these settings, beside the place and the permission to ask our origin."""
        place = [f"port = {port}"] if port is not None else []
        text = "\n".join([f"[{self.service}]", 'allow-net = "127.0.0.0/8"', *place, *lines])
        self.path.write_text(text + "\n")

    def started(self, *options: str) -> Twistd:
        """Return the proxy, up."""
        others = ["-r", "0", "-s", ":memory:"] if self.service == "wordproxy" else []
        place = [] if "port = " in self.path.read_text() else ["-p", "0"]
        proxy = HatchedTwistd(self.service, "-c", str(self.path), *place, *others, *options)
        self.addCleanup(proxy.close)
        return proxy.up()

    def reload(self, proxy: Twistd, said: str = "reloaded: ") -> str:
        """Return the line that a reload ends with."""
        before = proxy.log.count(said)
        proxy.signal(signal.SIGHUP)
        until(f"{said!r} once more", lambda: proxy.log.count(said) > before)
        return next(line for line in reversed(proxy.log.splitlines()) if said in line)

    def connected(self, proxy: Twistd) -> http.client.HTTPConnection:
        """Return a client's connection to the proxy."""
        connection = http.client.HTTPConnection("127.0.0.1", proxy.ports["proxy"], timeout=FETCH_SECONDS)
        self.addCleanup(connection.close)
        return connection

    def status(self, connection: http.client.HTTPConnection, user: str = "", size: int = SMALL) -> int:
        """Return the status of an answer, which is read."""
        headers = {"Proxy-Authorization": user} if user else {}
        connection.request("GET", self.origin.url(size), headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


class RuleTests(Reloading):
    """What clients may do."""

    def test_forbidden_during_keep_alive(self) -> None:
        """A host that a reload forbids is refused to the next request of a connection that is open."""
        self.write()
        proxy = self.started()
        connection = self.connected(proxy)
        self.assertEqual(self.status(connection), 200)
        self.write('deny = ["host:127.0.0.1"]')
        self.assertIn("rules", self.reload(proxy))
        self.assertEqual(self.status(connection), 403)
        self.write()
        self.reload(proxy)
        self.assertEqual(self.status(connection), 200)

    def test_guard(self) -> None:
        """A network that may no longer be fetched from is refused, though its connections were kept ready."""
        self.write()
        proxy = self.started()
        connection = self.connected(proxy)
        self.assertEqual(self.status(connection), 200)
        self.path.write_text("[proxy]\n")
        self.assertIn("allow-nets", self.reload(proxy))
        self.assertEqual(self.status(connection), 403)

    def test_users(self) -> None:
        """Users come and go with their file; a file with a fault leaves them as they were."""
        users = self.folder / "users"
        users.write_text(f"ann:{apr_md5_crypt.hash('right')}\n")
        ann = "Basic YW5uOnJpZ2h0"
        self.write(f'htpasswd = "{users}"')
        proxy = self.started()
        connection = self.connected(proxy)
        self.assertEqual(self.status(connection, ann), 200)
        users.write_text("bob:\nann:plain\n")
        self.assertIn(f"{users}, line ", self.reload(proxy, "reload refused"))
        self.assertEqual(self.status(connection, ann), 200)
        users.write_text(f"bob:{apr_md5_crypt.hash('other')}\n")
        self.reload(proxy)
        self.assertEqual(self.status(self.connected(proxy), ann), 407)
        self.write()
        self.reload(proxy)
        self.assertEqual(self.status(self.connected(proxy)), 200)

    def test_command_line_wins(self) -> None:
        """What the command line says holds, whatever the file says now."""
        self.write()
        proxy = self.started("--max-body", "10")
        self.write("max-body = 1000000", "max-clients = 7")
        self.assertIn("max-clients", self.reload(proxy))
        connection = self.connected(proxy)
        connection.request("POST", self.origin.url(1), body=b"x" * 11)
        self.assertEqual(connection.getresponse().status, 413)

    def test_what_cannot_change(self) -> None:
        """A setting that holds until the next start is named."""
        self.write()
        proxy = self.started()
        self.write("log-json = true")
        self.reload(proxy, "not changed until a new start: log-json")


class FaultTests(Reloading):
    """Files that can't be used."""

    def test_faulty(self) -> None:
        """A faulty file changes nothing, and the log says in which line; a good one then counts."""
        self.write('deny = ["host:127.0.0.1"]')
        proxy = self.started()
        connection = self.connected(proxy)
        for lines, number in (
            (("deny = [", "= 3"), 4),
            (("max-clients = 5", 'idle = "soon"'), 4),
            (("max-client = 5",), 3),
            (('acl = ["allow host:a.test",', '"alow host:b.test"]'), 4),
        ):
            self.write(*lines)
            self.assertIn(f"line {number}", self.reload(proxy, "reload refused, nothing changed"))
            self.assertEqual(self.status(connection), 403)
        self.path.unlink()
        self.assertIn("cannot be read", self.reload(proxy, "reload refused, nothing changed"))
        self.assertEqual(self.status(connection), 403)
        self.write()
        self.reload(proxy)
        self.assertEqual(self.status(connection), 200)
        self.assertNotIn("Traceback", proxy.log)


class TransferTests(Reloading):
    """Connections at work."""

    def test_during_a_transfer(self) -> None:
        """Two reloads and a faulty one in the middle of a large body: it arrives whole."""
        self.write()
        proxy = self.started()
        connection = self.connected(proxy)
        connection.request("GET", self.origin.url(LARGE))
        answer = connection.getresponse()
        whole = hashlib.sha256(answer.read(LARGE // 4))
        self.write('deny = ["host:127.0.0.1"]')
        for said in ("reloaded: ", "reloaded: ", "reload refused"):
            if said == "reload refused":
                self.path.write_text("[proxy\n")
            self.reload(proxy, said)
            whole.update(answer.read(LARGE // 4))
        whole.update(answer.read())
        self.assertEqual(whole.hexdigest(), digest(LARGE))
        self.assertEqual(self.status(connection), 403)

    def test_tunnel(self) -> None:
        """A tunnel goes on, also when its listener has moved."""
        first, second = free_ports(2)
        self.write(f'connect-port = "{self.origin.port}"', port=first)
        proxy = self.started()
        with socket.create_connection(("127.0.0.1", first), FETCH_SECONDS) as tunnel:
            place = f"127.0.0.1:{self.origin.port}"
            tunnel.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
            self.assertIn(b" 200 ", tunnel.recv(4096))
            for port in (first, second):
                self.write(port=port)
                self.reload(proxy)
                tunnel.sendall(b"are you there?")
                self.assertEqual(tunnel.recv(4096), b"are you there?")

    def test_under_load(self) -> None:
        """Ten reloads while clients ask without pause: no request fails."""
        self.write()
        proxy = self.started()
        failures: list[str] = []
        done = threading.Event()
        counts = [0] * 8

        def ask(number: int) -> None:
            connection = self.connected(proxy)
            while not done.is_set():
                try:
                    if (status := self.status(connection)) != 200:
                        failures.append(str(status))
                except (OSError, http.client.HTTPException) as error:
                    failures.append(repr(error))
                    return
                counts[number] += 1

        clients = [threading.Thread(target=ask, args=(number,)) for number in range(len(counts))]
        for client in clients:
            client.start()
        try:
            for number in range(10):
                enough = sum(counts) + len(counts)
                self.write(f"max-clients = {100 + number}")
                self.reload(proxy)
                until("more answers", lambda enough=enough: sum(counts) > enough or failures)
        finally:
            done.set()
            for client in clients:
                client.join(FETCH_SECONDS)
        self.assertEqual(failures, [])
        self.assertNotIn("Traceback", proxy.log)


class PlaceTests(Reloading):
    """Listeners."""

    def test_moved(self) -> None:
        """A listener is bound at its new place, then closed at the old one; an open connection is kept."""
        first, second = free_ports(2)
        self.write(port=first)
        proxy = self.started()
        connection = self.connected(proxy)
        self.assertEqual(self.status(connection), 200)
        self.write(port=second)
        self.reload(proxy)
        self.assertTrue(answers("127.0.0.1", second))
        until("the old place is closed", lambda: not answers("127.0.0.1", first))
        self.assertEqual(self.status(connection), 200)

    def test_taken(self) -> None:
        """A new place that is taken is logged, and the old one stays; the other settings are in force."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            (first,) = free_ports(1)
            self.write(port=first)
            proxy = self.started()
            self.write('deny = ["host:127.0.0.1"]', port=taken.getsockname()[1])
            line = self.reload(proxy, "stays where it is")
            self.assertIn("in use", line)
            self.assertEqual(self.status(self.connected(proxy)), 403)
            self.write(port=first)
            self.reload(proxy)
            self.assertEqual(self.status(self.connected(proxy)), 200)

    def test_wider(self) -> None:
        """The same port on another address can be had too."""
        (port,) = free_ports(1)
        self.write(port=port)
        proxy = self.started()
        self.write(
            'allow-client = ["127.0.0.0/8"]', "allow-root = true", f'port = "tcp:{port}:interface=0.0.0.0"'
        )
        self.reload(proxy)
        until("it listens everywhere", lambda: answers("127.0.0.2", port))

    def test_admin(self) -> None:
        """The admin listener comes and goes."""
        (port,) = free_ports(1)
        self.write()
        proxy = self.started()
        self.write(f"admin = {port}")
        self.reload(proxy)
        self.assertTrue(answers("127.0.0.1", port))
        self.write()
        self.reload(proxy)
        until("it is closed", lambda: not answers("127.0.0.1", port))


class WordproxyTests(Reloading):
    """The same for wordproxy."""

    service = "wordproxy"

    def test_rules_and_store(self) -> None:
        """Rules change, hosts to ignore change, the store does not and is named."""
        self.write()
        proxy = self.started()
        connection = self.connected(proxy)
        self.assertEqual(self.status(connection), 200)
        self.write('deny = ["host:127.0.0.1"]', 'ignore-host = ["a.test"]', 'max-text = "1MiB"')
        self.assertIn("ignore-hosts", self.reload(proxy))
        proxy.wait_log("not changed until a new start: feed")
        self.assertEqual(self.status(connection), 403)
        self.write("max-text = true")
        self.reload(proxy, "reload refused")
        self.assertEqual(self.status(connection), 403)


class DaemonTests(Reloading):
    """In the background."""

    def test_daemon(self) -> None:
        """HUP reloads there too, from a relative path, and does not end it."""
        (port,) = free_ports(1)
        self.write(port=port)
        ended: subprocess.CompletedProcess[str] = refused(
            "--pidfile=d.pid", "-l", "d.log", "proxy", "-c", self.path.name, folder=str(self.folder)
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        pidfile, log = self.folder / "d.pid", self.folder / "d.log"
        pid = int(until("a pidfile", lambda: pidfile.exists() and pidfile.read_text()))
        self.addCleanup(self.end, pid, pidfile)
        until("it is up", lambda: log.exists() and "proxy http://" in log.read_text())
        self.write('deny = ["host:127.0.0.1"]', port=port)
        os.kill(pid, signal.SIGHUP)
        until("it has reloaded", lambda: "reloaded: rules" in log.read_text())

    @staticmethod
    def end(pid: int, pidfile: Path) -> None:
        """The daemon is gone."""
        os.kill(pid, signal.SIGTERM)
        until("it ends", lambda: not pidfile.exists())
