"""The look that all pages of a site share, and the pages that say no.

Templates are ours and few; what they show is escaped by jinja2 wherever it stands, and a name that a template
doesn't get is an error, not an empty place.  All their text is the catalogue's, in the reader's language
(`tongue`): ``t("nav.words")``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from twisted.python.failure import Failure

from netsuite import journal
from netsuite.site import static
from netsuite.site.answer import HTML, NO_STORE, Answer, Asked, json_answer, phrase
from netsuite.site.tongue import TONGUES, Said, chosen, remember

#: What in a path is no danger in an attribute of ours; all else is written as %XX.
_PATH_SAFE = "/:@!$&'()*+,;=-._~"


@cache
def _environment() -> jinja2.Environment:
    """The templates: of all sites, and in a service's folder its own."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.PackageLoader("netsuite.site"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["static"] = static.url
    environment.filters["number"] = number
    return environment


@cache
def _compile(folder: str) -> None:
    """The templates in a folder are compiled, before a request waits for it.  "": those of all sites."""
    environment = _environment()
    for name in environment.list_templates(filter_func=lambda name: name.rpartition("/")[0] == folder):
        try:
            environment.get_template(name)
        except jinja2.TemplateError:  # costs the pages that want it, and no other service of the process
            journal.fault(where="site.template", failure=Failure())


def number(value: int) -> str:
    """A count as people read it: ``18,234``."""
    return f"{value:,}"


class Frame:
    """One site's name and navigation; makes its pages.  ``nav``: pairs of address and text.

    ``service``: whose site it is, where it is called otherwise.
    """

    def __init__(self, name: str, nav: Sequence[tuple[str, str | Said]] = (), service: str = "") -> None:
        self.name, self.nav, self.service = name, tuple(nav), service or name
        self._environment = _environment()
        for folder in ("", self.service):
            _compile(folder)

    def page(
        self, template: str, asked: Asked, *, status: int = 200, until: str = "", **values: Any
    ) -> Answer:
        """The template, filled.  It extends ``frame.html`` and says its own title.

        ``here``, among the values, is the address in the navigation that it belongs to, if not its own.
        ``until``: only the beginning is made, up to these words; what comes later asks for no value.
        """
        ui = dict(asked.args).get("ui", "")
        tongue = chosen(ui, asked.headers)
        own = {
            "site_name": self.name,
            "nav": self.nav,
            "here": asked.path,
            "t": tongue.say,
            "tongue": tongue,
            "tongues": [(tag, name, _other(asked, code, status)) for code, (tag, name) in TONGUES.items()],
        }
        made = self._environment.get_template(template)
        text = _beginning(made.generate(own), until) if until else made.render({**own, **values})
        headers = [NO_STORE, ("Content-Language", tongue.tag), ("Vary", "Accept-Language, Cookie")]
        if ui in TONGUES:
            headers.append(("Set-Cookie", remember(ui)))
        return Answer(text.encode("utf-8", "replace"), HTML, status, tuple(headers))

    def refusal(self, asked: Asked, status: int, sentence: str | Said, *headers: tuple[str, str]) -> Answer:
        """The answer that says no, and why: JSON where JSON was asked for, else a page."""
        if asked.wants_json:
            return json_answer({"error": {"status": status, "message": str(sentence)}}, status, *headers)
        page = self.page("refusal.html", asked, status=status, title=phrase(status), sentence=sentence)
        return Answer(page.body, page.kind, status, (*page.headers, *headers))


def _beginning(pieces: Iterable[str], until: str) -> str:
    """The text before these words; no piece after them is made."""
    made = []
    for piece in pieces:
        made.append(piece)
        if until in piece:
            break
    return "".join(made).partition(until)[0]


def _other(asked: Asked, code: str, status: int) -> str:
    """The address of the same page in another language; of the first one, where this is none."""
    if status != 200:
        return f"/?ui={code}"
    pairs = [*((name, value) for name, value in asked.args if name != "ui"), ("ui", code)]
    path = "/" + asked.path.lstrip("/")  # never another host's
    return f"{quote(path, safe=_PATH_SAFE)}?{urlencode(pairs)}"
