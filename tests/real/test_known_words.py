"""``-K``: lists of known words are loaded at the start; ``--token``: the file of the report's secret."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError
from twisted.trial.unittest import TestCase

from netsuite.wordproxy.settings import Options
from netsuite.wordproxy.store.contract import Knowledge
from netsuite.wordproxy.store.open import open_store
from tests.real.clients import curl
from tests.real.hatchery import HatchedTwistd, wordproxy
from tests.real.parts import Twistd, until


class StartCase(TestCase):
    """A folder with a store."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.store = str(self.folder / "words.db")

    def start(self, *options: str) -> Twistd:
        """A wordproxy is up."""
        service = wordproxy("-s", self.store, *options)
        self.addCleanup(service.close)
        return service


class KnownTests(StartCase):
    """Lists of known words."""

    def levels(self) -> dict[str, str]:
        store: Any = open_store(self.store)
        try:
            return {word.key: word.level for word in store.levels("en")}
        finally:
            store.close()

    def test_loaded(self) -> None:
        """Words of the lists are known, and one whose level was chosen keeps it over a restart."""
        path = self.folder / "known.txt"
        path.write_text("Tide\nboat\n")
        service = self.start("-K", f"en={path}")
        until("the list is loaded", lambda: len(self.levels()) == 2)
        store: Any = open_store(self.store)
        store.set_levels([Knowledge("tide", "en", "learning")])
        store.close()
        service.stop()
        path.write_text("Tide\nboat\nharbour\n")
        self.start("-K", f"en={path}")
        until("the list is loaded again", lambda: len(self.levels()) == 3)
        self.assertEqual(self.levels(), {"tide": "learning", "boat": "known", "harbour": "known"})

    def test_faults(self) -> None:
        """A list that can't be read is refused before anything starts."""
        (self.folder / "bad.txt").write_bytes(b"tide\n\xff\n")
        for text, fault in (
            (str(self.folder / "bad.txt"), "write en=FILE"),
            (f"en={self.folder}/none.txt", "cannot be read"),
            (f"en={self.folder}/bad.txt", "line 2"),
        ):
            error = self.assertRaises(UsageError, Options().parse, ["-K", text])
            self.assertIn(fault, str(error))


class TokenTests(StartCase):
    """The report's secret."""

    def ingest(self, service: Twistd, secret: str) -> int:
        """The status of a page that is brought with a secret."""
        url = f"http://127.0.0.1:{service.ports['report']}/ingest"
        fields = [f'header = "Authorization: Bearer {secret}"', 'header = "Content-Type: application/json"']
        [answer] = curl(
            [url], None, *fields, 'data = "{\\"url\\":\\"http://a.example/\\",\\"text\\":\\"tide\\"}"'
        )
        return answer.status

    def test_beside_the_store(self) -> None:
        """It is made beside the store, for its owner alone, and opens /ingest; another one doesn't."""
        service = self.start()
        path = Path(self.store + ".token")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(self.ingest(service, path.read_text().strip()), 200)
        self.assertEqual(self.ingest(service, "x" * 43), 401)
        self.assertNotIn(path.read_text().strip(), service.log)

    def test_elsewhere(self) -> None:
        """With a file of one's own its secret holds, with a store in memory, too."""
        path = self.folder / "mine"
        path.write_text("a secret of my own choice\n")
        service = wordproxy("-s", ":memory:", "--token", str(path))
        self.addCleanup(service.close)
        self.assertEqual(self.ingest(service, "a secret of my own choice"), 200)
        self.assertEqual(os.listdir(self.folder), ["mine"])

    def test_workers(self) -> None:
        """Where several processes relay, pages are brought, too."""
        service = self.start("--workers", "2")
        self.assertEqual(self.ingest(service, Path(self.store + ".token").read_text().strip()), 200)
        until("it is stored", lambda: service.report("/coverage.json").get("ingested") == 1)

    def test_no_secret(self) -> None:
        """A file that holds none is refused in one line, and nothing listens."""
        path = self.folder / "empty"
        path.write_text("")
        service = HatchedTwistd("wordproxy", "-p", "0", "-r", "0", "-s", self.store, "--token", str(path))
        self.addCleanup(service.close)
        service.launch()
        self.assertEqual(service.wait(), 1)
        self.assertIn("is no token", service.log)
