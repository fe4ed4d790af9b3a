"""The tutorial's rows 3-1, 3-2 and 3-6 against our own services, and what is really sent."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.client.origin import Asked, Origin
from tests.real.parts import Twistd
from tests.scripts.tools import command, finished


class TutorialTests(SynchronousTestCase):
    """Against ``twistd pages`` and ``twistd httpecho``."""

    pages: ClassVar[Twistd]
    echo: ClassVar[Twistd]

    @classmethod
    def setUpClass(cls) -> None:
        """Both services are up."""
        cls.pages = Twistd("pages", "-p", "0")
        cls.echo = Twistd("httpecho", "-p", "0")
        for service in (cls.pages, cls.echo):
            service.launch()

    @classmethod
    def tearDownClass(cls) -> None:
        """They are gone."""
        cls.pages.close()
        cls.echo.close()

    def at(self, service: Twistd, path: str) -> str:
        """URL of a path."""
        port = service.wait_log(r"https?://127\.0\.0\.1:(\d+)")[1]
        return f"http://127.0.0.1:{port}{path}"

    def test_webcat(self) -> None:
        """3-1 and 3-2: the page, at once and through a temporary file; a failure is said."""
        for options in ([], ["--spool"]):
            done = finished(command("webcat", *options, self.at(self.pages, "/test")))
            self.assertEqual(done, (0, "<h1>Test</h1>Test Page", ""))
        done = finished(command("webcat", self.at(self.pages, "/none")))
        self.assertEqual(done, (10, "", "Error: 404 Not Found\n"))

    def test_webdownload(self) -> None:
        """3-6: the file, and the tutorial's words."""
        out = Path(self.mktemp())
        code, output, errors = finished(command("webdownload", self.at(self.pages, "/test"), str(out)))
        self.assertEqual((code, output, errors), (0, "Progress: 100%\nDownload Complete.\n", ""))
        self.assertEqual(out.read_text(), "<h1>Test</h1>Test Page")
        code, output, _ = finished(
            command("webdownload", "--if-newer", self.at(self.pages, "/test"), str(out))
        )
        self.assertEqual((code, output), (0, "Not modified.\n"))

    def test_exact_bytes(self) -> None:
        """httpecho shows what arrives: our head, byte by byte, with a form's boundary declared."""
        url = self.at(self.echo, "/p?q")
        words = ["-H", "User-Agent: me", "-H", "X-Odd:  a  b ", "-F", "a=b c", url]
        out = Path(self.mktemp())
        self.assertEqual(finished(command("webcat", "-o", str(out), *words)), (0, "", ""))
        said = out.read_bytes().decode("latin-1")
        found = re.search(r"boundary=(\S+)\r\n", said)
        assert found is not None
        head = (
            "You said: \r\n\r\nPOST /p?q HTTP/1.1",
            f"Host: {url.split('/')[2]}",
            "Accept: */*",
            "Accept-Encoding: gzip, deflate, br, zstd",
            f"Content-Type: multipart/form-data; boundary={found[1]}",
            f"Content-Length: {2 * len(found[1]) + 59}",
            "User-Agent: me",
            "X-Odd: a  b",
            "Connection: close",
            "",
        )
        self.assertEqual(said, "\r\n".join(head))


class BombTests(SynchronousTestCase):
    """What never ends."""

    def test_ten_gigabytes(self) -> None:
        """A bomb of 10 GB, in gzip, ends after about a MiB."""

        def bomb(_: Asked) -> Iterator[bytes]:
            yield b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
            member = gzip.compress(bytes(1 << 20), mtime=0)
            for _each in range(10 * 1024):
                yield member

        origin = Origin(bomb)
        self.addCleanup(origin.close)
        code, output, errors = finished(command("webcat", "--check-first", "--max-size", "20G", origin.url()))
        self.assertEqual((code, output), (14, ""))
        self.assertIn("more than 200 times its size", errors)
