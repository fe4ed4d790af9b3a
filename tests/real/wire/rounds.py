"""One proxy and all cases: its results."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from tests.real.wire import proxies
from tests.real.wire.cases import Case
from tests.real.wire.line import Breach
from tests.real.wire.scene import Scene

#: Cases at once: most of their time is waiting for a proxy that is silent.
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Round:
    """What a proxy did.  ``breaches``: by the case's name, "" if it was met; without those it can't play."""

    name: str
    version: str
    breaches: dict[str, str]

    def share(self, cases: Sequence[Case]) -> tuple[int, int]:
        """How many of the cases it met, and of how many."""
        found = [self.breaches[case.name] for case in cases if case.name in self.breaches]
        return found.count(""), len(found)

    def mark(self, case: Case) -> str:
        """How a table says what became of the case."""
        if case.name not in self.breaches:
            return "-"
        return "no" if self.breaches[case.name] else "yes"


def round_of(name: str, cases: Sequence[Case], seconds: float) -> Round | None:
    """The results of the proxy of that name, None if it is not installed here."""
    try:
        peer = proxies.start(name)
    except peers.Absent as missing:
        sys.stderr.write(f"not compared: {missing}\n")
        return None
    found = played(peer, [case for case in cases if not case.login], seconds)
    locked = [case for case in cases if case.login]
    with tempfile.TemporaryDirectory() as folder:
        door = proxies.start_locked(name, Path(folder)) if locked else None
        if door is not None:
            found |= played(door, locked, seconds, at_once=1)
    return Round(name, peer.version, found)


def played(peer: peers.Peer, cases: Sequence[Case], seconds: float, at_once: int = AT_ONCE) -> dict[str, str]:
    """What a running proxy did in each case; it is stopped afterwards."""
    with peer, ThreadPoolExecutor(at_once) as players:
        found = list(players.map(lambda case: breach_of(case, peer.address, seconds), cases))
        if not peer.child.running():
            sys.stderr.write(f"{peer.name} has ended by itself during the cases\n")
    return {case.name: told for case, told in zip(cases, found, strict=True)}


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
