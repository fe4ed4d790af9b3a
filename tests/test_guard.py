"""Nobody is talked into dialling this machine or its network, however the address is written."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netsuite import guard as guard_module
from netsuite.guard import Forbidden, Guard, OwnAddress, is_here


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
        for text in ("169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"):
            self.assertIsNone(exact.judge(text, 80), text)
        self.assertIsNotNone(exact.judge("169.254.169.253", 80))

    def test_own_listeners_always_refused(self) -> None:
        """No option lets the proxy dial itself, by any address that reaches the listener."""
        for bound, dialled in (
            ("127.0.0.1", ("127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::", "127.0.0.2")),
            ("0.0.0.0", ("127.0.0.1", "192.168.7.7", "::1", "::ffff:192.168.7.7")),
            ("192.168.7.7", ("192.168.7.7", "0.0.0.0")),
        ):
            guard = Guard(
                allow_private=True,
                allow_nets=[ip_network("0.0.0.0/0"), ip_network("::/0")],
                own=lambda bound=bound: [(bound, 8001)],
                here=lambda address: address.is_loopback or str(address) == "192.168.7.7",
            )
            for text in dialled:
                self.assertIn("itself", str(guard.judge(text, 8001)), (bound, text))
                self.assertIsNone(guard.judge(text, 8002), (bound, text))

    def test_listening_everywhere_is_not_being_everywhere(self) -> None:
        """Bound to all addresses of this machine, another machine's same port is no listener of ours."""
        guard = Guard(own=lambda: [("0.0.0.0", 8001)], here=lambda address: address.is_loopback)
        self.assertIsNone(guard.judge("1.1.1.1", 8001))

    def test_here(self) -> None:
        """This machine's addresses are known without asking anybody."""
        for text in ("127.0.0.1", "127.9.9.9", "0.0.0.0", "::1"):
            self.assertTrue(is_here(ip_address(text)), text)
        self.assertFalse(is_here(ip_address("192.0.2.1")))


class ErrorTests(SynchronousTestCase):
    """What a refusal is as an error."""

    def test_kinds(self) -> None:
        """Our own listener is another error than the rest, and the only one for what was named by hand."""
        guard = Guard(own=lambda: [("127.0.0.1", 8001)])
        self.assertIsInstance(guard.refusal("127.0.0.1", 8001), OwnAddress)
        self.assertIs(type(guard.refusal("127.0.0.1", 80)), Forbidden)
        self.assertIsNone(guard.refusal("1.1.1.1", 80))
        self.assertIsInstance(guard.own_refusal("::ffff:127.0.0.1", 8001), OwnAddress)
        self.assertIsNone(guard.own_refusal("127.0.0.1", 80))

    def test_no_address(self) -> None:
        """What is no address is refused, not a crash."""
        for text in ("", "name.test", "1.2.3", "1.2.3.4.5", "01.2.3.4", "::1::", "\udcff"):
            self.assertIsInstance(Guard().refusal(text, 80), Forbidden, text)


class MemoryTests(SynchronousTestCase):
    """Judgements are kept."""

    def test_kept_until_cleared(self) -> None:
        """A listener that moved is known once the judgements are cleared."""
        own = [("127.0.0.1", 8001)]
        guard = Guard(allow_private=True, own=lambda: own)
        self.assertIsNotNone(guard.judge("127.0.0.1", 8001))
        own[0] = ("127.0.0.1", 8002)
        guard.clear()
        self.assertIsNone(guard.judge("127.0.0.1", 8001))
        self.assertIsNotNone(guard.judge("127.0.0.1", 8002))

    def test_bounded(self) -> None:
        """However many addresses are judged, a bounded number is kept, and judged alike again."""
        self.patch(guard_module, "JUDGED_MAX", 8)
        guard = Guard()
        for _ in range(2):
            for last in range(20):
                self.assertIsNotNone(guard.judge(f"10.0.0.{last}", 80))
                self.assertLessEqual(len(guard._judged), 8)
