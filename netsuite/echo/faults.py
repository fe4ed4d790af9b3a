"""Which faults befall what a client sends: values in, decisions out.

Theory.  A unit is a line, in raw mode each 1024 bytes of the stream (`RAW_UNIT`), over UDP a datagram.  The
fate of unit k of connection n is a function of the seed, n and k alone: values uniform in [0, 1), cut from
a keyed digest, always as many.  So the same seed gives the same faults, however the network cuts what is
sent and whoever else is connected, and a fault that is switched on or off, at any time, moves no other.

What happens to a unit, in this order, the first of reset, stall and drop that is drawn ends the matter:

1. ``latency``, where it holds inwards: the unit is looked at D±J later, D-J to D+J seconds uniformly.
2. ``reset`` with probability P: the connection ends by RST, without an answer to this unit.
3. ``stall``: nothing is read, answered or closed from this unit on, until the idle time is over.
4. ``drop``: the unit has no answer.  It is a line that is lost, not a packet: the connection is sound.
5. ``corrupt``: one bit of its answer is another.  An answered line stays a line: no line ending comes of it.
6. ``latency`` outwards: the answer leaves D±J later.  No answer overtakes another.
7. ``truncate``: of all answers of a connection N bytes are sent, then it closes in the middle of one.
8. ``slow``: answers leave at so many bytes a second.
9. ``close_after``: the connection closes after its N-th unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from struct import unpack
from typing import NamedTuple

#: Bytes of a stream that meet their faults together, in raw mode.
RAW_UNIT = 1024

#: What ``latency`` may hold for.
DIRECTIONS = ("in", "out", "both")

#: Bits of a byte, and how many values the 53 bits of a float's fraction may have.
_BITS = 8
_WHOLE = 1 << 53


@dataclass(frozen=True, slots=True)
class Faults:
    """What a service, or one connection, is told to do wrong.  Times in seconds, speeds in bytes a second."""

    latency: float = 0.0
    spread: float = 0.0
    direction: str = "out"
    drop: float = 0.0
    corrupt: float = 0.0
    reset: float = 0.0
    stall: float = 0.0
    truncate: int | None = None
    slow: int | None = None
    close_after: int | None = None

    @property
    def by_chance_alone(self) -> bool:
        """Whether a line that chance spares has its answer at once, whole, and nothing follows from it."""
        return not self.latency and self.truncate is None and self.slow is None and self.close_after is None

    @property
    def is_calm(self) -> bool:
        """Whether nothing is to go wrong."""
        return replace(self, direction="out") == CALM


#: Nothing goes wrong.
CALM = Faults()


class Fate(NamedTuple):
    """What befalls one unit.  ``place`` and ``bit``, both in [0, 1): where it is corrupted."""

    is_reset: bool = False
    is_stalled: bool = False
    is_dropped: bool = False
    is_corrupted: bool = False
    place: float = 0.0
    bit: float = 0.0
    delay_in: float = 0.0
    delay_out: float = 0.0

    @property
    def spares(self) -> bool:
        """Whether nothing befalls it but, perhaps, a delay."""
        return not (self.is_reset or self.is_stalled or self.is_dropped or self.is_corrupted)


class Dice:
    """The fates of connection ``number``, counted from 1, of a service with this seed."""

    __slots__ = ("_key",)

    def __init__(self, seed: int, number: int) -> None:
        self._key = b"%d/%d" % (seed, number)

    def fate(self, unit: int, faults: Faults) -> Fate:
        """Return what befalls a unit, counted from 1."""
        digest = blake2b(b"%d" % unit, key=self._key[-64:], digest_size=64).digest()
        reset, stall, drop, corrupt, place, bit, inwards, outwards = (
            (value >> 11) / _WHOLE for value in unpack("<8Q", digest)
        )
        least, width = faults.latency - faults.spread, 2 * faults.spread
        return Fate(
            reset < faults.reset,
            stall < faults.stall,
            drop < faults.drop,
            corrupt < faults.corrupt,
            place,
            bit,
            least + width * inwards if faults.direction != "out" else 0.0,
            least + width * outwards if faults.direction != "in" else 0.0,
        )


def flipped(byte: int, bit: float) -> tuple[int, int]:
    """Return the byte with one bit changed, and which, 0 to 7; what comes of it ends no line."""
    first = int(bit * _BITS)
    for number in (first, (first + 1) % _BITS, (first + 2) % _BITS):
        changed = byte ^ (1 << number)
        if changed not in b"\r\n":
            break
    return changed, number


def corrupted(text: bytes, fate: Fate) -> tuple[bytes, int, int]:
    """Return ``text``, at least a byte, with one bit changed; which byte, from 0, and which bit of it."""
    at = int(fate.place * len(text))
    changed, bit = flipped(text[at], fate.bit)
    return b"%b%c%b" % (text[:at], changed, text[at + 1 :]), at, bit
