"""Lines of the access log read back: what was asked for, when, and which address answered."""

from __future__ import annotations

import datetime
import ipaddress
import json
import re
from dataclasses import dataclass

from netsuite.http1.errors import BadMessage
from netsuite.http1.target import Target, absolute, authority

#: Longest line that is read, in characters.
LINE_MAX = 64 * 1024

_TEXT = re.compile(r"(\S+) \S+ \d+ (\S+) (\S+) \S.* (\S+)")


@dataclass(frozen=True, slots=True)
class Logged:
    """A request or tunnel of the log.  ``when``: local time; ``address``: empty if none is told."""

    when: datetime.datetime
    method: str
    target: Target
    address: str


def read_line(line: str) -> Logged | None:
    """Return what a line of the access log tells, text or JSON; None if it is no such line."""
    if len(line) > LINE_MAX:
        return None
    found = _of_json(line) if line.startswith("{") else _of_text(line)
    if found is None:
        return None
    when, method, asked, address = found
    try:
        moment = datetime.datetime.fromisoformat(when).astimezone().replace(tzinfo=None)
        raw = asked.partition("?")[0].partition("…")[0].encode("ascii")  # "…" stands for what is not told
        target = authority(raw) if method == "CONNECT" else absolute(raw)
        return Logged(moment, method, target, _address(address))
    except (BadMessage, ValueError):
        return None


def _of_text(line: str) -> tuple[str, str, str, str] | None:
    match = _TEXT.fullmatch(line.rstrip("\r\n"))
    return (match[1], match[2], match[3], match[4]) if match is not None else None


def _of_json(line: str) -> tuple[str, str, str, str] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    asked = told.get("url") or told.get("target")
    method = told.get("method", "CONNECT" if told.get("url") is None else None)
    when, peer = told.get("time"), told.get("peer", "-")
    if all(isinstance(text, str) for text in (when, method, asked, peer)):
        return when, method, asked, peer
    return None


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return ""
