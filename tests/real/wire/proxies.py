"""The proxies that are tried, as ``bench.peers`` starts them, and once more with a log-in for its few cases.

mitmdump differs from the bench: there it connects lazily, which keeps a server that speaks first from being
heard; here it has its own default.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from passlib.hash import sha512_crypt

from bench import peers

USER, PASSWORD = "reader", "open-sesame"

NAMES = ("ours", "squid", "tinyproxy", "mitmdump", "privoxy")

#: squid's program that knows users; Debian's place of it.
_NCSA = "/usr/lib/squid/basic_ncsa_auth"
_SQUID = """\
http_port 127.0.0.1:{port}
access_log none
cache_log {folder}/cache.log
pid_filename none
coredump_dir none
netdb_filename none
pinger_enable off
visible_hostname squid.wire
cache deny all
auth_param basic program {ncsa} {folder}/users
auth_param basic realm wire
acl known proxy_auth REQUIRED
http_access allow known
shutdown_lifetime 0 seconds
"""
_TINYPROXY = """\
Port {port}
Listen 127.0.0.1
Allow 127.0.0.1
LogFile "{folder}/access.log"
PidFile "{folder}/pid"
BasicAuth {user} {password}
"""


def _users(folder: Path) -> Path:
    """A file with our one user, readable by squid's own."""
    path = folder / "users"
    path.write_text(f"{USER}:{sha512_crypt.using(rounds=1000).hash(PASSWORD)}\n")
    path.chmod(0o644)
    return path


def _mitmdump(*options: str) -> peers.Peer:
    path = peers.program("mitmdump")

    def command(folder: Path, ports: list[int]) -> list[str]:
        listen = ["--listen-host", "127.0.0.1", "-p", str(ports[0]), "--set", f"confdir={folder}"]
        return [path, "-q", *listen, "--set", "stream_large_bodies=1m", *options]

    return peers.listen("mitmdump", peers.says([path, "--version"], r"Mitmproxy: (\S+)"), command)


def _locked_ours(folder: Path) -> peers.Peer:
    return peers.start("ours", (peers.HOST, 9), "--htpasswd", str(_users(folder)))


def _locked_squid(_folder: Path) -> peers.Peer:
    path = peers.program("squid")

    def command(folder: Path, ports: list[int]) -> list[str]:
        _users(folder)
        (folder / "squid.conf").write_text(_SQUID.format(port=ports[0], folder=folder, ncsa=_NCSA))
        return [path, "-N", "-f", str(folder / "squid.conf")]

    return peers.listen("squid", "", command)


def _locked_tinyproxy(_folder: Path) -> peers.Peer:
    path = peers.program("tinyproxy")

    def command(folder: Path, ports: list[int]) -> list[str]:
        text = _TINYPROXY.format(port=ports[0], folder=folder, user=USER, password=PASSWORD)
        (folder / "tinyproxy.conf").write_text(text)
        return [path, "-d", "-c", str(folder / "tinyproxy.conf")]

    return peers.listen("tinyproxy", "", command)


#: Each that knows log-ins; its argument is a folder for the file of users, where one has to be there before.
_LOCKED: dict[str, Callable[[Path], peers.Peer]] = {
    "ours": _locked_ours,
    "squid": _locked_squid,
    "tinyproxy": _locked_tinyproxy,
    "mitmdump": lambda _folder: _mitmdump("--proxyauth", f"{USER}:{PASSWORD}"),
}


def start(name: str) -> peers.Peer:
    """The proxy of that name is up, and open to all of this machine.  Raises: peers.Absent."""
    return _mitmdump() if name == "mitmdump" else peers.start(name)


def start_locked(name: str, folder: Path) -> peers.Peer | None:
    """The proxy of that name is up, and asks for a log-in; None if it can't.  Raises: peers.Absent."""
    return _LOCKED[name](folder) if name in _LOCKED else None
