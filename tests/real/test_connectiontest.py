"""The connection tools as processes: the command after --, signals, outputs that are closed, terminals."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.real.hatchery import HatchedTwistd
from tests.real.parts import require, until
from tests.scripts.tools import PATIENCE, command, environment, finished, run

INTERRUPTED = "interrupted before the work was done"


class ProcessTests(SynchronousTestCase):
    """Starts tools, and has a listener for them."""

    def setUp(self) -> None:
        """Somebody listens, and nobody accepts: the kernel does that."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.port = str(self.listener.getsockname()[1])
        full = socket.socket()
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        self.addCleanup(full.close)
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            self.addCleanup(filler.close)
        self.silent = str(full.getsockname()[1])

    def begin(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), **options}
        process = subprocess.Popen(words, text=True, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class CommandTests(ProcessTests):
    """The process becomes the command."""

    def test_exit_status(self) -> None:
        """The command's own exit status is the tool's, and so is its output."""
        words = ("connectiontest", "127.0.0.1", self.port, "--", "sh", "-c", "echo ran; exit 7")
        self.assertEqual(run(*words), (7, f"Connecting to port {self.port}.\nran\n", ""))

    def test_signals(self) -> None:
        """It has the tool's process id, and gets its signals."""
        words = command("connectiontest", "127.0.0.1", self.port, "--", "sh", "-c", "echo $$; read line")
        process = self.begin(*words, stdin=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        self.assertEqual(process.stdout.readline(), f"{process.pid}\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), -signal.SIGTERM)

    def test_nothing_is_inherited(self) -> None:
        """No signal is ignored in it, and no descriptor beside the three is open."""
        script = "grep SigIgn /proc/self/status; ls /proc/self/fd | wc -l"
        code, output, _ = run("connectiontest", "127.0.0.1", self.port, "--", "sh", "-c", script)
        self.assertEqual(code, 0)
        plain = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
        self.assertEqual(output.split()[-3:], plain.split()[-3:])  # as if we had not been there
        self.assertEqual(output.split()[-1], "4")  # ls has the folder open


class SignalTests(ProcessTests):
    """Ctrl-C and SIGTERM: the table's exit status and one line, whenever they come."""

    def interrupted(self, *words: str, number: int = signal.SIGINT, after: str = "") -> tuple[int, str, str]:
        """Return how a tool ended that got a signal, once it had a socket open if ``after`` says so."""
        process = self.begin(*words)

        def is_there() -> bool:
            folder = Path(f"/proc/{process.pid}/fd")
            return any(after in os.readlink(fd) for fd in folder.iterdir())

        def probe() -> bool | None:
            try:
                return is_there() or None
            except OSError:
                return None

        until(f"{after} of {words}", probe)
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, output, errors

    def test_while_it_waits(self) -> None:
        """In the middle of a connection that is not answered."""
        for tool in ("connectiontest", "connection"):
            words = command(tool, "-t", "60", "127.0.0.1", self.silent)
            found = self.interrupted(*words, after="socket:")
            self.assertEqual(found, (130, "", f"{tool}: {INTERRUPTED}\n"))

    def test_terminated(self) -> None:
        """SIGTERM is 143; with --json the object says so."""
        words = command("connectiontest", "-j", "-t", "60", "127.0.0.1", self.silent)
        code, output, errors = self.interrupted(*words, number=signal.SIGTERM, after="socket:")
        self.assertEqual((code, errors), (143, f"connectiontest: {INTERRUPTED}\n"))
        self.assertRegex(output, r'"exit":143,"cause":"interrupted"')

    def test_at_any_moment(self) -> None:
        """From the tool's first line on, however little of it is imported."""
        seen = set()
        for module in (
            "idna",
            "socket",
            "twisted.internet.defer",
            "netsuite.reach.way",
            "netsuite.scan.scan",
        ):
            # a finder that hangs at one import: that is the moment
            script = (
                "import sys, time, runpy\n"
                "class Slow:\n"
                "    def find_spec(self, name, path=None, target=None):\n"
                f"        if name == {module!r}:\n"
                "            print('there', flush=True); time.sleep(60)\n"
                "sys.modules.pop('socket', None)\n"
                "sys.meta_path.insert(0, Slow())\n"
                "sys.argv = ['/usr/bin/portscan', '-p', '1', 'localhost']\n"
                "runpy.run_module('netsuite.scripts.portscan', run_name='__main__')\n"
            )
            process = self.begin(sys.executable, "-c", script)
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), "there\n", module)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=PATIENCE)
            seen.add((process.returncode, output, errors))
        self.assertEqual(seen, {(130, "", f"portscan: {INTERRUPTED}\n")})

    def test_scan(self) -> None:
        """A scan that is interrupted tells what it knows: JSON says that it is not complete."""
        words = command("portscan", "-j", "-t", "60", "-p", f"{self.port},{self.silent}", "127.0.0.1")
        code, output, errors = self.interrupted(*words, after="socket:")
        self.assertEqual(code, 130)
        self.assertIn(f'"open":[{self.port}]', output)
        self.assertIn('"complete":false', output)
        self.assertIn(f'"unknown":"{self.silent}"', output)
        self.assertIn(INTERRUPTED, errors)


class OutputTests(ProcessTests):
    """Outputs that are closed, an input that is not there."""

    def test_closed(self) -> None:
        """Standard output closed, or its reader gone, is 12 without a traceback."""
        for tool in ("connectiontest", "connection"):
            reader, writer = os.pipe()
            os.close(reader)
            words = command(tool, "127.0.0.1", self.port)
            found = finished(words, stdout=writer)
            os.close(writer)
            self.assertEqual(found, (12, "", ""))
        code, _, errors = finished(
            ["sh", "-c", 'exec "$@" >&-', "sh", *command("portscan", "-p", self.port, "127.0.0.1")]
        )
        self.assertEqual(code, 12)
        self.assertNotIn("Traceback", errors)

    def test_head(self) -> None:
        """``| head -1`` gets its line, and nothing is complained of."""
        ports = ",".join([self.port, self.silent])
        line = " ".join(command("portscan", "-q", "-t", "0.2", "-p", ports, "127.0.0.1"))
        code, output, errors = finished(["sh", "-c", f"{line} | head -1"])
        self.assertEqual((code, output, errors), (0, f"Connected to port {self.port}\n", ""))

    def test_no_input(self) -> None:
        """None of them needs standard input."""
        for tool in ("connectiontest", "connection"):
            words = ["sh", "-c", 'exec "$@" <&-', "sh", *command(tool, "127.0.0.1", self.port)]
            self.assertEqual(finished(words)[0], 0)

    def test_terminal_is_sane(self) -> None:
        """A terminal is shown how far a scan is; after Ctrl-C the line is gone and all is as before."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        before = termios.tcgetattr(theirs)
        words = command("portscan", "-t", "60", "-p", self.silent, "127.0.0.1")
        process = self.begin(*words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        seen = b""
        while b"0 of 1 ports" not in seen:
            seen += os.read(ours, 1024)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)
        os.set_blocking(ours, False)
        while True:
            try:
                seen += os.read(ours, 1024)
            except BlockingIOError:
                break
        self.assertEqual(termios.tcgetattr(theirs), before)
        os.close(theirs)
        last = re.split(rb"\r\x1b\[K", seen)[-1]
        self.assertNotIn(b"\x1b", last)
        self.assertIn(INTERRUPTED.encode(), last)


class PeerTests(ProcessTests):
    """Beside our own services."""

    def test_through_our_proxy(self) -> None:
        """A tunnel through ``proxy``; a port that it makes no tunnels to is declined."""
        proxy = HatchedTwistd("proxy", "-p", "0", "--allow-net", "127.0.0.0/8", "--connect-port", self.port)
        self.addCleanup(proxy.close)
        place = proxy.up().proxy
        self.assertEqual(run("connectiontest", "--proxy", place, "127.0.0.1", self.port)[0], 0)
        self.assertEqual(run("connectiontest", "--proxy", place, "127.0.0.1", self.silent)[0], 15)
        proxy.kill9()  # it would wait for the tunnel, whose other end never closes

    def test_seeded_losses(self) -> None:
        """``echo --reset 0.5 --seed 1`` loses the same of 20 tries each time, and -c tells which."""
        told = []
        for _ in range(2):
            echo = HatchedTwistd("echo", "-p", "0", "--reset", "0.5", "--seed", "1")
            self.addCleanup(echo.close)
            port = echo.up(r"127\.0\.0\.1:\d+").wait_log(r"127\.0\.0\.1:(\d+)")[1]
            check = ("--send", "a", "--banner", "^You said: a")
            _, output, _ = run("connectiontest", "-j", "-c", "20", "-i", "0", *check, "127.0.0.1", port)
            told.append([json.loads(line)["cause"] for line in output.splitlines()[:-1]])
            echo.kill9()
        self.assertEqual(told[0], told[1])
        self.assertEqual(set(told[0]), {None, "lost"})

    def test_one_socket(self) -> None:
        """One connection is made, by one socket, which is closed; the name is looked up once."""
        require("strace", shutil.which("strace"))
        path = self.mktemp()
        trace = ["strace", "-f", "-qq", "-o", path, "-e", "trace=socket,connect,openat"]
        code, _, errors = finished([*trace, *command("connectiontest", "localhost", self.port)])
        if code != 0:
            raise SkipTest(f"NOT TESTED: strace may not trace here: {errors[:200]}")
        lines = Path(path).read_text().splitlines()
        self.assertEqual(sum("socket(AF_INET, SOCK_STREAM" in line for line in lines), 1)
        self.assertEqual(sum("connect(" in line and f"htons({self.port})" in line for line in lines), 1)
        self.assertEqual(sum('"/etc/hosts"' in line for line in lines), 1)


class StartTests(SynchronousTestCase):
    """What a start costs."""

    def test_imports(self) -> None:
        """The tools import nothing that they do not use: no web, no templates, no words."""
        script = (
            "import sys\n"
            "import netsuite.scripts.connectiontest, netsuite.scripts.connection, netsuite.scripts.portscan\n"
            "heavy = 'jinja2 msgspec treq rich twisted.web prometheus_client icu4py passlib'.split()\n"
            "print([n for n in heavy if n in sys.modules], 'twisted.internet.reactor' in sys.modules)"
        )
        code, output, errors = finished([sys.executable, "-c", script])
        self.assertEqual((code, output), (0, "[] False\n"), errors)
