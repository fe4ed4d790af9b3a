"""Our programs without their start: a process that has all of them loaded, and forks for each that is run.

Half a second of imports for each of a hundred commands would be most of the time.  ``PATH`` begins with a
folder of stand-ins, which hand their streams, arguments, folder and environment over and end as the fork
does.  Whole (``NETSUITE_TEST_SCALE=nightly``), the installed programs themselves are run.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.metadata
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from tests.real.parts import FETCH_SECONDS, PartError, clean_environment

#: prctl(2)'s number for the signal that comes when the parent ends.
PR_SET_PDEATHSIG = 1

_STAND_IN = """#!{python} -IS
import json, os, signal, socket, struct, sys
passed = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT
signal.pthread_sigmask(signal.SIG_BLOCK, passed)
link = socket.socket(socket.AF_UNIX)
link.connect({place!r})
told = json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(link, [struct.pack("!I", len(told))], [0, 1, 2])
link.sendall(told)
lines = link.makefile("rb")
pid = int(lines.readline())
for number in passed:
    signal.signal(number, lambda number, _: os.kill(pid, number))
signal.pthread_sigmask(signal.SIG_UNBLOCK, passed)
status = int(lines.readline())
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


def programs() -> dict[str, str]:
    """Our console scripts and twistd: ``module:function`` by name."""
    ours = importlib.metadata.distribution("netsuite").entry_points
    made = {entry.name: entry.value for entry in ours if entry.group == "console_scripts"}
    return {**made, "twistd": "twisted.scripts.twistd:run"}


def load() -> None:
    """All that the programs need is imported, but no reactor: each chooses its own."""
    names = [value.partition(":")[0] for value in programs().values()]
    names += [
        f"netsuite.{name}.service" for name in ("echo", "httpecho", "pages", "formsite", "colors", "proxy")
    ]
    names += ["netsuite.wordproxy.service", "netsuite.suite", "twisted.internet.epollreactor"]
    for name in names:
        importlib.import_module(name)
    if "twisted.internet.reactor" in sys.modules:
        raise ImportError("something has installed a reactor")


def stand_ins(folder: Path, place: str) -> None:
    """A stand-in for each program is in the folder."""
    for name in programs():
        path = folder / name
        path.write_text(_STAND_IN.format(python=sys.executable, place=place))
        path.chmod(0o755)


def serve(place: str) -> int:
    """Start the process that forks for the stand-ins at a Unix socket, and return its id."""
    listener = _listener(place)
    if pid := os.fork():
        listener.close()
        return pid
    _fork_for(listener)


def _listener(place: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(64)
    return listener


def _fork_for(listener: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        link, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _attend(link)
        link.close()


class Warm:
    """A process that forks for tools; ``folder`` has the stand-ins, for ``PATH``."""

    def __init__(self) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="netsuite-warm-", ignore_cleanup_errors=True)
        self.folder = Path(self._own.name)
        command = [sys.executable, "-m", "tests.real.documents.warm", str(self.folder)]
        self._process = subprocess.Popen(
            command, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise PartError("the programs could not be loaded")

    def run(
        self, tool: str, *arguments: str, env: Mapping[str, str] = {}, **options: Any
    ) -> tuple[int, str, str]:
        """Return a program's exit status, standard output and standard error."""
        done = subprocess.run(
            [str(self.folder / tool), *arguments],
            **{"stdin": subprocess.DEVNULL, "cwd": self.folder, **options},
            env=clean_environment({"PYTHONUTF8": "1", **env}),
            capture_output=True,
            timeout=FETCH_SECONDS,
        )
        return done.returncode, *(out.decode(errors="replace") for out in (done.stdout, done.stderr))

    def close(self) -> None:
        """It has ended."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._own.cleanup()


def _attend(link: socket.socket) -> NoReturn:
    """Fork the program, and tell the stand-in its process id and how it ended."""
    try:
        data, streams, _, _ = socket.recv_fds(link, 4, 3)
        length = int.from_bytes(data, "big")
        told = b""
        while len(told) < length:
            told += link.recv(length - len(told))
        name, arguments, folder, environment = json.loads(told)
        pid = os.fork()
        if pid == 0:
            link.close()
            _become(name, arguments, folder, environment, streams)
        for stream in streams:
            os.close(stream)
        link.sendall(b"%d\n" % pid)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(OSError):
            link.sendall(b"%d\n" % status)
    finally:
        os._exit(0)


def _become(
    name: str,
    arguments: list[str],
    folder: str,
    environment: Mapping[str, str],
    streams: list[int],
) -> NoReturn:
    """This process is the program, as its installed script would start it."""
    status = 1
    try:
        os.setpgid(0, 0)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        for number, attribute in enumerate(("stdin", "stdout", "stderr")):
            stream = _text(number)
            setattr(sys, attribute, stream)
            setattr(sys, f"__{attribute}__", stream)
        sys.argv = [name, *arguments]
        sys.path[:0] = [
            os.path.abspath(each) for each in environment.get("PYTHONPATH", "").split(":") if each
        ]
        module, _, function = programs()[name].partition(":")
        try:
            getattr(importlib.import_module(module), function)()
            status = 0
        except SystemExit as end:
            status = _status(end.code)
        except KeyboardInterrupt:
            status = 130
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # told as Python would
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        os._exit(status)


def _status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _text(number: int) -> Any:
    raw = open(number, "rb" if number == 0 else "wb", buffering=-1 if number != 2 else 0, closefd=False)  # noqa: SIM115
    buffered: Any = raw if number != 2 else io.BufferedWriter(raw)  # type: ignore[arg-type]
    return io.TextIOWrapper(
        buffered,
        encoding="utf-8",
        errors="backslashreplace" if number == 2 else "surrogateescape",
        line_buffering=True,
    )


def main() -> None:
    """Load everything, and fork for stand-ins in the folder that is given, as long as the parent lives."""
    folder = Path(sys.argv[1])
    load()
    place = str(folder / "programs")
    stand_ins(folder, place)
    listener = _listener(place)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    _fork_for(listener)


if __name__ == "__main__":
    main()
