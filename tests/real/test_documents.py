"""Every command of the README and the guides is run, and prints what they show; none is left out unseen.

The commands of a section are run on a machine of its own (``tests/real/documents``); what is not run has its
reason in a table there, and its options are known all the same.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.python.reflect import namedAny
from twisted.scripts.twistd import ServerOptions
from twisted.trial.unittest import SynchronousTestCase

from tests.real.documents.__main__ import JAR, documents, sections
from tests.real.documents.reading import Block, Command, alike, blocks, fits, inline
from tests.real.documents.scenes import NOT_RUN, OTHER, PROGRAMS, SCENES, Scene, not_run, note
from tests.real.documents.warm import programs
from tests.real.parts import ROOT, clean_environment, require
from tests.scale import NIGHTLY

#: How long all of them may take on a busy machine.
PATIENCE = 1500 if NIGHTLY else 500


@functools.cache
def can_be_alone() -> bool:
    """Whether a process may have a machine of its own here: Linux, and root or a user namespace."""
    probe = "ip link set lo up && mount --make-rprivate /"
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return not subprocess.run([*namespace(), "sh", "-c", probe], capture_output=True).returncode


def namespace() -> list[str]:
    """The words before a command that lets it make namespaces."""
    inner = ["--net", "--mount"]
    return ["unshare", *inner] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", *inner]


@functools.cache
def results() -> list[dict[str, Any]]:
    """What became of each command of all documents, run once."""
    require("namespaces", can_be_alone())
    with tempfile.TemporaryDirectory(prefix="netsuite-documents-") as folder:
        output = Path(folder) / "results.json"
        command = [*namespace(), sys.executable, "-m", "tests.real.documents", str(output)]
        done = subprocess.run(
            command, cwd=ROOT, env=clean_environment(), capture_output=True, timeout=PATIENCE
        )
        if done.returncode:
            raise AssertionError(done.stderr.decode(errors="replace")[-4000:])
        made: list[dict[str, Any]] = json.loads(output.read_text())
        return made


def missing(scene: Scene) -> list[str]:
    """The programs that a scene needs and this machine has not."""
    return [name for name in scene.needs if not (JAR.is_file() if name == "vnu" else shutil.which(name))]


def wrong(ran: dict[str, Any]) -> str:
    """What is wrong with a command's run, nothing if it did what its document says."""
    about = note(ran["text"])
    told = f"{ran['place']}: $ {ran['text']}\n{ran['seen'][-3000:]}\n(status {ran['status']}) {ran['fault']}"
    if ran["fault"]:
        return told
    if ran["printed"] is None:
        return "" if about.until or ran["status"] in about.exits else told
    if about.differs:
        agrees = not ran["printed"].startswith("{") or alike(ran["printed"], ran["seen"])
    else:
        agrees = fits(ran["printed"], ran["seen"], about.then)
    return "" if agrees else f"{told}\nbut the document shows:\n{ran['printed']}"


class CommandTests(SynchronousTestCase):
    """A test for each section of a document that has commands; they are made below."""

    def ran(self, of: list[Block]) -> None:
        """Each command of the section ended as it should, and printed what stands below it."""
        first = of[0]
        scene = SCENES.get((first.document, first.section), Scene())
        for name in missing(scene):
            require(name, False)
        places = {block.place for block in of}
        found = [ran for ran in results() if ran["section"] == [first.document, first.section]]
        wanted = [c for block in of for c in block.commands(PROGRAMS) if not_run(c.text) is None]
        self.assertEqual(len([ran for ran in found if ran["place"] in places]), len(wanted), found)
        faults = [fault for ran in found if (fault := wrong(ran))]
        self.assertEqual(faults, [], "\n\n".join(faults))


def _named(of: list[Block]) -> str:
    """A test's name for a section."""
    words = f"{Path(of[0].document).stem} {of[0].section.partition(':')[0]}"
    return "test_" + re.sub(r"\W+", "_", words.lower()).strip("_")


for _section in sections():

    def _test(self: CommandTests, of: list[Block] = _section) -> None:
        self.ran(of)

    _test.__doc__ = f"What {_section[0].document} says under *{_section[0].section}* is so."
    setattr(CommandTests, _named(_section), _test)


def commands() -> Iterator[Command]:
    """Every command of every document."""
    for document in documents():
        for block in blocks(ROOT / document, document):
            yield from block.commands(PROGRAMS)


class ClassifiedTests(SynchronousTestCase):
    """Nothing in the documents escapes the runner."""

    def test_every_block_is_known(self) -> None:
        """A literal block has commands, or is listed as something else: what nobody classified fails."""
        unknown = [
            f"{block.place}: {block.first}"
            for document in documents()
            for block in blocks(ROOT / document, document)
            if not block.commands(PROGRAMS) and block.first not in OTHER
        ]
        self.assertEqual(unknown, [], "give them a $, a program in PROGRAMS, or a line in OTHER")

    def test_tables_have_no_leftovers(self) -> None:
        """Each reason, scene and illustration is of a command, section or block that is still there."""
        told = [command.text for command in commands()]
        for pattern in NOT_RUN:
            self.assertTrue(any(not_run(text) == NOT_RUN[pattern] for text in told), pattern)
        there = {(b.document, b.section) for d in documents() for b in blocks(ROOT / d, d)}
        self.assertEqual(set(SCENES) - there, set())
        firsts = {block.first for document in documents() for block in blocks(ROOT / document, document)}
        self.assertEqual(set(OTHER) - firsts, set())

    def test_syntax(self) -> None:
        """The shell can read every command, also those that are not run."""
        for command in commands():
            done = subprocess.run(["bash", "-n", "-c", command.text], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), command.place)

    def test_make_targets(self) -> None:
        """Each target of make that a document names is there."""
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        for text in (*(command.text for command in commands()), *self.literals()):
            if text.startswith("make "):
                named = [
                    word for word in re.sub(r"\".*?\"", "", text).split()[1:] if re.fullmatch("[a-z]+", word)
                ]
                self.assertEqual([name for name in named if name not in targets], [], text)

    def test_modules(self) -> None:
        """Each ``python -m`` that a document names is a module, and has the options that it gives."""
        for text in (*(command.text for command in commands()), *self.literals()):
            if found := re.match(r"python3? -m ((?:bench|tests|netsuite)[\w.]*)(.*)", text):
                spec = importlib.util.find_spec(found[1])
                self.assertIsNotNone(spec, text)
                for option in re.findall(r"(?<!\S)--[a-z-]+", found[2]):
                    folder = (
                        Path(str(spec.origin)).parent if str(spec.origin).endswith("__init__.py") else None
                    )
                    files = folder.glob("*.py") if folder else [Path(str(spec.origin))]
                    self.assertTrue(any(option in path.read_text() for path in files), text)

    @staticmethod
    def literals() -> list[str]:
        """What stands between double backquotes in any document."""
        return [text for document in documents() for text in inline(ROOT / document)]

    def test_options_are_there(self) -> None:
        """Each long option of ours that is named between backquotes is one of some service or tool."""
        ours = set().union(*(known(name) for name in (*programs(), *services()) if name != "twistd"))
        foreign = FOREIGN | {option.removesuffix("=") for option in ServerOptions().longOpt}
        for text in self.literals():
            if not text.startswith("-") and text.split()[0] not in programs():
                continue
            for option in re.findall(r"(?:^|(?<=\s))--([a-zA-Z][\w-]*)", text):
                self.assertIn(option, ours | foreign, text)

    def test_options_of_commands(self) -> None:
        """Each option of a command of ours, run or not, and in a sentence too, is one of that command."""
        for text in (*(command.text for command in commands()), *self.literals()):
            for part in re.split(r"\s*(?:\||;|&&)\s*", text):
                words = part.split()
                if not words or words[0] not in programs():
                    continue
                name = words[0]
                if name == "twistd":
                    name = next((word for word in words[1:] if word in services()), "")
                    words = words[words.index(name) :] if name else []
                if not words or (name == "netsuite" and words[0] == "netsuite"):
                    continue  # its own commands have options of their own; run above
                end = words.index("--") if "--" in words else len(words)
                for option in words[1:end]:
                    if re.fullmatch(r"--[a-z][a-z0-9-]*", option):
                        self.assertIn(option[2:], known(name) | {"help", "version"}, text)


#: Options of other programs that stand alone between backquotes.
FOREIGN = {"proxy-server", "help", "version", "init", "oX", "pages", "words"}


@functools.cache
def services() -> dict[str, str]:
    """The module of each service of ours, by its name."""
    return {
        maker.tapname: maker.module
        for maker in getPlugins(IServiceMaker)
        if str(getattr(maker, "module", "")).startswith("netsuite")
    }


@functools.cache
def known(name: str) -> frozenset[str]:
    """The long options of a service or a tool."""
    if name in services():
        kind = namedAny(services()[name] + ".Options")
    else:
        kind = getattr(namedAny(programs()[name].partition(":")[0]), "Options", usage.Options)
    return frozenset(option.removesuffix("=") for option in kind().longOpt)
