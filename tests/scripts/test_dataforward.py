"""dataforward as users run it: signals, closed streams, a real terminal, TLS, proxies, the tutorial."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.forward.far import PATIENCE, Doing, Far, echo, whole
from tests.real.hatchery import HatchedTwistd
from tests.real.parts import Child, answers, free_ports, require, until
from tests.real.tlsorigin import Issuer
from tests.scale import NIGHTLY
from tests.scripts.tools import command, environment, finished, records, run

CONNECTED = "Connected to server. Press Ctrl-C to close connection."


class ToolCase(SynchronousTestCase):
    """Has peers and processes."""

    def far(self, *doing: Doing, **settings: Any) -> Far:
        """A peer for the time of a test."""
        made = Far(*doing, **settings)
        self.addCleanup(made.close)
        return made

    def started(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        """A dataforward that runs."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command("dataforward", *words), env=environment(), **{**pipes, **options})
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def connected(self, process: subprocess.Popen[bytes]) -> None:
        """It has said that it is."""
        assert process.stderr is not None
        self.assertEqual(process.stderr.readline().decode(), CONNECTED + "\n")


class TutorialTests(ToolCase):
    """The tutorial's pair."""

    def test_echo_service(self) -> None:
        """`twistd echo` and what is piped to it, with the tutorial's words."""
        service = HatchedTwistd("echo", "-p", "0")
        self.addCleanup(service.close)
        service.launch()
        port = service.wait_log(r"echo: 127\.0\.0\.1:(\d+)")[1]
        told = run("dataforward", "localhost", port, input="hello\nquit\n")
        self.assertEqual(told, (0, "You said: hello\nGoodbye.\n", CONNECTED + "\n"))


class SignalTests(ToolCase):
    """Ctrl-C and SIGTERM, at any moment."""

    def test_connected(self) -> None:
        """Once connected Ctrl-C is a clean end, SIGTERM is 143; the peer sees the end of both."""
        for number, code in ((signal.SIGINT, 0), (signal.SIGTERM, 143)):
            heard: list[bytes] = []
            far = self.far(lambda client, heard=heard: heard.append(whole(client)))
            process = self.started("127.0.0.1", far.port)
            self.connected(process)
            process.send_signal(number)
            _, errors = process.communicate(timeout=PATIENCE)
            far.close()
            self.assertEqual((process.returncode, heard), (code, [b""]))
            self.assertEqual(errors.count(b"\n"), 1 if code else 0)

    def test_connecting(self) -> None:
        """Before there is a connection Ctrl-C is 130."""
        with socket.socket() as full, socket.socket() as one, socket.socket() as two:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for each in (one, two):
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            host, port = full.getsockname()
            before = _asking(port)
            process = self.started(host, str(port))
            until("it connects", lambda: _asking(port) > before)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, errors.count(b"\n")), (130, 1))

    def test_listening(self) -> None:
        """While nobody has come Ctrl-C is 130."""
        process = self.started("--listen", "0")
        assert process.stderr is not None
        self.assertTrue(process.stderr.readline().startswith(b"Listening on 127.0.0.1:"))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)


def _asking(port: int) -> int:
    """How many connections to a port wait for their first answer: state 02 (Linux)."""
    lines = map(str.split, Path("/proc/net/tcp").read_text().splitlines())
    return sum(line[3] == "02" and line[2].endswith(f":{port:04X}") for line in lines)


class StreamTests(ToolCase):
    """Streams that are closed, left, slow, or not what one expects."""

    def shell(self, how: str, *words: str, **options: Any) -> tuple[int, str, str]:
        """What a shell makes of it."""
        return finished(["bash", "-c", f'"$@" {how}', "bash", *command("dataforward", *words)], **options)

    def test_reader_left(self) -> None:
        """`| head -1`: a line, then 12 in silence, at once although the peer says nothing more."""

        def serve(client: socket.socket) -> None:
            client.sendall(b"one\ntwo\n")
            whole(client)

        for option in ("-b", "--crlf"):
            far = self.far(serve)
            source, typing = os.pipe()  # an input that stays open
            how = '| head -1; echo "${PIPESTATUS[0]}"'
            told = self.shell(how, "-q", option, "127.0.0.1", far.port, stdin=source)
            os.close(source)
            os.close(typing)
            self.assertEqual(told, (0, "one\n12\n", ""))

    def test_closed(self) -> None:
        """Standard output closed: 12, in one line, before anything is sent; without input or messages: 0."""
        code, output, errors = self.shell(">&-", "127.0.0.1", "9")
        self.assertEqual((code, output, errors), (12, "", "dataforward: standard output: is closed\n"))
        far = self.far(lambda client: client.sendall(whole(client) + b"bye"))
        self.assertEqual(self.shell("<&- 2>&-", "127.0.0.1", far.port), (0, "bye", ""))

    def test_flags_are_left_alone(self) -> None:
        """No stream shared with others becomes non-blocking, not even for a while; one that is so is read."""
        flags: list[int] = []
        reading, writing = os.pipe()
        shown, out = os.pipe()
        os.set_blocking(reading, False)

        def serve(client: socket.socket) -> None:
            client.recv(10)
            flags.extend(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK for fd in (reading, out))
            client.sendall(b"seen")

        far = self.far(serve)
        process = self.started("-q", "127.0.0.1", far.port, stdin=reading, stdout=out)
        os.write(writing, b"hello\n")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual((flags, os.read(shown, 100)), ([os.O_NONBLOCK, 0], b"seen"))
        for fd in (reading, writing, shown, out):
            os.close(fd)

    def test_a_slow_reader(self) -> None:
        """With a reader that waits, what is in memory stays small; every byte comes in the end."""
        size = (1024 if NIGHTLY else 96) << 20
        piece = os.urandom(1 << 20)
        sent: list[int] = []

        def serve(client: socket.socket) -> None:
            for _ in range(size >> 20):
                client.sendall(piece)
                sent.append(1)

        far = self.far(serve)
        process = self.started("-q", "-b", "127.0.0.1", far.port, stdin=subprocess.DEVNULL)
        assert process.stdout is not None
        self.assertEqual(process.stdout.read(1), piece[:1])
        until("the peer is held up", lambda: len(sent) > 0 and _still(sent))
        self.assertLess(len(sent), 40)
        count, whole_pieces = 1, True
        while data := process.stdout.read(1 << 20):
            at = count % (1 << 20)
            whole_pieces = whole_pieces and data == (piece + piece)[at : at + len(data)]
            count += len(data)
        self.assertEqual((process.wait(PATIENCE), count, whole_pieces), (0, size, True))

    def test_memory(self) -> None:
        """A peer that does not read: the input is not read either, and memory stays flat."""
        over = threading.Event()

        def serve(client: socket.socket) -> None:
            over.wait(PATIENCE)
            heard.append(whole(client))

        heard: list[bytes] = []
        far = self.far(serve)
        for option in ("-b", "--crlf"):
            process = self.started("-q", option, "127.0.0.1", far.port)
            assert process.stdin is not None
            typed = [0]
            writer = threading.Thread(target=_pour, args=(os.dup(process.stdin.fileno()), typed))
            writer.start()
            until("the input is held up", lambda typed=typed: typed[0] > 0 and _still(typed))
            self.assertLess(typed[0], 40)
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = int(status.split("VmHWM:")[1].split()[0])
            self.assertLess(peak, 120_000)
            process.kill()
            writer.join(PATIENCE)
            if option == "-b":
                over.set()
                far.close()
                over.clear()
                far = self.far(serve)
        over.set()


def _pour(fd: int, count: list[int]) -> None:
    piece = b"x" * (1 << 20)
    with contextlib.suppress(BrokenPipeError):
        while count[0] < 200:
            os.write(fd, piece)
            count[0] += 1
    os.close(fd)


def _still(count: list[int]) -> bool:
    """Whether a count does not grow for a while."""
    before = sum(count)
    time.sleep(0.3)
    return sum(count) == before


class TerminalTests(ToolCase):
    """On a real terminal."""

    def terminal(self, *words: str, **options: Any) -> tuple[int, subprocess.Popen[bytes]]:
        """The side of a terminal that we type at, and a dataforward on the other, in a session of its own."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        self.modes = termios.tcgetattr(theirs)
        self.theirs = os.dup(theirs)
        self.addCleanup(os.close, self.theirs)
        process = self.started(
            *words,
            **{"stdin": theirs, "stdout": theirs, "stderr": theirs, **options},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        return ours, process

    def seen(self, ours: int, text: bytes) -> bytes:
        """What the terminal shows, as soon as ``text`` is among it."""
        shown = b""
        end = time.monotonic() + PATIENCE
        while text not in shown:
            ready = select.select([ours], [], [], max(0.0, end - time.monotonic()))[0]
            self.assertTrue(ready, shown)
            shown += os.read(ours, 1000)
        return shown

    def assert_sane(self) -> None:
        """The terminal is as it was: its modes, and whether it blocks."""
        self.assertEqual(termios.tcgetattr(self.theirs), self.modes)
        self.assertFalse(fcntl.fcntl(self.theirs, fcntl.F_GETFL) & os.O_NONBLOCK)

    def test_typed(self) -> None:
        """The tutorial's dialogue: the words, what is typed and answered, and the end by the server."""
        heard: list[bytes] = []

        def serve(client: socket.socket) -> None:
            heard.append(client.recv(100))
            client.sendall(b"You said: hello\r\n")
            heard.append(client.recv(100))
            client.sendall(b"Goodbye.\r\n")

        far = self.far(serve)
        ours, process = self.terminal("127.0.0.1", far.port)
        self.seen(ours, CONNECTED.encode())
        self.assert_sane()
        os.write(ours, b"hello\n")
        self.seen(ours, b"You said: hello\r\r\n")
        os.write(ours, b"quit\n")
        self.seen(ours, b"Goodbye.")
        self.assertEqual((process.wait(PATIENCE), heard), (0, [b"hello\r\n", b"quit\r\n"]))
        self.assert_sane()

    def test_ctrl_c(self) -> None:
        """Ctrl-C typed at the terminal: exit status 0, the terminal as it was."""
        far = self.far(whole)
        ours, process = self.terminal("127.0.0.1", far.port)
        self.seen(ours, CONNECTED.encode())
        os.write(ours, b"\x03")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assert_sane()

    def test_ctrl_d(self) -> None:
        """Ctrl-D ends the input: the peer is told, and its answer shown."""
        far = self.far(lambda client: client.sendall(b"had " + whole(client)))
        ours, process = self.terminal("127.0.0.1", far.port)
        self.seen(ours, CONNECTED.encode())
        os.write(ours, b"all\n\x04")
        self.seen(ours, b"had all")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assert_sane()

    def test_ctrl_z(self) -> None:
        """Stopped and continued it goes on; killed outright it leaves the terminal as it was, too."""
        far = self.far(echo)
        ours, process = self.terminal("127.0.0.1", far.port)
        self.seen(ours, CONNECTED.encode())
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        self.assert_sane()
        process.send_signal(signal.SIGCONT)
        os.write(ours, b"again\n")
        self.seen(ours, b"You said: again")
        process.kill()
        process.wait(PATIENCE)
        self.assert_sane()

    def test_the_terminal_hangs_up(self) -> None:
        """A terminal that is closed ends it."""
        far = self.far(whole)
        ours, process = self.terminal("127.0.0.1", far.port)
        self.seen(ours, CONNECTED.encode())
        os.close(os.dup(ours))
        process.send_signal(signal.SIGHUP)
        self.assertNotEqual(process.wait(PATIENCE), 0)

    def test_safe(self) -> None:
        """--safe: what a terminal would obey is shown; without it, and into a pipe, every byte as it is."""
        came = b"\x1b]0;owned\x07 \xff gr\xc3\xbcn\n"
        far = self.far(*[lambda client: client.sendall(came)] * 2)
        ours, process = self.terminal("-q", "--safe", "127.0.0.1", far.port)
        shown = self.seen(ours, b"\n")
        self.assertEqual(shown, b"\\x1b]0;owned\\x07 \\xff gr\xc3\xbcn\r\n")
        process.wait(PATIENCE)
        piped = self.started("-q", "--safe", "127.0.0.1", far.port)
        self.assertEqual(piped.communicate(timeout=PATIENCE)[0], came)


class SecureTests(ToolCase):
    """TLS and what is on the way."""

    @classmethod
    def setUpClass(cls) -> None:
        """One authority, one certificate."""
        cls.held = tempfile.TemporaryDirectory(prefix="netsuite-forward-")
        cls.addClassCleanup(cls.held.cleanup)
        cls.folder = Path(cls.held.name)
        cls.issuer = Issuer(cls.folder)
        cls.pem = cls.issuer.issue("localhost", "127.0.0.1")

    def context(self, **limits: Any) -> ssl.SSLContext:
        """A server's TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.pem))
        for name, value in limits.items():
            setattr(context, name, value)
        return context

    def test_whole_answers(self) -> None:
        """In TLS 1.3 the end of input is told and the answer comes after it; in 1.2 it is not told."""
        seen: list[object] = []

        def serve(client: Any) -> None:
            seen.append((client.version(), client.selected_alpn_protocol()))
            client.recv(100)
            if client.version() == "TLSv1.3":
                seen.append(client.recv(100))
            client.sendall(b"x" * 300_000)
            with contextlib.suppress(OSError):
                client.unwrap()

        for version in ("TLSv1_3", "TLSv1_2"):
            context = self.context(maximum_version=ssl.TLSVersion[version])
            context.set_alpn_protocols(["other", "mine"])
            far = self.far(serve, context=context)
            words = ("--tls", "--cafile", str(self.issuer.path), "--alpn", "mine,more", "localhost", far.port)
            code, output, errors = run("dataforward", "-v", *words, input="ask\n")
            self.assertEqual((code, len(output)), (0, 300_000), version)
            shown = f"{version.replace('_', '.')}, ALPN mine, CN=localhost for "
            self.assertIn(f"connected with 127.0.0.1:{far.port}, {shown}", errors)
        self.assertEqual(seen, [("TLSv1.3", "mine"), b"", ("TLSv1.2", "mine")])

    def test_refused(self) -> None:
        """A certificate that nobody vouches for, or for another name: 8, and nothing was said."""
        heard: list[bytes] = []
        for words, text in (
            ((), "not trusted"),
            (("--cafile", str(self.issuer.path), "--servername", "other.example"), "other.example"),
        ):
            far = self.far(lambda client: heard.append(client.recv(100)), context=self.context())
            code, output, errors = run(
                "dataforward", "--tls", *words, "localhost", far.port, input="secret\n"
            )
            self.assertEqual((code, output, errors.count("\n")), (8, "", 1))
            self.assertIn(text, errors)
        self.assertEqual(heard, [])

    def test_client_certificate_and_name(self) -> None:
        """Our own certificate is shown, and the name asked for."""
        seen: list[object] = []
        context = self.context(verify_mode=ssl.CERT_REQUIRED)
        context.load_verify_locations(str(self.issuer.path))
        context.sni_callback = lambda _socket, name, _context: seen.append(name)

        def serve(client: Any) -> None:
            seen.append(dict(pair for part in client.getpeercert()["subject"] for pair in part)["commonName"])
            client.unwrap()

        far = self.far(serve, context=context)
        own = self.issuer.issue("me.example")
        words = ("--tls", "--cafile", str(self.issuer.path), "--cert", str(own), "localhost", far.port)
        code, _, errors = run("dataforward", "-q", *words, stdin=subprocess.DEVNULL)
        self.assertEqual((code, errors, seen), (0, "", ["localhost", "me.example"]))

    def test_cut_short(self) -> None:
        """TLS that ends without saying so: something may be missing, 9."""

        def serve(client: Any) -> None:
            client.sendall(b"half")
            with socket.socket(fileno=os.dup(client.fileno())) as plain:
                plain.shutdown(socket.SHUT_RDWR)

        far = self.far(serve, context=self.context())
        words = ("--tls", "--cafile", str(self.issuer.path), "--no-half-close", "localhost", far.port)
        code, output, errors = run("dataforward", "-q", *words, stdin=subprocess.DEVNULL)
        self.assertEqual((code, output, errors.count("\n")), (9, "half", 1))

    def test_starttls(self) -> None:
        """SMTP's way into TLS; a server that has none is 8, and nothing was said to it in plain."""
        context = self.context()

        def serve(client: socket.socket) -> None:
            client.sendall(b"220 ready\r\n")
            client.recv(100)
            client.sendall(b"250-hello\r\n250 STARTTLS\r\n")
            client.recv(100)
            client.sendall(b"220 go on\r\n")
            with context.wrap_socket(client, server_side=True) as secure:
                secure.sendall(b"250 " + secure.recv(100))
                secure.unwrap()

        def refuse(client: socket.socket) -> None:
            client.sendall(b"220 ready\r\n")
            client.recv(100)
            client.sendall(b"250 hello\r\n")
            client.recv(100)
            client.sendall(b"502 what?\r\n")
            heard.append(whole(client))

        heard: list[bytes] = []
        words = ("--starttls", "smtp", "--cafile", str(self.issuer.path), "localhost")
        far = self.far(serve)
        told = run("dataforward", "-q", "--no-half-close", *words, far.port, input="NOOP\n")
        self.assertEqual(told, (0, "250 NOOP\n", ""))
        far = self.far(refuse)
        code, output, errors = run("dataforward", "-q", *words, far.port, input="secret\n")
        self.assertEqual((code, output, errors.count("\n")), (8, "", 1))
        far.close()
        self.assertEqual(heard, [b""])

    def test_by_proxies(self) -> None:
        """Through our own proxy, and through a SOCKS5 server."""
        proxy = HatchedTwistd("proxy", "-p", "0", "--allow-net", "127.0.0.0/8", "--connect-port", "1-65535")
        self.addCleanup(proxy.close)
        proxy.up()
        far = self.far(echo)
        words = ("--proxy", proxy.proxy, "127.0.0.1", far.port)
        told = run("dataforward", "-q", *words, input="hello\nquit\n")
        self.assertEqual(told, (0, "You said: hello\nGoodbye.\n", ""))
        words = ("--proxy", proxy.proxy, "127.0.0.1", "1")
        self.assertNotEqual(run("dataforward", "-q", *words)[0], 0)
        require("microsocks", shutil.which("microsocks"))
        (port,) = free_ports(1)
        socks = Child("microsocks")
        self.addCleanup(socks.close)
        socks.start(["microsocks", "-i", "127.0.0.1", "-p", str(port)])
        until("microsocks", lambda: answers("127.0.0.1", port))
        far = self.far(echo)
        words = ("--proxy", f"socks5://127.0.0.1:{port}", "127.0.0.1", far.port)
        words = ("--no-half-close", *words)  # microsocks drops the answer at the end of the question
        told = run("dataforward", "-q", *words, input="hello\nquit\n")
        self.assertEqual(told, (0, "You said: hello\nGoodbye.\n", ""))


class ProgramTests(ToolCase):
    """Programs that use it."""

    def test_json(self) -> None:
        """One object on standard output, the data in a file."""
        with tempfile.TemporaryDirectory(prefix="netsuite-forward-") as folder:
            far = self.far(echo)
            out = Path(folder, "out")
            code, output, _ = run("dataforward", "-j", "-o", str(out), "127.0.0.1", far.port, input="quit\n")
            [told] = records(output)
            self.assertEqual((code, told["ok"], told["result"]["received"]), (0, True, 10))
            self.assertEqual(told["target"], {"host": "127.0.0.1", "port": int(far.port)})
            self.assertEqual(out.read_bytes(), b"Goodbye.\r\n")

    def test_help(self) -> None:
        """--help has examples."""
        code, output, _ = run("dataforward", "--help")
        self.assertEqual(code, 0)
        self.assertIn("--expect 'You said' --send quit", output)

    def test_with_netcat(self) -> None:
        """nc listens and sends, ours listens and nc sends: both hear everything."""
        nc = "/usr/bin/nc.openbsd"
        require("netcat-openbsd", os.path.exists(nc))
        data = os.urandom(200_000)
        process = self.started("-b", "--listen", "0")
        assert process.stderr is not None
        port = process.stderr.readline().decode().rstrip(".\n").rpartition(":")[2]
        done = subprocess.run(
            [nc, "-N", "127.0.0.1", port], input=data, capture_output=True, timeout=PATIENCE
        )
        output, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual((done.returncode, process.returncode, output == data), (0, 0, True))
