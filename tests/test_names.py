"""Names are looked up once, remembered for a bounded time, and never waited for without end."""

from __future__ import annotations

from unittest.mock import patch

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netsuite import names as names_module
from netsuite.names import ADDRESSES_MAX, LOOKUP_SECONDS, Names, ResolverFailed, parse_server
from netsuite.resolving.answer import Found


class Asked:
    """A resolver that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: dict[str, Deferred[Found]] = {}

    def ask(self, host: str) -> Deferred[Found]:
        """Note the question."""
        self.asked.append(host)
        done = self.waiting[host] = Deferred()
        return done

    def answer(self, host: str, *addresses: str, seconds: float = 60.0) -> None:
        """Answer a question."""
        self.waiting.pop(host).callback(Found(addresses, seconds))

    def fail(self, host: str, error: Exception) -> None:
        """Fail to answer."""
        self.waiting.pop(host).errback(error)


class NamesCase(SynchronousTestCase):
    """Names that ask a scripted resolver."""

    def setUp(self) -> None:
        """Make them."""
        self.clock, self.resolver = Clock(), Asked()
        self.names = Names(self.clock, ask=self.resolver.ask)

    def look_up(self, host: str = "a.test") -> Deferred[list[str]]:
        """Return what will be known of a name."""
        return Deferred.fromCoroutine(self.names.addresses(host, 80))


class RememberingTests(NamesCase):
    """What is remembered, and for how long."""

    def test_as_long_as_the_records_say(self) -> None:
        """An answer holds for its seconds and no longer."""
        first = self.look_up()
        self.resolver.answer("a.test", "192.0.2.1", "2001:db8::1", seconds=60)
        self.assertEqual(self.successResultOf(first), ["192.0.2.1", "2001:db8::1"])
        self.clock.advance(59)
        self.assertEqual(self.successResultOf(self.look_up()), ["192.0.2.1", "2001:db8::1"])
        self.clock.advance(1)
        self.assertNoResult(self.look_up())
        self.assertEqual(self.resolver.asked, ["a.test", "a.test"])

    def test_bounds_of_seconds(self) -> None:
        """No time to live is a second, a week is an hour; for a name that is not there five minutes."""
        for told, kept, addresses in (
            (0.0, 1.0, ["192.0.2.1"]),
            (604800.0, 3600.0, ["192.0.2.1"]),
            (604800.0, 300.0, []),
        ):
            self.setUp()
            found = self.look_up()
            self.resolver.answer("a.test", *addresses, seconds=told)
            found.addErrback(lambda failure: failure.trap(DNSLookupError))
            self.clock.advance(kept - 0.5)
            self.look_up().addErrback(lambda failure: failure.trap(DNSLookupError))
            self.assertEqual(len(self.resolver.asked), 1, told)
            self.clock.advance(0.5)
            self.look_up()
            self.assertEqual(len(self.resolver.asked), 2, told)

    def test_absence(self) -> None:
        """That there is no such name is remembered too."""
        for _ in range(2):
            found = self.look_up()
            if self.resolver.waiting:
                self.resolver.answer("a.test")
            self.failureResultOf(found, DNSLookupError)
        self.assertEqual(self.resolver.asked, ["a.test"])

    def test_failure(self) -> None:
        """That the resolver failed is remembered for two seconds, so that nobody hammers it."""
        found = self.look_up()
        self.resolver.fail("a.test", ResolverFailed("the resolver failed (code 2)"))
        self.assertIn("code 2", str(self.failureResultOf(found, ResolverFailed).value))
        self.failureResultOf(self.look_up(), ResolverFailed)
        self.clock.advance(2)
        self.assertNoResult(self.look_up())

    def test_mistake_of_ours(self) -> None:
        """An error that no resolver declares is a failed look-up, and is logged."""
        found = self.look_up()
        self.resolver.fail("a.test", KeyError("planted"))
        self.failureResultOf(found, ResolverFailed)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_clear(self) -> None:
        """After a reload everything is asked anew."""
        self.look_up()
        self.resolver.answer("a.test", "192.0.2.1")
        self.names.clear()
        self.assertNoResult(self.look_up())

    def test_addresses_bounded(self) -> None:
        """Of hundreds of addresses a few are kept, each once."""
        found = self.look_up()
        self.resolver.answer("a.test", *(f"192.0.2.{n % 250}" for n in range(500)))
        self.assertEqual(self.successResultOf(found), [f"192.0.2.{n}" for n in range(ADDRESSES_MAX)])

    def test_names_bounded(self) -> None:
        """However many names are asked for, a bounded number is remembered, the latest."""
        with patch.object(names_module, "NAMES_MAX", 8):
            for number in range(40):
                self.look_up(f"n{number}.test")
                self.resolver.answer(f"n{number}.test", "192.0.2.1")
                self.assertLessEqual(len(self.names._kept), 8)
            self.successResultOf(self.look_up("n39.test"))
            self.assertNoResult(self.look_up("n31.test"))


class SharingTests(NamesCase):
    """Who asks for what is being looked up."""

    def test_one_question(self) -> None:
        """Many who ask for one name make one question, and each gets a list of its own."""
        found = [self.look_up() for _ in range(100)]
        self.resolver.answer("a.test", "192.0.2.1")
        lists = [self.successResultOf(one) for one in found]
        lists[0].clear()
        self.assertEqual(lists[1:], [["192.0.2.1"]] * 99)
        self.assertEqual(self.resolver.asked, ["a.test"])

    def test_cancelled(self) -> None:
        """Who gives up waiting leaves the others alone, also when one does it for another."""
        first, second, third = (self.names.look_up("a.test") for _ in range(3))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        second.addCallback(lambda _: third.cancel())
        self.resolver.answer("a.test", "192.0.2.1")
        self.successResultOf(second)
        self.failureResultOf(third, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SilenceTests(NamesCase):
    """A resolver that does not answer."""

    def test_bounded_time(self) -> None:
        """Whoever waits is told after a bounded time; an answer that comes later is used after all."""
        found = self.look_up()
        self.clock.advance(LOOKUP_SECONDS)
        self.assertIn("does not answer", str(self.failureResultOf(found, ResolverFailed).value))
        self.clock.advance(30 - LOOKUP_SECONDS)
        again = self.look_up()
        self.assertEqual(self.resolver.asked, ["a.test"])
        self.resolver.answer("a.test", "192.0.2.1")
        self.assertEqual(self.successResultOf(again), ["192.0.2.1"])
        self.assertEqual(self.successResultOf(self.look_up()), ["192.0.2.1"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bounded_look_ups(self) -> None:
        """So many look-ups run at a time, so many wait, and the next is told so at once."""
        with patch.object(names_module, "LOOKUPS_MAX", 2), patch.object(names_module, "WAITING_MAX", 2):
            found = [self.look_up(f"n{number}.test") for number in range(5)]
            self.assertIn("too many", str(self.failureResultOf(found[4], ResolverFailed).value))
            self.assertEqual(self.resolver.asked, ["n0.test", "n1.test"])
            self.resolver.answer("n1.test", "192.0.2.1")
            self.assertEqual(self.resolver.asked, ["n0.test", "n1.test", "n2.test"])
            self.successResultOf(found[1])
            self.clock.advance(LOOKUP_SECONDS)
            for one in (0, 2, 3):
                self.failureResultOf(found[one], ResolverFailed)
            self.resolver.answer("n0.test", "192.0.2.1")
            self.assertEqual(len(self.resolver.asked), 3, "nobody waits for the fourth any more")
            self.clock.advance(2)
            self.assertNoResult(self.look_up("n3.test"))


class ReactorsOwnTests(SynchronousTestCase):
    """A reactor without threads."""

    def test_its_own_resolver(self) -> None:
        """A reactor that can run no threads is asked by its own resolver."""
        names = Names(MemoryReactorClock())
        found = Deferred.fromCoroutine(names.addresses("a.test", 80))
        self.assertEqual(self.successResultOf(found), ["127.0.0.1"])


class ServerOptionTests(SynchronousTestCase):
    """What --resolver takes."""

    def test_forms(self) -> None:
        """An address, with a port if need be; an IPv6 one with a port in brackets."""
        for text, server in (
            ("192.0.2.1", ("192.0.2.1", 53)),
            ("192.0.2.1:5353", ("192.0.2.1", 5353)),
            ("2001:db8::1", ("2001:db8::1", 53)),
            ("[2001:db8::1]", ("2001:db8::1", 53)),
            ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
            ("fe80::1%eth0", ("fe80::1%eth0", 53)),
        ):
            self.assertEqual(parse_server(text), server)

    def test_refused(self) -> None:
        """A name, no port, an odd port, brackets that do not close."""
        for text in (
            "",
            "dns.test",
            "192.0.2.1:",
            "192.0.2.1:0",
            "192.0.2.1:65536",
            "192.0.2.1:x",
            ":53",
            "[2001:db8::1",
            "[2001:db8::1]53",
            "[]:53",
            "192.0.2.1:٣",
            "1.2.3.4:99999999",
        ):
            with self.assertRaises(ValueError, msg=text):
                parse_server(text)
