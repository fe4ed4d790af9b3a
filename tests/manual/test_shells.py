"""Completion in the shells themselves: what TAB offers, with the scripts as they are installed."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from netsuite.manual.page import Page
from netsuite.scripts import completion, manual
from tests.manual.zshell import Zsh
from tests.real.parts import ROOT, clean_environment, require
from tests.scripts.tools import inside, run

#: What is in the folder that the shells are in, as they offer it.
FILES = {"a.toml", "b.txt", "c d.pem"}
FOLDER = "sub"

SERVICES = {"echo", "httpecho", "pages", "formsite", "colors", "proxy", "wordproxy", "netsuite"}

#: Where a file belongs, a folder, one of a few words; or nothing that a shell could know.
PLACES: dict[str, set[str]] = {
    "webcat --cafile ": {*FILES, FOLDER},
    "webcat --cafile=": {*FILES, FOLDER},
    "webcat -o ": {*FILES, FOLDER},
    "netsuite webcat --cafile ": {*FILES, FOLDER},
    "netsuite check ": {"a.toml", FOLDER},
    "netsuite cert -o ": {FOLDER},
    "validate ": {*FILES, FOLDER},
    "formsite-export --format ": {"csv", "json"},
    "formsite-export --format=": {"csv", "json"},
    "formsite-export --format=c": {"csv"},
    "netsuite completion ": {"bash", "zsh", "fish"},
    "netsuite completion b": {"bash"},
    "twistd -n ec": {"echo"},
    "twistd --pidfile= -n ec": {"echo"},
    "twistd -l b.txt ec": {"echo"},
    "twistd -n echo --latency-dir ": {"in", "out", "both"},
    "twistd echo -c ": {"a.toml", FOLDER},
    "twistd -n formsite --uploads ": {FOLDER},
    "twistd -n netsuite --with ec": {"echo"},
    "twistd -n netsuite --with echo,col": {"colors"},
    "netsuite doctor --without pages,form": {"formsite"},
    "twistd -n netsuite --wi": {"--with", "--without"},
    "webcat --timeo": {"--timeout"},
    "netsuite status --timeo": {"--timeout"},
    "webcat ht": set(),
    "calllater --every ": set(),
}


def installed(place: Path, shell: str) -> None:
    """A shell's files are in a folder as an installation puts them there."""
    shutil.copytree(ROOT / manual.STUBS / shell, place)
    shutil.copytree(ROOT / manual.SCRIPTS / shell, place, dirs_exist_ok=True)


class Offers:
    """What every shell offers; each of them says how it is asked."""

    shell: ClassVar[str]
    sorts_out = True  # files by their names' ends
    folder: ClassVar[Path]
    pages: ClassVar[list[Page]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        require(cls.shell, shutil.which(cls.shell))
        own = tempfile.TemporaryDirectory(prefix="netsuite-shell-")
        cls.addClassCleanup(own.cleanup)
        cls.folder = Path(own.name).resolve() / "home"
        (cls.folder / FOLDER).mkdir(parents=True)
        for name in FILES:
            (cls.folder / name).touch()
        cls.pages = [*manual.suite().pages, *manual.twistd().pages]

    def offers(self, *lines: str) -> list[set[str]]:
        """Return what the shell offers behind each line."""
        raise NotImplementedError

    def test_commands(self) -> None:
        """After netsuite each command and tool is offered, after twistd each service."""
        commands, services = self.offers("netsuite ", "twistd -n ")
        self.assertEqual(commands, {*manual.COMMANDS, *manual.TOOLS})
        self.assertEqual(SERVICES - services, set())

    def test_every_option(self) -> None:
        """Every long option of every --help is offered, of tools by their names and by way of netsuite."""
        pages = self.chosen(self.pages)
        lines = [f"{page.name} --" for page in pages]
        lines += [f"netsuite {page.name} --" for page in pages if " " not in page.name]
        pages += [page for page in pages if " " not in page.name]
        for line, page, offered in zip(lines, pages, self.offers(*lines), strict=True):
            told = {word.rstrip("=") for word in offered}
            self.assertEqual({f"--{option.name}" for option in page.options} - told, set(), line)

    def chosen(self, pages: list[Page]) -> list[Page]:
        """The pages whose options are looked through."""
        return list(pages)

    def tried(self, lines: list[str]) -> list[str]:
        """The lines that are looked at."""
        return lines

    def test_places(self) -> None:
        """Files stand where a file belongs, folders where a folder, words where there are but a few."""
        lines = self.tried(list(PLACES))
        for line, offered in zip(lines, self.offers(*lines), strict=True):
            wanted = PLACES[line]
            prefix = line.rpartition(" ")[2].partition("=")[0] + "="
            told = {word.removeprefix(prefix).rstrip("/").replace("\\ ", " ") for word in offered}
            told = {word.rpartition(",")[2] for word in told}  # zsh offers what is behind a comma alone
            if "a.toml" in wanted and not self.sorts_out:
                wanted = {*FILES, FOLDER}
            self.assertEqual(told, wanted, line)


class BashTests(Offers, SynchronousTestCase):
    """bash, whose completion function is called as bash calls it."""

    shell = "bash"

    def offers(self, *lines: str) -> list[set[str]]:
        """Words are cut where bash cuts them: at white space, and around ``=``."""
        script = [f". {shlex.quote(str(ROOT / manual.SCRIPTS / 'bash/netsuite'))}"]
        for line in lines:
            words = line.replace("=", " = ").split()
            if line.endswith(" "):
                words.append("")
            script.append(f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}; _netsuite")
            script.append('printf "%s\\n" "${COMPREPLY[@]}"; echo END')
        done = subprocess.run(
            ["bash", "--norc", "-c", "\n".join(script)], cwd=self.folder, capture_output=True, text=True
        )
        self.assertEqual(done.stderr, "")
        return [set(part.split("\n")) - {""} for part in done.stdout.split("END\n")[:-1]]

    def test_found(self) -> None:
        """bash-completion finds a stub by a command's name, which brings the script that all share."""
        loader = Path("/usr/share/bash-completion/bash_completion")
        require("bash-completion", loader.exists())
        installed(self.folder.parent / "share/bash-completion/completions", "bash")
        asked = f". {loader}; _completion_loader webcat; complete -p webcat twistd"
        done = subprocess.run(
            ["bash", "--norc", "-c", asked],
            env=clean_environment({"XDG_DATA_DIRS": f"{self.folder.parent}/share:/usr/share"}),
            capture_output=True,
            text=True,
        )
        told = "complete -F _netsuite webcat\ncomplete -F _netsuite twistd\n"
        self.assertEqual((done.stdout, done.stderr), (told, ""))


class ZshTests(Offers, SynchronousTestCase):
    """zsh on a terminal; twistd is asked itself, by the completion that zsh has for it."""

    shell = "zsh"
    zsh: ClassVar[Zsh]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        programs = cls.folder.parent / "programs"
        programs.mkdir()
        run = f"#!{sys.executable}\nfrom twisted.scripts.twistd import run\nrun()\n"
        (programs / "twistd").write_text(run)
        (programs / "twistd").chmod(0o755)
        path = f"{programs}:{clean_environment()['PATH']}"
        cls.zsh = Zsh(ROOT / manual.SCRIPTS / "zsh", cls.folder, {"PATH": path})
        cls.addClassCleanup(cls.zsh.close)

    def offers(self, *lines: str) -> list[set[str]]:
        return [self.zsh.offers(line) for line in lines]

    def chosen(self, pages: list[Page]) -> list[Page]:
        """Of the services two: each costs a start of twistd."""
        others = {f"twistd {name}" for name in SERVICES - {"echo", "wordproxy"}}
        return [page for page in pages if page.name not in others]

    def tried(self, lines: list[str]) -> list[str]:
        """Of those of twistd a word of a few, a file, and a list."""
        return [x for x in lines if "twistd" not in x or x.endswith(("-dir ", "-c ", "ho,col"))]

    def test_read(self) -> None:
        """Read by a shell the script registers itself for every command."""
        script = shlex.quote(str(ROOT / manual.SCRIPTS / "zsh/_netsuite"))
        asked = f"autoload -Uz compinit; compinit -u -D; . {script}; print $_comps[webcat] $_comps[netsuite]"
        done = subprocess.run(["zsh", "-f", "-c", asked], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual((done.stdout, done.stderr), ("_netsuite _netsuite\n", ""))


class FishTests(Offers, SynchronousTestCase):
    """fish, which says itself what it would offer; files that fit come first, the others after them."""

    shell = "fish"
    sorts_out = False

    def offers(self, *lines: str) -> list[set[str]]:
        script = [f"source {shlex.quote(str(ROOT / manual.SCRIPTS / 'fish/netsuite.fish'))}"]
        script += [f"complete -C {shlex.quote(line)}; echo END" for line in lines]
        done = subprocess.run(
            ["fish", "--no-config", "-c", "\n".join(script)],
            cwd=self.folder,
            env=clean_environment({"HOME": str(self.folder.parent)}),
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.stderr, "")
        parts = done.stdout.split("END\n")[:-1]
        return [{line.partition("\t")[0] for line in part.splitlines()} for part in parts]

    def test_found(self) -> None:
        """fish finds a stub by a command's name; descriptions stand beside the options."""
        installed(self.folder.parent / "share/fish/vendor_completions.d", "fish")
        programs = self.folder.parent / "bin"  # fish completes no command that isn't there
        programs.mkdir()
        for name in ("webcat", "netsuite", "twistd"):
            (programs / name).symlink_to("/bin/true")
        done = subprocess.run(
            [
                "fish",
                "-c",
                "complete -C 'webcat --spo'; complete -C 'netsuite che'; complete -C 'twistd -n pag'",
            ],
            env=clean_environment(
                {
                    "HOME": str(self.folder.parent),
                    "XDG_DATA_DIRS": f"{self.folder.parent}/share:/usr/share",
                    "PATH": f"{programs}:/usr/bin:/bin",
                }
            ),
            capture_output=True,
            text=True,
        )
        told = "--spool\tPrint nothing before the whole page is in a temporary file.\n"
        told += f"check\t{manual.COMMANDS['check']}\npages\ta table of pages and their answers\n"
        self.assertEqual((done.stdout, done.stderr), (told, ""))


class CommandTests(SynchronousTestCase):
    """netsuite completion."""

    def test_prints(self) -> None:
        """It prints what is installed, for each shell, and with -j as JSON."""
        for shell, name in completion.SCRIPTS.items():
            script = (ROOT / manual.SCRIPTS / name).read_text()
            self.assertEqual(run("completion", shell), (0, script, ""))
            code, told, _ = inside(completion, "-j", shell)
            self.assertEqual((code, json.loads(told)["result"]["script"]), (0, script))

    def test_usage(self) -> None:
        """Another shell, or none, is exit status 2 and one line."""
        for words in ((), ("tcsh",), ("bash", "zsh")):
            code, output, errors = inside(completion, *words)
            self.assertEqual((code, output), (2, ""))
            told = "netsuite completion: give one of bash, zsh, fish; try netsuite completion --help\n"
            self.assertEqual(errors, told)
