"""What a feed reports, as events of the journal."""

from __future__ import annotations

from netsuite import journal


class Events:
    """The feed's reports, as events of the journal."""

    def counted(self, exchange_id: int, words: int) -> None:
        """A page was counted."""
        journal.page_counted(conn=exchange_id, words=words)

    def skipped(self, exchange_id: int, reason: str) -> None:
        """A page was not counted."""
        journal.page_skipped(conn=exchange_id, reason=reason)

    def counter_started(self, pid: int) -> None:
        """A counter runs."""
        journal.counter_started(pid=pid)

    def counter_lost(self, pid: int, reason: str) -> None:
        """A counter died."""
        journal.counter_lost(pid=pid, reason=reason)

    def trouble(self, text: str) -> None:
        """The counter can't work."""
        journal.counter_trouble(text=text)
