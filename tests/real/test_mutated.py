"""Real pages with changes nobody asked for: each arrives as it was sent, and is counted or listed."""

from __future__ import annotations

import http.server
import threading
from random import Random
from unittest import TestCase

from tests.inputs import made, targets
from tests.real.hatchery import wordproxy
from tests.real.load import fetch
from tests.real.parts import until
from tests.scale import NIGHTLY

#: Pages (RELIABILITY §3 row 24).
PAGES = 10_000 if NIGHTLY else 60


def page(seed: int, number: int) -> bytes:
    """A page of Debian's handbook, or one of ours, with a few changes."""
    return made(Random(f"{seed}.{number}"), targets()["html"])


class MutatedTests(TestCase):
    """Mutated pages by way of a wordproxy."""

    def test_delivered(self) -> None:
        """Every one is delivered to the byte; counted and skipped are what was sent, and nothing broke."""
        seed = Random().getrandbits(32)

        class Site(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = page(seed, int(self.path[1:]))
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *values: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        service = wordproxy("-s", ":memory:")
        self.addCleanup(service.close)
        for number in range(PAGES):
            url = f"http://127.0.0.1:{server.server_address[1]}/{number}"
            told = fetch(service.ports["proxy"], url)
            self.assertTrue(told == (200, page(seed, number)), f"seed {seed}, page {number}")

        def accounted() -> bool:
            told = service.report("/coverage.json")
            return int(told["counted"]) + sum(told["skipped"].values()) == PAGES

        until(f"all are accounted for (seed {seed})", accounted)
        self.assertNotIn("crashed", service.report("/coverage.json")["skipped"], f"seed {seed}")
        self.assertEqual(service.stop(), 0)
        self.assertNotIn("Traceback", service.log)
