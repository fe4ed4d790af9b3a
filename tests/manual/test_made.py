"""The made files say what the options say now, and man pages are sound."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from unittest import mock

from docutils.core import publish_doctree
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.manual import rst
from netsuite.manual.kind import Kind
from netsuite.manual.page import Group, Option, Page
from netsuite.manual.roff import man_page
from netsuite.outcome import EXITS, NOT_FOUND, TERMINATED
from netsuite.scripts import manual
from tests.real.parts import ROOT, clean_environment, require

FOLDERS = (manual.SCRIPTS, manual.STUBS, manual.MAN, manual.REFERENCE)


class MadeTests(SynchronousTestCase):
    """What is committed."""

    def test_as_the_options_say(self) -> None:
        """Man pages, reference and completion are what `make manual` writes now; nothing is beside them."""
        made = manual.files(ROOT)
        for name, text in made.items():
            path = ROOT / name
            self.assertTrue(path.is_file(), f"{name} is not there: run `make manual`")
            self.assertEqual(path.read_text(), text, f"{name} is not what --help says: run `make manual`")
        there = {
            str(path.relative_to(ROOT))
            for folder in FOLDERS
            for path in (ROOT / folder).rglob("*")
            if path.is_file()
        }
        self.assertEqual(there - set(made), set())

    def test_a_change_is_seen(self) -> None:
        """Another purpose of one tool is another man page, chapter and completion; the others stay."""
        before = manual.files(ROOT)
        with mock.patch.dict(manual.TOOLS, {"webcat": "write something else"}):
            after = manual.files(ROOT)
        changed = {name for name in before if before[name] != after[name]}
        self.assertEqual(
            changed,
            {
                "docs/man/webcat.1",
                "docs/man/netsuite.1",
                "docs/reference/webcat.rst",
                "docs/reference/index.rst",
                "netsuite/manual/shell/zsh/_netsuite",
                "netsuite/manual/shell/fish/netsuite.fish",
            },
        )

    def test_dates(self) -> None:
        """A page that says the same keeps its date; one that is new or says another thing has today's."""
        root = Path(self.mktemp())
        manual.write(root, "2026-01-05")
        manual.write(root, "2026-02-06")
        page = root / "docs/man/webcat.1"
        self.assertIn(" 2026-01-05 ", page.read_text())
        with mock.patch.dict(manual.TOOLS, {"webcat": "write something else"}):
            manual.write(root, "2026-02-06")
        self.assertIn(" 2026-02-06 ", page.read_text())
        self.assertIn(" 2026-01-05 ", (root / "docs/man/webdownload.1").read_text())

    def test_nothing_left_behind(self) -> None:
        """The page of a tool that is gone goes, too."""
        root = Path(self.mktemp())
        manual.write(root, "2026-01-05")
        (root / "docs/man/webdog.1").write_text(".TH WEBDOG 1")
        manual.write(root, "2026-01-05")
        self.assertFalse((root / "docs/man/webdog.1").exists())
        self.assertTrue((root / "docs/man/webcat.1").exists())

    def test_every_option_everywhere(self) -> None:
        """Every long option is on its man page and in the reference, and each setting with its variable."""
        run = manual.twistd()
        for page in (*manual.suite().pages, *run.pages):
            man = (ROOT / f"docs/man/{page.file}.1").read_text()
            chapter = (ROOT / f"docs/reference/{page.file}.rst").read_text()
            for option in page.options:
                self.assertIn(f"\\fB\\-\\-{option.name.replace('-', chr(92) + '-')}\\fR", man)
                self.assertRegex(chapter, rf"(?m)^(-\S.*, )?--{option.name}(=|$)")
                if page.table and option.name not in ("help", "version", "check", "config"):
                    name = option.name.upper().replace("-", "_")
                    self.assertIn(f"``NETSUITE_{page.table.upper()}_{name}``", chapter)

    def test_exit_table(self) -> None:
        """Every exit status that a tool can have is told (R5)."""
        codes = {str(code) for code in (0, *EXITS.values(), NOT_FOUND, TERMINATED)}
        self.assertEqual(set(manual.EXITS), codes)


texts = st.text(st.characters(max_codepoint=0x17F, exclude_categories=["C", "Z"]) | st.just(" "), min_size=1)


def odd(text: str) -> Page:
    """A page that has a text in every place."""
    text = " ".join(text.split()) or "x"
    option = Option("size", "s", Kind("SIZE", words=(text,)), text, text, True)
    return Page(
        "odd", text, ("odd [options]",), text, (Group("Options", (option,)),), f"0 {text}", f"  {text}", "odd"
    )


class ManTests(SynchronousTestCase):
    """Man pages in their readers."""

    def lint(self, *paths: Path) -> None:
        """mandoc finds nothing, not even of style, and groff warns of nothing."""
        require("mandoc", shutil.which("mandoc"))
        for command in (["mandoc", "-Tlint"], ["groff", "-man", "-ww", "-Tutf8", "-z"]):
            for path in paths:
                done = subprocess.run([*command, path], capture_output=True, text=True)
                self.assertEqual((done.stdout + done.stderr, done.returncode), ("", 0))

    def test_lint(self) -> None:
        """No page has a fault of form."""
        self.lint(*sorted((ROOT / manual.MAN).glob("*.1")))

    @settings(deadline=None, max_examples=10)
    @given(texts)
    def test_odd_texts(self, text: str) -> None:
        """Whatever a help text holds, it is text to roff: nothing in it is an instruction."""
        path = Path(self.mktemp())
        path.write_text(man_page(odd(text), "2026-01-05"))
        require("mandoc", shutil.which("mandoc"))
        done = subprocess.run(
            ["groff", "-man", "-ww", "-Kutf8", "-Tutf8", "-P-c", "-rLL=2000n", path],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.stderr, "")
        self.assertIn("".join(text.split()), "".join(re.sub("\x1b\\[[0-9;]*m|.\b", "", done.stdout).split()))

    def test_man(self) -> None:
        """man -l shows a page: name, options with their texts, examples."""
        require("man", shutil.which("man"))
        done = subprocess.run(
            ["man", "-l", ROOT / "docs/man/twistd-echo.1"],
            env=clean_environment({"MANWIDTH": "80", "LC_ALL": "C.UTF-8"}),
            capture_output=True,
            text=True,
        )
        told = re.sub(".\b", "", done.stdout)
        self.assertEqual(done.stderr, "")
        self.assertIn("twistd-echo - say back each line", told)
        self.assertIn("twistd [twistd options] echo [options]", told)
        self.assertRegex(told, r"-p, --port=PORT\n +Port on 127\.0\.0\.1, or an endpoint\. +Default: 5001\.")
        self.assertIn("twistd -n echo --latency 200ms±50ms --drop 10% --seed 7\n", told)

    def test_found(self) -> None:
        """Where the pages are installed beside the programs, man finds them by the names people type."""
        require("man", shutil.which("man"))
        prefix = Path(self.mktemp()).resolve()
        shutil.copytree(ROOT / manual.MAN, prefix / "share/man/man1")
        (prefix / "bin").mkdir()
        path = f"{prefix}/bin:{clean_environment()['PATH']}"
        for words in (["webcat"], ["twistd", "wordproxy"], ["netsuite", "check"]):
            done = subprocess.run(
                ["man", "-w", *words], env=clean_environment({"PATH": path}), capture_output=True, text=True
            )
            self.assertEqual(done.stdout, f"{prefix}/share/man/man1/{'-'.join(words)}.1\n", done.stderr)


class ReferenceTests(SynchronousTestCase):
    """Chapters in reStructuredText."""

    @settings(deadline=None, max_examples=50)
    @given(texts)
    def test_odd_texts(self, text: str) -> None:
        """Whatever a help text holds, docutils reads a chapter without complaint, and finds the text."""
        chapter = rst.chapter(odd(text))
        tree = publish_doctree(chapter, settings_overrides={"report_level": 1, "halt_level": 1})
        self.assertIn(" ".join(text.split()) or "x", " ".join(tree.astext().split()))
