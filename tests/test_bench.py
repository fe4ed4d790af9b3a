"""The benchmark's own sums: what is judged, and what is shown."""

from __future__ import annotations

import gzip
import os
import sys
import time

from twisted.trial import unittest

from bench import origin, processes, table


def rounds(*figures: float, name: str = "cpu", **more: float) -> list[dict[str, float]]:
    """Rounds with these figures, and all other columns at 1."""
    columns = dict.fromkeys(table.COLUMNS, 1.0)
    return [{**columns, **more, name: figure} for figure in figures]


class GoalsTests(unittest.SynchronousTestCase):
    """What ours is to reach, as the tables tell it."""

    def of(self, load: str, rounds: table.Rounds) -> list[str]:
        """The line of one load, past its title."""
        return table.goals({load: rounds})[1][1:]

    def test_ratio_of_medians(self) -> None:
        """One bad round of three changes nothing."""
        found = self.of("small", {"ours": rounds(60, 900, 61), "squid": rounds(100, 1, 100)})
        self.assertEqual(found[:4], ["61.0", "≤ 0.65 × squid", "0.61", "met"])

    def test_short(self) -> None:
        """What is missing is told as a share of the bound."""
        found = self.of("small", {"ours": rounds(78), "squid": rounds(100), "privoxy": rounds(78)})
        self.assertEqual(found[3:], ["short by 20 %", "≤ 1 × privoxy", "1.00", "met"])

    def test_higher_is_better(self) -> None:
        """Tunnels a second are to be many."""
        found = self.of("connects", {"ours": rounds(80, name="rate"), "squid": rounds(100, name="rate")})
        self.assertEqual(found[2:4], ["0.80", "short by 11 %"])

    def test_load_is_the_limit(self) -> None:
        """Where the load's cores are full, nobody can say that ours is short."""
        ours = rounds(80, name="rate", load=97)
        found = self.of("connects", {"ours": ours, "squid": rounds(100, name="rate")})
        self.assertEqual(found[3], "the load is the limit")

    def test_absent(self) -> None:
        """A peer that isn't there is named, and no goal of its is said to be met."""
        missing: table.Rounds = {"ours": rounds(60), "squid": "squid is not installed (make peers)"}
        self.assertEqual(self.of("small", missing)[1:4], ["≤ 0.65 × squid", "–", "not measured"])
        self.assertEqual(table.missing(missing), ["squid: squid is not installed (make peers)"])
        self.assertFalse(table.missed(table.goals({"small": missing})))

    def test_table_is_whole(self) -> None:
        """Each line of each load's table has as many cells, also of a peer that has no figures."""
        for load, row in table.ROWS.items():
            lines = table.of_load(
                load, {"ours": rounds(2, 3, name=row.figure), "squid": rounds(4), "tutorial": "no"}
            )
            self.assertEqual({len(line) for line in lines}, {len(lines[0])}, load)
            self.assertEqual(table.rst(lines).count("\n"), len(lines) + 2)


class PartsTests(unittest.SynchronousTestCase):
    """What the loads are made of."""

    if sys.platform != "linux":
        skip = "what processes cost is read from Linux's /proc"

    def test_page(self) -> None:
        """The page is 30 KiB of gzip'd HTML, but for a little, and the same each time."""
        page = origin.page()
        self.assertTrue(origin.PAGE_BYTES - 64 <= len(page) <= origin.PAGE_BYTES, len(page))
        self.assertTrue(gzip.decompress(page).startswith(b"<!doctype html>"))
        self.assertEqual(page, origin.page())

    def test_cpu_of_a_process(self) -> None:
        """A process's clock is what that process reads itself."""
        before = time.process_time()
        found = processes.cpu_seconds([os.getpid()])
        self.assertTrue(before <= found <= time.process_time())

    def test_memory_of_a_process(self) -> None:
        """Memory is told in bytes; a process that is gone has none."""
        self.assertGreater(processes.memory_bytes([os.getpid()]), 1 << 20)
        self.assertEqual(processes.memory_bytes([1 << 22 | 1]), 0)
