"""What the relay would say to a request, and why: asked of ``decide``, the rules and the guard themselves.

Nothing is connected, and names are looked up by whoever asks.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from netsuite.guard import Guard
from netsuite.http1.head import RequestHead
from netsuite.http1.target import Target
from netsuite.listen import place
from netsuite.proxy.chain import Chain, Hop
from netsuite.proxy.dialling import is_literal, written_address
from netsuite.proxy.route import Forward, Refuse, Tunnel, decide
from netsuite.proxy.rules import Acl, Asked, Pending
from netsuite.proxy.settings import Settings
from netsuite.values import Where

#: What decides where no rule does; a cause that is not here goes by its own name.
GUARD = "built-in guard"
POLICIES = {"port": "tunnel ports", "body": "largest body"}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a request would be carried out.  ``rule``: what decides; ``reason``: why not, if it would not.

    ``addresses``: those that it may go to, or, refused, those that were judged; ``refused``: of several
    addresses the ones that it may not go to, with the reason.
    """

    allowed: bool
    rule: str
    reason: str = ""
    addresses: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict, hash=False)


class Judge:
    """Judges requests by a proxy's settings.  ``user``: who is logged in; ``now``: the local time."""

    def __init__(
        self,
        settings: Settings,
        user: str | None,
        now: Callable[[], datetime.datetime] = datetime.datetime.now,
    ) -> None:
        self._rules = replace(settings.rules, acl=Acl(settings.rules.acl.rules, now))
        self._user = user
        own = tuple(own_places(settings.port, settings.common.admin))
        self._guard = Guard(
            allow_private=settings.allow_private, allow_nets=settings.allow_nets, own=lambda: own
        )
        self._chain = Chain(settings.ways)

    def way(self, target: Target) -> Hop | None:
        """Return the proxy that would be asked for ``target``, None for the straight way."""
        return self._chain.first(target.host)

    def addresses(self, target: Target) -> list[str] | None:
        """Return what the relay would judge without looking the name up, None if it would look it up.

        ``""`` is an address that only a proxy further on knows.
        """
        host, hop = target.host.decode("ascii"), self.way(target)
        if hop is not None and hop.scheme != "socks5":
            return [written_address(host) or ""]
        return [host] if is_literal(host) else None

    def without_address(self, head: RequestHead) -> Judgement | None:
        """Return the refusal that no address can change, None if it depends on the address."""
        decision = decide(head, self._rules, self._user)
        if not isinstance(decision, Refuse):
            return None
        if decision.cause != "rule" or head.target is None:
            return Judgement(False, POLICIES.get(decision.cause, decision.cause), decision.reason)
        return Judgement(False, self._rule(head, head.target, ""), decision.reason)

    def with_addresses(self, head: RequestHead, addresses: Iterable[str]) -> Judgement:
        """Return what is said where ``without_address`` says nothing; one address that passes is enough."""
        decision = decide(head, self._rules, self._user)
        if not isinstance(decision, Forward | Tunnel):
            return Judgement(True, "default")
        target, permit = decision.target, decision.permit
        passed: dict[str, str] = {}
        refused: dict[str, tuple[str, str]] = {}
        for address in addresses:
            rule, reason = GUARD, self._guard.judge(address, target.port) if address else None
            if reason is None:
                rule, reason = self._rule(head, target, address), permit(address) if permit else None
            if reason is None:
                passed[address] = rule
            else:
                refused[address] = rule, reason
        if passed:
            reasons = {address: reason for address, (_rule, reason) in refused.items()}
            return Judgement(True, next(iter(passed.values())), "", tuple(filter(None, passed)), reasons)
        rule, reason = next(iter(refused.values()))
        return Judgement(False, rule, reason, tuple(filter(None, refused)))

    def _rule(self, head: RequestHead, target: Target, address: str) -> str:
        judged = self._rules.acl.judge(Asked(head.method, target.host, target.port, self._user))
        return (judged.at(address) if isinstance(judged, Pending) else judged).rule


def own_places(*places: Where | None) -> Iterable[tuple[str, int]]:
    """Return addresses and ports on which a proxy with these places would listen."""
    for where in places:
        for description in where.descriptions if where is not None else ():
            host, _colon, port = place(Where(description, (description,), public=False)).rpartition(":")
            if port.isdecimal():
                yield host.strip("[]"), int(port)
