"""--public-only: what is no public address is neither asked nor followed to, however it is written."""

from __future__ import annotations

import ipaddress

from netsuite.client import agent
from netsuite.guard import Guard
from netsuite.scripts import webcat, webdownload
from tests.client.origin import answer
from tests.scripts.web import WebToolCase

#: Where a URL may lead in a server's own network (the corpus of the proxy's guard, as URLs).
INSIDE = (
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "localhost",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
)


class GuardTests(WebToolCase):
    """Addresses that are not public."""

    async def test_urls(self) -> None:
        """As URLs: nothing is dialled, and it is told as a bound of ours, or as no name at all."""
        for host in INSIDE:
            code, output, errors = await self.ran(webcat, "--public-only", f"http://{host}:9/")
            self.assertIn(code, (14, 4), (host, errors))
            self.assertEqual((output, errors.count("\n")), (b"", 1))
            if code == 14:
                self.assertIn("--public-only keeps away", errors)

    async def test_redirects(self) -> None:
        """As redirects, from a place that may be asked: the guard judges every step, of both tools."""
        network = ipaddress.ip_network("127.0.0.2/32")
        self.patch(agent, "Guard", lambda: Guard(allow_nets=[network]))
        inner = self.origin(answer(body=b"secret"))
        for host in INSIDE:
            to = f"http://{host}:{inner.port}/"
            outer = self.origin(answer("302 x", b"", f"Location: {to}"), host="127.0.0.2")
            for tool in (webcat, webdownload):
                more = ["-r", "0"] if tool is webdownload else []
                file = [str(self.path("out"))] if tool is webdownload else []
                code, output, _ = await self.ran(tool, "--public-only", *more, outer.url(), *file)
                self.assertIn(code, (14, 4), host)
                self.assertEqual((output, len(outer.asked) > 0), (b"", True))
        self.assertEqual(inner.asked, [])

    async def test_proxies_are_passed_by(self) -> None:
        """A proxy in the environment is not asked: it would look names up itself."""
        proxy = self.origin(answer(body=b"secret"))
        code, _, _ = await self.ran(
            webcat, "--public-only", "http://127.0.0.1:9/", environ={"http_proxy": proxy.url()}
        )
        self.assertEqual((code, proxy.asked), (14, []))
