"""The writing end of a pipe: whatever the reader does, the bytes come in order, and nothing waits for it."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.outlet import PIPE_BYTES, Outlet


class Pipe:
    """An outlet, its reader, and the reactor between."""

    def __init__(self) -> None:
        self.source, sink = os.pipe()
        os.set_blocking(self.source, False)
        self.is_waiting = False
        self.moves = 0
        self.outlet = Outlet(self, sink, self.moved)

    def addWriter(self, writer: Outlet) -> None:
        assert writer.fileno() >= 0
        self.is_waiting = True

    def removeWriter(self, writer: Outlet) -> None:
        self.is_waiting = False

    def moved(self) -> None:
        self.moves += 1

    def read(self, size: int) -> bytes:
        """What the reader gets; the outlet then hears that there is room.  Raises: BlockingIOError."""
        data = os.read(self.source, size)
        if self.is_waiting:
            self.outlet.doWrite()
        return data

    def close(self) -> None:
        """Nothing is open."""
        self.outlet.drop()
        os.close(self.source)


class OutletTests(SynchronousTestCase):
    """One end of a real pipe."""

    def setUp(self) -> None:
        self.pipe = Pipe()
        self.addCleanup(self.pipe.close)

    def test_at_once(self) -> None:
        """What the pipe takes is in it after the call, and the reactor has nothing to do."""
        self.pipe.outlet.write([b"one", b"", b"two"])
        self.assertTrue(self.pipe.outlet.is_empty)
        self.assertFalse(self.pipe.is_waiting)
        self.assertEqual(self.pipe.read(100), b"onetwo")

    def test_no_room(self) -> None:
        """What it doesn't take waits, and is written in order as the reader makes room."""
        big = bytes(range(256)) * (PIPE_BYTES // 64)
        self.pipe.outlet.write([big])
        self.pipe.outlet.write([b"last"])
        self.assertFalse(self.pipe.outlet.is_empty)
        self.assertTrue(self.pipe.is_waiting)
        got = b""
        while len(got) < len(big) + 4:
            got += self.pipe.read(1 << 20)
        self.assertEqual(got, big + b"last")
        self.assertTrue(self.pipe.outlet.is_empty)
        self.assertFalse(self.pipe.is_waiting)
        self.assertGreater(self.pipe.moves, 1)

    def test_close(self) -> None:
        """The reader finds the end behind all that was written; what is written later is nowhere."""
        self.pipe.outlet.write([bytes(2 * PIPE_BYTES)])
        self.pipe.outlet.close()
        self.pipe.outlet.write([b"late"])
        size = 0
        while data := self.pipe.read(1 << 20):
            size += len(data)
        self.assertEqual(size, 2 * PIPE_BYTES)
        self.pipe.outlet.write([b"later"])
        self.pipe.outlet.close()

    def test_a_reader_that_is_gone(self) -> None:
        """Nothing is raised, and nothing is held."""
        self.pipe.outlet.write([bytes(2 * PIPE_BYTES)])
        os.close(self.pipe.source)
        self.pipe.source = os.open(os.devnull, os.O_RDONLY)
        self.pipe.outlet.doWrite()
        self.assertTrue(self.pipe.outlet.is_empty)
        self.assertFalse(self.pipe.is_waiting)
        self.pipe.outlet.write([b"more"])
        self.assertTrue(self.pipe.outlet.is_empty)

    def test_told_of_it(self) -> None:
        """The same where the reactor finds out."""
        self.pipe.outlet.write([bytes(2 * PIPE_BYTES)])
        self.pipe.outlet.connectionLost(Failure(ConnectionLost()))
        self.assertTrue(self.pipe.outlet.is_empty)
        self.assertEqual(self.pipe.outlet.fileno(), -1)

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.lists(st.integers(0, 300_000), max_size=5), max_size=8), st.data())
    def test_order(self, writes: list[list[int]], data: st.DataObject) -> None:
        """However it is written and read, what comes out is what went in."""
        pipe = Pipe()
        self.addCleanup(pipe.close)
        written, got = bytearray(), bytearray()
        for sizes in writes:
            pieces = [bytes([len(written) % 251]) * size for size in sizes]
            pipe.outlet.write(pieces)
            written += b"".join(pieces)
            if data.draw(st.booleans()) and len(written) > len(got):
                got += pipe.read(data.draw(st.integers(1, 500_000)))
        while len(got) < len(written):
            got += pipe.read(1 << 20)
        self.assertEqual(got, written)
        self.assertTrue(pipe.outlet.is_empty)
