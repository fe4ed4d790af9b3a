"""wordproxy as a service: a proxy, a copy of the pages that pass, a counter process, a store and a report."""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from hashlib import blake2b
from typing import Any

from twisted.application import service
from twisted.internet import defer
from twisted.internet.task import LoopingCall

from netsuite import journal
from netsuite.crowd import SHED_AT_ONCE, Crowd
from netsuite.life import Life, steady
from netsuite.listen import Listening, Terminal, authority
from netsuite.proxy.hiring import hire, log_of
from netsuite.proxy.service import ProxyService
from netsuite.reloading import differing, tell_changes
from netsuite.site.login import Login
from netsuite.site.server import Numbers
from netsuite.site.token import Token
from netsuite.wordproxy import place
from netsuite.wordproxy.alone import Alone
from netsuite.wordproxy.bring import known
from netsuite.wordproxy.bring.ingest import Ingesting
from netsuite.wordproxy.copying import Rules
from netsuite.wordproxy.crew import Crew
from netsuite.wordproxy.events import Events
from netsuite.wordproxy.feed import FLUSH_SECONDS, Feed, longest_stop
from netsuite.wordproxy.intercept.authority import Authority, AuthorityFault, Scope, shown
from netsuite.wordproxy.intercept.interception import Interception
from netsuite.wordproxy.intercept.settings import InterceptSettings, lookout, prepare
from netsuite.wordproxy.profiles import Profiles
from netsuite.wordproxy.report import pac
from netsuite.wordproxy.report.about import About
from netsuite.wordproxy.report.opened import Opened
from netsuite.wordproxy.report.reader import Busy, Reader
from netsuite.wordproxy.report.site import OPEN, make_report
from netsuite.wordproxy.scraped import reasons
from netsuite.wordproxy.settings import FIXED, Options, Settings
from netsuite.wordproxy.store.contract import Batch, Store, StoreFault
from netsuite.wordproxy.store.open import open_store, shared_url_key
from netsuite.wordproxy.store.redisurl import is_redis
from netsuite.words import stopwords

#: Seconds between two looks at the clock: paused time is noted, and once a day old addresses go.
MINUTE = 60.0

#: A page's day may be as old as the longest request; a day's grace keeps today's pages whole.
GRACE_DAYS = 1


class Wordproxy(service.MultiService):
    """``twistd wordproxy``: started from the store outwards, stopped from the clients inwards."""

    def __init__(self, options: Options, reactor: Any) -> None:
        super().__init__()
        settings: Settings = options.settings
        self._options, self._settings, self._reactor = options, settings, reactor
        self._terminal = terminal = Terminal()
        self._reader = Reader(self._open_store, reactor, keep=settings.store == place.MEMORY)
        self._profiles = Profiles(settings.store, self._open_store, reactor)
        self._counting = self._crew(settings) if settings.proxy.workers > 1 else self._alone(settings)
        self._proxy = ProxyService(
            settings.proxy,
            reactor,
            terminal,
            hooks=self._counting.hooks,
            owner="wordproxy",
            own=lambda: self._report.addresses(),
            more=self._health,
            workers=self._counting.workers,
        )
        self._crowd = Crowd(reactor, settings.proxy.common)
        self._token = Token(reactor.seconds)
        self._site = make_report(
            self._reader,
            self._about,
            self._token,
            ingesting=Ingesting(
                reactor,
                self._feed,
                self._rules,
                lambda: self._counting.pause.is_on,
                max_text=settings.feed.max_text,
            ),
            hosts=settings.proxy.common.hosts,
            idle_seconds=settings.proxy.common.idle_seconds,
            crowd=self._crowd,
            reactor=reactor,
            login=Login(lambda: self._proxy.relay.access, OPEN),
            reader_of=self._reader_of,
        )
        self._report = Listening(
            settings.report,
            self._site,
            owner="wordproxy report",
            option="--report",
            terminal=terminal,
            reactor=reactor,
            on_lack=lambda: self._crowd.shed(SHED_AT_ONCE),
        )
        self._proxy.admin.join(
            crowds={"report": self._crowd},
            collectors=(Numbers(self._site, "report"), *self._counting.collectors()),
            listeners=lambda: [self._report],
            reasons=lambda: reasons(self._counting.status()),
        )
        life = Life(
            reactor,
            terminal,
            reloads=self._proxy.admin.reloads,
            on_prepare=self.prepare_reload,
            on_reopen=self._reopen,
            on_pause=self._toggle_pause,
            drain_seconds=self._longest_stop,
        )
        for part in (life, self._proxy, self._report, self._counting.workers):
            if part is not None:
                part.setServiceParent(self)
        self._authority: Authority | None = None
        self._interception: Interception | None = None
        self._brought: Alone | None = None
        self._minutely = LoopingCall(self._minute)
        self._minutely.clock = reactor
        self._retained = ""
        self._url_key = b"\0" * place.KEY_BYTES
        self._store_shown = place.MEMORY  # without a password, once it is known

    def _alone(self, settings: Settings) -> Alone:
        return Alone(self._reactor, settings.feed, self._keep if settings.store == place.MEMORY else None)

    def _crew(self, settings: Settings) -> Crew:
        crew = Crew(settings.feed, settings.proxy.workers, self._keep)
        crew.workers = hire(
            settings.proxy.workers,
            self._reactor,
            proxy=lambda: self._proxy,
            told=lambda: self._settings.proxy,
            log=log_of(self._options.parent, settings.proxy.common),
            module="netsuite.wordproxy.worker",
            more=crew.greeting,
            on_message=crew.heard,
            ending_seconds=longest_stop(settings.feed),
        )
        return crew

    def _feed(self) -> tuple[Feed, Events]:
        """Return the feed for pages that are brought here; where workers count, one of our own."""
        if isinstance(self._counting, Alone):
            return self._counting.feed, self._counting.events
        if self._brought is None:
            told = self._settings
            keep = self._keep if told.store == place.MEMORY else None
            self._brought = Alone(self._reactor, told.feed, keep, on_paused=lambda seconds: None)
            self._brought.start(self._rules())
        return self._brought.feed, self._brought.events

    def _rules(self) -> Rules:
        told = self._settings
        return Rules(
            url_key=self._url_key,
            max_text=told.feed.max_text,
            count_no_store=told.count_no_store,
            ignore_hosts=told.ignore_hosts,
            only_hosts=told.only_hosts,
            revisits=told.revisits,
            profiles=told.profiles,
        )

    def reload(self) -> None:
        """The settings as they are now are in force.  Raises: ValueError, OSError; nothing has changed."""
        self.prepare_reload()()

    def prepare_reload(self) -> Callable[[], None]:
        """Return what puts the settings as they are now in force.  Raises: ValueError, OSError."""
        told: Settings = self._options.again()
        apply_proxy = self._proxy.prepare(told.proxy)
        move = self._report.prepare(told.report)
        is_other = told.intercept != self._settings.intercept
        authority = prepare(told.intercept) if is_other else self._authority

        def apply() -> None:
            changed = differing(self._settings, told) - {"proxy"}
            before = self._settings
            self._settings = replace(told, **{name: getattr(before, name) for name in FIXED})
            apply_proxy()
            move()
            if is_other:
                self._authority = authority
                self._look_out(told.intercept)
            self._counting.follow(self._rules())
            if self._counting.workers is not None:
                self._counting.workers.reload()
            self._crowd.limit(told.proxy.common)
            self._site.answer_to(told.proxy.common.hosts, told.proxy.common.idle_seconds)
            if changed:
                tell_changes(changed, FIXED)

        return apply

    def _longest_stop(self) -> float:
        """Seconds that clients of the proxy and of the report get, and then the counter."""
        told = self._settings
        return 2 * told.proxy.times.drain + longest_stop(told.feed)

    def _reopen(self) -> None:
        self._proxy.reopen()
        if self._counting.workers is not None:
            self._counting.workers.reopen()

    def _open_store(self, where: str | None = None) -> Store:
        told = self._settings
        lists = stopwords.load(dict(told.stop_lists)) if told.stop_words else {}
        return open_store(where or told.store, stop_words=lists)

    def _keep(self, batch: Batch, profile: str) -> defer.Deferred[None]:
        """Keep a batch for a store in memory, which is here, as that of each profile is."""
        return defer.Deferred.fromCoroutine(self._add(batch, profile))

    async def _add(self, batch: Batch, profile: str) -> None:
        reader = await self._profiles.reader(profile) if profile else self._reader
        await reader.add(batch)

    async def _reader_of(self, user: str | None) -> Reader:
        """Whose words a user sees: their own, where each is counted apart."""
        if user is not None and self._settings.profiles:
            return await self._profiles.reader(user)
        return self._reader

    async def flush(self) -> bool:
        """All that was read or brought so far is in the store; or False: it can't be now, and waits."""
        counting = [self._counting, self._brought] if self._brought is not None else [self._counting]
        flushes = [one.flush().addTimeout(FLUSH_SECONDS + 2, self._reactor) for one in counting]
        told = await defer.DeferredList(flushes, consumeErrors=True)
        return all(is_told and is_done for is_told, is_done in told)

    def startService(self) -> None:
        """Start the store, the counter and the rest; say where everything is.  Raises: Refused."""
        try:
            where = self._settings.store
            if where != place.MEMORY:
                store = self._open_store()
                self._store_shown = store.status().where
                store.close()
            if is_redis(where):
                self._url_key = shared_url_key(where, secrets.token_bytes(place.KEY_BYTES))
            else:
                self._url_key = place.url_key(where)
            self._token.become(self._secret())
            self._authority = prepare(self._settings.intercept)
        except (StoreFault, AuthorityFault, OSError, ValueError) as error:
            raise self._terminal.refuse(f"cannot start wordproxy: {error}") from None
        self._look_out(self._settings.intercept)
        self._counting.start(self._rules())
        super().startService()
        self._reader.start()
        self._crowd.start()
        if self._settings.known:
            journal.detach(defer.Deferred.fromCoroutine(self._learn()), where="wordproxy.known")
        if self._settings.paused:
            self._counting.pause.begin()
        journal.detach(self._minutely.start(MINUTE), where="wordproxy.minute")
        gc.freeze()  # what is here to stay: looking through it again held the loop up for 30 to 50 ms
        about = self._about()
        journal.service_ready(
            service="wordproxy",
            summary=f"proxy {self._proxy.url()}, report {about.report_scheme}://{about.report}/, "
            f"store {about.store} ({self._of_https()})",
        )

    def _of_https(self) -> str:
        if not self._settings.intercept.is_on:
            return "HTTPS is passed unseen; see /setup"
        return "HTTPS of listed hosts is opened, all other passed unseen; see /interception"

    def _look_out(self, told: InterceptSettings) -> None:
        """TLS of these hosts is opened from now on; connections that are open stay as they are."""
        if isinstance(self._counting, Crew):
            self._counting.intercept = told
        else:
            self._interception = self._proxy.relay.lookout = lookout(told, self._authority, self._reactor)

    def _secret(self) -> str:
        """What stands behind the report's tokens; of nodes that share a Redis it is the same."""
        where, path = self._settings.store, self._settings.token
        if path is not None:
            return place.report_secret(path)
        if where == place.MEMORY:
            return secrets.token_urlsafe(place.KEY_BYTES)
        return blake2b(b"token of the report", key=self._url_key, digest_size=place.KEY_BYTES).hexdigest()

    def _about(self) -> About:
        report = authority(*self._report.addresses()[0])
        return About(
            self._proxy.place(),
            report,
            self._store_shown,
            self._health,
            hosts=self._pac_rules,
            opened=self._opened,
            is_paused=lambda: self._counting.pause.is_on,
            pause=self._pause,
            flush=self.flush,
            proxy_scheme=self._settings.proxy.port.scheme,
            report_scheme=self._settings.report.scheme,
        )

    def _pac_rules(self) -> pac.Rules:
        told = self._settings
        return pac.Rules(told.ignore_hosts, told.only_hosts, told.intercept.hosts.listed)

    def _opened(self) -> Opened | None:
        authority, told = self._authority, self._settings.intercept
        if authority is None:
            return None
        hosts = shown(Scope.of(told.hosts, told.scope))
        return Opened(hosts, authority.name, authority.fingerprint, authority.pem, self._pinned, self._unpin)

    def _pinned(self) -> list[str]:
        pinned = self._health().get("pinned")
        return list(pinned) if isinstance(pinned, list) else []

    def _unpin(self, host: str | None) -> None:
        if self._interception is not None:
            self._interception.unpin(host)
        if self._counting.workers is not None:
            self._counting.workers.tell({"do": "unpin", "host": host})

    def _health(self) -> dict[str, object]:
        pinned = self._interception.status() if self._interception is not None else {}
        return {**self._counting.status(), **pinned}

    async def _learn(self) -> None:
        """Words of the lists that have no level yet are known."""

        def learn(store: Store) -> None:
            for lang, path in self._settings.known:
                said = {word.key for word in store.levels(lang)}
                words = [word for word in known.read(path, lang).words if word.key not in said]
                store.set_levels(words)

        try:
            await self._reader.ask(learn)
        except (StoreFault, Busy, OSError, known.ListFault) as error:
            journal.counter_trouble(text=f"known words were not loaded: {error or 'busy'}")

    def _toggle_pause(self) -> None:
        self._pause(not self._counting.pause.is_on)

    def _pause(self, paused: bool) -> None:
        """Counting is paused, or goes on."""
        pause = self._counting.pause
        if pause.is_on == paused:
            return
        if paused:
            pause.begin()
        else:
            pause.end()
        self._counting.follow(self._rules())
        journal.paused(is_paused=paused)

    def _minute(self) -> None:
        self._counting.pause.settle()
        today = date.today()
        if self._retained != today.isoformat():
            self._retained = today.isoformat()
            before = today - timedelta(days=max(self._settings.keep_days, GRACE_DAYS))
            journal.detach(
                defer.Deferred.fromCoroutine(self._retain(before.isoformat())), where="wordproxy.retain"
            )

    async def _retain(self, before: str) -> None:
        try:
            await self._reader.ask(lambda store: store.retain(before))
            await self._reader.ask(lambda _store: self._profiles.retain_found(before))
            await self._profiles.retain_memory(before)
        except (StoreFault, Busy) as error:
            self._retained = ""  # the next minute tries again
            journal.counter_trouble(text=f"old addresses were not removed: {error or 'busy'}")

    def stopService(self) -> defer.Deferred[None]:
        """Fires when clients have their answers, their pages are counted and the store is closed."""
        return defer.Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._minutely.running:
            self._minutely.stop()
        self._counting.pause.settle()  # while there is somebody to note it
        stopped = defer.maybeDeferred(super().stopService)
        await self._crowd.drain(self._settings.proxy.times.drain)
        await stopped
        await self._counting.stop()
        if self._brought is not None:
            await self._brought.stop()
        await self._profiles.stop()
        await self._reader.stop()


def makeService(options: Options) -> service.IService:
    """Return the wordproxy of ``options``; nothing is opened yet."""
    from twisted.internet import reactor

    steady(reactor)
    return Wordproxy(options, reactor)
