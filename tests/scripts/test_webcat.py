"""webcat: what it prints, what it sends, and how each failure ends."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import zlib
from pathlib import Path
from typing import Any
from unittest import SkipTest

import brotli

from netsuite.client.content import File
from netsuite.scripts import webcat
from tests.client.origin import HOLD, RESET, Asked, answer
from tests.real.parts import until
from tests.scripts.tools import command, environment, finished, run
from tests.scripts.web import WebToolCase

PAGE = b"<h1>Test</h1>Test Page"
DOC = (
    b"<!doctype html><title>T</title><nav>Menu</nav><h1>Big</h1><p>One <b>t</b>wo<br>three<script>x</script>"
)


class WebcatCase(WebToolCase):
    """Runs webcat."""

    async def cat(self, *arguments: str, **settings: Any) -> tuple[int, bytes, str]:
        """Exit status and outputs of webcat."""
        return await self.ran(webcat, *arguments, **settings)


class PageTests(WebcatCase):
    """What is printed."""

    async def test_tutorial(self) -> None:
        """The page as it is, nothing else, into a pipe."""
        origin = self.origin(answer(body=PAGE))
        self.assertEqual(await self.cat(origin.url("/test")), (0, PAGE, ""))

    async def test_codings(self) -> None:
        """Each content coding is undone, unless --raw."""
        page = PAGE * 1000
        raw = zlib.compressobj(wbits=-15)
        coded = {
            "gzip": gzip.compress(page[:5000]) + gzip.compress(page[5000:]),
            "deflate": zlib.compress(page),
            "deflate ": raw.compress(page) + raw.flush(),
            "br": brotli.compress(page),
            "identity": page,
            "gzip, br": brotli.compress(gzip.compress(page)),
        }
        for name, body in coded.items():
            origin = self.origin(answer("200 OK", body, f"Content-Encoding: {name}"))
            self.assertEqual(await self.cat(origin.url()), (0, page, ""), name)
            self.assertEqual(await self.cat("--raw", origin.url()), (0, body, ""), name)
        self.assertIn("zstd", origin.asked[0].get("Accept-Encoding") or "")

    async def test_damaged(self) -> None:
        """A body whose coding is broken, cut or unknown is no page."""
        whole = gzip.compress(PAGE)
        for name, body, code in (
            ("gzip", b"no gzip", 9),
            ("gzip", whole[:-4], 9),
            ("br", b"\xff" * 9, 9),
            ("zstd", b"no zstd", 9),
            ("compress", b"x", 3),
            ("gzip," * 5, b"x", 3),
        ):
            origin = self.origin(answer("200 OK", body, f"Content-Encoding: {name}"))
            done = await self.cat("--check-first", origin.url())
            self.assertEqual(done[:2], (code, b""), (name, done))

    async def test_bomb(self) -> None:
        """A bomb ends by its ratio long before it is unpacked."""
        packer = zlib.compressobj(9, wbits=31)
        body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
        for name, sent in (("gzip", body), ("gzip, gzip", gzip.compress(body))):
            origin = self.origin(answer("200 OK", sent, f"Content-Encoding: {name}"))
            code, output, errors = await self.cat("--check-first", origin.url())
            self.assertEqual((code, output), (14, b""))
            self.assertIn("more than 200 times", errors)

    async def test_check_first(self) -> None:
        """With --check-first and --spool a page that breaks off leaves standard output empty."""
        origin = self.origin(answer(body=PAGE, length=100))
        for option in ("--check-first", "--spool"):
            code, output, errors = await self.cat(option, origin.url())
            self.assertEqual((code, output), (9, b""))
            self.assertEqual(errors, "Error: the connection ended in the body, after 22 of 100 bytes\n")
        code, output, _ = await self.cat(origin.url())
        self.assertEqual((code, output), (9, PAGE))

    async def test_spool(self) -> None:
        """Through a temporary file the bytes are the same, also past what is held in memory."""
        page = bytes(range(256)) * 40_000  # past 8 MiB
        origin = self.origin(answer(body=page))
        for option in ("--check-first", "--spool"):
            self.assertEqual(await self.cat(option, origin.url()), (0, page, ""))

    async def test_head(self) -> None:
        """-I asks for the head and prints it; -i prints it before the body."""
        sent = answer("200 OK", PAGE, "X-A: b")
        origin = self.origin(sent)
        code, output, _ = await self.cat("-i", origin.url())
        self.assertEqual((code, output), (0, sent))
        head = self.origin(sent.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        code, output, _ = await self.cat("-I", head.url())
        self.assertEqual((code, output, head.asked[0].method), (0, sent.removesuffix(PAGE), "HEAD"))

    async def test_output(self) -> None:
        """-o writes the file whole or leaves what was there."""
        there = self.path("page.html")
        there.write_bytes(b"old")
        cut = self.origin(answer(body=PAGE, length=100))
        self.assertEqual((await self.cat("-o", str(there), cut.url()))[0], 9)
        self.assertEqual((there.read_bytes(), len(list(there.parent.iterdir()))), (b"old", 1))
        good = self.origin(answer(body=PAGE))
        self.assertEqual(await self.cat("-o", str(there), good.url()), (0, b"", ""))
        self.assertEqual((there.read_bytes(), len(list(there.parent.iterdir()))), (PAGE, 1))
        self.assertEqual((await self.cat("-o", str(there / "x"), good.url()))[0], 12)
        self.assertEqual((await self.cat("-o", "/dev/full", good.url()))[0], 12)

    async def test_text(self) -> None:
        """--text is what a reader sees; --pretty changes nothing in a pipe."""
        origin = self.origin(answer("200 OK", DOC, "Content-Type: text/html"))
        self.assertEqual(await self.cat("--text", origin.url()), (0, b"Menu\nBig\nOne two\nthree\n", ""))
        self.assertEqual(await self.cat("--pretty", origin.url()), (0, DOC, ""))

    async def test_json(self) -> None:
        """-j is one object: the body as text by its charset, or in base64."""
        page = "größe".encode("latin-1")
        origin = self.origin(answer("200 OK", page, "Content-Type: text/plain; charset=iso-8859-1"))
        code, output, errors = await self.cat("-j", origin.url())
        told = json.loads(output)
        self.assertEqual((code, errors, output.count(b"\n")), (0, "", 1))
        self.assertEqual((told["tool"], told["target"]), ("webcat", {"url": origin.url()}))
        wanted = {"status": 200, "url": origin.url(), "redirects": [], "type": "text/plain", "length": 5}
        self.assertEqual(told["result"], {**wanted, "body": "größe"})
        binary = self.origin(answer("200 OK", bytes(range(256)), "Content-Type: image/png"))
        told = json.loads((await self.cat("-j", binary.url()))[1])
        self.assertEqual(told["result"]["body_base64"][:4], "AAEC")


class StatusTests(WebcatCase):
    """What a status is worth."""

    async def test_failures(self) -> None:
        """400 and more is a failure, nothing is printed, and the table says with which code."""
        for status, code in (
            ("400 Bad Request", 10),
            ("401 Authorization Required", 11),
            ("403 Forbidden", 10),
            ("404 Not Found", 10),
            ("407 Proxy Authentication Required", 11),
            ("429 Too Many Requests", 15),
            ("500 Internal Server Error", 10),
            ("503 Service Unavailable", 10),
            ("301 Moved Permanently", 10),
        ):
            origin = self.origin(answer(status, b"sorry"))
            done = await self.cat(origin.url())
            told = f"Error: {status}{', but not where to' if code == 10 and status[0] == '3' else ''}\n"
            self.assertEqual(done, (code, b"", told))
        later = self.origin(answer("503 Busy", b"", "Retry-After: 5"))
        self.assertEqual((await self.cat(later.url()))[0], 15)
        told = json.loads((await self.cat("-j", later.url()))[1])
        self.assertEqual((told["cause"], told["result"]["retry_after"]), ("declined", "5"))

    async def test_error_body(self) -> None:
        """The page that came with a failure, where it is asked for."""
        origin = self.origin(answer("404 Not Found", b"sorry"))
        done = await self.cat("--show-error-body", origin.url())
        self.assertEqual(done, (10, b"sorry", "Error: 404 Not Found\n"))

    async def test_json_of_a_failure(self) -> None:
        """A failure's object, as the documentation has it."""
        origin = self.origin(answer("404 Not Found", b"x" * 40, "Content-Type: text/html"))
        code, output, _ = await self.cat("-j", origin.url("/none"))
        told = json.loads(output)
        self.assertEqual(
            (code, told["exit"], told["cause"], told["message"]), (10, 10, "http", "404 Not Found")
        )
        wanted = {
            "status": 404,
            "url": origin.url("/none"),
            "redirects": [],
            "type": "text/html",
            "length": 40,
        }
        self.assertEqual(told["result"], {**wanted, "body": None})

    async def test_phrase(self) -> None:
        """A phrase can play no tricks on a terminal."""
        origin = self.origin(b"HTTP/1.1 404 \xc2\x9b31mred\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual((await self.cat(origin.url()))[2], "Error: 404 \\u009b31mred\n")


class CauseTests(WebcatCase):
    """Each code of the table that webcat has, by its real cause (8 is in the tests of TLS)."""

    async def test_causes(self) -> None:
        """Name, refusal, silence, cut, no HTTP, size."""
        gone = self.origin(b"")
        gone.close()
        big = self.origin(answer(body=b"x" * 2000))
        endless = self.origin(lambda _: [b"HTTP/1.1 200 OK\r\n\r\n", *([bytes(65536)] * 100)])
        drip = self.origin(lambda _: [answer(body=b"x", length=2), HOLD])
        for arguments, code in (
            (["http://no-such-name.invalid/"], 4),
            ([gone.url()], 5),
            (["-t", "0.2", self.origin(lambda _: [HOLD]).url()], 6),
            (["--total", "0.2", drip.url()], 6),
            ([self.origin(lambda _: [RESET]).url()], 9),
            ([self.origin(b"220 smtp ready\r\n\r\n").url()], 3),
            (["--max-size", "1000", big.url()], 14),
            (["--max-size", "1M", "--check-first", endless.url()], 14),
            (["--max-head", "1K", self.origin(answer("200 OK", b"", "X: " + "y" * 2000)).url()], 3),
            (["--public-only", big.url()], 14),
            (["--password-file", "/nonexistent", "-u", "x", big.url()], 12),
            (["-d", "@/nonexistent", big.url()], 12),
            (["--cafile", "/nonexistent", "https://127.0.0.1:1/"], 12),
        ):
            done = await self.cat(*arguments)
            self.assertEqual((done[0], done[2].count("\n")), (code, 1), (arguments, done))

    async def test_usage(self) -> None:
        """What makes no sense is refused before anything is asked."""
        for arguments in (
            ["ftp://h/"],
            ["localhost:8000"],
            ["http://h/", "http://h/"],
            ["-t", "x", "http://h/"],
            ["-H", "no field", "http://h/"],
            ["-H", "Content-Length: 5", "http://h/"],
            ["-H", "A: b\r\nC: d", "http://h/"],
            ["-X", "GE T", "http://h/"],
            ["-X", "CONNECT", "http://h/"],
            ["-d", "a", "-F", "b=c", "http://h/"],
            ["-I", "-d", "a", "http://h/"],
            ["-F", "no", "http://h/"],
            ["--proxy", "ftp://x/", "http://h/"],
            ["--password-file", "x", "http://h/"],
            ["--public-only", "--proxy", "http://x/", "http://h/"],
            ["--insecure", "--cafile", "x", "http://h/"],
        ):
            code, output, errors = await self.cat(*arguments)
            self.assertEqual((code, output), (2, b""), (arguments, errors))
            self.assertIn("try webcat --help", errors)
        self.assertEqual(await self.cat(), (2, b"", "Usage: webcat.py <URL>\n"))


class SentTests(WebcatCase):
    """What is sent."""

    async def sent(self, *arguments: str) -> Asked:
        """The request that an origin got."""
        origin = self.origin(answer(body=b"ok"))
        self.assertEqual((await self.cat(*arguments, origin.url("/p")))[0], 0)
        return origin.asked[0]

    async def test_content(self) -> None:
        """-d, --json-body, -X and -H."""
        file = self.path("data")
        file.write_bytes(b"a\r\nb")
        for arguments, method, kind, content in (
            (["-d", "a=1", "-d", "b=2"], "POST", "application/x-www-form-urlencoded", b"a=1&b=2"),
            (["-d", f"@{file}"], "POST", "application/x-www-form-urlencoded", b"a\r\nb"),
            (["-X", "PUT", "-d", "", "-H", "content-type: x/y"], "PUT", "x/y", b""),
            (["--json-body", '{"a":1}'], "POST", "application/json", b'{"a":1}'),
        ):
            asked = await self.sent(*arguments)
            self.assertEqual((asked.method, asked.all("Content-Type")), (method, [kind]))
            self.assertEqual((asked.content, asked.get("Content-Length")), (content, str(len(content))))

    async def test_ipv6(self) -> None:
        """An IPv6 address stands in brackets."""
        origin = self.origin(answer(body=b"ok"), host="::1")
        self.assertEqual(await self.cat(origin.url()), (0, b"ok", ""))
        self.assertEqual(origin.asked[0].get("Host"), f"[::1]:{origin.port}")

    async def test_fields(self) -> None:
        """-H takes the place of ours, once; several of one name go as they are."""
        asked = await self.sent("-H", "user-agent: mine", "-H", "X: 1", "-H", "X: 2", "-H", "Host: other")
        self.assertEqual(asked.all("User-Agent"), ["mine"])
        self.assertEqual((asked.all("X"), asked.all("Host")), (["1", "2"], ["other"]))

    async def test_form(self) -> None:
        """-F is multipart/form-data with its boundary declared, as RFC 7578 has it."""
        file = self.path('a"b.txt')
        file.write_bytes(b"--x\r\n\xff")
        asked = await self.sent("-F", "name=größe", "-F", f"file=@{file}")
        match = re.fullmatch(r"multipart/form-data; boundary=(\S+)", asked.get("Content-Type") or "")
        assert match is not None
        mark = f"--{match[1]}".encode()
        self.assertEqual(
            asked.content,
            mark
            + '\r\nContent-Disposition: form-data; name="name"\r\n\r\ngröße\r\n'.encode()
            + mark
            + b'\r\nContent-Disposition: form-data; name="file"; filename="a%22b.txt"\r\n'
            + b"Content-Type: application/octet-stream\r\n\r\n--x\r\n\xff\r\n"
            + mark
            + b"--\r\n",
        )

    async def test_content_that_shrinks(self) -> None:
        """A file that becomes shorter while it is sent is 12, and the server gets no whole request."""
        file = self.path("data")
        file.write_bytes(bytes(8 << 20))
        origin = self.origin(answer(body=b"ok"))
        given = File.at(str(file))
        self.patch(webcat, "_given", lambda text, kind: given)
        file.write_bytes(bytes(1 << 20))
        code, _, errors = await self.cat("-d", "x", origin.url())
        self.assertEqual((code, "became shorter" in errors, origin.asked), (12, True, []))

    async def test_large_content(self) -> None:
        """A large file is sent as the server takes it."""
        file = self.path("data")
        file.write_bytes(bytes(range(256)) * 30_000)
        asked = await self.sent("-d", f"@{file}")
        self.assertEqual(asked.content, file.read_bytes())


class ProcessTests(WebcatCase):
    """What only a process shows."""

    def test_outputs(self) -> None:
        """A closed or full standard output is 12, with one line; a reader that left is 12 without noise."""
        origin = self.origin(answer(body=PAGE))
        for how, errors in (
            (">&-", "webcat: standard output: is closed\n"),
            (">/dev/full", "webcat: standard output: No space left on device\n"),
        ):
            words = ["sh", "-c", f'"$@" {how}', "sh"]
            done = _shell(words, origin.url())
            self.assertEqual(done, (12, "", errors))

    def test_reader_left(self) -> None:
        """An endless page into a pipe whose reader leaves ends, with 12."""
        endless = self.origin(lambda _: [b"HTTP/1.1 200 OK\r\n\r\n", *([bytes(65536)] * 1000)])
        words = ["bash", "-c", '"$@" | head -c 10 >/dev/null; exit ${PIPESTATUS[0]}', "bash"]
        self.assertEqual(_shell(words, endless.url()), (12, "", ""))

    def test_spool_leaves_nothing(self) -> None:
        """The temporary file of --spool has no name, not even while it is written to."""
        folder = self.path()
        origin = self.origin(lambda _: [answer(body=PAGE, length=100), HOLD])
        words = command("webcat", "--spool", origin.url())
        environ = {**environment(), "TMPDIR": str(folder)}
        with subprocess.Popen(words, env=environ) as process:
            until("the file is open", lambda: _has_open(process.pid, folder))
            self.assertEqual(list(folder.iterdir()), [])
            process.kill()
        self.assertEqual(list(folder.iterdir()), [])

    def test_unreachable(self) -> None:
        """No route is 7.  In a network of its own, which is empty."""
        alone = ["unshare", "--map-root-user", "--net"]
        if finished([*alone, "true"])[0]:
            raise SkipTest("NOT TESTED: no network namespaces here")
        code, _, errors = finished([*alone, *command("webcat", "-j", "http://192.0.2.1/")])
        self.assertEqual((code, errors), (7, "Error: No route to host: 101: Network is unreachable.\n"))

    def test_terminated(self) -> None:
        """SIGTERM is 143."""
        origin = self.origin(lambda _: [answer(body=PAGE, length=100), HOLD])
        words = command("webcat", origin.url())
        with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            process.terminate()
        self.assertEqual(process.returncode, 143)

    def test_debug_tells_no_secrets(self) -> None:
        """--debug and failures on the way have nothing of what is secret."""
        origin = self.origin(answer("401 Authorization Required", b"", 'WWW-Authenticate: Basic realm="r"'))
        url = origin.url("/").replace("://", "://me:hunter2@")
        told = finished(command("webcat", "--debug", "-v", "-j", "-H", "Cookie: hunter3", url))
        self.assertEqual((told[0], len(origin.asked)), (11, 2))
        self.assertNotRegex(told[1] + told[2], "hunter|bWU6aHVudGVy")

    def test_version_and_help(self) -> None:
        """--version as rule R10 has it; --help has examples."""
        code, output, _ = run("webcat", "--version")
        self.assertEqual(code, 0)
        self.assertRegex(output, r"^netsuite \S+ \(Twisted \S+, Python \S+\)\n$")
        self.assertIn("Examples:\n  webcat http://localhost:8000/test", webcat.Options().getUsage())


def _shell(words: list[str], url: str) -> tuple[int, str, str]:
    return finished([*words, *command("webcat", url)])


def _has_open(pid: int, folder: Path) -> bool:
    """Whether a process has a file in a folder open."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    return any(
        os.readlink(each).startswith(str(folder)) for each in links if each.exists() or each.is_symlink()
    )
