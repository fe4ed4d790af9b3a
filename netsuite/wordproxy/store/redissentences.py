"""Sentences in a store in Redis: which words they show, at most `CONTEXTS_MAX` of each word, the newest.

A sentence is found by a digest of its page and text, so that one that is met again is known.  Each word has a
list of these, each sentence the words that it shows, each page all that it ever had; what a list names may be
gone.  All that is read here is guarded by the change that is worked out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from netsuite.wordproxy.store import redisrows
from netsuite.wordproxy.store.contract import CONTEXTS_MAX
from netsuite.wordproxy.store.redischange import Change
from netsuite.wordproxy.store.redisplaces import lang_of
from netsuite.wordproxy.store.redisrows import Sentence


class Sentences:
    """Sentences as they are, and as a change makes them."""

    def __init__(self, client: Any, base: str, change: Change) -> None:
        self._client, self._base, self._change = client, base, change
        self._kept: dict[str, Sentence | None] = {}
        self._rows: dict[tuple[str, str], list[str]] = {}  # by language and word
        self._fresh: defaultdict[str, list[str]] = defaultdict(list)  # by page

    def add(self, said: list[tuple[str, Sentence]]) -> None:
        """Each word is shown by its sentence; one that the page had before stays as it was."""
        self._read_rows((lang_of(sentence.page), key) for key, sentence in said)
        names = [_name(sentence) for _, sentence in said]
        self._read(names)
        for (key, fresh), name in zip(said, names, strict=True):
            row = self._rows[lang_of(fresh.page), key]
            sentence = self._kept[name]
            if sentence is None:
                sentence = self._kept[name] = fresh
            if name not in self._fresh[fresh.page]:
                self._fresh[fresh.page].append(name)
            if name not in row:
                row.append(name)
                sentence.keys.append(key)
        full = {place: row for place, row in self._rows.items() if len(row) > CONTEXTS_MAX}
        self._read(name for row in full.values() for name in row)
        for (_, key), row in full.items():
            row.sort(key=self._age)
            for name in row[:-CONTEXTS_MAX]:
                self._lose(name, key)
            del row[:-CONTEXTS_MAX]

    def _age(self, name: str) -> tuple[int, int]:
        sentence = self._kept[name]
        return (sentence.day, sentence.order) if sentence else (0, 0)

    def drop(self, names: Iterable[str]) -> list[Sentence]:
        """Those sentences are gone; return those that were there."""
        names = list(names)
        self._read(names)
        gone = [sentence for name in names if (sentence := self._kept[name]) is not None]
        self._read_rows((lang_of(sentence.page), key) for sentence in gone for key in sentence.keys)
        for name in names:
            sentence = self._kept[name]
            for key in sentence.keys if sentence else ():
                row = self._rows[lang_of(sentence.page), key] if sentence else []
                if name in row:
                    row.remove(name)
            self._kept[name] = None
        return gone

    def of_day(self, names: Iterable[str], day: int) -> list[str]:
        """Those of these sentences that were first met on that day."""
        names = list(names)
        self._read(names)
        return [name for name in names if (kept := self._kept[name]) is not None and kept.day == day]

    def write(self, said: Mapping[str, list[str]]) -> None:
        """The change has all of it; ``said``: what each page had."""
        for (lang, key), row in self._rows.items():
            if row:
                self._change.do("HSET", f"contexts:{lang}", key, redisrows.encode(row))
            else:
                self._change.do("HDEL", f"contexts:{lang}", key)
        for name, sentence in self._kept.items():
            if sentence is not None and sentence.keys:
                self._change.do("HSET", "sentences", name, redisrows.encode(sentence))
            else:
                self._change.do("HDEL", "sentences", name)
        for page, names in self._fresh.items():
            before = said.get(page, [])
            every = [*before, *(name for name in names if name not in before)]
            self._change.do("HSET", f"page:{page}", "said", redisrows.encode(every))

    def _lose(self, name: str, key: str) -> None:
        sentence = self._kept[name]
        if sentence is not None and key in sentence.keys:
            sentence.keys.remove(key)

    def _read(self, names: Iterable[str]) -> None:
        fields = [("sentences", name) for name in dict.fromkeys(names) if name not in self._kept]
        for (_, name), raw in self._guarded(fields).items():
            self._kept[name] = None if raw is None else redisrows.sentence_of(raw)

    def _read_rows(self, places: Iterable[tuple[str, str]]) -> None:
        wanted = [place for place in dict.fromkeys(places) if place not in self._rows]
        found = self._guarded([(f"contexts:{lang}", key) for lang, key in wanted])
        for (lang, key), raw in zip(wanted, found.values(), strict=True):
            self._rows[lang, key] = [] if raw is None else redisrows.texts_of(raw)

    def _guarded(self, fields: list[tuple[str, str]]) -> dict[tuple[str, str], bytes | None]:
        """The values of those fields, which must not change meanwhile."""
        ask = self._client.pipeline(transaction=False)
        for name, field in fields:
            ask.hget(f"{self._base}{name}", field)
        found = dict(zip(fields, ask.execute() if fields else (), strict=True))
        for (name, field), value in found.items():
            self._change.guard(name, field, value)
        return found


def _name(sentence: Sentence) -> str:
    return blake2b(f"{sentence.page}\0{sentence.text}".encode(), digest_size=9).hexdigest()
