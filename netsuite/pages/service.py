"""Pages as a service: its site, and a table that is read again at HUP or when a file of it changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from twisted.application import service
from twisted.internet import defer
from twisted.internet.task import LoopingCall

from netsuite import journal
from netsuite.crowd import SHED_AT_ONCE, Crowd
from netsuite.descriptors import fitted
from netsuite.life import Life, steady
from netsuite.listen import Listening, Terminal, authority
from netsuite.metrics import Gauges
from netsuite.pages.entry import BadTable
from netsuite.pages.root import Root
from netsuite.pages.settings import Options, Settings
from netsuite.pages.table import Table, load
from netsuite.reloading import differing
from netsuite.site.admin import AdminService
from netsuite.site.frame import Frame
from netsuite.site.safety import PLAIN
from netsuite.site.server import Numbers, make_site
from netsuite.visits import Visits

#: Seconds that answers under way get when the service stops.
DRAIN_SECONDS = 5.0

#: Seconds between two looks at the files, with --watch; a file is read when it has stayed the same for one.
WATCH_SECONDS = 0.5

#: Looks after which a table that was refused is read again: what it lacks may be there now.
RETRY_LOOKS = 10

#: Settings that hold from start to end.
FIXED = frozenset(("watch", "log_json", "access_log", "log_queries"))

#: What a file is now: time of its last change, size and number, None where there is none.
_State = tuple[tuple[int, int, int] | None, ...]

__all__ = ["Options", "PagesService", "makeService"]


class Answers:
    """Counts answers by the class of their status, for /status.json, and has each written down."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits
        self.counts = dict.fromkeys("12345", 0)

    def note(
        self, client: str, line: bytes, status: int, sent: int, referer: bytes = b"", agent: bytes = b""
    ) -> None:
        """An answer is over."""
        self.counts[str(status)[0]] += 1
        if not self._visits.is_off:
            self._visits.visit(client, line, status, sent, referer, agent)


class PagesService(service.MultiService):
    """The listener, the site, and what has the table read again."""

    def __init__(self, options: Options, reactor: Any) -> None:
        super().__init__()
        self._options, self._reactor = options, reactor
        self._settings: Settings = options.settings
        settings = self._settings
        self._terminal = terminal = Terminal()
        common = fitted(settings.common, each=2)  # a connection, and the file that it may be sent
        journal.show_queries(common.log_queries)
        self._visits = Visits(
            common.access_log,
            soon=lambda call: reactor.callLater(0, call),
            rotation=common.log_rotation,
            service="pages",
        )
        self._answers = Answers(self._visits)
        self._crowd = Crowd(reactor, common)
        self._root = Root(Table({}), reactor)
        self._state: _State = ()
        self._seen: _State = ()
        self._failed: _State | None = None
        self._failure, self._retry = "", 0
        self._watching = LoopingCall(self._look)
        self._watching.clock = reactor
        self._site = site = make_site(
            self._root,
            Frame("pages"),
            hosts=settings.names,
            bounds=settings.bounds,
            crowd=self._crowd,
            security=PLAIN,
            log=self._answers.note,
            reactor=reactor,
        )
        self._listening = Listening(
            settings.port,
            site,
            owner="pages",
            option="--port",
            terminal=terminal,
            reactor=reactor,
            on_lack=lambda: self._crowd.shed(SHED_AT_ONCE),
        )
        self._admin = admin = AdminService(
            common,
            name="pages",
            status=self._status,
            collectors=(Numbers(site), self._gauges()),
            crowds={"port": self._crowd},
            listeners=lambda: [self._listening],
            terminal=terminal,
            reactor=reactor,
        )
        life = Life(
            reactor, terminal, on_prepare=self.prepare_reload, on_reopen=self._reopen, reloads=admin.reloads
        )
        for part in (life, self._listening, admin):
            part.setServiceParent(self)

    def _gauges(self) -> Gauges:
        return Gauges(
            table_pages=("Pages of the table in force.", lambda: float(len(self._root.table.pages))),
            table_failing=("Whether the table's files can't be read.", lambda: float(bool(self._failure))),
        )

    def _status(self) -> dict[str, object]:
        return {
            "pages": len(self._root.table.pages),
            "answers": {f"{first}xx": count for first, count in self._answers.counts.items()},
        }

    # -- the table -----------------------------------------------------------------------------------------

    def _load(self, settings: Settings) -> Table:
        return load(
            settings.entries,
            not_found=settings.not_found,
            in_gzip=settings.gzip,
            now=time.time(),
            before=self._root.table,
            also=settings.sources,
        )

    def reload(self) -> None:
        """The settings as they are now are in force.  Raises: ValueError, OSError; nothing has changed."""
        self.prepare_reload()()

    def prepare_reload(self) -> Callable[[], None]:
        """Return what puts settings and table in force, as they are now.  Raises: ValueError, OSError."""
        told: Settings = self._options.again()
        table = self._load(told)
        common = fitted(told.common, each=2)
        move = self._listening.prepare(told.port)
        apply_admin = self._admin.prepare(common)

        def apply() -> None:
            before, self._settings = self._settings, told
            self._root.show(table)
            self._state = _state(table.watched)
            self._crowd.limit(common)
            self._site.bounds = told.bounds
            self._site.answer_to(told.names, common.idle_seconds)
            move()
            apply_admin()
            journal.reloaded(text=f"{len(table.pages)} pages")
            changed = differing(before, told) | differing(before.common, told.common)
            if kept := sorted(name.replace("_", "-") for name in changed & FIXED):
                journal.reload_kept(names=", ".join(kept))

        return apply

    def _look(self) -> None:
        """Read the files again if one has changed and none is being written now."""
        state, seen = _state(self._root.table.watched), self._seen
        self._seen = state
        self._retry -= state == self._failed
        if state == self._state or (state == self._failed and self._retry > 0):
            return
        if state != seen:  # it may be half written
            return
        try:
            self.reload()
        except (OSError, ValueError) as error:
            if str(error) != self._failure:
                journal.reload_failed(text=str(error))
            self._failed, self._failure, self._retry = state, str(error), RETRY_LOOKS
        else:
            self._failed, self._failure = None, ""

    # -- life ----------------------------------------------------------------------------------------------

    def _reopen(self) -> None:
        try:
            self._visits.open()
        except OSError as error:
            journal.log_lost(where=self._settings.common.access_log, text=str(error))

    def privilegedStartService(self) -> None:
        """Read the files, then bind.  Raises: Refused."""
        try:
            table = self._load(self._settings)
            self._visits.open()
        except (BadTable, OSError) as error:
            raise self._terminal.refuse(f"cannot start pages: {error}") from None
        self._root.show(table)
        self._state = self._seen = _state(table.watched)
        super().privilegedStartService()

    def startService(self) -> None:
        """Say where it listens."""
        super().startService()
        self._crowd.start()
        if self._settings.watch:
            journal.detach(self._watching.start(WATCH_SECONDS, now=False), where="pages.watch")
        scheme = self._settings.port.scheme
        places = ", ".join(f"{scheme}://{authority(*address)}/" for address in self._listening.addresses())
        journal.service_ready(service="pages", summary=f"{places}, {len(self._root.table.pages)} pages")

    def stopService(self) -> defer.Deferred[Any]:
        """Fires when the last answer is written."""
        if self._watching.running:
            self._watching.stop()
        stopped = defer.maybeDeferred(super().stopService)
        drained = defer.Deferred.fromCoroutine(self._crowd.drain(DRAIN_SECONDS))
        drained.addCallback(lambda _: self._visits.close())
        return defer.gatherResults([stopped, drained])


def _state(paths: Iterable[str]) -> _State:
    found: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            told = os.stat(path)
        except OSError:
            found.append(None)
        else:
            found.append((told.st_mtime_ns, told.st_size, told.st_ino))
    return tuple(found)


def makeService(options: Options) -> service.IService:
    """Return the pages service of ``options``; nothing is opened yet."""
    from twisted.internet import reactor

    steady(reactor)
    return PagesService(options, reactor)
