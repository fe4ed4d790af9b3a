"""A container without an engine: a Containerfile read, and what it says done in namespaces of Linux.

The image is made of this machine's own system folders in the place of the base image, and of the file's
steps: what it copies is copied, the commands that need no network are run in it.  A container of it has
mounts, a network, processes and a user as an engine would give them: a root that can't be written, one
volume, a loopback of its own.  Each start has a new set of processes, as a restart has.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.real.parts import ROOT, STOP_SECONDS, PartError, clean_environment, require, until

#: Folders of the system that stand in for the base image.
SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc/ssl", "etc/alternatives")

#: Files of /etc that programs want to read.
ETC = ("ld.so.cache", "ld.so.conf", "nsswitch.conf", "localtime", "login.defs")

DEVICES = ("null", "zero", "full", "random", "urandom")


@dataclass(frozen=True)
class Step:
    """One instruction.  ``flags``: ``--name=value``; ``words``: of a list in JSON, else of a shell's line."""

    name: str
    text: str
    flags: dict[str, str] = field(default_factory=dict)

    @property
    def is_list(self) -> bool:
        """Whether it is in exec form: no shell has a part in it."""
        return self.text.startswith("[")

    @property
    def words(self) -> list[str]:
        """Its words."""
        return [str(word) for word in json.loads(self.text)] if self.is_list else shlex.split(self.text)


def read_file(path: Path) -> list[list[Step]]:
    """Return the instructions of a Containerfile, by stage; those before the first FROM are left out."""
    stages: list[list[Step]] = []
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    for line in text.replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if not name:
            continue
        flags, rest = {}, rest.strip()
        while found := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
            flags[found[1]], rest = found[2], rest[found.end() :]
        if name == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(Step(name, " ".join(rest.split()), flags))
    return stages


#: Makes the namespaces of a container, but that of processes.
UNSHARE = ("unshare", "--mount", "--net")


def require_namespaces() -> None:
    """Namespaces may be made here, else the test is skipped."""
    require("iproute2", shutil.which("ip"))
    trial = [*UNSHARE, "--pid", "--fork", "sh", "-c", "mount -t tmpfs none /mnt && ip link set lo up"]
    done = os.geteuid() == 0 and subprocess.run(trial, capture_output=True, check=False).returncode == 0
    require("root who may make namespaces", done)


class Image:
    """What the last stage of a Containerfile says, and its files in a folder.

    ``is_whole``: what it takes of the first stage is built by that one's commands, which takes a minute and
    needs the network; else it is this process's own packages, with the checkout's sources.
    """

    def __init__(self, path: Path, folder: Path, *, is_whole: bool) -> None:
        self.first, self.steps = read_file(path)
        self.is_whole = is_whole
        self.root = folder / "root"
        self.environment = dict(part.split("=", 1) for step in self.all("ENV") for part in step.words)
        self.user, self.group = (int(part) for part in self.one("USER").text.split(":"))
        self.folder = self.one("WORKDIR").text
        [self.volume] = self.one("VOLUME").words
        self.command = [*self.one("ENTRYPOINT").words, *self.one("CMD").words]
        health = self.one("HEALTHCHECK").text
        self.health = [str(word) for word in json.loads(health[health.index("[") :])]

    def all(self, name: str) -> list[Step]:
        """The instructions of a name."""
        return [step for step in self.steps if step.name == name]

    def one(self, name: str) -> Step:
        """The last of them, which is the one that holds."""
        return self.all(name)[-1]

    def make(self, log: Path) -> None:
        """The files of the image are in its folder; the system's own come later, by mounts."""
        prepare(self.root)
        for step in self.all("COPY"):
            place = self.root / step.words[-1].lstrip("/")
            if step.flags.get("from") != "build":
                copy(step, self.root)
            elif self.is_whole:
                self._build(place, log)
            else:
                self._install(place)

    def _build(self, place: Path, log: Path) -> None:
        """The first stage's own commands leave there what they do; only Debian's packages are those here."""
        root = self.root.parent / "build"
        prepare(root)
        shutil.copy("/etc/resolv.conf", root / "etc")
        for step in self.first:
            if step.name == "COPY":
                copy(step, root)
        named = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("PIP_")]
        env = shlex.join(["/usr/bin/env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", *named])
        commands = [step.text for step in self.first if step.name == "RUN" and "apt-get" not in step.text]
        lines = [*system(root)]
        lines += [f"chroot {root} {env} /bin/sh -c {shlex.quote(command)}" for command in commands]
        with log.open("ab") as output:
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-ec", "\n".join(lines)],
                stdout=output,
                stderr=output,
                check=False,
            )
        if done.returncode:
            raise PartError(log.read_text(errors="replace"))
        shutil.copytree(root / place.relative_to(self.root), place, symlinks=True)

    def _install(self, place: Path) -> None:
        """What the first stage leaves: a venv with this checkout in it, not in place; the rest by a mount."""
        packages = place / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        packages.mkdir(parents=True)
        (place / "bin").mkdir()
        (place / "deps").mkdir()
        for name in ("netsuite", "twisted"):
            shutil.copytree(ROOT / name, packages / name, ignore=_LEFT_OUT)
        (packages / "rest.pth").write_text("/opt/netsuite/deps\n")
        interpreter = os.path.realpath(sys.executable)
        (place / "pyvenv.cfg").write_text(f"home = {os.path.dirname(interpreter)}\n")
        (place / "bin" / "python").symlink_to(interpreter)
        for name, module in (("twistd", "twisted.scripts.twistd"), ("netsuite", "netsuite.scripts.netsuite")):
            script = place / "bin" / name
            script.write_text(
                f"#!/opt/netsuite/bin/python\nimport sys\nfrom {module} import run\nsys.exit(run())\n"
            )
            script.chmod(0o755)

    def mounts(self) -> Iterator[str]:
        """The commands of a shell, as the namespace's root, that put it together."""
        root = shlex.quote(str(self.root))
        yield from system(self.root)
        if not self.is_whole:
            yield f"mount --bind {shlex.quote(sysconfig.get_path('purelib'))} {root}/opt/netsuite/deps"
            yield f"mount -o remount,bind,ro {root}/opt/netsuite/deps"
        yield "ip link set lo up"

    def commands(self) -> list[str]:
        """The commands of the file that need no network: they are run in it as they stand."""
        return [step.text for step in self.all("RUN") if "apt-get" not in step.text]


def prepare(root: Path) -> None:
    """A folder has what the base image has, but for the system's own folders."""
    for name in ("proc", "dev", "tmp", "etc", "var/lib", "src", "opt"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ETC:
        if Path("/etc", name).exists():
            shutil.copy(f"/etc/{name}", root / "etc" / name)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")


def system(folder: Path) -> Iterator[str]:
    """The commands that put the system's own folders and devices there, to be read only."""
    root = shlex.quote(str(folder))
    yield f"mount --bind {root} {root}"
    names = [f"/{name}" for name in SYSTEM]
    base = os.path.realpath(sys.base_prefix)
    if not base.startswith("/usr"):
        names.append(base)
    for name in names:
        if os.path.islink(name):
            yield f"ln -sf {os.readlink(name)} {root}{name}"
        elif os.path.isdir(name):
            yield f"mkdir -p {root}{name} && mount --bind -o ro {name} {root}{name}"
            yield f"mount -o remount,bind,ro {root}{name}"
    for name in DEVICES:
        yield f"touch {root}/dev/{name} && mount --bind /dev/{name} {root}/dev/{name}"


#: What an engine is not handed (``.dockerignore``).
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "dropin.cache")


def copy(step: Step, root: Path) -> None:
    """What a COPY from the checkout says is done."""
    *sources, target = step.words
    place = root / target.lstrip("/")
    for source in sources:
        found = ROOT / source
        if not found.exists():
            raise PartError(f"COPY {source}: there is no such file")
        if found.is_dir():
            shutil.copytree(found, place, dirs_exist_ok=True, ignore=_LEFT_OUT)
        else:
            to = place / found.name if target.endswith("/") else place
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, to)


class Container:
    """A container of an image: made when it is entered, gone when it is left.  ``root``: to be looked at."""

    def __init__(self, path: Path, *, is_whole: bool = False) -> None:
        require_namespaces()
        self._own = tempfile.TemporaryDirectory(prefix="netsuite-container-")
        folder = Path(self._own.name)
        folder.chmod(0o755)
        self.image = Image(path, folder, is_whole=is_whole)
        self.volume = folder / "volume"
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Container:
        try:
            self._make()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _make(self) -> None:
        image, self.ready = self.image, Path(self._own.name, "ready")
        image.make(self.log)
        self.volume.mkdir()
        root = shlex.quote(str(image.root))
        lines = [*image.mounts()]
        lines += [f"chroot {root} /bin/sh -c {shlex.quote(command)}" for command in image.commands()]
        # an engine gives a new volume the owner and mode that the folder has in the image
        there = f"{root}{image.volume}"
        lines += [f"chown --reference={there} {self.volume} && chmod --reference={there} {self.volume}"]
        lines += [f"mount --bind {self.volume} {there}", f"mount -o remount,bind,ro {root}"]
        script = "\n".join(["set -e", *lines, f"touch {self.ready}", "exec sleep infinity"])
        with self.log.open("ab") as log:
            self._keeper = subprocess.Popen([*UNSHARE, "sh", "-c", script], stdout=log, stderr=log)
        until("the container is made", lambda: self.ready.exists() or self._keeper_ended())

    def _keeper_ended(self) -> bool:
        assert self._keeper is not None
        if self._keeper.poll() is not None:
            raise PartError(self.text)
        return False

    @property
    def text(self) -> str:
        """What all that ran in it has written."""
        return self.log.read_text(errors="replace")

    def _entered(self, *, processes: bool = False) -> list[str]:
        """The beginning of a command that runs in it as the namespace's root, before the root is changed."""
        assert self._keeper is not None
        words = ["nsenter", "--target", str(self._keeper.pid), "--mount", "--net"]
        if processes:
            proc = f"--mount-proc={self.image.root}/proc"
            words += ["unshare", "--pid", "--fork", "--kill-child", "--mount", proc]
        return words

    def _as_user(self, command: Sequence[str], environment: dict[str, str]) -> list[str]:
        """The end: another root, no way back to one, the image's user, its environment and nothing else."""
        image = self.image
        told = {**image.environment, **environment}
        dropped = ["chroot", str(image.root), "/usr/bin/env", "-i", "-C", image.folder]
        dropped += [f"{name}={value}" for name, value in told.items()]
        who = [f"--reuid={image.user}", f"--regid={image.group}", "--clear-groups"]
        return [
            *dropped,
            "setpriv",
            *who,
            "--no-new-privs",
            "--bounding-set=-all",
            "--inh-caps=-all",
            *command,
        ]

    def start(self, **environment: str) -> None:
        """Its command runs, the first of new processes; ``environment``: what -e gives."""
        words = [*self._entered(processes=True), *self._as_user(self.image.command, environment)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """How a command in it ends, run as its user."""
        words = [*self._entered(), *self._as_user(command, {})]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)

    def beside(self, *command: str) -> subprocess.Popen[str]:
        """A command of this machine that has the container's network."""
        words = [part for part in self._entered() if part != "--mount"]
        return subprocess.Popen(
            [*words, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )

    def said(self, *command: str) -> str:
        """What such a command writes."""
        process = self.beside(*command)
        output, errors = process.communicate(timeout=60)
        if process.returncode:
            raise PartError(f"{command}: {process.returncode}: {errors}")
        return output

    def first(self) -> int:
        """The process that is number 1 in it, as this machine numbers it."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def wait(self) -> int:
        """The exit status of its command."""
        assert self.process is not None
        return self.process.wait(STOP_SECONDS)

    def _end(self) -> None:
        for process in (self.process, self._keeper):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        self._own.cleanup()
