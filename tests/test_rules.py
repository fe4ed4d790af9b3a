"""The rules of the suite, asked of every service and tool that there is: a new one is asked, too.

What needs a process is in ``tests/real/test_rules.py``.  FEATURES §2 has the rules, R1 to R11.
"""

from __future__ import annotations

import configparser
import dataclasses
import errno
import functools
import importlib.metadata
import io
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from twisted.application.service import IServiceMaker
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from netsuite.listen import DEFAULT_PORTS, Listening, Terminal
from netsuite.options import Common
from netsuite.scripts.netsuite import COMMANDS, TOOLS
from netsuite.values import Where, parse_size, parse_where

ROOT = Path(__file__).resolve().parent.parent

#: Options that every service has, with the defaults of §2; what a service has instead, with its section.
COMMON = {
    "config": None,
    "max-clients": "256",
    "per-client": "64",
    "idle": "60",
    "access-log": "-",
    "log-json": 0,
    "log-queries": 0,
    "admin": None,
    "allow-client": (),
    "allow-public": 0,
    "ipv6": 0,
    "check": 0,
}
OWN = {
    ("proxy", "max-clients"): "1024",
    ("wordproxy", "max-clients"): "1024",
    ("echo", "idle"): "300",  # §6
    ("netsuite", "max-clients"): "2048",  # of all together
    ("netsuite", "admin"): "8009",  # §5
}

#: What services' short options mean everywhere (DESIGN §6).
SHORT = {"p": "port", "c": "config", "A": "htpasswd", "T": "tag"}

#: What is a bound by its name, and the few that are none by default, as §3 and §4 have it.
BOUND = re.compile(
    r"(max-(?!delay).+|per-client|idle|.+-time(out)?|total|ring.*|waiting-.+|page-seconds|counter-memory|spool)$"
)
NO_BOUND = {
    ("proxy", "max-body"),
    ("proxy", "total"),
    ("wordproxy", "max-body"),
    ("wordproxy", "total"),
}

#: Short options of tools, and what they mean in all that have them (R10).
TOOLS_SHORT = {
    "t": "timeout",
    "j": "json",
    "q": "quiet",
    "v": "verbose",
    "o": "output",
    "H": "header",
    "u": "user",
    "4": "ipv4",
    "6": "ipv6",
}

#: Tools that connect to what they are told, and so have the options of TLS (R8).
CONNECTING = {
    "connection",
    "connectiontest",
    "dataforward",
    "updatecheck",
    "validate",
    "webcat",
    "webdownload",
}

#: Those of them that speak TLS only where it is asked for; the others are told by the URL's scheme.
BY_OPTION = {"connection", "connectiontest", "dataforward"}


@functools.cache
def services() -> dict[str, type[Any]]:
    """The options of each service, by its name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        makers = [
            maker
            for maker in getPlugins(IServiceMaker)
            if str(getattr(maker, "module", "")).startswith("netsuite.")
        ]
    return {maker.tapname: namedAny(maker.module).Options for maker in makers}


@functools.cache
def tools() -> dict[str, Any]:
    """The module of each tool and of each of the suite's own commands, by its name."""
    entries = importlib.metadata.distribution("netsuite").entry_points
    scripts = [entry.value.partition(":")[0] for entry in entries if entry.group == "console_scripts"]
    own = [f"netsuite.scripts.{name.replace('-', '_')}" for name in COMMANDS]
    modules = [namedAny(name) for name in dict.fromkeys([*scripts, *own])]
    return {module.Options.tool: module for module in modules if hasattr(module, "Options")}


def parameters(options: Any) -> dict[str, list[Any]]:
    """The options with a value of a service, by name: name, short name, default, text."""
    classes = reversed(type(options).__mro__)
    return {each[0]: each for cls in classes for each in cls.__dict__.get("optParameters", ())}


def listeners(options: Any) -> list[str]:
    """The options that say where to listen."""
    return [name for name, _, _, text in parameters(options).values() if re.match(r"Port\b", text)]


def places(settings: Any) -> Iterator[Where]:
    """Every place to listen that a service's settings have."""
    if isinstance(settings, Where):
        yield settings
    elif dataclasses.is_dataclass(settings) and not isinstance(settings, type):
        for field in dataclasses.fields(settings):
            yield from places(getattr(settings, field.name))


def read(name: str, *arguments: str) -> Any:
    """The settings of a service that is started with these arguments, not as root."""
    options = services()[name]()
    options.parse([*arguments, "--allow-root"])
    return options.settings


class ServiceRules(SynchronousTestCase):
    """Every service's options."""

    def setUp(self) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("NETSUITE_")}
        self.patch(os, "environ", {**kept, "STATE_DIRECTORY": str(Path(self.mktemp()).resolve())})

    def test_there(self) -> None:
        """All eight are there, and there is one list of tools."""
        wanted = {"echo", "httpecho", "pages", "formsite", "colors", "proxy", "wordproxy", "netsuite"}
        self.assertEqual(set(services()), wanted)
        self.assertEqual(set(tools()), set(TOOLS) | set(COMMANDS))

    def test_common(self) -> None:
        """Each has the common options, with the same defaults but for those that its section names."""
        for name, kind in services().items():
            options = kind()
            for option, default in COMMON.items():
                self.assertIn(option, options, name)
                wanted = OWN.get((name, option), default)
                if option == "per-client" and name == "netsuite":
                    continue
                self.assertEqual(options[option], wanted, f"{name} --{option}")
            self.assertEqual(options.synonyms["c"], "config", name)

    def test_short_options(self) -> None:
        """A short option means the same in each service that has it, stores' too."""
        for name, kind in services().items():
            options = kind()
            for short, long in SHORT.items():
                if long in options:
                    self.assertEqual(options.synonyms.get(short), long, f"{name} -{short}")
            if "store" in options:
                self.assertEqual((options.synonyms["s"], options.synonyms["k"]), ("store", "keep"), name)

    def test_help(self) -> None:
        """The help of each names every option, and has an example (R10)."""
        for name, kind in services().items():
            text = kind().getUsage()
            self.assertIn("xample", text, name)
            self.assertIn(f"twistd -n {name}", text.replace(" --pidfile=", ""), name)
            for option in kind().longOpt:
                self.assertIn(f"--{option}", text.replace("\n", " "), name)

    # -- R1: loopback by default ----------------------------------------------------------------------------

    def test_all_listeners_are_known(self) -> None:
        """Each place to listen in the settings is one of the options that these tests try."""
        for name, kind in services().items():
            options = kind()
            named = listeners(options)
            self.assertIn("admin", named, name)
            given = [f"--{option}=0" for option in named]
            self.assertEqual(
                len({id(each) for each in places(read(name, *given))}), len(named), (name, named)
            )

    def test_number_is_loopback(self) -> None:
        """A bare number binds 127.0.0.1, with --ipv6 also ::1, and nothing else."""
        for name, kind in services().items():
            for option in listeners(kind()):
                one, two = "tcp:4321:interface=127.0.0.1", "tcp:4321:interface=\\:\\:1"
                for more, wanted in (((), (one,)), (("--ipv6",), (one, two))):
                    settings = read(name, f"--{option}=4321", *more)
                    found = [place for place in places(settings) if place.text == "4321"]
                    self.assertEqual([place.descriptions for place in found], [wanted], f"{name} --{option}")

    def test_default_is_loopback(self) -> None:
        """Started without a word, no service listens where other machines reach it."""
        for name in services():
            self.assertEqual([place.text for place in places(read(name)) if place.public], [], name)

    def test_others_need_a_rule(self) -> None:
        """Any other place is refused, in a line that says which option to add; with one it is taken."""
        for name, kind in services().items():
            for option in listeners(kind()):
                for place in (
                    "tcp:4321",
                    "tcp:4321:interface=0.0.0.0",
                    "tcp:4321:interface=\\:\\:",
                    "tcp:4321:interface=192.0.2.1",
                ):
                    fault = self.assertRaises(usage.UsageError, read, name, f"--{option}={place}")
                    lines = [line for line in str(fault).splitlines() if line.startswith(f"--{option} ")]
                    self.assertEqual(len(lines), 1, (name, option, str(fault)))
                    self.assertIn("--allow-client NETWORK", lines[0])
                    self.assertIn("--allow-public", lines[0])
                    for rule in ("--allow-public", "--allow-client=192.0.2.0/24"):
                        found = [
                            each.public
                            for each in places(read(name, f"--{option}={place}", rule))
                            if each.text == place
                        ]
                        self.assertEqual(found, [True], (name, option))

    def test_users_are_a_rule_for_doors(self) -> None:
        """Proxies and formsite take --htpasswd for one, and say so (R1)."""
        for name in ("proxy", "wordproxy", "formsite"):
            self.assertIn("--htpasswd", services()[name].REMEDY, name)

    # -- R2: bounds -----------------------------------------------------------------------------------------

    def test_bounds_are_finite(self) -> None:
        """Each bound has a finite default, but for those of which the features say that there is none."""
        seen = set()
        for name, kind in services().items():
            options = kind()
            for option in parameters(options):
                if BOUND.match(option) and option not in ("max-record",):
                    value = options[option]
                    finite = value is not None and parse_size(str(value)) > 0
                    self.assertEqual(finite, (name, option) not in NO_BOUND, f"{name} --{option} {value}")
                    seen.add(option)
        self.assertGreater(len(seen), 15)

    def test_bounds_are_judged(self) -> None:
        """A bound that is no number is refused, and nothing starts with it."""
        for name, kind in services().items():
            for option in parameters(kind()):
                if BOUND.match(option):
                    fault = self.assertRaises(usage.UsageError, read, name, f"--{option}=several")
                    self.assertIn(f"--{option} (command line)", str(fault), name)

    def test_common_settings(self) -> None:
        """What is common reaches the settings of each, as it was given."""
        for name in services():
            given = (
                "--max-clients=7",
                "--per-client=3",
                "--idle=9",
                "--allow-client=192.0.2.0/24",
                "--log-queries",
                "--host=a.example",
            )
            common = common_of(read(name, *given))
            told = (common.max_clients, common.per_client, common.per_client_loopback, common.idle_seconds)
            self.assertEqual(told, (7, 3, 3, 9.0), name)
            self.assertEqual((common.log_queries, common.hosts), (True, ("a.example",)), name)
            self.assertEqual([str(each) for each in common.allow_clients], ["192.0.2.0/24"], name)

    # -- R7: clashes ----------------------------------------------------------------------------------------

    def test_defaults_that_clash_are_told(self) -> None:
        """Who is told that a port is in use is told whose default it is, too: of all services there are."""
        told = {(port, owner) for port, owners in DEFAULT_PORTS.items() for owner in owners}
        defaults = set()
        for name, kind in services().items():
            for option in listeners(kind()):
                port = str(kind()[option])
                if port.isdecimal() and option != "admin":
                    defaults.add((int(port), name if option == "port" else f"{name} {option}"))
        self.assertEqual(told, defaults)

    def test_line_of_a_clash(self) -> None:
        """The line is the one that was promised."""
        self.patch(sys, "excepthook", sys.excepthook)  # a terminal puts its own there
        terminal = Terminal()
        self.addCleanup(terminal.release)
        error = CannotListenError("127.0.0.1", 8000, OSError(errno.EADDRINUSE, "Address already in use"))
        made = Listening(
            parse_where("8000"),
            Factory(),
            owner="wordproxy report",
            option="--report",
            terminal=terminal,
            reactor=MemoryReactorClock(),
        )
        self.assertEqual(
            made._complaint(error),
            "cannot start wordproxy report: 127.0.0.1:8000 is in use (also the default of pages, formsite,"
            " colors, httpecho). Choose another with --report.",
        )

    # -- R8: endpoints everywhere ---------------------------------------------------------------------------

    def test_endpoints(self) -> None:
        """Each place may be a number, or an endpoint of every kind; nonsense is refused in a line."""
        good = ("0", "unix:/run/x.sock", "tcp:0:interface=127.0.0.1", "systemd:domain=INET:index=0")
        bad = ("", "x", "99999", "-1", "tcp:", "tcp:x", "udp:1", "ssl")
        for name, kind in services().items():
            for option in listeners(kind()):
                for place in good:
                    read(name, f"--{option}={place}", "--allow-public")
                for place in bad:
                    fault = self.assertRaises(
                        usage.UsageError, read, name, f"--{option}={place}", "--allow-public"
                    )
                    self.assertIn(f"--{option} (command line)", str(fault), (name, place))


def common_of(settings: Any) -> Common:
    """The part of a service's settings that all have."""
    if isinstance(settings, Common):
        return settings
    found = [getattr(settings, field.name) for field in dataclasses.fields(settings)]
    for each in found:
        if isinstance(each, Common):
            return each
    for each in found:
        if dataclasses.is_dataclass(each) and not isinstance(each, type):
            return common_of(each)
    raise AssertionError(f"{type(settings).__name__} has no common settings")


class ToolRules(SynchronousTestCase):
    """Every tool's options."""

    def test_short_options(self) -> None:
        """A short option means the same in every tool that has it, and all have -j."""
        for name, module in tools().items():
            options = module.Options()
            for short, long in TOOLS_SHORT.items():
                if short in options.synonyms:
                    self.assertEqual(options.synonyms[short], long, f"{name} -{short}")
                if (name, long) in (("doctor", "user"),):
                    continue  # a user of the machine, no name to log in by
                if long in options.longOpt or f"{long}=" in options.longOpt:
                    self.assertEqual(options.synonyms.get(short), long, f"{name} --{long}")
            self.assertIn("json", options, name)

    def test_help(self) -> None:
        """The help of each has an example that begins with its name (R10)."""
        for name, module in tools().items():
            text = module.Options().getUsage()
            self.assertRegex(text, r"Examples?:", name)
            self.assertRegex(text.partition("Example")[2], rf"(?m)^.*\b{re.escape(name)}\b", name)

    def test_version(self) -> None:
        """--version is one line, the same of every tool and service (R10)."""
        kinds = [module.Options for module in tools().values()] + list(services().values())
        for kind in kinds:
            output = io.StringIO()
            with redirect_stdout(output):
                self.assertRaises(SystemExit, kind().parseOptions, ["--version"])
            line = output.getvalue()
            self.assertRegex(line, r"^netsuite \S+ \(Twisted \S+, Python \S+\)\n$", kind.__module__)

    def test_tls(self) -> None:
        """What connects has the options of TLS, and verifies unless it is told --insecure (R8)."""
        for name in CONNECTING:
            options = tools()[name].Options()
            for option in ("cafile", "cert", "insecure"):
                self.assertIn(option, options, name)
            self.assertFalse(options["insecure"], name)
            if name in BY_OPTION:
                self.assertIn("tls", options, name)


class RequirementRules(SynchronousTestCase):
    """What is required by the package (R11)."""

    def setUp(self) -> None:
        self.setup = configparser.ConfigParser()
        self.setup.read(ROOT / "setup.cfg")

    def names(self, text: str) -> list[str]:
        """The packages of a list of requirements."""
        return [re.split(r"[\s\[<>=;]", line.strip())[0] for line in text.strip().splitlines()]

    def test_reasons(self) -> None:
        """Each dependency, of extras too, is named with its reason in the tour."""
        tour = (ROOT / "docs/tour.rst").read_text(encoding="utf-8").lower()
        built = tour.partition("what it is built from")[2]
        wanted = self.names(self.setup["options"]["install_requires"])
        for extra, text in self.setup["options.extras_require"].items():
            if extra not in ("test", "dev"):
                wanted += self.names(text)
        self.assertEqual([name for name in wanted if name.replace("_", "-") not in built], [])

    def test_main_job_needs_no_extra(self) -> None:
        """TLS, every content coding, and every script's words come with the package itself."""
        wanted = " ".join(self.names(self.setup["options"]["install_requires"]))
        for name in ("pyopenssl", "brotli", "backports.zstd", "icu4py", "turbohtml", "service-identity"):
            self.assertIn(name, wanted)

    def test_pinned(self) -> None:
        """Each has its exact version in the constraints that the tests are run with."""
        pins = {
            line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()
        }
        pins |= {name.replace("_", "-") for name in pins}
        wanted = self.names(self.setup["options"]["install_requires"])
        self.assertEqual([name for name in wanted if name.lower() not in pins], [])
