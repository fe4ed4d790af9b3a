"""How well text of one colour reads on another, and the nearest colour that does (WCAG 2.2 §1.4.3, §1.4.6).

Theory of the nearest one.  The contrast of two colours depends on nothing but their luminances, so one side
is changed along its own lightness (OKLCH), hue kept, chroma kept as far as the screen has it at that
lightness.  On this line luminance grows with lightness; a colour passes if it is dark enough or light
enough, so the nearest passing ones are the first on either way from where it stands, and the smaller ΔE OK of
the two is taken.  Rounding to 24 bits makes small steps of a smooth line: the first is therefore searched by
halves and then looked for step by step around the place.  The line ends in black and white, which have the
most contrast there is with anything: where neither of them passes, none exists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from netsuite.colors.colour import BLACK, WHITE, Colour
from netsuite.colors.spaces import difference, linear, of_oklch, oklch

#: What WCAG asks of text; large text (24 px, or 18.66 px bold) needs less.
AA, AA_LARGE, AAA, AAA_LARGE = 4.5, 3.0, 7.0, 4.5

#: Steps of lightness on the line, and how many around a found place are tried: about a step of 24 bits.
LINE_STEPS = 16384
_AROUND = 64


def luminance(colour: Colour) -> float:
    """Relative luminance of an opaque colour, from 0 to 1."""
    return 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])


def ratio(one: Colour, other: Colour) -> float:
    """The contrast of two opaque colours, from 1 to 21."""
    light, dark = luminance(one), luminance(other)
    if light < dark:
        light, dark = dark, light
    return (light + 0.05) / (dark + 0.05)


def cut(value: float) -> float:
    """A ratio to two decimals, never rounded up: 4.499 is 4.49, and has not passed."""
    return math.floor(value * 100 + 1e-9) / 100


def ink(ground: Colour) -> Colour:
    """Black or white, whichever reads better on an opaque colour; the ratio is 4.58 at least."""
    return BLACK if luminance(ground) > 0.17912878 else WHITE


@dataclass(frozen=True, slots=True)
class Verdict:
    """The contrast of text ``on`` a ground, and what it is good for."""

    on: Colour
    ratio: float

    @property
    def shown(self) -> float:
        """The ratio as it is told."""
        return cut(self.ratio)

    @property
    def levels(self) -> dict[str, bool]:
        """Which levels it reaches."""
        return {
            "aa": self.ratio >= AA,
            "aa_large": self.ratio >= AA_LARGE,
            "aaa": self.ratio >= AAA,
            "aaa_large": self.ratio >= AAA_LARGE,
        }


def verdict(ground: Colour, text: Colour) -> Verdict:
    """How ``text`` reads on an opaque ground; text that light shines through is mixed with it first."""
    return Verdict(text, ratio(ground, text.over(ground)))


@dataclass(frozen=True, slots=True)
class Passing:
    """The nearest colour that reaches a ratio, what it reaches, and how far it is from where one was."""

    colour: Colour
    ratio: float
    distance: float


@lru_cache(maxsize=2048)
def passing(colour: Colour, against: Colour, least: float) -> Passing | None:
    """The nearest colour to ``colour`` with this contrast to ``against``; None where none exists.

    Both are opaque.  One that passes already is its own nearest.
    """
    if ratio(colour, against) >= least:
        return Passing(colour, ratio(colour, against), 0.0)
    _, chroma, hue = oklch(colour)
    found = [
        side for end in (0.0, 1.0) if (side := _first(colour, against, least, chroma, hue, end)) is not None
    ]
    return min(found, key=lambda side: side.distance, default=None)


def _first(
    colour: Colour, against: Colour, least: float, chroma: float, hue: float, end: float
) -> Passing | None:
    """The nearest passing colour on the way from ``colour`` to the black (0) or white (1) end of its line."""

    def passes(step: int) -> bool:
        return ratio(of_oklch(step / LINE_STEPS, chroma, hue), against) >= least

    start, last = round(oklch(colour)[0] * LINE_STEPS), round(end * LINE_STEPS)
    if not passes(last):
        return None
    way = 1 if last > start else -1
    near, far = start, last  # near doesn't pass, as far as one knows; far does
    while abs(far - near) > 1:
        middle = (near + far) // 2
        near, far = (near, middle) if passes(middle) else (middle, far)
    best: Passing | None = None
    for step in range(far - way * _AROUND, far + way * (_AROUND + 1), way):
        if 0 <= step <= LINE_STEPS and (step - start) * way >= 0:
            one = of_oklch(step / LINE_STEPS, chroma, hue)
            reached, distance = ratio(one, against), difference(colour, one)
            if reached >= least and (best is None or distance < best.distance):
                best = Passing(one, reached, distance)
    return best
