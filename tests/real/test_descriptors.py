"""With too few descriptors for its clients a service lives, idles, and serves again."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import socket
import sys
import time
from pathlib import Path
from unittest import TestCase

from tests.real.origins import Origin
from tests.real.parts import FETCH_SECONDS, PartError, Twistd, until

DESCRIPTORS, CLIENTS = 96, 300

#: Seconds over which idleness is looked at, and the most of them that may be worked.
LOOK_SECONDS, WORKED_SECONDS = 2.0, 0.2

#: Seconds after which it serves again.
AGAIN_SECONDS = 15.0

_RUN = """\
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {0}))
from twisted.scripts.twistd import run
run()
"""


class Limited(Twistd):
    """twistd that starts with few descriptors."""

    def launch(self) -> None:
        """twistd runs."""
        run = _RUN.format(DESCRIPTORS)
        self.start([sys.executable, "-c", run, "-n", "--pidfile=", *self.arguments])


def worked_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class DescriptorTests(TestCase):
    """A proxy with 300 clients and 96 descriptors."""

    def setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 2 * CLIENTS:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * CLIENTS), hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.origin = Origin()
        self.addCleanup(self.origin.close)
        self.clients = self.enterContext(contextlib.ExitStack())

    def crowd(self, proxy: Twistd, sent: bytes = b"") -> None:
        """Three hundred clients are connected, or wait for it, and have sent this much."""
        place = ("127.0.0.1", proxy.ports["proxy"])
        for _ in range(CLIENTS):
            client = self.clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(place)
            with contextlib.suppress(BlockingIOError):
                client.send(sent)

    def served(self, proxy: Twistd) -> bool:
        """Whether a request is answered by the origin."""
        connection = http.client.HTTPConnection("127.0.0.1", proxy.ports["proxy"], timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", self.origin.url(1000))
            answer = connection.getresponse()
            return answer.status == 200 and len(answer.read()) == 1000
        return False

    def assert_idle(self, proxy: Twistd) -> None:
        """It does next to nothing, however many wait; tried a few times, as the machine has other work."""
        for _ in range(5):
            before = worked_seconds(proxy.pid)
            time.sleep(LOOK_SECONDS)
            if worked_seconds(proxy.pid) - before < WORKED_SECONDS:
                return
        raise PartError("it is never idle")

    def test_known_from_the_start(self) -> None:
        """It lets in no more clients than descriptors are enough for, says so, and sheds the silent ones."""
        proxy = Limited("proxy", "-p", "0", "--allow-net", "127.0.0.0/8")
        self.addCleanup(proxy.close)
        proxy.up()
        proxy.wait_log(rf"\d+ connections at once, not 1024: the system gives {DESCRIPTORS} descriptors")
        self.crowd(proxy)
        self.assertTrue(self.served(proxy), "an idle client gives way to one that asks")
        self.assert_idle(proxy)
        self.assertNotIn("Traceback", proxy.log)

    def test_taken_away(self) -> None:
        """Where descriptors really run out it waits without spinning, and serves once clients are gone."""
        proxy = Twistd("proxy", "-p", "0", "--allow-net", "127.0.0.0/8")
        self.addCleanup(proxy.close)
        proxy.up()
        self.assertTrue(self.served(proxy))
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        self.crowd(proxy, b"GET http://")  # at work, so that none is shed
        proxy.wait_log("proxy accepts none for a moment: Too many open files")
        self.assert_idle(proxy)
        self.assertTrue(proxy.running())
        self.clients.close()
        until("a request is served", lambda: self.served(proxy), AGAIN_SECONDS)
        self.assertNotIn("Traceback", proxy.log)
        self.assertEqual(proxy.log.count("accepts none"), 1)

    def test_origins_without(self) -> None:
        """A request whose origin there is no descriptor for is answered, and the next one is served."""
        proxy = Twistd("proxy", "-p", "0", "--allow-net", "127.0.0.0/8", "--connect-timeout", "5")
        self.addCleanup(proxy.close)
        proxy.up()
        self.assertTrue(self.served(proxy))
        now = len(os.listdir(f"/proc/{proxy.pid}/fd"))
        connection = http.client.HTTPConnection("127.0.0.1", proxy.ports["proxy"], timeout=FETCH_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", self.origin.url(1))
            connection.getresponse().read()
            far = Origin()
            self.addCleanup(far.close)
            resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (now, 4096))
            connection.request("GET", far.url(1))
            answer = connection.getresponse()
            answer.read()
            self.assertIn(answer.status, (200, 502, 503))
            resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        until("a request is served", lambda: self.served(proxy), AGAIN_SECONDS)
        self.assertNotIn("Traceback", proxy.log)
