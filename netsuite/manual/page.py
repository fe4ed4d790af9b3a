"""A page of the manual as a value, read from the ``Options`` that the command line itself is read by.

An option is of the group of the class that declares it: a class which others build on has a ``heading``.
What its value is stands in ``kinds``, by long names; what comes after the options in ``operands``, the last
of which may come again.  A help text that ends in "(repeat)" is that of an option that may be given several
times, and what follows "Exit status:" in the description is a part of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twisted.python import usage

from netsuite.manual.kind import TEXT, Kind

REPEAT = "(repeat)"
EXIT_STATUS = "Exit status:"
EXAMPLES = "Examples:"

#: Heading of the options that are a command's own.
OWN = "Options"

#: Settings of a service that stand on its command line only.
NO_KEYS = frozenset(("config", "check", "help", "version"))


@dataclass(frozen=True, slots=True)
class Option:
    """An option.  ``kind``: of its value, None for a flag; ``default``: "" if there is none to tell."""

    name: str
    short: str
    kind: Kind | None
    default: str
    text: str
    repeated: bool

    @property
    def spellings(self) -> tuple[str, ...]:
        """As it is written, without a value: the short one, if any, comes first."""
        return (f"-{self.short}", f"--{self.name}") if self.short else (f"--{self.name}",)


@dataclass(frozen=True, slots=True)
class Group:
    """Options under one heading, by name."""

    heading: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to say of a command.  ``table``: its settings' place in a file and in the environment."""

    name: str
    purpose: str
    synopsis: tuple[str, ...] = ()
    text: str = ""
    groups: tuple[Group, ...] = ()
    exits: str = ""
    examples: str = ""
    table: str = ""
    operands: tuple[Kind, ...] = ()
    pages: tuple[Page, ...] = ()

    @property
    def options(self) -> tuple[Option, ...]:
        """All options."""
        return tuple(option for group in self.groups for option in group.options)

    @property
    def file(self) -> str:
        """Its name among files: ``netsuite-check``."""
        return self.name.replace(" ", "-")


def page_of(options: Any, name: str, purpose: str, synopsis: str = "") -> Page:
    """Return the page of a command whose command line is read by ``options``."""
    written = synopsis or str(getattr(options, "synopsis", f"Usage: {name} [options]"))
    told, _, exits = one_line(getattr(options, "longdesc", None)).partition(EXIT_STATUS)
    return Page(
        name=name,
        purpose=purpose,
        synopsis=tuple(line.removeprefix("Usage:").strip() for line in written.splitlines()),
        text=told.strip(),
        groups=groups_of(options),
        exits=exits.strip() or str(getattr(options, "exits", "")),
        examples=str(getattr(options, "examples", "")).removeprefix(EXAMPLES).strip("\n"),
        table=str(getattr(options, "table", "")),
        operands=tuple(getattr(options, "operands", ())),
    )


def groups_of(options: Any) -> tuple[Group, ...]:
    """Return the options as they would be taken now, the command's own first, what all share last."""
    shorts = {long: short for short, long in options.synonyms.items() if len(short) == 1}
    homes = _homes(type(options))
    kinds = kinds_of(type(options))
    found: dict[str, list[Option]] = {heading: [] for heading in dict.fromkeys(homes.values())}
    for written in dict.fromkeys(options.longOpt):
        name = written.removesuffix("=")
        text = one_line(options.docs[name])
        default = options.defaults.get(name)
        option = Option(
            name=name,
            short=shorts.get(name, ""),
            kind=kinds.get(name, TEXT) if written.endswith("=") else None,
            default="" if default is None or not written.endswith("=") else str(default),
            text=text.removesuffix(REPEAT).strip().removesuffix(".") + ".",
            repeated=text.endswith(REPEAT),
        )
        found[homes.get(name, OWN)].append(option)
    return tuple(
        Group(heading, tuple(sorted(listed, key=lambda option: option.name.lower())))
        for heading, listed in found.items()
        if listed
    )


def kinds_of(of: type) -> dict[str, Kind]:
    """Return what the values of a class's options are, by long name."""
    kinds: dict[str, Kind] = {}
    for each in reversed(of.__mro__):
        kinds |= each.__dict__.get("kinds", {})
    return kinds


def _homes(of: type) -> dict[str, str]:
    """The heading of each option: that of the class that declares it first, own ones before all others'."""
    found: dict[str, str] = {}
    classes = [each for each in reversed(of.__mro__) if issubclass(each, usage.Options)]
    for number, each in enumerate(classes):
        nearest = (other.__dict__.get("heading") for other in classes[number:-1])
        heading = next(filter(None, nearest), OWN)
        for name in _declared(each):
            found.setdefault(name, heading)
    return dict(reversed(found.items()))


def _declared(by: type) -> Iterator[str]:
    for attribute in ("optParameters", "optFlags", "optRepeated"):
        yield from (str(row[0]) for row in by.__dict__.get(attribute, ()))
    yield from (name[4:].replace("_", "-") for name in by.__dict__ if name.startswith("opt_"))


def one_line(text: str | None) -> str:
    """Return a text without line breaks."""
    return " ".join((text or "").split())


def settings_rule(page: Page) -> str:
    """Return where a service's settings may stand, beside its command line."""
    kept = ", ".join(f"--{name}" for name in sorted(NO_KEYS))
    return (
        f"Every option but {kept} may also stand in the TOML file that --config names, in its table "
        f"[{page.table}] under its long name, and in the environment, as {variable(page, 'NAME')}, in "
        "capitals and with _ for each hyphen. The command line wins, then the environment, then the file. "
        "Several values are a list in the file, and stand with white space between them in the environment."
    )


def statuses(exits: str) -> list[tuple[str, str]]:
    """Return the codes of a page's exit status, each with what it says."""
    found = []
    for part in re.split(r"[,;] (?=\d+ )", exits.removesuffix(".")):
        codes = re.match(r"\d+((,| to| or| and) \d+)*", part)
        if codes is None:
            raise ValueError(f"{part!r} begins with no exit status")
        found.append((codes[0], part[codes.end() :].strip()))
    return found


def variable(page: Page, name: str) -> str:
    """Return the environment's name of a setting."""
    return f"NETSUITE_{page.table}_{name}".upper().replace("-", "_")
