"""The client against origins of every kind: what it asks, what it takes, and how it fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from netsuite.client import exchange
from netsuite.client.agent import Agent, Answer, Request, Settings
from netsuite.client.url import parse_url
from netsuite.outcome import Outcome
from tests.client.origin import HOLD, RESET, Answering, Asked, Origin, answer


class Asking(TestCase):
    """Has origins, and asks them."""

    def origin(self, answering: Answering | bytes, **settings: Any) -> Origin:
        """An origin for the time of a test."""
        made = Origin(answering if callable(answering) else lambda _: answering, **settings)
        self.addCleanup(made.close)
        return made

    async def fetched(self, url: str, settings: Settings | None = None, **request: Any) -> Answer:
        """The answer to a GET, or to another request."""
        self.notes: list[str] = []
        agent = Agent(reactor, settings or Settings(), note=self.notes.append)
        return await agent.fetch(Request(parse_url(url), **request))

    async def ended(self, url: str, settings: Settings | None = None, **request: Any) -> Outcome:
        """How a fetch ends whose body is read."""
        try:
            found = await self.fetched(url, settings, **request)
            return Outcome.done(body=await found.read())
        except Exception as error:
            return Outcome.of(error)


class BodyTests(Asking):
    """Bodies, whole and not."""

    async def test_length(self) -> None:
        """A body with a length comes as it was sent, and the request is what it should be."""
        origin = self.origin(answer(body=b"<h1>Test</h1>Test Page"))
        found = await self.fetched(origin.url("/test?q=1"))
        self.assertEqual((found.status, found.reason), (200, "200 OK"))
        self.assertEqual(await found.read(), b"<h1>Test</h1>Test Page")
        [asked] = origin.asked
        self.assertEqual((asked.method, asked.target), ("GET", "/test?q=1"))
        self.assertEqual(asked.get("Host"), f"127.0.0.1:{origin.port}")
        self.assertEqual(asked.get("Connection"), "close")

    async def test_lies(self) -> None:
        """A body that is short, long, broken or cut, and what is no answer, end with their causes."""
        self.patch(exchange, "END_SECONDS", 10.0)
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for sent, cause, told in (
            ([answer(body=b"four", length=5)], "lost", "after 4 of 5 bytes"),
            ([answer(body=b"fives", length=4)], "lost", "more than it had announced"),
            ([answer(body=b"four"), 0.05, b"5"], "lost", "more than it had announced"),
            ([chunked + b"4\r\nfour\r\n"], "lost", "after 4 bytes"),
            ([chunked + b"4\r\nfourX"], "lost", "no CRLF after a chunk"),
            ([answer(body=b"x", length=2), 0.05, RESET], "lost", "the connection ended"),
            ([b"HTTP/1.1 200 OK\r\n\r\nabc", 0.05, RESET], "lost", "the connection ended"),
            ([RESET], "lost", "before an answer"),
            ([b"HTTP/1.1 200 OK\r\nX: y"], "lost", "before an answer"),
            ([b"SSH-2.0-OpenSSH\r\n\r\n"], "unknown", "no HTTP answer"),
            ([b"HTTP/1.1 200 OK\r\n", *([b"X: " + b"y" * 8000 + b"\r\n"] * 20)], "unknown", "too large"),
            ([b"HTTP/1.1 100 Continue\r\n\r\n" * 20], "unknown", "interim"),
            ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n"], "unknown", "too many fields"),
        ):
            outcome = await self.ended(self.origin(_always(sent)).url())
            self.assertEqual(outcome.cause, cause, (sent, outcome))
            self.assertIn(told, outcome.message or "", sent)

    async def test_silence(self) -> None:
        """Silence before, in and after a head has its limit; a head that comes drop by drop is silence."""
        quick = Settings(silence_seconds=0.5)
        for sent in (
            [HOLD],
            [b"HTTP/1.1 200 OK\r\nX: ", *([0.1, b"y"] * 30), HOLD],
            [answer(body=b"x", length=2), HOLD],
        ):
            outcome = await self.ended(self.origin(_always(sent)).url(), quick)
            self.assertEqual((outcome.cause, outcome.detail), ("timeout", "silence"), (sent, outcome))

    async def test_no_length(self) -> None:
        """A body that ends with the connection is whole if that ends in order."""
        outcome = await self.ended(self.origin(b"HTTP/1.1 200 OK\r\n\r\nabc").url())
        self.assertEqual(outcome.result, {"body": b"abc"})

    async def test_kept_open(self) -> None:
        """A server that does not close after the body holds nobody up."""
        outcome = await self.ended(self.origin(lambda _: [answer(body=b"abc"), HOLD]).url())
        self.assertEqual(outcome.result, {"body": b"abc"})

    async def test_bounds(self) -> None:
        """A body past the bound is refused by its length, or when it gets there."""
        small = Settings(max_bytes=4)
        for sent in (answer(body=b"fives"), b"HTTP/1.1 200 OK\r\n\r\nfives"):
            outcome = await self.ended(self.origin(sent).url(), small)
            self.assertEqual((outcome.cause, outcome.detail), ("limit", "size"))
        self.assertTrue((await self.ended(self.origin(answer(body=b"four")).url(), small)).ok)

    async def test_total(self) -> None:
        """The time for everything is bounded, however much comes meanwhile."""

        def drip(_: Asked) -> Any:
            yield answer(body=b"x", length=1000)
            while True:
                yield 0.05
                yield b"x"

        outcome = await self.ended(self.origin(drip).url(), Settings(total_seconds=0.4))
        self.assertEqual((outcome.cause, outcome.detail), ("timeout", "total"))

    async def test_refused(self) -> None:
        """Nobody there is refused, and a name that nobody has is not found."""
        gone = self.origin(b"")
        gone.close()
        self.assertEqual((await self.ended(gone.url())).cause, "refused")
        self.assertEqual((await self.ended("http://no-such-name.invalid/")).cause, "dns")


def _always(pieces: Iterable[Any]) -> Answering:
    """Answers every request alike."""
    return lambda _: pieces
