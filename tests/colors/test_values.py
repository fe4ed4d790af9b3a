"""What is known of a colour: its values in other spaces, its names, relatives, and how it is seen."""

from __future__ import annotations

import random

from coloraide import Color
from coloraide.css import color_names
from twisted.trial.unittest import SynchronousTestCase

from netsuite.colors import scheme, spaces
from netsuite.colors.colour import BLACK, WHITE, Colour
from netsuite.colors.facts import colour_facts
from netsuite.colors.names import NAMES, names_of, nearest

RANDOM = random.Random(7)
SOME = [Colour(*(RANDOM.randrange(256) for _ in range(3))) for _ in range(200)]


def turned(one: float, other: float) -> float:
    """The angle between two hues."""
    return abs((one - other + 180) % 360 - 180)


class SpaceTests(SynchronousTestCase):
    def test_as_coloraide_has_them(self) -> None:
        """OKLab, OKLCH, HSL and HWB are coloraide's to 1e-4, on 200 colours, the corners and all greys."""
        corners = [Colour(*(255 * (number >> bit & 1) for bit in range(3))) for number in range(8)]
        for colour in [*SOME, *corners, *(Colour(part, part, part) for part in range(0, 256, 5))]:
            theirs = Color(f"#{colour.hex}")
            for ours, their in zip(spaces.oklab(colour), theirs.convert("oklab").coords(), strict=True):
                self.assertLess(abs(ours - their), 1e-4)
            lightness, chroma, hue = theirs.convert("oklch").coords(nans=False)
            ours = spaces.oklch(colour)
            self.assertLess(abs(ours[0] - lightness), 1e-4)
            self.assertLess(abs(ours[1] - chroma), 1e-4)
            if chroma > 0.001:
                self.assertLess(turned(ours[2], hue), 0.01)
            for name, found in (("hsl", spaces.hsl(colour)), ("hwb", spaces.hwb(colour))):
                angle, *rest = theirs.convert(name).coords(nans=False)
                if len(set(colour[:3])) > 1:
                    self.assertLess(turned(found[0], angle), 1e-4, (name, colour))
                for one, other in zip(found[1:], rest, strict=True):
                    self.assertLess(abs(one - other), 1e-4)

    def test_distance(self) -> None:
        """The distance is coloraide's ΔE OK."""
        for one, other in zip(SOME, reversed(SOME), strict=True):
            theirs = Color(f"#{one.hex}").delta_e(f"#{other.hex}", method="ok")
            self.assertAlmostEqual(spaces.difference(one, other), theirs, places=6)

    def test_there_and_back(self) -> None:
        """A colour's lightness, chroma and hue lead back to it; its linear light too."""
        for colour in SOME:
            self.assertEqual(spaces.of_oklch(*spaces.oklch(colour)), colour)
            self.assertEqual(spaces.shown(map(spaces.linear, colour[:3])), colour)
        self.assertEqual([spaces.of_oklch(0, 0.3, 9), spaces.of_oklch(1, 0.3, 9)], [BLACK, WHITE])

    def test_into_the_gamut(self) -> None:
        """What no screen shows comes back as light and of that hue, with less chroma."""
        for hue in range(0, 360, 15):
            found = spaces.of_oklch(0.7, 0.4, hue)
            lightness, chroma, angle = spaces.oklch(found)
            self.assertLess(abs(lightness - 0.7), 0.01)
            self.assertLess(chroma, 0.4)
            self.assertLess(turned(angle, hue), 3)

    def test_cmyk(self) -> None:
        """CMYK is the naive one, and says of itself that it is approximate."""
        self.assertEqual(spaces.cmyk(BLACK), (0.0, 0.0, 0.0, 1.0))
        self.assertEqual(spaces.cmyk(Colour.of("ff0000")), (0.0, 1.0, 1.0, 0.0))
        self.assertIn("cmyk_approximate", colour_facts(WHITE))


class NameTests(SynchronousTestCase):
    def test_table(self) -> None:
        """The names are the 148 of CSS, with the colours that coloraide has for them."""
        theirs = {name: value for name, value in color_names.name2val_map.items() if name != "transparent"}
        self.assertEqual(set(NAMES), set(theirs))
        for name, value in theirs.items():
            self.assertEqual(tuple(NAMES[name]), tuple(int(part) for part in value), name)

    def test_names(self) -> None:
        """An exact name is told, all of them where there are two; nobody has a clear colour's."""
        self.assertEqual(names_of(Colour.of("ff0000")), ("red",))
        self.assertEqual(names_of(Colour.of("808080")), ("gray", "grey"))
        self.assertEqual(names_of(Colour.of("ff000080")), ())

    def test_nearest(self) -> None:
        """The nearest named colour is what a search through coloraide's distances finds."""
        for colour in SOME[:8]:
            theirs = min(Color(f"#{colour.hex}").delta_e(name, method="ok") for name in NAMES)
            self.assertAlmostEqual(nearest(colour)[2], theirs, places=6)
        self.assertEqual(nearest(Colour.of("777777"))[0], "gray")


class SchemeTests(SynchronousTestCase):
    def test_tints_and_shades(self) -> None:
        """Tints grow lighter and shades darker, step by step, without the ends; a grey's are greys."""
        for colour in SOME[:50]:
            light = [spaces.oklch(one)[0] for one in [colour, *scheme.tints(colour), WHITE]]
            dark = [spaces.oklch(one)[0] for one in [BLACK, *reversed(scheme.shades(colour)), colour]]
            self.assertEqual((light, dark), (sorted(light), sorted(dark)), colour)
        for one in (*scheme.tints(Colour.of("777777")), *scheme.shades(Colour.of("777777"))):
            self.assertEqual(len(set(one[:3])), 1)

    def test_hues(self) -> None:
        """Complement and triad turn the hue by 180, 120 and 240 degrees and keep the lightness."""
        for colour in SOME[:50]:
            lightness, chroma, hue = spaces.oklch(colour)
            for degrees, found in zip(
                (180, 120, 240), [scheme.complement(colour), *scheme.triad(colour)], strict=True
            ):
                self.assertLess(abs(spaces.oklch(found)[0] - lightness), 0.02)
                if chroma > 0.05 and spaces.oklch(found)[1] > 0.04:
                    self.assertLess(turned(spaces.oklch(found)[2], hue + degrees), 8)
        self.assertEqual(scheme.complement(Colour.of("808080")), Colour.of("808080"))

    def test_visions(self) -> None:
        """The simulations are those of Machado's matrices as coloraide has them; greys stay what they are."""
        for vision, name in (("protanopia", "protan"), ("deuteranopia", "deutan"), ("tritanopia", "tritan")):
            for colour in SOME[:40]:
                theirs = Color(f"#{colour.hex}").filter(name, 1, method="machado", space="srgb-linear")
                for ours, their in zip(
                    scheme.seen_by(vision, colour)[:3], theirs.convert("srgb").clip().coords(), strict=True
                ):
                    self.assertLessEqual(abs(ours - 255 * their), 0.51, (vision, colour))
            grey = scheme.seen_by(vision, Colour.of("808080"))
            self.assertLessEqual(max(abs(part - 128) for part in grey[:3]), 1)
