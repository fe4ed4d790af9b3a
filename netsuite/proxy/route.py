"""Where a request goes: a decision of a closed set, from the head and the rules alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from netsuite.http1.head import RequestHead
from netsuite.http1.target import Target
from netsuite.proxy.rules import Acl, Asked, Pending, Verdict
from netsuite.race import Permit as Permit

#: Most that we say for Max-Forwards, however much a client says (RFC 9110 §7.6.2).
FORWARDS_MAX = 1000

#: Bytes of a request that an answer to TRACE shows.
TRACE_BYTES = 64 * 1024

#: Methods whose way Max-Forwards limits, and those that we carry.
_COUNTED = frozenset((b"TRACE", b"OPTIONS"))
ALLOWED = b"GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT, OPTIONS, TRACE"

#: What is found in the names of fields that TRACE must not show (RFC 9110 §9.3.8).
_SENSITIVE = (b"auth", b"cookie", b"token", b"secret", b"passw", b"api-key", b"apikey", b"session")

_NO_RULES = Acl()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the proxy does for its clients.  ``tunnel_ports``: ranges of ports, both ends included."""

    tunnel_ports: tuple[tuple[int, int], ...] = ((443, 443), (8443, 8443))
    max_body: int | None = None
    acl: Acl = _NO_RULES


class Forward(NamedTuple):  # made for every request, in half a frozen dataclass's time
    """Ask the origin of ``target``.  ``max_forwards``: what to say for it, None to pass on what is there."""

    target: Target
    permit: Permit | None = None
    max_forwards: int | None = None


class Tunnel(NamedTuple):
    """Join the client with ``target``."""

    target: Target
    permit: Permit | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer ``status`` ourselves.  ``cause``: a word for logs and JSON; ``reason``: a sentence."""

    status: int
    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer ``status`` ourselves, since the request ends here.  ``allow``: the Allow field, if not empty."""

    status: int
    content_type: bytes
    body: bytes
    allow: bytes = b""


Decision = Forward | Tunnel | Refuse | Reply

WELCOME = (
    "this is netsuite's forward proxy, not a web site; set it as the HTTP proxy of a browser, or try "
    "curl -x with its address"
)


def decide(head: RequestHead, rules: Rules, user: str | None = None, *, scheme: bytes = b"http") -> Decision:
    """Return where a request goes; the first rule that fits wins.

    ``user``: whom the client logged in as; ``scheme``: the one that is served here.
    """
    target = head.target
    if target is None:  # origin-form is for servers: RFC 9112 §3.2.1
        return Refuse(400, "target", WELCOME)
    if head.method == b"CONNECT":
        if any(low <= target.port <= high for low, high in rules.tunnel_ports):
            permit = _judge(head, target, rules.acl, user) if rules.acl.has_rules else None
            return permit if isinstance(permit, Refuse) else Tunnel(target, permit)
        return Refuse(
            403, "port", f"no tunnels to port {target.port}; --connect-port {target.port} permits it"
        )
    if target.scheme != scheme:
        return Refuse(400, "scheme", "a proxy takes http:// addresses, and CONNECT for https")
    if rules.max_body is not None and head.length is not None and head.length > rules.max_body:
        return Refuse(413, "body", f"the body is larger than {rules.max_body} bytes (--max-body)")
    permit = _judge(head, target, rules.acl, user) if rules.acl.has_rules else None
    if isinstance(permit, Refuse):
        return permit
    if head.method in _COUNTED and b"max-forwards" in head.combined:
        return _counted(head, target, permit)
    return Forward(target, permit)


def _judge(head: RequestHead, target: Target, acl: Acl, user: str | None) -> Permit | Refuse | None:
    """Return the rules' refusal, or what judges addresses if they have a say in that too."""
    judged = acl.judge(Asked(head.method, target.host, target.port, user))
    if isinstance(judged, Pending):
        return permit_of(judged)
    return None if judged.allowed else Refuse(403, "rule", judged.reason)


def permit_of(pending: Pending) -> Permit:
    """Return what tells the dialler why an address may not be dialled."""

    def permit(address: str) -> str | None:
        verdict: Verdict = pending.at(address)
        return None if verdict.allowed else verdict.reason

    return permit


def _counted(head: RequestHead, target: Target, permit: Permit | None) -> Forward | Refuse | Reply:
    """Return where a request goes that may be forwarded so many times only (RFC 9110 §7.6.2)."""
    value = head.combined[b"max-forwards"]
    if not value.isdigit():
        return Refuse(400, "message", "Max-Forwards is no whole number")
    digits = value.lstrip(b"0")
    if not digits:
        return last(head)
    left = int(digits[:10])
    return Forward(target, permit, min(left - 1, FORWARDS_MAX))


def last(head: RequestHead) -> Reply:
    """Return the answer to an OPTIONS or TRACE that ends here."""
    if head.method == b"OPTIONS":
        return Reply(200, b"", b"", ALLOWED)
    return Reply(200, b"message/http", traced(head))


def traced(head: RequestHead) -> bytes:
    """Return a request as it was received, without fields that may be secret (RFC 9110 §9.3.8)."""
    lines = [b"%b %b HTTP/%d.%d" % (head.method, head.raw_target, *head.version)]
    size = len(lines[0]) + 4
    for name, value in head.fields:
        lower = name.lower()
        size += len(name) + len(value) + 4
        if size > TRACE_BYTES:
            break
        if not any(word in lower for word in _SENSITIVE):
            lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join([*lines, b"", b""])
