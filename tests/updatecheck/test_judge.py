"""From an answer to a verdict, and from many answers to what validators are worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite.outcome import EXITS
from netsuite.updatecheck import tags
from netsuite.updatecheck.judge import Change, first, verdict
from netsuite.updatecheck.lens import Seen
from netsuite.updatecheck.tally import VERIFY_EVERY, Tally, counted, verified
from netsuite.updatecheck.visit import Came, Known, Lost, Sent
from netsuite.updatecheck.waiting import JITTER, WAIT_MAX, wait


def came(body: str = "a", status: int = 200, **more: Any) -> Came:
    """An answer whose digest is its body."""
    base = Came(
        status,
        "a.example",
        etag='"1"',
        media_type="text/html",
        sha256=body,
        size=len(body),
        seen=Seen(body, body),
    )
    return replace(base, reason=f"{status} x", **more)


def known(body: str = "a", **more: Any) -> Known:
    """What is remembered of a page."""
    return replace(Known.of(came(body), "", 0.0, text=False), **more)


ASKED = Sent('"1"')


class VerdictTests(SynchronousTestCase):
    """One answer."""

    def judged(
        self, answer: Came | Lost, before: Known | None = None, sent: Sent = ASKED
    ) -> tuple[Change, str, str | None]:
        """Change, rule and cause."""
        found = verdict(before or known(), sent, answer, "")
        return found.change, found.by, found.cause

    def test_tutorial(self) -> None:
        """The tutorial's three sentences, word for word."""
        lines = [
            verdict(known(), ASKED, answer, "").line
            for answer in (came(status=304), came("b"), came(status=500))
        ]
        self.assertEqual(
            lines,
            [
                "Second request returned status 304: Page is unchanged.",
                "Second request returned status 200: "
                "Page changed (or server does not support conditional requests).",
                "Second request returned status 500: Unexpected response.",
            ],
        )

    def test_or(self) -> None:
        """Of 200 the bodies decide; equal ones say that the server ignores conditions."""
        self.assertEqual(self.judged(came("b")), (Change.YES, "body", "no"))
        self.assertEqual(self.judged(came("a")), (Change.NO, "body", None))
        more = verdict(known(), ASKED, came("a"), "").more
        self.assertTrue(
            more.startswith("Server ignores conditional requests: the body is identical (sha256 a"), more
        )

    def test_unasked(self) -> None:
        """A 304 to a request without conditions says nothing."""
        self.assertEqual(
            self.judged(came(status=304), sent=Sent()), (Change.UNKNOWN, "unasked 304", "unknown")
        )

    def test_never_a_change(self) -> None:
        """Errors, refusals, other pages, empty and odd answers are no change, each with its cause."""
        for answer, cause in (
            (came("b", 404), "http"),
            (came("b", 500), "http"),
            (came("b", 401), "auth"),
            (came("b", 429), "declined"),
            (came("b", 503), "http"),
            (came("b", 503, retry_after=9.0), "declined"),
            (came("b", 403, wall="a refusal", wall_declines=True), "declined"),
            (came("b", 200, wall="a refusal", wall_declines=True), "declined"),
            (came("b", 200, wall="a network's own log-in page"), "unknown"),
            (came("", 200), "unknown"),
            (came("b", 204), "unknown"),
            (came("b", 206), "unknown"),
            (came("b", 302), "unknown"),
            (came("b", media_type="application/json"), "unknown"),
            (came("b", host="portal.example"), "unknown"),
            (came("b", unfit="no element"), "unknown"),
            (Lost("lost", "cut"), "lost"),
            (Lost("dns", "not found"), "dns"),
            (Lost("timeout", "late"), "timeout"),
        ):
            change, _, found = self.judged(answer)
            self.assertEqual((change, found), (Change.UNKNOWN, cause), str(answer))

    def test_words_that_were_there(self) -> None:
        """A page that always spoke of such things may change."""
        answer = came("b", wall="a refusal", wall_declines=True)
        self.assertEqual(self.judged(answer, known(wall="a refusal"))[0], Change.YES)

    def test_kinds(self) -> None:
        """A page may come as XHTML today, and without a type; a page that was empty may stay so."""
        self.assertEqual(self.judged(came("b", media_type="application/xhtml+xml"))[0], Change.YES)
        self.assertEqual(self.judged(came("b", media_type=""))[0], Change.YES)
        self.assertEqual(self.judged(came(""), known(""))[0], Change.NO)

    def test_noise(self) -> None:
        """Where only what is ignored differs, the page is unchanged; another choice compares nothing."""
        answer = came("b", seen=Seen("a", "a"))
        self.assertEqual(self.judged(answer)[:2], (Change.NO, "what is compared"))
        self.assertEqual(verdict(known(), ASKED, answer, "text").change, Change.UNKNOWN)
        self.assertEqual(verdict(known(), ASKED, came("a"), "text").change, Change.NO)

    def test_feeds(self) -> None:
        """Of a feed only an id that was not there before is a change; one that is empty now is none."""
        before = known(items=("1", "2"))
        for items, change in (
            (("2",), Change.NO),
            ((), Change.NO),
            (("2", "1"), Change.NO),
            (("3", "2"), Change.YES),
        ):
            answer = came("b", seen=Seen("b", "b", items))
            self.assertEqual(self.judged(answer, before)[0], change, str(items))

    def test_first(self) -> None:
        """A first answer that is no page is nothing to remember."""
        self.assertIsNone(first(came()))
        for answer in (
            came(status=404),
            came(""),
            came(status=304),
            came(wall="a refusal"),
            Lost("lost", "cut"),
        ):
            self.assertIsNotNone(first(answer), str(answer))

    @settings(deadline=None, max_examples=100)
    @given(st.integers(200, 599), st.sampled_from(["", "a", "b"]), st.booleans(), st.sampled_from(["a", ""]))
    def test_invariants(self, status: int, body: str, wall: bool, before: str) -> None:
        """Only a 200 with other bytes is a change; what is not unchanged has a cause with a code."""
        answer = came(body, status, wall="a refusal" if wall else None)
        found = verdict(known(before), ASKED, answer, "")
        if found.change is Change.YES:
            self.assertTrue(status == 200 and body != before and body and not wall)
        self.assertEqual(found.cause is None, found.change is Change.NO)
        self.assertIn(found.cause, {None, *EXITS})


class TagTests(SynchronousTestCase):
    """Entity tags."""

    def test_alike(self) -> None:
        """Tags are compared weakly, without what compression hangs on them (couchdb#1971)."""
        for one, other in (
            ('W/"a"', '"a"'),
            ('"a-gzip"', '"a"'),
            ('"a--gzip"', 'W/"a"'),
            ('"a;br"', '"a;gzip"'),
            ('"a"', '"a"'),
        ):
            self.assertTrue(tags.alike(one, other), f"{one} {other}")
        for one, other in (
            ('"a"', '"b"'),
            ('"a"', None),
            (None, None),
            ('"a-gzipped"', '"a"'),
            ('""', '"a"'),
        ):
            self.assertFalse(tags.alike(one, other), f"{one} {other}")

    def test_form(self) -> None:
        """A tag has quotes."""
        self.assertTrue(tags.is_tag('W/""') and tags.is_tag('"x y"'.replace(" ", "")))
        self.assertFalse(tags.is_tag("abc") or tags.is_tag('w/"a"') or tags.is_tag('"a b"'))


class TallyTests(SynchronousTestCase):
    """Over time."""

    def after(self, *answers: Came, sent: bool = True) -> Tally:
        """The tally after these answers, each compared with the last body before."""
        tally, last = Tally(), None
        for answer in answers:
            conditions = last.validators if last is not None and sent else Sent()
            tally = counted(tally, last, conditions, answer)
            if answer.status == 200:
                last = Known.of(answer, "", 0.0, text=False)
        return tally

    def test_verdicts(self) -> None:
        """Each fault by its evidence; the worst one counts."""
        b = came("b", etag='"2"')
        for answers, name in (
            ((came(),), "unknown"),
            ((came(etag=None), came(etag=None)), "none"),
            ((came(), came(status=304)), "truthful"),
            ((came(), b), "truthful"),
            ((came(), came()), "ignores"),
            ((came(), came(etag='"2"')), "restless ETag"),
            ((came(), came("b")), "lying tag"),
            ((came(), came(etag='W/"1"')), "weak where strong"),
            ((came(), came(etag='"1-gzip"')), "ignores"),
            ((came(etag='W/"1"'), came("b", etag='W/"1"')), "truthful"),
            ((came(), came(status=304), came(etag='"3"')), "restless ETag"),
        ):
            self.assertEqual(self.after(*answers).verdict, name, str(answers))

    def test_future(self) -> None:
        """A Last-Modified after the answer's Date is a fault; one of the same minute is a clock's."""
        date = "Mon, 05 Jan 2026 10:00:00 GMT"
        for modified, name in (
            ("Tue, 06 Jan 2026 10:00:00 GMT", "future date"),
            ("Mon, 05 Jan 2026 10:00:30 GMT", "truthful"),
        ):
            answer = came(status=304, date=date, last_modified=modified)
            self.assertEqual(self.after(came(date=date), answer).verdict, name)

    def test_by_address(self) -> None:
        """Equal bodies with a tag for each address: it is the balancer, not the tag, that is restless."""
        one, other = came(address="192.0.2.1"), came(address="192.0.2.2", etag='"2"')
        self.assertEqual(self.after(one, other, one, other).verdict, "per address")
        self.assertEqual(self.after(one, replace(one, etag='"2"'), other).verdict, "restless ETag")

    def test_lying(self) -> None:
        """A 304 before another body is a lie where the validators are the same, or the server insists."""
        tally = self.after(came(), came(status=304))
        self.assertEqual(verified(tally, known(), came("b"), insists=False).verdict, "lying 304")
        meanwhile = verified(tally, known(), came("b", etag='"2"'), insists=False)
        self.assertEqual(meanwhile.verdict, "truthful")
        self.assertEqual(verified(tally, known(), came("b", etag='"2"'), insists=True).verdict, "lying 304")
        self.assertEqual(
            (verified(tally, known(), came(), insists=False).verdict, tally.unverified), ("truthful", 1)
        )

    def test_verifying(self) -> None:
        """One 304 of twenty is looked behind, the twentieth at the latest."""
        tally = Tally()
        for visit in range(1, VERIFY_EVERY + 1):
            self.assertEqual(tally.wants_verifying, visit == VERIFY_EVERY, str(visit))
            tally = counted(tally, known(), ASKED, came(status=304))

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from("ab"),
                st.sampled_from(['"1"', '"2"', 'W/"1"', None]),
                st.sampled_from([200, 304]),
            ),
            max_size=12,
        )
    )
    def test_counts(self, answers: list[tuple[str, str | None, int]]) -> None:
        """Every answer is a round; no count is above their number; there is always a sentence."""
        tally = self.after(*[came(body, status, etag=tag) for body, tag, status in answers])
        self.assertEqual(tally.rounds, len(answers))
        self.assertLessEqual(max(tally.counts.values(), default=0), len(answers))
        self.assertIn("verdict", tally.told())


class WaitTests(SynchronousTestCase):
    """When to come again."""

    def test_waits(self) -> None:
        """As asked, and a little spread; Retry-After and what is left of max-age make it longer only."""
        for answer, seconds in (
            (came(), 60.0),
            (Lost("refused", "x"), 60.0),
            (came(status=429, retry_after=90.0), 90.0),
            (came(status=429, retry_after=5.0), 60.0),
            (came(max_age=300), 300.0),
            (came(max_age=300, age=200), 100.0),
            (came(max_age=300, age=400), 60.0),
            (came(retry_after=1e9), WAIT_MAX),
        ):
            self.assertEqual(wait(60.0, answer, lambda: 0.0), seconds, str(answer))
            self.assertEqual(wait(60.0, answer, lambda: 1.0), seconds + 60.0 * JITTER)
