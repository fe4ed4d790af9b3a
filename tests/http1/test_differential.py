"""Do three readers agree?  Streams of requests made by a grammar, read by us, llhttp (httptools) and h11.

The criterion is HTTP Garden's: whatever we accept, the others read as the same messages: as many, each with
the same method, target, fields and body.  Where they differ from each other or are laxer than we are, we must
have refused.  What we accept on purpose and one of them does not read, closed and by name:

* ``llhttp: method``: it knows methods from a list and in upper case only; any token is one (RFC 9110 §9.1).
* ``llhttp: tunnel``: it stops after CONNECT or an Upgrade, even one with content; the head is compared.
* ``llhttp: quoted obs-text``: it refuses 8-bit bytes in a quoted extension value (allowed: RFC 9110 §5.6.4).
* ``llhttp: closing trailer``: it obeys ``Connection: close`` in a trailer, where it means nothing
  (RFC 9110 §6.5.1) and where we leave it out.
* ``both: chunk white space``: they refuse white space around an extension's ``;`` and ``=`` (h11: before
  ``;``), which a recipient must read (RFC 9110 §5.6.3, RFC 9112 §7.1.1); we drop extensions all the same.
* ``h11: empty line``: it refuses the one empty line before a request that RFC 9112 §2.2 asks to pass over.
"""

import random

import h11
import httptools
from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.body import request_body
from netsuite.http1.errors import BadMessage
from netsuite.http1.fields import Fields
from netsuite.http1.head import HeadReader, parse_request
from netsuite.http1.limits import DEFAULT
from tests.scale import NIGHTLY

#: A message as read: method, target, fields by lower-case name, body.
Message = tuple[bytes, bytes, Fields, bytes]

#: RELIABILITY §3 row 22.
REQUESTS_A_RUN = 50_000 if NIGHTLY else 2500


def plain(fields: Fields) -> Fields:
    """``fields`` without what readers show each in their own way: case of names and codings, a last tab."""
    lower = [(name.lower(), value.strip(b" \t")) for name, value in fields]
    return [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in lower]


def ours(data: bytes) -> tuple[list[Message], str]:
    """The whole messages we read, and how it ended: ``all``, ``refused``, ``closed`` or ``waiting``."""
    reader = HeadReader(parse_request, DEFAULT)
    read: list[Message] = []
    while data:
        try:
            found = reader.feed(data)
            if found is None:
                return read, "waiting" if reader.held else "all"
            head, rest = found
            body = request_body(head)
            payload, left = body.feed(rest)
        except BadMessage:
            return read, "refused"
        if left is None:
            return read, "waiting"
        read.append((head.method, head.raw_target, plain(head.fields), payload))
        if not head.keep_alive or head.method == b"CONNECT" or head.upgrade:
            return read, "closed"
        data = left
    return read, "all"


class Collector:
    """What llhttp calls back with."""

    def __init__(self) -> None:
        self.read: list[Message] = []
        self.parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self.url, self.body = b"", b""
        self.fields: Fields = []
        self.in_body = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_body:  # else a trailer
            self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_body = True
        self.method = self.parser.get_method()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.read.append((self.method, self.url, plain(self.fields), self.body))


def by_llhttp(data: bytes) -> tuple[list[Message], str]:
    collector = Collector()
    try:
        collector.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        return collector.read, "tunnel"
    except httptools.HttpParserInvalidMethodError:
        return collector.read, "method"
    except httptools.HttpParserError:
        return collector.read, "refused"
    return collector.read, "all"


def by_h11(data: bytes) -> tuple[list[Message], str]:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=DEFAULT.head_bytes)
    connection.receive_data(data)
    read: list[Message] = []
    request, body = None, b""
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return read, "refused"
        if isinstance(event, h11.Request):
            request, body = event, b""
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None
            fields = plain([(bytes(name), bytes(value)) for name, value in request.headers])
            read.append((bytes(request.method), bytes(request.target), fields, body))
            connection.send(h11.Response(status_code=404, headers=[(b"content-length", b"0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return read, "closed"
            connection.start_next_cycle()
        else:
            return read, "all"


class Grammar:
    """Requests by the grammar of RFC 9112, with something doubtful in about every third."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.empty_line = False  # in the stream made last

    def stream(self) -> bytes:
        self.empty_line = False
        return b"".join(self.request() for _ in range(self.dice.randint(1, 4)))

    def request(self) -> bytes:
        pick = self.dice.choice
        method = pick(
            [b"GET"] * 4 + [b"POST"] * 4 + [b"PUT", b"HEAD", b"DELETE", b"QUERY", b"frob", b"OPTIONS"]
        )
        target, host = pick(TARGETS)
        if self.rarely(20):
            method, target, host = b"CONNECT", b"a.example:443", b"a.example:443"
        version = (
            b"HTTP/1.1" if not self.rarely(12) else pick([b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0"])
        )
        space = b" " if not self.rarely(60) else pick([b"  ", b"\t"])
        fields = [b"Host:" + self.blank() + host]
        fields += [pick(FIELDS) for _ in range(self.dice.randint(0, 3))]
        framing, body = self.framing(method)
        fields += framing
        if self.rarely(12):
            fields.append(pick(DOUBTFUL))
        self.dice.shuffle(fields)
        end = b"\r\n" if not self.rarely(60) else b"\n"
        start = b"" if not self.rarely(30) else pick([b"\r\n", b"\n", b"\r\n\r\n"])
        self.empty_line |= start != b""
        line = space.join((method, target, version))
        return start + b"\r\n".join([line, *fields]) + b"\r\n" + end + body

    def framing(self, method: bytes) -> tuple[list[bytes], bytes]:
        """Fields that announce a body, and the body."""
        if method in (b"GET", b"HEAD", b"CONNECT") and not self.rarely(10):
            return [], b""
        kind = self.dice.randint(0, 9)
        payload = self.payload()
        if kind < 4:
            length = b"%d" % len(payload)
            if self.rarely(6):
                length = self.dice.choice(
                    [b"+" + length, b"0" + length, length + b" ", length + b", " + length, b""]
                )
            return [b"Content-Length:" + self.blank() + length], payload
        if kind < 8:
            coding = b"chunked" if not self.rarely(6) else self.dice.choice(CODINGS)
            fields = [b"Transfer-Encoding:" + self.blank() + coding]
            if self.rarely(12):
                fields.append(b"Content-Length: %d" % len(payload))
            return fields, self.chunks()
        return [], b""

    def payload(self) -> bytes:
        return self.dice.choice(
            [b"", b"x", b"hello", b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"]
        )

    def chunks(self) -> bytes:
        data = b""
        for _ in range(self.dice.randint(0, 3)):
            payload = self.payload() or b"y"
            size = b"%x" % len(payload)
            if self.rarely(8):
                odd = [b"0" + size, size.upper(), b"0x" + size, size + b" ", b" " + size, b"+" + size]
                size = self.dice.choice(odd)
            extension = self.dice.choice(EXTENSIONS) if self.rarely(3) else b""
            end = b"\r\n" if not self.rarely(40) else self.dice.choice([b"\n", b"\r\r\n", b"XX", b""])
            data += size + extension + b"\r\n" + payload + end
        trailers = self.dice.choice(FIELDS) + b"\r\n" if self.rarely(5) else b""
        return data + b"0\r\n" + trailers + b"\r\n"

    def blank(self) -> bytes:
        return b" " if not self.rarely(5) else self.dice.choice([b"", b"  ", b"\t", b" \t"])

    def rarely(self, one_in: int) -> bool:
        return self.dice.randrange(one_in) == 0


TARGETS = [
    (b"/", b"a.example"),
    (b"/path?query=1&b", b"a.example:8080"),
    (b'/a|b{c}"`^', b"a.example"),
    (b"http://a.example/x", b"a.example"),
    (b"http://a.example:8080?q", b"A.example:8080"),
    (b"http://[2001:db8::1]/", b"[2001:db8::1]"),
    (b"http://u@a.example/", b"a.example"),
    (b"http://b.example/", b"a.example"),
    (b"/a#b", b"a.example"),
    (b"/caf\xe9", b"a.example"),
    (b"//a.example/x", b"a.example"),
]
FIELDS = [
    b"Accept: */*",
    b"accept-language: de, en;q=0.5",
    b'Cookie: a=b; c="d"',
    b"Cookie: e=f",
    b"X-Empty:",
    b"X-Empty: ",
    b"X-Obs: caf\xe9",
    b"X-Odd!#$%&'*+-.^_`|~: v",
    b"X-Spaces:   a  b   ",
    b"X-Tab: a\tb",
    b"Connection: keep-alive",
    b"Connection: close",
    b"Connection: x-a, X-B",
]
DOUBTFUL = [
    b"X: a\x00b",
    b"X: a\rb",
    b"X: a\nContent-Length: 3",
    b"X: a\r\n folded",
    b"X : a",
    b" X: a",
    b": a",
    b"X",
    b"X\xe9: a",
    b"X(: a",
    b"Host: a.example",
    b"Host: b.example",
    b"Content-Length: 5",
    b"content-length: 0",
    b"Content-Length : 5",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding : chunked",
    b"Transfer_Encoding: chunked",
    b"Transfer-Encoding:\x0bchunked",
    b"Connection: upgrade\r\nUpgrade: websocket",
    b"Connection: content-length",
    b"Expect: 100-continue",
    b"X: a\x7f",
    b"X: \x1b[0m",
    b"X: trailing tab\t",
]
CODINGS = [
    b"Chunked",
    b"chunked\t",
    b" chunked",
    b"xchunked",
    b"gzip, chunked",
    b"chunked, chunked",
    b"chunked, identity",
    b"identity",
    b'"chunked"',
    b"chunked;a=b",
    b",chunked",
    b"",
]
EXTENSIONS = [
    b";a",
    b";a=b",
    b';a="b;c"',
    b';a="b\\"c"',
    b';a="caf\xe9"',
    b" ;a",
    b"; a = b",
    b";",
    b";a=",
    b";a\n",
    b";a\rb",
    b';a="b',
    b';a="b\r\n"',
]


class AgreementTests(SynchronousTestCase):
    def test_streams(self) -> None:
        """What we accept, llhttp and h11 read as the same, or by a named exception not at all."""
        seed = random.randrange(2**32)
        grammar = Grammar(random.Random(seed))
        made = accepted = 0
        while made < REQUESTS_A_RUN:
            stream = grammar.stream()
            mine, end = ours(stream)
            made += max(1, len(mine))
            accepted += len(mine)
            for name, (theirs, their_end) in {"llhttp": by_llhttp(stream), "h11": by_h11(stream)}.items():
                known = self.exception(name, their_end, stream, grammar.empty_line)
                much = min(len(mine), len(theirs)) if known else len(mine)
                note = f"{name}, seed {seed}: {stream!r} ended {end} and {their_end}"
                if known == "llhttp: tunnel" and much:
                    self.assertEqual(theirs[much - 1][:3], mine[much - 1][:3], note)
                    much -= 1
                self.assertEqual(theirs[:much], mine[:much], note)
                if end == "all" and not known:
                    self.assertEqual(len(theirs), len(mine), note)
        self.assertGreater(accepted, REQUESTS_A_RUN // 4)  # else the grammar tests refusals only

    def exception(self, name: str, end: str, stream: bytes, empty_line: bool) -> str | None:
        """The exception, named in this module's docstring, that explains who read less than we did."""
        if name == "llhttp" and end in ("method", "tunnel"):
            return f"llhttp: {end}"
        if end != "refused":
            return None
        if name == "llhttp" and b'="caf\xe9"' in stream:
            return "llhttp: quoted obs-text"
        if name == "llhttp" and b"\r\n0\r\nConnection: close\r\n" in stream:
            return "llhttp: closing trailer"
        if b" ;" in stream or (name == "llhttp" and b"; a =" in stream):
            return "both: chunk white space"
        return "h11: empty line" if name == "h11" and empty_line else None
