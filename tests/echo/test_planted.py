"""A fault of ours, wherever it is planted, ends one connection and has one number in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netsuite.echo import client, course, faults, lines, road, told
from tests.echo.talking import Talking

#: Pieces that mean something, and knobs, of which connections are made.
_PIECES = [
    b"quit\n",
    b"!fault latency=1s\n",
    b"!fault off\n",
    b"!fault x\n",
    b"\r",
    b"\n",
    b"x" * 30,
    b"ab\r\n",
]
_KNOBS = [
    *(("--latency", "1s±1s"), ("--latency-dir", "both"), ("--drop", "0.3"), ("--corrupt", "0.5")),
    *(("--reset", "0.1"), ("--stall", "0.1"), ("--truncate", "30"), ("--slow", "9"), ("--close-after", "3")),
]


class PlantedError(Exception):
    """What nobody expects."""


#: Where an exception is planted, by the knobs under which a connection comes there.
PLACES: tuple[tuple[tuple[str, ...], Any, str], ...] = (
    ((), lines.Lines, "block"),
    ((), client, "until_quit"),
    ((), client, "answers"),
    ((), client.Echo, "said"),
    (("--drop", "0.5"), lines.Lines, "feed"),
    (("--drop", "0.5"), course.Course, "lines"),
    (("--drop", "0.5"), faults.Dice, "fate"),
    (("--corrupt", "1"), course, "corrupted"),
    (("--latency", "1s"), road.Road, "send"),
    (("--latency", "1s"), course.Course, "_leave"),
    (("--latency", "1s", "--latency-dir", "in"), course.Course, "_answer"),
    (("--latency", "1s", "--latency-dir", "in"), client.Echo, "said"),
    (("--slow", "5"), client.Echo, "send"),
    (("--slow", "50"), course.Course, "_trickled"),
    (("--raw",), client.Echo, "_shortly"),
    (("--raw", "--corrupt", "1"), course.Course, "stream"),
    (("--line-faults",), client, "of_line"),
    (("--line-faults",), told, "changed"),
)


def failing(*_arguments: object, **_named: object) -> Any:
    """Fail as nobody expects."""
    raise PlantedError


class PlantedTests(Talking):
    """Exceptions in every place, in turn."""

    def test_everywhere(self) -> None:
        """That connection is shut, with one event; the next client is served, and no timer stays."""
        for knobs, owner, name in PLACES:
            with self.subTest(place=name, knobs=knobs):
                self._plant(knobs, owner, name)

    def _plant(self, knobs: tuple[str, ...], owner: Any, name: str) -> None:
        factory = self.factory(*knobs)
        was: Callable[..., Any] = getattr(owner, name)
        setattr(owner, name, failing)
        try:
            protocol, transport = self.connect(factory)
            protocol.dataReceived(b"!fault drop=0\nhello\n")
            self.clock.pump([0.5] * 8)
        finally:
            setattr(owner, name, was)
        self.assertTrue(transport.disconnected, (knobs, name))
        self.assertEqual(len(self.flushLoggedErrors(PlantedError)), 1)
        protocol.connectionLost()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        other, transport = self.connect(factory)
        other.dataReceived(b"hello\n")
        self.clock.pump([0.5] * 20)
        self.assertFalse(transport.disconnected)


class AnythingTests(Talking):
    """Whatever is sent, under whatever faults."""

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(st.binary(max_size=30) | st.sampled_from(_PIECES), max_size=12),
        st.lists(st.sampled_from(_KNOBS), max_size=4, unique_by=lambda knob: knob[0]),
        st.booleans(),
    )
    def test_anything(self, pieces: list[bytes], knobs: list[tuple[str, ...]], is_raw: bool) -> None:
        """No bytes and no faults together make a fault of ours; when the client leaves, nothing stays."""
        arguments = [word for knob in knobs for word in knob] + (["--raw"] if is_raw else ["--line-faults"])
        protocol, transport = self.connect(self.factory("--max-line", "20", "--seed", "7", *arguments))
        for piece in pieces:
            if transport.disconnecting or transport.disconnected:
                break
            protocol.dataReceived(piece)
            self.clock.advance(0.3)
        protocol.readConnectionLost()
        self.clock.pump([1.0] * 200)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertTrue(transport.disconnecting or transport.disconnected)
        protocol.connectionLost()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.crowd), 0)

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.binary(max_size=30) | st.sampled_from(_PIECES), max_size=12), st.booleans())
    def test_both_ways_answer_alike(self, pieces: list[bytes], is_raw: bool) -> None:
        """Where no fault happens the short way and the long one say the same, and end alike."""
        kind = ["--raw"] if is_raw else ["--max-line", "20"]
        told = []
        for knobs in ((), ("--reset", "0.000000000001"), ("--slow", "1GiB")):
            protocol, transport = self.connect(self.factory(*kind, *knobs))
            for piece in pieces:
                if not transport.disconnecting:
                    protocol.dataReceived(piece)
                    self.clock.pump([0.01] * 3)
            told.append((transport.value(), transport.disconnecting))
        self.assertEqual(told[1:], [told[0]] * 2)
