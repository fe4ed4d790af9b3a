"""Both our proxies meet every case; what ``argued`` leaves out is none that an RFC says MUST of."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.real.parts import PartError, Twistd
from tests.real.wire import proxies
from tests.real.wire.argued import ARGUED
from tests.real.wire.cases import MUST, Case, every_case
from tests.real.wire.scene import Scene


class ArguedTests(SynchronousTestCase):
    """What is left out on purpose."""

    def test_no_must(self) -> None:
        """What is argued is a case, and no MUST."""
        levels = {case.name: case.level for case in every_case()}
        self.assertEqual([name for name in ARGUED if levels.get(name, MUST) == MUST], [])


class ProxyWireTests(SynchronousTestCase):
    """``twistd proxy``, one for all cases and one that asks for a log-in; the tests are made below."""

    service: tuple[str, ...] = ("proxy",)
    open: Twistd
    locked: Twistd
    folder: tempfile.TemporaryDirectory[str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        cls.open = proxies.ours(*cls.service)
        cls.locked = proxies.ours(*cls.service, *proxies.htpasswd(Path(cls.folder.name)))
        try:
            cls.open.up()
            cls.locked.up()
        except PartError:
            cls.end()
            raise

    @classmethod
    def tearDownClass(cls) -> None:
        logs = [cls.open.log, cls.locked.log]
        cls.end()
        for log in logs:
            if "Traceback" in log:
                raise AssertionError(log[log.index("Traceback") :][:4000])

    @classmethod
    def end(cls) -> None:
        """Both are gone; the one doesn't wait for the other's goodbye."""
        for service in (cls.open, cls.locked):
            if service.running():
                service.signal(signal.SIGTERM)
        cls.open.close()
        cls.locked.close()
        cls.folder.cleanup()

    def play(self, case: Case) -> None:
        """The case holds for our proxy, or is argued."""
        if case.name in ARGUED:
            raise SkipTest(ARGUED[case.name])
        service = self.locked if case.login else self.open
        with Scene(("127.0.0.1", service.ports["proxy"])) as scene:
            case.play(scene)


class WordproxyWireTests(ProxyWireTests):
    """``twistd wordproxy``, which copies what it relays, and has to relay it the same."""

    service = ("wordproxy", "-s", ":memory:", "-r", "0")


def _test(case: Case) -> Callable[[ProxyWireTests], None]:
    def test(self: ProxyWireTests) -> None:
        self.play(case)

    test.__doc__ = f"{case.level}, {case.section}: {case.sentence}"
    return test


for _case in every_case():
    setattr(ProxyWireTests, f"test_{_case.subject}_{_case.name}", _test(_case))
