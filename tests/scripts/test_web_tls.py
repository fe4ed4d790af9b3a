"""TLS: certificates of every fault, each told by its own word."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from netsuite.scripts import webcat, webdownload
from tests.client.origin import Origin, answer
from tests.real.tlsorigin import Issuer, TlsOrigin
from tests.scripts.web import WebToolCase

PAGE = b"<h1>Test</h1>"


class CertificateTests(WebToolCase):
    """Certificates."""

    def setUp(self) -> None:
        """An authority, and another that nobody trusts."""
        folder = self.path()
        self.issuer, self.stranger = Issuer(folder), Issuer(folder, "stranger")

    def at(self, certificate: Path) -> Origin:
        """An origin with a certificate."""
        return self.origin(answer(body=PAGE), certificate=certificate)

    async def cat(self, *arguments: str) -> tuple[int, bytes, str]:
        """Exit status and outputs of webcat that trusts our authority."""
        return await self.ran(webcat, "--cafile", str(self.issuer.path), *arguments)

    async def test_good(self) -> None:
        """A good one carries the page; --tls-info tells of it."""
        origin = self.at(self.issuer.issue("127.0.0.1"))
        code, output, errors = await self.cat("--tls-info", origin.url())
        self.assertEqual((code, output), (0, PAGE))
        self.assertIn("webcat: tls version: TLSv1.3", errors)
        self.assertIn("webcat: tls names: 127.0.0.1", errors)
        told = json.loads((await self.cat("-j", origin.url()))[1])
        self.assertEqual(told["result"]["tls"]["names"], ["127.0.0.1"])

    async def test_faults(self) -> None:
        """Each fault is 8, with its detail, and nothing is printed or sent."""
        revoking = self.issuer.issue("127.0.0.1", days=(-9, -1))
        for certificate, detail in (
            (revoking, "expired"),
            (self.issuer.issue("127.0.0.1", days=(1, 9)), "expired"),
            (self.issuer.issue("127.0.0.2"), "name"),
            (self.issuer.issue("localhost"), "name"),
            (self.issuer.issue("127.0.0.1", alone=True), "untrusted"),
            (self.stranger.issue("127.0.0.1"), "untrusted"),
            (self.issuer.issue("127.0.0.1", bits=1024), "untrusted"),
        ):
            origin = self.loose(certificate)
            for tool in (webcat, webdownload):
                file = [str(self.path("out"))] if tool is webdownload else []
                url = f"https://127.0.0.1:{origin.port}/"
                code, output, errors = await self.ran(
                    tool, "-j", "--cafile", str(self.issuer.path), url, *file
                )
                told = json.loads(output)
                self.assertEqual((code, told["cause"], told["detail"]), (8, "tls", detail), errors)
                self.assertEqual((origin.heads, errors.count("\n")), ([], 1))

    def loose(self, certificate: Path, *, old: bool = False) -> TlsOrigin:
        """An origin that shows any certificate."""
        made = TlsOrigin(certificate, old=old)
        self.addCleanup(made.close)
        return made

    async def test_protocol(self) -> None:
        """An old version of TLS, and what is no TLS at all."""
        old = self.loose(self.issuer.issue("127.0.0.1"), old=True)
        plain = reactor.listenTCP(0, Factory.forProtocol(_Plain), interface="127.0.0.1")
        self.addCleanup(plain.stopListening)
        for port in (old.port, plain.getHost().port):
            code, output, _ = await self.cat("-j", f"https://127.0.0.1:{port}/")
            self.assertEqual((code, json.loads(output)["detail"]), (8, "protocol"))

    async def test_insecure(self) -> None:
        """--insecure takes anything, and warns each time, also with -q."""
        origin = self.at(self.stranger.issue("other.example"))
        code, output, errors = await self.ran(webcat, "-q", "--insecure", origin.url())
        self.assertEqual((code, output), (0, PAGE))
        self.assertIn("NOT verified", errors)

    async def test_cut(self) -> None:
        """A body that ends with the connection is whole only if TLS was ended in order."""
        cut = Origin(
            lambda _: [b"HTTP/1.1 200 OK\r\n\r\nhalf", 0.05, "reset"],
            certificate=self.issuer.issue("127.0.0.1"),
        )
        self.addCleanup(cut.close)
        whole = self.origin(b"HTTP/1.1 200 OK\r\n\r\nwhole", certificate=self.issuer.issue("127.0.0.1"))
        self.assertEqual((await self.cat("--check-first", cut.url()))[:2], (9, b""))
        self.assertEqual((await self.cat("--check-first", whole.url()))[:2], (0, b"whole"))

    async def test_large_content(self) -> None:
        """A large file is sent over TLS as it is."""
        file = self.path("data")
        file.write_bytes(bytes(range(256)) * 30_000)
        origin = self.at(self.issuer.issue("127.0.0.1"))
        self.assertEqual((await self.cat("-d", f"@{file}", origin.url()))[0], 0)
        self.assertEqual(origin.asked[0].content, file.read_bytes())

    async def test_own_certificate(self) -> None:
        """--cert is shown to the URL's own origin, and not where a redirect leads."""
        own = self.issuer.issue("me.example")
        seen: dict[str, object] = {}
        servers = {}
        for name, location in (("second", ""), ("first", "second")):
            made = _Asking(self.issuer, self.issuer.issue("127.0.0.1"), name, seen, servers.get(location))
            servers[name] = made.origin
            self.addCleanup(made.origin.close)
        code, _, errors = await self.cat("--cert", str(own), servers["first"].url())
        self.assertEqual((code, seen["first"] is not None, seen["second"]), (0, True, None), errors)


class _Plain(Protocol):
    """Speaks HTTP without TLS, whatever it is told."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        """Answer as such a server does."""
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.transport.loseConnection()


class _Asking:
    """An origin that asks for certificates, and notes what it gets."""

    def __init__(
        self, issuer: Issuer, certificate: Path, name: str, seen: dict[str, object], other: Origin | None
    ) -> None:
        sent = answer(body=PAGE) if other is None else answer("302 x", b"", f"Location: {other.url()}")
        self.origin = Origin(lambda _: sent, certificate=certificate)
        context = self.origin.context
        assert context is not None
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(issuer.path)
        self.origin.shaken = lambda stream: seen.__setitem__(name, stream.getpeercert())
