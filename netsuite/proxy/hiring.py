"""How the first process of several starts the others: their command, and what they are told."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netsuite.options import Common
from netsuite.proxy.settings import Settings
from netsuite.proxy.talk import Message
from netsuite.proxy.workers import Given, Worker, Workers
from netsuite.twistdlog import OBSERVER

if TYPE_CHECKING:
    from netsuite.proxy.service import ProxyService


def _nothing() -> Message:
    return {}


def hire(
    count: int,
    reactor: Any,
    *,
    proxy: Callable[[], ProxyService],
    told: Callable[[], Settings],
    log: str,
    module: str = "netsuite.proxy.worker",
    more: Callable[[], Message] = _nothing,
    on_message: Callable[[Worker, Message], object] = lambda worker, message: None,
    ending_seconds: float = 0.0,
) -> Workers:
    """Return so many workers of a proxy, none started yet.

    ``told``: the settings in force; ``log``: see `log_of`; ``module``: what a worker runs.  ``more``: what it
    is told besides, at its start and at a reload; ``ending_seconds``: that it needs after its last client.
    """

    def given() -> Given:
        listening = proxy().listening
        return Given(tuple(listening.bound), listening.sockets(), tuple(proxy().own_addresses()))

    def greeting() -> Message:
        via, tried = proxy().relay.via, proxy().tried()
        settings = told()
        # A bound on all connections of a suite's process is no other process's.
        alone = replace(settings, common=replace(settings.common, joint=None))
        return {"settings": pickle.dumps(alone).hex(), "key": via.key.hex(), "tried": tried, **more()}

    command = [sys.executable, "-P", "-m", module, type(reactor).__module__]
    return Workers(
        reactor,
        count,
        command=lambda number: [*command, str(number), log],
        given=given,
        greeting=greeting,
        on_try=lambda client, ok: proxy().note_try(client, ok),
        drain_seconds=lambda: proxy().drain_seconds + ending_seconds,
        on_message=on_message,
    )


def log_of(twistd: Mapping[str, Any] | None, common: Common) -> str:
    """Return where workers log: ``text`` or ``json`` to standard output, if twistd does so, or ``talk``."""
    if twistd is None or not twistd.get("nodaemon") or twistd.get("syslog"):
        return "talk"
    is_stdout = twistd.get("logfile") in (None, "-") and twistd.get("logger") in (None, OBSERVER)
    return ("json" if common.log_json else "text") if is_stdout else "talk"
