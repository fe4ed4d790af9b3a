"""Several colours together: every pair's contrast, and files that other programs read.

Formats: GIMP's palette (GPL, "GIMP Palette" and a line a colour), Adobe Swatch Exchange (ASE 1.0: blocks,
big-endian, names in UTF-16), CSS custom properties.  None has a place for opacity; so a palette has opaque
colours only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import combinations

from netsuite.colors.colour import Colour
from netsuite.colors.contrast import ratio
from netsuite.colors.names import names_of
from netsuite.colors.parse import NoColour, parse
from netsuite.colors.scheme import VISIONS, seen_by
from netsuite.colors.spaces import difference

#: Fewest and most colours: 24 have 276 pairs.
LEAST, MOST = 2, 24

Pair = tuple[Colour, Colour]


def parse_palette(text: str) -> tuple[Colour, ...]:
    """The colours of ``a-b-c``, each once, in their order; commas and spaces part them, too.

    Raises: NoColour, with the part that is none, or what else is wrong.
    """
    parts = [part for part in text.replace(",", "-").replace(" ", "-").split("-") if part]
    if len(parts) > MOST:
        raise NoColour(f"a palette has at most {MOST} colours")
    colours = []
    for part in parts:
        try:
            colours.append(parse(part).opaque)
        except NoColour:
            raise NoColour(part) from None
    found = tuple(dict.fromkeys(colours))
    if len(found) < LEAST:
        raise NoColour(f"a palette has at least {LEAST} colours")
    return found


def path_of(colours: Sequence[Colour]) -> str:
    """The one way of writing the palette."""
    return "-".join(colour.hex for colour in colours)


def pairs(colours: Sequence[Colour]) -> Iterator[tuple[Pair, float]]:
    """Each pair and its contrast, as the first is compared with all others, and so on."""
    for one, other in combinations(colours, 2):
        yield (one, other), ratio(one, other)


def closest(colours: Sequence[Colour], vision: str | None = None) -> tuple[Pair, float]:
    """The two that are hardest to tell apart, for somebody who sees so, and ΔE OK between what is seen."""

    def apart(pair: Pair) -> float:
        if vision is None:
            return difference(*pair)
        return difference(seen_by(vision, pair[0]), seen_by(vision, pair[1]))

    pair = min(combinations(colours, 2), key=apart)
    return pair, apart(pair)


def closest_for_all(colours: Sequence[Colour]) -> dict[str, tuple[Pair, float]]:
    """The same for every vision that we know of; "usual" is that of most people."""
    return {"usual": closest(colours), **{vision: closest(colours, vision) for vision in VISIONS}}


def label(colour: Colour) -> str:
    """What a colour is called in a file."""
    return (*names_of(colour), colour.hex)[0]


def gpl(colours: Sequence[Colour]) -> bytes:
    """The palette for GIMP, Inkscape and Krita."""
    lines = ["GIMP Palette", f"Name: {path_of(colours)}", f"Columns: {len(colours)}", "#"]
    lines += [
        f"{red:3} {green:3} {blue:3}\t{label(Colour(red, green, blue))}" for red, green, blue, _ in colours
    ]
    return "\n".join(lines).encode() + b"\n"


def ase(colours: Sequence[Colour]) -> bytes:
    """The palette for Adobe's programs."""
    blocks = []
    for colour in colours:
        name = label(colour).encode("utf-16-be") + b"\0\0"
        parts = struct.pack(">fff", *(part / 255 for part in colour[:3]))
        data = struct.pack(">H", len(name) // 2) + name + b"RGB " + parts + struct.pack(">H", 2)
        blocks.append(struct.pack(">HI", 1, len(data)) + data)
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks)) + b"".join(blocks)


def css(colours: Sequence[Colour]) -> bytes:
    """The palette as CSS custom properties."""
    lines = [f"  --color-{number}: #{colour.hex};" for number, colour in enumerate(colours, 1)]
    return "\n".join([":root {", *lines, "}"]).encode() + b"\n"
