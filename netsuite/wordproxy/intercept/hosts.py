"""Which hosts may be opened: those listed, but never those of the never-list.

``news.example`` is that host; ``*.news.example`` is every host below it, and not itself.  A line of the
never-list is a host and all below it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

EVERYTHING = "*"

#: Lines of a file of never-hosts, and characters of one.
LINES_MAX, LINE_MAX = 100_000, 300

_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def parse_host(text: str) -> str:
    """A host, ``*.`` and a host, or ``*``, in the form in which hosts are compared.  Raises: ValueError."""
    name = text.strip().lower().rstrip(".")
    if name == EVERYTHING:
        return name
    below = name.startswith("*.")
    host = name[2:] if below else name
    address = address_of(host)
    if address is not None and not below:
        return address
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"{text!r} is no host name") from None
    labels = host.split(".")
    if address is not None or len(host) > 253 or not all(_is_label(label) for label in labels):
        raise ValueError(f"{text!r} is no host; write news.example, or *.news.example for all below it")
    return f"*.{host}" if below else host


def address_of(host: str) -> str | None:
    """The address that ``host`` is, in its one form, without brackets; None for a name."""
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None


def _is_label(label: str) -> bool:
    return 0 < len(label) <= 63 and _LABEL.issuperset(label) and not label.startswith("-")


@cache
def built_in() -> frozenset[str]:
    """The never-list that we come with."""
    return never_of(resources.files(__package__).joinpath("never.txt").read_text("utf-8"), frozenset())


def never_of(text: str, before: frozenset[str]) -> frozenset[str]:
    """``before`` with the hosts of a file's lines, and without those that have a ``!``.

    Raises: ValueError, which names the line.
    """
    hosts = set(before)
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        if number > LINES_MAX or len(line) > LINE_MAX:
            raise ValueError(f"line {number}: too much for a list of hosts")
        try:
            host = parse_host(line.removeprefix("!").removeprefix("*."))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if host == EVERYTHING:
            raise ValueError(f"line {number}: * is everything; leave --intercept out instead")
        if line.startswith("!"):
            hosts.discard(host)
        else:
            hosts.add(host)
    return frozenset(hosts)


@dataclass(frozen=True, slots=True)
class Hosts:
    """What was asked for: ``listed`` as of `parse_host`, ``never`` as of `never_of`."""

    listed: tuple[str, ...] = ()
    never: frozenset[str] = frozenset()

    def __contains__(self, host: str) -> bool:
        """Whether this host, in lower case, without brackets, may be opened."""
        return self.is_listed(host) and not self.is_never(host)

    def is_listed(self, host: str) -> bool:
        """Whether a line fits this host."""
        return any(
            item in (host, EVERYTHING) or (item.startswith("*.") and host.endswith(item[1:]))
            for item in self.listed
        )

    def is_never(self, host: str) -> bool:
        """Whether this host, or one that it is below, is on the never-list."""
        labels = host.split(".")
        return any(".".join(labels[start:]) in self.never for start in range(len(labels)))


def faults(listed: Iterable[str], never: frozenset[str], *, everything: bool) -> list[str]:
    """What is wrong with a list, a sentence each."""
    found = []
    hosts = Hosts(tuple(listed), never)
    for item in hosts.listed:
        if item == EVERYTHING:
            if not everything:
                found.append("* would open every host; if that is meant, add --intercept-everything")
        elif hosts.is_never(item.removeprefix("*.")):
            found.append(f"{item} is on the list of hosts that are never opened")
    return found
