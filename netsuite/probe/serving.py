"""Whether what was connected also serves: a banner is said, or HTTP answered with the status that is wanted.

A port forward accepts in the place of a program that is not there, and closes: connected is not serving.
A ``Check`` is put on a line; its ``done`` fires with what was seen, or fails: with Failed(``no``) if that is
not as asked, with ConnectionClosed kinds if the peer ended before it said anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from twisted.internet import defer
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HeadReader, ResponseHead, parse_response, write_request
from netsuite.http1.limits import DEFAULT
from netsuite.outcome import Failed
from netsuite.reach.place import Place

#: Bytes of a banner that are looked at, and shown.
BANNER_MAX = 4096
SHOWN_MAX = 256

#: Interim answers (RFC 9110 §15.2) before the one that counts.
INTERIM_MAX = 8

_STATUS = re.compile(r"([1-5])xx|([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statuses:
    """Which HTTP statuses are wanted: ranges, inclusive."""

    text: str
    ranges: tuple[tuple[int, int], ...]

    def __contains__(self, status: int) -> bool:
        return any(low <= status <= high for low, high in self.ranges)


def parse_statuses(text: str) -> Statuses:
    """Return the statuses of ``200``, ``2xx``, ``200-399`` or several with commas.  Raises: ValueError."""
    ranges = []
    for part in text.split(","):
        found = _STATUS.fullmatch(part)
        if found is None:
            raise ValueError("is no HTTP status; write 200, 2xx or 200-399,401")
        low = int(found[2] or f"{found[1]}00")
        high = int(found[3] or (found[2] or f"{found[1]}99"))
        if low > high:
            raise ValueError("has a range whose end is before its beginning")
        ranges.append((low, high))
    return Statuses(text, tuple(ranges))


def parse_pattern(text: str) -> re.Pattern[bytes]:
    """Return the pattern of a banner.  Raises: ValueError."""
    try:
        return re.compile(text.encode("utf-8", "surrogateescape"))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is no regular expression ({error})") from None


def parse_path(text: str) -> bytes:
    """Return a request's path.  Raises: ValueError."""
    if not re.fullmatch(r"/[!-~]*", text) or len(text) > BANNER_MAX:
        raise ValueError("is no path; it begins with / and is in ASCII")
    return text.encode("ascii")


class Check(Protocol):
    """Looks at what a peer says; ``done`` fires with it, as a part of a tool's result."""

    transport: Any

    def __init__(self) -> None:
        self.done: defer.Deferred[dict[str, object]] = defer.Deferred(self._cancelled)
        self._is_over = False

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The peer ended before what was asked for was seen."""
        self._end(self._without(reason))

    def late(self) -> Failed | None:
        """Return the error if the time is over, None if silence is all there is to tell."""
        return None

    def _without(self, reason: Failure) -> BaseException:
        """Return what an end says that comes before anything was decided."""
        if reason.check(ConnectionLost):
            return ConnectionLost("connected, and reset before anything was said")
        return ConnectionLost("connected, and closed before anything was said")

    def _end(self, result: dict[str, object] | BaseException) -> None:
        if self._is_over:
            return
        self._is_over = True
        self.transport.loseConnection()
        if isinstance(result, BaseException):
            self.done.errback(result)
        else:
            self.done.callback(result)

    def _cancelled(self, done: object) -> None:
        self._is_over = True
        self.transport.abortConnection()


class Banner(Check):
    """What the peer says has to match ``pattern``; ``asked`` is said to it first."""

    def __init__(self, pattern: re.Pattern[bytes], asked: bytes = b"") -> None:
        super().__init__()
        self._pattern, self._asked, self._said = pattern, asked, b""

    def connectionMade(self) -> None:
        """Say what is to be said."""
        if self._asked:
            self.transport.write(self._asked)

    def dataReceived(self, data: bytes) -> None:
        """Look whether it matches by now."""
        self._said = (self._said + data)[:BANNER_MAX]
        if self._pattern.search(self._said):
            self._end({"banner": banner_text(self._said)})
        elif len(self._said) >= BANNER_MAX:
            self._end(self.mismatch())

    def mismatch(self) -> Failed:
        """Return the error for a banner that is not as asked."""
        return Failed("no", f"the banner is not as asked: {banner_text(self._said)!r}")

    def _without(self, reason: Failure) -> BaseException:
        return self.mismatch() if self._said else super()._without(reason)

    def late(self) -> Failed | None:
        """Return the error if something else was said."""
        return self.mismatch() if self._said else None


class Http(Check):
    """GET is answered with one of ``statuses``."""

    def __init__(self, place: Place, path: bytes, statuses: Statuses) -> None:
        super().__init__()
        self._place, self._path, self._statuses = place, path, statuses
        self._heads: HeadReader[ResponseHead] = HeadReader(parse_response, DEFAULT)
        self._interim = 0

    def connectionMade(self) -> None:
        """Ask."""
        host = "localhost" if self._place.path is not None else str(_plain(self._place))
        agent = (b"User-Agent", b"netsuite-connectiontest")
        fields = [(b"Host", host.encode("ascii")), agent, (b"Connection", b"close")]
        self.transport.write(write_request(b"GET", self._path, fields))

    def dataReceived(self, data: bytes) -> None:
        """Wait for the final answer's head."""
        while not self._is_over:
            try:
                found = self._heads.feed(data)
            except BadMessage as error:
                self._end(Failed("no", f"the answer is no HTTP: {error.reason}"))
                return
            if found is None:
                return
            head, data = found
            self._interim += 1
            if head.status >= 200 or self._interim > INTERIM_MAX:
                self._judge(head.status)

    def _judge(self, status: int) -> None:
        if status in self._statuses:
            self._end({"status": status})
        else:
            self._end(Failed("no", f"the answer's status is {status}, not {self._statuses.text}"))


def _plain(place: Place) -> Place:
    """Return a place with its host as it is sent: in ASCII, without a scope."""
    return Place(place.host.partition("%")[0], place.port)


def banner_text(said: bytes) -> str:
    """Return what a peer said as text for people: short, what is no UTF-8 escaped."""
    text = said[:SHOWN_MAX].decode("utf-8", "backslashreplace").strip()
    return text + "…" if len(said) > SHOWN_MAX else text
