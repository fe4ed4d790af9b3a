"""The colours viewed so far: each once, first seen first, and never more than a bound.

One list is everybody's.  With ``--private`` each visitor has a list of their own, which their browser keeps
in a cookie, so that nothing of it is here.  A visitor may also not be listed at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsuite.colors.colour import Colour

#: Most colours in a visitor's own list: a cookie has 4096 bytes at most.
OWN_MAX = 200

#: The cookies, named after us: names are shared by all ports of a host.
OWN, OFF = "netsuite_colors", "netsuite_colors_off"

_YEAR = 365 * 86400


class Seen:
    """The list; past ``most`` the first seen goes."""

    def __init__(self, most: int, colours: Iterable[Colour] = ()) -> None:
        self._most = most
        self._colours: dict[Colour, None] = {}
        for colour in colours:
            self.add(colour)

    def add(self, colour: Colour) -> bool:
        """The colour is in the list; whether it was not before."""
        if colour in self._colours or not self._most:
            return False
        if len(self._colours) >= self._most:
            del self._colours[next(iter(self._colours))]
        self._colours[colour] = None
        return True

    def clear(self) -> None:
        """The list is empty."""
        self._colours.clear()

    def __iter__(self) -> Iterator[Colour]:
        return iter(tuple(self._colours))

    def __len__(self) -> int:
        return len(self._colours)


def cookies_of(field: str) -> dict[str, str]:
    """The cookies of a Cookie field, as far as one looks at it (RFC 6265 §4.2)."""
    pairs = (pair.strip().partition("=") for pair in field[: 16 * 1024].split(";"))
    return {name: value for name, _, value in pairs}


def own_list(cookie: str) -> Seen:
    """A visitor's own list, as the cookie has it; what in it is no colour is left out."""
    found = []
    for digits in cookie.split("-")[:OWN_MAX]:
        try:
            found.append(Colour.of(digits))
        except ValueError:
            continue
    return Seen(OWN_MAX, found)


def kept(name: str, value: str) -> tuple[str, str]:
    """The field that has a browser keep a cookie for a year, for us alone; an empty one is forgotten."""
    age = _YEAR if value else 0
    return "Set-Cookie", f"{name}={value}; Path=/; Max-Age={age}; SameSite=Strict; HttpOnly"


def own_cookie(colours: Seen) -> tuple[str, str]:
    """The field that has a browser keep its visitor's own list."""
    return kept(OWN, "-".join(colour.hex for colour in colours))
