"""Logs that are rotated under load, by logrotate and by ourselves: each line is in one of the files, once."""

from __future__ import annotations

import collections
import http.client
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Callable
from unittest import TestCase

from tests.real.hatchery import HatchedTwistd
from tests.real.parts import FETCH_SECONDS, ROOT, require, until

NIGHTLY = os.environ.get("NETSUITE_TEST_SCALE") == "nightly"

#: Rotations of each kind under load, and requests of each client between two of them.
ROUNDS, REQUESTS = (20, 200) if NIGHTLY else (2, 12)

#: Every kind of access log there is, in one process; echo's clients are in twistd's own log.
SUITE = """
[netsuite]
admin = "0"
log-size = 0
[echo]
port = "0"
[httpecho]
port = "0"
http11 = true
access-log = "httpecho.log"
[pages]
port = "0"
access-log = "pages.log"
[formsite]
port = "0"
store = ":memory:"
access-log = "formsite.log"
[colors]
port = "0"
access-log = "own/colors.log"
log-size = "3KiB"
log-keep = 10000
[proxy]
port = "0"
access-log = "proxy.log"
log-format = "json"
allow-net = ["127.0.0.0/8"]
"""

#: Every request has a path of its own, and it is in the line.
NUMBER = re.compile(r"/number-(\d+)")

#: Copies and empties instead of moving; tells nobody.
COPYTRUNCATE = """
FOLDER/*.log {
    rotate 1000
    copytruncate
}
"""


class Load:
    """Clients that ask each service, each with numbers of its own, one after the other."""

    def __init__(self, ports: dict[str, int], origin: int) -> None:
        self.asked: collections.Counter[str] = collections.Counter()
        self.done = threading.Condition()
        self._stops, self.faults = False, list[str]()
        self._threads = [
            threading.Thread(target=self._ask, args=(name, port, origin), daemon=True)
            for name, port in ports.items()
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, name: str, port: int, origin: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=FETCH_SECONDS)
        try:
            while not self._stops:
                number = self.asked[name]
                if name == "echo":
                    with socket.create_connection(("127.0.0.1", port), FETCH_SECONDS) as link:
                        link.sendall(b"quit\n")
                        link.recv(999)
                else:
                    before = f"http://127.0.0.1:{origin}" if name == "proxy" else ""
                    connection.request("GET", f"{before}/number-{number}")
                    connection.getresponse().read()
                with self.done:
                    self.asked[name] += 1
                    self.done.notify_all()
        except (OSError, http.client.HTTPException) as error:
            self.faults.append(f"{name}: {error!r}")
        finally:
            connection.close()

    def more(self, count: int = REQUESTS) -> None:
        """Each has been answered so many times more."""
        with self.done:
            wanted = {name: self.asked[name] + count for name in ("echo", *self.asked)}
            if not self.done.wait_for(
                lambda: self.faults or all(self.asked[name] >= n for name, n in wanted.items()), FETCH_SECONDS
            ):
                raise AssertionError(f"{self.asked} is not {wanted}")
        assert not self.faults, self.faults

    def stop(self) -> None:
        """The last answers have come."""
        self._stops = True
        for thread in self._threads:
            thread.join(FETCH_SECONDS)


class LogTests(TestCase):
    """A suite with all its logs in one folder."""

    def setUp(self) -> None:
        require("logrotate", shutil.which("logrotate") or os.path.exists("/usr/sbin/logrotate"))
        self.suite = HatchedTwistd(
            "netsuite", "-c", "netsuite.toml", before=("-n", "--pidfile=d.pid", "-l", "logs/twistd.log")
        )
        self.addCleanup(self.suite.close)
        self.folder = self.suite.folder / "logs"
        (self.folder / "own").mkdir(parents=True)
        text = re.sub(r'access-log = "', 'access-log = "logs/', SUITE)
        (self.suite.folder / "netsuite.toml").write_text(text)
        self.suite.launch()
        self.suite.log_path = self.folder / "twistd.log"
        self.suite.wait_log("admin http")
        found = re.findall(
            r"\] (\w+): (?:form on |proxy |httpecho )?(?:http://)?127\.0\.0\.1:(\d+)", self.suite.log
        )
        self.ports = {name: int(port) for name, port in found if name != "netsuite"}
        self.assertEqual(len(self.ports), 6, self.suite.log)

    def rotate(self, config: str) -> None:
        """logrotate has rotated everything."""
        path = self.suite.folder / "logrotate.conf"
        path.write_text(config)
        path.chmod(0o600)
        done = subprocess.run(
            ["/usr/sbin/logrotate", "-f", "-s", str(self.suite.folder / "state"), str(path)],
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def shipped(self) -> str:
        """The configuration that we ship, for this folder and user."""
        text = (ROOT / "deploy/logrotate/netsuite").read_text()
        text = text.replace("/run/netsuite/netsuite.pid", str(self.suite.folder / "d.pid"))
        text = text.replace("/var/log/netsuite", str(self.folder)).replace("    su netsuite netsuite\n", "")
        user, group = os.getuid(), os.getgid()
        return text.replace("0640 netsuite netsuite", f"0640 {user} {group}").replace(
            "rotate 14", "rotate 1000"
        )

    def move(self) -> None:
        """Somebody moves the files and makes others, and tells nobody."""
        for path in list(self.folder.glob("*.log")):
            path.rename(f"{path}.moved-{len(list(self.folder.iterdir()))}")
            path.touch(0o640)

    def lines(self, name: str) -> list[str]:
        """All lines of a log, wherever they are now."""
        found: list[str] = []
        for path in self.folder.rglob(f"{name}.log*"):
            data = subprocess.run(["zcat", "-f", str(path)], capture_output=True, check=True).stdout
            self.assertNotIn(b"\0", data, path)
            self.assertTrue(not data or data.endswith(b"\n"), path)
            found += data.decode().splitlines()
        return found

    def test_rotated(self) -> None:
        """Under load: moved by the configuration that we ship, and in silence; copied and emptied."""
        origin, ports = self.ports["pages"], dict(self.ports)
        asked_of_pages = ports.pop("pages")
        self.assertEqual(asked_of_pages, origin)  # the proxy asks it, so that both have every number
        load = Load(ports, origin)
        self.addCleanup(load.stop)
        load.more()
        ways: list[Callable[[], None]] = [
            lambda: self.rotate(self.shipped()),
            self.move,
            lambda: self.rotate(COPYTRUNCATE.replace("FOLDER", str(self.folder))),
        ]
        for way in ways:
            for _ in range(ROUNDS):
                way()
                load.more()
        load.stop()
        self.assertEqual(self.suite.stop(), 0)
        self.assertEqual(load.faults, [])
        for name in ("httpecho", "formsite", "colors", "proxy", "pages"):
            asked = load.asked["proxy" if name == "pages" else name]
            numbers = sorted(int(each) for line in self.lines(name) for each in NUMBER.findall(line))
            self.assertEqual(numbers, list(range(asked)), name)
        met = sum("Connection from 127.0.0.1" in line for line in self.lines("twistd"))
        self.assertEqual(met, load.asked["echo"])
        self.assertGreater(len(list((self.folder / "own").iterdir())), 1)
        modes = {stat.S_IMODE(path.stat().st_mode) for path in self.folder.rglob("*.log*")}
        self.assertEqual(modes, {0o640})
        self.assertFalse(any("Traceback" in line for line in self.lines("twistd")))

    def test_sound(self) -> None:
        """logrotate has nothing to say against what we ship, but that there is no such user here."""
        path = self.suite.folder / "netsuite"
        shutil.copy(ROOT / "deploy/logrotate/netsuite", path)
        path.chmod(0o600)
        done = subprocess.run(["/usr/sbin/logrotate", "-d", str(path)], capture_output=True, text=True)
        said = [line for line in done.stderr.splitlines() if "error" in line and "unknown" not in line]
        self.assertEqual([line for line in said if "found error in" not in line], [], done.stderr)
        self.suite.signal(signal.SIGUSR1)
        until("nothing has moved, and all goes on", lambda: "logs reopened" in self.suite.log)
