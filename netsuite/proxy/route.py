"""Where a request goes: a decision of a closed set, from the head and the rules alone."""

from __future__ import annotations

from dataclasses import dataclass

from netsuite.http1.head import RequestHead
from netsuite.http1.target import Target


@dataclass(frozen=True, slots=True)
class Rules:
    """What the proxy does for its clients.  ``tunnel_ports``: ranges of ports, both ends included."""

    tunnel_ports: tuple[tuple[int, int], ...] = ((443, 443), (8443, 8443))
    max_body: int | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """Ask the origin of ``target``."""

    target: Target


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Join the client with ``target``."""

    target: Target


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer ``status`` ourselves.  ``cause``: a word for logs and JSON; ``reason``: a sentence."""

    status: int
    cause: str
    reason: str


WELCOME = (
    "this is netsuite's forward proxy, not a web site; set it as the HTTP proxy of a browser, or try "
    "curl -x with its address"
)


def decide(head: RequestHead, rules: Rules) -> Forward | Tunnel | Refuse:
    """Return where a request goes; the first rule that fits wins."""
    target = head.target
    if target is None:  # origin-form is for servers: RFC 9112 §3.2.1
        return Refuse(400, "target", WELCOME)
    if head.method == b"CONNECT":
        if any(low <= target.port <= high for low, high in rules.tunnel_ports):
            return Tunnel(target)
        return Refuse(
            403, "port", f"no tunnels to port {target.port}; --connect-port {target.port} permits it"
        )
    if target.scheme != b"http":
        return Refuse(400, "scheme", "a proxy takes http:// addresses, and CONNECT for https")
    if rules.max_body is not None and head.length is not None and head.length > rules.max_body:
        return Refuse(413, "body", f"the body is larger than {rules.max_body} bytes (--max-body)")
    return Forward(target)
