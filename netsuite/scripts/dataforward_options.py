"""The command line of dataforward."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from twisted.python import usage

from netsuite.forward.expect import STEPS_MAX, Dialogue, Send, Step, parse_expect
from netsuite.forward.newline import AsIs, LineEnds, ToCrlf, ToLf
from netsuite.forward.session import Manners, Session
from netsuite.journal import escaped
from netsuite.manual.kind import FILE, HOST, NAMES, PORT, REGEX, SECONDS, TEXT, URL, Kind, one_of
from netsuite.outcome import Outcome
from netsuite.probe.starttls import DIALOGUES
from netsuite.reach.place import Place
from netsuite.reach.trust import Trust
from netsuite.reach.way import Through
from netsuite.scripts.network import NetworkOptions, parse_file, place, place_of, quoted
from netsuite.scripts.through import parse_proxy
from netsuite.values import Where, parse_where, split_endpoint

USAGE = "Usage: dataforward.py host port"

#: Seconds for a connection to be made where -t says nothing.
CONNECT_SECONDS = "10"

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "e": "\x1b", "\\": "\\"}


class Options(NetworkOptions):
    """The command line of dataforward."""

    tool = "dataforward"
    synopsis = "Usage: dataforward [options] (HOST PORT | HOST:PORT | unix:PATH | ENDPOINT)"
    longdesc = (
        "Send standard input to a server and write what it answers to standard output.  Line ends go out as "
        "CRLF unless -b or --lf says otherwise.  At the end of input the answer is waited for.  Exit status: "
        "0 closed cleanly, or by Ctrl-C; 1 --expect not seen; 2 usage; 4 name; 5 refused; 6 time-out; "
        "7 unreachable; 8 TLS; 9 reset; 12 a file, or standard output closed."
    )
    examples = """Examples:
  dataforward localhost 5001
      type, and see the answers
  printf 'HEAD / HTTP/1.0\\n\\n' | dataforward -q example.org 80
  dataforward -b backup 9000 <disk.img
      every byte as it is
  dataforward -b --listen 9000 >disk.img                      the other end
  dataforward --starttls smtp mail.example.org 25
  dataforward --expect 'You said' --send quit -t 5 localhost 5001
  dataforward --record talk.jsonl localhost 5001
  dataforward --replay talk.jsonl localhost 5001"""

    optFlags: ClassVar[list[list[Any]]] = [
        ["binary", "b", "Every byte as it is, both ways."],
        ["crlf", None, "Line ends go out as CRLF (the default)."],
        ["lf", None, "Line ends go out as LF."],
        ["no-half-close", None, "Don't tell the peer that the input has ended."],
        ["listen", "l", "Accept a connection, on loopback unless written out."],
        ["keep", "k", "With --listen: accept one after the other."],
        ["hex", "x", "Show all bytes in hexadecimal on standard error."],
        ["safe", None, "On a terminal, show control characters of the peer escaped."],
    ]
    optParameters: ClassVar[list[list[Any]]] = [
        ["timeout", "t", None, "Seconds of silence that end it (none); for the connection, 10."],
        ["linger", None, None, "Wait at most so many seconds for the answer after the input's end."],
        ["output", "o", None, "File to write to, in place of standard output."],
        ["record", None, None, "File to record to what is sent and received."],
        ["replay", None, None, "Recording to send, in place of standard input."],
        ["starttls", None, None, f"Begin TLS as a protocol does: {', '.join(DIALOGUES)}."],
        ["alpn", None, None, "Protocols to offer in TLS, as h2,http/1.1."],
        ["proxy", None, None, "Connect by way of http:// or socks5://[user[:password]@]host:port."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "timeout": SECONDS,
        "linger": SECONDS,
        "output": FILE,
        "record": FILE,
        "replay": FILE,
        "starttls": one_of("PROTOCOL", *DIALOGUES),
        "alpn": NAMES,
        "proxy": URL,
        "expect": REGEX,
        "send": TEXT,
    }
    operands = (HOST, PORT)

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.said: list[str] = []
        self.place: Place | None = None
        self.where: Where | None = None
        self.words: tuple[str, ...] = ()
        self.manners = Manners()
        self.dialogue = Dialogue(())
        self.session: Session | None = None
        self.result: dict[str, object] | None = None

    def opt_expect(self, pattern: str) -> None:
        """Regular expression that the peer must say next; else exit status 1. (repeat)"""
        try:
            self.steps.append(parse_expect(pattern))
        except ValueError as error:
            raise usage.UsageError(f"--expect: {quoted(pattern)} {error}") from None

    def opt_send(self, text: str) -> None:
        r"""Line to send once the --expect before it was seen; \r \n \t \e \0 \\ are known. (repeat)"""
        self.said.append(text)
        self.steps.append(Send(b""))  # the line's end is known later

    def parseArgs(self, *words: str) -> None:
        """Take the place.  Raises: UsageError."""
        if not 1 <= len(words) <= 2 or (len(words) == 1 and ":" not in words[0] and not self["listen"]):
            raise usage.UsageError(USAGE)
        self.words = words

    def postOptions(self) -> None:
        """Read what was given.  Raises: UsageError."""
        if self["listen"]:
            self.where = listened(self.words)
            self.target = {"listen": self.where.text}
        else:
            self.place = self.connected(self.words)
            self.target = self.place.told
        super().postOptions()
        self._check()
        self.manners = Manners(
            half_close=not self["no-half-close"],
            shy=bool(self["listen"]),
            linger=None if self["linger"] is None else self.seconds("linger", least=0.0),
            idle=None if self["timeout"] is None else self.seconds("timeout"),
        )
        end = b"" if self["binary"] else b"\n" if self["lf"] else b"\r\n"
        lines = iter(self.said)
        steps = [Send(said(next(lines)) + end) if isinstance(step, Send) else step for step in self.steps]
        if len(steps) > STEPS_MAX:
            raise usage.UsageError(f"at most {STEPS_MAX} of --expect and --send")
        self.dialogue = Dialogue(steps)

    def _check(self) -> None:
        if sum(bool(self[name]) for name in ("binary", "crlf", "lf")) > 1:
            raise usage.UsageError("-b, --crlf and --lf exclude each other")
        if self["keep"] and not self["listen"]:
            raise usage.UsageError("-k needs --listen")
        if self["listen"] and (self["tls"] or self["proxy"] or self["starttls"] or self["source"]):
            raise usage.UsageError("--listen goes without --tls, --starttls, --proxy and --source")
        if self["json"] and not self["output"]:
            raise usage.UsageError("with --json the data goes to a file: add -o FILE")
        if self["starttls"] is not None and self["starttls"] not in DIALOGUES:
            raise usage.UsageError(f"--starttls is one of {', '.join(DIALOGUES)}")
        for name in ("output", "record", "replay"):
            self.value(name, parse_file)

    def connected(self, words: tuple[str, ...]) -> Place:
        """Return the place to connect with; an endpoint may ask for TLS.  Raises: UsageError."""
        if len(words) == 2:
            return place_of(*words)
        kind, *rest = split_endpoint(words[0])
        if kind not in ("tcp", "ssl", "tls") or len(rest) < 2:
            return place(words[0])
        named = dict(part.partition("=")[::2] for part in rest if "=" in part)
        plain = [part for part in rest if "=" not in part]
        host = named.pop("host", None) or (plain.pop(0) if plain else "")
        port = named.pop("port", None) or (plain.pop(0) if plain else "")
        if named or plain:
            raise usage.UsageError(f"{quoted(words[0])} says more than a host and a port; use options")
        self["tls"] = self["tls"] or kind != "tcp"
        return place_of(host, port)

    def seconds(self, name: str, *, least: float = 0.001) -> float:
        """Return an option's seconds; for a connection there is a limit even without -t."""
        if name == "timeout" and self[name] is None:
            return float(CONNECT_SECONDS)
        return super().seconds(name, least=least)

    def trust(self) -> Trust | None:
        """TLS, also where it begins by ``--starttls``."""
        self["tls"] = self["tls"] or self["starttls"] is not None
        trust = super().trust()
        if self["alpn"] is None:
            return trust
        if trust is None:
            raise usage.UsageError("--alpn is of use with --tls only")
        return replace(trust, protocols=self.value("alpn", parse_alpn) or ())

    def through(self) -> Through | None:
        """The proxy on the way."""
        try:
            return parse_proxy(self["proxy"]) if self["proxy"] is not None else None
        except ValueError as error:  # the text may hold a password
            raise usage.UsageError(f"--proxy {error}") from None

    def streams(self) -> tuple[int, int]:
        """Return the descriptors of standard input and output, -1 for one that was closed at the start."""
        return (-1 if sys.stdin is None else 0), (-1 if sys.stdout is None else 1)

    def line_ends(self) -> LineEnds:
        """Return what becomes of line ends that go out."""
        if self["binary"] or self["replay"]:
            return AsIs()
        return ToLf() if self["lf"] else ToCrlf()

    def take_reactor(self) -> Any:
        """Return a reactor with a short way to our connections, where there is one."""
        with suppress(ImportError):  # no epoll here
            from netsuite.reactor import prefer

            prefer()
        return super().take_reactor()

    def stopped(self, interrupted: Outcome) -> Outcome:
        """Ctrl-C is how a connection is ended by hand, unless something is still expected of it."""
        if interrupted.exit == 130 and self.session is not None and self.dialogue.waits is None:
            return Outcome.done(**(self.result or {}))
        return replace(interrupted, result=self.result)

    def say(self, text: str) -> None:
        """Tell people how it goes, in the tutorial's words, on standard error."""
        if not self["quiet"]:
            with suppress(OSError, ValueError, AttributeError):  # nobody listens
                sys.stderr.write(f"{escaped(text)}\n")
                sys.stderr.flush()


def listened(words: tuple[str, ...]) -> Where:
    """Return where to accept a connection.  Raises: UsageError."""
    text = words[0]
    if len(words) == 2:
        asked = place_of(*words) if words[1] != "0" else replace(place_of(words[0], "1"), port=0)
        text = "tcp:{}:interface={}".format(asked.port, asked.host.replace(":", "\\:"))
    try:
        return parse_where(text)
    except ValueError as error:
        raise usage.UsageError(f"{quoted(text)} {error}") from None


def parse_alpn(text: str) -> tuple[str, ...]:
    """Return protocols' names (RFC 7301: 1 to 255 bytes each).  Raises: ValueError."""
    names = tuple(text.split(","))
    if not all(name.isascii() and name.isprintable() and 0 < len(name) < 256 for name in names):
        raise ValueError("is no list of protocols; write h2,http/1.1")
    return names


def said(text: str) -> bytes:
    """Return what is to be sent of a text with escapes."""
    out, rest = "", iter(text)
    for char in rest:
        if char == "\\":
            after = next(rest, "\\")
            char = _ESCAPES.get(after, "\\" + after)
        out += char
    return out.encode("utf-8", "surrogateescape")
