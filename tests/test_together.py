"""Services in one process: every two, who ends when, the bound on all, and who runs though one can't."""

from __future__ import annotations

import itertools
import json
import os
import socket
from typing import Any

from netsuite import journal
from netsuite.listen import Refused
from netsuite.suite import PORTS, Suite
from tests.inside import HALF, InsideCase, in_thread, reactor, received, said, tables


class PairTests(InsideCase):
    """Any two."""

    async def works(self, suite: Suite, name: str) -> None:
        """The member does its own work."""
        place = self.place(suite, name)
        if name == "echo":
            answer = await in_thread(said, place, b"hello\r\nquit\r\n")
            self.assertEqual(answer, b"You said: hello\r\nGoodbye.\r\n")
        elif name in ("proxy", "wordproxy"):
            host, port = self.place(suite, "netsuite")
            asked = b"GET http://%b:%d/ HTTP/1.0\r\n\r\n" % (host.encode(), port)
            answer = await in_thread(said, place, asked)
            self.assertRegex(answer, rb"^HTTP/1.1 403 ", name)
        else:
            self.assertEqual((await self.get(suite, name))[0], 200, name)

    async def test_every_two(self) -> None:
        """Both work, both are told of, and they end in the reverse order, with nobody left listening."""
        for one, two in itertools.combinations(PORTS, 2):
            suite = self.started(tables(two, one))
            status = suite.status()
            self.assertEqual(status["state"], "up", status)
            self.assertEqual([each["name"] for each in status["services"]], [one, two])
            for name in (one, two):
                await self.works(suite, name)
            scrape = (await self.get(suite, "netsuite", "/metrics"))[1].decode()
            for name in (one, two):
                self.assertIn(f'netsuite_healthy{{service="{name}"}} 1.0\n', scrape)
            places = [self.place(suite, name) for name in (one, two)]
            order = self.noted(suite)
            await suite.stopService()
            self.assertEqual(order, [two, one])
            for place in places:
                self.assertRaises(ConnectionRefusedError, socket.create_connection, place, 5)

    def noted(self, suite: Suite) -> list[str]:
        """The members' names, in the order in which they are told to end."""
        order: list[str] = []
        for child in suite._children():

            def stop(child: Any = child, stop: Any = child.stopService) -> Any:
                order.append(child.name)
                return stop()

            child.stopService = stop
        return order


class EndTests(InsideCase):
    """A drain, seen from outside."""

    async def test_seen(self) -> None:
        """Who watches sees the drain, and who had begun to ask is answered; then nobody listens."""
        suite = self.started(tables("echo", "httpecho"))
        link = self.link(suite, "httpecho")
        link.sendall(HALF)
        await self.busy(suite, "httpecho", 1)
        admin = self.place(suite, "netsuite")
        stopped = suite.stopService()
        status, body = await in_thread(_get, admin, "/healthz")
        self.assertEqual((status, json.loads(body)["status"]), (503, "draining"))
        self.assertEqual((await in_thread(_get, admin, "/readyz"))[0], 503)
        scrape = (await in_thread(_get, admin, "/metrics"))[1].decode()
        self.assertIn('netsuite_draining{service="httpecho"} 1.0', scrape)
        self.assertFalse(stopped.called)
        link.sendall(b"cd")
        self.assertIn(b" 200 ", await in_thread(received, link))
        await stopped
        self.assertRaises(ConnectionRefusedError, socket.create_connection, admin, 5)

    async def test_own_admins(self) -> None:
        """Members with an admin port of their own, and with idle clients at each listener, end too."""
        text = tables(*PORTS).replace('\nport = "0"', '\nport = "0"\nadmin = "0"')
        suite = self.started(text)
        links = [self.link(suite, name) for name in PORTS]
        links.append(socket.create_connection(self.place(suite, "wordproxy", 1)))
        self.addCleanup(links[-1].close)
        for link in links[1:]:
            link.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b"HTTP/1.", await in_thread(link.recv, 999))
        await suite.stopService()


class BoundTests(InsideCase):
    """The bound on connections of all together."""

    async def test_reached(self) -> None:
        """When all are at work whoever comes is turned away, by any service, and counted; then not."""
        suite = self.started(tables("echo", "httpecho", suite="max-clients = 2\n"))
        links = [self.link(suite, "httpecho") for _ in range(2)]
        for link in links:
            link.sendall(HALF)
        await self.busy(suite, "httpecho", 2)
        told = await in_thread(said, self.place(suite, "echo"), b"")
        self.assertEqual(told, b"Refused: too many connections in all.\r\n")
        scrape = (await self.get(suite, "netsuite", "/metrics"))[1].decode()  # who looks after it is let in
        self.assertIn(
            'netsuite_connections_refused_total{cause="all_clients",listener="port",service="echo"} 1.0',
            scrape,
        )
        self.assertIn({"all_clients": 1}, [each["limits"] for each in suite.status()["services"]])
        links[0].sendall(b"cd")
        links[0].shutdown(socket.SHUT_WR)
        await in_thread(received, links[0])
        answer = await in_thread(said, self.place(suite, "echo"), b"quit\r\n")
        self.assertEqual(answer, b"Goodbye.\r\n")


class LackingTests(InsideCase):
    """One that can't start."""

    async def test_refused(self) -> None:
        """Without --best-effort it refuses all, and says so once, in words."""
        (self.folder / "forms.db").mkdir()
        suite = Suite(self.options(tables("echo", "formsite")), reactor)
        suite.privilegedStartService()
        self.addCleanup(suite.stopService)
        with self.assertRaises(Refused) as caught:
            suite.startService()
        self.assertIn("formsite", str(caught.exception))

    async def test_all_told(self) -> None:
        """Of several that can't, each is told, not the first alone."""
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            first, second = (taken.getsockname()[1] for taken in (one, two))
            text = f'[echo]\nport = "{first}"\n[pages]\nport = "0"\n[colors]\nport = "{second}"\n'
            suite = Suite(self.options(text, "--admin", "0"), reactor)
            self.addCleanup(suite.stopService)
            with self.assertRaises(Refused) as caught:
                suite.privilegedStartService()
        for name, port in (("echo", first), ("colors", second)):
            self.assertIn(f"cannot start {name}: 127.0.0.1:{port} is in use", str(caught.exception))

    async def test_best_effort(self) -> None:
        """With it the others run; who doesn't, and why, is in status, health and metrics, by its name."""
        (self.folder / "forms.db").mkdir()
        suite = self.started(tables("echo", "formsite", "pages"), "--best-effort")
        status = suite.status()
        self.assertEqual(status["state"], "degraded")
        states = {each["name"]: each["state"] for each in status["services"]}
        self.assertEqual(states, {"echo": "up", "pages": "up", "formsite": "down"})
        answer = await in_thread(said, self.place(suite, "echo"), b"quit\r\n")
        self.assertEqual(answer, b"Goodbye.\r\n")
        code, body = await self.get(suite, "netsuite", "/healthz")
        self.assertEqual(code, 503)
        (reason,) = json.loads(body)["reasons"]
        self.assertTrue(reason.startswith("formsite: "), reason)
        self.assertEqual((await self.get(suite, "netsuite", "/readyz"))[0], 200)


def _get(place: tuple[str, int], path: str) -> tuple[int, bytes]:
    answer = said(place, b"GET %b HTTP/1.0\r\nHost: localhost\r\n\r\n" % path.encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


class ReloadTests(InsideCase):
    """Other settings, of all or of nobody."""

    async def hello(self, suite: Suite) -> bytes:
        """What echo answers."""
        told: bytes = await in_thread(said, self.place(suite, "echo"), b"a\r\nquit\r\n")
        return told.partition(b"a\r\n")[0]

    async def test_of_all(self) -> None:
        """A good file is in force with each member, and with the suite: its bound too."""
        suite = self.started(tables("echo", "colors", suite="max-clients = 9\n"))
        self.file.write_text(
            tables("echo", "colors", suite="max-clients = 7\n") + 'idle = 5\n[pages]\nport="0"\n'
        )
        self.file.write_text(self.file.read_text().replace("[colors]", "tag = 'blue'\n[colors]"))
        suite._life.reload()
        self.assertEqual(await self.hello(suite), b"You said [blue]: ")
        self.assertEqual(suite._settings.together.most, 7)
        self.assertEqual([each["reload"]["ok"] for each in suite.status()["services"]], [True, True])

    async def test_queries(self) -> None:
        """Query strings are logged if the suite, or each service, is told to, not for one that is."""
        self.addCleanup(journal.show_queries, False)
        text = tables("httpecho", "pages")
        one = text.replace("[httpecho]", "[httpecho]\nlog-queries = true")
        suite = self.started(one)
        shown = [journal.shows_queries()]
        both = one.replace("[pages]", "[pages]\nlog-queries = true")
        for told in (both, one, text.replace("[netsuite]", "[netsuite]\nlog-queries = true"), text):
            self.file.write_text(told)
            suite._life.reload()
            shown.append(journal.shows_queries())
        self.assertEqual(shown, [False, True, False, True, False])

    async def test_of_nobody(self) -> None:
        """What one can't take changes nobody's; each fault says whose it is, and so do status and metrics."""
        text = tables("echo", "pages", "colors")
        suite = self.started(text)
        (self.folder / "table.toml").write_text("[")
        anew = text.replace("[echo]", "[echo]\ntag = 'no'")
        unread = anew.replace("[pages]\n", "[pages]\ntable = 'table.toml'\n")
        bad = anew.replace("[colors]\n", "[colors]\nstyles = 'none.css'\n")
        for broken, words in (
            (unread, ("pages: ", "table.toml")),
            (bad, ("colors: ", "none.css")),
            (
                text.replace("[pages]\n", "[pages]\nprot = 1\n"),
                ("[pages] prot: no such setting; did you mean port?",),
            ),
            (text + "[", ("netsuite.toml",)),
        ):
            self.file.write_text(broken)
            with self.assertRaises(ValueError) as caught:
                suite._life.reload()
            for word in words:
                self.assertIn(word, str(caught.exception))
            self.assertEqual(await self.hello(suite), b"You said: ")
            self.assertEqual(suite.status()["reload"]["ok"], False)
        scrape = (await self.get(suite, "netsuite", "/metrics"))[1].decode()
        self.assertIn('netsuite_config_last_reload_successful{service="netsuite"} 0.0', scrape)
        self.assertIn('netsuite_config_last_reload_successful{service="echo"} 1.0', scrape)
        before = len(os.listdir("/proc/self/fd"))
        self.file.write_text(bad)
        for _ in range(5):
            self.assertRaises(ValueError, suite._life.reload)
        self.assertLessEqual(len(os.listdir("/proc/self/fd")), before)
        self.file.write_text(text)
        suite._life.reload()
        self.assertEqual(suite.status()["reload"]["ok"], True)
