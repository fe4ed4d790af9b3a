"""What every client tool's command line has of the network: time limit, family, TLS, source, resolver.

A tool subclasses ``NetworkOptions`` and makes its connections by ``reach(reactor)``.  ``place``, ``place_of``
and ``host`` read what it is told to connect with.  Certificates are verified unless ``--insecure`` says
otherwise, which is told on standard error each time.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, ClassVar, TypeVar

from twisted.python import usage

from netsuite.manual.kind import ADDRESS, FILE, NAME, SECONDS, SERVER, Kind
from netsuite.reach.place import Place, parse_host, parse_place, parse_port
from netsuite.reach.trust import Trust
from netsuite.reach.way import Reach, Through, Way
from netsuite.resolving.server import parse_server
from netsuite.scripts.running import ToolOptions
from netsuite.values import parse_seconds

T = TypeVar("T")

#: Longest time limit: a day and a bit.  Longer ones are mistakes.
SECONDS_MAX = 100_000.0


class PlainOptions(ToolOptions):
    """What the command lines of tools that connect share, but for TLS; ``way`` is what they say."""

    heading: ClassVar[str] = "Connection"

    optParameters: ClassVar[list[list[Any]]] = [
        ["source", None, None, "Our own address to connect from."],
        ["resolver", None, None, "DNS server to ask, ADDR[:PORT], in place of the system's resolver."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["ipv4", "4", "Use IPv4 only."],
        ["ipv6", "6", "Use IPv6 only."],
        ["verbose", "v", "Say more on standard error."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "source": ADDRESS,
        "resolver": SERVER,
    }

    def __init__(self) -> None:
        super().__init__()
        self.way = Way()

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        if self["ipv4"] and self["ipv6"]:
            raise usage.UsageError("-4 and -6 exclude each other")
        source = self.value("source", _parse_address)
        family = 4 if self["ipv4"] else 6 if self["ipv6"] else 0
        if source is not None:
            own = 6 if ":" in source else 4
            if family not in (0, own):
                raise usage.UsageError(f"--source {source} is no IPv{family} address")
            family = own
        self.way = Way(
            seconds=self.seconds("timeout"),
            family=family,
            source=source,
            trust=self.trust(),
            through=self.through(),
            resolver=self.value("resolver", _parse_resolver),
        )

    def trust(self) -> Trust | None:
        """Return how TLS peers are judged: without TLS none are."""
        return None

    def through(self) -> Through | None:
        """Return the proxy on the way; tools that know of proxies override this."""
        return None

    def reach(self, reactor: Any) -> Reach:
        """Return what makes connections as the options say.  Raises: BadTrust."""
        if self.way.trust is not None and self.way.trust.insecure:
            self.warn_insecure()
        return Reach(reactor, self.way)

    def warn_insecure(self) -> None:
        """It is told that nobody is verified, also to those who want quiet."""
        self.results.warn("--insecure: the certificate is NOT verified; anybody may be at the other end")

    def value(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Return an option's value, None if it was not given.  Raises: UsageError."""
        text = self[name]
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            raise usage.UsageError(f"--{name}: {quoted(text)} {error}") from None

    def seconds(self, name: str, *, least: float = 0.001) -> float:
        """Return an option's seconds.  Raises: UsageError."""
        number = self.value(name, parse_seconds)
        if number is None or not least <= number <= SECONDS_MAX:
            raise usage.UsageError(
                f"--{name}: {quoted(self[name])} is not within {least:g} to {SECONDS_MAX:g} s"
            )
        return number

    def count(self, name: str, least: int, most: int) -> int:
        """Return an option's whole number within bounds.  Raises: UsageError."""
        text = self[name]
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else least - 1
        if not least <= number <= most:
            raise usage.UsageError(f"--{name}: {quoted(text)} is no whole number from {least} to {most}")
        return number


class NetworkOptions(PlainOptions):
    """What the command lines of tools that connect share."""

    heading: ClassVar[str] = "Connection"

    optParameters: ClassVar[list[list[Any]]] = [
        ["timeout", "t", "10", "Seconds for a connection, all in all."],
        ["cafile", None, None, "PEM file with the authorities to trust, in place of the system's."],
        ["cert", None, None, "PEM file with our own certificate and its key."],
        ["servername", None, None, "Name to ask for and to verify in TLS, in place of the host's."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["tls", None, "Speak TLS; the certificate is verified."],
        ["insecure", None, "Don't verify the certificate: anybody may be at the other end."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "timeout": SECONDS,
        "cafile": FILE,
        "cert": FILE,
        "servername": NAME,
    }

    def trust(self) -> Trust | None:
        """Return how TLS peers are judged, None without TLS.  Raises: UsageError."""
        for name in ("cafile", "cert", "servername", "insecure"):
            if self[name] and not self["tls"]:
                raise usage.UsageError(f"--{name} is of use with --tls only")
        return self.judgement() if self["tls"] else None

    def judgement(self) -> Trust:
        """Return how TLS peers are judged, if there are any.  Raises: UsageError."""
        if self["insecure"] and self["cafile"]:
            raise usage.UsageError("--insecure and --cafile exclude each other")
        return Trust(
            cafile=self.value("cafile", parse_file),
            cert=self.value("cert", parse_file),
            insecure=bool(self["insecure"]),
            servername=self.value("servername", parse_host),
        )


def quoted(text: str) -> str:
    """Return a piece of the command line for a message: short, and on one line."""
    return repr(text if len(text) <= 60 else text[:59] + "…")


def host(text: str) -> str:
    """Return a host that was given.  Raises: UsageError."""
    try:
        return parse_host(text)
    except ValueError as error:
        raise usage.UsageError(f"{quoted(text)} {error}") from None


def place_of(host_text: str, port_text: str) -> Place:
    """Return the place of ``HOST PORT``.  Raises: UsageError."""
    name = host(host_text)
    try:
        return Place(name, parse_port(port_text), host_text.strip("[]"))
    except ValueError as error:
        raise usage.UsageError(f"{quoted(port_text)} {error}") from None


def place(text: str) -> Place:
    """Return the place of ``HOST:PORT``, ``[::1]:PORT`` or ``unix:PATH``.  Raises: UsageError."""
    try:
        return parse_place(text)
    except ValueError as error:
        raise usage.UsageError(f"{quoted(text)} {error}") from None


def parse_file(text: str) -> str:
    """Return a file's path.  Raises: ValueError for what can be none."""
    if not text or "\0" in text:
        raise ValueError("is no file's path")
    return text


def _parse_address(text: str) -> str:
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        raise ValueError("is no address; write 192.0.2.7 or 2001:db8::7") from None


def _parse_resolver(text: str) -> str:
    parse_server(text)
    return text
