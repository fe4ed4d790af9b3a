"""Where a request goes: request targets, Host, and the request line itself."""

from __future__ import annotations

from tests.real.wire.cases import must, should, useful
from tests.real.wire.line import Line, Message
from tests.real.wire.scene import Scene, ask, holds, reply, same


def start(target: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    """A request line."""
    return b" ".join((method, target, version))


def target_of(scene: Scene, target: bytes, method: bytes = b"GET") -> bytes:
    """The target at the origin of a request for ``target``."""
    return scene.forwarded(ask(start=start(target, method))).target


def keeps(scene: Scene, path: bytes) -> None:
    """Path and query arrive as they were sent."""
    same(target_of(scene, b"http://ORIGIN" + path), path, "target at the origin")


@must("RFC 9112 §3.2.1")
def origin_form_at_the_origin(scene: Scene) -> None:
    """An absolute-form target reaches the origin in origin-form."""
    keeps(scene, b"/a/b?c=d")


@must("RFC 9112 §3.2.1")
def empty_path(scene: Scene) -> None:
    """An empty path is sent as "/"."""
    same(target_of(scene, b"http://ORIGIN"), b"/", "target at the origin")


@must("RFC 9112 §3.2.1")
def empty_path_with_a_query(scene: Scene) -> None:
    """An empty path before a query is sent as "/"."""
    same(target_of(scene, b"http://ORIGIN?q=1"), b"/?q=1", "target at the origin")


@must("RFC 9110 §7.7")
def dots_and_slashes_stay(scene: Scene) -> None:
    """Dot segments and empty segments of a path are not tidied up."""
    keeps(scene, b"/a/./b/../c//d/")


@must("RFC 9110 §7.7")
def escapes_stay(scene: Scene) -> None:
    """Percent-encodings are neither undone nor changed in case."""
    keeps(scene, b"/%7euser/%2F%2e%c3%BC%20?a=%2b%41&b")


@must("RFC 9110 §7.7")
def empty_query_stays(scene: Scene) -> None:
    """A "?" with nothing behind it is kept."""
    keeps(scene, b"/a?")


@must("RFC 9110 §7.7")
def delimiters_stay(scene: Scene) -> None:
    """Every character that a path or a query may hold is kept as it is."""
    keeps(scene, b"/;p=1,2:@!$&'()*+-._~=/?q=/?:@;,!$'()*+&&=http://x.example/")


@must("RFC 9110 §4.2.3")
def scheme_in_any_case(scene: Scene) -> None:
    """The scheme's case means nothing."""
    same(target_of(scene, b"HTTP://ORIGIN/a"), b"/a", "target at the origin")


@must("RFC 9110 §7.7")
def host_name_stays(scene: Scene) -> None:
    """The origin is told the host name that the client asked for, not what it resolved to."""
    name = b"localhost:%d" % scene.port
    seen = scene.forwarded(b"GET http://%b/ HTTP/1.1\r\nHost: %b\r\n\r\n" % (name, name))
    same(seen.values("host"), [name], "Host at the origin")


@must("RFC 9112 §3.2.4")
def options_with_an_empty_path(scene: Scene) -> None:
    """OPTIONS with an empty path and no query becomes that of ``*`` at the last proxy."""
    same(target_of(scene, b"http://ORIGIN", b"OPTIONS"), b"*", "target at the origin")


@must("RFC 9112 §3.2.4")
def options_with_a_path(scene: Scene) -> None:
    """OPTIONS of the path "/" is not that of ``*``."""
    same(target_of(scene, b"http://ORIGIN/", b"OPTIONS"), b"/", "target at the origin")


@must("RFC 9110 §4.2.1")
def empty_host_refused(scene: Scene) -> None:
    """An http address without a host is rejected."""
    scene.refused(b"GET http:///a HTTP/1.1\r\nHost: ORIGIN\r\n\r\n", closes=False)


@must("RFC 9110 §4.2.1")
def empty_host_with_a_port_refused(scene: Scene) -> None:
    """An http address with a port and no host is rejected."""
    scene.refused(b"GET http://:%d/a HTTP/1.1\r\nHost: ORIGIN\r\n\r\n" % scene.port, closes=False)


@must("RFC 9110 §4.2.4")
def user_information_stops_here(scene: Scene) -> None:
    """User information is never sent on, neither in the target nor in Host."""
    got = scene.attempt(ask(start=start(b"http://user:secret@ORIGIN/")), closes=False)
    if isinstance(got, Line):
        holds(b"secret" not in got.request().raw, "the password is at the origin")


@should("RFC 9110 §4.2.4")
def user_information_is_an_error(scene: Scene) -> None:
    """User information in a target is treated as an error."""
    scene.refused(ask(start=start(b"http://trusted.example@ORIGIN/")), closes=False)


@must("RFC 9110 §7.1")
def fragment_stops_here(scene: Scene) -> None:
    """A fragment is no part of a target: it is refused, or left out."""
    got = scene.attempt(ask(start=start(b"http://ORIGIN/a#part")), closes=False)
    if isinstance(got, Line):
        same(got.request().target, b"/a", "target at the origin")


@should("RFC 9110 §4.1")
def target_of_8000_bytes(scene: Scene) -> None:
    """Targets of 8,000 bytes are supported."""
    keeps(scene, b"/" + b"a" * 7980)


@must("RFC 9112 §3")
def target_too_long(scene: Scene) -> None:
    """A target longer than the proxy wishes to read is answered 414."""
    long = b"/" + b"a" * (1 << 20)
    scene.another_client()
    scene.meanwhile(lambda: scene.send(ask(start=start(b"http://ORIGIN" + long))))
    line = scene.first()
    if line is scene.client:
        same(line.answer_head().status, 414, "status")
    else:
        same(line.request().target, long, "target at the origin")


def bad_target(scene: Scene, target: bytes) -> None:
    """A request for this target is answered 400."""
    scene.refused(ask(start=start(target)), 400, closes=False)


@should("RFC 9112 §3")
def port_with_letters_in_a_target(scene: Scene) -> None:
    """A port that is no number is answered 400."""
    bad_target(scene, b"http://ORIGINx/")


@should("RFC 9112 §3")
def port_too_large_in_a_target(scene: Scene) -> None:
    """A port past 65535 is answered 400, also where 16 bits of it are a good one."""
    bad_target(scene, b"http://127.0.0.1:%d/" % (scene.port + 65536))


@should("RFC 9112 §3")
def brackets_without_an_end(scene: Scene) -> None:
    """A host in half a pair of brackets is answered 400."""
    bad_target(scene, b"http://[::1/")


@should("RFC 9112 §3")
def control_in_a_target(scene: Scene) -> None:
    """A control character in a target is answered 400."""
    bad_target(scene, b"http://ORIGIN/a\x01b")


@should("RFC 9112 §3")
def bytes_beyond_ascii_in_a_target(scene: Scene) -> None:
    """Bytes beyond ASCII in a target, which have to be escaped, are answered 400."""
    bad_target(scene, b"http://ORIGIN/\xc3\xbc")


# Host


def host_of(scene: Scene, *lines: bytes, version: bytes = b"HTTP/1.1") -> list[bytes]:
    """The values of Host at the origin, where a request had just these lines."""
    head = (start(b"http://ORIGIN/", version=version), *lines, b"", b"")
    return scene.forwarded(b"\r\n".join(head)).values("host")


@must("RFC 9112 §3.2.2")
def host_is_the_targets(scene: Scene) -> None:
    """Host at the origin is the target's authority."""
    same(host_of(scene, b"Host: ORIGIN"), [scene.origin], "Host at the origin")


@must("RFC 9112 §3.2.2")
def host_that_differs(scene: Scene) -> None:
    """A Host unlike the target is replaced by the target's, or the request, which breaks §3.2, is refused."""
    got = scene.attempt(ask().replace(b"Host: ORIGIN", b"Host: other.example"), 400)
    if isinstance(got, Line):
        same(got.request().values("host"), [scene.origin], "Host at the origin")


@must("RFC 9112 §3.2.2")
def host_that_is_empty(scene: Scene) -> None:
    """An empty Host is replaced by the target's, or refused as one that differs."""
    got = scene.attempt(ask().replace(b"Host: ORIGIN", b"Host:"), 400)
    if isinstance(got, Line):
        same(got.request().values("host"), [scene.origin], "Host at the origin")


@must("RFC 9112 §3.2")
def host_missing(scene: Scene) -> None:
    """An HTTP/1.1 request without Host is answered 400."""
    scene.refused(b"GET http://ORIGIN/ HTTP/1.1\r\n\r\n", 400, closes=False)


@must("RFC 9112 §3.2")
def host_twice(scene: Scene) -> None:
    """Two unlike Host lines are answered 400."""
    scene.refused(ask(b"Host: other.example"), 400, closes=False)


@must("RFC 9112 §3.2")
def host_twice_the_same(scene: Scene) -> None:
    """Two Host lines are answered 400, were they equal."""
    scene.refused(ask(b"Host: ORIGIN"), 400, closes=False)


@must("RFC 9112 §3.2")
def host_with_a_path(scene: Scene) -> None:
    """A Host that is no host and port is answered 400."""
    scene.refused(ask().replace(b"Host: ORIGIN", b"Host: ORIGIN/a"), 400, closes=False)


@must("RFC 9112 §3.2")
def host_with_a_space(scene: Scene) -> None:
    """A Host with white space in it is answered 400."""
    scene.refused(ask().replace(b"Host: ORIGIN", b"Host: ORIGIN evil.example"), 400, closes=False)


@must("RFC 9112 §3.2")
def host_with_user_information(scene: Scene) -> None:
    """A Host with user information is answered 400."""
    scene.refused(ask().replace(b"Host: ORIGIN", b"Host: user@ORIGIN"), 400, closes=False)


@must("RFC 9112 §3.2")
def host_with_a_list(scene: Scene) -> None:
    """A Host with two hosts in one line is answered 400."""
    scene.refused(ask().replace(b"Host: ORIGIN", b"Host: ORIGIN, other.example"), 400, closes=False)


@must("RFC 9110 §7.2")
def host_for_an_old_client(scene: Scene) -> None:
    """A request that came in HTTP/1.0 without Host has one at the origin."""
    same(host_of(scene, version=b"HTTP/1.0"), [scene.origin], "Host at the origin")


@must("RFC 9112 §3.2.2")
def host_of_an_old_client_replaced(scene: Scene) -> None:
    """Host of an HTTP/1.0 request that differs is replaced too, or the request is refused."""
    request = ask(start=start(b"http://ORIGIN/", version=b"HTTP/1.0"))
    got = scene.attempt(request.replace(b"Host: ORIGIN", b"Host: other.example"), 400)
    if isinstance(got, Line):
        same(got.request().values("host"), [scene.origin], "Host at the origin")


@should("RFC 9110 §7.2")
def host_comes_first(scene: Scene) -> None:
    """Host is the first field, as what routes a message should be."""
    seen = scene.forwarded(b"GET http://ORIGIN/ HTTP/1.1\r\nAccept: */*\r\nHost: ORIGIN\r\n\r\n")
    same(seen.fields[0][0].lower(), b"host", "first field at the origin")


# the request line


def well_formed(got: Message | Line, target: bytes) -> None:
    """If it reached the origin, the request line there has one reading: this target and one space each."""
    if isinstance(got, Line):
        same(got.request().target, target, "target at the origin")


@must("RFC 9112 §2.2")
def bare_line_feeds(scene: Scene) -> None:
    """Lines that end in a bare LF are refused, or read and sent on with CRLF."""
    well_formed(scene.attempt(ask().replace(b"\r\n", b"\n"), 400), b"/")


@must("RFC 9112 §3")
def spaces_in_a_request_line(scene: Scene) -> None:
    """More white space than one space is refused, or sent on as one."""
    well_formed(scene.attempt(ask(start=b"GET  http://ORIGIN/ \tHTTP/1.1"), 400), b"/")


@should("RFC 9112 §3")
def space_in_a_target(scene: Scene) -> None:
    """A target with a space in it is answered 400 and not mended."""
    scene.refused(ask(start=b"GET http://ORIGIN/a b HTTP/1.1"), 400, closes=False)


@should("RFC 9112 §3")
def no_version(scene: Scene) -> None:
    """A request line without a version is answered 400."""
    scene.refused(b"GET http://ORIGIN/\r\n\r\n", 400)


@should("RFC 9112 §2.3")
def version_in_lower_case(scene: Scene) -> None:
    """HTTP's name in a version is case-sensitive: another one is answered 400."""
    scene.refused(ask(start=b"GET http://ORIGIN/ http/1.1"), 400, closes=False)


@should("RFC 9112 §2.2")
def garbage(scene: Scene) -> None:
    """Bytes that are no HTTP are answered 400, and the connection is closed."""
    scene.refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage\r\n\r\n", 400)


@should("RFC 9112 §2.2")
def empty_line_first(scene: Scene) -> None:
    """An empty line before the request line is passed over."""
    same(scene.forwarded(b"\r\n" + ask()).target, b"/", "target at the origin")


@should("RFC 9112 §2.2")
def empty_line_between(scene: Scene) -> None:
    """An empty line after a body, as some old clients send, is passed over."""
    body = ask(b"Content-Length: 2", start=b"POST http://ORIGIN/one HTTP/1.1", body=b"hi\r\n")
    scene.exchange(body)
    same(scene.again()[0].target, b"/again", "target at the origin")


@must("RFC 9112 §2.2")
def bare_cr_in_a_request_line(scene: Scene) -> None:
    """A bare CR in a request line is refused, or taken for a space, but never sent on."""
    got = scene.attempt(ask(start=b"GET http://ORIGIN/a\rb HTTP/1.1"), closes=False)
    if isinstance(got, Line):
        got.request()


@must("RFC 9112 §2.2")
def white_space_before_the_first_field(scene: Scene) -> None:
    """A line of white space after the request line is refused, or left out."""
    got = scene.attempt(b"GET http://ORIGIN/ HTTP/1.1\r\n X-Evil: 1\r\nHost: ORIGIN\r\n\r\n", 400)
    if isinstance(got, Line):
        holds(b"evil" not in got.request().raw.lower(), "the line is at the origin")


# versions


@must("RFC 9112 §2.3")
def own_version_to_the_origin(scene: Scene) -> None:
    """The origin sees the proxy's own version, whichever the client's was."""
    old = ask(start=start(b"http://ORIGIN/", version=b"HTTP/1.0"))
    one = scene.exchange(old)[0].version
    scene.another_client()
    same(scene.exchange(ask())[0].version, one, "version at the origin for another client")


@must("RFC 9112 §2.3")
def own_version_to_the_client(scene: Scene) -> None:
    """The client sees the proxy's own version, whichever the origin's was."""
    one = scene.exchange(data=reply(start=b"HTTP/1.0 200 OK"))[1].version
    scene.another_client()
    same(scene.exchange()[1].version, one, "version at the client from another origin")


@must("RFC 9112 §2.3")
def another_major_version(scene: Scene) -> None:
    """A request in another major version is not sent on as it is."""
    got = scene.attempt(ask(start=start(b"http://ORIGIN/", version=b"HTTP/3.1")), closes=False)
    if isinstance(got, Line):
        holds(got.request().version.startswith(b"HTTP/1."), "its version is at the origin")


@should("RFC 9110 §2.5")
def higher_minor_version(scene: Scene) -> None:
    """A request in a higher minor version is read as the highest one known."""
    same(scene.forwarded(ask(start=start(b"http://ORIGIN/", version=b"HTTP/1.2"))).target, b"/", "target")


@useful("RFC 9113 §3.4")
def preface_of_http2(scene: Scene) -> None:
    """The first bytes of HTTP/2 are refused, so that such a client sees its mistake."""
    scene.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    holds(scene.first() is scene.client, "it reached an origin")
    if scene.client.has_bytes():
        holds(scene.client.answer(partial=True).status >= 400, "no refusal")
    scene.client.ended()


# what a client that takes us for a web site gets


@useful("RFC 9112 §3.2.1")
def path_only(scene: Scene) -> None:
    """A path without a host, as a browser sends to a web site, is answered 4xx and not relayed."""
    got = scene.refused(ask(start=b"GET / HTTP/1.1"), closes=False)
    holds(400 <= got.status < 500, f"status {got.status}")


@useful("RFC 9112 §3.2.4")
def asterisk_to_the_proxy(scene: Scene) -> None:
    """OPTIONS * concerns the proxy itself and is answered by it."""
    scene.send(ask(start=b"OPTIONS * HTTP/1.1"))
    holds(scene.first() is scene.client, "it reached the origin")
