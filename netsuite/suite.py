"""The suite: any mix of the services in one process, from one TOML file, under one life.

Each member is a service of its own, found by its tapname: its table goes through its own Options, and its
service tree is made by its own makeService.  What the suite adds is there once: the signals, the admin
listener with everybody's numbers, and a bound on all connections together.  Members are children by name;
they start in the order of `PORTS`, and stop in the reverse.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from twisted.application import service
from twisted.internet import defer
from twisted.plugin import getPlugins
from twisted.python import usage

from netsuite import journal, options
from netsuite.crowd import Together
from netsuite.health import Reloads
from netsuite.life import Life, steady
from netsuite.listen import Refused, Terminal, authority, clashes
from netsuite.manual.kind import Kind, some_of
from netsuite.metrics import Gauges
from netsuite.options import Common, nearest, print_checked
from netsuite.reloading import tell_changes
from netsuite.site.admin import AdminService
from netsuite.tablefile import read_tables
from netsuite.values import Where

#: The members with their ports, which differ where a service alone would take the same as another.
PORTS: Mapping[str, Mapping[str, str]] = {
    "echo": {"port": "5001"},
    "wordproxy": {"port": "8001", "report": "8000"},
    "httpecho": {"port": "8002"},
    "pages": {"port": "8003"},
    "formsite": {"port": "8004"},
    "colors": {"port": "8005"},
    "proxy": {"port": "8006"},
}

#: Runs only where it is asked for: wordproxy is all of it.
UNASKED = frozenset(("proxy",))


@dataclass(frozen=True, slots=True)
class Member:
    """A service that is to run: its name, what makes it, and its options, read."""

    name: str
    maker: Any
    options: options.Options


@dataclass(frozen=True, slots=True)
class Settings:
    """What the suite is told."""

    common: Common
    members: tuple[Member, ...]
    best_effort: bool
    together: Together

    def places(self) -> Iterator[tuple[str, Where]]:
        """Where the suite listens, by the option that says so."""
        for member in self.members:
            own = member.options
            for option in ("port", "report", "admin"):
                if option in own.parameters and (where := own.where_or_none(option)) is not None:
                    yield f"{member.name} --{option}", where
        if self.common.admin is not None:
            yield "netsuite --admin", self.common.admin


def makers() -> dict[str, Any]:
    """Return what makes each of our services, by its tapname, in the order of `PORTS`."""
    found = {maker.tapname: maker for maker in getPlugins(service.IServiceMaker)}
    return {name: found[name] for name in PORTS if name in found}


class Options(options.Options):
    """The command line of ``twistd netsuite``."""

    table = "netsuite"
    longdesc = (
        "Run any mix of the services in one process, from one file, with one admin port and one bound on "
        "all connections."
    )
    examples = """Examples:
  twistd -n netsuite                                   all services but proxy
  twistd -n netsuite --with echo,wordproxy             these two
  twistd -n netsuite -c netsuite.toml --without echo
      those that have a table in the file, but echo
  twistd netsuite -c netsuite.toml --check
      every setting, and where it comes from

A table in the file is named after its service, its keys are the long options;
enabled = false leaves a service out."""

    optParameters: ClassVar[list[list[Any]]] = [
        ["max-clients", None, "2048", "Connections at once, of all services together."],
        ["admin", None, "8009", "Port or endpoint of /healthz, /metrics and /status.json."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["best-effort", None, "Run the others where one can't start."],
    ]
    optRepeated: ClassVar[list[list[str | None]]] = [
        ["with", None, "Services that run, comma between"],
        ["without", None, "Services that don't"],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "with": some_of("NAMES", *PORTS),
        "without": some_of("NAMES", *PORTS),
    }

    def read(self) -> Settings:
        """Return the settings, each member's among them."""
        common = self.common()
        together = Together(common.max_clients)
        members = tuple(self._member(name, maker, together) for name, maker in self._chosen().items())
        settings = Settings(
            dataclasses.replace(common, joint=together), members, bool(self["best-effort"]), together
        )
        self.faults += clashes(settings.places())
        return settings

    @property
    def _path(self) -> str:
        return os.path.join(self.folder, self["config"]) if self["config"] else ""

    def _chosen(self) -> dict[str, Any]:
        """The services that are to run: those of the file, if it has any, with what is asked for beside."""
        there = makers()
        tables = self._tables(there)
        wanted = self._listed("with", there)
        unwanted = self._listed("without", there)
        if tables:
            chosen = {name for name, is_enabled in tables.items() if is_enabled} | wanted
        else:
            chosen = wanted or set(there) - UNASKED
        if not chosen - unwanted and not self.faults:
            self.faults.append("no service is left to run; name one in --with")
        return {name: maker for name, maker in there.items() if name in chosen - unwanted}

    def _tables(self, there: Mapping[str, Any]) -> dict[str, bool]:
        """The services that have a table in the file, and whether they are enabled there."""
        if not self._path:
            return {}
        try:
            tables = read_tables(self._path)
        except ValueError:
            return {}  # told already
        found: dict[str, bool] = {}
        for name, values in tables.items():
            if name in there:
                found[name] = values.get("enabled", True) is not False
            elif name != self.table:
                self.faults.append(f"{self._path}: [{name}] is no service{nearest(name, there)}")
        return found

    def _listed(self, option: str, there: Mapping[str, Any]) -> set[str]:
        names = {name.strip() for value in self[option] for name in str(value).split(",") if name.strip()}
        for name in sorted(names - set(there)):
            self.fault(option, f"{name[:80]!r} is no service{nearest(name, there)}", name)
        return names & set(there)

    def _member(self, name: str, maker: Any, together: Together) -> Member:
        """A member with its options read; its faults are among ours."""
        own: options.Options = maker.options()
        own.folder, own.parent, own.is_again = self.folder, self.parent, self.is_again
        own.preset(together, {**PORTS[name], **({"allow-root": "1"} if self["allow-root"] else {})})
        try:
            own.parse(["--config", self._path] if self._path else [])
        except usage.UsageError as error:
            self._blame(name, str(error).splitlines())
        return Member(name, maker, own)

    def show(self) -> None:
        """Print each setting of the suite and of its members, with its origin."""
        members = ((member.name, member.options) for member in self.settings.members)
        for name, told in ((self.table, self), *members):
            sys.stdout.write(f"[{name}]\n")
            print_checked(told)

    def _blame(self, name: str, lines: Iterable[str]) -> None:
        """A member's faults are ours; what is wrong with the whole file is told once."""
        for line in lines:
            own = f"{name} {line}" if line.startswith("--") else f"{name}: {line}"
            told = line if self._path and line.startswith(self._path) else own
            if told not in self.faults:
                self.faults.append(told)


class Suite(service.MultiService):
    """The members, under one life."""

    def __init__(self, options: Options, reactor: Any) -> None:
        super().__init__()
        self._options, self._reactor = options, reactor
        self._settings: Settings = options.settings
        self._terminal = Terminal()
        self._down: dict[str, str] = {}  # members that could not start, and why
        self._stopping: defer.Deferred[Any] | None = None
        reloads = Reloads()
        self._life = Life(reactor, self._terminal, on_reload=self._reload, reloads=reloads)
        self._life.setServiceParent(self)
        self._lives: dict[str, list[Life]] = {}
        self._refusals: list[Refused] = []
        for member in self._settings.members:
            self._add(member)
        self._go_on()
        self._life.stand_in([life for lives in self._lives.values() for life in lives])
        common = self._settings.common
        self._admin = AdminService(
            dataclasses.replace(common, joint=None),  # who looks after the suite is let in when it is full
            name="netsuite",
            status=self._status,
            collectors=(Gauges(members_down=("Services that could not start.", lambda: len(self._down))),),
            members=lambda: [admin for child in self._children() for admin in _admins(child)],
            reloads=reloads,
            ended=self._ended,
            terminal=self._terminal,
            reactor=reactor,
        )
        self._admin.setServiceParent(self)

    def _add(self, member: Member) -> None:
        try:
            with journal.serving(member.name):
                child = member.maker.makeService(member.options)
        except Refused as refused:
            self._refuse(member.name, refused)
            return
        child.setName(member.name)
        self._lives[member.name] = [part for part in _parts(child) if isinstance(part, Life)]
        child.setServiceParent(self)

    def _refuse(self, name: str, why: Refused) -> None:
        """A member can't start: the others go on without it, or all are refused once each has been tried."""
        if not self._settings.best_effort:
            self._refusals.append(why)
            return
        self._down[name] = str(why)
        journal.member_down(service=name, text=str(why))

    def _go_on(self) -> None:
        """Raises: Refused, if somebody was."""
        if self._refusals:
            raise Refused("; ".join(map(str, self._refusals)))

    # -- start and stop ------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Bind all.  Raises: Refused, unless the others may run without the one that can't."""
        service.Service.privilegedStartService(self)
        for child in list(self):
            self._begin(child, child.privilegedStartService)
        self._go_on()

    def startService(self) -> None:
        """Everybody runs.  Raises: Refused, as above."""
        service.Service.startService(self)
        for child in list(self):
            self._begin(child, child.startService)
        self._go_on()
        self._show_queries(self._settings)
        names = ", ".join(child.name for child in self._children())
        admin = "".join(f"; admin http://{authority(*address)}/" for address in self._admin.addresses())
        journal.service_ready(service="netsuite", summary=names + admin)

    def _begin(self, child: Any, begin: Any) -> None:
        try:
            with journal.serving(child.name or "netsuite"):
                begin()
        except Refused as refused:
            if child not in self._children():
                raise
            self._refuse(child.name, refused)
            if not self._settings.best_effort:
                return
            stopped = defer.maybeDeferred(child.disownServiceParent)
            if not self.running:  # else that has stopped it
                stopped = defer.maybeDeferred(child.stopService)
            journal.detach(stopped, where="suite.lack")

    def stopService(self) -> defer.Deferred[Any]:
        """Fires when all have ended: members in the reverse of their order, the admin listener after them."""
        service.Service.stopService(self)
        members = [defer.maybeDeferred(child.stopService) for child in reversed(self._children())]
        self._stopping = defer.DeferredList(members, consumeErrors=True)
        others = [child for child in reversed(list(self)) if child not in self._children()]
        return defer.DeferredList(
            [self._stopping, *(defer.maybeDeferred(each.stopService) for each in others)]
        )

    def _ended(self) -> defer.Deferred[None]:
        """Fires when no member runs any more."""
        ended: defer.Deferred[None] = defer.Deferred()
        if self._stopping is None:
            return defer.succeed(None)

        def tell(result: Any) -> Any:
            ended.callback(None)
            return result

        self._stopping.addCallback(tell)
        return ended

    def _children(self) -> list[Any]:
        return [child for child in self if child.name in PORTS]

    # -- reload --------------------------------------------------------------------------------------------

    def _reload(self) -> None:
        """The file as it is now is in force with each member.  Raises: ValueError, with all faults of all."""
        anew: Settings = self._options.again()
        names = {member.name for member in anew.members}
        if names != {member.name for member in self._settings.members}:
            tell_changes({"members"}, frozenset(("members",)))
        ready, faults = [], []
        for name, life in self._running(names):
            try:
                with journal.serving(name):
                    ready.append((name, life, life.prepare()))
            except (OSError, ValueError) as error:
                life.reloads.refused(str(error))
                faults.append(f"{name}: {error}")
        if faults:
            raise ValueError("; ".join(faults))
        common = anew.common
        apply_admin = self._admin.prepare(dataclasses.replace(common, joint=None))
        for name, life, apply in ready:
            with journal.serving(name):
                self._put_in_force(life, apply)
        self._show_queries(anew)
        self._settings.together.most = common.max_clients
        apply_admin()

    def _show_queries(self, told: Settings) -> None:
        """Query strings are in the log if all may be: it is one, and each service says only what it may."""
        journal.show_queries(
            told.common.log_queries or all(member.options["log-queries"] for member in told.members)
        )

    def _put_in_force(self, life: Life, apply: Callable[[], None]) -> None:
        try:
            apply()
        except (OSError, ValueError) as error:  # what could be done a moment ago can't any more
            life.reloads.refused(str(error))
            journal.reload_failed(text=str(error))
        else:
            life.reloads.worked()

    def _running(self, names: Collection[str]) -> Iterator[tuple[str, Life]]:
        """Whose settings are read again: members that run, and are still in the file."""
        for name, lives in self._lives.items():
            if name in names and name not in self._down:
                yield from ((name, life) for life in lives)

    # -- what is told --------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return what /status.json says."""
        return self._admin.status_alone()

    def _status(self) -> dict[str, Any]:
        """How all are: up only if every member is."""
        members = [self._status_of(child) for child in self._children()]
        members += [{"name": name, "state": "down", "reasons": [why]} for name, why in self._down.items()]
        reasons = [f"{each['name']}: {why}" for each in members for why in each.get("reasons", ())]
        return {
            **({"state": "degraded", "reasons": reasons} if reasons else {}),
            "connections": sum(each.get("connections", 0) for each in members),
            "refused": sum(each.get("refused", 0) for each in members),
            "services": members,
        }

    def _status_of(self, child: Any) -> dict[str, Any]:
        told: dict[str, Any] = {"name": child.name}
        for admin in _admins(child):
            told |= admin.status()
        return told


def _parts(child: Any) -> Iterator[Any]:
    """A service and all in it."""
    yield child
    if service.IServiceCollection.providedBy(child):
        for part in list(child):
            yield from _parts(part)


def _admins(child: Any) -> Iterator[AdminService]:
    return (part for part in _parts(child) if isinstance(part, AdminService))


def makeService(options: Options) -> service.IService:
    """Return the suite of ``options``; nothing listens yet."""
    from twisted.internet import reactor

    steady(reactor)
    return Suite(options, reactor)
