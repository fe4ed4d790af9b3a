"""Connections: how long they live, whose answer comes when, and what is never sent twice."""

from __future__ import annotations

from tests.real.wire.cases import must, should, useful
from tests.real.wire.line import Line
from tests.real.wire.scene import Scene, ask, holds, post, reply, same


def named(path: bytes, *lines: bytes, version: bytes = b"HTTP/1.1", method: bytes = b"GET") -> bytes:
    """A request for a path of its own."""
    return ask(*lines, start=b"%b http://ORIGIN%b %b" % (method, path, version))


# the client's connection


@should("RFC 9112 §9.3")
def client_may_ask_again(scene: Scene) -> None:
    """A client of HTTP/1.1 asks twice on one connection."""
    scene.exchange()
    same(scene.exchange(named(b"/two"))[0].target, b"/two", "second target")


@must("RFC 9112 §9.6")
def close_is_heeded(scene: Scene) -> None:
    """A request that says close is the last one: the connection is closed after its answer."""
    scene.exchange(ask(b"Connection: close"))
    scene.client.ended()


@must("RFC 9112 §9.6")
def close_among_other_options(scene: Scene) -> None:
    """The close option is found in any case, among others."""
    scene.exchange(ask(b"Connection: X-Other, CLOSE"))
    scene.client.ended()


@should("RFC 9112 §9.6")
def close_is_told(scene: Scene) -> None:
    """The last answer on a connection says close."""
    _, got = scene.exchange(ask(b"Connection: close"))
    holds(b"close" in [option.lower() for option in got.listed("connection")], "it does not")


@must("RFC 9112 §9.3")
def close_is_announced(scene: Scene) -> None:
    """A proxy that closes after an answer has said so in it, unless the connection serves on."""
    _, got = scene.exchange()
    first = scene.client
    scene.again()
    if scene.client is not first:
        holds(b"close" in [option.lower() for option in got.listed("connection")], "closed without a word")


@must("RFC 9112 §9.6")
def nothing_after_close(scene: Scene) -> None:
    """What a client sends after a request that says close is not processed."""
    scene.exchange(ask(b"Connection: close") + named(b"/two"))
    scene.client.ended()
    scene.quiet()


@must("RFC 9112 §9.3")
def old_client_is_closed(scene: Scene) -> None:
    """A connection of HTTP/1.0 is closed after its answer."""
    scene.exchange(named(b"/", version=b"HTTP/1.0"))
    scene.client.ended()


@must("RFC 9112 §9.3")
def old_client_is_not_kept(scene: Scene) -> None:
    """A proxy keeps no connection with a client of HTTP/1.0, asked or not."""
    scene.exchange(named(b"/", b"Connection: keep-alive", version=b"HTTP/1.0"))
    scene.client.ended()


@must("RFC 9112 §9.3")
def old_client_is_not_kept_by_another_name(scene: Scene) -> None:
    """Nor if it asks by Proxy-Connection."""
    scene.exchange(named(b"/", b"Proxy-Connection: keep-alive", version=b"HTTP/1.0"))
    scene.client.ended()


def answers_in_turn(scene: Scene, *paths: bytes) -> None:
    """The origin answers each path with its name, and the client gets these answers in this order.

    The proxy may close the connection after an answer: a client has to reckon with that.
    """
    for path in paths:
        line = scene.turn_of(path)
        if line is None:
            return
        line.send(reply(body=path))
        same(scene.client.answer().body, path, "body of this answer")


@must("RFC 9112 §9.3.2")
def pipelined_answers_in_order(scene: Scene) -> None:
    """Requests sent at once are answered in their order, or not at all."""
    scene.send(named(b"/one") + named(b"/two") + named(b"/three"))
    answers_in_turn(scene, b"/one", b"/two", b"/three")


@must("RFC 9112 §9.3.2")
def pipelined_after_a_body(scene: Scene) -> None:
    """A request behind another's body is read where that body ends."""
    scene.send(
        post(b"Content-Length: 5", body=b"hello", start=b"POST http://ORIGIN/one HTTP/1.1") + named(b"/two")
    )
    answers_in_turn(scene, b"/one", b"/two")


@must("RFC 9112 §9.3.2")
def pipelined_after_chunks(scene: Scene) -> None:
    """A request behind another's last chunk is read where that ends."""
    body = b"5\r\nhello\r\n0\r\n\r\n"
    first = post(b"Transfer-Encoding: chunked", body=body, start=b"POST http://ORIGIN/one HTTP/1.1")
    scene.send(first + named(b"/two"))
    answers_in_turn(scene, b"/one", b"/two")


@must("RFC 9112 §9.3.2")
def refusal_waits_for_its_turn(scene: Scene) -> None:
    """A refusal of a pipelined request comes after the answers before it."""
    scene.send(named(b"/one") + b"GET http:/// HTTP/1.1\r\nHost: ORIGIN\r\n\r\n")
    answers_in_turn(scene, b"/one")
    if scene.client.has_bytes():
        holds(scene.client.answer().status >= 400, "no refusal")


@useful("RFC 9112 §9.3.2")
def pipeline_is_served(scene: Scene) -> None:
    """Twenty requests sent at once are all answered."""
    paths = [b"/%d" % number for number in range(20)]
    scene.send(b"".join(map(named, paths)))
    answers_in_turn(scene, *paths)
    scene.again()


@must("RFC 9112 §9.3")
def body_is_read_or_the_connection_closed(scene: Scene) -> None:
    """A refused request's body is never read as the next request."""
    body = named(b"/hidden")
    got = scene.attempt(
        b"POST http:///a HTTP/1.1\r\nHost: ORIGIN\r\nContent-Length: %d\r\n\r\n" % len(scene.filled(body))
        + body,
        closes=False,
    )
    holds(not isinstance(got, Line), "it reached the origin")
    if scene.client.has_bytes():
        raise scene.client.breach("a second answer")


@useful("RFC 9112 §9.6")
def client_that_sent_its_fin(scene: Scene) -> None:
    """A client that closes its sending side behind a request still gets the answer."""
    scene.send(ask())
    scene.client.half_close()
    line = scene.arrival()
    line.request()
    line.send(reply(body=b"hello"))
    same(scene.client.answer().body, b"hello", "body at the client")


@useful("RFC 9112 §9.6")
def refusal_of_an_upload_arrives(scene: Scene) -> None:
    """A refusal is readable though the client is still sending: the connection is closed in stages."""
    body = b"x" * (4 << 20)
    scene.another_client()
    head = b"POST http:///a HTTP/1.1\r\nHost: ORIGIN\r\nContent-Length: %d\r\n\r\n" % len(body)
    scene.meanwhile(lambda: scene.send(head + body))
    holds(scene.client.answer(b"POST").status >= 400, "no refusal")


@useful("RFC 9112 §9.6")
def refusal_of_an_upload_ends_in_order(scene: Scene) -> None:
    """Such a connection ends with a FIN, as a reset takes the refusal away from clients on other systems."""
    body = b"x" * (1 << 20)
    scene.another_client()
    head = b"POST http:///a HTTP/1.1\r\nHost: ORIGIN\r\nContent-Length: %d\r\n\r\n" % len(body)
    scene.send(head + body)
    scene.client.rest()
    same(scene.client.end, "fin", "end of the connection")


@useful("RFC 9112 §9.5")
def client_that_leaves(scene: Scene) -> None:
    """When the client resets its connection in the middle of an answer, the origin's is ended too."""
    scene.send(ask())
    line = scene.arrival()
    line.request()
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello")
    scene.client.answer_head()
    scene.client.reset()
    line.rest()


# the origin's connection


@should("RFC 9112 §9.3")
def origin_connection_is_used_again(scene: Scene) -> None:
    """A second request to the same origin goes on the same connection."""
    scene.exchange()
    first = scene.server
    scene.exchange(named(b"/two"))
    holds(scene.server is first, "a second connection was made")


@must("RFC 9112 §9.6")
def origins_close_is_heeded(scene: Scene) -> None:
    """After an answer that says close no request is sent on that connection."""
    scene.exchange(data=reply(b"Connection: close"))
    first = scene.server
    same(scene.again()[1].status, 200, "status of the next answer")
    holds(scene.server is not first, "the same connection was used")


@must("RFC 9112 §9.3")
def old_origin_is_not_kept(scene: Scene) -> None:
    """After an answer in HTTP/1.0 without keep-alive no request is sent on that connection."""
    scene.exchange(data=reply(start=b"HTTP/1.0 200 OK"))
    first = scene.server
    same(scene.again()[1].status, 200, "status of the next answer")
    holds(scene.server is not first, "the same connection was used")


@must("RFC 9112 §6.1")
def no_chunks_for_an_old_origin(scene: Scene) -> None:
    """An origin that has answered in HTTP/1.0 is sent no chunks: a length, or the client is told 411."""
    scene.exchange(data=reply(start=b"HTTP/1.0 200 OK"))
    scene.another_client()
    got = scene.attempt(post(b"Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n\r\n"), 411, closes=False)
    if isinstance(got, Line):
        seen = got.request()
        same((seen.body, seen.has("transfer-encoding")), (b"hi", False), "body and coding at the origin")


@should("RFC 9112 §9.3")
def origins_close_is_not_the_clients(scene: Scene) -> None:
    """An origin that says close leaves the client's connection as it is."""
    scene.exchange(data=reply(b"Connection: close"))
    same(scene.exchange(named(b"/two"))[1].status, 200, "status of the next answer")


@should("RFC 9112 §9.5")
def origin_that_closed_while_idle(scene: Scene) -> None:
    """An origin that closed a waiting connection is asked on a new one, whatever the method."""
    scene.exchange()
    scene.server.close()
    scene.another_client()
    seen, _ = scene.exchange(post(b"Content-Length: 2", body=b"hi"))
    same(seen.body, b"hi", "body at the origin")


@useful("RFC 9112 §9.3.1")
def get_on_a_stale_connection(scene: Scene) -> None:
    """A GET sent on a connection that the origin just closes is sent again on a new one."""
    scene.exchange()
    scene.another_client()
    scene.send(named(b"/two"))
    line = scene.arrival()
    line.request()
    line.close()
    line = scene.arrival()
    same(line.request().target, b"/two", "target of the second attempt")
    line.send(reply(body=b"two"))
    same(scene.client.answer().body, b"two", "body at the client")


@must("RFC 9110 §9.2.2")
def post_is_not_sent_again(scene: Scene) -> None:
    """A POST whose connection ends without an answer is not sent again."""
    scene.exchange()
    scene.another_client()
    scene.send(post(b"Content-Length: 2", body=b"hi"))
    line = scene.arrival()
    line.request()
    line.close()
    holds(scene.first() is scene.client, "it was sent again")
    if scene.client.has_bytes():
        holds(scene.client.answer(b"POST").status >= 500, "an answer other than 5xx")
    scene.quiet()


@must("RFC 9110 §9.2.2")
def unknown_method_is_not_sent_again(scene: Scene) -> None:
    """A method that nobody knows is taken for one that is not idempotent."""
    scene.exchange()
    scene.another_client()
    got = scene.attempt(named(b"/two", method=b"FROB"), closes=False)
    if isinstance(got, Line):
        got.request()
        got.close()
        holds(scene.first() is scene.client, "it was sent again")
        scene.quiet()


@should("RFC 9112 §9.3.1")
def sent_again_once(scene: Scene) -> None:
    """A request that failed when it was sent again is not sent a third time."""
    scene.exchange()
    scene.another_client()
    scene.send(named(b"/two"))
    for _ in range(2):
        line = scene.first()
        if line is scene.client:
            break
        line.request()
        line.close()
    holds(scene.first() is scene.client, "it was sent a third time")
    holds(scene.client.answer().status >= 500, "an answer other than 5xx")


@should("RFC 9112 §9.5")
def answer_before_the_body_is_whole(scene: Scene) -> None:
    """An origin's answer that comes while the client is still sending is passed on at once."""
    scene.send(post(b"Content-Length: 100000", body=b"x" * 10))
    line = scene.arrival()
    line.request_head()
    line.send(reply(start=b"HTTP/1.1 413 Content Too Large"))
    same(scene.client.answer(b"POST").status, 413, "status at the client")


@useful("RFC 9112 §9.5")
def answer_to_an_upload_under_way(scene: Scene) -> None:
    """A client in the middle of a large upload can read the answer of an origin that closes."""
    body = b"x" * (4 << 20)
    scene.another_client()
    scene.meanwhile(lambda: scene.send(post(b"Content-Length: %d" % len(body), body=body)))
    line = scene.arrival()
    line.request_head()
    line.send(reply(b"Connection: close", start=b"HTTP/1.1 413 Content Too Large"))
    line.half_close()
    scene.meanwhile(line.rest)
    same(scene.client.answer(b"POST").status, 413, "status at the client")


@must("RFC 9112 §9.3")
def connection_after_an_early_answer(scene: Scene) -> None:
    """After such an answer the rest of the body is never taken for a request."""
    hidden = scene.filled(named(b"/hidden"))
    scene.send(post(b"Content-Length: %d" % (10 + len(hidden)), body=b"x" * 10))
    line = scene.arrival()
    line.request_head()
    line.send(reply(b"Connection: close", start=b"HTTP/1.1 413 Content Too Large"))
    line.half_close()
    scene.client.answer(b"POST")
    scene.client.send(hidden)
    scene.client.half_close()
    scene.client.rest()
    line.exactly(10 + len(hidden))
    line.ended()
    for other in scene.others(line):
        raise other.breach("another connection to the origin")
