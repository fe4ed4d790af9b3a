"""The command line of ``twistd pages``, and what it comes to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar

from netsuite import options
from netsuite.manual.kind import FILE, PAGE, PAGE_FILE, PORT, TOML, Kind
from netsuite.options import Common
from netsuite.pages.entry import BadTable, Entry, of_file, of_option
from netsuite.pages.table import DEFAULT, unique
from netsuite.site.bounds import BOUNDS_KINDS, BOUNDS_OPTIONS, Bounds, read_bounds
from netsuite.values import Where


@dataclass(frozen=True, slots=True)
class Settings:
    """What a pages service is told.  ``sources``: the settings files that were read."""

    common: Common
    bounds: Bounds
    port: Where
    entries: tuple[Entry, ...]
    not_found: str | None
    gzip: bool
    watch: bool
    sources: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which the pages are served: to other machines, all but those told if any are."""
        return self.common.hosts or (("*",) if self.port.public else ())


class Options(options.Options):
    """The command line of ``twistd pages``."""

    table = "pages"
    longdesc = (
        "Serve a table of paths and their answers: texts, files, redirects, with a status, fields and a "
        "delay each."
    )
    examples = """Examples:
  twistd -n pages
      the tutorial's two pages on 127.0.0.1, port 8000
  twistd -n pages -p 8003 -s '/=<h1>Back at 9</h1>'
  twistd -n pages -f /app.css=dist/app.css --not-found lost.html
  twistd -n pages --table pages.toml --watch
      a table of pages, read again whenever it changes

A table has a TOML table for each path; text alone is short for its body:
  "/" = "<h1>Back at 9</h1>"
  ["/flaky"]
  body = "at last"
  status = [503, 503, 200]
  delay = "200ms"
  ["/old"]
  redirect = "/"
Settings of a page: body, file or redirect; status (one, or a list: one a
request, the last one stays), type, headers, methods, delay."""

    optParameters: ClassVar[list[list[Any]]] = [
        *BOUNDS_OPTIONS,
        ["port", "p", "8000", "Port on 127.0.0.1, or an endpoint."],
        ["table", "t", None, "TOML file of pages."],
        ["not-found", None, None, "File shown where there is no page; {path} in HTML is what was asked for."],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["no-gzip", None, "Send no page in gzip."],
        ["watch", None, "Read the table and its files again when one of them changes."],
    ]
    optRepeated: ClassVar[list[list[str | None]]] = [
        ["page", "s", "A page, and what it says"],
        ["file", "f", "A page, and the file that it is"],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        **BOUNDS_KINDS,
        "port": PORT,
        "table": TOML,
        "not-found": FILE,
        "page": PAGE,
        "file": PAGE_FILE,
    }

    def read(self) -> Settings:
        """Return the settings."""
        where = self.where("port")
        self.restrict("port", where)
        table = self.path("table")
        config = os.path.abspath(os.path.join(self.folder, self["config"])) if self["config"] else None
        return Settings(
            common=self.common(),
            bounds=read_bounds(self),
            port=where,
            entries=tuple(self._entries(table)),
            not_found=self.path("not-found"),
            gzip=not self["no-gzip"],
            watch=bool(self["watch"]),
            sources=tuple(path for path in (config, table) if path is not None),
        )

    def _entries(self, table: str | None) -> list[Entry]:
        found = []
        for text in self["page"]:
            found.extend(self._told("page", text, False))
        for text in self["file"]:
            found.extend(self._told("file", text, True))
        if table is not None:
            try:
                found.extend(of_file(table))
            except BadTable as bad:
                self.faults.append(str(bad))
        try:
            return unique(found) or list(DEFAULT)
        except BadTable as bad:
            self.faults.append(str(bad))
            return []

    def _told(self, name: str, text: str, is_file: bool) -> list[Entry]:
        place = f"--{name} {text.partition('=')[0]}"
        try:
            path, rest = of_option(text)
        except ValueError as error:
            self.fault(name, f"{text[:80]!r} {error}", text)
            return []
        if is_file:
            return [Entry(path, place, file=self.path_of(name, rest))]
        return [Entry(path, place, body=rest)]
