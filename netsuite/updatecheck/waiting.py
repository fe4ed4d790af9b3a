"""When a watched page is visited again: as often as was asked, but no sooner than its server wants."""

from __future__ import annotations

from collections.abc import Callable

from .visit import Came, Lost

#: Share of an interval by which visits are spread, so that many watchers don't come at once.
JITTER = 0.1

#: Longest wait that a server may ask for.
WAIT_MAX = 24 * 3600.0


def wait(seconds: float, came: Came | Lost, random: Callable[[], float]) -> float:
    """Return the seconds to the next visit.  ``random`` gives numbers from 0 to 1.

    A Retry-After and what is left of ``max-age`` make it longer, never shorter: until then the answer would
    be refused, or come from a cache.  Spread is only added: to be a little late harms nobody.
    """
    least = 0.0
    if isinstance(came, Came):
        fresh = max(0, (came.max_age or 0) - (came.age or 0))
        least = max(came.retry_after or 0.0, float(fresh))
    base = max(seconds, min(least, WAIT_MAX))
    return base + seconds * JITTER * random()
