"""The proxies that are compared, each started with a fair configuration on a free port of 127.0.0.1.

Fair: nothing is cached or filtered, origin connections are kept, a request is a line in a log file (of
mitmdump: none), and limits are as high as the loads need.  HAProxy is no forward proxy: it relays to one
origin, writes no log, and is the mark to measure by.

    with peers.start("squid") as squid:        # or peers.Absent: what is missing and where it is from
        ...  # squid.host, squid.port, squid.pids()
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from bench.processes import family
from tests.real.parts import ROOT, Child, PartError, Twistd, answers, free_ports, until

HOST = "127.0.0.1"

#: Where ``make peers`` puts the proxies that are Python packages.
VENV = ROOT / ".venv-peers" / "bin"

#: Connections that each may have: 9,000 tunnels have two ends.
CONNECTIONS = 19_000

#: How long one may take to end by itself.
GOODBYE_SECONDS = 3.0


class Absent(Exception):  # noqa: N818 - its name is what is true
    """A peer is not installed here; ``make peers`` does that where it may."""


@dataclass(slots=True)
class Peer:
    """A running proxy.  ``port`` takes absolute-form requests, and CONNECT where ``connects`` is true.

    ``tunnel_port`` is where tunnels are asked for; of HAProxy it leads straight to its origin, so nothing is
    to be asked there.  ``tunnels`` is false for those that have none, ``keeps`` for those that close the
    client's connection after each answer without saying so.
    """

    name: str
    version: str
    child: Child
    port: int
    tunnel_port: int
    connects: bool = True
    tunnels: bool = True
    keeps: bool = True
    host: str = HOST

    @property
    def log(self) -> str:
        """What it wrote of the requests; some write to standard output."""
        path = self.child.folder / "access.log"
        return path.read_text(errors="replace") if path.exists() else self.child.log

    @property
    def address(self) -> tuple[str, int]:
        """Host and port for requests."""
        return self.host, self.port

    def pids(self) -> list[int]:
        """Its processes."""
        return family(self.child.pid)

    def stop(self) -> None:
        """It is gone, and so is its folder."""
        all_of_it = self.pids()
        with contextlib.suppress(PartError):
            self.child.stop(GOODBYE_SECONDS)
        for pid in reversed(all_of_it):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.child.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def program(name: str) -> str:
    """The path of an installed program.  Raises: Absent."""
    found = shutil.which(name, path=f"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:{VENV}")
    if found is None:
        raise Absent(f"{name} is not installed (make peers)")
    return found


def says(command: Sequence[str], pattern: str) -> str:
    """The version that a program tells of itself."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "unknown"


def listen(name: str, told: str, command: Callable[[Path, list[int]], list[str]], ports: int = 1) -> Peer:
    """A peer that listens; ``command`` makes its command line of a folder and free ports."""
    for attempt in range(3):
        child, free = Child(name), free_ports(ports)
        child.folder.chmod(0o777)  # squid, started by root, is another user when it opens its log
        try:
            child.start(command(child.folder, free))
            until(f"{name} listens", lambda child=child, free=free: _up(child, free))
        except PartError:
            child.close()
            if attempt == 2:
                raise
        else:
            return Peer(name, told, child, free[0], free[-1])
    raise AssertionError("unreachable")


def _up(child: Child, ports: list[int]) -> bool:
    if not child.running():
        raise child.fault("ended at its start")
    return all(answers(HOST, port) for port in ports)


# -- each of them --------------------------------------------------------------------------------


def ours(_origin: tuple[str, int], *options: str, kind: type[Twistd] = Twistd) -> Peer:
    """This checkout's proxy, by the Python that runs this; ``kind``: another way to start twistd."""
    child = kind("proxy")
    log = ["--access-log", str(child.folder / "access.log")]
    reach = ["-p", "0", "--allow-net", "127.0.0.1/32", "--connect-port", "1-65535"]
    child.arguments = ("proxy", *reach, *log, "--max-clients", str(CONNECTIONS), "--idle", "900", *options)
    try:
        port = child.up().ports["proxy"]
    except PartError:
        child.close()
        raise
    return Peer("ours", f"on Twisted {version('twisted')}", child, port, port)


_SQUID = """\
http_port 127.0.0.1:{port}
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
pid_filename none
coredump_dir none
netdb_filename none
pinger_enable off
visible_hostname squid.bench
via on
forwarded_for delete
cache deny all
cache_mem 0
memory_cache_mode disk
acl all_ports port 1-65535
http_access allow all_ports
max_filedescriptors {connections}
shutdown_lifetime 0 seconds
"""


def squid(_origin: tuple[str, int]) -> Peer:
    """squid, one process, no cache."""
    path = program("squid")

    def command(folder: Path, ports: list[int]) -> list[str]:
        text = _SQUID.format(port=ports[0], folder=folder, connections=CONNECTIONS)
        (folder / "squid.conf").write_text(text)
        name = f"bench{ports[0]}"  # its shared memory is called after it
        return [path, "-N", "-n", name, "-f", str(folder / "squid.conf")]

    return listen("squid", says([path, "-v"], r"Version (\S+)"), command)


_TINYPROXY = """\
Port {port}
Listen 127.0.0.1
Allow 127.0.0.1
Timeout 900
MaxClients {connections}
LogLevel Connect
PidFile "{folder}/pid"
ViaProxyName "tinyproxy.bench"
"""


def tinyproxy(_origin: tuple[str, int]) -> Peer:
    """tinyproxy, a thread a connection."""
    path = program("tinyproxy")

    def command(folder: Path, ports: list[int]) -> list[str]:
        text = _TINYPROXY.format(port=ports[0], folder=folder, connections=CONNECTIONS)
        (folder / "tinyproxy.conf").write_text(text)
        return [path, "-d", "-c", str(folder / "tinyproxy.conf")]

    peer = listen("tinyproxy", says([path, "-v"], r"tinyproxy (\S+)"), command)
    peer.keeps = False
    return peer


_PRIVOXY = """\
listen-address 127.0.0.1:{port}
confdir /etc/privoxy
templdir /etc/privoxy/templates
logdir {folder}
logfile access.log
debug 512
toggle 0
enable-remote-toggle 0
enable-edit-actions 0
keep-alive-timeout 300
default-server-timeout 60
connection-sharing 1
socket-timeout 900
max-client-connections {connections}
"""


def privoxy(_origin: tuple[str, int]) -> Peer:
    """privoxy without any action or filter, a thread a connection."""
    path = program("privoxy")

    def command(folder: Path, ports: list[int]) -> list[str]:
        text = _PRIVOXY.format(port=ports[0], folder=folder, connections=CONNECTIONS)
        (folder / "privoxy.conf").write_text(text)
        return [path, "--no-daemon", str(folder / "privoxy.conf")]

    return listen("privoxy", says([path, "--version"], r"version (\S+)"), command)


_HAPROXY = """\
global
    nbthread 1
    maxconn {connections}
    maxpipes 64
defaults
    timeout connect 10s
    timeout client 900s
    timeout server 900s
listen http
    mode http
    bind 127.0.0.1:{port}
    http-reuse always
    server origin {origin}
listen tcp
    mode tcp
    bind 127.0.0.1:{tunnel}
    option splice-request
    option splice-response
    server origin {origin}
"""


def haproxy(origin: tuple[str, int]) -> Peer:
    """HAProxy as a reverse relay to the origin: HTTP on one port, TCP with splice on the other."""
    path = program("haproxy")

    def command(folder: Path, ports: list[int]) -> list[str]:
        host, port = origin
        text = _HAPROXY.format(
            port=ports[0], tunnel=ports[1], origin=f"{host}:{port}", connections=CONNECTIONS // 2
        )
        (folder / "haproxy.cfg").write_text(text)
        return [path, "-db", "-f", str(folder / "haproxy.cfg")]

    peer = listen("haproxy", says([path, "-v"], r"version (\S+?)[-+ ]"), command, ports=2)
    peer.connects = False
    return peer


def mitmdump(_origin: tuple[str, int]) -> Peer:
    """mitmdump, quiet: it prints nothing; bodies are streamed, tunnels passed as they are."""
    path = program("mitmdump")

    def command(folder: Path, ports: list[int]) -> list[str]:
        bind = ["--listen-host", HOST, "-p", str(ports[0]), "--set", f"confdir={folder}"]
        stream = ["--set", "stream_large_bodies=1m", "--set", "connection_strategy=lazy"]
        return [path, "-q", *bind, *stream, "--ignore-hosts", ".*"]

    return listen("mitmdump", says([path, "--version"], r"Mitmproxy: (\S+)"), command)


def proxy_py(_origin: tuple[str, int]) -> Peer:
    """proxy.py with one acceptor and one worker."""
    path = program("proxy")

    def command(folder: Path, ports: list[int]) -> list[str]:
        log = ["--log-file", str(folder / "access.log")]
        one = ["--num-acceptors", "1", "--num-workers", "1", "--timeout", "900"]
        return [path, "--hostname", HOST, "--port", str(ports[0]), *one, *log, "--data-dir", str(folder)]

    return listen("proxy.py", says([path, "--version"], r"(\d\S*)"), command)


def tutorial(_origin: tuple[str, int]) -> Peer:
    """The tutorial's proxy: twisted.web.proxy, which has no tunnels."""

    def command(_folder: Path, ports: list[int]) -> list[str]:
        return [sys.executable, "-P", str(ROOT / "bench" / "tutorial.py"), str(ports[0])]

    peer = listen("tutorial", f"on Twisted {version('twisted')}", command)
    peer.tunnels = False
    return peer


PEERS: dict[str, Callable[..., Peer]] = {
    "ours": ours,
    "squid": squid,
    "privoxy": privoxy,
    "haproxy": haproxy,
    "tinyproxy": tinyproxy,
    "proxy.py": proxy_py,
    "mitmdump": mitmdump,
    "tutorial": tutorial,
}


def start(name: str, origin: tuple[str, int] = (HOST, 9), *options: str) -> Peer:
    """The peer of that name is up.  ``origin``: where HAProxy relays to; ``options``: more of ours.

    Raises: Absent, PartError (it didn't start; with its log).
    """
    raise_descriptors()
    peer = PEERS[name](origin, *options)
    time.sleep(0.1)  # one that dies of its second thought dies now
    if not peer.child.running():
        fault = peer.child.fault("ended after its start")
        peer.stop()
        raise fault
    return peer


def raise_descriptors() -> None:
    """We and what we start may open as many files as the machine lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
