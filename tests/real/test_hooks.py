"""Hooks of one's own in a real proxy: the manual's example works as it is printed."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from unittest import TestCase

from tests.real.origins import Origin
from tests.real.parts import FETCH_SECONDS, ROOT, Twistd, until

#: Most lines that the example may have.
EXAMPLE_LINES = 25


def example() -> str:
    """Return the example of the manual."""
    manual = (ROOT / "docs" / "hooks.rst").read_text()
    found = re.search(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", manual)
    assert found is not None
    return re.sub("(?m)^    ", "", found[1]).strip() + "\n"


class HooksTests(TestCase):
    """``--hooks``."""

    def setUp(self) -> None:
        self.origin = Origin()
        self.addCleanup(self.origin.close)
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-hooks-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "pages.py").write_text(example())

    def made(self, *options: str) -> Twistd:
        """Return a proxy that is not started yet and finds modules in our folder."""
        path = os.pathsep.join((str(ROOT), str(self.folder)))
        place = ("-p", "0", "--allow-net", "127.0.0.0/8", "--connect-port", str(self.origin.port))
        proxy = Twistd("proxy", *place, *options, env={"PYTHONPATH": path})
        self.addCleanup(proxy.close)
        return proxy

    def fetch(self, proxy: Twistd, url: str) -> tuple[int, bytes]:
        """Return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", proxy.ports["proxy"], timeout=FETCH_SECONDS)
        connection.request("GET", url)
        answer = connection.getresponse()
        told = answer.status, answer.read()
        connection.close()
        return told

    def tunnel(self, proxy: Twistd) -> bytes:
        """Return what a tunnel to our origin says back."""
        with socket.create_connection(("127.0.0.1", proxy.ports["proxy"]), FETCH_SECONDS) as client:
            place = b"127.0.0.1:%d" % self.origin.port
            client.sendall(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (place, place))
            self.assertIn(b" 200 ", client.recv(4096))
            client.sendall(b"hello")
            return client.recv(4096)

    def check(self, proxy: Twistd) -> None:
        """The example sees a page and a tunnel, and refuses what it says."""
        status, body = self.fetch(proxy, self.origin.url(100_000))
        self.assertEqual((status, len(body)), (200, 100_000))
        proxy.wait_log(r"page of 127\.0\.0\.1: 100000 bytes")
        status, body = self.fetch(proxy, "http://ads.example/banner")
        self.assertEqual(status, 403)
        self.assertIn(b"Nobody reads these", body)
        proxy.wait_log(r"refused 403 ads: nobody reads these")
        self.assertEqual(self.tunnel(proxy), b"hello")
        proxy.wait_log(rf"tunnel to 127\.0\.0\.1:{self.origin.port}")

    def test_example(self) -> None:
        """The manual's example does what the manual says, and is short."""
        self.assertLessEqual(example().count("\n"), EXAMPLE_LINES)
        self.check(self.made("--hooks", "pages:Pages").up())

    def test_workers(self) -> None:
        """So it does in workers."""
        proxy = self.made("--hooks", "pages:Pages", "--workers", "2").up()
        self.check(proxy)

    def test_reload(self) -> None:
        """A reload keeps the hooks that run, and says so if others were asked for."""
        settings = self.folder / "settings.toml"
        settings.write_text('[proxy]\nhooks = "pages:Pages"\n')
        proxy = self.made("-c", str(settings)).up()
        settings.write_text('[proxy]\nhooks = "nowhere:Pages"\n')
        proxy.signal(signal.SIGHUP)
        until("the reload's line", lambda: "reloaded: " in proxy.log)
        proxy.wait_log(r"(?m)^.*hooks")
        self.check(proxy)

    def test_raises(self) -> None:
        """Hooks that raise cost their own exchange and leave a numbered traceback."""
        (self.folder / "bad.py").write_text(
            example().replace(
                "return Page(", "1 / 0 if b'/77' in request.target.path else None\n        return Page("
            )
        )
        proxy = self.made("--hooks", "bad:Pages").up()
        status, body = self.fetch(proxy, self.origin.url(77))
        self.assertEqual(status, 500)
        found = proxy.wait_log(r"fault ([0-9a-f]{6})")
        self.assertIn(found[1].encode(), body)
        self.assertEqual(self.fetch(proxy, self.origin.url(78))[0], 200)

    def test_refused(self) -> None:
        """What can't be loaded, or lacks a method, is refused in one line at the start."""
        (self.folder / "half.py").write_text("class Half:\n    on_request = print\n    on_tunnel = print\n")
        for hooks, told in (
            (
                "nowhere:Pages",
                "hooks nowhere:Pages can't be loaded: ModuleNotFoundError: No module named 'nowhere'",
            ),
            ("pages:Nobody", "hooks pages:Nobody can't be loaded: AttributeError"),
            ("half:Half", "hooks half:Half have no on_response"),
        ):
            proxy = self.made("--hooks", hooks)
            proxy.launch()
            self.assertNotEqual(proxy.wait(), 0)
            lines = [line for line in proxy.log.splitlines() if line.strip()]
            self.assertEqual(len(lines), 1, proxy.log)
            self.assertTrue(lines[0].startswith(f"netsuite: cannot start proxy: {told}"), proxy.log)
