"""Rows of the coverage table, summed by outcome, as the shares that reports show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsuite.wordproxy.store.contract import (
    COUNTED,
    IMPORTED,
    INGESTED,
    PAUSED,
    RECOUNTED,
    UNSEEN,
    Share,
)
from netsuite.wordproxy.store.queries import day_text

_BROUGHT = RECOUNTED, INGESTED, IMPORTED

#: day number or 0, host or "", outcome, amount, number of hosts
Row = tuple[int, str, str, float, int]


def share(rows: Iterable[Row]) -> Share:
    """The sum of rows of one day and host, or of all; each outcome comes once."""
    amounts = {outcome: (amount, hosts) for _, _, outcome, amount, hosts in rows}
    counted, _ = amounts.pop(COUNTED, (0, 0))
    unseen, unseen_hosts = amounts.pop(UNSEEN, (0, 0))
    paused_seconds, _ = amounts.pop(PAUSED, (0.0, 0))
    recounted, ingested, imported = (int(amounts.pop(name, (0, 0))[0]) for name in _BROUGHT)
    skipped = {reason: int(amount) for reason, (amount, _) in amounts.items()}
    most_first = sorted(skipped.items(), key=lambda item: (-item[1], item[0]))
    return Share(
        int(counted),
        int(unseen),
        dict(most_first),
        paused_seconds,
        unseen_hosts,
        recounted,
        ingested,
        imported,
    )


def shares(rows: Iterable[Row]) -> Iterator[tuple[str, str, Share]]:
    """The rows by day and host, in the order in which these first come."""
    groups: dict[tuple[int, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row[0], row[1]), []).append(row)
    for (day, host), group in groups.items():
        yield day_text(day) if day else "", host, share(group)
