"""What all of one proxy's connections share: settings, pool, guard's rules, log and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netsuite.access import Htpasswd
from netsuite.crowd import Crowd
from netsuite.http1.limits import Limits
from netsuite.proxy.accesslog import AccessLog
from netsuite.proxy.allowance import Bandwidth, Rate
from netsuite.proxy.hooks import Hooks
from netsuite.proxy.lookout import Lookout
from netsuite.proxy.meter import Meter
from netsuite.proxy.pool import Pool
from netsuite.proxy.rewrite import Via
from netsuite.proxy.route import Rules


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: of silence, for a head, for an origin's first byte, to finish in at a stop, and in all.

    ``total`` 0: a request or tunnel may take as long as it goes on.
    """

    idle: float = 60.0
    header: float = 15.0
    answer: float = 120.0
    drain: float = 10.0
    total: float = 0.0


class Relay:
    """The parts that a client's connection works with.  A reload replaces them between two requests."""

    def __init__(
        self,
        reactor: Any,
        *,
        limits: Limits,
        times: Times,
        rules: Rules,
        pool: Pool,
        via: Via,
        log: AccessLog,
        hooks: Hooks,
        crowd: Crowd,
        access: Htpasswd | None,
        show_client: bool,
        forwarded_for: bool = False,
        rate: Rate | None = None,
        bandwidth: Bandwidth | None = None,
        lookout: Lookout | None = None,
    ) -> None:
        self.reactor, self.limits, self.times, self.rules = reactor, limits, times, rules
        self.pool, self.via, self.log, self.hooks = pool, via, log, hooks
        self.crowd, self.access, self.show_client = crowd, access, show_client
        self.forwarded_for, self.rate, self.bandwidth = forwarded_for, rate, bandwidth
        self.lookout = lookout
        self.meter = Meter()
        self._number, self._step = 0, 1

    def number_by(self, first: int, step: int) -> None:
        """Number exchanges from ``first``, each ``step`` on, so that several relays share one log."""
        self._number, self._step = first, step

    def next_number(self) -> int:
        """Return a new exchange's number, by which log lines belong together."""
        self._number += self._step
        return self._number
