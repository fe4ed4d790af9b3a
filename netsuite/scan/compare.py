"""What was found against what should be: a list of ports, or what was found last time.

A port that should be closed and is filtered can't be judged: silence is no proof.  It is *unclear*, unless it
was filtered last time too, or the user says that filtered is closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netsuite.scan.state import Result


@dataclass(frozen=True, slots=True)
class Difference:
    """How an address differs.  ``changed``: open ports that say something else now."""

    unexpected: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    unclear: tuple[int, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether something is surely not as it should be."""
        return bool(self.unexpected or self.missing or self.changed)

    def __str__(self) -> str:
        """Return it as people read it: ``+8080 -22 ~80``."""
        marks = [f"+{port}" for port in self.unexpected]
        marks += [f"-{port}" for port in self.missing]
        marks += [f"~{port}" for port in self.changed]
        marks += [f"?{port}" for port in self.unclear]
        return " ".join(marks)


@dataclass(frozen=True, slots=True)
class Known:
    """What an address should be like: open ports, filtered ones, and what open ones said last time."""

    open: frozenset[int]
    filtered: frozenset[int] = frozenset()
    banners: tuple[tuple[int, str], ...] = ()


def difference(found: Result, known: Known, *, filtered_is_closed: bool = False) -> Difference:
    """Return how what was found differs from what should be.  Ports that were not scanned are left alone."""
    asked, opened = set(found.ports), set(found.open)
    unsure = {*found.errors, *found.unknown}
    said = dict(known.banners)
    changed = (port for port in opened & known.open if _changed(said.get(port), found.banners.get(port)))
    unclear: Iterable[int] = ()
    if not filtered_is_closed:
        unclear = set(found.filtered) - known.open - known.filtered
    return Difference(
        unexpected=tuple(sorted(opened - known.open)),
        missing=tuple(sorted((known.open & asked) - opened - unsure)),
        changed=tuple(sorted(changed)),
        unclear=tuple(sorted(unclear)),
    )


def _changed(before: str | None, now: str | None) -> bool:
    return before is not None and now is not None and before != now
