"""The suite of all services, soaked for some minutes: a cut of bench/soak_suite.py with everything in it."""

from __future__ import annotations

import shutil
import sys
from unittest import TestCase

from tests.real import soaking

#: What has to have happened.
HAPPENINGS = ("reload", "bad", "rotate", "pause", "swap", "counter", "term", "kill")

TAIL = 8000


class SoakTests(TestCase):
    """Mixed load on every service, while it is reloaded, rotated, paused, killed and restarted."""

    def test_cut(self) -> None:
        """Every answer is right, sums add up, nothing unexplained is in the log, and nothing is left."""
        soaking.begin()
        self.addCleanup(shutil.rmtree, soaking.folder())
        status, output = soaking.ended()
        sys.stdout.write(output[-TAIL:])
        self.assertEqual(status, 0, output[-TAIL:])
        for name in HAPPENINGS:
            self.assertRegex(output, rf"(?m) min  {name}$")
        self.assertIn("findings: 0\n", output)
