"""The report as one HTML page, to be opened in a browser: nothing in it is loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from .formats import summary
from .message import Message, Report

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
h1 { font-size: 1.4rem }
h2 { font-size: 1.1rem; overflow-wrap: anywhere }
li { margin: .6rem 0 }
.verdict { font-weight: bold }
.valid { color: #0a5c2b }
.invalid, .error { color: #a40000 }
.warning { color: #7a4a00 }
.old { color: #595959 }
code { background: #f2f2f2; padding: .1rem .3rem; overflow-wrap: anywhere; white-space: pre-wrap }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #161616 }
  .valid { color: #7fd89b }
  .invalid, .error { color: #ff9a94 }
  .warning { color: #f0c274 }
  .old { color: #aaa }
  code { background: #2a2a2a }
}
"""

#: No script, no request: what a document holds can't act from its report.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(reports: Sequence[Report], label: str) -> str:
    """Return the page."""
    parts = "\n".join(_part(report) for report in reports)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width">
<title>validate: {escape(summary(reports, label))}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(summary(reports, label))}</h1>
{parts}
</body>
</html>
"""


def framed(page: bytes, base: str) -> bytes:
    """Return a service's own page, to be shown from a file: its links lead there, and it runs no script."""
    policy = """<meta http-equiv="Content-Security-Policy" content="script-src 'none'">"""
    begun = f'<base href="{escape(base)}">{policy}'.encode()
    head = re.search(rb"(?i)<head(?:\s[^>]*)?>", page)
    if head is None:
        return begun + page
    return page[: head.end()] + begun + page[head.end() :]


def _part(report: Report) -> str:
    verdict = f'<p class="verdict {report.verdict}">{report.verdict}'
    verdict += f": {escape(_clean(report.why))}</p>" if report.why else "</p>"
    items = "\n".join(_item(message) for message in report.messages)
    listed = f"<ol>\n{items}\n</ol>" if items else ""
    return f"<section>\n<h2>{escape(_clean(report.name))}</h2>\n{verdict}\n{listed}\n</section>"


def _item(message: Message) -> str:
    place = f"line {message.line}, column {message.column}: " if message.line else ""
    old = ' <span class="old">(in the baseline)</span>' if message.old else ""
    extract = f"<br><code>{escape(_clean(message.extract))}</code>" if message.extract else ""
    text = escape(_clean(message.text))
    return f'<li><span class="{message.grade}">{message.grade}</span> {place}{text}{old}{extract}</li>'


def _clean(text: str) -> str:
    """Return text without what HTML may not hold."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
