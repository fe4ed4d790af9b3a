"""The report as pages, for people: no JavaScript, and their addresses hold all their state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from netsuite.site.answer import Answer, Asked
from netsuite.site.frame import Frame
from netsuite.wordproxy.report import query, wording
from netsuite.wordproxy.report.about import Tell
from netsuite.wordproxy.report.reader import Reader
from netsuite.wordproxy.store.contract import (
    SORTS,
    Coverage,
    CoverageQuery,
    Share,
    Sources,
    Store,
    WordList,
    WordQuery,
)

#: Most rows that a page shows of coverage.
_DAYS_MAX, _HOSTS_MAX = 60, 200

_COLUMNS = (("word", "Word"), ("occurrences", "Occurrences"), ("pages", "Pages"), ("last", "Last met"))


class Views:
    """The views that people read."""

    def __init__(self, reader: Reader, about: Tell, frame: Frame, sentences: Mapping[Any, str]) -> None:
        self._reader, self._about, self._frame, self._sentences = reader, about, frame, sentences

    async def words(self, asked: Asked) -> Answer:
        """``/`` and ``/words``: the words, most frequent first, with a form to narrow them."""
        wanted, said = query.words(asked.args)
        if wanted.limit == 0 or wanted.limit > _ROWS_MAX:
            raise query.BadQuery(f"limit: a page shows 1 to {_ROWS_MAX} words; /words.json shows all")
        days = query.days_of(wanted)

        def read(store: Store) -> tuple[WordList, Coverage, Sources]:
            return store.words(wanted), store.coverage(days), store.sources()

        found, coverage, sources = await self._reader.ask(read)
        return self._page(
            "words.html",
            asked,
            coverage,
            days,
            here="/words",
            query=wanted,
            is_filtered=bool(said),
            json=_link(said, "/words.json"),
            found=found,
            sources=sources,
            ranks=range(wanted.offset + 1, wanted.offset + 1 + len(found.words)),
            columns=[
                (name, text, _link(said, sort=name if name != SORTS[0] else None)) for name, text in _COLUMNS
            ],
            empty=None if found.words else wording.why_empty(coverage.total, bool(said) or wanted.offset > 0),
            **_neighbours(wanted, said, found.total.distinct),
        )

    async def coverage(self, asked: Asked) -> Answer:
        """``/coverage``: what was counted and what was not, by reason, by day, and by host for one day."""
        wanted = query.coverage(asked.args)
        by = "host" if wanted.day else "day"
        most = _HOSTS_MAX if wanted.day else _DAYS_MAX
        coverage = await self._reader.ask(lambda store: store.coverage(replace(wanted, by=(by,))))
        parts = [(day or host, _row(part)) for day, host, part in coverage.parts]
        if wanted.day:
            parts.sort(key=lambda part: (-sum(part[1].values()), part[0]))
        return self._page(
            "coverage.html",
            asked,
            coverage,
            wanted,
            title_days=wording.days(wanted),
            share=coverage.total,
            reasons=[(why, n, self._sentences.get(why, "")) for why, n in coverage.total.skipped.items()],
            by=by,
            parts=parts[:most],
            left_out=len(parts) - len(parts[:most]),
        )

    async def setup(self, asked: Asked) -> Answer:
        """``/setup``: how to point a browser, curl or the system here."""
        query.nothing(asked.args)
        coverage = await self._reader.ask(lambda store: store.coverage(CoverageQuery()))
        about = self._about()
        host, _, port = about.proxy.rpartition(":")
        where = {"about": about, "proxy_host": host.strip("[]"), "proxy_port": port}
        return self._page("setup.html", asked, coverage, CoverageQuery(), **where)

    def _page(
        self, template: str, asked: Asked, coverage: Coverage, days: CoverageQuery, **values: Any
    ) -> Answer:
        line = wording.coverage_line(coverage.total, days)
        return self._frame.page(template, asked, coverage_line=line, **values)


#: Most words on one page.
_ROWS_MAX = 1000


def _link(said: dict[str, Any], path: str = "/words", **changes: Any) -> str:
    """The address of the same list with some things changed."""
    values = {**said, **changes}
    if values.get("all"):
        values["all"] = 1
    text = urlencode({name: value for name, value in values.items() if value})
    return f"{path}?{text}" if text else path


def _neighbours(wanted: WordQuery, said: dict[str, Any], distinct: int) -> dict[str, str | None]:
    """The addresses of the pages before and after, None where there is none."""
    shown: dict[str, Any] = {"sort": wanted.sort if wanted.sort != SORTS[0] else None}
    if wanted.limit != query.PAGE_ROWS:
        shown["limit"] = str(wanted.limit)
    before = after = None
    if wanted.offset > 0:
        before = _link(said, **shown, offset=max(0, wanted.offset - wanted.limit))
    if wanted.offset + wanted.limit < distinct:
        after = _link(said, **shown, offset=wanted.offset + wanted.limit)
    return {"before": before, "after": after}


def _row(share: Share) -> dict[str, int]:
    return {"counted": share.counted, "unseen": share.unseen, "skipped": sum(share.skipped.values())}
