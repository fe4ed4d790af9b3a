"""webcat and webdownload at a terminal: the tutorial's words, hidden passwords, harmless pages."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.client.origin import HOLD, Answering, Asked, Origin, answer
from tests.scripts.test_web_credentials import DigestOrigin, asks
from tests.scripts.tools import PATIENCE, command, environment


class Terminal:
    """A tool at a terminal of its own; ``shown`` is what stands there."""

    def __init__(self, *words: str) -> None:
        self.shown = b""
        self.pid, self._fd = pty.fork()
        if not self.pid:
            os.execvpe(words[0], words, environment())

    def wait(self, text: str) -> None:
        """The text has been shown."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.shown:
            if time.monotonic() > end or not self._more(end):
                raise AssertionError(f"{text!r} is not in {self.shown!r}")

    def _more(self, end: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], max(0.0, end - time.monotonic()))
        try:
            data = os.read(self._fd, 65536) if ready else b""
        except OSError:  # nobody has the other side open any more
            data = b""
        self.shown += data
        return bool(data)

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown."""
        return bool(termios.tcgetattr(self._fd)[3] & termios.ECHO)

    def type(self, text: str) -> None:
        """Type a line, or a key."""
        os.write(self._fd, text.encode())

    def ended(self) -> int:
        """The exit status; all that was shown is there."""
        end = time.monotonic() + PATIENCE
        while self._more(end):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)


class TerminalCase(SynchronousTestCase):
    """Runs tools at terminals."""

    def origin(self, answering: Answering) -> Origin:
        """An origin for the time of a test."""
        made = Origin(answering)
        self.addCleanup(made.close)
        return made

    def at(self, *words: str) -> Terminal:
        """A tool at a terminal."""
        return Terminal(*command(*words))


class LoginTests(TerminalCase):
    """A 401 at a terminal."""

    def test_tutorial(self) -> None:
        """The server's phrase, the two questions, one more try; the password is not shown."""
        origin = self.origin(asks)
        terminal = self.at("webcat", "-q", origin.url("/private"))
        terminal.wait("User name: ")
        terminal.type("me\n")
        terminal.wait("Password: ")
        self.assertFalse(terminal.echoes)
        terminal.type("hunter2\n")
        self.assertEqual(terminal.ended(), 0)
        shown = "401 Authorization Required\r\nUser name: me\r\nPassword: \r\npage\r\n"
        self.assertEqual(terminal.shown.decode(), shown)

    def test_wrong(self) -> None:
        """A wrong password is 11, after one more try and no further question."""
        origin = self.origin(asks)
        terminal = self.at("webcat", "-q", origin.url("/private"))
        terminal.wait("User name: ")
        terminal.type("me\n")
        terminal.wait("Password: ")
        terminal.type("wrong\n")
        self.assertEqual((terminal.ended(), len(origin.asked)), (11, 2))
        self.assertTrue(terminal.shown.endswith(b"Error: 401 Authorization Required\r\n"))

    def test_digest_and_name_only(self) -> None:
        """Digest is answered as well; -u NAME asks for the password alone, before anything is sent."""
        origin = self.origin(DigestOrigin("SHA-256"))
        terminal = self.at("webcat", "-u", "me", origin.url("/x"))
        terminal.wait("Password: ")
        self.assertEqual(origin.asked, [])
        terminal.type("hunter2\n")
        self.assertEqual(terminal.ended(), 0)
        self.assertNotIn(b"User name", terminal.shown)

    def test_interrupted(self) -> None:
        """Ctrl-C at the password ends the tool with 130, and what is typed is shown again."""
        terminal = self.at("webcat", "-q", self.origin(asks).url("/private"))
        terminal.wait("User name: ")
        terminal.type("me\n")
        terminal.wait("Password: ")
        os.kill(terminal.pid, signal.SIGINT)
        terminal.wait("interrupted")
        self.assertTrue(terminal.echoes)
        self.assertEqual(terminal.ended(), 130)

    def test_webdownload(self) -> None:
        """webdownload asks as webcat does."""
        file = Path(self.mktemp())
        terminal = self.at("webdownload", "-q", self.origin(asks).url("/private"), str(file))
        terminal.wait("User name: ")
        terminal.type("me\n")
        terminal.wait("Password: ")
        terminal.type("hunter2\n")
        self.assertEqual((terminal.ended(), file.read_bytes()), (0, b"page"))

    def test_end_of_input(self) -> None:
        """Who has nothing to say is told 401."""
        terminal = self.at("webcat", "-q", self.origin(asks).url("/private"))
        terminal.wait("User name: ")
        terminal.type("\x04")
        self.assertEqual(terminal.ended(), 11)


class PageTests(TerminalCase):
    """Pages at a terminal."""

    def test_harmless(self) -> None:
        """A page can't move the cursor; a line's end is added where it has none."""
        page = "a\x1b[2Jb\x9b31mc\x07\r\nd\re".encode() + b"\xff"
        terminal = self.at("webcat", self.origin(lambda _: answer(body=page)).url())
        self.assertEqual(terminal.ended(), 0)
        lines = terminal.shown.decode().replace("\r", "").split("\n")
        self.assertEqual(lines[0], "a\\u001b[2Jb\\u009b31mc\\u0007")
        self.assertEqual(
            lines[1:3], ["d\\u000de\\xff", "webcat: 4 control characters were escaped for the terminal"]
        )

    def test_pretty(self) -> None:
        """--pretty lays JSON out and colours it, number by number as it was written."""
        page = b'{"a":[1.10,{}],"b":"\\u001b[31m\x1b","a":1e400}'
        sent = answer("200 OK", page, "Content-Type: application/json")
        terminal = self.at("webcat", "--pretty", self.origin(lambda _: sent).url())
        self.assertEqual(terminal.ended(), 0)
        plain = re.sub(r"\x1b\[\d+m", "", terminal.shown.decode().replace("\r", ""))
        self.assertEqual(
            plain, '{\n  "a": [\n    1.10,\n    {}\n  ],\n  "b": "\\u001b[31m\\u001b",\n  "a": 1e400\n}\n'
        )
        self.assertIn(b"\x1b[34m", terminal.shown)


class ProgressTests(TerminalCase):
    """webdownload at a terminal."""

    def test_tutorial(self) -> None:
        """Progress is written over itself, and then the tutorial's last line."""

        seen = threading.Event()

        def slowly(_: Asked) -> Iterator[bytes]:
            yield answer(body=b"x" * 420, length=1000)
            seen.wait(PATIENCE)
            yield b"x" * 580

        file = Path(self.mktemp())
        terminal = self.at("webdownload", self.origin(slowly).url(), str(file))
        terminal.wait("Progress: 42%")
        seen.set()
        self.assertEqual(terminal.ended(), 0)
        shown = terminal.shown.decode()
        self.assertEqual(
            shown,
            "Progress: 0%\r\n\x1b[1FProgress: 42%\r\n\x1b[1FProgress: 100%\r\nDownload Complete.\r\n",
        )

    def test_interrupted(self) -> None:
        """Ctrl-C keeps the part, synced and ready to be continued."""
        origin = self.origin(lambda _: [answer("200 OK", b"x" * 420, 'ETag: "a"', length=1000), HOLD])
        file = Path(self.mktemp())
        terminal = self.at("webdownload", "-v", "-t", "20", origin.url(), str(file))
        terminal.wait("Progress: 42%")
        terminal.type("\x03")
        self.assertEqual(terminal.ended(), 130)
        self.assertIn(f"Error: interrupted; {file}.part can be continued\r\n", terminal.shown.decode())
        self.assertEqual(Path(f"{file}.part").stat().st_size, 420)
        self.assertIn('"synced": 420', Path(f"{file}.part.json").read_text())
