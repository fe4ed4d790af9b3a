"""What a proxy is told: its options and the frozen settings that they become."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from netsuite import options
from netsuite.access import read_users
from netsuite.http1.limits import Limits
from netsuite.manual.kind import (
    BYTES,
    FILE,
    NAME,
    NETWORK,
    NUMBER,
    PORT,
    PORTS,
    RATE,
    RULE,
    SECONDS,
    SERVER,
    TEXT,
    URL,
    Kind,
)
from netsuite.names import parse_server
from netsuite.options import Common
from netsuite.proxy.accesslog import check_form
from netsuite.proxy.chain import WAYS_MAX, Way, parse_upstream
from netsuite.proxy.hooks import parse_hooks
from netsuite.proxy.relay import Times
from netsuite.proxy.route import Rules
from netsuite.proxy.rules import Acl, Rule, parse_rule
from netsuite.values import Network, Where, parse_ports, parse_rate

#: Ports that tunnels may always go to.
TUNNEL_PORTS = ((443, 443), (8443, 8443))

#: Relay processes of one service.
WORKERS_MAX = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """What a proxy is told.  ``rate``: requests a second, ``bandwidth``: bytes a second, of one client."""

    common: Common
    port: Where
    htpasswd: str | None
    allow_private: bool
    allow_nets: tuple[Network, ...]
    rules: Rules
    limits: Limits
    times: Times
    connect_seconds: float
    resolver: str | None
    ways: tuple[Way, ...]
    rate: float | None
    bandwidth: int | None
    via_name: str | None
    via_shown: bool
    show_client: bool
    forwarded_for: bool
    hosts_only: bool
    log_form: str | None
    workers: int
    hooks: str | None


def share_of(settings: Settings, count: int) -> Settings:
    """Return what one of so many workers is told: its part of each bound, and no admin listener."""

    def part(whole: int) -> int:
        return -(-whole // count)

    loopback = settings.common.per_client_loopback
    common = replace(
        settings.common,
        max_clients=part(settings.common.max_clients),
        per_client=part(settings.common.per_client),
        per_client_loopback=None if loopback is None else part(loopback),
        admin=None,
    )
    rate, bandwidth = settings.rate, settings.bandwidth
    return replace(
        settings,
        common=common,
        rate=rate / count if rate else None,
        bandwidth=part(bandwidth) if bandwidth else None,
    )


def parse_verb_and_rule(text: str) -> Rule:
    """Return the rule of ``allow host:example.org`` or ``deny port:25``.  Raises: ValueError."""
    verb, _space, rule = text.strip().partition(" ")
    if verb not in ("allow", "deny"):
        raise ValueError("begins with neither allow nor deny")
    return parse_rule(rule.strip(), verb == "allow")


def _server(text: str) -> str:
    """Return the text of a name server's place, once it has been read.  Raises: ValueError."""
    parse_server(text)
    return text


def _rules_of_words(words: list[str]) -> list[str]:
    """Return rules from words between white space: each verb begins one."""
    rules: list[str] = []
    for word in words:
        if word in ("allow", "deny") or not rules:
            rules.append(word)
        else:
            rules[-1] += f" {word}"
    return rules


class Options(options.Options):
    """The command line of ``twistd proxy``."""

    heading = "Options of the proxy"
    table = "proxy"
    longdesc = (
        "Forward HTTP requests and tunnels for those who may, to public addresses only unless told "
        "otherwise; nothing of a request is changed that RFC 9110 does not ask for."
    )
    REMEDY = "--htpasswd FILE, --allow-client NETWORK or --allow-public"
    examples = """Examples:
  twistd -n proxy                          on 127.0.0.1, port 8001
  twistd -n proxy --allow-net 127.0.0.1/32
      may fetch from this machine too, for a trial
  curl -x 127.0.0.1:8001 http://www.example.org/"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["port", "p", "8001", "Port on 127.0.0.1, or an endpoint."],
        ["htpasswd", "A", None, "File of users; bcrypt, SHA-512 or apr1 hashes."],
        ["max-clients", None, "1024", "Connections at once."],
        ["connect-timeout", None, "10", "Seconds for a connection to an origin."],
        ["header-timeout", None, "15", "Seconds for a request's head."],
        ["answer-timeout", None, "120", "Seconds for an origin's first byte."],
        ["total", None, "0", "Seconds that a request or tunnel may take in all; 0 is no limit."],
        ["drain", None, "10", "Seconds that requests under way get when the service stops."],
        ["max-header", None, "64KiB", "Largest head in bytes."],
        ["max-body", None, None, "Largest request body in bytes (none)."],
        ["rate", None, None, "Requests of one client, as 10/s or 600/m (none)."],
        ["bandwidth", None, None, "Bytes a second of one client, as 1MiB (none)."],
        ["resolver", None, None, "Name server, ADDRESS or ADDRESS:PORT (the system's)."],
        ["via", None, None, "Our name in Via (a pseudonym for each origin)."],
        ["log-format", None, None, "A line of the access log: json, or a format string."],
        ["workers", None, "1", "Relay processes that share the port."],
        ["hooks", None, None, "Your own code, MODULE:NAME, that sees requests and answers."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["allow-private", None, "Let private addresses be fetched from."],
        ["no-via", None, "Send no Via."],
        ["forwarded-for", None, "Tell origins the client's address in X-Forwarded-For."],
        ["no-client-addr", None, "Keep clients' addresses out of the log."],
        ["log-hosts-only", None, "Keep paths out of the log."],
    ]
    optRepeated: ClassVar[list[list[str | None]]] = [
        ["allow-net", None, "Network that may be fetched from though it is not public"],
        ["connect-port", None, "More ports that tunnels may go to, N or N-M"],
        [
            "upstream",
            "u",
            "Proxy to go through, [GLOB=]URL (http, socks5, socks5h), or [GLOB=]direct",
        ],
        ["acl", None, "Rule with its verb, as `deny host:*.example.org`; rules hold in their order"],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "port": PORT,
        "htpasswd": FILE,
        "connect-timeout": SECONDS,
        "header-timeout": SECONDS,
        "answer-timeout": SECONDS,
        "total": SECONDS,
        "drain": SECONDS,
        "max-header": BYTES,
        "max-body": BYTES,
        "rate": RATE,
        "bandwidth": RATE,
        "resolver": SERVER,
        "via": NAME,
        "log-format": TEXT,
        "workers": NUMBER,
        "hooks": NAME,
        "allow-net": NETWORK,
        "connect-port": PORTS,
        "upstream": URL,
        "acl": RULE,
        "allow": RULE,
        "deny": RULE,
    }

    def opt_allow(self, rule: str) -> None:
        """Allow what fits, as host:www.*,port:443; with any --allow all else is refused. (repeat)"""
        self.append("acl", f"allow {rule}")

    def opt_deny(self, rule: str) -> None:
        """Refuse what fits, as net:10.0.0.0/8 or time:Sat or method:POST or user:ci. (repeat)"""
        self.append("acl", f"deny {rule}")

    opt_a, opt_d = opt_allow, opt_deny

    def fill(self, name: str, value: object, place: str) -> None:
        """Take rules of one verb as rules with their verb; of two lists the order could not be told."""
        if name == "acl" and isinstance(value, list) and self.layer.startswith("environment"):
            value = _rules_of_words(value)
        if name in ("allow", "deny"):
            if self.origins.get("acl", "").partition(" ")[0] == self.layer.partition(" ")[0]:
                self.faults.append(f'{place}: rules hold in their order; write acl = ["deny …", "allow …"]')
                return
            rules = value if isinstance(value, list) else str(value).split()
            name, value = "acl", [f"{name} {rule}" for rule in rules]
        super().fill(name, value, place)

    def read(self) -> Any:
        """Return the settings."""
        return self.proxy_settings()

    def proxy_settings(self) -> Settings:
        """Return what the proxy is told."""
        where, htpasswd = self.where("port"), self.file("htpasswd", read_users)
        self.restrict("port", where, htpasswd)
        return Settings(
            common=self.common(),
            port=where,
            htpasswd=htpasswd,
            allow_private=bool(self["allow-private"]),
            allow_nets=self.networks("allow-net"),
            rules=self._rules(),
            limits=Limits(head_bytes=self._head_bytes()),
            times=self._times(),
            connect_seconds=self.seconds("connect-timeout"),
            resolver=self.take("resolver", _server, None) if self["resolver"] else None,
            ways=self._ways(),
            rate=self.take("rate", parse_rate, 1.0) if self["rate"] else None,
            bandwidth=self._bandwidth(),
            via_name=self._via(),
            via_shown=not self["no-via"],
            show_client=not self["no-client-addr"],
            forwarded_for=bool(self["forwarded-for"]),
            hosts_only=bool(self["log-hosts-only"]),
            log_form=self._log_form(),
            workers=self.number("workers", 1, WORKERS_MAX),
            hooks=self.take("hooks", parse_hooks, "") if self["hooks"] else None,
        )

    def _rules(self) -> Rules:
        ports = tuple(pair for pairs in self.take_all("connect-port", parse_ports) for pair in pairs)
        most = None if self["max-body"] is None else self.size("max-body")
        try:
            return Rules(TUNNEL_PORTS + ports, most, Acl(self.take_all("acl", parse_verb_and_rule)))
        except ValueError as error:
            self.fault("acl", str(error))
            return Rules()

    def _ways(self) -> tuple[Way, ...]:
        ways = []
        for glob, hop in self.take_all("upstream", parse_upstream):
            if hop is not None and hop.password_file is not None:
                hop = replace(hop, password_file=self.path_of("upstream", hop.password_file))
            elif hop is not None and hop.password and self.origins["upstream"] == "command line":
                self.fault(
                    "upstream",
                    f"the password for {hop.place} can be read by all users of this machine; "
                    "put it into a file and write ?password-file=FILE",
                )
            ways.append((glob, hop))
        if len(ways) > WAYS_MAX:
            self.fault("upstream", f"is given more than {WAYS_MAX} times")
        return tuple(ways)

    def _times(self) -> Times:
        return Times(
            idle=self.seconds("idle"),
            header=self.seconds("header-timeout"),
            answer=self.seconds("answer-timeout"),
            total=self.seconds("total"),
            drain=self.seconds("drain"),
        )

    def _head_bytes(self) -> int:
        head_bytes = self.size("max-header")
        if not 1024 <= head_bytes <= 1 << 20:
            self.fault("max-header", "is from 1KiB to 1MiB")
        return max(1024, head_bytes)

    def _bandwidth(self) -> int | None:
        if self["bandwidth"] is None:
            return None
        bandwidth = self.size("bandwidth")
        if bandwidth < 1024:
            self.fault("bandwidth", "is 1KiB a second or more")
        return max(1024, bandwidth)

    def _log_form(self) -> str | None:
        if self["log-format"] is None:
            return None
        if self["access-log"] in ("-", "off"):
            self.fault("log-format", "is of the lines of a file; add --access-log FILE")
        return self.take("log-format", check_form, None)

    def _via(self) -> str | None:
        via: str | None = self["via"]
        if via is not None and not (via.isascii() and via.replace("-", "").replace(".", "").isalnum()):
            self.fault("via", "is a name of letters, digits, dots and hyphens")
        return via
