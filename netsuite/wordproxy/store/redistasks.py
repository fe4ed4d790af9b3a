"""What takes many steps in a store in Redis, noted before it begins and finished by whoever comes next.

A note is a task's own text, so that the same task is noted once; it goes when the task is done and a new
append-only file, without what was deleted, is on its way.  `Tasks.retain`, which runs daily, and every other
task do first what was left over.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import msgspec

from netsuite.wordproxy.store.contract import Forget
from netsuite.wordproxy.store.queries import day_number
from netsuite.wordproxy.store.redischange import Change
from netsuite.wordproxy.store.redisforget import Forgetting
from netsuite.wordproxy.store.redismoving import Moving
from netsuite.wordproxy.store.redisrows import encode, field_of
from netsuite.wordproxy.store.redisserver import EMPTYING, EMPTYING_ALL, OLD_SCHEMA, SCHEMA, UPGRADING, Server
from netsuite.wordproxy.store.redisupgrade import Upgrade

#: What a task is called, and what it is about.
Task = list[str | int | bool | None]

_OURS = str(SCHEMA).encode()

#: Another's upgrade that has changed nothing for so long has ended with its process.
STILL_SECONDS = 30.0

#: Between two looks at another's upgrade.
_LOOK_SECONDS = 0.2


def task_of(what: Forget) -> Task:
    """What is to be forgotten, as a task.

    Raises:
        ValueError: not exactly one thing is said.
    """
    said: list[Task] = []
    if (what.word is None) != (what.lang is None):
        raise ValueError("a word and its language go together")
    if what.word is not None:
        said.append(["word", field_of(what.word), field_of(what.lang or "")])
    if what.page is not None:
        said.append(["page", what.page])
    if what.host is not None:
        said.append(["host", field_of(what.host)])
    if what.day is not None:
        said.append(["day", day_number(what.day)])
    if what.everything:
        said.append(["everything", what.levels])
    if len(said) != 1:
        raise ValueError("say exactly one thing that is to be forgotten")
    return said[0]


class Tasks:
    """The tasks of one store."""

    def __init__(self, server: Server, forgetting: Forgetting, moving: Moving) -> None:
        self._server, self._forgetting, self._moving = server, forgetting, moving
        self._name = f"{server.base}tasks"

    def prepare(self, schema: bytes) -> None:
        """The store is of our schema, and no task of its whole is left half done."""
        if schema in (EMPTYING, EMPTYING_ALL):
            self._empty(schema)
        elif schema in (OLD_SCHEMA, UPGRADING):
            self._upgrade()

    def _upgrade(self) -> None:
        """The store of schema 1 is one of ours; of several that find it one does it, the others wait."""
        server = self._server
        server.set_task(OLD_SCHEMA, UPGRADING)
        token = secrets.token_bytes(8)
        if not self._is_mine(token):
            return

        def make(work_out: Callable[[], Change]) -> None:
            def guarded() -> Change:
                change = work_out()
                change.guard("about", "upgrader", token)
                return change

            server.make(guarded, UPGRADING.decode())

        Upgrade(server.client, server.base, make).run()
        server.client.hdel(f"{server.base}about", "upgrader")
        server.set_task(UPGRADING, _OURS)

    def _is_mine(self, token: bytes) -> bool:
        """The upgrade is ours to do; False: it is done.  One that stands still is taken over."""
        server, about = self._server, f"{self._server.base}about"
        seen: object = None
        still_since = time.monotonic()
        while True:
            schema, upgrader, stamp = server.client.hmget(about, "schema", "upgrader", "stamp")
            if schema == _OURS:
                return False
            if (upgrader, stamp) != seen:
                seen, still_since = (upgrader, stamp), time.monotonic()
            if upgrader is None or time.monotonic() - still_since > STILL_SECONDS:
                change = Change()
                change.guard("about", "upgrader", upgrader)
                change.do("HSET", "about", "upgrader", token)
                if server.run("redis_apply.lua", UPGRADING, change.packed(), 0):
                    return True
            time.sleep(_LOOK_SECONDS)

    def do(self, task: Task) -> int:
        """The task is done, and what others had left over; how many pages or words that were."""
        self._server.check()
        if task[0] == "everything":
            return self._everything(levels=bool(task[1]))
        note = encode(task)
        self._server.client.hset(self._name, note, b"1")
        self._left_over(but=note)
        found = self._run(task)
        self._finish([note])
        return found

    def retain(self, day: int, silent_since: float) -> None:
        """Pages last met before that day and nodes silent since then are gone; what was left over is done."""
        self._server.check()
        self._left_over()
        dropped = 0
        while some := self._forgetting.drop_old(day):
            dropped += some
        self._forgetting.drop_nodes(silent_since)
        if dropped:
            self._finish([])

    def _left_over(self, but: bytes = b"") -> None:
        notes = [bytes(note) for note in self._server.client.hkeys(self._name) if note != but]
        for note in notes:
            self._run(msgspec.msgpack.decode(note, type=Task))
        if notes:
            self._finish(notes)

    def _finish(self, notes: list[bytes]) -> None:
        """The tasks are done; what their notes tell is in no byte of the next append-only file either."""
        client, rewrite = self._server.client, encode(["rewrite"])
        client.hset(self._name, rewrite, b"1")
        gone = [note for note in notes if note != rewrite]
        if gone:
            client.hdel(self._name, *gone)
        if self._server.rewrite_log():
            client.hdel(self._name, rewrite)

    def _run(self, task: Task) -> int:
        name, *about = task
        do: dict[Any, Callable[..., int]] = {
            "word": self._forgetting.word,
            "page": self._forgetting.page,
            "host": self._forgetting.host,
            "day": self._forgetting.day,
            "site": self._moving.site,
            "rewrite": lambda: 0,
        }
        return do[name](*about)

    # the whole store

    def _everything(self, *, levels: bool) -> int:
        pages = self._forgetting.read_pages()
        task = EMPTYING_ALL if levels else EMPTYING
        if self._server.set_task(_OURS, task):
            self._empty(task)
        return pages

    def _empty(self, task: bytes) -> None:
        """All is gone but what nodes had sent, no imported files, and levels where they aren't to go."""
        spared = ["about", "node"] if task == EMPTYING_ALL else ["about", "node", "levels"]
        self._forgetting.drop_files()
        self._server.empty(task, lambda key: key.partition(":")[0] in spared)
        self._server.rewrite_log()
        self._server.set_task(task, _OURS)
