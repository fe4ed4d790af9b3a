"""What the command lines of all web tools share: whose credentials, which proxy, which bounds, which fields.

A tool subclasses ``WebOptions``, reads its URLs by ``url`` and asks by ``agent``.  Names and passwords come
from ``-u``, a password file, ``.netrc`` or the URL, and, at a terminal, from whoever sits there; they go to
the URL's own scheme, host and port alone (``client.credentials``).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from typing import Any, ClassVar

from twisted.python import usage

from netsuite.client import terminal
from netsuite.client.agent import Agent, Answer, Ask, Settings
from netsuite.client.challenge import Challenge
from netsuite.client.credentials import Wallet, read_netrc, read_secret, read_token
from netsuite.client.proxies import Proxies
from netsuite.client.url import Login, Url, parse_url, shown
from netsuite.http1.fields import Fields
from netsuite.http1.grammar import TEXT, TOKEN
from netsuite.http1.limits import Limits
from netsuite.manual.kind import BYTES, FILE, HEADER, NAME, NUMBER, SECONDS, URL, Kind
from netsuite.outcome import Failed, Outcome
from netsuite.reach.trust import Trust
from netsuite.scripts.network import NetworkOptions, quoted
from netsuite.scripts.running import complain
from netsuite.values import parse_size

#: Fields that say how a message is framed or what becomes of the connection: ours to write.
_OURS = frozenset(
    (
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"upgrade",
        b"te",
        b"trailer",
        b"keep-alive",
        b"expect",
    )
)

#: Field lines of an answer's head.
LINES_MAX = 256

#: Fields that one may give, and bytes of all of them.
FIELDS_MAX = 64
FIELDS_BYTES = 32 * 1024

#: What a person is told when a 401 comes without a phrase.
UNAUTHORIZED = "401 Unauthorized"

_FIELD = re.compile(rb"(" + TOKEN + rb"):[\t ]*(" + TEXT + rb")")

_TIMEOUT = "Seconds without a sign of life: connecting, waiting for the answer, between its pieces."


class WebOptions(NetworkOptions):
    """The options of web tools; ``web`` is how to ask, once they are read."""

    heading: ClassVar[str] = "Requests and answers"

    max_size: ClassVar[str | None] = "100M"
    total: ClassVar[str | None] = None

    optParameters: ClassVar[list[list[Any]]] = [
        ["total", None, None, "Seconds for everything together, redirects and body included."],
        ["user", "u", None, "Name to log in with, or NAME:PASSWORD, which others can read in ps."],
        ["password-file", None, None, "File with the password in its first line."],
        ["bearer-file", None, None, "File with a bearer token in its first line."],
        ["netrc-file", None, None, "File like .netrc to look names and passwords up in."],
        ["proxy", None, None, "Proxy, http://HOST:PORT, in place of those in the environment; '' for none."],
        ["max-size", None, None, "Largest body, decoded."],
        ["max-ratio", None, "200", "How many times larger a body may become by decoding."],
        ["max-head", None, "64K", "Largest head of an answer."],
        ["max-redirects", None, "10", "Redirects that are followed."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["netrc", None, "Look names and passwords up in ~/.netrc (or $NETRC)."],
        ["basic", None, "Send name and password by Basic without waiting to be asked."],
        ["allow-downgrade", None, "Follow redirects from https to http."],
        ["public-only", None, "Ask public addresses only: for use in servers, with URLs that others give."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "total": SECONDS,
        "user": NAME,
        "password-file": FILE,
        "bearer-file": FILE,
        "netrc-file": FILE,
        "proxy": URL,
        "max-size": BYTES,
        "max-ratio": NUMBER,
        "max-head": BYTES,
        "max-redirects": NUMBER,
        "header": HEADER,
    }

    def __init__(self) -> None:
        super().__init__()
        self._preset("timeout", "30", _TIMEOUT)
        self._preset("max-size", self.max_size)
        self._preset("total", self.total)
        self.longOpt.remove("tls")  # a URL says itself whether TLS is spoken
        self.fields: Fields = []
        self.web = Settings()

    def _preset(self, name: str, value: str | None, doc: str | None = None) -> None:
        self.opts[name] = self.defaults[name] = value
        if doc is not None:
            self.docs[name] = doc

    def opt_header(self, line: str) -> None:
        """Field to send, 'Name: value', in place of ours of that name. (repeat)"""
        match = _FIELD.fullmatch(line.encode("utf-8", "surrogateescape"))
        if match is None:
            raise usage.UsageError("-H: this is no field; write 'Name: value'")
        name, value = match.groups()
        if name.lower() in _OURS:
            raise usage.UsageError(f"-H: {name.decode()} is ours to write")
        self.fields.append((name, value.rstrip(b" \t")))
        size = sum(len(each) + len(other) for each, other in self.fields)
        if len(self.fields) > FIELDS_MAX or size > FIELDS_BYTES:
            raise usage.UsageError(f"-H: more than {FIELDS_MAX} fields, or than {FIELDS_BYTES} bytes of them")

    opt_H = opt_header

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        super().postOptions()
        if self["user"] and self["bearer-file"]:
            raise usage.UsageError("-u and --bearer-file exclude each other")
        if self["password-file"] and not self["user"]:
            raise usage.UsageError("--password-file needs -u NAME")
        if self["public-only"] and self["proxy"]:
            raise usage.UsageError(
                "--public-only and --proxy exclude each other: a proxy looks names up itself"
            )
        self.web = Settings(
            connect_seconds=self.seconds("timeout"),
            silence_seconds=self.seconds("timeout"),
            total_seconds=None if self["total"] is None else self.seconds("total"),
            max_bytes=self.value("max-size", parse_size),
            ratio=self.count("max-ratio", 1, 100_000),
            limits=Limits(head_bytes=self.size("max-head", 1024, 16 * 1024 * 1024), fields=LINES_MAX),
            redirects=self.count("max-redirects", 0, 1000),
            downgrade=bool(self["allow-downgrade"]),
            proxies=self._proxies(),
            trust=self.judgement(),
            public_only=bool(self["public-only"]),
            family=self.way.family,
            source=self.way.source,
            resolver=self.way.resolver,
        )

    def size(self, name: str, least: int, most: int) -> int:
        """Return an option's bytes within bounds.  Raises: UsageError."""
        found = self.value(name, parse_size)
        if found is None or not least <= found <= most:
            raise usage.UsageError(f"--{name}: {quoted(self[name])} is not within {least} to {most} bytes")
        return found

    def trust(self) -> Trust | None:
        """Return None: whether TLS is spoken depends on the URL."""
        return None

    def _proxies(self) -> Proxies:
        try:
            return Proxies.of(os.environ, self["proxy"])
        except ValueError as error:
            option = "--proxy: this" if self["proxy"] is not None else "the environment's"
            raise usage.UsageError(f"{option} {error}") from None

    def url(self, text: str) -> Url:
        """Return a URL that was given; a password in it is warned of.  Raises: UsageError."""
        try:
            return parse_url(text)
        except ValueError as error:
            raise usage.UsageError(f"{quoted(shown(text))} {error}") from None

    def agent(self, reactor: Any, urls: Iterable[Url], *, asks: bool = False) -> Agent:
        """Return who asks, with the credentials for these URLs.  Raises: Failed, OSError, BadTrust.

        ``asks``: a 401 asks the person at the terminal, if there is one, for name and password.
        """
        if self.web.trust.insecure:
            self.warn_insecure()
        wallet = Wallet(basic_at_once=bool(self["basic"]))
        for url in urls:
            self._provide(wallet, url)
        ask = self._asking(reactor) if asks and terminal.is_there() else None
        agent = Agent(reactor, self.web, wallet=wallet, note=self.results.note, ask=ask)
        if self["verbose"]:
            agent.told = lambda text: complain(self.tool, text)
        return agent

    def _asking(self, reactor: Any) -> Ask:
        """Return what asks the person at the terminal as the tutorial does."""

        async def ask(answer: Answer, offered: list[Challenge]) -> Login | None:
            if not any(each.scheme in ("basic", "digest") for each in offered):
                return None
            sys.stderr.write(f"{answer.reason if ' ' in answer.reason else UNAUTHORIZED}\n")
            if answer.redirects:
                complain(self.tool, f"for {answer.url.place}, which is where redirects led to")
            if not answer.url.secure:
                self.results.note("without TLS others on the way can read the password")
            user = await terminal.question(reactor, "User name: ")
            if user is None:
                return None
            password = await terminal.question(reactor, "Password: ", shown=False)
            return None if password is None else Login(user, password)

        return ask

    def _provide(self, wallet: Wallet, url: Url) -> None:
        """Put into the wallet what was given for a URL."""
        if self["bearer-file"]:
            wallet.put_token(url.origin, read_token(self["bearer-file"]))
        elif self["user"]:
            user, colon, password = self["user"].partition(":")
            if self["password-file"]:
                user, colon, password = self["user"], ":", read_secret(self["password-file"], "password")
            if colon:
                wallet.put(url.origin, Login(user, password))
        elif url.login is not None:
            if url.login.password:
                self.results.warn("a password in a URL can be read by others (ps, histories); see --netrc")
            wallet.put(url.origin, url.login)
        elif self["netrc"] or self["netrc-file"]:
            login = read_netrc(self["netrc-file"], url.host)
            if login is not None:
                wallet.put(url.origin, login)

    async def ask_password(self, reactor: Any, urls: Iterable[Url], agent: Agent) -> None:
        """Where only a name was given, the password is asked for.  Raises: Failed if nobody is there."""
        user = self["user"]
        missing = [url for url in urls if user and not agent.wallet.knows(url.origin)]
        if not missing:
            return
        if not terminal.is_there():
            raise Failed("auth", "a password is needed; --password-file has it where no terminal is there")
        password = await terminal.question(reactor, "Password: ", shown=False)
        if password is None:
            raise Failed("auth", "no password was given")
        for url in missing:
            agent.wallet.put(url.origin, Login(user, password))

    def complain(self, outcome: Outcome) -> None:
        """Tell a failure as the tutorial does."""
        told = outcome.message or ""
        if outcome.cause == "usage":
            super().complain(outcome)
        else:
            complain("Error", told)
