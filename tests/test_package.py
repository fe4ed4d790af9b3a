"""What is published is whole: the wheel and the sdist, as built, and the plugins as twistd sees them."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.real.parts import require

ROOT = Path(__file__).resolve().parent.parent

#: Modules that only an extra's users import, and the extra.
EXTRAS = {
    "netsuite/httpecho/websocket.py": "websocket",
    "netsuite/wordproxy/report/frequency.py": "freq",
    "netsuite/wordproxy/store/bases.py": "lemma",
    "netsuite/wordproxy/store/redis.py": "redis",
    "netsuite/wordproxy/store/redisserver.py": "redis",
    "netsuite/words/coding.py": "fast",
}
PLUGINS = "twisted/plugins/netsuite_services.py"
SERVICES = ("echo", "httpecho", "proxy", "wordproxy")

#: What is compiled, and of no use afterwards.
COMPILED = {"netsuite/words/_plain.c"}

#: What `python -m build --no-isolation` needs here; setup.cfg's licence key is read from 77 on.
SETUPTOOLS = 77

#: What a used checkout holds besides its files.
LITTER = re.compile(
    r"__pycache__|\.py[cod]$|\.so$|dropin\.cache$|\.egg-info|/\.venv|/build/|/\.git/|/\.[a-z]+_cache/"
)


def can_build() -> bool:
    """Whether this interpreter has `build` and a setuptools that reads our setup.cfg."""
    if importlib.util.find_spec("build") is None or importlib.util.find_spec("setuptools") is None:
        return False
    return int(importlib.metadata.version("setuptools").split(".")[0]) >= SETUPTOOLS


def tracked(*folders: str) -> set[str]:
    """The files below these folders that git has or would take; without git (an unpacked sdist), all."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders]
    listed = None
    if (ROOT / ".git").exists():
        listed = subprocess.run(command, cwd=ROOT, capture_output=True)  # fails in another user's clone
    if listed is not None and listed.returncode == 0:
        names = {name for name in listed.stdout.decode().split("\0") if name}
    else:
        found = (path for folder in folders or (".",) for path in (ROOT / folder).rglob("*"))
        names = {str(path.relative_to(ROOT)) for path in found if not LITTER.search(str(path))}
    return {name for name in names if (ROOT / name).is_file()}  # one may be deleted, not yet committed


class PublishedTests(SynchronousTestCase):
    """Wheel and sdist, built once from a copy of what git has; the wheel is that for every machine."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        require("build", can_build())
        cls.folder = Path(tempfile.mkdtemp(prefix="netsuite-build-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name in tracked():
            (cls.folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, cls.folder / "source" / name)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(cls.folder)]
        command.append(str(cls.folder / "source"))
        environment = {**os.environ, "NETSUITE_PURE": "1"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)

    def wheel(self) -> set[str]:
        """Names in the wheel."""
        [path] = self.folder.glob("*.whl")
        with zipfile.ZipFile(path) as wheel:
            return set(wheel.namelist())

    def sdist(self) -> set[str]:
        """Names in the sdist, without its own folder."""
        [path] = self.folder.glob("*.tar.gz")
        with tarfile.open(path) as sdist:
            return {member.name.partition("/")[2] for member in sdist if member.isfile()}

    def test_wheel_is_the_tree(self) -> None:
        """The wheel has every tracked file of netsuite and the plugins, and no other."""
        held = {name for name in self.wheel() if not re.match(r"netsuite-[^/]*\.(dist-info|data)/", name)}
        self.assertEqual(held, tracked("netsuite", "twisted") - COMPILED)

    def test_wheel_of_a_machine(self) -> None:
        """With a compiler the wheel has its module, which counts; without one it is made all the same."""
        require("compiler", importlib.util.find_spec("netsuite.words._plain"))
        source = self.folder / "source"
        for name, compiler, compiled in (("with", "gcc", 1), ("without", "false", 0)):
            shutil.rmtree(source / "build", ignore_errors=True)
            command = [sys.executable, "-m", "build", "--no-isolation", "--wheel"]
            done = subprocess.run(
                [*command, "--outdir", str(self.folder / name), str(source)],
                capture_output=True,
                text=True,
                timeout=300,
                env={**os.environ, "CC": compiler},
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            [path] = (self.folder / name).glob("*.whl")
            with zipfile.ZipFile(path) as wheel:
                modules = [each for each in wheel.namelist() if each.endswith(".so")]
                self.assertEqual(len(modules), compiled, modules)
                wheel.extractall(self.folder / name / "unpacked")
            told = "from netsuite.words.lexicon import Lexicon, _plain; from netsuite.words.memo import Memo;"
            told += "print(bool(_plain), list(Lexicon().count('The tide', '', Memo().tally)))"
            # -P and no site of a checkout: the unpacked wheel comes before what is installed here
            done = subprocess.run(
                [sys.executable, "-P", "-c", told],
                capture_output=True,
                text=True,
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(self.folder / name / "unpacked")},
            )
            rows = [("The", "the", 1, 0), ("tide", "tide", 1, 0)]
            self.assertEqual(done.stdout, f"{bool(compiled)} {rows}\n", done.stderr)

    def test_wheel_has_the_manual(self) -> None:
        """Man pages and completion go where man and the shells look for them, all that are tracked."""
        held = {name.partition(".data/data/")[2] for name in self.wheel() if ".data/data/" in name}
        wanted = set()
        for place, *folders in (
            ("man/man1", "docs/man"),
            ("bash-completion/completions", "netsuite/manual/shell/bash", "deploy/completion/bash"),
            ("zsh/site-functions", "netsuite/manual/shell/zsh"),
            ("fish/vendor_completions.d", "netsuite/manual/shell/fish", "deploy/completion/fish"),
        ):
            wanted |= {f"share/{place}/{os.path.basename(name)}" for name in tracked(*folders)}
        self.assertEqual(held, wanted)

    def test_wheel_hides_no_twisted(self) -> None:
        """No ``__init__`` of ours lies in Twisted's folders: it would hide all of Twisted, or its plugins."""
        held = self.wheel()
        self.assertIn(PLUGINS, held)
        self.assertEqual({n for n in held if n.startswith("twisted/")}, {PLUGINS})

    def test_wheel_is_for_every_machine(self) -> None:
        """Pure Python, with the licence and its notices inside."""
        [path] = self.folder.glob("*.whl")
        self.assertTrue(path.name.endswith("-py3-none-any.whl"), path.name)
        for name in ("LICENSE", "NOTICE"):
            self.assertTrue(any(n.endswith(f".dist-info/licenses/{name}") for n in self.wheel()), name)

    def test_sdist_can_be_tested(self) -> None:
        """From the sdist alone one can install, run and test: sources, tests, Makefile, constraints."""
        held = self.sdist()
        self.assertEqual(tracked("netsuite", "twisted", "tests", "docs", ".ci") - held, set())
        files = {"Makefile", "constraints.txt", "setup.cfg", "setup.py", "pyproject.toml", "MANIFEST.in"}
        files |= {"README.rst", "CHANGELOG.rst", "CONTRIBUTING.rst", "LICENSE", "NOTICE"}
        self.assertEqual(files - held, set())

    def test_no_litter(self) -> None:
        """Neither holds caches or compiled files."""
        for name in self.wheel() | self.sdist():
            self.assertNotRegex(name, r"__pycache__|\.pyc$|\.so$|dropin\.cache$|\.db$")


class PluginTests(SynchronousTestCase):
    """twistd, in this interpreter."""

    def test_listed(self) -> None:
        """From an empty folder, where nothing of the checkout is on the path, twistd lists each service."""
        name = self.mktemp()
        os.makedirs(name)
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        if not self.is_installed():
            environment["PYTHONPATH"] = str(ROOT)
        run = "from twisted.scripts.twistd import run; run()"
        done = subprocess.run(
            [sys.executable, "-c", run, "--help"],
            cwd=name,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = set(re.findall(r"(?m)^    (\S+)", done.stdout.partition("Commands:")[2]))
        self.assertEqual(set(SERVICES) - listed, set())
        self.assertNotIn("Traceback", done.stdout + done.stderr)

    def is_installed(self) -> bool:
        """Whether netsuite is installed here, rather than run from a checkout."""
        try:
            importlib.metadata.distribution("netsuite")
        except importlib.metadata.PackageNotFoundError:
            return False
        return True


class RequirementTests(SynchronousTestCase):
    """setup.cfg asks for what is used, and constraints.txt pins what it asks for."""

    def settings(self) -> configparser.ConfigParser:
        """setup.cfg."""
        settings = configparser.ConfigParser()
        settings.read_string((ROOT / "setup.cfg").read_text())
        return settings

    def required(self, section: str, key: str) -> set[str]:
        """The names, normalised, that a list of requirements has; each has a lower bound."""
        lines = [line for line in self.settings()[section][key].splitlines() if line.strip()]
        for line in lines:
            self.assertIn(">=", line)
        return {re.split(r"[\[ ;>]", line)[0].lower().replace("_", "-") for line in lines}

    def imports(self) -> Iterator[tuple[str, Path]]:
        """Each top-level name that a module of ours imports when it runs, with the module."""
        for folder in ("netsuite", "twisted"):
            for path in (ROOT / folder).rglob("*.py"):
                for node in self.running(ast.parse(path.read_bytes())):
                    if isinstance(node, ast.Import):
                        yield from ((alias.name, path) for alias in node.names)
                    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                        whole = node.module in {"zope", "backports"}  # the distribution is the name imported
                        yield f"{node.module}.{node.names[0].name}" if whole else node.module, path

    def running(self, tree: ast.AST) -> Iterator[ast.AST]:
        """The parts of a module but what is there for type checkers alone."""
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
                waiting += node.orelse
            else:
                waiting += ast.iter_child_nodes(node)

    def test_every_import_is_required(self) -> None:
        """What the program imports is required by the package itself, not only brought by another."""
        always = self.required("options", "install_requires")
        provided = importlib.metadata.packages_distributions()
        for name, path in self.imports():
            top = name.split(".")[0]
            # compression is of the standard library from Python 3.14 on (PEP 784), and asked for only there
            if top in sys.stdlib_module_names or top in {"netsuite", "twisted", "compression"}:
                continue
            names = {d.lower().replace("_", "-") for d in provided.get(top, [top])}
            # zope and backports are shared by several distributions: the dotted name tells which.
            if len(names) > 1 or top in {"zope", "backports"}:
                names = {".".join(name.split(".")[:2])}
            extra = EXTRAS.get(path.relative_to(ROOT).as_posix())
            required = always | (self.required("options.extras_require", extra) if extra else set())
            self.assertTrue(names & required, f"{path} imports {name}: not in install_requires")

    def test_constraints_pin_all(self) -> None:
        """Each requirement has an exact version in constraints.txt; only the build backend floats."""
        lines = (ROOT / "constraints.txt").read_text().splitlines()
        pins = {line.split("==")[0] for line in lines if line and not line.startswith("#")}
        wanted = self.required("options", "install_requires")
        for extra in ("fast", "redis", "test", "dev"):
            wanted |= self.required("options.extras_require", extra)
        self.assertEqual(wanted - pins, {"setuptools"})
        for line in lines:
            if line and not line.startswith("#"):
                self.assertRegex(line, r"^[a-z0-9.-]+==[0-9][0-9a-z.]*$")
