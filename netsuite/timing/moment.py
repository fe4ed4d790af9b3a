"""A time of day, or a date and a time, to the moment that is meant; in zones with summer time too.

Where clocks go back an hour comes twice, and where they go forwards one does not come at all.  Of two the
first that is still to come is meant, and that is said; one that does not exist is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the epoch, and what is to be said of how it was understood."""

    epoch: float
    remark: str | None = None


def parse_moment(text: str, now: float, zone: tzinfo | None = None) -> Moment:
    """Return the moment of ``10:33:44`` (the next one), ``2026-01-05T10:33`` or ``…T10:33+01:00``.

    ``zone``: None is the machine's own.  Raises: ValueError, with a clause that follows the quoted text.
    """
    if _TIME.fullmatch(text):
        return _next_time(_parsed_time(text), now, zone)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "is no time; write 10:33:44, 2026-01-05T10:33:44 or 2026-01-05T10:33:44+01:00"
        ) from None
    if when.tzinfo is not None:
        moment: Moment | None = Moment(when.timestamp())
        if when.timestamp() <= now:
            moment = None
    else:
        moment = _chosen(when, now, zone)
    if moment is None:
        raise ValueError("is past")
    return moment


def _parsed_time(text: str) -> time:
    try:
        return time.fromisoformat(text.rjust(len(text) + (text.index(":") == 1), "0"))
    except ValueError:
        raise ValueError("is no time of day; hours go to 23, minutes and seconds to 59") from None


def _next_time(when: time, now: float, zone: tzinfo | None) -> Moment:
    today = datetime.fromtimestamp(now, zone).date()
    for days in (0, 1):
        moment = _chosen(datetime.combine(today + timedelta(days), when), now, zone)
        if moment is not None:
            return moment
    raise ValueError("does not come today or tomorrow")


def _chosen(local: datetime, now: float, zone: tzinfo | None) -> Moment | None:
    """Return which moment a local time is; None if it is past.  Raises: ValueError if there is none."""
    epochs = [local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
    real = sorted({epoch for epoch in epochs if _local(epoch, zone) == local})
    if not real:
        if max(epochs) <= now:
            return None
        raise ValueError(_missing(local, zone))
    coming = [epoch for epoch in real if epoch > now]
    if not coming:
        return None
    if len(real) == 1:
        return Moment(coming[0])
    first, second = (_written(epoch, zone) for epoch in real)
    said = f"comes twice on {local.date()}, as {first} and {second}; "
    if len(coming) == 2:
        return Moment(coming[0], f"{said}the first is meant")
    return Moment(coming[0], f"{said}the second is meant, the first is past")


def _missing(local: datetime, zone: tzinfo | None) -> str:
    """Return why a local time does not exist: between which times the clocks leap."""
    before = _offset(local.date(), zone)
    after = _offset(local.date() + timedelta(1), zone)
    return (
        f"does not exist on {local.date()}: clocks go forwards by "
        f"{round((after - before).total_seconds() / 60)} minutes over it"
    )


def _offset(day: date, zone: tzinfo | None) -> timedelta:
    offset = datetime.combine(day, time(), zone).astimezone(zone).utcoffset()
    return offset if offset is not None else timedelta()


def _local(epoch: float, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(epoch, zone).replace(tzinfo=None, fold=0)


def _written(epoch: float, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(epoch, zone).astimezone(zone).isoformat(timespec="seconds")
