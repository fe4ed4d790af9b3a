"""Nodes behind HAProxy, as the files of ``deploy/`` have it, with addresses and ports put in."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import re
import shutil
import socket
import urllib.error
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import TestCase

from tests.real.exactness import Found, Kill, faults, kill9
from tests.real.hatchery import HatchedTwistd
from tests.real.numbered import Book, Readers
from tests.real.parts import ROOT, Child, PartError, Twistd, answers, require, until

#: How long spools may take to be empty once the store is there.
SETTLE_SECONDS = 60.0

DEPLOY = ROOT / "deploy"


def kept_ports(number: int) -> list[int]:
    """So many ports that nobody listens on and no connection is given: to be had again after a kill."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found: list[int] = []
    while len(found) < number:
        port = random.randrange(10_000, max(first, 11_000))
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found += [port] if port not in found else []
    return found


class Node:
    """A place for a wordproxy that may be killed and started again; each life has a name of its own."""

    def __init__(self, name: str, store: str, *options: str) -> None:
        self.place, self._store, self._options = name, store, options
        self.proxy, self.report, self.admin = kept_ports(3)
        self._lives = itertools.count(1)
        self._home = Child(name)  # keeps the folder over all lives
        self.name = self.login = ""  # login: user:password, where the report asks for them
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
        made = HatchedTwistd("wordproxy", *ports, *loose, "-s", self._store, *self._options, env=env)
        self.close()
        self.service, made.login = made, self.login
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
    """HAProxy with the files of ``deploy/``, two nodes and, where there are any, two Redis at these ports.

    ``proxy``, ``report`` and ``redis`` are its own ports.
    """

    def __init__(self, nodes: Sequence[Node] = (), servers: Sequence[int] = ()) -> None:
        require("haproxy", shutil.which("haproxy"))
        super().__init__("haproxy")
        self.nodes, self._servers = nodes, servers
        self.proxy, self.report, self.redis = kept_ports(3)

    def up(self) -> HAProxy:
        """Return itself once it listens."""
        one, two = self.nodes
        places = {
            "maxconn 8000": "maxconn 500",
            "bind 10.0.0.5:8001": f"bind 127.0.0.1:{self.proxy}",
            "bind 10.0.0.5:8000": f"bind 127.0.0.1:{self.report}",
            "src 10.0.0.0/8": "src 127.0.0.0/8",
            "one 10.0.0.11:8001": f"one 127.0.0.1:{one.proxy} port {one.admin}",
            "two 10.0.0.12:8001": f"two 127.0.0.1:{two.proxy} port {two.admin}",
            "one 10.0.0.11:8000": f"one 127.0.0.1:{one.report} port {one.admin}",
            "two 10.0.0.12:8000": f"two 127.0.0.1:{two.report} port {two.admin}",
        }
        files = ["-f", self._written("haproxy.cfg", places)]
        if self._servers:
            first, second = self._servers
            places = {
                "bind 10.0.0.5:6379": f"bind 127.0.0.1:{self.redis}",
                "first 10.0.0.21:6379": f"first 127.0.0.1:{first}",
                "second 10.0.0.22:6379": f"second 127.0.0.1:{second}",
            }
            files += ["-f", self._written("haproxy-redis.cfg", places)]
        self.start(["haproxy", "-db", *files])
        until("haproxy listens", lambda: answers("127.0.0.1", self.proxy) or not self.running())
        if not self.running():
            raise self.fault("ended at its start")
        return self

    def sends_to(self, node: Node) -> bool:
        """Whether clients may come to that node, by what HAProxy said last of it; until then they may."""
        return re.findall(f"Server proxy/{node.place} is (UP|DOWN)", self.log)[-1:] != ["DOWN"]

    def _written(self, name: str, places: Mapping[str, str]) -> str:
        """The path of that file, with our addresses in the place of its own, each of which it has once."""
        text = (DEPLOY / name).read_text()
        for theirs, ours in places.items():
            if len(re.findall(f"(?m)^[^#]*{re.escape(theirs)}", text)) != 1:
                raise PartError(f"deploy/{name} no longer has {theirs!r} once")
            text = re.sub(f"(?m)^([^#]*){re.escape(theirs)}", lambda found, ours=ours: found[1] + ours, text)
        path = self.folder / name
        path.write_text(text)
        return str(path)


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
