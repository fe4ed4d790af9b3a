"""What only programs ask: coverage as an object of its own, and whether all is well."""

from __future__ import annotations

from typing import Any

from netsuite.site.answer import Answer, Asked, json_answer
from netsuite.wordproxy.report import query
from netsuite.wordproxy.report.about import About, Tell
from netsuite.wordproxy.report.listing import share
from netsuite.wordproxy.report.reader import Busy
from netsuite.wordproxy.report.readers import Readers
from netsuite.wordproxy.store.contract import Coverage, StoreFault


class Api:
    """The views that programs read."""

    def __init__(self, readers: Readers, about: Tell) -> None:
        self._readers, self._about = readers, about

    async def coverage(self, asked: Asked) -> Answer:
        """``/coverage.json``: what was counted, what was not and why; in parts with ``by=day,host``."""
        wanted, _ = query.coverage(asked.args)
        return await self._readers.ask(
            asked.user, lambda store: json_answer(covered(store.coverage(wanted), wanted.by))
        )

    async def healthz(self, asked: Asked) -> Answer:
        """``/healthz``: 200 while the main store can be read and the counter is well, else 503."""
        query.nothing(asked.args)
        about: About = self._about()
        told: dict[str, Any] = {"status": "ok", "store": "ok", **about.health()}
        try:
            status = await self._readers.ask(None, lambda store: store.status())
            told |= {"words": status.words, "pages": status.pages, "store_bytes": status.size_bytes}
        except StoreFault as fault:
            told |= {"status": "failing", "store": str(fault)}
        except Busy:
            told |= {"status": "failing", "store": "busy"}
        return json_answer(told, 200 if told["status"] == "ok" else 503)


def covered(of: Coverage, by: tuple[str, ...]) -> dict[str, Any]:
    """Coverage and, where asked for, its parts."""
    told = share(of.total)
    if by:
        told["by"] = [
            {**{name: value for name, value in (("day", day), ("host", host)) if name in by}, **share(part)}
            for day, host, part in of.parts
        ]
    return told
