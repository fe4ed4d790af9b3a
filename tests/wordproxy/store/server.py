"""A real Redis for tests: on a Unix socket in a folder of its own, everything flushed at once."""

from __future__ import annotations

import itertools
import shutil
import socket
from collections.abc import Sequence

from tests.real.parts import Child, PartError, require, until


class Redis(Child):
    """A server with ``appendfsync always`` that can be killed and started again with what it kept."""

    def __init__(self, options: Sequence[str] = (), *, password: str = "") -> None:
        require("redis", shutil.which("redis-server"))
        super().__init__("redis")
        self.socket = self.folder / "redis.sock"
        self.options, self._password = list(options), password
        try:
            self.up()
        except PartError:
            self.close()
            raise

    def up(self) -> None:
        """It runs and answers."""
        command = "redis-server --port 0 --unixsocket redis.sock --unixsocketperm 700 --daemonize no"
        log = "--appendonly yes --appendfsync always --auto-aof-rewrite-percentage 0 --enable-debug-command"
        self.start(
            [*command.split(), *log.split(), "local", "--dir", str(self.folder), "--save", "", *self.options]
        )
        until("an answer of redis", self._answers)

    def _answers(self) -> bool:
        if not self.running():
            raise self.fault("ended at its start")
        try:
            log_in = [f"AUTH {self._password}"] if self._password else []
            return self.told_all(*log_in, "PING").endswith(b"+PONG\r\n")
        except OSError:
            return False

    def told(self, *command: str) -> bytes:
        """The first part of the raw answer to a command."""
        words = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in command)
        return self._exchange(f"*{len(command)}\r\n{words}")

    def told_all(self, *lines: str) -> bytes:
        """The raw answers to commands that are lines, on one connection."""
        return b"".join(self._exchanges([f"{line}\r\n" for line in lines]))

    def _exchange(self, text: str) -> bytes:
        return self._exchanges([text])[0]

    def _exchanges(self, texts: Sequence[str]) -> list[bytes]:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(str(self.socket))
            answers = []
            for text in texts:
                link.sendall(text.encode())
                answers.append(link.recv(1 << 20))
            return answers

    def keys(self, prefix: str) -> dict[bytes, bytes]:
        """A digest of each key of a store: what it holds, whichever way it is kept."""
        with socket.socket(socket.AF_UNIX) as link, link.makefile("rb") as answers:
            link.settimeout(10)
            link.connect(str(self.socket))
            link.sendall(f"KEYS {{{prefix}}}:*\r\n".encode())
            number = int(answers.readline()[1:])
            names = [answers.read(int(answers.readline()[1:]) + 2)[:-2] for _ in range(number)]
            digests = {}
            for name in names:
                link.sendall(b"*3\r\n$5\r\nDEBUG\r\n$12\r\nDIGEST-VALUE\r\n$%d\r\n%s\r\n" % (len(name), name))
                assert answers.readline() == b"*1\r\n"
                digests[name] = answers.readline()
            return digests

    def where(self, prefix: str = "words", more: str = "") -> str:
        """The address of a store there."""
        return f"unix://{self.socket}?prefix={prefix}{more}"


class OneServer:
    """Part of a test case: one server for all of its tests, and numbers to tell their prefixes apart."""

    server: Redis
    numbers = itertools.count()
    options: Sequence[str] = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Redis(cls.options)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.close()
