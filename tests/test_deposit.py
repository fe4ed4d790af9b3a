"""Sockets that stay with a service manager: how they are called, and which are given up."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netsuite import activation, deposit
from netsuite.activation import Handed


class DepositTests(SynchronousTestCase):
    """What is told, to a manager that keeps descriptors."""

    def setUp(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.patch(deposit, "notify", self.note)
        self.patch(deposit, "_left", set())
        self.patch(deposit, "_given_up", set())
        self.patch(os, "environ", {"FDSTORE": "9"})
        self.back: list[Handed] = []
        self.patch(activation, "handed", lambda: tuple(self.back))

    def note(self, what: str, name: str, fds: Any = ()) -> None:
        """A message was sent."""
        self.told.append((what.removesuffix("=1"), name.removeprefix("FDNAME=")))

    def test_named(self) -> None:
        """A name says where a socket is bound; one without a fixed place has none."""
        for description, name in (
            ("tcp:8001:interface=127.0.0.1", "netsuite-127.0.0.1-8001"),
            ("tcp:port=80", "netsuite--80"),
            ("tcp:80:interface=\\:\\:1", "netsuite-__1-80"),
            ("tcp:0:interface=127.0.0.1", None),
            ("unix:/run/x", None),
            ("systemd:name=web", None),
        ):
            self.assertEqual(deposit.name_of(description), name)

    def test_once(self) -> None:
        """Each is left once, and given up when it is bound no more."""
        deposit.leave({"netsuite-a": 1})
        deposit.leave({"netsuite-a": 1, "netsuite-b": 2})
        deposit.leave({"netsuite-b": 2})
        self.assertEqual(
            self.told,
            [("FDSTORE", "netsuite-a"), ("FDSTORE", "netsuite-b"), ("FDSTOREREMOVE", "netsuite-a")],
        )

    def test_given_back(self) -> None:
        """What came back is used and left there; what nobody listens on any more is closed and given up."""
        used, unused = socket.socket(), socket.socket()
        self.addCleanup(used.close)
        for name, each in (("netsuite--80", used), ("netsuite--81", unused)):
            self.back.append(Handed(name, os.dup(each.fileno()), socket.AF_INET, ("", 80)))
        unused.close()
        found = deposit.given_back("tcp:80")
        self.assertIs(found, self.back[0])
        deposit.leave({"netsuite--80": 5})
        self.assertEqual(self.told, [("FDSTOREREMOVE", "netsuite--81")])
        self.assertRaises(OSError, os.fstat, self.back[1].fd)
        self.assertIsNone(deposit.given_back("tcp:81"))
        deposit.leave({"netsuite--80": 5})
        self.assertEqual(len(self.told), 1)
        os.close(self.back[0].fd)

    def test_not_asked_for(self) -> None:
        """A manager that keeps nothing is told nothing."""
        for told in ("", "0", "x"):
            self.patch(os, "environ", {"FDSTORE": told})
            deposit.leave({"netsuite-a": 1})
        self.assertEqual(self.told, [])
