"""What a server's validators are worth, by what they said over many visits.

Each visit is evidence for one thing or against it; the worst that was seen decides the verdict:

* *lying 304*: it said *not modified*, and the body was another (found by asking without conditions);
* *lying tag*: a strong tag came again with other bytes: who asks by it will be told 304 wrongly;
* *future date*: Last-Modified lies after the answer's own Date: who asks by it is told 304 for that long;
* *per address*: equal bodies have other tags at other addresses of the host: a balanced request is a 200;
* *restless ETag*: equal bodies have other tags at one address: every request is a 200;
* *ignores*: it was asked by what it had sent, and sent the same body again;
* *weak where strong*: one tag comes both strong and weak: something on the way weakens it;
* *truthful*: a 304, or a new body with new validators, and nothing of the above;
* *none*: it sends nothing to ask by.

Source: RFC 9110 §8.8, §13.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from . import tags
from .visit import Came, Known, Sent, moment

#: Visits with 304 after which ``--verify`` asks without conditions.
VERIFY_EVERY = 20

#: Seconds by which clocks may differ.
CLOCK_SLACK = 60.0

#: Addresses of one host whose tags are remembered.
ADDRESSES_MAX = 64

_ORDER = (
    "lying_304",
    "lying_tag",
    "future_date",
    "per_address",
    "restless_etag",
    "ignores",
    "weak_where_strong",
    "truthful",
    "none",
)

_NAMES = {"lying_304": "lying 304", "restless_etag": "restless ETag"}

#: What the verdicts mean for whoever asks.
SENTENCES = {
    "lying 304": "the server said 304 though the body had changed: don't trust its 304.",
    "lying tag": "the server gave one strong ETag to different bodies: asking by it misses changes.",
    "future date": "Last-Modified lies in the future: asking by it misses changes.",
    "per address": "equal bodies have another ETag at each address behind the name: 304 comes by chance.",
    "restless ETag": "the ETag changes though the body does not: every request gets the whole page.",
    "ignores": "the server ignores conditional requests: every request gets the whole page.",
    "weak where strong": "one ETag comes strong and weak; something on the way weakens it.",
    "truthful": "the server answers conditional requests truthfully.",
    "none": "the server sends neither ETag nor Last-Modified.",
    "unknown": "nothing was asked by them yet.",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """So many visits, and so often what; ``unverified``: 304s since the last that was verified.

    ``tags``: address -> the tag that it gave last, with the body's digest.
    """

    rounds: int = 0
    counts: Mapping[str, int] = field(default_factory=dict, hash=False)
    unverified: int = 0
    tags: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)

    def with_one(self, what: str) -> Tally:
        """Return the tally with one more of something."""
        return replace(self, counts={**self.counts, what: self.counts.get(what, 0) + 1})

    @property
    def verdict(self) -> str:
        """The worst that was seen, ``unknown`` if nothing was yet."""
        for what in _ORDER:
            if self.counts.get(what):
                return _NAMES.get(what, what.replace("_", " "))
        return "unknown"

    @property
    def wants_verifying(self) -> bool:
        """Whether the next 304 is one that ``--verify`` looks behind."""
        return self.unverified + 1 >= VERIFY_EVERY

    def told(self) -> dict[str, object]:
        """Return what JSON has of it."""
        counts = {what: self.counts.get(what, 0) for what in _ORDER}
        return {"verdict": self.verdict, "rounds": self.rounds, **counts}


def counted(tally: Tally, known: Known | None, sent: Sent, came: Came) -> Tally:
    """Return the tally after an answer of the page: 200 with a body, or 304."""
    tally = replace(tally, rounds=tally.rounds + 1)
    if is_in_future(came):
        tally = tally.with_one("future_date")
    if came.status == 304:
        return replace(tally.with_one("truthful"), unverified=tally.unverified + 1)
    if not came.validators.any:
        tally = tally.with_one("none")
    if known is not None:
        tally = _compared(tally, known, sent, came)
    if came.etag is not None and came.address and len(tally.tags) < ADDRESSES_MAX:
        tally = replace(tally, tags={**tally.tags, came.address: (came.etag, came.sha256)})
    return tally


def verified(tally: Tally, known: Known, came: Came, *, insists: bool) -> Tally:
    """Return the tally after looking behind a 304: this came without conditions.

    ``insists``: asked once more by the old validators, the server said 304 again.  Without that, and with new
    validators, the page may have changed between the two requests.
    """
    tally = replace(tally, unverified=0)
    lied = came.sha256 != known.sha256 and (insists or has_validators_of(known, came))
    return tally.with_one("lying_304") if lied else tally


def has_validators_of(known: Known, came: Came) -> bool:
    """Return whether an answer names the state that is remembered."""
    if known.etag is not None:
        return tags.alike(known.etag, came.etag)
    return known.last_modified == came.last_modified


def _compared(tally: Tally, known: Known, sent: Sent, came: Came) -> Tally:
    same_body, same_tag = came.sha256 == known.sha256, tags.alike(known.etag, came.etag)
    if known.etag and came.etag and same_tag and tags.is_weak(known.etag) != tags.is_weak(came.etag):
        return tally.with_one("weak_where_strong")  # and who compares strongly finds no match
    if not same_body:
        if same_tag and came.etag is not None and not tags.is_weak(came.etag) and came.etag == known.etag:
            return tally.with_one("lying_tag")
        return tally.with_one("truthful") if came.validators.any else tally
    if not same_tag and known.etag is not None and came.etag is not None:
        return tally.with_one("per_address" if _differs_by_address(tally, came) else "restless_etag")
    return tally.with_one("ignores") if sent.any else tally


def _differs_by_address(tally: Tally, came: Came) -> bool:
    """Return whether the tag is another because another address answered, which keeps to its own."""
    others = [
        tag for where, (tag, sha256) in tally.tags.items() if where != came.address and sha256 == came.sha256
    ]
    own = tally.tags.get(came.address)
    keeps = own is None or own[1] != came.sha256 or tags.alike(own[0], came.etag)
    return keeps and bool(others)


def is_in_future(came: Came) -> bool:
    """Return whether Last-Modified lies after the answer's Date."""
    modified, date = moment(came.last_modified), moment(came.date)
    return modified is not None and date is not None and modified > date + CLOCK_SLACK
