"""formsite as a service: a form, a store that is written before anybody is thanked, an inbox, couriers."""

from __future__ import annotations

import gc
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.application import service
from twisted.internet import defer
from twisted.internet.task import LoopingCall

from netsuite import journal
from netsuite.access import Htpasswd
from netsuite.crowd import SHED_AT_ONCE, Crowd
from netsuite.descriptors import fitted
from netsuite.formsite import mail, webhook
from netsuite.formsite.delivery import Courier
from netsuite.formsite.entrance import Entrance
from netsuite.formsite.inbox import Inbox
from netsuite.formsite.keeper import Busy, Keeper
from netsuite.formsite.posting import PATHS, Posting, Terms
from netsuite.formsite.settings import FIXED, Settings
from netsuite.formsite.settings import Options as Options
from netsuite.formsite.site import inbox_frame, make_routes
from netsuite.formsite.spam import Rates
from netsuite.formsite.stamp import Stamps
from netsuite.formsite.store import MEMORY, FormStore
from netsuite.formsite.uploads import Folder
from netsuite.guard import Guard
from netsuite.life import Life, steady
from netsuite.listen import Listening, Terminal, authority
from netsuite.metrics import Counters, Gauges
from netsuite.site.admin import AdminService
from netsuite.site.bounds import Bounds
from netsuite.site.frame import Frame
from netsuite.site.server import Numbers, make_site
from netsuite.site.token import Token
from netsuite.storefile import StoreFault
from netsuite.visits import Visits

#: Seconds that answers under way get when the service stops.
DRAIN_SECONDS = 5.0

#: Seconds between two looks for answers that are too old.
LOOK_SECONDS = 3600.0

DAY_MS = 86_400_000

#: Beside its text, a multipart body has boundaries and heads of parts: so many bytes a field or file.
PART_BYTES = 512


class FormService(service.MultiService):
    """``twistd formsite``: started from the store outwards, stopped from the clients inwards."""

    def __init__(self, options: Options, reactor: Any) -> None:
        super().__init__()
        settings: Settings = options.settings
        self._options, self._settings, self._reactor = options, settings, reactor
        self._terminal = terminal = Terminal()
        self._users: Htpasswd | None = None
        self._folder = Folder(settings.uploads) if settings.uploads else None
        ways = [name for name, told in (("webhook", settings.webhook), ("mail", settings.mail_to)) if told]
        self._keeper = Keeper(settings.store, reactor, max_bytes=settings.max_store, ways=ways)
        self._keeper.on_kept, self._keeper.on_again = self._wake, lambda: self._wake(at_once=True)
        self._couriers: list[Courier] = []
        self._stamps, self._token = Stamps(b"", time.time), Token(reactor.seconds)
        common = fitted(settings.common, each=1)
        self._crowd = Crowd(reactor, common)
        self._visits = Visits(common.access_log, rotation=common.log_rotation, service="formsite")
        self._listening = self._listener()
        admin = AdminService(
            common,
            name="formsite",
            status=lambda: {"store": settings.store},
            collectors=(Numbers(self._site), *self._numbers()),
            crowds={"port": self._crowd},
            listeners=lambda: [self._listening],
            reasons=self._keeper.reasons,
            terminal=terminal,
            reactor=reactor,
        )
        life = Life(
            reactor,
            terminal,
            on_prepare=self.prepare_reload,
            on_reopen=self._visits.open,
            reloads=admin.reloads,
        )
        for part in (life, self._listening, admin):
            part.setServiceParent(self)
        self._hourly = LoopingCall(self._look)
        self._hourly.clock = reactor

    def _listener(self) -> Listening:
        told = self._settings
        self._frame = frame = Frame(self._terms().shown.title, service="formsite")
        self._posting = posting = Posting(
            frame,
            self._keeper,
            self._stamps,
            terms=self._terms,
            folder=lambda: self._folder,
            rates=Rates(self._reactor.seconds),
        )
        self._inbox = Inbox(
            inbox_frame(), self._keeper, self._token, folder=lambda: self._folder, reactor=self._reactor
        )
        entrance = Entrance(lambda: self._users)
        self._site = make_site(
            make_routes(frame, posting, self._inbox, self._token, entrance),
            frame,
            hosts=told.common.hosts,
            bounds=Bounds(
                idle_seconds=told.common.idle_seconds,
                head_seconds=told.head_seconds,
                body_seconds=told.body_seconds,
            ),
            bodies=dict.fromkeys(PATHS, _longest(told.terms)),
            crowd=self._crowd,
            reactor=self._reactor,
            log=None if self._visits.is_off else self._visits.visit,
        )
        return Listening(
            told.port,
            self._site,
            owner="formsite",
            option="--port",
            terminal=self._terminal,
            reactor=self._reactor,
            on_lack=lambda: self._crowd.shed(SHED_AT_ONCE),
        )

    def _terms(self) -> Terms:
        return self._settings.terms

    def _numbers(self) -> tuple[Counters, Gauges]:
        return (
            Counters(
                answers_kept=("Answers kept.", lambda: float(self._posting.kept)),
                answers_spam=("Those of them that were flagged.", lambda: float(self._posting.spam)),
                letters_sent=(
                    "Answers told by mail or webhook.",
                    lambda: float(sum(courier.sent for courier in self._couriers)),
                ),
                letters_failed=(
                    "Tries to tell one that failed.",
                    lambda: float(sum(courier.failed for courier in self._couriers)),
                ),
            ),
            Gauges(
                answers_waiting=("Answers that are being written.", lambda: float(self._keeper.waiting)),
                store_failing=(
                    "Whether the store refuses just now.",
                    lambda: float(any(self._keeper.reasons())),
                ),
            ),
        )

    def _wake(self, *, at_once: bool = False) -> None:
        for courier in self._couriers:
            courier.wake(at_once=at_once)

    # -- start and stop ------------------------------------------------------------------------------------

    def startService(self) -> None:
        """Open the store, listen, say where.  Raises: Refused, if the store or a file can't be used."""
        told = self._settings
        try:
            secret, name = self._open_store()
            self._users = (
                Htpasswd(told.htpasswd, self._reactor, service="formsite") if told.htpasswd else None
            )
            self._couriers = self._made_couriers(name)
            self._visits.open()
        except (StoreFault, OSError, ValueError) as error:
            raise self._terminal.refuse(f"cannot start formsite: {error}") from None
        self._stamps.become(secret)
        self._token.become(secret.hex())
        if self._users is not None:
            self._users.start()
        self._keeper.start()
        super().startService()
        self._crowd.start()
        for courier in self._couriers:
            courier.start()
        journal.detach(self._hourly.start(LOOK_SECONDS), where="formsite.hourly")
        gc.freeze()
        scheme = self._settings.port.scheme
        places = ", ".join(f"{scheme}://{authority(*address)}/" for address in self._listening.addresses())
        who = "those in --htpasswd" if told.htpasswd else "this machine alone"
        journal.service_ready(
            service="formsite", summary=f"form on {places}, inbox for {who}, store {told.store}"
        )

    def _open_store(self) -> tuple[bytes, str]:
        """The store is sound; return the secret behind stamps and tokens, and a name of the store.

        Raises: StoreFault, OSError.
        """
        told = self._settings
        if told.store == MEMORY:
            secret, known = secrets.token_bytes(32), set[str]()
        else:
            store = FormStore(told.store, max_bytes=told.max_store)
            try:
                secret, known = store.secret("form"), store.stored_files()
                name = store.secret("name").hex()[:12]
            finally:
                store.close()
        if self._folder is not None:
            self._folder.prepare(known)
        return secret, secrets.token_hex(6) if told.store == MEMORY else name

    def _made_couriers(self, name: str) -> list[Courier]:
        told, made = self._settings, []
        if told.webhook:
            guard = Guard(
                allow_private=told.allow_private,
                allow_nets=told.allow_nets,
                own=self._listening.addresses,
            )
            hook = webhook.Webhook(
                self._reactor,
                told.webhook,
                webhook.read_secret(told.webhook_secret),
                guard,
                name=name,
                clock=time.time,
            )
            made.append(Courier("webhook", hook, self._keeper, self._reactor))
        if told.server is not None:
            post = mail.Mail(
                self._reactor,
                told.server,
                lambda: self._terms().shown,
                sender=told.mail_from,
                to=told.mail_to,
                name=name,
            )
            made.append(Courier("mail", post, self._keeper, self._reactor))
        return made

    def stopService(self) -> defer.Deferred[None]:
        """Fires when clients have their answers, what they sent is on the disk and the store is closed."""
        return defer.Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._hourly.running:
            self._hourly.stop()
        stopped = defer.maybeDeferred(super().stopService)
        for courier in self._couriers:
            await courier.stop()
        await self._crowd.drain(DRAIN_SECONDS)
        await stopped
        await self._keeper.stop()
        if self._users is not None:
            self._users.stop()
        self._visits.close()

    # -- what goes on ----------------------------------------------------------------------------------------

    def _look(self) -> None:
        journal.detach(defer.Deferred.fromCoroutine(self._retain()), where="formsite.retain")
        if self._users is not None:
            self._users.refresh()

    async def _retain(self) -> None:
        """What is too old is gone."""
        days = self._settings.keep_days
        try:
            await self._keeper.change(lambda store: store.forget_keys(self._keeper.now()))
            if days:
                before = self._keeper.now() - days * DAY_MS
                await self._inbox.remove(lambda store: store.delete_before(before))
            await self._keeper.change(lambda store: store.cut_log())
        except (StoreFault, Busy):  # told in the log already; the next hour tries again
            return

    def reload(self) -> None:
        """The settings as they are now are in force.  Raises: ValueError, OSError; nothing has changed."""
        self.prepare_reload()()

    def prepare_reload(self) -> Callable[[], None]:
        """Return what puts the settings as they are now in force.  Raises: ValueError, OSError."""
        told: Settings = self._options.again()
        move = self._listening.prepare(told.port)
        users = self._prepared_users(told)

        def apply() -> None:
            before = self._settings
            kept = {name for name in FIXED if getattr(told, name) != getattr(before, name)}
            self._settings = replace(told, **{name: getattr(before, name) for name in FIXED})
            users()
            move()
            self._frame.name = told.terms.shown.title
            self._crowd.limit(told.common)
            self._site.answer_to(told.common.hosts, told.common.idle_seconds)
            journal.reloaded(text="form, rules and users are as their files say now")
            if kept:
                journal.reload_kept(names=", ".join(sorted(kept)))

        return apply

    def _made_users(self, told: Settings) -> Htpasswd | None:
        """Raises: ValueError, OSError."""
        return Htpasswd(told.htpasswd, self._reactor, service="formsite") if told.htpasswd else None

    def _prepared_users(self, told: Settings) -> Callable[[], None]:
        """Return what puts the users in force.  Raises: ValueError, OSError."""
        if told.htpasswd is not None and self._users is not None:
            return self._users.prepare(told.htpasswd)
        users = self._made_users(told)
        if users is not None:
            users.start()

        def apply() -> None:
            before, self._users = self._users, users
            if before is not None:
                before.stop()

        return apply


def _longest(terms: Terms) -> int:
    """The longest body of a post: its text, its files, and what stands around each part."""
    files = terms.files.most * terms.files.size if terms.files is not None else 0
    return terms.bounds.text + (terms.bounds.fields + terms.bounds.files) * PART_BYTES + files


def makeService(options: Options) -> service.IService:
    """Return the form site of ``options``; nothing is opened yet."""
    from twisted.internet import reactor

    steady(reactor)
    return FormService(options, reactor)
