"""Reports as SARIF 2.1.0, which code hosts read (OASIS, Static Analysis Results Interchange Format)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from . import baseline
from .message import Grade, Message, Report, Verdict

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS = {Grade.ERROR: "error", Grade.WARNING: "warning", Grade.INFO: "note"}

#: A message's rule is its text without what is quoted in it: ``duplicate-id``.
_QUOTED = re.compile(r'"[^"]*"|\(.*?\)')
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_RULE_WORDS = 10


def sarif(reports: Sequence[Report], *, version: str, checker: str, compared: bool) -> str:
    """Return the document.  ``compared``: there was a baseline, so that each result is new or unchanged."""
    results = [_result(report, message, compared) for report in reports for message in report.messages]
    rules = sorted({str(result["ruleId"]) for result in results})
    unjudged = [report for report in reports if report.why]
    notes = [
        {"level": "error", "message": {"text": f"{report.name}: {report.verdict}: {report.why}"}}
        for report in unjudged
    ]
    run: dict[str, object] = {
        "tool": {
            "driver": {
                "name": "netsuite validate",
                "version": version,
                "rules": [{"id": rule} for rule in rules],
                "properties": {"checker": checker},
            }
        },
        "columnKind": "utf16CodeUnits",
        "artifacts": [{"location": {"uri": uri(report.name)}} for report in reports],
        "invocations": [
            {
                "executionSuccessful": all(r.verdict in (Verdict.VALID, Verdict.INVALID) for r in reports),
                "toolExecutionNotifications": notes,
            }
        ],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def uri(name: str) -> str:
    """Return a document's name as a relative or whole reference (RFC 3986)."""
    if re.match(r"(?i)https?://", name):
        return quote(name, safe="!#$%&'()*+,/:;=?@[]~")
    return ("file://" if name.startswith("/") else "") + quote(name.encode("utf-8", "surrogateescape"))


def rule_of(message: Message) -> str:
    """Return the name of a message's rule, made of the words that are the same each time."""
    words = _NOT_A_WORD.sub(" ", _QUOTED.sub(" ", message.text).lower()).split()
    return "-".join(words[:_RULE_WORDS]) or "message"


def _result(report: Report, message: Message, compared: bool) -> Mapping[str, object]:
    place: dict[str, object] = {"artifactLocation": {"uri": uri(report.name)}}
    if message.line:
        region = {"startLine": message.line, "startColumn": message.column or 1}
        if (message.last_line, message.last_column) >= (message.line, message.column) and message.last_column:
            region |= {"endLine": message.last_line, "endColumn": message.last_column + 1}
        place["region"] = region
    known = hashlib.sha256("\0".join((report.name, *baseline.key(message))).encode("utf-8", "replace"))
    result: dict[str, object] = {
        "ruleId": rule_of(message),
        "level": _LEVELS[message.grade],
        "message": {"text": message.text},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"textAndSource/v1": known.hexdigest()},
    }
    if compared:
        result["baselineState"] = "unchanged" if message.old else "new"
    return result
