"""Every case, against each of our sites; and the cases of h1spec, made anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.real.origin.argued import ARGUED
from tests.real.origin.cases import CASES, MUST, Case
from tests.real.origin.flood import SEEDS, weather
from tests.real.origin.h1spec import WAITS, WANTED
from tests.real.origin.sites import start
from tests.real.origin.visit import Site, Visit
from tests.real.parts import Twistd


class ColorsOriginTests(SynchronousTestCase):
    """``twistd colors``."""

    name = "colors"
    service: ClassVar[Twistd]
    site: ClassVar[Site]

    @classmethod
    def setUpClass(cls) -> None:
        cls.service, cls.site = start(cls.name)

    @classmethod
    def tearDownClass(cls) -> None:
        log = cls.service.log
        cls.service.close()
        for word in ("Traceback", "fault "):
            if word in log:
                raise AssertionError(log[log.index(word) :][:4000])

    def play(self, case: Case) -> None:
        """The case holds, or is argued."""
        if case.name in ARGUED:
            raise SkipTest(ARGUED[case.name])
        with Visit(self.site) as visit:
            case.play(visit)

    def test_h1spec_waits(self) -> None:
        """h1spec's pieces of a request are waited with, and are whole with the rest."""
        whole = b"GET PAGE HTTP/1.1\r\nHost: HOST\r\n\r\n"
        for name, part in WAITS.items():
            with self.subTest(name), Visit(self.site) as visit:
                rest = visit.filled(whole)[len(visit.filled(part)) :]
                self.assertEqual(visit.waits(part, rest).status, 200, name)

    def test_h1spec_answers(self) -> None:
        """h1spec's requests get the statuses that it wants."""
        for name, (data, wanted) in WANTED.items():
            with self.subTest(name), Visit(self.site) as visit:
                self.assertIn(visit.answer(data).status // 100, wanted, name)

    def test_flood(self) -> None:
        """Mutated requests take no memory, no descriptors and nobody else's answers, and log no traceback."""
        weather(self.service, self.site)

    def test_flood_is_of_requests(self) -> None:
        """What is mutated is no nonsense before: none of it is a fault, and some is answered well."""
        with Visit(self.site) as visit:
            statuses = [visit.answer(seed).status for seed in SEEDS]
        self.assertLess(max(statuses), 500)
        self.assertGreaterEqual(sum(status in (200, 301) for status in statuses), 1, statuses)

    def test_only_what_is_no_must(self) -> None:
        """No MUST is argued away, and nothing that isn't there."""
        self.assertEqual([name for name in ARGUED if CASES[name].level == MUST], [])


class ReportOriginTests(ColorsOriginTests):
    """``twistd wordproxy``: its report."""

    name = "report"


class PagesOriginTests(ColorsOriginTests):
    """``twistd pages``."""

    name = "pages"


class FormsiteOriginTests(ColorsOriginTests):
    """``twistd formsite``."""

    name = "formsite"


def _test(case: Case) -> Callable[[ColorsOriginTests], None]:
    def test(self: ColorsOriginTests) -> None:
        self.play(case)

    test.__doc__ = f"{case.level}, {case.section}: {case.sentence}"
    return test


for _case in CASES.values():
    setattr(ColorsOriginTests, f"test_{_case.name}", _test(_case))
