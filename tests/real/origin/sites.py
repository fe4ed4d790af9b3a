"""The sites that are tried: colors, pages, formsite, and wordproxy's report."""

from __future__ import annotations

import re

from tests.real.hatchery import HatchedTwistd
from tests.real.origin.visit import Site
from tests.real.parts import PartError, Twistd

#: Name: what twistd runs, what its first line says where, a page, and one that may be kept.
_SITES: dict[str, tuple[tuple[str, ...], str, bytes, bytes]] = {
    "colors": (
        ("colors", "-p", "0"),
        r"colors: http://127\.0\.0\.1:(\d+)",
        b"/color/00abef",
        b"/color/00abef",
    ),
    "formsite": (
        ("formsite", "-p", "0", "-s", ":memory:"),
        r"form on http://127\.0\.0\.1:(\d+)",
        b"/posthandler",  # "/" has another stamp each time
        b"/static/style.css",
    ),
    "pages": (("pages", "-p", "0"), r"pages: .*?127\.0\.0\.1:(\d+)", b"/test", b"/test"),
    "report": (
        ("wordproxy", "-p", "0", "-r", "0", "-s", ":memory:"),
        r"report http://127\.0\.0\.1:(\d+)",
        b"/setup",
        b"/static/style.css",
    ),
}

#: Their names.
NAMES = tuple(_SITES)


def start(name: str, *options: str) -> tuple[Twistd, Site]:
    """One of the sites, up, with further options."""
    arguments, pattern, page, kept = _SITES[name]
    service = HatchedTwistd(*arguments, *options)
    try:
        service.up(pattern)
    except PartError:
        service.close()
        raise
    found = re.search(pattern, service.log)
    if found is None:
        raise service.fault("said nothing of where it is")
    return service, Site(name, int(found[1]), page, kept)
