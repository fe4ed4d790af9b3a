"""Batches into their stores: now, or, where a store is on another machine, by way of a spool.

While the spool holds something, what is new goes behind it, so that a store meets a node's numbers in order.
A store that refused is asked again after a while, ever less often, and not for each batch: to ask may take
as long as the store's timeout, and meanwhile no page is counted.  Spools that dead nodes left are looked for
now and then, and sent before our own.

A spool that fails or is full is as good as none: the batch is refused, and the caller keeps it.  Unless our
own spool holds something: then it is sent first, or nothing is.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from netsuite.wordproxy import spool
from netsuite.wordproxy.days import local_day
from netsuite.wordproxy.spool import Parts, Spool, SpoolFault
from netsuite.wordproxy.store.contract import Batch, Note, Store, StoreFault
from netsuite.wordproxy.stores import Stores
from netsuite.words.skipped import Reason

#: Seconds between attempts at a store that refuses: from, to.
RETRY_SECONDS = (0.2, 5.0)

#: Seconds that spools are sent without a look at what else there is to do.
SEND_SECONDS = 0.5

#: Seconds between two looks for spools that nobody has; at first sooner, where one is had: that may be the
#: last counter of a node that has died, on its way out.
LOOK_SECONDS = 60.0
LOOK_SOON_SECONDS = 1.0

#: What a batch costs a spool's file beside its bytes.
ROW_BYTES = 8192

#: Spools of dead nodes that are open at once.
LEFT_MAX = 8


@dataclass(frozen=True, slots=True)
class Spooling:
    """Where spools are, for which store; bytes that all may have; ``keep_seconds``: of addresses."""

    folder: str
    store: str
    node: str
    max_bytes: int
    keep_seconds: float


class Keeping:
    """Has batches kept.  ``complain`` is told of trouble, in one line each time."""

    def __init__(
        self,
        where: str,
        spooling: Spooling | None,
        complain: Callable[[str], None],
        *,
        open_store: Callable[[str], Store],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``where``: the store of those without a profile.  ``clock``, ``wall``: seconds."""
        self._spooling = spooling
        self._complain = complain
        self._clock, self._wall = clock, wall
        self._stores = Stores(where, open_store, complain)
        self._own: Spool | None = None
        self._left: list[Spool] = []  # by nodes that are no more
        self._refused = 0  # times in a row
        self._began = clock()
        self._asked = clock()  # when the store was asked last
        self._due = clock()  # when it is asked again
        self._look_due = clock()
        self._looked = 0
        self._owed: list[tuple[str, int]] = []  # lost with a damaged spool: day, pages
        if spooling is not None:
            self._look()

    # what is to be kept

    @property
    def spooled(self) -> int:
        """Batches that wait in spools."""
        return sum(one.count for one in self._all())

    def keep(self, parts: Parts) -> None:
        """The parts are in their stores, or in the spool, for good.  Raises: StoreFault."""
        parts = self._with_owed(parts)
        if not self._is_behind or not self._put(parts):
            self._send_own()
            try:
                self._deliver(parts)
            except StoreFault as fault:
                if not self._put(parts):
                    raise
                self._refuse(fault)
            else:
                self._refused = 0
        self._owed = []

    @property
    def _is_behind(self) -> bool:
        """What is new goes to the spool, not to the store: others wait there, or the store just refused."""
        return bool((self._own and self._own.count) or (self._refused and self._clock() < self._due))

    def _send_own(self) -> None:
        """Nothing waits in our own spool.  Raises: StoreFault."""
        own = self._own
        if own is not None and own.count and not self._send_all(own, self._clock() + SEND_SECONDS):
            raise StoreFault("the spool takes no more, and what it holds is not sent yet")

    def wait(self) -> float | None:
        """Seconds until `catch_up` has something to do; None if nothing waits."""
        if self._spooling is None:
            return None
        due = min(self._due, self._look_due) if self.spooled else self._look_due
        return max(0.0, due - self._clock())

    def catch_up(self) -> bool:
        """What waits in spools is sent, as far as the store and a moment allow; whether anything moved."""
        if self._clock() >= self._look_due:
            self._look()
        before = self.spooled
        if before and self._clock() >= self._due:
            self._send_some()
        return self.spooled != before

    def renew(self) -> bool:
        """A step is done of what makes reports quick; False: there was none to do."""
        return self._stores.renew()

    def close(self) -> None:
        """Nothing is open, and the spools are free for others."""
        self._stores.let_go()
        for one in self._all():
            one.close()
        self._own, self._left = None, []

    def _all(self) -> list[Spool]:
        return [*self._left] if self._own is None else [*self._left, self._own]

    def _deliver(self, parts: Parts) -> None:
        self._asked = self._clock()
        self._stores.deliver(parts)

    def _refuse(self, fault: StoreFault) -> None:
        """The store is asked again after a while."""
        shortest, longest = RETRY_SECONDS
        took = self._clock() - self._asked  # to wait for a timeout half of the time is enough
        self._due = self._clock() + max(took, min(longest, shortest * 2 ** min(self._refused, 10)))
        self._refused += 1
        self._complain(f"{fault}; batches wait in the spool")

    # by way of the spool

    def _put(self, parts: Parts) -> bool:
        """The parts are in our spool; or False: there is none, it is full, or it fails."""
        told = self._spooling
        if told is None:
            return False
        try:
            packed = spool.pack(parts)
            used = spool.size(told.folder) - (self._own.room if self._own is not None else 0)
            if used + len(packed) + ROW_BYTES > told.max_bytes:
                self._complain(f"the spool in {told.folder} is full; raise --spool")
                return False
            if self._own is None:
                self._own = Spool(spool.path_of(told.folder, told.store, told.node), make=True)
            self._own.put(packed, sum(len(batch.pages) for _, batch in parts), self._wall())
        except SpoolFault as fault:
            self._complain(str(fault))
            self._own = self._mourned(self._own, fault)
            return False
        return True

    def _send_some(self) -> None:
        end = self._clock() + SEND_SECONDS
        for one in self._all():
            if not self._send_all(one, end):
                return
            if one is not self._own:
                self._left.remove(one)
                one.close()
                self._look_due = self._clock()  # there may be more than are open at once

    def _send_all(self, one: Spool, end: float) -> bool:
        """All that waits in a spool is in the stores; or False: the store refuses, or time is up."""
        try:
            while (row := one.first()) is not None:
                if self._clock() >= end:
                    self._due = self._clock() + SEND_SECONDS  # as long for pages that are to be counted
                    return False
                self._send(row, self._age(one, row))
                one.drop(row)
        except StoreFault as fault:
            self._refuse(fault)
            return False
        except SpoolFault as fault:
            self._complain(str(fault))
            self._due = self._clock() + RETRY_SECONDS[1]
            if self._mourned(one, fault) is None:
                if one is self._own:
                    self._own = None
                else:
                    self._left.remove(one)
            return False
        self._refused = 0
        return True

    def _age(self, one: Spool, row: spool.Row) -> float:
        """Seconds that the row has waited; what is ours is no older than we are, whatever the clock says."""
        age = self._wall() - row.spooled
        return min(age, self._clock() - self._began) if one is self._own else age

    def _send(self, row: spool.Row, age: float) -> None:
        """What waited is in the stores; what is damaged, or waited too long (see `spool`) is lost."""
        parts = row.parts
        if parts is None:
            self._owe(row.spooled, row.pages)
            self._complain("a batch in the spool is damaged, its pages are lost")
        elif age > spool.STALE_SECONDS:
            self._deliver(spool.lost(parts))
            self._complain("a batch waited too long in the spool, its pages are lost")
        else:
            self._deliver(parts)

    def _look(self) -> None:
        """Spools that nobody has are ours, and what is too old to be kept is gone from all that are."""
        told = self._spooling
        self._look_due = self._clock() + LOOK_SECONDS
        soon, self._looked = LOOK_SOON_SECONDS * 2 ** min(self._looked, 10), self._looked + 1
        if told is None:
            return
        ours = {os.path.basename(one.path) for one in self._all()}
        own_path = spool.path_of(told.folder, told.store, told.node)
        for name in spool.paths(told.folder, told.store):
            path = os.path.join(told.folder, name)
            if name in ours or len(self._left) >= LEFT_MAX:
                continue
            try:
                found = Spool(path)
            except FileNotFoundError:  # sent by somebody else
                continue
            except SpoolFault as fault:
                if fault.is_held:
                    self._look_due = self._clock() + min(soon, LOOK_SECONDS)
                self._pass_over(path, fault)
                continue
            if path == own_path:
                self._own = found
            else:
                self._left.append(found)
        for one in self._all():
            with contextlib.suppress(SpoolFault):  # told when it is sent
                one.strip(self._wall() - told.keep_seconds)

    def _pass_over(self, path: str, fault: SpoolFault) -> None:
        """A spool that can't be opened is left to who has it; a damaged one is looked at no more."""
        if fault.is_held:
            return
        self._complain(str(fault))
        if fault.is_damaged:
            with contextlib.suppress(OSError):  # then it is found damaged again
                self._complain(
                    f"it is put aside as {spool.put_aside(path)}; remove it, there are addresses in it"
                )

    def _mourned(self, one: Spool | None, fault: SpoolFault) -> Spool | None:
        """The spool, unless it is damaged for good: then it is gone, and its pages are to be noted."""
        if one is None or not fault.is_damaged:
            return one
        self._owe(self._wall(), one.pages)
        one.remove()
        return None

    def _owe(self, when: float, pages: int) -> None:
        if pages:
            self._owed.append((local_day(when), pages))

    def _with_owed(self, parts: Parts) -> Parts:
        """The parts with notes of what was lost with a damaged spool."""
        if not self._owed:
            return parts
        by_profile = dict(parts)
        first = parts[0][1]
        main = by_profile.get("", Batch(first.node, first.last, [], []))
        notes = [Note(main.last, day, "", Reason.LOST.value, pages) for day, pages in self._owed]
        by_profile[""] = replace(main, notes=[*main.notes, *notes])
        return list(by_profile.items())
