"""Whose credentials go where: every way from one origin to another, and every source of them."""

from __future__ import annotations

import base64
import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from netsuite.client import digest
from netsuite.client.challenge import challenges
from netsuite.client.credentials import Wallet
from netsuite.client.url import Login
from netsuite.scripts import webcat, webdownload
from tests.client.origin import Asked, Origin, answer
from tests.real.parts import free_ports
from tests.real.tlsorigin import Issuer
from tests.scripts.tools import command, environment
from tests.scripts.web import WebToolCase

BASIC = "Basic " + base64.b64encode(b"me:hunter2").decode()
CHALLENGE = 'WWW-Authenticate: Basic realm="r"'

#: Where a redirect leads: the same origin, another port, another host at the same port, another scheme, both.
WAYS = ("same", "port", "host", "scheme", "host and scheme")


def asks(asked: Asked) -> bytes:
    """Redirects ``/to?URL`` there, wants Basic below ``/private``, and is friendly else."""
    if asked.path.startswith("/private") and asked.get("Authorization") != BASIC:
        return answer("401 Authorization Required", b"", CHALLENGE)
    if "?" in asked.target:
        return answer("302 Found", b"", f"Location: {asked.target.partition('?')[2]}")
    return answer(body=b"page")


class MatrixTests(WebToolCase):
    """Scheme x host x port x redirect."""

    def setUp(self) -> None:
        """An authority that both schemes' origins are of."""
        folder = self.path()
        self.issuer = Issuer(folder)
        self.certificate = self.issuer.issue("127.0.0.1", "127.0.0.2")

    def at(self, scheme: str, host: str = "127.0.0.1", port: int = 0) -> Origin:
        """An origin."""
        certificate = self.certificate if scheme == "https" else None
        return self.origin(asks, certificate=certificate, host=host, port=port)

    def pairs(self) -> Iterator[tuple[str, str, Origin, Origin]]:
        """Two origins for each scheme and way; the second is the first where nothing differs."""
        for scheme, way in itertools.product(("http", "https"), WAYS):
            other = {"http": "https", "https": "http"}[scheme] if "scheme" in way else scheme
            home = self.at(scheme, port=free_ports(1)[0])
            if way == "same":
                yield scheme, way, home, home
            elif "host" in way:
                yield scheme, way, home, self.at(other, "127.0.0.2", home.port)
            else:
                yield scheme, way, home, self.at(other)

    async def follow(
        self, home: Origin, away: Origin, path: str, *arguments: str, back: bool = False
    ) -> tuple[int, list[Asked], list[Asked]]:
        """Exit status, and what each was asked, where home redirects to ``path`` away, and perhaps back."""
        del home.asked[:], away.asked[:]
        to = away.url(path) + (f"?{home.url('/private/end')}" if back else "")
        code, _, _ = await self.ran(
            webcat,
            *arguments,
            "--allow-downgrade",
            "--cafile",
            str(self.issuer.path),
            f"{home.url('/private')}?{to}",
        )
        return code, home.asked, [] if away is home else away.asked

    async def test_log_in(self) -> None:
        """Name and password answer the challenge of their own origin, and of no other."""
        for scheme, way, home, away in self.pairs():
            code, at_home, there = await self.follow(home, away, "/private/x", "-u", "me:hunter2")
            self.assertEqual(code, 0 if way == "same" else 11, (scheme, way))
            self.assertEqual([each.get("Authorization") for each in at_home][:2], [None, BASIC])
            self.assertEqual(
                {each.get("Authorization") for each in there}, set() if way == "same" else {None}
            )

    async def test_fields_and_tokens(self) -> None:
        """So do Authorization and its like written by hand, cookies, keys and bearer tokens."""
        token = self.path("token")
        token.write_text("hunter2\n")
        for scheme, way, home, away in self.pairs():
            for name, arguments in (
                ("Authorization", ["-H", f"Authorization: {BASIC}"]),
                ("Cookie", ["-H", "Cookie: hunter2", "-H", f"Authorization: {BASIC}"]),
                ("X-Api-Key", ["-H", "x-api-key: hunter2", "-H", f"Authorization: {BASIC}"]),
                ("Authorization", ["--basic", "-u", "me:hunter2"]),
            ):
                code, at_home, there = await self.follow(home, away, "/x", *arguments)
                self.assertEqual(code, 0, (scheme, way, name))
                self.assertIsNotNone(at_home[0].get(name))
                self.assertEqual(
                    [each.get(name) for each in there], [] if way == "same" else [None], (scheme, way)
                )
            code, at_home, there = await self.follow(home, away, "/x", "--bearer-file", str(token))
            self.assertEqual(at_home[0].get("Authorization"), "Bearer hunter2")
            self.assertEqual([each.get("Authorization") for each in there], [])  # 401: it is no Basic

    async def test_back_home(self) -> None:
        """Back home they are sent again, and on the way they were not."""
        for scheme, way, home, away in self.pairs():
            if way != "same":
                code, at_home, there = await self.follow(
                    home, away, "/x", "--basic", "-u", "me:hunter2", back=True
                )
                self.assertEqual(code, 0, (scheme, way))
                self.assertEqual([each.get("Authorization") for each in at_home], [BASIC, BASIC])
                self.assertEqual([each.get("Authorization") for each in there], [None])

    async def test_downgrade(self) -> None:
        """From https to http is not followed unless that is allowed."""
        secure, plain = self.at("https"), self.at("http")
        for tool in (webcat, webdownload):
            arguments = ["--cafile", str(self.issuer.path), f"{secure.url('/to')}?{plain.url('/x')}"]
            code, _, errors = await self.ran(tool, *arguments, *self.where(tool))
            self.assertEqual((code, plain.asked), (14, []))
            self.assertIn(f"redirected from https to http://127.0.0.1:{plain.port}", errors)

    async def test_location_with_a_password(self) -> None:
        """A password in a Location is nobody's: it is not sent, and that is said."""
        home, away = self.at("http"), self.at("http")
        for other in (home, away):
            there = other.url("/private").replace("://", "://me:hunter2@")
            for tool in (webcat, webdownload):
                code, _, errors = await self.ran(tool, f"{home.url('/to')}?{there}", *self.where(tool))
                self.assertEqual(code, 11)
                self.assertIn(f"user and password in a redirect to {other.url('')} are ignored", errors)
        self.assertEqual({each.get("Authorization") for each in home.asked + away.asked}, {None})

    async def test_webdownload(self) -> None:
        """webdownload keeps them as webcat does."""
        home, away = self.at("http"), self.at("http", "127.0.0.2")
        code, _, _ = await self.ran(
            webdownload,
            *("-u", "me:hunter2", "-H", "Cookie: c", f"{home.url('/private')}?{away.url('/x')}"),
            *self.where(webdownload),
        )
        self.assertEqual((code, [each.get("Authorization") for each in home.asked]), (0, [None, BASIC]))
        self.assertEqual(
            [(each.get("Authorization"), each.get("Cookie")) for each in away.asked], [(None, None)]
        )

    def where(self, tool: Any) -> list[str]:
        """A file to download to, for who needs one."""
        return [str(self.path("out"))] if tool is webdownload else []


class RedirectTests(WebToolCase):
    """Chains."""

    async def chain(self, length: int) -> tuple[int, str]:
        """Exit status and complaints at the end of so many redirects."""

        def answering(asked: Asked) -> bytes:
            number = int(asked.path[1:])
            return answer("302 Found", b"", f"Location: /{number - 1}") if number else answer(body=b"end")

        code, _, errors = await self.ran(webcat, self.origin(answering).url(f"/{length}"))
        return code, errors

    async def test_ten(self) -> None:
        """Ten redirects are followed, eleven are not, and a loop is told as one."""
        self.assertEqual(await self.chain(10), (0, ""))
        self.assertEqual(await self.chain(11), (14, "Error: more than 10 redirects\n"))
        loop = self.origin(lambda asked: answer("302 x", b"", f"Location: /{'ab'[asked.path == '/a']}"))
        code, _, errors = await self.ran(webcat, loop.url("/a"))
        self.assertEqual((code, "redirected in a loop" in errors, len(loop.asked)), (14, True, 2))

    async def test_methods(self) -> None:
        """A POST over each status: what becomes of its method and its content."""
        for status, method, content in (
            (301, "GET", b""),
            (302, "GET", b""),
            (303, "GET", b""),
            (307, "POST", b"a=b"),
            (308, "POST", b"a=b"),
        ):
            origin = self.origin(_redirecting(status))
            self.assertEqual((await self.ran(webcat, "-d", "a=b", origin.url("/from")))[0], 0)
            last = origin.asked[-1]
            self.assertEqual((last.method, last.content), (method, content))
            self.assertEqual(last.get("Content-Type") is None, method == "GET")

    async def test_hostile_places(self) -> None:
        """A Location that is no http URL is 10, and shown harmlessly."""
        for location in ("file:///etc/passwd", "javascript:x", "http://h:99999/", "gopher://x/\x9b31m"):
            origin = self.origin(answer("302 x", b"", f"Location: {location}"))
            code, _, errors = await self.ran(webcat, origin.url())
            self.assertEqual((code, errors.count("\n"), "\x9b" in errors), (10, 1, False), errors)


def _redirecting(status: int) -> Callable[[Asked], bytes]:
    return lambda asked: answer(f"{status} x", b"", "Location: /to") if asked.path == "/from" else answer()


class DigestOrigin:
    """Wants Digest, by an algorithm, and says whether what it got was right."""

    def __init__(self, algorithm: str, *, stale: int = 0) -> None:
        self.algorithm, self.stale = algorithm, stale
        self.nonces = 0

    def __call__(self, asked: Asked) -> bytes:
        """The answer to a request."""
        given = asked.get("Authorization")
        if given is not None and given.startswith("Digest "):
            [said] = challenges([given.encode()])
            if self.stale:
                self.stale -= 1
                return self.challenge(", stale=true")
            expected = digest.authorization(
                challenges([self.parameters().encode()])[0],
                Login("me", "hunter2"),
                asked.method.encode(),
                asked.target.encode(),
                count=int(said.parameters["nc"], 16),
                cnonce=said.parameters["cnonce"],
            )
            if challenges([expected])[0].parameters["response"] == said.parameters["response"]:
                return answer(body=b"page")
        return self.challenge("")

    def parameters(self) -> str:
        """What is asked for."""
        return f'Digest realm="r", nonce="n{self.nonces}", qop="auth", algorithm={self.algorithm}'

    def challenge(self, more: str) -> bytes:
        """A new challenge."""
        self.nonces += 1
        fields = (f"WWW-Authenticate: {self.parameters()}{more}", CHALLENGE)
        return answer("401 Authorization Required", b"", *fields)


class SourceTests(WebToolCase):
    """Where names and passwords come from."""

    async def test_digest(self) -> None:
        """Digest is answered in preference to Basic; a nonce that grew old is answered anew."""
        for algorithm, stale in (("SHA-256", 0), ("MD5", 0), ("SHA-256-sess", 0), ("SHA-256", 1)):
            origin = self.origin(DigestOrigin(algorithm, stale=stale))
            code, output, errors = await self.ran(webcat, "-u", "me:hunter2", origin.url("/x?y"))
            self.assertEqual((code, output), (0, b"page"), errors)
            self.assertFalse(any("Basic" in (each.get("Authorization") or "") for each in origin.asked))
            code, _, errors = await self.ran(webcat, "-u", "me:wrong", origin.url("/x?y"))
            self.assertEqual((code, errors), (11, "Error: 401 Authorization Required\n"))

    async def test_wrong_password(self) -> None:
        """A wrong password is sent once."""
        origin = self.origin(asks)
        self.assertEqual((await self.ran(webcat, "-u", "me:wrong", origin.url("/private")))[0], 11)
        self.assertEqual(len(origin.asked), 2)

    async def test_sources(self) -> None:
        """Password file, .netrc, netrc file, URL (with a warning); and nobody to ask is 11 at once."""
        origin = self.origin(asks)
        url = origin.url("/private")
        password, netrc = self.path("password"), self.path(".netrc")
        password.write_text("hunter2\nmore\n")
        netrc.write_text("machine other login x password y\nmachine 127.0.0.1 login me password hunter2\n")
        netrc.chmod(0o600)
        home = {"HOME": str(netrc.parent)}
        warned = "a password in a URL can be read by others"
        for arguments, environ, code, told in (
            (["-u", "me", "--password-file", str(password), url], {}, 0, ""),
            (["--netrc", url], home, 0, ""),
            (["--netrc", url], {"NETRC": str(netrc)}, 0, ""),
            (["--netrc-file", str(netrc), url], {}, 0, ""),
            ([url], home, 11, "401 Authorization Required"),
            ([url.replace("://", "://me:hunter2@")], {}, 0, warned),
            (["-q", url.replace("://", "://me:hunter2@")], {}, 0, warned),
            (["-u", "me", url], {}, 11, "a password is needed"),
            (["--netrc", url], {"HOME": "/nonexistent"}, 12, "No such file"),
        ):
            found = await self.ran(webcat, *arguments, environ=environ)
            self.assertEqual(found[0], code, (arguments, found))
            self.assertIn(told, found[2])
            self.assertNotIn("hunter2", found[2])
        netrc.chmod(0o644)
        self.assertEqual((await self.ran(webcat, "--netrc", url, environ=home))[0], 12)

    async def test_nothing_is_told(self) -> None:
        """Nothing secret is in outputs, objects and values' representations."""
        origin = self.origin(asks)
        url = f"{origin.url('/private')}?{origin.url('/private/2')}".replace("://", "://me:hunter2@", 1)
        for arguments in (["-v", "-j", url], ["-v", "-i", url]):
            code, output, errors = await self.ran(webcat, *arguments)
            self.assertIn(f"GET {origin.url('/private')}?… with Basic at 127.0.0.1: 302 Found", errors)
            self.assertEqual((code, b"hunter2" in output, "hunter2" in errors), (0, False, False))
        wallet = Wallet()
        wallet.put((b"http", b"h", 80), Login("me", "hunter2"))
        self.assertNotIn("hunter2", repr(Login("me", "hunter2")) + repr(vars(wallet)))

    def test_process_list(self) -> None:
        """A password from a file is not on the command line that others see."""
        origin = self.origin(lambda _: [answer(body=b"x", length=2), "hold"])
        password = self.path("password")
        password.write_text("hunter2")
        words = command("webcat", "-u", "me", "--password-file", str(password), origin.url())
        with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            environ = Path(f"/proc/{process.pid}/environ").read_bytes()
            process.kill()
        self.assertNotIn(b"hunter2", line + environ)
