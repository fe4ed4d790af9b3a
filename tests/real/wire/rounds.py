"""One proxy and all cases: its results."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench import peers
from tests.real.wire.cases import Case
from tests.real.wire.line import Breach
from tests.real.wire.scene import Scene

NAMES = ("ours", "squid", "tinyproxy", "mitmdump", "privoxy")

#: Cases at once: most of their time is waiting for a proxy that is silent.
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Round:
    """What a proxy did.  ``breaches``: the case's name, and "" if it was met."""

    name: str
    version: str
    breaches: dict[str, str]

    def share(self, cases: Sequence[Case]) -> tuple[int, int]:
        """How many of the cases it met, and of how many."""
        return sum(not self.breaches[case.name] for case in cases), len(cases)


def round_of(name: str, cases: Sequence[Case], seconds: float) -> Round | None:
    """The results of the proxy of that name, None if it is not installed here."""
    try:
        peer = peers.start(name)
    except peers.Absent as missing:
        sys.stderr.write(f"not compared: {missing}\n")
        return None
    with peer, ThreadPoolExecutor(AT_ONCE) as players:
        found = list(players.map(lambda case: breach_of(case, peer.address, seconds), cases))
        if not peer.child.running():
            sys.stderr.write(f"{name} has ended by itself during the cases\n")
    return Round(name, peer.version, {case.name: told for case, told in zip(cases, found, strict=True)})


def breach_of(case: Case, proxy: tuple[str, int], seconds: float) -> str:
    """What the proxy did against the case, "" if nothing."""
    try:
        with Scene(proxy, seconds) as scene:
            case.play(scene)
    except Breach as breach:
        return str(breach) or "breach"
    except OSError as fault:
        return f"no connection: {fault}"
    return ""
