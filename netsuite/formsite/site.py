"""The site: which address shows what, to whom, and what is said when the store can't answer."""

from __future__ import annotations

from dataclasses import replace

from netsuite.formsite.entrance import Entrance
from netsuite.formsite.inbox import Inbox
from netsuite.formsite.keeper import Busy
from netsuite.formsite.posting import PATHS, Posting
from netsuite.site import posted
from netsuite.site.answer import Answer, Asked, Refusal, View
from netsuite.site.frame import Frame
from netsuite.site.routes import Post, Routes
from netsuite.site.token import Token
from netsuite.site.tongue import said
from netsuite.storefile import StoreFault


def inbox_frame() -> Frame:
    """The frame of pages that the form's owner sees."""
    return Frame(
        "formsite",
        [("/inbox", said("inbox.inbox")), ("/inbox?box=spam", said("inbox.spam")), ("/", said("inbox.form"))],
    )


def make_routes(frame: Frame, posting: Posting, inbox: Inbox, judge: Token, entrance: Entrance) -> Routes:
    """The whole tree.  ``frame``: that of visitors' pages."""
    views: dict[str, View] = {
        "/": posting.form,
        **dict.fromkeys(PATHS, posting.read),
        "/inbox": inbox.box,
        "/inbox.csv": inbox.csv,
        "/inbox.json": inbox.json,
        "/inbox/forget": inbox.ask_to_forget,
    }
    posts = {
        **{path: Post(posting.post, None, kinds=posted.KINDS) for path in PATHS},
        "/inbox": Post(inbox.change),
        "/inbox/forget": Post(inbox.forget),
    }
    return Routes(
        frame,
        {path: _told(view) for path, view in views.items()},
        {"/inbox/": _told(inbox.one)},
        posts={path: replace(post, view=_told(post.view)) for path, post in posts.items()},
        judge=judge,
        login=entrance,
    )


def _told(view: View) -> View:
    """The view, with what the store may raise as refusals."""

    async def told(asked: Asked) -> Answer:
        try:
            return await view(asked)
        except StoreFault as fault:
            status = 507 if fault.is_full else 503
            raise Refusal(status, said("inbox.store", fault=str(fault))) from None
        except Busy:
            raise Refusal(503, said("refusal.busy"), ("Retry-After", "5")) from None

    return told
