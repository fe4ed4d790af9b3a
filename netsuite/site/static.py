"""The files that come with our sites: read once, and named by their content, so that browsers keep them."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib import resources

from netsuite.site.answer import Answer, Asked, Refusal
from netsuite.site.tongue import said

_SCRIPT = "text/javascript; charset=utf-8"

#: What can be served, and as what.
KINDS = {
    "style.css": "text/css; charset=utf-8",
    "formsite.css": "text/css; charset=utf-8",
    "colors.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "live.js": _SCRIPT,
    "httpecho.css": "text/css; charset=utf-8",
    "httpecho.js": _SCRIPT,
    "vendor/htmx.min.js": _SCRIPT,
}

_YEAR = ("Cache-Control", "public, max-age=31536000, immutable")


@cache
def _content(name: str) -> tuple[bytes, str]:
    """A file's bytes and their mark."""
    body = resources.files("netsuite.site").joinpath("static", name).read_bytes()
    return body, blake2b(body, digest_size=8).hexdigest()


def url(name: str) -> str:
    """Where the file is; another content has another address."""
    return f"/static/{name}?v={_content(name)[1]}"


async def view(asked: Asked) -> Answer:
    """The file asked for."""
    name = asked.path.removeprefix("/static/")
    if name not in KINDS:
        raise Refusal(404, said("refusal.no_file"))
    body, mark = _content(name)
    return Answer(body, KINDS[name], 200, (_YEAR, ("ETag", f'"{mark}"')))
