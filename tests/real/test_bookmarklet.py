"""The bookmarklet in a real browser, on HTTPS pages that allow its request and on one that doesn't."""

from __future__ import annotations

import http.server
import json
import shutil
import ssl
import subprocess
import sys
import threading
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.real.clients import require_chromium
from tests.real.hatchery import wordproxy
from tests.real.parts import ROOT, clean_environment, require, until

#: Path -> the page's own policy, and its words.
PAGES = {
    "/open?q=s3cret": (None, "tide"),
    "/strict": ("connect-src 'none'; script-src 'self'", "harbour"),
    "/forms": ("connect-src 'none'; form-action 'none'", "boat"),
    "/login": (None, "secret <input type=password>"),
}


class Secure(http.server.BaseHTTPRequestHandler):
    """Serves `PAGES`."""

    def do_GET(self) -> None:
        policy, words = PAGES.get(self.path, (None, ""))
        body = f"<!DOCTYPE html><html lang=en><title>About {words[:7]}</title><p>{words}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if policy is not None:
            self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is logged."""


class BookmarkletTests(TestCase):
    """A click on the bookmark."""

    def setUp(self) -> None:
        require_chromium()
        require("openssl", shutil.which("openssl"))
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        subprocess.run(
            ["openssl", *words, "-keyout", key, "-out", certificate], check=True, capture_output=True
        )
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Secure)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.origin = f"https://localhost:{server.server_address[1]}"
        self.service = wordproxy("-s", str(self.folder / "words.db"))
        self.addCleanup(self.service.close)

    def clicked(self) -> dict[str, str]:
        """What was seen after a click on each page."""
        order = {
            "bookmarklet": f"http://127.0.0.1:{self.service.ports['report']}/bookmarklet",
            "urls": [self.origin + path for path in PAGES],
            "program": shutil.which("chromium"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.real.clicking"],
            input=json.dumps(order).encode(),
            capture_output=True,
            cwd=ROOT,
            env=clean_environment(),
            timeout=300,
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace")[-2000:])
        seen = [json.loads(line) for line in done.stdout.splitlines()]
        return {line["url"].removeprefix(self.origin): line["seen"] for line in seen}

    def test_clicks(self) -> None:
        """The words arrive, by fetch or by a window; where the page forbids both, that is told."""
        seen = self.clicked()
        self.assertEqual(seen["/open?q=s3cret"], "note: 1 word of the page was counted.")
        self.assertIn("1 word of the page was counted.", seen["/strict"])
        self.assertTrue(seen["/strict"].startswith("window: "), seen["/strict"])
        self.assertTrue(seen["/login"].startswith("note: The page was not counted."), seen["/login"])
        self.assertTrue(seen["/forms"].startswith("note: This page forbids"), seen["/forms"])
        self.assertEqual(seen["bookmarklet"], [], "our own page breaks its own policy")

        def counted() -> object:
            told = self.service.report("/words.json?all=1&limit=0")
            return told if told["coverage"].get("ingested") == 2 else None

        told = until("both pages are counted", counted)
        assert isinstance(told, dict)
        self.assertEqual(sorted(word["word"] for word in told["words"]), ["harbour", "tide"])
        self.assertEqual({word["lang"] for word in told["words"]}, {"en"})
        for path in [*self.folder.glob("words.db*"), self.service.log_path]:
            self.assertNotIn(b"s3cret", path.read_bytes(), path)
