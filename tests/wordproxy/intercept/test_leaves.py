"""Leaves: made once, renewed in time, bounded in number and memory."""

from __future__ import annotations

import contextlib
import datetime
import os
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.intercept import leaves
from netsuite.wordproxy.intercept.authority import LEAF_DAYS, LEAF_RENEW_DAYS, Scope, make
from netsuite.wordproxy.intercept.hosts import Hosts, parse_host
from netsuite.wordproxy.intercept.leaves import LEAVES_MAX, Leaves

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


class Pool:
    """A pool of one thread that is none."""

    def callInThreadWithCallback(self, told: Any, call: Any, *args: Any, **named: Any) -> None:
        try:
            result = call(*args, **named)
        except Exception:
            told(False, Failure())
        else:
            told(True, result)


class Threads:
    """A reactor's part in `deferToThreadPool`."""

    def getThreadPool(self) -> Pool:
        return Pool()

    def callFromThread(self, call: Any, *args: Any) -> None:
        call(*args)


class LeavesTests(SynchronousTestCase):
    """The cache."""

    def setUp(self) -> None:
        self.now = NOW
        self.authority = make(Scope.of(Hosts(("*",), frozenset({"bank.example"}))), NOW)
        self.leaves = Leaves(self.authority, Threads(), now=lambda: self.now)

    def context(self, host: str) -> SSL.Context:
        return self.successResultOf(ensureDeferred(self.leaves.context(host)))

    def shown(self, host: str) -> x509.Certificate:
        """What a client gets to see for a host."""
        server, client = (
            SSL.Connection(self.context(host), None),
            SSL.Connection(SSL.Context(SSL.TLS_METHOD), None),
        )
        server.set_accept_state()
        client.set_connect_state()
        for _ in range(4):
            for one, other in ((client, server), (server, client)):
                with contextlib.suppress(SSL.WantReadError):
                    one.do_handshake()
                with contextlib.suppress(SSL.WantReadError):
                    other.bio_write(one.bio_read(65536))
        found = client.get_peer_certificate(as_cryptography=True)
        assert found is not None
        return found

    def test_once(self) -> None:
        """A host's leaf is made once, and ready afterwards."""
        self.assertIsNone(self.leaves.ready("a.example"))
        first = self.context("a.example")
        self.assertIs(self.leaves.ready("a.example"), first)
        self.assertIs(self.context("a.example"), first)

    def test_names(self) -> None:
        """Long names, addresses and names in other alphabets are in the leaf as clients look for them."""
        long = f"{'a' * 63}.{'b' * 63}.example"
        for host, kind in (
            (long, x509.DNSName),
            (parse_host("bücher.example"), x509.DNSName),
            ("192.0.2.1", x509.IPAddress),
            ("2001:db8::1", x509.IPAddress),
        ):
            names = self.shown(host).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            self.assertEqual([str(name) for name in names.get_values_for_type(kind)], [host])  # type: ignore[call-overload]

    def test_renewed(self) -> None:
        """Days before its end a leaf is made anew, on the fly."""
        first = self.shown("a.example")
        self.now = NOW + datetime.timedelta(days=LEAF_DAYS - LEAF_RENEW_DAYS, seconds=1)
        self.assertIsNone(self.leaves.ready("a.example"))
        second = self.shown("a.example")
        self.assertNotEqual(first.serial_number, second.serial_number)
        self.assertGreater(second.not_valid_after_utc, first.not_valid_after_utc)

    def test_bounded(self) -> None:
        """The host that was not asked for longest goes first."""
        self.patch(leaves, "LEAVES_MAX", 3)
        for host in ("a.example", "b.example", "c.example"):
            self.context(host)
        self.context("a.example")
        self.context("d.example")
        self.assertEqual(len(self.leaves), 3)
        self.assertIsNone(self.leaves.ready("b.example"))
        self.assertIsNotNone(self.leaves.ready("a.example"))

    def test_memory(self) -> None:
        """A full cache costs less than 50 MB."""
        self.context("first.example")
        before = resident()
        for number in range(LEAVES_MAX):
            self.context(f"host{number}.example")
        self.assertLess(resident() - before, 50 << 20)

    def test_http_1_1(self) -> None:
        """Of the protocols that a client offers HTTP/1.1 is chosen, and none where it isn't offered."""
        choose = leaves._http11
        connection = SSL.Connection(self.context("a.example"), None)
        self.assertEqual(choose(connection, [b"h2", b"http/1.1"]), b"http/1.1")
        self.assertIs(choose(connection, [b"h2"]), SSL.NO_OVERLAPPING_PROTOCOLS)

    def test_failure(self) -> None:
        """A leaf that can't be made fails its own asker, and is tried again by the next."""
        self.patch(self.authority, "leaf", lambda *args: 1 / 0)
        made: Deferred[SSL.Context] = ensureDeferred(self.leaves.context("a.example"))
        self.failureResultOf(made)
        self.assertEqual(len(self.leaves), 0)


def resident() -> int:
    """This process's memory in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
