"""From what people write for a colour to the colour, or to the nearest thing they may have meant.

Digits and names are read here; all that CSS Color 4 has besides (``rgb()``, ``hsl()``, ``oklch()``,
``color()``) by coloraide, and what no screen shows is brought to the nearest that one does, hue and lightness
kept.  Text is cut short before anything else looks at it.
"""

from __future__ import annotations

import difflib
import math
import re

from coloraide import Color

from netsuite.colors.colour import Colour
from netsuite.colors.names import NAMES

#: Longest text that is read as a colour; the longest in use are under 60 characters.
TEXT_MAX = 100

_DIGITS = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_FUNCTION = re.compile(r"[a-z][a-z0-9-]*\(.*\)|transparent")
_DIGITS_INSIDE = re.compile(r"\b([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3})\b")
_LOOKS_LIKE_DIGITS = re.compile(r"#?[0-9a-zA-Z]{1,9}")

#: What is often typed for a digit.
_SLIPS = str.maketrans({"o": "0", "l": "1", "i": "1", "q": "9", "s": "5", "z": "2"})


class NoColour(ValueError):  # noqa: N818 - an answer, not a mistake of ours
    """The text names no colour."""


def parse(text: str) -> Colour:
    """The colour that a text names.  Raises: NoColour."""
    if len(text) > TEXT_MAX:
        raise NoColour("a colour is written shorter")
    plain = text.strip().lower()
    match = _DIGITS.fullmatch(plain)
    if match is not None:
        digits = match[1]
        return Colour.of("".join(2 * digit for digit in digits) if len(digits) < 5 else digits)
    if plain in NAMES:
        return NAMES[plain]
    if not plain.isascii() or _FUNCTION.fullmatch(plain) is None:
        raise NoColour("neither digits nor a name")
    return _function(plain)


def _function(text: str) -> Colour:
    """The colour of a CSS function.  Raises: NoColour."""
    try:
        found = Color(text)
        converted = found.convert("srgb")
        if not converted.in_gamut(tolerance=0):
            converted.fit(method="oklch-chroma")
        parts = [0.0 if math.isnan(part) else float(part) for part in converted]
        red, green, blue, alpha = (min(max(part, 0.0), 1.0) for part in parts)
    except (ValueError, ArithmeticError):
        raise NoColour("no colour that CSS knows") from None
    return Colour(*(math.floor(255 * part + 0.5) for part in (red, green, blue, alpha)))


def guesses(text: str) -> list[Colour]:
    """What a text that names no colour may be meant for, the likeliest first; at most three."""
    plain = text[:TEXT_MAX].strip().lower()
    words = difflib.get_close_matches(plain, NAMES, n=2, cutoff=0.75)
    found = [NAMES[word] for word in words]
    if not found and _LOOKS_LIKE_DIGITS.fullmatch(plain):
        found = [Colour.of(digits) for digits in _mended(plain.removeprefix("#"))]
    if not found and (inner := _DIGITS_INSIDE.search(plain)) is not None:
        found = [parse(inner[1])]
    return list(dict.fromkeys(found))[:3]


def _mended(digits: str) -> list[str]:
    """Six or eight digits made of what looks like them: slips undone, one doubled, one too many left out."""
    slips = sum(digit not in "0123456789abcdef" for digit in digits)
    digits = digits.translate(_SLIPS)
    if 2 * slips > len(digits) or not re.fullmatch("[0-9a-f]+", digits):
        return []
    match len(digits):
        case 1 | 2:
            return [digits * (6 // len(digits))]
        case 3 | 4:
            return ["".join(2 * digit for digit in digits)]
        case 5 | 7:
            doubled = [digits[:at] + digits[at - 1 : at] + digits[at:] for at in range(1, len(digits) + 1)]
            shorter = [digits[:at] + digits[at + 1 :] for at in reversed(range(7))]
            return doubled if len(digits) == 5 else [*shorter, *doubled]
        case 6 | 8:
            return [digits]
        case 9:
            return [digits[:8], digits[:6]]
    return []
