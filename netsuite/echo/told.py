"""Faults as people write them: on the command line, as JSON to the admin listener, as a client's first line.

One table of names serves all three, and the way back, for logs and answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from netsuite.echo.faults import CALM, DIRECTIONS, Faults
from netsuite.values import parse_seconds, parse_size

#: Longest latency in seconds; a client that waits longer has forgotten why.
LATENCY_MAX = 3600.0

#: Highest count and size.
COUNT_MAX = 1 << 40

_SPREAD = re.compile(r"\s*(?:±|\+-|\+/-)\s*")


class BadFault(ValueError):  # noqa: N818 - of a setting, not of ours
    """A fault that can't be; ``field``: its name as it was given."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def parse_latency(text: str) -> tuple[float, float]:
    """Return the seconds and their spread of ``200ms`` or ``200ms±50ms`` (or ``+-``).  Raises: ValueError."""
    mean, *spreads = _SPREAD.split(text.strip(), maxsplit=1)
    seconds = parse_seconds(mean)
    spread = parse_seconds(spreads[0]) if spreads else 0.0
    if spread > seconds:
        raise ValueError("spreads below zero; write 200ms±50ms")
    if seconds + spread > LATENCY_MAX:
        raise ValueError(f"is longer than {LATENCY_MAX:.0f} s")
    return seconds, spread


def parse_probability(text: str) -> float:
    """Return the probability of ``0.1`` or ``10%``.  Raises: ValueError."""
    try:
        value = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError("is no probability; write 0.1 or 10%")
    return value


def parse_speed(text: str) -> int:
    """Return bytes a second of ``1024``, ``1KiB`` or ``1KiB/s``.  Raises: ValueError."""
    return _counted(parse_size(text.strip().removesuffix("/s")))


def parse_count(text: str) -> int:
    """Return a number from 1 on.  Raises: ValueError."""
    if not text.isdecimal() or not text.isascii() or len(text) > 15:
        raise ValueError("is no number from 1 on")
    return _counted(int(text))


def _counted(number: int) -> int:
    if not 1 <= number <= COUNT_MAX:
        raise ValueError(f"is not from 1 to {COUNT_MAX}")
    return number


def parse_direction(text: str) -> str:
    """Return ``in``, ``out`` or ``both``.  Raises: ValueError."""
    if text not in DIRECTIONS:
        raise ValueError("is neither in, out nor both")
    return text


#: Each knob: how it is written, the field that it sets, and how its text is read.
KNOBS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "latency": ("latency", parse_latency),
    "latency-dir": ("direction", parse_direction),
    "drop": ("drop", parse_probability),
    "corrupt": ("corrupt", parse_probability),
    "reset": ("reset", parse_probability),
    "stall": ("stall", parse_probability),
    "truncate": ("truncate", lambda text: _counted(parse_size(text))),
    "slow": ("slow", parse_speed),
    "close-after": ("close_after", parse_count),
}


def changed(faults: Faults, told: Iterable[tuple[str, object]]) -> Faults:
    """Return ``faults`` with what is told; a value of None switches a knob off.  Raises: BadFault."""
    values: dict[str, Any] = {}
    for name, value in told:
        if name not in KNOBS:
            raise BadFault(name, f"no such fault; there is {', '.join(KNOBS)}")
        field, parse = KNOBS[name]
        if value is None:
            values[field] = getattr(CALM, field)
            parsed: Any = (0.0, 0.0) if name == "latency" else values[field]
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            raise BadFault(name, "is neither text nor a number")
        else:
            try:
                parsed = parse(str(value))
            except ValueError as error:
                raise BadFault(name, f"{str(value)[:80]!r} {error}") from None
        if name == "latency":
            values["latency"], values["spread"] = parsed
        else:
            values[field] = parsed
    return replace(faults, **values)


def of_line(faults: Faults, words: bytes) -> Faults:
    """Return ``faults`` with what a line says: ``latency=1s drop=10%``, or ``off``.  Raises: BadFault."""
    told: list[tuple[str, object]] = []
    for word in words.decode("utf-8", "replace").split():
        name, equals, value = word.partition("=")
        if name == "off" and not equals:
            faults = CALM
        elif not equals:
            raise BadFault(name, "has no value; write latency=1s")
        else:
            told.append((name, value))
    return changed(faults, told)


def plain(faults: Faults) -> dict[str, object]:
    """Return faults as JSON has them: every knob, None where it is off."""
    if faults.latency:
        latency = f"{faults.latency:g}s" + (f"±{faults.spread:g}s" if faults.spread else "")
    return {
        name: getattr(faults, field) or None if name != "latency" else (latency if faults.latency else None)
        for name, (field, _parse) in KNOBS.items()
    }


def shown(faults: Faults) -> str:
    """Return faults as a person writes them: ``latency=1s latency-dir=out drop=0.1``; ``none``."""
    told = {name: value for name, value in plain(faults).items() if value is not None}
    if "latency" not in told:
        told.pop("latency-dir", None)
    return " ".join(f"{name}={value}" for name, value in told.items()) or "none"
