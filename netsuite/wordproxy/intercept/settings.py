"""What is to be opened, as the command line says it, and the lookout that is made of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from netsuite import journal
from netsuite.wordproxy.intercept import hosts as lists
from netsuite.wordproxy.intercept.authority import FILE, Authority, Scope, opened, shown
from netsuite.wordproxy.intercept.hosts import Hosts
from netsuite.wordproxy.intercept.interception import Interception
from netsuite.wordproxy.intercept.leaves import Leaves, utc_now


@dataclass(frozen=True, slots=True)
class InterceptSettings:
    """``folder``: where the authority lies; ``scope``: one of `authority.SCOPES`."""

    hosts: Hosts = field(default_factory=Hosts)
    folder: str = ""
    scope: str = "listed"

    @property
    def is_on(self) -> bool:
        """Whether anything is to be opened."""
        return bool(self.hosts.listed)


def never_list(paths: Sequence[str]) -> frozenset[str]:
    """The built-in never-list, with what files add or take away.  Raises: ValueError, OSError."""
    never = lists.built_in()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = file.read(lists.LINES_MAX * 64)
        try:
            never = lists.never_of(text, never)
        except ValueError as error:
            raise ValueError(f"{path}, {error}") from None
    return never


def prepare(told: InterceptSettings) -> Authority | None:
    """The authority is there and fits; None where nothing is to be opened.  Raises: AuthorityFault."""
    if not told.is_on:
        return None
    scope = Scope.of(told.hosts, told.scope)
    authority, is_new = opened(told.folder, scope, utc_now())
    path = os.path.join(told.folder, FILE)
    if is_new:
        journal.interception_renewed(path=path)
    names = ", ".join(shown(scope))
    journal.interception_ready(
        hosts=names if len(names) < 300 else f"{len(told.hosts.listed)} hosts",
        fingerprint=authority.fingerprint,
        path=path,
    )
    return authority


def lookout(
    told: InterceptSettings,
    authority: Authority | None,
    reactor: Any,
    on_pinned: Callable[[str], object] = str,
) -> Interception | None:
    """What opens tunnels, by the authority that `prepare` gives; None where there is nothing to open."""
    if authority is None:
        return None
    return Interception(told.hosts, Leaves(authority, reactor), reactor, on_pinned=on_pinned)
