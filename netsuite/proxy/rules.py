"""Who may fetch what: rules on host, network, port, method, user and time; the first that fits decides.

Theory.  A rule is parts that must all fit, and says allow or deny.  Rules are asked in the order given, and
the first that fits decides.  What fits none is refused if any rule allows something, else allowed.  All parts
but ``net:`` are known when a request's head is; the address is known only when it is about to be dialled.  A
judgement that comes upon a ``net:`` part is therefore pending, and goes on from that very rule for each
address that is tried.

Most rules of a long list name a host or a domain, so these are found by table: by the whole host, and by each
domain above it.  The others are asked one by one.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable, Sequence

from netsuite.proxy.rule import Asked, Hosts, Rule, Verdict, one_form, parse_rule

__all__ = ["Acl", "Asked", "Pending", "Rule", "Verdict", "parse_rule"]

#: Rules of one proxy, and hosts for which it is kept which rules fit them.
RULES_MAX = 1000
HOSTS_KEPT = 256


class Pending:
    """A judgement that a ``net:`` part holds up until an address is known."""

    __slots__ = ("_asked", "_default", "_now", "_rules")

    def __init__(
        self, rules: list[Rule], default: Verdict, asked: Asked, now: Callable[[], datetime.datetime]
    ) -> None:
        self._rules, self._default, self._asked, self._now = rules, default, asked, now

    def at(self, address: str) -> Verdict:
        """Return the verdict for the address that is dialled, ``""`` if only a proxy further on knows it."""
        known = ipaddress.ip_address(address.partition("%")[0]) if address else None
        for rule in self._rules:
            if rule.covers(known) and rule.fits(self._asked, self._now):
                return rule.verdict
        return self._default


class Acl:
    """Rules in their order.  ``has_rules``: whether there is anything to ask.  Raises: ValueError, too many.

    ``now``: the local time.
    """

    __slots__ = ("_below", "_default", "_exact", "_kept", "_now", "_others", "has_rules", "rules")

    def __init__(
        self, rules: Sequence[Rule] = (), now: Callable[[], datetime.datetime] = datetime.datetime.now
    ) -> None:
        if len(rules) > RULES_MAX:
            raise ValueError(f"are more than {RULES_MAX} rules")
        self.rules, self._now = tuple(rules), now
        self.has_rules = bool(rules)
        self._default = Verdict(not any(rule.allow for rule in rules), "default")
        self._kept: dict[bytes, list[Rule]] = {}
        self._exact: dict[bytes, list[int]] = {}
        self._below: dict[bytes, list[int]] = {}
        self._others: list[int] = []
        for place, rule in enumerate(self.rules):
            self._enter(place, rule.hosts)

    def _enter(self, place: int, hosts: Hosts | None) -> None:
        if hosts is None or (hosts.pieces and not hosts.domain):
            self._others.append(place)
            return
        if hosts.exact is not None:
            self._exact.setdefault(hosts.exact, []).append(place)
        if hosts.pieces:
            self._below.setdefault(hosts.domain, []).append(place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Acl) and other.rules == self.rules

    def __hash__(self) -> int:
        return hash(self.rules)

    def judge(self, asked: Asked) -> Verdict | Pending:
        """Return the verdict of the first rule that fits, or what waits for the address."""
        rules = self._kept.get(asked.host)
        if rules is None:
            rules = self._keep(asked.host)
        for place, rule in enumerate(rules):
            if rule.fits(asked, self._now):
                if rule.network is None:
                    return rule.verdict
                return Pending(rules[place:], self._default, asked, self._now)
        return self._default

    def _keep(self, host: bytes) -> list[Rule]:
        """Return the rules whose ``host:`` part, if any, fits; the answer is kept for a while."""
        if len(self._kept) >= HOSTS_KEPT:
            self._kept.clear()
        form = one_form(host)
        near = (self.rules[place] for place in self._places(form))
        fit = [rule for rule in near if rule.hosts is None or rule.hosts.fits(form)]
        self._kept[host] = fit
        return fit

    def _places(self, host: bytes) -> list[int]:
        """Return where the rules stand that may fit ``host``, in order."""
        found = list(self._exact.get(host, ()))
        dot = host.find(b".")
        while dot >= 0:
            found += self._below.get(host[dot + 1 :], ())
            dot = host.find(b".", dot + 1)
        return sorted(found + self._others)
