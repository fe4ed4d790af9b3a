"""webcat and webdownload by way of proxies: our own, squid, and one of a test's that counts."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import bcrypt

from netsuite.scripts import webcat, webdownload
from tests.client.origin import Answering, answer
from tests.real.hatchery import HatchedTwistd
from tests.real.parts import Child, Twistd, answers, free_ports, require, until
from tests.real.tlsorigin import Issuer
from tests.scripts.web import WebToolCase

PAGE = bytes(range(256)) * 2000

SQUID = """\
http_port 127.0.0.1:{port}
access_log none
cache_log {folder}/cache.log
pid_filename none
coredump_dir none
netdb_filename none
pinger_enable off
visible_hostname squid.test
cache deny all
cache_mem 0
acl no_tunnels port {refused}
http_access deny CONNECT no_tunnels
http_access allow all
shutdown_lifetime 0 seconds
"""


class ProxyCase(WebToolCase):
    """Has a page over HTTP and over TLS."""

    def setUp(self) -> None:
        """Two origins, and their authority."""
        self.issuer = Issuer(self.path())
        self.plain = self.origin(answer(body=PAGE))
        self.secure = self.origin(answer(body=PAGE), certificate=self.issuer.issue("127.0.0.1", "localhost"))

    async def cat(self, url: str, *arguments: str, **environ: str) -> tuple[int, bytes, str]:
        """Exit status and outputs of webcat."""
        return await self.ran(webcat, "--cafile", str(self.issuer.path), *arguments, url, environ=environ)

    async def both(self, proxy: str) -> None:
        """Both pages come by the proxy, which only the plain one's origin hears of; so do downloads."""
        self.assertEqual(await self.cat(self.plain.url(), http_proxy=proxy), (0, PAGE, ""))
        self.assertIsNotNone(self.plain.asked[-1].get("Via"))
        self.assertEqual(await self.cat(self.secure.url(), https_proxy=proxy), (0, PAGE, ""))
        self.assertIsNone(self.secure.asked[-1].get("Via"))
        self.assertEqual(await self.cat(self.plain.url(), "--proxy", proxy), (0, PAGE, ""))
        file = self.path("out")
        arguments = ["--cafile", str(self.issuer.path), self.secure.url(), str(file)]
        code, _, errors = await self.ran(webdownload, *arguments, environ={"all_proxy": proxy})
        self.assertEqual((code, file.read_bytes()), (0, PAGE), errors)


class OwnProxyTests(ProxyCase):
    """``twistd proxy``."""

    service: ClassVar[Twistd]
    folder: ClassVar[tempfile.TemporaryDirectory[str]]

    @classmethod
    def setUpClass(cls) -> None:
        """One proxy that wants a name and password."""
        cls.folder = tempfile.TemporaryDirectory()
        users = Path(cls.folder.name) / "users"
        users.write_text(f"anna:{bcrypt.hashpw(b'geheim', bcrypt.gensalt(4)).decode()}\n")
        options = ("-p", "0", "--allow-net", "127.0.0.0/8", "--connect-port", "1024-65535")
        cls.service = HatchedTwistd("proxy", *options, "--htpasswd", str(users)).up()

    @classmethod
    def tearDownClass(cls) -> None:
        """It is gone."""
        cls.service.close()
        cls.folder.cleanup()

    async def test_both(self) -> None:
        """http and https, by the environment and by --proxy, logged in."""
        await self.both(self.service.proxy.replace("://", "://anna:geheim@"))
        self.assertNotIn("geheim", self.service.log)

    async def test_refused(self) -> None:
        """Without the right password it is 11, by whichever way; and the password is for the proxy alone."""
        for proxy in (self.service.proxy, self.service.proxy.replace("://", "://anna:wrong@")):
            for url in (self.plain.url(), self.secure.url()):
                code, output, errors = await self.cat(url, "--proxy", proxy)
                self.assertEqual((code, output), (11, b""))
                self.assertIn("407 ", errors)
        await self.cat(self.plain.url(), "--proxy", self.service.proxy.replace("://", "://anna:geheim@"))
        self.assertIsNone(self.plain.asked[-1].get("Proxy-Authorization"))

    async def test_no_proxy(self) -> None:
        """What no_proxy names goes directly: by name, port and network."""
        for without in ("127.0.0.1", "10.0.0.0/8,127.0.0.0/8", f"127.0.0.1:{self.plain.port}", "*"):
            environ = {"http_proxy": self.service.proxy, "no_proxy": without}
            self.assertEqual((await self.cat(self.plain.url(), **environ))[0], 0, without)
            self.assertIsNone(self.plain.asked[-1].get("Via"))
        for without in ("127.0.0.1:1", "10.0.0.0/8", "0.0.1"):
            environ = {"http_proxy": self.service.proxy, "no_proxy": without}
            self.assertEqual((await self.cat(self.plain.url(), **environ))[0], 11, without)

    async def test_gone(self) -> None:
        """A proxy that is not there is 5; HTTP_PROXY in capitals is nobody's word."""
        [port] = free_ports(1)
        gone = f"http://127.0.0.1:{port}"
        self.assertEqual((await self.cat(self.secure.url(), "--proxy", gone))[0], 5)
        self.assertEqual((await self.cat(self.plain.url(), HTTP_PROXY=gone))[0], 0)
        self.assertEqual((await self.cat(self.plain.url(), "--proxy", "", http_proxy=gone))[0], 0)


class SquidTests(ProxyCase):
    """squid."""

    squid: ClassVar[Child]
    port: ClassVar[int]
    refused: ClassVar[int]

    @classmethod
    def setUpClass(cls) -> None:
        """One squid."""
        path = shutil.which("squid")
        require("squid", path)
        cls.squid = Child("squid")
        cls.squid.folder.chmod(0o777)  # it is another user by then
        cls.port, cls.refused = free_ports(2)
        text = SQUID.format(port=cls.port, folder=cls.squid.folder, refused=cls.refused)
        (cls.squid.folder / "squid.conf").write_text(text)
        name = f"test{cls.port}"
        cls.squid.start([str(path), "-N", "-n", name, "-f", str(cls.squid.folder / "squid.conf")])
        until("squid listens", lambda: answers("127.0.0.1", cls.port))

    @classmethod
    def tearDownClass(cls) -> None:
        """It is gone."""
        cls.squid.close()

    async def test_both(self) -> None:
        """http, https through CONNECT, and a download."""
        await self.both(f"http://127.0.0.1:{self.port}")

    async def test_refused(self) -> None:
        """A tunnel that squid's rules refuse is 15; an origin that is not there is told by squid."""
        proxy = f"http://127.0.0.1:{self.port}"
        code, _, errors = await self.cat(f"https://127.0.0.1:{self.refused}/", "--proxy", proxy)
        self.assertEqual((code, "answered 403" in errors), (15, True), errors)
        [nobody] = free_ports(1)
        code, _, errors = await self.cat(f"https://127.0.0.1:{nobody}/", "--proxy", proxy)
        self.assertEqual((code, "answered 503" in errors), (10, True), errors)


class LyingProxyTests(ProxyCase):
    """Proxies that do not do their job."""

    async def test_lies(self) -> None:
        """What is no answer to CONNECT, or more than one, is no tunnel, and nothing is asked."""
        for sent, code in (
            (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 3),
            (b"nonsense\r\n\r\n", 3),
            (b"HTTP/1.1 429 x\r\n\r\n", 15),
            ([], 9),
            ([b"HTTP/1.1 200 OK\r\n\r\n"], 9),
        ):
            proxy = self.origin(_always(sent))
            done = await self.cat(self.secure.url(), "--proxy", proxy.url())
            self.assertEqual((done[0], done[1]), (code, b""), (sent, done))
        self.assertEqual(self.secure.asked, [])

    async def test_what_a_proxy_is_told(self) -> None:
        """The proxy is told the place of a tunnel, and neither path nor credentials."""
        proxy = self.origin(answer("502 Bad Gateway"))
        await self.cat(self.secure.url("/path?secret"), "-u", "me:hunter2", "--basic", "--proxy", proxy.url())
        [asked] = proxy.asked
        place = f"127.0.0.1:{self.secure.port}"
        self.assertEqual((asked.method, asked.target, asked.get("Authorization")), ("CONNECT", place, None))

    async def test_in_json(self) -> None:
        """A refusal by a proxy is told as one."""
        proxy = self.origin(answer("407 Log in"))
        told = json.loads((await self.cat(self.secure.url(), "-j", "--proxy", proxy.url()))[1])
        self.assertEqual((told["cause"], told["detail"]), ("auth", "proxy"))


def _always(sent: Any) -> Answering:
    return lambda _: sent
