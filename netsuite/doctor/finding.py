"""What a look at something came to, and what all of them together mean for the exit status (R5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from netsuite.outcome import Outcome

#: From the best to the worst; ``unknown``: it could not be told, which is never a pass (R6).
OK, WARNING, UNKNOWN, FAULT = SEVERITIES = ("ok", "warning", "unknown", "fault")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.  ``check``: which examination; ``where``: what it is about; ``mend``: what to do about it."""

    severity: str
    check: str
    what: str
    where: str = ""
    mend: str = ""

    def line(self) -> str:
        """Return it for people."""
        start = f"{self.severity:8} {self.check}: "
        return start + (f"{self.where}: " if self.where else "") + self.what + self._remedy()

    def _remedy(self) -> str:
        return f"; {self.mend}" if self.mend else ""

    def record(self) -> dict[str, str]:
        """Return it for JSON."""
        return asdict(self)


def told(findings: Sequence[Finding], *, is_strict: bool = False) -> Outcome:
    """Return what findings come to.  ``is_strict``: a warning is a fault."""
    counts = Counter(finding.severity for finding in findings)
    result = {
        "findings": [finding.record() for finding in findings],
        "faults": counts[FAULT],
        "warnings": counts[WARNING],
        "unknown": counts[UNKNOWN],
    }
    if counts[FAULT] or (is_strict and counts[WARNING]):
        return Outcome.failed("no", _summary(counts), result=result)
    if counts[UNKNOWN]:
        return Outcome.failed("unknown", _summary(counts), result=result)
    return Outcome.done(**result)


def _summary(counts: Counter[str]) -> str:
    parts = [
        f"{counts[FAULT]} fault{'' if counts[FAULT] == 1 else 's'}",
        f"{counts[WARNING]} warning{'' if counts[WARNING] == 1 else 's'}",
    ]
    if counts[UNKNOWN]:
        parts.append(f"{counts[UNKNOWN]} that could not be told")
    return ", ".join(parts)


def listed(names: Iterable[str], most: int = 6) -> str:
    """Return names as a person lists them, a few of many."""
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
