"""wordproxy's options: what they mean and how they are refused."""

from __future__ import annotations

import os

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from netsuite import statefolder
from netsuite.wordproxy.settings import Options, Settings


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

    def test_spool(self) -> None:
        """A store in a Redis has a spool in the state folder, if it may have a byte; others have none."""
        told = settings("-s", "redis://u@h/?prefix=mine").feed
        self.assertEqual(told.spool, "/home/reader/.local/state/netsuite/spool")
        self.assertEqual((told.spool_bytes, told.spool_name), (256 << 20, "redis://h:6379/0?prefix=mine"))
        for options in (("-s", "redis://h", "--spool", "0"), ("-s", "/a/words.db"), ("-s", ":memory:")):
            self.assertEqual((settings(*options).feed.spool, settings(*options).feed.spool_bytes), ("", 0))
        self.assertEqual(settings("-s", "redis://h", "--spool", "1GiB", "-k", "7").feed.spool_bytes, 1 << 30)

    def test_no_place_for_a_spool(self) -> None:
        """Without a home a spool has no place, and that is said."""
        os.environ.clear()
        self.patch(statefolder, "_passwd_home", lambda: None)
        fault = self.assertRaises(UsageError, settings, "-s", "redis://h")
        self.assertIn("--spool", str(fault))
        settings("-s", "redis://h", "--spool", "0")

    def test_profiles(self) -> None:
        """Users can be counted apart only where they log in."""
        fault = self.assertRaises(UsageError, settings, "--profiles")
        self.assertIn("--htpasswd", str(fault))
        users = self.mktemp()
        with open(users, "w") as file:
            file.write("")
        self.assertTrue(settings("--profiles", "-A", users).profiles)
        self.assertFalse(settings("-A", users).profiles)

    def test_revisits(self) -> None:
        """Pages that had not changed are ignored or counted, nothing else."""
        self.assertEqual([settings(*said).revisits for said in ((), ("--revisits", "count"))], [False, True])
        self.assertRaises(UsageError, settings, "--revisits", "maybe")

    def test_all_faults(self) -> None:
        """Every fault is told, a line each."""
        fault = self.assertRaises(UsageError, settings, "-k", "x", "--max-text", "y", "-w", "en=/none/there")
        self.assertEqual(len(str(fault).splitlines()), 3)
