"""Fields: their syntax, their order, and that they pass as they are."""

from __future__ import annotations

from tests.real.wire.cases import must, should, useful
from tests.real.wire.line import Line, Message
from tests.real.wire.scene import Scene, ask, holds, post, reply, same

#: Bytes that a value may hold and that no one can call ASCII.
OBS_TEXT = bytes(range(0x80, 0x100))


def at_the_origin(scene: Scene, *lines: bytes) -> Message:
    """What the origin sees of a request with these field lines."""
    return scene.forwarded(ask(*lines))


def at_the_client(scene: Scene, *lines: bytes) -> Message:
    """What the client sees of an answer with these field lines."""
    return scene.answered(reply(*lines))


# what passes


@must("RFC 9110 §5.1")
def unknown_request_field(scene: Scene) -> None:
    """A request field that nobody knows is forwarded."""
    same(at_the_origin(scene, b"X-Unheard-Of: 1").values("x-unheard-of"), [b"1"], "field at the origin")


@must("RFC 9110 §5.1")
def unknown_answer_field(scene: Scene) -> None:
    """An answer's field that nobody knows is forwarded."""
    same(at_the_client(scene, b"X-Unheard-Of: 1").values("x-unheard-of"), [b"1"], "field at the client")


@must("RFC 9110 §5.3")
def order_of_request_lines(scene: Scene) -> None:
    """Request lines of one name keep their order."""
    seen = at_the_origin(scene, b"X-A: 3", b"X-B: b", b"X-A: 1", b"x-a: 2, 0")
    same(seen.listed("x-a"), [b"3", b"1", b"2", b"0"], "values at the origin")


@must("RFC 9110 §5.3")
def order_of_answer_lines(scene: Scene) -> None:
    """An answer's lines of one name keep their order."""
    got = at_the_client(scene, b"X-A: 3", b"X-B: b", b"X-A: 1", b"x-a: 2, 0")
    same(got.listed("x-a"), [b"3", b"1", b"2", b"0"], "values at the client")


@must("RFC 9110 §5.3")
def cookies_stay_apart(scene: Scene) -> None:
    """Several Set-Cookie lines stay several lines, in order."""
    cookies = [b"a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT", b"b=2", b"c=3; Path=/"]
    got = at_the_client(scene, *(b"Set-Cookie: " + cookie for cookie in cookies))
    same(got.values("set-cookie"), cookies, "cookies at the client")


@must("RFC 9110 §5.5")
def empty_request_value(scene: Scene) -> None:
    """An empty value is a value."""
    same(at_the_origin(scene, b"X-Empty:").values("x-empty"), [b""], "field at the origin")


@must("RFC 9110 §5.5")
def empty_answer_value(scene: Scene) -> None:
    """An empty value of an answer is a value."""
    same(at_the_client(scene, b"X-Empty:").values("x-empty"), [b""], "field at the client")


@should("RFC 9110 §5.5")
def obs_text_in_a_request(scene: Scene) -> None:
    """Bytes beyond ASCII in a request's value are opaque."""
    same(at_the_origin(scene, b"X-Bytes: " + OBS_TEXT).values("x-bytes"), [OBS_TEXT], "at the origin")


@should("RFC 9110 §5.5")
def obs_text_in_an_answer(scene: Scene) -> None:
    """Bytes beyond ASCII in an answer's value are opaque."""
    same(at_the_client(scene, b"X-Bytes: " + OBS_TEXT).values("x-bytes"), [OBS_TEXT], "at the client")


@must("RFC 9110 §5.5")
def white_space_around_a_value(scene: Scene) -> None:
    """White space around a value is no part of it."""
    seen = scene.forwarded(post(b"Content-Length:   2 ", b"Connection:   X-Gone  ", b"X-Gone: 1", body=b"hi"))
    same(seen.body, b"hi", "body at the origin")
    holds(not seen.has("x-gone"), "the field that Connection names is at the origin")


@must("RFC 9110 §5.5")
def tab_around_a_value(scene: Scene) -> None:
    """A tab beside a length is white space; since readers differ here, it may be refused instead."""
    got = scene.attempt(post(b"Content-Length:\t2\t", body=b"hi"), 400)
    if isinstance(got, Line):
        same(got.request().body, b"hi", "body at the origin")


@must("RFC 9110 §5.1")
def names_in_any_case(scene: Scene) -> None:
    """The case of a field's name means nothing, in framing and in Connection too."""
    seen = scene.forwarded(post(b"cOnTeNt-lEnGtH: 2", b"cONNECTION: x-gONE", b"X-Gone: 1", body=b"hi"))
    same(seen.body, b"hi", "body at the origin")
    holds(not seen.has("x-gone"), "the field that Connection names is at the origin")


@useful("RFC 9110 §5.4")
def large_request_head(scene: Scene) -> None:
    """A head of 30 KB, as cookies make them, is forwarded."""
    cookie = b"c=" + b"x" * 30_000
    same(at_the_origin(scene, b"Cookie: " + cookie).values("cookie"), [cookie], "cookie at the origin")


@useful("RFC 9110 §5.4")
def large_answer_head(scene: Scene) -> None:
    """An answer's head of 30 KB is forwarded."""
    policy = b"default-src " + b"x" * 30_000
    same(at_the_client(scene, b"X-Policy: " + policy).values("x-policy"), [policy], "field at the client")


@useful("RFC 9110 §5.4")
def many_fields(scene: Scene) -> None:
    """Eighty field lines are forwarded."""
    seen = at_the_origin(scene, *(b"X-%d: %d" % (number, number) for number in range(80)))
    same(sum(name.lower().startswith(b"x-") for name, _ in seen.fields), 80, "fields at the origin")


@must("RFC 9110 §5.4")
def head_too_large(scene: Scene) -> None:
    """A head larger than the proxy wishes to read is answered 4xx."""
    field = b"X-Large: " + b"x" * (1 << 20)
    scene.another_client()
    scene.meanwhile(lambda: scene.send(ask(field)))
    line = scene.first()
    if line is scene.client:
        holds(400 <= line.answer_head().status < 500, "an answer other than 4xx")
    else:
        holds(line.request().has("x-large"), "the field was lost on the way")


# what must not pass


def refused_or_mended(scene: Scene, bad: bytes, mended: bytes) -> None:
    """A request whose X-Bad has this value is refused with 400, or the origin sees the mended value."""
    got = scene.attempt(ask(b"X-Bad: " + bad, b"X-Good: 1"), 400)
    if isinstance(got, Line):
        same(got.request().values("x-bad"), [mended], "value at the origin")


def answer_refused_or_mended(scene: Scene, bad: bytes, mended: bytes) -> None:
    """An answer whose X-Bad has this value becomes a 502, or the client sees the mended value."""
    got = scene.answered(reply(b"X-Bad: " + bad, b"X-Good: 1"))
    if got.status != 502:
        same(got.values("x-bad"), [mended], "value at the client")


@must("RFC 9110 §5.5")
def nul_in_a_request(scene: Scene) -> None:
    """A NUL in a request's value is refused, or becomes a space."""
    refused_or_mended(scene, b"a\0b", b"a b")


@must("RFC 9110 §5.5")
def nul_in_an_answer(scene: Scene) -> None:
    """A NUL in an answer's value is refused, or becomes a space."""
    answer_refused_or_mended(scene, b"a\0b", b"a b")


@must("RFC 9112 §2.2")
def bare_cr_in_a_request(scene: Scene) -> None:
    """A bare CR in a request's value is refused, or becomes a space."""
    refused_or_mended(scene, b"a\rX-Evil: 1", b"a X-Evil: 1")


@must("RFC 9112 §2.2")
def bare_cr_in_an_answer(scene: Scene) -> None:
    """A bare CR in an answer's value is refused, or becomes a space."""
    answer_refused_or_mended(scene, b"a\rX-Evil: 1", b"a X-Evil: 1")


@must("RFC 9112 §2.2")
def bare_lf_in_an_answer(scene: Scene) -> None:
    """Lines of an answer that end in a bare LF are refused, or sent on with CRLF."""
    got = scene.answered(reply(b"X-Good: 1").replace(b"\r\n", b"\n"))
    if got.status != 502:
        same((got.status, got.values("x-good"), got.body), (200, [b"1"], b"ok"), "answer at the client")


@must("RFC 9112 §5.2")
def folded_request_field(scene: Scene) -> None:
    """A folded line of a request is refused, or unfolded with spaces."""
    got = scene.attempt(ask(b"X-Folded: one", b" two", b"X-Good: 1"), 400)
    if isinstance(got, Line):
        value = b" ".join(got.request().values("x-folded")[0].split())
        same(value, b"one two", "value at the origin")


@must("RFC 9112 §5.2")
def folded_answer_field(scene: Scene) -> None:
    """A folded line of an answer becomes a 502, or is unfolded with spaces."""
    got = scene.answered(reply(b"X-Folded: one", b"\ttwo", b"X-Good: 1"))
    if got.status != 502:
        same(b" ".join(got.values("x-folded")[0].split()), b"one two", "value at the client")


@must("RFC 9112 §5.2")
def folded_length(scene: Scene) -> None:
    """A length hidden in a folded line is refused, or read as folded."""
    got = scene.attempt(post(b"X-A: 1", b" Content-Length: 9", b"Content-Length: 2", body=b"hi"), 400)
    if isinstance(got, Line):
        same(got.request().body, b"hi", "body at the origin")


@must("RFC 9112 §5.1")
def white_space_before_a_colon(scene: Scene) -> None:
    """White space between a request field's name and its colon is answered 400."""
    scene.refused(ask(b"X-Bad : 1"), 400, closes=False)


@must("RFC 9112 §5.1")
def tab_before_a_colon(scene: Scene) -> None:
    """A tab between a request field's name and its colon is answered 400."""
    scene.refused(ask(b"X-Bad\t: 1"), 400, closes=False)


@must("RFC 9112 §5.1")
def white_space_before_the_colon_of_a_coding(scene: Scene) -> None:
    """White space before the colon of Transfer-Encoding, which smuggles, is answered 400."""
    scene.refused(post(b"Transfer-Encoding : chunked", b"Content-Length: 3", body=b"0\r\n\r\n"), 400)


@must("RFC 9112 §5.1")
def white_space_before_a_colon_in_an_answer(scene: Scene) -> None:
    """White space before a colon in an answer is removed before the answer is forwarded."""
    got = scene.answered(reply(b"X-Bad : 1"))
    same((got.status, got.values("x-bad")), (200, [b"1"]), "status and field at the client")


@should("RFC 9112 §2.2")
def no_colon(scene: Scene) -> None:
    """A field line without a colon is answered 400, and the connection is closed."""
    scene.refused(ask(b"X-Bad"), 400)


@should("RFC 9112 §2.2")
def no_name(scene: Scene) -> None:
    """A field without a name is answered 400, and the connection is closed."""
    scene.refused(ask(b": 1"), 400)


@should("RFC 9112 §2.2")
def name_that_is_no_token(scene: Scene) -> None:
    """A name that is no token is answered 400, and the connection is closed."""
    scene.refused(ask(b"X(Bad): 1"), 400)


@must("RFC 9112 §2.2")
def white_space_after_a_status_line(scene: Scene) -> None:
    """A line of white space after the status line is refused, or left out."""
    got = scene.answered(reply(b"X-Good: 1").replace(b"Content", b" X-Evil: 1\r\nContent", 1))
    if got.status != 502:
        holds(not got.has("x-evil"), "the line is at the client")
        same(got.body, b"ok", "body at the client")


@must("RFC 9110 §5.6.1.2")
def empty_list_members(scene: Scene) -> None:
    """Empty members of a list are passed over."""
    seen = at_the_origin(scene, b"Connection: , X-Gone,, ,x-lost ,", b"X-Gone: 1", b"X-Lost: 1", b"X-Kept: 1")
    holds(not seen.has("x-gone") and not seen.has("x-lost"), "what Connection names is at the origin")
    holds(seen.has("x-kept"), "a field was lost")
