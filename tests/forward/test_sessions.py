"""Whole sessions with real sockets: what goes out, what comes in, and how each ends."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import socket
import stat
import threading

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from netsuite.forward.tape import SENT, pieces
from tests.forward.far import PATIENCE, Doing, ForwardCase, echo, reset, whole


def answer(client: socket.socket) -> None:
    """Answers at the end of what it is asked."""
    whole(client)
    client.sendall(MUCH)


def silent(over: threading.Event) -> Doing:
    """Says nothing until the test is over."""

    def serve(client: socket.socket) -> None:
        whole(client)
        over.wait(PATIENCE)

    return serve


CONNECTED = "Connected to server. Press Ctrl-C to close connection.\n"

#: More than all buffers on the way hold.
MUCH = random.Random(7).randbytes(3_000_000)


class TalkTests(ForwardCase):
    """What passes."""

    async def test_tutorial(self) -> None:
        """The tutorial's words on standard error, LF goes out as CRLF, the answer is shown unchanged."""
        heard: list[bytes] = []

        def serve(client: socket.socket) -> None:
            heard.append(client.recv(100))
            client.sendall(b"HTTP/1.0 200 OK\r\nA: b\n\x00\xff")

        far = self.far(serve)
        told = await self.ran("localhost", far.port, typed=b"HEAD / HTTP/1.0\nHost: x\r\n\n")
        self.assertEqual(told, (0, b"HTTP/1.0 200 OK\r\nA: b\n\x00\xff", CONNECTED))
        self.assertEqual(heard, [b"HEAD / HTTP/1.0\r\nHost: x\r\n\r\n"])

    async def test_echo(self) -> None:
        """Against an echo server: its answers, and its end is ours; quiet says nothing."""
        far = self.far(echo)
        told = await self.ran("-q", "127.0.0.1", far.port, typed=b"hello\r\nquit\r\n")
        self.assertEqual(told, (0, b"You said: hello\r\nGoodbye.\r\n", ""))

    async def test_line_ends(self) -> None:
        """--crlf is the default, --lf sends LF, -b leaves every byte."""
        typed = b"a\nb\r\nc\rd\x00\xff\r"
        table = {"--crlf": b"a\r\nb\r\nc\rd\x00\xff\r", "--lf": b"a\nb\nc\rd\x00\xff\r", "-b": typed}
        for option, heard in table.items():
            far = self.far(lambda client: client.sendall(whole(client)))
            self.assertEqual(await self.ran("-q", option, "127.0.0.1", far.port, typed=typed), (0, heard, ""))

    async def test_both_ways_at_once(self) -> None:
        """Megabytes each way at the same time, with -b, in the kernel and out of it: every byte as it was."""
        heard: list[bytes] = []

        def serve(client: socket.socket) -> None:
            sender = threading.Thread(target=client.sendall, args=(MUCH,))
            sender.start()
            heard.append(whole(client))
            sender.join()

        for option, typed in (("-b", MUCH[::-1]), ("--hex", MUCH[:9999])):
            far = self.far(serve)
            code, output, _ = await self.ran("-q", "-b", option, "127.0.0.1", far.port, typed=typed)
            self.assertEqual((code, hashlib.sha256(output).digest()), (0, hashlib.sha256(MUCH).digest()))
            self.assertEqual(heard.pop(), typed)

    async def test_from_and_to_files(self) -> None:
        """The same with files: sent from one, written to another."""
        folder = self.folder()
        (folder / "in").write_bytes(MUCH)
        far = self.far(lambda client: client.sendall(whole(client)[::-1]))
        out = folder / "out"
        with (folder / "in").open("rb") as source:
            words = ("-q", "-b", "-o", str(out), "127.0.0.1", far.port)
            outcome = await self.outcome(words, (source.fileno(), -1), io.StringIO())
        self.assertEqual((outcome.exit, out.read_bytes() == MUCH[::-1]), (0, True))
        assert outcome.result is not None
        self.assertEqual((outcome.result["sent"], outcome.result["received"]), (len(MUCH), len(MUCH)))

    async def test_no_input(self) -> None:
        """Standard input that is closed, or /dev/null, is an input that has ended."""
        for opened in (True, False):
            far = self.far(lambda client: client.sendall(whole(client) + b"banner"))
            source = os.open(os.devnull, os.O_RDONLY) if opened else -1
            folder = self.folder()
            words = ("-q", "-o", str(folder / "out"), "127.0.0.1", far.port)
            outcome = await self.outcome(words, (source, -1), io.StringIO())
            self.assertEqual((outcome.exit, (folder / "out").read_bytes()), (0, b"banner"))
            if opened:
                os.close(source)

    async def test_unix_sockets_and_endpoints(self) -> None:
        """A Unix socket, an endpoint string, host and port in one word."""
        path = str(self.folder() / "s")
        self.far(echo, path=path)
        told = await self.ran("-q", f"unix:{path}", typed=b"a\nquit\n")
        self.assertEqual(told, (0, b"You said: a\r\nGoodbye.\r\n", ""))
        for form in (
            "tcp:127.0.0.1:{}",
            "tcp:host=127.0.0.1:port={}",
            "127.0.0.1:{}",
            "tcp:{}:host=127.0.0.1",
        ):
            far = self.far(echo)
            told = await self.ran("-q", form.format(far.port), typed=b"quit\n")
            self.assertEqual(told, (0, b"Goodbye.\r\n", ""), form)


class EndTests(ForwardCase):
    """How it ends."""

    async def test_the_whole_answer(self) -> None:
        """The end of input is told to the peer, and the answer that comes then is had to its last byte."""
        for option in ("-b", "--crlf"):
            far = self.far(answer)
            code, output, _ = await self.ran("-q", option, "127.0.0.1", far.port, typed=b"ask\n")
            self.assertEqual((code, output == MUCH), (0, True))

    async def test_no_half_close(self) -> None:
        """--no-half-close: the peer is not told, and what it says is waited for all the same."""

        def serve(client: socket.socket) -> None:
            client.recv(100)
            client.settimeout(0.3)
            try:
                client.sendall(b"told " + client.recv(100))
            except TimeoutError:
                client.sendall(b"not told")

        far = self.far(serve)
        told = await self.ran("-q", "-b", "--no-half-close", "127.0.0.1", far.port, typed=b"ask\n")
        self.assertEqual(told, (0, b"not told", ""))

    async def test_linger(self) -> None:
        """--linger: a peer that does not answer is not waited for longer than that."""
        for option in ("-b", "--crlf"):
            over = threading.Event()
            far = self.far(silent(over))
            self.addCleanup(over.set)
            told = await self.ran("-q", option, "--linger", "0.1", "127.0.0.1", far.port, typed=b"ask\n")
            self.assertEqual(told, (0, b"", ""))

    async def test_idle(self) -> None:
        """-t: silence both ways ends it with 6."""
        for option in ("-b", "--crlf"):
            over = threading.Event()
            far = self.far(silent(over))
            self.addCleanup(over.set)
            told = await self.ran("-q", option, "-t", "0.2", "127.0.0.1", far.port, typed=None)
            self.assertEqual(told, (6, b"", "dataforward: silence for 0.2 s\n"))

    async def test_reset(self) -> None:
        """A reset in mid-answer is 9, and what came before is shown."""
        for option in ("-b", "--crlf"):
            half = threading.Event()

            def serve(client: socket.socket, half: threading.Event = half) -> None:
                client.sendall(b"half an ans")
                half.wait(20)
                reset(client)

            far = self.far(serve)
            reading, out = os.pipe()
            source, typing = os.pipe()
            ended = Deferred.fromCoroutine(
                self.outcome(("-q", option, "127.0.0.1", far.port), (source, out), io.StringIO())
            )
            while not (said := await _some(reading)):
                continue
            half.set()
            outcome = await ended
            self.assertEqual((said, outcome.exit, outcome.cause), (b"half an ans", 9, "lost"))
            for fd in (reading, out, source, typing):
                os.close(fd)

    async def test_the_peer_closes_one_side_first(self) -> None:
        """A peer that says no more but still listens gets all of the input."""
        heard: list[bytes] = []

        def serve(client: socket.socket) -> None:
            client.shutdown(socket.SHUT_WR)
            heard.append(whole(client))

        for option in ("-b", "--hex"):
            far = self.far(serve)
            words = ("-q", "-b", option, "127.0.0.1", far.port)
            code, output, _ = await self.ran(*words, typed=MUCH if option == "-b" else MUCH[:100_000])
            await deferToThread(far.close)
            self.assertEqual((code, output), (0, b""))
        self.assertEqual([len(each) for each in heard], [len(MUCH), 100_000])

    async def test_the_peer_closes(self) -> None:
        """A peer that is gone is not waited for, though the input is still open."""
        for option in ("-b", "--crlf"):
            far = self.far(lambda client: client.sendall(b"bye"))
            told = await self.ran("-q", option, "127.0.0.1", far.port, typed=None)
            self.assertEqual(told, (0, b"bye", ""))

    async def test_ctrl_c(self) -> None:
        """Ctrl-C once connected is an end like another; the peer sees ours."""
        ended: list[bytes] = []
        for option in ("-b", "--crlf"):
            far = self.far(lambda client: ended.append(whole(client)))
            stop = deferLater(reactor, 0.2)  # type: ignore[arg-type]
            code, output, _ = await self.ran("-q", option, "127.0.0.1", far.port, typed=None, stop=stop)
            await deferToThread(far.close)
            self.assertEqual((code, output, ended.pop()), (0, b"", b""))

    async def test_no_connection(self) -> None:
        """Refused, not found, no route: each has its exit status and says why."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
        told = await self.ran("127.0.0.1", port)
        refused = "Connection was refused by other side: 111: Connection refused."
        self.assertEqual(told, (5, b"", f"dataforward: {refused}\n"))
        code, _, errors = await self.ran("fakesite.invalid", "80")
        self.assertEqual((code, errors.count("\n")), (4, 1), errors)
        code, _, errors = await self.ran("224.0.0.1", "80")
        self.assertEqual((code, errors.count("\n")), (7, 1), errors)

    async def test_a_proxy_that_wants_a_password(self) -> None:
        """407 is 11, and nothing was sent on."""

        def refuse(client: socket.socket) -> None:
            client.recv(1000)
            client.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")

        far = self.far(refuse)
        proxy = f"http://127.0.0.1:{far.port}"
        code, output, errors = await self.ran("-q", "--proxy", proxy, "127.0.0.1", "80", typed=b"x\n")
        self.assertEqual((code, output, errors.count("\n")), (11, b"", 1), errors)

    async def test_no_answer(self) -> None:
        """A listener that accepts nobody any more: 6 after -t."""
        with socket.socket() as full, socket.socket() as one, socket.socket() as two:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for each in (one, two):
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            code, _, errors = await self.ran("-t", "0.3", "127.0.0.1", str(full.getsockname()[1]))
        self.assertEqual((code, errors.count("\n")), (6, 1))
        self.assertIn("no answer in 0.3 s", errors)


class ScriptTests(ForwardCase):
    """--expect, --send, recordings, views."""

    async def test_expect(self) -> None:
        """What is expected is seen, and what is to be sent then is sent, with the line's end."""
        far = self.far(echo)
        words = (
            "-q",
            "--expect",
            "You said: h",
            "--send",
            "more",
            "--expect",
            "said: more\r\n",
            "--send",
            "quit",
        )
        told = await self.ran(*words, "127.0.0.1", far.port, typed=b"hello\n")
        self.assertEqual(told, (0, b"You said: hello\r\nYou said: more\r\nGoodbye.\r\n", ""))

    async def test_send_first(self) -> None:
        """A first --send needs no --expect; escapes are known, -b adds no line's end."""
        far = self.far(lambda client: client.sendall(whole(client)))
        told = await self.ran("-q", "-b", "--send", r"a\tb\\c\e\x\0", "127.0.0.1", far.port)
        self.assertEqual(told, (0, b"a\tb\\c\x1b\\x\x00", ""))

    async def test_not_seen(self) -> None:
        """What is not seen until -t, or until the peer ends, is 1 and says what was expected."""
        for typed in (b"hello\n", b"hello\nquit\n"):
            far = self.far(echo)
            words = ("-q", "-t", "0.3", "--expect", "Never", "--send", "quit", "127.0.0.1", far.port)
            code, output, errors = await self.ran(*words, typed=typed)
            self.assertEqual((code, errors), (1, "dataforward: --expect 'Never' was not seen\n"))
            self.assertIn(b"You said: hello\r\n", output)

    async def test_record_and_replay(self) -> None:
        """A recording is for its owner only, has every byte both ways, and sends the same bytes again."""
        heard: list[bytes] = []

        def serve(client: socket.socket) -> None:
            heard.append(whole(client))
            client.sendall(b"\xffanswer")

        path = self.folder() / "tape"
        path.write_text("old")
        path.chmod(0o644)
        first = self.far(serve)
        code, _, _ = await self.ran(
            "-q", "--record", str(path), "127.0.0.1", first.port, typed=b"one\n\x00two\n"
        )
        self.assertEqual((code, stat.S_IMODE(path.stat().st_mode)), (0, 0o600))
        told = list(pieces(path.read_bytes().splitlines()))
        self.assertEqual(
            b"".join(each.data or b"" for each in told if each.way == SENT), b"one\r\n\x00two\r\n"
        )
        self.assertEqual(b"".join(each.data or b"" for each in told if each.way != SENT), b"\xffanswer")
        self.assertEqual(sorted(each.way for each in told if each.data is None), ["received", "sent"])
        second = self.far(serve)
        replayed = await self.ran("-q", "--replay", str(path), "127.0.0.1", second.port)
        self.assertEqual(replayed, (0, b"\xffanswer", ""))
        self.assertEqual(heard[1], heard[0])

    async def test_no_recording(self) -> None:
        """A file that is none, is damaged, or is not there: 12, and nothing was connected."""
        path = self.folder() / "tape"
        for content, text in (
            (b"GET", "is no recording"),
            (b"", "has nothing in it"),
            (None, "No such file"),
        ):
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
            code, _, errors = await self.ran("--replay", str(path), "127.0.0.1", "9")
            self.assertEqual((code, errors.count("\n")), (12, 1))
            self.assertIn(text, errors)

    async def test_a_recording_that_finds_no_room(self) -> None:
        """A full disk ends it with 12 rather than with a recording that lacks something."""
        far = self.far(echo)
        code, _, errors = await self.ran("-q", "--record", "/dev/full", "127.0.0.1", far.port, typed=b"a\n")
        self.assertEqual((code, errors), (12, "dataforward: /dev/full: No space left on device\n"))

    async def test_hex(self) -> None:
        """All bytes beside the data, with their direction."""
        far = self.far(echo)
        _, output, errors = await self.ran("-q", "-x", "127.0.0.1", far.port, typed=b"quit\n")
        self.assertEqual(output, b"Goodbye.\r\n")
        self.assertIn("> 00000000  71 75 69 74 0d 0a                                |quit..|\n", errors)
        self.assertIn("< 00000000  47 6f 6f 64 62 79 65 2e 0d 0a                    |Goodbye...|\n", errors)


class ListenTests(ForwardCase):
    """The listening end."""

    async def listening(self, *words: str, source: int, out: int) -> tuple[str, Deferred[object]]:
        """A dataforward that listens: its port, and what fires with its outcome."""
        errors = io.StringIO()
        ended = Deferred.fromCoroutine(self.outcome(("--listen", *words), (source, out), errors))
        while "Listening on " not in errors.getvalue():
            await deferLater(reactor, 0.01)  # type: ignore[arg-type]
        place = errors.getvalue().split("Listening on ")[1].split(".\n")[0]
        self.assertTrue(place.startswith("127.0.0.1:"), place)
        return place.rpartition(":")[2], ended

    async def test_two_of_ours(self) -> None:
        """Two dataforwards, whatever each has to say: both outputs are whole."""
        sizes = ((0, 0), (0, len(MUCH)), (len(MUCH), 0), (len(MUCH), 5000), (5000, len(MUCH)))
        for one, two in sizes:
            folder = self.folder()
            (folder / "one").write_bytes(MUCH[:one])
            (folder / "two").write_bytes(MUCH[:two])
            sources = [os.open(folder / name, os.O_RDONLY) for name in ("one", "two")]
            outs = [os.open(folder / name, os.O_WRONLY | os.O_CREAT) for name in ("out-one", "out-two")]
            port, first = await self.listening("-b", "0", source=sources[0], out=outs[0])
            words = ("-q", "-b", "127.0.0.1", port)
            second = Deferred.fromCoroutine(self.outcome(words, (sources[1], outs[1]), io.StringIO()))
            ends = await gatherResults([first, second])
            self.assertEqual([end.exit for end in ends], [0, 0], (one, two))  # type: ignore[attr-defined]
            self.assertEqual((folder / "out-one").read_bytes(), MUCH[:two], (one, two))
            self.assertEqual((folder / "out-two").read_bytes(), MUCH[:one], (one, two))
            for fd in (*sources, *outs):
                os.close(fd)

    async def test_one_only(self) -> None:
        """Without -k one is accepted, and nobody after."""
        source, out = os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_WRONLY)
        port, ended = await self.listening("0", source=source, out=out)
        with socket.create_connection(("127.0.0.1", int(port))):
            await deferLater(reactor, 0.05)  # type: ignore[arg-type]
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", int(port)))
        outcome = await ended
        self.assertEqual(outcome.exit, 0)  # type: ignore[attr-defined]
        os.close(source)
        os.close(out)

    async def test_many(self) -> None:
        """With -k one after the other, until Ctrl-C."""
        folder = self.folder()
        source, out = os.open(os.devnull, os.O_RDONLY), os.open(folder / "out", os.O_WRONLY | os.O_CREAT)
        port, ended = await self.listening("-k", "0", source=source, out=out)
        for number in range(3):
            with socket.create_connection(("127.0.0.1", int(port))) as client:
                client.sendall(b"%d\n" % number)
        while (folder / "out").stat().st_size < 6:
            await deferLater(reactor, 0.01)  # type: ignore[arg-type]
        ended.cancel()
        outcome = await ended
        self.assertEqual((outcome.exit, (folder / "out").read_bytes()), (0, b"0\n1\n2\n"))  # type: ignore[attr-defined]
        os.close(source)
        os.close(out)

    async def test_taken(self) -> None:
        """A port that is taken: 12, in one line."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            code, _, errors = await self.ran("--listen", str(taken.getsockname()[1]))
        self.assertEqual((code, errors.count("\n")), (12, 1), errors)


class UsageTests(ForwardCase):
    """What makes no sense."""

    async def test_refused(self) -> None:
        """One line, exit status 2; the tutorial's line where the place is missing."""
        for words in ([], ["localhost"], ["a", "b", "c"]):
            self.assertEqual(await self.ran(*words), (2, b"", "Usage: dataforward.py host port\n"))
        for words in (
            ["localhost", "0"],
            ["localhost", "65536"],
            ["localhost", "http\x00"],
            ["a" * 300, "80"],
            ["x" * 64 + ".example", "80"],
            ["bad host", "80"],
            ["unix:"],
            ["tcp:localhost:80:timeout=3"],
            ["-b", "--lf", "localhost", "80"],
            ["-k", "localhost", "80"],
            ["-j", "localhost", "80"],
            ["--listen", "--tls", "8000"],
            ["--listen", "nowhere"],
            ["--listen", "1", "2", "3"],
            ["--expect", "(", "localhost", "80"],
            ["--starttls", "gopher", "localhost", "70"],
            ["--alpn", "h2", "localhost", "80"],
            ["--tls", "--alpn", "", "localhost", "80"],
            ["--proxy", "ftp://x", "localhost", "80"],
            ["-t", "-1", "localhost", "80"],
            ["--linger", "soon", "localhost", "80"],
            ["--record", "", "localhost", "80"],
            ["--nonsense"],
            [*["--send", "x"] * 1001, "localhost", "80"],
        ):
            code, output, errors = await self.ran(*words)
            self.assertEqual((code, output, errors.count("\n")), (2, b"", 1), (words[:3], errors))

    async def test_files(self) -> None:
        """A file that can't be written: 12, in one line."""
        for option in ("-o", "--record"):
            code, _, errors = await self.ran(option, "/nonexistent/file", "localhost", "80")
            self.assertEqual(
                (code, errors), (12, "dataforward: /nonexistent/file: No such file or directory\n")
            )

    async def test_a_full_file(self) -> None:
        """A disk that is full: 12."""
        for option in ("-b", "--crlf"):
            far = self.far(lambda client: client.sendall(b"data"))
            code, _, errors = await self.ran("-q", option, "-o", "/dev/full", "127.0.0.1", far.port)
            self.assertEqual((code, errors), (12, "dataforward: /dev/full: No space left on device\n"))

    async def test_json(self) -> None:
        """What is told to programs."""
        out = self.folder() / "out"
        far = self.far(echo)
        reading, writing = os.pipe()
        os.write(writing, b"hello\nquit\n")
        os.close(writing)
        words = ("-j", "-o", str(out), "127.0.0.1", far.port)
        outcome = await self.outcome(words, (reading, -1), io.StringIO())
        os.close(reading)
        told = json.loads(outcome.record(tool="dataforward", target={}, started=0.0, elapsed_ms=0.0))
        result = {"peer": f"127.0.0.1:{far.port}", "sent": 13, "received": 27, "closed_by": "peer"}
        self.assertEqual(told["result"], {**result, "half_closed": told["result"]["half_closed"]})
        self.assertEqual(out.read_bytes(), b"You said: hello\r\nGoodbye.\r\n")


async def _some(fd: int) -> bytes:
    """What a pipe has now."""
    await deferLater(reactor, 0.01)  # type: ignore[arg-type]
    os.set_blocking(fd, False)
    try:
        return os.read(fd, 1000)
    except BlockingIOError:
        return b""
