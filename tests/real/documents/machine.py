"""A machine of its own for a section of a document: its network is loopback, and all addresses are its own.

By Linux' namespaces, so that documented ports are free, documented names lead to us, and nothing can leave.
The "internet" is a process of ours that listens where the section wants it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import ssl
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
PR_SET_CHILD_SUBREAPER = 36

#: Who is who on it; of two addresses for a name both are given.
HOSTS = """\
127.0.0.1 localhost
::1 ip6-localhost
23.0.2.10 example.org www.example.org news.example a.example b.example
23.0.2.25 mail.example.org
23.0.2.31 proxy-a.example.net
23.0.2.32 proxy-b.example.net
10.1.0.1 db.internal db1
10.1.0.2 db2
10.1.0.3 host
192.0.2.1 proxy.example
192.0.2.7 db.example
2001:db8::7 db.example
"""

NAMES = tuple(name for line in HOSTS.splitlines() for name in line.split()[1:])

PAGE = b"""<!doctype html><html lang=en><title>Example</title>
<p>The tide lifts the boats in the harbour, and the harbour waits for the tide.</p></html>
"""

#: What the site has; anything else is the page.
FILES = {"/image.iso": b"\0" * 4096, "/x.tar": b"test", "/api": b'{"a": 1}'}


def alone(folder: Path, *, etc: bool = False) -> None:
    """This process and its children have a machine of their own, with our names; ``etc``: a copy of /etc."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    script = (
        "mount --make-rprivate /; ip link set lo up; ip route add local 0.0.0.0/0 dev lo;"
        "ip -6 route add local ::/0 dev lo; mkdir $0/srv $0/run;"
        "mount --bind $0/srv /srv; mount --bind $0/run /run;"
        f"{'cp -a /etc $0/etc 2>/dev/null || :; mount --bind $0/etc /etc;' if etc else ''}"
        "mount --bind $0/hosts /etc/hosts; mount --bind $0/nsswitch.conf /etc/nsswitch.conf"
    )
    (folder / "hosts").write_text(HOSTS)
    (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
    subprocess.run(["sh", "-ec", script, str(folder)], check=True)


def listening(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    want = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(want) and fields[3] == "0A":
                return True
    return False


# -- the internet -----------------------------------------------------------------------------------------


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    path = head.split(b" ")[1].decode("latin-1")
    body = FILES.get(path, PAGE)
    kind = b"text/html; charset=utf-8" if body is PAGE else b"application/octet-stream"
    fields = b"Content-Length: %d\r\nContent-Type: %b\r\nConnection: close\r\n\r\n" % (len(body), kind)
    writer.write(b"HTTP/1.1 200 OK\r\n" + fields + body)
    await writer.drain()


async def _deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that knows no conditional request."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(
        b'HTTP/1.1 200 OK\r\nETag: "a1"\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ntide'
    )
    await writer.drain()


async def _accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello from afar\n")
    await writer.drain()


async def _ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-example\r\n")
    await writer.drain()
    await reader.read()


async def _pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if await reader.readline():
        writer.write(b"+PONG\r\n")
        await writer.drain()


async def _smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.org\r\n")
    while line := (await reader.readline()).upper():
        if line.startswith(b"EHLO"):
            writer.write(b"250-mail.example.org\r\n250 STARTTLS\r\n")
        elif line.startswith(b"STARTTLS"):
            writer.write(b"220 go\r\n")
            await writer.drain()
            await writer.start_tls(_tls(_FOLDER[0]))
        elif line.startswith(b"QUIT"):
            writer.write(b"221 bye\r\n")
            return
        else:
            writer.write(b"250 ok\r\n")


async def _socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A SOCKS5 proxy without users that leads everybody to the greeting."""
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(b"\5\0")
    *_, kind = await reader.readexactly(4)
    await reader.readexactly({1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0])
    await reader.readexactly(2)
    writer.write(b"\5\0\0\1\0\0\0\0\0\0")
    await _hello(reader, writer)


_FOLDER: list[Path] = []
_KINDS: dict[str, Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]] = {
    "http": _http,
    "https": _http,
    "deaf": _deaf,
    "accept": _accept,
    "hello": _hello,
    "ssh": _ssh,
    "pong": _pong,
    "smtp": _smtp,
    "socks": _socks,
}


def _tls(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "site.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def internet(listeners: Iterable[str], folder: Path) -> int:
    """Start a process that listens at each ``KIND PLACE`` and return its id, once it does."""
    read, write = os.pipe()
    if pid := os.fork():
        os.close(write)
        told = os.read(read, 100)
        os.close(read)
        if told != b"up":
            raise OSError(f"no internet: {told!r}")
        return pid
    try:
        _FOLDER.append(folder)
        asyncio.run(_serve(list(listeners), folder, write))
    finally:
        os._exit(1)


async def _serve(listeners: list[str], folder: Path, write: int) -> None:
    def bounded(serve: Callable[..., object]) -> Callable[..., object]:
        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)  # type: ignore[misc]
            except (OSError, EOFError):
                pass  # it went away: its own affair
            finally:
                writer.close()

        return served

    for each in listeners:
        kind, _, place = each.partition(" ")
        serve = bounded(_KINDS[kind])
        if place.startswith("/"):
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            await asyncio.start_unix_server(serve, place)  # type: ignore[arg-type]
            continue
        host, _, port = place.rpartition(":")
        context = _tls(folder) if kind == "https" else None
        await asyncio.start_server(serve, host, int(port), ssl=context)  # type: ignore[arg-type]
    os.write(write, b"up")
    await asyncio.sleep(3600)
