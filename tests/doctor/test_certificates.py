"""Certificates: really expired ones, too young ones, those of another key."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from netsuite.certificates import Files
from netsuite.doctor.certificates import judge, look
from netsuite.doctor.finding import FAULT, OK, WARNING, Finding
from netsuite.doctor.plan import shown_by
from netsuite.selfsigned import self_signed

NOW = datetime.datetime.now(datetime.UTC)


class CertificateTests(SynchronousTestCase):
    """Files in a folder."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.files = Files(str(self.folder / "key.pem"), str(self.folder / "cert.pem"))

    def write(self, began: float, ends: float) -> None:
        """A pair is there; both in days from now."""
        then = NOW + datetime.timedelta(days=began)
        days = datetime.timedelta(days=ends) - datetime.timedelta(days=began)
        key, certificate = self_signed(["words.example"], days.days, then)
        Path(self.files.key).write_bytes(key)
        Path(self.files.certificate).write_bytes(certificate)

    def one(self, now: datetime.datetime = NOW) -> Finding:
        """The one finding."""
        [finding] = judge([look("pages --port", self.files)], now)
        return finding

    def test_dates(self) -> None:
        """Expired, not yet valid, about to end, and well."""
        for began, ends, severity, word in (
            (-100, -10, FAULT, "expired"),
            (10, 100, FAULT, "not valid before"),
            (-70, 20, WARNING, "ends in 19 days"),
            (-1, 1, WARNING, "ends in"),
            (0, 90, OK, "valid until"),
        ):
            self.write(began, ends)
            finding = self.one()
            self.assertEqual((finding.severity, finding.where), (severity, self.files.certificate), finding)
            self.assertIn(word, finding.what)

    def test_last_day(self) -> None:
        """Hours before the end it is a warning still, a moment after it a fault."""
        self.write(0, 90)
        end = NOW.replace(microsecond=0) + datetime.timedelta(days=90)
        self.assertIn("less than a day", self.one(end - datetime.timedelta(hours=2)).what)
        self.assertEqual(self.one(end + datetime.timedelta(seconds=2)).severity, FAULT)

    def test_anothers_key(self) -> None:
        """A key that the certificate was not made for."""
        self.write(0, 90)
        key, _ = self_signed(["other.example"], 9, NOW)
        Path(self.files.key).write_bytes(key)
        finding = self.one()
        self.assertEqual((finding.severity, finding.where), (FAULT, self.files.key))
        self.assertIn("not the key", finding.what)

    def test_unusable(self) -> None:
        """Missing, empty, a folder, garbage, a key with a passphrase: a fault that names the file."""
        self.write(0, 90)
        sound = Path(self.files.key).read_bytes()
        locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        for content in (b"", b"-----BEGIN CERTIFICATE-----\ngarbage\n", locked):
            Path(self.files.key).write_bytes(content)
            finding = self.one()
            self.assertEqual((finding.severity, finding.where), (FAULT, self.files.key), content)
        Path(self.files.key).write_bytes(sound)
        os.unlink(self.files.certificate)
        self.assertEqual(self.one().where, self.files.certificate)
        os.mkdir(self.files.certificate)
        self.assertEqual(self.one().severity, FAULT)

    def test_told_once(self) -> None:
        """What the settings' own faults say is not said again."""
        [found] = [look("pages --port", self.files)]
        told = f"pages --port (file x, line 2): {found.error}"
        self.assertEqual(judge([found], NOW, [told]), [])
        self.assertEqual(len(judge([found], NOW, ["another"])), 1)

    def test_chain(self) -> None:
        """Those who signed are looked at too: one of them may have ended before."""
        self.write(0, 90)
        _, old = self_signed(["ca.example"], 9, NOW - datetime.timedelta(days=30))
        chain = self.folder / "chain.pem"
        chain.write_bytes(old)
        [finding] = judge([look("", Files(self.files.key, self.files.certificate, str(chain)))], NOW)
        self.assertIn("CN=ca.example has expired", finding.what)

    def test_endpoints(self) -> None:
        """Which endpoints show one."""
        [(option, files)] = shown_by("a", "ssl:443:privateKey=/k.pem:certKey=/c.pem:interface=127.0.0.1")
        self.assertEqual((option, files.key, files.certificate), ("a", "/k.pem", "/c.pem"))
        self.assertEqual(shown_by("a", "tcp:80"), [])
        self.assertEqual(shown_by("a", "ssl:443"), [])
