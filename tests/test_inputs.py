"""Whatever bytes strangers send: a cut of the fuzz in process, and whether it would find anything."""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.inputs import Fault, Target, many, one, targets
from tests.scale import NIGHTLY

#: Seconds that each target is tried (RELIABILITY §3 row 21), and inputs at most.
SECONDS, RUNS = (60.0, 1 << 40) if NIGHTLY else (0.4, 400)

#: What was found once, by its name.
FOUND: tuple[str, ...] = ()


class InputTests(SynchronousTestCase):
    """Everything that reads what others wrote."""

    def test_each(self) -> None:
        """Nothing is raised but what is declared, and what is read does not depend on how bytes were cut."""
        seed = Random().getrandbits(32)  # named by a fault
        for name, target in targets().items():
            self.assertGreater(many(name, target, seed, runs=RUNS, seconds=SECONDS), 0, name)

    def test_found(self) -> None:
        """What was found once is mended."""
        there = targets()
        for each in FOUND:
            name, _, seed = each.partition(":")
            one(name, there[name], seed)


class SensitivityTests(SynchronousTestCase):
    """A fuzz that finds nothing in a broken reader is none."""

    def test_raised(self) -> None:
        """An exception that is not declared is found, and its run is named."""

        def check(_rng: Random, data: bytes) -> None:
            if data.count(b"[") > 3:
                raise IndexError("deep")

        target = Target(check, [b"[a]"], (b"[",))
        fault = self.assertRaises(Fault, many, "toml", target, 1, runs=2000)
        self.assertRegex(str(fault), r"^toml:1\.\d+: IndexError: deep")

    def test_cut(self) -> None:
        """A reader of heads that minds how bytes are cut is found."""
        from tests import inputs

        real = inputs.head_of
        self.patch(inputs, "head_of", lambda parse, parts: real(parse, list(parts[:3])))
        self.assertRaises(Fault, many, "head", targets()["head"], 1, runs=2000)
