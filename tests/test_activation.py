"""Sockets that were handed over: which one a name means, and who reaches it."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netsuite import activation
from netsuite.activation import Handed
from netsuite.proxy.settings import Options

HERE = Handed("web", 3, socket.AF_INET, ("127.0.0.1", 80))
HERE_6 = Handed("web", 4, socket.AF_INET6, ("::1", 80, 0, 0))
THERE = Handed("other", 5, socket.AF_INET, ("0.0.0.0", 81))
PATH = Handed("path", 6, socket.AF_UNIX, "/run/x")


class NameTests(SynchronousTestCase):
    """Four sockets of three names."""

    def setUp(self) -> None:
        self.patch(activation, "handed", lambda: (HERE, HERE_6, THERE, PATH))

    def test_meant(self) -> None:
        """A name means all sockets of it, a domain those of its family, an index the one at its place."""
        for description, meant in (
            ("systemd:name=web", [HERE, HERE_6]),
            ("systemd:domain=INET:name=web", [HERE]),
            ("systemd:domain=INET6:name=web", [HERE_6]),
            ("systemd:domain=UNIX:name=path", [PATH]),
            ("systemd:domain=INET:index=2", [THERE]),
            ("systemd:name=web:nth=1", [HERE_6]),
            ("systemd:name=none", []),
            ("systemd:index=9", []),
        ):
            self.assertEqual(activation.fitting(description), meant, description)

    def test_nonsense(self) -> None:
        """What can mean no socket is refused with what to write."""
        for description in (
            "systemd:web",
            "systemd:name=web:index=0",
            "systemd:domain=INET",
            "systemd:domain=NET:name=web",
            "systemd:name=web:port=80",
            "systemd:name=web:nth=x",
        ):
            error = self.assertRaises(ValueError, activation.fitting, description)
            self.assertIn("write systemd:domain=INET:name=NAME", str(error))

    def test_each(self) -> None:
        """A name of several is a place for each, with its TLS; one of one, or of none yet, is itself."""
        self.assertEqual(
            activation.each_of("systemd:name=web:privateKey=k"),
            ("systemd:name=web:privateKey=k:nth=0", "systemd:name=web:privateKey=k:nth=1"),
        )
        for text in ("systemd:name=other", "systemd:name=none", "tcp:80"):
            self.assertEqual(activation.each_of(text), (text,))

    def test_not_there(self) -> None:
        """One that isn't there is told with those that are."""
        error = self.assertRaises(ValueError, activation.the_one, "systemd:domain=INET:name=wbe")
        there = "web (127.0.0.1:80), web (::1:80), other (0.0.0.0:81), path (/run/x)"
        self.assertEqual(str(error), f"no socket named 'wbe' in INET was handed over; there are: {there}")

    def test_public(self) -> None:
        """Who reaches a socket is seen by its address; one that isn't here nobody reaches."""
        for text, is_public in (
            ("systemd:name=web", False),
            ("systemd:name=path", False),
            ("systemd:name=none", False),
            ("systemd:name=other", True),
            ("tcp:80", True),
        ):
            self.assertIs(activation.may_be_public([text]), is_public, text)

    def test_settings(self) -> None:
        """A proxy on a socket of this machine alone needs nothing more; on another it says who may come."""
        self.patch(os, "environ", {})
        told = Options()
        told.parse(["-p", "systemd:name=web"])
        settings: Any = told.settings
        self.assertEqual(len(settings.port.descriptions), 2)
        error = self.assertRaises(Exception, Options().parse, ["-p", "systemd:name=other"])
        self.assertIn("is reached from other machines", str(error))
