"""Secrets planted in twelve places of what a wordproxy relays: no byte of them is anywhere that stays.

Looked for in the store, its log and spool, in Redis and its append-only file, in log files, in every view of
the report and its exports; while the service runs, after it was killed, and after it was stopped.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import shutil
import socket
import tempfile
import threading
import urllib.error
from pathlib import Path

import bcrypt

from netsuite.wordproxy.store.contract import CoverageQuery
from netsuite.wordproxy.store.open import open_store
from tests.real.cluster import Fleet, Node
from tests.real.load import answer, connect
from tests.real.parts import Twistd, alive, children, until
from tests.wordproxy.store.server import Redis

#: Where each is planted.  Letters only, so that each would be a word if it were counted.
PLANTED = {
    place: f"planted{place}xq"
    for place in (
        *("query", "fragment", "userinfo", "authorization", "proxyauthorization", "cookie", "setcookie"),
        *("formvalue", "upload", "nostore", "password", "referrer"),
    )
}

#: What is public, and must be found: else nothing was looked at.
PUBLIC = "publicword"

#: The views of the report; one that this version has not is no loss.
VIEWS = ("/", "/words", "/unknown", "/known", "/days", "/sites", "/langs", "/pages", "/coverage", "/overview")
FORMS = ("", ".json", ".csv", ".tsv")
MORE = ("/setup", "/healthz", "/proxy.pac", "/search?q=planted", "/words.json?all=1&limit=0", "/words?all=1")


class Site(http.server.BaseHTTPRequestHandler):
    """The origin: each path is a page, and private ones have the secret as a word, in title and text."""

    protocol_version = "HTTP/1.1"
    served = 0

    def do_GET(self) -> None:
        """Answer."""
        type(self).served += 1
        if length := int(self.headers.get("Content-Length", 0)):
            self.rfile.read(length)
        path = self.path.partition("?")[0]
        word, fields, more = PUBLIC, {"Set-Cookie": f"s={PLANTED['setcookie']}"}, ""
        if path == "/nostore":
            word, fields["Cache-Control"] = PLANTED["nostore"], "no-store"
        elif path == "/password":
            word, more = PLANTED["password"], "<form><input type=password></form>"
        elif "Authorization" in self.headers:
            word = PLANTED["authorization"]
        body = f"<!doctype html><html lang=en><title>{word}</title><p>{word} tide.</p>{more}".encode()
        self.send_response(200)
        for name, value in {**fields, "Content-Type": "text/html", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *values: object) -> None:
        """Nothing is said."""


class SecretTests(Fleet):
    """A service with users and an access log, and a store of either kind."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-secrets-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "users").write_text(
            f"ann:{bcrypt.hashpw(PLANTED['proxyauthorization'].encode(), bcrypt.gensalt(4)).decode()}\n"
        )
        self.site = type("ThisSite", (Site,), {"served": 0})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.site)
        server.handle_error = lambda *values: None  # type: ignore[method-assign]
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.port = server.server_address[1]
        self.tunnels = 0

    def test_sqlite(self) -> None:
        """In no file of a service with its store in a file, nor in its report."""
        self.hunt(str(self.folder / "words.db"))

    def test_redis(self) -> None:
        """In no value of a Redis, no byte of its append-only file, nor what the service leaves."""
        redis = Redis()
        self.addCleanup(redis.close)
        self.hunt(redis.where(), redis)

    def hunt(self, where: str, redis: Redis | None = None) -> None:
        """Plant all secrets, and look for them while it runs, after a kill, and after another life's end."""
        access = self.folder / "access.log"
        node = self.node("one", where, "-A", str(self.folder / "users"), "--access-log", str(access))
        node.login = node.running.login = f"ann:{PLANTED['proxyauthorization']}"
        places = [self.folder, node.home, *([redis.folder] if redis is not None else [])]
        for life in ("killed", "stopped"):
            if life == "stopped":
                node.up()
            lost = self.seen - self.accounted(node)  # with the kill
            self.plant(node.proxy)
            until("all is stored", lambda n=lost: self.accounted(node) == self.seen - n)
            told = self.shown(node.running) + Path(f"/proc/{node.running.pid}/cmdline").read_bytes()
            self.assert_clean(told, f"in the report ({life})")
            self.assert_clean(self.files(places), "in files of a running service")
            if life == "killed":
                self.plant(node.proxy)
                processes = children(node.running.pid)
                node.running.kill9()
                until("its counter is through", lambda pids=processes: not any(map(alive, pids)))
            else:
                self.assertEqual(node.running.stop(), 0)
            kept = self.files(places) + node.running.log.encode()
            self.assert_clean(kept, f"in files of a service that was {life}")
            self.assertIn(PUBLIC.encode(), kept)
        if redis is not None:
            redis.stop()
            self.assert_clean(self.files(places), "in files of a Redis that was stopped")

    @property
    def seen(self) -> int:
        """What the origin and the tunnels saw."""
        return self.site.served + self.tunnels

    def accounted(self, node: Node) -> int:
        """What the coverage has: counted, skipped, unseen."""
        told = node.running.report("/coverage.json")
        return int(told["counted"] + told["unseen"] + sum(told["skipped"].values()))

    @staticmethod
    def files(places: list[Path]) -> bytes:
        """Every byte in these folders, but the file of users, which holds a hash."""
        found = []
        for place in places:
            for path in sorted(place.rglob("*")):
                with contextlib.suppress(OSError):
                    if path.is_file():
                        found.append(path.read_bytes())
        return b"\n".join(found)

    @staticmethod
    def shown(service: Twistd) -> bytes:
        """Every view of the report, in every form."""
        told = []
        for path in (*(view + form for view in VIEWS for form in FORMS), *MORE):
            with contextlib.suppress(urllib.error.HTTPError):
                told.append(service.report_text(path).replace("q=planted", ""))
        assert len(told) > 4, told
        return "\n".join(told).encode()

    def assert_clean(self, told: bytes, where: str) -> None:
        """No secret is there: plain, in base64 at any offset, in hexadecimal."""
        low = told.lower()
        for place, secret in PLANTED.items():
            plain = secret.encode()
            self.assertNotIn(plain, low, f"{place}, {where}")
            self.assertNotIn(plain.hex().encode(), low, f"{place}, {where}")
            for shift in range(3):
                coded = base64.b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4]
                self.assertNotIn(coded, told, f"{place}, {where}")

    def plant(self, port: int) -> None:
        """Each secret is sent at its place."""
        user = base64.b64encode(f"ann:{PLANTED['proxyauthorization']}".encode()).decode()
        ours = f"Proxy-Authorization: Basic {user}"
        form = f"word={PLANTED['formvalue']}"
        upload = (
            f"--b\r\nContent-Disposition: form-data; name=f; filename={PLANTED['upload']}\r\n\r\n"
            f"{PLANTED['upload']}\r\n--b--\r\n"
        )
        self.ask(port, "GET", f"/public?q={PLANTED['query']}", ours)
        self.ask(port, "GET", f"/public#{PLANTED['fragment']}", ours, ok=(200, 400))
        self.ask(port, "GET", "/public", ours, user=f"ann:{PLANTED['userinfo']}@", ok=(200, 400))
        self.ask(port, "GET", "/authorized", ours, f"Authorization: Bearer {PLANTED['authorization']}")
        self.ask(port, "GET", "/public", ours.replace(user, base64.b64encode(b"ann:x").decode()), ok=(407,))
        self.ask(port, "GET", "/public", ours, f"Cookie: c={PLANTED['cookie']}")
        self.ask(port, "GET", "/public", ours, f"Referer: http://a.example/?r={PLANTED['referrer']}")
        self.ask(port, "POST", "/form", ours, "Content-Type: application/x-www-form-urlencoded", body=form)
        self.ask(port, "POST", "/up", ours, "Content-Type: multipart/form-data; boundary=b", body=upload)
        self.ask(port, "GET", "/nostore", ours)
        self.ask(port, "GET", "/password", ours)
        self.tunnel(port, ours)

    def ask(
        self,
        port: int,
        method: str,
        path: str,
        *fields: str,
        user: str = "",
        body: str = "",
        ok: tuple[int, ...] = (200,),
    ) -> None:
        """One request, and its answer."""
        place = f"127.0.0.1:{self.port}"
        head = [f"{method} http://{user}{place}{path} HTTP/1.1", f"Host: {place}", *fields]
        if body:
            head.append(f"Content-Length: {len(body)}")
        with connect(port) as link:
            link.sendall("\r\n".join([*head, "", body]).encode())
            response = answer(link, method)
            response.read()
            self.assertIn(response.status, ok, path)

    def tunnel(self, port: int, ours: str) -> None:
        """A request by way of a tunnel, which nobody sees."""
        place = f"127.0.0.1:{self.port}"
        with connect(port) as link:
            link.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{ours}\r\n\r\n".encode())
            self.assertEqual(answer(link, "CONNECT").status, 200)
            self.tunnels += 1
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def test_adds_up(self) -> None:
        """The coverage of such a reading adds up: counted, skipped and unseen are what the origin saw."""
        where = str(self.folder / "words.db")
        node = self.node("one", where, "-A", str(self.folder / "users"))
        for _ in range(5):
            self.plant(node.proxy)
        self.assertEqual(node.running.stop(), 0)
        with contextlib.closing(open_store(where, read_only=True)) as store:
            share = store.coverage(CoverageQuery()).total
        want = {"no-store": 5, "password page": 5, "authorization": 5}
        self.assertEqual(dict(share.skipped), want)
        self.assertEqual((share.counted, share.unseen), (self.site.served - 15, self.tunnels))
