"""Colours that belong to a colour: tints, shades, complement, triad; and how others see it.

Sources: OKLCH for what keeps its look while lightness or hue changes; G. Machado, M. Oliveira, L. Fernandes,
"A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), its matrices for full
severity, in linear light.
"""

from __future__ import annotations

from netsuite.colors.colour import Colour
from netsuite.colors.spaces import linear, of_oklch, oklch, shown

#: Tints, and as many shades.
STEPS = 5

#: Published matrices: rows make red, green and blue.
VISIONS = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def tints(colour: Colour) -> list[Colour]:
    """The colour on its way to white, in equal steps of lightness, without both ends."""
    return _towards(colour, 1.0)


def shades(colour: Colour) -> list[Colour]:
    """The colour on its way to black."""
    return _towards(colour, 0.0)


def _towards(colour: Colour, end: float) -> list[Colour]:
    lightness, chroma, hue = oklch(colour)
    found = []
    for step in range(1, STEPS + 1):
        share = step / (STEPS + 1)
        found.append(of_oklch(lightness + (end - lightness) * share, chroma * (1 - share), hue))
    return found


def turned(colour: Colour, degrees: float) -> Colour:
    """The colour of another hue, as light as this one."""
    lightness, chroma, hue = oklch(colour)
    return of_oklch(lightness, chroma, (hue + degrees) % 360) if chroma else colour


def complement(colour: Colour) -> Colour:
    """The colour of the opposite hue; a grey is its own."""
    return turned(colour, 180)


def triad(colour: Colour) -> list[Colour]:
    """The two colours that part the circle of hues into three with this one."""
    return [turned(colour, 120), turned(colour, 240)]


def seen_by(vision: str, colour: Colour) -> Colour:
    """What somebody without one kind of cones takes an opaque colour for."""
    light = [linear(part) for part in colour[:3]]
    return shown(
        sum(part * weight for part, weight in zip(light, row, strict=True)) for row in VISIONS[vision]
    )
