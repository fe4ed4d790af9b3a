"""All that is told of a colour or a palette, as plain objects: what pages show and JSON says are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netsuite.colors import palette, scheme, spaces
from netsuite.colors.colour import BLACK, WHITE, Colour
from netsuite.colors.contrast import AA, AAA, cut, ink, passing, verdict
from netsuite.colors.names import names_of, nearest

Facts = dict[str, Any]


def colour_facts(colour: Colour, on: Colour | None = None, over: Colour | None = None) -> Facts:
    """What is known of a colour; ``on``: of text, else of the better of black and white; ``over``: below it.

    Ratios are cut to two decimals, distances are ΔE OK.
    """
    ground = colour.over((over or WHITE).opaque)
    text = on if on is not None else ink(ground)
    found = nearest(colour.opaque)
    return {
        "hex": colour.hex,
        "name": (*names_of(colour), None)[0],
        "nearest": {"name": found[0], "hex": found[1].hex, "deltaE": round(found[2], 2)},
        "contrast": _verdict(ground, text),
        "passing": _both(ground, text.over(ground)),
        "passing_on": _both(text.over(ground), ground),
        "black": _verdict(ground, BLACK),
        "white": _verdict(ground, WHITE),
        "names": list(names_of(colour)),
        "alpha": round(colour.alpha / 255, 4),
        "over": None if colour.alpha == 255 else (over or WHITE).opaque.hex,
        "seen": ground.hex,
        **_spaces(colour),
        "tints": [one.hex for one in scheme.tints(colour.opaque)],
        "shades": [one.hex for one in scheme.shades(colour.opaque)],
        "complement": scheme.complement(colour.opaque).hex,
        "triad": [one.hex for one in scheme.triad(colour.opaque)],
        "visions": {vision: _vision(vision, ground, text.over(ground)) for vision in scheme.VISIONS},
    }


def _verdict(ground: Colour, text: Colour) -> Facts:
    told = verdict(ground, text)
    return {"on": text.hex, "ratio": told.shown, **told.levels}


def _both(colour: Colour, against: Colour) -> Facts:
    return {"aa": _passing(colour, against, AA), "aaa": _passing(colour, against, AAA)}


def _passing(colour: Colour, against: Colour, least: float) -> Facts | None:
    found = passing(colour, against, least)
    if found is None:
        return None
    return {"hex": found.colour.hex, "ratio": cut(found.ratio), "deltaE": round(found.distance, 4)}


def _spaces(colour: Colour) -> Facts:
    hue, saturation, lightness = spaces.hsl(colour)
    _, whiteness, blackness = spaces.hwb(colour)
    perceived, chroma, angle = spaces.oklch(colour)
    cyan, magenta, yellow, key = spaces.cmyk(colour)
    return {
        "rgb": list(colour[:3]),
        "hsl": [round(hue, 2), round(100 * saturation, 2), round(100 * lightness, 2)],
        "hwb": [round(hue, 2), round(100 * whiteness, 2), round(100 * blackness, 2)],
        "oklch": [round(perceived, 5), round(chroma, 5), round(angle, 3)],
        "cmyk_approximate": [round(100 * part, 1) for part in (cyan, magenta, yellow, key)],
    }


def _vision(vision: str, ground: Colour, text: Colour) -> Facts:
    here, there = scheme.seen_by(vision, ground), scheme.seen_by(vision, text)
    return {"hex": here.hex, "on": there.hex, "deltaE": round(spaces.difference(here, there), 4)}


def palette_facts(colours: Sequence[Colour]) -> Facts:
    """What is known of a palette: its colours, all pairs, and which are hardest to tell apart, for whom."""
    return {
        "colors": [{"hex": one.hex, "name": (*names_of(one), None)[0]} for one in colours],
        "pairs": [
            {"a": one.hex, "b": other.hex, "ratio": cut(value), "aa": value >= AA, "aaa": value >= AAA}
            for (one, other), value in palette.pairs(colours)
        ],
        "closest": {
            vision: {"a": one.hex, "b": other.hex, "deltaE": round(apart, 4)}
            for vision, ((one, other), apart) in palette.closest_for_all(colours).items()
        },
    }
