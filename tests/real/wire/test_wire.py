"""Our proxy meets every case of the suite that an RFC says MUST of, and the others but for those argued."""

from __future__ import annotations

from collections.abc import Callable
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from bench import peers
from tests.real.wire.argued import ARGUED
from tests.real.wire.cases import Case, every_case
from tests.real.wire.scene import Scene


class WireTests(SynchronousTestCase):
    """One twistd for all; a test for each case, made below."""

    proxy: peers.Peer

    @classmethod
    def setUpClass(cls) -> None:
        cls.proxy = peers.start("ours")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.proxy.stop()

    def play(self, case: Case) -> None:
        """The case holds for our proxy."""
        if case.name in ARGUED:
            raise SkipTest(ARGUED[case.name])
        with Scene(self.proxy.address) as scene:
            case.play(scene)


def _test(case: Case) -> Callable[[WireTests], None]:
    def test(self: WireTests) -> None:
        self.play(case)

    test.__doc__ = f"{case.level}, {case.section}: {case.sentence}"
    return test


for _case in every_case():
    setattr(WireTests, f"test_{_case.subject}_{_case.name}", _test(_case))
