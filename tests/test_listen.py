"""Listeners are bound at the start, or the start is refused in one line on the terminal."""

from __future__ import annotations

import os
import socket
import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase, TestCase

from netsuite.listen import Listening, Refused, Terminal, authority, clashes, place
from netsuite.values import Where, parse_where


class Terminals:
    """A terminal whose other end can be read."""

    def __init__(self, case: SynchronousTestCase) -> None:
        case.patch(sys, "excepthook", sys.excepthook)
        self._read, write = os.pipe()
        kept = os.dup(2)
        os.dup2(write, 2)
        try:
            self.terminal = Terminal()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(write)
        case.addCleanup(os.close, self._read)
        case.addCleanup(self.terminal.release)

    def said(self) -> str:
        """Return what was said since the terminal was let go of or the last look."""
        self.terminal.release()
        return os.read(self._read, 4096).decode()


class BindTests(TestCase):
    """Real sockets on loopback, with ports that the system chooses."""

    def setUp(self) -> None:
        """Make a terminal, and take a port."""
        self.terminals = Terminals(self)
        self.taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.taken.close)
        self.port = self.taken.getsockname()[1]

    def listening(self, where: Where) -> Listening:
        """Return a listener of echo's at ``where``."""
        return Listening(
            where,
            Factory(),
            owner="echo",
            option="--port",
            terminal=self.terminals.terminal,
            reactor=reactor,
        )

    async def test_bound_at_start(self) -> None:
        """The port is open once the start has returned, and closed once the stop has fired."""
        listening = self.listening(parse_where("0"))
        listening.privilegedStartService()
        listening.startService()
        ((host, port),) = listening.addresses()
        self.assertEqual(host, "127.0.0.1")
        socket.create_connection((host, port), 5).close()
        await listening.stopService()
        self.assertRaises(ConnectionRefusedError, socket.create_connection, (host, port), 5)

    async def test_unix_socket(self) -> None:
        """A Unix socket's address is its path."""
        path = self.mktemp()
        listening = self.listening(parse_where(f"unix:{path}"))
        listening.startService()
        self.assertEqual(listening.addresses(), [(path, 0)])
        await listening.stopService()

    def test_taken(self) -> None:
        """A port in use refuses the start; the terminal says where, and which option helps."""
        listening = self.listening(parse_where(str(self.port)))
        self.assertRaises(Refused, listening.privilegedStartService)
        self.assertEqual(
            self.terminals.said(),
            f"netsuite: cannot start echo: 127.0.0.1:{self.port} is in use. Choose another with --port.\n",
        )

    def test_all_or_none(self) -> None:
        """If the second of two places is taken, the first is given back."""
        spot = f"tcp:{self.port}:interface=127.0.0.1"
        listening = self.listening(Where("two", ("tcp:0:interface=127.0.0.1", spot), False))
        self.assertRaises(Refused, listening.privilegedStartService)
        self.assertEqual(listening.ports, [])

    def test_not_ours(self) -> None:
        """An address that isn't this machine's, or a faulty endpoint, is refused in a line too."""
        for text in ("tcp:0:interface=192.0.2.1", "tcp:0:port=0", "unix:/nowhere/at/all"):
            terminals = self.terminals = Terminals(self)
            self.assertRaises(Refused, self.listening(parse_where(text)).privilegedStartService)
            said = terminals.said()
            self.assertEqual(len(said.splitlines()), 1, said)
            self.assertIn("Choose another with --port.", said)


class TerminalTests(SynchronousTestCase):
    """Tracebacks."""

    def test_only_refusals_are_silent(self) -> None:
        """A refusal, said already, prints no traceback; any other exception does."""
        seen: list[type[BaseException]] = []
        self.patch(sys, "excepthook", lambda kind, error, trace: seen.append(kind))
        terminal = Terminal()
        self.addCleanup(terminal.release)
        for error in (Refused("said"), ValueError("bug")):
            sys.excepthook(type(error), error, None)
        self.assertEqual(seen, [ValueError])

    def test_released(self) -> None:
        """After the release nothing more is written, and a second release does no harm."""
        terminals = Terminals(self)
        terminals.terminal.release()
        self.assertIsInstance(terminals.terminal.refuse("late"), Refused)
        self.assertEqual(terminals.said(), "")


class PlaceTests(SynchronousTestCase):
    """Places as a person writes them, and two of ours at one."""

    def test_shown(self) -> None:
        """Address and port, an IPv6 address in brackets, other endpoints as they were written."""
        for text, shown in (
            ("5001", "127.0.0.1:5001"),
            ("tcp:80:interface=\\:\\:1", "[::1]:80"),
            ("tcp:port=80", "0.0.0.0:80"),
            ("unix:/run/echo", "unix:/run/echo"),
        ):
            self.assertEqual(place(parse_where(text)), shown)
        self.assertEqual(authority("fe80::1", 1), "[fe80::1]:1")

    def test_clashes(self) -> None:
        """Two options with one place get a complaint that names both; port 0 never clashes."""
        same = clashes(
            [("--port", parse_where("8001")), ("--report", parse_where("tcp:8001:interface=127.0.0.1"))]
        )
        self.assertEqual(same, ["--report: 127.0.0.1:8001 is the place of --port too; choose another"])
        self.assertEqual(clashes([("--port", parse_where("0")), ("--report", parse_where("0"))]), [])
        self.assertEqual(clashes([("--port", parse_where("8000")), ("--report", parse_where("8001"))]), [])
