"""The suite as twistd runs it: all services in one process, one admin port, one life."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast
from unittest import TestCase

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from netsuite.proxy.workers import Workers
from netsuite.suite import PORTS
from tests.real.hatchery import HatchedTwistd
from tests.real.parts import ROOT, START_SECONDS, PartError, clean_environment, until
from tests.scripts.tools import run
from tests.watching import RULES, families, named, promtool, queries

RUN = "from twisted.scripts.twistd import run; run()"

#: What asks for OpenMetrics, as Prometheus does.
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"

#: Labels of what runs.
VERSIONS = {"version", "twisted", "python"}

#: Every service at a port that the system chooses.
ALL = """
[netsuite]
admin = "0"
[echo]
port = "0"
[wordproxy]
port = "0"
report = "0"
store = "words.db"
allow-net = ["127.0.0.0/8"]
[httpecho]
port = "0"
[pages]
port = "0"
[formsite]
port = "0"
store = "forms.db"
[colors]
port = "0"
[proxy]
port = "0"
"""


def fetched(url: str, proxy: str = "") -> bytes:
    """What a URL gives."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy} if proxy else {}))
    with opener.open(url, timeout=START_SECONDS) as answer:
        return bytes(answer.read())


class Suite(HatchedTwistd):
    """A suite with a file.  ``admin`` is the address of its admin listener."""

    def __init__(self, text: str, *arguments: str) -> None:
        super().__init__("netsuite", "-c", "netsuite.toml", *arguments)
        self.rewrite(text)
        self.admin = ""

    def rewrite(self, text: str) -> None:
        """The file is another one."""
        (self.folder / "netsuite.toml").write_text(text)

    def begin(self) -> Suite:
        """Return itself once it runs."""
        self.launch()
        self.admin = self.wait_log(r"netsuite: \S+.* admin (http://[\w.:]+)/")[1]
        return self

    def status(self) -> dict[str, Any]:
        """What /status.json says."""
        try:
            answer: dict[str, Any] = json.loads(fetched(f"{self.admin}/status.json"))
        except urllib.error.HTTPError as error:
            answer = json.load(error)
        return answer

    def places(self) -> dict[str, list[str]]:
        """Where each member listens."""
        return {
            each["name"]: [place.removeprefix("tcp:") for place in each.get("listen", ())]
            for each in self.status()["services"]
        }


class AllTests(TestCase):
    """All services, started once."""

    suite: ClassVar[Suite]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.suite = Suite(ALL)
        cls.addClassCleanup(cls.suite.close)
        cls.suite.begin()

    def said(self, words: bytes) -> bytes:
        """What echo answers."""
        host, port = self.suite.places()["echo"][0].split(":")
        with socket.create_connection((host, int(port)), START_SECONDS) as link:
            link.sendall(words)
            return b"".join(iter(lambda: link.recv(999), b""))

    def test_each_answers(self) -> None:
        """Every service is up and does its work, through the proxies too."""
        status = self.suite.status()
        self.assertEqual(status["state"], "up", status)
        places = self.suite.places()
        self.assertEqual(
            list(places), ["echo", "wordproxy", "httpecho", "pages", "formsite", "colors", "proxy"]
        )
        self.assertEqual(self.said(b"hello\r\nquit\r\n"), b"You said: hello\r\nGoodbye.\r\n")
        self.assertEqual(fetched(f"http://{places['pages'][0]}/test"), b"<h1>Test</h1>Test Page")
        self.assertIn(b"Form Test", fetched(f"http://{places['formsite'][0]}/"))
        self.assertIn(b"00abef", fetched(f"http://{places['colors'][0]}/color/00abef"))
        echoed = fetched(f"http://{places['httpecho'][0]}/x", f"http://{places['wordproxy'][0]}")
        self.assertIn(b"GET /x HTTP/1.1", echoed)

    def test_status(self) -> None:
        """``netsuite status`` has a row for each, and is content; so is /healthz."""
        code, output, errors = run("status", "--admin", self.suite.admin)
        self.assertEqual((code, errors), (0, ""), output)
        rows = [line.split() for line in output.splitlines()[2:]]
        self.assertEqual([row[:2] for row in rows], [[name, "up"] for name in self.suite.places()])
        self.assertEqual(json.loads(fetched(f"{self.suite.admin}/healthz")), {"status": "up"})
        self.assertEqual(json.loads(fetched(f"{self.suite.admin}/readyz")), {"ready": True})

    def test_metrics(self) -> None:
        """One scrape has the numbers of all, each with its service."""
        lines = fetched(f"{self.suite.admin}/metrics").decode().splitlines()
        owners = {
            line.partition('service="')[2].partition('"')[0]
            for line in lines
            if "netsuite_connections{" in line
        }
        members = {"echo", "wordproxy", "httpecho", "pages", "formsite", "colors", "proxy"}
        self.assertEqual(owners, {"netsuite", *members})
        told = [line for line in lines if line.startswith("# TYPE netsuite_connections ")]
        self.assertEqual(len(told), 1)

    def test_scraped(self) -> None:
        """Both formats can be read, promtool has nothing to say, and no label is without bound."""
        text = fetched(f"{self.suite.admin}/metrics").decode()
        self.assertEqual(promtool("check", "metrics", given=text), "")
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        labels = {name for sample in samples for name in sample.labels}
        self.assertLessEqual(
            labels,
            {"service", "listener", "cause", "class", "direction", "le", "kind", "reason", "where"}
            | VERSIONS,
        )
        asked = urllib.request.Request(f"{self.suite.admin}/metrics", headers={"Accept": OPENMETRICS})
        with urllib.request.urlopen(asked, timeout=START_SECONDS) as answer:
            self.assertIn("application/openmetrics-text", answer.headers["Content-Type"])
            told = list(openmetrics(answer.read().decode()))
        self.assertEqual({family.name for family in told}, families(text))

    def test_watched(self) -> None:
        """Rules and dashboard ask for nothing that isn't told, and what is told of a service is asked for."""
        there = families(fetched(f"{self.suite.admin}/metrics").decode())
        some = SimpleNamespace(_count=2, _workers={})  # nobody has workers here
        there |= {one.name for one in Workers.gauges(cast("Workers", some)).collect()}
        boards = named("\n".join(queries()))
        self.assertLessEqual(boards | named(RULES.read_text()), there)
        self.assertEqual({name for name in there - boards if name.startswith("netsuite_")}, set())

    def test_reloaded(self) -> None:
        """A file of garbage keeps the old settings and says where; a good one is in force with its member."""
        self.suite.rewrite(ALL + "[pages\n")
        self.suite.signal(signal.SIGHUP)
        self.suite.wait_log(r"reload refused, nothing changed: \S+netsuite.toml: [^;]* line \d+[^;]*$")
        self.suite.rewrite(ALL.replace("[echo]\n", "[echo]\ntag = 'blue'\n"))
        self.suite.signal(signal.SIGHUP)
        until("it is reloaded", lambda: self.suite.status()["reloaded"])
        self.assertIn(b"You said [blue]: hello", self.said(b"hello\r\nquit\r\n"))
        self.suite.rewrite(ALL)
        self.suite.signal(signal.SIGHUP)
        until("the tag is gone", lambda: self.said(b"hello\r\nquit\r\n").startswith(b"You said: hello"))

    def test_signals(self) -> None:
        """USR1 and USR2 reach the members; nobody dies of them."""
        for number, line in ((signal.SIGUSR1, "logs reopened"), (signal.SIGUSR2, "(?i)paus")):
            self.suite.signal(number)
            self.suite.wait_log(line)
        self.suite.signal(signal.SIGUSR2)
        self.assertEqual(self.suite.status()["state"], "up")


class StartTests(TestCase):
    """How it starts, or doesn't."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_best_effort(self) -> None:
        """With --best-effort the others run, and the status says which doesn't and why."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            suite = Suite(
                f"[netsuite]\nadmin = '0'\n[echo]\nport = '0'\n[pages]\nport = '{port}'\n", "--best-effort"
            )
            self.addCleanup(suite.close)
            suite.begin()
            status = suite.status()
            self.assertEqual(status["state"], "degraded")
            states = {each["name"]: each["state"] for each in status["services"]}
            self.assertEqual(states, {"echo": "up", "pages": "down"})
            with self.assertRaises(urllib.error.HTTPError) as caught:
                fetched(f"{suite.admin}/healthz")
            told = json.load(caught.exception)
            self.assertEqual((caught.exception.code, told["status"]), (503, "degraded"))
            self.assertRegex(told["reasons"][0], f"^pages: cannot start pages: 127.0.0.1:{port} is in use")
            code, output, errors = run("status", "--admin", suite.admin)
            self.assertEqual((code, errors), (1, "netsuite status: not up: pages\n"))
            self.assertRegex(output, r"(?m)^pages +down ")
            scrape = fetched(f"{suite.admin}/metrics").decode()
            self.assertIn('netsuite_members_down{service="netsuite"} 1.0', scrape)
            self.assertIn('netsuite_healthy{service="netsuite"}', scrape)
            self.assertEqual(suite.stop(), 0)

    def test_bare(self) -> None:
        """As under systemd-run all of the example file start, and end with 0 at TERM.

        No terminal, no HOME, closed standard input, and nothing to write to but the state folder, where this
        machine lets us have that.
        """
        text = (ROOT / "deploy" / "netsuite.toml").read_text()
        free = re.sub(r"(?m)^(port|report|admin) = \d+", r'\1 = "0"', text)
        self.assertEqual(free.count('= "0"'), 9)
        (self.folder / "netsuite.toml").write_text(free)
        log = self.folder / "log"
        env = {**clean_environment(), "STATE_DIRECTORY": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        env.pop("HOME", None)
        env.pop("TERM", None)
        run = f'exec "$0" -c "{RUN}" -n --pidfile= netsuite -c netsuite.toml --with proxy <&- >log 2>&1'
        command = ["/bin/sh", "-c", run, sys.executable]
        alone = ["unshare", "--mount", "/bin/sh", "-c"]
        if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0:
            read_only = 'mount --bind "$PWD" "$PWD" && cd "$PWD" && mount -o remount,bind,ro / && '
            command = [*alone, read_only + run, sys.executable]
        process = subprocess.Popen(command, cwd=self.folder, env=env, start_new_session=True)
        try:
            until(
                "it runs",
                lambda: process.poll() is not None or (log.exists() and "admin http://" in log.read_text()),
                START_SECONDS,
            )
            if process.poll() is not None:
                raise PartError(log.read_text())
            (admin,) = re.findall(r"admin (http://\S+)", log.read_text())
            status = json.loads(fetched(f"{admin}status.json"))
            self.assertEqual(status["state"], "up", status)
            self.assertEqual({each["name"] for each in status["services"]}, set(PORTS))
            os.kill(process.pid, signal.SIGTERM)
            self.assertEqual(process.wait(START_SECONDS), 0, log.read_text())
            self.assertNotIn("Traceback", log.read_text())
            for name in ("words.db", "forms.db"):
                self.assertTrue((self.folder / name).exists(), name)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
