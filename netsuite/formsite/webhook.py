"""An answer told to a web address: a POST of JSON, signed so that its receiver knows whose it is.

The fields and the signature are those of Standard Webhooks 1.0: ``webhook-id`` is the same each time the same
answer is told, ``webhook-signature`` is ``v1,`` and the HMAC-SHA256 of id, time and body.  Redirects are not
followed, and the address that is dialled is judged by the guard, after resolution, each time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from twisted.internet import defer
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from netsuite import durable
from netsuite.formsite import export
from netsuite.formsite.delivery import Undelivered
from netsuite.formsite.entry import when
from netsuite.formsite.store import Letter
from netsuite.guard import Forbidden, Guard
from netsuite.outcome import Outcome
from netsuite.reach.place import Place
from netsuite.reach.trust import Trust
from netsuite.reach.way import Endpoint, Reach, Way

#: Seconds that one try may take, and bytes of the receiver's answer that are read.
TRY_SECONDS, ANSWER_BYTES = 20.0, 64 * 1024

#: How a secret begins (Standard Webhooks, "Signature scheme").
PREFIX = "whsec_"


def sign(secret: bytes, number: str, moment: int, body: bytes) -> str:
    """The signature of a message.  ``moment``: seconds since 1970."""
    told = b".".join((number.encode(), str(moment).encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret, told, hashlib.sha256).digest()).decode()


def read_secret(path: str) -> bytes:
    """The secret in a file, made at first use (0600).  Raises: ValueError, OSError."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            text = file.read(1024).strip()
    except FileNotFoundError:
        made = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
        durable.write(path, made.encode() + b"\n", replace=False)
        return read_secret(path)
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith(PREFIX) or not 24 <= len(secret) <= 64:
        raise ValueError(f"{path} is no secret of a webhook: {PREFIX} and 24 to 64 bytes in base64")
    return secret


def place_of(url: str) -> Place:
    """Where an address is.  Raises: ValueError with a clause that follows the quoted text."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ValueError("is no address of the web") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("is no http or https address without a user's name")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("has characters that no address has")
    return Place(parts.hostname, port)


@implementer(IAgentEndpointFactory)
class _Guarded:
    """Connects where the guard allows."""

    def __init__(self, reactor: Any, url: str, guard: Guard, trust: Trust) -> None:
        is_secure = url.startswith("https:")
        way = Way(TRY_SECONDS, judge=guard.refusal, trust=trust if is_secure else None)
        self._endpoint = Endpoint(Reach(reactor, way), place_of(url))

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """The one place there is."""
        return self._endpoint


class Webhook:
    """Tells answers to one address.  ``clock``: seconds since 1970; ``name``: tells our store from others."""

    def __init__(
        self,
        reactor: Any,
        url: str,
        secret: bytes,
        guard: Guard,
        *,
        name: str,
        clock: Callable[[], float],
        trust: Trust = Trust(),  # noqa: B008 - a value
    ) -> None:
        self._reactor, self._url, self._secret, self._name = reactor, url, secret, name
        self._clock = clock
        self._agent = Agent.usingEndpointFactory(reactor, _Guarded(reactor, url, guard, trust))

    async def send(self, letter: Letter) -> None:
        """The receiver said that it has it.  Raises: Undelivered."""
        assert letter.entry is not None  # noqa: S101 - the courier sends none without
        told = {"type": "answer", "timestamp": when(letter.entry.at), "data": export.plain(letter.entry)}
        body = msgspec.json.encode(told)
        number, moment = f"{self._name}-{letter.entry.id}", int(self._clock())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "netsuite-formsite",
            "webhook-id": number,
            "webhook-timestamp": str(moment),
            "webhook-signature": sign(self._secret, number, moment, body),
        }
        trying = defer.Deferred.fromCoroutine(self._post(headers, body))
        try:
            status = await trying.addTimeout(TRY_SECONDS, self._reactor)
        except defer.TimeoutError:
            raise Undelivered(f"no answer in {TRY_SECONDS:g} s") from None
        except Forbidden as error:
            raise Undelivered(str(error)) from None
        except (ConnectError, ResponseFailed, OSError, defer.CancelledError) as error:
            raise Undelivered(Outcome.of(error).message or type(error).__name__) from None
        except Exception as error:  # whatever a receiver makes of HTTP must not stop the courier
            raise Undelivered(f"{type(error).__name__}") from None
        if not 200 <= status < 300:
            raise Undelivered(f"the answer's status is {status}")

    async def _post(self, headers: dict[str, str], body: bytes) -> int:
        fields = Headers({name: [value] for name, value in headers.items()})
        response = await self._agent.request(b"POST", self._url.encode(), fields, _Body(body))
        discard = _Discard()
        response.deliverBody(discard)
        await discard.done
        return int(response.code)


@implementer(IBodyProducer)
class _Body:
    """A body that is here already (IBodyProducer)."""

    def __init__(self, body: bytes) -> None:
        self._body, self.length = body, len(body)

    def startProducing(self, consumer: Any) -> defer.Deferred[None]:
        consumer.write(self._body)
        return defer.succeed(None)

    def pauseProducing(self) -> None:
        """It is written at once."""

    resumeProducing = stopProducing = pauseProducing


class _Discard(Protocol):
    """Reads the receiver's answer to its end, or to our bound; ``done`` fires then."""

    def __init__(self) -> None:
        self.done: defer.Deferred[None] = defer.Deferred()
        self._left = ANSWER_BYTES

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0 and self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.done.called:
            self.done.callback(None)
