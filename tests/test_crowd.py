"""How many connections, whose, and until when."""

from __future__ import annotations

from ipaddress import ip_network

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

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

    def __init__(self, crowd: Crowd, host: str, *, busy: bool = True, deadline: float = NEVER) -> None:
        self.told: list[str] = []
        self.busy, self.deadline, self._crowd = busy, deadline, crowd
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
