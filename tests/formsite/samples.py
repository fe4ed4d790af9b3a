"""A form site without a network: its routes, a store, and threads that are none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.formsite.entrance import Entrance
from netsuite.formsite.entry import Draft, Entry
from netsuite.formsite.inbox import Inbox
from netsuite.formsite.keeper import Keeper
from netsuite.formsite.posting import Posting, Terms
from netsuite.formsite.site import inbox_frame, make_routes
from netsuite.formsite.spam import Rates, Rules
from netsuite.formsite.stamp import Stamps
from netsuite.formsite.store import FormStore
from netsuite.formsite.uploads import Folder
from netsuite.site import token
from netsuite.site.answer import Answer
from netsuite.site.frame import Frame
from netsuite.site.token import Token
from tests.site.wire import Now

#: 5 January 2026, 10:33:44 UTC.
MOMENT = 1767609224.0

FORM = "application/x-www-form-urlencoded"


class NoThread:
    """A pool whose calls are done at once, or when they are let go on."""

    def __init__(self) -> None:
        self.held: list[Callable[[], object]] | None = None

    def start(self) -> None:
        """Nothing to start."""

    stop = start

    def callInThread(self, call: Callable[..., object], *args: Any, **named: Any) -> None:
        self._do(lambda: call(*args, **named))

    def callInThreadWithCallback(
        self, told: Callable[[bool, Any], object], call: Callable[..., Any], *args: Any, **named: Any
    ) -> None:
        def do() -> None:
            try:
                result = call(*args, **named)
            except Exception:
                told(False, Failure())
            else:
                told(True, result)

        self._do(do)

    def _do(self, call: Callable[[], object]) -> None:
        if self.held is None:
            call()
        else:
            self.held.append(call)

    def hold(self) -> None:
        """Calls wait from now on."""
        self.held = []

    def go_on(self) -> None:
        """What waits is done."""
        held, self.held = self.held or [], None
        for call in held:
            call()


class Site:
    """A form site.  ``terms`` may be set anew."""

    def __init__(
        self,
        where: str,
        terms: Terms | None = None,
        *,
        folder: Folder | None = None,
        users: Any = None,
        **more: Any,
    ) -> None:
        self.reactor, self.time, self.terms = Now(), MOMENT, terms or Terms(rules=Rules(min_seconds=0))
        self.writing = NoThread()
        self.keeper = Keeper(
            where, self.reactor, writing=self.writing, reading=NoThread(), clock=lambda: self.time, **more
        )
        self.keeper.start()
        self.stamps, self.judge = Stamps(b"secret", lambda: self.time), Token(lambda: self.time, "s" * 20)
        self.folder = folder
        frame = Frame(self.terms.shown.title)
        posting = Posting(
            frame,
            self.keeper,
            self.stamps,
            terms=lambda: self.terms,
            folder=lambda: self.folder,
            rates=Rates(lambda: self.time),
        )
        self.inbox = Inbox(
            inbox_frame(), self.keeper, self.judge, folder=lambda: self.folder, reactor=self.reactor
        )
        self.routes = make_routes(frame, posting, self.inbox, self.judge, Entrance(lambda: users))

    def ask(
        self,
        target: str,
        method: str = "GET",
        body: bytes = b"",
        client: str = "127.0.0.1",
        **headers: str,
    ) -> Deferred[Answer]:
        """Fires with the answer; ``headers``: names with _ for -."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told.setdefault("host", "localhost:8000")
        return ensureDeferred(self.routes.answer(method.encode(), target.encode(), told, body, client))

    def post(self, *pairs: tuple[str, str], path: str = "/posthandler", **headers: str) -> Deferred[Answer]:
        """Fires with the answer to a urlencoded post."""
        headers.setdefault("content_type", FORM)
        return self.ask(path, "POST", urlencode(pairs).encode(), **headers)

    def stamp(self, age: float = 10.0) -> tuple[str, str]:
        """The field of a form that was given out a while ago."""
        self.time -= age
        stamp = self.stamps.issue()
        self.time += age
        return "_stamp", stamp

    def deed(self, deed: str, *ids: int, **more: str) -> Deferred[Answer]:
        """Fires with the answer to a button of the inbox."""
        fields = [("token", self.judge.of(token.FORM)), (deed, "1"), *(("id", str(i)) for i in ids)]
        return self.post(*fields, *more.items(), path="/inbox")


class SiteTests(SynchronousTestCase):
    """A test with a form site on a store in a file."""

    terms: Terms | None = None

    def setUp(self) -> None:
        self.where = self.mktemp() + "/forms.db"
        self.site = Site(self.where, self.terms)

    def answer(self, asked: Deferred[Answer]) -> Answer:
        """The answer, which is there already."""
        return self.successResultOf(asked)

    def text(self, asked: Deferred[Answer]) -> str:
        """Its body."""
        return self.answer(asked).body.decode()

    def kept(self) -> list[Entry]:
        """What is in the store, seen by a connection of its own."""
        store = FormStore(self.where, read_only=True)
        try:
            return store.after(0, 100_000, "all")
        finally:
            store.close()


def hidden(page: str) -> list[tuple[str, str]]:
    """The hidden fields of a page."""
    return re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)


def draft(n: int = 1, **more: Any) -> Draft:
    """An answer like others."""
    return Draft(
        (("name", f"Example {n}"), ("color", "blue"), ("flavor", "vanilla"), ("flavor", "coffee")), **more
    )
