"""wordproxy's options: what they mean and how they are refused."""

from __future__ import annotations

import os

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.service import Options, Settings


def settings(*arguments: str) -> Settings:
    """Return the settings of a command line."""
    options = Options()
    options.parse(list(arguments))
    made: Settings = options.settings
    return made


class OptionsTests(SynchronousTestCase):
    """The command line of ``twistd wordproxy``."""

    def setUp(self) -> None:
        self.patch(os, "environ", {"HOME": "/home/reader"})

    def test_default(self) -> None:
        """Without options: loopback, the tutorial's ports, the store in the state folder, 90 days."""
        told = settings()
        self.assertEqual(told.proxy.port.descriptions, ("tcp:8001:interface=127.0.0.1",))
        self.assertEqual(told.report.descriptions, ("tcp:8000:interface=127.0.0.1",))
        self.assertEqual(told.store, "/home/reader/.local/state/netsuite/words.db")
        self.assertEqual((told.keep_days, told.feed.max_text), (90, 8 << 20))

    def test_memory(self) -> None:
        """A store in memory is asked for by its name."""
        self.assertEqual(settings("-s", ":memory:").store, ":memory:")

    def test_repeated(self) -> None:
        """Host patterns are gathered, in the form in which hosts are compared."""
        told = settings("--only-host", "*.Example.ORG.", "--only-host", "a.test")
        self.assertEqual(told.only_hosts, ("*.example.org", "a.test"))

    def test_environment(self) -> None:
        """The environment speaks where the command line does not."""
        os.environ["NETSUITE_WORDPROXY_KEEP"] = "7"
        self.assertEqual(settings().keep_days, 7)
        self.assertEqual(settings("-k", "8").keep_days, 8)

    def test_same_place(self) -> None:
        """Proxy and report at one address are refused before anything is bound."""
        fault = self.assertRaises(UsageError, settings, "-p", "8001", "-r", "8001")
        self.assertIn("127.0.0.1:8001", str(fault))

    def test_public_report(self) -> None:
        """A report that other machines reach needs to know which may, whatever users the proxy has."""
        self.assertRaises(UsageError, settings, "-r", "tcp:8000", "-A", "/dev/null")
        settings("-r", "tcp:8000", "--allow-client", "192.168.1.0/24")

    def test_workers(self) -> None:
        """Several relays count as one; how many they may be has a bound."""
        self.assertEqual(settings("--workers", "2").proxy.workers, 2)
        fault = self.assertRaises(UsageError, settings, "--workers", "0")
        self.assertIn("--workers", str(fault))

    def test_hooks(self) -> None:
        """Its hooks are its own."""
        fault = self.assertRaises(UsageError, settings, "--hooks", "pages:Pages")
        self.assertIn("--hooks", str(fault))

    def test_all_faults(self) -> None:
        """Every fault is told, a line each."""
        fault = self.assertRaises(UsageError, settings, "-k", "x", "--max-text", "y", "-w", "en=/none/there")
        self.assertEqual(len(str(fault).splitlines()), 3)
