"""The report as JSON, for programs (DESIGN §7): keys are only ever added."""

from __future__ import annotations

from typing import Any

from netsuite.site.answer import Answer, Asked, json_answer
from netsuite.wordproxy.report import query
from netsuite.wordproxy.report.about import About, Tell
from netsuite.wordproxy.report.reader import Busy, Reader
from netsuite.wordproxy.store.contract import Coverage, Share, Store, StoreFault, WordList


class Api:
    """The views that programs read."""

    def __init__(self, reader: Reader, about: Tell) -> None:
        self._reader, self._about = reader, about

    async def words(self, asked: Asked) -> Answer:
        """``/words.json``: the words that fit, and the totals of all that fit."""
        wanted, said = query.words(asked.args)

        def tell(store: Store) -> Answer:  # in the store's thread: a whole list takes a while to write
            covered = store.coverage(query.days_of(wanted))
            return json_answer(
                {"coverage": share(covered.total), "filter": said, **listed(store.words(wanted))}
            )

        return await self._reader.ask(tell)

    async def coverage(self, asked: Asked) -> Answer:
        """``/coverage.json``: what was counted, what was not and why; in parts with ``by=day,host``."""
        wanted = query.coverage(asked.args)
        return await self._reader.ask(lambda store: json_answer(covered(store.coverage(wanted), wanted.by)))

    async def healthz(self, asked: Asked) -> Answer:
        """``/healthz``: 200 while the store can be read and the counter is well, else 503."""
        query.nothing(asked.args)
        about: About = self._about()
        told: dict[str, Any] = {"status": "ok", "store": "ok", **about.health()}
        try:
            status = await self._reader.ask(lambda store: store.status())
            told |= {"words": status.words, "pages": status.pages, "store_bytes": status.size_bytes}
        except StoreFault as fault:
            told |= {"status": "failing", "store": str(fault)}
        except Busy:
            told |= {"status": "failing", "store": "busy"}
        return json_answer(told, 200 if told["status"] == "ok" else 503)


def share(of: Share) -> dict[str, Any]:
    """Coverage as it stands in every answer."""
    return {
        "counted": of.counted,
        "unseen": of.unseen,
        "skipped": dict(of.skipped),
        "paused_s": round(of.paused_seconds),
    }


def covered(of: Coverage, by: tuple[str, ...]) -> dict[str, Any]:
    """Coverage and, where asked for, its parts."""
    told = share(of.total)
    if by:
        told["by"] = [
            {**{name: value for name, value in (("day", day), ("host", host)) if name in by}, **share(part)}
            for day, host, part in of.parts
        ]
    return told


def listed(of: WordList) -> dict[str, Any]:
    """A list of words with its totals."""
    total = of.total
    return {
        "total": {"occurrences": total.occurrences, "distinct": total.distinct, "pages": total.pages},
        "words": of.words,
    }
