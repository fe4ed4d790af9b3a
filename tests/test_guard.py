"""Nobody is talked into dialling this machine or its network, however the address is written."""

from __future__ import annotations

from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.trial.unittest import SynchronousTestCase

from netsuite.guard import ADDRESSES_MAX, Forbidden, Guard


class Resolving:
    """A reactor whose resolver knows one answer."""

    def __init__(self, *addresses: str) -> None:
        self.asked: list[str] = []
        self._addresses = addresses
        self.nameResolver = self

    def resolveHostName(self, receiver: Any, host: str, port: int) -> None:
        """Answer at once."""
        self.asked.append(host)
        receiver.resolutionBegan(None)
        for address in self._addresses:
            receiver.addressResolved(SimpleNamespace(host=address))
        receiver.resolutionComplete()


class TableTests(SynchronousTestCase):
    """What is refused by default."""

    def test_kinds(self) -> None:
        """Every special address is refused with its kind, the port and the network that permits it."""
        for text, what in (
            ("127.0.0.1", "loopback"),
            ("127.9.9.9", "loopback"),
            ("::1", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("::", "unspecified"),
            ("10.1.2.3", "private"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("fd12::1", "private"),
            ("169.254.1.1", "link-local"),
            ("fe80::1%eth0", "link-local"),
            ("100.64.0.1", "carrier"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("2001:10::1", "reserved"),
            ("203.0.113.9", "documentation"),
            ("2001:db8::1", "documentation"),
            ("2001::1", "tunnel"),
        ):
            refusal = Guard().judge(text, 80)
            self.assertIsNotNone(refusal, text)
            self.assertIn(what, str(refusal))
            self.assertIn("--allow-net", str(refusal))

    def test_public_addresses(self) -> None:
        """The public network may be dialled, also next to a special range."""
        for text in (
            "1.1.1.1",
            "11.0.0.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
        ):
            self.assertIsNone(Guard().judge(text, 80), text)

    def test_hidden_in_ipv6(self) -> None:
        """An IPv4 address inside a mapped, NAT64, 6to4 or compatible one is judged for what it is."""
        for text in ("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "::ffff:a00:1"):
            self.assertIsNotNone(Guard().judge(text, 80), text)

    @settings(deadline=None, max_examples=100)
    @given(st.ip_addresses(v=4))
    def test_hiding_changes_nothing(self, address: Any) -> None:
        """Whatever IPv4 address is refused is refused in each of its IPv6 disguises, and only then."""
        refused = Guard().judge(str(address), 80) is not None
        for text in (f"::ffff:{address}", f"64:ff9b::{address}"):
            self.assertEqual(Guard().judge(text, 80) is not None, refused, text)


class ExceptionTests(SynchronousTestCase):
    """What options permit, and what none does."""

    def test_private_and_networks(self) -> None:
        """--allow-private permits the special ones; --allow-net only its own, also in disguise."""
        self.assertIsNone(Guard(allow_private=True).judge("10.0.0.1", 80))
        guard = Guard(allow_nets=[ip_network("10.0.0.0/8")])
        self.assertIsNone(guard.judge("10.2.3.4", 80))
        self.assertIsNone(guard.judge("::ffff:10.2.3.4", 80))
        self.assertIsNotNone(guard.judge("192.168.0.1", 80))

    def test_metadata_needs_its_exact_address(self) -> None:
        """Cloud metadata stays refused under --allow-private and wide networks, in disguise too."""
        wide = Guard(allow_private=True, allow_nets=[ip_network("169.254.0.0/16")])
        for text in ("169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "100.100.100.200"):
            self.assertIn("metadata", str(wide.judge(text, 80)))
        exact = Guard(allow_nets=[ip_network("169.254.169.254/32")])
        self.assertIsNone(exact.judge("169.254.169.254", 80))

    def test_own_listeners_always_refused(self) -> None:
        """No option lets the proxy dial itself, by any address that reaches the listener."""
        for bound, dialled in (
            ("127.0.0.1", ("127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::", "127.0.0.2")),
            ("0.0.0.0", ("127.0.0.1", "192.168.7.7", "::1")),
            ("192.168.7.7", ("192.168.7.7", "0.0.0.0")),
        ):
            guard = Guard(
                allow_private=True,
                allow_nets=[ip_network("0.0.0.0/0"), ip_network("::/0")],
                own=lambda bound=bound: [(bound, 8001)],
            )
            for text in dialled:
                self.assertIn("itself", str(guard.judge(text, 8001)), (bound, text))
                self.assertIsNone(guard.judge(text, 8002), (bound, text))


class ResolvedTests(SynchronousTestCase):
    """The judgement is of what the resolver said."""

    def addresses(self, guard: Guard, reactor: Resolving, host: str) -> list[str]:
        """Return what may be dialled for ``host``."""
        found: list[str] = self.successResultOf(Deferred.fromCoroutine(guard.addresses(reactor, host, 80)))
        return found

    def test_odd_spellings_are_resolved_then_judged(self) -> None:
        """Decimal, octal, hexadecimal and short forms are names to us: their resolved address is judged."""
        for host in ("2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "localhost."):
            reactor = Resolving("127.0.0.1")
            refused = Deferred.fromCoroutine(Guard().addresses(reactor, host, 80))
            self.failureResultOf(refused, Forbidden)
            self.assertEqual(reactor.asked, [host])

    def test_only_what_may_be_dialled(self) -> None:
        """Of several addresses the permitted ones are left, in order."""
        reactor = Resolving("10.0.0.1", "1.1.1.1", "::1", "1.0.0.1", "1.1.1.1")
        self.assertEqual(self.addresses(Guard(), reactor, "mixed.test"), ["1.1.1.1", "1.0.0.1"])

    def test_literal_is_not_looked_up(self) -> None:
        """A written address needs no resolver."""
        reactor = Resolving()
        self.assertEqual(self.addresses(Guard(), reactor, "1.1.1.1"), ["1.1.1.1"])
        self.assertEqual(reactor.asked, [])

    def test_bounded(self) -> None:
        """Of a name with hundreds of addresses only the first are looked at."""
        reactor = Resolving(*(f"1.1.{i}.1" for i in range(200)))
        self.assertEqual(len(self.addresses(Guard(), reactor, "many.test")), ADDRESSES_MAX)

    def test_unknown_name(self) -> None:
        """A name without addresses is a lookup error, not a verdict."""
        refused = Deferred.fromCoroutine(Guard().addresses(Resolving(), "none.test", 80))
        self.failureResultOf(refused, DNSLookupError)
