"""A suite in this very process, on real sockets: cheap enough to start every two services together.

Signals stay the test runner's, and no counter is started: nothing is counted here.
"""

from __future__ import annotations

import gc
import http.client
import os
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from netsuite import life
from netsuite.suite import Options, Suite
from netsuite.wordproxy import feed

reactor: Any = _reactor

#: Seconds that no answer takes.
PATIENCE = 60.0

#: What each service needs to run anywhere.
TABLES = {
    "echo": 'port = "0"\n',
    "wordproxy": 'port = "0"\nreport = "0"\nstore = "words.db"\n',
    "httpecho": 'port = "0"\n',
    "pages": 'port = "0"\n',
    "formsite": 'port = "0"\nstore = "forms.db"\n',
    "colors": 'port = "0"\n',
    "proxy": 'port = "0"\n',
}

#: A request that is answered as soon as its last two bytes come.
HALF = b"POST /half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab"


def tables(*names: str, suite: str = "") -> str:
    """A file of a suite that runs these."""
    parts = [f'[netsuite]\nadmin = "0"\n{suite}']
    return "".join([*parts, *(f"[{name}]\n{TABLES[name]}" for name in names)])


class InsideCase(TestCase):
    """Has suites, and ends them."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NETSUITE_")}
        self.patch(os, "environ", {**kept, "XDG_STATE_HOME": str(self.folder), "NOTIFY_SOCKET": ""})
        self.patch(life.Life, "_take", lambda self, number, action: None)
        self.patch(feed.Feed, "_spawn", lambda self: None)
        self.patch(sys, "excepthook", sys.excepthook)
        switching = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, switching)
        self.addCleanup(gc.unfreeze)

    def options(self, text: str, *arguments: str) -> Options:
        """The settings of a file."""
        self.file = self.folder / "netsuite.toml"
        self.file.write_text(text)
        told = Options()
        told.parse(["-c", str(self.file), *arguments])
        return told

    def started(self, text: str, *arguments: str) -> Suite:
        """A suite that runs, until the test is over."""
        suite = Suite(self.options(text, *arguments), reactor)
        self.addCleanup(self.end, suite)
        suite.privilegedStartService()
        suite.startService()
        return suite

    async def end(self, suite: Suite) -> None:
        """It has ended."""
        if suite.running:
            await suite.stopService()

    def place(self, suite: Suite, name: str, which: int = 0) -> tuple[str, int]:
        """Where a member, or ``netsuite``, its admin, listens."""
        if name == "netsuite":
            return suite._admin.addresses()[0]
        (told,) = (each for each in suite.status()["services"] if each["name"] == name)
        host, port = told["listen"][which].removeprefix("tcp:").rsplit(":", 1)
        return host, int(port)

    def link(self, suite: Suite, name: str) -> socket.socket:
        """A connection to a member; it is made by the time the reactor looks."""
        link = socket.create_connection(self.place(suite, name), PATIENCE)
        self.addCleanup(link.close)
        return link

    async def busy(self, suite: Suite, name: str, count: int) -> None:
        """So many of a member's connections are at work."""
        while True:
            (child,) = (child for child in suite._children() if child.name == name)
            if sum(member.busy for member in child._crowd._members) == count:
                return
            await deferToThread(int)

    async def get(self, suite: Suite, name: str, path: str = "/", which: int = 0) -> tuple[int, bytes]:
        """Status and body of what a member, or the admin, answers."""
        place = self.place(suite, name, which)
        told: tuple[int, bytes] = await deferToThread(fetched, place, path)
        return told


def fetched(place: tuple[str, int], path: str) -> tuple[int, bytes]:
    """Status and body of an answer."""
    connection = http.client.HTTPConnection(*place, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def said(place: tuple[str, int], data: bytes) -> bytes:
    """All that comes back until the end."""
    with socket.create_connection(place, PATIENCE) as link:
        link.sendall(data)
        return received(link)


def received(link: socket.socket) -> bytes:
    """All that comes until the end."""
    return b"".join(iter(lambda: link.recv(65536), b""))


def in_thread(call: Any, *arguments: Any) -> Deferred[Any]:
    """Fires with what a call says that has to wait."""
    return deferToThread(call, *arguments)
