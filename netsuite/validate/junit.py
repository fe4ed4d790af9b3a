"""Reports as JUnit's XML, which build servers read: a document is a test case.

What makes it invalid is its ``failure``; that it could not be judged is an ``error``.  There is no standard:
this keeps to what Jenkins' published schema has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from .message import Grade, Report, Verdict

#: What no XML 1.0 document may have (Source: XML 1.0 §2.2).
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(reports: Sequence[Report], label: str) -> str:
    """Return the document."""
    failures = sum(report.verdict is Verdict.INVALID for report in reports)
    errors = sum(report.verdict not in (Verdict.INVALID, Verdict.VALID) for report in reports)
    numbers = {"tests": str(len(reports)), "failures": str(failures), "errors": str(errors)}
    suites = ET.Element("testsuites", {"name": "validate", **numbers})
    suite = ET.SubElement(suites, "testsuite", {"name": f"validate ({label})", **numbers})
    for report in reports:
        case = ET.SubElement(suite, "testcase", {"name": _clean(report.name), "classname": "validate"})
        new = [message for message in report.messages if not message.old]
        lines = [f"{_clean(report.name)}:{m.line}:{m.column}: {m.grade}: {_clean(m.text)}" for m in new]
        if report.verdict is Verdict.INVALID:
            first = next((m for m in new if m.grade is Grade.ERROR), new[0])
            failure = ET.SubElement(case, "failure", {"type": "invalid", "message": _clean(first.text)})
            failure.text = "\n".join(lines)
        elif report.verdict is not Verdict.VALID:
            ET.SubElement(case, "error", {"type": report.verdict.value, "message": _clean(report.why)})
        elif lines:
            ET.SubElement(case, "system-out").text = "\n".join(lines)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, "unicode")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
