"""A fuzzer of the relay, in memory: clients and origins that behave or don't, and what must hold.

A round is a proxy, up to three clients with up to four requests each, and as many origins as they ask for.
Bytes go in pieces, in an order that the round's own ``Random`` draws; connections are dialled, refused,
paused, ended and reset in between.  What must hold (RELIABILITY rows 20 and 22):

* no exception, in the log or out of a protocol's method;
* what an origin gets is read alike by h11 and llhttp, and so is what a client gets;
* a clean request on a clean way is answered with the very answer that was made for it, and its body is what
  the client sent; bytes of one exchange never show up in another;
* a client has as many answers as it asked requests, or the last one says that the connection ends;
* when all is silent, time ends every connection, and pool and crowd are empty.

``python -m tests.proxy.fuzz --runs 200000 --seed 7`` counts messages, not rounds.  A round that fails has
a name, its own seed, and ``--round SEED`` runs it again.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random, SystemRandom
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.logger import LogLevel, globalLogPublisher

from netsuite.glue import Gate
from netsuite.http1.body import request_body
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HeadReader, RequestHead, parse_request
from netsuite.http1.limits import Limits
from netsuite.proxy.allowance import Bandwidth
from tests.proxy import fuzz_grammar as grammar
from tests.proxy.fuzz_readers import Origin, Read, read_answer, same_answer
from tests.proxy.scripted import Bench, Wire

STEPS_MAX = 20_000
FAULTS_MAX = 50
_IDEMPOTENT = (b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE")
_TOKEN = re.compile(rb"<([0-9a-f]{12})>")


class Fault(AssertionError):  # noqa: N818 - of the relay, not of a caller
    """Something that must hold does not."""


def asked(stream: bytes) -> tuple[list[RequestHead], int, bool]:
    """The requests that we read in a client's bytes, how many of them are whole, and whether one is bad."""
    heads: list[RequestHead] = []
    reader = HeadReader(parse_request, Limits())
    whole = 0
    data = stream
    while data:
        try:
            found = reader.feed(data)
            if found is None:
                return heads, whole, False
            heads.append(found[0])
            _payload, rest = request_body(found[0]).feed(found[1])
        except BadMessage:
            return heads, whole, True
        if rest is None:
            return heads, whole, False
        whole, data = whole + 1, rest
        if not found[0].keep_alive or found[0].method == b"CONNECT":
            return heads, whole, False
    return heads, whole, False


def fin(wire: Wire) -> None:
    """The peer sends no more, as Twisted tells it."""
    if IHalfCloseableProtocol.providedBy(wire.protocol):
        wire.protocol.readConnectionLost()
    else:
        wire.end()


class Client:
    """A client: what it is going to send, and what it got."""

    def __init__(self, wire: Wire, messages: list[grammar.Message], end: str, rng: Random) -> None:
        self.wire, self.messages, self.end = wire, messages, end
        self.sent = self.got = b""
        stream = b"".join(message.data + (message.body if message.tunnel else b"") for message in messages)
        self.queue = deque(grammar.pieces(rng, stream))
        self.ended = False

    @property
    def clean(self) -> bool:
        """It does nothing that it may not do."""
        return self.end != "reset" and all(message.clean for message in self.messages)


class OriginSide:
    """An origin's connection: what it is asked and going to answer."""

    def __init__(self, wire: Wire, tunnel: bool) -> None:
        self.wire, self.tunnel = wire, tunnel
        self.reader = Origin()
        self.queue: deque[bytes] = deque()
        self.making: grammar.Made | None = None
        self.answered: list[tuple[Read, grammar.Made]] = []
        self.tainted = self.ended = False
        self.end = "keep"


class Round:
    """One run; ``messages`` says afterwards how many requests and answers it had."""

    def __init__(self, seed: str) -> None:
        self.rng = rng = Random(seed)
        mood = rng.random()
        self.clean_clients, self.clean_origins = mood < 0.6, mood < 0.3 or 0.6 < mood < 0.9
        self.bench = Bench(hold=True)
        speed = Random(f"{seed} speed")  # drawn apart: the names of rounds that found something still hold
        if speed.random() < 0.1:
            self.bench.relay.bandwidth = Bandwidth(speed.choice((50_000, 1_000_000)))
        self.origins: list[OriginSide] = []
        self.failed = self.messages = 0
        self.drains = rng.random() < 0.05
        self.drained = False
        self.pressed: list[Wire] = []
        self.made: dict[bytes, grammar.Made] = {}
        self.clients: list[Client] = []
        for number in range(rng.choice((1, 1, 1, 2, 3))):
            wire = self.bench.connect() if number else self.bench.client
            self._stiffen(wire)
            count = rng.choice((1, 1, 2, 3, 4))
            messages = [
                grammar.request(rng, clean=self.clean_clients or rng.random() < 0.5, last=at == count - 1)
                for at in range(count)
            ]
            ends = ("stay", "stay", "fin") if self.clean_clients else ("stay", "stay", "fin", "reset")
            self.clients.append(Client(wire, messages, rng.choice(ends), rng))
            self.messages += count
        self.idents = {message.ident for client in self.clients for message in client.messages}

    @property
    def clean(self) -> bool:
        """Everybody behaves."""
        return (
            self.clean_origins
            and not (self.failed or self.drained)
            and all(client.clean for client in self.clients)
        )

    def run(self) -> None:
        """Let everything happen, then time pass.  Raises: Fault, Misread, or what a protocol raised."""
        self._play()
        if self.clean:
            for client in self.clients:
                self._check_clean(client)
        self.let_time_pass()
        for client in self.clients:
            self._check(client)
        self._check_repeats()
        self._check_end()

    # what happens

    def let_time_pass(self) -> None:
        """Let every limit be passed."""
        for _ in range(8):
            self.bench.clock.advance(61)
            self.bench.pool.sweep(self.bench.clock.seconds())
            self._collect()
            self._play()

    def _play(self) -> None:
        """Do whatever can be done, in any order, until nothing is left to do."""
        for _ in range(STEPS_MAX):
            actions = self._actions()
            if not actions:
                waits = self._waits()
                if not (self.pressed or waits):
                    return
                actions = [self._wait] if waits else [self._release]
            elif self.rng.random() < 0.1:
                actions = [self._press, self._release]
            self.rng.choice(actions)()
            self._collect()
        raise Fault("it never ends")

    def _actions(self) -> list[Callable[[], None]]:
        actions: list[Callable[[], None]] = []
        for client in self.clients:
            wire = client.wire
            if wire.gone or wire.disconnecting or client.ended:
                continue
            if client.queue and not wire.paused:
                actions.append(lambda client=client: self._send(client))
            elif not client.queue and client.end != "stay":
                actions.append(lambda client=client: self._leave(client))
        for origin in self.origins:
            wire = origin.wire
            if wire.gone or wire.disconnecting or wire.paused or origin.ended:
                continue
            if origin.queue:
                actions.append(lambda origin=origin: self._answer(origin))
            elif origin.end in ("fin", "reset"):
                actions.append(lambda origin=origin: self._hang_up(origin))
        if self._dials_waiting():
            actions.append(self._dial)
        if actions and self.drains and not self.drained:
            actions.append(self._drain)
        return actions

    def _waits(self) -> list[float]:
        """When somebody who must wait for ``--bandwidth`` may go on."""
        calls = self.bench.clock.getDelayedCalls()
        return [call.getTime() for call in calls if isinstance(getattr(call.func, "__self__", None), Gate)]

    def _wait(self) -> None:
        """Time passes until then."""
        self.bench.clock.advance(max(0.0, min(self._waits()) - self.bench.clock.seconds()))

    def _drain(self) -> None:
        """The service is asked to end: what is under way goes on."""
        self.drained = True
        ensureDeferred(self.bench.crowd.drain(10.0))

    def _dials_waiting(self) -> int:
        return len(self.bench.clock.tcpClients) - self.bench.dialled

    def _send(self, client: Client) -> None:
        piece = client.queue.popleft()
        client.sent += piece
        client.wire.feed(piece)

    def _leave(self, client: Client) -> None:
        client.ended = True
        if client.end == "reset":
            client.wire.reset()
        else:
            fin(client.wire)

    def _answer(self, origin: OriginSide) -> None:
        origin.wire.feed(origin.queue.popleft())

    def _hang_up(self, origin: OriginSide) -> None:
        origin.ended = True
        if origin.end == "reset":
            origin.wire.reset()
        else:
            fin(origin.wire)

    def _dial(self) -> None:
        if not self.clean_origins and self.rng.random() < 0.05:
            self.failed += 1
            self.bench.fail_dial(ConnectionRefusedError())
        else:
            self.bench.answer_dials()

    def _press(self) -> None:
        """Some connection's queue is full."""
        wires = [wire for wire in self.bench.wires if wire.producer is not None and not wire.gone]
        if wires:
            wire = self.rng.choice(wires)
            wire.producer.pauseProducing()
            self.pressed.append(wire)

    def _release(self) -> None:
        """A full queue is empty."""
        if self.pressed:
            wire = self.pressed.pop(self.rng.randrange(len(self.pressed)))
            if wire.producer is not None and not wire.gone:
                wire.producer.resumeProducing()

    def _stiffen(self, wire: Wire) -> None:
        """Let the connection's queue be full now and then just when something is written."""
        write = wire.write

        def stiff(data: bytes) -> None:
            write(data)
            if wire.producer is not None and self.rng.random() < 0.05:
                wire.producer.pauseProducing()
                self.pressed.append(wire)

        wire.write = stiff  # type: ignore[method-assign]

    def _collect(self) -> None:
        """Take what was sent to whom."""
        self.bench.settle()
        for client in self.clients:
            client.got += client.wire.take()
        for wire in self.bench.origins[len(self.origins) :]:
            number = len(self.origins) + self.failed
            self._stiffen(wire)
            self.origins.append(OriginSide(wire, self.bench.clock.tcpClients[number][1] == 443))
        for origin in self.origins:
            data = origin.wire.take()
            if data and origin.tunnel:
                origin.queue.extend(grammar.pieces(self.rng, data))
            elif data:
                self._asked(origin, data)
            if origin.tunnel and origin.wire.half_closed and not origin.queue:
                origin.end = "fin"
            if origin.making is not None and not origin.queue and origin.end == "keep":
                self._next(origin)

    def _asked(self, origin: OriginSide, data: bytes) -> None:
        """An origin got bytes; it answers when a request is whole, or before that if it is in the mood."""
        if origin.making is not None and origin.reader.under_way and origin.reader.under_way.whole:
            if not origin.tainted and (origin.queue or origin.end != "keep"):
                raise Fault(f"a request is sent before the last one is answered: {data[:200]!r}")
            self._next(origin)
        origin.reader.feed(data)
        read = origin.reader.under_way
        if read is None or origin.making is not None:
            return
        if read.value(b"upgrade") and (self.clean_origins or self.rng.random() < 0.5) and not origin.tainted:
            origin.tunnel = True
            origin.queue.extend(grammar.pieces(self.rng, grammar.SWITCHED))
        elif read.whole or (not self.clean_origins and self.rng.random() < 0.1):
            clean = self.clean_origins or self.rng.random() < 0.5
            method, path = read.start
            origin.making = made = grammar.answer(self.rng, method, path, clean=clean and not origin.tainted)
            origin.tainted = origin.tainted or not made.clean
            origin.end = made.end
            origin.queue.extend(grammar.pieces(self.rng, made.data))
            origin.answered.append((read, made))
            self.made[made.nonce] = made
            self.messages += 1

    def _next(self, origin: OriginSide) -> None:
        read = origin.reader.under_way
        if read is not None and not read.whole:
            return
        origin.making = None
        origin.reader.answered()

    # what must hold

    def _answers(self, client: Client) -> Iterator[tuple[RequestHead | None, Read]]:
        """Each answer that a client got, with its request.  Raises: Misread."""
        heads, _whole, _bad = asked(client.sent)
        data, at = client.got, 0
        while data:
            head = heads[at] if at < len(heads) else None
            method = head.method if head is not None else b"GET"
            offered = head is not None and head.upgrade is not None
            wire = client.wire
            ended = wire.gone and not wire.aborted and client.end != "reset" and not self.drained
            found = read_answer(data, method, upgrade=offered, ended=ended)
            if found is None:
                return
            read, data = found
            same_answer(read, method)
            at += 1
            yield head, read
            if read.status == 101 or (method == b"CONNECT" and read.status == 200):
                return
            if data and read.value(b"connection") == b"close":
                raise Fault(f"more after an answer that closes: {data[:200]!r}")

    def _check_clean(self, client: Client) -> None:
        """Everything that was asked is answered, by what was made for it; no time has passed."""
        answers = list(self._answers(client))
        if len(answers) != len(client.messages):
            raise Fault(f"{len(client.messages)} requests, {len(answers)} answers: {client.got[-300:]!r}")
        for message, (_head, read) in zip(client.messages, answers, strict=True):
            if message.tunnel:
                got = client.got.partition(b"\r\n\r\n")[2] if len(answers) == 1 else client.got
                if read.status not in (200, 101) or not got.endswith(message.body):
                    raise Fault(f"a tunnel gave {got[-300:]!r}")
                continue
            made = self.made.get(read.value(b"x-nonce"))
            if made is None or not read.whole or read.body != made.body or read.status != made.status:
                raise Fault(f"for {message.data!r} there came {read!r}, made was {made!r}")
            seen = [asked for each in self.origins for asked, its in each.answered if its is made]
            if [(each.start, each.body) for each in seen] != [((message.method, message.path), message.body)]:
                raise Fault(f"of {message.data!r} the origin saw {seen!r}")

    def _check(self, client: Client) -> None:
        """Answers are in step with requests, and none is missing without a word."""
        heads, whole, bad = asked(client.sent)
        answers = list(self._answers(client))
        if len(answers) > max(whole + bad, len(heads)) + (client.sent != b""):
            raise Fault(f"{len(answers)} answers to {whole} requests: {client.got[-500:]!r}")
        tainted = {
            _token(read.start[1]) for origin in self.origins if origin.tainted for read, _ in origin.answered
        }
        for head, read in answers:
            if head is not None and head.version == (1, 0) and (read.interim or _chunked(read)):
                raise Fault("HTTP/1.0 was sent what it does not know")
            made = self.made.get(read.value(b"x-nonce"))
            if head is not None and head.target is not None:
                strange = set(_TOKEN.findall(read.body)) & self.idents
                strange -= {_token(head.target.path)} | tainted
                if strange:
                    raise Fault(f"an answer for {head.raw_target!r} holds bytes of {strange}")
            if made is not None and made.clean and read.status != 101:
                if head is None or head.target is None or read.value(b"x-path") != head.target.path:
                    raise Fault(f"the answer {read!r} is for another request than {head!r}")
                if not made.body.startswith(read.body) or (read.whole and read.body != made.body):
                    raise Fault(f"{made!r} came as {read!r}")
        excused = client.end == "reset" or self.drained
        if len(answers) < whole + bad and not excused and not _told_end(answers):
            raise Fault(f"{whole} requests ({bad=}), {len(answers)} answers: {client.got[-300:]!r}")

    def _check_repeats(self) -> None:
        """What may change something is asked once, everything else at most twice (RFC 9110 §9.2.2)."""
        seen = Counter(read.start for origin in self.origins for read, _made in origin.answered)
        for client in self.clients:
            for message in client.messages:
                most = 2 if message.method in _IDEMPOTENT and (message.tunnel or not message.body) else 1
                if message.clean and seen[message.method, message.path] > most:
                    raise Fault(f"an origin saw {message.data!r} {seen[message.method, message.path]} times")

    def _check_end(self) -> None:
        """Nothing is left."""
        bench = self.bench
        left = [wire for wire in bench.wires if not wire.gone]
        if left or len(bench.crowd) or bench.pool.open or len(bench.clock.getDelayedCalls()) > 2:
            raise Fault(
                f"left: {len(left)} wires, {len(bench.crowd)} clients, {len(bench.pool.open)} origins"
            )


def _token(path: bytes) -> bytes:
    return path[1:13]


def _chunked(read: Read) -> bool:
    return bool(read.value(b"transfer-encoding"))


def _told_end(answers: list[tuple[RequestHead | None, Read]]) -> bool:
    """The last answer says, or shows, that there is no other."""
    if not answers:
        return False
    _head, last = answers[-1]
    return not last.whole or last.value(b"connection") == b"close" or last.status == 101


@contextmanager
def no_faults_logged() -> Iterator[None]:
    """Raise Fault if an error is logged meanwhile."""
    seen: list[str] = []

    def observe(event: Any) -> None:
        level = event.get("log_level")
        if event.get("isError") or (level is not None and level >= LogLevel.error):
            failure = event.get("log_failure")
            seen.append(failure.getTraceback() if failure is not None else str(event))

    globalLogPublisher.addObserver(observe)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observe)
    if seen:
        raise Fault(f"{len(seen)} errors logged; the first:\n{seen[0]}")


def one(seed: str) -> int:
    """Run a round; return how many messages it had.  Raises: AssertionError that names the seed."""
    try:
        with no_faults_logged():
            this = Round(seed)
            this.run()
    except Exception as error:
        raise Fault(f"round {seed!r}: {type(error).__name__}: {error}") from error
    return this.messages


def many(messages: int, seed: int, *, seconds: float = float("inf")) -> tuple[int, int]:
    """Run rounds for so many messages, or so long; return how many rounds and messages there were."""
    end = time.monotonic() + seconds
    rounds = done = 0
    while done < messages and time.monotonic() < end:
        done += one(f"{seed}.{rounds}")
        rounds += 1
    return rounds, done


def say(line: str) -> None:
    """Write a line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Fuzz the relay in memory.")
    parser.add_argument("--runs", type=int, default=200_000, help="requests and answers")
    parser.add_argument("--seed", type=int, default=None, help="a number; a new one each time")
    parser.add_argument("--round", help="run one round of an earlier run again, by the name it failed under")
    parser.add_argument("--go-on", action="store_true", help="count faults instead of ending at the first")
    told = parser.parse_args()
    if told.round:
        one(told.round)
        return 0
    seed = SystemRandom().getrandbits(32) if told.seed is None else told.seed
    say(f"seed {seed}")
    rounds = done = faults = 0
    began = time.monotonic()
    while done < told.runs:
        try:
            done += one(f"{seed}.{rounds}")
        except Fault as fault:
            faults += 1
            say(f"FAULT {fault}"[:1500])
            if not told.go_on or faults == FAULTS_MAX:
                return 1
        rounds += 1
    say(f"{done} messages in {rounds} rounds, {time.monotonic() - began:.0f} s, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
