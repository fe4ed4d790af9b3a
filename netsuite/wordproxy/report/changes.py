"""What can be changed from the report: levels of words, what is forgotten, a site's language, the pause.

Each is a POST that the site has judged already (where from, and the token).  A form is answered with 303 to
the page that it was on, which then says what was done; a program that sends JSON is answered in JSON.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from netsuite.site.answer import HTML, NO_STORE, Answer, Asked, Refusal, Upload, json_answer
from netsuite.site.tongue import Said, said
from netsuite.wordproxy.bring import known as bring
from netsuite.wordproxy.report import desk, links, query
from netsuite.wordproxy.report.desk import Desk, Found
from netsuite.wordproxy.report.undo import Change
from netsuite.wordproxy.report.views import no_list
from netsuite.wordproxy.store.contract import LEVELS, Forget, Knowledge, PageQuery, Store
from netsuite.words import segment

#: Words that one request may mark.
WORDS_MAX = 200_000

#: Lists of known words that programs may send, and the names' ends that say the same.
LISTS = {"text/plain": ".txt", "text/csv": ".csv", "text/tab-separated-values": ".tsv"}

#: Longest list, in bytes.
LIST_BYTES = 4 * 1024 * 1024

#: In so many bytes of a file its first line ends, if it names columns.
_FIRST_BYTES = 4096

_FORGET = {
    "word": query.word,
    "lang": query.lang,
    "page": query.page_id,
    "host": lambda text: query.site(text, "host"),
    "day": query.day,
    "what": query.one_of("what", ("everything", "all_and_levels")),
}


class Marked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A word as a program marks it."""

    word: str
    lang: str
    level: str


class Marks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a program sends to ``/known``."""

    words: list[Marked]


class Paused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a program sends to ``/pause``."""

    paused: bool


class Changing:
    """The views that change something."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def known(self, asked: Asked) -> Answer:
        """POST ``/known``: mark words, or undo that: all words of the request or none."""
        if asked.wants_json:
            return await self._marked(asked, lambda: _all_of(_decoded(asked, Marks).words))
        if asked.kind in LISTS:
            return await self._brought(asked, asked.body, dict(asked.args), LISTS[asked.kind])
        fields = dict(asked.form)
        if asked.uploads:
            file = asked.uploads[0]
            return await self._brought(asked, file.content, fields, _ending_of(file))
        if text := fields.get("list", "").strip():
            return await self._brought(asked, text.encode(), fields, ending(text))
        if number := fields.get("undo"):
            return await self._undone(asked, number)
        if "mark" not in fields:
            raise Refusal(422, said("post.nothing"))
        level, _, rest = fields["mark"].partition(":")
        lang, _, word = rest.partition(":")
        one = _knowledge(word, lang, level)
        return await self._marked(asked, lambda: [one])

    async def _brought(self, asked: Asked, data: bytes, fields: Mapping[str, str], ending: str) -> Answer:
        """A list of words is taken whole, or not at all."""
        lang = query.lang(fields.get("lang", "").strip())
        level = query.one_of("level", LEVELS)(fields.get("level") or bring.KNOWN)

        def work(store: Store) -> tuple[int, int, list[Knowledge]] | str:
            try:
                found = bring.parse(data, lang, f"list{ending}", level)
            except bring.ListFault as fault:
                return str(fault)
            return len(found.words), found.left_out, store.set_levels(found.words)

        told = await self._desk.ask(asked, work)
        if isinstance(told, str):
            raise Refusal(422, said("post.list", fault=told))
        number, left_out, before = told
        sentence = said("known.brought", n=number, left=said("known.left_out", n=left_out))
        change = self._desk.changes_of(asked).keep(sentence, before)
        return self._done(asked, change, changed=number, left_out=left_out)

    async def _marked(self, asked: Asked, told: Callable[[], Sequence[Knowledge]]) -> Answer:
        """``told`` is asked in the store's thread: many words take a while to read."""

        def work(store: Store) -> tuple[Sequence[Knowledge], list[Knowledge]]:
            words = told()
            return words, store.set_levels(words)

        words, before = await self._desk.ask(asked, work)
        if len(words) == 1:
            one = words[0]
            sentence = said("level.changed_one", word=one.key, level=said(f"level.{one.level}"))
        else:
            sentence = said("level.changed", n=len(words))
        return self._done(asked, self._desk.changes_of(asked).keep(sentence, before), changed=len(words))

    async def _undone(self, asked: Asked, number: str) -> Answer:
        change = self._desk.changes_of(asked).of(number)
        if change is None or not change.before:
            raise Refusal(409, said("post.too_late"))
        before = list(change.before)
        await self._desk.ask(asked, lambda store: store.set_levels(before))
        self._desk.changes_of(asked).drop(number)
        return self._done(asked, self._desk.changes_of(asked).keep(said("post.undone")), changed=len(before))

    async def forget(self, asked: Asked) -> Answer:
        """POST ``/forget``: it is gone with all its numbers."""
        fields = _fields(asked, _FORGET)
        what = _what(fields)
        if what is None:
            raise Refusal(422, said("post.nothing"))
        if not await self._desk.about().flush():  # what still waits for the store would come after it
            raise Refusal(503, said("post.waits"), ("Retry-After", "10"))
        number = await self._desk.ask(asked, lambda store: store.forget(what))
        return self._done(
            asked, self._desk.changes_of(asked).keep(said("forget.done")), to="/forget", forgotten=number
        )

    async def ask_to_forget(self, asked: Asked) -> Answer:
        """GET ``/forget``: what would be forgotten, and a button; without parameters, what can be."""
        fields = query.values(desk.pairs(asked), _FORGET)
        what = _what(fields)

        def read(store: Store) -> Found:
            sentence, shown = None, fields
            if what is not None:
                title = None
                if what.page is not None:
                    pages = store.pages(PageQuery(id=what.page)).pages
                    title = (pages[0].title or pages[0].url) if pages else None
                sentence = _sentence(what, title)
            return Found(no_list(store), {"sentence": sentence, "fields": shown})

        return await self._desk.answer(asked, "forget.html", read)

    async def pause(self, asked: Asked) -> Answer:
        """POST ``/pause``: counting is paused, or goes on."""
        if asked.wants_json:
            paused = _decoded(asked, Paused).paused
        else:
            paused = query.one_of("paused", ("0", "1"))(dict(asked.form).get("paused", "")) == "1"
        self._desk.about().pause(paused)
        sentence = said("pause.is_on" if paused else "pause.is_off")
        return self._done(asked, self._desk.changes_of(asked).keep(sentence), paused=paused)

    async def site_lang(self, asked: Asked) -> Answer:
        """POST ``/sites``: a site's pages are in this language; without one, what they say themselves."""
        fields = _fields(asked, {"host": lambda text: query.site(text, "host"), "lang": query.lang})
        host, lang = fields.get("host"), fields.get("lang")
        if host is None:
            raise Refusal(422, said("post.nothing"))
        await self._desk.ask(asked, lambda store: store.set_site_lang(host, lang))
        sentence = (
            said("post.site_lang", host=host, lang=lang) if lang else said("post.site_lang_off", host=host)
        )
        return self._done(asked, self._desk.changes_of(asked).keep(sentence), host=host, lang=lang)

    def _done(self, asked: Asked, change: Change, *, to: str | None = None, **told: Any) -> Answer:
        """The answer: 303 to where the form was (RFC 9110 §15.4.4), or JSON."""
        if asked.wants_json or asked.kind in LISTS:
            return json_answer({**told, "undo": change.number if change.before else None})
        path, _, rest = (to or links.back(dict(asked.form).get("back", "/"))).partition("?")
        pairs = [(name, value) for name, value in parse_qsl(rest) if name not in desk.EVERYWHERE]
        where = f"{path}?{urlencode([*pairs, ('done', change.number)])}"
        return Answer(b"", HTML, 303, (NO_STORE, ("Location", where)))


def _knowledge(word: str, lang: str, level: str) -> Knowledge:
    key = segment.key(query.word(word.strip()))[: segment.LENGTH_MAX]
    return Knowledge(key, query.lang(lang), query.one_of("level", LEVELS)(level))


def _ending_of(file: Upload) -> str:
    """Which sort of list a file is: its name says it, else its first line."""
    told = os.path.splitext(file.name)[1].lower()
    return told if told in LISTS.values() else ending(file.content[:_FIRST_BYTES].decode("utf-8", "replace"))


def ending(text: str) -> str:
    """Which sort of list a text is, as a file's name would say it: a header names its columns."""
    first = next((line for line in text.split("\n") if line[:1] != "#"), "")
    for sign, name in ((",", ".csv"), ("\t", ".tsv")):
        if "word" in (column.strip(' "\r').lower() for column in first.split(sign)) and sign in first:
            return name
    return ".txt"


def _all_of(marked: Sequence[Marked]) -> list[Knowledge]:
    if not marked:
        raise Refusal(422, said("post.nothing"))
    if len(marked) > WORDS_MAX:
        raise Refusal(413, said("post.words", n=WORDS_MAX))
    return [_knowledge(one.word, one.lang, one.level) for one in marked]


def _fields(asked: Asked, known: Mapping[str, query.Judge]) -> dict[str, Any]:
    """The values of a form, or of a flat JSON object of strings."""
    if asked.wants_json:
        found = [(name, str(value)) for name, value in _decoded(asked, dict).items()]
    else:
        found = [(name, value) for name, value in asked.form if name not in ("token", "back")]
    return query.values(found, known)


def _decoded(asked: Asked, kind: Any) -> Any:
    try:
        return msgspec.json.decode(asked.body, type=kind)
    except msgspec.DecodeError as error:  # also what doesn't fit the type
        raise Refusal(422, said("post.json", fault=str(error)[:200])) from None


def _what(fields: Mapping[str, Any]) -> Forget | None:
    """What is to be forgotten, None where nothing is said.  Raises: Refusal if it is more than one thing."""
    things = {name for name in fields if name != "lang"}
    if not things:
        return None
    if len(things) > 1 or ("word" in things) != ("lang" in fields):
        raise Refusal(422, said("post.one_thing"))
    if "what" in fields:
        return Forget(everything=True, levels=fields["what"] == "all_and_levels")
    if "word" in fields:
        key = segment.key(fields["word"])[: segment.LENGTH_MAX]
        return Forget(word=key, lang=fields["lang"])
    return Forget(page=fields.get("page"), host=fields.get("host"), day=fields.get("day"))


def _sentence(what: Forget, title: str | None) -> Said:
    for name, value in (("word", what.word), ("page", what.page), ("host", what.host), ("day", what.day)):
        if value is not None:
            return said(f"forget.{name}", what=title or value)
    return said("forget.all_and_levels" if what.levels else "forget.everything")
