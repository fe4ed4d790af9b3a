"""What the settings of a suite rely on: places to listen, files, certificates, stores, numbers of clients.

Read from the members' own options and settings, so that a setting is known here as the service knows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from netsuite import certificates
from netsuite.certificates import Files
from netsuite.values import Where, split_endpoint

MEMORY = ":memory:"

#: Roles of files and folders; `files` says what each has to be like.
CONFIG, SECRET, STORE, USERS, LOG, STATE = "settings", "secret", "store", "users", "log", "folder"

#: Options that name a file, and its role; a file of these has to be there.
_NAMED = {"htpasswd": USERS, "smtp-password": SECRET}

#: Options that name a file that is made where there is none.
_MADE = {"webhook-secret": SECRET, "token": SECRET, "record": SECRET}


@dataclass(frozen=True, slots=True)
class Listener:
    """A place to listen.  ``kind``: tcp, udp, unix or systemd; ``path``: of a Unix socket."""

    option: str
    kind: str
    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def place(self) -> str:
        """The place as /status.json and people write it."""
        if self.kind == "unix":
            return f"unix:{self.path}"
        return f"{self.kind}:[{self.host}]:{self.port}" if ":" in self.host else self._plain()

    def _plain(self) -> str:
        return f"{self.kind}:{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file or folder that a service keeps or reads.  ``must``: it has to be there before a start."""

    option: str
    path: str
    role: str
    must: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it.  ``clients``: how many each service lets in at once; ``joint``: all together."""

    config: str = ""
    listeners: tuple[Listener, ...] = ()
    files: tuple[Kept, ...] = ()
    shown: tuple[tuple[str, Files], ...] = ()  #: what speaks TLS: (option, files)
    stores: tuple[tuple[str, str], ...] = ()  #: (service, where)
    clients: tuple[tuple[str, int], ...] = ()
    joint: int | None = None
    members: tuple[str, ...] = ()
    admin: Listener | None = None
    admin_shows: str = ""  #: the file of its certificate, where it speaks TLS
    needs: dict[str, str] = field(default_factory=dict)  #: extra -> what needs it


def plan_of(suite: Any, config: str) -> Plan:
    """Return what a suite with these options, read, relies on.  ``config``: its file, or an empty text."""
    settings = suite.settings
    listeners = [told for option, where in settings.places() for told in listeners_of(option, where)]
    kept = [Kept("", config, CONFIG, must=True)] if config else []
    shown: list[tuple[str, Files]] = []
    for option, where in settings.places():
        shown += [told for text in where.descriptions for told in shown_by(option, text)]
    stores, needs = [], {}
    for member in settings.members:
        own = member.options
        kept += _files(member.name, own)
        store = getattr(own.settings, "store", None)
        if store:
            stores.append((member.name, store))
            if "://" in store:
                needs["redis"] = f"{member.name} --store"
        if "udp" in own.flags and own["udp"]:
            listeners += [
                Listener(told.option, "udp", told.host, told.port)
                for told in listeners_of(f"{member.name} --udp", own.where("port"))
            ]
    common = settings.common
    admin = listeners_of("netsuite --admin", common.admin) if common.admin is not None else []
    return Plan(
        config=config,
        listeners=tuple(listeners),
        files=tuple(dict.fromkeys(kept)),
        shown=tuple(dict.fromkeys(shown)),
        stores=tuple(stores),
        clients=tuple((m.name, _common(m.options.settings).max_clients) for m in settings.members),
        joint=common.max_clients,
        members=tuple(member.name for member in settings.members),
        admin=admin[0] if admin else None,
        admin_shows=next((files.certificate for option, files in shown if option == "netsuite --admin"), ""),
        needs=needs,
    )


def _common(settings: Any) -> Any:
    return getattr(settings, "proxy", settings).common


def _files(name: str, own: Any) -> Iterator[Kept]:
    """The files of one service."""
    settings = own.settings
    for table, must in ((_NAMED, True), (_MADE, False)):
        for option, role in table.items():
            if option in own.parameters and own[option]:
                yield Kept(f"{name} --{option}", str(own.path(option)), role, must)
    log = _common(settings).access_log
    if log not in ("-", "off"):
        yield Kept(f"{name} --access-log", log, LOG)
    store = getattr(settings, "store", None)
    if store and store != MEMORY and "://" not in store:
        option = f"{name} --store"
        yield Kept(option, os.path.dirname(store), STATE)
        yield Kept(option, store, STORE)
        for beside in ("-wal", "-shm", ".key", ".token", ".webhook"):
            yield Kept(option, store + beside, SECRET)
        yield Kept(option, f"{store.removesuffix('.db')}.d", SECRET)
    authority = getattr(getattr(settings, "intercept", None), "folder", "")
    if authority:
        yield Kept(f"{name} --ca-dir", os.path.join(authority, "ca.pem"), SECRET)
    spool = getattr(getattr(settings, "feed", None), "spool", "")
    if spool:
        yield Kept(f"{name} --spool", spool, SECRET)
    if getattr(settings, "uploads", None):
        yield Kept(f"{name} --uploads", settings.uploads, STATE)
    for _glob, hop in getattr(getattr(settings, "proxy", settings), "ways", ()):
        secret = getattr(hop, "password_file", None)
        if secret:
            yield Kept(f"{name} --upstream", os.path.expanduser(secret), SECRET, must=True)


def listeners_of(option: str, where: Where) -> list[Listener]:
    """Return the places of a setting, one for each endpoint in it."""
    return [told for text in where.descriptions if (told := _listener(option, text)) is not None]


def _listener(option: str, text: str) -> Listener | None:
    kind, *rest = split_endpoint(text)
    plain, named = _arguments(rest)
    if kind == "unix":
        return Listener(option, "unix", path=os.path.abspath(named.get("address") or plain[0]))
    if kind == "systemd":
        return Listener(option, "systemd", path=text)
    number = named.get("port") or (plain[0] if plain else "")
    if not number.isdecimal():
        return None
    host = named.get("interface") or "0.0.0.0"  # noqa: S104 shown, not bound
    return Listener(option, "tcp", host, int(number))


def shown_by(option: str, text: str) -> list[tuple[str, Files]]:
    """Return the files of what an endpoint shows, if it speaks TLS."""
    try:
        files = certificates.apart(text)[1]
    except ValueError:  # told with the settings
        return []
    return [(option, files)] if files is not None else []


def _arguments(parts: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return an endpoint's arguments: those without a name, and those with one."""
    named = dict(part.split("=", 1) for part in parts if "=" in part)
    return [part for part in parts if "=" not in part], named
