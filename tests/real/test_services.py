"""Services as twistd runs them, started as a shell would: answering, refused, in the background.

Signals and refusals of all services are in ``test_signals`` and ``test_refusals``: starts there cost less.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import TestCase

from tests.real.parts import START_SECONDS, Twistd, clean_environment, until

RUN = "from twisted.scripts.twistd import run; run()"


def refused(*arguments: str, folder: str) -> subprocess.CompletedProcess[str]:
    """Return how a start ended that was to be refused."""
    command = [sys.executable, "-c", RUN, *arguments]
    env = clean_environment({"XDG_STATE_HOME": folder})
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=START_SECONDS, check=False
    )


class EchoTests(TestCase):
    """The tutorial's echo server, on a real socket."""

    def setUp(self) -> None:
        self.echo = Twistd("echo", "-p", "0", "--tag", "blue")
        self.addCleanup(self.echo.close)
        self.echo.launch()
        self.port = int(self.echo.wait_log(r"echo: 127\.0\.0\.1:(\d+)")[1])
        self.echo.wait_log("Server running, Press Ctrl-C to stop.")

    def said(self, sent: bytes) -> bytes:
        """Return all that comes back for ``sent``."""
        with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as client:
            client.sendall(sent)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def test_lines(self) -> None:
        """Lines come back with the tag, and quit ends the connection."""
        self.assertEqual(
            self.said(b"hello\r\n\xff\nquit\n"),
            b"You said [blue]: hello\r\nYou said [blue]: \xff\r\nGoodbye.\r\n",
        )
        self.echo.wait_log("Connection from 127.0.0.1")

    def test_datagram(self) -> None:
        """With --udp a datagram to the same port comes back."""
        both = Twistd("echo", "-p", "0", "--udp")
        self.addCleanup(both.close)
        both.launch()
        port = int(both.wait_log(r"echo: 127\.0\.0\.1:(\d+)")[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(START_SECONDS)
            client.sendto(b"\xffhello", ("127.0.0.1", port))
            self.assertEqual(client.recv(100), b"\xffhello")
        self.assertEqual(both.stop(), 0)

    def test_half_close(self) -> None:
        """Who sends its lines and its end at once gets all its answers."""
        with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as client:
            client.sendall(b"x\n" * 20000)
            client.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        self.assertEqual(answer, b"You said [blue]: x\r\n" * 20000)


class RefusalTests(TestCase):
    """What can't be started says so in a line, and leaves nothing behind."""

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="netsuite-refused-")
        self.addCleanup(shutil.rmtree, self.folder)
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        self.port = str(taken.getsockname()[1])

    def assert_one_line(self, ended: subprocess.CompletedProcess[str], *parts: str) -> None:
        """Exit 1, our line first, no traceback, no pidfile."""
        self.assertEqual(ended.returncode, 1, ended.stderr)
        first = ended.stderr.splitlines()[0]
        for part in ("netsuite: ", *parts):
            self.assertIn(part, first)
        self.assertNotIn("Traceback", ended.stderr + ended.stdout)
        self.assertFalse(Path(self.folder, "twistd.pid").exists())

    def test_port_taken_daemon(self) -> None:
        """A taken port ends the start, in the background too, and the terminal is told."""
        ended = refused("-l", "log", "echo", "-p", self.port, folder=self.folder)
        self.assert_one_line(ended, f"127.0.0.1:{self.port} is in use")

    def test_check(self) -> None:
        """--check binds nothing, and names each setting's origin."""
        ended = refused("-n", "wordproxy", "-r", self.port, "--check", folder=self.folder)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn(f"report = {self.port}  (command line)", ended.stdout)
        self.assertEqual(os.listdir(self.folder), [])


class DaemonTests(TestCase):
    """In the background."""

    def test_daemon(self) -> None:
        """It starts with 0, has a pidfile, and TERM removes that."""
        folder = tempfile.mkdtemp(prefix="netsuite-daemon-")
        self.addCleanup(shutil.rmtree, folder)
        ended = refused("--pidfile=d.pid", "-l", "d.log", "echo", "-p", "0", folder=folder)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        pidfile = Path(folder, "d.pid")
        pid = int(until("a pidfile", lambda: pidfile.exists() and pidfile.read_text()))
        until("its line", lambda: "Server running" in Path(folder, "d.log").read_text())
        os.kill(pid, signal.SIGTERM)
        until("the pidfile to go", lambda: not pidfile.exists())
