"""Today's code goes on with what older code left: stores, settings, keys, authority, and the tools' files.

The files below `schema1` and `suite` were made by older code itself; README.rst has how.
"""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import ssl
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar
from unittest import TestCase
from urllib.parse import urlencode

from netsuite.formsite.store import KIND
from netsuite.wordproxy.store import file
from tests.real.parts import ROOT, START_SECONDS, Twistd, clean_environment, until
from tests.upgrade.make import LOGIN, asked
from tests.upgrade.origin import ADDRESS_OF_PORTS, FILE, PAGES, PART, Origin, url

FILES = Path(__file__).parent

TWISTD = "from twisted.scripts.twistd import run; run()"


def unpacked(version: str, folder: Path) -> dict[str, Any]:
    """The folder has the files of a version, as they lay there; what the old code said of them at its end."""
    for path in (FILES / version).iterdir():
        name = path.name.removesuffix(".gz")
        place = folder / (name.replace("-", "/", 1) if name.startswith("ca-") else name)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        data = path.read_bytes()
        place.write_bytes(gzip.decompress(data) if path.suffix == ".gz" else data)
        place.chmod(0o600)
    expected: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return expected


def schema(path: Path) -> int:
    """The schema of a store."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


class Case(TestCase):
    """A test with the files of a version in a folder of its own."""

    version: ClassVar[str]
    service: ClassVar[str]
    maxDiff = None

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="netsuite-upgrade-")))
        self.expected = unpacked(self.version, self.folder)
        self.origin = Origin()
        self.addCleanup(self.origin.close)

    def up(self) -> Twistd:
        """Today's code, on these files."""
        service = Twistd(self.service, "-c", "netsuite.toml", folder=self.folder)
        self.addCleanup(service.close)
        service.launch()
        service.wait_log("counter started")
        found = re.findall(r"\b(proxy|report|form on) (http://[\d.:]+)", service.log)
        self.places = dict(reversed(found))  # the first proxy is wordproxy's
        return service

    def assert_in(self, old: Any, new: Any) -> None:
        """What the old code said is said still; keys are only ever added."""
        if isinstance(old, dict):
            for key, value in old.items():
                self.assert_in(value, new[key])
        elif isinstance(old, list):
            self.assertEqual(len(old), len(new))
            for one, other in zip(old, new, strict=True):
                self.assert_in(one, other)
        else:
            self.assertEqual(old, new)

    def words(self, login: str = "") -> list[dict[str, Any]]:
        """All words that the report has."""
        told = json.loads(asked(f"{self.places['report']}/words.json?all=1&limit=0", login=login))
        found: list[dict[str, Any]] = told["words"]
        return found

    def coverage(self, login: str = "") -> dict[str, Any]:
        """The report's coverage."""
        told: dict[str, Any] = json.loads(asked(f"{self.places['report']}/coverage.json", login=login))
        return told

    def assert_goes_on(self, login: str = "") -> None:
        """Words and coverage are those of old; a page of old is known again, and counted once more."""
        self.assert_in(self.expected["words"], self.words(login))
        self.assert_in(self.expected["coverage"], self.coverage(login))
        asked(url("/tide"), proxy=self.places["proxy"], login=login)
        counted = self.expected["coverage"]["counted"] + 1
        until("it is counted", lambda: self.coverage(login)["counted"] == counted)
        [tide] = [word for word in self.words(login) if word["word"] == "tide"]
        self.assertEqual((tide["occurrences"], tide["pages"]), (6, 1))


class OptionTests(TestCase):
    """What scripts, units and settings files say."""

    def test_names(self) -> None:
        """Each service, tool and option of every older version is there still: names are only ever added."""
        done = subprocess.run(
            [sys.executable, str(FILES / "options.py")],
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            timeout=START_SECONDS,
            check=True,
        )
        now = json.loads(done.stdout)
        for path in FILES.glob("*/options.json"):
            for name, old in json.loads(path.read_text()).items():
                self.assertEqual(set(old) - set(now.get(name, [])), set(), f"{path.parent.name}: {name}")


class SuiteTests(Case):
    """The version that had all services for the first time."""

    version, service = "suite", "netsuite"

    def test_services(self) -> None:
        """Counts, levels, token, answers, settings and the authority go on; nothing is warned of."""
        certificate = (self.folder / "ca" / "ca.pem").read_text()
        service = self.up()
        self.assert_goes_on()
        token = (self.folder / "words.db.token").read_text().strip()
        asked(
            f"{self.places['report']}/known",
            sent=b'{"words":[{"word":"boats","lang":"en","level":"known"}]}',
            Content_Type="application/json",
            Authorization=f"Bearer {token}",
        )
        known = {word["word"] for word in self.words() if word["known"] == "known"}
        self.assertEqual(known, {"tide", "boats"})
        self.assert_answers()
        shown = asked(f"{self.places['report']}/ca.crt")
        text = shown.decode() if shown.startswith(b"-----") else ssl.DER_cert_to_PEM_cert(shown)
        self.assertIn("".join(text.split("-----")[2].split()), "".join(certificate.split()))
        self.assertNotRegex(service.log, "Traceback|Unhandled|new authority")
        self.assertEqual(service.stop(), 0)

    def assert_answers(self) -> None:
        """The form's answers are there, and the next one has the next number."""
        place = self.places["form on"]
        self.assert_in(self.expected["answers"], json.loads(asked(f"{place}/inbox.json"))["entries"])
        stamp = re.search(rb'name="_stamp" value="([^"]+)"', asked(f"{place}/"))
        assert stamp is not None
        asked(f"{place}/posthandler", sent=urlencode({"_stamp": stamp[1].decode(), "name": "Cy"}).encode())
        entries = json.loads(asked(f"{place}/inbox.json"))["entries"]
        self.assertEqual([(entry["id"], entry["fields"]["name"]) for entry in entries][2:], [(3, ["Cy"])])

    def test_newer(self) -> None:
        """A store of a newer version is refused in a line that says so, with every byte as it was."""
        for service, name, newest in (
            ("wordproxy", "words.db", file.SCHEMA),
            ("formsite", "forms.db", KIND.schema),
        ):
            path = self.folder / name
            with closing(sqlite3.connect(path)) as connection:
                connection.execute(f"PRAGMA user_version = {newest + 1}")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            before = path.read_bytes()
            done = subprocess.run(
                [sys.executable, "-c", TWISTD, "-n", "--pidfile=", service, "-c", "netsuite.toml"],
                cwd=self.folder,
                env=clean_environment({"XDG_STATE_HOME": str(self.folder)}),
                capture_output=True,
                text=True,
                timeout=START_SECONDS,
                check=False,
            )
            told = [line for line in done.stderr.splitlines() if line.startswith("netsuite: ")]
            self.assertEqual((done.returncode, len(told)), (1, 1), done.stderr)
            self.assertIn(
                f"{name} is of a newer netsuite (schema {newest + 1}, this one reads {newest})", told[0]
            )
            self.assertNotIn("Traceback", done.stderr + done.stdout)
            self.assertEqual(path.read_bytes(), before)

    def test_tools(self) -> None:
        """A baseline, a state, half a download and the settings are read as the tools of old wrote them."""
        self.assertEqual(self.tool("portscan", "--baseline", "ports.txt", "-p", "1-3", ADDRESS_OF_PORTS), 0)
        self.assertEqual(self.tool("updatecheck", "-s", "pages.json", url("/tide"), url("/news")), 0)
        self.assertEqual(self.tool("webdownload", url("/file"), "file"), 0)
        self.assertEqual((self.folder / "file").read_bytes(), FILE)
        self.assertEqual(self.origin.asked, [PART])
        self.assertEqual(self.tool("check", "netsuite.toml"), 0)

    def tool(self, name: str, *arguments: str) -> int:
        """The exit status of a tool."""
        run = f"from netsuite.scripts.{name} import run; run()"
        return subprocess.run(
            [sys.executable, "-c", run, *arguments],
            cwd=self.folder,
            env=clean_environment({"HOME": str(self.folder)}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=START_SECONDS,
            check=False,
        ).returncode


class SchemaTests(Case):
    """The version whose word store had schema 1, with a log-in."""

    version, service = "schema1", "wordproxy"
    login, number = LOGIN, 1

    def test_upgraded(self) -> None:
        """The store is upgraded in place, once; the old one is kept beside it, for its owner alone."""
        old = self.folder / "before.db"
        old.write_bytes((self.folder / "words.db").read_bytes())
        service = self.up()
        self.assert_goes_on(self.login)
        self.assertEqual(service.stop(), 0)
        self.assertNotIn("Traceback", service.log)
        self.assertEqual(schema(self.folder / "words.db"), file.SCHEMA)
        [copy] = self.folder.glob(f"words.db.schema{self.number}.*")
        self.assertEqual((schema(copy), stat.S_IMODE(copy.stat().st_mode)), (self.number, 0o600))
        with closing(sqlite3.connect(copy)) as one, closing(sqlite3.connect(old)) as other:
            self.assertEqual(list(one.iterdump()), list(other.iterdump()))
        made = copy.stat().st_mtime_ns
        again = self.up()
        self.assertEqual(self.coverage(self.login)["counted"], len(PAGES) + 2)
        self.assertEqual(again.stop(), 0)
        self.assertEqual([path.stat().st_mtime_ns for path in self.folder.glob("words.db.schema*")], [made])


class Schema2Tests(SchemaTests):
    """The last version whose word store had schema 2."""

    version, login, number = "schema2", "", 2
