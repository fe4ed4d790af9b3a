"""Whether the stores can be opened by this version, by a file's first bytes, or by asking a Redis."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from netsuite.doctor.finding import FAULT, OK, UNKNOWN, WARNING, Finding
from netsuite.doctor.plan import MEMORY
from netsuite.formsite.store import KIND as FORMS
from netsuite.storefault import StoreFault
from netsuite.storefile import Kind
from netsuite.wordproxy.store.file import kind as word_store
from netsuite.wordproxy.store.open import open_store
from netsuite.wordproxy.store.redisurl import parse_place

_KINDS: dict[str, Callable[[], Kind]] = {"wordproxy": word_store, "formsite": lambda: FORMS}


@dataclass(frozen=True, slots=True)
class Store:
    """A store as it was found.  ``fault``: one line, what is wrong; ``schema``: None if it isn't there.

    ``server``: of a Redis, which one, how full and how safe.
    """

    name: str
    where: str
    reads: int = 0
    schema: int | None = None
    fault: str = ""
    unknown: str = ""
    server: str = ""


def look(stores: Iterable[tuple[str, str]]) -> list[Store]:
    """Return each store as it is; nothing is made or changed."""
    return [_redis(name, where) if "://" in where else _file(name, where) for name, where in stores]


def _file(name: str, where: str) -> Store:
    reads = _KINDS[name]().schema if name in _KINDS else 0
    if where == MEMORY or not os.path.lexists(where):
        return Store(name, where, reads)
    try:
        if name not in _KINDS:
            return Store(name, where, unknown="nothing is known of such stores")
        _KINDS[name]().judge(where)
        with open(where, "rb") as file:
            schema = int.from_bytes(file.read(100)[60:64], "big")
    except StoreFault as fault:
        return Store(name, where, reads, fault=str(fault))
    except OSError as error:
        return Store(name, where, unknown=f"can't be read: {error.strerror}")
    return Store(name, where, reads, schema)


def _redis(name: str, where: str) -> Store:
    try:
        shown = parse_place(where).shown
    except StoreFault as fault:
        return Store(name, "", fault=str(fault))
    try:
        store = open_store(where, read_only=True)
        try:
            server = store.status().server
        finally:
            store.close()
    except StoreFault as fault:
        if str(fault).endswith("has no store of that name yet"):
            return Store(name, shown)
        return Store(name, shown, fault=str(fault))
    return Store(name, shown, 1, 1, server=server)


def judge(stores: Iterable[Store]) -> list[Finding]:
    """Return what is to be said of the stores."""
    return [_one(store) for store in stores if store.where != MEMORY]


def _one(store: Store) -> Finding:
    if store.fault:
        what, _, mend = store.fault.partition("; ")
        where = store.where if what.startswith(store.where) else f"{store.name} --store"
        mend = mend or f"mend that, or choose another for {store.name} --store"
        return Finding(FAULT, "store", what.removeprefix(store.where).lstrip(": "), where, mend)
    if store.unknown:
        return Finding(UNKNOWN, "store", store.unknown, store.where)
    if store.schema is None:
        return Finding(OK, "store", "is not there yet; a start makes it", store.where)
    if store.schema < store.reads:
        told = f"is of schema {store.schema}; a start upgrades it to {store.reads}, after a copy"
        return Finding(OK, "store", told, store.where)
    if store.server.endswith("without an append-only file"):
        told = f"{store.server}: a crash of it loses all since its last snapshot"
        return Finding(WARNING, "store", told, store.where, "set appendonly yes and appendfsync always there")
    more = f" ({store.server})" if store.server else ""
    return Finding(OK, "store", f"can be read by this version{more}", store.where)
