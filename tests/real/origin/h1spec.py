"""The cases of h1spec (github.com/uNetworking/h1spec, October 2024), by its names and made anew.

It asks an echo server on any name; ours are asked by their own, and its two POSTs are wanted 2xx or 404 by
it, and anything but a refusal of their framing here: what may be posted, and by whom, is each site's own.
"""

from __future__ import annotations

from tests.real.origin.visit import ask, post

#: Pieces of a request, after each of which it waits for more.
WAITS = {
    "Fragmented method": b"G",
    "Fragmented URL 1": b"GET ",
    "Fragmented URL 2": b"GET PAGE",
    "Fragmented URL 3": b"GET PAGE ",
    "Fragmented HTTP version": b"GET PAGE HTTP",
    "Fragmented request line": b"GET PAGE HTTP/1.1",
    "Fragmented request line newline 1": b"GET PAGE HTTP/1.1\r",
    "Fragmented request line newline 2": b"GET PAGE HTTP/1.1\r\n",
    "Fragmented field name": b"GET PAGE HTTP/1.1\r\nHos",
    "Fragmented field value 1": b"GET PAGE HTTP/1.1\r\nHost:",
    "Fragmented field value 2": b"GET PAGE HTTP/1.1\r\nHost: ",
    "Fragmented field value 3": b"GET PAGE HTTP/1.1\r\nHost: HOST",
    "Fragmented field value 4": b"GET PAGE HTTP/1.1\r\nHost: HOST\r",
    "Fragmented request": b"GET PAGE HTTP/1.1\r\nHost: HOST\r\n",
    "Fragmented request termination": b"GET PAGE HTTP/1.1\r\nHost: HOST\r\n\r",
}

_HEAD = b"GET PAGE HTTP/1.1\r\nHost: HOST\r\n"

#: Requests, and the hundreds that the status may be of.
WANTED = {
    "Request without HTTP version": (b"GET / \r\n\r\n", (4, 5)),
    "Request with Expect header": (ask(b"Expect: 100-continue"), (2,)),
    "Valid GET request": (ask(), (2,)),
    "Valid GET request with edge cases": (b"GET PAGE HTTP/1.1\r\nhoSt:\tHOST\r\nempty:\r\n\r\n", (2,)),
    "Invalid header characters": (ask(b"X-Invalid[]: test"), (4,)),
    "Missing Host header": (b"GET PAGE HTTP/1.1\r\nContent-Length: 5\r\n\r\n", (4,)),
    "Multiple Host headers": (ask(b"Host: example.org"), (4,)),
    "Overflowing negative Content-Length header": (
        ask(b"Content-Length: -123456789123456789123456789"),
        (4,),
    ),
    "Negative Content-Length header": (ask(b"Content-Length: -1234"), (4,)),
    "Non-numeric Content-Length header": (ask(b"Content-Length: abc"), (4,)),
    "Empty header value": (ask(b"X-Empty-Header: "), (2,)),
    "Header containing invalid control character": (ask(b"X-Bad-Control-Char: test\x07"), (4,)),
    "Invalid HTTP version": (ask(start=b"GET PAGE HTTP/9.9"), (4, 5)),
    "Invalid prefix of request": (b"Extra line" + ask(), (4, 5)),
    "Invalid line ending": (_HEAD + b"\rSome-Header: Test\r\n\r\n", (4,)),
    "Valid POST request with body": (post(b"Content-Length: 5", body=b"hello"), (2, 4)),
    "Chunked Transfer-Encoding": (
        post(b"Transfer-Encoding: chunked", body=b"c\r\nHellO world1\r\n0\r\n\r\n"),
        (2, 4),
    ),
    "Conflicting Transfer-Encoding and Content-Length in varying case": (
        post(b"content-LengtH: 5", b"TransFer-Encoding: chunked", body=b"c\r\nHellO world1\r\n0\r\n\r\n"),
        (4,),
    ),
}
