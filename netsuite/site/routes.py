"""From a request's path to its view, and the view's answer to the client.

Views are ``async def view(asked) -> Answer``. A view that raises `Refusal` is answered in the site's
frame; any other exception is a bug of ours: it is logged under a number, and the user is told the number
and no more.

A view of `Post` is asked only after `Token` has judged the request; without it nothing is changed by anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from netsuite import journal
from netsuite.site import elsewhere, posted, static, token
from netsuite.site.answer import FORM, FORM_FIELDS_MAX, JSON, NO_STORE, Answer, Asked, Refusal, View
from netsuite.site.delivery import delivered
from netsuite.site.frame import Frame
from netsuite.site.login import Login
from netsuite.site.token import Token
from netsuite.site.tongue import said

READING = ("GET", "HEAD")

#: What a form with a file may hold; the body itself has its bound.
_IN_FORMS = posted.Bounds(FORM_FIELDS_MAX, 2**22, files=1)


@dataclass(frozen=True, slots=True)
class Post:
    """What POST does at a path: the view, and which token (`Token.of`) it takes.

    ``purpose`` None: the view itself judges who may post, and reads the body, of which nothing is read here.
    ``from_elsewhere``: pages of other sites may ask for it, too, and read the answer (CORS).
    ``method``: another one in the place of POST.
    """

    view: View
    purpose: str | None = token.FORM
    from_elsewhere: bool = False
    kinds: tuple[str, ...] = (FORM, JSON)
    method: str = "POST"


class Routes(Resource):
    """The whole tree of a site, flat: paths and their views, and prefixes (``/static/``) and theirs.

    ``posts``: what may be posted to some of the paths; ``judge``: who may, of all sorts there are.
    ``login``: who has to say who they are, and is told so.
    """

    isLeaf = True

    def __init__(
        self,
        frame: Frame,
        views: Mapping[str, View],
        prefixes: Mapping[str, View] | None = None,
        *,
        posts: Mapping[str, Post] | None = None,
        judge: Token | None = None,
        login: Login | None = None,
    ) -> None:
        super().__init__()
        self.frame = frame
        self._views = dict(views)
        self._prefixes = {"/static/": static.view, **(prefixes or {})}
        self._posts = {
            path: post for path, post in (posts or {}).items() if judge is not None or post.purpose is None
        }
        self._judge, self._login = judge, login

    def render(self, request: Any) -> Any:
        """Begin to answer; the answer is written when the view has it."""
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        client = getattr(request.getClientAddress(), "host", "")
        answered = Deferred.fromCoroutine(
            self.answer(request.method, request.uri, request.named_fields(), request.content.read(), client)
        )

        def write(answer: Answer) -> None:
            if not gone:
                request.send(answer)

        answered.addCallback(write)
        answered.addErrback(_told, request)
        journal.detach(answered, where="site.routes")
        return NOT_DONE_YET

    async def answer(
        self, method: bytes, uri: bytes, headers: Mapping[str, str], body: bytes = b"", client: str = ""
    ) -> Answer:
        """What the client gets, whatever happens."""
        asked = Asked(uri.partition(b"?")[0].decode("utf-8", "replace"), (), headers)
        try:
            asked = Asked.of(uri, headers, method.decode("latin-1"), client)
            if self._login is not None:
                asked = replace(asked, user=await self._login.user(asked))
            return delivered(asked, await self._answer(asked, body))
        except Refusal as refusal:
            return self.frame.refusal(asked, refusal.status, refusal.sentence, *refusal.headers)
        except Exception:  # a bug must end this request only
            fault = journal.fault(where="site.view", failure=Failure(), service=self.frame.service)
            return self.frame.refusal(asked, 500, said("refusal.broken", number=fault))

    async def _answer(self, asked: Asked, body: bytes) -> Answer:
        view, post = self._view(asked.path), self._posts.get(asked.path)
        if view is None and post is None:
            raise Refusal(404, said("refusal.no_page"))
        if post is not None and asked.method == post.method:
            return await self._post(asked, post, body)
        if asked.method == "OPTIONS" and post is not None and post.from_elsewhere:
            return elsewhere.preflight(asked)
        if asked.method in READING and view is not None:
            return await view(asked)
        allowed = [*(READING if view is not None else ()), *((post.method,) if post is not None else ())]
        allow = ("Allow", ", ".join([*allowed, "OPTIONS"]))
        if asked.method == "OPTIONS":  # RFC 9110 §9.3.7
            return Answer(b"", status=204, headers=(NO_STORE, allow))
        sentence = (
            said("refusal.read_only") if post is None else said("refusal.method", name=asked.method[:20])
        )
        raise Refusal(405, sentence, allow)  # RFC 9110 §15.5.6

    async def _post(self, asked: Asked, post: Post, body: bytes) -> Answer:
        """Ask the view, if the request may be posted; else raise `Refusal`."""
        if asked.kind not in post.kinds or asked.headers.get("content-encoding", "identity") != "identity":
            raise Refusal(
                415, said("refusal.kind", names=", ".join(post.kinds)), ("Accept", ", ".join(post.kinds))
            )
        if post.purpose is None or self._judge is None:  # the second only where the first, see `__init__`
            return await post.view(replace(asked, body=body))
        if asked.kind == posted.MULTIPART:
            told = posted.read(asked.headers["content-type"], body, _IN_FORMS)
            asked = replace(asked, form=told.fields, uploads=told.uploads)
        else:
            asked = asked.posted(body)
        self._judge.judge(asked, post.purpose, from_elsewhere=post.from_elsewhere)
        if not post.from_elsewhere:
            return await post.view(asked)
        try:
            return elsewhere.readable(asked, await post.view(asked))
        except Refusal as refusal:
            raise elsewhere.told(asked, refusal) from None

    def _view(self, path: str) -> View | None:
        view = self._views.get(path)
        if view is None:
            view = next((view for start, view in self._prefixes.items() if path.startswith(start)), None)
        return view


def _told(failure: Failure, request: Any) -> None:
    """A fault on the way of an answer that was found: the client is told, or cut off."""
    request.processingFailed(failure)
