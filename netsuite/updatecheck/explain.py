"""A round in words: what was sent, what came, which rule decided."""

from __future__ import annotations

from collections.abc import Iterator

from .judge import Verdict
from .tally import SENTENCES, Tally
from .visit import Came, Lost, Sent


def explain(url: str, sent: Sent, came: Came | Lost, verdict: Verdict, tally: Tally) -> Iterator[str]:
    """Yield lines."""
    yield f"asked: GET {url}"
    if sent.etag is not None:
        yield f"  If-None-Match: {sent.etag}"
    if sent.last_modified is not None:
        yield f"  If-Modified-Since: {sent.last_modified}"
    if not sent.any:
        yield "  without conditions"
    yield from _came(came)
    yield f"rule: {verdict.by}"
    if tally.rounds:
        yield f"validators: {tally.verdict} ({rounds(tally)}): {SENTENCES[tally.verdict]}"


def rounds(tally: Tally) -> str:
    """Return how many rounds it were, in words."""
    return f"{tally.rounds} round{'' if tally.rounds == 1 else 's'}"


def _came(came: Came | Lost) -> Iterator[str]:
    if isinstance(came, Lost):
        yield f"came: {came.cause}: {came.text}"
        return
    at = f" at {came.address}" if came.address else ""
    yield f"came: {came.reason or came.status} from {came.host}{at}"
    for name, value in (
        ("ETag", came.etag),
        ("Last-Modified", came.last_modified),
        ("Content-Type", came.media_type),
        ("Vary", came.vary),
    ):
        if value:
            yield f"  {name}: {value}"
    if came.status == 200:
        yield f"  {came.size} bytes, sha256 {came.sha256}"
    if came.age is not None:
        yield f"  Age: {came.age}: an answer out of a cache, {came.age} s old"
    if came.cache is not None:
        yield f"  {came.cache}"
