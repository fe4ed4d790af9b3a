"""Completion for zsh: a function for each command, and one that finds the right one.

twistd is not among the commands: zsh itself has a completion for it, which asks Twisted, and Twisted asks our
``Options`` (``compData``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netsuite.manual.kind import Kind
from netsuite.manual.page import Option, Page


def script(pages: Sequence[Page]) -> str:
    """Return the whole script; ``pages``: of the commands by name, with those of their own commands."""
    names = " ".join(page.name for page in pages)
    own = [each for page in pages for each in page.pages if each not in pages]
    parts = [
        f"#compdef {names}\n# Completion of netsuite's commands for zsh; made by `make manual`.",
        *("\n".join(_function(page)) for page in (*pages, *own)),
        '_netsuite() {\n    "_netsuite_of_$service"\n}',
        "# Found by its name it is called, read by a shell it is registered.",
        'if [[ $funcstack[1] == _netsuite ]]; then\n    _netsuite "$@"',
        f"else\n    compdef _netsuite {names}\nfi",
    ]
    return "\n\n".join(parts[:-1]) + f"\n{parts[-1]}\n"


def _function(page: Page) -> Iterator[str]:
    yield f"_netsuite_of_{_label(page)}() {{"
    if page.pages:
        yield from _commands(page)
    else:
        yield "    _arguments -s -S \\"
        yield " \\\n".join(f"        {line}" for line in (*map(_option, page.options), *_operands(page)))
    yield "}"


def _commands(page: Page) -> Iterator[str]:
    yield "    local state line curcontext=$curcontext\n    local -a commands\n    commands=("
    for each in page.pages:
        yield f"        {_quoted(each.name.split()[-1] + ':' + each.purpose.replace(':', chr(92) + ':'))}"
    yield "    )"
    yield "    _arguments -C \\"
    yield " \\\n".join(f"        {_option(option)}" for option in page.options) + " \\"
    yield "        '1: :->command' '*:: :->rest'"
    yield "    case $state in"
    yield "        command) _describe command commands ;;"
    yield "        rest) (( $+functions[_netsuite_of_$words[1]] )) && _netsuite_of_$words[1] ;;"
    yield "    esac"


def _option(option: Option) -> str:
    told = option.text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    often = "*" if option.repeated else ""
    if option.kind is None:
        return _spelt(option, often, "", "", f"[{told}]")
    value = f":{_message(option.kind)}:{_action(option.kind)}"
    return _spelt(option, often, "+", "=", f"[{told}]{value}")


def _spelt(option: Option, often: str, after_short: str, after_long: str, rest: str) -> str:
    long = f"--{option.name}{after_long}"
    if not option.short:
        return _quoted(f"{often}{long}{rest}")
    excluded = "" if often else f"(-{option.short} --{option.name})"
    star = f"'{often}'" if often else ""
    return f"{_quoted(excluded) if excluded else star}{{-{option.short}{after_short},{long}}}{_quoted(rest)}"


def _operands(page: Page) -> Iterator[str]:
    for kind in page.operands[:-1]:
        yield _quoted(f":{_message(kind)}:{_action(kind)}")
    for kind in page.operands[-1:]:
        yield _quoted(f"*:{_message(kind)}:{_action(kind)}")


def _message(kind: Kind) -> str:
    return kind.name.lower().replace("[", "").replace("]", "").replace(":", " ")


def _action(kind: Kind) -> str:
    if kind.words and kind.many:
        return f"_sequence compadd - {' '.join(kind.words)}"
    if kind.words:
        return f"({' '.join(kind.words)})"
    if kind.files:
        return "_files" if kind.files == "*" else f'_files -g "{kind.files}"'
    if kind.folders:
        return "_directories"
    return "_hosts" if kind.hosts else " "


def _label(page: Page) -> str:
    return page.file.removeprefix("netsuite-")


def _quoted(text: str) -> str:
    """A word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
