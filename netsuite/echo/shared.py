"""What all connections of an echo service share: settings, faults of this moment, counts, the transcript."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import Any

from prometheus_client.core import Metric

from netsuite import journal
from netsuite.crowd import Crowd
from netsuite.echo.faults import Faults
from netsuite.echo.settings import Settings
from netsuite.echo.told import plain, shown
from netsuite.echo.transcript import Transcript
from netsuite.metrics import Counters, counted, labelled

#: What can befall a line, as metrics call it.
KINDS = ("latency", "drop", "corrupt", "reset", "stall", "truncate", "slow", "close-after")


class Shared:
    """One for a service.  ``faults`` hold for each connection that has none of its own."""

    def __init__(self, settings: Settings, crowd: Crowd, reactor: Any) -> None:
        self.settings, self.crowd, self.reactor = settings, crowd, reactor
        self.now = time.time
        self.faults = settings.faults
        self.seed = secrets.randbits(32) if settings.seed is None else settings.seed
        self.counts = dict.fromkeys(KINDS, 0)
        self.lines = 0  # echoed, since the start; of --raw, pieces
        self.refusals = {"line": 0, "head": 0}
        self.bytes = {"to_client": 0, "from_client": 0}
        self._number = 0
        self.transcript: Transcript | None = None
        if settings.record is not None:
            self.transcript = Transcript(
                settings.record, settings.max_record, reactor.seconds, lambda: self.now()
            )

    def next_number(self) -> int:
        """Return the number of the connection that begins: its chance depends on it."""
        self._number += 1
        return self._number

    def change(self, faults: Faults, seed: int | None, by: str) -> None:
        """These faults hold from the next line on.  With a seed, connections are numbered from 1 again."""
        self.faults = faults
        if seed is not None:
            self.seed, self._number = seed, 0
        journal.echo_faults(by=by, text=f"{shown(faults)}, seed {self.seed}")

    def become(self, settings: Settings) -> None:
        """These settings hold for connections from now on; their faults and seed, if they are others."""
        before, self.settings = self.settings, settings
        if settings.faults != before.faults or settings.seed != before.seed:
            self.change(settings.faults, settings.seed, by="settings")

    def told(self) -> dict[str, object]:
        """Return the faults of this moment as JSON has them."""
        return {**plain(self.faults), "seed": self.seed}

    def collect(self) -> Iterable[Metric]:
        """Return the sums so far, for /metrics."""
        lines = ("Lines answered; of --raw, pieces.", lambda: float(self.lines))
        yield from Counters(echo_lines=lines).collect()
        bytes_told = counted("bytes", "Bytes that came and went.", "direction", self.bytes)
        refused = counted("refusals", "Connections ended for what they sent.", "cause", self.refusals)
        yield from labelled((bytes_told, refused), listener="port")
        yield counted("echo_faults", "Faults done, by kind.", "kind", self.counts)
