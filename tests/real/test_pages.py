"""Pages as twistd runs it: the tutorial's with curl, reload, resuming, logs, and what no page should meet."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from unittest import TestCase

import apachelogs

from tests.real.hatchery import HatchedTwistd
from tests.real.load import MIB
from tests.real.parts import (
    FETCH_SECONDS,
    START_SECONDS,
    Twistd,
    clean_environment,
    free_ports,
    require,
    until,
)


def pages(*options: str, folder: Path | None = None) -> Twistd:
    """A pages service that is up on a free port, ``ports["pages"]``."""
    service = HatchedTwistd("pages", "-p", "0", *options, folder=folder)
    service.launch()
    service.ports["pages"] = int(service.wait_log(r"pages: https?://127\.0\.0\.1:(\d+)/")[1])
    return service


def curl(service: Twistd, path: str, *options: str) -> bytes:
    """What curl writes for a path of the service."""
    require("curl", shutil.which("curl"))
    url = f"http://127.0.0.1:{service.ports['pages']}{path}"
    return subprocess.run(
        ["curl", "-sS", "--globoff", *options, url],
        capture_output=True,
        timeout=FETCH_SECONDS,
        check=True,
        env=clean_environment(),
    ).stdout


class Fresh(TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="netsuite-pages-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def serve(self, *options: str) -> Twistd:
        """A service that ends with the test."""
        service = pages(*options, folder=self.folder)
        self.addCleanup(service.close)
        return service

    def replace(self, name: str, text: str) -> None:
        """A file of the folder has this text, at once."""
        draft = self.folder / "draft"
        draft.write_text(text)
        os.replace(draft, self.folder / name)


class TutorialTests(TestCase):
    """The tutorial's example 4-2."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.pages = pages("--access-log", "access.log", "--admin", "0")
        cls.addClassCleanup(cls.pages.close)

    def test_pages(self) -> None:
        """The tutorial's pages, as curl gets them."""
        for path, told in (
            ("/", b"<h1>Home</h1>Home Page|200|text/html"),
            ("/test", b"<h1>Test</h1>Test Page|200|text/html"),
            ("/test?x=1", b"<h1>Test</h1>Test Page|200|text/html"),
            ("/other", b"<h1>Not Found</h1>Sorry, no such page.|404|text/html"),
        ):
            self.assertEqual(curl(self.pages, path, "-w", "|%{http_code}|%{content_type}"), told)

    def test_paths(self) -> None:
        """Paths that lead out of a tree, or hide something, are 404; DELETE is told what there is."""
        for path in ("/../test", "/%2e%2e/test", "/test%00", "/a%2ftest", "/..%2ftest", "/%5c..%5ctest"):
            told = curl(self.pages, path, "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}")
            self.assertEqual(told, b"404", path)
        told = curl(self.pages, "/", "-X", "DELETE", "-o", "/dev/null", "-w", "%{http_code} %header{allow}")
        self.assertEqual(told, b"405 GET, HEAD, OPTIONS")

    def test_log(self) -> None:
        """A parser of Apache's logs reads every line; no query is in it, and no line is forged."""
        curl(
            self.pages,
            "/test?key=SECRET",
            "-A",
            'x" 200 1 "-" "-"\\',
            "-e",
            "http://u:SECRET@a.example/?SECRET",
        )
        curl(self.pages, '/<script>\\"', "-A", "")
        path = self.pages.folder / "access.log"
        until("all lines", lambda: "<script>" in path.read_text())
        text = path.read_text()
        self.assertNotIn("SECRET", text)
        path.rename(path.with_name("access.log.1"))
        self.pages.signal(signal.SIGUSR1)
        self.pages.wait_log("logs reopened")
        curl(self.pages, "/after")
        until("the line in a new file", lambda: path.exists() and "/after" in path.read_text())
        combined = LogParser()
        found = [combined.parse(line) for line in text.splitlines()]
        self.assertIn(
            ("GET /test?... HTTP/1.1", 200, 22, "http://a.example/?..."), [told[:4] for told in found]
        )

    def test_bad_input(self) -> None:
        """What is no request gets a status and an end; the next client is served, no traceback logged."""
        port = self.pages.ports["pages"]
        for sent in (
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET /\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\nHost: localhost\n\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0",
            b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n",
            b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            b"GET /%c0%ae%c0%ae/test HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            b"BREW / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), START_SECONDS) as client:
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            self.assertRegex(answer, rb"^HTTP/1\.1 [45]\d\d ", sent[:60])
        self.assertEqual(curl(self.pages, "/"), b"<h1>Home</h1>Home Page")
        self.assertNotIn("Traceback", self.pages.log)


class LogParser:
    """Apache's combined form, read by `apachelogs`, which knows the grammar of Apache's own settings."""

    FORM = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'

    def __init__(self) -> None:
        self._parser = apachelogs.LogParser(self.FORM, encoding="utf-8")

    def parse(self, line: str) -> tuple[str, int, int | None, str | None, str | None]:
        """The request, status, size, referring address and user agent of a line, if it is one."""
        told = self._parser.parse(line)
        fields = told.headers_in
        return told.request_line, told.final_status, told.bytes_sent, fields["Referer"], fields["User-Agent"]


class ReloadTests(Fresh):
    """Tables that change while clients are there."""

    def test_hup(self) -> None:
        """HUP takes a table in whole; a broken one changes nothing, and its line is in the log."""
        self.replace("pages.toml", '"/" = "one"\n"/a" = "a"\n')
        service = self.serve("--table", "pages.toml")
        self.assertEqual(curl(service, "/"), b"one")
        self.replace("pages.toml", '"/" = "two"\n\n["/b"]\nbody = "b"\nstatus = 99\n')
        service.signal(signal.SIGHUP)
        service.wait_log(r"reload refused, nothing changed: .*pages\.toml, line 5: '/b': status 99")
        self.assertEqual([curl(service, path) for path in ("/", "/a")], [b"one", b"a"])
        self.replace("pages.toml", '"/" = "two"\n["/b\n')
        service.signal(signal.SIGHUP)
        service.wait_log(r"reload refused, nothing changed: .*pages\.toml: .*line 2")
        self.assertEqual(curl(service, "/"), b"one")
        self.replace("pages.toml", '"/" = "two"\n"/b" = "b"\n')
        service.signal(signal.SIGHUP)
        service.wait_log("reloaded: 2 pages")
        self.assertEqual(curl(service, "/"), b"two")
        self.assertEqual(curl(service, "/a", "-o", "/dev/null", "-w", "%{http_code}"), b"404")
        self.assertEqual(service.stop(), 0)

    def test_hup_under_load(self) -> None:
        """Ten reloads while clients ask: no request fails, and each gets one table or the other."""
        self.replace("pages.toml", '"/" = "0"\n"/x" = "0"\n')
        service = self.serve("--table", "pages.toml", "--access-log", "off")
        told: list[bytes] = []
        over = threading.Event()

        def ask() -> None:
            request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
            with socket.create_connection(("127.0.0.1", service.ports["pages"]), START_SECONDS) as client:
                while not over.is_set():
                    client.sendall(request)
                    told.append(client.recv(65536))

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        for number in range(1, 11):
            self.replace("pages.toml", f'"/" = "{number}"\n"/{number}" = ""\n' + '"/x" = ""\n' * (number % 2))
            service.signal(signal.SIGHUP)
            service.wait_log("(?s)" + "reloaded: .*" * number)
        over.set()
        for client in clients:
            client.join()
        self.assertTrue(all(answer.startswith(b"HTTP/1.1 200 OK\r\n") for answer in told))
        bodies = [int(answer.rpartition(b"\r\n\r\n")[2]) for answer in told]
        self.assertTrue(set(bodies) <= set(range(11)))
        self.assertEqual(curl(service, "/"), b"10")

    def test_watch(self) -> None:
        """With --watch a changed file is taken in by itself, a broken table refused once."""
        (self.folder / "a.html").write_text("one")
        self.replace("pages.toml", '["/"]\nfile = "a.html"\n')
        service = self.serve("--table", "pages.toml", "--watch")
        self.assertEqual(curl(service, "/"), b"one")
        self.replace("a.html", "number two")
        service.wait_log("reloaded: 1 pages")
        self.assertEqual(curl(service, "/"), b"number two")
        self.replace("pages.toml", '["/"]\nfile = "none.html"\n')
        service.wait_log(
            r"reload refused, nothing changed: .*pages\.toml, line 1: .*none\.html: No such file"
        )
        self.assertEqual(curl(service, "/"), b"number two")
        self.replace("none.html", "mended")
        service.wait_log("(?s)reloaded: .*reloaded: 1 pages")
        self.assertEqual(curl(service, "/"), b"mended")
        self.assertEqual(service.log.count("reload refused"), 1)

    def test_settings(self) -> None:
        """HUP reads settings of a file, too; the admin listener tells what is served, and how often."""
        config = self.folder / "pages.toml"
        config.write_text('[pages]\npage = ["/=one"]\n')
        (admin,) = free_ports(1)
        service = self.serve("--config", str(config), "--admin", str(admin))
        self.assertEqual(curl(service, "/"), b"one")
        config.write_text('[pages]\npage = ["/=two", "/b=b"]\nhost = ["www.example"]\nwatch = true\n')
        service.signal(signal.SIGHUP)
        service.wait_log("not changed until a new start: watch")
        self.assertEqual(curl(service, "/", "-H", "Host: www.example"), b"two")
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/status.json", timeout=FETCH_SECONDS) as answer:
            told = json.load(answer)
        self.assertEqual((told["state"], told["pages"], told["answers"]["2xx"]), ("up", 2, 2))
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=FETCH_SECONDS) as answer:
            metrics = answer.read().decode()
        self.assertIn('netsuite_requests_total{class="2xx",listener="port",service="pages"} 2.0', metrics)


class FileTests(Fresh):
    """Files of any size."""

    def test_resume(self) -> None:
        """curl resumes a download; a changed file is not mixed with the old; gzip is for who asks."""
        content = os.urandom(5 * MIB)
        (self.folder / "big.bin").write_bytes(content)
        (self.folder / "text.txt").write_text("again and again\n" * 2000)
        service = self.serve("-f", "/big=big.bin", "-f", "/text=text.txt")
        half = self.folder / "half"
        half.write_bytes(content[: 2 * MIB])
        curl(service, "/big", "-C", "-", "-o", str(half))
        self.assertEqual(half.read_bytes(), content)
        told = curl(service, "/big", "-r", "100-199", "-w", "%{http_code} %header{content-range}")
        self.assertEqual(told, content[100:200] + b"206 bytes 100-199/%d" % len(content))
        tag = curl(service, "/big", "-I", "-o", "/dev/null", "-w", "%header{etag}").decode()
        told = curl(service, "/big", "-H", f"If-None-Match: {tag}", "-w", "%{http_code}")
        self.assertEqual(told, b"304")
        with (self.folder / "big.bin").open("r+b") as file:
            file.truncate(3 * MIB)
        options = (
            "-r",
            "100-",
            "-H",
            f"If-Range: {tag}",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{size_download}",
        )
        self.assertEqual(curl(service, "/big", *options), b"200 %d" % (3 * MIB))
        wire = int(curl(service, "/text", "--compressed", "-o", "/dev/null", "-w", "%{size_download}"))
        self.assertLess(wire, 1000)
        self.assertEqual(len(curl(service, "/text", "--compressed")), 32_000)

    def test_slow_clients(self) -> None:
        """Clients that don't read cost no memory and hold nobody up; memory is flat over a long file."""
        with (self.folder / "long.bin").open("wb") as file:
            file.truncate(1 << 30)
        service = self.serve("-f", "/long=long.bin")
        port = service.ports["pages"]
        request = b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n"
        clients = [socket.create_connection(("127.0.0.1", port), START_SECONDS) for _ in range(20)]
        try:
            for client in clients:
                client.sendall(request)
            curl(service, "/long", "-r", f"0-{64 * MIB}", "-o", "/dev/null")
            found = re.search(
                r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{service.pid}/status").read_text(), re.MULTILINE
            )
            assert found is not None
            self.assertLess(int(found[1]) * 1024, 160 * MIB)
        finally:
            for client in clients:
                client.close()
        self.assertEqual(service.stop(), 0)
        self.assertNotIn("Traceback", service.log)


class TableTests(Fresh):
    """What a table can do to clients."""

    def test_clients(self) -> None:
        """curl retries through a sequence of statuses, follows redirects, and waits for a delay."""
        self.replace(
            "pages.toml",
            '["/flaky"]\nbody = "at last"\nstatus = [503, 503, 200]\n'
            '["/old"]\nredirect = "/new"\nstatus = 301\n["/new"]\nbody = "here"\n'
            '["/late"]\nbody = "late"\ndelay = "300ms"\n',
        )
        service = self.serve("--table", "pages.toml")
        told = curl(service, "/flaky", "--retry", "5", "--retry-delay", "1", "-w", "|%{http_code}")
        self.assertTrue(told.endswith(b"at last|200"), told)
        self.assertEqual(curl(service, "/old", "-L", "-w", "|%{num_redirects}"), b"here|1")
        began = time.monotonic()
        self.assertEqual(curl(service, "/late"), b"late")
        self.assertGreaterEqual(time.monotonic() - began, 0.3)

    def test_refused_at_start(self) -> None:
        """A path twice, and a file that isn't there, end the start in one line."""
        for options, words in (
            (("-s", "/=a", "-s", "/=b"), "/ is there already"),
            (("-f", "/=none.html"), "none.html: No such file"),
        ):
            service = HatchedTwistd("pages", "-p", "0", *options, folder=self.folder)
            self.addCleanup(service.close)
            service.launch()
            self.assertEqual(service.wait(START_SECONDS), 1)
            self.assertIn(words, service.log)
            self.assertNotIn("Traceback", service.log)

    def test_own_missing_page(self) -> None:
        """An own 404 page has the path, escaped."""
        (self.folder / "lost.html").write_text("<p>No {path} here")
        service = self.serve("--not-found", "lost.html")
        told = curl(service, "/%3Cscript%3Ealert(1)%3C/script%3E", "-w", "|%{http_code}")
        self.assertEqual(told, b"<p>No /&lt;script&gt;alert(1)&lt;/script&gt; here|404")
