"""What services tell of themselves: what is not well and why, what was counted, how late the loop is."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import urllib.parse
from types import SimpleNamespace
from typing import Any
from unittest import SkipTest

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite import journal
from netsuite.health import unwritable
from netsuite.linefile import LineFile
from netsuite.metrics import labelled
from netsuite.scripts import cert
from netsuite.storefile import StoreFault
from netsuite.suite import PORTS, Suite
from netsuite.vitals import Vitals
from netsuite.wordproxy.scraped import reasons
from tests.inside import InsideCase, fetched, in_thread, said, tables
from tests.real.parts import Child, free_ports, require, until
from tests.scripts.tools import inside, run
from tests.watching import RULES, SCRAPING, queries


class HealthTests(InsideCase):
    """What is not well, in words."""

    async def health(self, suite: Suite) -> tuple[int, list[str]]:
        """Status and reasons of /healthz."""
        code, body = await self.get(suite, "netsuite", "/healthz")
        return code, json.loads(body).get("reasons", [])

    def member(self, suite: Suite, name: str) -> Any:
        """A member's service."""
        return next(child for child in suite._children() if child.name == name)

    async def test_store(self) -> None:
        """A store that refuses is told by the service's name, until it takes something again."""
        suite = self.started(tables("echo", "formsite"))
        keeper = self.member(suite, "formsite")._keeper
        while keeper.waiting:  # what is done at the start
            await in_thread(int)
        self.assertEqual(await self.health(suite), (200, []))

        def full(store: Any) -> None:
            raise StoreFault("the disk is full", is_full=True)

        await self.assertFailure(keeper.change(full), StoreFault)
        self.assertEqual(await self.health(suite), (503, ["formsite: store: the disk is full"]))
        scrape = (await self.get(suite, "netsuite", "/metrics"))[1].decode()
        self.assertIn('netsuite_store_failing{service="formsite"} 1.0', scrape)
        self.assertIn('netsuite_healthy{service="echo"} 1.0', scrape)
        self.assertEqual((await self.get(suite, "netsuite", "/readyz"))[0], 200)
        await keeper.change(lambda store: None)
        self.assertEqual(await self.health(suite), (200, []))

    async def test_folder(self) -> None:
        """A folder that is gone, or a disk without room, is told before anybody loses an answer to it."""
        suite = self.started(tables("formsite"))
        for patch, words in (
            (("access", lambda path, mode: False), "can't be written to"),
            (("statvfs", lambda path: SimpleNamespace(f_bavail=0)), "no space left"),
        ):
            patched = self.patch(os, *patch)
            ((reason,)) = (await self.health(suite))[1]
            patched.restore()
            self.assertTrue(reason.startswith("formsite: ") and words in reason, reason)
        self.assertEqual(list(unwritable("/nowhere/at/all/x")), ["/nowhere/at/all can't be written to"])

    async def test_counter(self) -> None:
        """A counter that died and isn't back yet is told; the first has its time; trouble has its words."""
        suite = self.started(tables("wordproxy"))
        self.assertEqual(await self.health(suite), (200, []))
        feed = self.member(suite, "wordproxy")._counting.feed
        feed._restarts = 1
        self.assertEqual(await self.health(suite), (503, ["wordproxy: no counter runs"]))
        told = {"counters": [None, 7], "restarts": 3, "trouble": "Redis is away"}
        self.assertEqual(list(reasons(told)), ["counting: Redis is away"])
        self.assertEqual(list(reasons({"counters": [None, None], "restarts": 1})), ["no counter runs"])

    async def test_listener(self) -> None:
        """A listener that isn't bound is named; then nobody is sent there."""
        suite = self.started(tables("echo", "pages"))
        listening = self.member(suite, "pages")._listening
        bound, listening.bound = listening.bound, {}
        self.assertEqual(await self.health(suite), (503, ["pages: pages doesn't listen"]))
        listening.bound = bound

    async def test_limits(self) -> None:
        """Bounds that were hit are in the status, by the word that metrics have for them."""
        suite = self.started(tables("echo").replace("[echo]", "[echo]\nper-client = 1\nmax-line = 9"))
        with self.link(suite, "echo") as link:
            link.sendall(b"a")
            answer = await in_thread(said, self.place(suite, "echo"), b"")
        self.assertEqual(answer, b"Refused: too many connections from this address.\r\n")
        (echo,) = suite.status()["services"]
        self.assertEqual((echo["refused"], echo["limits"]), (1, {"per_client": 1}))


class SecuredTests(InsideCase):
    """An admin listener, and another one, that speak TLS."""

    async def test_status(self) -> None:
        """``netsuite status`` asks it, and believes nobody else; ends of certificates are told."""
        self.assertEqual(inside(cert, "-o", str(self.folder), "localhost", "127.0.0.1")[0], 0)
        names = (self.folder / f"localhost.{end}" for end in ("key", "pem"))
        key, certificate = map(str, names)
        place = f'"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"'
        suite = self.started(tables("echo").replace('"0"', place))
        host, port = self.place(suite, "netsuite")
        asked = ("status", "--admin", f"https://{host}:{port}", "-j")
        code, output, _ = await in_thread(run, *asked, "--cafile", certificate)
        told = json.loads(output)["result"]
        self.assertEqual((code, told["state"], told["services"][0]["name"]), (0, "up", "echo"))
        ends = {each["certificates"][certificate] for each in (told, told["services"][0])}
        self.assertRegex(ends.pop(), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(ends, set())
        self.assertEqual((await in_thread(run, *asked))[0], 8)
        listeners = {
            (sample.labels["listener"], sample.labels["service"])
            for service, collector in suite._admin.owned()
            for family in labelled(collector.collect(), service=service)
            for sample in family.samples
            if sample.name == "netsuite_certificate_expiry_timestamp_seconds"
        }
        self.assertEqual(listeners, {("port", "echo"), ("admin", "netsuite")})


class PrometheusTests(InsideCase):
    """A real Prometheus, with the rules that are shipped."""

    async def test_scraped(self) -> None:
        """It scrapes the suite, its rules are well, and it can answer each query of the dashboard."""
        require("prometheus", shutil.which("prometheus"))
        suite = self.started(tables(*PORTS))
        host, port = self.place(suite, "netsuite")
        (self.folder / "prometheus.yml").write_text(
            SCRAPING.read_text()
            .replace("127.0.0.1:8009", f"{host}:{port}")
            .replace("15s", "1s")
            .replace("netsuite.rules.yml", str(RULES))
        )
        (web,) = free_ports(1)
        prometheus = Child("prometheus", folder=self.folder)
        self.addCleanup(prometheus.close)
        prometheus.start(
            ["prometheus", "--config.file=prometheus.yml", f"--web.listen-address=127.0.0.1:{web}"]
        )

        def asked(query: str) -> list[Any]:
            words = urllib.parse.urlencode({"query": query})
            code, body = fetched(("127.0.0.1", web), f"/api/v1/query?{words}")
            told = json.loads(body)
            self.assertEqual((code, told["status"]), (200, "success"), query)
            result: list[Any] = told["data"]["result"]
            return result

        def is_up() -> bool:
            with contextlib.suppress(OSError, ValueError):
                return any(each["value"][1] == "1" for each in asked('up{job="netsuite"}'))
            return False

        await in_thread(until, "a scrape", is_up)
        for query in queries():
            await in_thread(asked, query)
        services = {each["metric"]["service"] for each in await in_thread(asked, "netsuite_healthy == 1")}
        self.assertEqual(services, {"netsuite", *PORTS})
        _, body = await in_thread(fetched, ("127.0.0.1", web), "/api/v1/rules")
        groups = json.loads(body)["data"]["groups"]
        health = {rule["health"] for group in groups for rule in group["rules"]}
        self.assertLessEqual(health, {"ok", "unknown"})


class LossTests(SynchronousTestCase):
    """Log lines that could not be written."""

    def test_counted(self) -> None:
        """Each line that a full disk has cost is counted."""
        if not os.path.exists("/dev/full"):
            raise SkipTest("no /dev/full")
        file = LineFile("/dev/full")
        file.open()
        self.addCleanup(file.close)
        before = journal.tally.lost_lines
        for _ in range(3):
            file.line("lost\n")
        self.assertEqual(journal.tally.lost_lines - before, 3)


class NumberTests(InsideCase):
    """What is counted of traffic, service by service."""

    async def test_each(self) -> None:
        """Requests by class, their durations and bytes; lines of echo; what was refused by its cause."""
        suite = self.started(tables(*PORTS))
        for name in ("httpecho", "pages", "formsite", "colors"):
            await self.get(suite, name)
            place = self.place(suite, name)
            await in_thread(said, place, b"GET /nowhere HTTP/1.0\r\nHost: localhost\r\n\r\n")
            await in_thread(said, place, b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        await self.get(suite, "wordproxy", "/healthz", which=1)
        for name in ("proxy", "wordproxy"):
            await in_thread(said, self.place(suite, name), b"GET http://127.0.0.1:1/ HTTP/1.0\r\n\r\n")
        await in_thread(said, self.place(suite, "echo"), b"one\r\ntwo\r\nquit\r\n")
        text = (await self.get(suite, "netsuite", "/metrics"))[1].decode()
        told = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

        def count(name: str, *labels: str) -> float:
            return told.get((f"netsuite_{name}", *sorted(labels)), 0.0)

        for name, found in (("httpecho", 2), ("pages", 1), ("formsite", 1), ("colors", 1)):
            self.assertEqual(count("requests_total", "2xx", "port", name), found, name)
            self.assertEqual(count("requests_total", "4xx", "port", name), 3 - found, name)
            self.assertEqual(count("request_seconds_count", "port", name), 3, name)
            self.assertGreater(count("bytes_total", "port", "to_client", name), 20, name)
            refused = sum(count("refusals_total", status, "port", name) for status in ("414", "431"))
            self.assertEqual(refused, 1, name)
            self.assertEqual(count("connections_accepted_total", "port", name), 3, name)
        self.assertEqual(count("requests_total", "2xx", "report", "wordproxy"), 1)
        for name in ("proxy", "wordproxy"):
            self.assertEqual(count("requests_total", "4xx", "port", name), 1, name)
            self.assertEqual(count("refusals_total", "guard", "port", name), 1, name)
        self.assertEqual(count("echo_lines_total", "echo"), 2)
        self.assertEqual(count("bytes_total", "from_client", "port", "echo"), 16)
        self.assertEqual(count("connections_max", "admin", "netsuite"), 2048)
        self.assertEqual(count("faults_total"), 0)
        self.assertGreater(told[("process_resident_memory_bytes",)], 1 << 20)
        self.assertGreater(told[("process_open_fds",)], 5)


class LagTests(SynchronousTestCase):
    """How late the loop is."""

    def test_measured(self) -> None:
        """A call that comes later than due is in the bucket of so many seconds."""
        clock = Clock()
        vitals = Vitals(clock)
        vitals.start()
        for seconds in (0.5, 0.5, 0.8, 3.0):
            clock.rightNow += seconds
            clock.advance(0)
        vitals.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
        (lags,) = (each for each in vitals.collect() if each.name == "netsuite_loop_lag_seconds")
        buckets = {sample.labels.get("le"): sample.value for sample in lags.samples}
        self.assertEqual((buckets["0.001"], buckets["0.5"], buckets["1.0"], buckets["5.0"]), (2, 3, 3, 4))
