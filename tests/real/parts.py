"""Real parts that tests put together: processes, and twistd above all (others in ``nginx`` and ``clients``).

All of them listen on loopback only, live in a folder of their own, are ended by their process id, and
are waited for with a bound.  One that can't start, or ends by itself, raises ``PartError`` with its log.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from unittest import SkipTest

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent.parent
HANDBOOK = Path("/usr/share/doc/debian-handbook/html")
REFERENCE = Path("/usr/share/debian-reference")

#: How long a part may take to come up, to end, and to do what is asked, on a busy machine.
START_SECONDS = 30.0
STOP_SECONDS = 20.0
FETCH_SECONDS = 60.0

#: Longest tail of a log in a failure, in characters.
LOG_TAIL = 6000

#: Ports that Linux hands out to nobody who doesn't name them: from, to.
NAMED_PORTS = (20_000, 32_768)

#: Seeded by nobody: tests that run at the same time must not all find the same ports.
_CHANCE = random.SystemRandom()


class PartError(AssertionError):
    """A part did not do its own job, so that nothing can be said of ours."""


def require(part: str, present: object) -> None:
    """The part is there; else the test is skipped, or fails where ``REQUIRE_PARTS`` (a,b,c) names it."""
    if present:
        return
    wanted = os.environ.get("REQUIRE_PARTS", "").replace(",", " ").split()
    if part in wanted:
        raise PartError(f"{part} is required here, and missing")
    raise SkipTest(f"NOT TESTED: no {part} on this machine; `make test` installs it where it may")


def may_run(user: int, module: str, **environ: str) -> bool:
    """Whether another user may run this Python and read a module of ours: both may lie in root's home."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            cwd="/",
            env=clean_environment({"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environ}),
            user=user,
            group=user,
            extra_groups=[],
            capture_output=True,
            timeout=START_SECONDS,
            check=False,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def until(what: str, probe: Callable[[], T | None], seconds: float = START_SECONDS) -> T:
    """Ask ``probe`` until its answer is true and return that; past ``seconds`` fail with ``what``."""
    end = time.monotonic() + seconds
    while True:
        if answer := probe():
            return answer
        if time.monotonic() > end:
            raise PartError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def clean_environment(extra: Mapping[str, str] = {}) -> dict[str, str]:
    """Our environment without proxy settings and settings of netsuite, with the checkout importable."""
    dropped = re.compile(r"(?i)(https?|all|no)_proxy|NETSUITE_|XDG_STATE_HOME|STATE_DIRECTORY|NOTIFY_SOCKET")
    kept = {key: value for key, value in os.environ.items() if not dropped.match(key)}
    path = [str(ROOT), *kept.get("PYTHONPATH", "").split(os.pathsep)]
    return {**kept, "PYTHONPATH": os.pathsep.join(p for p in path if p), **extra}


def free_ports(number: int) -> list[int]:
    """So many ports that no address of ours has in use now.

    They are none of those that Linux hands out by itself (32768 on), so that nobody gets one by chance
    before the caller binds it.
    """
    with contextlib.ExitStack() as stack:
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        found: list[int] = []
        while len(found) < number:
            port = _CHANCE.randrange(*NAMED_PORTS)
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_server(("", port), family=family, dualstack_ipv6=both))
                found.append(port)
        return found


def answers(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


class Child:
    """A running program with a log file and a folder of its own, both gone after ``close``."""

    def __init__(self, name: str, env: Mapping[str, str] = {}, folder: Path | None = None) -> None:
        self.name = name
        self._own = tempfile.TemporaryDirectory(prefix=f"netsuite-{name}-", ignore_cleanup_errors=True)
        self.folder = folder or Path(self._own.name)
        self.log_path = Path(self._own.name) / "output.log"
        self.env = clean_environment(env)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str]) -> None:
        """The program runs, in the folder, with both outputs appended to the log."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process is not None and self.process.poll() is None

    def wait_log(self, pattern: str, seconds: float = START_SECONDS) -> re.Match[str]:
        """Return the first match in its log, as soon as it is there."""

        def probe() -> re.Match[str] | None:
            found = re.search(pattern, self.log, re.MULTILINE)
            if found is None and not self.running():
                raise self.fault(f"ended before its log had {pattern!r}")
            return found

        try:
            return until(f"{pattern!r} in the log of {self.name}", probe, seconds)
        except PartError as fault:
            raise self.fault(str(fault)) from None

    def fault(self, text: str) -> PartError:
        """A failure that shows the end of the log."""
        status = self.process.poll() if self.process else None
        return PartError(
            f"{self.name} (exit status {status}): {text}\n--- its log ---\n{self.log[-LOG_TAIL:]}"
        )

    def signal(self, number: signal.Signals) -> None:
        """It was sent a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Return its exit status once it has ended; minus the signal's number if one killed it."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.fault(f"did not end within {seconds} s") from None

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Return its exit status after SIGTERM."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill9(self) -> None:
        """It is gone, without a chance to say goodbye."""
        if self.running():
            self.signal(signal.SIGKILL)
        self.wait()

    def close(self) -> None:
        """It is gone, and so is its folder."""
        try:
            if self.running():
                self.stop()
        finally:
            if self.process is not None:
                self.kill9()
            self._own.cleanup()


class Twistd(Child):
    """One of our services, run by twistd in the foreground, in a folder that is empty at first.

    ``arguments``: the service's name and its options.  ``ports`` has the bound ports that its lines name,
    by what the line calls them: ``{"proxy": 40123, "report": 40124}`` of wordproxy.
    """

    def __init__(self, *arguments: str, env: Mapping[str, str] = {}, folder: Path | None = None) -> None:
        super().__init__(arguments[0], env, folder)
        self.env.setdefault("XDG_STATE_HOME", str(self.folder / "state"))
        self.arguments = arguments
        self.ports: dict[str, int] = {}
        self.login = ""  # user:password, where the report asks for them

    def launch(self) -> None:
        """twistd runs; nothing is said of its state yet."""
        run = "from twisted.scripts.twistd import run; run()"
        self.start([sys.executable, "-c", run, "-n", "--pidfile=", *self.arguments])

    def up(self, pattern: str = r"(?m)^.*\b(?P<what>proxy) http://(?P<place>\S+?:\d+)") -> Twistd:
        """Return itself once its first line is in the log, and ``ports`` is filled."""
        if not self.running():
            self.launch()
        self.wait_log(pattern)
        for what, port in re.findall(r"\b(\w+)(?: on)? http://[^\s/]*?:(\d+)", self.log):
            self.ports.setdefault(what, int(port))
        return self

    @property
    def proxy(self) -> str:
        """Address of the proxy, as curl and browsers want it."""
        return f"http://127.0.0.1:{self.ports['proxy']}"

    def report(self, path: str) -> Any:
        """The decoded JSON that the report gives for a path."""
        return json.loads(self.report_text(path))

    def report_text(self, path: str) -> str:
        """What the report gives for a path."""
        url = f"http://127.0.0.1:{self.ports['report']}{path}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        if self.login:
            told = base64.b64encode(self.login.encode()).decode()
            opener.addheaders.append(("Authorization", f"Basic {told}"))
        with opener.open(url, timeout=FETCH_SECONDS) as answer:
            return bytes(answer.read()).decode()


def wordproxy(*options: str, folder: Path | None = None, make: Callable[..., Twistd] = Twistd) -> Twistd:
    """A wordproxy that is up, on free ports, and may fetch from loopback; ``folder`` keeps its store."""
    service = make("wordproxy", "-p", "0", "-r", "0", "--allow-net", "127.0.0.0/8", *options, folder=folder)
    try:
        return service.up(r"proxy http://\S+, report http://\S+, store ")
    except PartError:
        service.close()
        raise


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run (Linux)."""
    with contextlib.suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def alive(pid: int) -> bool:
    """The process runs: it is neither gone nor waiting to be waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")
