"""Which answers are counted, and the copy that is taken of them as they pass (DESIGN §3).

`judge` decides by the two heads alone.  The order of its rules is the order of what matters: whose page it is
(a host that is not to be counted leaves no name, only a number), then whether it is a page at all, then
whether its sender or reader keeps it private, then its size.

A `Copy` holds the very bytes that the relay writes, by reference, and undoes nothing.  It gives them up as
soon as they pass the bound of one page, or as all copies together with all pages that wait pass theirs.

With profiles, what a user reads is that user's: who logged in to the proxy, as the request says, which the
relay has verified by then.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol
from urllib.parse import quote

from netsuite.access import parse_basic
from netsuite.http1.fields import split_list
from netsuite.http1.head import RequestHead, ResponseHead
from netsuite.http1.target import Target
from netsuite.wordproxy.days import local_day
from netsuite.wordproxy.ledger import CopiedPage
from netsuite.wordproxy.pause import Pause
from netsuite.wordproxy.store.contract import PAUSED, RECOUNTED, UNSEEN
from netsuite.words.skipped import Reason

#: What is counted; everything else is "not text".
PAGE_TYPES = frozenset((b"text/html", b"application/xhtml+xml", b"text/plain"))

#: Reasons that most answers of a browse have.  They are in the coverage and not, one by one, in the log.
QUIET = frozenset((Reason.NOT_TEXT, Reason.NOT_MODIFIED, Reason.STATUS, Reason.IGNORED_HOST))

#: Pieces under this size are joined, so many at a time: an object costs more than a short piece itself.
SMALL = 256

#: Bytes of a path that stand as they are in an address that is shown.
_SHOWN = "/%:@!$&'()*+,;=~-._"
_PLAIN_PATH = re.compile(rb"[A-Za-z0-9%b]*+" % re.escape(_SHOWN.encode()))

#: Tunnels that are being opened, of which it is remembered who wants them.
TUNNELS_MAX = 1024


@dataclass(frozen=True, slots=True)
class Rules:
    """What is counted.  ``ignore_hosts``, ``only_hosts``: as `host_pattern` writes them."""

    url_key: bytes  #: 16 to 64 secret bytes: pages are known by a digest with it
    max_text: int = 8 * 1024 * 1024
    count_no_store: bool = False
    ignore_hosts: tuple[str, ...] = ()
    only_hosts: tuple[str, ...] = ()
    revisits: bool = False  #: a page that had not changed (304) is counted again
    profiles: bool = False  #: each user's pages are counted apart

    def ignores(self, host: str) -> bool:
        """This host is not to be counted, nor named."""
        if self.ignore_hosts and any(fnmatchcase(host, pattern) for pattern in self.ignore_hosts):
            return True
        return bool(self.only_hosts) and not any(fnmatchcase(host, pattern) for pattern in self.only_hosts)


class Taker(Protocol):
    """Where copies and notes go: the `Feed`."""

    @property
    def room(self) -> int: ...

    def page(self, page: CopiedPage) -> bool: ...

    def skip(self, exchange_id: int, host: str, reason: Reason, profile: str = "") -> None: ...

    def note(self, host: str, outcome: str, amount: float = 1, profile: str = "") -> None: ...


def host_pattern(text: str) -> str:
    """A host or glob as an operator writes it, in the form in which hosts are compared.

    An IPv6 address may have its brackets.  Raises: ValueError.
    """
    pattern = text.strip().lower().rstrip(".")
    if pattern.startswith("[") and pattern.endswith("]"):
        pattern = pattern[1:-1]
    if not pattern or any(sign in pattern for sign in "/@ []"):
        raise ValueError(f"{text!r} is no host name or pattern")
    return pattern if pattern.isascii() else pattern.encode("idna").decode("ascii")


def host_name(host: str | bytes) -> str:
    """A host as it is compared and stored: lower case, without the root's dot."""
    name = host.decode("ascii", "backslashreplace") if isinstance(host, bytes) else host
    return name.lower().rstrip(".")


def judge(request: RequestHead, response: ResponseHead, rules: Rules) -> Reason | None:
    """Why this answer is not to be counted, None if it is; the body may still say otherwise."""
    if request.target is not None and rules.ignores(host_name(request.target.host)):
        return Reason.IGNORED_HOST
    if response.status == 304:
        return Reason.NOT_MODIFIED
    if response.status == 206:
        return Reason.PARTIAL
    if response.status != 200 or request.method not in (b"GET", b"POST") or request.target is None:
        return Reason.STATUS
    fields = response.combined
    if media_type(fields.get(b"content-type", b""))[0] not in PAGE_TYPES:
        return Reason.NOT_TEXT
    if _is_attachment(fields.get(b"content-disposition", b"")):
        return Reason.ATTACHMENT
    if b"authorization" in request.combined:
        return Reason.AUTHORIZATION
    if not rules.count_no_store and b"no-store" in split_list(fields.get(b"cache-control", b"")):
        return Reason.NO_STORE
    if response.length is not None and response.length > rules.max_text:
        return Reason.TOO_LARGE
    return None


def media_type(value: bytes) -> tuple[bytes, str | None]:
    """The type in lower case, and its charset if named; of repeated fields the first (RFC 9110 §8.3.1)."""
    if b";" not in value and b"," not in value:
        return value.strip().lower(), None
    kind, *parameters = value.split(b",", 1)[0].split(b";")
    for parameter in parameters:
        name, _, text = parameter.partition(b"=")
        if name.strip().lower() == b"charset":
            label = text.strip(b" \t\"'")
            if 0 < len(label) <= 40 and label.isascii():  # longer is no charset's name
                return kind.strip().lower(), label.decode("ascii")
    return kind.strip().lower(), None


def _is_attachment(value: bytes) -> bool:
    """Whether a browser saves it: any type but inline (RFC 6266 §4.2); a value without a type is ignored."""
    kind = value.split(b";", 1)[0].strip().lower()
    return kind not in (b"", b"inline") and b"=" not in kind


def shown_url(target: Target) -> str:
    """The address as it may be kept: without user, query and fragment; ``?…`` where there was a query."""
    path, mark, _query = target.path.split(b"#", 1)[0].partition(b"?")
    origin = (target.scheme + b"://" + target.authority).decode("ascii", "backslashreplace")
    shown = path.decode("ascii") if _PLAIN_PATH.fullmatch(path) else quote(path, safe=_SHOWN)
    return origin + shown + ("?…" if mark else "")


def digest_of(target: Target, url_key: bytes) -> bytes:
    """What a page is known by: a keyed digest of its whole address."""
    whole = target.scheme + b"://" + target.authority + target.path
    return hashlib.blake2b(whole, digest_size=16, key=url_key).digest()


def blank(
    exchange_id: int, request: RequestHead, response: ResponseHead, target: Target, when: float, rules: Rules
) -> CopiedPage:
    """The page of an answer that is to be counted, without a byte of its body yet."""
    kind, charset = media_type(response.combined.get(b"content-type", b""))
    return CopiedPage(
        exchange_id=exchange_id,
        pieces=[],
        size=0,
        digest=digest_of(target, rules.url_key),
        host=host_name(target.host),
        url=shown_url(target) if request.method == b"GET" else None,
        day=local_day(when),
        when=when,
        media_type=kind.decode("ascii"),
        charset=charset,
        content_encoding=response.combined.get(b"content-encoding", b"").decode("latin-1"),
        content_language=_language(response.combined.get(b"content-language")),
    )


def again(exchange_id: int, target: Target, when: float, rules: Rules) -> CopiedPage:
    """The page of an answer 304: what its last visit counted is to be counted again."""
    digest, host = digest_of(target, rules.url_key), host_name(target.host)
    nothing: tuple[None, str, None] = (None, "", None)
    return CopiedPage(
        exchange_id, [], 0, digest, host, None, local_day(when), when, "", *nothing, source=RECOUNTED
    )


def user_of(request: RequestHead) -> str:
    """Who logged in to the proxy with this request, "" for nobody."""
    credentials = request.combined.get(b"proxy-authorization")
    told = parse_basic(credentials) if credentials is not None else None
    return told[0] if told is not None else ""


class Copying:
    """What the relay calls for each final answer and each tunnel: never blocks, never raises."""

    def __init__(
        self, feed: Taker, rules: Rules, clock: Callable[[], float], pause: Pause | None = None
    ) -> None:
        """``clock``: seconds since the epoch, UTC.  ``pause``: one whose seconds are noted elsewhere."""
        self.rules = rules
        self.open_bytes = 0  # in copies that are still being taken
        self._feed = feed
        self._clock = clock
        self._tunnels: OrderedDict[int, str] = OrderedDict()  # users of those that are not open yet
        self._pause = pause or Pause(clock, lambda seconds: feed.note("", PAUSED, seconds))

    # what the relay calls

    def on_request(self, exchange_id: int, request: RequestHead) -> None:
        """Every request goes its way."""
        if self.rules.profiles and request.method == b"CONNECT":
            self._tunnels[exchange_id] = user_of(request)
            if len(self._tunnels) > TUNNELS_MAX:
                self._tunnels.popitem(last=False)

    def on_response(self, exchange_id: int, request: RequestHead, response: ResponseHead) -> Copy | None:
        """The answer's copy, or None: it is not counted, and that is noted."""
        if self.is_paused:
            return None
        rules, target = self.rules, request.target
        reason = judge(request, response, rules)
        profile = user_of(request) if rules.profiles else ""
        if reason is None and target is not None:
            page = blank(exchange_id, request, response, target, self._clock(), rules)
            page.profile = profile
            return Copy(self, self._feed, page)
        if (
            reason is Reason.NOT_MODIFIED
            and rules.revisits
            and target is not None
            and request.method == b"GET"
        ):
            page = again(exchange_id, target, self._clock(), rules)
            page.profile = profile
            self._feed.page(page)
        elif reason is not None:
            host = "" if target is None or reason is Reason.IGNORED_HOST else host_name(target.host)
            if reason in QUIET:
                self._feed.note(host, reason.value, 1, profile)
            else:
                self._feed.skip(exchange_id, host, reason, profile)
        return None

    def on_tunnel(self, exchange_id: int, host: str, port: int) -> None:
        """The tunnel is noted as unseen."""
        profile = self._tunnels.pop(exchange_id, "")
        if not self.is_paused:
            name = host_name(host)
            self._feed.note("" if self.rules.ignores(name) else name, UNSEEN, 1, profile)

    # pause

    @property
    def is_paused(self) -> bool:
        """Nothing is counted or noted at present."""
        return self._pause.is_on

    def pause(self) -> None:
        """Nothing is counted from now on, nor what is on its way."""
        self._pause.begin()

    def resume(self) -> None:
        """Counting goes on, and the seconds it was paused are noted."""
        self._pause.end()

    def settle(self) -> None:
        """The pause so far is noted, and goes on: to be called each minute and at the end."""
        self._pause.settle()


def _language(value: bytes | None) -> str | None:
    """The field's first language tag, if it can be one."""
    tag = (value or b"").split(b",", 1)[0].strip()
    return tag.decode("ascii") if 0 < len(tag) <= 40 and tag.isascii() else None


class Copy:
    """One answer's body as it passes; given up past the bounds, handed on when whole."""

    __slots__ = ("_copying", "_feed", "_page", "_size", "_small")

    def __init__(self, copying: Copying, feed: Taker, page: CopiedPage) -> None:
        self._copying = copying
        self._feed = feed
        self._page: CopiedPage | None = page
        self._size = 0
        self._small = 0  # short pieces at the end

    def data(self, payload: bytes) -> None:
        """The payload belongs to the copy, by reference; or the copy was given up."""
        page = self._page
        if page is None:
            return
        copying = self._copying
        self._size += len(payload)
        copying.open_bytes += len(payload)
        if self._size > copying.rules.max_text:
            self._drop(Reason.TOO_LARGE)
        elif copying.open_bytes > self._feed.room:
            self._drop(Reason.BUSY)
        else:
            page.pieces.append(payload)
            if len(payload) >= SMALL:
                self._small = 0
            else:
                self._small += 1
                if self._small == SMALL:
                    page.pieces[-SMALL:] = [b"".join(page.pieces[-SMALL:])]
                    self._small = 0

    def end(self, complete: bool) -> None:
        """The page is on its way to the counter, or noted as cut short; nothing is held here any more."""
        page = self._page
        if page is None:
            return
        if not complete:
            self._drop(Reason.CUT_SHORT)
            return
        self._let_go()
        if not self._copying.is_paused:
            page.size = self._size
            self._feed.page(page)

    def _drop(self, reason: Reason) -> None:
        page = self._page
        self._let_go()
        if page is not None and not self._copying.is_paused:
            self._feed.skip(page.exchange_id, page.host, reason, page.profile)

    def _let_go(self) -> None:
        self._copying.open_bytes -= self._size
        self._page = None
