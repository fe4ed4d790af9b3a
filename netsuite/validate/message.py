"""What a checker says of a document, and what we make of it: values, no decisions but ``report_on``.

The rule under all of it (R6 of the features): only a checker that read the document and answered makes it
*valid*.  Whatever else happened is a ``Failed`` with its cause of the one table of ``netsuite.outcome``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


class Verdict(enum.StrEnum):
    """What a document is."""

    VALID = "valid"
    INVALID = "invalid"
    PARTIAL = "partial"  # the small built-in check found nothing, which is no verdict
    DECLINED = "declined"
    UNREADABLE = "unreadable"


class Grade(enum.StrEnum):
    """How much a message weighs.  Only errors make a document invalid, and warnings where asked to."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Message:
    """One remark.  Lines and columns count from 1; 0: the checker named none.

    ``extract``: the source around the place, as the checker showed it.  ``old``: the baseline has it.
    """

    grade: Grade
    text: str
    line: int = 0
    column: int = 0
    last_line: int = 0
    last_column: int = 0
    extract: str = ""
    old: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """Line and column, to order by."""
        return self.line, self.column


@dataclass(frozen=True, slots=True)
class Found:
    """A checker read the document to its end and said this.  ``whole``: it is one that may say *valid*."""

    messages: tuple[Message, ...]
    version: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """No checker's answer could be had.  ``cause``: a word of the table of outcomes."""

    cause: str
    text: str
    detail: str | None = None


Answer = Found | Failed


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of a document.  ``why``: in words, if there is no verdict; ``cause``: of the table."""

    name: str
    verdict: Verdict
    messages: tuple[Message, ...] = ()
    why: str = ""
    cause: str | None = None
    cached: bool = False

    def number(self, grade: Grade) -> int:
        """Return how many messages of that weight are new."""
        return sum(message.grade is grade and not message.old for message in self.messages)


@dataclass(frozen=True, slots=True)
class Strictness:
    """What counts.  ``errors_only``: nothing else; ``warnings_fail``: warnings as much as errors."""

    errors_only: bool = False
    warnings_fail: bool = False


def shown(messages: Iterable[Message], strictness: Strictness) -> tuple[Message, ...]:
    """Return the messages that are told, in the document's order."""
    kept = [m for m in messages if m.grade is Grade.ERROR or not strictness.errors_only]
    return tuple(sorted(kept, key=lambda message: message.place))


def report_on(name: str, answer: Answer, strictness: Strictness, *, cached: bool = False) -> Report:
    """Return what is told of a document; messages that are ``old`` are told and don't count."""
    if isinstance(answer, Failed):
        verdict = Verdict.DECLINED if answer.cause == "declined" else Verdict.UNREADABLE
        return Report(name, verdict, (), answer.text, answer.cause)
    messages = shown(answer.messages, strictness)
    report = Report(name, Verdict.INVALID, messages, cause="no", cached=cached)
    if report.number(Grade.ERROR) or (strictness.warnings_fail and report.number(Grade.WARNING)):
        return report
    if not answer.whole:
        why = "the small built-in check found nothing, and it looks for little: this is no verdict"
        return replace(report, verdict=Verdict.PARTIAL, cause="unknown", why=why)
    return replace(report, verdict=Verdict.VALID, cause=None)


def total(reports: Sequence[Report], grade: Grade) -> int:
    """Return how many new messages of that weight there are in all."""
    return sum(report.number(grade) for report in reports)
