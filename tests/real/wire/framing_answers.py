"""Where an answer ends, what becomes of one that is cut short, and answers that smuggle."""

from __future__ import annotations

from tests.real.wire.cases import must, should, useful
from tests.real.wire.line import Message
from tests.real.wire.scene import Scene, ask, holds, post, reply, same

CHUNKED = b"Transfer-Encoding: chunked"
OLD = ask(start=b"GET http://ORIGIN/ HTTP/1.0")
HEAD = ask(start=b"HEAD http://ORIGIN/ HTTP/1.1")
#: How a proxy says that an origin failed it, where no section names the one status.
BAD = (502, 503, 504)

HIDDEN = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhidden"


def chunked(*lines: bytes, body: bytes, start: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """A chunked answer."""
    return reply(CHUNKED, *lines, start=start, body=body, framed=False)


def next_is_right(scene: Scene) -> None:
    """The client's next request gets its own answer, on whichever connection."""
    same(scene.again(data=reply(body=b"second"))[1].body, b"second", "body of the next answer")


# what is right


@must("RFC 9112 §6.2")
def answer_with_a_length(scene: Scene) -> None:
    """An answer with a length arrives whole, and the connection serves on."""
    same(scene.answered(reply(body=b"hello")).body, b"hello", "body at the client")
    next_is_right(scene)


@must("RFC 9112 §6.2")
def every_byte_of_an_answer(scene: Scene) -> None:
    """Every byte value passes in an answer's body."""
    body = bytes(range(256)) * 16
    same(scene.answered(reply(b"Content-Type: text/html", body=body)).body, body, "body at the client")


@must("RFC 9112 §7.1")
def answer_in_chunks(scene: Scene) -> None:
    """An answer's chunks are read."""
    got = scene.answered(chunked(body=b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"))
    same(got.body, b"hello!", "body at the client")
    next_is_right(scene)


@must("RFC 9112 §7.1.1")
def answer_with_chunk_extensions(scene: Scene) -> None:
    """An answer's chunk extensions that nobody knows are ignored."""
    got = scene.answered(chunked(body=b'5;a;b=c;d="e;\\"f"\r\nhello\r\n0;last\r\n\r\n'))
    same(got.body, b"hello", "body at the client")


@must("RFC 9112 §6.3")
def answer_until_the_end(scene: Scene) -> None:
    """An answer without framing lasts until the origin closes, and is whole then."""
    got = scene.answered(reply(body=b"hello", framed=False), ends=True)
    same((got.body, got.whole), (b"hello", True), "body at the client, and its end")


@must("RFC 9112 §6.3")
def answer_until_the_end_for_an_old_client(scene: Scene) -> None:
    """The same for a client of HTTP/1.0."""
    got = scene.answered(reply(body=b"hello", framed=False), OLD, ends=True)
    same((got.body, got.whole), (b"hello", True), "body at the client, and its end")


@must("RFC 9112 §6.1")
def chunks_for_an_old_client(scene: Scene) -> None:
    """A client of HTTP/1.0 gets no chunks."""
    got = scene.answered(chunked(body=b"5\r\nhello\r\n0\r\n\r\n"), OLD)
    same((got.body, got.has("transfer-encoding")), (b"hello", False), "body at the client, and coding")


@must("RFC 9112 §7.1.2")
def trailers_of_an_answer_stay_apart(scene: Scene) -> None:
    """An answer's trailer is sent on as a trailer or left out, never among the fields of the head."""
    got = scene.answered(chunked(b"Trailer: X-Sum", body=b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"))
    same(got.body, b"hi", "body at the client")
    holds(not got.has("x-sum"), "the trailer is in the head")


@useful("RFC 9110 §6.5")
def trailers_of_an_answer_pass(scene: Scene) -> None:
    """A trailer of an answer reaches the client."""
    got = scene.answered(chunked(b"Trailer: X-Sum", body=b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"))
    same(got.trailers, [(b"X-Sum", b"7")], "trailers at the client")


@must("RFC 9110 §7.6.1")
def answers_trailer_that_connection_names(scene: Scene) -> None:
    """An answer's trailer that Connection names ends here."""
    got = scene.answered(chunked(b"Connection: X-Gone", body=b"2\r\nhi\r\n0\r\nX-Gone: 1\r\n\r\n"))
    same(got.body, b"hi", "body at the client")
    same([name for name, _ in got.trailers if name.lower() == b"x-gone"], [], "such trailers at the client")


@must("RFC 9112 §6.2")
def large_answer(scene: Scene) -> None:
    """Four megabytes arrive as they were sent."""
    body = bytes(range(256)) * 16384
    scene.send(ask())
    line = scene.arrival()
    line.request()
    scene.meanwhile(lambda: line.send(reply(body=body)))
    holds(scene.client.answer().body == body, "another body at the client")


@must("RFC 9112 §7.1")
def answer_cut_into_single_bytes(scene: Scene) -> None:
    """An answer is the same however TCP cuts it."""
    scene.send(ask())
    line = scene.arrival()
    line.request()
    for byte in chunked(b"X-A: 1", body=b"5;x=y\r\nhello\r\n0\r\n\r\n"):
        line.send(bytes((byte,)))
    same(scene.client.answer().body, b"hello", "body at the client")


# answers that have no body


@must("RFC 9110 §9.3.2")
def head_has_no_body(scene: Scene) -> None:
    """An answer to HEAD ends with its head, whatever length it names."""
    got = scene.answered(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", HEAD)
    same(got.status, 200, "status at the client")
    next_is_right(scene)


@must("RFC 9110 §9.3.2")
def head_with_chunks_has_no_body(scene: Scene) -> None:
    """An answer to HEAD ends with its head, though it announces chunks."""
    same(scene.answered(chunked(body=b""), HEAD).status, 200, "status at the client")
    next_is_right(scene)


@must("RFC 9110 §9.3.2")
def head_without_framing_has_no_body(scene: Scene) -> None:
    """An answer to HEAD ends with its head, though nothing frames it."""
    same(scene.answered(reply(body=b"", framed=False), HEAD).status, 200, "status at the client")
    next_is_right(scene)


@should("RFC 9110 §7.7")
def length_of_head_passes(scene: Scene) -> None:
    """The length that an answer to HEAD names is the page's, and is passed on."""
    got = scene.answered(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", HEAD)
    same(got.values("content-length"), [b"1000"], "length at the client")


@must("RFC 9112 §6.3")
def not_modified_has_no_body(scene: Scene) -> None:
    """A 304 ends with its head, whatever length it names."""
    got = scene.answered(b'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: "a"\r\n\r\n')
    same(got.status, 304, "status at the client")
    next_is_right(scene)


@must("RFC 9112 §6.3")
def no_content_has_no_body(scene: Scene) -> None:
    """A 204 ends with its head."""
    same(scene.answered(b"HTTP/1.1 204 No Content\r\n\r\n").status, 204, "status at the client")
    next_is_right(scene)


@must("RFC 9110 §8.6")
def no_content_with_a_length(scene: Scene) -> None:
    """A length with a 204 is not sent on; the answer may be refused."""
    got = scene.answered(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n")
    if got.status != 502:
        same((got.status, got.has("content-length")), (204, False), "status, and a length")


@must("RFC 9112 §6.1")
def no_content_with_chunks(scene: Scene) -> None:
    """Chunks with a 204 are not sent on; the answer may be refused."""
    got = scene.answered(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    if got.status != 502:
        same((got.status, got.has("transfer-encoding")), (204, False), "status, and a coding")


@must("RFC 9112 §9.2")
def body_after_a_304(scene: Scene) -> None:
    """What an origin sends after a 304 is never another request's answer."""
    got = scene.answered(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 61\r\n\r\n" + HIDDEN)
    same(got.status, 304, "status at the client")
    next_is_right(scene)


@must("RFC 9112 §9.2")
def body_after_head(scene: Scene) -> None:
    """What an origin sends after an answer to HEAD is never another request's answer."""
    same(scene.answered(reply(body=HIDDEN), HEAD).status, 200, "status at the client")
    next_is_right(scene)


@must("RFC 9112 §9.2")
def body_after_a_204(scene: Scene) -> None:
    """What an origin sends after a 204 is never another request's answer."""
    got = scene.answered(b"HTTP/1.1 204 No Content\r\n\r\n" + HIDDEN)
    same(got.status, 204, "status at the client")
    next_is_right(scene)


@must("RFC 9112 §6.3")
def more_than_the_length(scene: Scene) -> None:
    """What follows an answer past its length is neither its part nor another's answer."""
    same(scene.answered(reply(body=b"hello") + HIDDEN).body, b"hello", "body at the client")
    next_is_right(scene)


@must("RFC 9112 §6.3")
def more_than_the_chunks(scene: Scene) -> None:
    """What follows an answer past its last chunk is neither its part nor another's answer."""
    got = scene.answered(chunked(body=b"5\r\nhello\r\n0\r\n\r\n") + HIDDEN)
    same(got.body, b"hello", "body at the client")
    next_is_right(scene)


@must("RFC 9112 §9.2")
def answer_that_nobody_asked_for(scene: Scene) -> None:
    """An answer sent on an idle connection is never the next request's."""
    scene.exchange()
    scene.server.send(HIDDEN)
    next_is_right(scene)


# answers that are cut short


def is_cut(got: Message, what: str) -> None:
    """The client can tell that this is not all, or was told by a status."""
    holds(not got.whole or got.status >= 500, f"{what} is shown as a whole answer")


@must("RFC 9112 §8")
def answer_short_of_its_length(scene: Scene) -> None:
    """An answer shorter than its length is shown as short."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
    is_cut(scene.answered(answer, ends=True, partial=True), "5 of 10 bytes")


@must("RFC 9112 §8")
def answer_without_its_last_chunk(scene: Scene) -> None:
    """Chunks without a last one are shown as short."""
    is_cut(scene.answered(chunked(body=b"5\r\nhello\r\n"), ends=True, partial=True), "half of the chunks")


@must("RFC 9112 §8")
def answer_without_its_last_chunk_for_an_old_client(scene: Scene) -> None:
    """To a client of HTTP/1.0, which knows no chunks, a connection that is reset shows it."""
    got = scene.answered(chunked(body=b"5\r\nhello\r\n"), OLD, ends=True, partial=True)
    is_cut(got, "half of the chunks")


@must("RFC 9112 §8")
def answer_that_ends_in_a_reset(scene: Scene) -> None:
    """An answer without framing whose connection is reset is shown as short."""
    scene.send(ask())
    line = scene.arrival()
    line.request()
    line.send(reply(body=b"hello", framed=False))
    scene.client.comes_within(1.0)  # else the reset would overtake the head
    line.reset()
    is_cut(scene.client.answer(partial=True), "an answer that ended in a reset")


@should("RFC 9110 §15.6.3")
def answer_cut_in_its_head(scene: Scene) -> None:
    """An answer that ends in its head becomes a 502."""
    scene.bad_answer(b"HTTP/1.1 200 OK\r\nContent-Le", *BAD, ends=True)


@should("RFC 9110 §15.6.3")
def no_answer_at_all(scene: Scene) -> None:
    """An origin that closes without a byte becomes a 502, or a 504."""
    got = scene.answered(b"", post(b"Content-Length: 2", body=b"hi"), ends=True)
    holds(got.status in BAD, f"status {got.status}")


@should("RFC 9110 §15.6.3")
def no_origin_at_all(scene: Scene) -> None:
    """An origin that takes no connections becomes a 502, 503 or 504."""
    scene.another_client()
    scene.stop_listening()
    scene.send(ask())
    holds(scene.client.answer().status in BAD, "another status")


def bare_refusal(scene: Scene, request: bytes) -> None:
    """The proxy answers this HEAD itself, with a head and nothing behind it."""
    scene.send(request)
    holds(scene.client.answer_head().status >= 400, "no refusal")
    scene.client.half_close()
    scene.client.ended()


@must("RFC 9110 §9.3.2")
def refusal_of_head_has_no_body(scene: Scene) -> None:
    """The proxy's own answer to HEAD has no content, as for an origin that takes no connections."""
    scene.another_client()
    scene.stop_listening()
    bare_refusal(scene, HEAD)


@must("RFC 9110 §9.3.2")
def refusal_of_a_malformed_head_has_no_body(scene: Scene) -> None:
    """Nor where it is the request that is wrong, in whatever but its method."""
    bare_refusal(scene, HEAD.replace(b"http://ORIGIN/", b"http:///"))


@must("RFC 9112 §6.1")
def refusal_for_an_old_client(scene: Scene) -> None:
    """The proxy's own answer to a client of HTTP/1.0 has no chunks, and an end."""
    got = scene.refused(b"GET http:///a HTTP/1.0\r\n\r\n")
    holds(not got.has("transfer-encoding"), "chunks for a client of HTTP/1.0")


# answers that cannot be trusted


@must("RFC 9112 §6.3")
def answer_with_unlike_lengths(scene: Scene) -> None:
    """Two lengths that differ become a 502."""
    scene.bad_answer(
        reply(
            b"Content-Length: 5",
            body=b"ok" + HIDDEN,
            framed=False,
            start=b"HTTP/1.1 200 OK\r\nContent-Length: 2",
        )
    )


@must("RFC 9112 §6.3")
def answer_with_a_length_that_is_none(scene: Scene) -> None:
    """A length that is no number becomes a 502."""
    scene.bad_answer(reply(b"Content-Length: two", framed=False), ends=True)


@must("RFC 9112 §6.3")
def answer_with_a_length_with_a_sign(scene: Scene) -> None:
    """A length with a sign becomes a 502."""
    scene.bad_answer(reply(b"Content-Length: +2", framed=False), ends=True)


@must("RFC 9112 §6.3")
def answer_with_a_length_below_zero(scene: Scene) -> None:
    """A length below zero becomes a 502."""
    scene.bad_answer(reply(b"Content-Length: -2", framed=False), ends=True)


@must("RFC 9112 §6.3")
def answer_with_two_equal_lengths(scene: Scene) -> None:
    """Two equal lengths become one, or a 502."""
    got = scene.answered(reply(b"Content-Length: 2"))
    if got.status != 502:
        same((got.values("content-length"), got.body), ([b"2"], b"ok"), "length and body at the client")


@must("RFC 9112 §6.3")
def answer_with_length_and_chunks(scene: Scene) -> None:
    """Both framings: a 502, or the chunks without the length."""
    got = scene.answered(chunked(b"Content-Length: 2", body=b"5\r\nhello\r\n0\r\n\r\n"))
    if got.status != 502:
        same(got.body, b"hello", "body at the client")


@must("RFC 9112 §6.1")
def chunks_of_an_old_origin(scene: Scene) -> None:
    """Chunks in an answer of HTTP/1.0 are faulty framing: a 502, or an answer up to the end."""
    got = scene.answered(
        chunked(b"Connection: keep-alive", body=b"5\r\nhello\r\n0\r\n\r\n", start=b"HTTP/1.0 200 OK"),
        ends=True,
    )
    holds(got.status == 502 or got.body in (b"hello", b"5\r\nhello\r\n0\r\n\r\n"), "another answer")


@must("RFC 9112 §7.1")
def answer_with_a_chunk_too_large(scene: Scene) -> None:
    """A chunk size past 64 bits is not taken for a small one."""
    got = scene.answered(chunked(body=b"10000000000000005\r\nhello\r\n0\r\n\r\n"), ends=True, partial=True)
    is_cut(got, "a chunk past 64 bits")


@must("RFC 9112 §7.1")
def answer_with_a_chunk_without_its_end(scene: Scene) -> None:
    """What follows a chunk's data is CRLF and nothing else."""
    is_cut(
        scene.answered(chunked(body=b"5\r\nhelloXX0\r\n\r\n"), ends=True, partial=True), "a chunk too long"
    )


@must("RFC 9112 §7.1")
def answer_with_a_chunk_size_that_is_none(scene: Scene) -> None:
    """A chunk size that is no number ends the answer as short."""
    is_cut(
        scene.answered(chunked(body=b"zz\r\nhello\r\n0\r\n\r\n"), ends=True, partial=True), "no chunk size"
    )


@should("RFC 9110 §15.6.3")
def answer_that_is_no_http(scene: Scene) -> None:
    """Bytes that are no HTTP become a 502."""
    scene.bad_answer(b"SSH-2.0-OpenSSH_9.2\r\n", *BAD, ends=True)


@should("RFC 9110 §15.6.3")
def answer_with_a_status_of_two_digits(scene: Scene) -> None:
    """A status line with a code of two digits becomes a 502."""
    scene.bad_answer(reply(start=b"HTTP/1.1 20 OK"), ends=True)


@should("RFC 9110 §15.6.3")
def answer_with_a_status_of_four_digits(scene: Scene) -> None:
    """A status line with a code of four digits becomes a 502."""
    scene.bad_answer(reply(start=b"HTTP/1.1 2000 OK"), ends=True)


@must("RFC 9112 §5.1")
def coding_with_white_space_before_its_colon(scene: Scene) -> None:
    """An answer whose ``Transfer-Encoding :`` has white space is read as without, or becomes a 502."""
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    got = scene.answered(answer, ends=True)
    holds(got.status == 502 or got.body == b"hello", f"body {got.body!r}")


@should("RFC 9110 §15.6.3")
def only_an_interim(scene: Scene) -> None:
    """An origin that closes after a 1xx becomes a 502."""
    scene.bad_answer(b"HTTP/1.1 103 Early Hints\r\n\r\n", *BAD, ends=True)


@must("RFC 9112 §4")
def no_reason(scene: Scene) -> None:
    """A status line without a reason keeps the space behind the code."""
    got = scene.answered(reply(start=b"HTTP/1.1 200 "))
    holds(got.raw.startswith(b"HTTP/1."), "no status line")
    same((got.status, got.body), (200, b"ok"), "status and body at the client")
