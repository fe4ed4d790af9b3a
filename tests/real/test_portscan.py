"""portscan where it is hard: few descriptors, lost packets, firewalls, all ports; in a network of its own.

A network namespace is a second machine at the other end of a cable (veth), whose firewall and losses are ours
to choose.  Where the machine allows no namespace, or has no nft, the test is skipped and says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.real.parts import require
from tests.scale import NIGHTLY
from tests.scripts.tools import PATIENCE, command, environment, finished

#: Listens on ports of its argument in the namespace where it is started, until its input ends.
LISTENER = """
import socket, sys
held = [socket.create_server(("", int(port)), backlog=64) for port in sys.argv[1].split(",")]
print("there", flush=True)
sys.stdin.read()
"""


def scan(*arguments: str, inside: tuple[str, ...] = (), **options: Any) -> tuple[int, dict[str, Any], str]:
    """Return a scan's exit status, its only host's result and its complaints."""
    code, output, errors = finished([*inside, *command("portscan", "-j", *arguments)], **options)
    return code, json.loads(output)["result"]["hosts"][0], errors


class LimitTests(SynchronousTestCase):
    """What the system does not have much of."""

    def few(self) -> None:
        """64 descriptors, and no way to more."""
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    def test_descriptors(self) -> None:
        """With 64 descriptors 1000 ports are scanned, and all that are open are found."""
        with contextlib.ExitStack() as stack:
            listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(10)]
            opened = sorted(each.getsockname()[1] for each in listeners)
            first = min(opened[0], 64000)
            ports = sorted({*opened, *range(first, first + 1000)})[:1010]
            text = ",".join(map(str, ports))
            for manner in (("--rate", "0"), ("--rate", "0", "--parallel", "1000")):
                code, host, errors = scan("-p", text, *manner, "127.0.0.1", preexec_fn=self.few)
                self.assertEqual(code, 0, errors)
                self.assertLessEqual(set(opened) & set(ports), set(host["open"]))
                self.assertEqual((host["errors"], host["filtered"]), ([], []))


class RateTests(SynchronousTestCase):
    """A rate that is held."""

    def test_all_at_a_rate(self) -> None:
        """At 5000 a second all ports (nightly: 65,535, in 13 s) are scanned, and what listens is found."""
        last = 65535 if NIGHTLY else 5000
        with contextlib.ExitStack() as stack:
            listeners = [stack.enter_context(socket.create_server(("127.0.0.88", 0))) for _ in range(5)]
            opened = [each.getsockname()[1] for each in listeners]
            ports = ",".join([f"1-{last}", *map(str, opened)])
            code, host, errors = scan("-p", ports, "--rate", "5000", "127.0.0.88")
        self.assertEqual(code, 0, errors)
        self.assertLessEqual(set(opened), set(host["open"]))
        self.assertEqual((host["errors"], host["filtered"]), ([], []))


class NamespaceTests(SynchronousTestCase):
    """A scan of another machine."""

    def setUp(self) -> None:
        """Two namespaces with a cable between them; the far one listens on ten ports."""
        for tool in ("ip", "nft"):
            require(tool, shutil.which(tool))
        require("root", os.geteuid() == 0)
        self.near, self.far = f"nsn{os.getpid()}", f"nsf{os.getpid()}"
        made = subprocess.run(["ip", "netns", "add", self.near], capture_output=True, check=False)
        require("network namespaces", made.returncode == 0)
        self.addCleanup(self.ip, "netns", "del", self.near)
        self.ip("netns", "add", self.far)
        self.addCleanup(self.ip, "netns", "del", self.far)
        # both ends are made inside, so that no name of this machine is taken
        self.ip(
            "-n",
            self.near,
            "link",
            "add",
            "cable",
            "type",
            "veth",
            "peer",
            "name",
            "cable",
            "netns",
            self.far,
        )
        for space, address in ((self.near, "10.77.0.1/24"), (self.far, "10.77.0.2/24")):
            self.ip("-n", space, "address", "add", address, "dev", "cable")
            self.ip("-n", space, "link", "set", "cable", "up")
            self.ip("-n", space, "link", "set", "lo", "up")
        self.opened = [22, 80, 100, 250, 333, 443, 512, 700, 850, 999]
        words = [*self.within(self.far), sys.executable, "-Ic", LISTENER, ",".join(map(str, self.opened))]
        listener = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert listener.stdout is not None
        assert listener.stdin is not None
        self.addCleanup(listener.wait, PATIENCE)
        self.addCleanup(listener.stdin.close)
        self.addCleanup(listener.stdout.close)
        self.assertEqual(listener.stdout.readline(), "there\n")

    def ip(self, *words: str) -> None:
        """Run ip."""
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def within(self, space: str) -> tuple[str, ...]:
        """Return what a command begins with to run in a namespace."""
        return ("ip", "netns", "exec", space)

    def firewall(self, *rules: str) -> None:
        """The far machine's firewall has these rules."""
        self.rules(self.far, *rules)

    def rules(self, space: str, *rules: str) -> None:
        """What comes into a namespace is judged by these rules."""
        listed = "\n".join(["type filter hook input priority 0", *rules])
        text = f"table inet f {{\nchain i {{\n{listed}\n}}\n}}\n"
        subprocess.run([*self.within(space), "nft", "-f", "-"], input=text.encode(), check=True)

    def scan(self, *arguments: str, **options: Any) -> tuple[int, dict[str, Any], str]:
        """Scan from the near machine."""
        return scan(*arguments, inside=self.within(self.near), env=environment(), **options)

    def test_filtered(self) -> None:
        """Dropped is filtered, rejected by the firewall too; a REJECT with a reset is closed."""
        self.firewall(
            "tcp dport { 22, 50-59 } drop",
            "tcp dport { 80, 60-64 } reject with icmpx type admin-prohibited",
            "tcp dport 100 reject with tcp reset",
        )
        code, host, errors = self.scan("-p", "1-1000", "-t", "0.5", "--rate", "0", "10.77.0.2")
        self.assertEqual(code, 0, errors)
        self.assertEqual(host["open"], [250, 333, 443, 512, 700, 850, 999])
        self.assertEqual(host["filtered"], [22, *range(50, 65), 80])
        self.assertEqual((host["closed"], host["errors"]), (1000 - 7 - 17, []))

    def test_silent_host(self) -> None:
        """A machine that drops all is unknown: 3; an address that nobody has too; no route is 7."""
        self.firewall("tcp dport 1-65535 drop")
        for address in ("10.77.0.2", "10.77.0.99"):
            code, host, _ = self.scan("-p", "1-50", "-t", "0.2", address)
            self.assertEqual((code, host["state"]), (3, "unknown"))
        code, host, _ = self.scan("-p", "1-50", "10.78.0.1")
        self.assertEqual((code, host["state"]), (7, "unreachable"))

    def test_losses(self) -> None:
        """With a tenth of all packets lost each way, what is open is found, and nothing is told wrongly."""
        for space in (self.near, self.far):
            self.rules(space, "ip protocol tcp numgen random mod 100 < 10 drop")
        manner = ("-t", "0.4", "--rate", "0", "--retries", "4")
        code, host, errors = self.scan("-p", "1-1000", *manner, "10.77.0.2")
        self.assertEqual(code, 0, errors)
        self.assertEqual(host["open"], self.opened)
        self.assertEqual(host["closed"] + len(host["filtered"]), 990)

    def test_descriptors(self) -> None:
        """With 64 descriptors and ports that drop, all that are open are found, and none is called closed."""
        self.firewall("tcp dport { 101-140 } drop")
        code, host, errors = self.scan(
            "-p", "1-1000", "-t", "0.3", "--rate", "0", "--parallel", "1000", "10.77.0.2", preexec_fn=few
        )
        self.assertEqual(code, 0, errors)
        self.assertEqual((host["open"], host["filtered"]), (self.opened, list(range(101, 141))))


def few() -> None:
    """64 descriptors, and no way to more."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
