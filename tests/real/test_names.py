"""Names asked of a real DNS server on loopback, which says all that servers say, and of the real system."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError
from twisted.names import dns
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from netsuite import race
from netsuite.guard import Forbidden, Guard
from netsuite.http1.target import Target
from netsuite.names import Names, ResolverFailed
from netsuite.proxy.chain import Chain
from netsuite.proxy.dialling import Dialler, Dialling
from netsuite.resolving import question, server
from tests.real.nameserver import Nameserver, Said, address, alias, answer, having

reactor: Any = installed


def silent(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message]:
    """Say nothing."""
    return []


class NamesCase(TestCase):
    """Names that ask a server of ours; ``resends``: after how many seconds of silence again."""

    timeout = 60
    resends = (4.0, 4.0)  # a slow machine makes nobody ask twice

    def setUp(self) -> None:
        self.patch(question, "RESEND_SECONDS", self.resends)

    def asking(self, *, tcp: bool = True, **names: Said) -> Names:
        """Return names that ask a server which knows ``names`` below .test."""
        self.server = Nameserver({f"{name}.test": said for name, said in names.items()}, tcp=tcp)
        self.addCleanup(self.server.close)
        return Names(reactor, self.server.place)

    async def failed(self, names: Names, kind: type[Exception], host: str = "a.test") -> str:
        """Return what is told of a look-up that fails."""
        try:
            found = await names.addresses(host, 80)
        except kind as error:
            return str(error)
        raise AssertionError(f"found {found}")


class AnswerTests(NamesCase):
    """What a server says."""

    async def test_both_families(self) -> None:
        """Both families are asked for, IPv6 comes first, and a second look-up asks nobody."""
        names = self.asking(a=having("192.0.2.1", "2001:db8::1", "192.0.2.2"))
        for _ in range(2):
            found = await names.addresses("a.test", 80)
            self.assertEqual(found, ["2001:db8::1", "192.0.2.1", "192.0.2.2"])
        self.assertEqual(sorted(self.server.asked), [("a.test", dns.A, False), ("a.test", dns.AAAA, False)])

    async def test_one_family(self) -> None:
        """A name of one family has the addresses of that one."""
        names = self.asking(four=having("192.0.2.1"), six=having("2001:db8::1"))
        self.assertEqual(await names.addresses("four.test", 80), ["192.0.2.1"])
        self.assertEqual(await names.addresses("six.test", 80), ["2001:db8::1"])

    async def test_absent(self) -> None:
        """NXDOMAIN, and a name without addresses, is no such name; that is remembered."""
        names = self.asking(empty=having())
        for host in ("none.test", "empty.test", "none.test", "empty.test"):
            await self.failed(names, DNSLookupError, host)
        self.assertEqual(len(self.server.asked), 4)

    async def test_server_failure(self) -> None:
        """SERVFAIL and REFUSED are the resolver's failure, not the name's."""
        for code in (dns.ESERVER, dns.EREFUSED):
            names = self.asking(a=lambda asked, _tcp, code=code: [answer(asked, code=code)])
            self.assertIn(f"code {code}", await self.failed(names, ResolverFailed))

    async def test_half_a_failure(self) -> None:
        """If one family fails the other's addresses are used."""

        def says(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message]:
            if asked.queries[0].type == dns.AAAA:
                return [answer(asked, code=dns.ESERVER)]
            return having("192.0.2.1")(asked, is_tcp)  # type: ignore[return-value]

        self.assertEqual(await self.asking(a=says).addresses("a.test", 80), ["192.0.2.1"])

    async def test_500_addresses(self) -> None:
        """500 addresses come over TCP and are cut to sixteen."""
        many = [f"192.0.{n // 250}.{n % 250}" for n in range(500)]
        names = self.asking(a=having(*many))
        self.assertEqual(await names.addresses("a.test", 80), many[:16])
        self.assertIn(("a.test", dns.A, True), self.server.asked)
        self.assertEqual(self.server.tcp_connections, 1)

    async def test_aliases(self) -> None:
        """An alias is followed in the answer, or asked for where the answer ends with it."""

        def whole(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message]:
            four = asked.queries[0].type == dns.A
            found = [address(b"c.test", "192.0.2.1")] if four else []
            return [answer(asked, alias(b"a.test", b"b.test"), alias(b"b.test", b"c.test"), *found, absent=5)]

        def part(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message]:
            return [answer(asked, alias(b"b.test", b"c.test"))]

        names = self.asking(a=whole, b=part, c=having("192.0.2.7"))
        self.assertEqual(await names.addresses("a.test", 80), ["192.0.2.1"])
        self.assertEqual(await names.addresses("b.test", 80), ["192.0.2.7"])

    async def test_alias_loops(self) -> None:
        """Aliases in a circle, in one answer or over several, end as a failure."""

        def circle(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message]:
            return [answer(asked, alias(b"a.test", b"b.test"), alias(b"b.test", b"a.test"))]

        def to(other: bytes) -> Said:
            return lambda asked, _tcp: [answer(asked, alias(asked.queries[0].name.name, other))]

        names = self.asking(a=circle, c=to(b"d.test"), d=to(b"c.test"))
        self.assertIn("no end", await self.failed(names, ResolverFailed))
        self.assertIn("no end", await self.failed(names, ResolverFailed, "c.test"))
        self.assertLess(len(self.server.asked), 20)

    async def test_time_to_live(self) -> None:
        """With no time to live an answer is used by those who asked together, and a second by others."""
        names = self.asking(a=having("192.0.2.1", ttl=0))
        await gatherResults([Deferred.fromCoroutine(names.addresses("a.test", 80)) for _ in range(50)])
        self.assertEqual(len(self.server.asked), 2)
        self.assertLessEqual(names._kept["a.test"][0] - reactor.seconds(), 1.0)


class SilenceTests(NamesCase):
    """Servers that do not answer, or not at once."""

    resends = (0.05, 0.05, 0.2)

    async def test_silence(self) -> None:
        """Silence ends in a bounded time, after the question was sent three times."""
        names = self.asking(a=silent)
        self.assertIn("does not answer", await self.failed(names, ResolverFailed))
        self.assertEqual(len(self.server.asked), 6)

    async def test_nobody_there(self) -> None:
        """A port at which nobody listens is told at once."""
        names = self.asking(a=silent)
        self.server.close()
        self.assertIn("refused", (await self.failed(names, ResolverFailed)).lower())

    async def test_lost_question(self) -> None:
        """A question that was lost is asked again."""
        count = itertools.count()
        names = self.asking(a=lambda asked, tcp: [] if next(count) < 2 else having("192.0.2.1")(asked, tcp))
        self.assertEqual(await names.addresses("a.test", 80), ["192.0.2.1"])

    async def test_one_family_silent(self) -> None:
        """A server that never answers one kind of question holds up a name for a moment only."""

        def says(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message | bytes]:
            return [] if asked.queries[0].type == dns.AAAA else having("192.0.2.1")(asked, is_tcp)

        names = self.asking(a=says)
        self.assertEqual(await names.addresses("a.test", 80), ["192.0.2.1"])
        self.assertLessEqual(names._kept["a.test"][0] - reactor.seconds(), question.PARTLY_SECONDS)

    async def test_no_tcp(self) -> None:
        """A server that cuts its answer short and is not there over TCP has failed, for that family."""
        names = self.asking(a=having(*(f"192.0.2.{n}" for n in range(200))), tcp=False)
        self.assertIn("TCP", await self.failed(names, ResolverFailed))

    async def test_silent_tcp(self) -> None:
        """So has one that says nothing over TCP."""

        def says(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message]:
            message = answer(asked)
            message.trunc = 1
            return [] if is_tcp else [message]

        self.assertIn("does not answer", await self.failed(self.asking(a=says), ResolverFailed))

    async def test_cancelled(self) -> None:
        """A question that nobody waits for any more closes its socket (and trial finds nothing left)."""
        self.asking(a=silent)
        asking = question.Question(reactor, ("127.0.0.1", self.server.port), "a.test").begin()
        asking.addErrback(lambda _: None)
        asking.cancel()
        await asking


class ForgeryTests(NamesCase):
    """Answers that are none."""

    async def test_passed_over(self) -> None:
        """Rubbish, another id, another name, a question: passed over, and the true answer is taken."""

        def says(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message | bytes]:
            forged = answer(asked, address(b"a.test", "10.0.0.1"))
            forged.id ^= 1
            other = answer(asked, address(b"a.test", "10.0.0.2"))
            other.queries = [dns.Query(b"b.test", asked.queries[0].type)]
            echo = answer(asked, address(b"a.test", "10.0.0.3"))
            echo.answer = 0
            unasked = answer(asked, address(b"b.test", "10.0.0.4"), address(b"a.test", "192.0.2.1"))
            return [b"", b"\0", b"\xff" * 500, forged, other, echo, unasked]

        self.assertEqual(await self.asking(a=says).addresses("a.test", 80), ["192.0.2.1"])


class LocalTests(NamesCase):
    """Names that no server is asked for."""

    async def test_hosts_file(self) -> None:
        """The hosts file comes first, and is read again when it has changed."""
        path = Path(self.mktemp())
        path.write_text(
            "192.0.2.9 a.test A2.test # b.test\n2001:db8::9 a.test\nrubbish c.test\n\n#\n192.0.2.8\n"
        )
        self.asking(b=having("192.0.2.2"))
        names = Names(
            reactor, ask=server.Server(reactor, "127.0.0.1", self.server.port, server.Hosts(path)).ask
        )
        self.assertEqual(await names.addresses("a.test", 80), ["192.0.2.9", "2001:db8::9"])
        self.assertEqual(await names.addresses("a2.test.", 80), ["192.0.2.9"])
        self.assertEqual(await names.addresses("b.test", 80), ["192.0.2.2"])
        await self.failed(names, DNSLookupError, "c.test")
        names.clear()
        path.write_text("192.0.2.77 a.test\n")
        self.assertEqual(await names.addresses("a.test", 80), ["192.0.2.77"])
        names.clear()
        path.unlink()
        await self.failed(names, DNSLookupError, "a.test")

    async def test_localhost(self) -> None:
        """localhost and what is below it are this machine; what can be no name is not asked for."""
        names = self.asking()
        for host in ("localhost", "a.localhost", "LOCALHOST."):
            self.assertIn("127.0.0.1", await names.addresses(host, 80))
        for host in ("127.1", "a..b", "x" * 64, "2130706433"):
            await self.failed(names, DNSLookupError, host)
        self.assertEqual(self.server.asked, [])


class SystemTests(TestCase):
    """The system's resolver."""

    timeout = 60

    async def test_system(self) -> None:
        """The system knows this machine, and odd spellings, and that names are absent or wrong."""
        names = Names(reactor)
        self.assertIn("127.0.0.1", await names.addresses("localhost", 80))
        self.assertEqual(await names.addresses("127.1", 80), ["127.0.0.1"])
        for host in ("a..b", "x" * 64 + ".test", "x" * 300):
            try:
                await names.addresses(host, 80)
            except (DNSLookupError, ResolverFailed):
                continue
            raise AssertionError(host)


class RebindingTests(NamesCase):
    """A name whose address changes between one question and the next."""

    async def test_alternating(self) -> None:
        """1,000 requests of a name that is public and private by turns: 0 reach the private address."""
        turn = itertools.count()
        reached: list[str] = []

        def says(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message | bytes]:
            public = (next(turn) // 2) % 2
            return having("1.1.1.1" if public else "127.0.0.1", ttl=0)(asked, is_tcp)

        def dial(_reactor: Any, address: str, port: int, attempt: Any, seconds: float) -> None:
            reached.append(address)
            reactor.callLater(0, attempt.clientConnectionFailed, None, Failure(ConnectionRefusedError()))

        names = self.asking(a=says)
        self.patch(race, "dial", dial)
        dialler = Dialler(reactor, Guard(allow_nets=[]), names, Chain(), 10.0)
        target = Target(b"", b"a.test", 80, b"")
        told = {Forbidden: 0, ConnectError: 0, ResolverFailed: 0}
        for _ in range(1000):
            names.clear()
            try:
                await dialler.connect(target, Dialling(), tunnel=True)
            except (Forbidden, ConnectError) as error:
                told[Forbidden if isinstance(error, Forbidden) else ConnectError] += 1
            except ResolverFailed:  # a busy machine may lose a datagram
                told[ResolverFailed] += 1
        self.assertEqual(reached.count("127.0.0.1"), 0)
        self.assertEqual(sum(told.values()), 1000)
        self.assertGreater(min(told[Forbidden], told[ConnectError]), 300)
        self.assertLess(told[ResolverFailed], 10)
