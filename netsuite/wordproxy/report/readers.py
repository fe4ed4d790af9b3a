"""Whose store a question is asked of: each user's own where users are counted apart, else the one there is.

Also whose changes can be undone by whom: numbers of changes are as private as the words in them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from netsuite.site.answer import Asked
from netsuite.wordproxy.report.reader import Reader
from netsuite.wordproxy.report.undo import Changes
from netsuite.wordproxy.store.contract import Store

T = TypeVar("T")

#: The reader of a user's store; None stands for who has no name.
ReaderOf = Callable[[str | None], Awaitable[Reader]]

#: Users whose changes are kept; who was here longest ago goes first.
USERS_MAX = 64


class Readers:
    """``of`` is asked at each question, so that it may follow a reload."""

    def __init__(self, of: ReaderOf) -> None:
        self._of = of
        self._changes: OrderedDict[str | None, Changes] = OrderedDict()

    @classmethod
    def one(cls, reader: Reader) -> Readers:
        """The same store for all."""

        async def of(user: str | None) -> Reader:
            return reader

        return cls(of)

    async def ask(self, user: str | None, question: Callable[[Store], T]) -> T:
        """What ``question`` says of the user's store.  Raises: as `Reader.ask`."""
        reader = await self._of(user)
        return await reader.ask(question)

    def changes(self, asked: Asked) -> Changes:
        """What the same user changed."""
        found = self._changes.setdefault(asked.user, Changes())
        self._changes.move_to_end(asked.user)
        if len(self._changes) > USERS_MAX:
            self._changes.popitem(last=False)
        return found
