"""A whole request: judged by the name it asks for, answered by the site's tree, written in one piece."""

from __future__ import annotations

import time
from collections.abc import Collection
from functools import lru_cache
from io import BytesIO
from typing import Any, Protocol

from twisted.python.failure import Failure
from twisted.web import http, server
from twisted.web.http_headers import Headers

from netsuite import journal
from netsuite.http1.head import HTTP11, RequestHead, write_response
from netsuite.site.answer import Answer, Asked, Stream, phrase
from netsuite.site.frame import Frame
from netsuite.site.hosts import refusal as judge_host
from netsuite.site.streaming import send_stream
from netsuite.site.tongue import Said, said

#: Methods that there are (RFC 9110 §9.3, RFC 5789): one that isn't allowed is 405, any other word 501.
METHODS = frozenset(b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH".split())

_HOST_SENTENCES = {
    400: said("refusal.host"),
    421: said("refusal.name"),
}

_BAD_TARGET = (400, said("refusal.target"))


class SiteOfRequest(Protocol):
    """What a request asks its site."""

    frame: Frame
    names: Collection[str]
    security_lines: bytes


class LineOfRequest(Protocol):
    """What a request asks its connection.  ``persistent``: another request may follow this one."""

    persistent: Any

    @property
    def site(self) -> SiteOfRequest: ...
    def write(self, data: bytes) -> None: ...
    def getHost(self) -> Any: ...
    def refuse(self, status: int, reason: str) -> None: ...
    def shut(self) -> None: ...


class Request(server.Request):
    """A request whose head and body are here.  It knows no cookies and arguments: views read `Asked`.

    ``streams``: its answer goes on, so that a client that says no more has left.
    """

    channel: Any  # a `LineOfRequest`
    streams = False
    _fields: Headers | None = None

    def __init__(self, channel: LineOfRequest, head: RequestHead, body: bytes) -> None:
        self.head = head
        super().__init__(channel, parsePOSTFormSubmission=False)
        self._service = channel.site.frame.service
        self.content = BytesIO(body)
        self.args: dict[bytes, list[bytes]] = {}
        self.method, self.clientproto = head.method, b"HTTP/1.1" if head.version is HTTP11 else b"HTTP/1.0"
        self.uri = head.target.path if head.target is not None else head.raw_target
        self.path = self.uri.partition(b"?")[0]

    @property
    def requestHeaders(self) -> Headers:  # made when asked for: views have the head
        """The fields, for resources that aren't ours."""
        if self._fields is None:
            self._fields = Headers()
            for name, value in self.head.fields:
                self._fields.addRawHeader(name, value)
        return self._fields

    @requestHeaders.setter
    def requestHeaders(self, fields: Headers) -> None:
        """Nothing: Twisted begins with none."""

    def process(self) -> None:
        """Answer, if the request is for one of our names and of a kind that there is."""
        head, site = self.head, self.channel.site
        host = [] if head.host is None else [head.host]
        target = None if head.target is None or self.method == b"CONNECT" else head.target.authority
        local = getattr(self.channel.getHost(), "host", "")
        status = judge_host(self.clientproto, host, site.names, local, target)
        if status is not None:
            self.refuse(status, _HOST_SENTENCES[status])
        elif self.method not in METHODS:
            self.refuse(501, said("refusal.no_method"))
        elif self.path == b"*" and self.method == b"OPTIONS":  # RFC 9110 §9.3.7: what the site as a whole can
            self.send(Answer(b"", "text/plain", 204, (("Allow", "GET, HEAD, OPTIONS"),)))
        elif head.target is not None and head.target.scheme not in (b"http", b"https"):
            self.refuse(*((405, said("refusal.no_tunnel")) if self.method == b"CONNECT" else _BAD_TARGET))
        elif not self.path.startswith(b"/"):
            self.refuse(*_BAD_TARGET)
        else:
            self._ask(self.channel.site)

    def _ask(self, site: server.Site) -> None:
        """Have the site's tree answer; of a tree that is one leaf there is nothing to be looked up."""
        if not site.resource.isLeaf:
            super().process()
            return
        self.site = site
        self.prepath, self.postpath = [], []
        try:
            self.render(site.resource)
        except Exception:
            self.processingFailed(Failure())

    def processingFailed(self, reason: Failure) -> Failure:
        """Say that something is broken, under its number in the log; or end, if it is too late."""
        number = journal.fault(where="site.request", failure=reason, service=self._service)
        channel: LineOfRequest | None = getattr(self, "channel", None)  # None once all is done
        if channel is not None and self.startedWriting:
            channel.shut()
        elif channel is not None:
            channel.refuse(500, f"fault {number}")
        return reason

    def refuse(self, status: int, sentence: str | Said) -> None:
        """The answer is one that says no, in the site's frame."""
        asked = Asked(self.path.decode("utf-8", "replace"), headers=self.named_fields())
        allow = (("Allow", "GET, HEAD, OPTIONS"),) if status == 405 else ()
        self.send(self.channel.site.frame.refusal(asked, status, sentence, *allow))

    @property
    def line(self) -> bytes:
        """The request's first line, for a log."""
        return b"%b %b %b" % (self.method, self.head.raw_target, self.clientproto)

    def named_fields(self) -> dict[str, str]:
        """The fields by lower-case name, repeated ones joined."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.head.combined.items()}

    def send(self, answer: Answer) -> None:
        """The answer is written, without its body to HEAD and with 304, and the request is done."""
        if answer.stream is not None and self.method != b"HEAD":
            self._stream(answer, answer.stream)
            return
        body = b"" if self.method == b"HEAD" or answer.status in (204, 304) else answer.body
        length = None if answer.status in (204, 304) or answer.stream is not None else len(answer.body)
        self.startedWriting, self.code, self.sentLength = 1, answer.status, len(body)
        self.channel.write(self._head(answer, length) + body)
        self.finish()

    def _head(self, answer: Answer, length: int | None) -> bytes:
        fields = [(b"Date", date())]
        if answer.status not in (204, 304):
            fields.append((b"Content-Type", answer.kind.encode()))
        if length is not None:
            fields.append((b"Content-Length", b"%d" % length))
        fields.extend([(name.encode(), value.encode()) for name, value in answer.headers])
        if not self.channel.persistent:
            fields.append((b"Connection", b"close"))
        head = write_response(answer.status, phrase(answer.status).encode(), fields)
        site: SiteOfRequest = self.channel.site
        return head[:-2] + site.security_lines + b"\r\n"

    def _stream(self, answer: Answer, stream: Stream) -> None:
        self.streams = True
        self.setResponseCode(answer.status, phrase(answer.status).encode())
        self.setHeader(b"Content-Type", answer.kind.encode())
        for name, value in answer.headers:
            self.setHeader(name.encode(), value.encode())
        send_stream(self, answer, stream)


def date() -> bytes:
    """The time now as Date has it (RFC 9110 §6.6.1)."""
    return _date_at(int(time.time()))


@lru_cache(maxsize=1)
def _date_at(second: int) -> bytes:
    return bytes(http.datetimeToString(second))
