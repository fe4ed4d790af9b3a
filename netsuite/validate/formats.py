"""Reports as lines for people and as JSON; formats of other programs have modules of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from .message import Grade, Message, Report, Verdict, total

#: What ends with the verdict *valid*, and what had none, in the order in which they are told.
_TOLD = (Verdict.VALID, Verdict.INVALID, Verdict.PARTIAL, Verdict.DECLINED, Verdict.UNREADABLE)


def text(reports: Sequence[Report], label: str) -> Iterator[str]:
    """Yield what people read: new messages, documents without a verdict, and the sum."""
    for report in reports:
        for message in report.messages:
            if not message.old:
                yield f"{report.name}{_place(message)}: {message.grade}: {message.text}"
        if report.why:
            yield f"{report.name}: {report.verdict}: {report.why}"
        elif len(reports) == 1 and report.verdict is Verdict.VALID:
            yield f"{report.name}: valid"
    yield summary(reports, label)


def summary(reports: Sequence[Report], label: str) -> str:
    """Return the last line: ``1 error, 0 warnings (Nu, local)``; of several documents, how many are what."""
    errors, warnings = total(reports, Grade.ERROR), total(reports, Grade.WARNING)
    counted = f"{_number(errors, 'error')}, {_number(warnings, 'warning')}"
    old = sum(message.old for report in reports for message in report.messages)
    counted += f", {old} of the baseline" if old else ""
    if len(reports) > 1:
        verdicts = Counter(report.verdict for report in reports)
        parts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in _TOLD if verdicts[verdict])
        counted = f"{len(reports)} documents: {parts}; {counted}"
    return f"{counted} ({label})"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _place(message: Message) -> str:
    if not message.line:
        return ""
    return f":{message.line}:{message.column}" if message.column else f":{message.line}"


def gnu(reports: Sequence[Report]) -> Iterator[str]:
    """Yield lines as compilers do, with ranges (GNU Coding Standards, "Formatting Error Messages")."""
    for report in reports:
        for message in report.messages:
            if not message.old:
                yield f"{report.name}:{_range(message)} {message.grade}: {message.text}"
        if report.why:
            yield f"{report.name}: {report.verdict}: {report.why}"


def _range(message: Message) -> str:
    if not message.line:
        return ""
    start, end = f"{message.line}.{message.column or 1}", f"{message.last_line}.{message.last_column}"
    after = (message.last_line, message.last_column) > (message.line, message.column or 1)
    return f"{start}-{end}:" if after else f"{start}:"


def as_object(report: Report) -> Mapping[str, object]:
    """Return what JSON has of a document."""
    told: dict[str, object] = {
        "file": report.name,
        "verdict": report.verdict.value,
        "errors": report.number(Grade.ERROR),
        "warnings": report.number(Grade.WARNING),
        "cached": report.cached,
        "messages": [_message(message) for message in report.messages],
    }
    if report.why:
        told["why"] = report.why
    if report.cause not in (None, "no"):
        told["cause"] = report.cause
    return told


def _message(message: Message) -> Mapping[str, object]:
    told: dict[str, object] = {
        "line": message.line or None,
        "column": message.column or None,
        "type": message.grade.value,
        "text": message.text,
    }
    if (message.last_line, message.last_column) > (message.line, message.column):
        told |= {"last_line": message.last_line, "last_column": message.last_column}
    if message.extract:
        told["extract"] = message.extract
    if message.old:
        told["old"] = True
    return told
