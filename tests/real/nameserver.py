"""A DNS server on loopback that says what a test wants, over UDP and TCP, or says nothing."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable
from typing import Any

from twisted.names import dns

#: What is said to a question: messages in order, none for silence.
Said = Callable[[dns.Message, bool], Iterable[dns.Message | bytes]]


def answer(asked: dns.Message, *records: Any, code: int = dns.OK, absent: int | None = None) -> dns.Message:
    """Return an answer to ``asked``; ``absent``: seconds that a SOA record says absence holds."""
    message = dns.Message(asked.id, answer=1, recDes=1, recAv=1, rCode=code, maxSize=0)
    message.queries = list(asked.queries)
    message.answers = list(records)
    if absent is not None:
        soa = dns.Record_SOA(b"ns.test", b"root.test", minimum=absent)
        message.authority = [dns.RRHeader(b"test", dns.SOA, ttl=absent, payload=soa)]
    return message


def address(name: bytes, text: str, ttl: int = 60) -> dns.RRHeader:
    """Return an A or AAAA record."""
    record: Any = dns.Record_AAAA if ":" in text else dns.Record_A
    return dns.RRHeader(name, record.TYPE, ttl=ttl, payload=record(text))


def alias(name: bytes, other: bytes, ttl: int = 60) -> dns.RRHeader:
    """Return a CNAME record."""
    return dns.RRHeader(name, dns.CNAME, ttl=ttl, payload=dns.Record_CNAME(other))


def having(*texts: str, ttl: int = 60) -> Said:
    """Say these addresses, each to the question of its kind; what does not fit into 512 bytes by TCP."""

    def said(asked: dns.Message, is_tcp: bool) -> Iterable[dns.Message]:
        query = asked.queries[0]
        kind = [text for text in texts if (":" in text) == (query.type == dns.AAAA)]
        message = answer(asked, *(address(query.name.name, text, ttl) for text in kind), absent=60)
        if len(message.toStr()) > 512 and not is_tcp:
            message.answers, message.trunc = [], 1
        return [message]

    return said


class Nameserver:
    """Answers by ``names``; a name that is not there is said to be absent.  ``asked``: (name, type, TCP?)."""

    def __init__(self, names: dict[str, Said] | None = None, *, tcp: bool = True) -> None:
        self.names = names or {}
        self.asked: list[tuple[str, int, bool]] = []
        self.tcp_connections = 0
        outer = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                for message in outer.said(data, False):
                    with contextlib.suppress(OSError):
                        sock.sendto(message, self.client_address)

        class Stream(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer.tcp_connections += 1
                with contextlib.suppress(OSError):
                    size = int.from_bytes(self.request.recv(2, socket.MSG_WAITALL), "big")
                    for message in outer.said(self.request.recv(size, socket.MSG_WAITALL), True):
                        self.request.sendall(len(message).to_bytes(2, "big") + message)
                    self.request.recv(1)  # until the other side closes

        self._servers: list[Any] = []
        while not self._servers:
            udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Datagram)
            self.port: int = udp.server_address[1]
            try:
                stream = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Stream)
            except OSError:  # another has this port over TCP
                udp.server_close()
                continue
            self._servers = [udp, stream]
        if not tcp:
            self._servers.pop().server_close()
        for server in self._servers:
            server.daemon_threads = True
            server.block_on_close = False
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def place(self) -> str:
        """What --resolver takes."""
        return f"127.0.0.1:{self.port}"

    def said(self, data: bytes, is_tcp: bool) -> list[bytes]:
        """Return what is said to a question."""
        asked = dns.Message()
        asked.fromStr(data)
        name = asked.queries[0].name.name.decode("ascii")
        self.asked.append((name, asked.queries[0].type, is_tcp))
        says = self.names.get(name)
        messages = [answer(asked, code=dns.ENAME, absent=60)] if says is None else says(asked, is_tcp)
        return [message if isinstance(message, bytes) else message.toStr() for message in messages]

    def close(self) -> None:
        """Listen no more."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
