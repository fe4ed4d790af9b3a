"""Echo as twistd runs it: faults while it runs, TLS, a real balancer, streams of any length, many clients."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from unittest import TestCase

from netsuite.forward import tape
from tests.real.hatchery import HatchedTwistd
from tests.real.load import BLOCK, MIB, SCALE
from tests.real.parts import (
    FETCH_SECONDS,
    START_SECONDS,
    Child,
    Twistd,
    answers,
    clean_environment,
    free_ports,
    require,
    until,
)
from tests.real.tlsorigin import Issuer
from tests.scripts.tools import command


def echo(*options: str, folder: Path | None = None) -> Twistd:
    """An echo that is up on a free port, ``ports["echo"]``; and on ``ports["admin"]`` if it was asked for."""
    service = HatchedTwistd("echo", "-p", "0", *options, folder=folder)
    service.launch()
    service.ports["echo"] = int(service.wait_log(r"echo: 127\.0\.0\.1:(\d+)")[1])
    service.wait_log("Server running, Press Ctrl-C to stop.")
    return service


def said(port: int, sent: bytes, *, ends: bool = True) -> bytes:
    """All that comes back for ``sent``; ``ends``: our end is said, too."""
    with socket.create_connection(("127.0.0.1", port), START_SECONDS) as client:
        client.sendall(sent)
        if ends:
            client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


class FaultsTests(TestCase):
    """Faults changed by the admin listener, with curl, while clients are there."""

    @classmethod
    def setUpClass(cls) -> None:
        require("curl", shutil.which("curl"))
        (cls.admin,) = free_ports(1)
        cls.echo = echo("--admin", str(cls.admin), "--line-faults", "--seed", "7")
        cls.addClassCleanup(cls.echo.close)
        cls.port = cls.echo.ports["echo"]

    def curl(self, *arguments: str) -> str:
        """What curl prints."""
        command = ["curl", "-sS", *arguments, f"http://127.0.0.1:{self.admin}/faults"]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=True,
            env=clean_environment(),
        ).stdout

    def put(self, **faults: object) -> dict[str, object]:
        """These faults hold; what is answered to that."""
        body = json.dumps(faults)
        told = self.curl("-X", "PUT", "-H", "Content-Type: application/json", "-d", body)
        return dict(json.loads(told))

    def test_put(self) -> None:
        """A PUT holds for a client that is there; 400 names the field; GET and metrics tell what holds."""
        with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as client:
            client.sendall(b"before\n")
            self.assertEqual(client.recv(100), b"You said: before\r\n")
            self.assertEqual(self.put(truncate=8)["truncate"], 8)
            client.sendall(b"after\n")
            self.assertEqual(b"".join(iter(lambda: client.recv(100), b"")), b"")
        self.echo.wait_log(r"answers end after 8 bytes, in that to line 2")
        error = self.put(drop=2)["error"]
        self.assertEqual(error["field"], "drop")  # type: ignore[index]
        self.assertEqual(json.loads(self.curl())["truncate"], 8)
        metrics = subprocess.run(
            ["curl", "-sS", f"http://127.0.0.1:{self.admin}/metrics"],
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=True,
            env=clean_environment(),
        ).stdout
        found = re.search(
            r'^netsuite_echo_faults_total\{kind="truncate",service="echo"\} (\d+)', metrics, re.MULTILINE
        )
        assert found is not None, metrics
        self.assertGreaterEqual(float(found[1]), 1)
        self.put()

    def test_the_same_again(self) -> None:
        """The same seed gives the same faults, to the byte, without a new start; another others."""
        sent = b"".join(b"line %d\r\n" % number for number in range(500))
        runs = []
        for seed in (7, 7, 8):
            self.put(drop=0.2, corrupt=0.2, seed=seed)
            runs.append(said(self.port, sent))
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])
        self.put()

    def test_reset(self) -> None:
        """The client sees a reset, not an end."""
        with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as client:
            client.sendall(b"!fault reset=1\nhello\n")
            told = b""
            with self.assertRaises(ConnectionResetError):
                while piece := client.recv(100):
                    told += piece
        self.assertIn(told, (b"", b"Faults: reset=1.0\r\n"))  # a reset may overtake what we have not read
        self.echo.wait_log("connection reset at line 1")

    def test_stall(self) -> None:
        """A stalled connection is open and silent, and others are served."""
        with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as client:
            client.sendall(b"!fault stall=1\nhello\n")
            self.assertEqual(client.recv(100), b"Faults: stall=1.0\r\n")
            self.echo.wait_log("stalled at line 1")
            self.assertEqual(said(self.port, b"quit\n"), b"Goodbye.\r\n")
            client.setblocking(False)
            self.assertRaises(BlockingIOError, client.recv, 100)

    def test_slow_and_late(self) -> None:
        """Late, slow and ended by itself: the whole answer came, and each fault has its line."""
        answer = said(self.port, b"!fault latency=50ms slow=1KiB/s close-after=2\na\nb\nc\n", ends=False)
        self.assertTrue(answer.endswith(b"\r\nYou said: a\r\nYou said: b\r\n"), answer)
        for line in (
            r"delayed by 0\.050s on its way out",
            "answers slowed to 1024 bytes/s",
            "closed after line 2",
        ):
            self.echo.wait_log(line)

    def test_stop(self) -> None:
        """TERM lets what is late be answered, and ends with 0 though a stalled client is there."""
        service = echo("--line-faults", "--latency", "300ms")
        self.addCleanup(service.close)
        with (
            socket.create_connection(("127.0.0.1", service.ports["echo"]), START_SECONDS) as late,
            socket.create_connection(("127.0.0.1", service.ports["echo"]), START_SECONDS) as stalled,
        ):
            stalled.sendall(b"!fault latency=0 stall=1\nx\n")
            service.wait_log("stalled at line 1")
            late.sendall(b"x\n")
            service.wait_log("answer to line 1 delayed")
            self.assertEqual(service.stop(), 0)
            self.assertEqual(b"".join(iter(lambda: late.recv(100), b"")), b"You said: x\r\n")


class StreamTests(TestCase):
    """Raw mode, and clients that don't read."""

    def test_hash(self) -> None:
        """Every byte of a long stream comes back, also over a half-closed connection, in flat memory."""
        service = echo("--raw")
        self.addCleanup(service.close)
        size = SCALE.tunnel
        expected, got = hashlib.sha256(), hashlib.sha256()
        with socket.create_connection(("127.0.0.1", service.ports["echo"]), FETCH_SECONDS) as client:

            def send() -> None:
                left = size
                while left > 0:
                    piece = BLOCK[: min(left, len(BLOCK))]
                    expected.update(piece)
                    client.sendall(piece)
                    left -= len(piece)
                client.shutdown(socket.SHUT_WR)

            sender = threading.Thread(target=send)
            sender.start()
            while piece := client.recv(MIB):
                got.update(piece)
            sender.join()
        self.assertEqual(got.hexdigest(), expected.hexdigest())
        self.assertLess(peak(service.pid), 160 * MIB)

    def test_reader_that_stops(self) -> None:
        """Clients that send and never read are stopped by the kernel, and cost no memory."""
        for options, number in ((("--raw",), 4), (("--tag", "x" * 200), 4), (("--slow", "1000"), 1)):
            with self.subTest(options=options):
                service = echo(*options)
                self.addCleanup(service.close)
                before = peak(service.pid)
                with contextlib.ExitStack() as stack:
                    for _ in range(number):
                        client = stack.enter_context(
                            socket.create_connection(("127.0.0.1", service.ports["echo"]), START_SECONDS)
                        )
                        client.setblocking(False)
                        with contextlib.suppress(BlockingIOError):
                            for _ in range(64 * MIB // 65536):
                                client.send(b"\n" * 65536)
                    self.assertEqual(
                        said(service.ports["echo"], b"\n", ends=True)[-2:],
                        b"\r\n" if len(options) > 1 else b"\n",
                    )
                    self.assertLess(peak(service.pid) - before, 64 * MIB)


def peak(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


class TlsTests(TestCase):
    """Who is at the other end, in TLS."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="netsuite-echo-tls-")
        cls.addClassCleanup(folder.cleanup)
        cls.ours = Issuer(Path(folder.name), "ours")
        cls.theirs = Issuer(Path(folder.name), "theirs")
        cls.server = cls.ours.issue("localhost", "127.0.0.1")
        cls.alice = cls.ours.issue("alice")
        cls.stranger = cls.theirs.issue("mallory")

    def echo(self, *options: str) -> int:
        """The port of an echo in TLS that tells its clients who they are."""
        where = f"ssl:0:interface=127.0.0.1:privateKey={self.server}:certKey={self.server}"
        self.service = HatchedTwistd("echo", "-p", where, "--peer-info", *options)
        self.addCleanup(self.service.close)
        self.service.launch()
        return int(self.service.wait_log(r"echo: 127\.0\.0\.1:(\d+)")[1])

    def told(self, port: int, certificate: Path | None, version: ssl.TLSVersion) -> bytes:
        """What a client with this certificate is told first, and what it is answered."""
        context = ssl.create_default_context(cafile=str(self.ours.path))
        context.minimum_version = context.maximum_version = version
        if certificate is not None:
            context.load_cert_chain(certificate)
        with (
            socket.create_connection(("127.0.0.1", port), START_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(b"hello\nquit\n")
            told = b"".join(iter(lambda: client.recv(65536), b""))
        first, _, rest = told.partition(b"\r\n")
        self.assertEqual(rest, b"You said: hello\r\nGoodbye.\r\n")
        return re.sub(rb":\d+", b":PORT", first)

    def test_any_certificate(self) -> None:
        """Address, version and the certificate's subject, vouched for by nobody; or that there is none."""
        port = self.echo()
        newest, older = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
        for certificate, version, words in (
            (None, newest, b"Peer 127.0.0.1:PORT, TLSv1.3, no certificate"),
            (None, older, b"Peer 127.0.0.1:PORT, TLSv1.2, no certificate"),
            (self.alice, newest, b"Peer 127.0.0.1:PORT, TLSv1.3, certificate CN=alice (not verified)"),
            (self.stranger, older, b"Peer 127.0.0.1:PORT, TLSv1.2, certificate CN=mallory (not verified)"),
        ):
            self.assertEqual(self.told(port, certificate, version), words)
        self.service.wait_log(r"certificate CN=alice \(not verified\)")

    def test_verified(self) -> None:
        """With --client-ca a certificate is ours, or the handshake fails; none at all is still allowed."""
        port = self.echo("--client-ca", str(self.ours.path))
        newest = ssl.TLSVersion.TLSv1_3
        self.assertEqual(
            self.told(port, self.alice, newest), b"Peer 127.0.0.1:PORT, TLSv1.3, certificate CN=alice"
        )
        self.assertIn(b"no certificate", self.told(port, None, newest))
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            self.told(port, self.stranger, ssl.TLSVersion.TLSv1_2)
        self.assertEqual(self.service.stop(), 0)
        self.assertNotIn("mallory", self.service.log)
        self.assertNotIn("Traceback", self.service.log)

    def test_piped(self) -> None:
        """Who sends all and closes at once is greeted and answered in full all the same."""
        port = self.echo()
        for _ in range(4):  # whether both come in one piece is a matter of luck
            done = subprocess.run(
                command("dataforward", "--tls", "--cafile", str(self.ours.path), f"localhost:{port}"),
                input=b"tide\ntime\n",
                capture_output=True,
                env=clean_environment(),
                timeout=START_SECONDS,
            )
            first, _, rest = done.stdout.partition(b"\r\n")
            self.assertIn(b"Peer 127.0.0.1", first)
            self.assertEqual(rest, b"You said: tide\r\nYou said: time\r\n")

    def test_no_authority(self) -> None:
        """A file of authorities that has none ends the start in one line."""
        where = f"ssl:0:interface=127.0.0.1:privateKey={self.server}:certKey={self.server}"
        for path in ("/dev/null", "/nowhere"):
            service = HatchedTwistd("echo", "-p", where, "--peer-info", "--client-ca", path)
            self.addCleanup(service.close)
            service.launch()
            self.assertEqual(service.wait(START_SECONDS), 1)
            self.assertIn("netsuite: cannot start echo: ", service.log)
            self.assertIn(path, service.log)

    def test_renewed(self) -> None:
        """HUP shows a renewed certificate, and clients are still asked for theirs."""
        with tempfile.TemporaryDirectory(prefix="netsuite-echo-renewed-") as name:
            path = Path(name, "server.pem")
            shutil.copy(self.server, path)
            where = f"ssl:0:interface=127.0.0.1:privateKey={path}:certKey={path}"
            service = HatchedTwistd("echo", "-p", where, "--peer-info")
            self.addCleanup(service.close)
            service.launch()
            port = int(service.wait_log(r"echo: 127\.0\.0\.1:(\d+)")[1])
            before = self.shown(port)
            shutil.copy(self.ours.issue("localhost"), path)
            service.signal(signal.SIGHUP)
            service.wait_log("reloaded: no changes")
            self.assertNotEqual(self.shown(port), before)
            told = self.told(port, self.alice, ssl.TLSVersion.TLSv1_3)
            self.assertIn(b"certificate CN=alice", told)

    def shown(self, port: int) -> bytes:
        """The certificate that clients are shown."""
        context = ssl.create_default_context(cafile=str(self.ours.path))
        with (
            socket.create_connection(("127.0.0.1", port), START_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            return client.getpeercert(binary_form=True) or b""


class ReloadTests(TestCase):
    """Settings from a file, read again at HUP."""

    def test_hup(self) -> None:
        """Faults of the file hold for clients who are there; a broken file changes nothing."""
        with tempfile.TemporaryDirectory(prefix="netsuite-echo-reload-") as name:
            config = Path(name, "echo.toml")
            config.write_text('[echo]\ntag = "one"\nlatency = "0"\n')
            service = echo("--config", str(config))
            self.addCleanup(service.close)
            with socket.create_connection(("127.0.0.1", service.ports["echo"]), START_SECONDS) as client:
                client.sendall(b"a\n")
                self.assertEqual(client.recv(100), b"You said [one]: a\r\n")
                config.write_text('[echo]\ntag = "one"\n\ndrop = 7\n')
                service.signal(signal.SIGHUP)
                service.wait_log(r"reload refused, nothing changed: --drop \(file \S+, line 4\)")
                config.write_text('[echo]\ntag = "two"\ntruncate = 25\nudp = true\n')
                service.signal(signal.SIGHUP)
                service.wait_log("reloaded: faults, tag")
                service.wait_log("not changed until a new start: udp")
                client.sendall(b"b\n")
                self.assertEqual(b"".join(iter(lambda: client.recv(100), b"")), b"You sa")
            self.assertEqual(said(service.ports["echo"], b"c\n"), b"You said [two]: c\r\n")


class BalancerTests(TestCase):
    """HAProxy before echo: both versions of the PROXY protocol, and its own health checks."""

    def test_haproxy(self) -> None:
        """The log has the true client, through either version; the balancer's checks are no faults."""
        require("haproxy", shutil.which("haproxy"))
        service = echo("--proxy-protocol", "127.0.0.1", "--peer-info")
        self.addCleanup(service.close)
        first, second = free_ports(2)
        backend = service.ports["echo"]
        balancer = Child("haproxy")
        self.addCleanup(balancer.close)
        config = balancer.folder / "haproxy.cfg"
        config.write_text(
            "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n"
            f"listen one\n  bind 127.0.0.1:{first}\n  server e 127.0.0.1:{backend} send-proxy\n"
            f"listen two\n  bind 127.0.0.1:{second}\n"
            f"  server e 127.0.0.1:{backend} send-proxy-v2 check check-send-proxy inter 200\n"
        )
        balancer.start(["haproxy", "-db", "-f", str(config)])
        for port, source in ((first, "127.0.0.5"), (second, "127.0.0.6")):
            until("HAProxy", lambda port=port: answers("127.0.0.1", port))
            with socket.create_connection(
                ("127.0.0.1", port), START_SECONDS, source_address=(source, 0)
            ) as client:
                client.sendall(b"hello\nquit\n")
                told = b"".join(iter(lambda: client.recv(65536), b""))
                mine = client.getsockname()[1]
            self.assertRegex(
                told.decode(),
                rf"^Peer {re.escape(source)}:{mine} by way of 127\.0\.0\.1:\d+, no TLS\r\n"
                r"You said: hello\r\nGoodbye\.\r\n$",
            )
            service.wait_log(rf"Connection from {re.escape(source)}$")
        self.assertNotIn("no PROXY protocol", service.log)


class CrowdTests(TestCase):
    """Many clients at once."""

    def test_crowd(self) -> None:
        """2000 clients, room for 50: each is answered, idle ones give way, and those who stay are served."""
        service = echo("--max-clients", "50")
        self.addCleanup(service.close)
        with contextlib.ExitStack() as stack:
            clients = []
            for number in range(2000):
                if number % 100 == 99:  # most leave by themselves
                    clients.append(stack.enter_context(self.client(service)))
                else:
                    with self.client(service):
                        pass
            clients += [stack.enter_context(self.client(service)) for _ in range(60)]
            gone = [self.is_gone(client) for client in clients[:-50]]
            self.assertEqual(gone, [True] * len(gone))
            for client in clients[-50:]:
                client.sendall(b"here\n")
                self.assertEqual(client.recv(100), b"You said: here\r\n")
        self.assertIn("gave way", service.log)
        self.assertEqual(service.stop(), 0)
        self.assertNotIn("Traceback", service.log)

    def test_refused(self) -> None:
        """Past --per-client a client is told why, and counted."""
        (admin,) = free_ports(1)
        service = echo("--per-client", "2", "--admin", str(admin))
        self.addCleanup(service.close)
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(self.client(service))
            self.assertEqual(
                said(service.ports["echo"], b"", ends=False),
                b"Refused: too many connections from this address.\r\n",
            )
        service.wait_log("refused: too many connections from this address")
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/status.json", timeout=FETCH_SECONDS) as answer:
            self.assertEqual(json.load(answer)["refused"], 1)

    @contextlib.contextmanager
    def client(self, service: Twistd) -> Iterator[socket.socket]:
        """A client that has been answered."""
        with socket.create_connection(("127.0.0.1", service.ports["echo"]), START_SECONDS) as client:
            client.sendall(b"x\n")
            self.assertEqual(client.recv(100), b"You said: x\r\n")
            yield client

    def is_gone(self, client: socket.socket) -> bool:
        """Whether the connection was ended."""
        try:
            return client.recv(100) == b""
        except ConnectionResetError:
            return True


class RecordTests(TestCase):
    """Transcripts."""

    def test_record(self) -> None:
        """A transcript is private, and has each line and answer; said again, it gives the same lines."""
        with tempfile.TemporaryDirectory(prefix="netsuite-echo-record-") as name:
            path = Path(name, "transcript")
            service = echo("--record", str(path))
            self.addCleanup(service.close)
            answer = said(service.ports["echo"], b"one\r\ntwo\r\n\xff\n")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with path.open("rb") as file:
                found = list(tape.pieces(file))
            sent = b"".join(piece.data or b"" for piece in found if piece.way == tape.SENT)
            self.assertEqual(sent, b"one\ntwo\n\xff\n")
            self.assertEqual(
                b"".join(piece.data or b"" for piece in found if piece.way == tape.RECEIVED), answer
            )
            self.assertEqual(said(service.ports["echo"], sent), answer)
            self.assertEqual(service.stop(), 0)
