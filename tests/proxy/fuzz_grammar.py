"""Requests and answers made by a grammar, good ones and ones that somebody may read in two ways.

A clean message is one that every reader has to take, and to read alike; its maker knows what must come out at
the other end.  Others are made of a clean one by a field or a framing from the lists below, which hold what
proxies have been fooled with (RELIABILITY §2), or by changing bytes blindly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

HOSTS = (
    b"127.0.0.1:8080",
    b"127.0.0.1:8080",
    b"127.0.0.1:8080",
    b"127.0.0.2:8080",
    b"127.0.0.1:81",
    b"127.0.0.1",
)
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
TUNNEL = b"127.0.0.9:443"
METHODS = (b"GET",) * 6 + (b"HEAD", b"POST", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"QUERY")

#: Fields that change nothing; ``Connection`` among them names some.
_PLAIN = (
    b"Accept: */*",
    b"accept: application/json",
    b"Cookie: a=b; c=d",
    b"Cookie: e=f",
    b'X-Quoted: "a, b", c',
    b"X-Empty:",
    b"X-Tab:\ta\tb\t",
    b"X-Latin: caf\xe9",
    b"TE: trailers",
    b"Connection: keep-alive, x-empty",
    b"Proxy-Connection: keep-alive",
    b"Via: 1.0 other, 1.1 another",
    b"Range: bytes=0-1",
    b'If-None-Match: "x"',
    b"X-Long: " + b"l" * 100,
    b"Max-Forwards: 5",
    b"Upgrade-Insecure-Requests: 1",
    b"Authorization: Basic dTpw",
)
#: Fields that frame, route or end a message, or seem to.
NASTY = (
    b"Content-Length: 3",
    b"Content-Length: 0",
    b"content-length: 4",
    b"Content-Length: +3",
    b"Content-Length: -3",
    b"Content-Length: 3, 3",
    b"Content-Length: 3,4",
    b"Content-Length: 0x3",
    b"Content-Length: 3 ",
    b"Content-Length:\x0b3",
    b"Content-Length: 1_0",
    b"Content-Length: \xb2",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: 18446744073709551619",
    b"Content-Length : 3",
    b"Content-Length",
    b"Content-Length:",
    b" Content-Length: 3",
    b"Content_Length: 3",
    b"Transfer-Encoding: chunked",
    b"transfer-encoding: Chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip",
    b'Transfer-Encoding: "chunked"',
    b"Transfer-Encoding:\tchunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: chunked;q=1",
    b"Transfer-Encoding:",
    b"Transfer-Encoding : chunked",
    b"Transfer_Encoding: chunked",
    b"Transfer-Encoding: ,chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"X: y\0",
    b"X: y",
    b" folded",
    b"\tfolded",
    b": nameless",
    b"no colon",
    b"Host: other.example",
    b"Host: 127.0.0.1:8080",
    b"Host:",
    b"Connection: close",
    b"Connection: host",
    b"Connection: content-length",
    b"Connection: transfer-encoding",
    b"Connection: close, x, upgrade",
    b"Connection: \x0b",
    b"Connection: Connection",
    b"Connection: upgrade\r\nUpgrade: websocket",
    b"Connection: upgrade\r\nUpgrade: h2c",
    b"Upgrade: websocket",
    b"Expect: 100-continue",
    b"Expect: x",
    b"Max-Forwards: 0",
    b"Via: 1.1 bench",
    b"Trailer: Content-Length",
    b"Proxy-Authorization: Basic dTpw",
    b"HTTP/1.1 200 OK",
)
_SIZES = (
    b"%x",
    b"%X",
    b"0%x",
    b"0x%x",
    b"+%x",
    b"-%x",
    b" %x",
    b"%x ",
    b"%x\t",
    b"%x;e",
    b"%x;e=f",
    b'%x ; e = "q\\""',
    b"%x;",
    b"%x;e=\n",
    b"%x;\r",
    b"%x_0",
    b"0000000000000000%x",
    b"1000000000000000%x",
    b"%x;" + b"e" * 300,
)
_ENDS = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"", b"xx", b"\r\n\r\n", b" \r\n")
_BYTES = b'\r\n\0\t \x0b\x0c;:,="%#/?0159afAFx\x7f\x80\xa0\xff'
_EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
_NO_ANSWERS = (b"SSH-2.0-x\r\n\r\n", b"\0" * 50, b"HTTP/2.0 200 OK\r\n\r\n", b"<html>" * 20)
_TRAILERS = (b"X-T: 1", b"Content-Length: 3", b"Host: x", b"x-two: a", b" folded", b"no colon", b"X: a\nb: c")


@dataclass(slots=True)
class Message:
    """Bytes, and what was meant by them.  ``clean``: every reader must take them as they were meant."""

    data: bytes
    ident: bytes
    method: bytes = b"GET"
    path: bytes = b"/"
    body: bytes = b""
    clean: bool = True
    tunnel: bool = False


@dataclass(slots=True)
class Made:
    """An answer, and what was meant by it.  ``end``: what its origin does then: keep, fin, reset, hang."""

    data: bytes
    nonce: bytes
    status: int = 200
    body: bytes = b""
    end: str = "keep"
    clean: bool = True


def ident(rng: Random) -> bytes:
    """A name that nothing else has."""
    return b"%012x" % rng.getrandbits(48)


def payload(rng: Random, name: bytes) -> bytes:
    """A body that says of every few bytes whose they are."""
    size = rng.choice((0, 0, 1, 1, 2, 5, 30, 200))
    return (b"<%b>" % name * size)[: rng.randint(0, 14 * size)]


def chunks(rng: Random, body: bytes, *, clean: bool) -> bytes:
    """``body`` in chunks of any size, with extensions and trailers; not clean: with an odd line somewhere."""
    parts = []
    at = 0
    while at < len(body):
        size = rng.randint(1, max(1, len(body) if rng.random() < 0.5 else 9))
        piece = body[at : at + size]
        at += len(piece)
        form = rng.choice((b"%x", b"%X", b"0%x", b"%x;e=f", b'%x;e="a;b"'))
        parts.append(b"%b\r\n%b\r\n" % (form % len(piece), piece))
    trailers = [b"X-T: %d" % number for number in range(rng.choice((0, 0, 0, 1, 2)))]
    parts.append(b"\r\n".join([rng.choice((b"0", b"00", b"0;e")), *trailers, b"", b""]))
    if not clean:
        place = rng.randrange(len(parts))
        piece = b"abc"
        size_line = rng.choice(_SIZES) % len(piece) + rng.choice(_ENDS)
        trouble = rng.random()
        if trouble < 0.4:
            parts.insert(place, size_line + piece + b"\r\n")
        elif trouble < 0.7:
            parts.insert(place, b"3\r\n" + piece + rng.choice(_ENDS))
        else:
            parts[-1] = b"0\r\n" + b"\r\n".join(rng.choices(_TRAILERS, k=2)) + rng.choice(_ENDS) + b"\r\n"
    return b"".join(parts)


def mutated(rng: Random, data: bytes) -> bytes:
    """``data`` with one to three changes that follow no grammar."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if data:
            data = _changed(rng, data)
    return data


def _changed(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    end = min(len(data), at + rng.choice((1, 1, 2, 8, 60)))
    odd = bytes((rng.choice(_BYTES),))
    how = rng.randrange(7)
    if how == 0:
        return data[:at] + odd + data[at + 1 :]
    if how == 1:
        return data[:at] + odd + data[at:]
    if how == 2:
        return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
    if how == 3:
        return data[:at] + data[end:]
    if how == 4:
        return data[:at] + data[at:end] * 2 + data[end:]
    if how == 5:
        return data.replace(b"\r\n", rng.choice(_ENDS), rng.choice((1, 2, -1)))
    return data[:at]


def _with_line(rng: Random, lines: Sequence[bytes], line: bytes) -> list[bytes]:
    at = rng.randint(0, len(lines))
    return [*lines[:at], line, *lines[at:]]


def request(rng: Random, *, clean: bool, last: bool = True) -> Message:
    """A request for an origin; ``last``: it may be one after which there is no other, such as a tunnel."""
    name = ident(rng)
    if clean and last and rng.random() < 0.05:
        data = b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (TUNNEL, TUNNEL)
        return Message(data, name, b"CONNECT", body=payload(rng, name), tunnel=True)
    if clean and last and rng.random() < 0.05:
        head = (b"GET http://%b/%b HTTP/1.1" % (HOSTS[0], name), b"Host: " + HOSTS[0], UPGRADE, b"", b"")
        return Message(b"\r\n".join(head), name, path=b"/" + name, body=payload(rng, name), tunnel=True)
    method, host = rng.choice(METHODS), rng.choice(HOSTS)
    path = b"/%b" % name + rng.choice((b"", b"/", b"?q=1&r=%2f", b"/..;/x", b"/" + b"p" * 30))
    lines = rng.sample(_PLAIN, rng.choice((0, 1, 2, 4)))
    old = last and rng.random() < 0.05
    if not old or rng.random() < 0.5:
        lines = _with_line(rng, lines, b"Host: " + host)
    if last and rng.random() < 0.1:
        lines.append(b"Connection: close")
    body = payload(rng, name) if method not in (b"GET", b"HEAD") else b""
    framed = body
    if old or rng.random() < 0.5:
        if body or rng.random() < 0.1:
            lines = _with_line(rng, lines, b"Content-Length: %d" % len(body))
    elif body:
        lines = _with_line(
            rng, lines, rng.choice((b"Transfer-Encoding: chunked", b"TRANSFER-ENCODING: CHUNKED"))
        )
        framed = chunks(rng, body, clean=clean or rng.random() < 0.5)
    if not clean and rng.random() < 0.7:
        lines = _with_line(rng, lines, rng.choice(NASTY))
    start = b"%b http://%b%b HTTP/1.%d" % (method, host, path, not old)
    data = b"\r\n".join([start, *lines, b"", framed])
    if not clean and rng.random() < 0.5:
        data = mutated(rng, data)
    return Message(data, name, method, path, body, clean)


def answer(rng: Random, method: bytes, path: bytes, *, clean: bool, old: bool = False) -> Made:
    """An origin's answer to a request for ``path``; its body tells whose it is by the path's first part."""
    nonce = ident(rng)
    made = Made(b"", nonce, rng.choice((200, 200, 200, 200, 206, 404, 500, 204, 304, 301)), clean=clean)
    lines = [b"X-Path: " + path, b"X-Nonce: " + nonce, *rng.sample(_PLAIN, rng.choice((0, 1, 3)))]
    made.body = payload(rng, path[1:13])
    framed = made.body
    bare = method == b"HEAD" or made.status in (204, 304)
    framing = rng.choice(("length", "length", "chunked", "close"))
    if framing == "length" and made.status != 204:
        lines = _with_line(rng, lines, b"Content-Length: %d" % len(made.body))
    elif framing == "chunked" and made.status != 204:
        lines = _with_line(rng, lines, b"Transfer-Encoding: chunked")
        framed = chunks(rng, made.body, clean=clean or rng.random() < 0.5)
    elif not bare:
        made.end = "fin"
        lines += rng.choice(([], [b"Connection: close"]))
    if rng.random() < 0.1:
        lines, made.end = _with_line(rng, lines, b"Connection: close"), "fin"
    if bare:
        made.body = framed = b""
    if not clean and rng.random() < 0.6:
        lines = _with_line(rng, lines, rng.choice(NASTY))
    interim = b"" if old else _interim(rng)
    start = b"HTTP/1.1 %d %b" % (made.status, rng.choice((b"OK", b"", b"Caf\xe9 au lait")))
    made.data = interim + b"\r\n".join([start, *lines, b"", framed])
    return made if clean else _spoiled(rng, made)


def _interim(rng: Random) -> bytes:
    return b"".join(
        b"HTTP/1.1 %b\r\n\r\n" % rng.choice((b"100 Continue", b"102 Processing", b"103 Early\r\nLink: <a>"))
        for _ in range(rng.choice((0, 0, 0, 0, 1, 2)))
    )


def _spoiled(rng: Random, made: Made) -> Made:
    """``made`` as an origin in trouble, or a hostile one, would send it."""
    trouble = rng.random()
    if trouble < 0.4:
        made.data = mutated(rng, made.data)
    elif trouble < 0.6:
        made.data = made.data[: rng.randint(0, len(made.data))]
        made.end = rng.choice(("fin", "reset", "hang"))
    elif trouble < 0.7:
        made.data += rng.choice((b"\r\n", b"x", _EVIL, made.data))
    elif trouble < 0.8:  # as an origin does that closes a connection just when it is used again
        made.data, made.end = b"", rng.choice(("fin", "reset"))
    elif trouble < 0.84:
        made.data = rng.choice(_NO_ANSWERS)
    elif trouble < 0.88:
        made.data = SWITCHED + b"frames"
    else:
        made.end = rng.choice(("keep", "fin", "reset", "hang"))
    return made


def pieces(rng: Random, data: bytes) -> list[bytes]:
    """``data`` cut anywhere: whole, byte by byte, or in a few pieces."""
    how = rng.random()
    if how < 0.3 or len(data) < 2:
        return [data] if data else []
    if how < 0.4 and len(data) < 400:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(rng.sample(range(1, len(data)), min(len(data) - 1, rng.randint(1, 5))))
    return [data[low:high] for low, high in zip([0, *cuts], [*cuts, len(data)], strict=True)]
