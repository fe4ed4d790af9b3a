"""The Nu checker on this machine: found, run once for many documents, believed only as far as it answered.

Documents are written to a private folder and the checker is given all of their names: one process of Java,
whose start costs more than a hundred pages.  CSS gets a second one, because with ``--also-check-css`` the
checker counts the lines of *all* its documents one too few.  Three things come back, and each is judged:

* a line for each document that it opened (``--verbose``); one that was not opened has no verdict, though
  the JSON says nothing against it;
* JSON; it must be whole, or nothing of it counts.  The exit status never does;
* silence.  A document that takes longer than ``seconds`` is given up, and the process with it.

One document can break the process for all that come after it.  Then it is taken out, and those before and
after it are asked about again, in a process each; whoever breaks it alone is *unreadable*.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from . import nu
from .document import Document, Kind, Prepared, prepare
from .message import Answer, Failed, Found

#: Where npm puts the checker, below a folder.
IN_MODULES = os.path.join("node_modules", "vnu-jar", "build", "dist", "vnu.jar")

#: How Java runs: with the stack that deep pages need (the checker's own advice is 512k at least), and without
#: the compiler that pays off after minutes: 1000 small pages took 3.8 s of a core, and 8 s with it.
JAVA = ("-Xss8m", "-XX:+IgnoreUnrecognizedVMOptions", "-XX:TieredStopAtLevel=1")

#: Seconds that Java gets to start, beside those for the first document.
START_SECONDS = 60.0

#: Most documents of one process, and most bytes of its answer.
BATCH_MAX = 5000
ANSWER_MAX = 64 * 1024 * 1024

#: Processes that are started after one broke; the documents left then have no verdict.
RESTARTS_MAX = 40

HOW_TO_GET = (
    "Java 17 (Debian: apt-get install openjdk-17-jre-headless) and vnu.jar (npm install vnu-jar, here; "
    "or --jar FILE, or NETSUITE_VNU_JAR)"
)


class Absent(ValueError):  # noqa: N818 - what is the matter, told to people
    """There is no checker here; the text says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the checker is.  ``version``: as its jar says."""

    java: str
    jar: str
    version: str


def find(given: str | None, environ: Mapping[str, str], folder: str) -> Place:
    """Return where the checker is: ``given``, NETSUITE_VNU_JAR, else a ``node_modules`` here or above.

    Raises: Absent.
    """
    jar = given or environ.get("NETSUITE_VNU_JAR") or _in_modules(folder)
    if jar is None:
        raise Absent(f"no checker on this machine; it needs {HOW_TO_GET}")
    if not os.path.isfile(jar):
        raise Absent(f"{jar}: no such file; the checker needs {HOW_TO_GET}")
    java = _java(environ)
    if java is None:
        raise Absent(f"no Java on this machine; the checker needs {HOW_TO_GET}")
    return Place(java, os.path.abspath(jar), version_of(jar))


def _in_modules(folder: str) -> str | None:
    above = [Path(folder), *Path(folder).parents]
    return next((str(place / IN_MODULES) for place in above if (place / IN_MODULES).is_file()), None)


def _java(environ: Mapping[str, str]) -> str | None:
    if home := environ.get("JAVA_HOME"):
        return shutil.which(os.path.join(home, "bin", "java"))
    return shutil.which("java", path=environ.get("PATH", os.defpath))


def version_of(jar: str) -> str:
    """Return the version that a jar's manifest has; of none, its size and time, which change with it."""
    try:
        with zipfile.ZipFile(jar) as archive, archive.open("META-INF/MANIFEST.MF") as file:
            manifest = file.read(65536).decode("utf-8", "replace")
        if match := re.search(r"^Implementation-Version: *(\S+)", manifest, re.MULTILINE):
            return match[1]
    except (OSError, KeyError, zipfile.BadZipFile):
        pass
    known = os.stat(jar)
    return f"unknown-{known.st_size}-{int(known.st_mtime)}"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a process ended: the files that it opened, in order, what it wrote, why it was ended if we did.

    ``too_long``: it was ended because it wrote too much, which no single document need be to blame for.
    """

    opened: Sequence[str]
    wrote: str
    stopped: str = ""
    too_long: bool = False


class Running(ProcessProtocol):
    """One process, until it ends; ``done`` fires with ``Ran``.  Cancelling it kills the process."""

    def __init__(self, clock: Any, seconds: float) -> None:
        self.done: Deferred[Ran] = Deferred(lambda _: self._kill())
        self._seconds = seconds
        self._wrote: list[bytes] = []
        self._size = 0
        self._names = b""
        self._stopped = ""
        self._timer = clock.callLater(START_SECONDS + seconds, self._overdue)

    def outReceived(self, data: bytes) -> None:
        """Another document was opened: it has its own time."""
        self._names += data
        if b"\n" in data and self._timer.active():
            self._timer.reset(self._seconds)

    def errReceived(self, data: bytes) -> None:
        """A part of the answer."""
        self._size += len(data)
        if self._size <= ANSWER_MAX:
            self._wrote.append(data)
        else:
            self._stop(f"its answer is longer than {ANSWER_MAX >> 20} MiB")

    def _overdue(self) -> None:
        self._stop(f"it did not finish within {self._seconds:g} s")

    def _stop(self, why: str) -> None:
        self._stopped = self._stopped or why
        self._kill()

    def _kill(self) -> None:
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    def processEnded(self, reason: Failure) -> None:
        """Tell what came."""
        if self._timer.active():
            self._timer.cancel()
        wrote = b"".join(self._wrote).decode("utf-8", "replace")
        opened = self._names.decode("utf-8", "replace").splitlines()
        if not self.done.called:
            self.done.callback(Ran(opened, wrote, self._stopped, self._size > ANSWER_MAX))


class Local:
    """Documents are taken one by one and checked together by ``finish``."""

    label = "Nu, local"
    checker = "nu-local"

    def __init__(self, reactor: Any, place: Place, seconds: float) -> None:
        self._reactor, self._place, self._seconds = reactor, place, seconds
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._waiting: dict[str, tuple[int, Prepared]] = {}
        self._restarts = 0
        self.runs = 0
        self.version = place.version
        self.identity = f"nu-local {place.version}"

    async def take(self, number: int, document: Document) -> Answer | None:
        """The document lies ready; None: its answer comes with ``finish``.  Raises: OSError."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="netsuite-validate-")
        prepared = prepare(document)
        name = f"{number:06}{document.kind}"
        with open(os.path.join(self._folder.name, name), "wb") as file:
            file.write(prepared.body)
        self._waiting[name] = number, Prepared(b"", prepared.remarks, prepared.was)
        return None

    async def finish(self) -> dict[int, Answer]:
        """Return the answer for each document that was taken."""
        answers: dict[int, Answer] = {}
        try:
            styles = [name for name in self._waiting if name.endswith(Kind.CSS)]
            others = [name for name in self._waiting if not name.endswith(Kind.CSS)]
            for names, flag in ((others, "--also-check-svg"), (styles, "--also-check-css")):
                for start in range(0, len(names), BATCH_MAX):
                    said = await self._ask(names[start : start + BATCH_MAX], flag)
                    for name, answer in said.items():
                        number, prepared = self._waiting[name]
                        answers[number] = amended(answer, prepared)
        finally:
            self.close()
        return answers

    def close(self) -> None:
        """Nothing of the documents is left on the disk."""
        self._waiting.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    async def _ask(self, names: Sequence[str], flag: str) -> dict[str, Answer]:
        if not names:
            return {}
        ran = await self._run(names, flag)
        said, again, why = judge(names, ran)
        for part in again:
            if self._restarts >= RESTARTS_MAX:
                said.update(
                    dict.fromkeys(part, Failed("unknown", f"the checker broke too often; at last: {why}"))
                )
                continue
            self._restarts += 1
            said.update(await self._ask(part, flag))
        return said

    async def _run(self, names: Sequence[str], flag: str) -> Ran:
        assert self._folder is not None  # noqa: S101 - there are names, so there is a folder
        protocol = Running(self._reactor, self._seconds)
        how = [flag, "--verbose", "--format", "json"]
        words = [self._place.java, *JAVA, "-jar", self._place.jar, *how, *names]
        environ = {**os.environ, "LC_ALL": "C.UTF-8"}
        self.runs += 1
        self._reactor.spawnProcess(protocol, words[0], words, env=environ, path=self._folder.name)
        return await protocol.done


def judge(names: Sequence[str], ran: Ran) -> tuple[dict[str, Answer], list[Sequence[str]], str]:
    """Return the answers that a run gave, the parts to be asked about again, and why they must be."""
    try:
        if ran.stopped:
            raise nu.Unreadable(ran.stopped)
        spoken = nu.read(ran.wrote)
    except nu.Unreadable as error:
        why = ran.stopped or nu.trouble(ran.wrote)
        return _broken(names, ran, f"{error}: {why}" if not ran.stopped and "{" in ran.wrote else why)
    opened = {os.path.basename(name) for name in ran.opened}
    unopened = Failed("unknown", "the checker did not look at it")
    return {name: spoken.of(name) if name in opened else unopened for name in names}, [], ""


def _broken(names: Sequence[str], ran: Ran, why: str) -> tuple[dict[str, Answer], list[Sequence[str]], str]:
    """Return the same for a run that broke: who broke it is known, or was the last to be opened."""
    if ran.too_long and len(names) > 1:
        middle = len(names) // 2
        return {}, [names[:middle], names[middle:]], why
    opened = [os.path.basename(name) for name in ran.opened]
    named = nu.broken_by(ran.wrote)
    culprit = named[0] if named is not None and named[0] in names else (opened[-1] if opened else "")
    if culprit not in names:  # it did not even begin
        return dict.fromkeys(names, Failed("unknown", f"the checker gave no answer: {why}")), [], why
    why = named[1] if named is not None and named[0] == culprit else why
    if len(names) == 1 or ran.stopped:
        said: dict[str, Answer] = {culprit: Failed("unknown", f"the checker broke over it: {why}")}
        at = names.index(culprit)
        return said, [part for part in (names[:at], names[at + 1 :]) if part], why
    at = names.index(culprit)
    return {}, [part for part in (names[:at], [culprit], names[at + 1 :]) if part], why


def amended(answer: Answer, prepared: Prepared) -> Answer:
    """Return an answer with what is to be said of the document's encoding."""
    if isinstance(answer, Failed):
        return answer
    return Found(prepared.amended(answer.messages), answer.version)
