"""Signals do what the guide says, at every moment, and clocks that are set change no timer."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite import life
from netsuite import notify as notices
from netsuite.life import Life, steady
from netsuite.listen import Terminal
from netsuite.notify import notify


class Machine(Clock):
    """A reactor that notes how it is ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[str] = []
        self.after: list[Any] = []

    def callFromThread(self, call: Any, *args: Any) -> None:
        """Call now."""
        call(*args)

    def callWhenRunning(self, call: Any) -> None:
        """It runs."""
        call()

    def addSystemEventTrigger(self, phase: str, event: str, call: Any) -> None:
        """Keep what is to be done last."""
        self.after.append(call)

    def stop(self) -> None:
        """Note it."""
        self.ended.append("stop")

    def crash(self) -> None:
        """Note it."""
        self.ended.append("crash")


class SignalTests(SynchronousTestCase):
    """Real signals, to ourselves."""

    def setUp(self) -> None:
        """Have a life, and the signals' handlers back afterwards."""
        self.patch(sys, "excepthook", sys.excepthook)
        self.patch(os, "environ", {})
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.machine, self.done = Machine(), []  # type: ignore[var-annotated]
        self.faults: list[Exception] = []
        self.life = Life(
            self.machine,
            Terminal(),
            on_reload=self.reload,
            on_reopen=lambda: self.done.append("reopen"),
            drain_seconds=lambda: 45.0,
            exit_soon=lambda: self.done.append("exit"),
        )
        self.life.startService()

    def reload(self) -> None:
        """Note it, or fail."""
        if self.faults:
            raise self.faults.pop()
        self.done.append("reload")

    def test_second_ends_at_once(self) -> None:
        """The first TERM or INT finishes what is in hand, the second ends all, also while services stop."""
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)):
            self.machine.ended.clear()
            self.life._stopping = False
            os.kill(os.getpid(), first)
            self.assertEqual(self.machine.ended, ["stop"])
            self.life.stopService()
            os.kill(os.getpid(), second)
            self.assertEqual(self.machine.ended, ["stop", "crash"])
            self.assertEqual(self.done.pop(), "exit")

    def test_given_back(self) -> None:
        """Once all has stopped the signals are whose they were."""
        before = signal.getsignal(signal.SIGHUP)
        self.life.stopService()
        self.machine.after[0]()
        self.assertIsNot(signal.getsignal(signal.SIGHUP), before)

    def test_reload(self) -> None:
        """HUP reloads; one that can't be done is told, and the next one is tried again."""
        os.kill(os.getpid(), signal.SIGHUP)
        self.faults = [OSError(13, "Permission denied"), ValueError("line 3")]
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(self.done, ["reload", "reload"])

    def test_told_to_systemd(self) -> None:
        """A reload is announced with its time, and its end told."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            folder = tempfile.mkdtemp(prefix="netsuite-notify-")
            self.addCleanup(shutil.rmtree, folder)
            channel.bind(path := f"{folder}/socket")
            os.environ["NOTIFY_SOCKET"] = path
            os.kill(os.getpid(), signal.SIGHUP)
            self.assertRegex(channel.recv(1000), rb"^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=reloading$")
            self.assertEqual(channel.recv(1000), b"READY=1\nSTATUS=running")
            self.faults = [ValueError("line 3")]
            os.kill(os.getpid(), signal.SIGHUP)
            channel.recv(1000)
            self.assertEqual(channel.recv(1000), b"READY=1\nSTATUS=reload refused: line 3")
            os.kill(os.getpid(), signal.SIGTERM)
            told = channel.recv(1000).decode().splitlines()
            self.assertEqual(told[:2], ["STOPPING=1", "STATUS=finishing what is in hand"])
            self.assertEqual(told[2:], ["EXTEND_TIMEOUT_USEC=75000000"])
            notify("STATUS=well")
            self.assertEqual(channel.recv(1000), b"STATUS=well")

    def test_watchdog(self) -> None:
        """systemd hears of a process that it watches, at half of its time, to the end of its drain."""
        self.patch(life, "notify", lambda *states: self.done.append(states[0]))
        os.environ["WATCHDOG_USEC"] = "2000000"
        one = Life(self.machine, Terminal())
        one.startService()
        self.machine.advance(1.0)
        self.machine.advance(1.0)
        self.assertEqual(self.done, ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"])
        one.stopService()
        self.machine.advance(1.0)
        self.assertEqual(len(self.done), 5)
        self.machine.after.pop()()
        self.machine.advance(9.0)
        self.assertEqual(len(self.done), 5)

    def test_silent(self) -> None:
        """A manager that is gone, or never was, is no trouble; one that takes nothing holds nobody up."""
        notify("READY=1")
        os.environ["NOTIFY_SOCKET"] = "/nowhere/at/all"
        notify("READY=1")
        self.patch(notices, "SEND_SECONDS", 0.01)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.bind(f"\0netsuite-{os.getpid()}-full")
            os.environ["NOTIFY_SOCKET"] = f"@netsuite-{os.getpid()}-full"
            for _ in range(300):  # more than a queue of a socket holds
                notify("WATCHDOG=1")
            self.assertEqual(channel.recv(100), b"WATCHDOG=1")

    def test_children(self) -> None:
        """A child hears nothing of what is said to us alone."""
        told = {
            "NOTIFY_SOCKET": "@x",
            "WATCHDOG_USEC": "1",
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "a",
            "HOME": "/",
        }
        self.assertEqual(notices.for_child(told), {"HOME": "/"})

    def test_not_watched(self) -> None:
        """Not where it asks for another process, or for nonsense."""
        for told in (
            {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"},
            {"WATCHDOG_USEC": "x"},
            {"WATCHDOG_USEC": "0"},
            {},
        ):
            self.patch(os, "environ", told)
            self.assertIsNone(notices.watchdog_seconds(), told)

    def test_stand_in(self) -> None:
        """One takes the signals for others, which are started no more: each of them pauses and reopens."""
        heard: list[str] = []
        tree = MultiService()
        others = [
            Life(self.machine, Terminal(), on_reopen=lambda n=n: heard.append(f"reopen {n}"), on_pause=pause)  # type: ignore[misc]
            for n, pause in enumerate(
                (None, lambda: heard.append("pause 1"), lambda: heard.append("pause 2"))
            )
        ]
        for other in others:
            other.setServiceParent(tree)
        one = Life(self.machine, Terminal())
        one.stand_in(others)
        self.assertEqual(list(tree), [])
        one.startService()
        self.addCleanup(one.stopService)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(os.getpid(), number)
        self.assertEqual(heard, ["reopen 0", "reopen 1", "reopen 2", "pause 1", "pause 2"])


class ClockTests(SynchronousTestCase):
    """Time."""

    def test_steady(self) -> None:
        """A reactor with nothing waiting is given a clock that is never set."""
        machine: Any = Machine()
        steady(machine)
        self.assertIs(machine.seconds, time.monotonic)

    def test_too_late(self) -> None:
        """One on which calls wait already keeps the clock they were timed by."""
        machine: Any = Machine()
        machine.callLater(5, list)
        steady(machine)
        self.assertEqual(machine.seconds(), 0.0)
