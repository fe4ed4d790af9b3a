"""The suite that runs already is known as such: by its admin listener, its pidfile, its command line."""

from __future__ import annotations

import datetime
import json
import os
import signal
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar
from unittest import TestCase

from netsuite.doctor.finding import FAULT, OK, WARNING, Finding
from netsuite.doctor.plan import Listener, Plan
from netsuite.doctor.running import Running, ask, judge, runs
from netsuite.doctor.sockets import Process
from netsuite.scripts import doctor
from netsuite.selfsigned import self_signed
from tests.client.origin import Origin, answer
from tests.real.parts import PartError, Twistd, free_ports, until


def examined(*arguments: str) -> list[Finding]:
    """What the tool finds, asked in this process."""
    options = doctor.Options()
    options.parseOptions(list(arguments))
    with redirect_stdout(StringIO()):
        return doctor.found(options)


class RealTests(TestCase):
    """A suite that runs."""

    suite: ClassVar[Twistd]
    ports: ClassVar[list[int]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for tries_left in (2, 1, 0):  # somebody else may take a port before it does
            cls.ports = free_ports(4)
            cls.suite = Twistd("netsuite", "-c", "netsuite.toml")
            cls.addClassCleanup(cls.suite.close)
            cls.write("netsuite.toml")
            cls.suite.launch()
            try:
                cls.suite.wait_log(r"netsuite: echo, pages; admin")
            except PartError:
                if not tries_left:
                    raise
            else:
                return

    @classmethod
    def write(cls, name: str, *, echo: int | None = None, admin: int | str | None = None) -> str:
        """A settings file is there, with other ports where they are told."""
        path = cls.suite.folder / name
        path.write_text(
            f"[netsuite]\nadmin = {cls.ports[0] if admin is None else admin}\n"
            f"[echo]\nport = {echo or cls.ports[1]}\n[pages]\nport = {cls.ports[2]}\n"
        )
        return str(path)

    def of(self, check: str, findings: list[Finding]) -> list[Finding]:
        """The findings of a check."""
        return [finding for finding in findings if finding.check == check]

    def test_itself(self) -> None:
        """Its ports are its own, and it is said to be up."""
        findings = examined("-c", str(self.suite.folder / "netsuite.toml"))
        [ports] = self.of("ports", findings)
        who = f"the running suite (process {self.suite.pid})"
        self.assertEqual((ports.severity, ports.what), (OK, f"3 places to listen at are held by {who}"))
        *roots, suite = self.of("suite", findings)
        self.assertEqual((suite.severity, suite.what), (OK, f"{who} is up: echo, pages"))
        self.assertEqual(len(roots), os.geteuid() == 0)
        [limit] = self.of("descriptors", findings)
        self.assertIn(f"of {who}", limit.what)

    def test_pidfile(self) -> None:
        """Without an answer and a command line that tell, the pidfile does."""
        pidfile = self.suite.folder / "suite.pid"
        pidfile.write_text(f"{self.suite.pid}\n")
        other = self.write("other.toml", admin=self.ports[3])
        ports = self.of("ports", examined("-c", other, "-p", str(pidfile)))
        self.assertEqual([one.severity for one in ports], [WARNING, OK])  # it has no such admin listener
        for content, severity, word in (
            ("1\n", FAULT, "foreign"),
            ("4194305\n", WARNING, "stale"),
            ("", FAULT, "empty"),
        ):
            pidfile.write_text(content)
            [suite, *_] = self.of("suite", examined("-c", other, "-p", str(pidfile)))
            self.assertEqual((suite.severity, suite.where), (severity, str(pidfile)))
            self.assertIn(word, suite.what)
            self.assertTrue(suite.mend)

    def test_strange(self) -> None:
        """For a file that it does not run with it is another suite, in the way."""
        other = self.write("third.toml", admin=self.ports[3])
        faults = [one for one in self.of("ports", examined("-c", other)) if one.severity == FAULT]
        self.assertEqual(len(faults), 2)
        for fault in faults:
            self.assertIn(
                f"twistd netsuite (process {self.suite.pid}), a suite with other settings", fault.what
            )

    def test_changed(self) -> None:
        """A place that it does not listen at is told: it runs with settings of before."""
        other = self.write("fourth.toml", echo=self.ports[3])
        [change] = [one for one in self.of("ports", examined("-c", other)) if one.severity == WARNING]
        self.assertIn(str(self.ports[3]), change.what)
        self.assertEqual(change.where, "echo --port")

    def test_refused_reload(self) -> None:
        """A suite that was sent HUP with a file of garbage goes on with the old; that is warned of."""
        sound = self.write("fifth.toml")
        path = self.suite.folder / "netsuite.toml"
        path.write_text("[netsuite]\nadmin = = 1\n")
        self.suite.signal(signal.SIGHUP)
        self.suite.wait_log("reload refused")
        told = self.warnings(sound)
        self.assertEqual(len(told), 1)
        self.assertIn("line 2", told[0].what)
        self.write("netsuite.toml")
        self.suite.signal(signal.SIGHUP)
        until("it is well again", lambda: not self.warnings(sound))

    def warnings(self, config: str) -> list[Finding]:
        """What is warned of with the suite itself."""
        found = self.of("suite", examined("-c", config))
        return [one for one in found if one.severity != OK and "root" not in one.what]


class AskTests(TestCase):
    """Admin listeners that answer anything."""

    def asked(self, body: bytes) -> dict[str, Any] | None:
        """What is read from an answer."""
        origin = Origin(lambda request: answer("200 OK", body))
        self.addCleanup(origin.close)
        return ask(Listener("", "tcp", "127.0.0.1", origin.port))

    def test_read(self) -> None:
        """What a service says of itself is taken; anything else is no service."""
        self.assertEqual(self.asked(b'{"state": "up"}'), {"state": "up"})
        for body in (b"<html>", b"[]", b'{"state": 1}', b"[" * 100_000, b""):
            self.assertIsNone(self.asked(body), body[:9])

    def test_tls(self) -> None:
        """One that speaks TLS is asked as well, and believed only if it shows the certificate of its file."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("own", "other"):
            key, pem = self_signed([name], 9, datetime.datetime.now(datetime.UTC))
            (folder / f"{name}.pem").write_bytes(key + pem)
        origin = Origin(lambda request: answer("200 OK", b'{"state": "up"}'), certificate=folder / "own.pem")
        self.addCleanup(origin.close)
        place = Listener("", "tcp", "127.0.0.1", origin.port)
        self.assertEqual(ask(place, str(folder / "own.pem")), {"state": "up"})
        self.assertIsNone(ask(place, str(folder / "other.pem")))
        self.assertIsNone(ask(place, str(folder / "none.pem")))

    def test_nobody(self) -> None:
        """Where nobody answers nothing runs."""
        [port] = free_ports(1)
        self.assertIsNone(ask(Listener("", "tcp", "127.0.0.1", port)))
        self.assertIsNone(ask(Listener("", "unix", path="/nowhere")))


class JudgeTests(TestCase):
    """What is made of it."""

    def test_down(self) -> None:
        """A service of it that is down, with the reason."""
        told = {"state": "degraded", "services": [{"name": "pages", "state": "down", "reasons": ["in use"]}]}
        [finding] = judge(Running(told=told), Plan())
        self.assertEqual((finding.severity, finding.where, finding.what), (FAULT, "pages", "in use"))

    def test_root(self) -> None:
        """One that has root's rights is warned of."""
        told = {"state": "up", "services": []}
        for uid, severities in ((0, [WARNING, OK]), (1000, [OK])):
            found = judge(Running(pid=7, uid=uid, told=told), Plan())
            self.assertEqual([finding.severity for finding in found], severities)

    def test_reload(self) -> None:
        """One whose reload was refused runs with older settings than the file's."""
        refused = {"ok": False, "at": "2026-01-05T10:00:00Z", "message": "line 7"}
        for told in (
            {"state": "up", "reload": refused, "services": []},
            {"state": "up", "services": [{"name": "netsuite", "state": "up", "reload": refused}]},
        ):
            [finding, up] = judge(Running(told=told), Plan())
            self.assertEqual((finding.severity, finding.where, up.severity), (WARNING, "netsuite", OK))
            self.assertIn("line 7", finding.what)

    def test_silent(self) -> None:
        """One that should answer and doesn't is warned of; without an admin listener it can't."""
        admin = Listener("netsuite --admin", "tcp", "127.0.0.1", 8009)
        self.assertEqual(judge(Running(pid=7), Plan(admin=admin))[0].severity, WARNING)
        self.assertEqual(judge(Running(pid=7), Plan())[0].severity, OK)

    def test_garbage(self) -> None:
        """An answer of another shape harms nobody."""
        for services in (None, "x", [1], [{"listen": None, "reasons": 7, "reload": []}], {}):
            running = Running(told=json.loads(json.dumps({"state": "up", "services": services, "reload": 1})))
            self.assertEqual(running.places, frozenset())
            judge(running, Plan())

    def test_command_lines(self) -> None:
        """The suite with this file, by a path from its own folder too; and no other."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        config = str(folder / "netsuite.toml")
        for words, fits in (
            ("twistd -n netsuite -c netsuite.toml", True),
            (f"/opt/bin/twistd -n --pidfile= netsuite --config={config}", True),
            ("twistd -n netsuite -c other.toml", False),
            ("twistd -n netsuite", False),
            ("twistd -n wordproxy -c netsuite.toml", False),
            ("vim netsuite -c netsuite.toml", False),
        ):
            one = Process(7, ("python", *words.split()), str(folder), is_here=True)
            self.assertEqual(runs(one, config), fits, words)
        self.assertTrue(runs(Process(7, ("twistd", "netsuite"), is_here=True), ""))

    def test_elsewhere(self) -> None:
        """One of a container, or that may not be looked at, is not known by its command line."""
        words = ("python", "twistd", "-n", "netsuite", "-c", "/etc/netsuite/netsuite.toml")
        self.assertFalse(runs(Process(7, words, ""), "/etc/netsuite/netsuite.toml"))
