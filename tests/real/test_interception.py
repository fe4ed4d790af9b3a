"""Interception with real TLS on both sides: whose is opened, whose is not, and what clients then see."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import warnings
from http.client import HTTPConnection
from pathlib import Path
from typing import ClassVar
from unittest import TestCase
from urllib.parse import urlencode

import bcrypt
from OpenSSL import SSL

from netsuite.wordproxy.place import profile_store
from netsuite.wordproxy.store.contract import WordQuery
from netsuite.wordproxy.store.open import open_store
from tests.real.hatchery import HatchedTwistd, wordproxy
from tests.real.nameserver import Nameserver, having
from tests.real.parts import require, until
from tests.real.tlsorigin import Issuer, Reader, TlsOrigin, answer, ask, der
from tests.wordproxy.intercept.hellos import fragmented, hello, with_extension

#: The extension that hides a ClientHello in another.
ECH = 0xFE0D

HOST, UNLISTED, NEVER = "news.example", "other.example", "bank.wide.example"


class Case(TestCase):
    """A wordproxy that opens ``news.example`` and ``*.wide.example``; all names are loopback's."""

    options: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="netsuite-intercept-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.issuer = Issuer(cls.folder)
        cls.names = Nameserver()
        cls.addClassCleanup(cls.names.close)
        (cls.folder / "never").write_text("bank.wide.example\n")
        service = HatchedTwistd(
            "wordproxy", "-p", "0", "-r", "0", "--allow-net", "127.0.0.0/8", "--connect-port", "1-65535",
            "--resolver", f"127.0.0.1:{cls.names.port}", "-i", HOST, "-i", "*.wide.example",
            "--never-intercept", str(cls.folder / "never"), *cls.options,
            env={"SSL_CERT_FILE": str(cls.issuer.path)},
        )  # fmt: skip
        cls.addClassCleanup(service.close)
        cls.service = service.up(r"proxy http://\S+, report http://\S+, store ")
        cls.ours = next(cls.service.folder.rglob("ca/ca.pem"))

    def origin(self, *names: str, path: Path | None = None, **settings: object) -> TlsOrigin:
        """An origin for ``names``, whose certificate is ``path`` or a good one."""
        for name in names:
            self.names.names[name] = having("127.0.0.1")
        path = path or self.issuer.issue(*names)
        origin = TlsOrigin(path, **settings)  # type: ignore[arg-type]
        origin.path = path  # type: ignore[attr-defined]
        self.addCleanup(origin.close)
        return origin

    def reader(self, host: str, port: int) -> Reader:
        """A client in a tunnel."""
        reader = Reader(self.service.ports["proxy"], host, port)
        self.addCleanup(reader.raw.close)
        return reader


class OpenedTests(Case):
    """What a client sees that trusts our authority."""

    def test_counted(self) -> None:
        """A listed host's page arrives as it was sent and its words are counted; our leaf is shown for it."""
        origin = self.origin(HOST, word=b"lighthouse")
        with self.reader(HOST, origin.port).tls(self.ours) as stream:
            self.assertEqual(stream.selected_alpn_protocol(), "http/1.1")
            self.assertNotEqual(stream.getpeercert(binary_form=True), der(origin.path))  # type: ignore[attr-defined]
            status, _, body = ask(stream, f"{HOST}:{origin.port}")
        self.assertEqual((status, b"lighthouse" in body), (200, True))
        query = f"/words.json?q=lighthouse&site={HOST}"
        until("the page's words", lambda: self.service.report(query)["words"])
        self.assertIn(f"GET https://{HOST}:{origin.port}/ 200", self.service.log)

    def test_host_below(self) -> None:
        """A pattern opens hosts below it."""
        origin = self.origin("a.wide.example")
        with self.reader("a.wide.example", origin.port).tls(self.ours) as stream:
            self.assertEqual(ask(stream, f"a.wide.example:{origin.port}")[0], 200)

    def test_others_untouched(self) -> None:
        """An unlisted host and a never-host show their own certificates, and are counted as unseen."""
        for host in (UNLISTED, NEVER):
            origin = self.origin(host)
            with self.reader(host, origin.port).tls(self.issuer.path) as stream:
                self.assertEqual(stream.getpeercert(binary_form=True), der(origin.path))  # type: ignore[attr-defined]
                self.assertEqual(ask(stream, host)[0], 200)
            until("the tunnel is noted", lambda host=host: self.unseen(host))  # type: ignore[misc]

    def unseen(self, host: str) -> int:
        parts = self.service.report("/coverage.json?by=host")["by"]
        return next((int(part["unseen"]) for part in parts if part["host"] == host), 0)

    def test_headers_are_the_origins(self) -> None:
        """Fields of the answer pass as they are: HSTS, cookies, CORS; of the request those end to end."""
        extra = (
            b"Strict-Transport-Security: max-age=63072000; preload",
            b"Set-Cookie: a=b; Secure; HttpOnly",
            b"Set-Cookie: c=d",
            b"access-control-allow-ORIGIN: https://x.example",
        )
        origin = self.origin(HOST, extra=extra)
        with self.reader(HOST, origin.port).tls(self.ours) as stream:
            _, head, _ = ask(stream, f"{HOST}:{origin.port}", "/x?q=1", "Cookie: s=1", "X-Mine: 2")
        lines = head.split(b"\r\n")
        self.assertEqual([line for line in lines if line in extra], list(extra))
        (sent,) = origin.heads
        self.assertTrue(sent.startswith(b"GET /x?q=1 HTTP/1.1\r\n"), sent)
        self.assertIn(b"\r\nCookie: s=1\r\nX-Mine: 2", sent)

    def test_one_origin_connection(self) -> None:
        """Requests of several clients go over one pooled connection, as in plain HTTP."""
        origin = self.origin(HOST)
        for _ in range(3):
            with self.reader(HOST, origin.port).tls(self.ours) as stream:
                for _ in range(2):
                    self.assertEqual(ask(stream, f"{HOST}:{origin.port}")[0], 200)
        self.assertEqual((len(origin.heads), origin.handshakes), (6, 1))

    def test_session(self) -> None:
        """A second connection to an origin resumes the session of the first."""
        origin = self.origin(HOST, extra=[b"Connection: close"], newest=SSL.TLS1_2_VERSION)
        for _ in range(3):
            with self.reader(HOST, origin.port).tls(self.ours) as stream:
                self.assertEqual(ask(stream, f"{HOST}:{origin.port}")[0], 200)
        self.assertEqual((origin.handshakes, len(set(origin.sessions))), (3, 1))

    def test_misdirected(self) -> None:
        """A request for another host inside the tunnel is refused, and one to be tunnelled too."""
        origin = self.origin(HOST)
        for asked in (
            "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n",
            "GET https://other.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
            f"GET http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n",
        ):
            with self.reader(HOST, origin.port).tls(self.ours) as stream:
                stream.sendall(asked.encode())
                self.assertEqual(answer(stream)[0], 421, asked)
        with self.reader(HOST, origin.port).tls(self.ours) as stream:
            stream.sendall(
                f"CONNECT {HOST}:{origin.port} HTTP/1.1\r\nHost: {HOST}:{origin.port}\r\n\r\n".encode()
            )
            self.assertEqual(answer(stream)[0], 400)
        self.assertEqual(origin.heads, [])

    def test_websocket(self) -> None:
        """A WebSocket inside is passed on, both ways."""
        origin = self.origin(HOST)
        with self.reader(HOST, origin.port).tls(self.ours) as stream:
            fields = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
            self.assertEqual(ask(stream, f"{HOST}:{origin.port}", "/", *fields)[0], 101)
            for data in (b"one", b"\x00" * 5000):
                stream.sendall(data)
                got = b""
                while len(got) < len(data):
                    got += stream.recv(65536)
                self.assertEqual(got, data)

    def test_other_upgrades(self) -> None:
        """Another protocol that a client offers inside is passed on too; h2c, which is not for TLS, isn't."""
        origin = self.origin(HOST)
        with self.reader(HOST, origin.port).tls(self.ours) as stream:
            self.assertEqual(
                ask(stream, f"{HOST}:{origin.port}", "/", "Connection: upgrade", "Upgrade: tcp")[0], 101
            )
            stream.sendall(b"over")
            self.assertEqual(stream.recv(100), b"over")
        with self.reader(HOST, origin.port).tls(self.ours) as stream:
            status, _, _ = ask(stream, f"{HOST}:{origin.port}", "/", "Connection: upgrade", "Upgrade: h2c")
        self.assertEqual(status, 200)
        self.assertNotIn(b"pgrade", origin.heads[-1])

    def test_forbidden_address(self) -> None:
        """A listed name whose address the guard forbids is refused inside, where a browser shows it."""
        self.names.names["metadata.wide.example"] = having("169.254.169.254")
        with self.reader("metadata.wide.example", 443).tls(self.ours) as stream:
            status, _, body = ask(stream, "metadata.wide.example")
        self.assertEqual((status, b"netsuite proxy: guard" in body), (403, True))

    def test_leaf_for_another_name(self) -> None:
        """OpenSSL refuses a leaf that our key signs for a name that isn't listed."""
        ca = self.ours
        run = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=x"]
        made = subprocess.run(run, capture_output=True, check=True).stdout
        (self.folder / "x.csr").write_bytes(made)
        (self.folder / "x.ext").write_text(f"subjectAltName=DNS:{UNLISTED}")
        sign = [
            "openssl",
            "x509",
            "-req",
            "-in",
            "x.csr",
            "-CA",
            str(ca),
            "-CAkey",
            str(ca),
            "-extfile",
            "x.ext",
        ]
        leaf = subprocess.run([*sign, "-days", "5"], cwd=self.folder, capture_output=True, check=True).stdout
        (self.folder / "x.pem").write_bytes(leaf)
        verify = ["openssl", "verify", "-CAfile", str(ca), "x.pem"]
        done = subprocess.run(verify, cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertIn("permitted subtree violation", done.stderr)


class BadCertificateTests(Case):
    """Origins that can't be trusted: a 502 that says why, and not a byte of the request."""

    def told(self, origin: TlsOrigin, host: str = HOST) -> str:
        """The sentence that a client gets."""
        with self.reader(host, origin.port).tls(self.ours) as stream:
            status, _, body = ask(stream, f"{host}:{origin.port}", "/secret", "Cookie: secret")
        self.assertEqual(status, 502)
        self.assertEqual(origin.heads, [])
        found = re.search(rb"<p>(.*?)</p>", body)
        assert found is not None
        return found[1].decode()

    def test_dates(self) -> None:
        """One that has expired, one that is not valid yet."""
        for days, said in (((-9.0, -1.0), "has expired"), ((1.0, 9.0), "is not valid yet")):
            origin = self.origin(HOST, path=self.issuer.issue(HOST, days=days))
            self.assertIn(f"certificate of {HOST} {said}", self.told(origin))

    def test_another_name(self) -> None:
        """One for another host."""
        origin = self.origin(HOST, path=self.issuer.issue("wrong.example"))
        self.assertIn("is for another name", self.told(origin))

    def test_no_authority(self) -> None:
        """One signed by itself, and one of an authority that nobody here knows."""
        origin = self.origin(HOST, path=self.issuer.issue(HOST, alone=True))
        self.assertIn("signed by itself alone", self.told(origin))
        unknown = Issuer(self.folder, "unknown")
        origin = self.origin(HOST, path=unknown.issue(HOST))
        self.assertIn("authority that is not trusted", self.told(origin))

    def test_weak(self) -> None:
        """One with a short key, one signed by SHA-1."""
        origin = self.origin(HOST, path=self.issuer.issue(HOST, bits=1024))
        self.assertIn("too weak", self.told(origin))
        origin = self.origin(HOST, path=self.issuer.issue_sha1(HOST))
        self.assertIn("too weak", self.told(origin))

    def test_revoked(self) -> None:
        """One whose revocation is stapled; a statement that it is good changes nothing."""
        path = self.issuer.issue(HOST)
        origin = self.origin(HOST, path=path, staple=self.issuer.statement(path, revoked=True))
        self.assertIn("was revoked", self.told(origin))
        stranger = Issuer(self.folder, "stranger")
        for staple in (
            self.issuer.statement(path, revoked=False),
            stranger.statement(path, revoked=True),
            b"?",
        ):
            origin = self.origin(HOST, path=path, staple=staple)
            with self.reader(HOST, origin.port).tls(self.ours) as stream:
                self.assertEqual(ask(stream, f"{HOST}:{origin.port}")[0], 200)

    def test_old_protocol(self) -> None:
        """An origin that speaks TLS 1.1 at most."""
        origin = self.origin(HOST, old=True)
        self.assertIn(f"No TLS with {HOST}: ", self.told(origin))

    def test_no_tls(self) -> None:
        """An origin that speaks no TLS, and one that hangs up."""
        for said in (b"220 mail.example ESMTP\r\n", b""):
            listener = socket.create_server(("127.0.0.1", 0))
            self.addCleanup(listener.close)
            self.names.names[HOST] = having("127.0.0.1")
            with self.reader(HOST, listener.getsockname()[1]).tls(self.ours) as stream:
                stream.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}:{listener.getsockname()[1]}\r\n\r\n".encode())
                origin, _ = listener.accept()
                origin.sendall(said)
                origin.close()
                self.assertEqual(answer(stream)[0], 502)


class HelloTests(Case):
    """What begins a tunnel to a listed host: anything but a ClientHello for it passes untouched."""

    def raw(self) -> tuple[socket.socket, Reader]:
        """The origin's end of a tunnel that is joined, later, and the client's."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        listener.settimeout(60)
        self.names.names[HOST] = having("127.0.0.1")
        reader = self.reader(HOST, listener.getsockname()[1])
        self.assertEqual(reader.status, 200)
        return listener, reader

    def arrived(self, listener: socket.socket, size: int) -> bytes:
        """The first bytes that the origin gets."""
        far, _ = listener.accept()
        self.addCleanup(far.close)
        far.settimeout(60)
        got = b""
        while len(got) < size:
            got += far.recv(65536)
        return got

    def test_untouched(self) -> None:
        """No TLS, another name, no name, an address as name, a hello past the bound: byte for byte."""
        huge = b"\x16\x03\x01\x40\x00\x01\x00\xff\xff\x03\x03" + bytes(65536)
        for sent in (b"SSH-2.0-x\r\n", hello(UNLISTED), hello(None), hello("127.0.0.1"), huge):
            listener, reader = self.raw()
            reader.raw.sendall(sent)
            self.assertEqual(self.arrived(listener, len(sent)), sent)

    def test_encrypted_hello(self) -> None:
        """With ECH the outer name decides: another one passes untouched, the tunnel's own is opened."""
        listener, reader = self.raw()
        sent = with_extension(hello("outer.example"), ECH, bytes(40))
        reader.raw.sendall(sent)
        self.assertEqual(self.arrived(listener, len(sent)), sent)
        listener, reader = self.raw()
        reader.raw.sendall(with_extension(hello(HOST), ECH, b"\0" + bytes(40)))  # as GREASE is
        self.assertEqual(reader.raw.recv(2), b"\x16\x03")

    def test_half(self) -> None:
        """Half a hello and then silence, and silence from the start: after a while it passes as it is."""
        for sent in (hello(HOST)[:100], b""):
            listener, reader = self.raw()
            reader.raw.sendall(sent)
            self.assertEqual(self.arrived(listener, len(sent)), sent)

    def test_end_in_hello(self) -> None:
        """A client that sends half a hello and its FIN: the origin sees just that."""
        listener, reader = self.raw()
        reader.raw.sendall(hello(HOST)[:100])
        reader.raw.shutdown(socket.SHUT_WR)
        far, _ = listener.accept()
        self.addCleanup(far.close)
        got = b""
        while data := far.recv(65536):
            got += data
        self.assertEqual(got, hello(HOST)[:5] + got[5:])
        self.assertEqual(len(got), 100)

    def test_fragments(self) -> None:
        """A hello in many records, in many pieces, is opened."""
        listener, reader = self.raw()
        for byte in fragmented(hello(HOST), 50):
            reader.raw.sendall(bytes((byte,)))
        shaken = reader.raw.recv(5)
        self.assertEqual(shaken[:2], b"\x16\x03")  # a ServerHello of ours: nobody has accepted at the origin
        listener.setblocking(False)
        self.assertRaises(BlockingIOError, listener.accept)

    def test_old_client(self) -> None:
        """A client that offers TLS 1.1 at most is told the protocol version, not left alone."""
        origin = self.origin(HOST)
        reader = self.reader(HOST, origin.port)
        old = {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}
        with self.assertRaises((ssl.SSLError, OSError)), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            reader.tls(self.ours, **old)


class RefusedTests(Case):
    """A client that doesn't take our certificate."""

    def test_pinned(self) -> None:
        """Its first try fails, the next one passes untouched; the host is told in the log and in /healthz."""
        host = "pinned.wide.example"
        origin = self.origin(host)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.reader(host, origin.port).tls(self.issuer.path)
        self.service.wait_log(f"refuses our certificate for {host}")
        self.assertEqual(self.service.report("/healthz")["pinned"], [host])
        with self.reader(host, origin.port).tls(self.issuer.path) as stream:
            self.assertEqual(stream.getpeercert(binary_form=True), der(origin.path))  # type: ignore[attr-defined]
            self.assertEqual(ask(stream, host)[0], 200)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.reader(host, origin.port).tls(self.ours)


class ReportTests(Case):
    """What the report has of it."""

    def post(self, path: str, fields: dict[str, str]) -> int:
        """The status of a form that is sent from the report's own page."""
        place = f"127.0.0.1:{self.service.ports['report']}"
        token = re.search(r'name="token" value="([^"]+)"', self.service.report_text("/interception"))
        assert token is not None
        body = urlencode({**fields, "token": token[1]})
        connection = HTTPConnection(place, timeout=60)
        headers = {"Origin": f"http://{place}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, body, headers)
        return connection.getresponse().status

    def test_authority(self) -> None:
        """The certificate can be fetched without its key; the page tells how to remove it."""
        fetched = self.service.report_text("/ca.crt")
        self.assertIn(fetched, self.ours.read_text())
        self.assertNotIn("PRIVATE", fetched)
        shown = ssl.PEM_cert_to_DER_cert(fetched)
        fingerprint = hashlib.sha256(shown).digest().hex(":")
        page = self.service.report_text("/interception")
        for text in (fingerprint.upper(), HOST, "*.wide.example", "Remove it", "--remove"):
            self.assertIn(text, page)

    def test_way_back(self) -> None:
        """A host that was given up is on the page, and opened again once that is asked for."""
        host = "back.wide.example"
        origin = self.origin(host)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.reader(host, origin.port).tls(self.issuer.path)
        until("it is given up", lambda: host in self.service.report_text("/interception"))
        self.assertEqual(self.post("/interception", {"host": host}), 303)
        with self.reader(host, origin.port).tls(self.ours) as stream:
            self.assertEqual(ask(stream, f"{host}:{origin.port}")[0], 200)

    def test_proxy_configuration(self) -> None:
        """The configuration file sends HTTPS of opened hosts through the proxy, and no other."""
        script = self.service.report_text("/proxy.pac")
        asked = [
            f"https://{HOST}/",
            "https://a.wide.example/",
            f"https://{UNLISTED}/",
            "https://wide.example/",
        ]
        calls = "".join(f"console.log(FindProxyForURL('{url}', '{url.split('/')[2]}'));" for url in asked)
        require("nodejs", shutil.which("node"))
        said = subprocess.run(
            ["node", "-e", script + calls], capture_output=True, text=True, check=True
        ).stdout
        self.assertEqual(["PROXY" in line for line in said.splitlines()], [True, True, False, False])


class WorkersTests(Case):
    """The same with several relay processes."""

    options = ("--workers", "2")

    def test_all(self) -> None:
        """Each worker opens by the same authority, and what one has learnt of a pinned host holds for all."""
        origin = self.origin(HOST)
        for _ in range(6):
            with self.reader(HOST, origin.port).tls(self.ours) as stream:
                self.assertEqual(ask(stream, f"{HOST}:{origin.port}")[0], 200)
        host = "pinned.wide.example"
        other = self.origin(host)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.reader(host, other.port).tls(self.issuer.path)
        self.service.wait_log(f"refuses our certificate for {host}")

        def untouched() -> bool:
            try:
                with self.reader(host, other.port).tls(self.issuer.path):
                    return True
            except ssl.SSLError:
                return False

        until("no worker opens it any more", lambda: all(untouched() for _ in range(6)))


class UsersTests(Case):
    """Users who are counted apart."""

    @classmethod
    def setUpClass(cls) -> None:
        users = Path(tempfile.mkdtemp(prefix="netsuite-users-"))
        cls.addClassCleanup(shutil.rmtree, users)
        lines = [
            f"{user}:{bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}" for user in ("alice", "bob")
        ]
        (users / "htpasswd").write_text("\n".join(lines) + "\n")
        (users / "htpasswd").chmod(0o600)
        cls.options = ("--htpasswd", str(users / "htpasswd"), "--profiles")
        super().setUpClass()

    def test_whose(self) -> None:
        """What is read in a tunnel is its user's, whatever the requests inside say of themselves."""
        origin = self.origin(HOST, word=b"pier")
        alice, bob = (
            f"Basic {base64.b64encode(f'{user}:secret'.encode()).decode()}" for user in ("alice", "bob")
        )
        fields = f"Proxy-Authorization: {alice}\r\n"
        reader = Reader(self.service.ports["proxy"], HOST, origin.port, fields)
        self.addCleanup(reader.raw.close)
        with reader.tls(self.ours) as stream:
            status, _, _ = ask(stream, f"{HOST}:{origin.port}", "/", f"Proxy-Authorization: {bob}")
        self.assertEqual(status, 200)
        self.assertNotIn(b"roxy-", origin.heads[0])
        store = next(self.service.folder.rglob("words.db"))
        theirs = profile_store(str(store), "alice")
        until("alice's words", lambda: Path(theirs).exists() and "pier" in self.words(theirs))
        self.assertEqual(self.words(str(store)), set())
        self.assertFalse(Path(profile_store(str(store), "bob")).exists())

    def words(self, path: str) -> set[str]:
        store = open_store(path, read_only=True)
        try:
            return {word.word for word in store.words(WordQuery(everything=True)).words}
        finally:
            store.close()


class StartTests(TestCase):
    """What is refused at the start."""

    def refused(self, *options: str) -> str:
        service = HatchedTwistd("wordproxy", "-p", "0", "-r", "0", *options)
        self.addCleanup(service.close)
        service.launch()
        self.assertEqual(service.wait(60), 1)
        return service.log

    def test_faults(self) -> None:
        """A bare ``*``, a never-host, no place for the authority, a scope that there isn't: a line each."""
        hosts = [option for host in (HOST, "*", "www.paypal.com", "http://x") for option in ("-i", host)]
        log = self.refused(*hosts, "-s", ":memory:", "--ca-scope", "all")
        for told in ("--intercept-everything", "never opened", "ca-dir", "ca-scope", "no host"):
            self.assertIn(told, log)
        self.assertNotIn("Traceback", log)

    def test_another_list(self) -> None:
        """Another list at the next start makes another authority, and the log says so."""
        with tempfile.TemporaryDirectory() as folder:
            prints = []
            for host in (HOST, HOST, UNLISTED):
                service = wordproxy("-i", host, folder=Path(folder))
                try:
                    prints.append(service.wait_log(r"SHA-256 (\S+)")[1])
                    self.assertEqual("is a new authority" in service.log, len(prints) != 2)
                finally:
                    service.close()
        self.assertEqual(prints[0], prints[1])
        self.assertNotEqual(prints[1], prints[2])
