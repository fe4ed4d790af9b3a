"""The connection to a Redis that holds a store: opened and judged, scripts run, faults told in one line.

The store's schema stands under ``about`` and is looked at by each script that writes, before anything else.
While a store is emptied or upgraded it is the name of that task: then nobody can write, and who opens the
store for writing after a kill finishes the task first.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeVar

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from netsuite.wordproxy.store import redisfaults
from netsuite.wordproxy.store.contract import CONTEXTS_MAX, StoreFault
from netsuite.wordproxy.store.redischange import Change
from netsuite.wordproxy.store.redisurl import parse_place

#: What marks a store of ours, and the schema that this code reads and writes.
MARK, SCHEMA = "netsuite words", 2

#: The schema that can be upgraded, and what stands in its place while a task is done.
OLD_SCHEMA, UPGRADING, EMPTYING, EMPTYING_ALL = b"1", b"upgrading", b"emptying", b"emptying all"

_TASKS = (UPGRADING, EMPTYING, EMPTYING_ALL)

#: How often a question is put because a batch came between its parts, and for how long; then its answer is
#: taken as it is.
_TRIES, _ASK_SECONDS = 4, 0.3

#: How often a change is worked out anew because another writer came between.
_WRITE_TRIES = 100

#: Longest wait before that, a random part of it.
_WAIT_SECONDS = 0.1

#: Keys that are deleted in one go.
_KEYS = 1000

#: Between two looks whether an append-only file has been written.
_REWRITE_SECONDS = 0.1

T = TypeVar("T")


class Server:
    """One connection to the store at ``redis://…``."""

    def __init__(self, where: str, *, read_only: bool) -> None:
        place = parse_place(where)
        self.where = place.shown
        self.base = f"{{{place.prefix}}}:"
        self._about = f"{self.base}about"
        self._seconds = place.arguments["socket_timeout"]
        self._read_only, self._closed = read_only, False
        self.waits_for_disk = False
        # One more try where a connection broke: every call can be made twice.  A timeout is none to repeat.
        once_more = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        self.client: Any = redis.Redis(**place.arguments, retry=once_more, protocol=2, max_connections=1)

    def begin(self) -> bytes:
        """The schema of the store, made where it may be; StoreFault if it is none that we can open."""
        info = self.client.info()
        version, is_kept = _version(info), bool(info.get("aof_enabled"))
        policy = str(info.get("maxmemory_policy", "noeviction"))
        if int(info.get("maxmemory", 0)) and policy.startswith("allkeys"):
            raise StoreFault(
                f"{self.where} throws keys away when it is full ({policy}); set noeviction there"
            )
        self.waits_for_disk = is_kept and version >= (7, 2)
        schema = bytes(self.run("redis_begin.lua", MARK, str(SCHEMA), "0" if self._read_only else "1"))
        if schema == b"none":
            raise StoreFault(f"{self.where} has no store of that name yet")
        if schema == b"foreign":
            raise StoreFault(
                f"{self.where} has another program's keys under our names; choose another ?prefix="
            )
        if self._read_only or schema not in (OLD_SCHEMA, *_TASKS):
            self._judge(schema)
        return schema

    def _judge(self, schema: bytes) -> None:
        """The store is of our schema, else StoreFault."""
        if schema == str(SCHEMA).encode():
            return
        if schema == OLD_SCHEMA:
            raise StoreFault(
                f"{self.where} is of an older netsuite (schema {schema.decode()}); open it for writing once"
            )
        if schema in _TASKS:
            raise StoreFault(f"{self.where} is being changed as a whole ({schema.decode()}); try again soon")
        if not schema.isdigit():
            raise StoreFault(
                f"{self.where} has another program's keys under our names; choose another ?prefix="
            )
        raise StoreFault(
            f"{self.where} is of a newer netsuite (schema {int(schema)}, this one reads {SCHEMA}); upgrade"
        )

    # scripts

    def run(self, name: str, *arguments: Any) -> Any:
        """What a script of ours returns; the server is given its text where it has forgotten it."""
        text, digest = _script(name)
        try:
            return self.client.evalsha(digest, 1, self._about, *arguments)
        except redis.exceptions.NoScriptError:
            return self.client.eval(text, 1, self._about, *arguments)

    def make(self, work_out: Callable[[], Change | None], schema: str = str(SCHEMA)) -> None:
        """The change that ``work_out`` gives is made; worked out anew where another writer came between."""
        for tries in range(_WRITE_TRIES):
            change = work_out()
            if change is None or self.run("redis_apply.lua", schema, change.packed(), CONTEXTS_MAX):
                return
            time.sleep(random.random() * min(_WAIT_SECONDS, 0.001 * 2**tries))  # noqa: S311 - no secret
        raise StoreFault(f"{self.where} is changed by others without a pause; try again")

    def ask(self, question: Callable[[], T]) -> T:
        """What ``question`` finds, of one moment unless batches come faster than its parts."""
        with self.faults():
            began = time.monotonic()
            before = self._stamp()
            for _ in range(_TRIES):
                answer = question()
                after = self._stamp()
                if before == after or time.monotonic() - began > _ASK_SECONDS:
                    break
                before = after
            return answer

    def check(self) -> None:
        """The store is there and of our schema, else StoreFault."""
        self._stamp()

    def _stamp(self) -> bytes | None:
        mark, schema, stamp = self.client.hmget(self._about, "mark", "schema", "stamp")
        if mark != MARK.encode() or schema is None:
            raise StoreFault(f"{self.where} no longer has the store that was opened; was it emptied?")
        self._judge(schema)
        return bytes(stamp) if stamp is not None else None

    # the whole of it

    def set_task(self, before: bytes, task: bytes) -> bool:
        """``task`` stands in the schema's place, if ``before`` did; else nothing has changed."""
        return bool(self.run("redis_task.lua", before, task))

    def empty(self, task: bytes, spared: Callable[[str], bool]) -> None:
        """All keys of the store are gone but those that are ``spared``; ``task`` has begun."""
        found = {bytes(key) for key in self.client.scan_iter(f"{self.base}*", count=_KEYS)}
        gone = [key for key in found if not spared(key.decode("utf-8", "replace").removeprefix(self.base))]
        for start in range(0, len(gone), _KEYS):
            self.run("redis_empty.lua", task, *gone[start : start + _KEYS])

    # its disk

    def wait_for_disk(self) -> None:
        """What this connection wrote is flushed to the server's disk, where that can be asked (WAITAOF)."""
        if self.waits_for_disk:
            local, _ = self.client.waitaof(1, 0, int(self._seconds * 900))
            if not local:
                raise StoreFault(f"{self.where} has not flushed a batch to its disk yet; look at that disk")

    def rewrite_log(self) -> bool:
        """The append-only file is being written anew, without what was deleted; whether that has begun.

        One that was being written before may have it still: its end is awaited, as long as for an answer.
        """
        end = time.monotonic() + self._seconds
        while True:
            try:
                self.client.bgrewriteaof()
            except redis.ResponseError as error:
                if isinstance(error, redis.exceptions.NoPermissionError):
                    return True  # nor may it later: the server's own rewrite will come
                if "in progress" not in str(error):
                    raise
                if time.monotonic() > end:
                    return False
                time.sleep(_REWRITE_SECONDS)
            else:
                return True

    # its end, and its faults

    def close(self) -> None:
        """Nothing is open any more."""
        self.client.close()
        self.client.connection_pool.disconnect()
        self._closed = True

    def refuse_if_read_only(self) -> None:
        """StoreFault for a store that was opened for reading."""
        if self._read_only:
            raise StoreFault(f"{self.where} was opened for reading only")

    @contextmanager
    def faults(self) -> Iterator[None]:
        """The client's errors, and values that can't be, are StoreFaults."""
        if self._closed:
            raise StoreFault(f"{self.where} is closed")
        try:
            yield
        except redis.RedisError as error:
            self.client.connection_pool.disconnect()  # a late answer would be taken for the next one's
            raise StoreFault(redisfaults.told(self.where, error, self._seconds)) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError, ArithmeticError) as error:
            raise StoreFault(
                f"{self.where} holds a value that can't be; look who else writes to it"
            ) from error


def told(info: Mapping[str, Any]) -> str:
    """Which server, how full, how safe: one line for people."""
    kind, version = (
        ("Valkey", info["valkey_version"]) if "valkey_version" in info else ("Redis", info["redis_version"])
    )
    most = int(info.get("maxmemory", 0))
    room = f" of {most / 2**20:.1f}" if most else ""
    log = "with" if info.get("aof_enabled") else "without"
    return (
        f"{kind} {version}, {int(info['used_memory']) / 2**20:.1f}{room} MiB used, {log} an append-only file"
    )


def _version(info: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])


def _script(name: str) -> tuple[str, str]:
    if name not in _scripts:
        text = resources.files(__package__).joinpath(name).read_text("utf-8")
        _scripts[name] = text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return _scripts[name]


_scripts: dict[str, tuple[str, str]] = {}
