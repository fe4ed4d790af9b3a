"""Pages that stand in the way of the one that was asked for: refusals, tests for people, log-ins of networks.

They come with any status, 200 among them, and are known by their words.  A page may speak of such things too:
who compares two answers asks only whether the words are new.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

#: Characters of a page's text that are looked at.
LOOKED_AT = 20_000


class Kind(enum.Enum):
    """What a page is, in place of the one that was asked for; the value follows "the answer is …"."""

    REFUSAL = "a refusal"
    WALL = "a page that wants a person, not a program"
    PORTAL = "a network's own log-in page"


@dataclass(frozen=True, slots=True)
class Wall:
    """``words``: those by which it was known."""

    kind: Kind
    words: str


_WORDS = {
    Kind.REFUSAL: re.compile(
        r"(?i)excessive (use|usage|requests|traffic)|too many requests|rate[- ]limit"
        r"|(requests|quota) exceeded"
        r"|(ip|address) (address )?(has been|is|was) (\w+ )?(blocked|banned)"
        r"|access (is |has been )?(denied|blocked)|you (have been|are) (blocked|banned)"
        r"|temporarily (blocked|banned)|abuse of (this|the) service"
        r"|throttled|slow down|unusual traffic|blacklist|denylist"
    ),
    Kind.WALL: re.compile(
        r"(?i)captcha|are you (a robot|human)|verify (that )?you are (a )?human|not a robot|security check"
        r"|checking (if|that|your) .{0,40}(browser|secure)|just a moment|enable javascript and cookies"
        r"|ddos protection|attention required"
    ),
    Kind.PORTAL: re.compile(
        r"(?i)captive portal|hotspot|wi-?fi (access|login|log-in|portal|terms)"
        r"|(log|sign) ?in to (the|this) network"
        r"|(welcome to|connect to|use) (our|the|this) (free |guest )?wi-?fi|guest (network|internet) access"
    ),
}


def wall(text: str) -> Wall | None:
    """Return what a page's text (no markup) says that it is, None if nothing of the kind."""
    start = text[:LOOKED_AT]
    for kind, words in _WORDS.items():
        if found := words.search(start):
            return Wall(kind, found[0])
    return None
