"""Methods, status codes, conditions, ranges, caching, credentials: what a proxy has no opinion on."""

from __future__ import annotations

from tests.real.wire.cases import must, should, useful
from tests.real.wire.line import Line
from tests.real.wire.scene import Scene, ask, holds, post, reply, same


def method_passes(scene: Scene, method: bytes) -> None:
    """A request with this method and without content is forwarded as it is."""
    seen, got = scene.exchange(ask(start=method + b" http://ORIGIN/a HTTP/1.1"))
    same((seen.method, seen.target), (method, b"/a"), "method and target at the origin")
    same(got.status, 200, "status at the client")


@must("RFC 9110 §9.1")
def get_passes(scene: Scene) -> None:
    """GET is supported."""
    method_passes(scene, b"GET")


@must("RFC 9110 §9.1")
def head_passes(scene: Scene) -> None:
    """HEAD is supported, and stays HEAD."""
    seen, got = scene.exchange(ask(start=b"HEAD http://ORIGIN/ HTTP/1.1"), reply(body=b""))
    same((seen.method, got.status), (b"HEAD", 200), "method at the origin, status at the client")


@useful("RFC 9110 §9.3")
def delete_passes(scene: Scene) -> None:
    """DELETE passes."""
    method_passes(scene, b"DELETE")


@useful("RFC 9110 §9.3")
def put_passes(scene: Scene) -> None:
    """PUT passes with its content."""
    seen, _ = scene.exchange(post(b"Content-Length: 2", body=b"hi", start=b"PUT http://ORIGIN/a HTTP/1.1"))
    same((seen.method, seen.body), (b"PUT", b"hi"), "method and body at the origin")


@useful("RFC 5789 §2")
def patch_passes(scene: Scene) -> None:
    """PATCH passes with its content."""
    seen, _ = scene.exchange(post(b"Content-Length: 2", body=b"hi", start=b"PATCH http://ORIGIN/a HTTP/1.1"))
    same((seen.method, seen.body), (b"PATCH", b"hi"), "method and body at the origin")


@useful("RFC 9110 §16.1")
def unknown_method_passes(scene: Scene) -> None:
    """A method that nobody knows passes: what it means is the origin's to say."""
    method_passes(scene, b"FROB")


@useful("RFC 9110 §9.1")
def method_of_every_character(scene: Scene) -> None:
    """A method may hold whatever a token may."""
    method_passes(scene, b"X-!#$%&'*+.^_`|~0")


@must("RFC 9110 §9.1")
def method_in_lower_case(scene: Scene) -> None:
    """Methods are case-sensitive: ``get`` is not made ``GET``; it may be refused."""
    got = scene.attempt(ask(start=b"get http://ORIGIN/ HTTP/1.1"), closes=False)
    if isinstance(got, Line):
        same(got.request().method, b"get", "method at the origin")


# status codes


def status_passes(scene: Scene, status: int, *lines: bytes) -> None:
    """An answer with this status is passed on as it is."""
    got = scene.answered(reply(*lines, start=b"HTTP/1.1 %d Some Reason" % status))
    same((got.status, got.body), (status, b"ok"), "status and body at the client")


@should("RFC 9110 §15")
def unknown_success(scene: Scene) -> None:
    """An unknown 2xx passes with its content."""
    status_passes(scene, 299)


@should("RFC 9110 §15")
def unknown_redirect(scene: Scene) -> None:
    """An unknown 3xx passes, and is not followed."""
    status_passes(scene, 399, b"Location: http://ORIGIN/elsewhere")


@should("RFC 9110 §15")
def unknown_client_error(scene: Scene) -> None:
    """An unknown 4xx passes with its content."""
    status_passes(scene, 499)


@should("RFC 9110 §15")
def unknown_server_error(scene: Scene) -> None:
    """An unknown 5xx passes with its content, and the request is not sent again."""
    status_passes(scene, 599)


@useful("RFC 9110 §15.4")
def redirect_is_not_followed(scene: Scene) -> None:
    """A redirection is the client's to follow."""
    status_passes(scene, 302, b"Location: http://ORIGIN/elsewhere")


@useful("RFC 9110 §15.5.2")
def log_in_at_the_origin(scene: Scene) -> None:
    """A 401 of the origin passes with its content."""
    status_passes(scene, 401, b"WWW-Authenticate: Basic realm=a")


@should("RFC 9110 §15")
def reset_content(scene: Scene) -> None:
    """A 205 passes, without content."""
    got = scene.answered(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n")
    same((got.status, got.body), (205, b""), "status and body at the client")


@should("RFC 9110 §15")
def status_out_of_range(scene: Scene) -> None:
    """A status past 599 is treated as a 5xx: passed on, or made a 502."""
    got = scene.answered(reply(start=b"HTTP/1.1 699 Odd"), partial=True)
    holds(got.status >= 500, f"status {got.status} at the client")


@useful("RFC 9112 §4")
def reason_of_any_bytes(scene: Scene) -> None:
    """A reason is opaque: one beyond ASCII does no harm."""
    status = scene.answered(reply(start=b"HTTP/1.1 200 Tr\xc3\xa8s bien")).status
    same(status, 200, "status at the client")


# credentials


@must("RFC 9110 §11.6.2")
def authorization_stays(scene: Scene) -> None:
    """Authorization is forwarded unmodified."""
    value = b'Digest username="a b", realm="x, y", nonce="", qop=auth'
    seen = scene.forwarded(ask(b"Authorization: " + value))
    same(seen.values("authorization"), [value], "Authorization at the origin")


@must("RFC 9110 §11.6.1")
def www_authenticate_stays(scene: Scene) -> None:
    """WWW-Authenticate is forwarded unmodified, each line."""
    values = [b'Newauth realm="apps", type=1, title="Login to \\"apps\\""', b'Basic realm="simple"']
    got = scene.answered(
        reply(*(b"WWW-Authenticate: " + value for value in values), start=b"HTTP/1.1 401 Unauthorized")
    )
    same(got.values("www-authenticate"), values, "WWW-Authenticate at the client")


@must("RFC 9110 §11.6.3")
def authentication_info_stays(scene: Scene) -> None:
    """Authentication-Info is forwarded unmodified."""
    value = b'nextnonce="abc", qop=auth'
    got = scene.answered(reply(b"Authentication-Info: " + value))
    same(got.values("authentication-info"), [value], "Authentication-Info at the client")


@useful("RFC 9110 §11.7.2")
def proxy_authorization_stays_here(scene: Scene) -> None:
    """Credentials for a proxy are not told to the origin."""
    seen = scene.forwarded(ask(b"Proxy-Authorization: Basic cGxhbnRlZDpwbGFudGVk"))
    holds(not seen.has("proxy-authorization"), "they are at the origin")


# conditions, ranges, caching


@must("RFC 9110 §13.2.1")
def conditions_pass(scene: Scene) -> None:
    """Preconditions are the origin's to judge: all of them are forwarded."""
    lines = {
        b"If-Match": b'"a", "b"',
        b"If-None-Match": b'W/"c"',
        b"If-Modified-Since": b"Sat, 29 Oct 1994 19:43:31 GMT",
        b"If-Unmodified-Since": b"Sat, 29 Oct 1994 19:43:31 GMT",
    }
    seen = scene.forwarded(ask(*(name + b": " + value for name, value in lines.items())))
    lost = [name for name, value in lines.items() if seen.values(name.decode()) != [value]]
    same(lost, [], "lost or changed preconditions at the origin")


@must("RFC 9110 §13.2.1")
def condition_of_a_range_passes(scene: Scene) -> None:
    """If-Range is forwarded with its Range."""
    seen = scene.forwarded(ask(b"Range: bytes=0-1", b'If-Range: "a"'))
    same((seen.values("range"), seen.values("if-range")), ([b"bytes=0-1"], [b'"a"']), "Range and If-Range")


@useful("RFC 9110 §14.2")
def unknown_range_passes(scene: Scene) -> None:
    """A range in a unit that nobody knows passes."""
    seen = scene.forwarded(ask(b"Range: lines=1-7"))
    same(seen.values("range"), [b"lines=1-7"], "Range at the origin")


@should("RFC 9110 §7.7")
def partial_content_passes(scene: Scene) -> None:
    """A 206 passes with its range and its part."""
    got = scene.answered(
        reply(b"Content-Range: bytes 2-4/10", start=b"HTTP/1.1 206 Partial Content", body=b"cde"),
        ask(b"Range: bytes=2-4"),
    )
    same(
        (got.status, got.values("content-range"), got.body),
        (206, [b"bytes 2-4/10"], b"cde"),
        "answer at the client",
    )


@should("RFC 9110 §14.4")
def unknown_part_passes(scene: Scene) -> None:
    """A 206 in a unit that nobody knows is forwarded."""
    got = scene.answered(
        reply(b"Content-Range: lines 1-7/9", start=b"HTTP/1.1 206 Partial Content"), ask(b"Range: lines=1-7")
    )
    same((got.status, got.values("content-range")), (206, [b"lines 1-7/9"]), "answer at the client")


@must("RFC 9111 §5.2")
def cache_control_passes(scene: Scene) -> None:
    """Cache directives pass through a proxy, whether it has a cache or not."""
    seen, got = scene.exchange(
        ask(b"Cache-Control: max-stale=9, x-unheard-of"), reply(b'Cache-Control: private="x", x-other=1')
    )
    asked, told = seen.listed("cache-control"), got.listed("cache-control")
    holds(set(asked) >= {b"max-stale=9", b"x-unheard-of"}, f"directives at the origin: {asked}")
    holds(set(told) >= {b'private="x"', b"x-other=1"}, f"directives at the client: {told}")


@should("RFC 9110 §7.7")
def age_and_expires_pass(scene: Scene) -> None:
    """Expires passes as it is, were it no date."""
    same(scene.answered(reply(b"Expires: 0")).values("expires"), [b"0"], "Expires at the client")
