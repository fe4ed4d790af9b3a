"""What a feed reports, as events of the journal."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from netsuite import journal
from netsuite.words.skipped import Reason


class Events:
    """The feed's reports, as events of the journal, as sums, and to who waits for one."""

    def __init__(self) -> None:
        self.pages = self.words = 0
        self.reasons = dict.fromkeys((reason.value for reason in Reason), 0)
        self._watched: dict[int, Deferred[int | str]] = {}

    def watch(self, exchange_id: int) -> Deferred[int | str]:
        """Fires with the page's words, or with the reason why it was skipped.  Cancelling forgets it."""

        def forget(_watched: object) -> None:
            self._watched.pop(exchange_id, None)

        watched: Deferred[int | str] = Deferred(forget)
        self._watched[exchange_id] = watched
        return watched

    def _tell(self, exchange_id: int, outcome: int | str) -> None:
        watched = self._watched.pop(exchange_id, None)
        if watched is not None:
            watched.callback(outcome)

    def counted(self, exchange_id: int, words: int) -> None:
        """A page was counted."""
        self.pages += 1
        self.words += words
        journal.page_counted(conn=exchange_id, words=words)
        self._tell(exchange_id, words)

    def skipped(self, exchange_id: int, reason: str) -> None:
        """A page was not counted.  ``reason``: of the closed list."""
        self.reasons[reason] += 1
        journal.page_skipped(conn=exchange_id, reason=reason)
        self._tell(exchange_id, reason)

    def counter_started(self, pid: int) -> None:
        """A counter runs."""
        journal.counter_started(pid=pid)

    def counter_lost(self, pid: int, reason: str) -> None:
        """A counter died."""
        journal.counter_lost(pid=pid, reason=reason)

    def trouble(self, text: str) -> None:
        """The counter can't work."""
        journal.counter_trouble(text=text)
