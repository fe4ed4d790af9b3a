"""Many values of a Redis at once: the server puts them together, one decoder takes them apart.

The client's own way, an object a value, costs ten times as much.  No step holds the server for long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import Any

from netsuite.wordproxy.store import redisrows
from netsuite.wordproxy.store.redisrows import Row, TallyHead, WordHead

#: Values of one step over a hash, of one over a sorted set, and names of hashes that are asked for at once.
STEP, RANGE_STEP, HASHES = 2000, 10_000, 200


class Fetch:
    """Reading from the keys that begin with ``base``; ``run`` runs a script of ours."""

    def __init__(self, client: Any, base: str, run: Callable[..., Any]) -> None:
        self._client, self._base, self._run = client, base, run

    def values(self, name: str, fields: Collection[str]) -> dict[str, Row]:
        """The rows of those fields of a hash that are there."""
        found: dict[str, Row] = {}
        ordered = iter(fields)
        while some := list(islice(ordered, STEP)):
            raw = self._run("redis_rows.lua", "get", name, redisrows.encode(some))
            rows = redisrows.rows_of(_array(len(some), raw))
            found.update((field, row) for field, row in zip(some, rows, strict=True) if row is not None)
        return found

    def words(self, name: str) -> Iterator[tuple[list[str], list[WordHead]]]:
        """A hash of words in steps; one that grows meanwhile may give a word twice."""
        for keys, packed in self._scan(name):
            yield keys, redisrows.word_heads_of(packed)

    def keys(self, name: str) -> Iterator[list[str]]:
        """The fields of a hash in steps."""
        for keys, _ in self._scan(name):
            yield keys

    def _scan(self, name: str) -> Iterator[tuple[list[str], bytes]]:
        cursor: bytes | int = 0
        while True:
            cursor, n, names, values = self._run("redis_rows.lua", "scan", name, cursor, STEP)
            yield _texts(n, names), _array(n, values)
            if int(cursor) == 0:
                return

    def numbers(self, name: str, fields: Collection[str] | None = None) -> dict[str, int]:
        """A hash of numbers: those fields of it that are there, or all."""
        found: dict[str, int] = {}
        if fields is None:
            for keys, packed in self._scan(name):
                found.update(zip(keys, redisrows.numbers_of(packed), strict=True))
            return found
        ordered = iter(fields)
        while some := list(islice(ordered, STEP)):
            raw = self._run("redis_rows.lua", "get", name, redisrows.encode(some))
            values = redisrows.numbers_or_none_of(_array(len(some), raw))
            found.update((field, n) for field, n in zip(some, values, strict=True) if n is not None)
        return found

    def ranked(self, name: str, step: int = RANGE_STEP) -> Iterator[tuple[list[str], list[int]]]:
        """Members of a sorted set by rank with their scores, negated, some at a time."""
        first, step = 0, max(1, min(step, RANGE_STEP))
        while True:
            n, names, scores = self._run("redis_rows.lua", "range", name, first, first + step - 1)
            if n:
                yield _texts(n, names), [-int(score) for score in scores.split(b" ")]
            if n < step:
                return
            first, step = first + step, RANGE_STEP

    def tallies(self, names: list[str]) -> Iterator[tuple[list[str], list[TallyHead]]]:
        """Each of those hashes of tallies whole, in their order."""
        at = 0
        while at < len(names):
            asked = redisrows.encode(names[at : at + HASHES])
            for n, *both in self._run("redis_rows.lua", "hashes", asked, 2 * STEP):
                if both:
                    yield _texts(n, both[0]), redisrows.tally_heads_of(_array(n, both[1]))
                else:
                    yield self._large(names[at])
                at += 1

    def _large(self, name: str) -> tuple[list[str], list[TallyHead]]:
        found: dict[str, TallyHead] = {}
        for keys, packed in self._scan(name):
            found.update(zip(keys, redisrows.tally_heads_of(packed), strict=True))
        return list(found), list(found.values())

    def holding(self, names: list[str], needle: bytes) -> list[str]:
        """Those of these hashes of which a value has these bytes."""
        found = []
        for start in range(0, len(names), HASHES):
            some = names[start : start + HASHES]
            asked = redisrows.encode([some, redisrows.text(needle)])
            found += [some[at - 1] for at in self._run("redis_rows.lua", "holding", asked)]
        return found

    def plain(self, command: str, names: list[str]) -> Iterator[Any]:
        """What a command says of each of those keys, some of them a round trip."""
        for start in range(0, len(names), HASHES):
            pipeline = self._client.pipeline(transaction=False)
            for name in names[start : start + HASHES]:
                getattr(pipeline, command)(self._base + name)
            yield from pipeline.execute()


def _array(n: int, values: bytes) -> bytes:
    return b"\xdd" + n.to_bytes(4, "big") + values


def _texts(n: int, joined: bytes) -> list[str]:
    return joined.decode().split("\0") if n else []
