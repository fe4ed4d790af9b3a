"""The languages that our sites speak: one catalogue of texts, and which of them a reader wants.

Which: what the address says (``?ui=zh``), else what it said last time (a cookie), else the browser's
Accept-Language.  The language is the reader's and no part of what an address shows, so links don't carry
it: who is sent an address sees the same things in a language of their own.

A text may have places for values, ``{n}``.  Where ``n`` decides between one and many, English has both, and
the first is for 1.  Texts are ours and may hold HTML; values are escaped, whatever they are.  Only pages
are translated: JSON, CSV and the log are for programs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from markupsafe import Markup

#: Our languages, each with its tag in pages and its name in itself.  The first is for those who want none.
TONGUES = {"en": ("en", "English"), "zh": ("zh-Hans", "中文")}

#: The cookie of who chose; names are shared by all ports of a host, so it is named after us.
COOKIE = "netsuite_ui"

_COOKIE_SECONDS = 365 * 86400

#: How much of a field from the network is looked at.
_FIELD_MAX, _RANGES_MAX = 1000, 20

Text = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """A text of the catalogue with its values, before it is known in which language; ``str`` is English."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return tongue("en").plain(self.key, **self.values)


def said(key: str, /, **values: Any) -> Said:
    """The text ``key`` with these values."""
    return Said(key, values)


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language.  ``tag``: what pages in it say that they are in."""

    code: str
    texts: Mapping[str, Text]

    @property
    def tag(self) -> str:
        """The BCP 47 tag."""
        return TONGUES[self.code][0]

    def text(self, key: str, values: Mapping[str, Any]) -> str:
        """The text as the catalogue has it, in the number that ``n`` wants."""
        found = self.texts[key]
        if isinstance(found, str):
            return found
        return found[0] if values.get("n") == 1 else found[1]

    def say(self, key: str | Said, /, **values: Any) -> Markup:
        """The text for a page: values are escaped, numbers are written as people read them."""
        if isinstance(key, Said):
            return self.say(key.key, **key.values)
        if not values:
            return Markup(self.text(key, values))  # noqa: S704 - from our own catalogue
        shown = {name: self._shown(value) for name, value in values.items()}
        return Markup(self.text(key, values)).format(**shown)  # noqa: S704 - values are escaped by format

    def plain(self, key: str, /, **values: Any) -> str:
        """The text where no HTML is meant: in a log, an attribute, JSON."""
        shown = {name: str(self._shown(value)) for name, value in values.items()}
        text = self.text(key, values)
        return text.format(**shown) if values else text

    def _shown(self, value: Any) -> Any:
        if isinstance(value, Said):
            return self.say(value)
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value

    def long_day(self, day: str) -> str:
        """A day as people say it: ``Monday, 5 January 2026``."""
        it = date.fromisoformat(day)
        return self.plain(
            "date.long",
            weekday=self.plain(f"date.weekday{it.isoweekday()}"),
            day=str(it.day),
            month=self.plain(f"date.month{it.month}"),
            year=str(it.year),
        )


@cache
def catalogue() -> Mapping[str, Mapping[str, Text]]:
    """The texts of each language, by ``group.name``."""
    folder = resources.files("netsuite.site")
    texts: dict[str, dict[str, Text]] = {code: {} for code in TONGUES}
    for file in (folder / "catalogue.toml", *(folder / "catalogue").iterdir()):
        for group, entries in tomllib.loads(file.read_text("utf-8")).items():
            for name, entry in entries.items():
                for code, text in entry.items():
                    texts[code][f"{group}.{name}"] = text if isinstance(text, str) else (text[0], text[1])
    return texts


@cache
def tongue(code: str) -> Tongue:
    """The language ``code``, one of `TONGUES`."""
    return Tongue(code, catalogue()[code])


def chosen(ui: str, headers: Mapping[str, str]) -> Tongue:
    """The language for a reader: ``ui`` of the address, else the cookie's, else the browser's."""
    code = ui if ui in TONGUES else _remembered(headers.get("cookie", ""))
    return tongue(code or accepted(headers.get("accept-language", "")))


def remember(code: str) -> str:
    """A Set-Cookie field that keeps the choice, for us alone."""
    return f"{COOKIE}={code}; Path=/; Max-Age={_COOKIE_SECONDS}; SameSite=Strict; HttpOnly"


def _remembered(cookies: str) -> str:
    for pair in cookies[: 8 * _FIELD_MAX].split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE and value in TONGUES:
            return value
    return ""


def accepted(field: str) -> str:
    """The language that an Accept-Language field wants most (RFC 9110 §12.5.4, lookup of RFC 4647 §3.4)."""
    best, best_q = next(iter(TONGUES)), 0.0
    for item in field[:_FIELD_MAX].split(",")[:_RANGES_MAX]:
        range_, _, rest = item.strip().partition(";")
        code = range_.strip().lower().partition("-")[0]
        q = _quality(rest)
        if code in TONGUES and q > best_q:
            best, best_q = code, q
    return best


def _quality(parameter: str) -> float:
    """The weight of a range: 1 if it says none, 0 if what it says is none."""
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        q = float(value)
    except ValueError:
        return 0.0
    return q if name.strip().lower() == "q" and 0.0 <= q <= 1.0 else 0.0
