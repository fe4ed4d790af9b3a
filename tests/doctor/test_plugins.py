"""What twistd offers, and its caches: missing, stale, open to anybody; commands of packages that are gone."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from netsuite.doctor.finding import FAULT, OK, WARNING, Finding
from netsuite.doctor.plugins import CACHE, Cache, Command, caches, commands, judge
from netsuite.scripts.doctor import SERVICES

#: Our services as they should be.
OFFERED = tuple(Command(name, f"netsuite.{name}") for name in SERVICES)


def told(before: list[Cache], after: list[Cache] | None = None) -> list[Finding]:
    """What is said of caches, by severity; that all services are offered left out."""
    return judge(before, OFFERED, SERVICES, before if after is None else after)[1:]


class CacheTests(SynchronousTestCase):
    """Caches of a folder."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(0o755)
        (self.folder / "netsuite_services.py").write_text("")
        os.utime(self.folder / "netsuite_services.py", (1000, 1000))

    def look(self) -> Cache:
        """The folder's."""
        [cache] = caches([str(self.folder)])
        return cache

    def cached(self, moment: int) -> None:
        """A cache is there, written at a moment."""
        (self.folder / CACHE).write_bytes(b"")
        (self.folder / CACHE).chmod(0o644)
        os.utime(self.folder / CACHE, (moment, moment))

    def test_current(self) -> None:
        """One that is newer than every plugin."""
        self.cached(1001)
        self.assertEqual([one.severity for one in told([self.look()])], [OK])

    def test_missing(self) -> None:
        """None: warned of where the look could not write it, as for each start."""
        [finding] = told([self.look()])
        self.assertEqual((finding.severity, finding.where), (WARNING, str(self.folder / CACHE)))
        self.assertIn("refresh-plugins", finding.mend)

    def test_stale(self) -> None:
        """One that is no newer than a plugin: which."""
        self.cached(1000)
        [finding] = told([self.look()])
        self.assertEqual(finding.severity, WARNING)
        self.assertIn("stale (older than netsuite_services)", finding.what)

    def test_mended(self) -> None:
        """A stale one that was written meanwhile is well, and that is said."""
        self.cached(1000)
        before = self.look()
        self.cached(1001)
        [finding] = told([before], [self.look()])
        self.assertEqual(finding.severity, OK)
        self.assertIn("this look has written it", finding.what)

    def test_open(self) -> None:
        """One that anybody may write runs anybody's code: a fault."""
        self.cached(1001)
        for path in (self.folder, self.folder / CACHE):
            mode = path.stat().st_mode
            path.chmod(0o777)
            [finding, _] = told([self.look()])
            self.assertEqual((finding.severity, "chmod o-w" in finding.mend), (FAULT, True))
            path.chmod(mode)

    def test_shared(self) -> None:
        """A folder where each may remove but their own files, as /tmp, is not open."""
        self.cached(1001)
        self.folder.chmod(0o1777)
        self.assertEqual([one.severity for one in told([self.look()])], [OK])

    def test_no_folder(self) -> None:
        """Folders that are not there, or have no plugins, have no cache to speak of."""
        empty = self.folder / "empty"
        empty.mkdir()
        self.assertEqual(caches([str(empty), "/nowhere"]), [])


class OfferTests(SynchronousTestCase):
    """What twistd offers."""

    def test_here(self) -> None:
        """All our services are offered here, by modules that are there."""
        offered = commands()
        self.assertLessEqual(set(SERVICES), {command.name for command in offered})
        self.assertEqual([command for command in offered if not command.is_there], [])

    def test_missing(self) -> None:
        """Services that are not offered: which, and what that comes from."""
        [finding] = judge([], OFFERED[2:], SERVICES, [])
        self.assertEqual(finding.severity, FAULT)
        self.assertIn("does not offer echo, wordproxy", finding.what)

    def test_ghosts(self) -> None:
        """A command whose module is gone; one of ours is a fault."""
        for module, severity in (("netsuite.gone", FAULT), ("other.gone", WARNING)):
            ghost = Command("ghost", module, is_there=False)
            [finding, _] = judge([], (*OFFERED, ghost), SERVICES, [])
            self.assertEqual((finding.severity, finding.where), (severity, "twistd ghost"))

    def test_twice(self) -> None:
        """A service that is found twice, or is another package's."""
        [finding, _] = judge([], (*OFFERED, OFFERED[0]), SERVICES, [])
        self.assertEqual((finding.severity, finding.where), (WARNING, "twistd echo"))
        other = Command("echo", "other.echo")
        [finding, _] = judge([], (*OFFERED[1:], other), SERVICES, [])
        self.assertEqual((finding.severity, "other.echo" in finding.what), (FAULT, True))
