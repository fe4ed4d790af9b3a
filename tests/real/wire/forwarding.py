"""What a proxy takes out of a message, puts in, and leaves alone."""

from __future__ import annotations

import re

from tests.real.wire.cases import must, should
from tests.real.wire.line import Breach, Line, Message
from tests.real.wire.scene import Scene, ask, holds, post, reply, same

#: A member of Via: protocol, who received it, perhaps a comment (RFC 9110 §7.6.3).
_VIA = re.compile(rb"(?i)(?:http/)?([0-9](?:\.[0-9])?) \S+(?: \(.*\))?")


#: How often a request goes round a loop until it is taken for endless.
ROUNDS = 12


def gone(message: Message, *names: str) -> None:
    """The message has none of these fields, and Connection names none of them."""
    for name in names:
        holds(not message.has(name), f"{name} was sent on")
        options = [option.lower() for option in message.listed("connection")]
        holds(name.lower().encode() not in options, f"Connection still names {name}")


# hop by hop


@must("RFC 9110 §7.6.1")
def what_connection_names(scene: Scene) -> None:
    """Fields that a request's Connection names end here, and so does the naming."""
    seen = scene.forwarded(ask(b"Connection: X-One, x-two", b"X-One: 1", b"X-TWO: 2", b"X-Three: 3"))
    gone(seen, "X-One", "X-Two")
    same(seen.values("x-three"), [b"3"], "another field at the origin")


@must("RFC 9110 §7.6.1")
def what_a_second_connection_names(scene: Scene) -> None:
    """Every Connection line counts."""
    seen = scene.forwarded(ask(b"Connection: X-One", b"X-One: 1", b"Connection: X-Two", b"X-Two: 2"))
    gone(seen, "X-One", "X-Two")


@must("RFC 9110 §7.6.1")
def what_connection_names_twice(scene: Scene) -> None:
    """Every line of a named field is removed."""
    gone(scene.forwarded(ask(b"X-One: 1", b"Connection: X-One", b"X-One: 2")), "X-One")


@must("RFC 9110 §7.6.1")
def connection_that_names_itself(scene: Scene) -> None:
    """A Connection that names itself is an odd list, not a trap."""
    got = scene.attempt(ask(b"Connection: Connection, X-One", b"X-One: 1"), 400)
    if isinstance(got, Line):
        gone(got.request(), "X-One")


@must("RFC 9110 §7.6.1")
def what_an_answers_connection_names(scene: Scene) -> None:
    """Fields that an answer's Connection names end here."""
    got = scene.answered(
        reply(b"Connection: X-One", b"X-One: 1", b"connection: X-Two", b"x-two: 2", b"X-Three: 3")
    )
    gone(got, "X-One", "X-Two")
    same(got.values("x-three"), [b"3"], "another field at the client")


@must("RFC 9110 §7.6.1")
def clients_options_stay_here(scene: Scene) -> None:
    """A client's close is not sent on as if it were ours for the origin to answer to the client."""
    seen, _ = scene.exchange(ask(b"Connection: close, X-Mark", b"X-Mark: 1"))
    gone(seen, "X-Mark")


@should("RFC 9110 §7.6.1")
def keep_alive_stays_here(scene: Scene) -> None:
    """A request's Keep-Alive and Proxy-Connection end here, though Connection forgot them."""
    seen = scene.forwarded(ask(b"Keep-Alive: timeout=987", b"Proxy-Connection: keep-alive"))
    gone(seen, "Proxy-Connection")
    holds(b"timeout=987" not in seen.values("keep-alive"), "the client's Keep-Alive is at the origin")


@should("RFC 9110 §7.6.1")
def answers_keep_alive_stays_here(scene: Scene) -> None:
    """An answer's Keep-Alive ends here, though Connection forgot it."""
    got = scene.answered(reply(b"Keep-Alive: timeout=987"))
    holds(b"timeout=987" not in got.values("keep-alive"), "the origin's Keep-Alive is at the client")


@must("RFC 9110 §10.1.4")
def te_stays_here(scene: Scene) -> None:
    """TE concerns one connection: it ends here, or is sent as ours, with Connection naming it."""
    seen = scene.forwarded(ask(b"Connection: TE", b"TE: trailers, gzip;q=0.5"))
    if seen.has("te"):
        holds(b"te" in [option.lower() for option in seen.listed("connection")], "TE without its option")
        holds(b"gzip;q=0.5" not in seen.listed("te"), "the client's own TE")


@should("RFC 9110 §7.6.1")
def te_without_its_option(scene: Scene) -> None:
    """TE ends here, though Connection forgot it."""
    seen = scene.forwarded(ask(b"TE: deflate;q=0.3"))
    holds(b"deflate;q=0.3" not in seen.listed("te"), "the client's TE is at the origin")


@must("RFC 9112 §6.3")
def length_is_not_forgotten(scene: Scene) -> None:
    """An answer whose Connection names Content-Length is framed all the same, or refused."""
    got = scene.answered(reply(b"Connection: Content-Length", body=b"hello"))
    holds(got.status == 502 or got.body == b"hello", f"body {got.body!r}")


@must("RFC 9112 §3.2.2")
def host_is_not_forgotten(scene: Scene) -> None:
    """A request whose Connection names Host has one at the origin, or is refused."""
    got = scene.attempt(ask(b"Connection: Host"), 400)
    if isinstance(got, Line):
        same(got.request().values("host"), [scene.origin], "Host at the origin")


# Via


def via(message: Message) -> list[bytes]:
    """The members of Via, each of its right form; a chain of proxies has one for each of them."""
    members = message.listed("via")
    for member in members:
        holds(_VIA.fullmatch(member), f"Via has {member!r}")
    return members


def came_in(message: Message, version: bytes) -> None:
    """The first proxy says by Via in which version the message came."""
    same([member.split()[0] for member in via(message)][:1], [version], "version in Via")


@must("RFC 9110 §7.6.3")
def via_in_a_request(scene: Scene) -> None:
    """A request that is forwarded has a Via with the version it came in."""
    came_in(scene.forwarded(ask()), b"1.1")


@must("RFC 9110 §7.6.3")
def via_of_an_old_client(scene: Scene) -> None:
    """Via tells that a request came in HTTP/1.0."""
    came_in(scene.forwarded(ask(start=b"GET http://ORIGIN/ HTTP/1.0")), b"1.0")


@must("RFC 9110 §7.6.3")
def via_is_appended(scene: Scene) -> None:
    """Our member comes after those that a request has, which stay as they are."""
    earlier = [b"1.0 fred (old)", b"1.1 p.example.net", b"1.1 third"]
    members = via(scene.forwarded(ask(b"Via: 1.0 fred (old), 1.1 p.example.net", b"Via: 1.1 third")))
    same(members[:3], earlier, "earlier members at the origin")
    holds(members[3:], "no member of the proxy's own")


@must("RFC 9110 §7.6.3")
def via_in_an_answer(scene: Scene) -> None:
    """An answer that is forwarded has a Via with the version it came in."""
    came_in(scene.answered(reply()), b"1.1")


@must("RFC 9110 §7.6.3")
def via_of_an_old_origin(scene: Scene) -> None:
    """Via tells that an answer came in HTTP/1.0."""
    came_in(scene.answered(reply(start=b"HTTP/1.0 200 OK")), b"1.0")


@must("RFC 9110 §7.6.3")
def via_is_appended_to_an_answers(scene: Scene) -> None:
    """Our member comes after those that an answer has."""
    members = via(scene.answered(reply(b"Via: 1.1 gate.example")))
    same(members[:1], [b"1.1 gate.example"], "earlier member at the client")
    holds(members[1:], "no member of the proxy's own")


@must("RFC 9110 §7.6")
def loop_ends(scene: Scene) -> None:
    """A request that the next hop sends back to the proxy, again and again, is stopped before long."""
    request = ask()
    for _ in range(ROUNDS):
        got = scene.attempt(request, closes=False)
        if not isinstance(got, Line):
            return
        seen = got.request()
        lines = [name + b": " + value for name, value in seen.fields]
        request = b"\r\n".join((b"GET http://ORIGIN/ HTTP/1.1", *lines, b"", b""))
        scene.another_client()
    raise Breach(f"it came round {ROUNDS} times")


# Max-Forwards


def max_forwards(method: bytes, hops: bytes) -> bytes:
    """A request with so many hops to go."""
    return ask(b"Max-Forwards: " + hops, start=b"%b http://ORIGIN/ HTTP/1.1" % method)


@must("RFC 9110 §7.6.2")
def trace_without_hops_left(scene: Scene) -> None:
    """TRACE with Max-Forwards 0 is answered by the proxy."""
    scene.send(max_forwards(b"TRACE", b"0"))
    holds(scene.first() is scene.client, "it reached the origin")
    scene.client.answer(b"TRACE")


@must("RFC 9110 §7.6.2")
def options_without_hops_left(scene: Scene) -> None:
    """OPTIONS with Max-Forwards 0 is answered by the proxy."""
    scene.send(max_forwards(b"OPTIONS", b"0"))
    holds(scene.first() is scene.client, "it reached the origin")
    scene.client.answer(b"OPTIONS")


@must("RFC 9110 §7.6.2")
def trace_with_hops_left(scene: Scene) -> None:
    """TRACE with Max-Forwards 5 is forwarded with 4 at most, or refused."""
    got = scene.attempt(max_forwards(b"TRACE", b"5"), closes=False)
    if isinstance(got, Line):
        same(got.request().values("max-forwards"), [b"4"], "Max-Forwards at the origin")


@must("RFC 9110 §7.6.2")
def options_with_a_hop_left(scene: Scene) -> None:
    """OPTIONS with Max-Forwards 1 is forwarded with 0."""
    seen = scene.forwarded(max_forwards(b"OPTIONS", b"1"))
    same(seen.values("max-forwards"), [b"0"], "Max-Forwards at the origin")


@should("RFC 9110 §9.3.8")
def trace_says_what_came(scene: Scene) -> None:
    """The proxy's answer to TRACE is 200 and has the request as it came, or TRACE is refused."""
    scene.send(max_forwards(b"TRACE", b"0").replace(b"\r\n\r\n", b"\r\nX-Mark: 17\r\n\r\n"))
    holds(scene.first() is scene.client, "it reached the origin")
    got = scene.client.answer(b"TRACE")
    if got.status == 200:
        holds(
            got.values("content-type")[:1] == [b"message/http"], f"Content-Type {got.values('content-type')}"
        )
        holds(b"X-Mark: 17" in got.body, "the request is not in the answer")
    else:
        holds(got.status in (403, 405, 501), f"status {got.status}")


@should("RFC 9110 §9.3.8")
def trace_keeps_secrets(scene: Scene) -> None:
    """The proxy's answer to TRACE leaves out cookies and credentials."""
    secrets = b"\r\nCookie: planted\r\nAuthorization: Basic planted\r\n\r\n"
    scene.send(max_forwards(b"TRACE", b"0").replace(b"\r\n\r\n", secrets))
    holds(scene.first() is scene.client, "it reached the origin")
    holds(b"planted" not in scene.client.answer(b"TRACE").body, "a secret is in the answer")


# Date


@must("RFC 9110 §6.6.1")
def date_is_added(scene: Scene) -> None:
    """An answer without Date gets one when it is forwarded."""
    same(len(scene.answered(reply()).values("date")), 1, "Date lines at the client")


@should("RFC 9110 §7.7")
def date_stays(scene: Scene) -> None:
    """An answer's Date is left as it is."""
    date = b"Tue, 15 Nov 1994 08:12:31 GMT"
    same(scene.answered(reply(b"Date: " + date)).values("date"), [date], "Date at the client")


@should("RFC 9110 §6.6.1")
def date_of_a_refusal(scene: Scene) -> None:
    """An answer 4xx of the proxy's own has a Date."""
    holds(
        scene.refused(b"GET http:/// HTTP/1.1\r\nHost: ORIGIN\r\n\r\n", closes=False).has("date"), "no Date"
    )


# content and what describes it


@must("RFC 9110 §7.7")
def content_with_no_transform(scene: Scene) -> None:
    """Content with no-transform arrives byte by byte, with its coding."""
    body = b"\x1f\x8b\x08\x00not really gzip" + bytes(range(256))
    got = scene.answered(
        reply(
            b"Content-Type: image/jpeg", b"Content-Encoding: gzip", b"Cache-Control: no-transform", body=body
        )
    )
    same((got.body, got.values("content-encoding")), (body, [b"gzip"]), "content and coding at the client")


@should("RFC 9110 §7.7")
def what_describes_an_answer(scene: Scene) -> None:
    """Fields that describe an answer's origin and content are left as they are."""
    lines = {
        b"Server": b"Wire/1.0 (test)",
        b"Content-Type": b'text/html; charset="UTF-8"',
        b"Content-Language": b"de, en",
        b"Content-Location": b"/a.html",
        b"Last-Modified": b"Tue, 15 Nov 1994 12:45:26 GMT",
        b"ETag": b'W/"xyzzy,1"',
        b"Allow": b"GET, HEAD",
        b"Accept-Ranges": b"bytes",
        b"Vary": b"Accept-Encoding, *",
        b"Retry-After": b"120",
        b"Location": b"http://other.example/a b",
    }
    got = scene.answered(reply(*(name + b": " + value for name, value in lines.items())))
    changed = [name for name, value in lines.items() if got.values(name.decode()) != [value]]
    same(changed, [], "changed fields at the client")


@should("RFC 9110 §7.7")
def what_describes_a_request(scene: Scene) -> None:
    """Fields that describe a request's sender and wishes are left as they are."""
    lines = {
        b"User-Agent": b"Wire/1.0 (test; like none)",
        b"Accept": b"text/html;q=0.8, */*;q=0.1",
        b"Accept-Encoding": b"br;q=1.0, gzip;q=0.5, identity;q=0",
        b"Accept-Language": b"da, en-gb;q=0.8",
        b"Referer": b"http://other.example/a?b",
        b"Origin": b"null",
        b"Cookie": b"a=1; b=2",
        b"From": b"someone@example.org",
        b"Content-Type": b"application/x-unheard-of",
    }
    seen = scene.forwarded(
        post(*(name + b": " + value for name, value in lines.items()), b"Content-Length: 2", body=b"hi")
    )
    changed = [name for name, value in lines.items() if seen.values(name.decode()) != [value]]
    same(changed, [], "changed fields at the origin")
