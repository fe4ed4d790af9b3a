"""What takes long, done in steps: each one short transaction, so that writers wait for none of them long.

Killed between two steps, the same call does the rest.  Batches that are added in between are treated as they
are found: what came before the last step goes with the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from netsuite.wordproxy.store import clearing, forgetting, mentions, moving, queries
from netsuite.wordproxy.store.contract import Forget
from netsuite.wordproxy.store.database import Database

#: One step: does some of it, and says whether there was something to do.
Step = Callable[[sqlite3.Connection], bool]


class Steps:
    """Runs the steps of forgetting, and of moving a site's words to another language."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget(self, what: Forget) -> int:
        """It is gone with its numbers; how many pages or words that were.

        Raises:
            ValueError: it doesn't say exactly one thing.
        """
        said = what.word, what.page, what.host, what.day, what.everything or None
        if sum(one is not None for one in said) != 1 or (what.word is None) != (what.lang is None):
            raise ValueError("one thing is to be forgotten at a time: a word in a language, a page, …")
        if what.word is not None and what.lang is not None:
            return self._word(what.word, what.lang)
        if what.page is not None:
            return self._page(what.page)
        if what.host is not None:
            return self._host(what.host)
        if what.day is not None:
            return self._day(queries.day_number(what.day))
        return self._everything(levels=what.levels)

    def move(self, host: str, lang: str | None) -> None:
        """All pages of the site, met or to come, are in ``lang``; None: those to come tell theirs again."""
        with self._database.transaction() as connection:
            moving.say(connection, host, lang)
        if lang is None:
            return
        self._run(lambda connection: moving.pages(connection, host, lang))
        day: int | None = 0
        while day is not None:
            with self._database.transaction() as connection:
                day = moving.tallies(connection, host, lang, day)
        with self._database.transaction() as connection:
            moving.reading(connection, host, lang)
        self._database.has_deleted = True
        self._database.shrink()

    def finish(self) -> None:
        """Nothing is left of what was put aside by a call that was killed."""
        self._run(clearing.empty_some)

    def _page(self, page: str) -> int:
        digest, _, lang = page.partition(":")
        try:
            known_by = bytes.fromhex(digest)
        except ValueError:
            return 0
        with self._database.transaction() as connection:
            return forgetting.page(connection, known_by, lang)

    def _word(self, key: str, lang: str) -> int:
        for look in (mentions.sentences, mentions.addresses):
            after: int | None = 0
            while after is not None:
                with self._database.transaction() as connection:
                    after = look(connection, key, lang, after)
        with self._database.transaction() as connection:
            number = forgetting.word_number(connection, key, lang)
        if number is not None:
            self._word_numbers(number, lang)
        with self._database.transaction() as connection:
            forgetting.word_rest(connection, key, lang)
        return int(number is not None)

    def _word_numbers(self, number: int, lang: str) -> None:
        page: int | None = 0
        while page is not None:
            with self._database.transaction() as connection:
                page = forgetting.word_pages(connection, number, lang, page)
        place: tuple[int, int] | None = 0, 0
        while place is not None:
            with self._database.transaction() as connection:
                place = forgetting.word_tallies(connection, number, place)

    def _host(self, host: str) -> int:
        steps: list[Step] = [
            lambda connection: forgetting.host_pages(connection, host),
            lambda connection: forgetting.host_tallies(connection, host),
        ]
        return self._all_of(steps, lambda connection: forgetting.host_name(connection, host))

    def _day(self, day: int) -> int:
        steps: list[Step] = [
            lambda connection: forgetting.day_visits(connection, day),
            lambda connection: forgetting.day_tallies(connection, day),
        ]
        return self._all_of(steps, lambda connection: forgetting.day_rest(connection, day))

    def _all_of(self, steps: list[Step], rest: Callable[[sqlite3.Connection], int]) -> int:
        """The steps are done, also over what came meanwhile, and ``rest`` with them; what that says."""
        for step in steps:
            self._run(step)
        with self._database.transaction() as connection:
            while any(step(connection) for step in steps):
                pass  # what was added since
            return rest(connection)

    def _everything(self, *, levels: bool) -> int:
        self.finish()
        with self._database.transaction() as connection:
            pages = clearing.put_aside(connection, levels=levels)
        self.finish()
        return pages

    def _run(self, step: Step) -> None:
        """The step is done until there is nothing left to do."""
        again = True
        while again:
            with self._database.transaction() as connection:
                again = step(connection)
            self._database.has_deleted = True
