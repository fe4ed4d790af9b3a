"""An origin that serves one file as good servers do, with ranges and conditions, or lies as a test wants."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from tests.client.origin import Asked, Piece, answer

#: What files are made of.
DATA = Random(7).randbytes(100_000)

DATE = "Mon, 05 Jan 2026 10:00:00 GMT"
LONG_AGO = "Thu, 01 Jan 2026 00:00:00 GMT"


@dataclass
class Served:
    """Answers requests for a file.  ``drop``: bytes of a body after which the connection ends, each time.

    ``ranges``: whether parts are served; ``lies``: how a 206 lies.
    """

    data: bytes = DATA
    tag: str | None = '"one"'
    changed: str | None = LONG_AGO
    drop: int | None = None
    ranges: bool = True
    lies: str = ""
    fields: tuple[str, ...] = ()
    statuses: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Iterable[Piece]:
        """The answer to a request."""
        if self.statuses:
            status = self.statuses.pop(0)
            if status != "200":
                return [answer(status, b"", *self.fields)]
        data, start, status = self.data, 0, "200 OK"
        fields = [f"Date: {DATE}", *self.fields]
        fields += [f"ETag: {self.tag}"] if self.tag else []
        fields += [f"Last-Modified: {self.changed}"] if self.changed else []
        since = asked.get("If-Modified-Since")
        if since is not None and since == self.changed:
            return [answer("304 Not Modified", b"", *fields).replace(b"Content-Length: 0\r\n", b"")]
        found = re.fullmatch(r"bytes=(\d+)-", asked.get("Range") or "")
        if found and self.ranges and asked.get("If-Range") in (self.tag, self.changed):
            start = int(found[1])
            if start >= len(data):
                return [answer("416 No", b"", f"Content-Range: bytes */{len(data)}", *fields)]
            status = "206 Partial Content"
            first = start + {"late": 1, "early": -1}.get(self.lies, 0)
            total = len(data) + (1 if self.lies == "total" else 0)
            fields.append(f"Content-Range: bytes {first}-{len(data) - 1}/{total}")
            if self.lies == "tag":
                fields = [each.replace('"one"', '"two"') for each in fields]
        body = data[start:]
        whole = answer(status, body, *fields)
        if self.drop is None or self.drop >= len(body):
            return [whole]
        return [whole[: len(whole) - len(body) + self.drop]]
