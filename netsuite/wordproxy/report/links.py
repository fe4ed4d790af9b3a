"""Addresses inside the report, and the few that lead out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode


def to(path: str, values: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """``path`` with these parameters; those that are empty or None are left out."""
    said = {**(values or {}), **changes}
    pairs = {name: 1 if value is True else value for name, value in said.items() if value or value == 0}
    pairs = {name: value for name, value in pairs.items() if value is not False and value != ""}
    return f"{path}?{urlencode(pairs)}" if pairs else path


def word(form: str, lang: str) -> str:
    """The page of one word."""
    # /word/readme.json is the JSON of "readme"; the page of the word that ends so must say what it is
    looks = {"format": "html"} if form.endswith((".json", ".csv")) else {}
    return to(f"/word/{quote(form, safe='')}", {"lang": lang, **looks})


def site(host: str) -> str:
    """The page of one site."""
    return f"/site/{quote(host, safe=':')}"


def page(identity: str) -> str:
    """The page of one page that was read."""
    return f"/page/{quote(identity, safe=':')}"


def out(url: str | None) -> str | None:
    """The address as a link out, None where it is not plainly one of a web page (``javascript:`` …)."""
    if url is None or not url.lower().startswith(("http://", "https://")):
        return None
    return url.removesuffix("?…")


def back(text: str) -> str:
    """Where a form wants to go back to: a path of this site, "/" for all else."""
    if (
        not text.startswith("/")
        or text.startswith(("//", "/\\"))
        or not text.isascii()
        or not text.isprintable()
    ):
        return "/"
    return text[:2000]
