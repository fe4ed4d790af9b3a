"""httpecho as twistd runs it: raw sockets, curl, HAProxy, TLS, signals, and what nobody should send."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import TestCase

from passlib.hash import bcrypt
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage

from tests.httpecho.test_faults import GOOD, MALFORMED
from tests.httpecho.test_websocket import SHAKE
from tests.httpecho.visiting import Reply, replied
from tests.real.clients import require_axe, told_by
from tests.real.hatchery import HatchedTwistd
from tests.real.load import MIB, SCALE, memory, steady
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

READY = r"httpecho: httpecho https?://"

VIEWS = ("/_ring", "/_ring/2", "/_ring/diff?a=1&b=2", "/_ring/999")


def httpecho(*options: str) -> Twistd:
    """An httpecho that is up, on a free port."""
    service = HatchedTwistd("httpecho", "-p", "0", *options)
    try:
        return service.up(READY)
    except BaseException:
        service.close()
        raise


@contextlib.contextmanager
def client(service: Twistd, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A connection to it, from this address."""
    place = ("127.0.0.1", service.ports["httpecho"])
    with socket.create_connection(place, START_SECONDS, source_address=(source, 0)) as opened:
        yield opened


def read(opened: socket.socket) -> bytes:
    """All that comes until the end; a reset is one."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while data := opened.recv(1 << 20):
            got += data
    return got


def said(service: Twistd, *pieces: bytes, source: str = "127.0.0.1", ends: bool = False) -> bytes:
    """All that comes back for these pieces; ``ends``: with our FIN after them."""
    with client(service, source) as opened:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                opened.sendall(piece)
            if ends:
                opened.shutdown(socket.SHUT_WR)
        return read(opened)


def curl(service: Twistd, path: str, *options: str, sent: bytes = b"") -> bytes:
    """What curl prints."""
    require("curl", shutil.which("curl"))
    scheme = "https" if "https" in service.log else "http"
    url = f"{scheme}://127.0.0.1:{service.ports['httpecho']}{path}"
    done = subprocess.run(
        ["curl", "--disable", "-sS", "--max-time", str(FETCH_SECONDS), *options, url],
        input=sent,
        capture_output=True,
        env=clean_environment(),
        check=False,
    )
    return done.stdout or done.stderr


class Serving(TestCase):
    """Tests that share one service with these options."""

    maxDiff = None
    options: tuple[str, ...] = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = httpecho(*cls.options)
        cls.addClassCleanup(cls.service.close)

    def tearDown(self) -> None:
        self.assertNotIn("Traceback", self.service.log)
        self.assertNotIn("Unhandled", self.service.log)


class TutorialTests(Serving):
    """As the tutorial has it."""

    def test_curl(self) -> None:
        """curl's own request, in the tutorial's words, as it came."""
        told = curl(self.service, "/x", "-i", "-A", "me", "-H", "X-One: 1", "-H", "x-ONE: 2")
        head, _, body = told.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "))
        port = self.service.ports["httpecho"]
        lines = ["GET /x HTTP/1.1", f"Host: 127.0.0.1:{port}", "User-Agent: me", "Accept: */*"]
        asked = "\r\n".join([*lines, "X-One: 1", "x-ONE: 2", ""])
        self.assertEqual(body, b"You said: \r\n\r\n" + asked.encode())

    def test_half_close(self) -> None:
        """Who sends a request and its end at once has the answer; so has who sends half of a head."""
        self.assertEqual(replied(said(self.service, GOOD + b"\r\n", ends=True)).status, 200)
        answer = replied(said(self.service, b"GET / HTTP/1.0\r\nX: 1", ends=True))
        self.assertTrue(answer.body.endswith(b"X: 1"))

    def test_upload_is_not_cut(self) -> None:
        """A client that uploads while it is answered reads the whole answer: no reset destroys it."""
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"
        for _ in range(5):
            self.assertEqual(replied(said(self.service, head, b"x" * 2_000_000)).status, 200)


class CorpusTests(Serving):
    """What should not be sent: answered, or closed cleanly, with no traceback and no growth."""

    options = ("--http11", "--body", "--head-time", "2", "--idle", "2", "--total", "4", "--access-log", "off")

    def test_malformed(self) -> None:
        """Each of the corpus, and smuggled requests, bad escapes, NUL and overlong UTF-8."""
        more = (
            b"GET /%zz%c0%ae%c0%ae/%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"GET /\xc0\xae\xc0\xae HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\0" * 100 + b"\n\n",
            b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            GOOD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            GOOD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + GOOD + b"\r\n",
        )
        for data in (*MALFORMED, *more):
            answer = replied(said(self.service, data))
            self.assertIn(answer.status, (200, 400, 505), data)
            self.assertNotIn(b"HTTP/1.1 200 OK\r\nContent-Type", answer.rest, data)

    def test_endless(self) -> None:
        """Heads and bodies without end: 431, 414 and truncated, in bounded memory."""
        junk = b"x" * 65536
        for start, status in (
            (b"GET /", 414),
            (GOOD + b"X: ", 431),
            (GOOD + b"X: 1\r\n" * 200, 431),
            (b"\r\n" * 40_000, 431),
        ):
            found = replied(said(self.service, start, *[junk] * 30)).status
            self.assertIn(found, (status, 414), start[:30])  # which is certain first, the packets decide
        for framed in (
            b"Content-Length: 999999999\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        ):
            data = b"POST / HTTP/1.1\r\nHost: a\r\n" + framed
            answer = replied(said(self.service, data, *[junk] * 40))
            self.assertIn(b"[truncated: 1048576 bytes of it are above]", answer.body)
            self.assertEqual(answer.field("Connection"), "close")

    def test_slow(self) -> None:
        """Heads and bodies that stop are 408; silence is closed without a word."""
        waiting = []
        with contextlib.ExitStack() as stack:
            for data, start in (
                (b"GET / HTT", b"HTTP/1.1 408"),
                (GOOD, b"HTTP/1.1 408"),
                (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", b"HTTP/1.1 408"),
                (b"", b""),
                (b"\r\n", b""),
            ):
                opened = stack.enter_context(client(self.service))
                opened.sendall(data)
                waiting.append((opened, start))
            for opened, start in waiting:
                self.assertEqual(read(opened)[:12], start)

    def test_memory(self) -> None:
        """A thousand of each sort leave the memory as it was, and the ring within its bounds."""
        sorts = (
            *MALFORMED,
            GOOD + b"Connection: close\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab",
        )
        rounds = max(2, SCALE.broken // 30)

        def all_of_them() -> None:
            for _ in range(rounds):
                for data in sorts:
                    said(self.service, data, ends=True)

        def fill() -> None:
            body = b"x" * (MIB - 500)
            head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
                body
            )
            for _ in range(20):
                said(self.service, head + body)

        fill()  # the ring is full from here on
        all_of_them()
        before = steady(lambda: memory(self.service.pid))
        all_of_them()
        fill()
        all_of_them()
        self.assertLess(steady(lambda: memory(self.service.pid)) - before, 24 * MIB)
        told = json.loads(replied(said(self.service, b"GET /_ring.json HTTP/1.0\r\n\r\n")).body)
        self.assertEqual(told["remembered"], 100)
        self.assertLessEqual(told["bytes"], 16 * MIB)

    def test_unread_answers(self) -> None:
        """A client that asks and asks and never reads is not read on, and costs no more than our queue."""
        before = memory(self.service.pid)
        with client(self.service) as opened:
            opened.settimeout(2)
            request = GOOD + b"X: " + b"x" * 8000 + b"\r\n\r\n"
            sent = 0
            with contextlib.suppress(TimeoutError, ConnectionError):
                while sent < 64 * MIB:
                    opened.sendall(request * 100)
                    sent += 100 * len(request)
            self.assertLess(sent, 64 * MIB)
            self.assertLess(memory(self.service.pid) - before, 32 * MIB)


class KeptTests(Serving):
    """Kept connections, bodies, the ring by curl, and a WebSocket."""

    options = ("--http11", "--body", "--tag", "blue")

    def test_continue(self) -> None:
        """curl's Expect is honoured: 100, then the echo of 1 MiB; of one byte more the first."""
        for size, is_cut in ((MIB, False), (MIB + 1, True)):
            told = curl(
                self.service,
                "/.json",
                "-i",
                "-H",
                "Expect: 100-continue",
                "--data-binary",
                "@-",
                sent=b"x" * size,
            )
            self.assertTrue(told.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), told[:100])
            found = json.loads(told.split(b"\r\n\r\n", 2)[2])
            self.assertEqual((found["sizes"]["body_kept"], found["truncated"]), (MIB, is_cut))

    def test_two_on_one(self) -> None:
        """curl keeps the connection."""
        told = curl(self.service, "/[1-2]", "-w", "%{num_connects}\n")
        self.assertEqual((told.count(b"You said: "), told.count(b"\n1\n"), told.count(b"\n0\n")), (2, 1, 1))

    def test_replay(self) -> None:
        """The command that the ring gives sends the same request again, whatever was in it."""
        require("curl", shutil.which("curl"))
        bodies = (b"", b"it's $HOME\\n", bytes(range(256)), b"x" * 40_000)
        heads = (
            b"GET /a'b\"c$(x)[1-3]{a,b}/../%2e HTTP/1.1\r\nHost: h\r\nx-One:  1\r\nX-E:\r\nX: \xff\xe4\r\n",
            b"DELETE http://other:9/x HTTP/1.1\r\nHost: other:9\r\nX-One: '; echo '\r\nX-one: 2\r\n",
            b"OPTIONS * HTTP/1.1\r\nHost: h\r\n",
            b"GET / HTTP/1.0\r\n",
        )
        for body in bodies:
            for head in heads:
                length = b"Content-Length: %d\r\n" % len(body) if body else b""
                with client(self.service) as opened:
                    opened.sendall(head + length + b"\r\n" + body)
                    opened.recv(100)
                first = self.newest()
                command = replied(self.ring(f"/_ring/{first['number']}.curl")).body
                subprocess.run(
                    ["sh"],
                    input=command,
                    capture_output=True,
                    env=clean_environment(),
                    timeout=60,
                    check=True,
                )
                again = until("the replayed request", lambda first=first: self.past(first["number"]))
                for key in ("method", "target", "version", "body", "body_base64"):
                    self.assertEqual(again[key], first[key], (key, command))
                self.assertEqual(
                    sorted(map(tuple, again["headers"])), sorted(map(tuple, first["headers"])), command
                )

    def ring(self, path: str, *, version: str = "1.0") -> bytes:
        """The answer to a request for a page of the ring."""
        return said(self.service, f"GET {path} HTTP/{version}\r\n\r\n".encode())

    def newest(self) -> Any:
        """The last request, whole."""
        number = json.loads(replied(self.ring("/_ring.json?limit=1")).body)["last"]
        return json.loads(replied(self.ring(f"/_ring/{number}.json")).body)

    def past(self, number: int) -> Any:
        """The last request if there is one past ``number``."""
        found = self.newest()
        return found if found["number"] > number else None

    def test_follow(self) -> None:
        """curl hears of requests as they come."""
        require("curl", shutil.which("curl"))
        url = f"http://127.0.0.1:{self.service.ports['httpecho']}/_ring/events"
        with subprocess.Popen(["curl", "--disable", "-sN", url], stdout=subprocess.PIPE) as follower:
            try:
                assert follower.stdout is not None
                self.assertEqual(follower.stdout.readline(), b": requests as they come\n")
                curl(self.service, "/followed?token=SECRET")
                lines = [follower.stdout.readline() for _ in range(4)]
            finally:
                follower.kill()
        self.assertEqual(lines[2], b"event: request\n")
        self.assertRegex(lines[3], rb"/followed\?token=\[6-bytes-")

    def test_websocket(self) -> None:
        """Text and binary come back, up to 1 MiB; one byte more is 1009."""
        with client(self.service) as opened:
            opened.sendall(SHAKE)
            while not (got := opened.recv(65536)).endswith(b"\r\n\r\n"):
                pass
            self.assertIn(b"101 Switching Protocols", got)
            talk = Connection(ConnectionType.CLIENT)

            def heard(size: int) -> Any:
                whole = bytearray()
                while True:
                    for event in talk.events():
                        if isinstance(event, CloseConnection):
                            return event.code
                        whole += event.data.encode() if isinstance(event, TextMessage) else event.data
                        if event.message_finished:
                            return bytes(whole)
                    talk.receive_data(opened.recv(1 << 20))

            for message in (TextMessage("grüß"), BytesMessage(b"\0" * MIB)):
                opened.sendall(talk.send(message))
                data = message.data.encode() if isinstance(message, TextMessage) else message.data
                self.assertEqual(heard(len(data)), data)
            opened.sendall(talk.send(BytesMessage(b"x" * (MIB + 1))))
            self.assertEqual(heard(0), 1009)

    def test_looks(self) -> None:
        """axe-core finds nothing in the ring's pages, Tab reaches everything, and nothing hostile runs."""
        require_axe()
        said(
            self.service,
            b"GET /<script>alert(1)</script> HTTP/1.0\r\nX: <img src=x onerror=alert(1)>\r\n\r\n",
        )
        said(
            self.service,
            b"POST /two?a=1 HTTP/1.1\r\nHost : b\r\nX: \x1b[31m\xe2\x80\xae\n\n<b>body</b>",
            ends=True,
        )
        base = f"http://127.0.0.1:{self.service.ports['httpecho']}"
        order = {
            "program": shutil.which("chromium"),
            "base": base,
            "views": VIEWS,
            "checks": ("axe", "keys", "hostile"),
            "whole": False,
        }
        told = told_by("report_browser", order, 180.0)
        told["keys"] = [one for one in told["keys"] if 'type="radio"' not in one]  # arrows reach those
        told["hostile"] = [one for one in told["hostile"] if "404 (Not Found)" not in one]
        self.assertEqual(told, {"axe": [], "keys": [], "hostile": []})


class LifeTests(TestCase):
    """Start, reload and end; who may look; balancers and TLS."""

    def up(self, *options: str) -> Twistd:
        """A service of the test's own."""
        service = httpecho(*options)
        self.addCleanup(service.close)
        return service

    def folder(self) -> Path:
        """A folder that goes with the test."""
        made = Path(tempfile.mkdtemp(prefix="netsuite-httpecho-"))
        self.addCleanup(shutil.rmtree, made)
        return made

    def test_users(self) -> None:
        """From a second loopback address: with users the ring wants a log-in, without them it is open."""
        users = self.folder() / "users"
        users.write_text(f"ann:{bcrypt.using(rounds=4).hash('sesame')}\n")
        service = self.up("--htpasswd", str(users))
        right = base64.b64encode(b"ann:sesame").decode()
        wrong = base64.b64encode(b"ann:opensesame").decode()
        for field, status in (
            ("", 401),
            (f"Authorization: Basic {wrong}", 401),
            (f"Authorization: Basic {right}", 200),
        ):
            data = f"GET /_ring HTTP/1.0\r\n{field}\r\n\r\n".replace("\r\n\r\n\r\n", "\r\n\r\n").encode()
            self.assertEqual(replied(said(service, data, source="127.0.0.2")).status, status, field)
        self.assertNotIn("sesame", service.log)
        self.assertEqual(
            replied(said(self.up(), b"GET /_ring HTTP/1.0\r\n\r\n", source="127.0.0.2")).status, 200
        )

    def test_balanced(self) -> None:
        """Behind a round-robin balancer two instances alternate, and the ring is not told through it."""
        require("haproxy", shutil.which("haproxy"))
        ports = [self.up("--http11", "--tag", tag).ports["httpecho"] for tag in ("blue", "green")]
        (front,) = free_ports(1)
        balancer = Child("haproxy")
        self.addCleanup(balancer.close)
        config = balancer.folder / "haproxy.cfg"
        servers = "".join(f"  server s{port} 127.0.0.1:{port} check inter 200\n" for port in ports)
        config.write_text(
            "defaults\n  mode http\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n"
            f"listen one\n  bind 127.0.0.1:{front}\n  balance roundrobin\n  option forwardfor\n"
            f"  option httpchk GET /healthz\n{servers}"
        )
        balancer.start(["haproxy", "-db", "-f", str(config)])
        until("HAProxy", lambda: answers("127.0.0.1", front))

        def asked(path: str) -> Reply:
            with socket.create_connection(("127.0.0.1", front), START_SECONDS) as opened:
                opened.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                return replied(read(opened))

        tags = [asked("/x").field("x-netsuite-tag") for _ in range(6)]
        self.assertEqual(set(tags), {"blue", "green"})
        self.assertTrue(all(one != other for one, other in pairwise(tags)), tags)
        self.assertEqual(asked("/_ring").status, 403)

    def test_tls(self) -> None:
        """Over TLS the JSON says with what."""
        folder = self.folder()
        issuer = Issuer(folder)
        path = issuer.issue("localhost")
        service = HatchedTwistd(
            "httpecho", "-p", f"ssl:0:interface=127.0.0.1:privateKey={path}:certKey={path}", "--http11"
        )
        self.addCleanup(service.close)
        service.up(READY)
        service.ports["httpecho"] = int(service.wait_log(r"https://127\.0\.0\.1:(\d+)/")[1])
        context = ssl.create_default_context(cafile=str(issuer.path))
        with client(service) as plain, context.wrap_socket(plain, server_hostname="localhost") as secure:
            for size in (10, 300_000):
                secure.sendall(b"GET /.json?size=%d HTTP/1.1\r\nHost: a\r\n\r\n" % size)
                got = b""
                while len(got.partition(b"\r\n\r\n")[2]) < size:
                    got += secure.recv(65536)
            secure.sendall(b"GET /.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            told = json.loads(replied(read(secure)).body)
        self.assertEqual((told["tls"]["version"], told["tls"]["server_name"]), ("TLSv1.3", "localhost"))
        self.assertNotIn("Traceback", service.log)

    def test_signals(self) -> None:
        """HUP puts a changed file in force, keeping connections; USR1 opens the log; TERM ends with 0."""
        folder = self.folder()
        config, log = folder / "n.toml", folder / "access.log"
        config.write_text(
            f'[httpecho]\nport = "0"\nhttp11 = true\ntag = "one"\naccess-log = "{log}"\nadmin = "0"\n'
        )
        service = HatchedTwistd("httpecho", "-c", str(config))
        self.addCleanup(service.close)
        service.up(READY)
        with client(service) as kept:
            kept.sendall(GOOD + b"\r\n")
            self.assertIn(b"X-Netsuite-Tag: one\r\n", kept.recv(65536))
            config.write_text(config.read_text().replace('"one"', '"two"'))
            service.signal(signal.SIGHUP)
            service.wait_log("reloaded: .*tag")
            kept.sendall(GOOD + b"\r\n")
            self.assertIn(b"X-Netsuite-Tag: two\r\n", kept.recv(65536))
            config.write_text("[httpecho]\nring = -1\n")
            service.signal(signal.SIGHUP)
            service.wait_log("reload refused, nothing changed")
            log.rename(folder / "old.log")
            service.signal(signal.SIGUSR1)
            service.wait_log("SIGUSR1: logs reopened")
            kept.sendall(b"GET /secret?token=SECRET HTTP/1.1\r\nHost: a\r\nCookie: SECRET\r\n\r\n")
            self.assertIn(b"SECRET", kept.recv(65536))
            until("a line in the new log", lambda: log.exists() and "/secret" in log.read_text())
            self.assertEqual((folder / "old.log").read_text().count("GET / "), 2)
            kept.sendall(b"GET /?delay=1s HTTP/1.1\r\nHost: a\r\n\r\n")
            until("it is under way", lambda: not service.signal(signal.SIGTERM))
            self.assertIn(b"delay=1s", kept.recv(65536))
            self.assertEqual(kept.recv(100), b"")
        self.assertEqual(service.wait(), 0)
        for text in (service.log, log.read_text()):
            self.assertNotIn("SECRET", text)

    def test_admin(self) -> None:
        """The admin listener tells how many were answered, malformed and remembered."""
        service = HatchedTwistd("httpecho", "-p", "0", "--admin", "0")
        self.addCleanup(service.close)
        service.up(READY)
        (admin,) = (
            int(line.rpartition(" ")[2])
            for line in service.log.splitlines()
            if "starting on" in line and line.rpartition(" ")[2] != str(service.ports["httpecho"])
        )
        said(service, b"nonsense\n\n")
        with socket.create_connection(("127.0.0.1", admin), START_SECONDS) as opened:
            opened.sendall(b"GET /status.json HTTP/1.0\r\n\r\n")
            told = json.loads(replied(read(opened)).body)
        self.assertEqual(
            (told["state"], told["answered"], told["malformed"], told["remembered"]), ("up", 1, 1, 1)
        )

    def test_reset(self) -> None:
        """An answer that was ordered to end in a reset does."""
        service = self.up()
        with client(service) as opened:
            opened.sendall(b"GET /?size=100000&close=reset HTTP/1.1\r\nHost: a\r\n\r\n")
            with self.assertRaises(ConnectionResetError):
                while opened.recv(65536):
                    pass

    def test_clients_that_reset(self) -> None:
        """Clients that break off at any point leave nothing behind."""
        service = self.up("--http11", "--body", "--admin", "0")
        for number in range(SCALE.broken // 3):
            with client(service) as opened:
                opened.sendall((GOOD + b"Content-Length: 5\r\n\r\nhello" * 9)[: number % 70])
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.assertEqual(replied(said(service, GOOD + b"Connection: close\r\n\r\n")).status, 200)
        self.assertNotIn("Traceback", service.log)
        self.assertEqual(service.stop(), 0)
