"""Chance is what the documents say of it, and the same each time; faults are read and shown alike."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.echo.faults import CALM, Dice, Faults, corrupted, flipped
from netsuite.echo.told import BadFault, changed, of_line, parse_latency, plain, shown

#: How many lines the rates are measured over.
LINES = 20_000


class ChanceTests(SynchronousTestCase):
    """The fates of many lines."""

    def test_rates(self) -> None:
        """Each probability is met within three standard deviations, for several seeds."""
        faults = Faults(drop=0.1, corrupt=0.3, reset=0.02, stall=0.5)
        for seed in (1, 2, 3):
            dice = Dice(seed, 1)
            fates = [dice.fate(unit, faults) for unit in range(1, LINES + 1)]
            for rate, happened in (
                (0.1, sum(fate.is_dropped for fate in fates)),
                (0.3, sum(fate.is_corrupted for fate in fates)),
                (0.02, sum(fate.is_reset for fate in fates)),
                (0.5, sum(fate.is_stalled for fate in fates)),
                (0.1 * 0.3, sum(fate.is_dropped and fate.is_corrupted for fate in fates)),  # independent
            ):
                self.assertLess(abs(happened - LINES * rate), 3 * math.sqrt(LINES * rate * (1 - rate)), rate)

    def test_latency_is_uniform(self) -> None:
        """Delays lie within D±J, with the mean of a uniform distribution, a tenth of them in each tenth."""
        faults = Faults(latency=0.2, spread=0.05, direction="both")
        dice = Dice(7, 1)
        fates = [dice.fate(unit, faults) for unit in range(LINES)]
        for delays in ([fate.delay_in for fate in fates], [fate.delay_out for fate in fates]):
            self.assertTrue(min(delays) >= 0.15 and max(delays) < 0.25)
            deviation = 0.1 / math.sqrt(12)
            self.assertLess(abs(sum(delays) / LINES - 0.2), 3 * deviation / math.sqrt(LINES))
            tenths = [0] * 10
            for delay in delays:
                tenths[min(9, int((delay - 0.15) * 100))] += 1
            for count in tenths:
                self.assertLess(abs(count - LINES / 10), 4 * math.sqrt(LINES * 0.09))

    def test_directions(self) -> None:
        """Latency holds in, out, or both ways."""
        for direction, inwards, outwards in (("in", 0.5, 0.0), ("out", 0.0, 0.5), ("both", 0.5, 0.5)):
            fate = Dice(1, 1).fate(1, Faults(latency=0.5, direction=direction))
            self.assertEqual((fate.delay_in, fate.delay_out), (inwards, outwards))

    def test_the_same_again(self) -> None:
        """Seed, connection and line make a fate, and nothing else; each of them makes another."""
        faults = Faults(drop=0.5, latency=1.0, spread=1.0)
        fates = [Dice(7, 3).fate(unit, faults) for unit in range(50)]
        self.assertEqual(fates[::-1], [Dice(7, 3).fate(unit, faults) for unit in reversed(range(50))])
        self.assertNotEqual(fates, [Dice(8, 3).fate(unit, faults) for unit in range(50)])
        self.assertNotEqual(fates, [Dice(7, 4).fate(unit, faults) for unit in range(50)])

    def test_on_every_machine(self) -> None:
        """The fates of a seed are those they have always been: scripts rely on them."""
        dropped = [unit for unit in range(1, 41) if Dice(7, 1).fate(unit, Faults(drop=0.1)).is_dropped]
        self.assertEqual(dropped, FIRST_OF_SEVEN)

    def test_no_fault_moves_another(self) -> None:
        """Which lines are dropped does not depend on what else goes wrong."""
        for unit in range(200):
            one = Dice(1, 1).fate(unit, Faults(drop=0.3))
            other = Dice(1, 1).fate(unit, Faults(drop=0.3, corrupt=1.0, latency=3, spread=2, stall=0.1))
            self.assertEqual(one.is_dropped, other.is_dropped)

    @settings(deadline=None, max_examples=100)
    @given(st.binary(min_size=1, max_size=50), st.integers(0, 1 << 60))
    def test_corrupted(self, text: bytes, seed: int) -> None:
        """One bit is another, the place is told, and what comes of it ends no line."""
        changed_text, at, bit = corrupted(text, Dice(seed, 1).fate(1, CALM))
        self.assertEqual(changed_text[at] ^ text[at], 1 << bit)
        self.assertEqual(changed_text[:at] + changed_text[at + 1 :], text[:at] + text[at + 1 :])
        self.assertNotIn(changed_text[at], b"\r\n")

    def test_flipped(self) -> None:
        """Every byte, every bit: a change, and never to CR or LF."""
        for byte in range(256):
            for eighth in range(8):
                changed_byte, bit = flipped(byte, eighth / 8)
                self.assertEqual(changed_byte, byte ^ (1 << bit))
                self.assertNotIn(changed_byte, b"\r\n")


#: Lines of the first connection that ``--seed 7 --drop 10%`` leaves without an answer.
FIRST_OF_SEVEN = [4, 15, 16]


class ToldTests(SynchronousTestCase):
    """Faults as text."""

    def test_latency(self) -> None:
        """A delay, alone or with its spread, in the ways people can type it."""
        for text, value in (
            ("200ms", (0.2, 0.0)),
            ("200ms±50ms", (0.2, 0.05)),
            ("1s+-1s", (1.0, 1.0)),
            ("2 +/- 0.5", (2.0, 0.5)),
            ("0", (0.0, 0.0)),
        ):
            self.assertEqual(parse_latency(text.replace(" ", "")), value)
        for text in ("", "±1", "1s±2s", "1x", "nan", "inf", "-1", "1s±", "2h"):
            self.assertRaises(ValueError, parse_latency, text)

    def test_refused(self) -> None:
        """What can't be names its field."""
        for name, value in (
            ("drop", "1.1"),
            ("drop", "-0.1"),
            ("drop", "nan"),
            ("corrupt", "often"),
            ("reset", True),
            ("stall", [1]),
            ("truncate", "0"),
            ("truncate", -1),
            ("slow", "0"),
            ("slow", "fast"),
            ("close-after", 0),
            ("close-after", 1.5),
            ("latency-dir", "up"),
            ("close_after", 1),
            ("", None),
        ):
            bad = self.assertRaises(BadFault, changed, CALM, [(name, value)])
            self.assertEqual(bad.field, name)

    def test_line(self) -> None:
        """A line's words change what they name, and off clears all before them."""
        faults = of_line(Faults(drop=0.5, slow=9), " latency=1s±250ms  corrupt=10% ".encode())
        self.assertEqual(faults, Faults(latency=1.0, spread=0.25, drop=0.5, corrupt=0.1, slow=9))
        self.assertEqual(of_line(faults, b" off reset=1"), Faults(reset=1.0))
        self.assertTrue(of_line(faults, b"off").is_calm)
        self.assertEqual(of_line(faults, b""), faults)
        for words in (b"drop", b"drop=", b"=1", b"\xff=1", b"latency=1s latency"):
            self.assertRaises(BadFault, of_line, CALM, words)

    @settings(deadline=None, max_examples=100)
    @given(
        st.builds(
            Faults,
            latency=st.integers(0, 1000).map(float),
            direction=st.sampled_from(["in", "out", "both"]),
            drop=st.sampled_from([0.0, 0.25, 1.0]),
            corrupt=st.sampled_from([0.0, 0.125]),
            truncate=st.none() | st.integers(1, 1 << 30),
            slow=st.none() | st.integers(1, 1 << 30),
            close_after=st.none() | st.integers(1, 1 << 30),
        )
    )
    def test_there_and_back(self, faults: Faults) -> None:
        """What JSON tells of faults makes the same faults; so does what is shown, where a delay is set."""
        self.assertEqual(changed(CALM, plain(faults).items()), faults)
        words = shown(faults)
        again = of_line(CALM, b"" if words == "none" else words.encode())
        self.assertEqual(
            again if faults.latency else changed(again, [("latency-dir", faults.direction)]), faults
        )

    def test_off(self) -> None:
        """null switches a knob off."""
        faults = Faults(latency=1.0, spread=0.5, direction="in", drop=1.0, slow=1)
        told = [("latency", None), ("latency-dir", None), ("drop", None), ("slow", None)]
        self.assertEqual(changed(faults, told), CALM)
