"""The inbox: what was kept, to be read, searched, marked, sorted out as spam and back, deleted, exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from netsuite import journal
from netsuite.formsite import export, spam
from netsuite.formsite.entry import Entry, grouped
from netsuite.formsite.keeper import Keeper
from netsuite.formsite.outward import Outward
from netsuite.formsite.store import BOXES, FormStore
from netsuite.formsite.uploads import Folder
from netsuite.site import token
from netsuite.site.answer import NO_STORE, Answer, Asked, Refusal, json_answer
from netsuite.site.frame import Frame
from netsuite.site.token import Token
from netsuite.site.tongue import Said, said

#: Entries of one page.
PAGE_ROWS = 50

#: Longest text that is searched for, most entries that are changed at once.
Q_MAX, IDS_MAX = 200, 1000

#: Characters of a value, and fields of an entry, that a list shows.
VALUE_SHOWN, FIELDS_SHOWN = 300, 12

CSV = "text/csv; charset=utf-8; header=present"

#: What a button of the inbox says that is done, and what is said of it then.
DEEDS = {
    "mark": "inbox.done_mark",
    "unmark": "inbox.done_unmark",
    "spam": "inbox.done_spam",
    "ham": "inbox.done_ham",
    "delete": "inbox.done_delete",
    "again": "inbox.done_again",
}

#: How boxes, and reasons for spam, are called.
_BOXES = {
    "inbox": said("inbox.inbox"),
    "spam": said("inbox.spam"),
    "marked": said("inbox.marked"),
    "all": said("inbox.all"),
}
_REASONS = {
    spam.HONEYPOT: said("inbox.spam_honeypot"),
    spam.TOO_FAST: said("inbox.spam_too_fast"),
    spam.LINKS: said("inbox.spam_links"),
    spam.RATE: said("inbox.spam_rate"),
    spam.BY_HAND: said("inbox.spam_by_hand"),
}


class Inbox:
    """The views below ``/inbox``."""

    def __init__(
        self,
        frame: Frame,
        keeper: Keeper,
        judge: Token,
        *,
        folder: Callable[[], Folder | None],
        reactor: object,
    ) -> None:
        self._frame, self._keeper, self._judge, self._folder = frame, keeper, judge, folder
        self._outward = Outward(keeper, reactor)

    # -- reading -------------------------------------------------------------------------------------------

    async def box(self, asked: Asked) -> Answer:
        """``/inbox``: a box, the newest first, or what was searched for in it."""
        args = _arguments(asked, "box", "q", "before", "done")
        box, q = _box(args), args.get("q", "").strip()[:Q_MAX]
        before = _number(args.get("before", "0"))

        def read(store: FormStore) -> dict[str, Any]:
            found = store.page(box, q, before or None, PAGE_ROWS + 1)
            return {"entries": found, "counts": store.counts(), "outbox": store.outbox()}

        told = await self._keeper.ask(read)
        entries: list[Entry] = told.pop("entries")
        more = _address(box, q, entries[PAGE_ROWS - 1].id) if len(entries) > PAGE_ROWS else None
        return self._page(
            "formsite/inbox.html",
            asked,
            box=box,
            q=q,
            before=before,
            entries=[(entry, _short(entry)) for entry in entries[:PAGE_ROWS]],
            boxes=[(name, text, _address(name, "")) for name, text in _BOXES.items()],
            name=_BOXES[box],
            more=more,
            done=_done(args.get("done", "")),
            **told,
        )

    async def one(self, asked: Asked) -> Answer:
        """``/inbox/NUMBER``: all of one entry; ``/inbox/file/NAME``: a file that came with one."""
        rest = asked.path.removeprefix("/inbox/")
        if rest.startswith("file/"):
            return await self._file(rest.removeprefix("file/"))
        number = _number(rest)
        entry = await self._keeper.ask(lambda store: store.entry(number)) if number else None
        if entry is None:
            raise Refusal(404, said("inbox.no_entry"))
        return self._page("formsite/entry.html", asked, entry=entry, groups=grouped(entry.fields))

    async def _file(self, stored: str) -> Answer:
        """A file, as something to save and nothing to show, whatever it is."""
        folder = self._folder()
        known = await self._keeper.ask(lambda store: store.file_of(stored)) if folder is not None else None
        content = await self._keeper.change(lambda _store: folder.read(stored)) if folder and known else None
        if known is None or content is None:
            raise Refusal(404, said("refusal.no_file"))
        name = quote(known.name[:200], safe="")
        return Answer(
            content,
            "application/octet-stream",
            headers=(NO_STORE, ("Content-Disposition", f"attachment; filename*=UTF-8''{name}")),
        )

    async def csv(self, asked: Asked) -> Answer:
        """``/inbox.csv``: a box as a table."""
        args = _arguments(asked, "box", "split", "bom")
        stream = self._outward.table(_box(args), split="split" in args)
        begin = export.BOM if "bom" in args else b""
        return Answer(begin, CSV, headers=(NO_STORE, _saved("answers.csv")), stream=stream)

    async def json(self, asked: Asked) -> Answer:
        """``/inbox.json``: a box for programs, the oldest first; ``since`` a number, ``limit`` 0 is all."""
        args = _arguments(asked, "box", "since", "limit")
        box, since = _box(args), _number(args.get("since", "0"))
        limit = _number(args.get("limit", "100"))
        if not limit or limit > 1000:
            stream = self._outward.objects(box, since)
            return Answer(b"", "application/json", headers=(NO_STORE, _saved("answers.json")), stream=stream)
        found = await self._keeper.ask(lambda store: store.after(since, limit + 1, box))
        entries = found[:limit]
        following = entries[-1].id if len(found) > limit else None
        return json_answer({"entries": [export.plain(entry) for entry in entries], "next_since": following})

    async def ask_to_forget(self, asked: Asked) -> Answer:
        """``/inbox/forget``: what will be deleted of one person, before it is."""
        args = _arguments(asked, "name", "value", "done")
        name, value = args.get("name", ""), args.get("value", "")
        found = None
        if name and value:
            found = await self._keeper.ask(lambda store: store.count_where(name, value))
        return self._page("formsite/forget.html", asked, name=name, value=value, found=found)

    # -- changing ------------------------------------------------------------------------------------------

    async def change(self, asked: Asked) -> Answer:
        """POST ``/inbox``: what a button says, for the entries that are ticked."""
        deed = next((name for name, _ in asked.form if name in DEEDS), "")
        ids = sorted({_number(value) for name, value in asked.form if name == "id"} - {0})[:IDS_MAX]
        if deed == "again":
            count = await self._keeper.change(lambda store: store.tell_again(self._keeper.now()))
            self._keeper.on_again()
            return _back(asked, deed, count)
        if not deed or not ids:
            raise Refusal(422, said("inbox.nothing"))
        if deed == "delete" and "sure" not in dict(asked.form):
            return self._page("formsite/delete.html", asked, ids=ids, back=dict(asked.form).get("back", ""))
        return _back(asked, deed, await self._do(deed, ids))

    async def _do(self, deed: str, ids: list[int]) -> int:
        if deed in ("mark", "unmark"):
            return await self._keeper.change(lambda store: store.mark(ids, deed == "mark"))
        if deed == "spam":
            return await self._keeper.change(lambda store: store.flag(ids, spam.BY_HAND))
        if deed == "ham":
            count = await self._keeper.change(
                lambda store: store.clear(ids, self._keeper.now(), self._keeper.ways)
            )
            self._keeper.on_kept()
            return count
        return await self.remove(lambda store: store.delete(ids))

    async def forget(self, asked: Asked) -> Answer:
        """POST ``/inbox/forget``: all that has this value in this field is gone."""
        fields = dict(asked.form)
        name, value = fields.get("name", ""), fields.get("value", "")
        if not name or not value:
            raise Refusal(422, said("inbox.nothing"))
        return _back(asked, "delete", await self.remove(lambda store: store.delete_where(name, value)))

    async def remove(self, work: Callable[[FormStore], tuple[int, list[str]]]) -> int:
        """What ``work`` deletes is gone with its files; how many entries that were."""
        count, files = await self._keeper.change(work)
        folder = self._folder()
        if files and folder is not None:
            await self._keeper.change(lambda _store: folder.remove(files))
        if count:
            journal.answers_deleted(count=count)
        return count

    def _page(self, template: str, asked: Asked, **values: Any) -> Answer:
        here = _address(str(values.get("box", "")), "")
        return self._frame.page(
            template, asked, here=here, token=self._judge.of(token.FORM), reasons=_REASONS, **values
        )


def _arguments(asked: Asked, *names: str) -> Mapping[str, str]:
    return {name: value for name, value in asked.args if name in names}


def _box(args: Mapping[str, str]) -> str:
    box = args.get("box", "inbox")
    if box not in BOXES:
        raise Refusal(400, said("query.one_of", name="box", names=", ".join(BOXES)))
    return box


def _number(text: str) -> int:
    """The number that a text is; 0 for one that is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def _address(box: str, q: str, before: int | None = None) -> str:
    pairs = {"box": box if box != "inbox" else "", "q": q, "before": str(before or "")}
    query = urlencode({name: value for name, value in pairs.items() if value})
    return f"/inbox?{query}" if query else "/inbox"


def _short(entry: Entry) -> list[tuple[str, list[str]]]:
    """The fields of an entry for a list: some of them, each value not too long."""
    return [
        (name, [v if len(v) <= VALUE_SHOWN else v[:VALUE_SHOWN] + "…" for v in values])
        for name, values in grouped(entry.fields)[:FIELDS_SHOWN]
    ]


def _back(asked: Asked, deed: str, count: int) -> Answer:
    """To the list that was seen, which says what was done."""
    back = dict(asked.form).get("back", "")
    if not back.startswith("/inbox") or not back.isascii() or not back.isprintable() or len(back) > 2000:
        back = "/inbox"
    mark = "&" if "?" in back else "?"
    return Answer(b"", status=303, headers=(NO_STORE, ("Location", f"{back}{mark}done={deed}-{count}")))


def _done(text: str) -> Said | None:
    deed, _, count = text.partition("-")
    return said(DEEDS[deed], n=_number(count)) if deed in DEEDS else None


def _saved(name: str) -> tuple[str, str]:
    return "Content-Disposition", f'attachment; filename="{name}"'
