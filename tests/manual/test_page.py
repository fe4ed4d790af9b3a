"""A page is what the command line takes, and --help is that page."""

from __future__ import annotations

import getopt
import io
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any, ClassVar
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.python import usage
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from netsuite.manual.helptext import help_text
from netsuite.manual.kind import FILE, NUMBER, TEXT, Kind, one_of
from netsuite.manual.page import NO_KEYS, Page, groups_of, kinds_of, page_of, statuses, variable
from netsuite.options import version_line
from netsuite.scripts import manual


class Shared(usage.Options):
    """What two commands share."""

    heading = "Options of both"
    optParameters: ClassVar[list[list[Any]]] = [["size", None, "1", "How large."], ["log", "l", None, "Log"]]
    kinds: ClassVar[dict[str, Kind]] = {"size": NUMBER, "log": FILE}


class Own(Shared):
    """A command."""

    longdesc = "Do it.  Exit status: 0 done, 1 not (ask 2: me), 2 or 3 usage; 12 file."
    examples = "Examples:\n  own --size 2"
    operands = (FILE,)
    optFlags: ClassVar[list[list[Any]]] = [["quick", "q", "Do it fast."]]
    optParameters: ClassVar[list[list[Any]]] = [
        ["size", None, "2", "How large it is."],
        ["way", None, None, "How."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {"way": one_of("WAY", "up", "down")}

    def opt_field(self, text: str) -> None:
        """A field; several
        are joined. (repeat)"""

    opt_F = opt_field


class PageTests(SynchronousTestCase):
    """A page of options made for the purpose."""

    def setUp(self) -> None:
        self.page = page_of(Own(), "own", "do it")
        self.options = {option.name: option for option in self.page.options}

    def test_parts(self) -> None:
        """Purpose, synopsis, text, exit status and examples each have their place."""
        self.assertEqual(self.page.synopsis, ("own [options]",))
        self.assertEqual((self.page.text, self.page.examples), ("Do it.", "  own --size 2"))
        self.assertEqual(
            statuses(self.page.exits),
            [("0", "done"), ("1", "not (ask 2: me)"), ("2 or 3", "usage"), ("12", "file")],
        )

    def test_groups(self) -> None:
        """A command's own options come first; one that it declares anew stays where it was."""
        self.assertEqual(
            [(group.heading, [option.name for option in group.options]) for group in groups_of(Own())],
            [("Options", ["field", "quick", "way"]), ("Options of both", ["help", "log", "size", "version"])],
        )

    def test_options(self) -> None:
        """Short name, default, text, kind and whether it is repeated are as the command line has them."""
        size, field, way = (self.options[name] for name in ("size", "field", "way"))
        self.assertEqual((size.default, size.text, size.kind), ("2", "How large it is.", NUMBER))
        self.assertEqual((field.spellings, field.repeated, field.kind), (("-F", "--field"), True, TEXT))
        self.assertEqual(field.text, "A field; several are joined.")
        self.assertEqual(way.kind and way.kind.words, ("up", "down"))
        self.assertEqual((self.options["quick"].kind, self.options["log"].text), (None, "Log."))

    def test_no_status(self) -> None:
        """A part that begins with no number is told, when the manual is made."""
        with self.assertRaisesRegex(ValueError, "'done' begins with no exit status"):
            statuses("done, 1 not")

    def test_help(self) -> None:
        """--help has all of it, an option's text in a column, the default and the repetition behind it."""
        told = help_text(self.page, 80)
        self.assertIn("\n  -F, --field=TEXT          A field; several are joined. (repeat)\n", told)
        self.assertIn("\n      --size=NUMBER         How large it is. [default: 2]\n", told)
        self.assertLess(told.index("Do it."), told.index("Options:"))
        self.assertTrue(
            told.endswith(
                "Exit status: 0 done, 1 not (ask 2: me), 2 or 3 usage; 12 file.\n\n" + self.page_end
            )
        )

    page_end = "Examples:\n  own --size 2\n"

    @settings(deadline=None, max_examples=50)
    @given(st.integers(-5, 400))
    def test_widths(self, width: int) -> None:
        """Whatever the terminal's width, no word is lost, and lines fit into it where words do."""
        told = help_text(self.page, width)
        self.assertEqual(told.split(), help_text(self.page, 80).split())
        self.assertLessEqual(max(map(len, told.splitlines())), max(50, min(width or 80, 100)))

    def test_columns(self) -> None:
        """The terminal's width is that of COLUMNS; what is no number is no width."""
        for columns, most in (("60", 60), ("wide", 80), ("0", 80), ("1000", 100)):
            with mock.patch.dict(os.environ, {"COLUMNS": columns}):
                lines = help_text(page_of(Own(), "own", "do it " * 50)).splitlines()
                self.assertLessEqual(max(map(len, lines)), most)


def all_pages() -> list[Page]:
    """The pages of every tool, command and service."""
    whole, run = manual.suite(), manual.twistd()
    return [*whole.pages, *run.pages]


def commands(examples: str) -> Iterator[list[str]]:
    """The words of each command in examples, without what is said of it."""
    for line in examples.replace("\\\n", " ").splitlines():
        told = re.match(r"  (\S.*?)(?:\s{2,}(?![-/]).*)?$", line)
        if told is None:
            continue
        lexer = shlex.shlex(told[1], posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word in ("|", ";", "&&", "<(", ">", "<", "(", ")"):
                if words:
                    yield words
                words = []
            else:
                words += [word] if word != "sudo" else []


class EveryPageTests(SynchronousTestCase):
    """The pages of netsuite."""

    pages: ClassVar[list[Page]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.pages = all_pages()

    def test_all(self) -> None:
        """Every service and tool has one."""
        names = {page.name for page in self.pages}
        for name in ("echo", "httpecho", "pages", "formsite", "colors", "proxy", "wordproxy", "netsuite"):
            self.assertIn(f"twistd {name}", names)
        for name in (*manual.TOOLS, *(f"netsuite {command}" for command in manual.COMMANDS)):
            self.assertIn(name, names)

    def test_whole(self) -> None:
        """Each says what it is for, its exit status, and has an example of itself (R10)."""
        for page in self.pages:
            self.assertTrue(page.text, page.name)
            self.assertEqual(statuses(page.exits)[0][0], "0", page.name)
            self.assertRegex(
                page.examples, rf"(?m)(^  |\b){page.name.replace('twistd', 'twistd.*')}\b", page.name
            )

    def test_fits(self) -> None:
        """No line of a help text passes 80 columns, options' texts are sentences, and none is there twice."""
        for page in self.pages:
            for line in help_text(page, 80).splitlines():
                self.assertLessEqual(len(line), 80, f"{page.name}: {line}")
            names = [option.name for option in page.options]
            self.assertEqual(len(names), len(set(names)), page.name)
            for option in page.options:
                self.assertRegex(option.text, r"^([A-Z0-9$]|twistd).*[^.]\.$", f"{page.name} --{option.name}")

    def test_kinds(self) -> None:
        """What each value is, is said where the option is declared; no kind is of an option that is gone."""
        found = {maker.tapname: maker.options for maker in manual.makers()}
        kinds = {f"twistd {name}": kinds_of(options) for name, options in found.items()}
        kinds |= {
            page.name: kinds_of(manual.module_of(page.name.removeprefix("netsuite ")).Options)
            for page in self.pages
            if page.name not in kinds
        }
        for page in self.pages:
            valued = {option.name for option in page.options if option.kind}
            self.assertEqual(valued, set(kinds[page.name]), page.name)

    def test_words(self) -> None:
        """A value that is one of a few words has its default among them."""
        for page in self.pages:
            for option in page.options:
                if option.kind and option.kind.words and option.default:
                    self.assertIn(option.default, option.kind.words, f"{page.name} --{option.name}")

    def test_variables(self) -> None:
        """A setting's name in the environment is the one that the services read."""
        [page] = [page for page in self.pages if page.name == "twistd wordproxy"]
        self.assertEqual(variable(page, "max-text"), "NETSUITE_WORDPROXY_MAX_TEXT")
        with mock.patch.dict(os.environ, {variable(page, "max-text"): "1MiB", "XDG_STATE_HOME": "/nowhere"}):
            [maker] = [maker for maker in manual.makers() if maker.tapname == "wordproxy"]
            options = maker.options()
            options.parse([])
        self.assertEqual(options["max-text"], "1MiB")

    def test_examples(self) -> None:
        """The examples are command lines that are taken: each option is there, its value, too."""
        readers = {f"twistd {maker.tapname}": maker.options for maker in manual.makers()}
        readers |= {name: manual.module_of(name).Options for name in manual.TOOLS}
        readers |= {f"netsuite {name}": manual.module_of(name).Options for name in manual.COMMANDS}
        twistd, tried = namedAny(manual.TWISTD)(), set()
        for page in self.pages:
            for words in commands(page.examples):
                name, *rest = words
                if name == "twistd":
                    rest = getopt.getopt(rest, twistd.shortOpt, twistd.longOpt)[1]
                if name in ("twistd", "netsuite"):
                    name, *rest = f"{name} {rest[0]}", *rest[1:]
                if name in readers:
                    options = readers[name]()
                    getopt.getopt(rest, options.shortOpt, options.longOpt)
                    tried.add(name)
        self.assertEqual(set(readers) - tried, set())

    def test_keys(self) -> None:
        """Every setting that the reference lists is taken from a file and the environment, and no other."""
        tables = {page.table: page for page in self.pages if page.table}
        for maker in manual.makers():
            page = tables[maker.tapname]
            for option in page.options:
                for layer in ("file netsuite.toml", "environment X"):
                    options = maker.options()
                    options.layer = layer
                    value = [option.default or "1"] if option.repeated else option.default or "1"
                    options.fill(option.name, value, "there")
                    self.assertEqual(
                        bool(options.faults), option.name in NO_KEYS, f"{page.name} {option.name}"
                    )

    def test_version(self) -> None:
        """--version of each is netsuite X (Twisted Y, Python Z)."""
        each = [maker.options for maker in manual.makers()]
        each += [manual.module_of(name).Options for name in (*manual.TOOLS, *manual.COMMANDS)]
        for options in each:
            told = io.StringIO()
            with redirect_stdout(told), self.assertRaises(SystemExit) as end:
                options().parseOptions(["--version"])
            self.assertEqual((told.getvalue(), end.exception.code), (version_line() + "\n", 0))
        self.assertTrue(re.fullmatch(r"netsuite \S+ \(Twisted \S+, Python \S+\)", version_line()))
