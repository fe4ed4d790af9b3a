"""A worker: a relay process that was started by another, which gives it sockets and hears how it does.

Run as ``python -m netsuite.proxy.worker REACTOR NUMBER LOG``: the module that installs the reactor, the
worker's number, and where log lines go: ``text`` or ``json`` to standard output, or ``talk``.  Its settings
come from the first process too, so that a file that somebody is just editing changes none of several workers.
"""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from twisted.internet import defer
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.logger import globalLogBeginner

from netsuite import journal, journald
from netsuite.door import Inherited
from netsuite.life import steady
from netsuite.listen import Refused, Terminal
from netsuite.proxy.balance import BACK_SECONDS, TELL_SECONDS, Balance
from netsuite.proxy.hooks import Hooks, load
from netsuite.proxy.service import ProxyService
from netsuite.proxy.settings import Settings, share_of
from netsuite.proxy.sums import families
from netsuite.proxy.talk import Message, Talk
from netsuite.proxy.trade import Relaying, Say, Trade
from netsuite.proxy.workers import BEAT_SECONDS
from netsuite.values import Where

#: Log lines that wait to be taken by the first process, seconds for which they are gathered, lines a message.
LINES_MAX = 10_000
GATHER_SECONDS = 0.05
BUNDLE = 250

_CHANNEL = 3


class Worker:
    """Relays, as the first process says, and has its trade do the rest."""

    def __init__(self, number: int, reactor: Any, trade: Callable[[Any, Say], Trade]) -> None:
        self._number, self._reactor = number, reactor
        self._terminal = Terminal()
        self._service: ProxyService | None = None
        self._count = 1
        self._own: list[tuple[str, int]] = []
        self._balance: Balance | None = None
        self._beating, self._telling = LoopingCall(self._beat), LoopingCall(self._tell)
        self._beating.clock = self._telling.clock = reactor
        self._has_ended = False
        self.talk = Talk(self._heard, lost=self._left)
        self._trade = trade(reactor, self.talk.say)

    def _heard(self, message: Message, sockets: list[int]) -> None:
        match message["do"]:
            case "start":
                self._start(message, sockets)
            case "reload":
                self._reload(message, sockets)
            case "reopen" if self._service is not None:
                self._service.reopen()
            case "try" if self._service is not None:
                self._service.note_try(message["client"], message["ok"])
            case "drain":
                self.finish()
            case _:
                self._trade.heard(message)

    def take_term(self) -> None:
        """TERM has us finish; the first process may say so too, before or after it."""
        signal.signal(signal.SIGTERM, lambda number, frame: self._reactor.callFromThread(self.finish))

    def finish(self) -> None:
        """Serve those who are here, and end."""
        with suppress(ReactorNotRunning):  # a service manager may have told the whole group
            self._reactor.stop()

    def _given(self, message: Message, sockets: list[int]) -> dict[str, Inherited]:
        self._own = [(host, port) for host, port in message["own"]]
        pairs = zip(message["descriptions"], sockets, message["families"], strict=True)
        return {description: Inherited(fd, family) for description, fd, family in pairs}

    def _share(self, message: Message) -> Settings:
        """Return our part of the settings, listening where the first process does."""
        settings: Settings = pickle.loads(bytes.fromhex(message["settings"]))  # noqa: S301 from who made us
        where = Where(settings.port.text, tuple(message["descriptions"]), settings.port.public)
        return replace(share_of(settings, self._count), port=where)

    def _loaded(self, settings: Settings) -> Hooks:
        """Return hooks of our own, as each worker has.  Raises: Refused."""
        try:
            return load(settings.hooks)
        except ValueError as error:
            raise self._terminal.refuse(f"cannot start a worker: {error}") from None

    def _start(self, message: Message, sockets: list[int]) -> None:
        self._count = int(message["count"])
        shared, *sockets = sockets
        self._balance = Balance(shared, self._number, self._count)
        os.close(shared)
        inherited = self._given(message, sockets)
        share = self._share(message)
        journal.serve(share.common.service)
        try:
            service = self._service = ProxyService(
                share,
                self._reactor,
                self._terminal,
                hooks=self._trade.begin(message) or self._loaded(share),
                owner="proxy",
                own=lambda: self._own,
                inherited=inherited,
                on_try=lambda client, ok: self.talk.say({"try": [client, ok]}),
                key=bytes.fromhex(message["key"]),
            )
            service.relay.number_by(self._number, self._count)
            self._trade.join(service.relay)
            for client, failures in message["tried"].items():
                for _ in range(failures):
                    service.note_try(client, False)
            service.startService()
        except Refused:  # said already, where the first process says it
            _die()
        service.listening.share(self._is_ahead, BACK_SECONDS)
        _close(sockets)
        self._terminal.release()
        self._reactor.addSystemEventTrigger("before", "shutdown", self._stop, service)
        journal.detach(self._beating.start(BEAT_SECONDS), where="worker.beat")
        journal.detach(self._telling.start(TELL_SECONDS), where="worker.tell")

    def _tell(self) -> None:
        if self._balance is not None and self._service is not None:
            self._balance.tell(len(self._service.relay.crowd), self._reactor.seconds())

    def _is_ahead(self) -> bool:
        if self._balance is None or self._service is None:
            return False
        return self._balance.is_ahead(len(self._service.relay.crowd), self._reactor.seconds())

    async def _finish(self, service: ProxyService) -> None:
        try:
            await defer.maybeDeferred(service.stopService)
        finally:
            await self._trade.end()
        self._has_ended = True

    def _stop(self, service: ProxyService) -> defer.Deferred[None]:
        return defer.Deferred.fromCoroutine(self._finish(service))

    def _left(self) -> None:
        """The first process is gone, or has had enough: end with it, also in the middle of a drain."""
        if not self._has_ended:
            _die()

    def _beat(self) -> None:
        if self._service is not None and not self.talk.is_full:
            counts = families([*self._service.collectors, *self._trade.collectors()])
            status = {**self._service.status(), **self._trade.status()}
            self.talk.say({"beat": status, "counts": counts})

    def _reload(self, message: Message, sockets: list[int]) -> None:
        if self._service is None:
            _close(sockets)
            return
        self._service.listening.inherited = self._given(message, sockets)
        try:
            self._service.prepare(self._share(message))()
            self._trade.change(message)
            self._service.listening.share(self._is_ahead, BACK_SECONDS)
        except (OSError, ValueError) as error:
            journal.reload_failed(text=str(error))
        finally:
            self._service.listening.inherited.clear()
            _close(sockets)


class Lines:
    """A log observer that gives events to the first process, in bundles, and counts what it can't give."""

    def __init__(self, talk: Talk, reactor: Any) -> None:
        self._talk, self._reactor = talk, reactor
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._lost = 0
        self._is_due = False

    def __call__(self, event: Any) -> None:
        """Keep an event until the next bundle."""
        if len(self._waiting) >= LINES_MAX:
            self._lost += 1
            return
        self._waiting.append(journal.portable(event))
        if not self._is_due:
            self._is_due = True
            self._reactor.callLater(GATHER_SECONDS, self._give)

    def _give(self) -> None:
        while self._waiting and not self._talk.is_full:
            bundle = [self._waiting.popleft() for _ in range(min(BUNDLE, len(self._waiting)))]
            lost, self._lost = self._lost, 0
            self._talk.say({"log": bundle, "lost": lost})
        self._is_due = bool(self._waiting)
        if self._is_due:
            self._reactor.callLater(GATHER_SECONDS, self._give)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _die() -> None:
    """Nobody looks after us any more, or we can't begin: end at once, also where a thread is at work."""
    os._exit(1)


class _One(Factory):
    noisy = False

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def buildProtocol(self, addr: IAddress | None) -> Talk:
        return self._talk


def main(arguments: list[str], trade: Callable[[Any, Say], Trade] = Relaying) -> None:
    """Work until the first process says that it is enough."""
    module, number, log = arguments
    importlib.import_module(module).install()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    steady(reactor)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)  # a terminal tells its whole group; the first process tells us
    worker = Worker(int(number), reactor, trade)
    observer: Any = Lines(worker.talk, reactor)
    if log != "talk":
        observer = journald.observer(sys.stdout, is_json=log == "json")
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
    with socket.socket(fileno=_CHANNEL) as channel:
        channel.setblocking(False)
        reactor.adoptStreamConnection(channel.fileno(), socket.AF_UNIX, _One(worker.talk))
    reactor.callWhenRunning(worker.take_term)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
