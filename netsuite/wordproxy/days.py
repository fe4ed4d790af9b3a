"""The machine's local days, which data is counted by."""

from __future__ import annotations

import time

#: The latest that was asked for, as each page asks: second, time zone as `time.tzset` made it, day.
_latest: list[tuple[float, object, str]] = [(-1.0, None, "")]


def local_day(when: float) -> str:
    """The machine's local day at ``when`` (seconds since the epoch): ``2026-01-05``."""
    second, zone, day = _latest[0]
    if second != when // 1 or zone is not time.tzname:
        day = time.strftime("%Y-%m-%d", time.localtime(when))
        _latest[0] = (when // 1, time.tzname, day)
    return day
