"""A service manager's side, played: sockets that are handed over by name, and an ear for what is told.

systemd itself needs to be process 1.  What it does for a service is little and documented: sd_listen_fds(3),
sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import select
import socket
import subprocess
from collections.abc import Mapping, Sequence

from tests.real.parts import START_SECONDS, PartError, Twistd, until


class Ear:
    """A manager's socket; ``heard`` is all that was told, a message each."""

    def __init__(self, path: str = "") -> None:
        """``path``: where it is; an abstract socket without one."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"netsuite-{secrets.token_hex(8)}"
        self._socket.bind(path or f"\0{name}")
        self._socket.setblocking(False)
        self.address = path or f"@{name}"
        self.heard: list[list[str]] = []
        self.kept: list[tuple[str, socket.socket]] = []  # sockets that a service left here, by name

    def listen(self) -> list[list[str]]:
        """Return the messages so far, as lists of lines."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, fds, _flags, _address = socket.recv_fds(self._socket, 65536, 16)
                lines = data.decode().splitlines()
                self.heard.append(lines)
                self._keep(lines, fds)
        return self.heard

    def _keep(self, lines: list[str], fds: list[int]) -> None:
        """Do with descriptors as is asked: systemd.service(5), FileDescriptorStoreMax=."""
        told = dict(line.split("=", 1) for line in lines if "=" in line)
        for fd in fds:
            self.kept.append((told["FDNAME"], socket.socket(fileno=fd)))
        if "FDSTOREREMOVE" in told:
            for name, each in [pair for pair in self.kept if pair[0] == told["FDNAME"]]:
                each.close()
                self.kept.remove((name, each))

    def wait(self, line: str, times: int = 1) -> list[str]:
        """Return the message with this line, the ``times``-th one, once it has come."""

        def probe() -> list[str] | None:
            found = [message for message in self.listen() if line in message]
            return found[times - 1] if len(found) >= times else None

        return until(f"{line!r} is told", probe, START_SECONDS)

    def is_left_alone(self, seconds: float) -> bool:
        """Whether nothing more is told for so long."""
        self.listen()
        return not select.select([self._socket], [], [], seconds)[0]

    def close(self) -> None:
        """Nobody listens any more, and what was left is gone."""
        self._socket.close()
        for _name, each in self.kept:
            each.close()


class Managed(Twistd):
    """A service whose sockets, by name, were bound by somebody else, who keeps them."""

    def __init__(
        self,
        *arguments: str,
        sockets: Sequence[tuple[str, socket.socket]] = (),
        env: Mapping[str, str] = {},
    ) -> None:
        super().__init__(*arguments, env=env)
        self.sockets = tuple(sockets)

    def start(self, command: Sequence[str]) -> None:
        """The program runs, and has copies of the sockets from descriptor 3 on."""
        high = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD, 100) for _name, each in self.sockets]
        moves = "".join(f"exec {3 + at}<&{fd} {fd}<&-; " for at, fd in enumerate(high))
        script = "export LISTEN_PID=$$; " + moves + 'exec "$@"' if high else 'exec "$@"'
        told = (
            {"LISTEN_FDS": str(len(high)), "LISTEN_FDNAMES": ":".join(name for name, _ in self.sockets)}
            if high
            else {}
        )
        try:
            with self.log_path.open("ab") as log:
                self.process = subprocess.Popen(
                    ["bash", "-c", script, "bash", *command],
                    cwd=self.folder,
                    env={**self.env, **told},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=high,
                )
        finally:
            for fd in high:
                os.close(fd)

    def restart(self) -> None:
        """It has ended, well, and runs anew with the same sockets."""
        if status := self.stop():
            raise PartError(f"ended with {status}\n{self.log}")
        self.launch()
