"""Where a request ends: lengths, chunks, both, and every way of saying it wrongly."""

from __future__ import annotations

from collections.abc import Callable

from tests.real.wire.cases import must, should, useful
from tests.real.wire.line import Line, Message
from tests.real.wire.scene import Scene, ask, holds, post, reply, same

CHUNKED = b"Transfer-Encoding: chunked"

#: What a smuggler hides behind a message.
HIDDEN = b"GET http://ORIGIN/hidden HTTP/1.1\r\nHost: ORIGIN\r\n\r\n"


def chunked(*lines: bytes, body: bytes) -> bytes:
    """A chunked POST."""
    return post(CHUNKED, *lines, body=body)


def body_of(scene: Scene, request: bytes) -> bytes:
    """The body that reaches the origin."""
    return scene.forwarded(request).body


def refused_or(scene: Scene, request: bytes, check: Callable[[Message], None]) -> None:
    """It is answered 400 or 501 and the connection closed, or what the origin sees passes ``check``."""
    got = scene.attempt(request, 400, 501)
    if isinstance(got, Line):
        check(got.request())


# what is right


@must("RFC 9112 §6.2")
def body_with_a_length(scene: Scene) -> None:
    """A body with a length arrives whole."""
    same(body_of(scene, post(b"Content-Length: 5", body=b"hello")), b"hello", "body at the origin")


@must("RFC 9112 §6.2")
def every_byte_of_a_body(scene: Scene) -> None:
    """Every byte value passes in a body."""
    body = bytes(range(256)) * 16
    same(body_of(scene, post(b"Content-Length: 4096", body=body)), body, "body at the origin")


@must("RFC 9112 §6.3")
def no_body(scene: Scene) -> None:
    """A request with neither length nor chunks has no body: the next one follows it at once."""
    scene.exchange()
    same(scene.again()[0].target, b"/again", "second target")


@must("RFC 9110 §8.6")
def empty_body(scene: Scene) -> None:
    """A POST with a length of 0 stays one without a body."""
    seen, _ = scene.exchange(post(b"Content-Length: 0"))
    same(seen.body, b"", "body at the origin")
    same(scene.again()[0].target, b"/again", "second target")


@must("RFC 9110 §9.3.1")
def get_with_a_body(scene: Scene) -> None:
    """A GET with content is refused, or sent on with its content framed."""
    got = scene.attempt(ask(b"Content-Length: 5", body=b"hello"))
    if isinstance(got, Line):
        same(got.request().body, b"hello", "body at the origin")


@must("RFC 9112 §7.1")
def body_in_chunks(scene: Scene) -> None:
    """Chunks are read."""
    same(body_of(scene, chunked(body=b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")), b"hello!", "body at the origin")


@must("RFC 9112 §7.1")
def sizes_in_any_case(scene: Scene) -> None:
    """Chunk sizes are hexadecimal, in either case."""
    body = b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"
    same(body_of(scene, chunked(body=body)), b"0123456789" * 2, "body at the origin")


@must("RFC 9112 §7.1")
def sizes_with_zeros_before(scene: Scene) -> None:
    """Zeros before a chunk's size mean nothing."""
    same(body_of(scene, chunked(body=b"0005\r\nhello\r\n0000\r\n\r\n")), b"hello", "body at the origin")


@must("RFC 9112 §7.1.1")
def chunk_extensions(scene: Scene) -> None:
    """Chunk extensions that nobody knows are ignored."""
    body = b'5;a;b=c;d="e;\\"f"\r\nhello\r\n0;last\r\n\r\n'
    same(body_of(scene, chunked(body=body)), b"hello", "body at the origin")


@must("RFC 9112 §6.1")
def coding_in_any_case(scene: Scene) -> None:
    """The name of the chunked coding is read in any case."""
    request = post(b"Transfer-Encoding: Chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
    same(body_of(scene, request), b"hello", "body at the origin")


@must("RFC 9110 §5.6.1.2")
def coding_in_a_list_with_gaps(scene: Scene) -> None:
    """An empty member before the chunked coding is passed over, or the request refused."""
    request = post(b"Transfer-Encoding: , chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
    refused_or(scene, request, lambda seen: same(seen.body, b"hello", "body at the origin"))


@must("RFC 9112 §7.1")
def body_cut_into_single_bytes(scene: Scene) -> None:
    """A message is the same however TCP cuts it."""
    scene.another_client()
    for byte in scene.filled(chunked(b"X-A: 1", body=b"5;x=y\r\nhello\r\n0\r\n\r\n")):
        scene.client.send(bytes((byte,)))
    same(scene.arrival().request().body, b"hello", "body at the origin")


@must("RFC 9112 §7.1.2")
def trailers_stay_apart(scene: Scene) -> None:
    """A trailer is sent on as a trailer or left out, never among the fields of the head."""
    seen = scene.forwarded(chunked(b"Trailer: X-Sum", body=b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"))
    same(seen.body, b"hi", "body at the origin")
    holds(not seen.has("x-sum"), "the trailer is in the head")
    holds(seen.trailers in ([], [(b"X-Sum", b"7")]), f"trailers at the origin: {seen.trailers}")


@useful("RFC 9110 §6.5")
def trailers_pass(scene: Scene) -> None:
    """A trailer of a request reaches the origin."""
    seen = scene.forwarded(chunked(b"Trailer: X-Sum", body=b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"))
    same(seen.trailers, [(b"X-Sum", b"7")], "trailers at the origin")


@must("RFC 9110 §6.5.1")
def framing_in_a_trailer(scene: Scene) -> None:
    """A trailer that would frame or route is not sent on, or the request is refused."""
    got = scene.attempt(chunked(body=b"2\r\nhi\r\n0\r\nContent-Length: 9\r\nHost: evil.example\r\n\r\n"))
    if isinstance(got, Line):
        seen = got.request(partial=True)
        holds(not seen.trailers, f"trailers at the origin: {seen.trailers}")
        same(seen.values("host"), [scene.origin], "Host at the origin")


@must("RFC 9110 §7.6.1")
def trailer_that_connection_names(scene: Scene) -> None:
    """A trailer that Connection names ends here."""
    seen = scene.forwarded(chunked(b"Connection: X-Gone", body=b"2\r\nhi\r\n0\r\nX-Gone: 1\r\n\r\n"))
    same(seen.body, b"hi", "body at the origin")
    same([name for name, _ in seen.trailers if name.lower() == b"x-gone"], [], "such trailers at the origin")


@must("RFC 9112 §6.3")
def large_body_with_a_length(scene: Scene) -> None:
    """A megabyte arrives as it was sent."""
    body = bytes(range(256)) * 4096
    scene.another_client()
    scene.meanwhile(lambda: scene.send(post(b"Content-Length: %d" % len(body), body=body)))
    holds(scene.arrival().request().body == body, "another body at the origin")


@must("RFC 9112 §7.1")
def large_body_in_chunks(scene: Scene) -> None:
    """A megabyte in chunks arrives as it was sent."""
    run = bytes(range(256)) * 64
    scene.another_client()
    scene.meanwhile(lambda: scene.send(chunked(body=(b"4000\r\n" + run + b"\r\n") * 64 + b"0\r\n\r\n")))
    holds(scene.arrival().request().body == run * 64, "another body at the origin")


@must("RFC 9112 §6.3")
def body_that_looks_like_a_request(scene: Scene) -> None:
    """A request within a body is a body."""
    hidden = scene.filled(HIDDEN)
    seen, _ = scene.exchange(post(b"Content-Length: %d" % len(hidden), body=hidden))
    same(seen.body, hidden, "body at the origin")
    same(scene.again()[0].target, b"/again", "second target")


@must("RFC 9110 §8.6")
def length_with_zeros_before(scene: Scene) -> None:
    """Zeros before a length are read as decimal digits, or refused."""
    request = post(b"Content-Length: 0010", body=b"0123456789")
    refused_or(scene, request, lambda seen: same(seen.body, b"0123456789", "body at the origin"))


# lengths that are none


def bad_length(scene: Scene, value: bytes, body: bytes = b"hello") -> None:
    """A Content-Length of this value is answered 400, and the connection is closed."""
    scene.refused(post(b"Content-Length: " + value, body=body), 400)


@must("RFC 9112 §6.3")
def length_with_a_sign(scene: Scene) -> None:
    """ "+5" is no length."""
    bad_length(scene, b"+5")


@must("RFC 9112 §6.3")
def length_below_zero(scene: Scene) -> None:
    """ "-5" is no length."""
    bad_length(scene, b"-5")


@must("RFC 9112 §6.3")
def length_in_hexadecimal(scene: Scene) -> None:
    """ "0x5" is no length."""
    bad_length(scene, b"0x5")


@must("RFC 9112 §6.3")
def length_with_a_space(scene: Scene) -> None:
    """ "5 5" is no length."""
    bad_length(scene, b"5 5")


@must("RFC 9112 §6.3")
def length_with_a_fraction(scene: Scene) -> None:
    """ "5.0" is no length."""
    bad_length(scene, b"5.0")


@must("RFC 9112 §6.3")
def length_with_other_digits(scene: Scene) -> None:
    """Digits beyond ASCII are none."""
    bad_length(scene, "５".encode())


@must("RFC 9112 §6.3")
def length_of_nothing(scene: Scene) -> None:
    """An empty Content-Length is no length."""
    bad_length(scene, b"")


@must("RFC 9110 §8.6")
def length_past_64_bits(scene: Scene) -> None:
    """A length beyond what integers hold is not taken for a small one."""
    got = scene.attempt(post(b"Content-Length: 18446744073709551621", body=b"hello" + HIDDEN))
    if isinstance(got, Line):
        scene.client.half_close()
        holds(not got.request(partial=True).whole, "taken for a length of 5")


@must("RFC 9112 §6.3")
def two_unlike_lengths(scene: Scene) -> None:
    """Two Content-Length lines that differ are answered 400, and the connection is closed."""
    scene.refused(post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"), 400)


@must("RFC 9112 §6.3")
def two_unlike_lengths_in_one_line(scene: Scene) -> None:
    """A list of unlike lengths is answered 400, and the connection is closed."""
    bad_length(scene, b"5, 6", b"hello!")


@must("RFC 9110 §8.6")
def two_equal_lengths(scene: Scene) -> None:
    """Two equal Content-Length lines are refused, or become one."""
    request = post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello")
    refused_or(scene, request, lambda seen: same(seen.values("content-length"), [b"5"], "lengths"))


@must("RFC 9110 §8.6")
def two_equal_lengths_in_one_line(scene: Scene) -> None:
    """A list of equal lengths is refused, or becomes one length."""
    request = post(b"Content-Length: 5, 5", body=b"hello")
    refused_or(scene, request, lambda seen: same(seen.values("content-length"), [b"5"], "lengths"))


@must("RFC 9112 §6.2")
def length_by_the_back_door(scene: Scene) -> None:
    """A length in a Connection list, as ``Connection: Content-Length``, doesn't unframe the message."""
    request = post(b"Content-Length: 5", b"Connection: Content-Length", body=b"hello")
    refused_or(scene, request, lambda seen: same(seen.body, b"hello", "body at the origin"))


# lengths and chunks at once, and codings that are not understood


@must("RFC 9112 §6.1")
def length_and_chunks(scene: Scene) -> None:
    """Both framings: refused, or sent on by the chunks without the length; closed after it in either case."""
    got = scene.attempt(chunked(b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN), 400)
    if isinstance(got, Line):
        same(got.request().body, b"", "body at the origin")
        got.send(reply())
        scene.client.answer()
        scene.client.ended()
        scene.quiet()


@must("RFC 9112 §6.1")
def chunks_and_length(scene: Scene) -> None:
    """The same with the fields in the other order."""
    request = post(b"Content-Length: 6", CHUNKED, body=b"0\r\n\r\nX")
    got = scene.attempt(request, 400)
    if isinstance(got, Line):
        same(got.request().body, b"", "body at the origin")
        got.send(reply())
        scene.client.answer()
        scene.client.ended()


@must("RFC 9112 §6.3")
def coding_that_does_not_end_in_chunked(scene: Scene) -> None:
    """A request whose last coding is another than chunked is answered 400, and the connection is closed."""
    scene.refused(post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), 400)


@must("RFC 9112 §6.3")
def coding_without_chunked(scene: Scene) -> None:
    """A request with a coding and no chunks is answered 400, or 501, and the connection is closed."""
    scene.refused(post(b"Transfer-Encoding: gzip", body=b"hello"), 400, 501)


@must("RFC 9112 §6.3")
def coding_identity(scene: Scene) -> None:
    """The coding ``identity``, which is gone, is answered 400, or 501, and the connection is closed."""
    scene.refused(post(b"Transfer-Encoding: identity", b"Content-Length: 5", body=b"hello"), 400, 501)


@should("RFC 9112 §6.1")
def coding_that_is_unknown(scene: Scene) -> None:
    """A coding under the chunks that the proxy can't undo is answered 501."""
    scene.refused(post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501)


@must("RFC 9112 §6.1")
def chunked_twice(scene: Scene) -> None:
    """Chunks within chunks are refused."""
    scene.refused(post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"))


@must("RFC 9112 §6.1")
def chunked_in_two_lines(scene: Scene) -> None:
    """Two lines that each say chunked are chunks within chunks: refused."""
    scene.refused(post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"))


@must("RFC 9112 §6.3")
def chunked_and_another(scene: Scene) -> None:
    """Chunked in one line and an unknown coding in the next is answered 400, or 501, and closed."""
    scene.refused(post(CHUNKED, b"Transfer-Encoding: x", body=b"0\r\n\r\n" + HIDDEN), 400, 501)


@must("RFC 9110 §5.5")
def tab_beside_a_coding(scene: Scene) -> None:
    """A tab beside the coding is white space; since readers differ here, it may be refused instead."""
    request = post(b"Transfer-Encoding:\tchunked\t", body=b"5\r\nhello\r\n0\r\n\r\n")
    refused_or(scene, request, lambda seen: same(seen.body, b"hello", "body at the origin"))


@must("RFC 9112 §6.3")
def coding_misspelt(scene: Scene) -> None:
    """A coding that resembles chunked is not taken for it."""
    scene.refused(post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HIDDEN), 400, 501)


@must("RFC 9112 §6.3")
def coding_in_quotes(scene: Scene) -> None:
    """``"chunked"`` in quotes is not the chunked coding."""
    scene.refused(post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n" + HIDDEN), 400, 501)


@must("RFC 9112 §6.3")
def coding_behind_a_control(scene: Scene) -> None:
    """A vertical tab beside the coding is no white space."""
    scene.refused(post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + HIDDEN), 400, 501)


@must("RFC 9112 §6.1")
def chunks_of_an_old_client(scene: Scene) -> None:
    """Chunks in HTTP/1.0 are faulty framing: refused, or read, and the connection closed in either case."""
    request = chunked(b"Connection: keep-alive", body=b"2\r\nhi\r\n0\r\n\r\n").replace(
        b"HTTP/1.1", b"HTTP/1.0"
    )
    got = scene.attempt(request)
    if isinstance(got, Line):
        same(got.request().body, b"hi", "body at the origin")
        got.send(reply())
        scene.client.answer()
        scene.client.ended()


# chunks that are none


def bad_chunks(scene: Scene, body: bytes) -> None:
    """A body with these chunks never reaches the origin as a whole one, and the connection ends."""
    scene.broken_upload(chunked(body=body))


@must("RFC 9112 §7.1")
def chunk_size_past_64_bits(scene: Scene) -> None:
    """A chunk size beyond what integers hold is not taken for a small one."""
    bad_chunks(scene, b"10000000000000005\r\nhello\r\n0\r\n\r\n")


@must("RFC 9112 §7.1")
def chunk_size_below_zero(scene: Scene) -> None:
    """ "-5" is no chunk size."""
    bad_chunks(scene, b"-5\r\nhello\r\n0\r\n\r\n")


@must("RFC 9112 §7.1")
def chunk_size_with_a_sign(scene: Scene) -> None:
    """ "+5" is no chunk size."""
    bad_chunks(scene, b"+5\r\nhello\r\n0\r\n\r\n")


@must("RFC 9112 §7.1")
def chunk_size_with_a_prefix(scene: Scene) -> None:
    """ "0x5" is no chunk size."""
    bad_chunks(scene, b"0x5\r\nhello\r\n0\r\n\r\n")


@must("RFC 9112 §7.1")
def chunk_size_missing(scene: Scene) -> None:
    """An empty line is no chunk size."""
    bad_chunks(scene, b"\r\nhello\r\n0\r\n\r\n")


@must("RFC 9112 §7.1")
def chunk_size_with_an_underscore(scene: Scene) -> None:
    """ "1_0" is no chunk size."""
    bad_chunks(scene, b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n")


@must("RFC 9112 §7.1")
def chunk_longer_than_its_size(scene: Scene) -> None:
    """What follows a chunk's data is CRLF and nothing else."""
    bad_chunks(scene, b"5\r\nhelloXX0\r\n\r\n")


@must("RFC 9112 §7.1")
def chunk_without_its_end(scene: Scene) -> None:
    """A chunk's data has its CRLF; the next size doesn't follow at once."""
    bad_chunks(scene, b"5\r\nhello0\r\n\r\n")


@must("RFC 9112 §7.1")
def chunk_line_with_a_bare_lf(scene: Scene) -> None:
    """A size line ends in CRLF: a bare LF, which some take for data, is refused."""
    bad_chunks(scene, b"5\nhello\r\n0\r\n\r\n")


@must("RFC 9112 §7.1.1")
def extension_with_a_bare_lf(scene: Scene) -> None:
    """An extension doesn't hold a bare LF, behind which another chunk may hide."""
    bad_chunks(scene, b"5;a\n\r\nhello\r\n0\r\n\r\n")


@must("RFC 9112 §7.1.1")
def extension_with_a_bare_cr(scene: Scene) -> None:
    """An extension doesn't hold a bare CR."""
    bad_chunks(scene, b"5;a\rb\r\nhello\r\n0\r\n\r\n")


@must("RFC 9112 §8")
def upload_cut_in_its_length(scene: Scene) -> None:
    """A body shorter than its length is not told to the origin as a whole one."""
    scene.send(post(b"Content-Length: 10", body=b"hello"))
    scene.client.half_close()
    cut_short(scene)


@must("RFC 9112 §8")
def upload_cut_in_its_chunks(scene: Scene) -> None:
    """Chunks without a last one are not told to the origin as a whole body."""
    scene.send(chunked(body=b"5\r\nhello\r\n"))
    scene.client.half_close()
    cut_short(scene)


@must("RFC 9112 §8")
def upload_cut_by_a_reset(scene: Scene) -> None:
    """An upload whose client resets its connection is not told to the origin as a whole one."""
    scene.send(post(b"Content-Length: 10", body=b"hello"))
    scene.client.comes_within(0.1)  # else the reset would overtake the body
    scene.client.reset()
    scene.another_client()
    scene.send(ask(start=b"GET http://ORIGIN/again HTTP/1.1"))
    while (seen := scene.first(client=False).request(partial=True)).target != b"/again":
        holds(not seen.whole, "passed on as a whole request")


@must("RFC 9112 §8")
def head_that_is_cut(scene: Scene) -> None:
    """A request whose head doesn't end is not sent on."""
    scene.send(b"GET http://ORIGIN/ HTTP/1.1\r\nHost: ORIGIN\r\nX-A: 1\r\n")
    scene.client.half_close()
    holds(scene.first() is scene.client, "it reached the origin")


def cut_short(scene: Scene) -> None:
    """The origin sees the upload as cut short, or not at all."""
    line = scene.first()
    if line is not scene.client and line.request(partial=True).whole:
        raise line.breach("passed on as a whole request")
