"""An answer told by mail: a plain message in UTF-8, handed to a mail server (RFC 5321, RFC 5322).

The message has the answers as they came, the address that was given in a field for one as Reply-To, and a
Message-ID that is the same each time the same answer is told.  Whoever fills in a form can put nothing into
the message's head but that address, which is judged first.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from io import BytesIO
from typing import Any

from twisted.internet import defer
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.ssl import optionsForClientTLS

from netsuite.formsite import form as forms
from netsuite.formsite.delivery import Undelivered
from netsuite.formsite.entry import Entry, grouped
from netsuite.formsite.form import Form
from netsuite.formsite.store import Letter
from netsuite.outcome import Outcome
from netsuite.reach.place import Place, parse_place
from netsuite.values import is_loopback

#: Seconds that one try may take.
TRY_SECONDS = 60.0

#: Twisted's client makes each LF a CRLF by itself.
_LINES = SMTP.clone(linesep="\n")


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server.  ``is_secure``: TLS from the first byte; else STARTTLS, where it is offered."""

    place: Place
    is_secure: bool = False
    user: str = ""
    password: str = ""


def parse_server(text: str) -> tuple[Place, bool]:
    """The place of ``host:port``, ``tcp:host:port`` or ``tls:host:port``, and whether it is TLS at once.

    Raises: ValueError with a clause that follows the quoted text.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in ("tcp", "tls"):
        scheme, rest = "tcp", text
    place = parse_place(rest)
    if place.path is not None:
        raise ValueError("is no mail server; write localhost:25 or tls:mail.example.org:465")
    return place, scheme == "tls"


def parse_address(text: str) -> str:
    """A mail address.  Raises: ValueError with a clause that follows the quoted text."""
    if not forms.is_mail_address(text):
        raise ValueError("is no mail address")
    return text


def message(entry: Entry, form: Form, *, sender: str, to: str, name: str) -> EmailMessage:
    """What is sent of an answer.  ``name``: tells our store from others."""
    mail = EmailMessage(policy=_LINES)
    mail["From"], mail["To"] = _address(sender), _address(to)
    mail["Subject"] = f"{' '.join(form.title.split())[:80]}: answer {entry.id}"
    mail["Date"] = formatdate(entry.at / 1000, usegmt=True)
    mail["Message-ID"] = f"<answer.{entry.id}.{name}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday note in answer
    field = form.address
    given = next((v for n, v in entry.fields if field is not None and n == field.name), "")
    if forms.is_mail_address(given):
        mail["Reply-To"] = _address(given)
    blocks = ["\n".join([name, *(f"    {v}" for value in values for v in value.split("\n"))])
              for name, values in grouped(entry.fields)]  # fmt: skip
    files = [f"{file.field}\n    {file.name} ({file.size} bytes)" for file in entry.files]
    mail.set_content("\n\n".join([*blocks, *files]) + "\n", cte="quoted-printable")
    return mail


def _address(text: str) -> Address:
    user, _, domain = text.rpartition("@")
    return Address(username=user, domain=domain)


class Mail:
    """Tells answers to one mail address."""

    def __init__(self, reactor: Any, server: Server, form: Any, *, sender: str, to: str, name: str) -> None:
        """``form``: a function that returns the form of this moment."""
        self._reactor, self._server, self._form = reactor, server, form
        self._sender, self._to, self._name = sender, to, name

    async def send(self, letter: Letter) -> None:
        """The server took it.  Raises: Undelivered."""
        from twisted.mail.smtp import ESMTPSenderFactory, SMTPClientError  # its import installs a reactor

        assert letter.entry is not None  # noqa: S101 - the courier sends none without
        mail = message(letter.entry, self._form(), sender=self._sender, to=self._to, name=self._name)
        sent: defer.Deferred[Any] = defer.Deferred()
        host = self._server.place.host
        factory = ESMTPSenderFactory(
            self._server.user.encode() or None,
            self._server.password.encode() or None,
            self._sender,
            self._to,
            BytesIO(mail.as_bytes()),
            sent,
            retries=0,
            timeout=TRY_SECONDS / 2,
            contextFactory=None if self._server.is_secure else optionsForClientTLS(host),
            heloFallback=True,
            requireAuthentication=bool(self._server.user),
            requireTransportSecurity=bool(self._server.user) and not is_loopback(host),
        )
        endpoint: Any = HostnameEndpoint(self._reactor, host.encode(), self._server.place.port)
        if self._server.is_secure:
            endpoint = wrapClientTLS(optionsForClientTLS(host), endpoint)
        trying = defer.Deferred.fromCoroutine(_sent(endpoint, factory, sent))
        try:
            await trying.addTimeout(TRY_SECONDS, self._reactor)
        except defer.TimeoutError:
            raise Undelivered(f"no end in {TRY_SECONDS:g} s") from None
        except SMTPClientError as error:
            raise Undelivered(_told(error.code, error.resp)) from None
        except Exception as error:  # a server's odd answer must not stop the courier
            told = Outcome.of(error)
            known = told.message if told.cause != "internal" else None
            raise Undelivered(known or type(error).__name__) from None


def _told(code: int, text: bytes) -> str:
    """What went wrong: the server's code, for its text may quote the message; our own side's text."""
    return f"the mail server answered {code}" if code > 0 else text.decode("ascii", "replace")[:200]


async def _sent(endpoint: Any, factory: Any, sent: defer.Deferred[Any]) -> None:
    protocol = await endpoint.connect(factory)
    try:
        await sent
    except defer.CancelledError:
        protocol.transport.abortConnection()
        raise
