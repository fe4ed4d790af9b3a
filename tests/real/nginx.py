"""nginx, serving folders plain, gzip'd and br'd."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.real.parts import Child, PartError, answers, free_ports, require, until

#: nginx's filter for br, which is a package of its own.
BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so")

#: One nginx with a server for each way of sending the same files.  Paths begin with a site's name.
_NGINX = """\
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
{load}
events {{ worker_connections 512; }}
http {{
    access_log off;
    etag on;
    default_type application/octet-stream;
    types {{
        text/html html htm;
        text/plain txt;
        text/css css;
        image/png png;
        image/jpeg jpg jpeg;
        image/svg+xml svg;
        application/javascript js;
    }}
    charset utf-8;
    charset_types text/html text/plain;
    client_body_temp_path {folder}/tmp;
    proxy_temp_path {folder}/tmp;
    fastcgi_temp_path {folder}/tmp;
    uwsgi_temp_path {folder}/tmp;
    scgi_temp_path {folder}/tmp;
{servers}
}}
"""
_SERVER = """\
    server {{
        {listen}
        {coding}
{locations}
    }}
"""
_ENCODED = "add_header Content-Encoding {};"
#: Ways to send: gzip_proxied, or nginx sends plain to requests with Via.
_CODINGS = {
    "plain": "gzip off;",
    "gzip": "gzip on; gzip_proxied any; gzip_min_length 1; gzip_types text/plain;",
    "brotli": "brotli on; brotli_comp_level 4; brotli_min_length 1; brotli_types text/plain;",
}
#: Each way of sending has loopback addresses of its own, 127.0.visit.way: to the proxy each is another site,
#: and a test that takes a visit number for itself shares no counts with others.
_WAYS = {"plain": 2, "gzip": 3, "brotli": 4}
VISITS = range(8)


def host(way: str, visit: int = 0) -> str:
    """The host of a way of sending on a visit: the site's name in the report."""
    return f"127.0.{visit}.{_WAYS[way]}"


@dataclass(frozen=True, slots=True)
class Site:
    """A folder of files under ``/name/``.

    ``language`` goes into Content-Language.  ``coding``: what Content-Encoding says of the files as they lie
    there; such a site's files are all ``text/html``.
    """

    name: str
    folder: Path
    language: str | None = None
    coding: str | None = None


class Nginx(Child):
    """nginx serving folders: plain, gzip'd and br'd, each at hosts of its own and a port."""

    def __init__(self, sites: Iterable[Site]) -> None:
        super().__init__("nginx")
        self.sites = list(sites)
        self.ports: dict[str, int] = {}

    def up(self) -> Nginx:
        """Return itself once each way of sending is served."""
        for attempt in range(5):
            self._configure()
            self.start(["nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")])
            try:
                until("nginx listens", self._listening)
                return self
            except PartError:
                if attempt == 4 or "bind()" not in self.log:  # someone took the port first
                    self.close()
                    raise
        raise AssertionError("unreachable")

    def url(self, way: str, path: str, visit: int = 0) -> str:
        """URL of a path by a way of sending: ``url("gzip", "/handbook/index.html")``."""
        return f"http://{host(way, visit)}:{self.ports[way]}{path}"

    def _listening(self) -> bool:
        if not self.running():
            raise self.fault("ended at its start")
        return all(answers(host(way), port) for way, port in self.ports.items())

    def _configure(self) -> None:
        ways = [way for way in _CODINGS if way != "brotli" or BROTLI.exists()]
        self.ports = dict(zip(ways, free_ports(len(ways)), strict=True))
        locations = "\n".join(map(self._location, self.sites))
        servers = "".join(
            _SERVER.format(
                listen=" ".join(f"listen {host(way, visit)}:{port};" for visit in VISITS),
                coding=_CODINGS[way],
                locations=locations,
            )
            for way, port in self.ports.items()
        )
        load = f"load_module {BROTLI};" if "brotli" in ways else ""
        text = _NGINX.format(folder=self.folder, load=load, servers=servers)
        (self.folder / "tmp").mkdir(exist_ok=True)
        (self.folder / "nginx.conf").write_text(text)

    @staticmethod
    def _location(site: Site) -> str:
        lines = [f"alias {site.folder}/;"]
        if site.language:
            lines.append(f"add_header Content-Language {site.language};")
        if site.coding:
            lines.append(
                f"gzip off; types {{ }} default_type text/html; add_header Content-Encoding {site.coding};"
            )
        return f"        location /{site.name}/ {{ {' '.join(lines)} }}"


def require_nginx() -> None:
    """nginx is installed, or the test is skipped."""
    require("nginx", shutil.which("nginx"))
