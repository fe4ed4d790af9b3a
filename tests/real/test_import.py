"""A browse that was counted live, and its recording: the same numbers, and none of its secrets."""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import skipUnless

from twisted.trial.unittest import TestCase

from tests.real.clients import curl, require_chromium
from tests.real.hatchery import wordproxy
from tests.real.parts import FETCH_SECONDS, ROOT, PartError, clean_environment, until
from tests.scale import NIGHTLY
from tests.scripts.tools import command

TEXT = "The tide lifts all boats in the harbour, and the harbour lifts nobody. "

#: Path -> status, fields, body: what each is counted or skipped for.
PAGES: Mapping[str, tuple[int, tuple[tuple[str, str], ...], bytes]] = {
    "/plain": (200, (("Content-Type", "text/plain"),), TEXT.encode()),
    "/page?q=s3cret": (
        200,
        (("Content-Type", "text/html"), ("Set-Cookie", "a=c00kie")),
        f"<p>{TEXT}".encode(),
    ),
    "/zip": (
        200,
        (("Content-Type", "text/html"), ("Content-Encoding", "gzip")),
        gzip.compress(f"<html lang=en><nav>menu</nav><p>{TEXT * 3}".encode()),
    ),
    "/gbk": (
        200,
        (("Content-Type", "text/html; charset=gbk"),),
        "<p>我们在港口看潮水。潮水很高。".encode("gbk"),
    ),
    "/meta": (
        200,
        (("Content-Type", "text/html"),),
        "<meta charset=shift_jis><p>港の潮は高い。".encode("shift_jis"),
    ),
    "/gone": (404, (("Content-Type", "text/html"),), b"<p>gone"),
    "/secret": (200, (("Content-Type", "text/html"), ("Cache-Control", "no-store")), b"<p>s3cret"),
    "/login": (200, (("Content-Type", "text/html"),), b"<p>s3cret<input type=password>"),
    "/image": (200, (("Content-Type", "image/png"),), b"\x89PNG"),
    "/file": (
        200,
        (("Content-Type", "text/html"), ("Content-Disposition", "attachment; filename=x")),
        b"<p>x",
    ),
    "/empty": (200, (("Content-Type", "text/html"),), b""),
}


class Origin(http.server.BaseHTTPRequestHandler):
    """Serves `PAGES`."""

    def do_GET(self) -> None:
        status, fields, body = PAGES.get(self.path, (404, (), b""))
        self.send_response(status)
        for field in (*fields, ("Content-Length", str(len(body)))):
            self.send_header(*field)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is logged."""


class BrowseCase(TestCase):
    """An origin, a wordproxy that counts, and an importer with a store of its own."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.origin = f"http://127.0.0.1:{server.server_address[1]}"
        self.live = wordproxy("-s", str(self.folder / "live.db"))
        self.addCleanup(self.live.close)

    def numbers(self, service: Any) -> tuple[Any, Any]:
        """The words of a report with their numbers; what was counted in any way, and skipped by reason."""
        told = service.report("/words.json?limit=0&all=1")
        words = sorted((w["word"], w["lang"], w["occurrences"], w["pages"]) for w in told["words"])
        coverage = told["coverage"]
        counted = coverage["counted"] + coverage.get("imported", 0)
        return words, (counted, {why: n for why, n in coverage["skipped"].items() if n})

    def imported(self, path: Path) -> Any:
        """The same of a store into which a file was imported."""
        store = str(self.folder / "imported.db")
        done = subprocess.run(
            command("wordproxy_import", "-s", store, str(path)),
            capture_output=True,
            env=clean_environment(),
            timeout=FETCH_SECONDS,
        )
        if done.returncode:
            raise PartError(f"wordproxy-import ended with {done.returncode}: {done.stderr.decode()}")
        service = wordproxy("-s", store)
        self.addCleanup(service.close)
        return self.numbers(service)

    def all_counted(self, pages: int, answers: int) -> Any:
        """The numbers of the live browse, once so many pages and answers are in its coverage.

        A browser's own requests, for an icon say, are answers that may come before the last page.
        """

        def probe() -> Any:
            words, (counted, skipped) = self.numbers(self.live)
            whole = counted >= pages and counted + sum(skipped.values()) >= answers
            return (words, (counted, skipped)) if whole else None

        return until("the browse is counted", probe)

    def no_secrets(self) -> None:
        """Neither store nor what lies beside it holds a secret."""
        for path in self.folder.glob("*.db*"):
            data = path.read_bytes()
            for secret in (b"s3cret", b"c00kie"):
                self.assertNotIn(secret, data, path)


class SameTests(BrowseCase):
    """Live and imported."""

    @skipUnless(NIGHTLY, "make nightly: Chromium's own is tried at each push")
    def test_curl(self) -> None:
        """A HAR of what curl fetched gives the words, occurrences, pages and reasons of the live count."""
        answers = curl([self.origin + path for path in PAGES], self.live.proxy, 'header = "Cookie: b=c00kie"')
        entries = []
        for path, answer in zip(PAGES, answers, strict=True):
            body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") else answer.body
            entries.append(
                {
                    "startedDateTime": "2026-01-05T10:00:00Z",
                    "request": {
                        "method": "GET",
                        "url": self.origin + path,
                        "headers": [{"name": "Cookie", "value": "b=c00kie"}],
                    },
                    "response": {
                        "status": answer.status,
                        "headers": [{"name": n, "value": v} for n, v in answer.headers.items()],
                        "content": {
                            "size": len(body),
                            "mimeType": answer.headers.get("content-type", ""),
                            "text": base64.b64encode(body).decode(),
                            "encoding": "base64",
                        },
                    },
                }
            )
        path = self.folder / "browse.har"
        path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
        live = self.all_counted(6, len(PAGES))
        self.assertEqual(live[1][0], 6)
        self.assertEqual(self.imported(path), live)
        self.no_secrets()

    def test_chromium(self) -> None:
        """So does the HAR that Chromium itself has recorded of its browse."""
        require_chromium()
        path = self.folder / "browse.har"
        order = {
            "urls": [self.origin + path for path in PAGES if path not in ("/file", "/empty")],
            "proxy": self.live.proxy,
            "program": shutil.which("chromium"),
            "har": str(path),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.real.recorder"],
            input=json.dumps(order).encode(),
            capture_output=True,
            cwd=ROOT,
            env=clean_environment(),
            timeout=300,
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace")[-2000:])
        words, (counted, _) = self.all_counted(5, len(order["urls"]))
        self.assertIn("c00kie", path.read_text())
        self.assertEqual(self.imported(path)[0], words)
        self.assertEqual(counted, 5)
        self.no_secrets()
