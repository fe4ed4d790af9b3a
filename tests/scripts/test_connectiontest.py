"""connectiontest: each cause by a real one, waiting, serving, many targets, a command after."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.internet import ssl, task
from twisted.internet.protocol import Protocol
from twisted.names import dns

from netsuite.probe.starttls import DIALOGUES
from netsuite.scripts import connectiontest
from tests.real.nameserver import Nameserver, address, answer, having
from tests.real.parts import free_ports
from tests.real.tlsorigin import Issuer, TlsOrigin
from tests.scripts.tools import Closing, Quiet, Resetting, ToolCase, reactor, records, run, saying

REFUSED = "Connection was refused by other side: 111: Connection refused."


class TestCase(ToolCase):
    """Runs connectiontest."""

    async def said(self, *arguments: object, prepare: Any = lambda options: None) -> tuple[int, str, str]:
        """Return exit status and both outputs."""
        return await self.ran(connectiontest, *map(str, arguments), prepare=prepare)

    async def told(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Return exit status and the JSON object."""
        code, output, _ = await self.said("-j", *arguments)
        [record] = records(output)
        self.assertEqual((record["exit"], record["ok"]), (code, code == 0))
        return code, record

    def names(self, **names: Any) -> Nameserver:
        """Return a DNS server that knows names below .test."""
        said = {
            f"{name}.test": having(*texts) if isinstance(texts, tuple) else texts
            for name, texts in names.items()
        }
        server = Nameserver(said)
        self.addCleanup(server.close)
        return server


class CauseTests(TestCase):
    """Each cause has its exit status, its word and its line."""

    async def test_reached(self) -> None:
        """The tutorial's line, and nothing else."""
        port = self.listening(Quiet)
        self.assertEqual(await self.said("localhost", port), (0, f"Connecting to port {port}.\n", ""))

    async def test_refused(self) -> None:
        """The tutorial's words with this platform's number: 5."""
        port = self.refusing()
        text = f"Error connecting to port {port}: {REFUSED}\n"
        self.assertEqual(await self.said("127.0.0.1", port), (5, text, ""))

    async def test_json(self) -> None:
        """The features' object, with every attempt."""
        port = self.refusing()
        code, record = await self.told("127.0.0.1", port)
        self.assertEqual((code, record["cause"], record["message"]), (5, "refused", REFUSED))
        self.assertEqual(record["target"], {"host": "127.0.0.1", "port": port})
        [attempt] = record["result"]["attempts"]
        self.assertEqual((attempt["address"], attempt["cause"]), ("127.0.0.1", "refused"))
        self.assertGreaterEqual(attempt["ms"], 0)
        self.assertEqual(record["result"]["tries"], 1)

    async def test_name_not_found(self) -> None:
        """The tutorial's words: 4, detail not found."""
        server = self.names()
        code, output, _ = await self.said("--resolver", server.place, "fakesite.test", 80)
        text = "Error connecting to port 80: DNS lookup failed: address 'fakesite.test' not found.\n"
        self.assertEqual((code, output), (4, text))
        code, record = await self.told("--resolver", server.place, "fakesite.test", 80)
        self.assertEqual((record["cause"], record["detail"]), ("dns", "not found"))

    async def test_resolver_failed(self) -> None:
        """A resolver that fails or is silent is told apart from a name that is not there: also 4."""
        server = self.names(
            broken=lambda asked, _: [answer(asked, code=dns.ESERVER)], mute=lambda asked, _: []
        )
        code, record = await self.told("--resolver", server.place, "broken.test", 80)
        self.assertEqual((code, record["detail"]), (4, "resolver failed"), record)
        mute = ("-t", "0.3", "-j", "--resolver", server.place, "mute.test", "80")
        code, output, _ = run("connectiontest", *mute)  # a question can't be taken back: not in this reactor
        self.assertEqual((code, records(output)[0]["detail"]), (4, "resolver failed"), output)

    async def test_silence(self) -> None:
        """A port that drops what comes is 6, after the time that was given."""
        code, record = await self.told("-t", "0.2", "127.0.0.1", self.silent())
        self.assertEqual((code, record["cause"]), (6, "timeout"))
        self.assertIn("no answer in 0.2 s", record["message"])

    async def test_unreachable(self) -> None:
        """An address that TCP has no way to is 7: here loopback's broadcast address."""
        code, record = await self.told("127.255.255.255", 80)
        self.assertEqual((code, record["cause"]), (7, "unreachable"))

    async def test_local(self) -> None:
        """What is our own fault is 12: not our address, no such file, no such socket."""
        port = self.listening(Quiet)
        for arguments in (
            ("--source", "192.0.2.250", "127.0.0.1", port),
            ("--tls", "--cafile", "/nonexistent/ca.pem", "127.0.0.1", port),
            (f"unix:{self.mktemp()}",),
        ):
            code, record = await self.told(*arguments)
            self.assertEqual((code, record["cause"]), (12, "local"), record)

    async def test_usage(self) -> None:
        """Wrong command lines are 2 and one line, the tutorial's where arguments are missing."""
        for arguments in ((), ("localhost",), ("a", "b", "c")):
            self.assertEqual(await self.said(*arguments), (2, "", "Usage: connectiontest.py host port\n"))
        for arguments in (
            ("localhost", "0"),
            ("localhost", "65536"),
            ("localhost", "-1"),
            ("localhost", "9" * 400),
            ("localhost", "٣"),
            ("a" * 300, "80"),
            (".".join(["a" * 60] * 6), "80"),
            ("ho\0st", "80"),
            ("localhost", "8\x000"),
            ("xn--\udcff", "80"),
            ("http://localhost", "80"),
            ("", "80"),
            ("[::1", "80"),
            ("::1:80",),
            ("-t", "0", "localhost", "80"),
            ("-t", "1e400", "localhost", "80"),
            ("-c", "2", "-w", "1", "localhost", "80"),
            ("--banner", "(", "localhost", "80"),
            ("--http", "999", "localhost", "80"),
            ("--http", "200", "--banner", ".", "localhost", "80"),
            ("--starttls", "gopher", "localhost", "80"),
            ("--insecure", "localhost", "80"),
            ("-4", "-6", "localhost", "80"),
            ("--proxy", "ftp://user:s3cret@x:1", "localhost", "80"),
            ("--tls", "--cafile", "a\0b", "localhost", "80"),
            ("localhost", "80", "--"),
            ("--nonsense", "localhost", "80"),
        ):
            code, output, errors = await self.said(*arguments)
            self.assertEqual((code, output, errors.count("\n")), (2, "", 1), (arguments, errors))
            self.assertTrue(errors[:-1].isprintable(), errors)
            self.assertNotIn("s3cret", errors)

    async def test_international_name(self) -> None:
        """A name in other letters is asked for as browsers do, and told as it was typed."""
        server = self.names(**{"xn--bcher-kva": ("127.0.0.1",)})
        port = self.listening(Quiet)
        code, record = await self.told("--resolver", server.place, "Bücher.test", port)
        self.assertEqual((code, record["target"]["host"]), (0, "Bücher.test"))


class TlsTests(TestCase):
    """TLS is verified, and what is wrong is told apart."""

    def setUp(self) -> None:
        """An authority."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.issuer = Issuer(folder)

    def origin(self, *names: str, **how: Any) -> int:
        """Return the port of an origin with such a certificate."""
        origin = TlsOrigin(self.issuer.issue(*names, **how))
        self.addCleanup(origin.close)
        return int(origin.port)

    async def tls(self, port: int, *options: str, host: str = "localhost") -> tuple[int, dict[str, Any]]:
        """Test an origin by the authority."""
        return await self.told("--tls", "--cafile", str(self.issuer.path), *options, host, port)

    async def test_good(self) -> None:
        """Whose certificate it is, for how many days, and what was agreed on."""
        port = self.origin("localhost", "127.0.0.1", days=(-1, 20))
        code, record = await self.tls(port)
        self.assertEqual(code, 0, record)
        seen = record["result"]["attempts"][0]["tls"]
        self.assertEqual((seen["subject"], seen["version"]), ("CN=localhost", "TLSv1.3"))
        self.assertAlmostEqual(seen["days_left"], 20, delta=0.2)
        self.assertEqual((await self.tls(port, host="127.0.0.1"))[0], 0)
        code, output, _ = await self.said("--tls", "--cafile", self.issuer.path, "localhost", port)
        self.assertEqual(code, 0)
        self.assertRegex(output, r"TLSv1\.3.*certificate of CN=localhost, 20 days left\.\n\Z")

    async def test_details(self) -> None:
        """8 with the detail: expired or not valid yet, another name, untrusted, no TLS at all."""
        for port, detail in (
            (self.origin("localhost", days=(-9, -1)), "expired"),
            (self.origin("localhost", days=(1, 9)), "expired"),
            (self.origin("other.test"), "name"),
            (self.origin("localhost", alone=True), "untrusted"),
            (self.listening(saying(b"220 no TLS here\r\n")), "protocol"),
        ):
            code, record = await self.tls(port)
            self.assertEqual((code, record["cause"], record.get("detail")), (8, "tls", detail), record)
        code, record = await self.told("--tls", "localhost", self.origin("localhost"))
        self.assertEqual((code, record["detail"]), (8, "untrusted"))

    async def test_insecure_is_loud(self) -> None:
        """Nobody is verified, and that is said even with -q."""
        port = self.origin("other.test")
        code, _, errors = await self.said("-q", "--tls", "--insecure", "localhost", port)
        self.assertEqual(code, 0)
        self.assertIn("NOT verified", errors)

    async def test_servername(self) -> None:
        """Another name may be asked for and verified."""
        port = self.origin("other.test")
        self.assertEqual((await self.tls(port, "--servername", "other.test"))[0], 0)

    async def test_closed_in_the_handshake(self) -> None:
        """A peer that hangs up instead of speaking TLS is lost, not a fault of TLS."""
        for peer in (Closing, Resetting):
            self.assertEqual((await self.tls(self.listening(peer)))[0], 9)

    async def test_starttls_is_refused(self) -> None:
        """A server that does not offer STARTTLS, or not any more, is 8."""
        for name, greeting, answers in (
            ("smtp", b"220 mail\r\n", {b"EHLO localhost": b"250-a\r\n250 b\r\n", b"STARTTLS": b"454 no\r\n"}),
            ("imap", b"* OK hi\r\n", {b"a STARTTLS": b"a BAD what\r\n"}),
            ("pop3", b"+OK\r\n", {b"STLS": b"-ERR\r\n"}),
            ("ftp", b"220 ftp\r\n", {b"AUTH TLS": b"500 what\r\n"}),
        ):
            port = self.listening(saying(greeting, answers))
            code, record = await self.told("--starttls", name, "localhost", port)
            self.assertEqual((code, record.get("detail")), (8, "protocol"), record)


class StartTlsTests(TestCase):
    """TLS that begins in the middle of a protocol."""

    async def test_each_protocol(self) -> None:
        """What each protocol says before TLS is said, and the certificate is verified then."""
        folder = Path(self.mktemp())
        folder.mkdir()
        issuer = Issuer(folder)
        path = issuer.issue("localhost")
        for name, turns in SERVERS.items():

            class Server(Protocol):
                left = turns

                def connectionMade(self) -> None:
                    self.heard = b""
                    self.dataReceived(b"")

                def dataReceived(self, data: bytes) -> None:
                    self.heard += data
                    while self.left and self.heard.endswith(self.left[0][0]):
                        (_, said), *self.left = self.left
                        for piece in (said[:3], said[3:]):  # an answer may come in pieces
                            self.transport.write(piece)
                        self.heard = b"" if said else self.heard
                        if not self.left:
                            self.transport.startTLS(_context(path))

            port = self.listening(Server)
            arguments = ("--starttls", name, "localhost", port)
            code, record = await self.told("--cafile", issuer.path, *arguments)
            self.assertEqual(code, 0, (name, record))
            self.assertEqual(record["result"]["attempts"][0]["tls"]["subject"], "CN=localhost")
            code, record = await self.told(*arguments)
            self.assertEqual((code, record["detail"]), (8, "untrusted"), name)

    def test_all_are_tried(self) -> None:
        """No protocol is offered that has no test."""
        self.assertEqual(set(SERVERS), set(DIALOGUES))


#: What servers are asked, and say, until TLS begins.
SERVERS = {
    "smtp": [
        (b"", b"220-mail\r\n220 ESMTP\r\n"),
        (b"EHLO localhost\r\n", b"250-mail\r\n250 STARTTLS\r\n"),
        (b"STARTTLS\r\n", b"220 go\r\n"),
    ],
    "imap": [(b"", b"* OK ready\r\n"), (b"a STARTTLS\r\n", b"* note\r\na OK go\r\n")],
    "pop3": [(b"", b"+OK\r\n"), (b"STLS\r\n", b"+OK go\r\n")],
    "ftp": [(b"", b"220 ftp\r\n"), (b"AUTH TLS\r\n", b"234 go\r\n")],
    "nntp": [(b"", b"200 news\r\n"), (b"STARTTLS\r\n", b"382 go\r\n")],
    "sieve": [(b"", b'"SIEVE" "x"\r\n"STARTTLS"\r\nOK\r\n'), (b"STARTTLS\r\n", b"OK go\r\n")],
    "postgres": [(b"\0\0\0\x08\x04\xd2\x16\x2f", b"S")],
}


def _context(path: Path) -> Any:
    return ssl.DefaultOpenSSLContextFactory(str(path), str(path))


class AddressTests(TestCase):
    """Every address of a name is tried, and told with its time and its cause."""

    def setUp(self) -> None:
        """One port: somebody listens on 127.0.0.1, nobody on ::1 and 127.0.0.2."""
        self.port = self.listening(Quiet)

    async def test_dead_six_live_four(self) -> None:
        """One is enough; both are told."""
        server = self.names(both=("::1", "127.0.0.1"))
        code, record = await self.told("--resolver", server.place, "both.test", self.port)
        self.assertEqual(code, 0)
        causes = {one["address"]: one["cause"] for one in record["result"]["attempts"]}
        self.assertEqual(causes, {"::1": "refused", "127.0.0.1": None})
        code, output, errors = await self.said("--resolver", server.place, "both.test", self.port)
        self.assertEqual((code, output), (0, f"Connecting to port {self.port}.\n"))
        self.assertRegex(
            errors, r"::1 refused after [\d.]+ ms; 127\.0\.0\.1 connected after [\d.]+ ms|127.*::1"
        )

    async def test_all(self) -> None:
        """With --all each has to be reached."""
        server = self.names(both=("127.0.0.2", "127.0.0.1"), one=("127.0.0.1",))
        arguments = ("--all", "--resolver", server.place)
        self.assertEqual((await self.told(*arguments, "both.test", self.port))[0], 5)
        self.assertEqual((await self.told(*arguments, "one.test", self.port))[0], 0)

    async def test_nobody_waits_for_a_silent_one(self) -> None:
        """Once one is reached a silent address is told as not waited for."""
        (port,) = free_ports(1)
        self.silent("127.0.0.3", port)
        self.listening(Quiet, "127.0.0.4", port)
        server = self.names(both=("127.0.0.3", "127.0.0.4"))
        code, record = await self.told("-t", "30", "--resolver", server.place, "both.test", port)
        causes = {one["address"]: one["cause"] for one in record["result"]["attempts"]}
        self.assertEqual((code, causes), (0, {"127.0.0.3": "unknown", "127.0.0.4": None}))
        self.assertLess(record["elapsed_ms"], 20_000)

    async def test_furthest_cause(self) -> None:
        """Of several causes the one that says most decides: a refusal, not silence."""
        port = self.silent("127.0.0.3")
        server = self.names(both=("127.0.0.3", "127.0.0.2"))
        code, _ = await self.told("-t", "0.3", "--resolver", server.place, "both.test", port)
        self.assertEqual(code, 5)

    async def test_family(self) -> None:
        """-4 and -6 take the addresses of their family; none is 4."""
        server = self.names(both=("::1", "127.0.0.1"), four=("127.0.0.1",))
        place = ("--resolver", server.place)
        _, record = await self.told("-4", *place, "both.test", self.port)
        self.assertEqual([one["address"] for one in record["result"]["attempts"]], ["127.0.0.1"])
        code, _ = await self.told("-6", *place, "both.test", self.port)
        self.assertEqual(code, 5)
        code, _ = await self.told("-6", *place, "four.test", self.port)
        self.assertEqual(code, 4)

    async def test_source(self) -> None:
        """The listener sees the address that was asked for."""
        seen: list[str] = []

        class Seeing(Protocol):
            def connectionMade(self) -> None:
                seen.append(self.transport.getPeer().host)

        port = self.listening(Seeing)
        code, record = await self.told("--source", "127.0.0.9", "127.0.0.1", port)
        self.assertEqual((code, record["result"]["attempts"][0]["source"]), (0, "127.0.0.9"))
        await task.deferLater(reactor, 0)
        self.assertEqual(seen, ["127.0.0.9"])

    async def test_one_question(self) -> None:
        """A name is looked up once: one question for each family."""
        asked: list[int] = []

        def said(question: dns.Message, _tcp: bool) -> Iterable[dns.Message]:
            asked.append(question.queries[0].type)
            return having("127.0.0.1")(question, False)

        server = self.names(once=said)
        self.assertEqual((await self.told("--resolver", server.place, "once.test", self.port))[0], 0)
        self.assertEqual(sorted(asked), [dns.A, dns.AAAA])


class ServingTests(TestCase):
    """Connected is not serving."""

    async def test_closing_is_lost(self) -> None:
        """A listener that accepts and closes, or resets, is 9: a port forward does that."""
        for peer in (Closing, Resetting):
            port = self.listening(peer)
            for check in (("--banner", "."), ("--http", "2xx")):
                code, record = await self.told(*check, "127.0.0.1", port)
                self.assertEqual((code, record["cause"]), (9, "lost"), record)

    async def test_silence(self) -> None:
        """A listener that says nothing is 6, and it is told that it was connected."""
        port = self.listening(Quiet)
        code, record = await self.told("-t", "0.2", "--banner", ".", "127.0.0.1", port)
        self.assertEqual((code, record["message"]), (6, "connected, but no answer in 0.2 s"))

    async def test_banner(self) -> None:
        """What is said has to match: 1 if it does not, by the end of the time."""
        port = self.listening(saying(b"SSH-2.0-x\x1b[31m\r\n"))
        code, output, _ = await self.said("--banner", "^SSH-2", "127.0.0.1", port)
        self.assertEqual(code, 0)
        self.assertIn("SSH-2.0-x\\u001b[31m", output)
        code, record = await self.told("-t", "0.2", "--banner", "^220 ", "127.0.0.1", port)
        self.assertEqual((code, record["cause"]), (1, "no"))

    async def test_http(self) -> None:
        """The status has to be as asked; what is no HTTP is not."""
        for said, wanted, code in (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "2xx", 0),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n", "200-299", 0),
            (b"HTTP/1.1 503 x\r\n\r\n", "2xx", 1),
            (b"HTTP/1.1 503 x\r\n\r\n", "200,5xx", 0),
            (b"SSH-2.0-x\r\n\r\n", "2xx", 1),
        ):
            answers = {b"GET /up HTTP/1.1": said}
            port = self.listening(saying(b"", answers))
            found, record = await self.told("--http", wanted, "--path", "/up", "127.0.0.1", port)
            self.assertEqual(found, code, record)


class WaitTests(TestCase):
    """--wait tries again, within a limit that holds."""

    async def test_until_it_listens(self) -> None:
        """A port that begins to listen is reached."""
        port = self.refusing()
        found = socket.socket()
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.addCleanup(found.close)
        reactor.callLater(0.3, self.listening, Quiet, "127.0.0.5", port)
        code, record = await self.told("-w", "30", "-i", "0.05", "127.0.0.5", port)
        self.assertEqual(code, 0)
        self.assertGreater(record["result"]["tries"], 2)

    async def test_until_the_name_appears(self) -> None:
        """A name that is not there yet is looked up anew each time; not with --dns-fail-fast."""
        known: list[str] = []

        def said(asked: dns.Message, _tcp: bool) -> Iterable[dns.Message]:
            query = asked.queries[0]
            found = [address(query.name.name, text) for text in known if query.type == dns.A]
            return [answer(asked, *found, code=dns.OK if known else dns.ENAME, absent=60)]

        server, port = self.names(late=said), self.listening(Quiet)
        arguments = ("-i", "0.05", "--resolver", server.place, "late.test", port)
        code, record = await self.told("-w", "30", "--dns-fail-fast", *arguments)
        self.assertEqual((code, record["result"]["tries"]), (4, 1))
        reactor.callLater(0.3, known.append, "127.0.0.1")
        code, record = await self.told("-w", "30", *arguments)
        self.assertEqual(code, 0)

    async def test_limit(self) -> None:
        """The limit holds for all tries together, and what was last known is told."""
        for port, cause in ((self.refusing(), 5), (self.silent(), 6)):
            began = time.monotonic()
            code, record = await self.told("-w", "0.6", "-i", "0.2", "127.0.0.1", port)
            self.assertEqual(code, cause, record)
            self.assertLess(
                abs(time.monotonic() - began - 0.6), 5
            )  # loaded machines; the figure is in the docs


class InvertTests(TestCase):
    """--invert: refused is 0, reached 1, silence 3."""

    async def test_each(self) -> None:
        """What can't be told is never a pass."""
        quiet = self.listening(Quiet)
        for port, code in ((self.refusing(), 0), (quiet, 1), (self.silent(), 3)):
            found, record = await self.told("--invert", "-t", "0.3", "127.0.0.1", port)
            self.assertEqual(found, code, record)
        _, output, _ = await self.said("--invert", "127.0.0.1", quiet)
        self.assertIn("Not refused: it was reached at 127.0.0.1", output)

    async def test_every_address(self) -> None:
        """One address that is reached, or silent, is enough not to pass."""
        silent, open_port = self.silent("127.0.0.3"), self.listening(Quiet)
        server = self.names(mixed=("127.0.0.3", "127.0.0.2"), reached=("127.0.0.2", "127.0.0.1"))
        place = ("--invert", "-t", "0.3", "--resolver", server.place)
        self.assertEqual((await self.told(*place, "mixed.test", silent))[0], 3)
        self.assertEqual((await self.told(*place, "reached.test", open_port))[0], 1)

    async def test_unknown_name(self) -> None:
        """A name that is not found is refused by nobody: 4."""
        server = self.names()
        self.assertEqual((await self.told("--invert", "--resolver", server.place, "no.test", 80))[0], 4)


class ManyTests(TestCase):
    """Many targets, each with its line."""

    async def test_all_or_any(self) -> None:
        """All have to be reached, or with --any one."""
        good, bad = self.listening(Quiet), self.refusing()
        both = (f"127.0.0.1:{good}", f"127.0.0.1:{bad}")
        code, output, _ = await self.said(*both)
        self.assertEqual(code, 5)
        self.assertEqual(
            sorted(output.splitlines()),
            [f"Connecting to {both[0]}.", f"Error connecting to {both[1]}: {REFUSED}"],
        )
        self.assertEqual((await self.said("--any", *both))[0], 0)
        self.assertEqual((await self.said(both[0], both[0]))[0], 0)

    async def test_kinds(self) -> None:
        """IPv6 in brackets, names of services and paths of sockets."""
        path = Path(self.mktemp())
        unix: Any = reactor.listenUNIX(str(path), _factory(Quiet))
        self.addCleanup(unix.stopListening)
        six = self.listening(Quiet, "::1")
        code, output, _ = await self.said(f"[::1]:{six}", f"unix:{path}")
        self.assertEqual(code, 0, output)
        _, record = await self.told("127.0.0.1:ldap")
        self.assertEqual(record["target"], {"host": "127.0.0.1", "port": 389})

    async def test_at_most_so_many_at_once(self) -> None:
        """200 targets that answer once no more connections come: never more than 64 are held."""
        held: list[Any] = []
        waves: list[int] = []
        timers: list[Any] = []

        def release() -> None:
            waves.append(len(held))
            for transport in held:
                transport.write(b"x")
            held.clear()

        class Holding(Protocol):
            def connectionMade(self) -> None:
                held.append(self.transport)
                for timer in timers:
                    if timer.active():
                        timer.cancel()
                timers[:] = [reactor.callLater(0.1, release)]

        targets = [f"127.0.0.1:{self.listening(Holding)}"] * 200
        code, output, _ = await self.said("--banner", "x", *targets)
        self.assertEqual((code, output.count("\n")), (0, 200))
        self.assertEqual(sum(waves), 200)
        self.assertEqual(max(waves), 64)


class RepeatTests(TestCase):
    """-c: a line for each try, and their sum."""

    async def test_losses(self) -> None:
        """Losses are counted as they were; one that was reached is enough for 0."""
        number = [0]

        class Sometimes(Protocol):
            def connectionMade(self) -> None:
                number[0] += 1
                if number[0] % 4 == 0:
                    self.transport.abortConnection()
                else:
                    self.transport.write(b"x")

        port = self.listening(Sometimes)
        code, output, _ = await self.said("-j", "-c", "20", "-i", "0", "--banner", "x", "127.0.0.1", port)
        *each, total = records(output)
        self.assertEqual((code, len(each)), (0, 20))
        self.assertEqual(total["result"]["loss_percent"], 25.0)
        self.assertEqual(sum(not one["ok"] for one in each), 5)
        spread = total["result"]["ms"]
        self.assertTrue(0 <= spread["min"] <= spread["avg"] <= spread["max"])

    async def test_none(self) -> None:
        """If none was reached the exit status is the cause's."""
        code, output, _ = await self.said("-c", "2", "-i", "0", "127.0.0.1", self.refusing())
        self.assertEqual(code, 5)
        self.assertIn("2 tries, 0 reached, 100.0 % lost", output)


class CommandTests(TestCase):
    """-- COMMAND: the process becomes it after success, and only then."""

    async def become(self, port: int, *command: str) -> tuple[int, list[Any]]:
        """Return the exit status, and what was executed."""
        executed: list[Any] = []

        def prepare(options: Any) -> None:
            options.execute = lambda path, words: executed.append((path, words))

        code, _, _ = await self.said("127.0.0.1", port, "--", *command, prepare=prepare)
        return code, executed

    async def test_after_success(self) -> None:
        """It gets its words as they are, options included."""
        _, executed = await self.become(self.listening(Quiet), "sh", "-c", "exit 7", "--", "-j")
        [(path, words)] = executed
        self.assertEqual((Path(path).name, words), ("sh", ["sh", "-c", "exit 7", "--", "-j"]))

    async def test_not_otherwise(self) -> None:
        """What is not reached runs nothing."""
        self.assertEqual(await self.become(self.refusing(), "sh"), (5, []))

    async def test_not_found(self) -> None:
        """127 for what is not there, 126 for what can't be run."""
        port = self.listening(Quiet)
        self.assertEqual((await self.said("127.0.0.1", port, "--", "no-such-command"))[0], 127)
        self.assertEqual((await self.said("127.0.0.1", port, "--", "/nonexistent/x"))[0], 127)
        self.assertEqual((await self.said("127.0.0.1", port, "--", "/"))[0], 126)


class ProxyTests(TestCase):
    """--proxy: CONNECT, and what a proxy says."""

    async def test_connect(self) -> None:
        """The place is reached by way of the proxy, which is told its name."""
        heard: list[bytes] = []
        answers = {
            200: (b"HTTP/1.1 200 OK\r\n\r\nhello\n", 0),
            403: (b"HTTP/1.1 403 x\r\n\r\n", 15),
            407: (b"HTTP/1.1 407 x\r\n\r\n", 11),
            502: (b"HTTP/1.1 502 x\r\n\r\n", 7),
            504: (b"HTTP/1.1 504 x\r\n\r\n", 6),
        }
        for said, code in answers.values():

            class Proxy(Protocol):
                reply = said

                def dataReceived(self, data: bytes) -> None:
                    heard.append(data)
                    self.transport.write(self.reply)

            port = self.listening(Proxy)
            found, record = await self.told(
                "--proxy", f"http://127.0.0.1:{port}", "--banner", "hello", "far.test", 7
            )
            self.assertEqual(found, code, record)
        self.assertTrue(heard[0].startswith(b"CONNECT far.test:7 HTTP/1.1\r\n"))

    async def test_no_proxy_there(self) -> None:
        """The proxy's own failure is told as it is."""
        code, _ = await self.told("--proxy", f"127.0.0.1:{self.refusing()}", "far.test", 7)
        self.assertEqual(code, 5)


def _factory(protocol: Any) -> Any:
    from twisted.internet.protocol import Factory

    return Factory.forProtocol(protocol)


class HelpTests(TestCase):
    """What the tool says of itself."""

    async def test_help(self) -> None:
        """Every option of the features is there, with examples."""
        text = connectiontest.Options().getUsage()
        wanted = "wait interval count all any invert dns-fail-fast tls starttls banner http proxy source"
        for option in wanted.split():
            self.assertIn(f"--{option}", text)
        self.assertTrue(re.search(r"connectiontest -w 60 .* -- ", text))
        self.assertNotIn("\t", json.dumps(text))
