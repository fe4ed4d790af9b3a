"""A page as ``--help`` prints it: what it is for, the options by groups, the exit status, examples."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator

from netsuite.manual.page import EXAMPLES, EXIT_STATUS, REPEAT, Group, Option, Page

#: Columns before an option's text; a longer option has a line of its own.
LEFT = 28

#: Narrowest and widest text, in columns.
NARROW, WIDE = 50, 100


def help_text(page: Page, width: int | None = None) -> str:
    """Return what stands below the synopsis, in lines of at most so many columns (the terminal's)."""
    columns = min(max(width or _columns(), NARROW), WIDE)
    parts = [_filled(page.text, columns)] if page.text else []
    parts += ["\n".join(_of_group(group, columns)) for group in page.groups]
    if page.exits:
        parts.append(_filled(f"{EXIT_STATUS} {page.exits}", columns))
    if page.examples:
        parts.append(f"{EXAMPLES}\n{page.examples}")
    return "\n" + "\n\n".join(parts) + "\n"


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    return int(told) if told.isdecimal() and int(told) else 80


def _of_group(group: Group, columns: int) -> Iterator[str]:
    yield f"{group.heading}:"
    for option in group.options:
        yield from _of_option(option, columns)


def _of_option(option: Option, columns: int) -> Iterator[str]:
    short = f"-{option.short}, " if option.short else "    "
    value = f"={option.kind.name}" if option.kind else ""
    left = f"  {short}--{option.name}{value}"
    lines = textwrap.wrap(option_text(option), columns - LEFT, break_on_hyphens=False)
    if len(left) > LEFT - 2:
        yield left
        left = ""
    yield f"{left:{LEFT}}{lines[0]}"
    yield from (" " * LEFT + line for line in lines[1:])


def option_text(option: Option) -> str:
    """Return an option's text, with whether it may be repeated, and its default."""
    default = f" [default: {option.default}]" if option.default else ""
    return option.text + (f" {REPEAT}" if option.repeated else "") + default


def _filled(text: str, columns: int) -> str:
    return "\n".join(textwrap.wrap(text, columns, break_on_hyphens=False))
