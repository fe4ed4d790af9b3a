"""Run the commands of the guides, each section on a machine of its own, and write what happened.

python -m tests.real.documents OUTPUT.json [DOCUMENT [SECTION]]
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.real.documents import machine, warm
from tests.real.documents.reading import Block, Command, blocks
from tests.real.documents.scenes import ABBREVIATED, OTHER, PROGRAMS, SCENES, Scene, not_run, note
from tests.real.parts import ROOT, children
from tests.real.tlsorigin import Issuer
from tests.scale import NIGHTLY

#: Sections at once; most of a section is waiting.
AT_ONCE = 4

#: Where ``.ci/vnu`` puts the Nu checker.
JAR = ROOT / ".vnu/node_modules/vnu-jar/build/dist/vnu.jar"

#: How make ends when SIGTERM comes; its child ends as it should.
MAKE_ENDED = -signal.SIGTERM

#: How long a command may take, and a service to come up or to end.
PATIENCE = 40.0


def documents() -> list[str]:
    """The documents whose commands are run: the README and all guides."""
    found = [ROOT / "README.rst", ROOT / "CONTRIBUTING.rst", *sorted((ROOT / "docs").glob("*.rst"))]
    return [str(path.relative_to(ROOT)) for path in found]


@dataclass(slots=True)
class Ran:
    """What became of a command."""

    place: str
    text: str
    printed: str | None = None
    seen: str = ""
    status: int = 0
    seconds: float = 0.0
    fault: str = ""


@dataclass(slots=True)
class Machine:
    """A section's machine: its folder, and what runs on it."""

    folder: Path
    scene: Scene
    environment: dict[str, str] = field(default_factory=dict)
    services: dict[str, tuple[subprocess.Popen[bytes], Path]] = field(default_factory=dict)
    behind: list[subprocess.Popen[bytes]] = field(default_factory=list)
    told: list[socket.socket] = field(default_factory=list)

    def prepare(self) -> None:
        """It is alone, has its files, and its internet and our programs are there."""
        machine.alone(self.folder, etc=any(name.startswith("/etc/") for name in self.scene.files))
        issuer = Issuer(self.folder)
        (self.folder / "site.pem").write_bytes(issuer.issue(*machine.NAMES).read_bytes())
        machine.internet(self.scene.listeners, self.folder)
        for name in ("bin", "home", "work"):
            (self.folder / name).mkdir()
        if not NIGHTLY:
            place = str(self.folder / "programs")
            warm.stand_ins(self.folder / "bin", place)
            warm.serve(place)
        for name, content in self.scene.files.items():
            path = self.folder / "work" / name  # an absolute name stays absolute
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.checkout()
        os.chdir(self.folder / "work")
        self.environment = {
            "PATH": f"{self.folder}/bin:{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "SSL_CERT_FILE": str(issuer.path),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONDONTWRITEBYTECODE": "1",
            "NETSUITE_VNU_JAR": str(JAR),
            **{
                f"NETSUITE_{name}_ALLOW_ROOT": "1" for name in ("PROXY", "WORDPROXY")
            },  # the reader is not root
        }

    def checkout(self) -> None:
        """What ``make run`` needs of a checkout is there, its venv too, as if it was installed."""
        work = self.folder / "work"
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        package = re.search(r"^PACKAGE := (.*)$", makefile, re.MULTILINE)
        for name in ("Makefile", *(package[1].split() if package else ())):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes((ROOT / name).read_bytes())
        (self.folder / "home/.curlrc").write_text("silent\nshow-error\n")  # as at a terminal
        (work / ".venv").mkdir()
        (work / ".venv/bin").symlink_to(os.path.dirname(sys.executable) if NIGHTLY else self.folder / "bin")
        (work / "tests").mkdir()
        for name in ("made", "installed"):
            (work / ".venv" / name).touch()

    def run(self, command: Command) -> Ran:
        """A command was run, after what it needs before."""
        ran = Ran(command.place, command.text, command.printed)
        for each in note(command.text).before:
            first = self._one(Ran(command.place, each))
            if first.fault or first.status:
                ran.fault = f"before it: {each}: {first.fault or first.seen}"
                return ran
        end = time.monotonic() + PATIENCE
        while True:
            done = self._one(Ran(command.place, command.text, command.printed))
            if done.fault or re.search(note(command.text).shows, done.seen) or time.monotonic() > end:
                return done
            time.sleep(0.1)

    def _one(self, ran: Ran) -> Ran:
        began = time.monotonic()
        text = ran.text
        for short, long in ABBREVIATED.items():
            text = text.replace(short, long)
        try:
            if re.match(r"(\S+=\S+ )*(make run\b|twistd\s+-n\b)", text):
                self._service(text, ran)
            else:
                self._command(text, ran)
        except (OSError, AssertionError) as error:
            ran.fault = ran.fault or f"{type(error).__name__}: {error}"
        ran.seconds = round(time.monotonic() - began, 2)
        return ran

    # -- services --------------------------------------------------------------------------------------

    def _service(self, text: str, ran: Ran) -> None:
        """A service runs, and has said that it is ready; one that ran under its name has ended."""
        found = re.search(r"\b(echo|httpecho|pages|formsite|colors|wordproxy|proxy|netsuite)\b(?!\.)", text)
        name = found[1] if found else "wordproxy"
        if name in self.services:
            self._end(name, ran)
        log, told = (self.folder / f"{len(self.told)}.{kind}" for kind in ("log", "notify"))
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind(str(told))
        self.told.append(ready)
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", text],
                env={**self.environment, "NOTIFY_SOCKET": str(told)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.services[name] = process, log
            ready.settimeout(0.2)
            end = time.monotonic() + PATIENCE
            while process.poll() is None and time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    if b"READY=1" in ready.recv(4096):
                        return
        ran.seen = log.read_text(errors="replace")
        ran.status = process.poll() or 0
        ran.fault = "the service did not come up"

    def _end(self, name: str, ran: Ran) -> None:
        """A service has ended by SIGTERM, cleanly, and no traceback is in its log."""
        process, log = self.services.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        told = log.read_text(errors="replace")
        if status not in (0, MAKE_ENDED) or "Traceback" in told:
            ran.fault = ran.fault or f"{name} ended with {status}: {told[-2000:]}"

    def close(self) -> list[Ran]:
        """Everything has ended; return what was wrong with that."""
        wrong = []
        for name in list(self.services):
            ran = Ran("the end", name)
            self._end(name, ran)
            if ran.fault:
                wrong.append(ran)
        for process in self.behind:
            process.terminate()
            process.wait()
        return wrong

    # -- commands --------------------------------------------------------------------------------------

    def _command(self, text: str, ran: Ran) -> None:
        """A command has ended, or is in the background; what it printed is known."""
        about = note(ran.text)
        if about.behind:
            self.behind.append(self._start(text, subprocess.DEVNULL, subprocess.DEVNULL))
            end = time.monotonic() + PATIENCE
            while not machine.listening(about.behind) and time.monotonic() < end:
                time.sleep(0.02)
            return
        ours, theirs = pty.openpty() if about.typed else os.pipe()
        process = self._start(
            text, theirs if about.typed else subprocess.DEVNULL, theirs, terminal=bool(about.typed)
        )
        os.close(theirs)
        waits = list(about.typed)
        end, seen = time.monotonic() + PATIENCE, b""
        stop = about.until.encode()
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    data = os.read(ours, 65536)
                except OSError:  # a terminal whose other side has gone
                    data = b""
                if not data:
                    break
                seen = (seen + data)[-1_000_000:]
            if waits and waits[0][0].encode() in seen:
                os.write(ours, waits.pop(0)[1].encode())
            if stop and re.search(stop, seen):
                os.killpg(process.pid, signal.SIGINT)
                stop = b""
        else:
            os.killpg(process.pid, signal.SIGKILL)
            ran.fault = f"did not end within {PATIENCE} s"
        os.close(ours)
        ran.status = process.wait()
        ran.seen = seen.decode(errors="replace").replace("\r\n", "\n")

    def _start(self, text: str, given: int, out: int, *, terminal: bool = False) -> subprocess.Popen[bytes]:
        def own_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        return subprocess.Popen(
            ["bash", "-c", text],
            env=self.environment,
            stdin=given,
            stdout=out,
            stderr=subprocess.STDOUT if out != subprocess.DEVNULL else out,
            start_new_session=True,
            preexec_fn=own_terminal if terminal else None,
        )


def section(of: list[Block], output: Path) -> None:
    """The commands of a section were run; what happened is in the file."""
    key = of[0].document, of[0].section
    ran: list[Ran] = []
    with tempfile.TemporaryDirectory(prefix="netsuite-document-", ignore_cleanup_errors=True) as name:
        made = Machine(Path(name), SCENES.get(key, Scene()))
        try:
            made.prepare()
            for block in of:
                if OTHER.get(block.first):
                    Path(str(OTHER[block.first])).write_text(block.text + "\n", encoding="utf-8")
            for each in made.scene.before:
                first = made._one(Ran("before", each))
                if first.fault or first.status:
                    ran.append(first)
                    first.fault = first.fault or "what the section takes for granted failed"
            for block in of:
                ran += [made.run(each) for each in block.commands(PROGRAMS) if not_run(each.text) is None]
        except Exception:
            ran.append(Ran(of[0].place, "", fault=traceback.format_exc()))
        ran += made.close()
    output.write_text(json.dumps([{**asdict(each), "section": key} for each in ran]))


def sections(document: str = "", name: str = "") -> list[list[Block]]:
    """The blocks of each section in which a command is run."""
    found: dict[tuple[str, str], list[Block]] = {}
    for path in documents():
        for block in blocks(ROOT / path, path):
            if document in ("", path) and name in block.section:
                found.setdefault((path, block.section), []).append(block)
    return [
        each
        for each in found.values()
        if any(not_run(command.text) is None for block in each for command in block.commands(PROGRAMS))
    ]


def main() -> None:
    """Run what was asked for."""
    output, *which = sys.argv[1:]
    warm.load()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="netsuite-documents-") as name:
        # the user guide first: its sections wait the longest
        waiting = list(enumerate(sorted(sections(*which), key=lambda of: "user" not in of[0].document)))
        running: dict[int, Path] = {}
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                number, of = waiting.pop(0)
                path = Path(name) / f"{number}.json"
                pid = os.fork()
                if pid == 0:
                    status = 1
                    try:
                        section(of, path)
                        status = 0
                    finally:
                        _all_end()
                        os._exit(status)
                running[pid] = path
            pid, _ = os.wait()
            if path := running.pop(pid, None):
                results += json.loads(path.read_text()) if path.exists() else []
    Path(output).write_text(json.dumps(results))


def _all_end() -> None:
    """Nothing that this section started runs any more."""
    for _ in range(5):
        left = children(os.getpid())
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        if not left:
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main()
