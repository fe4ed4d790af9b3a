"""The origin of counted pages, and the client that asks a proxy for each of them once.

nginx has the pages packed, on an address of the loopback for each site.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.addon import FLUSH
from bench.corpus import LANGUAGES, Sample
from bench.loads import SILENCE, Spoiled
from bench.origin import SMALL, SMALL_BYTES, Origin
from bench.peers import CONNECTIONS, Peer

_NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_rlimit_nofile {connections};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    default_type application/octet-stream;
    types {{ text/html html; }}
    client_body_temp_path {folder}/tmp;
    proxy_temp_path {folder}/tmp;
    fastcgi_temp_path {folder}/tmp;
    uwsgi_temp_path {folder}/tmp;
    scgi_temp_path {folder}/tmp;
    server {{
{listens}
        root {folder}/files;
        location ~ html$ {{ add_header Content-Encoding gzip; }}
    }}
}}
"""


def site(number: int) -> str:
    """The address of a site."""
    return f"127.0.0.{number + 1}"


class PageOrigin(Origin):
    """A running nginx with these pages, and ``bench.origin``'s small file on the first of its sites."""

    def __init__(self, pages: Sequence[Sample]) -> None:
        self.pages = pages
        super().__init__()

    @property
    def urls(self) -> list[str]:
        """The address of each page."""
        return [f"http://{site(page.site)}:{self.port}{page.path}" for page in self.pages]

    def _fill(self, folder: Path) -> None:
        files = folder / "files"
        (folder / "tmp").mkdir()
        files.mkdir()
        for path in (SMALL, FLUSH):
            (files / path[1:]).write_bytes(b"x" * SMALL_BYTES)
        for page in self.pages:
            file = files / page.path[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(page.packed)
        listens = "\n".join(
            f"        listen {site(number)}:{self.port} backlog=4096;" for number in range(len(LANGUAGES))
        )
        text = _NGINX.format(folder=folder, listens=listens, connections=CONNECTIONS)
        (folder / "nginx.conf").write_text(text)


@dataclass(slots=True)
class Asked:
    """What came of asking for some pages: seconds in all, and of each."""

    seconds: float
    each: list[float]


def ask(peer: Peer, urls: Iterable[str], connections: int = 8, each_seconds: float = 0.0) -> Asked:
    """Ask for each of these once, over so many connections; all have answered.

    ``each_seconds``: when the next is to be asked for, at the earliest; 0: as fast as it goes.
    Raises: Spoiled.
    """
    began = time.monotonic()
    turns = iter(enumerate(urls))
    with ThreadPoolExecutor(connections) as pool:
        jobs = [pool.submit(_client, peer.address, turns, began, each_seconds) for _ in range(connections)]
        took = [seconds for job in jobs for seconds in job.result()]
    return Asked(time.monotonic() - began, took)


def _client(
    address: tuple[str, int], turns: Iterator[tuple[int, str]], began: float, each_seconds: float
) -> list[float]:
    took = []
    sock, into = None, bytearray(1 << 16)
    for at, url in turns:
        if each_seconds:
            time.sleep(max(0.0, began + at * each_seconds - time.monotonic()))
        sock = sock or _connected(address)
        host = url.split("/", 3)[2]
        start = time.monotonic()
        sock.sendall(f"GET {url} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        if not _answered(sock, into):
            sock.close()
            sock = None
        took.append(time.monotonic() - start)
    if sock is not None:
        sock.close()
    return took


def _connected(address: tuple[str, int]) -> socket.socket:
    sock = socket.create_connection(address, SILENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _answered(sock: socket.socket, into: bytearray) -> bool:
    """Read a 200; whether the connection goes on.  Raises: Spoiled."""
    head = b""
    while (end := head.find(b"\r\n\r\n")) < 0:
        got = sock.recv(1 << 16)
        if not got:
            raise Spoiled(f"closed within a head: {head[:80]!r}")
        head += got
    fields = head[:end].lower()
    if fields[9:12] != b"200":
        raise Spoiled(f"answered {fields[:80]!r}")
    at = fields.find(b"content-length:")
    if at < 0:
        raise Spoiled("an answer without its length")
    left = int(fields[at + 15 :].split(b"\r\n", 1)[0]) - (len(head) - end - 4)
    while left > 0:
        got = sock.recv_into(into, min(left, len(into)))
        if not got:
            raise Spoiled("an answer was cut short")
        left -= got
    return b"connection: close" not in fields
