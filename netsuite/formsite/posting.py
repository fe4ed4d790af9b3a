"""What a visitor sees: the form, and what becomes of a post.

A post passes these steps, and each ends it with a page that still has what was typed, to be sent once more:

1. Read (`posted`): 400, 413, 422 for what is no form or too much.
2. Where from: our own page, told by its stamp; or a page of an allowed origin; else 403.
3. The form's rules: 422, with the errors beside the fields.
4. Judged (`spam`): flagged, never refused.
5. Kept: written and flushed to the disk.  Only then comes the thank-you page, for spam the very same.  The
   same stamp with the same content is one entry; with another content it is a question (409).  No room: 507;
   another fault of the store: 503.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from netsuite import journal
from netsuite.formsite import form as forms
from netsuite.formsite import spam, stamp
from netsuite.formsite.entry import Draft, Fields, Kept, grouped, when
from netsuite.formsite.form import Form
from netsuite.formsite.keeper import Busy, Keeper
from netsuite.formsite.spam import Rates, Rules
from netsuite.formsite.stamp import Stamp, Stamps
from netsuite.formsite.uploads import Folder, Limits
from netsuite.site import posted
from netsuite.site.answer import JSON, NO_STORE, Answer, Asked, Refusal, Upload, json_answer, phrase
from netsuite.site.frame import Frame
from netsuite.site.posted import Bounds, Posted
from netsuite.site.token import is_from_here
from netsuite.site.tongue import Said, said
from netsuite.storefile import StoreFault

#: The tutorial's form posts to the first; its text speaks of the second.
PATHS = ("/posthandler", "/formhandler")

#: Where to go after a post, and a key of the sender's own against doubles; neither is an answer.
NEXT, KEY = "_next", "_key"

#: Longest address to go to, longest key.
NEXT_MAX, KEY_MAX = 2000, 200

#: Anybody may post, from any page and from none.
ANYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Terms:
    """What posts are told by.  ``form``: None is the tutorial's, whose rules hold for our own page alone."""

    form: Form | None = None
    method: str = "POST"
    origins: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    bounds: Bounds = field(default_factory=Bounds)
    files: Limits | None = None

    @property
    def shown(self) -> Form:
        """The form that is shown."""
        return self.form or forms.TUTORIAL


@dataclass(frozen=True, slots=True)
class _Post:
    """One post under way."""

    asked: Asked
    came: Posted
    fields: Fields  #: those that are answers
    stamp: Stamp | None = None

    @property
    def names(self) -> Fields:
        """The files, by field and name."""
        return tuple((upload.field, upload.name) for upload in self.came.uploads)


class Posting:
    """The views of ``/``, and of `PATHS`."""

    def __init__(
        self,
        frame: Frame,
        keeper: Keeper,
        stamps: Stamps,
        *,
        terms: Callable[[], Terms],
        folder: Callable[[], Folder | None],
        rates: Rates,
    ) -> None:
        self._frame, self._keeper, self._stamps = frame, keeper, stamps
        self._terms, self._folder, self._rates = terms, folder, rates
        self.kept = self.spam = 0  # answers since the start, and those of them that were flagged

    async def form(self, asked: Asked) -> Answer:
        """``/``: the form."""
        return self._form_page(asked, (), {}, self._stamps.issue())

    async def read(self, asked: Asked) -> Answer:
        """GET `PATHS`: what the address says is shown; kept only where the form is one that is sent so."""
        bounds = self._terms().bounds
        came = Posted(posted.decoded_pairs(asked.args, bounds))
        fields = self._answers(came)
        is_sent = self._terms().method == "GET" and asked.method == "GET" and came.first(stamp.FIELD)
        if is_sent and "prefetch" not in asked.headers.get("sec-purpose", ""):
            return await self._take(asked, came)
        return self._values_page(asked, "formsite/posted.html", fields, note=said("form.only_shown"))

    async def post(self, asked: Asked) -> Answer:
        """POST `PATHS`."""
        try:
            answer = await self._take(asked, self._read(asked))
        except Refusal as refusal:
            answer = self._refused(asked, refusal)
        return self._readable(asked, answer)

    def _read(self, asked: Asked) -> Posted:
        bounds = self._terms().bounds
        if self._folder() is None:
            bounds = replace(bounds, files=0)
        return posted.read(asked.headers.get("content-type", ""), asked.body, bounds)

    async def _take(self, asked: Asked, came: Posted) -> Answer:
        post = _Post(asked, came, self._answers(came), self._stamps.read(came.first(stamp.FIELD)))
        if not self._may_post(post):
            if not is_from_here(asked):
                raise Refusal(403, said("form.elsewhere"))
            return self._once_more(post, 403, said("form.stale"))
        terms = self._terms()
        if terms.form is not None or post.stamp is not None:
            errors = forms.check(terms.shown, post.fields, post.names)
            if errors:
                return self._with_errors(post, errors)
        for upload in came.uploads:
            (terms.files or Limits()).judge(upload)
        try:
            kept = await self._keep(post)
        except StoreFault as fault:
            if fault.is_full:
                return self._once_more(post, 507, said("form.full"))
            return self._once_more(post, 503, said("form.trouble"))
        except Busy:
            return self._once_more(post, 503, said("form.busy"))
        if kept.how == "other":
            return self._once_more(post, 409, said("form.other", when=when(kept.at)))
        return self._thanks(post, kept)

    def _may_post(self, post: _Post) -> bool:
        origins, origin = self._terms().origins, post.asked.headers.get("origin", "").lower()
        if origin in origins or ANYWHERE in origins:
            return True
        return post.stamp is not None and is_from_here(post.asked)

    def _answers(self, came: Posted) -> Fields:
        """The fields without those that are ours."""
        own = {stamp.FIELD, NEXT, KEY, posted.CHARSET, self._terms().rules.honeypot}
        return came.without(frozenset(own))

    async def _keep(self, post: _Post) -> Kept:
        rules = self._terms().rules
        reason = spam.judge(
            rules,
            trap=post.came.first(rules.honeypot) if rules.honeypot else "",
            fields=post.fields,
            age=post.stamp.age if post.stamp is not None else None,
            in_minute=self._rates.count(post.asked.client) if not _is_local(post.asked.client) else 0,
        )
        origin = post.asked.headers.get("origin", "")[:300] if not is_from_here(post.asked) else ""
        draft = Draft(post.fields, spam=reason, origin=origin, key=_key(post))
        uploads, folder = post.came.uploads, self._folder()
        if not uploads or folder is None:
            kept = await self._keeper.keep(draft)
        else:
            kept = await self._keep_with_files(draft, uploads, folder)
        if kept.how == "new":
            self.kept, self.spam = self.kept + 1, self.spam + bool(reason)
            journal.answer_kept(number=kept.id, spam=reason)
        return kept

    async def _keep_with_files(self, draft: Draft, uploads: tuple[Upload, ...], folder: Folder) -> Kept:
        files = await self._keeper.change(lambda _store: folder.keep(uploads))
        stored = [file.stored for file in files]
        try:
            kept = await self._keeper.keep(replace(draft, files=files))
        except Exception:
            await self._keeper.change(lambda _store: folder.remove(stored))
            raise
        if kept.how != "new":
            await self._keeper.change(lambda _store: folder.remove(stored))
        return kept

    # -- answers -------------------------------------------------------------------------------------------

    def _thanks(self, post: _Post, kept: Kept) -> Answer:
        if _wants_json(post.asked):
            return json_answer({"ok": True, "again": kept.how == "again"})
        target = self._next(post)
        if target:
            return Answer(b"", status=303, headers=(NO_STORE, ("Location", target)))
        form = self._terms().shown
        note: Said | str = form.thanks or said("form.thanks")
        if kept.how == "again":
            note = said("form.again", when=when(kept.at))
        return self._values_page(
            post.asked, "formsite/posted.html", post.fields, note=note, files=post.names, is_kept=True
        )

    def _next(self, post: _Post) -> str:
        """Where the post wants to go on: a path of ours, or a page of an allowed origin; else "", nowhere."""
        target = post.came.first(NEXT).strip()
        if not target or len(target) > NEXT_MAX or not target.isascii() or not target.isprintable():
            return ""
        if "\\" in target or " " in target:
            return ""
        if target.startswith("/") and not target.startswith("//"):
            return target
        scheme, _, rest = target.partition("://")
        host = rest.partition("/")[0].partition("?")[0].partition("#")[0]
        return target if f"{scheme}://{host}".lower() in self._terms().origins else ""

    def _with_errors(self, post: _Post, errors: dict[str, Said]) -> Answer:
        if _wants_json(post.asked):
            told = {name: str(fault) for name, fault in errors.items()}
            return _json_error(422, said("form.errors", n=len(errors)), fields=told)
        given = post.came.first(stamp.FIELD) if post.stamp is not None else self._stamps.issue()
        return self._form_page(post.asked, post.fields, errors, given)

    def _form_page(self, asked: Asked, fields: Fields, errors: dict[str, Said], given: str) -> Answer:
        terms = self._terms()
        page = self._frame.page(
            "formsite/form.html",
            asked,
            status=422 if errors else 200,
            form=terms.shown,
            fields=list(enumerate(terms.shown.fields)),
            method=terms.method.lower(),
            action=PATHS[0],
            values=dict(grouped(fields)),
            errors=errors,
            stamp=(stamp.FIELD, given),
            honeypot=terms.rules.honeypot,
            other=[pair for pair in fields if terms.shown.field(pair[0]) is None],
            takes_files=self._folder() is not None,
        )
        if errors:
            return page
        # kept for the way back, so that the form that one comes back to has the stamp that was sent
        headers = [
            (name, "private, no-cache" if name == "Cache-Control" else value) for name, value in page.headers
        ]
        return replace(page, headers=tuple(headers))

    def _once_more(self, post: _Post, status: int, sentence: Said) -> Answer:
        """Nothing was kept, and why; what was typed, to be sent by one more click."""
        if _wants_json(post.asked):
            return _json_error(status, sentence)
        again = self._stamps.issue() if status in (403, 409) or post.stamp is None else None
        hidden = [pair for pair in post.came.fields if pair[0] != stamp.FIELD]
        return self._values_page(
            post.asked,
            "formsite/resend.html",
            post.fields,
            note=sentence,
            status=status,
            files=post.names,
            method=self._terms().method.lower(),
            action=PATHS[0],
            hidden=[*hidden, (stamp.FIELD, again or post.came.first(stamp.FIELD))],
        )

    def _values_page(
        self,
        asked: Asked,
        template: str,
        fields: Fields,
        *,
        note: Said | str,
        status: int = 200,
        files: Fields = (),
        is_kept: bool = False,
        **values: Any,
    ) -> Answer:
        return self._frame.page(
            template,
            replace(asked, path="/", args=()),  # in another language there is the form, and no post again
            status=status,
            form=self._terms().shown,
            groups=grouped((*fields, *files)),
            is_kept=is_kept,
            note=note,
            reason=phrase(status),
            **values,
        )

    def _refused(self, asked: Asked, refusal: Refusal) -> Answer:
        if _wants_json(asked):
            return _json_error(refusal.status, refusal.sentence)
        return self._frame.refusal(asked, refusal.status, refusal.sentence, *refusal.headers)

    def _readable(self, asked: Asked, answer: Answer) -> Answer:
        """The answer, that scripts of pages of allowed origins may read (Fetch §3.3)."""
        origins, origin = self._terms().origins, asked.headers.get("origin", "")
        headers: tuple[tuple[str, str], ...] = (("Vary", "Origin"),)
        is_allowed = ANYWHERE in origins or origin.lower() in origins
        if is_allowed and origin and origin.isascii() and origin.isprintable() and len(origin) <= 300:
            headers = (("Access-Control-Allow-Origin", origin), *headers)
        return replace(answer, headers=(*answer.headers, *headers))


def _key(post: _Post) -> bytes:
    """What makes two posts one entry: the stamp, or a key of the sender's own; b"" where there is none."""
    own = post.asked.headers.get("idempotency-key", "") or post.came.first(KEY)
    if own:
        source = f"{post.asked.headers.get('origin', '')}\n{own[:KEY_MAX]}"
        return hashlib.blake2b(source.encode("utf-8", "replace"), digest_size=16).digest()
    return post.stamp.key if post.stamp is not None else b""


def _wants_json(asked: Asked) -> bool:
    accepted = asked.headers.get("accept", "")
    return JSON in accepted and "text/html" not in accepted


def _json_error(status: int, sentence: Said | str, **more: object) -> Answer:
    return json_answer({"ok": False, "error": {"status": status, "message": str(sentence), **more}}, status)


def _is_local(client: str) -> bool:
    """Whether a client is this machine: a proxy before us, or who runs us."""
    return client.startswith("127.") or client in ("::1", "")
