"""The house stands as drawn: who may import whom, and what an ``__init__`` may hold.

Read from the sources' syntax trees, so that nothing has to be imported to be judged, and an import inside
a function or an ``if TYPE_CHECKING`` counts like any other.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "netsuite"

#: Rooms by what they are.  A room that is none of these fails the first test: it must be placed.
CORES = {"http1", "words", "timing"}
FLOOR = {
    "journal",
    "manual",
    "wire",
    "certificates",
    "renewal",
    "credentials",
    "activation",
    "deposit",
    "secured",
    "notify",
    "dial",
    "race",
    "reactor",
    "glue",
    "splice",
    "options",
    "values",
    "tablefile",
    "listen",
    "door",
    "descriptors",
    "durable",
    "selfsigned",
    "storefault",
    "life",
    "access",
    "guard",
    "names",
    "reach",
    "resolving",
    "metrics",
    "health",
    "journald",
    "vitals",
    "outcome",
    "clocks",
    "crowd",
    "linefile",
    "aside",
    "tail",
    "textlines",
    "twistdlog",
    "privilege",
    "pidfile",
    "held",
    "launch",
    "reloading",
    "visits",
    "tlspeer",
    "site",
    "statefolder",
    "storefile",
}
SERVICES = {"echo", "httpecho", "pages", "formsite", "colors", "proxy", "wordproxy"}
TOOLS = {"client", "doctor", "forward", "probe", "scan", "updatecheck", "validate", "scripts"}
TOP = {"suite"}

#: A service built on another, and the service that a tool explains.
BUILT_ON = {
    "wordproxy": {"proxy"},
    "doctor": {"formsite", "wordproxy"},
    "scripts": {"formsite", "proxy", "wordproxy"},
    "updatecheck": {"client"},
    "validate": {"client"},
}

#: Imports that a function may make: the reactor's, whose import installs one; what needs epoll, or an extra.
INSIDE_A_FUNCTION = {
    "twisted.internet.reactor",
    "twisted.mail.smtp.ESMTPSenderFactory",
    "twisted.mail.smtp.SMTPClientError",
    "netsuite.reactor.prefer",
    "netsuite.httpecho.websocket.open_talk",
    "netsuite.wordproxy.store.redis.RedisStore",
    "simplemma.Lemmatizer",
    "simplemma.strategies.DefaultStrategy",
    "wordfreq.available_languages",
    "wordfreq.zipf_frequency",
}

#: Names that say nothing (STYLE, "Names, values, types").
EMPTY_NAMES = {"utils", "util", "manager", "handler", "engine", "helper", "helpers", "base", "common", "misc"}


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    """Each module of the package: dotted name, file, syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, path, ast.parse(path.read_bytes(), str(path))


def imported(name: str, is_package: bool, tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Each name that a module imports, absolute, with the statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                above = name.split(".") if is_package else name.split(".")[:-1]
                above = above[: len(above) - node.level + 1]
                source = ".".join([*above, source] if source else above)
            for alias in node.names:
                yield f"{source}.{alias.name}", node


def room(name: str) -> str:
    """The second part of a dotted name in netsuite: ``netsuite.http1.head`` is in ``http1``."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def kind(of: str) -> str:
    """What a room is; an empty text for one that stands in no list."""
    kinds = {"core": CORES, "floor": FLOOR, "service": SERVICES, "tool": TOOLS, "top": TOP}
    return next((kind for kind, rooms in kinds.items() if of in rooms), "")


def may_import(one: str, other: str) -> bool:
    """Whether a module of room ``one`` may import from room ``other``."""
    if one == other:
        return True
    allowed = {
        "core": set(),
        "floor": {"floor", "core"},
        "service": {"floor", "core"},
        "tool": {"floor", "core"},
        "top": {"floor", "core"},
    }
    if one == "scripts" and kind(other) == "tool":
        return True
    return kind(other) in allowed[kind(one)] or other in BUILT_ON.get(one, ())


class ImportTests(SynchronousTestCase):
    """Imports run downwards only."""

    def test_every_room_has_its_place(self) -> None:
        """Each module and package under netsuite is floor, core, service or tool."""
        for name, path, _ in modules():
            if room(name):
                self.assertTrue(kind(room(name)), f"{path}: {room(name)} has no place in the plan")

    def test_direction(self) -> None:
        """Cores import none of ours, the floor no service, a service none but the one it is built on."""
        for name, path, tree in modules():
            for target, node in imported(name, path.name == "__init__.py", tree):
                if target.split(".")[0] != "netsuite" or not room(target) or not room(name):
                    continue
                self.assertTrue(
                    may_import(room(name), room(target)),
                    f"{path}:{node.lineno}: {name} may not import {target}",
                )

    def test_cores_know_no_twisted(self) -> None:
        """A core runs without Twisted and zope.interface."""
        for name, path, tree in modules():
            if room(name) in CORES:
                for target, node in imported(name, False, tree):
                    self.assertNotIn(target.split(".")[0], {"twisted", "zope"}, f"{path}:{node.lineno}")

    def test_http1_needs_nothing(self) -> None:
        """The HTTP core imports the standard library alone."""
        for name, path, tree in modules():
            if room(name) == "http1":
                for target, node in imported(name, path.name == "__init__.py", tree):
                    if not target.startswith("netsuite.http1"):
                        self.assertIn(target.split(".")[0], sys.stdlib_module_names, f"{path}:{node.lineno}")

    def test_no_import_in_a_function(self) -> None:
        """What a module needs stands at its top; the exceptions are reactors."""
        for name, path, tree in modules():
            functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
            for function in functions:
                for target, node in imported(name, path.name == "__init__.py", function):
                    self.assertIn(target, INSIDE_A_FUNCTION, f"{path}:{node.lineno}")

    def test_no_reactor_at_the_top(self) -> None:
        """Importing a module of ours installs no reactor."""
        for name, path, tree in modules():
            for statement in tree.body:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    for target, node in imported(name, path.name == "__init__.py", statement):
                        self.assertNotEqual(target, "twisted.internet.reactor", f"{path}:{node.lineno}")

    def test_imports_install_no_reactor(self) -> None:
        """Whatever module is imported, no reactor is installed by that: which one, others say."""
        modules = sorted(
            str(path.relative_to(ROOT).with_suffix("")).replace("/", ".") for path in PACKAGE.rglob("*.py")
        )
        program = (
            "import importlib, sys\n"
            "for name in sys.argv[1:]:\n"
            "    importlib.import_module(name.removesuffix('.__init__'))\n"
            "    assert 'twisted.internet.reactor' not in sys.modules, name\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, *modules],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)


class RuleTests(SynchronousTestCase):
    """The judge itself judges rightly."""

    def test_table(self) -> None:
        """The allowed and the forbidden ways between rooms, one of each sort."""
        for one, other, answer in (
            ("wordproxy", "proxy", True),
            ("proxy", "wordproxy", False),
            ("proxy", "http1", True),
            ("http1", "words", False),
            ("words", "journal", False),
            ("journal", "echo", False),
            ("wire", "journal", True),
            ("suite", "echo", False),
            ("echo", "suite", False),
            ("scripts", "client", True),
            ("scripts", "proxy", True),
            ("scripts", "wordproxy", True),
        ):
            self.assertEqual(may_import(one, other), answer, f"{one} -> {other}")

    def test_relative_names(self) -> None:
        """A relative import is seen under its whole name."""
        tree = ast.parse(
            "from .. import http1\nfrom .head import parse\nfrom ..words.count import x\nimport os.path"
        )
        seen = [target for target, _ in imported("netsuite.proxy.client", False, tree)]
        self.assertEqual(
            seen, ["netsuite.http1", "netsuite.proxy.head.parse", "netsuite.words.count.x", "os.path"]
        )
        [(target, _)] = imported("netsuite.proxy", True, ast.parse("from . import client"))
        self.assertEqual(target, "netsuite.proxy.client")


class TreeTests(SynchronousTestCase):
    """Files that must, and must not, be there."""

    def test_init_is_a_docstring(self) -> None:
        """An ``__init__`` says what the room is, and nothing else."""
        for folder in (PACKAGE, ROOT / "tests"):
            for path in folder.rglob("__init__.py"):
                body = ast.parse(path.read_bytes()).body
                self.assertEqual(len(body), 1, path)
                self.assertIsNotNone(ast.get_docstring(ast.Module(body, [])), path)

    def test_every_package_has_one(self) -> None:
        """Each folder of modules is a package with its docstring, also among the tests."""
        for folder in (PACKAGE, ROOT / "tests"):
            for path in folder.rglob("*.py"):
                self.assertTrue((path.parent / "__init__.py").exists(), path.parent)

    def test_twisted_stays_a_namespace(self) -> None:
        """Neither plugin folder has an ``__init__``: one would hide Twisted itself."""
        self.assertEqual([str(p) for p in (ROOT / "twisted").rglob("__init__.py*")], [])

    def test_modules_say_their_job(self) -> None:
        """Each module opens with a docstring, and is not called by a name that says nothing."""
        for _, path, tree in modules():
            self.assertTrue(ast.get_docstring(tree), path)
            self.assertNotIn(path.stem, EMPTY_NAMES, path)

    def test_nothing_prints(self) -> None:
        """Only tools write to standard output; a service has the journal."""
        for name, path, tree in modules():
            if kind(room(name)) == "tool":
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    self.assertNotEqual(node.func.id, "print", f"{path}:{node.lineno}")
