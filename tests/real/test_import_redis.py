"""An import into a Redis: each record once there, too."""

from __future__ import annotations

import subprocess
from pathlib import Path

from twisted.trial.unittest import TestCase

from netsuite.wordproxy.store.contract import CoverageQuery, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.real.parts import FETCH_SECONDS, clean_environment
from tests.scripts.tools import command
from tests.wordproxy.bring.recordings import entry, har
from tests.wordproxy.store.server import Redis


class RedisTests(TestCase):
    """A real server."""

    def setUp(self) -> None:
        self.server = Redis()
        self.addCleanup(self.server.close)

    def bring(self, path: Path) -> tuple[int, bytes]:
        """Exit status and output of an import."""
        done = subprocess.run(
            command("wordproxy_import", "-s", self.server.where(), str(path)),
            capture_output=True,
            env=clean_environment(),
            timeout=FETCH_SECONDS,
        )
        return done.returncode, done.stdout + done.stderr

    def test_twice(self) -> None:
        """What is imported again adds nothing."""
        path = Path(self.mktemp())
        pages = [entry(f"http://news.example/{n}", "<p>tide boat") for n in range(300)]
        path.with_suffix(".har").write_bytes(har(*pages, entry(status=404)))
        for expected in (
            b"300 pages counted (600 words), 1 skipped",
            b"records up to 301 were there already",
        ):
            status, output = self.bring(path.with_suffix(".har"))
            self.assertEqual(status, 0, output)
            self.assertIn(expected, output)
        store = open_store(self.server.where())
        self.addCleanup(store.close)
        self.assertEqual([word.occurrences for word in store.words(WordQuery()).words], [300, 300])
        share = store.coverage(CoverageQuery()).total
        self.assertEqual((share.imported, dict(share.skipped)), (300, {"status": 1}))
