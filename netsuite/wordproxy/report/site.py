"""The report's site: which address shows what, and what the user is told when the store can't answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from netsuite.crowd import Crowd
from netsuite.site.answer import Answer, Asked, Refusal, View
from netsuite.site.frame import Frame
from netsuite.site.routes import Post, Routes
from netsuite.site.server import Site, make_site
from netsuite.site.token import Token
from netsuite.wordproxy.report.about import Tell
from netsuite.wordproxy.report.api import Api
from netsuite.wordproxy.report.query import BadQuery
from netsuite.wordproxy.report.reader import Busy, Reader
from netsuite.wordproxy.report.views import Views
from netsuite.wordproxy.store.contract import StoreFault

_NAV = (("/words", "Words"), ("/coverage", "Coverage"), ("/setup", "Setup"))


def make_report(
    reader: Reader,
    about: Tell,
    token: Token,
    *,
    sentences: Mapping[Any, str],
    hosts: Collection[str] = (),
    idle_seconds: float = 60.0,
    crowd: Crowd | None = None,
    reactor: Any = None,
) -> Site:
    """A factory to listen with.  The reader's start and stop are its owner's.

    ``token``: what changes something needs it.  ``sentences``: what each reason for skipping a page means.
    """
    frame = Frame("wordproxy", _NAV)
    pages, api = Views(reader, about, frame, sentences), Api(reader, about)
    views = {
        "/": pages.words,
        "/words": pages.words,
        "/coverage": pages.coverage,
        "/setup": pages.setup,
        "/words.json": api.words,
        "/coverage.json": api.coverage,
        "/healthz": api.healthz,
    }
    posts: dict[str, Post] = {}
    routes = Routes(
        frame,
        {path: _told(view) for path, view in views.items()},
        posts={path: replace(post, view=_told(post.view)) for path, post in posts.items()},
        judge=token,
    )
    return make_site(routes, frame, hosts=hosts, idle_seconds=idle_seconds, crowd=crowd, reactor=reactor)


def _told(view: View) -> View:
    """The view, with what it may raise as refusals."""

    async def told(asked: Asked) -> Answer:
        try:
            return await view(asked)
        except BadQuery as fault:
            raise Refusal(400, f"{fault}.") from None
        except StoreFault as fault:
            raise Refusal(503, f"The store can't be read: {fault}.", ("Retry-After", "10")) from None
        except Busy:
            raise Refusal(503, "Too many are asking at once; try again.", ("Retry-After", "1")) from None

    return told
