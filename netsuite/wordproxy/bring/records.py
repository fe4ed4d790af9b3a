"""A recorded answer, judged and described as a live one would be: by the code of `copying`, not by its like.

Every file is read as a sequence of *records* with numbers from 1 on, each of which is one page or one reason
why it is none; so a record's number is the sequence that the store knows it by (DESIGN §4).  Of a record's
fields only those are read that judge or describe: no cookie, credential or form value ever is a value here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from netsuite.http1.errors import BadMessage
from netsuite.http1.framing import NO_OPTIONS
from netsuite.http1.head import HTTP11, RequestHead, ResponseHead
from netsuite.http1.target import Target, absolute
from netsuite.wordproxy.copying import Rules, blank, digest_of, host_name, judge
from netsuite.wordproxy.days import local_day
from netsuite.wordproxy.ledger import CopiedPage
from netsuite.wordproxy.store.contract import IMPORTED, RECOUNTED
from netsuite.words.skipped import Reason

#: The fields of an answer that judge or describe it.
ANSWER_FIELDS = frozenset(
    (b"content-type", b"content-disposition", b"content-encoding", b"content-language", b"cache-control")
)

#: Longest address that is read.
URL_MAX = 16 * 1024

_USER = re.compile(rb"(https?://)[^/?#]*@", re.IGNORECASE)
_MARKS = "!\"$%&'()*+,-./:;<=>?@[]^_`{|}~"


@dataclass(frozen=True, slots=True)
class Record:
    """One record: a page, or the reason why it is none.  ``host``: "" where it must not be named."""

    number: int
    day: str
    host: str
    page: CopiedPage | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a file tells of one exchange, as far as it matters.  ``fields``: of `ANSWER_FIELDS`."""

    url: bytes
    when: float
    status: int
    fields: Mapping[bytes, bytes]
    method: bytes = b"GET"
    has_authorization: bool = False


def wanted(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The fields of `ANSWER_FIELDS`, repeated ones joined by a comma (RFC 9110 §5.3)."""
    found: dict[bytes, bytes] = {}
    for name, value in pairs:
        key = name.strip().lower()
        if key in ANSWER_FIELDS:
            value = value.strip()
            found[key] = found[key] + b", " + value if key in found else value
    return found


def encoded(text: str) -> bytes:
    """Text as UTF-8, with U+FFFD for half a character."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def target_of(url: bytes) -> Target | None:
    """Where an address leads; None where it is none of http and https that we read."""
    url = _USER.sub(rb"\1", url.partition(b"#")[0], count=1)
    if len(url) > URL_MAX:
        return None
    try:
        target = absolute(quote(url, safe=_MARKS).encode("ascii"))
    except BadMessage:
        return None
    return target if target.scheme in (b"http", b"https") else None


def judged(number: int, told: Told, body: bytes | Reason, rules: Rules) -> Record:
    """The record of an exchange.  ``body``: as it came, or why there is none; the heads judge first."""
    target = target_of(told.url)
    request, response = _request(told, target), _response(told)
    reason = judge(request, response, rules)
    if reason is None and isinstance(body, bytes) and len(body) > rules.max_text:
        reason = Reason.TOO_LARGE
    if reason is None and isinstance(body, Reason):
        reason = body
    if reason is not None or target is None or isinstance(body, Reason):
        return skipped(number, told.when, reason or Reason.STATUS, target)
    page = replace(
        blank(0, request, response, target, told.when, rules),
        pieces=[body],
        size=len(body),
        source=IMPORTED,
    )
    return Record(number, page.day, page.host, page)


def revisited(number: int, told: Told, first: bytes, rules: Rules) -> Record:
    """The record of an answer that is the same as that of ``first``, an address, was before."""
    record, target = judged(number, told, b"", rules), target_of(first)
    if record.page is None or target is None:
        return record
    page = replace(record.page, digest=digest_of(target, rules.url_key), source=RECOUNTED)
    return replace(record, page=page)


def skipped(number: int, when: float, reason: Reason, target: Target | None = None) -> Record:
    """The record of what can't be counted."""
    named = target is not None and reason is not Reason.IGNORED_HOST
    return Record(number, local_day(when), host_name(target.host) if target and named else "", None, reason)


def _request(told: Told, target: Target | None) -> RequestHead:
    table = {b"authorization": b""} if told.has_authorization else {}
    return RequestHead(told.method, told.url, HTTP11, [], b"", table, target, NO_OPTIONS, None, False, None)


def _response(told: Told) -> ResponseHead:
    fields = dict(told.fields)
    return ResponseHead(HTTP11, told.status, b"", [], b"", fields, NO_OPTIONS, None, False, None)
