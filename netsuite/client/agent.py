"""The HTTP client of our tools: from a request to its answer, by way of redirects, log-ins and proxies.

Theory.  Our own client and not ``twisted.web.client.Agent``, for two reasons.  Strictness: the answer is read
by ``http1``, as the proxy reads it, so that a head without end, a body cut short or one byte too long, and
whatever could be read in two ways, end as failures with a cause of the table, where Agent is content.  Speed:
a body's bytes go from ``recv`` through the framing to the sink in pieces of up to 256 KiB.  For 1 GB from
nginx on loopback into a file that took 0.65 to 0.87 s of a core and the process's start 0.25 s; Agent took
0.9 to 1.1 s and 0.35 s; curl 1.1 to 1.3 s.

A connection is made for each request.  Each step of a chain of redirects is a new question with its own
judgement: which proxy, whose credentials (``credentials``), which address (the guard).  All steps together,
log-ins included, have one time limit; silence has its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

from netsuite.client.answer import Answer as Answer
from netsuite.client.challenge import Challenge, challenges
from netsuite.client.content import whole
from netsuite.client.credentials import Wallet, for_origin
from netsuite.client.exchange import Exchange
from netsuite.client.proxies import ForwardProxy
from netsuite.client.redirects import STATUSES, step
from netsuite.client.request import Request as Request
from netsuite.client.request import Settings as Settings
from netsuite.client.tunnel import Connect, proxy_fields
from netsuite.client.url import Login, Url
from netsuite.guard import Guard
from netsuite.http1.fields import Fields, values
from netsuite.http1.head import write_request
from netsuite.names import Names
from netsuite.outcome import Failed, version
from netsuite.reach.line import Line
from netsuite.reach.place import Place
from netsuite.reach.trust import Tls, shown_by
from netsuite.reach.way import Reach, Way

#: Times that a request is asked again because of a 401: a better scheme, then a newer nonce.
AGAIN_MAX = 2

_NO_CONTENT: Iterator[bytes] = iter(())


#: Asks a person for name and password, when an answer has challenged us; None if there is nobody to ask.
Ask = Callable[["Answer", list[Challenge]], Awaitable[Login | None]]


class Agent:
    """Asks.  ``wallet``: whose credentials; ``note``: takes what people should know; ``ask``: see Ask.

    ``told``: takes a line about each request, without query and secrets.
    """

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        *,
        wallet: Wallet | None = None,
        note: Callable[[str], object] = lambda text: None,
        ask: Ask | None = None,
    ) -> None:
        self._reactor, self._settings = reactor, settings
        self.wallet = Wallet() if wallet is None else wallet
        self._note, self._ask = note, ask
        self.told: Callable[[str], object] | None = None
        self._names = Names(reactor, settings.resolver)
        self._judge = _judge(Guard()) if settings.public_only else None

    async def fetch(self, request: Request) -> Answer:
        """Return the answer that is no redirect and no question for credentials that we know.

        Raises: Failed, DNSLookupError, ResolverFailed, ConnectError kinds (TlsFailed among them), OSError.
        """
        total = self._settings.total_seconds
        ends = None if total is None else self._reactor.seconds() + total
        seen: list[tuple[bytes, str]] = []
        redirects: list[str] = []
        asked = request
        while True:
            seen.append((asked.method, asked.url.text))
            answer = await self._authorized(asked, request.url, ends)
            answer.redirects = redirects
            location = answer.value(b"location")
            if answer.status not in STATUSES or location is None or not request.follow:
                return answer
            answer.close()
            following = step(
                answer.status,
                location,
                asked.url,
                asked.method,
                seen,
                most=self._settings.redirects,
                downgrade=self._settings.downgrade,
            )
            if following.note is not None:
                self._note(following.note)
            content = None if following.bare else asked.content
            at = asked.at if following.url.place == asked.url.place else None
            asked = replace(asked, url=following.url, method=following.method, content=content, at=at)
            redirects.append(following.url.text)

    async def _authorized(self, asked: Request, first: Url, ends: float | None) -> Answer:
        """Return the answer to a request, asked again where a 401 can be answered."""
        again, may_ask = AGAIN_MAX, self._ask is not None
        while True:
            sent = self._authorization(asked)
            answer = await self._once(asked, first, sent, ends)
            if answer.status != 401:
                return answer
            offered = challenges(values(answer.head.fields, b"www-authenticate"))
            if again and self.wallet.answer(asked.url.origin, offered, sent=sent):
                again -= 1
            elif may_ask and self._ask is not None:
                may_ask = False
                login = await self._ask(answer, offered)
                if login is None:
                    return answer
                self.wallet.put(asked.url.origin, login)
                if not self.wallet.answer(asked.url.origin, offered, sent=None):
                    return answer
            else:
                return answer
            answer.close()

    def _authorization(self, asked: Request) -> bytes | None:
        target = asked.url.target
        content = whole(asked.content) if self.wallet.needs_content(asked.url.origin) else b""
        try:
            return self.wallet.authorization(asked.url.origin, asked.method, target.path, content)
        except ValueError as error:
            raise Failed("auth", f"can't log in: {error}") from None

    async def _once(
        self, asked: Request, first: Url, authorization: bytes | None, ends: float | None
    ) -> Answer:
        """Return the answer to a request, whatever it is."""
        url, settings = asked.url, self._settings
        proxy = None if settings.public_only else settings.proxies.for_url(url)
        head = self._head(asked, first, authorization, None if url.secure else proxy)
        line = await self._line(asked, first, proxy, ends)
        exchange = Exchange(
            self._reactor, asked.method, silence=settings.silence_seconds, ends=ends, limits=settings.limits
        )
        line.carry(exchange)
        content = _NO_CONTENT if asked.content is None else asked.content.pieces()
        answered = await exchange.ask(head, content)
        answer = Answer(answered, exchange, url, settings, shown_by(line) if isinstance(line, Tls) else None)
        answer.address = str(getattr(line.transport.getPeer(), "host", ""))
        if self.told is not None:
            way = f"the proxy {proxy.place}" if proxy is not None else answer.address
            logged_in = f" with {authorization.split(b' ')[0].decode()}" if authorization else ""
            self.told(f"{asked.method.decode()} {url.shown}{logged_in} at {way}: {answer.reason}")
        return answer

    def _head(
        self, asked: Request, first: Url, authorization: bytes | None, proxy: ForwardProxy | None
    ) -> bytes:
        target = asked.url.target
        own: Fields = for_origin(asked.fields, first.origin, asked.url.origin)
        if asked.url.origin != first.origin:
            own = [each for each in own if each[0].lower() != b"host"]
        if authorization is not None:
            own = [each for each in own if each[0].lower() != b"authorization"]
        ours: Fields = [
            (b"Host", target.authority),
            (b"User-Agent", f"netsuite/{version()}".encode("ascii")),
            (b"Accept", b"*/*"),
            (b"Accept-Encoding", asked.codings),
        ]
        if asked.content is not None:
            ours.append((b"Content-Type", asked.content.kind))
        else:
            own = [each for each in own if each[0].lower() != b"content-type"]
        taken = {name.lower() for name, _ in own}
        fields = [each for each in ours if each[0].lower() not in taken]
        if asked.content is not None:
            fields.append((b"Content-Length", b"%d" % asked.content.length))
        if authorization is not None:
            fields.append((b"Authorization", authorization))
        fields += own
        path = target.path
        if proxy is not None:
            path = target.scheme + b"://" + target.authority + path
            fields += proxy_fields(proxy)
        return write_request(asked.method, path, [*fields, (b"Connection", b"close")])

    async def _line(self, asked: Request, first: Url, proxy: ForwardProxy | None, ends: float | None) -> Line:
        """Return a connection on which a URL can be asked for.

        Our own certificate, and another name for the server, are for the first origin only, as passwords are.
        """
        url, settings, trust = asked.url, self._settings, self._settings.trust
        if url.origin != first.origin:
            trust = replace(trust, cert=None, servername=None)
        seconds = settings.connect_seconds
        if ends is not None:
            seconds = max(0.0, min(seconds, ends - self._reactor.seconds()))
        place = Place(url.host, url.port)
        way = Way(
            seconds,
            family=settings.family,
            source=settings.source,
            trust=trust if url.secure else None,
            judge=self._judge,
        )
        if proxy is not None and url.secure:
            way = replace(way, through=Connect(proxy))
        elif proxy is not None:
            place = Place(proxy.host, proxy.port)
        reach = Reach(self._reactor, way, self._names)
        if asked.at is None or proxy is not None:
            return await reach.line(place)
        return await reach.attempt(place, asked.at)


def _judge(guard: Guard) -> Callable[[str, int], Exception | None]:
    """Return what refuses addresses that are not public."""

    def judge(address: str, port: int) -> Exception | None:
        told = guard.judge(address, port)
        if told is None:
            return None
        return Failed("limit", f"{told.partition(' (')[0]}, and --public-only keeps away", detail="guard")

    return judge
