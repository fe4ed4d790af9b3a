"""What people write for a colour, and what they may have meant."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.colors.colour import Colour
from netsuite.colors.names import NAMES
from netsuite.colors.palette import MOST, parse_palette
from netsuite.colors.parse import TEXT_MAX, NoColour, guesses, parse

RED = (
    "F00",
    "f00",
    "ff0000",
    "FF0000",
    "#ff0000",
    "#f00",
    "red",
    "RED",
    " red ",
    "rgb(255,0,0)",
    "f00f",
    "ff0000ff",
)
RED_IN_CSS = (
    "rgb(255 0 0)",
    "rgb(100% 0% 0%)",
    "rgba(255, 0, 0, 1)",
    "hsl(0 100% 50%)",
    "hwb(0 0% 0%)",
    "hsl(360deg, 100%, 50%)",
    "color(srgb 1 0 0)",
    "oklch(0.62796 0.25768 29.234)",
)
NONE = (
    "",
    "fff00",
    "#",
    "ff",
    "redd",
    "rgb(255,0,0",
    "rgb()",
    "ff 00 00",
    "0xff0000",
    "f\u0660\u0660",
    "url(x)",
    "var(--x)",
    "red;}</style><script>",
    "currentcolor",
    "rgb(1e999 0 0 / nan)",
    "\x00",
    "ff0000\n0",
    "－ff0000",
)


class ParseTests(SynchronousTestCase):
    def test_forms(self) -> None:
        """Every way of writing red is red."""
        for text in (*RED, *RED_IN_CSS):
            self.assertEqual(parse(text).hex, "ff0000", text)

    def test_clear(self) -> None:
        """Opacity is kept, and is left out of the canonical form where it is whole."""
        for text in ("ff000080", "f008".replace("8", "8"), "rgb(255 0 0 / 50%)", "rgba(255,0,0,.5)"):
            self.assertEqual(parse(text).alpha, 0x88 if text == "f008" else 0x80, text)
        self.assertEqual(parse("transparent").hex, "00000000")

    def test_outside_the_screen(self) -> None:
        """What no screen shows is brought to what one does; parts that are missing are 0."""
        self.assertEqual(parse("color(srgb 9 9 9)").hex, "ffffff")
        self.assertEqual(parse("rgb(none 255 none)").hex, "00ff00")
        self.assertEqual(len(parse("color(display-p3 0 1 0)").hex), 6)
        self.assertEqual(len(parse("oklch(70% 0.5 150)").hex), 6)

    def test_none(self) -> None:
        """What is no colour is none, however it looks."""
        for text in (*NONE, "f" * (TEXT_MAX + 1), "rgb(" + "0" * 60 + "," * 30 + ")"):
            self.assertRaises(NoColour, parse, text)

    def test_guesses(self) -> None:
        """A slip leads to what was meant; nonsense to nothing."""
        for text, meant in (
            ("fff00", "ffff00"),
            ("#ff00000", "ff0000"),
            ("ffoo00", "ff0000"),
            ("redd", "ff0000"),
            ("lavendar", "e6e6fa"),
            ("color ff8800 please", "ff8800"),
            ("f", "ffffff"),
            ("ab", "ababab"),
        ):
            self.assertIn(meant, [colour.hex for colour in guesses(text)], text)
        for text in ("", "hello world", "<script>", "zzz", "x" * 10_000):
            self.assertEqual(guesses(text), [], text)

    @settings(deadline=None, max_examples=60)
    @given(
        st.one_of(
            st.text(max_size=120),
            st.from_regex(r"(rgb|hsl|lab|oklch|color)\([0-9a-z .,%/+-]{0,60}\)", fullmatch=True),
        )
    )
    def test_any_text(self, text: str) -> None:
        """Any text is a colour or none; a colour's canonical form is read as the same one."""
        for guess in guesses(text):
            self.assertEqual(parse(guess.hex), guess)
        try:
            colour = parse(text)
        except NoColour:
            return
        self.assertTrue(all(0 <= part <= 255 and isinstance(part, int) for part in colour))
        self.assertEqual(parse(colour.hex), colour)

    @settings(deadline=None, max_examples=60)
    @given(st.tuples(*[st.integers(0, 255)] * 4))
    def test_canonical(self, parts: tuple[int, int, int, int]) -> None:
        """Parsing undoes writing."""
        colour = Colour(*parts)
        self.assertEqual(parse(colour.hex), colour)
        self.assertEqual(parse(f"#{colour.hex.upper()}"), colour)

    def test_names(self) -> None:
        """Every name is read as its colour."""
        for name, colour in NAMES.items():
            self.assertEqual(parse(name), colour)


class PaletteTests(SynchronousTestCase):
    def test_forms(self) -> None:
        """Hyphens, commas and spaces part colours; each is there once, and opaque."""
        for text in ("ff0000-00ff00", "red, lime", "F00 0F0", "f00,,0f0-", "red-ff0000-lime-00ff0080"):
            self.assertEqual([colour.hex for colour in parse_palette(text)], ["ff0000", "00ff00"], text)

    def test_none(self) -> None:
        """One colour, too many, or what is none is no palette."""
        many = "-".join(f"{number:06x}" for number in range(MOST + 1))
        for text in ("", "red", "red-red", "red-nonsense", many):
            self.assertRaises(NoColour, parse_palette, text)
