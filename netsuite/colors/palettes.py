"""The pages and files of palettes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from netsuite.colors import palette
from netsuite.colors.addresses import FOR_EVER, moved, parted, query_of
from netsuite.colors.colour import Colour
from netsuite.colors.facts import palette_facts
from netsuite.colors.palette import MOST, parse_palette, path_of
from netsuite.colors.parse import TEXT_MAX, NoColour
from netsuite.colors.views import TEXT_SHOWN, Desk, lasting
from netsuite.site.answer import Answer, Asked, Refusal, json_answer
from netsuite.site.tongue import Said, said

#: Longest text that is read as a palette.
PALETTE_MAX = MOST * (TEXT_MAX + 1)

_FILES: dict[str, tuple[str, Callable[[Sequence[Colour]], bytes]]] = {
    ".gpl": ("text/plain; charset=utf-8", palette.gpl),
    ".ase": ("application/octet-stream", palette.ase),
    ".css": ("text/css; charset=utf-8", palette.css),
}


class Palettes:
    """``/palette/`` and below."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def to_index(self, asked: Asked) -> Answer:
        """``/palette``: with the final slash."""
        return moved("/palette/" + query_of({}, asked))

    async def index(self, asked: Asked) -> Answer:
        """``/palette/``: a field for colours."""
        given = dict(asked.args).get("colors", "").strip()
        if not given:
            return lasting(self._index(asked, ""))
        try:
            return moved(f"/palette/{path_of(_parsed(given))}")
        except NoColour as fault:
            return self._index(asked, given[:PALETTE_MAX], _fault(fault), 404)

    def _index(self, asked: Asked, given: str, fault: Said | None = None, status: int = 200) -> Answer:
        return self._desk.page("palettes.html", asked, given=given, fault=fault, most=MOST, status=status)

    async def palette(self, asked: Asked) -> Answer:
        """``/palette/a-b-c``, and its files; all other ways of writing it lead there.  Raises: Refusal."""
        name, form = parted(asked.path.removeprefix("/palette/"), (".json", *_FILES))
        try:
            colours = _parsed(name)
        except NoColour as fault:
            raise Refusal(404, _fault(fault)) from None
        path = path_of(colours)
        if name != path or asked.path != f"/palette/{path}{form}":
            return moved(f"/palette/{path}{form}" + query_of({}, None if form else asked))
        if form in _FILES:
            kind, written = _FILES[form]
            named = ("Content-Disposition", f'attachment; filename="palette{form}"')
            return Answer(written(colours), kind, headers=(FOR_EVER, *((named,) if form != ".css" else ())))
        facts = palette_facts(colours)
        if form == ".json":
            return replace(json_answer(facts), headers=(FOR_EVER,))
        between = {pair["a"] + pair["b"]: pair for pair in facts["pairs"]}
        between |= {pair["b"] + pair["a"]: pair for pair in facts["pairs"]}
        page = self._desk.page(
            "palette.html",
            asked,
            [colour.hex for colour in colours],
            facts=facts,
            between=between,
            css=palette.css(colours).decode(),
            path=path,
            here="/palette/",
        )
        return lasting(page)


def _parsed(text: str) -> tuple[Colour, ...]:
    if len(text) > PALETTE_MAX:
        raise NoColour(text)
    return parse_palette(text)


def _fault(fault: NoColour) -> Said:
    text = str(fault)
    return said("colors.no_palette", text=text[:TEXT_SHOWN] + "…" * (len(text) > TEXT_SHOWN), n=MOST)
