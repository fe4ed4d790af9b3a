"""Our proxy meets every case of the suite; what is argued in ``argued`` is none that an RFC says MUST of."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from bench.peers import Peer
from tests.real.wire import proxies
from tests.real.wire.argued import ARGUED
from tests.real.wire.cases import MUST, Case, every_case
from tests.real.wire.scene import Scene


class WireTests(SynchronousTestCase):
    """One twistd for all, and one that asks for a log-in; a test for each case, made below."""

    proxy: Peer
    locked: Peer

    @classmethod
    def setUpClass(cls) -> None:
        cls.proxy = proxies.start("ours")
        cls.folder = tempfile.TemporaryDirectory()
        locked = proxies.start_locked("ours", Path(cls.folder.name))
        assert locked is not None
        cls.locked = locked

    @classmethod
    def tearDownClass(cls) -> None:
        cls.proxy.stop()
        cls.locked.stop()
        cls.folder.cleanup()

    def play(self, case: Case) -> None:
        """The case holds for our proxy, or is argued."""
        if case.name in ARGUED:
            raise SkipTest(ARGUED[case.name])
        with Scene((self.locked if case.login else self.proxy).address) as scene:
            case.play(scene)

    def test_argued(self) -> None:
        """What is argued is a case, and no MUST."""
        levels = {case.name: case.level for case in every_case()}
        self.assertEqual([name for name in ARGUED if levels.get(name, MUST) == MUST], [])


def _test(case: Case) -> Callable[[WireTests], None]:
    def test(self: WireTests) -> None:
        self.play(case)

    test.__doc__ = f"{case.level}, {case.section}: {case.sentence}"
    return test


for _case in every_case():
    setattr(WireTests, f"test_{_case.subject}_{_case.name}", _test(_case))
