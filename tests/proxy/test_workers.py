"""The first process and its workers: what they say to each other, and who is replaced when."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import Any

from twisted.internet import reactor
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from netsuite.proxy import balance, workers
from netsuite.proxy.balance import Balance
from netsuite.proxy.settings import Options, Settings, share_of
from netsuite.proxy.talk import Talk
from netsuite.proxy.workers import Given, Workers, _One


class TalkTests(TestCase):
    """Messages and sockets over a real socket pair."""

    async def test_both_arrive(self) -> None:
        """A socket arrives with the line that it was sent with, also behind lines without one."""
        heard: list[tuple[dict[str, Any], list[int]]] = []
        pair = socket.socketpair()
        ends = [Talk(lambda message, sockets: heard.append((message, sockets))), Talk(lambda *_: None)]
        real: Any = reactor
        for end, one in zip(ends, pair, strict=True):
            one.setblocking(False)
            with one:
                real.adoptStreamConnection(one.fileno(), socket.AF_UNIX, _One(end))
        self.addCleanup(lambda: [end.transport.abortConnection() for end in ends])
        with socket.socket() as first, socket.socket() as second:
            ends[1].say({"number": 1, "text": "x" * 100_000})
            ends[1].say({"number": 2}, [first.fileno()])
            ends[1].say({"number": 3})
            ends[1].say({"number": 4}, [first.fileno(), second.fileno()])
            while len(heard) < 4:
                await deferLater(real, 0.001)
            self.assertEqual([message["number"] for message, _ in heard], [1, 2, 3, 4])
            self.assertEqual([len(sockets) for _, sockets in heard], [0, 1, 0, 2])
            received = heard[3][1][1]
            self.assertTrue(os.path.sameopenfile(received, second.fileno()))
        for _, sockets in heard:
            for each in sockets:
                os.close(each)


class Child:
    """A process transport without a process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid


class Machine(Clock):
    """A reactor that starts no process."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[workers.Worker] = []
        self.fails = False

    def callWhenRunning(self, call: Any) -> None:
        """It runs."""
        call()

    def adoptStreamConnection(self, fd: int, family: int, factory: Any) -> None:
        """Give the protocol a connection that keeps what it is told."""
        factory.buildProtocol(None).transport = Line()

    def spawnProcess(self, protocol: Any, *args: Any, **named: Any) -> None:
        """Note it."""
        if self.fails:
            raise OSError(11, "Resource temporarily unavailable")
        protocol.transport = Child(1000 + len(self.started))
        self.started.append(protocol)


class Line:
    """A connection that keeps lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.sockets: list[int] = []

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.lines.append(data)

    def writeSequence(self, pieces: Any) -> None:
        """Keep it."""
        self.lines.append(b"".join(pieces))

    def sendFileDescriptor(self, descriptor: int) -> None:
        """Keep it."""
        self.sockets.append(descriptor)

    def loseConnection(self) -> None:
        """Nothing to close."""


class WorkersTests(SynchronousTestCase):
    """Who is replaced, and when."""

    def setUp(self) -> None:
        self.machine = Machine()
        self.killed: list[int] = []
        self.patch(os, "kill", lambda pid, number: self.killed.append(pid))
        self.tries: list[tuple[str, bool]] = []
        self.messages: list[tuple[int, dict[str, Any]]] = []
        self.workers = Workers(
            self.machine,
            2,
            command=lambda number: ["worker", str(number)],
            given=lambda: Given(("tcp:1",), ((7, 2),), (("127.0.0.1", 1),)),
            greeting=lambda: {"key": "00"},
            on_try=lambda client, ok: self.tries.append((client, ok)),
            drain_seconds=lambda: 10.0,
            on_message=lambda worker, message: self.messages.append((worker.number, message)),
        )
        self.workers.startService()

    def beat(self, *numbers: int) -> None:
        """These workers, the latest of their numbers, say that they live."""
        latest = {worker.number: worker for worker in self.machine.started}
        for number in numbers:
            self.workers.heard(latest[number], {"beat": {"connections": 1}, "counts": []})

    def pass_seconds(self, seconds: int, *living: int) -> None:
        """Time passes, in which these workers beat."""
        for _ in range(seconds):
            self.machine.advance(1)
            self.beat(*living)

    def end(self, number: int, error: Any = None) -> None:
        """The latest worker of a number has ended."""
        latest = {worker.number: worker for worker in self.machine.started}
        latest[number].processEnded(Failure(error or ProcessTerminated(9)))

    def test_started(self) -> None:
        """Each is told what to listen on, with the socket beside it."""
        self.assertEqual([worker.number for worker in self.machine.started], [0, 1])
        line = self.machine.started[0].talk.transport
        self.assertIn(b'"descriptions":["tcp:1"]', line.lines[0])
        self.assertEqual(line.sockets[1:], [7])

    def test_silent(self) -> None:
        """One that has beaten and then is silent is killed, by its process id; the other is left alone."""
        self.beat(0, 1)
        self.pass_seconds(int(workers.SILENT_SECONDS), 1)
        self.assertEqual(self.killed, [])
        self.pass_seconds(1, 1)
        self.assertEqual(self.killed, [1000])
        self.pass_seconds(2, 1)
        self.assertEqual(self.killed, [1000], "once")

    def test_slow_start(self) -> None:
        """One that has not beaten yet has longer."""
        self.pass_seconds(int(workers.STARTING_SECONDS), 1)
        self.assertEqual(self.killed, [])
        self.pass_seconds(1, 1)
        self.assertEqual(self.killed, [1000])

    def test_we_stood_still(self) -> None:
        """After a time in which we ourselves were stopped, nobody is blamed for our silence."""
        self.beat(0, 1)
        self.machine.advance(3600)
        self.assertEqual(self.killed, [])
        self.pass_seconds(3, 0, 1)
        self.assertEqual(self.killed, [])

    def test_replaced(self) -> None:
        """One that had lived for a while is replaced at once; one that keeps dying ever later."""
        self.pass_seconds(int(workers.SETTLED_SECONDS), 0, 1)
        self.end(0)
        self.machine.advance(0)
        self.assertEqual(len(self.machine.started), 3)
        waits = []
        for _ in range(10):
            self.end(0)
            before, waited = len(self.machine.started), 0.0
            while len(self.machine.started) == before:
                self.machine.advance(0.25)
                waited += 0.25
            waits.append(waited)
        self.assertEqual(waits[:4], [0.5, 1.0, 2.0, 4.0])
        self.assertEqual(waits[-1], workers.AGAIN_MOST)

    def test_no_process_to_be_had(self) -> None:
        """Where no process can be started now it is tried again."""
        self.machine.fails = True
        self.end(1)
        self.machine.advance(0)
        self.machine.fails = False
        self.machine.advance(workers.AGAIN_SECONDS)
        self.assertEqual(len(self.machine.started), 3)

    def test_late_word(self) -> None:
        """What a worker said before its end and is heard after it does not count twice."""
        late = self.machine.started[0]
        self.end(0)
        self.workers.heard(late, {"beat": {"connections": 5}, "counts": []})
        self.beat(1)
        self.assertEqual(self.workers.status()["connections"], 1)

    def test_tries_go_round(self) -> None:
        """A log-in that one has seen is told to us and to the others."""
        first, second = self.machine.started
        self.workers.heard(first, {"try": ["192.0.2.1", False]})
        self.assertEqual(self.tries, [("192.0.2.1", False)])
        self.assertIn(b'"do":"try"', second.talk.transport.lines[-1])
        self.assertNotIn(b'"do":"try"', first.talk.transport.lines[-1])

    def test_messages_of_a_service(self) -> None:
        """What is none of ours is handed on; what is to be told reaches all, or one that is at work."""
        first, second = self.machine.started
        self.workers.heard(first, {"batch": 1})
        self.assertEqual(self.messages, [(0, {"batch": 1})])
        self.workers.tell({"do": "count"})
        for each in (first, second):
            self.assertIn(b'"do":"count"', each.talk.transport.lines[-1])
        self.assertFalse(self.workers.tell_one({"do": "note"}), "none is at work yet")
        self.beat(1)
        self.assertTrue(self.workers.tell_one({"do": "note"}))
        self.assertIn(b'"do":"note"', second.talk.transport.lines[-1])
        self.assertNotIn(b'"do":"note"', first.talk.transport.lines[-1])

    def test_stop(self) -> None:
        """All are told to finish; the stop is done when the last has ended, and none is started anew."""
        stopped = self.workers.stopService()
        self.assertIn(b'"do":"drain"', self.machine.started[0].talk.transport.lines[-1])
        self.end(0, ProcessDone(0))
        self.assertNoResult(stopped)
        self.end(1, ProcessDone(0))
        self.successResultOf(stopped)
        self.assertEqual((self.machine.getDelayedCalls(), len(self.machine.started)), ([], 2))

    def test_stop_has_an_end(self) -> None:
        """Who has not ended in time is killed."""
        stopped = self.workers.stopService()
        self.machine.advance(10.0 + workers.ENDING_SECONDS)
        self.assertEqual(self.killed, [1000, 1001])
        self.end(0)
        self.end(1)
        self.successResultOf(stopped)

    def test_stop_between_two(self) -> None:
        """A worker that was to be started is not, once all are to go."""
        self.end(0)
        stopped = self.workers.stopService()
        self.end(1)
        self.successResultOf(stopped)
        self.machine.advance(60)
        self.assertEqual(len(self.machine.started), 2)


class BalanceTests(SynchronousTestCase):
    """Who accepts the next client."""

    def test_ahead(self) -> None:
        """One that has clearly more than another that lives steps back; one that has as much does not."""
        descriptor = balance.make(3)
        first, second, third = (Balance(descriptor, number, 3) for number in range(3))
        os.close(descriptor)
        for each in (second, third):
            each.tell(10, 100.0)
        self.assertFalse(first.is_ahead(10 + balance.AHEAD, 100.0))
        self.assertTrue(first.is_ahead(10 + balance.AHEAD + 1, 100.0))
        third.tell(3, 100.0)
        self.assertTrue(first.is_ahead(10, 100.5))
        self.assertFalse(first.is_ahead(10, 100.0 + balance.STALE_SECONDS), "who is silent has no say")
        self.assertFalse(third.is_ahead(3, 100.0))

    def test_many(self) -> None:
        """With many connections a few more are no matter."""
        descriptor = balance.make(2)
        first, second = (Balance(descriptor, number, 2) for number in range(2))
        os.close(descriptor)
        second.tell(950, 5.0)
        self.assertFalse(first.is_ahead(1000, 5.0))
        second.tell(900, 5.0)
        self.assertTrue(first.is_ahead(1000, 5.0))


class ShareTests(SynchronousTestCase):
    """What one worker may do."""

    def settings(self, *arguments: str) -> Settings:
        """Return the settings of a command line."""
        self.patch(os, "environ", {})
        options = Options()
        options.parse(list(arguments))
        made: Settings = options.settings
        return made

    def test_parts(self) -> None:
        """Bounds are divided, upwards; only the first process has an admin listener."""
        bounds = ("--max-clients", "10", "--per-client", "3", "--rate", "8", "--bandwidth", "1MiB")
        told = self.settings(*bounds, "--admin", "1")
        part = share_of(told, 4)
        self.assertEqual((part.common.max_clients, part.common.per_client), (3, 1))
        self.assertEqual((part.rate, part.bandwidth, part.common.admin), (2.0, 1 << 18, None))
        self.assertEqual(part.common.per_client_loopback, 1)

    def test_nothing_set(self) -> None:
        """What has no bound has none in a worker."""
        part = share_of(self.settings(), 4)
        self.assertEqual((part.rate, part.bandwidth, part.common.per_client_loopback), (None, None, None))
        self.assertEqual(replace(part, common=self.settings().common), self.settings())
