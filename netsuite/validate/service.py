"""What a validation service's answer says: a verdict, a refusal to serve us, or nothing that can be read.

Three forms of answer have a verdict, and it must stand in them: the checker's JSON, the old validator's
header fields (``X-W3C-Validator-Status``), and the checker's own HTML page (``class="success"``,
``"failure"``, items of class ``error``).  Everything else is *declined* if the service turns us away, also
with status 200, and else *unreadable*.  A page that is only there, a login page say, is never *valid*: that
is how wrappers came to pass what nobody had looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import turbohtml

from netsuite.client import walls
from netsuite.outcome import Outcome
from netsuite.words import charset
from netsuite.words.skipped import Skip

from . import nu
from .message import Answer, Failed, Found, Grade, Message


def answered(status: int, fields: Mapping[bytes, bytes], body: bytes) -> Answer:
    """Return what an answer says of the document that was sent.  ``fields``: names in lower case."""
    kind = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if status in (403, 429) or (status == 503 and b"retry-after" in fields):
        return Failed("declined", f"the service will not check it: status {status}{_wait(fields)}")
    if status >= 400:
        refused = _refused(body, fields)
        outcome = Outcome.of_status(status)
        if refused is not None:
            return refused
        return Failed(str(outcome.cause), f"the service failed: {outcome.message}")
    if kind in (b"application/json", b"text/json") or body.lstrip()[:1] == b"{":
        return _of_json(body)
    text = _decoded(body, fields)
    found = _of_fields(fields) or _of_page(text)
    return (
        found
        or _refused(body, fields)
        or Failed("unknown", "the service's answer can't be read as a verdict")
    )


def _wait(fields: Mapping[bytes, bytes]) -> str:
    value = fields.get(b"retry-after", b"").decode("latin-1").strip()
    return f", to be asked again after {value}{' s' if value.isdecimal() else ''}"[:80] if value else ""


def _decoded(body: bytes, fields: Mapping[bytes, bytes]) -> str:
    match = re.search(rb'charset="?([\w.:-]+)', fields.get(b"content-type", b""))
    try:
        return charset.decode(body, match[1].decode() if match else None)
    except Skip:
        return ""


def _of_json(body: bytes) -> Answer:
    try:
        spoken = nu.read(body.decode("utf-8", "replace"))
    except nu.Unreadable as error:
        return Failed("unknown", f"the service's answer can't be read: {error}")
    messages: list[Message] = []
    for answer in spoken.by_name.values():
        if isinstance(answer, Failed):
            return answer
        messages += answer.messages
    return Found(tuple(messages), spoken.version)


def _of_fields(fields: Mapping[bytes, bytes]) -> Answer | None:
    """Return what the old validator's own fields say, None without them."""
    status = fields.get(b"x-w3c-validator-status", b"").strip().lower()
    errors, warnings = (
        _count(fields.get(b"x-w3c-validator-" + name, b"")) for name in (b"errors", b"warnings")
    )
    if status == b"valid" and not errors:
        return Found(_counted(0, warnings))
    if status == b"valid":
        return Failed("unknown", "the service contradicts itself: valid, and with errors")
    if status == b"invalid":
        return Found(_counted(errors or 1, warnings))
    if status == b"abort":
        return Failed("unknown", "the service gave up on the document")
    return None


def _count(value: bytes) -> int:
    return min(int(value), nu.MESSAGES_MAX) if value.strip().isdigit() else 0


def _counted(errors: int, warnings: int) -> tuple[Message, ...]:
    """Return messages for what a service only counts."""
    error = Message(Grade.ERROR, "An error; the service's report says which (--browser shows it).")
    warning = Message(Grade.WARNING, "A warning; the service's report says which (--browser shows it).")
    return (error,) * errors + (warning,) * warnings


def _of_page(text: str) -> Answer | None:
    """Return what the checker's own page says, None if it is none."""
    page: Any = turbohtml.parse(text)
    items = page.select("#results ol > li")
    messages = tuple(message for item in items if (message := _item(item)) is not None)[: nu.MESSAGES_MAX]
    if page.select("#results p.failure") or any(message.grade is Grade.ERROR for message in messages):
        if not any(message.grade is Grade.ERROR for message in messages):
            messages = (*_counted(1, 0), *messages)
        return Found(messages)
    if page.select("#results p.success"):
        return Found(messages)
    return None


def _item(item: Any) -> Message | None:
    given = item.attrs.get("class", "")
    classes = set(given.split() if isinstance(given, str) else given)
    if "non-document-error" in classes or not classes & {"error", "info", "warning"}:
        return None
    grade = Grade.ERROR if "error" in classes else Grade.WARNING if "warning" in classes else Grade.INFO
    told = item.select_one("p")
    text = " ".join((told or item).text.split())
    numbers = [
        int(number)
        for number in re.findall(r"\b\d{1,9}\b", " ".join(p.text for p in item.select("p.location")))
    ]
    line, column = (numbers[0], numbers[1]) if len(numbers) >= 2 else (0, 0)
    text = re.sub(r"(?i)\A(error|warning|info)\s*:\s*", "", text)[: nu.TEXT_MAX]
    return Message(grade, text.translate(nu.QUOTES), line, column, line, column)


def _refused(body: bytes, fields: Mapping[bytes, bytes]) -> Failed | None:
    """Return that the service turns us away, if its page says so in words."""
    text = str(turbohtml.parse(_decoded(body[: 8 * walls.LOOKED_AT], fields)).text)
    found = walls.wall(text)
    if found is None or found.kind is walls.Kind.PORTAL:
        return None
    who = "will not check it" if found.kind is walls.Kind.REFUSAL else "wants a person, not a program"
    return Failed("declined", f"the service {who}: its answer says {found.words!r}")
