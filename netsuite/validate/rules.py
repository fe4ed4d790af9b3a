"""Messages that their reader doesn't want: rules of the command line and of a file, and rules without use.

A rule is a regular expression that is looked for in a message's text.  In a file there is one a line; ``#``
begins a comment line.  A rule of a file that fitted no message is told: what it hid is mended, or the checker
words it otherwise now, and the next message that it hides may be another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .message import Message

#: Most rules, and the longest.
RULES_MAX, RULE_MAX = 1000, 1000


class BadRule(ValueError):  # noqa: N818 - what is the matter, told to people
    """A rule is no regular expression; the text says where."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``place``: where it stands (``FILE:LINE``), empty on the command line."""

    pattern: re.Pattern[str]
    place: str = ""


def rule(text: str, place: str = "") -> Rule:
    """Return a rule.  Raises: BadRule."""
    where = f"{place}: " if place else ""
    if len(text) > RULE_MAX:
        raise BadRule(f"{where}a rule is longer than {RULE_MAX} characters")
    try:
        return Rule(re.compile(text), place)
    except (re.error, OverflowError) as error:
        raise BadRule(f"{where}{text[:80]!r} is no regular expression: {error}") from None


def from_file(name: str, text: str) -> list[Rule]:
    """Return the rules of a file's text.  Raises: BadRule."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    rules = [rule(line, f"{name}:{number}") for number, line in lines if line and not line.startswith("#")]
    if len(rules) > RULES_MAX:
        raise BadRule(f"{name}: more than {RULES_MAX} rules")
    return rules


@dataclass(slots=True)
class Ignored:
    """What is left out, and which rules did so."""

    rules: tuple[Rule, ...] = ()
    used: set[int] = field(default_factory=set)

    def keep(self, messages: Iterable[Message]) -> tuple[Message, ...]:
        """Return the messages that no rule fits; every rule that fits one is used."""
        kept = []
        for message in messages:
            fitting = [number for number, rule in enumerate(self.rules) if rule.pattern.search(message.text)]
            self.used.update(fitting)
            if not fitting:
                kept.append(message)
        return tuple(kept)

    def unused(self) -> list[Rule]:
        """Return the rules of files that fitted nothing so far."""
        return [rule for number, rule in enumerate(self.rules) if rule.place and number not in self.used]
