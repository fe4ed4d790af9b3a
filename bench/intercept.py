"""What opening TLS costs, ours beside mitmdump: requests inside, handshakes, memory of an idle connection.

    python -m bench.intercept [--rounds 3] [--requests 3000] [--handshakes 300] [--idle 500]

Both open TLS for a listed host, verify its certificate, and relay a page of 1 KiB from the same nginx; ours
counts no words meanwhile (``--paused``), mitmdump prints nothing.  In each round each peer has its turn.  Its
cost is the CPU time that all its processes used, as the kernel counts it: the load's own is none of it.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import peers
from bench.machine import Machine
from bench.peers import Absent, Peer
from bench.processes import cpu_seconds, first, memory_bytes
from bench.table import plain
from tests.real.parts import Child, PartError, Twistd, answers, free_ports, until
from tests.real.tlsorigin import Issuer

HOST = "localhost"

#: Connections over which requests go in turn.
CLIENTS = 16

_NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    types {{ }}
    default_type application/octet-stream;
    client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp; fastcgi_temp_path {folder}/tmp;
    uwsgi_temp_path {folder}/tmp; scgi_temp_path {folder}/tmp;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        root {folder}/files;
    }}
}}
"""


class TlsNginx:
    """nginx with a page of 1 KiB in TLS, and the authority that vouches for it."""

    def __init__(self) -> None:
        path = peers.program("nginx")
        self.child = Child("origin")
        folder = self.child.folder
        (folder / "files").mkdir()
        (folder / "files" / "small").write_bytes(bytes(1024))
        self.issuer = Issuer(folder)
        (self.port,) = free_ports(1)
        text = _NGINX.format(folder=folder, port=self.port, certificate=self.issuer.issue(HOST))
        (folder / "nginx.conf").write_text(text)
        self.child.start([path, "-p", str(folder), "-c", str(folder / "nginx.conf")])
        until("nginx listens", lambda: answers("127.0.0.1", self.port))


def start(name: str, origin: TlsNginx) -> Peer:
    """The peer runs and opens TLS for our host.  Raises: Absent, PartError."""
    if name == "ours":
        options = ("-p", "0", "-r", "0", "--allow-net", "127.0.0.0/8", "--connect-port", str(origin.port))
        child = Twistd(
            "wordproxy", *options, "--paused", "-i", HOST, env={"SSL_CERT_FILE": str(origin.issuer.path)}
        )
        port = child.up(r"proxy http://\S+, report http://\S+, store ").ports["proxy"]
        return Peer("ours", "", child, port, port)

    def command(folder: Path, ports: list[int]) -> list[str]:
        settings = (
            f"confdir={folder}",
            f"ssl_verify_upstream_trusted_ca={origin.issuer.path}",
            "http2=false",
        )
        more = [part for setting in settings for part in ("--set", setting)]
        return [str(peers.VENV / "mitmdump"), "-q", "--listen-host", peers.HOST, "-p", str(ports[0]), *more]

    if not (peers.VENV / "mitmdump").exists():
        raise Absent("mitmdump: make peers")
    return peers.listen("mitmdump", "", command)


class Opened:
    """One client's connection, inside a tunnel through a peer."""

    def __init__(self, peer: Peer, origin: TlsNginx) -> None:
        raw = socket.create_connection(peer.address, timeout=60)
        place = f"{HOST}:{origin.port}"
        raw.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += raw.recv(1)
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise PartError(f"{peer.name}: {head!r}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._stream = context.wrap_socket(raw, server_hostname=HOST)
        self._request = f"GET /small HTTP/1.1\r\nHost: {place}\r\n\r\n".encode()

    def send(self) -> None:
        self._stream.sendall(self._request)

    def receive(self) -> None:
        data = self._stream.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0 or len(data) - end - 4 < 1024:
            more = self._stream.recv(65536)
            if not more:
                raise PartError("an answer was cut short")
            data += more
        if not data.startswith(b"HTTP/1.1 200 "):
            raise PartError(f"no page: {data[:60]!r}")

    def close(self) -> None:
        self._stream.close()


def requests(peer: Peer, origin: TlsNginx, count: int) -> float:
    """CPU microseconds a request, over connections that are open."""
    clients = [Opened(peer, origin) for _ in range(CLIENTS)]
    for client in clients:
        client.send()
        client.receive()
    before = cpu_seconds(peer.pids())
    for _ in range(count // CLIENTS):
        for client in clients:
            client.send()
        for client in clients:
            client.receive()
    spent = cpu_seconds(peer.pids()) - before
    for client in clients:
        client.close()
    return spent / (count // CLIENTS * CLIENTS) * 1e6


def handshakes(peer: Peer, origin: TlsNginx, count: int) -> float:
    """CPU microseconds a connection: CONNECT, handshakes, one request, close."""
    before = cpu_seconds(peer.pids())
    for _ in range(count):
        client = Opened(peer, origin)
        client.send()
        client.receive()
        client.close()
    return (cpu_seconds(peer.pids()) - before) / count * 1e6


def idle(peer: Peer, origin: TlsNginx, count: int) -> float:
    """KiB of memory an idle connection, which has had one answer."""
    before = memory_bytes(peer.pids())
    clients = []
    for _ in range(count):
        client = Opened(peer, origin)
        client.send()
        client.receive()
        clients.append(client)
    used = memory_bytes(peer.pids()) - before
    for client in clients:
        client.close()
    return used / count / 1024


LOADS: dict[str, tuple[str, Callable[[Peer, TlsNginx, int], float]]] = {
    "idle": ("KiB an idle connection", idle),  # first: memory once used would hide it
    "requests": ("CPU µs a request inside", requests),
    "handshakes": ("CPU µs a connection with one request", handshakes),
}


def run(names: Sequence[str], rounds: int, counts: dict[str, int]) -> dict[str, dict[str, list[float]]]:
    """Each peer's figures, by load."""
    origin = TlsNginx()
    running: dict[str, Peer] = {}
    try:
        for name in names:
            try:
                running[name] = start(name, origin)
            except (Absent, PartError) as error:
                sys.stderr.write(f"{name}: {str(error).splitlines()[0]}\n")
        found: dict[str, dict[str, list[float]]] = {load: {name: [] for name in running} for load in LOADS}
        for load, (_, measure) in LOADS.items():
            for number in range(1 if load == "idle" else rounds):
                for name in list(running)[:: 1 if number % 2 else -1]:
                    found[load][name].append(measure(running[name], origin, counts[load]))
        return found
    finally:
        for peer in running.values():
            peer.stop()
        origin.child.close()


def table(found: dict[str, dict[str, list[float]]]) -> list[list[str]]:
    """Medians, their range, and how many times ours the other's is."""
    lines = [["", "peer", "median", "least–most", "× ours"]]
    for load, by_peer in found.items():
        ours = statistics.median(by_peer["ours"]) if by_peer.get("ours") else None
        for name, figures in by_peer.items():
            middle = statistics.median(figures)
            ratio = f"{middle / ours:.2f}" if ours else ""
            spread = f"{min(figures):.0f}–{max(figures):.0f}"
            lines.append([LOADS[load][0], name, f"{middle:.0f}", spread, ratio])
    return lines


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    for load, count in (("requests", 3000), ("handshakes", 300), ("idle", 500)):
        parser.add_argument(f"--{load}", type=int, default=count)
    parser.add_argument("--peers", default="ours,mitmdump")
    told = parser.parse_args()
    counts = {load: getattr(told, load) for load in LOADS}
    with first():
        found = run(told.peers.split(","), told.rounds, counts)
    sys.stdout.write(f"{Machine.here({}).text()}\n\n{plain(table(found))}\n")


if __name__ == "__main__":
    main()
