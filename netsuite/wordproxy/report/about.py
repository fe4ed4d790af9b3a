"""What the report knows of the service that it is part of, and what it may ask of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netsuite.wordproxy.report.pac import Rules

if TYPE_CHECKING:
    from netsuite.wordproxy.report.opened import Opened


def _well() -> Mapping[str, object]:
    return {}


def _counts() -> bool:
    return False


def _stays(paused: bool) -> None:
    """Nothing: this service can't be paused from here."""


def _closed() -> Opened | None:
    return None


async def _flushed() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class About:
    """Where things are, as they were really bound.  ``proxy``: ``127.0.0.1:8001``."""

    proxy: str
    report: str
    store: str  #: the path, or ``:memory:``
    #: What ``/healthz`` adds, like ``{"counter": "running"}``; with ``"status": "failing"`` it answers 503.
    health: Callable[[], Mapping[str, object]] = _well
    hosts: Callable[[], Rules] = Rules  #: which hosts are counted, for ``/proxy.pac``
    opened: Callable[[], Opened | None] = _closed  #: what TLS is opened, None for none
    is_paused: Callable[[], bool] = _counts
    pause: Callable[[bool], None] = _stays  #: counting is paused from now on, or goes on
    flush: Callable[[], Awaitable[bool]] = _flushed  #: all that was read is in the store; False: not now
    proxy_scheme: str = "http"  #: ``https``, where the way to it is in TLS
    report_scheme: str = "http"


#: Asked at each request: ports may be known only when they are bound.
Tell = Callable[[], About]
