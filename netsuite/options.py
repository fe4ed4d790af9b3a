"""Settings of a service: read from command line, environment, TOML and defaults, in that order.

A setting is declared once, in a service's ``Options`` (Twisted's ``optParameters`` and ``optFlags``, and
our ``optRepeated`` for what may be given several times).  The same declaration serves ``--config FILE``
(the table named after the service), ``NETSUITE_<SERVICE>_<OPTION>`` and ``--check``.  All faults are
collected and told together, a line each; nothing here opens a listener or a store.
"""

from __future__ import annotations

import difflib
import os
import platform
import re
import select
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, ClassVar, NoReturn, Protocol, TypeVar

from twisted.python import usage

import twisted
from netsuite import activation, certificates, credentials, journal, launch
from netsuite.aside import NEVER, Rotation
from netsuite.manual.helptext import help_text
from netsuite.manual.kind import BYTES, FILE, NAME, NETWORK, NUMBER, PORT, SECONDS, TOML, Kind
from netsuite.manual.page import page_of
from netsuite.tablefile import Table
from netsuite.values import Network, Where, parse_network, parse_seconds, parse_size, parse_where

T = TypeVar("T")

#: Longest value of one option.
VALUE_MAX = 4096


class Joint(Protocol):
    """The bound on all connections of a process in which several services run."""

    def enter(self, crowd: Any) -> None:
        """The crowd's connections are among them."""

    def has_room(self) -> bool:
        """Whether one more may come, if need be in the place of one that is idle."""


@dataclass(frozen=True, slots=True)
class Common:
    """What every service is told alike: bounds (rule R2), who may connect (R1), logs (R3), admin."""

    max_clients: int
    per_client: int
    per_client_loopback: int | None
    idle_seconds: float
    access_log: str
    log_json: bool
    log_queries: bool
    admin: Where | None
    allow_clients: tuple[Network, ...]
    hosts: tuple[str, ...]
    joint: Joint | None = None
    log_rotation: Rotation = NEVER
    service: str = ""


def _repeated(name: str, doc: str) -> Callable[[Any, str], None]:
    def take(self: Options, value: str) -> None:
        self.append(name, value)

    take.__doc__ = doc + " (repeat)"
    return take


class Options(usage.Options):
    """What every service's options share: the common bounds, the layers, typed reading, all faults at once.

    A service sets ``table`` and overrides ``read``, which turns the options into its frozen ``Settings``.
    """

    table: ClassVar[str] = ""
    longdesc: ClassVar[str] = ""
    exits: ClassVar[str] = "0 stopped, 1 refused at start."
    examples: ClassVar[str] = ""
    heading: ClassVar[str] = "Options of every service"
    compData: ClassVar[usage.Completions]
    REMEDY: ClassVar[str] = "--allow-client NETWORK or --allow-public"

    optParameters: ClassVar[list[list[Any]]] = [
        ["config", "c", None, "TOML file; the table named after the service is read."],
        ["max-clients", None, "256", "Connections at once."],
        [
            "per-client",
            None,
            "64",
            "Connections at once from one address; loopback has no such limit unless set.",
        ],
        ["idle", None, "60", "Seconds without a byte after which a connection ends."],
        ["access-log", None, "-", "File for a line a request; - is the twistd log, off is none."],
        ["log-size", None, "100MiB", "Size at which a log file is put aside; 0: never."],
        ["log-age", None, "0", "Age at which a log file is put aside, such as 24h: at midnight; 0: never."],
        ["log-keep", None, "10", "Log files put aside that are kept."],
        ["admin", None, None, "Port or endpoint of /healthz, /metrics and /status.json."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["log-json", None, "Write the log as JSON, an object a line."],
        ["log-queries", None, "Keep query strings in the log."],
        ["allow-public", None, "Serve other machines without further checks."],
        ["allow-root", None, "Let root serve other machines, or a port below 1024."],
        ["ipv6", None, "Bind ::1 beside 127.0.0.1."],
        ["check", None, "Print each setting with its origin and exit."],
    ]
    optRepeated: ClassVar[list[list[str | None]]] = [
        ["allow-client", None, "Network whose clients may connect"],
        ["host", None, "Further name under which our web pages answer"],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "config": TOML,
        "max-clients": NUMBER,
        "per-client": NUMBER,
        "idle": SECONDS,
        "access-log": FILE,
        "admin": PORT,
        "log-size": BYTES,
        "log-age": SECONDS,
        "log-keep": NUMBER,
        "allow-client": NETWORK,
        "host": NAME,
    }

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._make_repeated()

    @classmethod
    def _make_repeated(cls) -> None:
        for name, short, doc in cls.__dict__.get("optRepeated", ()):
            take = _repeated(str(name), str(doc))
            setattr(cls, "opt_" + str(name).replace("-", "_"), take)
            if short:
                setattr(cls, f"opt_{short}", take)
        cls.compData = usage.Completions(
            optActions={name: kind.completer() for name, kind in cls.__dict__.get("kinds", {}).items()},
            multiUse=[str(row[0]) for row in cls.__dict__.get("optRepeated", ())],
        )

    def __init__(self) -> None:
        self.origins: dict[str, str] = {}
        self.layer = "default"
        self.faults: list[str] = []
        self.settings: Any = None
        self.arguments: tuple[str, ...] = ()
        self.folder = os.getcwd()
        self.is_again = False
        self.joint: Joint | None = None
        self.defaults: dict[str, str] = {}
        self._table: Table | None = None
        super().__init__()
        self.repeated = [str(r[0]) for cls in type(self).__mro__ for r in cls.__dict__.get("optRepeated", ())]
        self.flags = [str(f[0]) for cls in type(self).__mro__ for f in cls.__dict__.get("optFlags", ())]
        self.parameters = [
            str(p[0]) for cls in type(self).__mro__ for p in cls.__dict__.get("optParameters", ())
        ]
        self.update(dict.fromkeys(self.repeated, ()))
        self.layer = "command line"

    def __setitem__(self, name: str, value: Any) -> None:
        self.origins[name] = self.layer
        super().__setitem__(name, value)

    def append(self, name: str, value: str) -> None:
        """Add one more value to a repeated option; a stronger layer's values replace a weaker one's."""
        had = self[name] if self.origins.get(name) == self.layer else ()
        self[name] = (*had, value)

    # -- layers --------------------------------------------------------------------------------------------

    def parseOptions(self, options: Any = None) -> None:
        """Read all layers into ``settings``, or print a line for each fault and exit with 1."""
        try:
            self.parse(options)
        except usage.UsageError as error:
            refuse(str(error).splitlines())

    def parse(self, options: Any = None) -> None:
        """Read all layers into ``settings``.  Raises: usage.UsageError with a line for each fault."""
        self.arguments = tuple(options or ())
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise usage.UsageError(self._helped(str(error))) from None

    def _helped(self, text: str) -> str:
        """A complaint of the command line itself, with what was perhaps meant, and where all is listed."""
        if not text.startswith(("option -", "Wrong number")):
            return text
        word = text.split()[1].lstrip("-")
        if text.endswith("not recognized"):
            names = [*self.parameters, *self.flags, *self.repeated]
            text = (
                f"--{word} is no option{nearest(word, names)}" if len(word) > 1 else f"-{word} is no option"
            )
        elif text.startswith("Wrong number"):
            text = "only options are taken"
        return f"{text}; try twistd {self.table} --help"

    def preset(self, joint: Joint | None, defaults: Mapping[str, str]) -> None:
        """What holds for a member of a suite: a bound that it shares, and defaults of its own."""
        self.joint, self.defaults = joint, dict(defaults)
        for name, value in defaults.items():
            super().__setitem__(name, value)

    def again(self) -> Any:
        """Return settings read again from the same layers.  Raises: ValueError, with all faults."""
        anew = type(self)()
        anew.folder, anew.is_again = self.folder, True
        anew.preset(self.joint, self.defaults)
        try:
            anew.parse(list(self.arguments))
        except usage.UsageError as error:
            raise ValueError("; ".join(str(error).splitlines())) from None
        return anew.settings

    def postOptions(self) -> None:
        """Fill in what the command line left open, then read everything."""
        self._fill_from_environment()
        self._fill_from_file()
        of_twistd = []
        if self.parent is not None and self.joint is None:
            of_twistd = launch.faults(self.parent, is_json=bool(self["log-json"]))
        self.settings = self.read()
        if not self["check"]:
            self.faults += of_twistd
            self._add_faults_of_root()
        if self.faults:
            raise usage.UsageError("\n".join(self.faults))
        if self["check"]:
            self.show()
            raise SystemExit(0)
        if hasattr(select, "epoll"):
            from netsuite.reactor import prefer

            prefer()
        if self.parent is not None:
            if self.joint is None:
                journal.serve(self.table)
            is_json = bool(self["log-json"])
            launch.begin(self.parent, is_json=is_json, rotation=self._rotation())

    def _add_faults_of_root(self) -> None:
        """Note where root would serve what it should not, if this is a start or a reload."""
        if (self.parent is not None or launch.has_begun()) and not self["allow-root"]:
            for option, text in launch.root_faults(self.settings):
                self.fault(option, text)

    def show(self) -> None:
        """Print each setting with its origin."""
        print_checked(self)

    def _fill_from_environment(self) -> None:
        prefix = f"NETSUITE_{self.table.upper()}_"
        for variable, value in sorted(os.environ.items()):
            if variable.startswith(prefix):
                self.layer = f"environment {variable}"
                name = variable.removeprefix(prefix).lower().replace("_", "-")
                self.fill(name, value.split() if name in self.repeated else value, variable)

    def _fill_from_file(self) -> None:
        path = self["config"]
        if not path:
            return
        self.layer = f"file {path}"
        try:
            self._table = Table(os.path.join(self.folder, path), self.table)
        except ValueError as error:
            self.faults.append(str(error))
            return
        for name, value in self._table.values.items():
            line = self._table.line(name)
            place = f"{path}, line {line}" if line else path
            self.fill(name, value, f"{place}: [{self.table}] {name}")

    def fill(self, name: str, value: object, place: str) -> None:
        """Set what no stronger layer has set.  ``place``: where it stands, for a complaint."""
        if name == "enabled" and self.layer.startswith("file"):
            return  # the suite's switch, not a setting of the service
        if name in ("config", "check") or name not in {*self.repeated, *self.flags, *self.parameters}:
            self.faults.append(f"{place}: no such setting{nearest(name, self._names())}")
        elif name in self.origins:
            return  # a stronger layer has spoken
        elif name in self.repeated:
            self[name] = tuple(map(str, value if isinstance(value, list) else [value]))
        elif name in self.flags:
            self[name] = int(str(value).lower() in ("1", "true", "yes", "on"))
        else:
            self[name] = str(value)

    def _names(self) -> list[str]:
        return [*self.parameters, *self.flags, *self.repeated]

    # -- typed reading: a fault is noted and a harmless value returned, so that all faults are found -------

    def read(self) -> Any:
        """Return the service's settings; a service with settings of its own overrides this."""
        return self.common()

    def common(self) -> Common:
        """Return the settings that all services share."""
        per_client, admin = self.number("per-client", 1, 1_000_000), self.where_or_none("admin")
        if admin is not None:
            self.restrict("admin", admin)
        return Common(
            max_clients=self.number("max-clients", 1, 1_000_000),
            per_client=per_client,
            per_client_loopback=per_client if "per-client" in self.origins else None,
            idle_seconds=self.seconds("idle"),
            access_log=self.log_path("access-log"),
            log_json=bool(self["log-json"]),
            log_queries=bool(self["log-queries"]),
            admin=admin,
            allow_clients=self.networks("allow-client"),
            hosts=tuple(self["host"]),
            joint=self.joint,
            log_rotation=self._rotation(),
            service=self.table,
        )

    def _rotation(self) -> Rotation:
        return Rotation(self.size("log-size"), self.seconds("log-age"), self.number("log-keep", 1, 100_000))

    def log_path(self, name: str) -> str:
        """Return ``-``, ``off`` or an absolute path."""
        return str(self[name]) if self[name] in ("-", "off") else str(self.path(name))

    def restrict(self, name: str, where: Where, htpasswd: str | None = None) -> None:
        """Note a fault where other machines reach a listener and nothing says which may (rule R1)."""
        if where.public and not (htpasswd or self["allow-client"] or self["allow-public"]):
            self.fault(name, f"{where.text} is reached from other machines; add {self.REMEDY}")

    def fault(self, name: str, text: str, value: str = "") -> None:
        """Note what is wrong with a setting, and where it came from; ``value``: which of several."""
        origin = self.origins.get(name, "default")
        if self._table is not None and origin.startswith("file "):
            line = self._table.line(name, value)
            origin += f", line {line}" if line else ""
        told = f"--{name} ({origin}): {text}"
        if told not in self.faults:  # two parts of a service may read one setting
            self.faults.append(told)

    def take(self, name: str, parse: Callable[[str], T], instead: T) -> T:
        """Return a setting's parsed value, or note its fault and return ``instead``."""
        return self._parsed(name, str(self[name]), parse, instead)

    def take_all(self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        """Return every value of a repeated setting, parsed; faulty ones are noted and left out."""
        parsed = (self._parsed(name, value, parse, None) for value in self[name])
        return tuple(value for value in parsed if value is not None)

    def _parsed(self, name: str, text: str, parse: Callable[[str], T], instead: T) -> T:
        try:
            if len(text) > VALUE_MAX:
                raise ValueError(f"is longer than {VALUE_MAX} characters")
            return parse(text)
        except ValueError as error:
            self.fault(name, f"{_shown(text)[:80]!r} {error}", text)
            return instead

    def number(self, name: str, low: int = 0, high: int = 1 << 31) -> int:
        """Return a whole number within its bounds."""

        def parse(text: str) -> int:
            if not text.isdecimal() or not low <= int(text) <= high:
                raise ValueError(f"is no whole number from {low} to {high}")
            return int(text)

        return self.take(name, parse, low)

    def size(self, name: str) -> int:
        """Return bytes."""
        return self.take(name, parse_size, 0)

    def seconds(self, name: str) -> float:
        """Return seconds."""
        return self.take(name, parse_seconds, 0.0)

    def where(self, name: str) -> Where:
        """Return where to listen; its key and certificate are sound."""
        return self.take(name, lambda text: self._placed(name, text), Where("", (), False))

    def _placed(self, name: str, text: str) -> Where:
        where = parse_where(text, bool(self["ipv6"]))
        found = (certificates.rooted(each, partial(self.path_of, name)) for each in where.descriptions)
        descriptions = tuple(one for each in found for one in activation.each_of(each))
        for description in descriptions:
            files = certificates.apart(description)[1]
            if files is not None:
                try:
                    certificates.read(files)
                except certificates.Unreadable as error:
                    if not self.is_again:  # what was read as root may be closed to who we are now
                        self.fault(name, str(error))
                        break
                except certificates.BadCertificate as error:
                    self.fault(name, str(error))
                    break
        return Where(where.text, descriptions, where.public and activation.may_be_public(descriptions))

    def where_or_none(self, name: str) -> Where | None:
        """Return where to listen, None if the setting was not given."""
        return self.where(name) if self[name] is not None else None

    def networks(self, name: str) -> tuple[Network, ...]:
        """Return a repeated setting's networks."""
        return self.take_all(name, parse_network)

    def path(self, name: str) -> str | None:
        """Return the absolute path that a setting is, None if it was not given."""
        return None if self[name] is None else self.path_of(name, str(self[name]))

    def file(self, name: str, read: Callable[[str], object]) -> str | None:
        """Return the path of a setting as `path` does; note what ``read`` finds wrong with the file.

        ``read`` may raise OSError, and ValueError whose text names file and line.
        """
        path = self.path(name)
        if path is not None:
            try:
                read(path)
            except OSError as error:
                self.fault(name, f"{path}: {error.strerror}")
            except ValueError as error:
                self.fault(name, str(error))
        return path

    def path_of(self, name: str, text: str) -> str:
        """Return an absolute path: a relative one starts at the TOML file's folder, or where we started.

        ``$CREDENTIALS_DIRECTORY/NAME`` is a file that the service manager hands over.
        """
        try:
            text = credentials.expanded(text, os.environ)
        except ValueError as error:
            self.fault(name, f"{text[:80]} {error}", text)
        origin = self.origins.get(name, "")
        folder = os.path.dirname(self["config"]) if origin.startswith("file ") else ""
        return os.path.abspath(os.path.join(self.folder, folder, os.path.expanduser(text)))

    # -- what twistd asks for ------------------------------------------------------------------------------

    def getUsage(self, width: int | None = None) -> str:
        """Return what the service is for, its options, and examples."""
        return help_text(page_of(self, self.table, ""), width)

    def opt_version(self) -> NoReturn:
        """Print the versions and exit."""
        sys.stdout.write(version_line() + "\n")
        raise SystemExit(0)


Options._make_repeated()


def version_line() -> str:
    """Return ``netsuite X (Twisted Y, Python Z)``."""
    return (
        f"netsuite {version('netsuite')} (Twisted {twisted.__version__}, Python {platform.python_version()})"
    )


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a hint naming the known setting that looks most like ``name``, or nothing."""
    found = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _shown(text: str) -> str:
    """Return a setting's text without the user and password of a URL in it."""
    return re.sub(r"//[^/\s@]*@", "//…@", text)


def print_checked(options: Options) -> None:
    """Print each setting of ``options`` with its value and where it came from."""
    for name in sorted({*options.parameters, *options.flags, *options.repeated} - {"check"}):
        value = options[name]
        shown = " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
        shown = _shown(shown)
        sys.stdout.write(f"{name} = {shown}  ({options.origins.get(name, 'default')})\n")


def refuse(faults: Iterable[str]) -> NoReturn:
    """Say on standard error why nothing is started, a line a fault, and exit with 1."""
    for line in faults:
        sys.stderr.write(f"netsuite: {line}\n")
    raise SystemExit(1)
