"""What visitors ask of echo and of the web sites, well formed or not, slow or broken off; and the answers."""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlencode

from bench.soaking.calls import Deed, check, check_in
from tests.httpecho.test_faults import MALFORMED
from tests.httpecho.test_websocket import SHAKE, masked
from tests.real import load
from tests.real.load import KIB, connect
from tests.real.parts import FETCH_SECONDS, until

#: How long a page may take to be counted, on a machine that is busy.
COUNT_SECONDS = 30.0

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def asked(port: int, path: str, body: bytes | None = None, **fields: str) -> tuple[int, bytes]:
    """Status and body of an answer of a site on this machine."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=FETCH_SECONDS)
    with closing(link):
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        link.request("GET" if body is None else "POST", path, body, named)
        answer = link.getresponse()
        return answer.status, answer.read()


def read_to_end(client: socket.socket) -> bytes:
    """All that comes until the end; a reset is one."""
    got = b""
    with suppress(ConnectionResetError):
        while data := client.recv(65536):
            got += data
    return got


def refused(port: int, sent: bytes) -> bytes:
    """What is answered to something that is not wanted whole: b"" if a reset has taken the answer away."""
    with connect(port) as client:
        with suppress(ConnectionResetError, BrokenPipeError):
            client.sendall(sent)
        return read_to_end(client)


class Echo:
    """Lines and datagrams."""

    def __init__(self, port: int, rng: random.Random) -> None:
        self._port, self._rng = port, rng

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [
            Deed(10, "echo lines", self.lines),
            Deed(4, "echo datagram", self.datagram),
            Deed(2, "echo too long", self.too_long),
            Deed(2, "echo slow", self.slow),
            Deed(2, "echo reset", self.reset),
        ]

    def lines(self) -> None:
        """Many lines at once, each answered in its turn."""
        said = [f"{self._rng.random()} grüß".encode() for _ in range(self._rng.choice((1, 5, 300)))]
        with connect(self._port) as client:
            client.sendall(b"\r\n".join([*said, b"quit", b""]))
            check(
                read_to_end(client), b"".join(b"You said: %b\r\n" % line for line in said) + b"Goodbye.\r\n"
            )

    def datagram(self) -> None:
        """A datagram comes back; one that the kernel drops is sent again."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", self._port))
            client.settimeout(5)
            sent = self._rng.randbytes(self._rng.choice((1, 500, 8000)))
            for attempt in range(3):
                client.send(sent)
                try:
                    check(client.recv(65536), sent)
                    return
                except TimeoutError:
                    if attempt == 2:
                        raise

    def too_long(self) -> None:
        """A line over the bound is refused in words."""
        with connect(self._port) as client:
            client.sendall(b"x" * (80 * KIB))
            check_in(
                b"Line too long.", read_to_end(client) or b"Line too long."
            )  # the rest of ours may reset it

    def slow(self) -> None:
        """A line that comes in pieces."""
        with connect(self._port) as client:
            for piece in (b"in ", b"pie", b"ces\n", b"quit\n"):
                client.sendall(piece)
                time.sleep(0.2)
            check(read_to_end(client), b"You said: in pieces\r\nGoodbye.\r\n")

    def reset(self) -> None:
        """A client that resets."""
        client = connect(self._port)
        client.sendall(b"line\n" * 100)
        load.reset(client)


class HttpEcho:
    """Requests echoed, answers on order, the ring, those who follow it, and WebSockets."""

    def __init__(self, port: int, rng: random.Random) -> None:
        self._port, self._rng = port, rng

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [
            Deed(8, "httpecho", self.echoed),
            Deed(3, "httpecho body", self.body),
            Deed(3, "httpecho malformed", self.malformed),
            Deed(3, "httpecho order", self.order),
            Deed(2, "httpecho ring", self.ring),
            Deed(2, "httpecho follow", self.follow),
            Deed(2, "httpecho websocket", self.websocket),
            Deed(1, "httpecho half", self.half),
        ]

    def echoed(self) -> None:
        """The request comes back."""
        word = f"/x{self._rng.randrange(10**9)}?q=1"
        status, body = asked(self._port, word, X_One="1")
        check(status, 200)
        check_in(f"GET {word} HTTP/1.1".encode(), body)

    def body(self) -> None:
        """A body comes back, as far as it is kept."""
        sent = b"%d " % self._rng.randrange(10**9) * self._rng.choice((1, 100, 20_000))
        status, body = asked(self._port, "/body", sent)
        check(status, 200)
        check_in(sent, body)

    def malformed(self) -> None:
        """What is wrong is echoed and told."""
        sent, note = self._rng.choice(sorted(MALFORMED.items()))
        check_in(note.encode(), refused(self._port, sent))

    def order(self) -> None:
        """An answer as it was ordered."""
        status = self._rng.choice((200, 404, 503))
        check(asked(self._port, f"/?status={status}&delay=300ms")[0], status)
        check(len(asked(self._port, "/?size=100000")[1]), 100_000)

    def ring(self) -> None:
        """The last requests, as a page and as JSON."""
        check(asked(self._port, "/_ring")[0], 200)
        status, body = asked(self._port, "/_ring.json?limit=5")
        check((status, "last" in json.loads(body)), (200, True))

    def follow(self) -> None:
        """Who follows hears of the next request."""
        with connect(self._port) as client, client.makefile("rb") as events:
            client.sendall(b"GET /_ring/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while events.readline() != b": requests as they come\n":
                pass
            self.echoed()
            while not (line := events.readline()).startswith(b"data: "):
                check(bool(line), True)
            if self._rng.random() < 0.5:
                load.reset(client)

    def websocket(self) -> None:
        """What is said in a WebSocket comes back."""
        word = b"word %d" % self._rng.randrange(10**9)
        with connect(self._port) as client, client.makefile("rb") as answers:
            client.sendall(SHAKE)
            while answers.readline() != b"\r\n":
                pass
            client.sendall(masked(1, word))
            check(answers.read(2 + len(word)), bytes((0x81, len(word))) + word)
            if self._rng.random() < 0.5:
                client.sendall(masked(8, struct.pack("!H", 1000)))
                check(answers.read(1), b"\x88")

    def half(self) -> None:
        """Half a request, and no more of it."""
        with connect(self._port) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhalf")


class Pages:
    """A table of pages, and each visit a line in the access log.  ``visited``: when each was answered."""

    def __init__(self, port: int, rng: random.Random) -> None:
        self._port, self._rng = port, rng
        self._lock = threading.Lock()
        self._next = 0
        self.visited: dict[int, float] = {}

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [
            Deed(10, "pages visit", self.visit),
            Deed(2, "pages malformed", self.malformed),
            Deed(1, "pages slow", self.slow),
            Deed(1, "pages large", self.large),
        ]

    def visit(self) -> None:
        """Some pages over one connection, there and not there, each by a browser of another name."""
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=FETCH_SECONDS)
        with closing(link):
            for path, status in self._rng.sample((("/test", 200), ("/", 200), ("/nowhere", 404)), 2):
                with self._lock:
                    self._next += 1
                    number = self._next
                link.request(self._rng.choice(("GET", "HEAD")), path, headers={"User-Agent": f"n{number}"})
                answer = link.getresponse()
                answer.read()
                check(answer.status, status)
                self.visited[number] = time.monotonic()

    def malformed(self) -> None:
        """What is no request is a 400, or ends."""
        sent = self._rng.choice((b"GET / HTTP/1.1\r\n\r\n", b"GET  /\r\n\r\n", b"\x16\x03\x01\r\n\r\n"))
        check_in(b" 400 ", refused(self._port, sent)[:40])

    def slow(self) -> None:
        """A request in pieces."""
        with connect(self._port) as client:
            for piece in (b"GET /te", b"st HTTP/1.1\r\nHo", b"st: localhost\r\nConnection: close\r\n\r\n"):
                client.sendall(piece)
                time.sleep(0.2)
            check_in(b"Test Page", read_to_end(client))

    def large(self) -> None:
        """A head over the bound."""
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: %b\r\n\r\n" % (b"x" * (40 * KIB))
        check_in(b" 431 ", refused(self._port, head)[:40] or b" 431 ")


class FormSite:
    """Visitors who fill the form in, and who reads the inbox.  ``thanked``: whose answer was taken."""

    def __init__(self, port: int, rng: random.Random) -> None:
        self._port, self._rng = port, rng
        self._lock = threading.Lock()
        self._next = 0
        self.sent = 0
        self.thanked: set[str] = set()

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [
            Deed(10, "form", self.fill_in),
            Deed(2, "form malformed", self.malformed),
            Deed(1, "form too large", self.too_large),
            Deed(2, "inbox", self.inbox),
        ]

    def fill_in(self) -> None:
        """A visitor fills the form in, and is thanked."""
        with self._lock:
            self._next += 1
            name = f"visitor{self._next:06}"
        status, page = asked(self._port, "/")
        check(status, 200)
        found = re.search(rb'name="_stamp" value="([^"]+)"', page)
        check(found is not None, True)
        assert found is not None
        fields = [("_stamp", found[1].decode()), ("name", name), ("color", "blue"), ("flavor", "vanilla")]
        with self._lock:
            self.sent += 1
        status, page = asked(self._port, "/posthandler", urlencode(fields).encode(), **FORM)
        check(status, 200)
        check_in(b"Thank you.", page)
        self.thanked.add(name)

    def malformed(self) -> None:
        """A post that can't be read."""
        status, _ = asked(self._port, "/posthandler", b"--x\r\nnonsense", Content_Type="multipart/form-data")
        check(400 <= status < 500, True)

    def too_large(self) -> None:
        """A post over the bound."""
        sent = (
            b"POST /posthandler HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\nname=%b" % (b"x" * KIB)
        )
        check_in(b" 413 ", refused(self._port, sent)[:40] or b" 413 ")

    def inbox(self) -> None:
        """The inbox as a page and as exports."""
        for path in ("/inbox", "/inbox.json", "/inbox.csv"):
            check(asked(self._port, path)[0], 200)


class Colors:
    """Colours, over TLS; whoever signed the certificate, ``trusted`` has it."""

    def __init__(self, port: int, rng: random.Random, trusted: Path) -> None:
        self._port, self._rng, self._trusted = port, rng, trusted

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [Deed(4, "colors", self.colors), Deed(1, "colors no handshake", self.no_handshake)]

    def link(self) -> http.client.HTTPSConnection:
        """A connection that has not been opened yet."""
        context = ssl.create_default_context(cafile=str(self._trusted))
        return http.client.HTTPSConnection("127.0.0.1", self._port, timeout=FETCH_SECONDS, context=context)

    def colors(self) -> None:
        """Some colours over one connection."""
        with closing(self.link()) as link:
            for _ in range(2):
                self.color(link)
            link.request("GET", "/color/nothing")
            answer = link.getresponse()
            answer.read()
            check(answer.status, 404)

    def color(self, link: http.client.HTTPSConnection) -> None:
        """A colour's page says its name."""
        color = f"{self._rng.randrange(1 << 24):06x}"
        link.request("GET", f"/color/{color}")
        answer = link.getresponse()
        page = answer.read()
        check(answer.status, 200)
        check_in(color.encode(), page)

    def no_handshake(self) -> None:
        """What is no TLS gets nothing."""
        check(b"200 OK" in refused(self._port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), False)


class Report:
    """Who reads the report, and marks and forgets words."""

    VIEWS: Sequence[str] = (
        *("/", "/words", "/unknown", "/known", "/days", "/sites", "/langs", "/pages", "/coverage", "/setup"),
        *("/words.json?limit=20", "/words.csv?limit=20", "/coverage.json", "/coverage.json?by=host,day"),
        *(
            "/search?q=tide",
            "/word/tide?lang=en",
            "/proxy.pac",
            "/healthz",
            "/overview.json",
            "/interception",
        ),
    )

    def __init__(self, port: int, proxy: int, word_url: str, secret: Path, rng: random.Random) -> None:
        self._port, self._proxy, self._word_url, self._secret, self._rng = port, proxy, word_url, secret, rng
        self._lock = threading.Lock()
        self._next = 0

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [
            Deed(12, "report", self.view),
            Deed(3, "report known", self.known),
            Deed(2, "report forget", self.forget, counts=True),
            Deed(2, "report events", self.events),
            Deed(1, "report health", self.health, counts=True),
            Deed(1, "report refused", self.refused),
        ]

    def view(self) -> None:
        """One of its pages."""
        path = self._rng.choice(self.VIEWS)
        status, page = asked(self._port, path)
        check((path, status), (path, 200))
        if ".json" in path:
            json.loads(page)

    def health(self) -> None:
        """It is well, for who asks by program."""
        check(asked(self._port, "/healthz")[0], 200)

    def post(self, path: str, told: dict[str, object]) -> tuple[int, bytes]:
        """The answer to a program that has the secret."""
        bearer = f"Bearer {self._secret.read_text().strip()}"
        return asked(
            self._port, path, json.dumps(told).encode(), Content_Type="application/json", Authorization=bearer
        )

    def known(self) -> None:
        """A word is marked, and listed as such."""
        level = self._rng.choice(("learning", "known", "new"))
        told = {"words": [{"word": "tide", "lang": "en", "level": level}]}
        check(self.post("/known", dict(told))[0], 200)

    def forget(self) -> None:
        """A word that is forgotten is listed no more."""
        with self._lock:
            self._next += 1
            word = "gone" + "".join(chr(ord("a") + int(digit)) for digit in f"{self._next:06}")
        check(load.fetch(self._proxy, self._word_url + word)[0], 200)
        until(f"{word} is counted", lambda: self._listed(word), COUNT_SECONDS)
        check(self.post("/forget", {"word": word, "lang": "en"})[0], 200)
        check(self._listed(word), [])

    def _listed(self, word: str) -> list[object]:
        found: list[object] = json.loads(asked(self._port, f"/words.json?q={word}")[1])["words"]
        return found

    def events(self) -> None:
        """A page that is open hears that it is alive, and is closed."""
        with connect(self._port) as client:
            client.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            check_in(b"200 OK", client.recv(65536))

    def refused(self) -> None:
        """Without the secret nothing is changed; another Host is answered by nobody."""
        check(asked(self._port, "/forget", b"what=everything", **FORM)[0], 401)
        check(asked(self._port, "/", Host="evil.example")[0], 421)


class Admin:
    """Who watches the suite."""

    def __init__(self, port: int, names: Sequence[str]) -> None:
        self._port, self._names = port, list(names)

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [Deed(2, "status", self.status, counts=True), Deed(2, "metrics", self.metrics)]

    def status(self) -> None:
        """All are up."""
        status, body = asked(self._port, "/status.json")
        told = json.loads(body)
        check((status, told["state"]), (200, "up"))
        check([each["name"] for each in told["services"]], self._names)

    def metrics(self) -> None:
        """The numbers of all are there."""
        status, body = asked(self._port, "/metrics")
        check(status, 200)
        for name in self._names:
            check_in(f'service="{name}"'.encode(), body)
