"""Recordings of what was sent and received: JSON Lines, a line for each piece, and each side's end.

The first line is ``{"tape":1,"peer":…,"started":…}``, then ``{"at":0.25,"way":"sent","data":"aGVsbG8NCg=="}``
with base64, and ``{"at":1.5,"way":"received","end":true}``.  ``at`` is in seconds since the connection was
made; *sent* and *received* are as seen by who records.  Keys are only ever added.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

SENT, RECEIVED = "sent", "received"

#: Longest line that is read: a piece of a megabyte in base64, and the rest.
LINE_MAX = 2 * 1024 * 1024

_KIND = 1


class BadTape(ValueError):  # noqa: N818 - what is the matter, told to people
    """This is no recording, or a line of it is damaged."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that went one way; None: that side's end."""

    at: float
    way: str
    data: bytes | None


def head_line(peer: str, started: float) -> str:
    """Return a recording's first line.  ``started``: seconds since the epoch."""
    moment = datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _line({"tape": _KIND, "peer": peer, "started": moment})


def piece_line(piece: Piece) -> str:
    """Return a piece's line."""
    told: dict[str, object] = {"at": round(piece.at, 6), "way": piece.way}
    if piece.data is None:
        return _line({**told, "end": True})
    return _line({**told, "data": base64.b64encode(piece.data).decode("ascii")})


def _line(told: dict[str, object]) -> str:
    return json.dumps(told, separators=(",", ":")) + "\n"


def pieces(lines: Iterable[bytes]) -> Iterator[Piece]:
    """Yield a recording's pieces, in their order.  Raises: BadTape."""
    for number, line in enumerate(lines, 1):
        try:
            told = json.loads(line)
            if number == 1:
                if told["tape"] != _KIND:
                    raise BadTape("is a recording of another kind")
                continue
            yield _piece(told)
        except BadTape:
            raise
        except (ValueError, KeyError, TypeError, RecursionError):
            what = "is no recording" if number == 1 else f"is damaged at line {number}"
            raise BadTape(what) from None


def _piece(told: dict[str, object]) -> Piece:
    at, way, data = told["at"], told["way"], told.get("data")
    if not isinstance(at, int | float) or not 0 <= at < 1e9 or way not in (SENT, RECEIVED):
        raise ValueError
    if told.get("end"):
        return Piece(at, str(way), None)
    if not isinstance(data, str):
        raise TypeError
    try:
        return Piece(at, str(way), base64.b64decode(data, validate=True))
    except binascii.Error:
        raise ValueError from None
