"""The suite of all services, in one folder and on the same ports over all its lives."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.soaking.visits import asked
from tests.real.cluster import kept_ports
from tests.real.exactness import Kill, kill9
from tests.real.parts import Child, children, until
from tests.real.tlsorigin import Issuer

#: Services in the order that the suite has them.
NAMES = ("echo", "wordproxy", "httpecho", "pages", "formsite", "colors", "proxy")

#: How long a start may take, and an end, on a machine that is busy.
START_SECONDS, STOP_SECONDS = 90.0, 60.0

#: The host whose TLS is opened.
OPENED = "news.example"

TEXT = """\
[netsuite]
admin = "{admin}"
log-json = true
[echo]
port = "{echo}"
udp = true
access-log = "off"
idle = 20
[wordproxy]
port = "{wordproxy}"
report = "{report}"
store = "words.db"
allow-net = ["127.0.0.0/8"]
connect-port = ["1-65535"]
resolver = "{resolver}"
intercept = ["news.example"]
via = "{via}"
access-log = "proxy.log"
idle = 20
deny = ["host:denied.example"{deny}]
[httpecho]
port = "{httpecho}"
http11 = true
body = true
access-log = "off"
idle = 20
[pages]
port = "{pages}"
page = ["/=<h1>Home</h1>Home Page", "/test=<h1>Test</h1>Test Page", "/version={version}"]
access-log = "pages.log"
idle = 20
[formsite]
port = "{formsite}"
store = "forms.db"
min-seconds = 0
rate = 0
access-log = "off"
idle = 20
[colors]
port = "ssl:{colors}:interface=127.0.0.1:privateKey=key.pem:certKey=cert.pem"
access-log = "off"
idle = 20
[proxy]
port = "{proxy}"
allow-net = ["127.0.0.0/8"]
connect-port = ["1-65535"]
access-log = "off"
idle = 20
"""

#: Files that no reload may take, and what the log says of each.
BAD = {
    "[pages\n": "line",
    '[pages]\nprot = "8003"\n': "prot",
    '[echo]\nport = "nowhere"\n': "nowhere",
    "\x00\x01\x02 garbage": "line",
    "[nosuch]\nport = 1\n": "nosuch",
}


@dataclass(frozen=True, slots=True)
class Process:
    """A process, which another of the same number later is not."""

    role: str
    pid: int
    begun: str

    @property
    def runs(self) -> bool:
        """Whether it is there, and no mere remains of it."""
        found = _state(self.pid)
        return found is not None and found == ("", self.begun)


def _state(pid: int) -> tuple[str, str] | None:
    """Whether a process is a zombie, "Z" or "", and when it began (Linux); None if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return "Z" if fields[0] == "Z" else "", fields[19]


class Place:
    """The suite, up or down; each of its lives has a name, which it puts into Via."""

    def __init__(self, resolver: str, issuer: Issuer) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="netsuite-soak-", ignore_cleanup_errors=True)
        self.folder = Path(self._own.name)
        names = ("admin", "report", *NAMES)
        self.ports = dict(zip(names, kept_ports(len(names)), strict=True))
        self._resolver, self._issuer = resolver, issuer
        self.version = self.lives = 0
        self.deny = ""
        self.service: Child | None = None
        self.processes: dict[Process, None] = {}
        self.swap()

    @property
    def name(self) -> str:
        """The name of this life."""
        return f"soak-{self.lives}"

    @property
    def running(self) -> Child:
        """The suite, which is up."""
        assert self.service is not None
        return self.service

    def close(self) -> None:
        """Nothing of it runs, and its folder is gone."""
        if self.service is not None:
            self.service.close()
        self._own.cleanup()

    # -- its files -----------------------------------------------------------------------------------------

    def write(self, text: str | None = None) -> None:
        """The settings are these, else what they should be."""
        told = {"via": self.name, "version": self.version, "resolver": self._resolver, "deny": self.deny}
        new = self.folder / "new.toml"
        new.write_text(TEXT.format(**self.ports, **told) if text is None else text)
        new.rename(self.folder / "netsuite.toml")

    def swap(self) -> None:
        """There is a new certificate, with its key."""
        pem = self._issuer.issue("127.0.0.1", days=(-2, 90)).read_bytes()  # one that ends soon is warned of
        for name in ("key.pem", "cert.pem"):
            (self.folder / "new.pem").write_bytes(pem)
            (self.folder / "new.pem").rename(self.folder / name)

    def logged(self, name: str = "netsuite.log") -> Iterator[str]:
        """The lines of a log, of the files that it was moved to as well, oldest first."""
        for path in sorted(self.folder.glob(f"{name}*"), key=lambda path: path.stat().st_mtime_ns):
            yield from path.read_text(errors="replace").splitlines()

    def events(self) -> Iterator[dict[str, Any]]:
        """What was logged; a line that is no event is one of level "bare"."""
        for line in self.logged():
            try:
                yield json.loads(line)
            except ValueError:
                yield {"level": "bare", "message": line}

    # -- its life ------------------------------------------------------------------------------------------

    def up(self) -> None:
        """It runs, anew."""
        self.lives += 1
        self.write()
        if self.service is not None:
            self.service.close()
        env = {"SSL_CERT_FILE": str(self._issuer.path), "XDG_STATE_HOME": str(self.folder)}
        self.service = Child("suite", env, self.folder)
        run = "from twisted.scripts.twistd import run; run()"
        twistd = ["-n", "--pidfile=", "-l", "netsuite.log", "netsuite", "-c", "netsuite.toml"]
        self.service.start([sys.executable, "-c", run, *twistd])
        until("the suite is up", lambda: self._is_up(), START_SECONDS)
        until("it counts", lambda: self.counter, START_SECONDS)
        self.family()

    def _is_up(self) -> bool:
        if not self.running.running():
            raise self.running.fault("ended at its start:\n" + "\n".join(list(self.logged())[-20:]))
        try:
            return self.status()["state"] == "up"
        except (OSError, ValueError, KeyError):
            return False

    def status(self) -> dict[str, Any]:
        """What /status.json says."""
        told: dict[str, Any] = json.loads(asked(self.ports["admin"], "/status.json")[1])
        return told

    @property
    def counter(self) -> int:
        """The counter's process."""
        services = {each["name"]: each for each in self.status()["services"]}
        return int(services["wordproxy"].get("counter") or 0)

    @property
    def waiting(self) -> int:
        """Pages that are not kept yet."""
        services = {each["name"]: each for each in self.status()["services"]}
        return int(services["wordproxy"]["waiting_pages"])

    def family(self) -> list[Process]:
        """Its processes now; all that ever were are in ``processes``."""
        found: list[Process] = []
        if self.service is None or self.service.process is None:
            return found
        for pid in (self.running.pid, *children(self.running.pid)):
            if (state := _state(pid)) is not None and not state[0]:
                role = "suite" if pid == self.running.pid else "counter"
                found.append(Process(role, pid, state[1]))
        self.processes.update(dict.fromkeys(found))
        return found

    def left(self) -> list[Process]:
        """Of all its processes those that run."""
        return [process for process in self.processes if process.runs]

    def hup(self) -> None:
        """It was told to read its settings again."""
        self.running.signal(signal.SIGHUP)

    def term(self) -> int:
        """Its exit status after SIGTERM."""
        self.family()
        return self.running.stop(STOP_SECONDS)

    def kill9(self) -> Kill:
        """Its first process is gone; the others end by themselves."""
        self.family()
        kill = kill9(self.running, self.name)
        until("the others have ended", lambda: not self.left(), STOP_SECONDS)
        return kill

    def kill_counter(self) -> None:
        """The counter is gone, and there is another."""
        self.family()
        old = self.counter
        os.kill(old, signal.SIGKILL)
        until("another counter", lambda: self.counter not in (0, old), START_SECONDS)
        self.family()

    def complaints(self, allowed: Mapping[str, int]) -> list[str]:
        """What was logged above "info" more often than allowed, and tracebacks; lines that are no events."""
        found: Counter[str] = Counter()
        shown: dict[str, str] = {}
        for event in self.events():
            message = str(event.get("message", ""))
            what = str(event.get("event") or event.get("service") or "?")
            if event["level"] in ("debug", "info") and not ("Traceback" in message or "Unhandled" in message):
                continue
            found[what] += 1
            shown[what] = f"{event['level']}: {message[-600:]}"
        if output := self.running.log.strip():
            found["output"], shown["output"] = 1, output[-600:]
        return [
            f"{number} times {what} in the log, {allowed.get(what, 0)} are due: {shown[what]}"
            for what, number in sorted(found.items())
            if number > allowed.get(what, 0)
        ]

    def wait_event(self, what: str, before: int, seconds: float = START_SECONDS) -> None:
        """There is one more event of that sort than ``before``."""
        until(f"{what} in the log", lambda: self.number(what) > before, seconds)

    def number(self, what: str) -> int:
        """How many events of that sort were logged."""
        return sum(event.get("event") == what for event in self.events())
