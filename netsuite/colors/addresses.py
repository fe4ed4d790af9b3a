"""Which address shows what: one canonical address for each colour, whatever it was written as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from netsuite.colors.colour import Colour
from netsuite.colors.parse import NoColour, parse
from netsuite.site.answer import Answer, Asked, Refusal
from netsuite.site.tongue import said

#: Parameters that name a colour, besides the one in the path.
ASIDE = ("on", "over")

#: What never changes under its address.
FOR_EVER = ("Cache-Control", "public, max-age=31536000, immutable")

_FORMS = (".json", ".svg", ".png")


def parted(name: str, forms: Iterable[str] = _FORMS) -> tuple[str, str]:
    """What is named, and the form that it is wanted in: "" is a page."""
    form = next((form for form in forms if name.lower().endswith(form)), "")
    return (name[: -len(form)], form) if form else (name, "")


def aside(asked: Asked) -> dict[str, Colour]:
    """The colours that the query names.  Raises: Refusal, for what is none."""
    found = {}
    for name, value in asked.args:
        if name in ASIDE and value:
            try:
                found[name] = parse(value)
            except NoColour:
                raise Refusal(400, said("colors.bad_on", name=name)) from None
    return found


def query_of(colours: Mapping[str, Colour], asked: Asked | None = None) -> str:
    """The canonical query of these colours, with its question mark; ``asked``: whose ``ui`` is kept."""
    pairs = [(name, colours[name].hex) for name in ASIDE if name in colours]
    if asked is not None:
        pairs += [(name, value) for name, value in asked.args if name == "ui"]
    return "?" + urlencode(pairs) if pairs else ""


def is_canonical(asked: Asked, colours: Mapping[str, Colour]) -> bool:
    """Whether the query says these colours as `query_of` would."""
    told = [(name, value) for name, value in asked.args if name in ASIDE]
    return told == [(name, colours[name].hex) for name in ASIDE if name in colours]


def moved(place: str, words: str = "") -> Answer:
    """The answer that sends a client elsewhere on this site for good."""
    body = (words or f"It is at {place}\n").encode()
    return Answer(
        body, "text/plain; charset=utf-8", 301, (("Location", place), ("Cache-Control", "no-cache"))
    )
