"""A report to try: a store in memory, and a thread that is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.site.token import Token
from netsuite.wordproxy.report.about import About
from netsuite.wordproxy.report.reader import Reader
from netsuite.wordproxy.report.site import make_report
from netsuite.wordproxy.store.contract import Store
from netsuite.wordproxy.store.open import open_store
from tests.site.wire import Now


class Line:
    """What a pool of one thread does, when it is told to: nothing runs before `run`, or at once."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.at_once = at_once
        self.waiting: list[Callable[[], None]] = []
        self.running = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def callInThreadWithCallback(self, told: Any, call: Any, *args: Any, **kwargs: Any) -> None:
        def work() -> None:
            try:
                result = call(*args, **kwargs)
            except Exception:
                told(False, Failure())
            else:
                told(True, result)

        self.waiting.append(work)
        if self.at_once:
            self.run()

    def run(self) -> None:
        """Do what waits."""
        while self.waiting:
            self.waiting.pop(0)()


class ReportCase(SynchronousTestCase):
    """A report over an empty store in memory."""

    def setUp(self) -> None:
        self.clock, self.line = Now(), Line()
        self.token = Token(self.clock.seconds, "the secret of the report")
        self.store: Store = open_store(":memory:", stop_words={"en": {"the"}})
        self.addCleanup(self.store.close)
        self.health: Mapping[str, object] = {"counter": "running"}
        self.opened: Callable[[], Store] = lambda: self.store
        self.reader = Reader(lambda: self.opened(), self.clock, pool=self.line, keep=True)
        self.reader.start()
        self.paused: list[bool] = []
        self.is_flushed = True
        about = About(
            "127.0.0.1:8001",
            "127.0.0.1:8000",
            "/state/words.db",
            lambda: self.health,
            is_paused=lambda: self.paused[-1:] == [True],
            pause=self.paused.append,
            flush=self.flush,
        )
        self.site = make_report(
            self.reader,
            lambda: about,
            self.token,
            hosts=["words.example"],
            reactor=self.clock,
        )

    async def flush(self) -> bool:
        """Whether all is in the store."""
        return self.is_flushed

    def stop(self) -> None:
        """The reader has ended."""
        self.successResultOf(Deferred.fromCoroutine(self.reader.stop()))
