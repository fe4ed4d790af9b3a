"""What the report says in sentences: how much the numbers are worth, and why there are none."""

from __future__ import annotations

from markupsafe import Markup

from netsuite.site.tongue import Said, Tongue, said, tongue
from netsuite.wordproxy.store.contract import CoverageQuery, Share


def days(query: CoverageQuery) -> Said:
    """The days of a query, as a heading has them."""
    if query.day:
        return said("date.day", day=query.day)
    if query.from_ and query.to:
        return said("date.span", from_=query.from_, to=query.to)
    if query.from_:
        return said("date.since", from_=query.from_)
    return said("date.until", to=query.to) if query.to else said("date.all")


def coverage_line(share: Share, query: CoverageQuery) -> str:
    """What was counted and what was not, in one line of English (FEATURES §3.2)."""
    return str(Markup(coverage_in(tongue("en"), share, query)).unescape())  # noqa: S704 - is our own


def coverage_in(to: Tongue, share: Share, query: CoverageQuery) -> Markup:
    """The same line in a reader's language."""
    t = to.say
    parts = [t("coverage.counted", n=share.counted)]
    unseen = t("coverage.unseen", n=share.unseen)
    parts.append(unseen + " " + t("coverage.hosts", n=share.unseen_hosts) if share.unseen else unseen)
    others = [(name, getattr(share, name)) for name in ("recounted", "ingested", "imported")]
    parts += [t(f"coverage.{name}", n=number) for name, number in others if number]
    skipped = t("coverage.skipped", n=sum(share.skipped.values()))
    reasons = [t("coverage.more", n=n, name=reason_name(to, reason)) for reason, n in share.skipped.items()]
    parts.append(skipped + " (" + Markup(", ").join(reasons) + ")" if reasons else skipped)
    if share.paused_seconds:
        parts.append(t("coverage.paused", time=duration(share.paused_seconds)))
    return t("coverage.line", days=days(query), parts=Markup(" · ").join(parts))


def reason_name(to: Tongue, reason: str) -> str:
    """What a reason for skipping is called; one that is not of ours is shown as it stands."""
    key = "reason." + reason.replace(" ", "_").replace("-", "_")
    return str(to.say(key)) if key in to.texts else reason


def reason_sentence(to: Tongue, reason: str) -> Markup:
    """What a reason means, "" for one that is not of ours."""
    key = "why." + reason.replace(" ", "_").replace("-", "_")
    return to.say(key) if key in to.texts else Markup()


def duration(seconds: float) -> str:
    """Hours and minutes, ``00:12``; less than a minute as seconds."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours:02}:{minutes:02}"


def why_empty(share: Share, is_filtered: bool) -> tuple[Said, str, Said]:
    """Why there are no words: a sentence, an address to go to, and its name."""
    if share.counted or share.ingested or share.imported:
        if is_filtered:
            return said("empty.no_fit"), "/words", said("empty.all_words")
        return said("empty.no_words"), "/words?all=1", said("empty.everything")
    if share.unseen:
        return said("empty.unseen", n=share.unseen), "/setup#interception", said("empty.interception")
    if share.skipped:
        number, reason = sum(share.skipped.values()), next(iter(share.skipped))
        return said("empty.skipped", n=number, reason=reason), "/coverage", said("nav.coverage")
    if is_filtered:
        return said("empty.no_days"), "/words", said("empty.all_words")
    return said("empty.nothing"), "/setup", said("nav.setup")
