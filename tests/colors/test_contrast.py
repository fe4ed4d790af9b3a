"""Contrast as WCAG has it, and the nearest colour that passes, against a search through all there are."""

from __future__ import annotations

import random

from coloraide import Color
from twisted.trial.unittest import SynchronousTestCase

from netsuite.colors.colour import BLACK, WHITE, Colour
from netsuite.colors.contrast import AA, AAA, LINE_STEPS, cut, ink, luminance, passing, ratio, verdict
from netsuite.colors.spaces import difference, of_oklch, oklch


def some(random_: random.Random) -> Colour:
    """Any colour."""
    return Colour(*(random_.randrange(256) for _ in range(3)))


class RatioTests(SynchronousTestCase):
    def test_reference_values(self) -> None:
        """Ratios that WCAG's own pages and others name, cut to two decimals and never rounded up."""
        for one, other, told in (
            ("000000", "ffffff", 21.0),
            ("777777", "ffffff", 4.47),
            ("767676", "ffffff", 4.54),
            ("949494", "ffffff", 3.03),
            ("595959", "ffffff", 7.0),
            ("ff0000", "ffffff", 3.99),
            ("0000ff", "ffffff", 8.59),
            ("ffff00", "000000", 19.55),
            ("123456", "123456", 1.0),
        ):
            self.assertEqual(cut(ratio(Colour.of(one), Colour.of(other))), told, (one, other))

    def test_cut_not_rounded(self) -> None:
        """4.499 is told as 4.49 and fails AA; 4.5 itself passes."""
        for value, told in ((4.499, 4.49), (4.4999999, 4.49), (4.5, 4.5), (6.999, 6.99), (21.0, 21.0)):
            self.assertEqual(cut(value), told)
        nearly = verdict(WHITE, Colour.of("777777"))
        self.assertEqual((nearly.shown, nearly.levels["aa"], nearly.levels["aa_large"]), (4.47, False, True))
        self.assertEqual(verdict(WHITE, Colour.of("595959")).levels, dict.fromkeys(nearly.levels, True))

    def test_as_coloraide_has_it(self) -> None:
        """Ratio and luminance are coloraide's, but for WCAG's coefficients, which have four digits."""
        random_ = random.Random(1)
        for _ in range(300):
            one, other = some(random_), some(random_)
            theirs = Color(f"#{one.hex}")
            self.assertLess(abs(ratio(one, other) - theirs.contrast(f"#{other.hex}")), 0.004)
            self.assertLess(abs(luminance(one) - theirs.luminance()), 1e-4)

    def test_readable_on_every_colour(self) -> None:
        """Black or white is chosen so that it passes AA on any colour: on 10,000 and all greys."""
        random_ = random.Random(2)
        grounds = [some(random_) for _ in range(10_000)] + [Colour(part, part, part) for part in range(256)]
        for ground in grounds:
            self.assertGreaterEqual(ratio(ground, ink(ground)), 4.5, ground)
            self.assertGreaterEqual(
                ratio(ground, ink(ground)), max(ratio(ground, BLACK), ratio(ground, WHITE))
            )

    def test_clear_text(self) -> None:
        """Text that light shines through is mixed with its ground before it is measured."""
        self.assertEqual(verdict(WHITE, Colour.of("00000000")).shown, 1.0)
        half = Colour.of("00000080").over(WHITE)
        self.assertEqual(verdict(WHITE, Colour.of("00000080")).ratio, ratio(WHITE, half))

    def test_over(self) -> None:
        """A clear colour over white and black is what coloraide has, to the nearest of 24 bits."""
        for text in ("ff000080", "00abef01", "123456fe", "ffffff7f"):
            for below in (WHITE, BLACK, Colour.of("336699")):
                theirs = Color.layer([f"#{text}", f"#{below.hex}"], space="srgb").convert("srgb")
                ours = Colour.of(text).over(below)
                for part, their in zip(ours[:3], theirs.coords(), strict=True):
                    self.assertLessEqual(abs(part - 255 * their), 0.5001, (text, below))


class PassingTests(SynchronousTestCase):
    def test_known(self) -> None:
        """The grey on white that everybody knows; what passes is its own nearest; where none exists."""
        grey = Colour.of("777777")
        self.assertEqual(
            [found and found.colour.hex for found in (passing(grey, WHITE, AA), passing(grey, WHITE, AAA))],
            ["767676", "595959"],
        )
        found = passing(BLACK, WHITE, AAA)
        self.assertEqual((found and found.colour, found and found.distance), (BLACK, 0.0))
        self.assertIsNone(passing(WHITE, grey, AAA))
        self.assertIsNone(passing(BLACK, grey, AAA))

    def test_optimum(self) -> None:
        """On 500 pairs nothing that passes on the whole line of lightness is nearer, and none means none."""
        random_ = random.Random(3)
        for _ in range(5):
            colour = some(random_)
            _, chroma, hue = oklch(colour)
            line = {of_oklch(step / LINE_STEPS, chroma, hue) for step in range(LINE_STEPS + 1)}
            reach = sorted((difference(colour, one), one) for one in line)
            for number in range(100):
                ground, least = some(random_), (AA, AAA)[number % 2]
                best = next(
                    (apart for apart, one in [(0.0, colour), *reach] if ratio(one, ground) >= least), None
                )
                found = passing(colour, ground, least)
                self.assertEqual(found and found.distance, best, (colour, ground, least))
                if found is not None:
                    self.assertGreaterEqual(found.ratio, least)
                    self.assertEqual(found.ratio, ratio(found.colour, ground))

    def test_aa_always_exists(self) -> None:
        """With any colour something passes AA: black or white at the latest."""
        random_ = random.Random(4)
        for _ in range(100):
            self.assertIsNotNone(passing(some(random_), some(random_), AA))

    def test_hue_is_kept(self) -> None:
        """The nearest has the hue that was asked with, where it is coloured enough to have one."""
        random_ = random.Random(5)
        for _ in range(60):
            colour, ground = some(random_), some(random_)
            found = passing(colour, ground, AA)
            assert found is not None
            _, chroma, hue = oklch(found.colour)
            if chroma > 0.05 and oklch(colour)[1] > 0.02:
                turned = abs((hue - oklch(colour)[2] + 180) % 360 - 180)
                self.assertLess(turned, 5, (colour.hex, found.colour.hex))
        for part in (90, 119, 140):
            found = passing(Colour(part, part, part), Colour.of("445566"), AA)
            assert found is not None
            self.assertEqual(len(set(found.colour[:3])), 1)
