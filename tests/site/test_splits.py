"""Mutated requests, whole and in pieces: the same answers, however the bytes come, and never a fault."""

from __future__ import annotations

import random
import re

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.colors.service import Options, make_colors
from tests.real.origin.flood import mutated
from tests.scale import NIGHTLY
from tests.site.wire import Client

#: Requests that are tried; each also byte by byte, and cut in two places.
COUNT = 20_000 if NIGHTLY else 250


class SplitTests(SynchronousTestCase):
    """In-process fuzz of the whole way from bytes to answers."""

    def setUp(self) -> None:
        options = Options()
        options.parse(["--no-list"])
        self.clock = Clock()
        self.site, _ = make_colors(options.settings, crowd=None, visits=None, reactor=self.clock)

    def told(self, pieces: list[bytes]) -> tuple[list[int], bool, list[bytes]]:
        """The statuses of the answers, whether the connection was ended, and the bodies."""
        client = Client(self.site)
        for piece in pieces:
            client.protocol.dataReceived(piece)
        self.clock.advance(0)
        raw = client.transport.value()
        ended = bool(client.transport.disconnecting or client.transport.disconnected)
        client.transport.clear()
        client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.site.held_bytes, 0)
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z]", raw)]
        bodies = [part.partition(b"\r\n\r\n")[2] for part in raw.split(b"HTTP/1.1 ")[1:]]
        return [status for status in statuses if status != 100], ended, bodies

    def test_any_pieces(self) -> None:
        """Whole, cut in two places, and byte by byte, each mutated request has the same answers."""
        seed = random.SystemRandom().randrange(1 << 32)
        random_ = random.Random(seed)
        seen: set[int] = set()
        for _ in range(COUNT):
            data = mutated(random_).replace(b"HOST", b"localhost").replace(b"PAGE", b"/color/00abef")
            whole = self.told([data])
            cuts = sorted(random_.randrange(len(data) + 1) for _ in range(2))
            cut = self.told([data[: cuts[0]], data[cuts[0] : cuts[1]], data[cuts[1] :]])
            single = self.told([data[at : at + 1] for at in range(len(data))])
            self.assertEqual(whole[:2], cut[:2], (seed, data, cuts))
            self.assertEqual(whole[:2], single[:2], (seed, data))
            if whole[0] and whole[0][-1] < 400:
                self.assertEqual(whole[2], single[2], (seed, data))
            seen.update(whole[0])
        self.assertNotIn(500, seen)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertLessEqual({200, 400, 404}, seen)
