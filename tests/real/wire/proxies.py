"""The proxies that are tried, as ``bench.peers`` starts them, and once more with a log-in for its few cases.

Two differ from the bench: ours has the timeouts of a test, and mitmdump does not connect lazily, which would
keep a server that speaks first from being heard.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from passlib.hash import sha512_crypt

from bench import peers
from tests.real.hatchery import HatchedTwistd
from tests.real.parts import PartError, Twistd

USER, PASSWORD = "reader", "open-sesame"

#: What is compared if nobody says otherwise; ``chain`` is one of ours that asks another of ours.
NAMES = ("ours", "squid", "tinyproxy", "mitmdump", "privoxy")

_FREE = ("--allow-net", "127.0.0.1/32", "--connect-port", "1-65535", "--idle", "120")

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
auth_param basic children 2 startup=2
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


def htpasswd(folder: Path) -> tuple[str, ...]:
    """The options of ours that ask for a log-in; its file of users is made in the folder."""
    return "--htpasswd", str(_users(folder))


def ours(service: str, *options: str) -> Twistd:
    """Our service is coming up, on a free port, and may reach this machine; ``up`` waits for it."""
    child = HatchedTwistd(service, "-p", "0", *_FREE, *options)
    child.launch()
    return child


def _up(child: Twistd) -> Twistd:
    try:
        return child.up()
    except PartError:
        child.close()
        raise


def _ours(*options: str) -> peers.Peer:
    child = _up(ours("proxy", *options))
    port = child.ports["proxy"]
    return peers.Peer("ours", f"Twisted {version('twisted')}", child, port, port)


class Chained(HatchedTwistd):
    """A proxy of ours that asks another of ours, which ends with it."""

    def __init__(self) -> None:
        self.next = _up(ours("proxy"))
        super().__init__("proxy", "-p", "0", "--upstream", self.next.proxy, *_FREE)

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.next.close()


def _chain() -> peers.Peer:
    child = _up(Chained())
    port = child.ports["proxy"]
    return peers.Peer("chain", "ours by ours", child, port, port)


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


#: Those that are started otherwise than for the bench.
_OPEN: dict[str, Callable[[], peers.Peer]] = {"ours": _ours, "chain": _chain, "mitmdump": _mitmdump}

#: Each that knows log-ins; its argument is a folder for the file of users, where one has to be there before.
_LOCKED: dict[str, Callable[[Path], peers.Peer]] = {
    "ours": lambda folder: _ours(*htpasswd(folder)),
    "squid": _locked_squid,
    "tinyproxy": _locked_tinyproxy,
    "mitmdump": lambda _folder: _mitmdump("--proxyauth", f"{USER}:{PASSWORD}"),
}


def start(name: str) -> peers.Peer:
    """The proxy of that name is up, and open to all of this machine.  Raises: peers.Absent."""
    return _OPEN[name]() if name in _OPEN else peers.start(name)


def start_locked(name: str, folder: Path) -> peers.Peer | None:
    """The proxy of that name is up, and asks for a log-in; None if it can't.  Raises: peers.Absent."""
    return _LOCKED[name](folder) if name in _LOCKED else None
