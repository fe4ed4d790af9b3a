"""Who has a port: really listening processes, and whatever the kernel's tables may say."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING
from netsuite.doctor.plan import Listener
from netsuite.doctor.ports import Tried, judge, look
from netsuite.doctor.running import Running
from netsuite.doctor.sockets import NoTables, Process, Socket, listening, meets, owners, process
from tests.real.parts import clean_environment

#: Listens where it is told, says where, and waits to be ended.
LISTEN = """
import socket, sys
kind, place = sys.argv[1:]
if kind == "unix":
    server = socket.socket(socket.AF_UNIX); server.bind(place); server.listen()
elif kind == "udp":
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind((place, 0))
else:
    six = ":" in place
    family = socket.AF_INET6 if six else socket.AF_INET
    server = socket.create_server((place, 0), family=family, dualstack_ipv6=six)
print(server.getsockname()[1] if kind != "unix" else 0, flush=True)
sys.stdin.read()
"""

TWISTD = ("/usr/bin/python3", "/opt/netsuite/bin/twistd", "-n", "netsuite", "-c", "/etc/x.toml")


class RealTests(SynchronousTestCase):
    """Another process that listens."""

    def holder(self, kind: str, place: str) -> tuple[int, int]:
        """The process id and port of a new listener."""
        process = subprocess.Popen(
            [sys.executable, "-c", LISTEN, kind, place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean_environment(),
        )
        self.addCleanup(process.communicate)
        assert process.stdout is not None
        return process.pid, int(process.stdout.readline())

    def test_found(self) -> None:
        """Whoever listens is named with the number of the process, by TCP, UDP and a Unix socket."""
        path = os.path.abspath(self.mktemp())
        for kind, place in (("tcp", "127.0.0.1"), ("udp", "127.0.0.1"), ("unix", path)):
            pid, port = self.holder(kind, place)
            listener = (
                Listener("echo --port", "unix", path=path)
                if kind == "unix"
                else Listener("echo --port", kind, place, port)
            )
            [finding] = judge(look([listener]), Running())
            self.assertEqual(finding.severity, FAULT, finding)
            self.assertIn(f"in use by python -c (process {pid})", finding.what)
            self.assertIn("choose another --port", finding.mend)

    def test_every_address(self) -> None:
        """A listener at every address is in the way of one at 127.0.0.1, an IPv6 one too."""
        for place in ("0.0.0.0", "::"):
            pid, port = self.holder("tcp", place)
            [finding] = judge(look([Listener("echo --port", "tcp", "127.0.0.1", port)]), Running())
            self.assertIn(f"process {pid}", finding.what)

    def test_free(self) -> None:
        """Where nobody listens it is free, also while old connections die; 0 is always free."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            link = socket.create_connection(server.getsockname())
            accepted = server.accept()[0]
        accepted.close()  # this side's end comes first: TIME_WAIT is here
        link.close()
        tried = look([Listener("a", "tcp", "127.0.0.1", port), Listener("b", "tcp", "127.0.0.1", 0)])
        [finding] = judge(tried, Running())
        self.assertEqual((finding.severity, finding.what), (OK, "2 places to listen at are free"))

    def test_no_such_address(self) -> None:
        """An address of another machine's (TEST-NET-1, RFC 5737) can't be listened at."""
        [finding] = judge(look([Listener("echo --port", "tcp", "192.0.2.1", 5001)]), Running())
        self.assertEqual((finding.severity, finding.where), (FAULT, "echo --port 192.0.2.1:5001"))
        self.assertIn("no such address", finding.what)

    def test_unix(self) -> None:
        """A socket's file that nobody answers at is no fault; one in no folder is."""
        path = os.path.abspath(self.mktemp())
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
        self.assertEqual(judge(look([Listener("a", "unix", path=path)]), Running())[0].severity, OK)
        [finding] = judge(look([Listener("a --port", "unix", path=f"{path}/x/y")]), Running())
        self.assertEqual(finding.severity, FAULT)

    def test_own(self) -> None:
        """This process's own listener is in the tables, with its address and user."""
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.create_server((host, 0), family=family) as server:
                port = server.getsockname()[1]
                [found] = [one for one in listening() if (one.host, one.port) == (host, port)]
                self.assertEqual(found.uid, os.geteuid())
                self.assertEqual(owners([found.inode]), {found.inode: [os.getpid()]})


class TableTests(SynchronousTestCase):
    """What the kernel's tables say."""

    def tables(self, tcp: str) -> Path:
        """A folder like /proc with such a table."""
        folder = Path(self.mktemp())
        (folder / "net").mkdir(parents=True)
        (folder / "net/tcp").write_text("  sl  local_address ...\n" + tcp)
        return folder

    def test_no_tables(self) -> None:
        """Where there are none, who has a port can't be told, and that is no pass."""
        self.assertRaises(NoTables, listening, Path(self.mktemp()))
        with socket.create_server(("127.0.0.1", 0)) as server:
            listener = Listener("echo --port", "tcp", *server.getsockname())
            found = judge(look([listener], Path(self.mktemp())), Running())
        self.assertEqual([one.severity for one in found], [FAULT, UNKNOWN])

    def test_states(self) -> None:
        """Only sockets that listen count."""
        line = "  0: 0100007F:{port} 00000000:0000 {state} 0:0 00:0 0  {uid} 0 {inode} 1\n"
        folder = self.tables(
            line.format(port="1F41", state="0A", uid=33, inode=77)
            + line.format(port="1F42", state="01", uid=0, inode=78)
            + "garbage\n"
        )
        self.assertEqual(listening(folder), [Socket("tcp", "127.0.0.1", 8001, 77, 33)])

    @settings(deadline=None, max_examples=50)
    @given(st.ip_addresses(), st.integers(1, 65535))
    def test_meets_itself(self, address: object, port: int) -> None:
        """A socket is in the way of another at its place, and not of one at another port."""
        one = Socket("tcp", str(address), port, 1)
        self.assertTrue(meets(one, "tcp", str(address), port))
        self.assertFalse(meets(one, "tcp", str(address), port % 65535 + 1))
        self.assertFalse(meets(one, "udp", str(address), port))

    def test_meets(self) -> None:
        """Two addresses of one family don't meet, all of a family meets each of it."""
        for one, other, answer in (
            ("127.0.0.1", "127.0.0.2", False),
            ("0.0.0.0", "127.0.0.1", True),
            ("127.0.0.1", "0.0.0.0", True),
            ("::", "127.0.0.1", True),
            ("::1", "127.0.0.1", False),
            ("127.0.0.1", "localhost", True),
        ):
            self.assertEqual(meets(Socket("tcp", one, 1, 1), "tcp", other, 1), answer, (one, other))

    def test_names(self) -> None:
        """A process is called what a person would call it; of twistd the service is named."""
        for words, name in (
            (("/usr/sbin/nginx", "-g", "daemon off;"), "nginx"),
            (("python3", "-u", "/srv/app.py", "--token=secret"), "python3 app.py"),
            (("python3", "-m", "http.server", "9000"), "python3 http.server"),
            (("bash", "-c", "secret"), "bash -c"),
            (TWISTD, "twistd netsuite"),
            (("python", "-c", "from twisted.scripts.twistd import run; run()", "echo"), "twistd echo"),
            (("",), "a process without a name"),
        ):
            self.assertEqual(Process(1, words).name, name)

    def test_process(self) -> None:
        """This process is found; one that is not there isn't."""
        found = process(os.getpid())
        assert found is not None
        self.assertEqual((found.uid, found.folder), (os.geteuid(), os.getcwd()))
        self.assertIsNone(process(0))


class JudgeTests(SynchronousTestCase):
    """Facts that are hard to plant."""

    listener = Listener("pages --port", "tcp", "127.0.0.1", 80)

    def test_not_allowed(self) -> None:
        """A low port without the right to it."""
        [finding] = judge([Tried(self.listener, errno.EACCES)], Running())
        self.assertEqual(finding.severity, FAULT)
        self.assertIn("--uid", finding.mend)

    def test_unseen(self) -> None:
        """Of a process that may not be looked at, the user is named."""
        [finding] = judge([Tried(self.listener, errno.EADDRINUSE, uid=0)], Running())
        self.assertIn("in use by a process of root (root can see which)", finding.what)

    def test_ours(self) -> None:
        """A service of ours that runs by itself, or another suite, is called that."""
        for word, told in (("netsuite", "a suite with other settings"), ("echo", "run by itself")):
            one = Process(7, ("python", "twistd", "-n", word))
            [finding] = judge([Tried(self.listener, errno.EADDRINUSE, (one,))], Running())
            self.assertIn(told, finding.what)

    def test_running(self) -> None:
        """What the running suite has is well; what it should have and has not is warned of."""
        told = {"state": "up", "services": [{"name": "pages", "listen": ["tcp:127.0.0.1:80"]}]}
        for running, error in (
            (Running(pid=7), errno.EADDRINUSE),
            (Running(told=told), errno.EADDRINUSE),
            (Running(told=told), errno.EACCES),  # root has started it, and we are not root
        ):
            one = Tried(self.listener, error, (Process(7, TWISTD),))
            [finding] = judge([one], running)
            self.assertEqual((finding.severity, "1 place" in finding.what), (OK, True))
            [finding] = judge([Tried(self.listener)], running)
            self.assertEqual(finding.severity, WARNING)
            self.assertIn("tcp:127.0.0.1:80", finding.what)
