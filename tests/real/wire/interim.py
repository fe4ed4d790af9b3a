"""Interim answers, the client that waits for one, and changes of protocol."""

from __future__ import annotations

from tests.real.wire.cases import must, should, useful
from tests.real.wire.line import Line
from tests.real.wire.scene import Scene, ask, holds, post, reply, same

EXPECT = (b"Expect: 100-continue", b"Content-Length: 5")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
WEBSOCKET = ask(
    b"Connection: keep-alive, Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def without_waiting(scene: Scene, *lines: bytes, version: bytes = b"HTTP/1.1") -> Line:
    """The origin's line, once the head of a POST is there; its body was not sent yet."""
    scene.send(post(*lines, start=b"POST http://ORIGIN/ " + version))
    line = scene.first()
    while line is scene.client:
        head = line.answer_head()
        if head.status >= 200:
            raise line.breach("a final answer of the proxy's own")
        line = scene.first()
    return line


@must("RFC 9110 §10.1.1")
def head_is_not_held_back(scene: Scene) -> None:
    """A request that expects 100 is forwarded before its body comes."""
    without_waiting(scene, *EXPECT).request_head()


@must("RFC 9110 §15.2")
def continue_passes(scene: Scene) -> None:
    """The origin's 100 reaches the client, then the body the origin, then the answer the client."""
    line = without_waiting(scene, *EXPECT)
    head = line.request_head()
    line.send(CONTINUE)
    same(scene.client.answer_head().status, 100, "first status at the client")
    scene.client.send(b"hello")
    head.framing = "length" if head.has("content-length") else "chunked"
    same(line.body(head).body, b"hello", "body at the origin")
    line.send(reply())
    same(scene.client.answer(b"POST").status, 200, "last status at the client")


@must("RFC 9110 §10.1.1")
def final_answer_instead_of_continue(scene: Scene) -> None:
    """An origin that answers at once spares the client its body: the answer is passed on."""
    line = without_waiting(scene, *EXPECT)
    line.request_head()
    line.send(reply(start=b"HTTP/1.1 417 Expectation Failed"))
    same(scene.client.answer(b"POST").status, 417, "status at the client")


@useful("RFC 9110 §10.1.1")
def expectation_passes(scene: Scene) -> None:
    """The expectation itself is sent on, so that it is the origin that decides."""
    seen = without_waiting(scene, *EXPECT).request_head()
    same([value.lower() for value in seen.values("expect")], [b"100-continue"], "Expect at the origin")


@must("RFC 9110 §10.1.1")
def expectation_of_an_old_client(scene: Scene) -> None:
    """A client of HTTP/1.0 that expects 100 gets none."""
    scene.send(post(*EXPECT, start=b"POST http://ORIGIN/ HTTP/1.0", body=b"hello"))
    line = scene.arrival()
    head = line.request_head()
    line.send(CONTINUE)
    head.framing = "length" if head.has("content-length") else "chunked"
    same(line.body(head).body, b"hello", "body at the origin")
    line.send(reply())
    got = scene.client.answer(b"POST")
    same((got.status, [each.status for each in scene.client.interims + got.interims]), (200, []), "statuses")


@should("RFC 9110 §10.1.1")
def body_without_waiting(scene: Scene) -> None:
    """A client that expects 100 and sends its body all the same is served."""
    scene.send(post(*EXPECT, body=b"hello"))
    line = scene.arrival()
    same(line.request().body, b"hello", "body at the origin")
    line.send(reply())
    same(scene.client.answer(b"POST").status, 200, "status at the client")


# 1xx


def interims_of(scene: Scene, *heads: bytes, request: bytes = b"") -> list[int]:
    """The 1xx statuses at the client where the origin sends these, then its answer."""
    got = scene.answered(b"".join(heads) + reply(), request)
    same((got.status, got.body), (200, b"ok"), "final answer")
    return [each.status for each in got.interims]


@must("RFC 9110 §15.2")
def early_hints_pass(scene: Scene) -> None:
    """A 103 is forwarded, with its fields."""
    got = scene.answered(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + reply())
    told = [(each.status, each.values("link")) for each in got.interims]
    same(told, [(103, [b"</a.css>; rel=preload"])], "interim answers at the client")


@must("RFC 9110 §15.2")
def several_interims_pass(scene: Scene) -> None:
    """More than one 1xx is forwarded, unknown ones too, and the final answer after them."""
    heads = (
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 199 Odd\r\n\r\n",
    )
    same(interims_of(scene, *heads), [102, 103, 199], "interim statuses at the client")


@must("RFC 9110 §15.2")
def interim_comes_before_the_answer(scene: Scene) -> None:
    """A 1xx is forwarded when it comes, not when the answer does."""
    scene.send(ask())
    line = scene.arrival()
    line.request()
    line.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    same(scene.client.answer_head().status, 103, "first status at the client")
    line.send(reply())
    same(scene.client.answer().status, 200, "final status at the client")


@must("RFC 9110 §15.2")
def continue_that_nobody_asked_for(scene: Scene) -> None:
    """A 100 that the client did not expect is forwarded, and is not the answer."""
    same(interims_of(scene, CONTINUE), [100], "interim statuses at the client")


@must("RFC 9110 §15.2")
def no_interims_for_an_old_client(scene: Scene) -> None:
    """A client of HTTP/1.0 gets no 1xx."""
    old = ask(start=b"GET http://ORIGIN/ HTTP/1.0")
    same(interims_of(scene, b"HTTP/1.1 103 Early Hints\r\n\r\n", request=old), [], "interims at the client")


@must("RFC 9110 §8.6")
def interim_with_a_length(scene: Scene) -> None:
    """A length with a 1xx frames nothing and is not sent on; the answer may be refused."""
    got = scene.answered(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + reply(body=b"hello"))
    if got.status != 502:
        same((got.body, [each.has("content-length") for each in got.interims]), (b"hello", [False]), "answer")


@must("RFC 9112 §6.1")
def interim_with_chunks(scene: Scene) -> None:
    """Chunks with a 1xx are not sent on; the answer may be refused."""
    got = scene.answered(
        b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + reply(body=b"hello")
    )
    if got.status != 502:
        same(
            (got.body, [each.has("transfer-encoding") for each in got.interims]),
            (b"hello", [False]),
            "answer",
        )


@must("RFC 9110 §7.6.1")
def what_an_interims_connection_names(scene: Scene) -> None:
    """Fields that the Connection of a 1xx names end here."""
    head = b"HTTP/1.1 103 Early Hints\r\nConnection: X-Gone\r\nX-Gone: 1\r\nX-Kept: 1\r\n\r\n"
    got = scene.answered(head + reply())
    same([(each.has("x-gone"), each.has("x-kept")) for each in got.interims], [(False, True)], "fields")


# Upgrade


@must("RFC 9110 §7.8")
def upgrade_without_its_option(scene: Scene) -> None:
    """Upgrade that Connection doesn't name is not sent on."""
    holds(not scene.forwarded(ask(b"Upgrade: websocket")).has("upgrade"), "Upgrade is at the origin")


@must("RFC 9110 §7.8")
def upgrade_of_an_old_client(scene: Scene) -> None:
    """Upgrade in HTTP/1.0 is ignored."""
    seen = scene.forwarded(WEBSOCKET.replace(b"HTTP/1.1", b"HTTP/1.0"))
    holds(not seen.has("upgrade"), "Upgrade is at the origin")


@must("RFC 9110 §7.8")
def upgrade_has_its_option(scene: Scene) -> None:
    """If Upgrade is sent on, Connection names it."""
    seen = scene.forwarded(WEBSOCKET)
    options = [option.lower() for option in seen.listed("connection")]
    holds(not seen.has("upgrade") or b"upgrade" in options, "Upgrade without its option")


@must("RFC 9110 §7.6.1")
def settings_of_http2_stay_here(scene: Scene) -> None:
    """HTTP2-Settings, which Connection names beside Upgrade: h2c, is of one connection and ends here."""
    lines = (
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
    )
    holds(not scene.forwarded(ask(*lines)).has("http2-settings"), "HTTP2-Settings is at the origin")


@must("RFC 9110 §15.2.2")
def change_that_nobody_asked_for(scene: Scene) -> None:
    """A 101 without a wish for it is not passed on."""
    scene.send(ask())
    line = scene.arrival()
    line.request()
    line.send(SWITCH + b"\r\n" + reply())
    line.half_close()
    while scene.client.has_bytes():
        head = scene.client.answer_head()
        holds(head.status != 101, "the 101 is at the client")
        if head.status >= 200:
            break


@must("RFC 9110 §7.8")
def websocket_answer_has_its_fields(scene: Scene) -> None:
    """A 101 that is passed on has its Upgrade and Connection; where Upgrade was not sent on, none is due."""
    scene.send(WEBSOCKET)
    line = scene.arrival()
    if line.request().has("upgrade"):
        line.send(SWITCH + b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        head = scene.client.answer_head()
        same(head.status, 101, "status at the client")
        same([value.lower() for value in head.values("upgrade")], [b"websocket"], "Upgrade at the client")
        holds(
            b"upgrade" in [option.lower() for option in head.listed("connection")], "no Connection: upgrade"
        )


@useful("RFC 6455 §1.3")
def websocket_passes(scene: Scene) -> None:
    """After the 101 bytes flow both ways, those that came with it too."""
    scene.send(WEBSOCKET)
    line = scene.arrival()
    holds(line.request().has("upgrade"), "Upgrade is not at the origin")
    line.send(SWITCH + b"\r\n\x81\x02hi")
    same(scene.client.answer_head().status, 101, "status at the client")
    same(scene.client.exactly(4), b"\x81\x02hi", "first bytes at the client")
    scene.client.send(b"\x81\x82abcd\t\x0b")
    frame = line.exactly(8)  # one that reads frames may mask them anew
    text = bytes(byte ^ mask for byte, mask in zip(frame[6:], frame[2:4], strict=True))
    same((frame[:2], text), (b"\x81\x82", b"hi"), "frame and text at the origin")


@useful("RFC 6455 §4.2.2")
def websocket_refused_by_the_origin(scene: Scene) -> None:
    """An origin that answers a handshake as any request is passed on, and the connection serves on."""
    got = scene.answered(reply(start=b"HTTP/1.1 426 Upgrade Required"), WEBSOCKET)
    same(got.status, 426, "status at the client")
    same(scene.again()[1].status, 200, "status of the next answer")
