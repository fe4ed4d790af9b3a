"""A connection's units on their way through its faults: in, answered, out.

Each unit's fate is decided as it comes; what happens then happens in the order of units, and every fault is
told as it happens.  `faults` says what each of them is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from netsuite.echo.faults import RAW_UNIT, Dice, Fate, Faults, corrupted, flipped
from netsuite.echo.lines import QUIT, answers
from netsuite.echo.road import Road, Trickle

#: What an item costs beside its bytes.
_ITEM = 200


class Line(Protocol):
    """The connection, as its units see it."""

    def said(self) -> bytes:
        """Return what stands before each answered line now."""

    def send(self, data: bytes) -> None:
        """Send bytes."""

    def end(self) -> None:
        """Close when all is sent."""

    def shut(self) -> None:
        """Close by RST."""

    def stall(self) -> None:
        """Read nothing more."""

    def expect(self, due: float) -> None:
        """Something is sent at ``due``: that is no silence."""

    def go_on(self) -> None:
        """There is room again."""

    def tell(self, kind: str, text: str) -> None:
        """A fault has happened."""

    def broken(self) -> None:
        """An exception is being handled that nobody expected."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A line, or a piece of a block; ``name`` as it is told, ``starts`` and ``ends`` its unit."""

    name: str
    number: int
    text: bytes
    faults: Faults
    fate: Fate
    offset: int = 0
    starts: bool = True
    ends: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent for a unit, and whether the connection ends then, and by which fault."""

    data: bytes
    name: str
    faults: Faults
    closes: bool = False
    is_fault: bool = False


class Course:
    """The way of one connection's units.  ``is_clear``: nothing is on it."""

    def __init__(self, line: Line, dice: Dice, reactor: Any, *, raw: bool) -> None:
        self._line, self._dice, self._raw = line, dice, raw
        self._in: Road[Unit | None] = Road(reactor, self._arrive, line)
        self._out: Road[Reply] = Road(reactor, self._leave, line)
        self._trickle = Trickle(reactor, line, self._trickled)
        self._sent, self._is_over, self._closing = 0, False, False
        self._told_slow = self._is_finished = False

    @property
    def held(self) -> int:
        """What is on its way, in bytes."""
        return self._in.held + self._out.held + self._trickle.held

    @property
    def is_clear(self) -> bool:
        """Whether an answer may be sent without overtaking another."""
        return not self.held and self._trickle.is_idle

    def sent(self, size: int) -> None:
        """So many bytes of answers were sent past us, as nothing was to befall them."""
        self._sent += size

    def lines(self, first: int, lines: list[bytes], faults: Faults) -> None:
        """These lines came; ``first``: the number of the first."""
        spared: list[bytes] = []
        may_spare = faults.by_chance_alone and self.is_clear
        for number, text in enumerate(lines, first):
            if self._is_over:
                return
            fate = self._dice.fate(number, faults)
            if may_spare and fate.spares and text != QUIT:
                spared.append(text)
                continue
            self._spare(spared)
            self._enter(Unit(f"line {number}", number, text, faults, fate))
        self._spare(spared)

    def _spare(self, lines: list[bytes]) -> None:
        """Lines that nothing befalls are answered together."""
        if lines and not self._is_over:
            answer = answers(b"\n".join([*lines, b""]), self._line.said())
            self._sent += len(answer)
            self._line.send(answer)
        lines.clear()

    def stream(self, at: int, data: bytes, faults: Faults) -> None:
        """These bytes of a stream came; ``at``: where in it they stand."""
        while data:
            number, offset = at // RAW_UNIT + 1, at % RAW_UNIT
            piece, data = data[: RAW_UNIT - offset], data[RAW_UNIT - offset :]
            fate = self._dice.fate(number, faults)
            ends = offset + len(piece) == RAW_UNIT
            self._enter(
                Unit(f"block {number}", number, piece, faults, fate, offset, not offset, ends),
            )
            at += len(piece)

    def _enter(self, unit: Unit) -> None:
        if self._is_over:
            return
        delay = unit.fate.delay_in
        if delay and unit.starts:
            self._line.tell("latency", f"{unit.name} delayed by {delay:.3f}s on its way in")
        self._line.expect(self._in.send(unit, len(unit.text) + _ITEM, delay))

    def finish(self) -> None:
        """Nothing more comes: the connection ends after what is on its way."""
        if not self._is_finished:
            self._is_finished = True
            self._in.send(None, 0, 0.0)

    def last(self, words: bytes, faults: Faults) -> None:
        """These words are the last, said after what is on its way."""
        unit = Unit("", 0, words, faults, Fate())
        self._in.send(unit, len(words), 0.0)

    def _arrive(self, unit: Unit | None) -> None:
        if self._is_over:
            return
        if unit is None:
            self._is_over = True
            self._reply(Reply(b"", "", Faults(), closes=True), 0.0)
        elif not unit.number:
            self._is_over = True
            self._reply(Reply(unit.text, "", unit.faults, closes=True), 0.0)
        else:
            self._answer(unit)

    def _answer(self, unit: Unit) -> None:
        fate, line = unit.fate, self._line
        if fate.is_reset and unit.starts:
            line.tell("reset", f"connection reset at {unit.name}")
            self.clear()
            line.shut()
            return
        if fate.is_stalled and unit.starts:
            line.tell("stall", f"stalled at {unit.name}: nothing is read or answered any more")
            self._is_over = True
            self._in.clear()
            line.stall()
            return
        most = unit.faults.close_after
        closes = most is not None and unit.number >= most and unit.ends
        if fate.is_dropped:
            if unit.starts:
                line.tell("drop", f"{unit.name} dropped: it has no answer")
            reply = Reply(b"", unit.name, unit.faults, closes, closes)
        else:
            quits = not self._raw and unit.text == QUIT
            reply = Reply(self._text(unit), unit.name, unit.faults, closes or quits, closes and not quits)
            if fate.delay_out and unit.starts:
                line.tell("latency", f"answer to {unit.name} delayed by {fate.delay_out:.3f}s on its way out")
        self._is_over = reply.closes
        if reply.data or reply.closes:
            self._reply(reply, fate.delay_out)

    def _text(self, unit: Unit) -> bytes:
        fate, place = unit.fate, int(unit.fate.place * RAW_UNIT) - unit.offset
        if self._raw:
            if not fate.is_corrupted or not 0 <= place < len(unit.text):
                return unit.text
            changed, bit = flipped(unit.text[place], fate.bit)
            self._line.tell("corrupt", f"{unit.name} corrupted: bit {bit} of its byte {place + unit.offset}")
            return b"%b%c%b" % (unit.text[:place], changed, unit.text[place + 1 :])
        answer = b"Goodbye." if unit.text == QUIT else self._line.said() + unit.text
        if fate.is_corrupted:
            answer, at, bit = corrupted(answer, fate)
            self._line.tell("corrupt", f"answer to {unit.name} corrupted: bit {bit} of its byte {at}")
        return answer + b"\r\n"

    def _reply(self, reply: Reply, delay: float) -> None:
        self._line.expect(self._out.send(reply, len(reply.data) + _ITEM, delay))

    def _leave(self, reply: Reply) -> None:
        if self._closing:
            return
        data, closes = reply.data, reply.closes
        most, slow = reply.faults.truncate, reply.faults.slow
        if most is not None and self._sent + len(data) > most:
            data, closes = data[: max(0, most - self._sent)], True
            self._line.tell(
                "truncate", f"answers end after {most} bytes, in that to {reply.name or 'the end'}"
            )
        elif reply.is_fault:
            self._line.tell("close-after", f"closed after {reply.name}")
        self._sent += len(data)
        self._closing = self._is_over = closes
        if (slow is not None and data) or not self._trickle.is_idle:
            self._slowly(data, slow)
        elif data:
            self._line.send(data)
        if closes and self._trickle.is_idle:
            self._line.end()

    def _slowly(self, data: bytes, speed: int | None) -> None:
        if speed is not None and not self._told_slow:
            self._told_slow = True
            self._line.tell("slow", f"answers slowed to {speed} bytes/s")
        self._trickle.send(data, speed or 1 << 30)
        self._line.expect(0.0)

    def _trickled(self) -> None:
        self._line.expect(0.0)
        if self._closing and self._trickle.is_idle:
            self._line.end()
        else:
            self._line.go_on()

    def clear(self) -> None:
        """Nothing is on its way any more."""
        self._is_over = True
        self._in.clear()
        self._out.clear()
        self._trickle.clear()
