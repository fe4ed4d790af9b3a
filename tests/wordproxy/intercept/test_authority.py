"""The authority: what it may sign, by OpenSSL's own judgement, and how it is kept."""

from __future__ import annotations

import datetime
import os
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from netsuite.wordproxy.intercept.authority import (
    AUTHORITY_DAYS,
    FILE,
    LEAF_DAYS,
    RENEW_DAYS,
    Authority,
    AuthorityFault,
    Scope,
    load,
    make,
    opened,
)
from netsuite.wordproxy.intercept.hosts import Hosts, parse_host

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def scope(*listed: str, never: frozenset[str] = frozenset(), how: str = "listed") -> Scope:
    return Scope.of(Hosts(tuple(parse_host(text) for text in listed), never), how)


class SigningTests(SynchronousTestCase):
    """Leaves, verified by the ``openssl`` command."""

    def verdict(self, authority: Authority, host: str) -> str:
        """What ``openssl verify`` says of a leaf for ``host``; "" if it is good."""
        folder = self.mktemp()
        os.mkdir(folder)
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        for name, data in (
            ("ca", authority.pem),
            ("leaf", authority.leaf(host, key, NOW).public_bytes(serialization.Encoding.PEM)),
        ):
            with open(f"{folder}/{name}", "wb") as file:
                file.write(data)
        command = ["openssl", "verify", "-x509_strict", "-CAfile", f"{folder}/ca", f"{folder}/leaf"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else done.stderr

    def test_scope(self) -> None:
        """A leaf is good for what was listed; one that the same key signs for anything else is rejected."""
        never = frozenset({"bank.blog.example"})
        authority = make(scope("news.example", "*.blog.example", never=never), NOW)
        for host in ("news.example", "a.blog.example"):
            self.assertEqual(self.verdict(authority, host), "")
        others = (
            "a.news.example",
            "blog.example",
            "bank.blog.example",
            "x.bank.blog.example",
            "evil.example",
            "192.0.2.1",
        )
        for host in others:
            self.assertIn("subtree violation", self.verdict(authority, host), host)

    def test_addresses(self) -> None:
        """A listed address may be signed for, and no other, nor any name."""
        authority = make(scope("192.0.2.1", "::1"), NOW)
        for host in ("192.0.2.1", "::1"):
            self.assertEqual(self.verdict(authority, host), "")
        for host in ("192.0.2.2", "::2", "news.example"):
            self.assertIn("subtree violation", self.verdict(authority, host))

    def test_any(self) -> None:
        """With the wider scope only never-hosts are excluded; the same for a bare ``*``."""
        never = frozenset({"bank.example"})
        for authority in (
            make(scope("a.example", never=never, how="any"), NOW),
            make(scope("*", never=never), NOW),
        ):
            self.assertEqual(self.verdict(authority, "b.example"), "")
            self.assertIn("excluded subtree", self.verdict(authority, "www.bank.example"))

    def test_leaf(self) -> None:
        """A leaf lasts days, names its host in a critical SAN alone, and can't sign others."""
        leaf = make(scope("a.example"), NOW).leaf(
            "a.example", ec.generate_private_key(ec.SECP256R1()).public_key(), NOW
        )
        self.assertEqual(leaf.not_valid_after_utc - NOW, datetime.timedelta(days=LEAF_DAYS))
        self.assertEqual(list(leaf.subject), [])
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        self.assertTrue(names.critical)
        self.assertEqual(names.value.get_values_for_type(x509.DNSName), ["a.example"])
        self.assertFalse(leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)


class KeepingTests(SynchronousTestCase):
    """The file."""

    def setUp(self) -> None:
        self.folder = os.path.join(self.mktemp(), "ca")
        self.path = os.path.join(self.folder, FILE)

    def test_made_once(self) -> None:
        """It is made at first, private, and found again."""
        first, is_new = opened(self.folder, scope("a.example"), NOW)
        again, is_new_again = opened(self.folder, scope("a.example"), NOW)
        self.assertEqual((is_new, is_new_again), (True, False))
        self.assertEqual(first.fingerprint, again.fingerprint)
        self.assertEqual(
            (os.stat(self.folder).st_mode & 0o777, os.stat(self.path).st_mode & 0o777), (0o700, 0o600)
        )
        self.assertEqual(os.listdir(self.folder), [FILE])

    def test_unique(self) -> None:
        """Two installations have different keys, names and serial numbers."""
        one, other = make(scope("a.example"), NOW), make(scope("a.example"), NOW)
        self.assertNotEqual(one.key.private_numbers(), other.key.private_numbers())
        self.assertNotEqual(one.certificate.subject, other.certificate.subject)
        self.assertNotEqual(one.certificate.serial_number, other.certificate.serial_number)

    def test_another_list(self) -> None:
        """Another list makes another authority; the same in another order doesn't."""
        first, _ = opened(self.folder, scope("a.example", "b.example"), NOW)
        same, is_new = opened(self.folder, scope("b.example", "a.example"), NOW)
        self.assertFalse(is_new)
        other, is_new = opened(self.folder, scope("a.example"), NOW)
        self.assertTrue(is_new)
        self.assertEqual(first.fingerprint, same.fingerprint)
        self.assertNotEqual(first.certificate.serial_number, other.certificate.serial_number)

    def test_renewed(self) -> None:
        """Shortly before its end it is made anew."""
        opened(self.folder, scope("a.example"), NOW)
        late = NOW + datetime.timedelta(days=AUTHORITY_DAYS - RENEW_DAYS)
        self.assertFalse(opened(self.folder, scope("a.example"), late - datetime.timedelta(days=1))[1])
        self.assertTrue(opened(self.folder, scope("a.example"), late)[1])

    def test_faults(self) -> None:
        """A file that others can read, a damaged one, and another's key are refused and left as they are."""
        opened(self.folder, scope("a.example"), NOW)
        os.chmod(self.path, 0o640)
        with self.assertRaisesRegex(AuthorityFault, "read by others"):
            load(self.folder)
        os.chmod(self.path, 0o600)
        with open(self.path, "rb") as file:
            whole = file.read()
        other = make(scope("a.example"), NOW)
        key, mark, _ = whole.partition(b"-----BEGIN CERTIFICATE-----")
        for content, told in (
            (whole[: len(whole) // 2], "damaged"),
            (b"", "damaged"),
            (key + other.pem, "its key"),
        ):
            with open(self.path, "wb") as file:
                file.write(content)
            with self.assertRaisesRegex(AuthorityFault, told):
                opened(self.folder, scope("a.example"), NOW)
            with open(self.path, "rb") as file:
                self.assertEqual(file.read(), content)
        self.assertTrue(mark)

    def test_no_permission(self) -> None:
        """A folder that can't be is told in one line."""
        with open(self.mktemp(), "wb") as file:
            blocked = file.name
        with self.assertRaisesRegex(AuthorityFault, "can't be"):
            opened(os.path.join(blocked, "ca"), scope("a.example"), NOW)
