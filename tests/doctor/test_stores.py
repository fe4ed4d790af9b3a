"""Stores of files and in a Redis: absent, foreign, damaged, newer, unreachable; and what settings rely on."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING, Finding
from netsuite.doctor.plan import LOG, SECRET, STORE, USERS, Plan, plan_of
from netsuite.doctor.stores import judge, look
from netsuite.formsite.store import KIND as FORMS
from netsuite.selfsigned import self_signed
from netsuite.wordproxy.store.file import kind
from netsuite.wordproxy.store.open import open_store
from tests.wordproxy.store.server import Redis


class FileTests(SynchronousTestCase):
    """Stores in files."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).resolve()

    def one(self, name: str = "wordproxy") -> Finding:
        """The one finding."""
        [finding] = judge(look([(name, str(self.path))]))
        return finding

    def test_sound(self) -> None:
        """Not there yet, and there; looking makes and changes nothing."""
        for name, sort in (("wordproxy", kind()), ("formsite", FORMS)):
            self.assertIn("not there yet", self.one(name).what)
            self.assertFalse(self.path.exists())
            sort.prepare(str(self.path))
            before = self.path.read_bytes()
            self.assertEqual((self.one(name).severity, self.path.read_bytes()), (OK, before))
            self.assertEqual(self.one("formsite" if name == "wordproxy" else "wordproxy").severity, FAULT)
            self.path.unlink()

    def test_newer(self) -> None:
        """One of a newer version, whose schema this one does not read; an older one is upgraded."""
        kind().prepare(str(self.path))
        for schema, severity, word in ((999, FAULT, "newer netsuite"), (1, OK, "upgrades it")):
            connection = sqlite3.connect(self.path)
            connection.execute(f"PRAGMA user_version = {schema}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            finding = self.one()
            self.assertEqual(finding.severity, severity)
            self.assertIn(word, finding.line())

    def test_foreign(self) -> None:
        """Another program's file, an empty one, a folder."""
        self.path.write_bytes(b"")
        self.assertEqual((self.one().severity, self.one().where), (FAULT, str(self.path)))
        self.path.write_bytes(b"PK\x03\x04" * 100)
        self.assertIn("no word store", self.one().what)
        self.path.unlink()
        self.path.mkdir()
        self.assertEqual(self.one().severity, UNKNOWN)

    def test_memory(self) -> None:
        """One in memory is nothing to look at."""
        self.assertEqual(judge(look([("wordproxy", ":memory:")])), [])


class RedisTests(SynchronousTestCase):
    """Stores in a Redis."""

    def one(self, where: str) -> Finding:
        """The one finding."""
        [finding] = judge(look([("wordproxy", where)]))
        return finding

    def test_states(self) -> None:
        """Without a store, with one, with a wrong password, and gone."""
        redis = Redis(["--requirepass", "geheim"], password="geheim")
        self.addCleanup(redis.close)
        where = f"unix://:geheim@/{redis.socket}".replace("@//", "@/")
        finding = self.one(where)
        self.assertEqual((finding.severity, "not there yet" in finding.what), (OK, True), finding)
        open_store(where).close()
        self.assertRegex(
            self.one(where).what, r"can be read by this version \(.*, with an append-only file\)"
        )
        redis.told_all("AUTH geheim", "CONFIG SET appendonly no")
        careless = self.one(where)
        self.assertEqual((careless.severity, "appendfsync" in careless.mend), (WARNING, True), careless)
        for told in (self.one(where.replace("geheim", "falsch")), self.gone(redis, where)):
            self.assertEqual(told.severity, FAULT)
            self.assertTrue(told.mend, told)
            self.assertNotIn("geheim", told.line())
            self.assertNotIn("falsch", told.line())

    def gone(self, redis: Redis, where: str) -> Finding:
        """What is found once it is dead."""
        redis.kill9()
        return self.one(where)


class PlanTests(SynchronousTestCase):
    """What settings rely on."""

    def plan(self, text: str) -> Plan:
        """That of a file."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        self.folder = folder
        path = folder / "netsuite.toml"
        path.write_text(text)
        (folder / "users").touch()
        suite = namedAny("netsuite.suite.Options")()
        suite.parse(["-c", str(path)])
        return plan_of(suite, str(path))

    def test_files(self) -> None:
        """Files of every service, relative ones beside the settings; each with what it is."""
        plan = self.plan(
            "[wordproxy]\nstore = 'w.db'\nhtpasswd = 'users'\naccess-log = 'access.log'\n"
            "upstream = ['http://me@proxy.example:3128?password-file=/etc/up']\n"
            "intercept = ['news.example']\n[echo]\nrecord = 'talk'\n[formsite]\nstore = 'f.db'\n"
        )
        roles = {kept.path: (kept.role, kept.must) for kept in plan.files}
        for name, fits in (
            ("w.db", (STORE, False)),
            ("w.db.key", (SECRET, False)),
            ("w.db.token", (SECRET, False)),
            ("users", (USERS, True)),
            ("access.log", (LOG, False)),
            ("ca/ca.pem", (SECRET, False)),
            ("talk", (SECRET, False)),
            ("f.db", (STORE, False)),
        ):
            self.assertEqual(roles.get(str(self.folder / name)), fits, name)
        self.assertEqual(roles["/etc/up"], (SECRET, True))
        self.assertEqual(dict(plan.stores)["formsite"], str(self.folder / "f.db"))

    def test_listeners(self) -> None:
        """Every place of every service, UDP and Unix sockets too, with the option that names it."""
        plan = self.plan(
            "[netsuite]\nadmin = 8009\n[echo]\nport = 5001\nudp = true\nipv6 = true\nallow-client = ['::1']\n"
            "[pages]\nport = 'unix:/run/pages.sock'\n"
            "[colors]\nport = 'tcp:8005:interface=127.0.0.2'\nadmin = 7\n"
        )
        self.assertEqual(
            {(told.option, told.place) for told in plan.listeners},
            {
                ("echo --port", "tcp:127.0.0.1:5001"),
                ("echo --port", "tcp:[::1]:5001"),
                ("echo --udp", "udp:127.0.0.1:5001"),
                ("echo --udp", "udp:[::1]:5001"),
                ("pages --port", "unix:/run/pages.sock"),
                ("colors --port", "tcp:127.0.0.2:8005"),
                ("colors --admin", "tcp:127.0.0.1:7"),
                ("netsuite --admin", "tcp:127.0.0.1:8009"),
            },
        )
        self.assertEqual(dict(plan.clients)["echo"], 256)
        assert plan.admin is not None
        self.assertEqual(plan.admin.port, 8009)

    def test_tls(self) -> None:
        """What speaks TLS, with its files; the admin listener's is what it is asked by."""
        pem = Path(self.mktemp()).resolve()
        key, certificate = self_signed(["localhost"], 9, datetime.datetime.now(datetime.UTC))
        pem.write_bytes(key + certificate)
        plan = self.plan(f"[netsuite]\nadmin = 'ssl:8009:interface=127.0.0.1:privateKey={pem}'\n[echo]\n")
        self.assertEqual(
            [(option, files.key) for option, files in plan.shown], [("netsuite --admin", str(pem))]
        )
        self.assertEqual(plan.admin_shows, str(pem))
        assert plan.admin is not None
        self.assertEqual(plan.admin.place, "tcp:127.0.0.1:8009")

    def test_extras(self) -> None:
        """What a store in a Redis needs."""
        plan = self.plan("[wordproxy]\nstore = 'redis://127.0.0.1:1/'\n")
        self.assertEqual(plan.needs, {"redis": "wordproxy --store"})
