"""Whether a place serves: banners and statuses, however their bytes are cut; dialogues before TLS."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from netsuite.outcome import Failed
from netsuite.probe.serving import BANNER_MAX, Banner, Check, Http, parse_path, parse_pattern, parse_statuses
from netsuite.reach.place import Place

PLACE = Place("localhost", 8080)


def seen(check: Check, *pieces: bytes, lost: bool = True) -> Any:
    """Return what a check fires with, or the error, once these pieces came and the peer closed."""
    check.makeConnection(StringTransport())  # type: ignore[no-untyped-call]
    for piece in pieces:
        check.dataReceived(piece)  # type: ignore[attr-defined]
    if lost:
        check.connectionLost(Failure(ConnectionDone()))
    ended: list[Any] = []
    done: Deferred[dict[str, object]] = check.done
    done.addBoth(ended.append)
    [result] = ended
    return result.value if isinstance(result, Failure) else result


class StatusTests(SynchronousTestCase):
    """Which statuses are wanted."""

    def test_read(self) -> None:
        """Numbers, classes and ranges."""
        for text, inside, outside in (
            ("200", (200,), (201, 199)),
            ("2xx", (200, 299), (199, 300)),
            ("200-399,401", (200, 399, 401), (400, 402)),
            ("5XX", (500, 599), (600, 499)),
        ):
            wanted = parse_statuses(text)
            self.assertEqual([status in wanted for status in inside], [True] * len(inside), text)
            self.assertEqual([status in wanted for status in outside], [False] * len(outside), text)

    def test_wrong(self) -> None:
        """What is none is refused."""
        for text in ("", "20", "600", "0xx", "399-200", "2xx,", "ok", "２００"):
            with self.assertRaises(ValueError, msg=text):
                parse_statuses(text)
        for text in ("", "x", "/a b", "/\n", "/ä"):
            with self.assertRaises(ValueError, msg=text):
                parse_path(text)
        for text in ("(", "[", "*", "(?P<n"):
            with self.assertRaises(ValueError, msg=text):
                parse_pattern(text)


class CheckTests(SynchronousTestCase):
    """What is seen, however it is cut."""

    def test_banner_in_pieces(self) -> None:
        """A banner matches as soon as its bytes are there."""
        text = b"SSH-2.0-x\r\n"
        for cut in range(len(text)):
            found = seen(Banner(parse_pattern("^SSH-2")), text[:cut], text[cut:])
            self.assertTrue(str(found["banner"]).startswith("SSH-2"), cut)

    def test_banner_is_bounded(self) -> None:
        """A peer that never stops talking is not listened to for ever."""
        check = Banner(parse_pattern("never"))
        found = seen(check, *[b"a" * 1000] * 10, lost=False)
        self.assertIsInstance(found, Failed)
        self.assertLess(len(str(found)), 400)
        self.assertLessEqual(len(check._said), BANNER_MAX)

    def test_ends(self) -> None:
        """An end before anything was said is lost; after something else was said it is a no."""
        self.assertIsInstance(seen(Banner(parse_pattern("x"))), ConnectionLost)
        self.assertIsInstance(seen(Banner(parse_pattern("x")), b"y"), Failed)
        self.assertIsInstance(seen(Http(PLACE, b"/", parse_statuses("2xx")), b"HTTP/1.1 2"), ConnectionLost)

    def test_http_in_pieces(self) -> None:
        """A status is judged once the head is whole, interim answers passed over."""
        text = b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 x\r\nA: b\r\n\r\n"
        for cut in range(len(text)):
            found = seen(Http(PLACE, b"/up", parse_statuses("2xx")), text[:cut], text[cut:])
            self.assertEqual(found, {"status": 204}, cut)

    def test_request(self) -> None:
        """What is asked is a request that any server takes."""
        check, transport = Http(PLACE, b"/up?a=b", parse_statuses("200")), StringTransport()
        check.makeConnection(transport)  # type: ignore[no-untyped-call]
        head = transport.value().split(b"\r\n")
        self.assertEqual(head[:2], [b"GET /up?a=b HTTP/1.1", b"Host: localhost:8080"])

    def test_interim_without_end(self) -> None:
        """Interim answers without an end are no answer."""
        found = seen(Http(PLACE, b"/", parse_statuses("2xx")), b"HTTP/1.1 100 x\r\n\r\n" * 100, lost=False)
        self.assertIsInstance(found, Failed)
