"""A remembered request as the ring shows it: without its secrets, unless these are to be shown."""

from __future__ import annotations

from typing import Any

from netsuite.http1.head import RequestHead
from netsuite.http1.limits import Limits
from netsuite.httpecho import telling
from netsuite.httpecho.faults import judged
from netsuite.httpecho.redaction import Redaction
from netsuite.httpecho.ring import Entry


class Shown:
    """What is shown of an entry.  ``raw``, ``body``: with marks in the place of secrets.

    ``hides``: whether there are any.  ``redaction`` None: everything is shown.
    """

    __slots__ = ("_frames", "body", "entry", "head", "hides", "notes", "raw")

    def __init__(self, entry: Entry, redaction: Redaction | None, limits: Limits) -> None:
        self.entry = entry
        payload = entry.payload
        body, self._frames = (payload.body, payload.frames) if payload is not None else (b"", None)
        self.raw = redaction.head(entry.raw) if redaction is not None else entry.raw
        self.body = redaction.body(body) if redaction is not None else body
        self.hides = self.raw != entry.raw or self.body != body
        if self.body != body:  # a secret may lie over two chunks, where nobody would see it to hide it
            self._frames = None
        self.head: RequestHead | None
        self.head, _, notes = judged(self.raw, limits)
        if payload is not None and payload.note:
            notes = (*notes, payload.note)
        self.notes = notes

    @property
    def truncated(self) -> bool:
        """Whether there was more of the body than is here."""
        return self.entry.payload is not None and self.entry.payload.truncated

    def summary(self) -> dict[str, Any]:
        """The request in a line of a list."""
        entry = self.entry
        method, target, version = telling.start_of(self.raw, self.head)
        return {
            "number": entry.number,
            "time": telling.instant(entry.when),
            "client": entry.client,
            "method": telling.text_of(method),
            "target": telling.text_of(target),
            "version": telling.text_of(version),
            "status": entry.status,
            "head_bytes": len(entry.raw),
            "body_bytes": entry.payload.size if entry.payload is not None else 0,
            "note": "; ".join(self.notes) or None,
        }

    def whole(self) -> dict[str, Any]:
        """All of it."""
        payload = self.entry.payload
        return {
            **self.summary(),
            **telling.told_head(self.raw, self.head),
            **telling.told_body(self.body, self._frames),
            "truncated": self.truncated,
            "trailers": [] if self.hides or payload is None else telling.pairs(payload.trailers),
            "redacted": self.hides,
        }
