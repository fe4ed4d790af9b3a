"""The log-in at the proxy itself: these cases are played with one that asks for it."""

from __future__ import annotations

from base64 import b64encode

from tests.real.wire.cases import must, useful
from tests.real.wire.proxies import PASSWORD, USER
from tests.real.wire.scene import Scene, ask, holds, same

RIGHT = b"Proxy-Authorization: Basic " + b64encode(f"{USER}:{PASSWORD}".encode())
WRONG = b"Proxy-Authorization: Basic " + b64encode(b"reader:guessed")
CONNECT = b"CONNECT ORIGIN HTTP/1.1\r\nHost: ORIGIN\r\n\r\n"


@must("RFC 9110 §11.7.1", login=True)
def challenge_for_a_request(scene: Scene) -> None:
    """A request without credentials is answered 407 with a challenge."""
    got = scene.refused(ask(), 407, closes=False)
    holds(got.has("proxy-authenticate"), "no Proxy-Authenticate")


@must("RFC 9110 §11.7.1", login=True)
def challenge_for_a_tunnel(scene: Scene) -> None:
    """CONNECT without credentials is answered 407 with a challenge."""
    got = scene.refused(CONNECT, 407, closes=False)
    holds(got.has("proxy-authenticate"), "no Proxy-Authenticate")


@must("RFC 9110 §11.7.1", login=True)
def challenge_after_a_wrong_guess(scene: Scene) -> None:
    """Wrong credentials are answered 407 with a challenge."""
    got = scene.refused(ask(WRONG), 407, closes=False)
    holds(got.has("proxy-authenticate"), "no Proxy-Authenticate")


@must("RFC 9110 §11.1", login=True)
def scheme_of_credentials_in_any_case(scene: Scene) -> None:
    """The scheme of credentials is read in any case."""
    same(scene.exchange(ask(RIGHT.replace(b"Basic", b"bAsIc")))[1].status, 200, "status at the client")


@useful("RFC 9110 §11.7.2", login=True)
def credentials_are_consumed(scene: Scene) -> None:
    """With the right credentials the request is forwarded, and they are not."""
    seen = scene.forwarded(ask(RIGHT))
    holds(not seen.has("proxy-authorization"), "they are at the origin")


@useful("RFC 9110 §11.7.2", login=True)
def credentials_open_a_tunnel(scene: Scene) -> None:
    """With the right credentials a tunnel is made."""
    scene.send(CONNECT.replace(b"\r\n\r\n", b"\r\n" + RIGHT + b"\r\n\r\n"))
    holds(200 <= scene.client.answer(b"CONNECT").status < 300, "no tunnel")


@useful("RFC 9112 §9.3", login=True)
def log_in_on_the_same_connection(scene: Scene) -> None:
    """After a 407 the client may ask again on the same connection."""
    scene.refused(ask(), 407, closes=False)
    same(scene.exchange(ask(RIGHT))[1].status, 200, "status at the client")
