"""The list of cases: each a function that plays one scene, with its section and how strongly that asks.

A case is written in one of the modules by subject::

    @must("RFC 9112 §3.2.2")
    def target_without_a_path(scene: Scene) -> None:
        \"""An empty path is sent as "/".\"""
        seen = scene.forwarded(ask(start=b"GET http://ORIGIN HTTP/1.1"))
        same(seen.target, b"/", "target at the origin")

Its name is the case's, its docstring the one sentence of the tables.  Where the RFC leaves a choice, the case
takes every choice that it leaves and nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from tests.real.wire.scene import Scene

#: What an RFC says MUST or MUST NOT; SHOULD, SHOULD NOT or RECOMMENDED; and what it leaves open or merely
#: describes, while clients and origins count on it.
MUST, SHOULD, USEFUL = "MUST", "SHOULD", "useful"

SUBJECTS = (
    "target",
    "fields",
    "framing_requests",
    "framing_answers",
    "connections",
    "forwarding",
    "semantics",
    "interim",
    "tunnels",
    "login",
)

Play = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One case.  ``subject``: the module it stands in.  ``login``: the proxy is to ask for a log-in."""

    name: str
    section: str
    level: str
    sentence: str
    subject: str
    play: Play
    login: bool = False


_CASES: dict[str, Case] = {}


def _marked(level: str, section: str, login: bool) -> Callable[[Play], Play]:
    def keep(play: Play) -> Play:
        name, subject = play.__name__, play.__module__.rpartition(".")[2]
        if name in _CASES:
            raise ValueError(f"two cases named {name}")
        _CASES[name] = Case(name, section, level, (play.__doc__ or "").strip(), subject, play, login)
        return play

    return keep


def must(section: str, *, login: bool = False) -> Callable[[Play], Play]:
    """The function is a case of what the section says a proxy MUST do, or MUST NOT."""
    return _marked(MUST, section, login)


def should(section: str, *, login: bool = False) -> Callable[[Play], Play]:
    """The function is a case of what the section says a proxy SHOULD do, or SHOULD NOT."""
    return _marked(SHOULD, section, login)


def useful(section: str, *, login: bool = False) -> Callable[[Play], Play]:
    """The function is a case of what no RFC demands, and which users miss."""
    return _marked(USEFUL, section, login)


def every_case() -> list[Case]:
    """All cases, in the order of their subjects and of the modules' text."""
    for subject in SUBJECTS:
        importlib.import_module(f"tests.real.wire.{subject}")
    return sorted(_CASES.values(), key=lambda case: SUBJECTS.index(case.subject))
