"""Every service under every signal, in foreground and background: drained, reloaded, not killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from unittest import TestCase

from tests.real.hatchery import Hatched, HatchedDaemon, HatchedTwistd, shared
from tests.real.parts import FETCH_SECONDS, STOP_SECONDS, until

NIGHTLY = os.environ.get("NETSUITE_TEST_SCALE") == "nightly"

#: Each service as it is started here, by its name.
SERVICES: dict[str, tuple[str, ...]] = {
    "echo": ("-p", "0"),
    "httpecho": ("-p", "0", "--http11"),
    "pages": ("-p", "0"),
    "formsite": ("-p", "0", "-s", "forms.db"),
    "colors": ("-p", "0"),
    "proxy": ("-p", "0", "--allow-net", "127.0.0.0/8"),
    "wordproxy": ("-p", "0", "-r", "0", "-s", "words.db", "--allow-net", "127.0.0.0/8"),
    "netsuite": (),
}

SUITE = """
[netsuite]
admin = "0"
[echo]
port = "0"
[wordproxy]
port = "0"
report = "0"
store = "words.db"
allow-net = ["127.0.0.0/8"]
[pages]
port = "0"
"""

#: In the foreground and in the background; for a push each service in one of them, the suite in both.
MODES = ("foreground", "background")


class SlowOrigin:
    """An origin whose answer ends only when it is told so.  ``asked``: there is a request."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.request = b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (
            self.port,
            self.port,
        )
        self.asked, self.go_on = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsl")
                    self.asked.set()
                    self.go_on.wait(FETCH_SECONDS)
                    connection.sendall(b"ow!")

    def close(self) -> None:
        """Nobody listens."""
        self.go_on.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def all_of(connection: socket.socket) -> bytes:
    """What comes until the end."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


class Running(TestCase):
    """Services that run."""

    def started(self, service: str, mode: str = "foreground", *more: str) -> HatchedTwistd:
        """The service, once it takes signals."""
        kind = HatchedTwistd if mode == "foreground" else HatchedDaemon
        twistd = kind(service, "-c", "netsuite.toml", *SERVICES[service], *more)
        self.addCleanup(twistd.close)
        text = SUITE if service == "netsuite" else f"[{service}]\n"
        (twistd.folder / "netsuite.toml").write_text(text)
        twistd.launch()
        twistd.wait_log(rf"\] {service}: .*\d+")
        return twistd

    def connected(self, port: int) -> socket.socket:
        """A connection."""
        return self.enterContext(socket.create_connection(("127.0.0.1", port), FETCH_SECONDS))


class SignalTests(Running):
    """All signals in a row, a request in flight at the end."""

    def in_flight(self, service: str, twistd: HatchedTwistd) -> Callable[[], None]:
        """Begin something that TERM must not cut; return what ends it and looks at the answer."""
        member = "wordproxy" if service == "netsuite" else service
        found = re.search(rf"\] {member}: .*?127\.0\.0\.1:(\d+)", twistd.log)
        assert found is not None, twistd.log
        connection = self.connected(int(found[1]))
        if service == "echo":
            connection.sendall(b"x\n" * 2000)
            until("the first of 2,000 answers", lambda: connection.recv(1, socket.MSG_PEEK))
            return lambda: self.assertEqual(all_of(connection), b"You said: x\r\n" * 2000)
        if service in ("proxy", "wordproxy", "netsuite"):
            origin = SlowOrigin()
            self.addCleanup(origin.close)
            connection.sendall(origin.request)
            self.assertTrue(origin.asked.wait(FETCH_SECONDS))

            def look() -> None:
                origin.go_on.set()
                self.assertTrue(all_of(connection).endswith(b"\r\n\r\nslow!"))

            return look
        post = b"POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 8\r\n\r\na=" % int(found[1])
        connection.sendall(post)

        def rest() -> None:
            connection.sendall(b"hello!")
            self.assertRegex(all_of(connection), rb"^HTTP/1.[01] [234]\d\d ")

        return rest

    def row(self, service: str, mode: str) -> None:
        """HUP, USR1 and USR2 do what they say and end nothing; TERM ends with 0 once all is answered."""
        twistd = self.started(service, mode)
        pauses = service in ("wordproxy", "netsuite")
        said = {
            signal.SIGHUP: r"SIGHUP: reloading(?s:.*)reloaded: ",
            signal.SIGUSR1: "SIGUSR1: logs reopened",
            signal.SIGUSR2: "counting paused" if pauses else "SIGUSR2: nothing here can be paused",
        }
        for number, line in said.items():
            twistd.signal(number)
            twistd.wait_log(line)
        with (twistd.folder / "netsuite.toml").open("a") as file:
            file.write(f"[{service}\n")
        twistd.signal(signal.SIGHUP)
        twistd.wait_log(r"reload refused, nothing changed: \S*netsuite\.toml.* line \d+")
        finish = self.in_flight(service, twistd)
        twistd.signal(signal.SIGTERM if service != "colors" else signal.SIGINT)
        twistd.wait_log("finishing what is in hand")
        for number in said:
            twistd.signal(number)
        if service != "echo":  # all that came to it is answered already
            self.assertTrue(twistd.running(), twistd.log)
        finish()
        self.assertEqual(twistd.wait(), 0, twistd.log)
        self.assertNotIn("Traceback", twistd.log)
        self.assertNotIn("Unhandled", twistd.log)
        if isinstance(twistd, HatchedDaemon):
            self.assertFalse(twistd.pidfile.exists())

    def test_all(self) -> None:
        """Every service, in the foreground and in the background."""
        for number, service in enumerate(SERVICES):
            for mode in MODES if NIGHTLY or service == "netsuite" else MODES[number % 2 :][:1]:
                with self.subTest(service=service, mode=mode):
                    self.row(service, mode)


class EndTests(Running):
    """How it ends: the codes that the guide has."""

    def held(self, *more: str, mode: str = "foreground") -> HatchedTwistd:
        """A proxy at its end, which waits for an origin."""
        proxy = self.started("proxy", mode, *more)
        origin = SlowOrigin()
        self.addCleanup(origin.close)
        port = int(proxy.wait_log(r"proxy http://127\.0\.0\.1:(\d+)")[1])
        connection = self.connected(port)
        connection.sendall(origin.request)
        self.assertTrue(origin.asked.wait(FETCH_SECONDS))
        proxy.signal(signal.SIGTERM)
        proxy.wait_log("SIGTERM: finishing")
        return proxy

    def test_second(self) -> None:
        """A second TERM, or an INT, ends at once, with 0 and without a pidfile."""
        for mode, number in zip(MODES, (signal.SIGTERM, signal.SIGINT), strict=True):
            proxy = self.held("--drain", "1h", mode=mode)
            proxy.signal(number)
            self.assertEqual(proxy.wait(), 0)
            self.assertIn("ending at once", proxy.log)
            self.assertFalse((proxy.folder / "d.pid").exists())

    def test_drain_is_over(self) -> None:
        """Who has no answer when the drain time is over is cut off; the end is still one with 0."""
        self.assertEqual(self.held("--drain", "0.2").wait(), 0)


class EarlyTests(Running):
    """Signals before it runs: from the pidfile on others may send them."""

    def early(self, *numbers: signal.Signals) -> HatchedDaemon:
        """An echo that was sent signals as soon as its pidfile was there."""
        echo = HatchedDaemon("echo", "-p", "0")
        self.addCleanup(echo.close)
        echo.gate = str(echo.folder / "gate")
        first = echo.begun()
        pid = until("a pidfile", lambda: echo.pidfile.exists() and echo.pidfile.read_text())
        for number in numbers:
            os.kill(int(pid), number)
        (echo.folder / "gate").touch()
        first.wait(STOP_SECONDS)
        echo.process = Hatched(shared(), int(pid))  # type: ignore[assignment]
        return echo

    def test_others(self) -> None:
        """HUP, USR1 and USR2 end nothing, and are heeded once it runs."""
        echo = self.early(signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
        for name in ("SIGHUP", "SIGUSR1", "SIGUSR2"):
            echo.wait_log(name)
        self.assertEqual(echo.stop(), 0)

    def test_term(self) -> None:
        """TERM ends it with 0, and the pidfile is gone."""
        echo = self.early(signal.SIGTERM)
        self.assertEqual(echo.wait(), 0, echo.log)
        self.assertFalse(echo.pidfile.exists())
