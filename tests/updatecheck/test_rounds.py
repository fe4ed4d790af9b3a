"""Origins that lie, round by round: each verdict, with answers that the test gives."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from netsuite.client.url import Url, parse_url
from netsuite.updatecheck.judge import Change
from netsuite.updatecheck.lens import Lens, Seen, look
from netsuite.updatecheck.rounds import Manner, Page, Told, decisive
from netsuite.updatecheck.tally import VERIFY_EVERY
from netsuite.updatecheck.visit import Came, Lost, Sent

T = TypeVar("T")
URL = parse_url("http://a.example/")


class Answers:
    """Asks nobody: ``answer`` is given the conditions and the number of the request."""

    def __init__(self, answer: Callable[[Sent, int], Came | Lost]) -> None:
        self._answer = answer
        self.asked: list[tuple[Sent, str | None]] = []

    async def ask(self, url: Url, sent: Sent, at: str | None = None) -> Came | Lost:
        """What the test says."""
        self.asked.append((sent, at))
        return self._answer(sent, len(self.asked))


def page(body: str, etag: str | None = None, modified: str | None = None, **more: Any) -> Came:
    """A 200."""
    seen = look(Lens(), body.encode())
    return Came(
        200,
        "a.example",
        etag=etag,
        last_modified=modified,
        sha256=seen.key,
        size=len(body),
        seen=seen,
        **more,
    )


def same() -> Came:
    """A 304."""
    return Came(304, "a.example")


def now(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that waits for nothing."""
    found: list[T] = []
    Deferred.fromCoroutine(work).addCallback(found.append)
    return found[0]


class RoundTests(SynchronousTestCase):
    """One page."""

    def visits(self, answer: Callable[[Sent, int], Came | Lost], rounds: int, **manner: Any) -> list[Told]:
        """What so many rounds say, after a first visit."""
        self.answers = Answers(answer)
        self.page = Page(self.answers, URL, Manner(**manner), lambda: 0.0)
        now(self.page.begin())
        return [now(self.page.visit()) for _ in range(rounds)]

    def verdict(self, answer: Callable[[Sent, int], Came | Lost], **manner: Any) -> tuple[Change, str]:
        """What ten rounds say: the page's change and the validators' worth."""
        told = decisive(self.visits(answer, 10, **manner))
        return told.verdict.change, told.tally.verdict

    def test_truthful(self) -> None:
        """A server that answers 304 to its own tag, sent back as it came."""
        answer = lambda sent, n: same() if sent.etag == 'W/"1"' else page("x", 'W/"1"')  # noqa: E731
        self.assertEqual(self.verdict(answer), (Change.NO, "truthful"))
        self.assertEqual({sent.etag for sent, _ in self.answers.asked[1:]}, {'W/"1"'})

    def test_by_date(self) -> None:
        """One that knows dates only is asked by dates only."""
        modified = "Mon, 05 Jan 2026 10:00:00 GMT"
        answer = lambda sent, n: same() if sent.last_modified else page("x", None, modified)  # noqa: E731
        self.assertEqual(self.verdict(answer), (Change.NO, "truthful"))
        self.assertEqual(self.answers.asked[1][0], Sent(None, modified))

    def test_ignores(self) -> None:
        """One that sends everything each time: unchanged, and said so."""
        self.assertEqual(self.verdict(lambda sent, n: page("x", '"1"')), (Change.NO, "ignores"))

    def test_restless(self) -> None:
        """A new tag each time for one body: unchanged."""
        self.assertEqual(self.verdict(lambda sent, n: page("x", f'"{n}"')), (Change.NO, "restless ETag"))

    def test_nothing(self) -> None:
        """Nothing to ask by: the bodies decide alone."""
        self.assertEqual(self.verdict(lambda sent, n: page("x")), (Change.NO, "none"))
        self.assertEqual(self.verdict(lambda sent, n: page(f"{n}")), (Change.YES, "none"))

    def test_by_address(self) -> None:
        """Two servers behind one name, each with its own tag."""
        answer = lambda sent, n: page("x", f'"{n % 2}"', address=f"192.0.2.{n % 2}")  # noqa: E731
        self.assertEqual(self.verdict(answer), (Change.NO, "per address"))

    def test_lying(self) -> None:
        """A server that says 304 for ever is caught within 20 visits, and the page has changed."""
        for tag in (lambda n: '"1"', lambda n: f'"{n}"'):
            answer = lambda sent, n, tag=tag: same() if sent.any else page(f"body {n}", tag(n))  # noqa: E731
            told = self.visits(answer, VERIFY_EVERY, verify=True)
            self.assertEqual({each.verdict.change for each in told[:-1]}, {Change.NO})
            last = told[-1]
            self.assertEqual(
                (last.verdict.change, last.verdict.by, last.tally.verdict),
                (Change.YES, "verify", "lying 304"),
            )
            self.assertEqual(last.verdict.line, "Second request returned status 304: Page is unchanged.")
            self.assertIn("the 304 was a lie", last.verdict.more)

    def test_verifying_truth(self) -> None:
        """Looked behind, a truthful server stays that; it is asked without conditions 1 in 20 times."""
        told = self.visits(
            lambda sent, n: same() if sent.any else page("x", '"1"'), 3 * VERIFY_EVERY, verify=True
        )
        self.assertEqual((told[-1].tally.verdict, told[-1].verdict.change), ("truthful", Change.NO))
        self.assertEqual(sum(not sent.any for sent, _ in self.answers.asked), 1 + 3)

    def test_meanwhile(self) -> None:
        """A page that changes between the 304 and the look behind it is changed, and its server no liar."""
        state = {"tag": '"1"'}

        def answer(sent: Sent, n: int) -> Came:
            if sent.etag == state["tag"]:
                return same()
            if n == VERIFY_EVERY + 2:
                state["tag"] = '"2"'
            return page(state["tag"], state["tag"])

        last = self.visits(answer, VERIFY_EVERY, verify=True)[-1]
        self.assertEqual((last.verdict.change, last.tally.verdict), (Change.YES, "truthful"))

    def test_once_per_change(self) -> None:
        """A change is told once: the next visit compares with what came then."""
        told = self.visits(lambda sent, n: page("old" if n < 4 else "new", '"1"' if n < 4 else '"2"'), 6)
        changes = [each.verdict.change for each in told]
        self.assertEqual(changes, [Change.NO, Change.NO, Change.YES, Change.NO, Change.NO, Change.NO])

    def test_trouble_in_between(self) -> None:
        """200, 429, an empty page, a cut one, a portal, 200: no change, and what is remembered stays."""
        wall = page("login", None, wall="a network's own log-in page")
        between = [Came(429, "a.example"), page(""), Lost("lost", "cut"), wall, Came(500, "a.example")]
        told = self.visits(lambda sent, n: between[n - 2] if 2 <= n < 7 else page("x", '"1"'), 6)
        changes = [each.verdict.change for each in told]
        self.assertEqual(changes, [Change.UNKNOWN] * 5 + [Change.NO])
        self.assertEqual(
            [each.verdict.cause for each in told[:5]], ["declined", "unknown", "lost", "unknown", "http"]
        )
        self.assertEqual({sent.etag for sent, _ in self.answers.asked[1:]}, {'"1"'})
        self.assertEqual(told[-1].tally.rounds, 2)

    def test_first(self) -> None:
        """A first answer that is no page is not remembered: the next visit is the first again."""
        answers = Answers(lambda sent, n: Came(500, "a.example") if n == 1 else page("x"))
        page_ = Page(answers, URL, Manner(), lambda: 0.0)
        self.assertEqual(now(page_.visit()).verdict.cause, "http")
        self.assertIsNone(page_.entry)
        self.assertTrue(now(page_.visit()).is_first)
        self.assertEqual(now(page_.visit()).verdict.change, Change.NO)

    def test_other_lens(self) -> None:
        """With another choice of what is compared nothing is told, and the next visit compares by it."""
        self.visits(lambda sent, n: page("x"), 0)
        entry = self.page.entry
        answers = Answers(lambda sent, n: page("y"))
        other = Page(answers, URL, Manner("text"), lambda: 0.0, entry)
        self.assertEqual(now(other.visit()).verdict.change, Change.UNKNOWN)
        self.assertEqual(now(other.visit()).verdict.change, Change.NO)

    def test_returning_items(self) -> None:
        """An item that a feed loses and has again is not new."""
        feeds = [("1", "2"), ("2",), ("1", "2"), ("3", "1")]

        def answer(sent: Sent, n: int) -> Came:
            items = feeds[n - 1]
            return replace(page(str(n)), seen=Seen(str(items), "", items))

        changes = [each.verdict.change for each in self.visits(answer, 3)]
        self.assertEqual(changes, [Change.NO, Change.NO, Change.YES])

    def test_diff(self) -> None:
        """The difference is shown where the text before is known, else that is said."""
        answer = lambda sent, n: page(f"a\n{n}")  # noqa: E731
        [told] = self.visits(answer, 1, diff=True, text=True)
        self.assertEqual(told.diff[-2:], ("-1", "+2"))
        [told] = self.visits(answer, 1, diff=True)
        self.assertIn("was not kept", told.diff[0])
