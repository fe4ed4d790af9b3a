"""What the report knows of the service that it is part of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def _well() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class About:
    """Where things are, as they were really bound.  ``proxy``: ``127.0.0.1:8001``."""

    proxy: str
    report: str
    store: str  #: the path, or ``:memory:``
    #: What ``/healthz`` adds, like ``{"counter": "running"}``; with ``"status": "failing"`` it answers 503.
    health: Callable[[], Mapping[str, object]] = _well


#: Asked at each request: ports may be known only when they are bound.
Tell = Callable[[], About]
