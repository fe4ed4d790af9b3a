"""Crowds, floods and long bodies: what they cost, and that nobody else notices (RELIABILITY rows 1, 3 and 5).

What is tried for every push is a cut of what ``NETSUITE_TEST_SCALE=nightly`` tries.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import time
from collections.abc import Callable
from unittest import TestCase

from tests.real import load
from tests.real.load import KIB, MIB, SCALE, asked, connect, fetch
from tests.real.parts import START_SECONDS, Twistd, until, wordproxy

#: How long another client may wait among the crowd on a machine that has other work; the demand is 2 s.
WAIT_SECONDS = 10.0


class Loaded(TestCase):
    """A proxy and an origin for a class's tests."""

    options: tuple[str, ...] = ()
    origin: load.Origin
    proxy: Twistd

    @classmethod
    def setUpClass(cls) -> None:
        cls.origin = load.Origin()
        cls.addClassCleanup(cls.origin.close)
        cls.proxy = load.proxy("--connect-port", str(cls.origin.tunnel_port), "--drain", "1", *cls.options)
        cls.addClassCleanup(cls.proxy.close)
        cls.port = cls.proxy.ports["proxy"]

    def setUp(self) -> None:
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.assertEqual(fetch(self.port, self.origin.url("/")), (200, b"ok"))  # warm
        self.calm()

    def calm(self) -> None:
        """No more than a kept connection is open to the origin, or comes from a client."""
        load.steady(lambda: -load.descriptors(self.proxy.pid))

    def clients(self, number: int, said: bytes = b"") -> list[socket.socket]:
        """So many clients that have said that much."""
        made = [self.stack.enter_context(connect(self.port)) for _ in range(number)]
        for client in made:
            if said:
                client.sendall(said)
        return made

    def assert_served(self, path: str = "/", body: bytes = b"ok") -> None:
        """Another client is answered, soon."""
        began = time.monotonic()
        self.assertEqual(fetch(self.port, self.origin.url(path)), (200, body))
        self.assertLess(time.monotonic() - began, WAIT_SECONDS)

    def assert_back(self, descriptors: int) -> None:
        """As many descriptors are open as before, give or take 8; nothing of ours is logged as a fault."""
        until(
            f"descriptors back to {descriptors}",
            lambda: load.descriptors(self.proxy.pid) <= descriptors + 8,
        )
        self.assertNotIn("Traceback", self.proxy.log)
        self.assertTrue(self.proxy.running())


def heard(client: socket.socket) -> bytes:
    """All that a client is sent until the connection ends."""
    client.settimeout(START_SECONDS)
    got = b""
    with contextlib.suppress(ConnectionError):
        while data := client.recv(65536):
            got += data
    return got


class SilenceTests(Loaded):
    """Clients that say nothing, half of something, or ask an origin that says nothing."""

    options = (
        *("--max-clients", "4096", "--per-client", "4096"),
        *("--header-timeout", "2", "--answer-timeout", "3", "--idle", "1"),
    )

    def test_crowd(self) -> None:
        """Another is served meanwhile, each is ended in its way by the limits alone, and all is as before."""
        load.many_descriptors(2 * sum(SCALE.silent) + 200)
        before = load.descriptors(self.proxy.pid)
        silent, half, waiting = SCALE.silent
        said = asked(self.origin.url("/hang"))
        hanging = self.clients(waiting, said)
        halves = self.clients(half, said[:-7])
        silents = self.clients(silent)
        self.assert_served()
        self.assertEqual({heard(client) for client in silents}, {b""})
        self.assertEqual({heard(client)[:13] for client in halves}, {b"HTTP/1.1 408 "})
        self.assertEqual({heard(client)[:13] for client in hanging}, {b"HTTP/1.1 504 "})
        self.assert_back(before)
        self.assert_served()


class LongSilenceTests(Loaded):
    """A crowd that stays."""

    options = ("--max-clients", "4096", "--per-client", "4096", "--header-timeout", "3600")

    def test_stays(self) -> None:
        """As long as it is there others are served, and once it has gone all is as before."""
        load.many_descriptors(SCALE.crowd + 200)
        before = load.descriptors(self.proxy.pid)
        crowd = self.clients(SCALE.crowd)
        until("all are in", lambda: load.descriptors(self.proxy.pid) >= before + SCALE.crowd - 8)
        used, began = load.processor(self.proxy.pid), time.monotonic()
        while time.monotonic() - began < SCALE.crowd_seconds:
            self.assert_served()
            time.sleep(SCALE.crowd_seconds / 20)
        share = (load.processor(self.proxy.pid) - used) / (time.monotonic() - began)
        self.assertLess(share, 0.25)
        for client in crowd:
            client.close()
        self.assert_back(before)
        self.assert_served()


class CapTests(Loaded):
    """More clients than are let in."""

    options = ("--max-clients", "60", "--answer-timeout", "60")

    def test_idle_give_way(self) -> None:
        """Of idle clients the oldest goes, and who comes is served."""
        before = load.descriptors(self.proxy.pid)
        crowd = self.clients(100)
        self.assert_served()
        self.assertEqual(heard(crowd[0]), b"")
        for client in crowd:
            client.close()
        self.assert_back(before)

    def test_busy_stay(self) -> None:
        """Where all wait for answers the next is told 503, and is served when there is room."""
        before = load.descriptors(self.proxy.pid)
        crowd = self.clients(60, asked(self.origin.url("/hang")))
        until("all wait", lambda: self.origin.hung == 60)
        status, _body = fetch(self.port, self.origin.url("/"))
        self.assertEqual(status, 503)
        for client in crowd:
            load.reset(client)
        until("there is room", lambda: fetch(self.port, self.origin.url("/")) == (200, b"ok"))
        self.assert_back(before)


class UnreadTests(Loaded):
    """Bytes that nobody reads wait where they are, not in our memory."""

    GROWTH = 64 * MIB
    EACH = 8

    def assert_bounded(self, fill: Callable[[], object]) -> None:
        """``fill`` makes the process grow by no more than the bound, and leaves nothing behind."""
        base = load.memory(self.proxy.pid)
        descriptors = load.descriptors(self.proxy.pid)
        fill()
        grown = load.steady(lambda: load.memory(self.proxy.pid)) - base
        self.assertLess(grown, self.GROWTH)
        self.assert_served()
        self.stack.close()
        self.assert_back(descriptors)

    def test_downloads(self) -> None:
        """Downloads that are not read; one that is read at last is whole."""
        size = SCALE.unread // self.EACH

        def fill() -> None:
            crowd = self.clients(self.EACH, asked(self.origin.url(f"/bytes/{size}")))
            load.steady(lambda: load.memory(self.proxy.pid))
            self.assertEqual(load.body_digest(load.answer(crowd[0])), load.digest(size))

        self.assert_bounded(fill)

    def test_pipelines(self) -> None:
        """Requests upon requests whose answers nobody reads."""

        def fill() -> None:
            said = asked(self.origin.url(f"/bytes/{MIB}")) * 50
            for client in self.clients(self.EACH):
                load.stuff(client, said, 0.1)

        self.assert_bounded(fill)


class DeafTests(UnreadTests):
    """Bytes that an origin does not read; who is paused is ended by the limits, as nobody tells it more."""

    options = ("--idle", "3", "--answer-timeout", "3")

    test_downloads = test_pipelines = None  # type: ignore[assignment]

    def test_uploads(self) -> None:
        """Uploads that an origin does not read."""

        def fill() -> None:
            said = asked(self.origin.url("/deaf"), "POST", f"Content-Length: {SCALE.unread}")
            for client in self.clients(self.EACH, said):
                load.stuff(client, load.BLOCK, 0.1)

        self.assert_bounded(fill)

    def test_tunnels(self) -> None:
        """Tunnels whose ends read nothing, both ways."""

        def fill() -> None:
            for number in range(self.EACH):
                end = self.stack.enter_context(load.tunnel(self.port, self.origin.tunnel_port))
                end.sendall(b"DEAF\n" if number % 2 else b"SEND %d\n" % SCALE.unread)
                load.stuff(end, load.BLOCK, 0.1)

        self.assert_bounded(fill)


class BulkTests(Loaded):
    """Long bodies."""

    def assert_flat(self, base: int) -> None:
        """The process has not grown with the body."""
        self.assertLess(load.memory(self.proxy.pid) - base, 64 * MIB)

    def test_get(self) -> None:
        """A long download is whole, in each framing."""
        base = load.memory(self.proxy.pid)
        for form in ("bytes", "chunked", "close"):
            with connect(self.port) as client:
                client.sendall(asked(self.origin.url(f"/{form}/{SCALE.bulk}")))
                self.assertEqual(load.body_digest(load.answer(client)), load.digest(SCALE.bulk), form)
        self.assert_flat(base)

    def test_post(self) -> None:
        """A long upload is whole, framed by its length or in chunks."""
        base = load.memory(self.proxy.pid)
        with connect(self.port) as client:
            client.sendall(asked(self.origin.url("/sum"), "POST", f"Content-Length: {SCALE.bulk}"))
            for piece in load.pieces(SCALE.bulk):
                client.sendall(piece)
            self.assertEqual(load.answer(client).read().decode(), f"{SCALE.bulk} {load.digest(SCALE.bulk)}")
        self.assert_flat(base)

    def test_tunnel(self) -> None:
        """Long streams through a tunnel are whole, each way and both at once."""
        base, size = load.memory(self.proxy.pid), SCALE.tunnel
        with load.tunnel(self.port, self.origin.tunnel_port) as down:
            down.sendall(b"SEND %d\n" % size)
            self.assertEqual(load.received(down, size), load.digest(size))
        with load.tunnel(self.port, self.origin.tunnel_port) as up:
            up.sendall(b"SUM %d\n" % size)
            for piece in load.pieces(size):
                up.sendall(piece)
            self.assertEqual(up.makefile().readline().split(), [str(size), load.digest(size)])
        self.assert_flat(base)


class PageTests(TestCase):
    """A page that is far too long to be counted."""

    def test_one(self) -> None:
        """It is delivered whole and listed as too large; neither the relay nor the counter held it."""
        origin = load.Origin()
        self.addCleanup(origin.close)
        service = wordproxy("--drain", "1")
        self.addCleanup(service.close)
        port = service.ports["proxy"]
        fetch(port, origin.url("/html/100"))
        until("the first one is listed", lambda: sum(self.told(service).values()) == 1)
        base, most = load.memory(service.pid), 0
        with connect(port) as client:
            client.sendall(asked(origin.url(f"/html/{SCALE.page}")))
            response, summed = load.answer(client), hashlib.sha256()
            while data := response.read(MIB):
                summed.update(data)
                most = max(most, load.memory(service.pid))
        self.assertEqual(summed.hexdigest(), load.digest(SCALE.page))
        until("it is listed", lambda: self.told(service).get("too large") == 1)
        self.assertLess(max(most, load.memory(service.pid)) - base, 64 * MIB)

    @staticmethod
    def told(service: Twistd) -> dict[str, int]:
        """What became of the pages, by what the coverage calls it."""
        coverage = service.report("/coverage.json")
        return {"counted": int(coverage["counted"]), **coverage["skipped"]}


class LeakTests(Loaded):
    """The same again and again."""

    def test_equal(self) -> None:
        """Thousands of equal requests after a warm-up leave no trace in memory."""
        said = asked(self.origin.url(f"/bytes/{KIB}"))

        def ask(number: int) -> None:
            with connect(self.port) as client:
                for _ in range(number):
                    client.sendall(said)
                    self.assertEqual(len(load.answer(client).read()), KIB)

        ask(500)
        base = load.memory(self.proxy.pid)
        ask(SCALE.equal)
        self.assertLess(load.memory(self.proxy.pid) - base, 24 * MIB)

    def test_broken(self) -> None:
        """Connections broken in six ways leave no descriptor open."""
        before = load.descriptors(self.proxy.pid)
        base = load.memory(self.proxy.pid)
        ways = (
            self.close,
            self.reset,
            self.half_head,
            self.half_body,
            self.unread_answer,
            self.broken_tunnel,
        )
        for number in range(SCALE.broken):
            ways[number % len(ways)](random.Random(number))
        self.assert_back(before)
        self.assert_served()
        self.assertLess(load.memory(self.proxy.pid) - base, 24 * MIB)

    def close(self, rng: random.Random) -> None:
        """Come and go."""
        connect(self.port).close()

    def reset(self, rng: random.Random) -> None:
        """Come and break off."""
        load.reset(connect(self.port))

    def half_head(self, rng: random.Random) -> None:
        """Say half a head, or what is none."""
        client = connect(self.port)
        client.sendall(
            rng.choice((asked(self.origin.url("/"))[: rng.randint(1, 40)], b"\x16\x03\x01\x02\0\x01"))
        )
        rng.choice((load.reset, socket.socket.close))(client)

    def half_body(self, rng: random.Random) -> None:
        """Say half a body."""
        client = connect(self.port)
        client.sendall(
            asked(self.origin.url("/sum"), "POST", "Content-Length: 100000") + b"x" * rng.randint(0, 9999)
        )
        rng.choice((load.reset, socket.socket.close))(client)

    def unread_answer(self, rng: random.Random) -> None:
        """Leave before the answer, or in its middle."""
        client = connect(self.port)
        client.sendall(asked(self.origin.url(f"/{rng.choice(('bytes', 'chunked', 'close'))}/{3 * MIB}")))
        client.recv(rng.choice((1, 10_000)))
        rng.choice((load.reset, socket.socket.close))(client)

    def broken_tunnel(self, rng: random.Random) -> None:
        """Leave a tunnel in the middle."""
        client = load.tunnel(self.port, self.origin.tunnel_port)
        client.sendall(rng.choice((b"SEND 3000000\n", b"ECHO\nhello", b"SUM 900\nxx", b"x")))
        rng.choice((load.reset, socket.socket.close))(client)
