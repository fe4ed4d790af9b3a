"""The site's tree: every path is asked of the table, and the answer is written in one piece.

What most requests want, a page as it is, is kept ready: its head, made once, and its bytes.
"""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from netsuite.pages import answering
from netsuite.pages.answering import LOOKED_AT, Piece, Reply
from netsuite.pages.path import BadPath, canonical
from netsuite.pages.sending import Sending
from netsuite.pages.table import OpenFile, Page, Table
from netsuite.site.request import date

#: What is looked at where a page has no form in gzip.
_UNSQUEEZED = LOOKED_AT - {b"accept-encoding"}

_START = b"HTTP/1.1 200 OK\r\nDate: "


@implementer(IResource)
class Root:
    """Answers by ``table``, which may be replaced at any time; sequences of statuses begin anew then."""

    isLeaf = True

    def __init__(self, table: Table, reactor: Any) -> None:
        self._reactor = reactor
        self.show(table)

    def show(self, table: Table) -> None:
        """This table holds from the next request on."""
        self.table = table
        self._ready: dict[bytes, tuple[bytes, bytes, frozenset[bytes]]] = {}
        self._asked: dict[bytes, int] = {}

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:
        """Never asked for: this is a leaf."""
        return self

    def putChild(self, path: bytes, child: Any) -> None:
        """Never: this is a leaf."""
        raise TypeError("a table has no children")

    def render(self, request: Any) -> Any:
        """Answer, at once or after the page's delay."""
        path: bytes = request.path
        ready = self._ready.get(path)
        if ready is not None and request.method == b"GET" and ready[2].isdisjoint(request.head.combined):
            self._send_ready(request, ready[0], ready[1])
            return NOT_DONE_YET
        page = self._page(path)
        if page is None:
            self._send(request, answering.missing(self.table.missing, _decoded(path)))
        elif request.method == b"OPTIONS":
            self._send(request, answering.options(page))
        elif request.method.decode("latin-1") not in page.methods:
            self._send(request, answering.not_allowed(page))
        elif page.delay:
            late = self._reactor.callLater(page.delay, self._answer_late, request, page)
            request.notifyFinish().addErrback(lambda _: late.cancel() if late.active() else None)
        else:
            self._answer(request, page)
        return NOT_DONE_YET

    def _page(self, path: bytes) -> Page | None:
        page = self.table.pages.get(path) if b"%" not in path else None
        if page is not None:
            self._keep_ready(path, page)
            return page
        try:
            return self.table.pages.get(canonical(path))
        except BadPath:
            return None

    def _keep_ready(self, path: bytes, page: Page) -> None:
        is_steady = page.statuses == (200,) and not page.delay and "GET" in page.methods
        if not is_steady or isinstance(page.body, OpenFile):
            return
        reply = answering.answered(page, 200, "GET", {})
        looked_at = LOOKED_AT if page.small is not None else _UNSQUEEZED
        lines = reply.head.removeprefix(b"HTTP/1.1 200 OK")
        self._ready[path] = lines, page.body, looked_at

    def _answer_late(self, request: Any, page: Page) -> None:
        try:
            self._answer(request, page)
        except Exception:  # nobody is above a timer to take it
            request.processingFailed(Failure())

    def _answer(self, request: Any, page: Page) -> None:
        asked = self._asked.get(page.path, 0)
        status = page.statuses[min(asked, len(page.statuses) - 1)]
        if len(page.statuses) > 1 and asked < len(page.statuses):
            self._asked[page.path] = asked + 1
        reply = answering.answered(page, status, request.method.decode("ascii"), request.named_fields())
        self._send(request, reply)

    def _send_ready(self, request: Any, lines: bytes, body: bytes) -> None:
        channel = request.channel
        request.startedWriting, request.code, request.sentLength = 1, 200, len(body)
        ends = b"\r\n" if channel.persistent else b"Connection: close\r\n\r\n"
        channel.write(b"%b%b%b%b%b%b" % (_START, date(), lines, channel.site.security_lines, ends, body))
        request.finish()

    def _send(self, request: Any, reply: Reply) -> None:
        channel = request.channel
        first, _, lines = reply.head.partition(b"\r\n")
        ends = b"\r\n" if channel.persistent else b"Connection: close\r\n\r\n"
        head = b"%b\r\nDate: %b\r\n%b%b%b" % (first, date(), lines, channel.site.security_lines, ends)
        request.startedWriting, request.code, request.sentLength = 1, reply.status, 0
        body = b"" if request.method == b"HEAD" else reply.body
        if isinstance(body, Piece):
            channel.write(head)
            Sending(request, body, self._reactor).start()
            return
        request.sentLength = len(body)
        channel.write(head + body)
        request.finish()


def _decoded(path: bytes) -> bytes:
    """Return a path that has no page as it is shown."""
    try:
        return canonical(path)
    except BadPath:
        return path
