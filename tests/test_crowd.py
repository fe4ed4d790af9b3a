"""How many connections, whose, and until when."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite import crowd as crowds
from netsuite.crowd import NEVER, Crowd, may_connect
from netsuite.options import Common
from netsuite.values import Network


def common(most: int = 3, each: int = 2, loopback: int | None = None, *nets: Network) -> Common:
    """Return settings with these bounds."""
    return Common(
        max_clients=most,
        per_client=each,
        per_client_loopback=loopback,
        idle_seconds=60.0,
        access_log="off",
        log_json=False,
        log_queries=False,
        admin=None,
        allow_clients=nets,
        hosts=(),
    )


class Guest:
    """A connection that notes what it is told, and leaves when shut."""

    def __init__(
        self,
        crowd: Crowd,
        host: str,
        *,
        busy: bool = True,
        deadline: float = NEVER,
        ends: float = NEVER,
    ) -> None:
        self.told: list[str] = []
        self.busy, self.deadline, self.ends, self._crowd = busy, deadline, ends, crowd
        crowd.enter(self, host)

    def overdue(self) -> None:
        """The deadline has passed."""
        self.told.append("overdue")
        self._crowd.leave(self)

    def drain(self) -> None:
        """End when done; an idle guest is done."""
        self.told.append("drain")
        if not self.busy:
            self._crowd.leave(self)

    def shut(self) -> None:
        """End now."""
        self.told.append("shut")
        self._crowd.leave(self)


class AdmissionTests(SynchronousTestCase):
    """Who comes in."""

    def test_total(self) -> None:
        """When all places are taken by busy connections the next is refused, and counted as such."""
        crowd = Crowd(Clock(), common())
        for number in range(3):
            self.assertIsNone(crowd.admit(f"192.0.2.{number}"))
            Guest(crowd, f"192.0.2.{number}")
        self.assertEqual(crowd.admit("192.0.2.9"), "too many connections")
        self.assertEqual((len(crowd), crowd.refused), (3, 1))

    def test_idle_gives_way(self) -> None:
        """A full crowd sheds its oldest idle connection for a new one; the busy ones stay."""
        crowd = Crowd(Clock(), common())
        busy = Guest(crowd, "192.0.2.1")
        idle = [Guest(crowd, f"192.0.2.{number}", busy=False) for number in (2, 3)]
        self.assertIsNone(crowd.admit("192.0.2.9"))
        self.assertEqual((busy.told, idle[0].told, idle[1].told), ([], ["shut"], []))

    def test_shed_once(self) -> None:
        """A connection that gave way makes room for one, however many come before it is gone."""
        crowd = Crowd(Clock(), common())
        for number in (1, 2):
            Guest(crowd, f"192.0.2.{number}")
        idle = Guest(crowd, "192.0.2.3", busy=False)
        self.patch(idle, "shut", lambda: idle.told.append("shut"))  # gone on the next turn only
        self.assertIsNone(crowd.admit("192.0.2.9"))
        Guest(crowd, "192.0.2.9")
        self.assertIsNotNone(crowd.admit("192.0.2.10"))
        self.assertEqual(idle.told, ["shut"])

    def test_all_at_work(self) -> None:
        """A full crowd is not searched for each of a flood; a moment later one that fell idle is found."""
        clock = Clock()
        crowd = Crowd(clock, common())
        guests = [Guest(crowd, f"192.0.2.{number}") for number in range(3)]
        self.assertIsNotNone(crowd.admit("192.0.2.9"))
        guests[1].busy = False
        self.assertIsNotNone(crowd.admit("192.0.2.9"))
        clock.advance(crowds.BUSY_SECONDS)
        self.assertIsNone(crowd.admit("192.0.2.9"))

    def test_other_bounds(self) -> None:
        """Bounds that are replaced hold for who comes next; who is there stays."""
        crowd = Crowd(Clock(), common())
        guests = [Guest(crowd, f"192.0.2.{number}") for number in range(3)]
        crowd.limit(common(most=5))
        self.assertIsNone(crowd.admit("192.0.2.9"))
        crowd.limit(common(most=1))
        self.assertIsNotNone(crowd.admit("192.0.2.9"))
        self.assertEqual([guest.told for guest in guests], [[], [], []])

    def test_per_client(self) -> None:
        """One address has its share; a place left is free again, others are not affected."""
        crowd = Crowd(Clock(), common(most=10))
        first = Guest(crowd, "192.0.2.1")
        Guest(crowd, "192.0.2.1")
        self.assertEqual(crowd.admit("192.0.2.1"), "too many connections from this address")
        self.assertIsNone(crowd.admit("192.0.2.2"))
        crowd.leave(first)
        crowd.leave(first)
        self.assertIsNone(crowd.admit("192.0.2.1"))

    def test_loopback_has_its_own_bound(self) -> None:
        """Loopback has no bound per address unless one was set: a browser and its tools share it."""
        free, bound = Crowd(Clock(), common(most=10)), Crowd(Clock(), common(10, 2, 2))
        for host in ("127.0.0.1", "::1"):
            for crowd in (free, bound):
                Guest(crowd, host)
                Guest(crowd, host)
            self.assertIsNone(free.admit(host))
            self.assertIsNotNone(bound.admit(host))

    def test_networks(self) -> None:
        """With a list only its networks, loopback and Unix sockets come in; mapped counts as IPv4."""
        nets = (ip_network("192.0.2.0/24"), ip_network("fd00::/8"))
        for host, let_in in (
            ("192.0.2.5", True),
            ("::ffff:192.0.2.5", True),
            ("fd00::1%eth0", True),
            ("127.0.0.1", True),
            ("", True),
            ("198.51.100.1", False),
            ("no address", False),
        ):
            self.assertEqual(may_connect(host, nets), let_in, host)
            self.assertTrue(may_connect(host, ()))
        self.assertEqual(
            Crowd(Clock(), common(3, 2, None, *nets)).admit("198.51.100.1"), "this address may not connect"
        )


class EndTests(SynchronousTestCase):
    """Who goes, and when."""

    def turning(self) -> Clock:
        """Return a clock whose calls for the next turn wait for ``turn_all``."""
        clock = Clock()
        later = clock.callLater
        self.next_turn: list[Callable[[], None]] = []

        def call_later(delay: float, call: Callable[..., Any], *args: Any) -> Any:
            return later(delay, call, *args) if delay else self.next_turn.append(call)

        self.patch(clock, "callLater", call_later)
        return clock

    def turn_all(self) -> int:
        """Let the reactor turn until nothing waits for it; return how often it did."""
        turns = 0
        while self.next_turn:
            calls, self.next_turn[:] = list(self.next_turn), []
            turns += 1
            for call in calls:
                call()
        return turns

    def test_sweep(self) -> None:
        """A connection past its deadline is told within a second; the others are not."""
        clock = Clock()
        crowd = Crowd(clock, common())
        crowd.start()
        short, long = Guest(crowd, "a", deadline=1.5), Guest(crowd, "b", deadline=9.0)
        clock.advance(1)
        self.assertEqual(short.told, [])
        clock.advance(1)
        self.assertEqual((short.told, long.told), (["overdue"], []))

    def test_total(self) -> None:
        """A connection that may last so long and no longer is told, however busy it is."""
        clock = Clock()
        crowd = Crowd(clock, common())
        crowd.start()
        guest = Guest(crowd, "a", ends=1.5)
        clock.advance(1)
        self.assertEqual(guest.told, [])
        clock.advance(1)
        self.assertEqual(guest.told, ["overdue"])

    def test_ten_thousand_at_once(self) -> None:
        """A sweep that finds thousands of overdue connections lets the reactor work between slices."""
        self.patch(crowds, "SLICE_SECONDS", 0.0)
        clock = self.turning()
        crowd = Crowd(clock, common(most=20_000))
        crowd.start()
        guests = [Guest(crowd, "a", deadline=0.5) for _ in range(10_000)]
        clock.advance(1)
        self.assertEqual(sum(bool(guest.told) for guest in guests), crowds.SLICE_LEAST)
        turns = 1 + self.turn_all()
        self.assertEqual({tuple(guest.told) for guest in guests}, {("overdue",)})
        self.assertEqual(turns, 10_000 // crowds.SLICE_LEAST)

    def test_saved_between_slices(self) -> None:
        """A connection whose bytes come while its turn is awaited is not ended."""
        self.patch(crowds, "SLICE_SECONDS", 0.0)
        clock = self.turning()
        crowd = Crowd(clock, common(most=100))
        crowd.start()
        guests = [Guest(crowd, "a", deadline=0.5) for _ in range(crowds.SLICE_LEAST + 2)]
        clock.advance(1)
        guests[-1].deadline = 60.0
        crowd.leave(guests[-2])
        self.assertEqual(self.turn_all(), 1)
        self.assertEqual((guests[-1].told, guests[-2].told), ([], []))

    def test_fault_in_one(self) -> None:
        """A connection whose end goes wrong is shut, and the others are told all the same."""
        clock = Clock()
        crowd = Crowd(clock, common())
        crowd.start()
        broken, other = Guest(crowd, "a", deadline=0.5), Guest(crowd, "b", deadline=0.5)
        self.patch(broken, "overdue", lambda: 1 // 0)
        clock.advance(1)
        self.assertEqual((broken.told, other.told), (["shut"], ["overdue"]))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_drain_waits_for_the_last(self) -> None:
        """Draining fires when the last busy connection has ended, and leaves no timer behind."""
        clock = Clock()
        crowd = Crowd(clock, common())
        crowd.start()
        busy, idle = Guest(crowd, "a"), Guest(crowd, "b", busy=False)
        drained = Deferred.fromCoroutine(crowd.drain(5.0))
        self.assertNoResult(drained)
        self.assertEqual((busy.told, idle.told), (["drain"], ["drain"]))
        crowd.leave(busy)
        self.assertIsNone(self.successResultOf(drained))
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_drain_has_an_end(self) -> None:
        """What has not ended in time is shut."""
        clock = Clock()
        crowd = Crowd(clock, common())
        busy = Guest(crowd, "a")
        drained = Deferred.fromCoroutine(crowd.drain(5.0))
        clock.advance(5)
        self.assertIsNone(self.successResultOf(drained))
        self.assertEqual(busy.told, ["drain", "shut"])

    def test_empty_drain(self) -> None:
        """Nobody there: draining is done at once."""
        self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(Crowd(Clock(), common()).drain(5.0))))
