"""Our own bugs, planted: an exception out of each method in turn ends one exchange and nothing else (row 18).

What is planted lies below the methods that Twisted calls, as a bug of ours would: in the four classes of a
request's way, and in what they ask (rules, pool, log, hooks).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any
from unittest.mock import patch

from twisted.logger import Logger, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy import client, exchange, rewrite
from netsuite.proxy.accesslog import AccessLog
from netsuite.proxy.client import ClientSide, FarSide
from netsuite.proxy.exchange import Exchange
from netsuite.proxy.pool import Pool
from netsuite.proxy.upstream import UpstreamSide
from tests.proxy import fuzz
from tests.proxy.scripted import Recorded, Recording, Wire
from tests.scale import NIGHTLY

#: What Twisted calls: an exception there is Twisted's to catch, one below is ours.
OUTERMOST = frozenset(
    ["connectionMade", "dataReceived", "connectionLost", "readConnectionLost", "writeConnectionLost", "touch"]
)
ROUNDS = 6 if NIGHTLY else 2

_log = Logger()


class Planted(Exception):  # noqa: N818 - named for what it is
    """A bug."""


def places() -> Iterator[tuple[Any, str]]:
    """Each method that a bug is planted in."""
    for owner in (ClientSide, UpstreamSide, FarSide, Exchange):
        for name, value in list(vars(owner).items()):
            if isinstance(value, FunctionType) and not name.startswith("__") and name not in OUTERMOST:
                yield owner, name
    yield from (
        (AccessLog, "request"),
        (AccessLog, "tunnel"),
        (Pool, "take"),
        (Pool, "give"),
        (Pool, "fresh"),
    )
    yield from ((rewrite, "request"), (rewrite, "response"), (client, "decide"), (exchange, "last_chunk"))
    yield from ((Recording, "on_request"), (Recording, "on_response"), (Recording, "on_tunnel"))
    yield from ((Recorded, "data"), (Recorded, "end"))


def as_twisted(call: Any, wire: Wire, *arguments: Any) -> None:
    """Call a protocol as the reactor does: what it raises is logged, and ends the connection."""
    try:
        call(wire, *arguments)
    except Exception as error:
        _log.failure("Unhandled Error")
        if not wire.gone:
            as_twisted(_end, wire, error)


_feed, _end, _fin = Wire.feed, Wire.end, fuzz.fin


@contextmanager
def planted(owner: Any, name: str, nth: int) -> Iterator[list[int]]:
    """Let the ``nth`` call of a method raise; the list that is given tells how many calls there were."""
    real, calls = getattr(owner, name), [0]

    def raises(*arguments: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth:
            raise Planted(name)
        return real(*arguments, **named)

    with (
        patch.object(owner, name, raises),
        patch.object(Wire, "feed", lambda wire, data: as_twisted(_feed, wire, data)),
        patch.object(Wire, "end", lambda wire, error=None: as_twisted(_end, wire, error)),
        patch.object(fuzz, "fin", lambda wire: as_twisted(_fin, wire)),
    ):
        yield calls


class PlantedTests(SynchronousTestCase):
    """A bug in each place."""

    def test_each(self) -> None:
        """One client at most is ended or told 5xx, others are served, nothing is left, one numbered event."""
        wrong: dict[str, str] = {}
        hit = set()
        for owner, name in places():
            place = f"{owner.__name__}.{name}"
            for nth in (1, 2, 4):
                for number in range(ROUNDS):
                    try:
                        if self.round(owner, name, nth, f"planted.{number}"):
                            hit.add(place)
                    except AssertionError as error:
                        wrong.setdefault(place, f"{error} (call {nth}, round planted.{number})")
        self.flushLoggedErrors(Planted)
        self.assertEqual([f"{place}: {what}" for place, what in wrong.items()], [])
        self.assertGreater(len(hit), 30)

    def round(self, owner: Any, name: str, nth: int, seed: str) -> bool:
        """Run a round with a bug; return whether it was met."""
        this = fuzz.Round(seed)
        events: list[Any] = []
        observe = events.append
        with planted(owner, name, nth) as calls:
            globalLogPublisher.addObserver(observe)
            try:
                this._play()
                victims = [one for one in this.clients if not self.served(this, one)] if this.clean else []
                hanging = [one for one in victims if not (one.wire.gone or self.answered(this, one))]
                this.let_time_pass()
            finally:
                globalLogPublisher.removeObserver(observe)
        if calls[0] < nth:
            return False
        failures = [event for event in events if event.get("log_failure") is not None]
        if len(victims) > 1:
            raise AssertionError(f"{len(victims)} clients felt it")
        if hanging:
            raise AssertionError(f"a client waits: it got {hanging[0].got[-200:]!r}")
        this._check_end()
        if [event.get("event") for event in failures] != ["fault"]:
            raise AssertionError(
                f"{len(failures)} failures logged: {[each.get('event') for each in failures]}"
            )
        return True

    @staticmethod
    def served(this: fuzz.Round, one: fuzz.Client) -> bool:
        """The client got all that it asked for."""
        try:
            this._check_clean(one)
        except fuzz.Fault:
            return False
        return True

    @staticmethod
    def answered(this: fuzz.Round, one: fuzz.Client) -> bool:
        """The client got as many answers as it asked, one of them 5xx."""
        answers = [read for _head, read in this._answers(one)]
        return len(answers) == len(one.messages) and any(read.status >= 500 for read in answers)
