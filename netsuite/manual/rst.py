"""A page as a chapter of the reference, in reStructuredText that needs docutils alone."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from netsuite.manual.page import NO_KEYS, Group, Option, Page, settings_rule, statuses, variable

COLUMNS = 110


def chapter(page: Page) -> str:
    """Return the chapter."""
    parts = [title(page.name, "="), _filled(_sentence(page.purpose)), _literal("\n".join(page.synopsis))]
    if page.text:
        parts.append(_filled(page.text))
    parts += [_group(group) for group in page.groups]
    if page.table:
        parts += [title("Settings", "-"), _filled(settings_rule(page)), _keys(page)]
    if page.exits:
        parts += [title("Exit status", "-"), _exits(page.exits)]
    if page.examples:
        parts += [title("Examples", "-"), _literal(page.examples)]
    return "\n\n".join(parts) + "\n"


def index(pages: Iterable[Page], exits: Mapping[str, str]) -> str:
    """Return the first page of the reference: where each chapter is, and what an exit status means."""
    named = [(f":doc:`{page.file}`", escaped(page.purpose)) for page in pages]
    codes = [(f"``{code}``", escaped(text)) for code, text in exits.items()]
    tree = "\n".join(f"    {page.file}" for page in pages)
    parts = [
        title("Reference", "="),
        "Made from what ``--help`` is made from; the man pages (``man webcat``, ``man twistd echo``) too.",
        title("Commands", "-"),
        _table(("command", "what it does"), named),
        title("Exit status of every tool", "-"),
        _table(("status", "means"), codes),
        f".. toctree::\n    :hidden:\n\n{tree}",
    ]
    return "\n\n".join(parts) + "\n"


def title(text: str, line: str) -> str:
    """Return a heading."""
    return f"{escaped(text)}\n{line * len(escaped(text))}"


def escaped(text: str) -> str:
    """Return a text that says the same in reStructuredText, whatever it holds, and begins no list there."""
    told = re.sub(r"([\\*`|]|_(?!\w)|(?<!\w)_)", r"\\\1", text)
    return f"\\ {told}" if re.match(r"\W|\w{1,9}[.)]", told) else told


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].removesuffix('.')}."


def _filled(text: str) -> str:
    return _wrapped(escaped(text), "")


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(
        text,
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _literal(text: str) -> str:
    return "::\n\n" + textwrap.indent(textwrap.dedent(text), "    ")


def _group(group: Group) -> str:
    return "\n\n".join([title(group.heading, "-"), "\n".join(map(_option, group.options))])


def _option(option: Option) -> str:
    spellings = ", ".join(_spelt(option, spelling) for spelling in option.spellings)
    told = " ".join([escaped(option.text), *_more(option)])
    return f"{spellings}\n{_wrapped(told, '    ')}"


def _spelt(option: Option, spelling: str) -> str:
    if option.kind is None:
        return spelling
    name = option.kind.name if option.kind.name.isalpha() else f"<{option.kind.name}>"
    return f"{spelling}={name}" if spelling.startswith("--") else f"{spelling} {name}"


def _more(option: Option) -> Iterator[str]:
    if option.kind and option.kind.words:
        words = ", ".join(f"``{word}``" for word in option.kind.words)
        yield f"{'Some' if option.kind.many else 'One'} of {words}."
    if option.repeated:
        yield "May be given several times."
    if option.default:
        yield f"Default: ``{option.default}``."


def _exits(exits: str) -> str:
    return "\n".join(f"{codes}\n{_wrapped(escaped(text), '    ')}" for codes, text in statuses(exits))


def _keys(page: Page) -> str:
    """The table of settings: what they are called in a file, and in the environment."""
    names = sorted(option.name for option in page.options if option.name not in NO_KEYS)
    rows = [(f"``{name}``", f"``{variable(page, name)}``") for name in names]
    return _table((f"in ``[{page.table}]``", "in the environment"), rows)


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    left, right = (max(len(row[column]) for row in (head, *rows)) for column in (0, 1))
    line = f"{'=' * left}  {'=' * right}"
    return "\n".join(
        [line, f"{head[0]:{left}}  {head[1]}", line, *(f"{a:{left}}  {b}" for a, b in rows), line]
    )
