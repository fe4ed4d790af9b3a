"""What a DNS server says, however it says it."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from netsuite.resolving.answer import (
    ALIASES_MAX,
    EACH_MAX,
    UNTOLD_SECONDS,
    Asked,
    Followed,
    ResolverFailed,
    followed,
    is_name,
)

NAME = b"a.test"


def said(*records: Any, code: int = dns.OK, absence: tuple[int, int] | None = None) -> dns.Message:
    """Return an answer; ``absence``: time to live and minimum of a SOA record."""
    message = dns.Message(7, answer=1, rCode=code, maxSize=0)
    message.addQuery(NAME, dns.A)
    message.answers = list(records)
    if absence is not None:
        soa = dns.Record_SOA(b"ns.test", b"root.test", minimum=absence[1])
        message.authority = [dns.RRHeader(b"test", dns.SOA, ttl=absence[0], payload=soa)]
    return message


def a(name: bytes = NAME, address: str = "192.0.2.1", ttl: int = 60) -> dns.RRHeader:
    """Return an A record."""
    return dns.RRHeader(name, dns.A, ttl=ttl, payload=dns.Record_A(address))


def alias(name: bytes, other: bytes, ttl: int = 60) -> dns.RRHeader:
    """Return a CNAME record."""
    return dns.RRHeader(name, dns.CNAME, ttl=ttl, payload=dns.Record_CNAME(other))


class FollowingTests(SynchronousTestCase):
    """From the records to the addresses."""

    def test_addresses(self) -> None:
        """Addresses of the name and kind, for the shortest of their times."""
        message = said(a(ttl=60), a(address="192.0.2.2", ttl=30), a(b"other.test", "192.0.2.3"))
        self.assertEqual(followed(message, NAME, dns.A), Followed(("192.0.2.1", "192.0.2.2"), 30))

    def test_case(self) -> None:
        """Names are the same in capitals (RFC 4343)."""
        self.assertEqual(followed(said(a(b"A.TEST")), NAME, dns.A), Followed(("192.0.2.1",), 60))

    def test_ipv6(self) -> None:
        """AAAA records likewise."""
        record = dns.RRHeader(NAME, dns.AAAA, ttl=5, payload=dns.Record_AAAA("2001:db8::1"))
        self.assertEqual(followed(said(record), NAME, dns.AAAA), Followed(("2001:db8::1",), 5))

    def test_aliases(self) -> None:
        """Aliases are followed in whatever order they stand, for the shortest time of all."""
        message = said(a(b"c.test"), alias(b"b.test", b"C.test", 10), alias(NAME, b"b.test"))
        self.assertEqual(followed(message, NAME, dns.A), Followed(("192.0.2.1",), 10))

    def test_alias_at_the_end(self) -> None:
        """An alias without an address is told, to be asked for."""
        self.assertEqual(followed(said(alias(NAME, b"b.test")), NAME, dns.A), Followed((), 60, b"b.test"))

    def test_alias_of_nothing(self) -> None:
        """An alias of a name that is not there is no name either."""
        for code in (dns.OK, dns.ENAME):
            message = said(alias(NAME, b"b.test", 90), code=code, absence=(100, 20))
            self.assertEqual(followed(message, NAME, dns.A), Followed((), 20))

    def test_loops(self) -> None:
        """Aliases without end are a failure: of themselves, in a circle, too many."""
        for records in (
            [alias(NAME, NAME)],
            [alias(NAME, b"b.test"), alias(b"b.test", NAME)],
            [alias(NAME, b"1.test"), *(alias(b"%d.test" % n, b"%d.test" % (n + 1)) for n in range(1, 40))],
        ):
            with self.assertRaises(ResolverFailed):
                followed(said(*records), NAME, dns.A)
        longest = [alias(b"%d.test" % n, b"%d.test" % (n + 1)) for n in range(1, ALIASES_MAX)]
        message = said(alias(NAME, b"1.test"), *longest, a(b"%d.test" % ALIASES_MAX))
        self.assertEqual(followed(message, NAME, dns.A).addresses, ("192.0.2.1",))

    def test_absence(self) -> None:
        """Absence holds for the lesser of SOA's two times (RFC 2308 §5), shortly if there is none."""
        for absence, seconds in (((100, 20), 20.0), ((20, 100), 20.0), (None, UNTOLD_SECONDS)):
            for code in (dns.OK, dns.ENAME):
                message = said(code=code, absence=absence)
                self.assertEqual(followed(message, NAME, dns.A), Followed((), seconds))

    def test_failures(self) -> None:
        """Every other code is a failure, whatever else is said."""
        for code in (dns.EFORMAT, dns.ESERVER, dns.ENOTIMP, dns.EREFUSED, 9):
            with self.assertRaises(ResolverFailed):
                followed(said(a(), code=code), NAME, dns.A)

    def test_many(self) -> None:
        """Of 500 addresses a bounded number is taken."""
        records = [a(address=f"192.0.2.{n % 256}") for n in range(500)]
        self.assertEqual(len(followed(said(*records), NAME, dns.A).addresses), EACH_MAX)

    def test_time_with_the_top_bit(self) -> None:
        """A time to live past 31 bits is none (RFC 2181 §8)."""
        self.assertEqual(followed(said(a(ttl=1 << 31)), NAME, dns.A).seconds, 0.0)


class AskedTests(SynchronousTestCase):
    """Which answers are answers."""

    def setUp(self) -> None:
        """Ask."""
        self.asked = Asked(NAME, dns.A)
        self.asked.id = 7

    def test_question(self) -> None:
        """The question is one, with recursion wished for."""
        message = dns.Message()
        message.fromStr(self.asked.message())
        query = message.queries[0]
        self.assertEqual((query.name.name, query.type, query.cls), (NAME, dns.A, dns.IN))
        self.assertEqual((message.id, message.recDes, message.answer, len(message.queries)), (7, 1, 0, 1))

    def test_proper(self) -> None:
        """An answer with id and question as asked is one."""
        self.assertIsNotNone(self.asked.read(said(a()).toStr()))

    def test_improper(self) -> None:
        """Another id, a question, no question, another or several: none of them is (RFC 5452 §9)."""
        for change in (
            {"id": 8},
            {"answer": 0},
            {"queries": []},
            {"queries": [dns.Query(b"b.test", dns.A)]},
            {"queries": [dns.Query(NAME, dns.AAAA)]},
            {"queries": [dns.Query(NAME, dns.A, dns.CH)]},
            {"queries": [dns.Query(NAME, dns.A)] * 2},
        ):
            message = said(a())
            for name, value in change.items():
                setattr(message, name, value)
            self.assertIsNone(self.asked.read(message.toStr()), change)

    def test_following(self) -> None:
        """Aliases are asked for a bounded number of times."""
        for _ in range(4):
            self.asked.follow(b"b.test")
        with self.assertRaises(ResolverFailed):
            self.asked.follow(b"b.test")

    def test_cut(self) -> None:
        """An answer cut anywhere is none, or says no more than what is there."""
        data = said(a(), a(address="192.0.2.2"), absence=(5, 5)).toStr()
        for cut in range(len(data)):
            message = self.asked.read(data[:cut])
            if message is not None:
                self.assertLessEqual(
                    set(followed(message, NAME, dns.A).addresses), {"192.0.2.1", "192.0.2.2"}
                )

    @settings(deadline=None, max_examples=200)
    @given(st.data())
    def test_rubbish(self, data: st.DataObject) -> None:
        """Whatever bytes come, nothing but the declared error is raised."""
        message = bytearray(said(alias(NAME, b"b.test"), a(b"b.test"), absence=(5, 5)).toStr())
        for _ in range(data.draw(st.integers(1, 6))):
            place = data.draw(st.integers(12, len(message) - 1))
            message[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
            if len(message) < 14:
                break
        read = self.asked.read(bytes(message))
        if read is not None:
            with contextlib.suppress(ResolverFailed):
                followed(read, NAME, dns.A)


class NameTests(SynchronousTestCase):
    """What can be asked for."""

    def test_bounds(self) -> None:
        """Labels of up to 63 bytes, 253 in all, none empty, and no number at the end."""
        for name in ("a", "a.test", "a.test.", "x" * 63 + ".test", ".".join(["x" * 49] * 5), "1.a", "_a.b-c"):
            self.assertTrue(is_name(name), name)
        for name in ("", ".", "a..b", ".a", "x" * 64, ".".join(["x" * 50] * 5), "127.1", "1", "é.test"):
            self.assertFalse(is_name(name), name)
