"""Code of one's own in the relay's way: what it is told, what it may refuse, what its faults end."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from netsuite.http1.head import RequestHead, ResponseHead
from netsuite.proxy.hooks import NoHooks, Tap, load, parse_hooks
from netsuite.proxy.route import Refuse, Rules
from netsuite.proxy.settings import Options
from netsuite.wordproxy.copying import Copying
from tests.proxy.scripted import Bench, request
from tests.proxy.test_settings import Environed

OK = b"HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\nabc"
CONNECT = b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n"
WEBSOCKET = request(b"GET", b"/", b"Connection: Upgrade", b"Upgrade: websocket")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


class Watching(NoHooks):
    """Notes what it is told; refuses what has "refused" in its path; fails where told to."""

    def __init__(self, fails: str = "") -> None:
        self.told: list[tuple[str, int]] = []
        self._fails = fails

    def _note(self, name: str, number: int) -> None:
        self.told.append((name, number))
        if name == self._fails:
            raise ZeroDivisionError("secret")

    def on_request(self, exchange_id: int, request: RequestHead) -> Refuse | None:
        """Note it."""
        self._note("request", exchange_id)
        return Refuse(451, "hook", "not <here>") if b"refused" in request.raw_target else None

    def on_response(self, exchange_id: int, request: RequestHead, response: ResponseHead) -> Tap | None:
        """Note it."""
        self._note("response", exchange_id)
        return Tapping(self, exchange_id)

    def on_tunnel(self, exchange_id: int, host: str, port: int) -> None:
        """Note it."""
        self._note("tunnel", exchange_id)


class Tapping:
    """Notes one body."""

    def __init__(self, hooks: Watching, number: int) -> None:
        self._hooks, self._number = hooks, number

    def data(self, payload: bytes) -> None:
        """Note it."""
        self._hooks._note("data", self._number)

    def end(self, complete: bool) -> None:
        """Note it."""
        self._hooks._note("whole" if complete else "cut", self._number)


class CallTests(SynchronousTestCase):
    """What is called, in which order."""

    def test_one_number(self) -> None:
        """All calls of an exchange have its number, in order; each exchange another."""
        hooks = Watching()
        bench = Bench(hooks=hooks)
        bench.ask(request())
        bench.reply(OK)
        bench.ask(request())
        bench.reply(OK)
        first, second = hooks.told[0][1], hooks.told[-1][1]
        self.assertNotEqual(first, second)
        names = ("request", "response", "data", "whole")
        self.assertEqual(hooks.told, [(name, n) for n in (first, second) for name in names])

    def test_tunnels(self) -> None:
        """A CONNECT, and a websocket, are told of as a request and then a tunnel."""
        for asked, told in ((CONNECT, b""), (WEBSOCKET, SWITCH)):
            hooks = Watching()
            bench = Bench(hooks=hooks)
            bench.ask(asked)
            bench.reply(told)
            self.assertEqual([name for name, _ in hooks.told], ["request", "tunnel"])
            self.assertEqual(len({number for _, number in hooks.told}), 1)

    def test_not_asked(self) -> None:
        """Of what we refuse or answer anyway nothing is told."""
        hooks = Watching()
        bench = Bench(hooks=hooks, rules=Rules(max_body=1))
        bench.ask(request(b"OPTIONS", b"/", b"Max-Forwards: 0"))
        bench.ask(request(b"GET", b"/", b"Via: 1.1 bench"))
        bench.ask(request(b"POST", b"/", b"Content-Length: 2"))
        self.assertEqual(hooks.told, [])

    def test_again(self) -> None:
        """A request that is sent a second time is told of once."""
        hooks = Watching()
        bench = Bench(hooks=hooks)
        bench.ask(request())
        bench.reply(OK)
        hooks.told.clear()
        bench.ask(request())
        bench.origins[0].reset()
        bench.settle()
        bench.reply(OK)
        self.assertEqual([name for name, _ in hooks.told], ["request", "response", "data", "whole"])


class RefuseTests(SynchronousTestCase):
    """What hooks refuse."""

    def test_refused(self) -> None:
        """The client is told status and reason, escaped; nothing is dialled and the connection goes on."""
        bench = Bench(hooks=Watching())
        told = bench.ask(request(b"GET", b"/refused"))
        self.assertTrue(told.startswith(b"HTTP/1.1 451 Refused\r\n"))
        self.assertIn(b"Not &lt;here&gt;", told)
        self.assertEqual(bench.clock.tcpClients, [])
        self.assertEqual(bench.relay.meter.requests.refusals, {"hook": 1})
        self.assertEqual(bench.relay.meter.requests.classes[4], 1)
        bench.ask(request())
        self.assertIn(b" 200 ", bench.reply(OK))

    def test_in_turn(self) -> None:
        """Of several requests at once only the one is refused, in its turn."""
        bench = Bench(hooks=Watching())
        got = bench.ask(request(b"GET", b"/refused") * 2 + request() + request(b"GET", b"/refused"))
        self.assertEqual(got.count(b" 451 "), 2)
        got = bench.reply(OK)
        self.assertLess(got.index(b" 200 "), got.index(b" 451 "))

    def test_with_a_body(self) -> None:
        """A request with a body is refused before the body is read, and the connection lingers."""
        bench = Bench(hooks=Watching())
        bench.client.feed(request(b"POST", b"/refused", b"Content-Length: 10") + b"abc" + b"x" * 100)
        self.assertIn(b" 451 ", bench.client.take())
        self.assertTrue(bench.client.half_closed)
        self.assertEqual(bench.clock.tcpClients, [])

    def test_tunnel(self) -> None:
        """A tunnel is refused, and the connection closes."""
        bench = Bench(hooks=Watching())
        told = bench.ask(b"CONNECT refused.test:443 HTTP/1.1\r\nHost: refused.test:443\r\n\r\n")
        self.assertIn(b" 451 ", told)
        self.assertTrue(bench.client.gone)
        self.assertEqual(bench.clock.tcpClients, [])


class FaultTests(SynchronousTestCase):
    """Hooks that raise."""

    def test_told(self) -> None:
        """Before anything of an answer was sent, the client gets 500; all that was open is closed."""
        for fails, asked, origins in (
            ("request", request(), 0),
            ("request", CONNECT, 0),
            ("response", request(), 1),
        ):
            bench = Bench(hooks=Watching(fails))
            told = bench.ask(asked) or bench.reply(OK)
            self.assertTrue(told.startswith(b"HTTP/1.1 500 "), (fails, told))
            self.assertNotIn(b"secret", told)
            self.ended(bench, origins)

    def test_in_the_middle(self) -> None:
        """Later it is cut, or was whole."""
        for fails in ("data", "whole"):
            bench = Bench(hooks=Watching(fails))
            bench.ask(request())
            bench.reply(OK)
            self.ended(bench, 1)

    def test_twice(self) -> None:
        """A tap that raises at its end too changes nothing."""
        hooks = Watching("data")
        bench = Bench(hooks=hooks)
        hooks._note = lambda name, number: 1 // 0 if name in ("data", "cut") else None  # type: ignore[misc,assignment,return-value]
        bench.ask(request())
        bench.reply(OK[:-1])
        self.ended(bench, 1, faults=2)

    def test_cut(self) -> None:
        """A tap that raises when it hears of a cut leaves nobody behind."""
        for lose in ("client", "origin"):
            bench = Bench(hooks=Watching("cut"))
            bench.ask(request())
            bench.reply(OK[:-1])
            (bench.client if lose == "client" else bench.origins[0]).reset()
            bench.settle()
            self.ended(bench, 1)

    def test_tunnels(self) -> None:
        """A tunnel whose hook raised is none: both its ends are closed, and it isn't counted."""
        for asked, answer in ((CONNECT, b""), (WEBSOCKET, SWITCH)):
            bench = Bench(hooks=Watching("tunnel"))
            got = bench.ask(asked) + bench.reply(answer)
            self.assertNotIn(b" 500 ", got)
            self.ended(bench, 1)
            self.assertEqual(bench.relay.meter.tunnels_open, 0)

    def ended(self, bench: Bench, origins: int, faults: int = 1) -> None:
        """All connections are closed, and one fault was logged; another client is served."""
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), faults)
        bench.settle()
        self.assertEqual([wire.gone for wire in bench.origins], [True] * origins)
        self.assertTrue(bench.client.gone)
        self.assertEqual(len(bench.crowd), 0)
        bench.relay.hooks = NoHooks()
        bench.client = bench.connect()
        bench.ask(request())
        self.assertIn(b" 200 ", bench.reply(OK))


class NotMade:
    """Can't be made."""

    def __init__(self) -> None:
        raise OSError("no\nfile")


class Lacking:
    """Has one of the methods."""

    def on_request(self) -> None:
        """Nothing."""

    on_tunnel = None


class LoadTests(Environed):
    """``--hooks``."""

    def test_loaded(self) -> None:
        """A module's name is called without arguments."""
        self.assertIsInstance(load("tests.proxy.test_hooks:Watching"), Watching)
        self.assertIsInstance(load(None), NoHooks)

    def test_wordproxy(self) -> None:
        """wordproxy's hooks have all the methods."""
        for name in ("on_request", "on_response", "on_tunnel"):
            self.assertTrue(callable(getattr(Copying, name)))

    def test_refused(self) -> None:
        """What can't be loaded is told in one line, with what was wrong."""
        for text, words in (
            ("tests.nowhere:Hooks", "No module named 'tests.nowhere'"),
            ("tests.proxy.test_hooks:Nobody", "Nobody"),
            ("tests.proxy.test_hooks:NotMade", "OSError: no file"),
            ("tests.proxy.test_hooks:OK", "not callable"),
            ("tests.proxy.test_hooks:Lacking", "have no on_response, no on_tunnel"),
        ):
            told = str(self.assertRaises(ValueError, load, text))
            self.assertIn(words, told)
            self.assertNotIn("\n", told)

    def test_setting(self) -> None:
        """The setting is a module and a name, of which nothing is imported when it is read."""
        options = Options()
        options.parse(["--hooks", "tests.nowhere:Hooks"])
        self.assertEqual(options.settings.hooks, "tests.nowhere:Hooks")
        self.assertEqual(parse_hooks("a.b_1:C2"), "a.b_1:C2")
        for text in ("mine", "mine:", ":Mine", "mine.py:Mine:x", "../mine:Mine", "mine:a.b", "1a:B", "a b:C"):
            self.assertIn("--hooks", self.fault("--hooks", text))
