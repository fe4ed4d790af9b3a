"""What the report says in sentences: how much the numbers are worth, and why there are none."""

from __future__ import annotations

from netsuite.wordproxy.store.contract import CoverageQuery, Share


def many(count: int, one: str, more: str) -> str:
    """``1 page``, ``1,200 pages``."""
    return f"{count:,} {one if count == 1 else more}"


def days(query: CoverageQuery) -> str:
    """The days of a query, as a heading has them."""
    if query.day:
        return query.day
    if query.from_ and query.to:
        return f"{query.from_} to {query.to}"
    if query.from_:
        return f"since {query.from_}"
    return f"until {query.to}" if query.to else "all days"


def coverage_line(share: Share, query: CoverageQuery) -> str:
    """What was counted and what was not, in one line (FEATURES §3.2)."""
    skipped = sum(share.skipped.values())
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in share.skipped.items())
    hosts = f" ({many(share.unseen_hosts, 'host', 'hosts')})" if share.unseen else ""
    parts = [
        f"{many(share.counted, 'page', 'pages')} counted",
        f"{many(share.unseen, 'tunnel', 'tunnels')} unseen{hosts}",
        f"{skipped:,} skipped" + (f" ({reasons})" if reasons else ""),
    ]
    if share.paused_seconds:
        parts.append(f"paused {duration(share.paused_seconds)}")
    return f"coverage {days(query)}: {' · '.join(parts)}"


def duration(seconds: float) -> str:
    """Hours and minutes, ``00:12``; less than a minute as seconds."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours:02}:{minutes:02}"


def why_empty(share: Share, is_filtered: bool) -> tuple[str, str, str]:
    """Why there are no words: a sentence, an address to go to, and its name."""
    if share.counted:
        if is_filtered:
            return "No word fits.", "/words", "all words"
        return "No words on the pages counted so far.", "/words?all=1", "everything, stop words and menus too"
    if share.unseen:
        tunnels = "1 HTTPS tunnel was" if share.unseen == 1 else f"{share.unseen:,} HTTPS tunnels were"
        return f"Nothing counted yet: {tunnels} passed unseen.", "/setup#interception", "Interception"
    if share.skipped:
        skipped = sum(share.skipped.values())
        answers = "1 answer was" if skipped == 1 else f"{skipped:,} answers were"
        reason = next(iter(share.skipped))
        return f"Nothing counted yet: {answers} skipped, most often as “{reason}”.", "/coverage", "Coverage"
    if is_filtered:
        return "Nothing was counted on these days.", "/words", "all words"
    return "Nothing counted yet: no page has come through the proxy.", "/setup", "Setup"
