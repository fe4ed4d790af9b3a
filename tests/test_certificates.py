"""What a TLS listener shows: read, refused, renewed and warned of, in handshakes that touch no socket."""

from __future__ import annotations

import datetime
import os
import ssl
import warnings
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from netsuite import certificates, journal
from netsuite.certificates import BadCertificate, Files, apart, day, read, rooted
from netsuite.pages.settings import Options
from netsuite.renewal import LOOK_SECONDS, TOLD_SECONDS, Certificates, Watch
from netsuite.selfsigned import self_signed
from netsuite.values import parse_where

DAY = 86400.0

#: When these certificates are made: any time would do.
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


class Folder(SynchronousTestCase):
    """A folder with a key and a certificate, which end 90 days after `NOW`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.files = Files(str(self.folder / "key"), str(self.folder / "pem"))
        self.put()

    def put(self, name: str = "localhost", days: int = 90, now: datetime.datetime = NOW) -> bytes:
        """Both files are others; return the certificate."""
        key, certificate = self_signed([name], days, now)
        for path, data in ((self.files.key, key), (self.files.certificate, certificate)):
            draft = Path(f"{path}.new")
            draft.write_bytes(data)
            draft.rename(path)
        return certificate


class EndpointTests(SynchronousTestCase):
    """TLS in an endpoint string."""

    def test_apart(self) -> None:
        """What listens and what it shows are told apart, however the string is written."""
        for text, plain, files in (
            ("ssl:443:privateKey=k:certKey=c", "tcp:port=443", Files("k", "c")),
            ("ssl:443:k:interface=\\:\\:1", "tcp:port=443:interface=\\:\\:1", Files("k", "k")),
            ("ssl:port=1:privateKey=/a\\:b:extraCertChain=x", "tcp:port=1", Files("/a:b", "/a:b", "x")),
            ("systemd:domain=INET:name=web:privateKey=k", "systemd:domain=INET:name=web", Files("k", "k")),
            ("systemd:domain=INET:name=web", "systemd:domain=INET:name=web", None),
            ("tcp:80", "tcp:80", None),
            ("unix:/x", "unix:/x", None),
        ):
            self.assertEqual(apart(text), (plain, files), text)

    def test_refused(self) -> None:
        """An endpoint without a key, or with what only weakens TLS, is refused with what to write."""
        for text, told in (
            ("ssl:443", "privateKey=KEY.pem"),
            ("ssl:443:privateKey=k:sslmethod=TLSv1_METHOD", "leave it out"),
            ("ssl:443:privateKey=k:dhParameters=x", "leave it out"),
            ("systemd:name=web:certKey=c", "privateKey=KEY.pem"),
        ):
            self.assertIn(told, str(self.assertRaises(ValueError, apart, text)))

    def test_rooted(self) -> None:
        """The files' paths are made absolute, and nothing else is changed in meaning."""
        text = rooted("ssl:443:privateKey=k:certKey=c:interface=\\:\\:1", lambda path: f"/a:b/{path}")
        self.assertEqual(apart(text), ("tcp:port=443:interface=\\:\\:1", Files("/a:b/k", "/a:b/c")))
        self.assertEqual(rooted("tcp:80", str.upper), "tcp:80")


class ReadTests(Folder):
    """Files that can't be used."""

    def fault(self, **other: str) -> str:
        """Why it is refused."""
        told = {"key": self.files.key, "certificate": self.files.certificate, "chain": None, **other}
        return str(self.assertRaises(BadCertificate, read, Files(**told)))  # type: ignore[arg-type]

    def test_faults(self) -> None:
        """Each is refused in a line that names the file and says what is the matter with it."""
        key = load_pem_private_key(Path(self.files.key).read_bytes(), None)
        locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
        other = self_signed(["other"], 1, NOW)[0]
        for name, data in (
            ("locked", locked),
            ("other", other),
            ("text", b"nothing"),
            ("big", b"x" * (2 << 20)),
        ):
            (self.folder / name).write_bytes(data)
        path = self.folder.__truediv__
        for which, name, told in (
            ("key", "none", "No such file"),
            ("key", ".", "Is a directory"),
            ("key", "text", "no private key in PEM"),
            ("key", "locked", "passphrase"),
            ("key", "other", f"not the key of the certificate in {self.files.certificate}"),
            ("key", "big", "larger than"),
            ("certificate", "none", "No such file"),
            ("certificate", "text", "no certificate in PEM"),
            ("chain", "text", "no certificate in PEM"),
        ):
            fault = self.fault(**{which: str(path(name))})
            self.assertTrue(fault.startswith(f"{path(name)}: "), fault)
            self.assertIn(told, fault)
            self.assertEqual(len(fault.splitlines()), 1)

    def test_one_file(self) -> None:
        """Key and certificates may be in one file, in any order, with those who signed after the first."""
        key, leaf = (Path(path).read_bytes() for path in (self.files.key, self.files.certificate))
        signer = self_signed(["signer"], 1, NOW)[1]
        both = self.folder / "both"
        for content in (key + leaf + signer, leaf + signer + key):
            both.write_bytes(content)
            self.assertEqual(len(read(Files(str(both), str(both))).signers), 1)


class Handshakes(Folder):
    """Handshakes in memory, with Python's own TLS as the client."""

    def setUp(self) -> None:
        super().setUp()
        self.shown = Certificates(self.files, (b"http/1.1",), lambda context: None)

    def met(self, offers: tuple[str, ...] = (), newest: ssl.TLSVersion | None = None) -> tuple[Any, Any]:
        """Both sides after a handshake.  Raises: ssl.SSLError, SSL.Error."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        if offers:
            context.set_alpn_protocols(list(offers))
        if newest is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of versions that are asked for in order to be refused
                context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(there, back)
        ours: Any = self.shown.serverConnectionForTLS(None)  # type: ignore[arg-type]
        ours.set_accept_state()
        for _ in range(4):
            for step in (client.do_handshake, ours.do_handshake):
                try:
                    step()
                except (ssl.SSLWantReadError, SSL.WantReadError):
                    pass  # the other side's turn
                finally:
                    self.carry(ours, there, back)
        return client, ours

    def carry(self, ours: Any, there: Any, back: Any) -> None:
        """What each side has to send is with the other."""
        if data := back.read():
            ours.bio_write(data)
        try:
            there.write(ours.bio_read(1 << 16))
        except SSL.WantReadError:
            return

    def seen(self) -> bytes:
        """The certificate that a new handshake gets, in PEM."""
        return ssl.DER_cert_to_PEM_cert(self.met()[0].getpeercert(True)).encode()


class HandshakeTests(Handshakes):
    """What is agreed."""

    def test_versions(self) -> None:
        """TLS 1.2 and 1.3 are spoken with forward secrecy; 1.0 and 1.1 are not."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client, _ours = self.met(newest=version)
            self.assertRegex(client.cipher()[0], "^(ECDHE-|TLS_)")
        for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            self.assertRaises((ssl.SSLError, SSL.Error), self.met, newest=old)

    def test_alpn(self) -> None:
        """HTTP/1.1 is agreed on where it is offered; who offers only what we don't speak is refused."""
        self.assertEqual(self.met(("h2", "http/1.1"))[0].selected_alpn_protocol(), "http/1.1")
        self.assertIsNone(self.met()[0].selected_alpn_protocol())
        self.assertRaises((ssl.SSLError, SSL.Error), self.met, ("h2", "acme-tls/1"))
        self.shown = Certificates(self.files, (), lambda context: None)
        self.assertIsNone(self.met(("h2",))[0].selected_alpn_protocol())  # no HTTP: nothing is agreed on

    def test_dressed(self) -> None:
        """What is added to a context is added to each new one; its faults name the file."""
        seen: list[Any] = []
        shown = Certificates(self.files, (), seen.append)
        shown.prepare(owner="x")()
        self.assertEqual(len(seen), 2)

        def fail(context: SSL.Context) -> None:
            Path("/nowhere/ca").read_bytes()

        fault = self.assertRaises(BadCertificate, Certificates, self.files, (), fail)
        self.assertEqual(str(fault), "/nowhere/ca: No such file or directory")


class RenewalTests(Handshakes):
    """Files that change, looked at by a clock of ours."""

    def setUp(self) -> None:
        super().setUp()
        self.told: list[str] = []
        for name in ("changed", "kept", "ends", "ended", "early"):
            self.patch(journal, f"certificate_{name}", self.note(name))
        self.clock = Clock()
        self.wall = NOW.timestamp()
        self.watch = Watch(
            lambda: [self.shown],
            owner="pages",
            reactor=self.clock,
            quiet=False,
            wall=lambda: self.wall + self.clock.seconds(),
        )
        self.watch.start()
        self.addCleanup(self.watch.stop)

    def note(self, name: str) -> Any:
        """What notes an event."""
        return lambda **said: self.told.append(" ".join((name, *map(str, said.values()))))

    def looks(self, count: int = 2) -> None:
        """So many looks are taken."""
        for _ in range(count):
            self.clock.advance(LOOK_SECONDS)

    def test_changed(self) -> None:
        """New files are shown to new handshakes after two looks, and who is connected notices nothing."""
        client, ours = self.met()
        before = self.seen()
        after = self.put("other")
        self.looks()
        self.assertEqual(self.seen(), after)
        self.assertNotEqual(before, after)
        self.assertEqual(ssl.DER_cert_to_PEM_cert(client.getpeercert(True)).encode(), before)
        ours.write(b"still here")
        client_in = ours.bio_read(1 << 16)
        self.assertTrue(client_in)
        self.assertEqual([line.split()[0] for line in self.told], ["changed"])

    def test_half_written(self) -> None:
        """A file that changes from look to look is left alone; what is no certificate changes nothing."""
        before = self.seen()
        for size in range(5):
            Path(self.files.certificate).write_bytes(b"-----BEGIN"[: size + 3])
            self.looks(1)
        self.assertEqual(self.told, [])
        self.looks()
        self.assertEqual(self.seen(), before)
        self.assertEqual(self.told, [f"kept pages {self.files.certificate}: no certificate in PEM in it"])
        self.looks(9)
        self.assertEqual(len(self.told), 1)
        after = self.put()
        self.looks()
        self.assertEqual(self.seen(), after)

    def test_gone(self) -> None:
        """Files that are gone change nothing, and are told of once."""
        os.unlink(self.files.key)
        self.looks(9)
        self.assertEqual(self.told, [f"kept pages {self.files.key}: No such file or directory"])
        self.seen()

    def test_unread(self) -> None:
        """A reload doesn't read files that are as they were: who gave up root's rights can't."""
        state = self.shown._states()
        self.patch(self.shown, "_states", lambda: state)
        os.unlink(self.files.key)
        self.shown.prepare(owner="pages")()
        self.seen()

    def test_refused_at_once(self) -> None:
        """A reload asked for refuses files that can't be used, and nothing has changed."""
        before = self.seen()
        Path(self.files.key).write_text("nothing")
        self.assertRaises(BadCertificate, self.shown.prepare, owner="pages")
        self.assertEqual(self.seen(), before)

    def test_warned(self) -> None:
        """From 21 days before the end on it is told once a day, and after the end that it has ended."""
        self.clock.advance(68 * DAY)
        self.assertEqual(self.told, [])
        self.clock.advance(1.5 * DAY)
        self.assertEqual(self.told, [f"ends pages {self.files.certificate} 2026-05-30T12:00:00Z 20"])
        self.clock.advance(TOLD_SECONDS - 10)
        self.assertEqual(len(self.told), 1)
        for _ in range(21):
            self.clock.advance(DAY)
        self.assertEqual([line.split()[0] for line in self.told], ["ends"] * 20 + ["ended"] * 2)
        self.put(now=NOW + datetime.timedelta(days=90))
        self.looks()
        self.clock.advance(3 * DAY)
        self.assertEqual([line.split()[0] for line in self.told[22:]], ["changed"])

    def test_too_early(self) -> None:
        """One that doesn't hold yet is told of."""
        self.put(now=NOW + datetime.timedelta(days=9))
        self.looks()
        self.assertEqual(self.told[1:], [f"early pages {self.files.certificate} 2026-03-10T11:00:00Z"])

    def test_day(self) -> None:
        """A moment is shown as data have it."""
        self.assertEqual(day(0), "1970-01-01T00:00:00Z")


class SettingsTests(Folder):
    """Certificates as settings of a service."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(os, "environ", {})
        self.options = Options()
        self.options.folder = str(self.folder)
        self.options.parse(["-p", "ssl:0:interface=127.0.0.1:privateKey=key:certKey=pem"])

    def test_again(self) -> None:
        """Read again, files that can't be used refuse all; those that we may not read any more are left."""
        self.options.again()
        Path(self.files.key).write_text("nothing")
        self.assertIn("no private key", str(self.assertRaises(ValueError, self.options.again)))

        def closed(files: Files) -> None:
            raise certificates.Unreadable(f"{files.key}: Permission denied")

        self.patch(certificates, "read", closed)
        self.options.again()
        error = self.assertRaises(usage.UsageError, Options().parse, self.options.arguments)
        self.assertIn("Permission denied", str(error))

    def test_scheme(self) -> None:
        """TLS is told by the scheme; relative files are beside the settings."""
        where = self.options.settings.port
        self.assertEqual((where.scheme, parse_where("8001").scheme), ("https", "http"))
        self.assertEqual(apart(where.descriptions[0])[1], self.files)
