"""wordproxy-import as users run it: what it counts, says and leaves behind."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.store.contract import CoverageQuery, WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.real.parts import until
from tests.scripts.tools import PATIENCE, command, environment, records, run
from tests.wordproxy.bring.recordings import answer, entry, har, warc_record, zipped

TOOL = "wordproxy_import"
SECRETS = ("s3cret", "c00kie", "cr3dentials", "p0sted")


class ImportCase(SynchronousTestCase):
    """A folder with a store that is not there yet."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.store = str(self.folder / "words.db")

    def write(self, name: str, data: bytes) -> str:
        """A file is there; its path."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def bring(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, output and errors of the tool, on the store."""
        return run(TOOL, "-s", self.store, *arguments)

    def words(self) -> dict[str, int]:
        """The words of the store with their occurrences."""
        store = open_store(self.store)
        try:
            return {
                word.word: word.occurrences for word in store.words(WordQuery(limit=0, everything=True)).words
            }
        finally:
            store.close()

    def coverage(self) -> Any:
        """The store's coverage of all days."""
        store = open_store(self.store)
        try:
            return store.coverage(CoverageQuery()).total
        finally:
            store.close()


class CountTests(ImportCase):
    """What is counted, and how often."""

    def test_all_kinds(self) -> None:
        """A HAR, a WARC and a text count, each with its own line; again, they add nothing."""
        paths = [
            self.write("a.har", har(entry(text="<p>tide tide"), entry(status=304), entry(status=404))),
            self.write("b.warc.gz", zipped(warc_record(answer(b"<p>tide boat")))),
            self.write("c.txt", b"tide harbour"),
            self.write("d.har.gz", gzip.compress(har(entry(text="<p>boat")))),
        ]
        status, output, errors = self.bring(*paths)
        lines = [line.removeprefix(f"{self.folder}/") for line in output.splitlines()]
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(
            lines,
            [
                "a.har: 1 page counted (2 words), 2 skipped (1 not modified, 1 status)",
                "b.warc.gz: 1 page counted (2 words)",
                "c.txt: 1 page counted (2 words)",
                "d.har.gz: 1 page counted (1 words)",
            ],
        )
        expected = {"tide": 4, "boat": 2, "harbour": 1}
        self.assertEqual(self.words(), expected)
        share = self.coverage()
        self.assertEqual((share.imported, dict(share.skipped)), (4, {"not modified": 1, "status": 1}))
        status, output, errors = self.bring(*paths)
        self.assertEqual((status, self.words(), self.coverage()), (0, expected, share))
        self.assertIn("a.har: 0 pages counted (0 words), records up to 3 were there already", output)

    def test_dates(self) -> None:
        """Words have the day of the recording, not of the import."""
        self.bring(self.write("a.har", har(entry())))
        store = open_store(self.store)
        self.addCleanup(store.close)
        self.assertEqual(
            {word.first for word in store.words(WordQuery(everything=True)).words}, {"2026-01-05"}
        )

    def test_dry_run(self) -> None:
        """A dry run says what would be counted and leaves nothing behind."""
        path = self.write("a.har", har(entry(text="<p>tide"), entry(status=404)))
        status, output, errors = self.bring("--dry-run", path)
        self.assertEqual((status, errors), (0, ""))
        self.assertTrue(
            output.endswith("1 page would be counted (1 words), 1 would be skipped (1 status)\n"), output
        )
        self.assertEqual(os.listdir(self.folder), ["a.har"])

    def test_json(self) -> None:
        """As JSON there is an object for each file, with the records at fault by their numbers."""
        paths = [self.write("a.har", har(entry(), {}, entry())), self.write("b.txt", b"tide")]
        status, output, errors = self.bring("-j", *paths)
        first, second = records(output)
        self.assertEqual((status, errors, first["target"]), (0, "", {"file": paths[0]}))
        result = first["result"]
        self.assertEqual((result["kind"], result["records"], result["counted"]), ("HAR", 3, 2))
        self.assertEqual(result["skipped"], {"unreadable": 1})
        self.assertEqual(result["faults"], [{"record": 2, "reason": "unreadable"}])
        self.assertEqual((second["ok"], second["result"]["kind"]), (True, "text"))

    def test_hosts(self) -> None:
        """Hosts that are not to be counted leave no name."""
        path = self.write("a.har", har(entry("http://a.private.example/x"), entry("http://b.example/")))
        self.bring("--ignore-host", "*.private.example", path)
        self.assertEqual(dict(self.coverage().skipped), {"ignored host": 1})
        data = b"".join(part.read_bytes() for part in self.folder.glob("words.db*"))
        self.assertNotIn(b"private.example", data)
        self.assertIn(b"b.example", data)

    def test_killed(self) -> None:
        """After kill -9 in the middle, the same call goes on, and the totals are those of one import."""
        total = 1500
        entries = [entry(f"http://news.example/{n}", f"<p>tide {'boat ' * (n % 7)}") for n in range(total)]
        path = self.write("a.har", har(*entries))
        arguments = command(TOOL, "-s", self.store, path)
        process = subprocess.Popen(arguments, env=environment(), start_new_session=True)
        try:
            until("a part of it", lambda: os.path.exists(self.store) and self.words().get("tide", 0) > 100)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
        before = self.words()["tide"]
        status, output, errors = self.bring("-j", path)
        [told] = records(output)
        self.assertEqual((status, errors), (0, ""))
        boats = sum(n % 7 for n in range(total))
        self.assertEqual((self.words(), self.coverage().imported), ({"tide": total, "boat": boats}, total))
        self.assertLess(before, total)
        self.assertEqual(told["result"]["before"] + told["result"]["counted"], total)

    def test_interrupted(self) -> None:
        """Ctrl-C ends it at once, with 130, and what was counted is kept once."""
        entries = [entry(f"http://news.example/{n}", "<p>tide") for n in range(3000)]
        path = self.write("a.har", har(*entries))
        process = subprocess.Popen(
            command(TOOL, "-s", self.store, path), env=environment(), stderr=subprocess.PIPE
        )
        until("a part of it", lambda: os.path.exists(self.store) and self.words().get("tide", 0) > 100)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertNotIn(b"Traceback", errors)
        self.assertEqual(self.bring("-q", path)[0], 0)
        self.assertEqual(self.words(), {"tide": 3000})


class SecretTests(ImportCase):
    """What a recording holds and nobody must find again."""

    def test_no_trace(self) -> None:
        """Cookies, credentials, queries and posted data are in no file, output or complaint."""
        secret = entry(
            "http://u:cr3dentials@news.example/a?q=s3cret",
            headers=(("Set-Cookie", "c00kie"),),
            asked=(("Cookie", "c00kie"), ("Proxy-Authorization", "Basic cr3dentials")),
            method="POST",
        )
        secret["request"]["postData"] = {"text": "p0sted"}
        secret["request"]["queryString"] = [{"name": "q", "value": "s3cret"}]
        broken = json.loads(json.dumps(secret))
        broken["response"]["status"] = "c00kie"
        hidden = entry(
            "http://b.example/?s3cret", "<p>c00kie", asked=(("Authorization", "Basic cr3dentials"),)
        )
        asked = b"POST /a?s3cret HTTP/1.1\r\nCookie: c00kie\r\nAuthorization: cr3dentials\r\n\r\np0sted"
        warc = (
            warc_record(asked, "http://news.example/a?s3cret", kind="request"),
            warc_record(answer(b"<p>c00kie"), "http://news.example/a?s3cret"),
        )
        paths = [
            self.write("a.har", har(secret, broken, hidden)),
            self.write("b.warc", b"".join(warc) + b"c00kie s3cret" * 10),
        ]
        for arguments in ((), ("--debug",), ("-j",), ("--dry-run",)):
            _, output, errors = self.bring(*arguments, *paths)
            for word in SECRETS:
                self.assertNotIn(word, output + errors)
        for path in self.folder.glob("words.db*"):
            data = path.read_bytes()
            for word in SECRETS:
                self.assertNotIn(word.encode(), data, path)
        self.assertEqual(self.coverage().imported, 1)


class EndTests(ImportCase):
    """How it ends."""

    def test_nothing_to_count(self) -> None:
        """Where nothing is counted the status is 1, and the line says why."""
        status, output, errors = self.bring(self.write("a.har", har(entry(status=404))))
        self.assertEqual((status, errors), (1, ""))
        self.assertIn("0 pages counted (0 words), 1 skipped (1 status)", output)
        self.assertEqual(self.bring(self.write("b.har", har()))[0], 1)

    def test_usage(self) -> None:
        """What can't be a call is refused with 2, before anything is opened."""
        for arguments in (
            (),
            ("a.html",),
            ("-s", ":memory:", "a.har"),
            ("-s", "redis://u:pw@h/0", "a.har"),
            ("--only-host", "a b", "a.har"),
            ("--known", "12", "a.txt"),
            ("--max-text", "none", "a.har"),
        ):
            status, output, errors = run(TOOL, *arguments)
            self.assertEqual((status, output), (2, ""), arguments)
            self.assertIn("--help", errors)

    def test_files(self) -> None:
        """A file that is not there or is no HAR is told with 12; the others count."""
        good = self.write("a.txt", b"tide")
        bad = self.write("b.har", b"<html>")
        status, _, errors = self.bring(f"{self.folder}/none.har", bad, good)
        self.assertEqual((status, self.words()), (12, {"tide": 1}))
        self.assertIn("none.har: No such file or directory", errors)
        self.assertIn("b.har: it has no log.entries, so it is no HAR", errors)

    def test_store(self) -> None:
        """A store that is none of ours is refused in one line, with 12, and stays as it is."""
        foreign = self.write("words.db", b"no database" * 1000)
        status, output, errors = self.bring(self.write("a.txt", b"tide"))
        self.assertEqual((status, output, len(errors.splitlines())), (12, "", 1))
        self.assertEqual(Path(foreign).read_bytes(), b"no database" * 1000)

    def test_bounds(self) -> None:
        """Where nothing is counted for a bound of ours the status is 14."""
        path = self.write("a.txt", b"tide " * 1000)
        status, output, _ = self.bring("--max-text", "1024", path)
        self.assertEqual((status, self.coverage().imported), (14, 0))
        self.assertIn("1 skipped (1 too large)", output)

    def test_hostile_page(self) -> None:
        """A page that is too much for the counter is skipped with its number, and the rest counts."""
        bomb = "<b>" * 2_000_000
        entries = [
            entry(text="<p>tide"),
            entry("http://b.example/", bomb),
            entry("http://c.example/", "<p>boat"),
        ]
        status, output, _ = self.bring("-j", self.write("a.har", har(*entries)))
        [told] = records(output)
        self.assertEqual((status, told["result"]["records"]), (0, 3))
        self.assertEqual({word for word in self.words() if word in ("tide", "boat")}, {"tide", "boat"})

    def test_help(self) -> None:
        """--help has the options and examples."""
        status, output, _ = run(TOOL, "--help")
        self.assertEqual(status, 0)
        for text in ("--dry-run", "--known", "--ignore-host", "wordproxy-import browse.har"):
            self.assertIn(text, output)


class KnownTests(ImportCase):
    """Lists of known words."""

    def known(self) -> dict[str, str]:
        store: Any = open_store(self.store)
        try:
            return {word.key: word.level for word in store.levels("en")}
        finally:
            store.close()

    def test_lists(self) -> None:
        """Each list is in the store as a whole, or nothing of it, and the line at fault is told."""
        good = self.write("a.txt", b"Tide\nboat\na lot\n")
        bad = self.write("b.csv", b"word,level\nharbour,known\nsea,whatever\n")
        status, output, errors = self.bring("--known", "en", good, bad)
        self.assertEqual((status, self.known()), (12, {"tide": "known", "boat": "known"}))
        self.assertIn("a.txt: 2 words known (en), 1 lines that are no single word", output)
        self.assertIn("b.csv: line 3: 'whatever' is no level", errors)

    def test_dry_run(self) -> None:
        """A dry run writes nothing."""
        status, output, _ = self.bring("--known", "en", "--dry-run", self.write("a.txt", b"tide\n"))
        self.assertEqual((status, os.listdir(self.folder)), (0, ["a.txt"]))
        self.assertIn("1 words would be known", output)
