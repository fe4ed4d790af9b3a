"""Completion for bash, without need of bash-completion: one function for all commands, and what each takes.

Bash gives no place for a description, so options are offered by name alone, in both spellings.  A value
behind ``=`` comes as words of its own (``COMP_WORDBREAKS``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netsuite.manual.kind import Kind
from netsuite.manual.page import Option, Page

#: What finds the page of a command line, and offers what fits; it runs in bash 3.2, too.
ENGINE = r"""
_netsuite() {
    local IFS=$' \t\n' LC_ALL=C
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local page=${COMP_WORDS[0]##*/} options= valued= words= kind= operand= word index skip=
    COMPREPLY=()
    _netsuite_page
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $skip ]]; then
            skip=
        elif [[ $word == -- ]]; then
            _netsuite_offer 'files *'
            return
        elif [[ " $valued " == *" $word "* && ${COMP_WORDS[index + 1]} != = ]]; then
            skip=1
        elif [[ " $words " == *" $word "* ]]; then
            case $page in
                netsuite) page=$word ;;
                *) page=$page-$word ;;
            esac
            words=
            _netsuite_page
        fi
    done
    if [[ $current == = ]]; then
        current= kind=$before
    elif [[ $before == = ]]; then
        kind=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $skip ]]; then
        kind=$before
    fi
    if [[ $kind ]]; then
        _netsuite_value "$kind"
        _netsuite_offer "$kind"
    elif [[ $current == -* ]]; then
        _netsuite_offer "words $options"
    elif [[ $words ]]; then
        _netsuite_offer "words $words"
    else
        _netsuite_offer "$operand"
    fi
}

# Offer what fits the word at hand: `words a b`, a `list a b` of them, `files GLOB`, `folders`, `hosts`.
_netsuite_offer() {
    local found
    case $1 in
        words*) found=$(compgen -W "${1#words}" -- "$current") ;;
        list*)
            case $current in *,*) before=${current%,*}, ;; *) before= ;; esac
            found=$(compgen -W "${1#list}" -P "$before" -- "${current##*,}")
            compopt -o nospace 2>/dev/null
            ;;
        files*) found=$(compgen -f -X "!${1#files }" -- "$current"; compgen -d -- "$current") ;;
        folders) found=$(compgen -d -- "$current") ;;
        hosts) found=$(compgen -A hostname -- "$current") ;;
    esac
    case $1 in
        files* | folders) compopt -o filenames 2>/dev/null ;;
    esac
    IFS=$'\n'
    set -f
    COMPREPLY=($(sort -u <<<"$found"))
    set +f
}
"""


def script(pages: Sequence[Page]) -> str:
    """Return the whole script; ``pages``: of the commands by name, with those of their own commands."""
    each = list(_all(pages))
    parts = [
        "# Completion of netsuite's commands for bash; made by `make manual`.",
        ENGINE.strip("\n"),
        "# What the page's command takes: all options, those with a value, further commands, operands.\n"
        + "\n".join(_pages(each)),
        "# What the value of an option is.\n" + "\n".join(_values(each)),
        f"complete -F _netsuite {' '.join(page.name for page in pages)}",
    ]
    return "\n\n".join(parts) + "\n"


def stub() -> str:
    """Return the file that a shell finds by a command's name, where the whole script is beside it."""
    return '. "${BASH_SOURCE[0]%/*}/netsuite"\n'


def _all(pages: Iterable[Page]) -> Iterator[Page]:
    seen = set()
    for page in pages:
        for each in (page, *page.pages):
            if each.file not in seen:
                seen.add(each.file)
                yield each


def _pages(pages: Iterable[Page]) -> Iterator[str]:
    yield "_netsuite_page() {\n    case $page in"
    for page in pages:
        yield f"        {_label(page)})"
        yield f"            options='{' '.join(_spellings(page.options))}'"
        yield f"            valued='{' '.join(_spellings(o for o in page.options if o.kind))}'"
        if page.pages:
            yield f"            words='{' '.join(each.name.split()[-1] for each in page.pages)}'"
        yield f"            operand='{_offer(page.operands)}'"
        yield "            ;;"
    yield "    esac\n}"


def _values(pages: Iterable[Page]) -> Iterator[str]:
    yield "_netsuite_value() {\n    kind=\n    case $page/$1 in"
    found: dict[str, list[str]] = {}
    for page in pages:
        for option in page.options:
            if option.kind and (offered := _offer([option.kind])):
                found.setdefault(offered, []).extend(f"{_label(page)}/{word}" for word in option.spellings)
    for offered, places in found.items():
        yield "        " + " | \\\n            ".join(places) + f") kind='{offered}' ;;"
    yield "    esac\n}"


def _label(page: Page) -> str:
    """A page's name in the script: the suite's own commands are called by their words alone."""
    return page.file.removeprefix("netsuite-")


def _spellings(options: Iterable[Option]) -> Iterator[str]:
    return (spelling for option in options for spelling in option.spellings)


def _offer(kinds: Iterable[Kind]) -> str:
    """What is offered in the place of such values, in the engine's words; "" is nothing."""
    for kind in kinds:
        if kind.words:
            return f"{'list' if kind.many else 'words'} {' '.join(kind.words)}"
        if kind.files:
            return f"files {kind.files}"
        if kind.folders:
            return "folders"
        if kind.hosts:
            return "hosts"
    return ""
