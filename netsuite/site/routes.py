"""From a request's path to its view, and the view's answer to the client.

Views are ``async def view(asked) -> Answer``. A view that raises `Refusal` is answered in the site's
frame; any other exception is a bug of ours: it is logged under a number, and the user is told the number
and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from netsuite import journal
from netsuite.site import static
from netsuite.site.answer import Answer, Asked, Refusal, View, phrase
from netsuite.site.frame import Frame

ALLOWED = ("GET", "HEAD")

#: What may be shown of ourselves to the user whose request met a bug.
BROKEN = "Something went wrong here. It is in the log, as fault {}."


class Routes(Resource):
    """The whole tree of a site, flat: paths and their views, and prefixes (``/static/``) and theirs."""

    isLeaf = True

    def __init__(
        self, frame: Frame, views: Mapping[str, View], prefixes: Mapping[str, View] | None = None
    ) -> None:
        super().__init__()
        self.frame = frame
        self._views = dict(views)
        self._prefixes = {"/static/": static.view, **(prefixes or {})}

    def render(self, request: Any) -> Any:
        """Begin to answer; the answer is written when the view has it."""
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        answered = Deferred.fromCoroutine(self.answer(request.method, request.uri, _headers(request)))

        def write(answer: Answer) -> None:
            if not gone:
                send(request, answer)

        answered.addCallback(write)
        journal.detach(answered, where="site.routes")
        return NOT_DONE_YET

    async def answer(self, method: bytes, uri: bytes, headers: Mapping[str, str]) -> Answer:
        """What the client gets, whatever happens."""
        asked = Asked(uri.partition(b"?")[0].decode("utf-8", "replace"), (), headers)
        try:
            asked = Asked.of(uri, headers)
            return await self._view(asked, method)(asked)
        except Refusal as refusal:
            return self.frame.refusal(asked, refusal.status, refusal.sentence, *refusal.headers)
        except Exception:  # a bug must end this request only
            fault = journal.fault(where="site.view", failure=Failure())
            return self.frame.refusal(asked, 500, BROKEN.format(fault))

    def _view(self, asked: Asked, method: bytes) -> View:
        view = self._views.get(asked.path)
        if view is None:
            view = next(
                (view for start, view in self._prefixes.items() if asked.path.startswith(start)), None
            )
        if view is None:
            raise Refusal(404, "There is no such page.")
        if method.decode("latin-1") not in ALLOWED:  # RFC 9110 §15.5.6
            raise Refusal(405, "This page can only be read.", ("Allow", ", ".join(ALLOWED)))
        return view


def send(request: Any, answer: Answer) -> None:
    """The answer is written, without its body to HEAD and with 304, and the request is done."""
    request.setResponseCode(answer.status, phrase(answer.status).encode())
    request.setHeader(b"Content-Type", answer.kind.encode())
    for name, value in answer.headers:
        request.setHeader(name.encode(), value.encode())
    if answer.status != 304:
        request.setHeader(b"Content-Length", b"%d" % len(answer.body))
        if request.method != b"HEAD":
            request.write(answer.body)
    request.finish()


def _headers(request: Any) -> dict[str, str]:
    fields = request.requestHeaders.getAllRawHeaders()
    return {name.decode("latin-1").lower(): b", ".join(values).decode("latin-1") for name, values in fields}
