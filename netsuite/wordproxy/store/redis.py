"""The store in a Redis or Valkey that several nodes share.

All keys of a store begin with one hash tag, ``{prefix}:``, so that a cluster keeps them on one node.  A day
is its number in seven digits, ``␀`` is a NUL.  Values of several parts are MessagePack arrays
(``redisrows.py`` has them).

=======================  ======  =====================================================================
``about``                hash    our mark, the schema, the ``key`` of page digests; how often anything
                                 was changed (``stamp``), how often a site's language (``langs``)
``node``                 hash    node → last sequence, when: what makes a batch apply once
``words:LANG``           hash    key → main, other, pages, all pages, first, last, names, small; form,
                                 times, form, …
``top:LANG`` ``all:…``   sorted  keys by occurrences in main text, or in everything, as negative scores:
                                 ties come in the order that lists have
``names:LANG``           set     keys that are probably names
``tally:DAY:LANG␀HOST``  hash    key → main, other, pages, all pages, new, all new, names, small; forms
``reading:DAY``          hash    LANG␀HOST → visits, pages, new
``coverage:DAY``         hash    outcome␀host → amount
``sums`` ``sites``       hash    language → sums; host → pages
``pages``                hash    digest:LANG → host, address, title, first, last, seen, visits
``recent`` ``days``      sorted  pages by last day and moment; days that have anything
``visit:DAY``            set     pages visited on that day
``page:digest:LANG``     hash    day → what the page gave on it; ``said`` → names of its sentences
``sentences``            hash    name → page, host, day, order, text, keys
``contexts:LANG``        hash    key → names of its sentences
``levels`` …``:LANG``    set     languages with levels; hash: key → level
``langs``                hash    host → language, where it was corrected
``tasks``                hash    what was begun and may be half done
=======================  ======  =====================================================================

A batch is a change for each of its parts (``redisadding.py``), made by one script that applies whole or not
at all (``redis_apply.lua``).  What was acknowledged is as safe as the server makes it: with ``appendfsync
always`` it is on the disk; from Redis 7.2 on `RedisStore.add` waits until it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from netsuite.wordproxy.store import redisadding, rediscomparing, redisserver, redistasks
from netsuite.wordproxy.store.contract import (
    LEVELS,
    NODE_DAYS,
    Batch,
    Breakdown,
    BreakdownQuery,
    Choose,
    Context,
    ContextQuery,
    Coverage,
    CoverageQuery,
    Forget,
    Knowledge,
    PageList,
    PageQuery,
    Pair,
    Sources,
    Status,
    WordFacts,
    WordList,
    WordQuery,
)
from netsuite.wordproxy.store.queries import day_number
from netsuite.wordproxy.store.redisfetch import Fetch
from netsuite.wordproxy.store.redisforget import Forgetting
from netsuite.wordproxy.store.redismoving import Moving
from netsuite.wordproxy.store.redispages import Pages
from netsuite.wordproxy.store.redisparts import Parts
from netsuite.wordproxy.store.redisplaces import Places
from netsuite.wordproxy.store.redisreads import WordLists
from netsuite.wordproxy.store.redisrows import encode, field_of, numbers_of
from netsuite.wordproxy.store.redisserver import SCHEMA, Server
from netsuite.wordproxy.store.redistaking import Taking


class RedisStore:
    """A `Store` on one server; opened, used and closed by one thread."""

    def __init__(
        self,
        where: str,
        *,
        read_only: bool = False,
        stop_words: Mapping[str, Collection[str]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the store at ``redis://…``, made if it is not there yet.

        One of schema 1 is upgraded in place; opened for reading only it is refused.

        Raises:
            StoreFault: one line that says what is wrong and how to mend it.
        """
        server = self._server = Server(where, read_only=read_only)
        self.where, self._clock = server.where, clock
        fetch = self._fetch = Fetch(server.client, server.base, server.run)
        places = Places(server.client, server.base, fetch)
        self._words = WordLists(server.client, server.base, fetch, places, stop_words or {})
        self._pages = Pages(server.client, server.base, fetch, places)
        self._parts = Parts(server.client, server.base, fetch, places)
        taking = Taking(server.client, server.base, fetch, places, server.make)
        moving = Moving(server.client, server.base, places, taking)
        forgetting = Forgetting(server.client, server.base, fetch, places, taking, moving, self._unlevel)
        self._tasks = redistasks.Tasks(server, forgetting, moving)
        try:
            with server.faults():
                schema = server.begin()
                if not read_only:
                    self._tasks.prepare(schema)
        except BaseException:
            self.close()
            raise

    # writing

    def add(self, batch: Batch) -> None:
        """The batch is kept, durably and once.

        After a fault its first parts may be kept; then the rest is, when the batch comes again.
        """
        self._server.refuse_if_read_only()
        parts = redisadding.parts(batch)
        client, base = self._server.client, self._server.base
        with self._server.faults():
            for part in parts:
                self._server.make(lambda part=part: redisadding.change(client, base, batch.node, part))  # type: ignore[misc]
            self._server.wait_for_disk()

    def retain(self, before_day: str) -> None:
        """Addresses, titles, digests and sentences of pages last met before that day are gone; numbers stay.

        Also gone are nodes that were silent for `NODE_DAYS`; and what `forget` had begun is done.
        """
        self._server.refuse_if_read_only()
        day = day_number(before_day)
        with self._server.faults():
            self._tasks.retain(day, self._clock() - NODE_DAYS * 86400)
            self._server.wait_for_disk()

    def forget(self, what: Forget) -> int:
        """It is gone with all its numbers, its bytes too; how many pages or words that were."""
        self._server.refuse_if_read_only()
        task = redistasks.task_of(what)
        with self._server.faults():
            found = self._tasks.do(task)
            self._server.wait_for_disk()
            return found

    def set_levels(self, words: Sequence[Knowledge]) -> list[Knowledge]:
        """The words have these levels, all or none; the levels that they had before, for an undo."""
        self._server.refuse_if_read_only()
        said = {(field_of(word.lang), field_of(word.key)): LEVELS.index(word.level) for word in words}
        parts: dict[str, list[str | int]] = {}
        for (lang, key), level in said.items():
            parts.setdefault(lang, []).extend((key, level))
        with self._server.faults():
            raw = self._server.run("redis_levels.lua", str(SCHEMA), encode(list(parts.items())))
            asked = [(lang, key) for lang, pairs in parts.items() for key in pairs[::2]]
            before = dict(zip(asked, numbers_of(raw), strict=True))
            self._server.wait_for_disk()
            return [Knowledge(key, lang, LEVELS[before[lang, key]]) for lang, key in said]

    def _unlevel(self, key: str, lang: str) -> None:
        self.set_levels([Knowledge(key, lang, LEVELS[0])])

    def set_site_lang(self, host: str, lang: str | None) -> None:
        """All pages of the site, met or to come, are in ``lang``; None: those to come tell theirs again."""
        self._server.refuse_if_read_only()
        with self._server.faults():
            self._tasks.do(["site", field_of(host), None if lang is None else field_of(lang)])
            self._server.wait_for_disk()

    # reading

    def words(self, query: WordQuery) -> WordList:
        """The words that fit, sorted, with their totals."""
        return self._server.ask(lambda: self._words.words(query))

    def version(self) -> object | None:
        """None: nothing of the server's is another at each write, and soon told."""
        return None

    def compare(self, left: WordQuery, right: WordQuery, choose: Choose) -> list[Pair]:
        """The words that ``choose`` takes of all that fit one of two questions."""
        return self._server.ask(lambda: rediscomparing.compare(self._words, left, right, choose))

    def word(self, key: str, lang: str) -> WordFacts | None:
        """All of one word, None if it was never met."""
        return self._server.ask(lambda: self._pages.word(key, lang))

    def contexts(self, query: ContextQuery) -> list[Context]:
        """Sentences with the word, newest first; none once retention has removed them."""
        return self._server.ask(lambda: self._pages.contexts(query))

    def breakdown(self, query: BreakdownQuery) -> Breakdown:
        """What was read, by day, site or language, with how much of it is known."""
        return self._server.ask(lambda: self._parts.breakdown(query))

    def coverage(self, query: CoverageQuery) -> Coverage:
        """What was counted on those days, and what was not and why."""
        return self._server.ask(lambda: self._pages.coverage(query))

    def pages(self, query: PageQuery) -> PageList:
        """The pages that fit, newest visit first."""
        return self._server.ask(lambda: self._pages.pages(query))

    def sources(self, *, limit: int = 500) -> Sources:
        """The languages and sites to choose from, at most ``limit`` of each."""
        return self._server.ask(lambda: self._pages.sources(limit))

    def levels(self, lang: str | None = None) -> list[Knowledge]:
        """All words of which a level was said, by language and key; met or not."""
        return self._server.ask(lambda: self._pages.levels(lang))

    def site_langs(self) -> dict[str, str]:
        """The sites whose language was corrected."""
        return self._server.ask(self._pages.site_langs)

    def last(self, node: str) -> int:
        """The highest sequence that is kept of a node, 0 if none is."""
        return self._server.ask(lambda: self._pages.last(node))

    def status(self) -> Status:
        """How the store is; answers soon at any size."""

        def tell() -> Status:
            words, pages = self._pages.sizes()
            info = self._server.client.info()
            server = redisserver.told(info)
            return Status(self.where, SCHEMA, words, pages, int(info["used_memory"]), server)

        return self._server.ask(tell)

    def url_key(self, fresh: bytes) -> bytes:
        """The secret that all nodes make page digests with: ``fresh`` if there was none.

        It lies beside the pages, for nodes must agree on it: who may read this Redis may compare addresses.
        """
        self._server.refuse_if_read_only()
        client, about = self._server.client, f"{self._server.base}about"
        with self._server.faults():
            client.hsetnx(about, "key", fresh)
            return bytes(client.hget(about, "key"))

    def profiles(self) -> list[str]:
        """The prefixes of users' stores beside this one."""
        base = self._server.base.removesuffix("}:")
        with self._server.faults():
            found = sorted(self._server.client.scan_iter(match=f"{base}:*}}:about", count=1000))
        return [name.decode().removeprefix("{").removesuffix("}:about") for name in found]

    def renew(self) -> bool:
        """False: all that makes reports quick is kept with each batch."""
        return False

    def close(self) -> None:
        """Nothing is open any more.  A closed store stays closed."""
        self._server.close()
