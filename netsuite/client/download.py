"""One file fetched: tried, continued, tried again, checked, and only then put in its place.

Theory.  A try asks for what is missing (``resume``), adds it to the part (``part``), and, when all is there,
adds the bytes up (``digests``).  What fails for a reason that may pass is tried again after a while, from
where it broke off: ``retries`` times without a further byte; whoever moves on is given new ones, so that a
server that drops every connection after a megabyte still gives all of its file, while one that never moves on
is left.  Several URLs of one file are asked in turn, where a checksum, or the server's word, decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from random import uniform
from typing import Any

from twisted.internet.task import deferLater

from netsuite.client.agent import Agent, Answer, Request
from netsuite.client.digests import Adding, Sum, sums_of_server
from netsuite.client.filename import from_server
from netsuite.client.job import Job
from netsuite.client.pace import Pace
from netsuite.client.part import Part
from netsuite.client.progress import Progress
from netsuite.client.resume import (
    Again,
    Anew,
    Append,
    Finished,
    Version,
    asking,
    http_date,
    judge,
    moment,
    version_of,
)
from netsuite.client.url import Url
from netsuite.http1.fields import Fields
from netsuite.journal import escaped
from netsuite.outcome import Failed, Outcome

#: Causes that may pass.
PASSING = frozenset(("dns", "refused", "timeout", "unreachable", "lost", "declined"))

#: Seconds before the first further try; each wait is twice the last, up to the most.
WAIT_SECONDS, WAIT_MOST = 1.0, 30.0

#: Longest wait that a server may ask for.
AFTER_MOST = 300.0


class Refused(Failed):
    """The server's status says no.  ``after``: seconds that it asks us to wait, None if it does not."""

    def __init__(self, outcome: Outcome, reason: str, after: float | None) -> None:
        super().__init__(outcome.cause or "http", reason)
        self.after = after


class Download:
    """Fetches one file.  ``note``: takes what people should know."""

    def __init__(
        self, reactor: Any, agent: Agent, job: Job, progress: Progress, note: Callable[[str], object]
    ) -> None:
        self._reactor, self._agent, self._job = reactor, agent, job
        self._progress = progress
        self._tell = note
        self._part: Part
        self._tries = 0
        self._resumed_from: int | None = None
        self._status = 0
        self._final = job.path
        self._checks: list[Sum] = []
        self._modified: float | None = None

    def _note(self, text: str) -> None:
        self._progress.interrupted()
        self._tell(text)

    async def run(self) -> Outcome:
        """Return how it ended: with ``file``, ``bytes``, ``sha256`` and so on as its result."""
        job = self._job
        self._refuse_what_is_there(job.path)
        for left, url in zip(range(len(job.urls) - 1, -1, -1), job.urls, strict=True):
            self._part = Part(job.path)
            try:
                outcome = await self._judged(url)
            finally:
                self._progress.stop()
                try:
                    self._part.settle()
                finally:
                    self._part.close()
            if outcome.ok or not left or outcome.cause == "local":
                return outcome
            self._note(f"{url.place}: {outcome.message}; the next mirror is asked")
        raise AssertionError("no URL")

    async def _judged(self, url: Url) -> Outcome:
        """Return how it ended with one URL.  Raises: what is a mistake of ours, and a cancellation."""
        try:
            return await self._from(url)
        except Exception as error:
            told = Outcome.of(error)
            if told.cause == "internal":
                raise
            return replace(told, result=self._result())

    def _refuse_what_is_there(self, path: str) -> None:
        if not os.path.lexists(path):
            return
        if not os.path.isfile(path):
            raise Failed("local", f"{path}: this is no regular file")
        if not (self._job.replaces or self._job.if_newer):
            raise Failed("local", f"{path}: is there already; -f replaces it, --if-newer asks if it is old")

    def _result(self, **more: object) -> dict[str, object]:
        told = {
            "file": self._final,
            "bytes": self._part.size,
            "resumed_from": self._resumed_from,
            "sha256": None,
            "verified": None,
            "status": self._status,
            "tries": self._tries,
        }
        return {**told, **more}

    # -- tries ----------------------------------------------------------------------------------------

    async def _from(self, url: Url) -> Outcome:
        """Return how it ended with one URL.  Raises: what the last try failed with."""
        left, furthest = self._job.retries, self._part.size
        wait = WAIT_SECONDS
        while True:
            self._tries += 1
            try:
                return await self._once(url)
            except Exception as error:
                outcome = Outcome.of(error)
                if self._part.size > furthest:
                    furthest, left, wait = self._part.size, self._job.retries, WAIT_SECONDS
                if outcome.cause not in PASSING or not left:
                    raise
                after = getattr(error, "after", None)
                if after is not None and after > AFTER_MOST:
                    raise
                seconds = wait * uniform(0.8, 1.2) if after is None else after  # noqa: S311 - no secret
            left, wait = left - 1, min(wait * 2, WAIT_MOST)
            self._note(f"{outcome.message}; again in {seconds:.1f} s")
            await deferLater(self._reactor, seconds)

    async def _once(self, url: Url) -> Outcome:
        """Return how one try ended.  Raises: Failed and all that ``fetch`` does."""
        job, part = self._job, self._part
        version = part.known(url.text) if job.resumes else None
        if version is None and part.size:
            why = "--no-resume" if not job.resumes else f"nothing certain is known of {part.path}"
            self._note(f"from the beginning: {why}")
            part.begin(url.text, Version())
        answer = await self._ask(url, asking(version, part.size) if version is not None else [])
        try:
            if version is not None and answer.status in (200, 206, 416):
                verdict = judge(answer.status, answer.head.combined, version, part.size)
                if isinstance(verdict, Again):
                    self._note(f"from the beginning: {verdict.why}")
                    answer.close()
                    part.begin(url.text, Version())
                    version = None
                    answer = await self._ask(url, [])
                elif isinstance(verdict, Finished):
                    self._resumed_from = part.size
                    self._know(answer)
                    changed = moment((version.date or "").encode("latin-1"))
                    self._modified = None if changed is None else changed.timestamp()
                    self._progress.begin(part.size, part.size)
                    self._progress.end()
                    return await self._whole(answer)
                elif isinstance(verdict, Anew):
                    if verdict.why is not None:
                        self._note(f"from the beginning: {verdict.why}")
                    version = None
                else:
                    return await self._append(answer, verdict)
            return await self._anew(url, answer)
        finally:
            answer.close()

    async def _ask(self, url: Url, fields: Fields) -> Answer:
        """Return an answer; a status that is of no use is an error.  Raises: Refused."""
        job = self._job
        condition = self._condition()
        fields = [*fields, *condition, *job.fields_for(url)]
        answer = await self._agent.fetch(Request(url, b"GET", fields, codings=b"identity"))
        self._status = answer.status
        told = Outcome.of_status(answer.status, retry_after=answer.value(b"retry-after") is not None)
        ranged = any(name == b"Range" for name, _ in fields)
        fits = (206, 416) if ranged else (304,) if condition else ()
        if answer.status == 200 or answer.status in fits:
            return answer
        answer.close()
        if told.ok:
            told = Outcome.failed("http", "")
        raise Refused(told, answer.reason, self._after(answer))

    def _condition(self) -> Fields:
        """Return what asks only for something newer than what is there."""
        if not self._job.if_newer:
            return []
        try:
            modified = os.stat(self._job.path).st_mtime
        except OSError:
            return []
        return [(b"If-Modified-Since", http_date(modified))]

    def _after(self, answer: Answer) -> float | None:
        """Return the seconds of Retry-After (RFC 9110 §10.2.3), None where there are none."""
        value = answer.value(b"retry-after")
        if value is None:
            return None
        if value.isdigit() and len(value) < 10:
            return float(value)
        then, now = moment(value), moment(answer.value(b"date"))
        return None if then is None or now is None else max(0.0, (then - now).total_seconds())

    # -- what comes -----------------------------------------------------------------------------------

    async def _anew(self, url: Url, answer: Answer) -> Outcome:
        """All of it comes."""
        if answer.status == 304 or self._is_no_newer(answer):
            self._part.drop()
            return Outcome.done(**self._result(bytes=0, modified=False))
        self._name(answer)
        coded, length = bool(answer.codings), answer.head.length
        version = version_of(answer.head.combined, length)
        self._bound(length)
        self._part.begin(url.text, Version() if coded else version)
        self._modified = None
        self._resumed_from = None
        self._know(answer)
        if length is not None:
            self._part.room(length)
        self._progress.begin(0, length)
        return await self._pour(answer)

    async def _append(self, answer: Answer, verdict: Append) -> Outcome:
        """The rest of it comes."""
        self._bound(verdict.total)
        self._part.proceed()
        self._resumed_from = self._part.size
        self._know(answer)
        self._part.room(verdict.total - self._part.size)
        self._progress.begin(self._part.size, verdict.total)
        return await self._pour(answer, verdict.total)

    async def _pour(self, answer: Answer, total: int | None = None) -> Outcome:
        write, add, part = self._part.write, self._progress.add, self._part
        pace = None if self._job.rate is None else Pace(self._reactor, answer, self._job.rate)
        coded = bool(answer.codings)
        came = 0

        def take(data: bytes) -> None:
            write(data)
            add(len(data))
            if pace is not None:
                pace.came(len(data))

        def take_coded(data: bytes) -> None:
            nonlocal came
            write(data)
            add(answer.came - came)
            came = answer.came

        await answer.pour(take_coded if coded else take)
        if pace is not None:
            await deferLater(self._reactor, pace.ahead)
        if total is not None and part.size != total:
            raise Failed("lost", f"{part.size} bytes are there, not {total}")
        self._progress.end()
        return await self._whole(answer)

    def _bound(self, length: int | None) -> None:
        most = self._job.most
        if most is not None and length is not None and length > most:
            raise Failed("limit", f"the file is larger than {most} bytes", detail="size")

    def _know(self, answer: Answer) -> None:
        """Remember what the server says of the whole: what it adds up to, and when it was changed."""
        said: list[Sum] = []
        if answer.status != 416 and not answer.codings:
            said = sums_of_server(answer.value(b"repr-digest"), answer.value(b"digest"))
        self._checks = [*self._job.sums, *said]
        changed = moment(answer.value(b"last-modified"))
        if changed is not None:
            self._modified = changed.timestamp()

    def _name(self, answer: Answer) -> None:
        if not self._job.server_name:
            return
        name = from_server(answer.value(b"content-disposition"))
        if name is None:
            self._note("the server names no file")
            return
        final = os.path.join(os.path.dirname(self._job.path), name)
        if final != self._job.path:
            self._refuse_what_is_there(final)
        self._final = self._part.final = final

    def _is_no_newer(self, answer: Answer) -> bool:
        """Whether a server that knows no conditions sends what is there already."""
        if not self._job.if_newer:
            return False
        try:
            found = os.stat(self._job.path)
        except OSError:
            return False
        changed = moment(answer.value(b"last-modified"))
        return (
            changed is not None
            and changed.timestamp() <= found.st_mtime
            and answer.head.length == found.st_size
            and not answer.codings
        )

    # -- the end --------------------------------------------------------------------------------------

    async def _whole(self, answer: Answer) -> Outcome:
        """All bytes are there: they are judged, and the file is put in its place."""
        part = self._part
        size = part.size
        algorithms = {each.algorithm for each in self._checks} | ({"sha256"} if self._job.adds_up else set())
        adding = Adding(frozenset(algorithms))
        if algorithms:
            for piece in part.pieces():
                adding.add(piece)
        sha256 = adding.value("sha256") if "sha256" in algorithms else None
        for each in self._checks:
            value = adding.value(each.algorithm)
            if value != each.value:
                return self._mismatch(each, value, sha256)
        self._refuse_what_is_there(self._final)
        attributes = self._attributes(answer) if self._job.attributes else {}
        missing = part.finish(modified=self._modified, attributes=attributes)
        if missing:
            self._note(f"{self._final}: can't have the attributes {', '.join(missing)}")
        verified = self._checks[0].algorithm if self._checks else None
        return Outcome.done(**self._result(bytes=size, sha256=sha256, verified=verified))

    def _mismatch(self, wanted: Sum, value: str, sha256: str | None) -> Outcome:
        size = self._part.size
        bad = self._part.condemn()
        told = (
            f"checksum differs: expected {wanted.value}, got {value}; kept as {bad}, {self._final} untouched"
        )
        result = self._result(bytes=size, sha256=sha256)
        return Outcome.failed("mismatch", told, detail=wanted.by, result=result)

    @staticmethod
    def _attributes(answer: Answer) -> dict[str, bytes]:
        """Return what the file is marked with: where it comes from (without a query) and its type."""
        told = {"user.xdg.origin.url": answer.url.text.partition("?")[0].encode("ascii")}
        kind = answer.value(b"content-type")
        if kind:
            told["user.mime_type"] = escaped(kind).partition(";")[0].strip().encode()
        return told
