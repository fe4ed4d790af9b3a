"""The report's site: which address shows what, and what the user is told when the store can't answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from netsuite.crowd import Crowd
from netsuite.site.answer import FORM, JSON, NO_STORE, Answer, Asked, Refusal, View
from netsuite.site.early import early
from netsuite.site.frame import Frame
from netsuite.site.login import Login
from netsuite.site.posted import MULTIPART
from netsuite.site.routes import Post, Routes
from netsuite.site.server import Site, make_site
from netsuite.site.token import INGEST, Token
from netsuite.site.tongue import said
from netsuite.wordproxy.bring.ingest import Ingesting
from netsuite.wordproxy.report import pac, query
from netsuite.wordproxy.report.about import Tell
from netsuite.wordproxy.report.api import Api
from netsuite.wordproxy.report.changes import LIST_BYTES, LISTS, Changing
from netsuite.wordproxy.report.compare import Comparing
from netsuite.wordproxy.report.desk import Desk
from netsuite.wordproxy.report.ingest import Bringing
from netsuite.wordproxy.report.knowledge import Learning
from netsuite.wordproxy.report.live import Live
from netsuite.wordproxy.report.opened import Opening
from netsuite.wordproxy.report.overview import Overview
from netsuite.wordproxy.report.query import BadQuery
from netsuite.wordproxy.report.reader import Busy, Reader
from netsuite.wordproxy.report.readers import ReaderOf, Readers
from netsuite.wordproxy.report.single import Singles
from netsuite.wordproxy.report.views import Views
from netsuite.wordproxy.store.contract import StoreFault

_NAV = ("words", "unknown", "known", "sites", "pages", "days", "langs", "coverage", "setup")

_FORMS = ("", ".json", ".csv")

#: What programs fetch that can't log in; ``/ingest`` asks for its own token.
OPEN = ("/proxy.pac", "/ca.crt", "/healthz", "/ingest")


def make_report(
    reader: Reader,
    about: Tell,
    token: Token,
    *,
    ingesting: Ingesting | None = None,
    hosts: Collection[str] = (),
    idle_seconds: float = 60.0,
    crowd: Crowd | None = None,
    reactor: Any,
    login: Login | None = None,
    reader_of: ReaderOf | None = None,
) -> Site:
    """A factory to listen with.  The reader's start and stop are its owner's.

    ``token``: what changes something needs it.  ``login``: who has to log in; `OPEN` are the paths for all.
    ``ingesting``: where pages go that are brought here.  ``reader_of``: whose store a user
    sees, where it isn't the same for all.
    """
    nav = [("/", said("nav.overview")), *((f"/{name}", said(f"nav.{name}")) for name in _NAV)]
    frame = Frame("wordproxy", nav)
    readers = Readers(reader_of) if reader_of is not None else Readers.one(reader)
    desk = Desk(readers, about, frame, token)
    views, singles, api = Views(desk), Singles(desk), Api(readers, about)
    opening = Opening(desk)
    overview, learning, changing = Overview(desk).overview, Learning(desk), Changing(desk)
    live = Live(readers, reactor)
    lists: dict[str, View] = {
        "/overview": overview,
        "/words": views.words,
        "/unknown": views.unknown,
        "/search": views.search,
        "/known": learning.known,
        "/days": views.days,
        "/sites": views.sites,
        "/langs": views.langs,
        "/pages": views.pages,
        "/compare": Comparing(desk).compare,
        "/coverage": views.coverage,
    }
    paths: dict[str, View] = {
        "/": overview,
        **{path + form: view for path, view in lists.items() for form in _FORMS},
        "/coverage.json": api.coverage,
        "/unknown.tsv": learning.anki,
        "/setup": views.setup,
        "/interception": opening.page,
        "/ca.crt": opening.certificate,
        "/forget": changing.ask_to_forget,
        "/healthz": api.healthz,
        "/proxy.pac": Pac(about).file,
        "/events": live.events,
    }
    posts = {
        "/known": Post(changing.known, kinds=(FORM, MULTIPART, JSON, *LISTS)),
        "/forget": Post(changing.forget),
        "/pause": Post(changing.pause),
        "/sites": Post(changing.site_lang),
        "/interception": Post(opening.try_again),
    }
    bodies = {"/known": LIST_BYTES}
    if ingesting is not None:
        bringing = Bringing(frame, token, ingesting, lambda: about().report_scheme)
        paths["/bookmarklet"] = bringing.bookmarklet
        posts["/ingest"] = Post(bringing.ingest, INGEST, from_elsewhere=True)
        bodies["/ingest"] = bringing.body_bytes
    prefixes: dict[str, View] = {"/word/": singles.word, "/site/": singles.site, "/page/": singles.page}
    routes = Routes(
        frame,
        {
            **{path: _told(view) for path, view in paths.items()},
            "/": early(_told(overview), "wordproxy/overview.html", frame, reactor),
        },
        {path: _told(view) for path, view in prefixes.items()},
        posts={path: replace(post, view=_told(post.view)) for path, post in posts.items()},
        judge=token,
        login=login,
    )
    site = make_site(
        routes,
        frame,
        hosts=hosts,
        idle_seconds=idle_seconds,
        bodies=bodies,
        crowd=crowd,
        reactor=reactor,
    )
    site.on_stop = live.stop
    return site


class Pac:
    """``/proxy.pac``, which asks no store."""

    def __init__(self, about: Tell) -> None:
        self._about = about

    async def file(self, asked: Asked) -> Answer:
        """``/proxy.pac``: the proxy for what is counted, for browsers to follow."""
        query.nothing(asked.args)
        about = self._about()
        text = pac.script(about.proxy, about.hosts(), about.proxy_scheme)
        return Answer(text.encode(), pac.KIND, 200, (NO_STORE,))


def _told(view: View) -> View:
    """The view, with what it may raise as refusals."""

    async def told(asked: Asked) -> Answer:
        try:
            return await view(asked)
        except BadQuery as fault:
            raise Refusal(400, fault.sentence) from None
        except StoreFault as fault:
            raise Refusal(503, said("refusal.store", fault=str(fault)), ("Retry-After", "10")) from None
        except Busy:
            raise Refusal(503, said("refusal.busy"), ("Retry-After", "1")) from None

    return told
