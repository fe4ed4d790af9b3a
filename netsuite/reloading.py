"""Which settings a reload has changed, and what is said of it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from netsuite import journal


def differing(old: Any, new: Any) -> set[str]:
    """Return the names of the settings that differ, of two of one kind."""
    names = (field.name for field in fields(old))
    return {name for name in names if getattr(old, name) != getattr(new, name)}


def tell_changes(changed: set[str], fixed: frozenset[str]) -> None:
    """Log which settings a reload has changed, and which of them can't change while running."""
    shown = {name: name.replace("_", "-") for name in changed - {"common"}}
    journal.reloaded(
        text=", ".join(sorted(shown[name] for name in shown if name not in fixed)) or "no changes"
    )
    if kept := sorted(shown[name] for name in shown if name in fixed):
        journal.reload_kept(names=", ".join(kept))
