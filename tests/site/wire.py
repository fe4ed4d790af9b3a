"""A client on a string: what a site answers to raw bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from netsuite.site.server import Site


class Now(Clock):
    """A clock that is also a reactor for threads: there is only one."""

    def callFromThread(self, call: Any, *args: Any, **kwargs: Any) -> None:
        call(*args, **kwargs)


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """One connection to a site."""

    def __init__(self, site: Site, *, came_to: str = "127.0.0.1") -> None:
        self.transport = StringTransport(
            hostAddress=IPv4Address("TCP", came_to, 8000), peerAddress=IPv4Address("TCP", "127.0.0.1", 40000)
        )
        self.protocol = site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 40000))
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> list[Reply]:
        """The answers that came to these bytes."""
        self.protocol.dataReceived(data)
        return self.replies()

    def replies(self) -> list[Reply]:
        """The answers since last asked for."""
        data = self.transport.value()
        self.transport.clear()
        found = []
        while data:
            head, _, data = data.partition(b"\r\n\r\n")
            line, *fields = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
            length = int(headers.get("content-length", "0"))
            found.append(Reply(int(line.split(" ", 2)[1]), headers, data[:length]))
            data = data[length:]
        return found


def ask(
    site: Site, target: str = "/", *fields: str, method: str = "GET", host: str | None = "localhost:8000"
) -> Reply:
    """The one answer to a request, on a connection of its own.  To HEAD it has no body."""
    lines = [f"{method} {target} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *fields]
    client = Client(site)
    client.protocol.dataReceived(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    (reply,) = client.replies()
    return reply
