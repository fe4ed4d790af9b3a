"""docs/reliability.rst keeps its word: every test and script that it names is there, and all 28 rows are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/reliability.rst"

#: What RELIABILITY demands, by its number.
ROWS = range(1, 29)


def bases(tree: ast.Module) -> dict[str, list[str]]:
    """The classes that each class of a module is made of, by name."""
    return {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def names(path: Path) -> set[str]:
    """``Class`` and ``Class.test`` of a module, inherited ones within it too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made: dict[str, set[str]] = {}
    parents = bases(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            own = {m.name for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef)}
            inherited = (made.get(parent, set()) for parent in parents[node.name])
            made[node.name] = own.union(*inherited)
    return {*made, *(f"{name}.{test}" for name, tests in made.items() for test in tests)}


def named(text: str) -> list[tuple[str, str]]:
    """Each file that a text names, alone and with each name of its own that follows it."""
    found, path = [], ""
    for word in re.findall(r"``([^`]+)``", " ".join(text.split())):
        if re.fullmatch(r"(?:tests|bench)/[\w/]+\.py", word):
            path = word
            found.append((path, ""))
        elif path and re.fullmatch(r"[A-Z]\w+Tests(?:\.test_\w+)?", word):
            found.append((path, word))
    return found


class ReliabilityTests(SynchronousTestCase):
    """The document."""

    def setUp(self) -> None:
        self.text = DOCUMENT.read_text(encoding="utf-8")

    def test_all_rows(self) -> None:
        """Each of the 28 rows is there once, in order, and names what shows it."""
        rows = re.split(r"^   \* - (\d+)$", self.text.partition("\nClasses of faults")[0], flags=re.MULTILINE)
        self.assertEqual([int(number) for number in rows[1::2]], list(ROWS))
        for number, row in zip(rows[1::2], rows[2::2], strict=True):
            cells = re.split(r"^     - ", row.partition("\n\n")[0], flags=re.MULTILINE)[1:]
            self.assertEqual(len(cells), 4, number)
            self.assertTrue(named(cells[1]), number)
            self.assertTrue(all(cell.strip() for cell in cells), number)

    def test_names_are_there(self) -> None:
        """Each test, class and script that is named is there."""
        found = named(self.text)
        self.assertGreater(len(found), 100)
        known = {path: names(ROOT / path) for path, _ in found if (ROOT / path).is_file()}
        wrong = [
            pair for pair in found if pair[0] not in known or (pair[1] and pair[1] not in known[pair[0]])
        ]
        self.assertEqual(wrong, [])

    def test_targets(self) -> None:
        """The targets of make that it speaks of run what it says that they do."""
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        parts = dict(re.findall(r"^(\w+):.*?\n((?:\t.*\n)+)", makefile, re.MULTILINE))
        fuzz, soaks = "tests.proxy.fuzz", ("bench/soak.py", "bench/soak_suite.py")
        for target, words in {
            "nightly": (fuzz, "NETSUITE_TEST_SCALE=nightly", *soaks),
            "endurance": (fuzz, "tests.inputs", *soaks, "tests/real/wire", "bench.relay"),
        }.items():
            for word in words:
                self.assertIn(word, parts[target], target)
