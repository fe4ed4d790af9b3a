"""The same colour in other spaces: linear light, OKLab and OKLCH, HSL, HWB, CMYK; and the distance of two.

Source: CSS Color Module Level 4 §10 (its sample code), Björn Ottosson's "A perceptual color space for image
processing" (OKLab).  The distance is ΔE OK: the straight line between two colours in OKLab.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from netsuite.colors.colour import Colour

Triple = tuple[float, float, float]

#: Below this an OKLCH colour has no hue: it is a grey.
GREY_CHROMA = 4e-6


def linear(part: int) -> float:
    """The light of a part from 0 to 255, from 0 to 1."""
    return _LINEAR[part]


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


_LINEAR = [_linear(part / 255) for part in range(256)]


def encoded(light: float) -> float:
    """The part of sRGB, from 0 to 1, that has this light; other light than a screen's is mirrored."""
    size = abs(light)
    part = size * 12.92 if size <= 0.0031308 else 1.055 * size ** (1 / 2.4) - 0.055
    return math.copysign(part, light)


def oklab(colour: Colour) -> Triple:
    """Lightness from 0 to 1, and the two axes green-red and blue-yellow."""
    red, green, blue = (_LINEAR[part] for part in colour[:3])
    long = math.cbrt(0.4122214694707629 * red + 0.5363325372617349 * green + 0.0514459932675022 * blue)
    medium = math.cbrt(0.2119034958178251 * red + 0.6806995506452344 * green + 0.1073969535369405 * blue)
    short = math.cbrt(0.0883024591900564 * red + 0.2817188391361215 * green + 0.6299787016738222 * blue)
    return (
        0.2104542683093140 * long + 0.7936177747023054 * medium - 0.0040720430116193 * short,
        1.9779985324311684 * long - 2.4285922420485799 * medium + 0.4505937096174110 * short,
        0.0259040424655478 * long + 0.7827717124575296 * medium - 0.8086757549230774 * short,
    )


def light_of(lightness: float, green_red: float, blue_yellow: float) -> Triple:
    """The linear red, green and blue of a colour in OKLab; outside 0 to 1 no screen of ours shows it."""
    long = (lightness + 0.3963377773761749 * green_red + 0.2158037573099136 * blue_yellow) ** 3
    medium = (lightness - 0.1055613458156586 * green_red - 0.0638541728258133 * blue_yellow) ** 3
    short = (lightness - 0.0894841775298119 * green_red - 1.2914855480194092 * blue_yellow) ** 3
    return (
        4.0767416360759583 * long - 3.3077115392580629 * medium + 0.2309699031821043 * short,
        -1.2684379732850315 * long + 2.6097573492876882 * medium - 0.3413193760026570 * short,
        -0.0041960761386756 * long - 0.7034186179359362 * medium + 1.7076146940746117 * short,
    )


def oklch(colour: Colour) -> Triple:
    """Lightness, chroma, and hue in degrees; a grey has chroma and hue 0."""
    lightness, green_red, blue_yellow = oklab(colour)
    chroma = math.hypot(green_red, blue_yellow)
    if chroma < GREY_CHROMA or colour[0] == colour[1] == colour[2]:
        return lightness, 0.0, 0.0
    return lightness, chroma, math.degrees(math.atan2(blue_yellow, green_red)) % 360


def shown(light: Iterable[float]) -> Colour:
    """The nearest colour of 24 bits with this linear light, each part cut to what there is."""
    return Colour(*(round(255 * encoded(min(max(part, 0.0), 1.0))) for part in light))


def of_oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """The colour of this lightness and hue, and of as much chroma as a screen has (CSS Color 4 §13)."""
    if lightness <= 0:
        return Colour(0, 0, 0)
    if lightness >= 1:
        return Colour(255, 255, 255)
    along, across = math.cos(math.radians(hue)), math.sin(math.radians(hue))
    light = light_of(lightness, chroma * along, chroma * across)
    if not fits(light):
        low, high = 0.0, chroma
        while high - low > 1e-5:
            middle = (low + high) / 2
            if fits(light_of(lightness, middle * along, middle * across)):
                low = middle
            else:
                high = middle
        light = light_of(lightness, low * along, low * across)
    return shown(light)


def fits(light: Triple) -> bool:
    """Whether a screen shows this light, but for what rounding takes away anyway."""
    return all(-1e-4 <= part <= 1.0001 for part in light)


def difference(one: Colour, other: Colour) -> float:
    """ΔE OK of two opaque colours: 0 for equal ones, 1 for black and white, about 0.02 just seen."""
    return math.dist(oklab(one), oklab(other))


def hsl(colour: Colour) -> Triple:
    """Hue in degrees, saturation and lightness from 0 to 1.  Source: CSS Color 4 §7.2."""
    red, green, blue = (part / 255 for part in colour[:3])
    most, least = max(red, green, blue), min(red, green, blue)
    lightness, spread = (most + least) / 2, most - least
    if not spread:
        return 0.0, 0.0, lightness
    saturation = (most - lightness) / min(lightness, 1 - lightness)
    if most == red:
        hue = (green - blue) / spread % 6
    elif most == green:
        hue = (blue - red) / spread + 2
    else:
        hue = (red - green) / spread + 4
    return hue * 60, saturation, lightness


def hwb(colour: Colour) -> Triple:
    """Hue in degrees, whiteness and blackness from 0 to 1.  Source: CSS Color 4 §8."""
    return hsl(colour)[0], min(colour[:3]) / 255, 1 - max(colour[:3]) / 255


def cmyk(colour: Colour) -> tuple[float, float, float, float]:
    """Cyan, magenta, yellow and black, naively: what is printed depends on a profile (CSS Color 5 §7)."""
    key = 1 - max(colour[:3]) / 255
    if key == 1:
        return 0.0, 0.0, 0.0, 1.0
    cyan, magenta, yellow = ((1 - part / 255 - key) / (1 - key) for part in colour[:3])
    return cyan, magenta, yellow, key
