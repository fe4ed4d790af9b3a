"""The suite's settings: which services run, where, and every fault of all of them at once."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from netsuite.crowd import Crowd
from netsuite.suite import PORTS, Options, Settings, makers
from tests.test_crowd import Guest


class OptionsTests(SynchronousTestCase):
    """Options of ``twistd netsuite``, from a command line and a file."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.patch(os, "environ", {"XDG_STATE_HOME": str(self.folder), "HOME": str(self.folder)})
        self.file = self.folder / "netsuite.toml"

    def read(self, text: str, *arguments: str) -> Settings:
        """The settings of a file and a command line."""
        return self.options(text, *arguments).settings

    def options(self, text: str, *arguments: str) -> Options:
        """The options, read."""
        told = Options()
        if text:
            self.file.write_text(text)
            arguments = ("-c", str(self.file), *arguments)
        told.parse(list(arguments))
        return told

    def faults(self, text: str, *arguments: str) -> list[str]:
        """What is wrong, a line each."""
        with self.assertRaises(usage.UsageError) as caught:
            self.read(text, *arguments)
        return str(caught.exception).splitlines()

    def names(self, text: str, *arguments: str) -> list[str]:
        """Who runs."""
        return [member.name for member in self.read(text, *arguments).members]

    def test_all(self) -> None:
        """Without a file all run but proxy, each on a port of its own."""
        told = self.read("")
        self.assertEqual(
            [member.name for member in told.members], [name for name in PORTS if name != "proxy"]
        )
        ports = {member.name: member.options.settings for member in told.members}
        self.assertEqual(ports["httpecho"].port.text, "8002")
        self.assertEqual(ports["wordproxy"].report.text, "8000")
        self.assertEqual(list(makers()), list(PORTS))

    def test_asked_for(self) -> None:
        """--with names who runs, --without who doesn't."""
        self.assertEqual(self.names("", "--with", "pages,echo"), ["echo", "pages"])
        self.assertEqual(self.names("", "--with", "pages", "--with", "proxy"), ["pages", "proxy"])
        self.assertNotIn("echo", self.names("", "--without", "echo,colors"))

    def test_every_two(self) -> None:
        """Any two can run together."""
        for one in PORTS:
            for two in PORTS:
                if one < two:
                    self.assertEqual(set(self.names("", "--with", f"{one},{two}")), {one, two})

    def test_file(self) -> None:
        """A file's tables say who runs; enabled = false leaves one out, --with takes one in."""
        text = "[echo]\nport = 0\n[pages]\nenabled = false\n[proxy]\nport = 0\n"
        self.assertEqual(self.names(text), ["echo", "proxy"])
        self.assertEqual(self.names(text, "--with", "colors", "--without", "echo"), ["colors", "proxy"])
        self.assertEqual(self.names("[netsuite]\nmax-clients = 9\n", "--with", "echo"), ["echo"])
        self.assertEqual(self.read(text).members[0].options.settings.port.text, "0")

    def test_faults(self) -> None:
        """All faults of the file are told at once, with their place and the nearest name."""
        text = "[echo]\nprot = 1\nmax-line = 'x'\n[page]\n[netsuite]\nadmin = 'tcp:'\n"
        faults = self.faults(text, "--with", "ecko")
        told = "\n".join(faults)
        for part in (
            "[echo] prot: no such setting; did you mean port?",
            "--max-line",
            "did you mean pages?",
            "--admin",
        ):
            self.assertIn(part, told)
        self.assertIn("'ecko' is no service; did you mean echo?", told)
        self.assertEqual(len(faults), len(set(faults)))

    def test_broken_file(self) -> None:
        """A file that is no TOML is one fault, not one for each service."""
        self.assertEqual(len(self.faults("[echo\n")), 1)
        self.assertEqual(len(self.faults("", "-c", str(self.folder / "none.toml"))), 1)

    def test_clash(self) -> None:
        """Two listeners at one address are told by their options."""
        (fault,) = self.faults("[echo]\nport = 8003\n[pages]\n")
        self.assertEqual(
            fault, "pages --port: 127.0.0.1:8003 is the place of echo --port too; choose another"
        )
        (fault,) = self.faults("[echo]\nport = 8009\n")
        self.assertIn("netsuite --admin", fault)

    def test_nobody(self) -> None:
        """A suite of none is refused."""
        self.assertIn("no service is left", self.faults("[echo]\n", "--without", "echo")[0])

    def test_again(self) -> None:
        """Read again, members keep the suite's ports and its bound."""
        options = self.options("[pages]\n[colors]\n")
        self.file.write_text("[pages]\n[colors]\nidle = 7\n")
        colors = options.settings.members[1].options
        told = colors.again()
        self.assertEqual((told.port.text, told.common.idle_seconds), ("8005", 7.0))
        self.assertIs(told.common.joint, colors.settings.common.joint)

    def test_check(self) -> None:
        """--check tells every setting of all, each with its origin."""
        self.patch(sys, "stdout", io.StringIO())
        self.assertRaises(SystemExit, self.read, "[echo]\nidle = 7\n", "--check")
        told: Any = sys.stdout
        self.assertIn("[echo]\n", told.getvalue())
        self.assertIn(f"idle = 7  (file {self.file})", told.getvalue())


class TogetherTests(SynchronousTestCase):
    """One bound on all connections of the process."""

    def test_bound(self) -> None:
        """Who comes when all are at work is turned away; an idle one of another service gives way."""
        options = Options()
        options.parse(["--with", "echo,pages", "--max-clients", "2"])
        one, two = (Crowd(None, member.options.settings.common) for member in options.settings.members)
        one._reactor = two._reactor = Still()
        first = Guest(one, "127.0.0.1")
        Guest(two, "127.0.0.1")
        self.assertEqual(two.admit("127.0.0.1"), "too many connections in all")
        self.assertEqual(two.refused, 1)
        first.busy = False
        two._reactor = one._reactor = Still(9.0)
        self.assertIsNone(two.admit("127.0.0.1"))
        self.assertIn("shut", first.told)


class Still:
    """A reactor whose clock stands."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def seconds(self) -> float:
        """Its time."""
        return self._now
