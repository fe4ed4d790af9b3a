"""Completion for fish: a line for each option of each command, where its command is at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netsuite.manual.kind import Kind
from netsuite.manual.page import Option, Page

#: Says whether the first of the known words on the command line is this one; '' is: none of them is there.
CONDITION = """
function __netsuite_is
    for word in (commandline -opc)[2..-1]
        if contains -- $word %s
            test $word = $argv[1]
            return
        end
    end
    test -z "$argv[1]"
end
"""


def script(pages: Sequence[Page]) -> str:
    """Return the whole script; ``pages``: of the commands by name, with those of their own commands."""
    words = sorted({_word(each) for page in pages for each in page.pages})
    lines = ["# Completion of netsuite's commands for fish; made by `make manual`."]
    lines += [(CONDITION % " ".join(words)).rstrip("\n"), ""]
    for page in pages:
        nothing_yet = "__netsuite_is ''" if page.pages else ""
        lines += _command(page.name, page, nothing_yet)
        for each in page.pages:
            lines.append(f"{_begun(page.name, nothing_yet)} -f -a {_word(each)} -d {_quoted(each.purpose)}")
        for each in page.pages:
            lines += _command(page.name, each, f"__netsuite_is {_word(each)}")
    return "\n".join(lines) + "\n"


def stub() -> str:
    """Return the file that a shell finds by a command's name, where the whole script is beside it."""
    return "source (path dirname (status filename))/netsuite.fish\n"


def _command(name: str, page: Page, condition: str) -> Iterator[str]:
    if not any(kind.files == "*" for kind in page.operands):
        yield f"{_begun(name, condition)} -f{_offers(page.operands)}"
    for option in page.options:
        yield f"{_begun(name, condition)}{_option(option)}"


def _begun(name: str, condition: str) -> str:
    return f"complete -c {name}" + (f" -n {_quoted(condition)}" if condition else "")


def _option(option: Option) -> str:
    short = f" -s {option.short}" if option.short else ""
    return f"{short} -l {option.name}{_value(option.kind)} -d {_quoted(option.text)}"


def _value(kind: Kind | None) -> str:
    if kind is None:
        return ""
    if kind.files == "*":
        return " -r -F"
    return f" -x{_offers([kind])}"


def _offers(kinds: Iterable[Kind]) -> str:
    for kind in kinds:
        if kind.words and kind.many:
            return f" -a '(__fish_complete_list , \"string split \\' \\' \\'{' '.join(kind.words)}\\'\")'"
        if kind.words:
            return f" -a {_quoted(' '.join(kind.words))}"
        if kind.files:
            return f" -a '(__fish_complete_suffix {kind.files.removeprefix('*')})'"
        if kind.folders:
            return " -a '(__fish_complete_directories)'"
        if kind.hosts:
            return " -a '(__fish_print_hostnames)'"
    return ""


def _word(page: Page) -> str:
    return page.name.split()[-1]


def _quoted(text: str) -> str:
    """A word of fish, where only these two mean something between quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
