"""What reading a head costs, and what each reader lets through: ours, llhttp (by httptools), and h11.

    python bench/heads.py [ROUNDS]

The first table is microseconds for one head that arrives in one piece: the median over rounds in which the
readers take turns, so that a busy moment of the machine meets all of them.  "llhttp, fields" only collects
what llhttp calls back with; "llhttp, facts" also makes of it what a proxy has to know and ours gives: length,
chunked, Host, the options of Connection, and of a request where its target points.  Both keep one parser for
the whole connection, which favours llhttp: a proxy needs a new one for each answer, as an answer to HEAD
would be misread.  h11's connections are made ready outside the clock.

The second table feeds doubtful messages to each: refused (with our status), accepted, or waiting for more.
"""

import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that a clone will do

import h11
import httptools

from netsuite.http1.body import request_body, response_body
from netsuite.http1.errors import BadMessage
from netsuite.http1.head import HeadReader, parse_request, parse_response
from netsuite.http1.limits import DEFAULT

BATCH = 400
Read = Callable[[bytes], object]


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


_BROWSER = (
    "Host: www.example.com",
    "Connection: keep-alive",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Referer: http://www.example.com/somewhere/else?with=query",
    "Accept-Encoding: gzip, deflate",
    "Accept-Language: en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes",
    "Cache-Control: max-age=0",
    "Upgrade-Insecure-Requests: 1",
    'If-None-Match: "5f3c-1a2b3c"',
    "If-Modified-Since: Tue, 02 Jan 2024 10:00:00 GMT",
)
_NGINX = (
    "Server: nginx/1.22.1",
    "Date: Mon, 23 Nov 2026 09:41:45 GMT",
    "Content-Length: 0",
    "Content-Type: text/html; charset=utf-8",
    "Last-Modified: Mon, 23 Nov 2026 09:00:00 GMT",
    "Connection: keep-alive",
    'ETag: "6561a0b0-400"',
    "Accept-Ranges: bytes",
)
_CDN = (
    *_NGINX,
    "Cache-Control: public, max-age=31536000, immutable",
    "Vary: Accept-Encoding, Origin",
    "Strict-Transport-Security: max-age=63072000; includeSubDomains; preload",
    "Content-Security-Policy: default-src 'self'; img-src * data:; script-src 'self' https://cdn.example.com",
    "X-Content-Type-Options: nosniff",
    "Set-Cookie: id=0123456789abcdef; Path=/; Secure; HttpOnly; SameSite=Lax",
    "Set-Cookie: seen=1; Path=/; Max-Age=86400",
    "Via: 1.1 varnish, 1.1 edge",
)
_LINE = "GET http://www.example.com/index.html?a=b HTTP/1.1"
REQUESTS = {
    "request, 1 field (wrk)": head(_LINE, _BROWSER[0]),
    "request, 4 fields": head(_LINE, *_BROWSER[:2], "User-Agent: curl/7.88.1", "Accept: */*"),
    "request, 12 fields (browser)": head(_LINE, *_BROWSER),
}
ANSWERS = {
    "answer, 3 fields": head("HTTP/1.1 200 OK", *_NGINX[:3]),
    "answer, 8 fields (nginx)": head("HTTP/1.1 200 OK", *_NGINX),
    "answer, 16 fields": head("HTTP/1.1 200 OK", *_CDN),
}


class Fields:
    """llhttp's callbacks, collecting what they bring and no more."""

    def __init__(self, kind: type) -> None:
        self.parser = kind(self)
        self.url = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.last: object = None
        self.messages = 0

    def on_message_begin(self) -> None:
        self.url = b""
        self.fields = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_status(self, reason: bytes) -> None:
        self.url += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self.parser
        what = parser.get_method() if hasattr(parser, "get_method") else parser.get_status_code()
        self.last = (what, self.url, parser.get_http_version(), parser.should_keep_alive(), self.fields)

    def on_message_complete(self) -> None:
        self.messages += 1


class Facts(Fields):
    """The same, and what a proxy has to find in it."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        table = {name.lower(): value for name, value in self.fields}
        length = table.get(b"content-length")
        chunked = table.get(b"transfer-encoding")
        options = frozenset(table.get(b"connection", b"").lower().split(b", "))
        upgrade, expect, host = table.get(b"upgrade"), table.get(b"expect"), table.get(b"host")
        target = None
        if isinstance(self.parser, httptools.HttpRequestParser):
            url = httptools.parse_url(self.url)
            target = url.schema.lower(), url.host.lower(), url.port or 80, url.path, url.query
        self.facts = (length and int(length), chunked, options, upgrade, expect, host, target)


def h11_ready(role: Any) -> h11.Connection:
    """An h11 connection that waits for the head we feed it."""
    connection = h11.Connection(role, max_incomplete_event_size=DEFAULT.head_bytes)
    if role is h11.CLIENT:
        connection.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
        connection.send(h11.EndOfMessage())
    return connection


def h11_reads(role: Any) -> list[Read]:
    def one(connection: h11.Connection) -> Read:
        def read(data: bytes) -> object:
            connection.receive_data(data)
            return connection.next_event()

        return read

    return [one(h11_ready(role)) for _ in range(BATCH)]


def readers(of_requests: bool) -> dict[str, Callable[[], list[Read]]]:
    """For each reader, what makes ready a batch of calls that read one head each."""
    kind = httptools.HttpRequestParser if of_requests else httptools.HttpResponseParser
    parse = parse_request if of_requests else parse_response
    role = h11.SERVER if of_requests else h11.CLIENT
    return {
        "ours": lambda: [HeadReader(parse, DEFAULT).feed] * BATCH,
        "llhttp, fields": lambda: [Fields(kind).parser.feed_data] * BATCH,
        "llhttp, facts": lambda: [Facts(kind).parser.feed_data] * BATCH,
        "h11": lambda: h11_reads(role),
    }


def costs(rounds: int) -> None:
    """Print the table of microseconds a head."""
    names = list(readers(True))
    print(f"{'µs a head':30}{'bytes':>7}" + "".join(f"{name:>16}" for name in names))
    for label, data in {**REQUESTS, **ANSWERS}.items():
        taken: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(rounds):
            for name, ready in readers(label in REQUESTS).items():
                reads = ready()
                began = perf_counter_ns()
                for read in reads:
                    read(data)
                taken[name].append((perf_counter_ns() - began) / BATCH / 1000)
        row = "".join(f"{statistics.median(taken[name]):16.2f}" for name in names)
        print(f"{label:30}{len(data):7}{row}")


_START = b"POST / HTTP/1.1\r\nHost: a.example\r\n"
_CHUNKED = _START + b"Transfer-Encoding: chunked\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\n"
DOUBTFUL = {
    "Content-Length and chunked": _START
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two unlike Content-Lengths": _START + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "two equal Content-Lengths": _START + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "Content-Length: 5, 5": _START + b"Content-Length: 5, 5\r\n\r\nhello",
    "Content-Length: +5": _START + b"Content-Length: +5\r\n\r\nhello",
    "Transfer-Encoding: xchunked": _START + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked, chunked": _START + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: gzip, chunked": _START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked<TAB>": _START + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk size 0x5": _CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size with a last space": _CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "bare LF after a chunk size": _CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "bare LF in a chunk extension": _CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "not CRLF after a chunk": _CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
    "bare LF between fields": b"GET / HTTP/1.1\nHost: a.example\n\n",
    "bare CR in a value": _START + b"A: b\rC: d\r\n\r\n",
    "NUL in a value": _START + b"A: b\0c\r\n\r\n",
    "folded line": _START + b"A: b\r\n c\r\n\r\n",
    "space before a colon": _START + b"A : b\r\n\r\n",
    "empty field name": _START + b": b\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": _START + b"Host: b.example\r\n\r\n",
    "Host: a/b": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "Host unlike the target": b"GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "user in the target": b"GET http://u@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "Connection: content-length": _START + b"Content-Length: 5\r\nConnection: content-length\r\n\r\nhello",
    "HTTP/2.0 as version": b"GET / HTTP/2.0\r\nHost: a.example\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "8-bit target": b"GET /\xe9 HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "unknown method (valid)": b"FROB / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "space around ; in a chunk (valid)": _CHUNKED + b"5 ; a\r\nhello\r\n0\r\n\r\n",
    "empty line before (valid)": b"\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "20,000 fields": _START + b"A: b\r\n" * 20000 + b"\r\n",
}
DOUBTFUL_ANSWERS = {
    "answer: both lengths": _OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "answer: two equal lengths": _OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "answer: chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "answer: 204 with a length": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "answer: status 600": b"HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n",
    "answer: no space after 200 (harmless)": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
}


def ours(data: bytes, of_requests: bool) -> str:
    try:
        if of_requests:
            request = HeadReader(parse_request, DEFAULT).feed(data)
            rest = request and request_body(request[0]).feed(request[1])[1]
        else:
            answer = HeadReader(parse_response, DEFAULT).feed(data)
            rest = answer and response_body(answer[0], b"GET").feed(answer[1])[1]
    except BadMessage as error:
        return f"refused {error.status}"
    return "waiting" if rest is None else "accepted"


def by_llhttp(data: bytes, of_requests: bool) -> str:
    reader = Fields(httptools.HttpRequestParser if of_requests else httptools.HttpResponseParser)
    try:
        reader.parser.feed_data(data)
    except httptools.HttpParserError:
        return "accepted, rest refused" if reader.messages else "refused"
    return "accepted" if reader.messages else "waiting"


def by_h11(data: bytes, of_requests: bool) -> str:
    connection = h11_ready(h11.SERVER if of_requests else h11.CLIENT)
    try:
        connection.receive_data(data)
        while (event := connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage):
                return "accepted"
    except h11.RemoteProtocolError:
        return "refused"
    return "waiting"


def verdicts() -> None:
    """Print what each reader makes of the doubtful messages."""
    print(f"\n{'what it lets through':40}{'ours':>14}{'llhttp':>24}{'h11':>12}")
    for label, data in {**DOUBTFUL, **DOUBTFUL_ANSWERS}.items():
        of_requests = label in DOUBTFUL
        row = ours(data, of_requests), by_llhttp(data, of_requests), by_h11(data, of_requests)
        print(f"{label:40}{row[0]:>14}{row[1]:>24}{row[2]:>12}")


if __name__ == "__main__":
    costs(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    verdicts()
