"""The site on strings: methods, conditions, ranges, gzip, sequences, as clients see them."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python import usage
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.pages import table
from netsuite.pages.entry import of_file
from netsuite.pages.root import Root
from netsuite.pages.settings import Options
from netsuite.pages.table import load
from netsuite.site.frame import Frame
from netsuite.site.safety import PLAIN
from netsuite.site.server import make_site
from tests.site.wire import Client, Now, Reply, ask


class Serving(SynchronousTestCase):
    """A test of a site with the pages of ``serve``."""

    def serve(self, *arguments: str) -> Root:
        """``self.site`` serves what these options say."""
        options = Options()
        options.parse(list(arguments))
        told = options.settings
        self.clock = Now()
        loaded = load(told.entries, not_found=told.not_found, in_gzip=told.gzip, now=1_700_000_000)
        self.root = Root(loaded, self.clock)
        self.visits: list[Any] = []
        self.site = make_site(
            self.root,
            Frame("pages"),
            hosts=told.names,
            security=PLAIN,
            log=lambda *told: self.visits.append(told),
            reactor=self.clock,
        )
        return self.root

    def table(self, text: str) -> None:
        """``self.site`` serves a table with this text."""
        path = Path(self.mktemp()).absolute()
        path.write_text(text)
        self.serve("--table", str(path))

    def ask(self, target: str = "/", *fields: str, method: str = "GET", host: str = "localhost") -> Reply:
        """The one answer."""
        return ask(self.site, target, *fields, method=method, host=host)


class TutorialTests(Serving):
    """What the tutorial has."""

    def setUp(self) -> None:
        self.serve()

    def test_pages(self) -> None:
        """The two pages, and the words where there is none; the query plays no part."""
        for target, status, body in (
            ("/", 200, b"<h1>Home</h1>Home Page"),
            ("/test", 200, b"<h1>Test</h1>Test Page"),
            ("/test?a=b", 200, b"<h1>Test</h1>Test Page"),
            ("/%74est", 200, b"<h1>Test</h1>Test Page"),
            ("/other", 404, b"<h1>Not Found</h1>Sorry, no such page."),
        ):
            for _ in range(2):  # the second time it is ready
                reply = self.ask(target)
                self.assertEqual((reply.status, reply.body), (status, body), target)
                self.assertEqual(reply.headers["content-type"], "text/html")

    def test_no_other_reading(self) -> None:
        """Paths with a second reading are 404, whoever would resolve them."""
        for target in (
            "/../test",
            "/%2e%2e/test",
            "/x/../test",
            "/./test",
            "/test%00",
            "/x%2ftest",
            "/%2ftest",
            "/%5ctest",
            "//test",
            "/test/",
            "/TEST",
            "/%ff",
        ):
            self.assertEqual(self.ask(target).status, 404, target)

    def test_head(self) -> None:
        """HEAD is GET without the body."""
        head, get = self.ask("/", method="HEAD"), self.ask("/")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers, get.headers)
        self.assertEqual(self.ask("/none", method="HEAD").body, b"")

    def test_methods(self) -> None:
        """OPTIONS says what there is, other methods are told; unknown words are 501."""
        reply = self.ask("/", method="OPTIONS")
        self.assertEqual((reply.status, reply.headers["allow"], reply.body), (204, "GET, HEAD, OPTIONS", b""))
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
            reply = self.ask("/", method=method)
            self.assertEqual((reply.status, reply.headers["allow"]), (405, "GET, HEAD, OPTIONS"))
        self.assertEqual(self.ask("/", method="BREW").status, 501)
        self.assertEqual(self.ask("/none", method="POST").status, 404)

    def test_escaped(self) -> None:
        """No path comes back as it was sent."""
        for target in ("/<script>alert(1)</script>", "/%3Cscript%3E"):
            self.assertNotIn(b"<script", self.ask(target).body)

    def test_keep_alive(self) -> None:
        """Requests sent ahead are answered in turn, ready ones among others, and close is obeyed."""
        client = Client(self.site)
        one = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"
        replies = client.send(one % b"/" + one % b"/none" + one % b"/" + one % b"/test")
        self.assertEqual([reply.status for reply in replies], [200, 404, 200, 200])
        (reply,) = client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertEqual(reply.headers["connection"], "close")
        self.assertTrue(client.transport.disconnecting)

    def test_visits(self) -> None:
        """Each answer is noted once, with its status and the bytes of its body."""
        self.ask("/", "User-Agent: curl")
        self.ask("/")
        self.ask("/none?key=1", method="HEAD")
        self.assertEqual(
            [(line, status, sent) for _client, line, status, sent, *_ in self.visits],
            [
                (b"GET / HTTP/1.1", 200, 22),
                (b"GET / HTTP/1.1", 200, 22),
                (b"HEAD /none?key=1 HTTP/1.1", 404, 0),
            ],
        )
        self.assertEqual(self.visits[0][5], b"curl")

    def test_names(self) -> None:
        """On loopback other names are refused; where other machines come, all are served, or those told."""
        self.assertEqual(self.ask(host="evil.example").status, 421)
        self.serve("-p", "tcp:8000", "--allow-public")
        self.assertEqual(self.ask(host="any.example").status, 200)
        self.serve("-p", "tcp:8000", "--allow-public", "--host", "www.example")
        self.assertEqual([self.ask(host=name).status for name in ("www.example", "any.example")], [200, 421])


class ConditionTests(Serving):
    """Conditional requests, ranges, gzip."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.path.write_bytes(bytes(range(256)) * 8)
        os.utime(self.path, (1_600_000_000, 1_600_000_000))
        self.serve("-s", "/=" + "hello " * 400, "-f", f"/file={self.path}")

    def test_validators(self) -> None:
        """A page has an entity tag and a date, a file its own date; asking again with either is 304."""
        for target, date in (
            ("/", "Tue, 14 Nov 2023 22:13:20 GMT"),
            ("/file", "Sun, 13 Sep 2020 12:26:40 GMT"),
        ):
            reply = self.ask(target)
            tag = reply.headers["etag"]
            self.assertEqual(reply.headers["last-modified"], date)
            for field, status in (
                (f"If-None-Match: {tag}", 304),
                (f'If-None-Match: "x", W/{tag}', 304),
                ("If-None-Match: *", 304),
                ('If-None-Match: "x"', 200),
                (f"If-Modified-Since: {date}", 304),
                ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 200),
                ("If-Modified-Since: yesterday", 200),
                (f"If-Match: {tag}", 200),
                ('If-Match: "x"', 412),
                ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 412),
            ):
                for method in ("GET", "HEAD"):
                    reply = self.ask(target, field, method=method)
                    self.assertEqual(reply.status, status, field)
                    if status == 304:
                        self.assertEqual((reply.body, reply.headers["etag"]), (b"", tag))
                        self.assertNotIn("content-type", reply.headers)

    def test_range(self) -> None:
        """Bytes of a file, and of a page; where they are not there, how many there are."""
        content = self.path.read_bytes()
        for field, part in (
            ("0-0", content[:1]),
            ("5-", content[5:]),
            ("-3", content[-3:]),
            ("2-9", content[2:10]),
        ):
            reply = self.ask("/file", f"Range: bytes={field}")
            self.assertEqual((reply.status, reply.body), (206, part))
            first = content.index(part) if field != "-3" else 2045
            self.assertEqual(reply.headers["content-range"], f"bytes {first}-{first + len(part) - 1}/2048")
        reply = self.ask("/file", "Range: bytes=2048-")
        self.assertEqual((reply.status, reply.headers["content-range"]), (416, "bytes */2048"))
        self.assertEqual(self.ask("/file", "Range: bytes=0-1,4-5").body, content)
        self.assertEqual(self.ask("/", "Range: bytes=0-4").body, b"hello")
        self.assertEqual(self.ask("/file", "Range: bytes=0-1", method="HEAD").status, 200)

    def test_if_range(self) -> None:
        """Only what is the same for sure is resumed."""
        reply = self.ask("/file")
        tag, date = reply.headers["etag"], reply.headers["last-modified"]
        for condition, status in (
            (tag, 206),
            (date, 206),
            (f"W/{tag}", 200),
            ('"x"', 200),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 200),
            ("Fri, 01 Jan 2038 00:00:00 GMT", 200),
        ):
            reply = self.ask("/file", "Range: bytes=5-", f"If-Range: {condition}")
            self.assertEqual(reply.status, status, condition)

    def test_condition_before_range(self) -> None:
        """A client that has the page already gets no part of it (RFC 9110 §13.2.2)."""
        tag = self.ask("/file").headers["etag"]
        self.assertEqual(self.ask("/file", "Range: bytes=0-1", f"If-None-Match: {tag}").status, 304)

    def test_gzip(self) -> None:
        """In gzip only for who asks; the tag is weak then, and a part is never of the squeezed bytes."""
        reply = self.ask("/", "Accept-Encoding: gzip")
        self.assertEqual(reply.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(reply.body), b"hello " * 400)
        self.assertEqual(reply.headers["etag"], "W/" + self.ask("/").headers["etag"])
        self.assertEqual(
            self.ask("/", "Accept-Encoding: gzip", f"If-None-Match: {reply.headers['etag']}").status, 304
        )
        for fields in ((), ("Accept-Encoding: br",), ("Accept-Encoding: gzip;q=0",)):
            reply = self.ask("/", *fields)
            self.assertNotIn("content-encoding", reply.headers)
            self.assertEqual(reply.headers["vary"], "Accept-Encoding")
        reply = self.ask("/", "Accept-Encoding: gzip", "Range: bytes=0-4")
        self.assertEqual((reply.status, reply.body), (206, b"hello"))
        self.assertNotIn("vary", self.ask("/file").headers)
        self.serve("-s", "/=" + "hello " * 400, "--no-gzip")
        self.assertNotIn("content-encoding", self.ask("/", "Accept-Encoding: gzip").headers)

    def test_changed_in_place(self) -> None:
        """A long file that was written into is another: its tag, its size, and no part is resumed."""
        self.patch(table, "MEMORY_EACH", 10)
        self.serve("-f", f"/file={self.path}")
        tag = self.ask("/file").headers["etag"]
        with self.path.open("ab") as file:
            file.write(b"more")
        reply = self.ask("/file", "Range: bytes=5-", f"If-Range: {tag}")
        self.assertEqual((reply.status, len(reply.body)), (200, 2052))


class LongFileTests(Serving):
    """Files that are sent as the client takes them."""

    def setUp(self) -> None:
        self.patch(table, "MEMORY_EACH", 10)
        self.path = Path(self.mktemp()).absolute()
        self.content = os.urandom(1_000_000)
        self.path.write_bytes(self.content)
        self.serve("-f", f"/file={self.path}")

    def begin(self, *fields: str) -> Client:
        """A client that asked for the file, and got the first pieces."""
        client = Client(self.site)
        head = ["GET /file HTTP/1.1", "Host: localhost", *fields]
        client.protocol.dataReceived(("\r\n".join(head) + "\r\n\r\n").encode())
        return client

    def finish(self, client: Client) -> bytes:
        """All that came."""
        for _ in range(100):
            self.clock.advance(0)
        return client.transport.value()

    def test_whole(self) -> None:
        """The whole file, in turns; then the connection is free for the next request."""
        client = self.begin()
        self.assertLess(len(client.transport.value()), 300_000)
        self.assertTrue(self.finish(client).endswith(self.content))
        self.assertEqual(self.visits[-1][2:4], (200, len(self.content)))
        client.transport.clear()
        (reply,) = client.send(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(reply.status, 404)

    def test_range(self) -> None:
        """A part of it."""
        client = self.begin("Range: bytes=1000-899999")
        self.assertTrue(self.finish(client).endswith(self.content[1000:900_000]))

    def test_slow_client(self) -> None:
        """While the client takes nothing nothing is read; it goes on where it was."""
        client = self.begin()
        client.protocol.pauseProducing()
        got = len(client.transport.value())
        self.finish(client)
        self.assertEqual(len(client.transport.value()), got)
        client.protocol.resumeProducing()
        self.assertTrue(self.finish(client).endswith(self.content))

    def test_client_gone(self) -> None:
        """When the client leaves, nothing more is read for it."""
        client = self.begin()
        client.protocol.connectionLost(Failure(ConnectionDone()))
        got = len(client.transport.value())
        self.assertEqual(len(self.finish(client)), got)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cut_short(self) -> None:
        """A file that became shorter under way cuts the connection: no client takes a part for the whole."""
        client = self.begin()
        os.truncate(self.path, 300_000)
        self.finish(client)
        self.assertTrue(client.transport.disconnected)
        self.assertLess(len(client.transport.value()), 400_000)


class TableTests(Serving):
    """What a table can say."""

    def test_sequence(self) -> None:
        """One status a request, the last one stays; faults have their name as body and no tag."""
        self.table('["/"]\nbody = "at last"\nstatus = [503, 503, 200]\n')
        replies = [self.ask() for _ in range(4)]
        self.assertEqual([reply.status for reply in replies], [503, 503, 200, 200])
        self.assertEqual(replies[0].body, b"<h1>Service Unavailable</h1>")
        self.assertEqual(replies[2].body, b"at last")
        self.assertNotIn("etag", replies[0].headers)
        self.root.show(self.root.table)
        self.assertEqual(self.ask().status, 503)

    def test_status(self) -> None:
        """A page may be of any status, with its own words."""
        self.table('["/"]\nbody = "<h1>Back at 9</h1>"\nstatus = 503\nheaders = {Retry-After = "60"}\n')
        reply = self.ask()
        self.assertEqual((reply.status, reply.body), (503, b"<h1>Back at 9</h1>"))
        self.assertEqual(reply.headers["retry-after"], "60")

    def test_redirect(self) -> None:
        """A redirect says where to, in its field and in its body, escaped."""
        self.table('["/old"]\nredirect = "/new?a=1&b=<"\nstatus = 308\n["/tmp"]\nredirect = "/x"\n')
        reply = self.ask("/old")
        self.assertEqual((reply.status, reply.headers["location"]), (308, "/new?a=1&b=<"))
        self.assertIn(b'<a href="/new?a=1&amp;b=&lt;">', reply.body)
        self.assertEqual(self.ask("/tmp").status, 302)

    def test_delay(self) -> None:
        """An answer comes after its delay; who leaves before is forgotten."""
        self.table('["/"]\nbody = "x"\ndelay = "2s"\n')
        client = Client(self.site)
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.assertEqual(client.send(request), [])
        self.clock.advance(1.9)
        self.assertEqual(client.replies(), [])
        self.clock.advance(0.2)
        self.assertEqual([reply.body for reply in client.replies()], [b"x"])
        other = Client(self.site)
        other.send(request)
        other.protocol.connectionLost(Failure(ConnectionDone()))
        client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_methods(self) -> None:
        """Other methods where the table says so; they take no condition and no range."""
        self.table('["/api"]\nbody = "{}"\ntype = "application/json"\nmethods = ["POST"]\n')
        self.assertEqual(self.ask("/api").status, 405)
        reply = self.ask("/api", "If-None-Match: *", "Range: bytes=0-0", method="POST")
        self.assertEqual(
            (reply.status, reply.body, reply.headers["content-type"]), (200, b"{}", "application/json")
        )
        self.assertEqual(self.ask("/api", method="OPTIONS").headers["allow"], "POST, OPTIONS")

    def test_new_table(self) -> None:
        """A table that was put in the place of another holds at once, for ready pages too."""
        self.serve("-s", "/=old")
        self.assertEqual([self.ask().body for _ in range(2)], [b"old"] * 2)
        path = Path(self.mktemp())
        path.write_text('"/" = "new"')
        self.root.show(load(of_file(str(path)), now=0))
        self.assertEqual(self.ask().body, b"new")


class SettingsTests(SynchronousTestCase):
    """Settings that can't be."""

    def test_refused(self) -> None:
        """Each fault is told at the start, all of them at once."""
        for words, arguments in (
            ("/ is there already: --page /", ("-s", "/=a", "-s", "/=b")),
            ("/ is there already: --page /", ("-s", "/=a", "-f", "/=b")),
            (
                "--page",
                (
                    "-s",
                    "home",
                ),
            ),
            (
                "--file",
                (
                    "-f",
                    "a=b",
                ),
            ),
            ("cannot be read", ("--table", "/nowhere")),
            (
                "--port",
                (
                    "-p",
                    "tcp:8000",
                ),
            ),
        ):
            error = self.assertRaises(usage.UsageError, Options().parse, list(arguments))
            self.assertIn(words, str(error))
        error = self.assertRaises(usage.UsageError, Options().parse, ["-s", "x", "-s", "y"])
        self.assertEqual(len(str(error).splitlines()), 2)
