"""Packages that are missing, too old or in the way; limits; stores; what all findings come to."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.descriptors import clients_enough
from netsuite.doctor import software
from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING, Finding, listed, told
from netsuite.doctor.limits import EACH, Descriptors, descriptors, judge_descriptors
from netsuite.doctor.software import Part, Software, judge, look, part_of
from netsuite.pages import service as pages
from netsuite.proxy import service as proxy

SOUND = Software(
    ("3.12.1", "3.11"), (Part("twisted", "26.10.0", "26.10.0"), Part("redis", "8.1", "", "redis"))
)


class SoftwareTests(SynchronousTestCase):
    """Packages."""

    def test_here(self) -> None:
        """What the tests run with is sound, and every requirement is understood."""
        found = look()
        self.assertNotIn(FAULT, {finding.severity for finding in judge(found, {})}, found)
        self.assertGreater(len(found.parts), 15)
        for part in found.parts:
            self.assertTrue(part.least, part)

    def test_faults(self) -> None:
        """Too old, missing, an extra that the settings need, an old Python, one that is in the way."""
        for facts, needs, words in (
            (
                Software(("3.12", "3.11"), (Part("twisted", "26.10.0", "24.3.0"),)),
                {},
                ("older than 26.10.0",),
            ),
            (Software(("3.12", "3.11"), (Part("brotli", "1.2.1"),)), {}, ("brotli", "not installed")),
            (SOUND, {"redis": "wordproxy --store"}, ("wordproxy --store", "netsuite[redis]")),
            (Software(("3.10.4", "3.11")), {}, ("Python 3.10.4",)),
            (Software(("3.12", "3.11"), unwanted=("passlib",)), {}, ("passlib", "libpass")),
        ):
            [finding] = judge(facts, needs)
            self.assertEqual(finding.severity, FAULT)
            for word in words:
                self.assertIn(word, finding.line())
            self.assertTrue(finding.mend)

    def test_sound(self) -> None:
        """An extra that nobody needs may be missing."""
        [finding] = judge(SOUND, {})
        self.assertEqual(finding.severity, OK)
        self.assertIn("redis", finding.what)
        self.assertNotIn("compiled", finding.what)
        [finding] = judge(replace(SOUND, is_compiled=False), {})
        self.assertEqual((finding.severity, "more slowly" in finding.what), (OK, True))

    def test_other_twistd(self) -> None:
        """A twistd of another environment on PATH is warned of: a user would start that."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        (folder / "twistd").write_text("#!/bin/sh\n")
        (folder / "twistd").chmod(stat.S_IRWXU)
        (folder / "bin").mkdir()
        (folder / "bin/twistd").write_text("")
        self.patch(os, "environ", {**os.environ, "PATH": str(folder)})
        self.patch(sys, "executable", str(folder / "bin/python"))
        self.assertEqual(look().other_twistd, str(folder / "twistd"))
        [finding] = judge(Software(("3.12", "3.11"), other_twistd="/usr/bin/twistd"), {})
        self.assertEqual((finding.severity, finding.where), (WARNING, "/usr/bin/twistd"))

    def test_requirements(self) -> None:
        """Requirements of each form; those for another Python ask for nothing."""
        part = part_of('twisted[tls]>=26.10.0; extra == "tls"', "3.12.0")
        assert part is not None
        self.assertEqual((part.name, part.least, part.extra), ("twisted", "26.10.0", "tls"))
        self.assertIsNone(part_of('backports.zstd>=1.8.0; python_version < "3.14"', "3.14.1"))
        self.assertIsNotNone(part_of('backports.zstd>=1.8.0; python_version < "3.14"', "3.13.9"))

    def test_no_package(self) -> None:
        """A folder of sources that was never installed can't be judged."""
        self.patch(software, "PACKAGE", "netsuite-that-is-not-there")
        self.assertEqual([one.severity for one in judge(look(), {})], [UNKNOWN])


class LimitTests(SynchronousTestCase):
    """Descriptors."""

    def test_each(self) -> None:
        """What a client needs is what the services reckon with."""
        self.assertEqual(EACH["proxy"], proxy.DESCRIPTORS_EACH)
        self.assertIn(f"each={EACH['pages']}", Path(str(pages.__file__)).read_text())

    def test_judged(self) -> None:
        """Enough, too few for one, too few for all together, and no answer."""
        enough = Descriptors("here", 65536)
        self.assertEqual(judge_descriptors(enough, [("proxy", 1024)], 2048)[0].severity, OK)
        self.assertEqual(judge_descriptors(Descriptors("here", 0), [("proxy", 1024)], 2048)[0].severity, OK)
        few = Descriptors("here", 1024)
        [finding] = judge_descriptors(few, [("proxy", 1024), ("echo", 256)], 2048)
        self.assertEqual((finding.severity, finding.where), (WARNING, "proxy"))
        self.assertIn(str(clients_enough(1024, 2)), finding.what)
        [finding] = judge_descriptors(few, [("proxy", 400), ("echo", 256)], 2048)
        self.assertEqual((finding.severity, finding.where), (WARNING, "netsuite --max-clients 2048"))
        [finding] = judge_descriptors(Descriptors("here", 0, "is not told"), [], None)
        self.assertEqual(finding.severity, UNKNOWN)

    def test_of_a_process(self) -> None:
        """The limit of a process that runs is asked of the kernel; of one that is gone it isn't known."""
        self.assertEqual(descriptors(os.getpid(), "x").hard, descriptors(None, "x").hard)
        self.assertTrue(descriptors(0, "x").error)


class ToldTests(SynchronousTestCase):
    """What all findings come to."""

    def test_exits(self) -> None:
        """0 sound, 1 a fault, 3 where something could not be told; a fault counts before that."""
        for severities, is_strict, code in (
            ([OK], False, 0),
            ([OK, WARNING], False, 0),
            ([OK, WARNING], True, 1),
            ([OK, UNKNOWN, WARNING], False, 3),
            ([UNKNOWN, FAULT], False, 1),
            ([], False, 0),
        ):
            outcome = told([Finding(one, "x", "y") for one in severities], is_strict=is_strict)
            self.assertEqual(outcome.exit, code, severities)

    def test_lines(self) -> None:
        """A line for people; a list of many names is cut."""
        self.assertEqual(Finding(FAULT, "a", "b", "c", "d").line(), "fault    a: c: b; d")
        self.assertEqual(Finding(OK, "a", "b").line(), "ok       a: b")
        self.assertEqual(listed("abcdefgh", 3), "a, b, c and 5 more")
