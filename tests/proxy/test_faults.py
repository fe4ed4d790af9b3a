"""Origins in trouble, at each point of an answer; clocks that jump; bounds of what is
remembered; what a guesser learns."""

from __future__ import annotations

import gc
import time
from collections import deque
from pathlib import Path
from types import FunctionType, ModuleType
from unittest.mock import patch

import bcrypt
from passlib.apache import HtpasswdFile
from twisted.internet.defer import ensureDeferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.access import Htpasswd
from netsuite.http1.target import Target
from netsuite.names import Names
from netsuite.proxy import pool as pools
from netsuite.proxy import rewrite
from netsuite.proxy.allowance import Bandwidth, Rate
from netsuite.resolving.answer import Found
from tests.proxy.fuzz_readers import Read, read_answer, same_answer
from tests.proxy.scripted import HOST, Bench, Recording, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
#: Answers of each framing; each is tried cut at each of its bytes.
ANSWERS = (
    OK,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;e\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nabc",
    b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + OK,
)
CLOSING = ANSWERS[2]
METHODS = (b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"POST", b"PATCH")


def final_head(answer: bytes) -> int:
    """Return where the body begins."""
    return answer.index(b"\r\n\r\n", answer.index(b" 200 ")) + 4


class Cut(SynchronousTestCase):
    """What the client has when an answer stops."""

    def stopped(self, answer: bytes, at: int, how: str) -> tuple[Bench, Read]:
        """Return the bench, and what the client has after ``at`` bytes of the origin's and an end."""
        bench = Bench()
        bench.ask(request())
        got = bench.reply(answer[:at]) if at else b""
        if how == "hang":
            bench.advance(125)
        elif how == "reset":
            bench.origins[0].reset()
        else:
            bench.origins[0].end()
        bench.settle()
        got += bench.client.take()
        found = read_answer(got, b"GET", upgrade=False, ended=bench.client.gone)
        assert found is not None, (at, got)
        read, rest = found
        self.assertEqual(rest, b"")
        same_answer(read, b"GET")
        return bench, read


class HangTests(Cut):
    """An origin that stops sending."""

    def test_everywhere(self) -> None:
        """Before the head is whole it is 504; after that the answer is seen to be cut."""
        for answer in ANSWERS:
            body = final_head(answer)
            for at in range(len(answer)):
                bench, read = self.stopped(answer, at, "hang")
                self.assertTrue(bench.origins[0].gone)
                self.assertEqual(read.status, 504 if at < body else 200, (answer, at))
                self.assertEqual(read.whole, at < body, (answer, at))

    def test_other_clients(self) -> None:
        """Origins that hang, however many, are in nobody's way."""
        bench = Bench(most=200)
        clients = [bench.connect() for _ in range(99)]
        for number, client in enumerate(clients):
            client.feed(request(host=b"127.0.1.%d:8080" % number))
        bench.settle()
        self.assertEqual(len(bench.origins), 99)
        bench.ask(request())
        self.assertTrue(bench.reply(OK).endswith(b"abc"))
        bench.advance(125)
        self.assertTrue(all(client.take().startswith(b"HTTP/1.1 504 ") for client in clients))


class LostTests(Cut):
    """An origin's connection that ends."""

    def test_reset_everywhere(self) -> None:
        """A reset is 502 or a cut, also where a body would end with the connection."""
        for answer in ANSWERS:
            body = final_head(answer)
            for at in range(len(answer)):
                bench, read = self.stopped(answer, at, "reset")
                self.assertEqual(read.status, 502 if at < body else 200, (answer, at))
                self.assertEqual(read.whole, at < body, (answer, at))
                self.assertEqual(bench.pool.open, set())

    def test_fin_everywhere(self) -> None:
        """A FIN is the same, but ends a body that has no other end."""
        for answer in ANSWERS:
            body = final_head(answer)
            for at in range(len(answer)):
                _bench, read = self.stopped(answer, at, "fin")
                self.assertEqual(read.status, 502 if at < body else 200, (answer, at))
                self.assertEqual(read.whole, at < body or answer == CLOSING, (answer, at))

    def test_tap(self) -> None:
        """Who looks on is told whether the body is whole, once, wherever it stops."""
        for answer in ANSWERS:
            for at in range(final_head(answer), len(answer)):
                for how in ("hang", "reset", "fin"):
                    bench, _read = self.stopped(answer, at, how)
                    assert isinstance(bench.hooks, Recording)
                    whole = answer == CLOSING and how == "fin"
                    self.assertEqual([tap.ends for tap in bench.hooks.taps], [[whole]], (answer, at, how))


class SlowTests(SynchronousTestCase):
    """An origin that sends a byte a second."""

    def test_byte_a_second(self) -> None:
        """The answer arrives whole: each byte is a sign of life."""
        for answer in ANSWERS:
            bench = Bench()
            bench.ask(request())
            got = b""
            for at in range(len(answer)):
                got += bench.reply(answer[at : at + 1])
                bench.advance(1)
            if answer == CLOSING:
                bench.origins[0].end()
                bench.settle()
            got += bench.client.take()
            found = read_answer(got, b"GET", upgrade=False, ended=True)
            assert found is not None
            self.assertEqual((found[0].body, found[0].whole), (b"abc", True), answer)

    def test_byte_a_second_long(self) -> None:
        """It may take longer than any limit, once the head has come."""
        bench = Bench()
        bench.ask(request())
        bench.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n")
        for _ in range(300):
            bench.reply(b"x")
            bench.advance(1)
        self.assertFalse(bench.client.gone)

    def test_head_for_ever(self) -> None:
        """A head that never ends is 504 by the limit for an answer, however lively it comes."""
        bench = Bench()
        bench.ask(request())
        bench.reply(b"HTTP/1.1 200 OK\r\n")
        got = b""
        for number in range(124):
            got += bench.reply(b"X" if number % 8 else b"X:\r\n")
            bench.advance(1)
            got += bench.client.take()
        self.assertIn(b" 504 ", got)

    def test_upload(self) -> None:
        """A client's body may come a byte a second too."""
        bench = Bench()
        bench.ask(request(b"POST", b"/", b"Content-Length: 200"))
        for _ in range(200):
            bench.ask(b"x")
            bench.advance(1)
        self.assertEqual(bench.seen().count(b"x"), 200)
        self.assertTrue(bench.reply(OK).endswith(b"abc"))


class StaleTests(SynchronousTestCase):
    """A kept connection that the origin closes while the next request is on its way."""

    def used(self) -> Bench:
        """Return a bench whose pool holds a connection."""
        bench = Bench()
        bench.ask(request())
        bench.reply(OK)
        bench.seen()
        return bench

    def test_before(self) -> None:
        """One that ends before the next request is not used again."""
        for how in ("end", "reset"):
            bench = self.used()
            getattr(bench.origins[0], how)()
            for method in METHODS:
                bench.ask(request(method))
                self.assertTrue(bench.seen().startswith(method + b" "))
                bench.reply(OK if method != b"HEAD" else OK[:-3])
            self.assertEqual(len(bench.origins), 2)

    def test_meanwhile(self) -> None:
        """A request that changes nothing when it comes twice is asked again, others are 502."""
        for how in ("end", "reset"):
            for method in METHODS:
                bench = self.used()
                bench.ask(request(method))
                getattr(bench.origins[0], how)()
                bench.settle()
                again = method not in (b"POST", b"PATCH")
                self.assertEqual(len(bench.origins), 2 if again else 1, method)
                got = bench.reply(OK if method != b"HEAD" else OK[:-3]) if again else bench.client.take()
                self.assertTrue(
                    got.startswith(b"HTTP/1.1 200 " if again else b"HTTP/1.1 502 "), (method, got)
                )
                self.assertFalse(bench.client.gone)

    def test_with_a_body(self) -> None:
        """A request with a body is never asked again: some of it is gone."""
        bench = self.used()
        bench.ask(request(b"PUT", b"/", b"Content-Length: 3") + b"abc")
        bench.origins[0].end()
        bench.settle()
        self.assertEqual(len(bench.origins), 1)
        self.assertTrue(bench.client.take().startswith(b"HTTP/1.1 502 "))

    def test_after_a_byte(self) -> None:
        """After the first byte of an answer, whichever, it is not asked again."""
        for at in range(1, final_head(OK)):
            bench = self.used()
            bench.ask(request())
            bench.reply(OK[:at])
            bench.origins[0].end()
            bench.settle()
            self.assertEqual(len(bench.origins), 1, at)
            self.assertTrue(bench.client.take().startswith(b"HTTP/1.1 502 "), at)

    def test_unasked(self) -> None:
        """Bytes on a kept connection end it: nobody gets them, not even who asks in the same turn."""
        bench = self.used()
        bench.origins[0].feed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        bench.client.feed(request())
        bench.settle()
        self.assertEqual(len(bench.origins), 2)
        self.assertNotIn(b"evil", bench.client.take() + bench.reply(OK))


class ClockTests(SynchronousTestCase):
    """The wall clock is set."""

    def test_jumps(self) -> None:
        """Forwards a day, back an hour: nothing ends early or late, no duration is negative."""
        for jump in (86_400.0, -3_600.0):
            bench = Bench()
            seconds: list[float] = []
            log = patch.object(bench.relay.log, "request", lambda *told, to=seconds: to.append(told[7]))
            silent = bench.connect()
            wall = time.time()
            with log, patch.object(time, "time", lambda now=wall + jump: now):
                bench.ask(request())
                bench.advance(2)
                self.assertFalse(silent.gone)
                self.assertTrue(bench.reply(OK).endswith(b"abc"))
                self.assertFalse(bench.client.gone)
                bench.advance(14)
                self.assertTrue(silent.gone)
                bench.advance(47)
                self.assertTrue(bench.client.gone)
            self.assertEqual(seconds, [2.0])


def reach(root: object) -> int:
    """Return how many containers' places are reached from an object, classes and functions left out."""
    seen: set[int] = set()
    places = 0
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType | MemoryReactorClock):
            continue
        seen.add(id(one))
        places += len(one) if isinstance(one, dict | list | set | deque) else 0
        waiting += gc.get_referents(one)
    return places


class BoundTests(SynchronousTestCase):
    """A hundred thousand hosts."""

    HOSTS = 100_000

    def test_tables(self) -> None:
        """What is remembered of hosts and clients is as much after all of them as after half."""
        via, rate, bandwidth = rewrite.Via(), Rate(10.0), Bandwidth(1000)
        found = Found(("192.0.2.1",), 3600.0)
        names = Names(Bench().clock, ask=lambda host: succeed(found))
        for table, meet in (
            (via, lambda host: via.name(Target(b"http", host.encode(), 80, b"/"))),
            (rate, lambda host: rate.take(host, 1.0)),
            (bandwidth, lambda host: bandwidth.spend(host, 100, 1.0)),
            (names, lambda host: self.successResultOf(ensureDeferred(names.addresses(host, 80)))),
        ):
            sizes = []
            for half in range(2):
                for number in range(self.HOSTS // 2):
                    meet(f"h{number}.{half}.example")
                sizes.append(reach(table))
            self.assertLess(abs(sizes[1] - sizes[0]), 1000, type(table))

    def test_pool(self) -> None:
        """Connections that wait stay within their number, and what was sent away is closed."""
        bench = Bench(nets=("127.0.0.0/8",))
        hosts = 2 * pools.IDLE_ALL
        for number in range(hosts):
            host = b"127.1.%d.%d:8080" % divmod(number, 256)
            bench.ask(request(host=host))
            self.assertTrue(bench.reply(OK).endswith(b"abc"))
        self.assertLessEqual(len(bench.pool.open), pools.IDLE_ALL)
        self.assertEqual(sum(not wire.gone for wire in bench.origins), len(bench.pool.open))
        bench.clock.advance(pools.IDLE_SECONDS + 1)
        bench.pool.sweep(bench.clock.seconds())
        bench.settle()
        self.assertEqual(bench.pool.open, set())

    def test_guard(self) -> None:
        """As many that are refused leave nothing behind."""
        bench = Bench()
        for number in range(5_000):
            host = b"10.%d.%d.1" % divmod(number, 256)
            self.assertTrue(bench.ask(request(host=host)).startswith(b"HTTP/1.1 403 "))
        self.assertEqual((bench.pool.open, bench.clock.tcpClients, len(bench.crowd)), (set(), [], 1))


class GuessTests(SynchronousTestCase):
    """Who guesses names and passwords."""

    def test_same_work(self) -> None:
        """A try costs one look at one hash, whether the name is known, unknown or impossible."""
        path = Path(self.mktemp())
        path.write_text(f"ann:{bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()}\n")
        users = Htpasswd(str(path), Bench().clock)
        looked: list[str] = []
        look = HtpasswdFile.check_password

        def counted(file: HtpasswdFile, user: str, password: str) -> bool | None:
            looked.append(user)
            return bool(look(file, user, password))

        with patch.object(HtpasswdFile, "check_password", counted):
            for user, password in (
                ("ann", "right"),
                ("ann", "wrong"),
                ("bob", "right"),
                ("", ""),
                ("ann", "x" * 100),
                ("bob", "x" * 100),
                ("ann", "a\0b"),
            ):
                looked.clear()
                self.assertEqual(users._verify(user, password), password == "right" and user == "ann")
                self.assertEqual(looked, ["ann"], (user, password))


class PipelineTests(SynchronousTestCase):
    """Faults in the middle of several requests."""

    def test_each_fails(self) -> None:
        """Of ten requests sent at once each third fails; the answers come in order all the same."""
        bench = Bench()
        bench.client.feed(b"".join(request(b"GET", b"/%d" % number) for number in range(10)))
        bench.settle()
        got = b""
        for number in range(10):
            self.assertTrue(bench.seen().startswith(b"GET /%d " % number))
            if number % 3 == 2:
                got += bench.reply(b"no answer\r\n\r\n")
            else:
                got += bench.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
        statuses = []
        while got:
            found = read_answer(got, b"GET", upgrade=False, ended=False)
            assert found is not None
            read, got = found
            statuses.append(read.body if read.status == 200 else read.status)
        self.assertEqual(statuses, [b"0", b"1", 502, b"3", b"4", 502, b"6", b"7", 502, b"9"])

    def test_host(self) -> None:
        """The bench's origin is where these went."""
        bench = Bench()
        bench.ask(request())
        host, port = bench.clock.tcpClients[0][:2]
        self.assertEqual(b"%b:%d" % (host.encode(), port), HOST)
