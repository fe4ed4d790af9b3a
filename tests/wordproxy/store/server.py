"""A real Redis for tests: on a Unix socket in a folder of its own, everything flushed at once."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence

from tests.real.parts import Child, require, until


class Redis(Child):
    """A server with ``appendfsync always`` that can be killed and started again with what it kept."""

    def __init__(self, options: Sequence[str] = ()) -> None:
        require("redis", shutil.which("redis-server"))
        super().__init__("redis")
        self.socket = self.folder / "redis.sock"
        self.options = list(options)
        self.up()

    def up(self) -> None:
        """It runs and answers."""
        command = "redis-server --port 0 --unixsocket redis.sock --unixsocketperm 700 --appendonly yes"
        more = "--appendfsync always --auto-aof-rewrite-percentage 0 --daemonize no --dir"
        self.start([*command.split(), *more.split(), str(self.folder), "--save", "", *self.options])
        until("an answer of redis", self._answers)

    def _answers(self) -> bool:
        if not self.running():
            raise self.fault("ended at its start")
        try:
            return b"LOADING" not in self.told("PING")
        except OSError:
            return False

    def told(self, *command: str) -> bytes:
        """The first part of the raw answer to a command."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(str(self.socket))
            words = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in command)
            link.sendall(f"*{len(command)}\r\n{words}".encode())
            return link.recv(65536)

    def where(self, prefix: str = "words", more: str = "") -> str:
        """The address of a store there."""
        return f"unix://{self.socket}?prefix={prefix}{more}"
