"""proxy-acl: what the proxy would say to a URL, which rule decides, and at which address.

It asks what the relay asks: the settings are read by the proxy's own options, the request is parsed as a
client's would be, and the relay's own functions judge it (``proxy.explain``).  Nothing is connected; names
are looked up.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote

import idna
from twisted.internet.error import DNSLookupError
from twisted.python import usage
from twisted.python.reflect import namedAny

from netsuite.http1.errors import BadMessage
from netsuite.http1.head import RequestHead, parse_request
from netsuite.http1.limits import Limits
from netsuite.http1.target import Target
from netsuite.journal import url_text
from netsuite.manual.kind import FILE, METHOD, MOMENT, NAME, RULE, TOML, URL, Kind, one_of
from netsuite.names import Names, ResolverFailed
from netsuite.outcome import EXITS, Outcome, worst
from netsuite.proxy.chain import Hop
from netsuite.proxy.explain import Judge, Judgement
from netsuite.proxy.logged import LINE_MAX, Logged, read_line
from netsuite.proxy.settings import Settings
from netsuite.scripts.running import Results, ToolOptions, start

#: Whose settings are read, by the table's name.
TABLES = {"proxy": "netsuite.proxy.settings.Options", "wordproxy": "netsuite.wordproxy.service.Options"}

_URL = re.compile(r"(https?)://(?:[^/?#]*@)?([^/?#]+)([^#]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_MARKS = "!\"$%&'()*+,-./:;<=>?@[]^_`{|}~"


class Faulty(OSError):  # noqa: N818 - what is the matter, told to people
    """The settings' file has faults, a line each, or the log can't be read."""


class Options(ToolOptions):
    """The command line of proxy-acl."""

    tool = "proxy-acl"
    synopsis = "Usage: proxy-acl [options] URL..."
    longdesc = (
        "Say whether the proxy would fetch each URL, and which rule decides.  "
        "Exit status: 0 allowed, 1 refused, 2 usage, 4 name not found, 12 file."
    )
    examples = """Examples:
  proxy-acl http://169.254.169.254/
      as a proxy without settings
  proxy-acl -c netsuite.toml -u ci https://example.org/
      with a file's settings, for a user
  proxy-acl -d 'host:*.example.org' http://www.example.org/
  proxy-acl -c new.toml --from access.log
      what new settings would refuse"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["config", "c", None, "TOML file with the settings of a proxy."],
        ["table", None, "proxy", "Table of the file, proxy or wordproxy."],
        ["user", "u", None, "Name of the user who asks (nobody)."],
        ["method", "m", "GET", "Method of the request; for https it is always CONNECT."],
        ["at", None, None, "Local time, as 2026-01-05T10:00 (now)."],
        ["from", None, None, "Access log of which to tell the requests that would be refused."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "config": TOML,
        "table": one_of("TABLE", "proxy", "wordproxy"),
        "user": NAME,
        "method": METHOD,
        "at": MOMENT,
        "from": FILE,
        "allow": RULE,
        "deny": RULE,
    }
    operands = (URL,)

    def __init__(self) -> None:
        super().__init__()
        self.rules: list[str] = []
        self.urls: tuple[str, ...] = ()
        self.heads: list[RequestHead] = []
        self.at: datetime.datetime | None = None

    def opt_allow(self, rule: str) -> None:
        """Rule for what is allowed, in place of the file's rules; all else is refused. (repeat)"""
        self.rules += ["--allow", rule]

    def opt_deny(self, rule: str) -> None:
        """Rule for what is refused, in place of the file's rules; the first that fits decides. (repeat)"""
        self.rules += ["--deny", rule]

    opt_a, opt_d = opt_allow, opt_deny

    def parseArgs(self, *urls: str) -> None:
        """Take the URLs."""
        self.urls = urls

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        if self["table"] not in TABLES:
            raise usage.UsageError(f"--table is {' or '.join(TABLES)}")
        if bool(self.urls) == bool(self["from"]):
            raise usage.UsageError("give a URL, or --from LOG")
        if self["at"] is not None:
            self.at = parse_moment(self["at"])
        self.heads = [head_of(url, self["method"]) for url in self.urls]

    def settings(self) -> Settings:
        """Return the proxy's settings, as it would read them itself.  Raises: UsageError, Faulty."""
        options = namedAny(TABLES[self["table"]])()
        config = ["--config", self["config"]] if self["config"] else []
        try:
            options.parse([*config, *self.rules])
        except usage.UsageError as error:
            if "(command line)" in str(error):
                raise
            raise Faulty(str(error)) from None
        settings: Settings = options.proxy_settings()
        return settings


def parse_moment(text: str) -> datetime.datetime:
    """Return the local time of ``2026-01-05T10:00``.  Raises: UsageError."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise usage.UsageError(f"--at: {text[:80]!r} is no time; write 2026-01-05T10:00") from None
    return moment.astimezone().replace(tzinfo=None) if moment.tzinfo is not None else moment


def head_of(url: str, method: str) -> RequestHead:
    """Return the request that a browser would send the proxy for a URL.  Raises: UsageError."""
    match = _URL.fullmatch(url)
    if match is None:
        raise usage.UsageError(f"{_without_secrets(url)!r} is no http or https URL")
    scheme, authority, path = match.groups()
    try:
        authority = _ascii(authority)
        if scheme.lower() == "https":
            authority = authority if re.search(r":\d+$", authority) else authority.removesuffix(":") + ":443"
            method, target = "CONNECT", authority
        else:
            target = f"http://{authority}{quote(path, safe=_MARKS) or '/'}"
        head = f"{method} {target} HTTP/1.1\r\nHost: {authority}".encode("ascii")
        return parse_request(head, Limits())
    except BadMessage as error:
        raise usage.UsageError(f"{_without_secrets(url)!r}: {error.reason}") from None
    except UnicodeError:
        raise usage.UsageError(f"{_without_secrets(url)!r} has no host that can be looked up") from None


def _ascii(authority: str) -> str:
    """Return an authority with its host as browsers send it (A-labels)."""
    if authority.isascii():
        return authority
    host, colon, port = authority.partition(":")
    return idna.encode(host, uts46=True).decode("ascii") + colon + port


def _without_secrets(url: str) -> str:
    _user, at, rest = url.rpartition("@")
    return ("…@" if at else "") + rest.partition("?")[0][:200]


def shown(head: RequestHead) -> str:
    """Return the URL of a request, for people: without user and query."""
    target = head.target or Target(b"", b"", 0, b"")
    if head.method != b"CONNECT":
        return url_text(target.scheme, target.authority, target.path)
    return url_text(b"https", Target(b"https", target.host, target.port, b"").authority, b"/")


async def main(reactor: Any, options: Options) -> Outcome:
    """Say of each URL whether it would be fetched."""
    settings = options.settings()
    moment = options.at
    if options["from"]:
        return compare(options, settings)
    judge = Judge(settings, options["user"], datetime.datetime.now if moment is None else lambda: moment)
    names = Names(reactor, settings.resolver)
    exits = []
    for head in options.heads:
        options.results.begin()
        outcome = await judged(judge, names, head)
        prefix = f"{shown(head)} " if len(options.heads) > 1 else ""
        tell(options.results, outcome, head, prefix)
        exits.append(outcome.exit)
    return Outcome(worst(exits))


async def judged(judge: Judge, names: Names, head: RequestHead) -> Outcome:
    """Return the outcome for one request, its host looked up if that matters."""
    early = judge.without_address(head)
    if early is not None:
        return outcome_of(early)
    assert head.target is not None  # noqa: S101 - decide refuses a request without
    addresses = judge.addresses(head.target)
    if addresses is None:
        try:
            addresses = await names.addresses(head.target.host.decode("ascii"), head.target.port)
        except (DNSLookupError, ResolverFailed) as error:
            return Outcome.of(error)
    return outcome_of(judge.with_addresses(head, addresses), judge.way(head.target))


def outcome_of(judgement: Judgement, hop: Hop | None = None) -> Outcome:
    """Return a judgement as the tool's outcome.  ``hop``: the proxy that the request would go through."""
    result: dict[str, object] = {
        "allowed": judgement.allowed,
        "rule": judgement.rule,
        "addresses": list(judgement.addresses),
    }
    if judgement.refused:
        result["refused"] = judgement.refused
    if hop is not None:
        result["upstream"] = f"{hop.scheme}://{hop.place}"
    if judgement.allowed:
        return Outcome.done(**result)
    return Outcome.failed("no", judgement.reason, result=result)


def tell(results: Results, outcome: Outcome, head: RequestHead, prefix: str) -> None:
    """Tell one outcome, as JSON or as a line."""
    results.add(outcome, {"url": shown(head)})
    if outcome.result is None:
        results.note(f"{prefix}{outcome.message}")
    elif not outcome.ok:
        results.line(f"{prefix}refused: {outcome.message}")
    else:
        results.line(f"{prefix}allowed: {_where(head, outcome.result)}")


def _where(head: RequestHead, result: Any) -> str:
    """Return host and addresses of what is allowed, the rule, and the addresses that are refused."""
    host = head.target.host.decode("ascii") if head.target is not None else ""
    addresses = ", ".join(result["addresses"])
    at = host if addresses in (host, "") else f"{host} at {addresses}"
    by = f" through {result['upstream']}" if "upstream" in result else ""
    rule = result["rule"]
    refused = "".join(f"; not {reason}" for reason in result.get("refused", {}).values())
    return f"{at}{by} ({rule if rule == 'default' else f'rule `{rule}`'}){refused}"


def compare(options: Options, settings: Settings) -> Outcome:
    """Tell the log's requests that would be refused, each at its own time and at the address it went to."""
    clock = [datetime.datetime.min]
    judge = Judge(settings, options["user"], lambda: clock[0])
    lines = unread = refused = 0
    for number, line in enumerate(log_lines(options["from"]), 1):
        lines += 1
        logged = read_line(line)
        if logged is None:
            unread += 1
            continue
        clock[0] = options.at or logged.when
        head = head_of(url_of(logged), logged.method)
        judgement = judge.without_address(head) or judge.with_addresses(head, [logged.address])
        if not judgement.allowed:
            refused += 1
            options.results.add(outcome_of(judgement), {"url": shown(head), "line": number})
            options.results.line(f"{number}: {logged.method} {shown(head)} refused: {judgement.reason}")
    options.results.note(f"{lines} lines, {refused} would be refused, {unread} not understood")
    if unread == lines:
        return Outcome.failed("unknown", f"{options['from']} has no line of an access log")
    return Outcome(
        EXITS["no"] if refused else 0, result={"lines": lines, "refused": refused, "unread": unread}
    )


def log_lines(path: str) -> Iterator[str]:
    """Yield a log's lines.  Raises: Faulty if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as log:
            while line := log.readline(LINE_MAX + 1):
                yield line
    except OSError as error:
        raise Faulty(f"{path}: {error.strerror}") from None


def url_of(logged: Logged) -> str:
    """Return the URL of which a logged request would be made again."""
    if logged.method == "CONNECT":
        return f"https://{logged.target.authority.decode('ascii')}/"
    return f"http://{logged.target.authority.decode('ascii')}{logged.target.path.decode('ascii')}"


def run() -> NoReturn:
    """The console script."""
    start(Options, main)


if __name__ == "__main__":
    run()
