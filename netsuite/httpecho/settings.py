"""What the HTTP echo service is told: its options and the frozen settings that they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from netsuite import options
from netsuite.access import read_users
from netsuite.http1.limits import Limits
from netsuite.httpecho.orders import Bounds
from netsuite.manual.kind import BYTES, FILE, NUMBER, PATH, PORT, SECONDS, TEXT, Kind
from netsuite.options import Common
from netsuite.values import Where

#: Bytes of a tag; it is repeated in every answer.
TAG_MAX = 200

#: Paths that load balancers ask, and that nobody wants to see in a ring.
HEALTH = ("/healthz", "/health", "/_health")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an HTTP echo service is told.  ``total_seconds``: of a whole request with its answer."""

    common: Common
    port: Where
    tag: bytes
    http11: bool
    body: bool
    strict: bool
    ring: int
    ring_bytes: int
    show_secrets: bool
    limits: Limits
    max_body: int
    bounds: Bounds
    head_seconds: float
    total_seconds: float
    drain_seconds: float
    health: frozenset[bytes]
    htpasswd: str | None


class Options(options.Options):
    """The command line of ``twistd httpecho``."""

    table = "httpecho"
    longdesc = (
        "Answer each HTTP request with what arrived, byte by byte, and with all that is wrong with it; "
        "the last ones are remembered and shown."
    )
    REMEDY = "--htpasswd FILE (for the ring), --allow-client NETWORK or --allow-public"
    examples = """Examples:
  twistd -n httpecho
      on 127.0.0.1, port 8000; HTTP/1.0, a request a connection
  twistd -n httpecho --http11 --body        keeps connections, echoes bodies too
  curl localhost:8000/x -H 'X-One: 1'       what arrived, byte by byte
  curl localhost:8000/x.json                the same as JSON
  curl 'localhost:8000/?status=503&delay=2s'
      an answer on order: status delay size header close chunk
  curl localhost:8000/_ring
      the last requests; a page in a browser"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["port", "p", "8000", "Port on 127.0.0.1, or an endpoint."],
        ["tag", "T", "", "Text in a field of each answer, to tell instances apart."],
        ["ring", None, "100", "How many requests are remembered, for /_ring; 0 is none."],
        ["ring-bytes", None, "16MiB", "How many bytes of remembered requests together."],
        ["max-head", None, "64KiB", "Largest head in bytes."],
        ["max-line", None, "16KiB", "Longest request target in bytes."],
        ["max-fields", None, "100", "Most fields of a head."],
        ["max-body", None, "1MiB", "Bytes of a body that are kept and echoed; the rest is truncated."],
        ["max-delay", None, "30", "Longest delay that an answer may be ordered with, in seconds."],
        ["max-size", None, "16MiB", "Largest answer that may be ordered, in bytes."],
        ["head-time", None, "15", "Seconds in which a head has to come: else 408."],
        ["total", None, "120", "Seconds that a request may take in all, beside a delay that it orders."],
        ["drain", None, "5", "Seconds that requests under way get when the service stops."],
        ["htpasswd", "A", None, "File of users; they may look at remembered requests from anywhere."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["http11", None, "Answer in HTTP/1.1 and keep connections (else HTTP/1.0, and close)."],
        ["body", None, "Echo bodies, too."],
        ["strict", None, "Answer malformed requests with 400, not with 200 and a note."],
        ["show-secrets", None, "Show secrets in remembered requests as they came."],
    ]
    optRepeated: ClassVar[list[list[str | None]]] = [
        ["health", None, f"Path that always answers 200 and is not remembered ({' '.join(HEALTH)})"],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "port": PORT,
        "tag": TEXT,
        "ring": NUMBER,
        "ring-bytes": BYTES,
        "max-head": BYTES,
        "max-line": BYTES,
        "max-fields": NUMBER,
        "max-body": BYTES,
        "max-delay": SECONDS,
        "max-size": BYTES,
        "head-time": SECONDS,
        "total": SECONDS,
        "drain": SECONDS,
        "htpasswd": FILE,
        "health": PATH,
    }

    def read(self) -> Settings:
        """Return the settings."""
        where, tag = self.where("port"), str(self["tag"]).encode()
        self.restrict("port", where)
        if len(tag) > TAG_MAX or not str(self["tag"]).isprintable():
            self.fault("tag", f"is one line of at most {TAG_MAX} bytes, without control characters")
        health = tuple(self["health"]) or HEALTH
        for path in health:
            if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
                self.fault("health", f"{path[:80]!r} is no path; write /healthz", path)
        return Settings(
            common=self.common(),
            port=where,
            tag=tag.strip(),
            http11=bool(self["http11"]),
            body=bool(self["body"]),
            strict=bool(self["strict"]),
            ring=self.number("ring", 0, 1_000_000),
            ring_bytes=self.size("ring-bytes"),
            show_secrets=bool(self["show-secrets"]),
            limits=self._limits(),
            max_body=self.size("max-body"),
            bounds=Bounds(self.seconds("max-delay"), self.size("max-size")),
            head_seconds=self.seconds("head-time"),
            total_seconds=self.seconds("total"),
            drain_seconds=self.seconds("drain"),
            health=frozenset(path.encode() for path in health),
            htpasswd=self.file("htpasswd", read_users),
        )

    def _limits(self) -> Limits:
        head, target = self._at_least("max-head", 1024), self._at_least("max-line", 64)
        fields = self.number("max-fields", 1, 10_000)
        return Limits(head_bytes=head, fields=fields, target_bytes=min(target, head))

    def _at_least(self, name: str, least: int) -> int:
        size = self.size(name)
        if size < least:
            self.fault(name, f"is at least {least} bytes")
        return max(size, least)
