"""Real parts that tests put together: twistd, nginx, curl, Chromium.

All of them listen on loopback only, live in a folder of their own, are ended by their process id, and
are waited for with a bound.  One that can't start, or ends by itself, raises ``PartError`` with its log.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unittest import SkipTest

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent.parent
HANDBOOK = Path("/usr/share/doc/debian-handbook/html")
REFERENCE = Path("/usr/share/debian-reference")
BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so")

#: How long a part may take to come up, to end, and to do what is asked, on a busy machine.
START_SECONDS = 30.0
STOP_SECONDS = 20.0
FETCH_SECONDS = 60.0

#: Longest tail of a log in a failure, in characters.
LOG_TAIL = 6000


class PartError(AssertionError):
    """A part did not do its own job, so that nothing can be said of ours."""


def require(part: str, present: object) -> None:
    """The part is there; else the test is skipped, or fails where ``REQUIRE_PARTS`` (a,b,c) names it."""
    if present:
        return
    wanted = os.environ.get("REQUIRE_PARTS", "").replace(",", " ").split()
    if part in wanted:
        raise PartError(f"{part} is required here, and missing")
    raise SkipTest(f"NOT TESTED: no {part} on this machine; `make parts` installs it")


def until(what: str, probe: Callable[[], T | None], seconds: float = START_SECONDS) -> T:
    """Ask ``probe`` until its answer is true and return that; past ``seconds`` fail with ``what``."""
    end = time.monotonic() + seconds
    while True:
        if answer := probe():
            return answer
        if time.monotonic() > end:
            raise PartError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def clean_environment(extra: Mapping[str, str] = {}) -> dict[str, str]:
    """Our environment without proxy settings and settings of netsuite, with the checkout importable."""
    dropped = re.compile(r"(?i)(https?|all|no)_proxy|NETSUITE_|XDG_STATE_HOME|STATE_DIRECTORY|NOTIFY_SOCKET")
    kept = {key: value for key, value in os.environ.items() if not dropped.match(key)}
    path = [str(ROOT), *kept.get("PYTHONPATH", "").split(os.pathsep)]
    return {**kept, "PYTHONPATH": os.pathsep.join(p for p in path if p), **extra}


def free_ports(number: int) -> list[int]:
    """So many ports that nobody listens on now.  Whoever binds one next may lose it: try again then."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in sockets]


def answers(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


class Child:
    """A running program with a log file and a folder of its own, both gone after ``close``."""

    def __init__(self, name: str, env: Mapping[str, str] = {}, folder: Path | None = None) -> None:
        self.name = name
        self._own = tempfile.TemporaryDirectory(prefix=f"netsuite-{name}-", ignore_cleanup_errors=True)
        self.folder = folder or Path(self._own.name)
        self.log_path = Path(self._own.name) / "output.log"
        self.env = clean_environment(env)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str]) -> None:
        """The program runs, in the folder, with both outputs appended to the log."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process is not None and self.process.poll() is None

    def wait_log(self, pattern: str, seconds: float = START_SECONDS) -> re.Match[str]:
        """Return the first match in its log, as soon as it is there."""

        def probe() -> re.Match[str] | None:
            found = re.search(pattern, self.log, re.MULTILINE)
            if found is None and not self.running():
                raise self.fault(f"ended before its log had {pattern!r}")
            return found

        try:
            return until(f"{pattern!r} in the log of {self.name}", probe, seconds)
        except PartError as fault:
            raise self.fault(str(fault)) from None

    def fault(self, text: str) -> PartError:
        """A failure that shows the end of the log."""
        status = self.process.poll() if self.process else None
        return PartError(
            f"{self.name} (exit status {status}): {text}\n--- its log ---\n{self.log[-LOG_TAIL:]}"
        )

    def signal(self, number: signal.Signals) -> None:
        """It was sent a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Return its exit status once it has ended; minus the signal's number if one killed it."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.fault(f"did not end within {seconds} s") from None

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Return its exit status after SIGTERM."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill9(self) -> None:
        """It is gone, without a chance to say goodbye."""
        if self.running():
            self.signal(signal.SIGKILL)
        self.wait()

    def close(self) -> None:
        """It is gone, and so is its folder."""
        try:
            if self.running():
                self.stop()
        finally:
            if self.process is not None:
                self.kill9()
            self._own.cleanup()


class Twistd(Child):
    """One of our services, run by twistd in the foreground, in a folder that is empty at first.

    ``arguments``: the service's name and its options.  ``ports`` has the bound ports that its lines name,
    by what the line calls them: ``{"proxy": 40123, "report": 40124}`` of wordproxy.
    """

    def __init__(self, *arguments: str, env: Mapping[str, str] = {}, folder: Path | None = None) -> None:
        super().__init__(arguments[0], env, folder)
        self.env.setdefault("XDG_STATE_HOME", str(self.folder / "state"))
        self.arguments = arguments
        self.ports: dict[str, int] = {}

    def launch(self) -> None:
        """twistd runs; nothing is said of its state yet."""
        run = "from twisted.scripts.twistd import run; run()"
        self.start([sys.executable, "-c", run, "-n", "--pidfile=", *self.arguments])

    def up(self, pattern: str = r"(?m)^.*\b(?P<what>proxy) http://(?P<place>\S+?:\d+)") -> Twistd:
        """Return itself once its first line is in the log, and ``ports`` is filled."""
        if not self.running():
            self.launch()
        self.wait_log(pattern)
        for what, port in re.findall(r"\b(\w+)(?: on)? http://[^\s/]*?:(\d+)", self.log):
            self.ports.setdefault(what, int(port))
        return self

    @property
    def proxy(self) -> str:
        """Address of the proxy, as curl and browsers want it."""
        return f"http://127.0.0.1:{self.ports['proxy']}"

    def report(self, path: str) -> Any:
        """The decoded JSON that the report gives for a path."""
        return json.loads(self.report_text(path))

    def report_text(self, path: str) -> str:
        """What the report gives for a path."""
        url = f"http://127.0.0.1:{self.ports['report']}{path}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=FETCH_SECONDS) as answer:
            return bytes(answer.read()).decode()


def wordproxy(*options: str, folder: Path | None = None) -> Twistd:
    """A wordproxy that is up, on free ports, and may fetch from loopback; ``folder`` keeps its store."""
    service = Twistd("wordproxy", "-p", "0", "-r", "0", "--allow-net", "127.0.0.0/8", *options, folder=folder)
    try:
        return service.up(r"proxy http://\S+, report http://\S+, store ")
    except PartError:
        service.close()
        raise


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
    """A folder of files under ``/name/``; ``language`` goes into Content-Language if there is one."""

    name: str
    folder: Path
    language: str | None = None


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
        language = f" add_header Content-Language {site.language};" if site.language else ""
        return f"        location /{site.name}/ {{ alias {site.folder}/;{language} }}"


def require_nginx() -> None:
    """nginx is installed, or the test is skipped."""
    require("nginx", shutil.which("nginx"))


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer as it came over the wire: ``body`` is not decoded."""

    status: int
    headers: dict[str, str]
    body: bytes


def curl(urls: Sequence[str], proxy: str | None = None, *options: str) -> list[Fetched]:
    """Fetch the URLs in this order, over as few connections as curl needs, with its default headers."""
    require("curl", shutil.which("curl"))
    with tempfile.TemporaryDirectory(prefix="netsuite-curl-") as name:
        folder = Path(name)
        blocks = _curl_blocks(urls, folder, proxy, options)
        done = subprocess.run(
            ["curl", "--disable", "--silent", "--show-error", "--config", "-"],
            input="\nnext\n".join(blocks).encode(),
            capture_output=True,
            env=clean_environment(),
            timeout=FETCH_SECONDS + len(urls),
        )
        if done.returncode:
            raise PartError(f"curl ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
        return [_fetched(folder, number) for number in range(len(urls))]


def _curl_blocks(urls: Sequence[str], folder: Path, proxy: str | None, options: Sequence[str]) -> list[str]:
    """curl's configuration, a block for each URL."""
    common = [f"max-time = {FETCH_SECONDS}", *options]
    if proxy:
        common.append(f'proxy = "{proxy}"')
    return [
        "\n".join(
            [
                f'url = "{url}"',
                f'output = "{folder}/{number}.body"',
                f'dump-header = "{folder}/{number}.head"',
                *common,
            ]
        )
        for number, url in enumerate(urls)
    ]


def _fetched(folder: Path, number: int) -> Fetched:
    """The answer that curl left in the folder; of several heads (1xx, 407) the last counts."""
    head = (folder / f"{number}.head").read_bytes().decode("latin-1").strip().split("\r\n\r\n")[-1]
    start, *fields = head.split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
    body = folder / f"{number}.body"
    return Fetched(int(start.split()[1]), headers, body.read_bytes() if body.exists() else b"")


@dataclass(frozen=True, slots=True)
class Seen:
    """A page as the browser got it: digest of the decoded body, the title and the text it shows."""

    url: str
    status: int
    sha256: str
    title: str


def require_chromium() -> None:
    """Chromium, and playwright to drive it, are installed, or the test is skipped."""
    require("chromium", shutil.which("chromium") and importlib.util.find_spec("playwright"))


def browse(urls: Sequence[str], proxy: str | None = None, seconds: float = 300.0) -> list[Seen]:
    """Load the pages in Chromium, in this order, in one window of a profile that is new each time."""
    require_chromium()
    order = json.dumps({"urls": list(urls), "proxy": proxy, "program": shutil.which("chromium")})
    done = subprocess.run(
        [sys.executable, "-m", "tests.real.browser"],
        input=order.encode(),
        capture_output=True,
        cwd=ROOT,
        env=clean_environment(),
        timeout=seconds,
    )
    if done.returncode:
        raise PartError(
            f"the browser ended with {done.returncode}: {done.stderr.decode(errors='replace')[-LOG_TAIL:]}"
        )
    return [Seen(**json.loads(line)) for line in done.stdout.splitlines()]
