"""What a batch makes of the store in Redis.

A batch is cut into parts that hold the server for well under 0.1 s each.  A part moves its node's sequence
on, so that it applies once, and the batch's next part, or the batch sent again after a fault, goes on behind
it.
A page that the store has is read before and guarded; all else is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from netsuite.wordproxy.store import redisrows
from netsuite.wordproxy.store.contexts import SENTENCE_MAX
from netsuite.wordproxy.store.contract import RECOUNTED, Batch, Note, Page, Revisit
from netsuite.wordproxy.store.queries import day_number
from netsuite.wordproxy.store.redischange import Change
from netsuite.wordproxy.store.redisrows import Day, Met, Sentence, field_of
from netsuite.wordproxy.store.writing import NOT_MODIFIED, TITLE_MAX, without_query

#: Words of pages in a part: what the server takes 25 to 40 ms of its processor for.
PART_WORDS = 3000

#: Items in a part.
PART_ITEMS = 500

Item: TypeAlias = Page | Revisit | Note

#: Items, and the last number that they handle.
Part: TypeAlias = tuple[list[Item], int]


def parts(batch: Batch) -> list[Part]:
    """The items of a batch in the order of their numbers, in parts, each with the last number it handles.

    Raises:
        ValueError: a day is none; before anything is kept.
    """
    items: list[Item] = sorted((*batch.pages, *batch.revisits, *batch.notes), key=lambda item: item.sequence)
    cut: list[Part] = []
    part: list[Item] = []
    words = 0
    for item in items:
        day_number(item.day)
        weight = len(item.forms) if isinstance(item, Page) else 300 if isinstance(item, Revisit) else 1
        if part and (words + weight > PART_WORDS or len(part) >= PART_ITEMS):
            cut.append((part, part[-1].sequence))
            part, words = [], 0
        part.append(item)
        words += weight
    last = max(batch.last, items[-1].sequence) if items else batch.last
    return [*cut, (part, last)]


def change(client: Any, base: str, node: str, part: Part) -> Change | None:
    """What a part changes in the store as it is now; None where all of it was kept before."""
    return _Adding(client, base, node).change(*part)


class _Adding:
    """One part, worked out from what the store has now."""

    def __init__(self, client: Any, base: str, node: str) -> None:
        self._client, self._base, self._node = client, base, node
        self._change = Change()
        self._pages: dict[str, _Page] = {}
        self._langs: dict[str, str] = {}  # of sites that were corrected
        self._order = 0

    def change(self, items: Sequence[Item], last: int) -> Change | None:
        """What these items change; None where all of it was kept before."""
        raw = self._client.hget(f"{self._base}node", self._node)
        past = redisrows.numbers_of(raw)[0] if raw is not None else -1
        fresh = [item for item in items if item.sequence > past]
        if last <= past and not fresh:
            return None
        self._change.guard("node", self._node, raw)
        self._change.node = self._node, last
        self._read(fresh)
        for item in fresh:
            if isinstance(item, Page):
                self._visit(item)
            elif isinstance(item, Revisit):
                self._revisit(item)
            else:
                self._note(item)
        for name, page in self._pages.items():
            page.write(self._change, name)
        contexts = [
            item for item in fresh if isinstance(item, Page) and item.contexts and item.url is not None
        ]
        if contexts:
            self._say(contexts)
        return self._change

    # what is there

    def _read(self, items: Sequence[Item]) -> None:
        """The pages that are met again are at hand."""
        hosts = sorted({field_of(item.host) for item in items if isinstance(item, Page)})
        revisits = [item for item in items if isinstance(item, Revisit)]
        ask = self._client.pipeline(transaction=False)
        ask.hmget(f"{self._base}about", "langs", "stamp")
        if hosts:
            ask.hmget(f"{self._base}langs", hosts)
        if revisits:
            ask.hkeys(f"{self._base}sums")
        (version, stamp), *found = ask.execute()
        self._order = int(stamp or 0) << 16
        self._change.guard("about", "langs", version)
        if hosts:
            told = zip(hosts, found.pop(0), strict=True)
            self._langs = {host: lang.decode() for host, lang in told if lang is not None}
        names = {self._id(item): field_of(item.host) for item in items if isinstance(item, Page)}
        langs = [lang.decode() for lang in found.pop()] if revisits else []
        again = [f"{item.digest.hex()}:{lang}" for item in revisits for lang in langs]
        self._load(names, [name for name in again if name not in names])

    def _load(self, names: dict[str, str], again: list[str]) -> None:
        asked = [*names, *again]
        if not asked:
            return
        rows = self._client.hmget(f"{self._base}pages", asked)
        there = [name for name, row in zip(asked, rows, strict=True) if row is not None]
        ask = self._client.pipeline(transaction=False)
        for name in there:
            ask.hgetall(f"{self._base}page:{name}")
        days = dict(zip(there, ask.execute() if there else (), strict=True))
        for name, row in zip(asked, rows, strict=True):
            if row is not None or name in names:
                self._pages[name] = _Page(names.get(name, ""), row, days.get(name, {}))

    def _id(self, page: Page) -> str:
        return f"{page.digest.hex()}:{self._langs.get(field_of(page.host)) or field_of(page.lang)}"

    # what is added

    def _visit(self, page: Page) -> None:
        words = redisrows.visit_words(page.forms, page.names)
        title = page.title[:TITLE_MAX] if page.title else None
        self._pages[self._id(page)].visit(
            day_number(page.day), int(page.when), list(words.values()), page.source,
            url=without_query(page.url), title=title,
        )  # fmt: skip

    def _revisit(self, item: Revisit) -> None:
        digest = item.digest.hex()
        found = [page for name, page in self._pages.items() if name.partition(":")[0] == digest and page.days]
        if not found:
            self._note(Note(item.sequence, item.day, item.host, NOT_MODIFIED))
            return
        page = max(found, key=lambda page: (max(page.days), page.days[max(page.days)].seen))
        told, words = redisrows.facts(page.host, page.days), redisrows.latest(page.days)
        words = [Met(met.key, met.main, met.other, met.marks, dict(met.forms)) for met in words]
        page.visit(day_number(item.day), int(item.when), words, RECOUNTED, url=told.url, title=told.title)

    def _note(self, note: Note) -> None:
        what = day_number(note.day), field_of(note.outcome), field_of(note.host)
        self._change.coverage[what] += note.amount

    def _say(self, pages: Sequence[Page]) -> None:
        """The words of the pages' sentences are shown in these."""
        for item in pages:
            name, number = self._id(item), day_number(item.day)
            page = self._pages[name]
            words = {met.key for met in page.days[number].words}
            for key, text in item.contexts:
                key = field_of(key)
                if key in words:
                    self._order += 1
                    told = Sentence(name, page.host, number, self._order, text[:SENTENCE_MAX], [])
                    one = self._change.say(key, told)
                    if one not in page.said:
                        page.said.append(one)
            self._change.do("HSET", f"page:{name}", "said", redisrows.encode(page.said))


class _Page:
    """A page as the store has it, and as it becomes."""

    def __init__(self, host: str, row: bytes | None, fields: dict[bytes, bytes]) -> None:
        self._row = row
        self._before: dict[int, Day] = {}
        self.days: dict[int, Day] = {}
        self.said: list[str] = []
        self.host = host if row is None else redisrows.facts_of(row).host
        for field, value in fields.items():
            if field == b"said":
                self.said = redisrows.texts_of(value)
            else:
                self._before[int(field)], self.days[int(field)] = (
                    redisrows.day_of(value),
                    redisrows.day_of(value),
                )
        self._is_changed = False

    def visit(
        self, number: int, seen: int, words: list[Met], outcome: str, *, url: str | None, title: str | None
    ) -> None:
        """The page has a visit more on that day."""
        self._is_changed = True
        day = self.days.get(number)
        if day is None:
            self.days[number] = day = Day(1, not self.days, seen, url, title, {outcome: 1}, words)
            for met in words:
                met.marks &= redisrows.NAMED
                if len(self.days) == 1:
                    met.marks |= redisrows.ALL_NEW | (redisrows.NEW if met.main else 0)
        else:
            merged = {met.key: met for met in day.words}
            if day.latest is None:
                merged = {
                    key: Met(key, met.main, met.other, met.marks, dict(met.forms))
                    for key, met in merged.items()
                }
            redisrows.merge(merged, words)
            day.words, day.latest = list(merged.values()), words
            day.visits += 1
            day.seen = max(day.seen, seen)
            day.url, day.title = url or day.url, title or day.title
            day.outcomes[outcome] = day.outcomes.get(outcome, 0) + 1
        if len(self.days) > 1 or day.visits > 1:
            redisrows.settle(self.days)

    def write(self, change: Change, name: str) -> None:
        """The change has all of it, if the page is still as it was read."""
        if not self._is_changed:
            return
        lang = name.partition(":")[2]
        change.guard("pages", name, self._row)
        change.page(self.host, lang, self._before, self.days)
        change.keep_page(name, self.host, self._before, self.days)
