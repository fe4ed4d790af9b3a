"""The last changes of levels, kept in memory and bounded, so that each can be told of and undone."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from netsuite.site.tongue import Said
from netsuite.wordproxy.store.contract import Knowledge

#: Changes that can be undone, and words that all of them together may hold.
CHANGES_MAX, WORDS_MAX = 50, 500_000


@dataclass(frozen=True, slots=True)
class Change:
    """What was done, in a sentence, and the levels from before; without any it can't be undone."""

    number: str
    sentence: Said
    before: Sequence[Knowledge] = ()


class Changes:
    """The last changes, by a number that nobody guesses."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Change] = OrderedDict()

    def keep(self, sentence: Said, before: Sequence[Knowledge] = ()) -> Change:
        """The change can be told of, and undone if it isn't too large."""
        change = Change(secrets.token_urlsafe(9), sentence, before if len(before) <= WORDS_MAX else ())
        self._kept[change.number] = change
        while len(self._kept) > CHANGES_MAX or self._words() > WORDS_MAX:
            self._kept.popitem(last=False)
        return change

    def _words(self) -> int:
        return sum(len(change.before) for change in self._kept.values())

    def of(self, number: str) -> Change | None:
        """The change of that number, if it is still kept."""
        return self._kept.get(number)

    def drop(self, number: str) -> None:
        """It can't be undone any more."""
        self._kept.pop(number, None)
