"""Two requests side by side: what differs in their heads, line by line, and whether their bodies do."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from netsuite.httpecho.faults import lines_of

#: Lines of a head that are compared: a good head has a hundred at most, and the work grows with their square.
LINES_MAX = 300


@dataclass(frozen=True, slots=True)
class Difference:
    """``lines``: ``=``, ``-`` (only in the first) or ``+`` (only in the second) with a line each.

    ``case``: names that differ in case only; ``order``: whether the same lines stand in another order.
    ``body``: None if the bodies are equal, else where they part.
    """

    lines: tuple[tuple[str, bytes], ...]
    case: tuple[bytes, ...]
    order: bool
    body: int | None

    @property
    def is_none(self) -> bool:
        """Whether the two are the same, byte by byte but for line ends."""
        return self.body is None and all(sign == "=" for sign, _ in self.lines)


def compared(one: bytes, other: bytes, one_body: bytes, other_body: bytes) -> Difference:
    """What differs between two heads, and their bodies."""
    a, b = lines_of(one)[:LINES_MAX], lines_of(other)[:LINES_MAX]
    lines: list[tuple[str, bytes]] = []
    for what, a_from, a_to, b_from, b_to in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if what == "equal":
            lines += [("=", line) for line in a[a_from:a_to]]
        else:
            lines += [("-", line) for line in a[a_from:a_to]]
            lines += [("+", line) for line in b[b_from:b_to]]
    return Difference(
        tuple(lines),
        _case_only(a[1:], b[1:]),
        a != b and sorted(a) == sorted(b),
        _parts(one_body, other_body),
    )


def _case_only(a: list[bytes], b: list[bytes]) -> tuple[bytes, ...]:
    """Names in ``a`` that ``b`` has in another case and not in this one."""
    names_a, names_b = _names(a), _names(b)
    lower_b = {name.lower() for name in names_b}
    return tuple(name for name in names_a if name not in names_b and name.lower() in lower_b)


def _names(lines: list[bytes]) -> dict[bytes, None]:
    return dict.fromkeys(line.partition(b":")[0] for line in lines)


def _parts(one: bytes, other: bytes) -> int | None:
    """The first byte at which they differ."""
    if one == other:
        return None
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
