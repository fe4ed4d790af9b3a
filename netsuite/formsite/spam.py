"""What looks like spam, and why.  It is kept like all else: who reads the inbox decides.

A reason is one of a closed set: *honeypot* (a field was filled in that people don't see), *too fast* (nobody
types so quickly), *links* (more addresses than answers have), *rate* (many from one client within a minute)
and *by hand* (the inbox said so).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from netsuite.formsite.entry import Fields

HONEYPOT, TOO_FAST, LINKS, RATE, BY_HAND = REASONS = ("honeypot", "too fast", "links", "rate", "by hand")

#: Clients whose posts of this minute are counted.
CLIENTS_MAX = 4096

MINUTE = 60.0

_LINK = re.compile(r"https?://|\[url[=\]]|<a\s|\bwww\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rules:
    """``honeypot``: the field that must stay empty, "" for none; the others: 0 asks for nothing."""

    honeypot: str = "_gotcha"
    min_seconds: float = 2.0
    max_links: int = 5
    rate: int = 60


def judge(rules: Rules, *, trap: str, fields: Fields, age: float | None, in_minute: int) -> str:
    """Why a post looks like spam, "" if it doesn't.

    ``trap``: what is in the honeypot; ``age``: seconds that it took to fill the form in, None if nobody
    knows; ``in_minute``: posts of this client in this minute.
    """
    if trap.strip():
        return HONEYPOT
    if age is not None and age < rules.min_seconds:
        return TOO_FAST
    if rules.max_links and sum(len(_LINK.findall(value)) for _, value in fields) > rules.max_links:
        return LINKS
    return RATE if rules.rate and in_minute > rules.rate else ""


class Rates:
    """Counts posts by client and minute; the clients are forgotten with the minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._since = clock, clock()
        self._counted: dict[str, int] = {}

    def count(self, client: str) -> int:
        """One more of this client; how many in this minute.  Those past `CLIENTS_MAX` share one count."""
        now = self._clock()
        if not 0 <= now - self._since < MINUTE:
            self._since = now
            self._counted.clear()
        who = client if client in self._counted or len(self._counted) < CLIENTS_MAX else ""
        self._counted[who] = self._counted.get(who, 0) + 1
        return self._counted[who]
