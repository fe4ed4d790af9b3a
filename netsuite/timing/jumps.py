"""What the clocks did between two looks at them: steps, slews, suspends, and stalls of the process.

Theory (Linux, clock_gettime(2)).  Five clocks are read together, again and again, a *tick* apart:

- MONOTONIC never jumps, and stands still while the machine is suspended; BOOTTIME is the same, but goes on.
  What BOOTTIME gained on MONOTONIC is a **suspend**.
- REALTIME goes on during a suspend too.  What it gained on BOOTTIME, or lost, at once, is a **step**:
  somebody set it.
- NTP sets a clock right by letting it run faster or slower.  REALTIME and MONOTONIC then do so together, only
  MONOTONIC_RAW keeps the hardware's pace.  Up to 500 ppm that is how the kernel corrects a crystal
  (adjtimex(2)); more, over a few seconds, is a **slew**.
- A process that did not run sees its next tick late by MONOTONIC, which no other of these does: a **stall**.
  The processor time that it used meanwhile tells one that computed from one that was held up.

The clocks are read one after the other; ``spread`` is how far apart, and nothing below it is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: Seconds of which a suspend and a step have to be.  A smaller change within a tick passes for a slew: those
#: who step clocks do so from 0.1 s on (ntpd 0.128, systemd-timesyncd 0.4), and a slew may be as fast as 8 %.
SUSPEND_SECONDS = 0.05
STEP_SECONDS = 0.1
STEP_PART = 0.1
STEP_LEAST = 0.01

#: A slew is more than so many millionths, over so many seconds; at the end over at least so many.
SLEW_PPM = 500.0
SLEW_SECONDS = 5.0
SLEW_SHORTEST = 1.0
SLEW_LEAST = 0.001


@dataclass(frozen=True, slots=True)
class Sample:
    """What the clocks showed at one moment, in seconds, and the processor time used so far."""

    real: float
    monotonic: float
    boot: float
    raw: float
    cpu: float = 0.0
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class Jump:
    """What happened, and how much of it: ``seconds`` are negative where a clock lost time.

    ``kind``: ``step``, ``slew``, ``suspend`` or ``stall``; ``real``: the wall clock's time when it was seen;
    ``ppm``: of a slew; ``cpu``: processor seconds used during a stall.
    """

    kind: str
    seconds: float
    real: float
    ppm: float | None = None
    cpu: float | None = None

    def record(self) -> dict[str, object]:
        """Return it for JSON."""
        told: dict[str, object] = {
            "kind": self.kind,
            "seconds": round(self.seconds, 6),
            "at": round(self.real, 3),
        }
        if self.ppm is not None:
            told["ppm"] = round(self.ppm)
        if self.cpu is not None:
            told["cpu"] = round(self.cpu, 6)
        return told

    def __str__(self) -> str:
        if self.kind == "step":
            return f"step of {self.seconds:+.3f} s"
        if self.kind == "slew":
            return f"slew of {self.seconds:+.3f} s ({self.ppm:+.0f} ppm)"
        if self.kind == "suspend":
            return f"suspend of {self.seconds:.3f} s"
        return f"stall of {self.seconds:.3f} s ({self.cpu or 0.0:.3f} s of it computing)"


@dataclass(slots=True)
class _Window:
    """A stretch over which a slew is looked for.  ``known``: seconds of steps and suspends within it."""

    first: Sample
    known: float = 0.0
    found: list[float] = field(default_factory=lambda: [0.0, 0.0])  # drift and seconds of the slew so far


class Watch:
    """Takes samples, a tick apart, and tells what happened between them.

    ``tick``: seconds between two samples where all is well; ``over``: seconds from which a stall is told.
    """

    def __init__(self, tick: float, over: float) -> None:
        self._tick, self._over = tick, over
        self._last: Sample | None = None
        self._window: _Window | None = None

    def take(self, now: Sample) -> list[Jump]:
        """Return what happened since the sample before."""
        last, self._last = self._last, now
        if last is None or self._window is None:
            self._window = _Window(now)
            return []
        jumps = list(self._stalled(last, now))
        noise = now.spread + last.spread
        monotonic, boot = now.monotonic - last.monotonic, now.boot - last.boot
        suspended = boot - monotonic
        if suspended > SUSPEND_SECONDS + noise:
            jumps.append(Jump("suspend", suspended, now.real))
            self._window.known += suspended
        stepped = now.real - last.real - boot
        if abs(stepped) > max(STEP_LEAST, min(STEP_SECONDS, STEP_PART * boot)) + noise:
            jumps.append(Jump("step", stepped, now.real))
            self._window.known += stepped
        if now.raw - self._window.first.raw >= SLEW_SECONDS:
            jumps += self._slewed(now)
        return jumps

    def end(self) -> list[Jump]:
        """Return what is left to tell after the last sample."""
        window, last = self._window, self._last
        if window is None or last is None:
            return []
        if last.raw - window.first.raw < SLEW_SHORTEST:
            return self._slew(window.found, last)
        jumps = self._slewed(last)
        return jumps + self._slew(self._window.found if self._window else [], last)

    def _stalled(self, last: Sample, now: Sample) -> list[Jump]:
        late = now.monotonic - last.monotonic - self._tick
        if late <= self._over:
            return []
        return [Jump("stall", late, now.real, cpu=min(late, now.cpu - last.cpu))]

    def _slewed(self, now: Sample) -> list[Jump]:
        """Close the window; a slew is told once it is over."""
        window = self._window
        assert window is not None  # noqa: S101 - who calls has looked
        seconds = now.raw - window.first.raw
        drift = now.real - window.first.real - window.known - seconds
        fast = abs(drift) > max(seconds * SLEW_PPM / 1e6, SLEW_LEAST + now.spread + window.first.spread)
        found, self._window = window.found, _Window(now)
        if fast and found[0] * drift >= 0:
            self._window.found = [found[0] + drift, found[1] + seconds]
            return []
        if fast:
            self._window.found = [drift, seconds]
        return self._slew(found, now)

    @staticmethod
    def _slew(found: list[float], now: Sample) -> list[Jump]:
        if not found or not found[1]:
            return []
        return [Jump("slew", found[0], now.real, ppm=found[0] / found[1] * 1e6)]
