"""The store in SQLite: a file, or ``:memory:`` that leaves nothing behind.

A batch is one ``BEGIN IMMEDIATE`` transaction that also moves its node's sequence on, flushed to the disk
(``synchronous=FULL``) before `SqliteStore.add` returns.  What takes long (retention, forgetting) is done in
steps, so that no writer waits long; killed between two of them, the same call does the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from netsuite.wordproxy.store import (
    breakdown,
    comparing,
    contexts,
    coverage,
    dropping,
    file,
    levels,
    lists,
    nodes,
    pages,
    queries,
    renewing,
    upgrade,
    word,
    writing,
)
from netsuite.wordproxy.store.bases import Bases
from netsuite.wordproxy.store.contract import (
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
    StoreFault,
    WordFacts,
    WordList,
    WordQuery,
)
from netsuite.wordproxy.store.database import Database
from netsuite.wordproxy.store.loosened import Loosened
from netsuite.wordproxy.store.numbers import Numbers
from netsuite.wordproxy.store.steps import Steps

#: Which part of the time that writing takes is given to sums for reading, at most.
RENEWING = 0.2

#: Pages that retention removes in one transaction, so that no writer waits long.
_RETAIN_STEP = 100


class SqliteStore:
    """A `Store` on one connection; opened, used and closed by one thread."""

    def __init__(
        self,
        where: str,
        *,
        read_only: bool = False,
        stop_words: Mapping[str, Collection[str]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.where = where
        self._clock = clock
        self._database = Database(where, read_only=read_only, today=self._today())
        self._connection = self._database.connection
        self._transaction, self._snapshot = self._database.transaction, self._database.snapshot
        self._steps = Steps(self._database)
        self._numbers = Numbers(self._connection, whole=True)
        self._bases, self._loosened = Bases(), Loosened()
        self._spare = 0.0  # seconds for sums
        with self._database.faults():
            self._stop(stop_words or {})
            if read_only:
                self._connection.execute("PRAGMA query_only = ON")

    # writing

    def add(self, batch: Batch) -> None:
        """The batch is kept, durably and once; or nothing of it is."""
        began = time.perf_counter()
        try:
            with self._transaction(of_batch=True) as connection:
                writing.add_batch(connection, batch, self._clock(), self._numbers)
        except BaseException:
            self._numbers.forget()  # it may have given out some that are not kept
            raise
        self._spare = min(self._spare + (time.perf_counter() - began) * RENEWING, RENEWING)
        days = {page.day for page in batch.pages} | {visit.day for visit in batch.revisits}
        self._renew({queries.day_number(day) for day in days})
        self._database.cut_log()

    def renew(self) -> bool:
        """One step is done of what makes reports quick; False if there was none to do.

        The day that is today is left alone: it changes with each batch, and is soon read.
        """
        return self._renew_some({self._today().toordinal()}, idle=True)

    def _renew_some(self, busy: set[int], *, idle: bool) -> bool:
        """A step is found out beside other writers, and written if none of them wrote meanwhile."""
        with self._database.faults():
            version = self._connection.execute("PRAGMA data_version").fetchone()
        with self._snapshot() as connection:
            drafted = renewing.draft(connection, busy, idle=idle)
        if drafted is None:
            return False
        with self._transaction() as connection:
            if connection.execute("PRAGMA data_version").fetchone() == version:
                renewing.write(connection, drafted)
        return True

    def _renew(self, busy: set[int]) -> None:
        """Some of the time that writing took is given to sums; what is too dear now is made up for later."""
        while self._spare > 0:
            began = time.perf_counter()
            try:
                there_was = self._renew_some(busy, idle=False)
            except StoreFault:  # the batch is kept, and sums are only for speed: at another batch's end
                self._spare = 0.0
                return
            if not there_was:
                return
            self._spare -= time.perf_counter() - began

    def retain(self, before_day: str) -> None:
        """Addresses, titles, digests and sentences of pages last met before that day are gone; numbers stay.

        Also gone are nodes that were silent for `NODE_DAYS`; files that were imported are remembered.
        """
        day = queries.day_number(before_day)
        self._steps.finish()
        while self._drop_some(day):
            self._database.has_deleted = True
        with self._transaction() as connection:
            nodes.drop_silent(connection, self._clock())
        self._database.shrink()
        if not self._database.in_memory:
            upgrade.drop_old_copies(self.where, self._today())
            upgrade.retain_copies(self.where, day)

    def forget(self, what: Forget) -> int:
        """It is gone with all its numbers, its bytes too; how many pages or words that were.

        A word goes with every sentence, title and address that has it.  What is met again is counted again.

        Raises:
            ValueError: it doesn't say exactly one thing.
        """
        gone = self._steps.forget(what)
        self._database.has_deleted = True
        self._database.shrink()
        if not self._database.in_memory:
            upgrade.drop_copies(self.where)
        return gone

    def set_site_lang(self, host: str, lang: str | None) -> None:
        """All pages of the site, met or to come, are in ``lang``; None: those to come tell theirs again.

        A page that was met in two languages and whose address retention has removed stays two (`moving`).
        """
        self._steps.move(host, lang)

    def _drop_some(self, before: int) -> int:
        with self._transaction() as connection:
            pages = dropping.old_pages(connection, before, at_most=_RETAIN_STEP)
            dropping.drop_pages(connection, pages)
        return len(pages)

    def set_levels(self, words: Sequence[Knowledge]) -> list[Knowledge]:
        """The words have these levels, all or none; the levels that they had before, for an undo."""
        said = levels.numbers(words)
        with self._transaction() as connection:
            return levels.set_levels(connection, said)

    # reading

    def words(self, query: WordQuery) -> WordList:
        """The words that fit, sorted, with their totals."""
        lists.judge(query)
        with self._snapshot() as connection:
            return lists.words(connection, query, self._bases, self._loosened)

    def version(self) -> object | None:
        """Another whenever anything was written, by whomever."""
        with self._snapshot() as connection:
            (others,) = connection.execute("PRAGMA data_version").fetchone()
            return others, connection.total_changes

    def compare(self, left: WordQuery, right: WordQuery, choose: Choose) -> list[Pair]:
        """The words that ``choose`` takes of all that fit one of two questions."""
        for query in (left, right):
            lists.judge(query)
        with self._snapshot() as connection:
            return comparing.compare(connection, left, right, choose, self._loosened)

    def coverage(self, query: CoverageQuery) -> Coverage:
        """What was counted on those days, and what was not and why."""
        summed, parameters = queries.coverage(replace(query, by=()))
        parted, _ = queries.coverage(query)
        with self._snapshot() as connection:
            total = coverage.share(connection.execute(summed, parameters))
            parts = coverage.shares(connection.execute(parted, parameters)) if query.by else ()
            return Coverage(total, list(parts))

    def pages(self, query: PageQuery) -> PageList:
        """The pages that fit, newest visit first."""
        queries.span(query)
        with self._snapshot() as connection:
            return pages.pages(connection, query)

    def breakdown(self, query: BreakdownQuery) -> Breakdown:
        """What was read, by day, site or language, with how much of it is known.

        Raises:
            ValueError: by what is none, or a word without its language.
        """
        breakdown.judge(query)
        with self._snapshot() as connection:
            return breakdown.breakdown(connection, query, self._loosened)

    def sources(self, *, limit: int = 500) -> Sources:
        """The languages and sites to choose from, at most ``limit`` of each."""
        langs = "SELECT lang, sum(new) AS n FROM reading GROUP BY lang ORDER BY n DESC, lang LIMIT ?"
        sites = (
            "SELECT s.host, sum(r.new) AS n FROM reading r JOIN site s ON s.id = r.site"
            " GROUP BY s.id ORDER BY n DESC, s.host LIMIT ?"
        )
        with self._snapshot() as connection:
            fetch = connection.execute
            return Sources(fetch(langs, (limit,)).fetchall(), fetch(sites, (limit,)).fetchall())

    def last(self, node: str) -> int:
        """The highest sequence that is kept of a node, 0 if none is."""
        with self._snapshot() as connection:
            return writing.last(connection, node)

    def status(self) -> Status:
        """How the store is; answers soon at any size."""
        with self._snapshot() as connection:
            numbers = connection.execute(
                "SELECT (SELECT count(*) FROM word), (SELECT count(*) FROM page),"
                " (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)"
            ).fetchone()
        return Status(self.where, file.SCHEMA, *numbers)

    def word(self, key: str, lang: str) -> WordFacts | None:
        """All of one word, None if it was never met."""
        with self._snapshot() as connection:
            return word.word(connection, key, lang)

    def contexts(self, query: ContextQuery) -> list[Context]:
        """Sentences with the word, newest first; none once retention has removed them."""
        with self._snapshot() as connection:
            return contexts.find(connection, query)

    def levels(self, lang: str | None = None) -> list[Knowledge]:
        """All words of which a level was said, by language and key; met or not."""
        with self._snapshot() as connection:
            return levels.levels(connection, lang)

    def site_langs(self) -> dict[str, str]:
        """The sites whose language was corrected."""
        with self._snapshot() as connection:
            return levels.site_langs(connection)

    def close(self) -> None:
        """Nothing is open any more.  A closed store stays closed."""
        self._database.close()

    def _stop(self, stop_words: Mapping[str, Collection[str]]) -> None:
        """Word lists leave these words out."""
        self._connection.execute(
            "CREATE TABLE temp.stop (lang TEXT, key TEXT, PRIMARY KEY (lang, key)) WITHOUT ROWID"
        )
        self._connection.executemany(
            "INSERT INTO temp.stop VALUES (?, ?)",
            {(lang, key) for lang, keys in stop_words.items() for key in keys},
        )

    def _today(self) -> date:
        return date.fromtimestamp(self._clock())
