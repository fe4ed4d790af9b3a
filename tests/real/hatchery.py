"""twistd started many times at the price of one: a process that has imported it all forks for each start.

What a start costs is Python's own and all imports; what is tried here comes after them.  From the fork on it
is twistd's own ``run``, with its arguments, folder, environment and outputs as if a shell had started it, to
the end of the process, whose status is told.  Processes in the background are ours to wait for, too: the
hatchery is whom orphans are given to (Source: prctl(2), PR_SET_CHILD_SUBREAPER).
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.real import parts
from tests.real.parts import START_SECONDS, PartError, Twistd, clean_environment

SERVICES = ("echo", "httpecho", "pages", "formsite", "colors", "proxy", "wordproxy")

#: prctl(2)'s number for it.
PR_SET_CHILD_SUBREAPER = 36


class Hatchery:
    """The process that forks."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", "from tests.real.hatchery import main; main()", "twistd"]
        self._process = subprocess.Popen(
            command, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()  # readers in threads look after their services, too
        self._said("ready")

    def _said(self, wanted: str) -> Any:
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline() or "{}")
        if wanted not in told:
            raise PartError(f"the hatchery said {told!r}")
        return told[wanted]

    def ask(self, wanted: str, **request: Any) -> Any:
        """What it answers."""
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return self._said(wanted)

    def hatch(
        self, arguments: Sequence[str], folder: Path, env: Mapping[str, str], log: Path, gate: str = ""
    ) -> Hatched:
        """Return a twistd with these arguments, both outputs appended to ``log``.

        ``gate``: it binds nothing until there is a file of this name.
        """
        told = {"arguments": list(arguments), "folder": str(folder), "env": dict(env), "log": str(log)}
        told["gate"] = gate
        return Hatched(self, self.ask("pid", **told))

    def close(self) -> None:
        """It is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(START_SECONDS)
        self._process.stdout.close()


@cache
def shared() -> Hatchery:
    """The hatchery of all tests of this process; it is gone with it."""
    hatchery = Hatchery()
    atexit.register(hatchery.close)
    return hatchery


class Hatched:
    """A process of a hatchery, asked as `subprocess.Popen` is."""

    def __init__(self, hatchery: Hatchery, pid: int) -> None:
        self._hatchery, self.pid = hatchery, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, minus a signal's number; None while it runs."""
        if self.returncode is None:
            self.returncode = self._hatchery.ask("status", poll=self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit status, once it has ended."""
        end = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("twistd", timeout)
            time.sleep(0.01)
        return status

    def send_signal(self, number: int) -> None:
        """It was sent a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class HatchedTwistd(Twistd):
    """A service in the foreground, hatched.  ``before``: twistd's own arguments.

    In its environment ``HATCH_PIDFILE`` is a file that names it already, ``HATCH_UID`` whose it is.
    """

    def __init__(
        self,
        *arguments: str,
        before: Sequence[str] = ("-n", "--pidfile="),
        env: Mapping[str, str] = {},
        folder: Path | None = None,
    ) -> None:
        super().__init__(*arguments, env=env, folder=folder)
        self._hatchery, self._before, self.gate = shared(), tuple(before), ""

    def launch(self) -> None:
        """twistd runs."""
        self.process = self._hatchery.hatch(  # type: ignore[assignment]
            [*self._before, *self.arguments], self.folder, self.env, self.log_path, self.gate
        )


def wordproxy(*options: str, folder: Path | None = None) -> Twistd:
    """A wordproxy that is up, hatched; see `parts.wordproxy`."""
    return parts.wordproxy(*options, folder=folder, make=HatchedTwistd)


class HatchedDaemon(HatchedTwistd):
    """A service in the background: its pidfile is ``d.pid``, its log ``d.log``."""

    def __init__(self, *arguments: str, before: Sequence[str] = ()) -> None:
        super().__init__(*arguments, before=("--pidfile=d.pid", "-l", "d.log", *before))
        self.said_path, self.log_path = self.log_path, self.folder / "d.log"

    @property
    def pidfile(self) -> Path:
        """Where its process id is."""
        return self.folder / "d.pid"

    def launch(self) -> None:
        """twistd has gone to the background, and runs there."""
        first = self.begun()
        if status := first.wait(START_SECONDS):
            raise PartError(f"refused with {status}: {self.said_path.read_text()}{self.log}")
        self.process = Hatched(self._hatchery, int(self.pidfile.read_text()))  # type: ignore[assignment]

    def begun(self) -> Hatched:
        """The process in the foreground, which ends when the start has come out well or not."""
        return self._hatchery.hatch(
            [*self._before, *self.arguments], self.folder, self.env, self.said_path, self.gate
        )


def _wait_for(gate: str) -> None:
    """Nothing is bound before there is a file of this name."""
    listening = importlib.import_module("netsuite.listen").Listening
    bind = listening.bind

    def bound(self: Any) -> None:
        end = time.monotonic() + START_SECONDS
        while not os.path.exists(gate) and time.monotonic() < end:
            time.sleep(0.01)
        bind(self)

    listening.bind = bound


def _waited(pid: int) -> int | None:
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None if Path(f"/proc/{pid}").exists() else 0  # ours to wait for in a moment
    return os.waitstatus_to_exitcode(status) if done else None


def _serve() -> list[str]:
    """Answer requests; return in each process that is forked, with twistd's arguments."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**told: Any) -> None:
        out.write(json.dumps(told) + "\n")
        out.flush()

    say(ready=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "poll" in asked:
            say(status=_waited(asked["poll"]))
        elif pid := os.fork():
            say(pid=pid)
        else:
            out.close()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)
            os.environ.clear()
            os.environ.update(asked["env"])
            os.chdir(asked["folder"])
            if pidfile := os.environ.pop("HATCH_PIDFILE", ""):
                Path(pidfile).write_text(str(os.getpid()))
            if uid := os.environ.pop("HATCH_UID", ""):
                os.setgroups([])
                os.setgid(int(uid))
                os.setuid(int(uid))
            if asked["gate"]:
                _wait_for(asked["gate"])
            return list(asked["arguments"])
    raise SystemExit(0)


def main() -> None:
    """Import it all, then serve; each fork is a twistd."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    run = importlib.import_module("twisted.scripts.twistd").run
    for service in SERVICES:
        importlib.import_module(f"netsuite.{service}.service")
    importlib.import_module("netsuite.suite")
    importlib.import_module("netsuite.site.frame").Frame("wordproxy")
    if "twisted.internet.reactor" in sys.modules:
        raise SystemExit("an import has installed a reactor")
    gc.freeze()
    arguments = _serve()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["twistd", *arguments]
    _end_with(run)


def _end_with(run: Callable[[], None]) -> None:
    """Run, and end as Python does, but for clearing away all modules, which costs more than the rest."""
    code: Any = 0
    try:
        run()
    except SystemExit as told:
        code = told.code or 0
        if not isinstance(code, int):
            sys.stderr.write(f"{code}\n")
            code = 1
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
