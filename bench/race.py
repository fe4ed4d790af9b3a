"""One load's race: its peers run side by side on the proxy's core and take turns in rounds."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import peers
from bench.loads import LOADS, ONCE, TUNNELS, WARMED, Figures, Spoiled
from bench.origin import Origin
from bench.peers import Peer
from bench.processes import pin
from tests.real.parts import PartError


@dataclass(frozen=True, slots=True)
class Cores:
    """Where the proxies run, and where the load and the origin do."""

    proxy: set[int]
    load: set[int]

    @classmethod
    def of_machine(cls, proxies: int = 1) -> Cores:
        """So many cores for the proxies, if as many remain for the load; else all share all of them."""
        every = sorted(os.sched_getaffinity(os.getppid()) | os.sched_getaffinity(0))
        if len(every) < 2 * proxies:
            return cls(set(every), set(every))
        return cls(set(every[-proxies:]), set(every[:-proxies]))


class Race:
    """The rounds of a load: ``rounds`` has each peer's figures, or why it has none."""

    def __init__(self, load: str, origin: Origin, cores: Cores) -> None:
        self._load, self._origin, self._cores = load, origin, cores
        self._running: dict[str, Peer] = {}
        self.rounds: dict[str, list[Figures] | str] = {}
        os.sched_setaffinity(0, cores.load)
        pin(origin.pids(), cores.load)

    def enter(self, name: str, peer: str, options: Sequence[str] = ()) -> str:
        """The peer runs, under a name of this race; return its version, or nothing if it can't."""
        self.rounds[name] = []
        try:
            entered = peers.start(peer, self._origin.address, *options)
        except (peers.Absent, PartError) as error:
            self.rounds[name] = str(error).split("\n")[0]
            return ""
        self._running[name] = entered
        pin(entered.pids(), self._cores.proxy)
        if self._load in TUNNELS and not entered.tunnels:
            self.rounds[name] = "has no tunnels"
        return entered.version

    def run(self, rounds: int, seconds: float) -> Mapping[str, list[Figures] | str]:
        """Each peer had its rounds; return what came of them."""
        for number in range(1 if self._load in ONCE else rounds):
            for name, peer in self._running.items():
                figures = self.rounds[name]
                if isinstance(figures, str):
                    continue
                try:
                    if number == 0 and self._load in WARMED:
                        LOADS[self._load](peer, self._origin, 1.0)
                    figures.append(LOADS[self._load](peer, self._origin, seconds))
                except (Spoiled, OSError) as error:
                    self.rounds[name] = str(error) or repr(error)
                told = self.rounds[name] if isinstance(self.rounds[name], str) else _brief(figures[-1])
                print(f"  {self._load} {number + 1} {name}: {told}", file=sys.stderr, flush=True)
        return self.rounds

    def stop(self) -> None:
        """Its peers are gone."""
        for peer in self._running.values():
            peer.stop()


def _brief(figures: Figures) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in figures.items())
