"""A colour that a screen can show, and its one way of being written."""

from __future__ import annotations

from typing import NamedTuple


class Colour(NamedTuple):
    """Red, green, blue and opacity, each from 0 to 255, in sRGB."""

    red: int
    green: int
    blue: int
    alpha: int = 255

    @classmethod
    def of(cls, digits: str) -> Colour:
        """The colour of six or eight hexadecimal digits.  Raises: ValueError."""
        if len(digits) not in (6, 8):
            raise ValueError("a colour has six or eight digits")
        return cls(*bytes.fromhex(digits))

    @property
    def hex(self) -> str:
        """Its canonical form: six digits in lower case, or eight if light shines through it."""
        return bytes(self[:3] if self.alpha == 255 else self).hex()

    @property
    def opaque(self) -> Colour:
        """The same without transparency."""
        return self if self.alpha == 255 else self._replace(alpha=255)

    def over(self, below: Colour) -> Colour:
        """What is seen where this one lies over ``below``, which is opaque, as browsers mix them.

        Source: Compositing and Blending Level 1 §5.1, simple alpha compositing, in sRGB.
        """
        if self.alpha == 255:
            return self
        share = self.alpha / 255
        mixed = (
            round(top * share + under * (1 - share)) for top, under in zip(self[:3], below[:3], strict=True)
        )
        return Colour(*mixed)


BLACK, WHITE = Colour(0, 0, 0), Colour(255, 255, 255)
