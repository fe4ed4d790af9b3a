"""The scan against a scripted network: exact states under silence, loss, lack, and at a bounded pace."""

from __future__ import annotations

import errno
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import defer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.scan.scan import ITSELF_TRIES, LOSSY_TRIES, Manner, Scan
from netsuite.scan.sockets import ITSELF
from netsuite.scan.state import Result, Scanned
from tests.scan.scripted import Answer, Network

CLOSED = errno.ECONNREFUSED

#: An address that is not this machine's, so that probes take the long way.
FAR = "192.0.2.7"

#: Seconds of the clock after which no scan here may still run.
PATIENCE = 600.0


def scanned(
    network: Network, clock: Clock, ports: int = 200, *, addresses: tuple[str, ...] = (FAR,), **manner: float
) -> list[Result]:
    """Return the results of a whole scan."""
    how = Manner(
        seconds=manner.get("seconds", 2.0),
        rate=manner.get("rate", 0.0),
        most=int(manner.get("most", 1000)),
        retries=int(manner.get("retries", 1)),
    )
    targets = [Scanned("x", address, tuple(range(1, ports + 1))) for address in addresses]
    scan = Scan(clock, network, how, targets)
    ended: list[object] = []
    scan.done.addBoth(ended.append)
    while not ended:
        if clock.seconds() > PATIENCE:
            raise AssertionError(f"{scan.known} of {scan.total} ports known")
        clock.advance(0.01)
    if ended != [None]:
        raise AssertionError(ended)
    return [target.done() for target in targets]


class StateTests(SynchronousTestCase):
    """What is told of each port."""

    def setUp(self) -> None:
        """A clock."""
        self.clock = Clock()

    def test_each_state(self) -> None:
        """Open, closed, filtered and errors of ours are told apart."""
        answers: dict[int, Answer] = {
            22: 0,
            25: None,
            80: errno.EHOSTUNREACH,
            81: errno.EPERM,
            90: errno.ECONNRESET,
        }
        network = Network(self.clock, lambda a, port, n: answers.get(port, CLOSED))
        [result] = scanned(network, self.clock)
        self.assertEqual(result.open, (22, 90))
        self.assertEqual(result.filtered, (25, 80))
        self.assertEqual(result.errors, {81: errno.EPERM})
        self.assertEqual(result.closed, 195)
        self.assertFalse(result.is_complete)
        self.assertTrue(network.is_closed)

    def test_dead_host(self) -> None:
        """All silent is no host that answered; each port was asked twice and no more."""
        network = Network(self.clock, lambda *_: None)
        [result] = scanned(network, self.clock)
        self.assertFalse(result.has_answered)
        self.assertEqual((len(result.filtered), result.is_complete), (200, True))
        self.assertEqual(set(network.tries.values()), {2})

    def test_no_way(self) -> None:
        """An address that nothing leads to is unreachable, and its ports are errors."""
        network = Network(self.clock, lambda *_: errno.ENETUNREACH)
        [result] = scanned(network, self.clock)
        self.assertTrue(result.is_unreachable)
        self.assertEqual(len(result.errors), 200)

    def test_addresses_apart(self) -> None:
        """Each address has states of its own."""
        network = Network(self.clock, lambda address, port, n: 0 if address.endswith(str(port)) else CLOSED)
        first, second = scanned(network, self.clock, 9, addresses=("192.0.2.7", "192.0.2.8"))
        self.assertEqual((first.open, second.open), ((7,), (8,)))

    def test_connected_with_itself(self) -> None:
        """A connection with itself is tried again; one that never does otherwise is an error, not open."""
        network = Network(self.clock, lambda a, port, n: ITSELF if port == 5 and n < 3 else CLOSED)
        [result] = scanned(network, self.clock, 9)
        self.assertEqual((result.open, result.closed), ((), 9))
        network = Network(self.clock, lambda a, port, n: ITSELF if port == 5 else CLOSED)
        [result] = scanned(network, self.clock, 9)
        self.assertEqual((result.open, list(result.errors)), ((), [5]))
        self.assertEqual(network.tries[FAR, 5], ITSELF_TRIES + 1)

    def test_short_way(self) -> None:
        """This machine's own ports come to the same states, whatever they answer."""
        answers: dict[int, Answer] = {1: 0, 22: 0, 23: ITSELF, 25: None, 81: errno.EPERM, 600: 0}

        def answering(address: str, port: int, tries: int) -> Answer:
            answer = answers.get(port, CLOSED)
            return CLOSED if answer == ITSELF and tries else answer

        [result] = scanned(Network(self.clock, answering), self.clock, 700, addresses=("127.0.0.1",))
        self.assertEqual((result.open, result.filtered), ((1, 22, 600), (25,)))
        self.assertEqual((list(result.errors), result.closed), ([81], 695))

    def test_cancelled(self) -> None:
        """What was known when it was cancelled is known; the rest is told as not come to."""
        network = Network(self.clock, lambda a, port, n: 0 if port == 2 else CLOSED)
        target = Scanned("x", FAR, tuple(range(1, 101)))
        scan = Scan(self.clock, network, Manner(2.0, 100.0, 10, 1), [target])
        self.clock.pump([0.01] * 50)
        scan.done.cancel()
        self.failureResultOf(scan.done, defer.CancelledError)
        result = target.done()
        self.assertEqual(result.open, (2,))
        self.assertTrue(20 < len(result.unknown) < 80, result.unknown)
        self.assertEqual((network.open, self.clock.getDelayedCalls()), ({}, []))


class PaceTests(SynchronousTestCase):
    """How many probes, and when."""

    def setUp(self) -> None:
        """A clock."""
        self.clock = Clock()

    def test_rate(self) -> None:
        """In no second do more begin than the rate says, but for the little that is saved up."""
        network = Network(self.clock, lambda *_: CLOSED)
        scanned(network, self.clock, 1000, rate=300.0)
        times = [when for when, _, _ in network.begun]
        for start in range(int(times[-1])):
            within = sum(start <= when < start + 1 for when in times)
            self.assertLessEqual(within, 300 + 16)
        self.assertLess(times[-1], 1000 / 300 + 1)

    def test_addresses_in_turn(self) -> None:
        """With a rate hosts are asked one after the other, port by port."""
        network = Network(self.clock, lambda *_: CLOSED)
        scanned(network, self.clock, 50, addresses=("192.0.2.7", "192.0.2.8"), rate=100.0)
        self.assertEqual([a for _, a, _ in network.begun[:6]], ["192.0.2.7", "192.0.2.8"] * 3)

    def test_parallel(self) -> None:
        """Never more are under way than was said."""
        network = Network(self.clock, lambda *_: None)
        scanned(network, self.clock, 100, most=7, seconds=0.1)
        self.assertEqual(network.most, 7)

    def test_few_descriptors(self) -> None:
        """Where the system lets 40 be open, 1000 ports are scanned exactly, and lacks are few."""
        network = Network(self.clock, lambda a, port, n: 0 if port % 100 == 0 else CLOSED, limit=40)
        [result] = scanned(network, self.clock, 1000)
        self.assertEqual(result.open, tuple(range(100, 1001, 100)))
        self.assertEqual((result.closed, result.is_complete), (990, True))
        self.assertLess(network.lacks, 400)

    def test_few_descriptors_and_silence(self) -> None:
        """Silent ports with few descriptors take their time, and are told as filtered."""
        network = Network(self.clock, lambda a, port, n: None if port % 2 else CLOSED, limit=20)
        [result] = scanned(network, self.clock, 200, seconds=0.5)
        self.assertEqual((len(result.filtered), result.closed), (100, 100))

    def test_no_descriptor_at_all(self) -> None:
        """Where nothing can be opened all ports are errors, within seconds."""
        network = Network(self.clock, lambda *_: 0, limit=0)
        [result] = scanned(network, self.clock, 65535)
        self.assertEqual((result.open, result.closed, len(result.errors)), ((), 0, 65535))
        self.assertLess(self.clock.seconds(), 5)


class LossTests(SynchronousTestCase):
    """Packets that are lost."""

    def test_no_miss(self) -> None:
        """A third of all tries lost at random: what is open is found, and nothing lost is called closed."""
        for seed in range(10):
            dice = random.Random(seed)
            clock = Clock()

            def answering(address: str, port: int, tries: int, dice: random.Random = dice) -> Answer:
                if dice.random() < 0.3:
                    return None
                return 0 if port % 50 == 0 else CLOSED

            [result] = scanned(Network(clock, answering), clock, 500)
            missed = set(range(50, 501, 50)) - set(result.open)
            self.assertLessEqual(missed, set(result.filtered), seed)  # never closed
            self.assertLessEqual(len(missed), 1, seed)
            self.assertEqual(len(result.open) + result.closed + len(result.filtered), 500)

    def test_tried_more_often(self) -> None:
        """Once a second try was answered, silence is tried more often than twice."""
        clock = Clock()
        network = Network(clock, lambda a, port, n: None if port == 9 or (port == 3 and n < 1) else CLOSED)
        scanned(network, clock, 20)
        self.assertEqual(network.tries[FAR, 3], 2)
        self.assertEqual(network.tries[FAR, 9], 2 + LOSSY_TRIES)

    @settings(deadline=None, max_examples=60)
    @given(
        script=st.dictionaries(
            st.integers(1, 60),
            st.lists(
                st.sampled_from([0, CLOSED, None, errno.EMFILE, errno.EHOSTUNREACH, ITSELF]), max_size=4
            ),
        ),
        limit=st.integers(1, 50),
        rate=st.sampled_from([0.0, 200.0, 5000.0]),
    )
    def test_whatever_happens(self, script: dict[int, list[Answer]], limit: int, rate: float) -> None:
        """Every port gets a state, and none is open that never answered so."""
        clock = Clock()

        def answering(address: str, port: int, tries: int) -> Answer:
            said = script.get(port, [])
            return said[tries] if tries < len(said) else CLOSED

        network = Network(clock, answering, limit=limit)
        [result] = scanned(network, clock, 60, seconds=0.2, rate=rate)
        self.assertEqual(result.unknown, ())
        total = len(result.open) + result.closed + len(result.filtered) + len(result.errors)
        self.assertEqual(total, 60)
        for port in result.open:
            self.assertIn(0, script.get(port, []))
        self.assertEqual(network.open, {})
