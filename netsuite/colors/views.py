"""The pages, pictures and JSON of single colours; the list of those viewed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from netsuite.colors import swatch
from netsuite.colors.addresses import FOR_EVER, aside, is_canonical, moved, parted, query_of
from netsuite.colors.colour import BLACK, WHITE, Colour
from netsuite.colors.facts import Facts, colour_facts
from netsuite.colors.parse import NoColour, guesses, parse
from netsuite.colors.seen import OFF, OWN, Seen, cookies_of, kept, own_cookie, own_list
from netsuite.site import token
from netsuite.site.answer import NO_STORE, Answer, Asked, Refusal, json_answer
from netsuite.site.frame import Frame
from netsuite.site.token import Token
from netsuite.site.tongue import chosen, said

#: Longest piece of what was asked for that a page repeats.
TEXT_SHOWN = 60

#: Most colours that one style sheet has rules for.
CHIPS_MAX = 1000

#: Pages that are remembered: some megabytes.
PAGES_MAX = 256

#: A page is asked for again each time, as its language and list may be others, and is then most often a 304.
_AGAIN = ("Cache-Control", "no-cache")

_PICTURES: dict[str, tuple[str, Callable[[Colour], bytes]]] = {
    ".svg": ("image/svg+xml", swatch.svg),
    ".png": ("image/png", swatch.png),
}

_EXAMPLE = Markup('<a href="/color/ff0000">/color/ff0000</a>')


class Desk:
    """What makes pages.  ``styles``: what /styles.css is; ``own_styles``: it is the user's, and is linked."""

    def __init__(self, frame: Frame, judge: Token, styles: bytes, own_styles: bool) -> None:
        self.frame, self.judge = frame, judge
        self.styles, self.own_styles = styles, own_styles

    def page(self, template: str, asked: Asked, chips: Iterable[str] = (), **values: Any) -> Answer:
        """The template, filled; ``chips``: of which colours it has links and samples."""
        sheet = "-".join(dict.fromkeys(chips))
        return self.frame.page(f"colors/{template}", asked, chips=sheet, styles=self.own_styles, **values)

    async def sheet(self, asked: Asked) -> Answer:
        """``/styles.css``: the tutorial's, or the one that was given with --styles."""
        return Answer(self.styles, "text/css; charset=utf-8", headers=(_AGAIN,))

    async def home(self, asked: Asked) -> Answer:
        """``/``: what is here."""
        return lasting(self.page("home.html", asked))


def lasting(page: Answer) -> Answer:
    """The page, that a browser may keep if it asks whether it is still good; no page with a token."""
    return replace(page, headers=(_AGAIN, *(field for field in page.headers if field != NO_STORE)))


class Colours:
    """``/color/`` and below.  ``seen``: everybody's list, None for none; ``private``: each has their own."""

    def __init__(self, desk: Desk, seen: Seen | None, *, private: bool) -> None:
        self._desk, self._seen, self._private = desk, seen, private
        self._pages: OrderedDict[tuple[str, str, str, bool], Answer] = OrderedDict()

    async def to_index(self, asked: Asked) -> Answer:
        """``/color``, ``/colors``: the tutorial's redirection, in its words."""
        return moved("/color/" + query_of({}, asked), "please use /colors/ instead.")

    async def index(self, asked: Asked) -> Answer:
        """``/color/``: a field to ask with, and what was viewed."""
        asked_for = dict(asked.args).get("c", "").strip()
        if asked_for:
            return self._ask(asked, asked_for)
        cookies = cookies_of(asked.headers.get("cookie", ""))
        seen = [colour.hex for colour in self._list(cookies) or ()]
        return self._desk.page(
            "index.html",
            asked,
            seen,
            example=_EXAMPLE,
            seen=seen,
            listed=self._seen is not None,
            private=self._private,
            off=OFF in cookies,
            token=self._desk.judge.of(token.FORM),
        )

    def _ask(self, asked: Asked, text: str) -> Answer:
        try:
            return moved(f"/color/{parse(text).hex}")
        except NoColour:
            return self._none(asked, text)

    def _list(self, cookies: dict[str, str]) -> Seen | None:
        return own_list(cookies.get(OWN, "")) if self._private and self._seen is not None else self._seen

    async def change(self, asked: Asked) -> Answer:
        """POST ``/color/``: the list is emptied, or a visitor is not listed any more, or again."""
        cookies = cookies_of(asked.headers.get("cookie", ""))
        fields: list[tuple[str, str]] = []
        match dict(asked.form).get("do", ""):
            case "reset" if self._private:
                fields = [kept(OWN, "")]
            case "reset" if self._seen is not None:
                self._seen.clear()
            case "off":
                fields = [kept(OFF, "1")]
            case "again" if OFF in cookies:
                fields = [kept(OFF, "")]
            case _:
                raise Refusal(400, said("post.nothing"))
        return Answer(b"", status=303, headers=(("Location", "/color/"), NO_STORE, *fields))

    async def colour(self, asked: Asked) -> Answer:
        """``/color/HEX``, its JSON and pictures; all other ways of writing it lead there."""
        name, form = parted(asked.path.partition("/color/")[2] or asked.path.partition("/colors/")[2])
        try:
            colour = parse(name)
        except NoColour:
            return self._none(replace(asked, path=asked.path), name)
        beside = {} if form in _PICTURES else aside(asked)
        place = f"/color/{colour.hex}{form}"
        if asked.path != place or name != colour.hex or not is_canonical(asked, beside):
            return moved(place + query_of(beside, None if form else asked))
        if form in _PICTURES:
            kind, draw = _PICTURES[form]
            return Answer(draw(colour), kind, headers=(FOR_EVER,))
        if form == ".json":
            facts = colour_facts(colour, beside.get("on"), beside.get("over"))
            return replace(json_answer(facts), headers=(FOR_EVER,))
        page = self._remembered(asked, colour, beside)
        return replace(page, headers=(*page.headers, *self._note(asked, colour)))

    def _remembered(self, asked: Asked, colour: Colour, beside: dict[str, Colour]) -> Answer:
        """The page of a colour, made once for all who read it in the same language."""
        query = query_of(beside)
        key = (colour.hex, query, chosen("", asked.headers).code, self._desk.own_styles)
        page = self._pages.get(key)
        if page is None or len(asked.args) != len(beside):  # what else was asked stands in its links
            facts = colour_facts(colour, beside.get("on"), beside.get("over"))
            page = self._page(asked, facts, query)
            if len(asked.args) == len(beside):
                self._pages[key] = page
                if len(self._pages) > PAGES_MAX:
                    self._pages.popitem(last=False)
        return page

    def _page(self, asked: Asked, facts: Facts, query: str) -> Answer:
        asked_on = "on" in dict(asked.args)
        others = [told for told in (facts["black"], facts["white"]) if told["on"] != facts["contrast"]["on"]]
        return lasting(
            self._desk.page(
                "color.html",
                asked,
                _colours_in(facts),
                facts=facts,
                tells=[facts["contrast"], *others],
                asked_on=asked_on,
                values=_values(facts),
                cmyk="cmyk({} {} {} {})".format(*(f"{part:g}%" for part in facts["cmyk_approximate"])),
                query=query,
                here="/color/",
            )
        )

    def _note(self, asked: Asked, colour: Colour) -> list[tuple[str, str]]:
        """The colour is in the list, if its visitor is listed; the fields that the browser keeps."""
        if self._seen is None or asked.method != "GET":
            return []
        cookies = cookies_of(asked.headers.get("cookie", ""))
        if OFF in cookies:
            return []
        if not self._private:
            self._seen.add(colour)
            return []
        own = own_list(cookies.get(OWN, ""))
        return [own_cookie(own)] if own.add(colour) else []

    def _none(self, asked: Asked, text: str) -> Answer:
        """Not a colour: what it may be meant for, and never the text but as text."""
        meant = [colour.hex for colour in guesses(text)]
        shown = text if len(text) <= TEXT_SHOWN else text[:TEXT_SHOWN] + "…"
        if asked.path.endswith(".json"):
            fault = {"status": 404, "message": str(said("colors.no_color"))}
            return json_answer({"error": fault, "meant": meant}, 404)
        return self._desk.page("none.html", asked, meant, status=404, text=shown, meant=meant, here="/color/")


def _colours_in(facts: Facts) -> list[str]:
    found = [facts["hex"], facts["nearest"]["hex"], BLACK.hex, WHITE.hex, facts["contrast"]["on"]]
    found += [*facts["tints"], *facts["shades"], facts["complement"], *facts["triad"]]
    for side in (facts["passing"], facts["passing_on"]):
        found += [told["hex"] for told in side.values() if told is not None]
    for told in facts["visions"].values():
        found += [told["hex"], told["on"]]
    return found


def _values(facts: Facts) -> list[tuple[str, str]]:
    alpha = "" if facts["alpha"] == 1 else f" / {facts['alpha']:g}"
    hue, saturation, lightness = facts["hsl"]
    _, whiteness, blackness = facts["hwb"]
    perceived, chroma, angle = facts["oklch"]
    return [
        ("HEX", f"#{facts['hex']}"),
        ("RGB", "rgb({} {} {}{})".format(*facts["rgb"], alpha)),
        ("HSL", f"hsl({hue:g} {saturation:g}% {lightness:g}%{alpha})"),
        ("HWB", f"hwb({hue:g} {whiteness:g}% {blackness:g}%{alpha})"),
        ("OKLCH", f"oklch({perceived:g} {chroma:g} {angle:g}{alpha})"),
    ]


async def chips(asked: Asked) -> Answer:
    """``/chips/HEX-HEX.css``: the rules of some colours; of nothing that isn't one.  Raises: Refusal."""
    name = asked.path.removeprefix("/chips/")
    digits = name.removesuffix(".css").split("-")
    try:
        if not name.endswith(".css") or len(digits) > CHIPS_MAX:
            raise ValueError("no such sheet")
        colours = [Colour.of(each) for each in digits]
    except ValueError:
        raise Refusal(404, said("refusal.no_file")) from None
    return Answer(swatch.rules(colours), "text/css; charset=utf-8", headers=(FOR_EVER,))
