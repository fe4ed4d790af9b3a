"""connection: with whom it was connected, how that ended, and each cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netsuite.scripts import connection
from tests.real.nameserver import Nameserver, having
from tests.real.tlsorigin import Issuer, TlsOrigin
from tests.scripts.tools import Closing, Quiet, ToolCase, records

REFUSED = "Connection was refused by other side: 111: Connection refused."


class ConnectionTests(ToolCase):
    """The tutorial's lines, and the table's exit statuses."""

    async def said(self, *arguments: object) -> tuple[int, str, str]:
        """Return exit status and both outputs."""
        return await self.ran(connection, *map(str, arguments))

    async def test_clean(self) -> None:
        """The peer's address, and how it ended."""
        port = self.listening(Quiet)
        text = "Connected to 127.0.0.1.\nLost connection: Connection was closed cleanly.\n"
        self.assertEqual(await self.said("localhost", port), (0, text, ""))

    async def test_second_address(self) -> None:
        """A name whose first address is dead is connected by its second, which is told."""
        port = self.listening(Quiet)
        server = Nameserver({"both.test": having("::1", "127.0.0.1")})
        self.addCleanup(server.close)
        code, output, _ = await self.said("--resolver", server.place, "both.test", port)
        self.assertEqual((code, output.splitlines()[0]), (0, "Connected to 127.0.0.1."))

    async def test_json(self) -> None:
        """One object, with the address."""
        port = self.listening(Quiet, "::1")
        code, output, _ = await self.said("-j", "::1", port)
        [record] = records(output)
        self.assertEqual((code, record["ok"], record["result"]["address"]), (0, True, "::1"))

    async def test_tls(self) -> None:
        """A connection in TLS is verified before it is called one."""
        folder = Path(self.mktemp())
        folder.mkdir()
        issuer = Issuer(folder)
        origin = TlsOrigin(issuer.issue("localhost"))
        self.addCleanup(origin.close)
        code, output, _ = await self.said("--tls", "--cafile", issuer.path, "localhost", origin.port)
        self.assertEqual((code, output.splitlines()[0]), (0, "Connected to 127.0.0.1."))
        code, output, _ = await self.said("--tls", "localhost", origin.port)
        self.assertEqual(code, 8)
        self.assertTrue(output.startswith("Connection failed: the certificate of localhost"), output)
        code, output, _ = await self.said("--tls", "localhost", self.listening(Closing))
        self.assertEqual(code, 9)
        self.assertIn("in the middle of the TLS handshake", output)

    async def test_causes(self) -> None:
        """Each has its exit status, in one line."""
        server = Nameserver()
        self.addCleanup(server.close)
        cases: tuple[tuple[tuple[Any, ...], int, str], ...] = (
            (("127.0.0.1", self.refusing()), 5, REFUSED),
            (("-t", "0.2", "127.0.0.1", self.silent()), 6, "no answer in 0.2 s"),
            (("127.255.255.255", "80"), 7, "unreachable"),
            (("--resolver", server.place, "fakesite.test"), 4, "address 'fakesite.test' not found."),
            (("--source", "192.0.2.250", "127.0.0.1", "80"), 12, "Couldn't bind"),
        )
        for arguments, code, text in cases:
            found, output, errors = await self.said(*arguments)
            self.assertEqual((found, errors, output.count("\n")), (code, "", 1), output)
            self.assertTrue(output.startswith("Connection failed: "))
            self.assertIn(text, output)

    async def test_usage(self) -> None:
        """Without arguments it goes where the tutorial's goes; wrong ones are 2 and one line."""
        options = connection.Options()
        options.parseOptions([])
        self.assertEqual((options.place.host, options.place.port), ("www.google.com", 80))
        for arguments in (("a", "1", "b"), ("a", "0"), ("a" * 300,), ("a\0b",), ("-t", "x", "a")):
            code, output, errors = await self.said(*arguments)
            self.assertEqual((code, output, errors.count("\n")), (2, "", 1), errors)
