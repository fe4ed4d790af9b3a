"""What is said in plain before TLS begins, protocol by protocol: STARTTLS and its like.

Each dialogue is a list of turns: what we send, and what the peer's whole answer has to look like.  Bytes past
the last answer end it: they would be taken for words said in TLS (CVE-2011-0411).

Sources: RFC 3207 (SMTP), RFC 9051 §6.2.1 (IMAP), RFC 2595 (POP3), RFC 4217 (FTP), RFC 4642 (NNTP), RFC 5804
(Sieve); PostgreSQL's protocol, "SSL Session Encryption".
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet import defer
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from netsuite.reach.line import Line
from netsuite.reach.trust import TlsFailed

#: Bytes of one answer; greetings with many lines are shorter.
ANSWER_MAX = 8192

#: Sent, and what the whole answer is like; nothing is sent before a greeting.
Turn = tuple[bytes, re.Pattern[bytes]]


def _reply(code: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a reply, of one or several lines (RFC 5321 §4.2)."""
    return re.compile(rb"(?:%b-[^\n]*\n)*%b(?: [^\n]*)?\n" % (code, code))


DIALOGUES: dict[str, tuple[Turn, ...]] = {
    "smtp": (
        (b"", _reply(b"220")),
        (b"EHLO localhost\r\n", _reply(b"250")),
        (b"STARTTLS\r\n", _reply(b"220")),
    ),
    "imap": (
        (b"", re.compile(rb"\* (?:OK|PREAUTH)[^\n]*\n", re.IGNORECASE)),
        (b"a STARTTLS\r\n", re.compile(rb"(?:\* [^\n]*\n)*a OK[^\n]*\n", re.IGNORECASE)),
    ),
    "pop3": ((b"", re.compile(rb"\+OK[^\n]*\n")), (b"STLS\r\n", re.compile(rb"\+OK[^\n]*\n"))),
    "ftp": ((b"", _reply(b"220")), (b"AUTH TLS\r\n", _reply(b"234"))),
    "nntp": ((b"", re.compile(rb"20[01][^\n]*\n")), (b"STARTTLS\r\n", re.compile(rb"382[^\n]*\n"))),
    "sieve": (
        (b"", re.compile(rb'(?:"[^\n]*\n)*OK[^\n]*\n', re.IGNORECASE)),
        (b"STARTTLS\r\n", re.compile(rb"OK[^\n]*\n", re.IGNORECASE)),
    ),
    "postgres": ((b"\0\0\0\x08\x04\xd2\x16\x2f", re.compile(rb"S")),),
}


def start_tls(line: Line, name: str) -> defer.Deferred[Line]:
    """Fires with the line as soon as TLS may begin on it; may be cancelled.

    Fails with: TlsFailed if the peer does not offer it, ConnectionLost.
    """
    dialogue = _Dialogue(line, name)
    line.carry(dialogue)
    return dialogue.done


class _Dialogue(Protocol):
    """One dialogue, turn by turn; afterwards itself a line."""

    transport: Any

    def __init__(self, line: Line, name: str) -> None:
        self._line, self._name = line, name
        self._turns = list(DIALOGUES[name])
        self._held = b""
        self._is_over = False
        self.done: defer.Deferred[Line] = defer.Deferred(self._cancelled)

    def connectionMade(self) -> None:
        """Say the first thing, if it is on us to."""
        self.transport.write(self._turns[0][0])

    def dataReceived(self, data: bytes) -> None:
        """Wait for the whole answer, then say the next thing."""
        if self._is_over:
            return
        self._held += data
        if not self._turns[0][1].fullmatch(self._held):
            if len(self._held) > ANSWER_MAX or self._is_refusal():
                self._end(TlsFailed(f"no TLS: the {self._name} server does not offer it", "protocol"))
            return
        self._held = b""
        self._turns.pop(0)
        if self._turns:
            self.transport.write(self._turns[0][0])
        else:
            self._end(None)

    def _is_refusal(self) -> bool:
        """Whether no more bytes could make the answer a good one."""
        if self._name == "postgres":
            return True
        line = self._held.rpartition(b"\n")[0].rpartition(b"\n")[2]
        more = re.match(rb"\d\d\d-|\* |\"", line)
        return self._held.endswith(b"\n") and not more

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The peer ended it."""
        self._end(ConnectionLost("connected, and closed before TLS began"))

    def carry(self, protocol: Any) -> None:
        """``protocol`` speaks from now on."""
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)

    def _end(self, error: BaseException | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        if error is None:
            self.done.callback(self)
        else:
            self.transport.abortConnection()
            self.done.errback(error)

    def _cancelled(self, done: object) -> None:
        self._is_over = True
        self.transport.abortConnection()
