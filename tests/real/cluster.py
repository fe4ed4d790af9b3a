"""Nodes behind HAProxy, as ``deploy/haproxy.cfg`` has it, with addresses and ports put in."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import urllib.error
from collections.abc import Sequence
from pathlib import Path
from unittest import TestCase

from tests.real.exactness import Found, Kill, faults, kill9
from tests.real.numbered import Book, Readers
from tests.real.parts import ROOT, Child, PartError, Twistd, answers, free_ports, require, until

#: How long spools may take to be empty once the store is there.
SETTLE_SECONDS = 60.0

CONFIGURATION = ROOT / "deploy" / "haproxy.cfg"

#: What stands in the file, and of whom a test puts the address there.
PLACES = {
    "maxconn 8000": "most",
    "bind 10.0.0.5:8001": "proxy",
    "bind 10.0.0.5:8000": "report",
    "src 10.0.0.0/8": "clients",
    "one 10.0.0.11:8001": "one proxy",
    "two 10.0.0.12:8001": "two proxy",
    "one 10.0.0.11:8000": "one report",
    "two 10.0.0.12:8000": "two report",
}


class Node:
    """A place for a wordproxy that may be killed and started again; each life has a name of its own."""

    def __init__(self, name: str, store: str, *options: str) -> None:
        self.place, self._store, self._options = name, store, options
        self.proxy, self.report, self.admin = free_ports(3)
        self._lives = itertools.count(1)
        self._home = Child(name)  # keeps the folder over all lives
        self.name = ""
        self.service: Twistd | None = None

    @property
    def home(self) -> Path:
        """The folder of its state, over all lives."""
        return self._home.folder

    @property
    def running(self) -> Twistd:
        """The wordproxy, which is up."""
        assert self.service is not None
        return self.service

    def up(self) -> Node:
        """Return itself once the node takes clients."""
        self.name = f"{self.place}-{next(self._lives)}"
        ports = "-p", str(self.proxy), "-r", str(self.report), "--admin", str(self.admin)
        loose = "--allow-net", "127.0.0.0/8", "--connect-port", "1-65535", "--via", self.name
        env = {"XDG_STATE_HOME": str(self._home.folder / "state")}
        made = Twistd("wordproxy", *ports, *loose, "-s", self._store, *self._options, env=env)
        self.close()
        self.service = made
        made.up(r"proxy http://\S+, report http://\S+, store ")
        return self

    @property
    def counted(self) -> int:
        """Pages that its report has; none while the store is away."""
        with contextlib.suppress(OSError):
            return int(self.running.report("/coverage.json")["counted"])
        return 0

    @property
    def waiting(self) -> int:
        """Pages that are not kept yet."""
        try:
            health = self.running.report("/healthz")
        except urllib.error.HTTPError as error:  # 503 while the store is away
            health = json.load(error)
        return int(health["waiting_pages"])

    def kill9(self) -> Kill:
        """It is gone."""
        return kill9(self.running, self.name)

    def close(self) -> None:
        """It does not run."""
        if self.service is not None:
            self.service.close()

    def forget(self) -> None:
        """It does not run, and its folder is gone."""
        self.close()
        self._home.close()


class HAProxy(Child):
    """HAProxy with the file of ``deploy/`` and two nodes; ``proxy`` and ``report`` are its ports."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        require("haproxy", shutil.which("haproxy"))
        super().__init__("haproxy")
        self._nodes = nodes
        self.proxy, self.report = free_ports(2)

    def up(self) -> HAProxy:
        """Return itself once it listens and takes both nodes for healthy."""
        one, two = self._nodes
        addresses = {
            "most": "maxconn 500",
            "proxy": f"bind 127.0.0.1:{self.proxy}",
            "report": f"bind 127.0.0.1:{self.report}",
            "clients": "src 127.0.0.0/8",
            "one proxy": f"one 127.0.0.1:{one.proxy} port {one.admin}",
            "two proxy": f"two 127.0.0.1:{two.proxy} port {two.admin}",
            "one report": f"one 127.0.0.1:{one.report} port {one.admin}",
            "two report": f"two 127.0.0.1:{two.report} port {two.admin}",
        }
        text = CONFIGURATION.read_text()
        for before, what in PLACES.items():
            if text.count(before) != 1:
                raise PartError(f"{CONFIGURATION} no longer has {before!r} once")
            text = text.replace(before, addresses[what])
        path = self.folder / "haproxy.cfg"
        path.write_text(text)
        self.start(["haproxy", "-db", "-f", str(path)])
        until("haproxy listens", lambda: answers("127.0.0.1", self.proxy) or not self.running())
        if not self.running():
            raise self.fault("ended at its start")
        return self


class Fleet(TestCase):
    """A test with an origin and nodes that share a store."""

    def setUp(self) -> None:
        self.book = Book()
        self.addCleanup(self.book.close)

    @staticmethod
    def settled(readers: Readers, where: str, kills: Sequence[Kill] = ()) -> None:
        """What waits in spools has had its time to be sent; whether all is exact is asked later."""
        with contextlib.suppress(PartError):
            until("all is sent", lambda: not faults(readers.told, Found.of(where), kills), SETTLE_SECONDS)

    def node(self, name: str, store: str, *options: str) -> Node:
        """A node that is up."""
        made = Node(name, store, *options)
        self.addCleanup(made.forget)
        return made.up()
