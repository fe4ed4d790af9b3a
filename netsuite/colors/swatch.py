"""A colour as a picture (SVG, PNG) and as style rules, which need no inline style and so no laxer policy."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

from netsuite.colors.colour import WHITE, Colour
from netsuite.colors.contrast import ink

#: Pixels of a side.
SIDE = 64


def svg(colour: Colour) -> bytes:
    """A square picture of the colour."""
    opacity = "" if colour.alpha == 255 else f' fill-opacity="{colour.alpha / 255:.4f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}">'
        f'<rect width="{SIDE}" height="{SIDE}" fill="#{colour.opaque.hex}"{opacity}/></svg>\n'
    ).encode()


def png(colour: Colour) -> bytes:
    """The same in pixels.  Source: PNG specification, third edition, §5, §11.2."""
    pixel = bytes(colour if colour.alpha < 255 else colour[:3])
    rows = (b"\0" + pixel * SIDE) * SIDE
    kind = 6 if colour.alpha < 255 else 2
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, kind, 0, 0, 0)
    parts = (b"IHDR", head), (b"sRGB", b"\0"), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def rules(colours: Iterable[Colour]) -> bytes:
    """Style rules: ``g-HEX`` has the colour as ground, and text that reads on it, ``i-HEX`` as ink."""
    lines = []
    for colour in dict.fromkeys(colours):
        text = ink(colour.over(WHITE)).hex
        lines.append(f".g-{colour.hex}{{background-color:#{colour.hex};color:#{text}}}")
        if colour.alpha < 255:  # a link lies on white, so that it reads on dark pages, too
            lines.append(
                f".chip.g-{colour.hex}{{background:linear-gradient(#{colour.hex},#{colour.hex}) #fff}}"
            )
        lines.append(f".i-{colour.hex}{{fill:#{colour.hex}}}")
    return "\n".join(lines).encode() + b"\n"
