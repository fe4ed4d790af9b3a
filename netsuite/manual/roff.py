"""A page as a man page, in the man(7) macros that groff and mandoc share."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from netsuite.manual.page import Option, Page, settings_rule, statuses

#: Characters that mean something to roff, or that it would print as others.
_SPECIAL = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
    '"': "\\(dq",
}

#: Longest line of running text in the source.
COLUMNS = 78


def man_page(page: Page, date: str, also: Iterable[str] = ()) -> str:
    """Return a man page of section 1.  ``date``: of its last change; ``also``: names of other pages."""
    title = escaped(page.file.upper())
    lines = [f'.TH {title} 1 {date} netsuite "netsuite manual"']
    lines += [".SH NAME", *_wrapped(f"{escaped(page.file)} \\- {escaped(page.purpose)}"), ".SH SYNOPSIS"]
    for number, synopsis in enumerate(page.synopsis):
        lines += [".br"] if number else []
        lines.append(re.sub(r"^([a-z][\w\\-]*(?: [a-z][\w\\-]*)*)", r"\\fB\1\\fR", escaped(synopsis)))
    if page.text:
        lines += [".SH DESCRIPTION", *_filled(page.text)]
    for of in page.pages:
        lines += [".TP", f"\\fB{escaped(of.name)}\\fR", *_filled(of.purpose)]
    for group in page.groups:
        lines.append(f".SH {escaped(group.heading.upper())}")
        for option in group.options:
            lines += _option(option)
    if page.table:
        lines += [".SH SETTINGS", *_filled(settings_rule(page))]
    if page.exits:
        lines.append(".SH EXIT STATUS")
        for codes, text in statuses(page.exits):
            lines += [".TP", f"\\fB{codes}\\fR", *_filled(text)]
    if page.examples:
        lines += [".SH EXAMPLES", ".nf", *_literal(page.examples), ".fi"]
    if names := [escaped(name) for name in also]:
        lines += [".SH SEE ALSO", *(f".BR {name} (1)," for name in names[:-1]), f".BR {names[-1]} (1)"]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return a text as roff prints it, letter by letter."""
    return "".join(_SPECIAL.get(letter) or _letter(letter) for letter in text)


def _letter(letter: str) -> str:
    return letter if letter.isascii() else f"\\[u{ord(letter):04X}]"


def _guarded(line: str) -> str:
    """A line that begins with no control character."""
    return f"\\&{line}" if line.startswith((".", "'")) else line


def _filled(text: str) -> list[str]:
    return _wrapped(escaped(text))


def _wrapped(text: str) -> list[str]:
    lines = textwrap.wrap(text, COLUMNS, break_on_hyphens=False, break_long_words=False)
    return [_guarded(line) for line in lines]


def _option(option: Option) -> Iterator[str]:
    value = f"=\\fI{escaped(option.kind.name)}\\fR" if option.kind else ""
    yield ".TP"
    yield ", ".join(f"\\fB{escaped(spelling)}\\fR" for spelling in option.spellings) + value
    yield from _filled(option.text)
    if option.kind and option.kind.words:
        yield from _filled(f"{'Some' if option.kind.many else 'One'} of {', '.join(option.kind.words)}.")
    if option.repeated:
        yield "May be given several times."
    if option.default:
        yield from _wrapped(f"Default: \\fB{escaped(option.default)}\\fR.")


def _literal(text: str) -> Iterator[str]:
    return (_guarded(escaped(line)) for line in text.splitlines())
