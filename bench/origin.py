"""The origin of every load: nginx with a small file, a compressed page and a gibibyte of zeros."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

from bench.peers import CONNECTIONS, HOST, program, says
from bench.processes import family
from tests.real.parts import Child, answers, free_ports, until

SMALL, PAGE, HUGE = "/small", "/page.html", "/huge"
SMALL_BYTES, PAGE_BYTES, HUGE_BYTES = 1 << 10, 30 << 10, 1 << 30

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
    open_file_cache max=16;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    client_header_timeout 3600s;
    default_type application/octet-stream;
    types {{ text/html html; }}
    client_body_temp_path {folder}/tmp;
    proxy_temp_path {folder}/tmp;
    fastcgi_temp_path {folder}/tmp;
    uwsgi_temp_path {folder}/tmp;
    scgi_temp_path {folder}/tmp;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {folder}/files;
        location = /page.html {{ add_header Content-Encoding gzip; }}
    }}
}}
"""


def page() -> bytes:
    """A gzip'd HTML page of ``PAGE_BYTES``, the same each time."""
    dice = random.Random(4)
    words = ["".join(dice.choices("etaoinshrdlu", k=dice.randint(2, 9))) for _ in range(4000)]
    text = "".join(f"<p>{' '.join(dice.choices(words, k=40))}</p>\n" for _ in range(600))
    low, high = 0, len(text)
    while low < high:  # as much text as fits
        middle = (low + high + 1) // 2
        if len(_packed(text[:middle])) <= PAGE_BYTES:
            low = middle
        else:
            high = middle - 1
    return _packed(text[:low])


def _packed(text: str) -> bytes:
    return gzip.compress(f"<!doctype html><title>page</title>\n{text}".encode(), 6, mtime=0)


class Origin:
    """A running nginx; ``url`` of a path, ``authority`` for CONNECT.

    Raises: Absent, PartError.
    """

    def __init__(self) -> None:
        path = program("nginx")
        self.version = says([path, "-v"], r"nginx/(\S+)")
        self.child = Child("origin")
        (self.port,) = free_ports(1)
        self._fill(self.child.folder)
        self.child.start([path, "-p", str(self.child.folder), "-c", str(self.child.folder / "nginx.conf")])
        try:
            until("nginx listens", self._listens)
        except BaseException:
            self.child.close()
            raise

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return HOST, self.port

    @property
    def authority(self) -> str:
        """``host:port``."""
        return f"{HOST}:{self.port}"

    def url(self, path: str) -> str:
        """The absolute URL of a path."""
        return f"http://{self.authority}{path}"

    def pids(self) -> list[int]:
        """Its processes."""
        return family(self.child.pid)

    def stop(self) -> None:
        """It is gone, and so are its files."""
        self.child.close()

    def _fill(self, folder: Path) -> None:
        files = folder / "files"
        files.mkdir()
        (folder / "tmp").mkdir()
        (files / SMALL[1:]).write_bytes(b"x" * SMALL_BYTES)
        (files / PAGE[1:]).write_bytes(page())
        with (files / HUGE[1:]).open("wb") as huge:
            huge.truncate(HUGE_BYTES)  # a hole: it takes no disk
        text = _NGINX.format(folder=folder, port=self.port, connections=CONNECTIONS)
        (folder / "nginx.conf").write_text(text)

    def _listens(self) -> bool:
        if not self.child.running():
            raise self.child.fault("ended at its start")
        return answers(*self.address)
