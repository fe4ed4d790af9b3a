"""All pages of the manual, and the files that are made of them; ```make manual``` writes those.

The files are committed, so that they can be read, packed and installed without running anything; a test
compares each with what the options say.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.python.reflect import namedAny

from netsuite.manual import bash, fish, roff, rst, zsh
from netsuite.manual.kind import FILE, FOLDER, Kind
from netsuite.manual.page import OWN, Group, Option, Page, page_of
from netsuite.scripts.netsuite import COMMANDS, EXAMPLES, PURPOSE, SYNOPSIS, TOOLS

#: What the exit status of a tool means (rule R5), as causes name it in JSON.
EXITS = {
    "0": "done, or the answer is yes",
    "1": "reached and answered: no",
    "2": "bad option, argument or file name",
    "3": "could not tell",
    "4": "name not found, or the resolver failed",
    "5": "connection refused",
    "6": "no answer in time",
    "7": "no route; network or host unreachable",
    "8": "TLS: handshake or certificate",
    "9": "the connection ended early",
    "10": "HTTP status 400 or more, other than below",
    "11": "log-in needed, or refused (401, 407)",
    "12": "a file or permission here, a full disk, standard output closed",
    "13": "checksum or size is not the expected one",
    "14": "a bound of ours was hit",
    "15": "the remote service will not serve us",
    "70": "a bug of ours",
    "126": "the command could not be run",
    "127": "the command was not found",
    "130": "Ctrl-C before the work was done",
    "143": "SIGTERM before the work was done",
}

#: What reads twistd's own command line.
TWISTD = "twisted.scripts.twistd.ServerOptions"

#: What the values of twistd's own options are, where a shell has something to offer.
TWISTD_KINDS: dict[str, Kind] = {
    "chroot": FOLDER,
    "file": FILE,
    "logfile": FILE,
    "pidfile": FILE,
    "profile": FILE,
    "python": FILE,
    "rundir": FOLDER,
    "source": FILE,
}


def tools() -> list[Page]:
    """Return the pages of the tools that are called by their names."""
    return [_of_tool(name, name, purpose) for name, purpose in TOOLS.items()]


def suite() -> Page:
    """Return the page of ``netsuite``, with those of its commands and the tools."""
    own = [_of_tool(name, f"netsuite {name}", purpose) for name, purpose in COMMANDS.items()]
    flags = (("help", "Display this help and exit."), ("version", "Print the versions and exit."))
    return Page(
        name="netsuite",
        purpose=PURPOSE,
        synopsis=(SYNOPSIS,),
        text="Each command has --help. The tools are commands by their names alone, too.",
        groups=(Group(OWN, tuple(Option(name, "", None, "", text, False) for name, text in flags)),),
        exits="; ".join(f"{code} {text}" for code, text in EXITS.items()) + ".",
        examples=EXAMPLES,
        pages=(*own, *tools()),
    )


def services() -> list[Page]:
    """Return the pages of what twistd runs."""
    return [_of_service(maker) for maker in makers()]


def makers() -> list[Any]:
    """Return what makes each of our services, by name."""
    every: Iterable[Any] = getPlugins(IServiceMaker)
    return sorted(
        (m for m in every if m.module.startswith("netsuite.")), key=lambda maker: str(maker.tapname)
    )


def module_of(name: str) -> Any:
    """Return the module of a tool, or of a command of netsuite."""
    return import_module(f"netsuite.scripts.{name.replace('-', '_')}")


def twistd() -> Page:
    """Return twistd's own page, with those of our services."""
    page = page_of(namedAny(TWISTD)(), "twistd", "run a service")
    groups = tuple(replace(group, options=tuple(map(_known, group.options))) for group in page.groups)
    return replace(page, groups=groups, operands=(FILE,), pages=tuple(services()))


def _known(option: Option) -> Option:
    return replace(option, kind=option.kind and TWISTD_KINDS.get(option.name, option.kind))


def _of_tool(name: str, called: str, purpose: str) -> Page:
    return page_of(module_of(name).Options(), called, purpose)


def _of_service(maker: Any) -> Page:
    purpose = maker.description[0].lower() + maker.description[1:].removesuffix(".")
    called = f"twistd {maker.tapname}"
    return page_of(
        maker.options(), called, purpose, f"Usage: twistd [twistd options] {maker.tapname} [options]"
    )


# -- files ---------------------------------------------------------------------------------------------------

SCRIPTS = "netsuite/manual/shell"
STUBS = "deploy/completion"
MAN = "docs/man"
REFERENCE = "docs/reference"

#: Date of a page that was never written; any other is that of its last change.
NO_DATE = "1970-01-01"


def files(root: Path, today: str = NO_DATE) -> dict[str, str]:
    """Return every made file by its path below ``root``; a man page that says the same keeps its date."""
    whole, run = suite(), twistd()
    pages = [whole, *whole.pages, *run.pages]
    commands = [whole, *tools(), run]
    made = {
        f"{SCRIPTS}/bash/netsuite": bash.script(commands),
        f"{SCRIPTS}/zsh/_netsuite": zsh.script(commands[:-1]),
        f"{SCRIPTS}/fish/netsuite.fish": fish.script(commands),
        f"{REFERENCE}/index.rst": rst.index(pages, EXITS),
    }
    for command in commands[1:]:
        made[f"{STUBS}/bash/{command.name}"] = bash.stub()
        made[f"{STUBS}/fish/{command.name}.fish"] = fish.stub()
    for page in pages:
        made[f"{REFERENCE}/{page.file}.rst"] = rst.chapter(page)
        path = f"{MAN}/{page.file}.1"
        made[path] = _dated(root / path, page, _also(page, pages), today)
    return made


def _also(page: Page, pages: list[Page]) -> Iterator[str]:
    """The pages that one refers to: those of its commands, else what it is a part of."""
    if page.pages:
        return (each.file for each in pages if each != page)
    return iter(("twistd-netsuite", "netsuite") if page.file != "twistd-netsuite" else ("netsuite",))


def _dated(path: Path, page: Page, also: Iterator[str], today: str) -> str:
    told = roff.man_page(page, NO_DATE, also)
    try:
        had = path.read_text()
    except FileNotFoundError:
        had = ""
    date = re.search(r"^\.TH \S+ 1 (\S+)", had)
    if date and had == told.replace(NO_DATE, date[1], 1):
        return had
    return told.replace(NO_DATE, today, 1)


def write(root: Path, today: str) -> None:
    """The files are as the options say, and no others are beside them."""
    made = files(root, today)
    for folder in (SCRIPTS, STUBS, MAN, REFERENCE):
        for path in (root / folder).rglob("*"):
            if path.is_file() and str(path.relative_to(root)) not in made:
                path.unlink()
    for name, text in made.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
