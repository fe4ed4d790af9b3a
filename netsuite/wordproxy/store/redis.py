"""The store in a Redis or Valkey that several nodes share.

All keys of a store begin with one hash tag, ``{prefix}:``, so that a cluster keeps them on one node.  A day
is its number in seven digits, ``␀`` is a NUL.  Values of several parts are MessagePack arrays.

=======================  ======  =====================================================================
``about``                hash    our mark, the schema, the ``key`` of page digests, and ``stamp``: how often
                                 anything was changed
``node``                 hash    node → last sequence, when: what makes a batch apply once
``words:LANG``           hash    key → main, other, pages, all pages, first, last; form, times, form, …
``top:LANG`` ``all:…``   sorted  keys by occurrences in main text, or in everything, as negative scores:
                                 ties come in the order that lists have
``tally:DAY:LANG␀HOST``  hash    key → main, other, pages, all pages, new, all new (SQLite's tally)
``reading:DAY``          hash    LANG␀HOST → visits, pages, new
``coverage:DAY``         hash    outcome␀host → amount
``sums`` ``sites``       hash    language → sums; host → pages
``pages``                hash    digest:LANG → host, address, title, first, last, seen, visits; day, …
``recent`` ``days``      sorted  pages by last day and moment; days that have anything
``visit:DAY``            set     pages visited on that day
``met:digest:LANG``      hash    key → days it was met on, each with ``+`` (in main text) or ``-``
=======================  ======  =====================================================================

A batch is one script (``redis_batch.lua`` has its theory).  What was acknowledged is as safe as the server
makes it: with ``appendfsync always`` it is on the disk; from Redis 7.2 on `RedisStore.add` waits until it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeVar

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from netsuite.wordproxy.store import redisfaults, redisreads
from netsuite.wordproxy.store.contract import (
    Batch,
    Coverage,
    CoverageQuery,
    Note,
    Page,
    PageList,
    PageQuery,
    Sources,
    Status,
    StoreFault,
    WordList,
    WordQuery,
)
from netsuite.wordproxy.store.queries import day_number
from netsuite.wordproxy.store.redisurl import parse_place
from netsuite.wordproxy.store.writing import TITLE_MAX, without_query

#: What marks a store of ours, and the schema that this code reads and writes.
MARK, SCHEMA = "netsuite words", 1

#: Pages that retention removes by one script, so that no other client waits long.
_RETAIN_STEP = 100

#: How often a question is put because a batch came between its parts; then its answer is taken as it is.
_TRIES = 4

T = TypeVar("T")


class RedisStore:
    """A `Store` on one server; opened, used and closed by one thread."""

    def __init__(
        self, where: str, *, read_only: bool = False, stop_words: Mapping[str, Collection[str]] | None = None
    ) -> None:
        """Open the store at ``redis://…``, made if it is not there yet.

        Raises:
            StoreFault: one line that says what is wrong and how to mend it.
        """
        place = parse_place(where)
        self.where = place.shown
        self._seconds = place.arguments["socket_timeout"]
        self._read_only = read_only
        self._base = f"{{{place.prefix}}}:"
        self._about = f"{self._base}about"
        # One more try where a connection broke: every call can be made twice.  A timeout is none to repeat.
        once_more = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        self._client: Any = redis.Redis(**place.arguments, retry=once_more, protocol=2, max_connections=1)
        self._reads = redisreads.Reads(self._client, self._base, stop_words or {})
        try:
            with self._faults():
                self._begin()
        except BaseException:
            self.close()
            raise

    # writing

    def add(self, batch: Batch) -> None:
        """The batch is kept, durably and once; or nothing of it is."""
        self._refuse_if_read_only()
        packed = msgspec.msgpack.encode(
            [batch.last, [_page(page) for page in batch.pages], [_note(note) for note in batch.notes]]
        )
        with self._faults():
            self._run("redis_batch.lua", str(SCHEMA), batch.node, packed)
            if self._waits_for_disk:
                self._wait_for_disk()

    def retain(self, before_day: str) -> None:
        """Addresses, titles and digests of pages last met before that day are gone; numbers stay."""
        self._refuse_if_read_only()
        score = day_number(before_day) << 32
        dropped = False
        with self._faults():
            while self._run("redis_retain.lua", str(SCHEMA), score, _RETAIN_STEP):
                dropped = True
            if dropped:
                self._rewrite_log()

    def _rewrite_log(self) -> None:
        """The append-only file is being written anew, without what was deleted, unless it already is."""
        try:
            self._client.bgrewriteaof()
        except redis.ResponseError as error:
            if "in progress" not in str(error) and "NOPERM" not in type(error).__name__.upper():
                raise

    def _wait_for_disk(self) -> None:
        """What this connection wrote is flushed to the server's disk (WAITAOF)."""
        local, _ = self._client.waitaof(1, 0, int(self._seconds * 900))
        if not local:
            raise StoreFault(f"{self.where} has not flushed a batch to its disk yet; look at that disk")

    # reading

    def words(self, query: WordQuery) -> WordList:
        """The words that fit, sorted, with their totals."""
        if query.known is not None:
            raise StoreFault("levels of knowledge are not kept by this version; ask without them")
        return self._ask(lambda reads: reads.words(query))

    def coverage(self, query: CoverageQuery) -> Coverage:
        """What was counted on those days, and what was not and why."""
        return self._ask(lambda reads: reads.coverage(query))

    def pages(self, query: PageQuery) -> PageList:
        """The pages that fit, newest visit first."""
        return self._ask(lambda reads: reads.pages(query))

    def sources(self, *, limit: int = 500) -> Sources:
        """The languages and sites to choose from, at most ``limit`` of each."""
        return self._ask(lambda reads: reads.sources(limit))

    def status(self) -> Status:
        """How the store is; answers soon at any size."""

        def tell(reads: redisreads.Reads) -> Status:
            words, pages = reads.sizes()
            info = self._client.info()
            return Status(self.where, SCHEMA, words, pages, int(info["used_memory"]), _server(info))

        return self._ask(tell)

    def url_key(self, fresh: bytes) -> bytes:
        """The secret that all nodes make page digests with: ``fresh`` if there was none.

        It lies beside the pages, for nodes must agree on it: who may read this Redis may compare addresses.
        """
        self._refuse_if_read_only()
        with self._faults():
            self._client.hsetnx(self._about, "key", fresh)
            return bytes(self._client.hget(self._about, "key"))

    def close(self) -> None:
        """Nothing is open any more.  A closed store stays closed."""
        self._client.close()
        self._client.connection_pool.disconnect()
        self._closed = True

    # the server

    _closed = False
    _waits_for_disk = False

    def _begin(self) -> None:
        """The store is there, ours and of our schema, else StoreFault; made where it may be."""
        info = self._client.info()
        version, is_kept = _version(info), bool(info.get("aof_enabled"))
        policy = str(info.get("maxmemory_policy", "noeviction"))
        if int(info.get("maxmemory", 0)) and policy.startswith("allkeys"):
            raise StoreFault(
                f"{self.where} throws keys away when it is full ({policy}); set noeviction there"
            )
        self._waits_for_disk = is_kept and version >= (7, 2)
        self._judge(int(self._run("redis_begin.lua", MARK, str(SCHEMA), "0" if self._read_only else "1")))

    def _judge(self, schema: int) -> None:
        if schema == 0:
            raise StoreFault(f"{self.where} has no store of that name yet")
        if schema < 0:
            raise StoreFault(
                f"{self.where} has another program's keys under our names; choose another ?prefix="
            )
        if schema > SCHEMA:
            raise StoreFault(
                f"{self.where} is of a newer netsuite (schema {schema}, this one reads {SCHEMA}); upgrade"
            )

    def _run(self, name: str, *arguments: Any) -> Any:
        """What a script of ours returns; the server is given its text where it has forgotten it."""
        text, digest = _script(name)
        try:
            return self._client.evalsha(digest, 1, self._about, *arguments)
        except redis.exceptions.NoScriptError:
            return self._client.eval(text, 1, self._about, *arguments)

    def _ask(self, question: Callable[[redisreads.Reads], T]) -> T:
        """What ``question`` finds, of one moment unless batches come faster than its parts."""
        with self._faults():
            before = self._stamp()
            for _ in range(_TRIES):
                answer = question(self._reads)
                after = self._stamp()
                if before == after:
                    break
                before = after
            return answer

    def _stamp(self) -> bytes | None:
        mark, schema, stamp = self._client.hmget(self._about, "mark", "schema", "stamp")
        if mark != MARK.encode() or schema is None:
            raise StoreFault(f"{self.where} no longer has the store that was opened; was it emptied?")
        self._judge(int(schema))
        return bytes(stamp) if stamp is not None else None

    def _refuse_if_read_only(self) -> None:
        if self._read_only:
            raise StoreFault(f"{self.where} was opened for reading only")

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """The client's errors, and values that can't be, are StoreFaults."""
        if self._closed:
            raise StoreFault(f"{self.where} is closed")
        try:
            yield
        except redis.RedisError as error:
            self._client.connection_pool.disconnect()  # a late answer would be taken for the next one's
            raise StoreFault(redisfaults.told(self.where, error, self._seconds)) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, IndexError, TypeError, OverflowError) as error:
            raise StoreFault(
                f"{self.where} holds a value that can't be; look who else writes to it"
            ) from error


def _script(name: str) -> tuple[str, str]:
    if name not in _scripts:
        text = resources.files(__package__).joinpath(name).read_text("utf-8")
        _scripts[name] = text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return _scripts[name]


_scripts: dict[str, tuple[str, str]] = {}


def _page(page: Page) -> list[Any]:
    """A page as the script takes it: each key once, what has no number left out."""
    words: dict[str, list[Any]] = {}
    for form, key, main, other in page.forms:
        if main or other:
            row = words.setdefault(key, [key, 0, 0, []])
            row[1] += main
            row[2] += other
            row[3] += (form, main + other)
    lang, host = _field(page.lang), _field(page.host)
    return [
        page.sequence,
        f"{page.digest.hex()}:{lang}",
        f"{day_number(page.day):07}",
        lang,
        host,
        _or_false(without_query(page.url)),
        _or_false(page.title and page.title[:TITLE_MAX]),
        int(page.when),
        list(words.values()),
    ]


def _or_false(text: str | None) -> str | bool:
    """``text``, or False where there is none: nil would be a hole in a table of Lua's."""
    return False if text is None else text


def _note(note: Note) -> list[Any]:
    return [note.sequence, f"{day_number(note.day):07}", _field(note.host), _field(note.outcome), note.amount]


def _field(text: str) -> str:
    """``text`` for a name of two parts, which a NUL keeps apart."""
    return text.replace("\0", "\ufffd")


def _version(info: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])


def _server(info: Mapping[str, Any]) -> str:
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
