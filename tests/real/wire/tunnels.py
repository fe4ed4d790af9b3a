"""CONNECT: the answer to it, the bytes both ways, and how a tunnel ends."""

from __future__ import annotations

from tests.real.wire.cases import must, should, useful
from tests.real.wire.line import Line, Message
from tests.real.wire.scene import Scene, holds, same

CONNECT = b"CONNECT ORIGIN HTTP/1.1\r\nHost: ORIGIN\r\n\r\n"


def tunnel(scene: Scene, early: bytes = b"") -> tuple[Message, Line]:
    """The proxy's answer to CONNECT, and the origin's end of the tunnel."""
    scene.send(CONNECT + early)
    got = scene.client.answer(b"CONNECT")
    holds(200 <= got.status < 300, f"status {got.status}")
    return got, scene.accept()


def send_and_close(line: Line, data: bytes) -> None:
    """The bytes are sent, and the connection closed behind them."""
    line.send(data)
    line.close()


def refused(scene: Scene, target: bytes, *statuses: int) -> None:
    """CONNECT with this target is refused."""
    scene.send(b"CONNECT %b HTTP/1.1\r\nHost: ORIGIN\r\n\r\n" % target)
    got = scene.client.answer(b"CONNECT")
    holds(got.status >= 400, f"status {got.status}")
    holds(not statuses or got.status in statuses, f"status {got.status}, not one of {statuses}")


@must("RFC 9110 §9.3.6")
def bytes_pass_both_ways(scene: Scene) -> None:
    """Whatever either side sends arrives at the other as it is."""
    _, far = tunnel(scene)
    every = bytes(range(256)) + b"GET / HTTP/1.1\r\n\r\n"
    scene.client.send(every)
    same(far.exactly(len(every)), every, "bytes at the origin")
    far.send(every[::-1])
    same(scene.client.exactly(len(every)), every[::-1], "bytes at the client")


@must("RFC 9110 §9.3.6")
def no_framing_in_the_answer(scene: Scene) -> None:
    """A 2xx to CONNECT has neither Content-Length nor Transfer-Encoding, and no body."""
    got, far = tunnel(scene)
    holds(not got.has("content-length"), "Content-Length in the answer")
    holds(not got.has("transfer-encoding"), "Transfer-Encoding in the answer")
    far.send(b"first")
    same(scene.client.exactly(5), b"first", "first bytes at the client")


@must("RFC 9110 §9.3.6")
def origins_first_word(scene: Scene) -> None:
    """A protocol in which the server speaks first works."""
    _, far = tunnel(scene)
    far.send(b"220 mail.example\r\n")
    same(scene.client.exactly(18), b"220 mail.example\r\n", "bytes at the client")


@useful("RFC 9110 §9.3.6")
def early_bytes(scene: Scene) -> None:
    """What a client sends behind CONNECT without waiting goes into the tunnel."""
    _, far = tunnel(scene, b"early bird")
    same(far.exactly(10), b"early bird", "bytes at the origin")


@must("RFC 9110 §9.3.6")
def origins_last_bytes(scene: Scene) -> None:
    """What an origin sent before it closed arrives, and then the end."""
    _, far = tunnel(scene)
    data = bytes(range(256)) * 1024
    scene.meanwhile(lambda: send_and_close(far, data))
    holds(scene.client.rest() == data, "other bytes at the client")


@must("RFC 9110 §9.3.6")
def clients_last_bytes(scene: Scene) -> None:
    """What a client sent before it closed arrives, and then the end."""
    _, far = tunnel(scene)
    data = bytes(range(256)) * 1024
    client = scene.client
    scene.meanwhile(lambda: send_and_close(client, data))
    holds(far.rest() == data, "other bytes at the origin")


@useful("RFC 9110 §9.3.6")
def half_closed_by_the_client(scene: Scene) -> None:
    """A client that sends no more still receives."""
    _, far = tunnel(scene)
    scene.client.send(b"question")
    scene.client.half_close()
    same(far.rest(), b"question", "bytes at the origin")
    far.send(b"answer")
    far.close()
    same(scene.client.rest(), b"answer", "bytes at the client")


@useful("RFC 9110 §9.3.6")
def half_closed_by_the_origin(scene: Scene) -> None:
    """An origin that sends no more still receives."""
    _, far = tunnel(scene)
    far.send(b"question")
    far.half_close()
    same(scene.client.rest(), b"question", "bytes at the client")
    scene.client.send(b"answer")
    scene.client.close()
    same(far.rest(), b"answer", "bytes at the origin")


@must("RFC 9110 §9.3.6")
def both_ways_at_once(scene: Scene) -> None:
    """Two megabytes each way at the same time arrive as they were sent."""
    _, far = tunnel(scene)
    data = bytes(range(256)) * 8192
    client = scene.client
    scene.meanwhile(lambda: client.send(data))
    scene.meanwhile(lambda: far.send(data[::-1]))
    holds(client.exactly(len(data)) == data[::-1], "other bytes at the client")
    holds(far.exactly(len(data)) == data, "other bytes at the origin")


@must("RFC 9110 §9.3.6")
def no_port(scene: Scene) -> None:
    """CONNECT without a port is rejected."""
    refused(scene, b"127.0.0.1")


@must("RFC 9110 §9.3.6")
def empty_port(scene: Scene) -> None:
    """CONNECT with an empty port is rejected."""
    refused(scene, b"127.0.0.1:")


@must("RFC 9110 §9.3.6")
def port_zero(scene: Scene) -> None:
    """CONNECT to port 0 is rejected."""
    refused(scene, b"127.0.0.1:0")


@must("RFC 9110 §9.3.6")
def port_too_large(scene: Scene) -> None:
    """CONNECT to a port past 65535 is rejected, also where 16 bits of it are a good one."""
    refused(scene, b"127.0.0.1:%d" % (scene.port + 65536))


@must("RFC 9110 §9.3.6")
def port_with_letters(scene: Scene) -> None:
    """CONNECT to a port that is no number is rejected."""
    refused(scene, b"127.0.0.1:%dx" % scene.port)


@should("RFC 9112 §3")
def path_is_no_authority(scene: Scene) -> None:
    """CONNECT takes a host and a port: an http address is rejected."""
    refused(scene, b"http://ORIGIN/")


@should("RFC 9112 §3")
def user_information_in_connect(scene: Scene) -> None:
    """CONNECT with user information is rejected."""
    refused(scene, b"user:secret@ORIGIN")


@must("RFC 9112 §3.2")
def connect_without_host(scene: Scene) -> None:
    """CONNECT in HTTP/1.1 without Host is answered 400."""
    scene.refused(b"CONNECT ORIGIN HTTP/1.1\r\n\r\n", 400, closes=False)


@must("RFC 9112 §3.2")
def connect_with_two_hosts(scene: Scene) -> None:
    """CONNECT with two Host lines is answered 400."""
    scene.refused(CONNECT.replace(b"\r\n\r\n", b"\r\nHost: other.example\r\n\r\n"), 400, closes=False)


@must("RFC 9110 §9.3.6")
def refusal_is_an_answer(scene: Scene) -> None:
    """CONNECT to a port where nobody listens is answered 5xx, as a message with an end."""
    scene.another_client()
    scene.stop_listening()
    scene.send(CONNECT)
    got = scene.client.answer(b"CONNECT")
    holds(got.status >= 500, f"status {got.status}")


@useful("RFC 9110 §9.3.6")
def connect_of_an_old_client(scene: Scene) -> None:
    """A client of HTTP/1.0 gets its tunnel too."""
    scene.send(CONNECT.replace(b"HTTP/1.1", b"HTTP/1.0"))
    holds(200 <= scene.client.answer(b"CONNECT").status < 300, "no tunnel")
    far = scene.accept()
    scene.client.send(b"hello")
    same(far.exactly(5), b"hello", "bytes at the origin")


@must("RFC 9112 §6.3")
def connect_with_a_body(scene: Scene) -> None:
    """A length in CONNECT frames nothing: it is refused, or all that follows goes into the tunnel."""
    scene.send(CONNECT.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n") + b"helloMORE")
    got = scene.client.answer(b"CONNECT")
    if got.status < 300:
        same(scene.accept().exactly(9), b"helloMORE", "bytes at the origin")
