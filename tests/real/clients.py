"""Who reads: curl, Chromium, and a reader of our own that notes when each page was whole."""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.parts import FETCH_SECONDS, LOG_TAIL, ROOT, PartError, clean_environment, require


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


class Reader(threading.Thread):
    """Somebody who reads pages by the proxy, one after the other over one connection, until all are read.

    ``finished`` has for each page that arrived whole its URL, the digest of its body and the time
    (monotonic); ``error`` is what ended the reading early, if anything did.
    """

    def __init__(self, urls: Iterable[str], proxy_port: int) -> None:
        super().__init__(daemon=True)
        self._urls, self._port = list(urls), proxy_port
        self.finished: list[tuple[str, str, float]] = []
        self.error: Exception | None = None

    def run(self) -> None:
        """Read."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=FETCH_SECONDS)
        try:
            for url in self._urls:
                connection.request("GET", url, headers={"Host": urllib.parse.urlsplit(url).netloc})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise PartError(f"{url}: {answer.status} {body[:500]!r}")
                self.finished.append((url, hashlib.sha256(body).hexdigest(), time.monotonic()))
        except (OSError, http.client.HTTPException, PartError) as error:
            self.error = error
        finally:
            connection.close()

    def wait(self) -> Reader:
        """Return itself once the reading has ended, in whatever way."""
        self.join(FETCH_SECONDS * 2)
        if self.is_alive():
            raise PartError(f"still reading after {len(self.finished)} of {len(self._urls)} pages")
        return self


@dataclass(frozen=True, slots=True)
class Seen:
    """A page as the browser got it: digest of the decoded body, the title and the text it shows."""

    url: str
    status: int
    sha256: str
    title: str
    issuer: str = ""


def require_chromium() -> None:
    """Chromium, and playwright to drive it, are installed, or the test is skipped."""
    require("chromium", shutil.which("chromium") and importlib.util.find_spec("playwright"))


def require_axe() -> None:
    """Chromium and axe-core are installed, or the test is skipped."""
    require_chromium()
    require("axe-core", importlib.util.find_spec("axe_playwright_python"))


def told_by(program: str, order: object, seconds: float = 300.0) -> Any:
    """What one of our programs in this folder, which drives Chromium, tells of what it was ordered."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.real.{program}"],
        input=json.dumps(order).encode(),
        capture_output=True,
        cwd=ROOT,
        env=clean_environment(),
        timeout=seconds,
    )
    if done.returncode:
        raise PartError(
            f"{program} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-LOG_TAIL:]}"
        )
    return json.loads(done.stdout)


def browse(
    urls: Sequence[str],
    proxy: str | None = None,
    seconds: float = 300.0,
    *,
    home: Path | None = None,
    flags: Sequence[str] = (),
) -> list[Seen]:
    """Load the pages in Chromium, in this order, in one window of a profile that is new each time.

    ``home``: a home folder whose list of authorities it trusts, too; ``flags``: more of them.
    """
    require_chromium()
    program = shutil.which("chromium")
    order = json.dumps({"urls": list(urls), "proxy": proxy, "program": program, "flags": list(flags)})
    done = subprocess.run(
        [sys.executable, "-m", "tests.real.browser"],
        input=order.encode(),
        capture_output=True,
        cwd=ROOT,
        env=clean_environment({"HOME": str(home)} if home is not None else {}),
        timeout=seconds,
    )
    if done.returncode:
        raise PartError(
            f"the browser ended with {done.returncode}: {done.stderr.decode(errors='replace')[-LOG_TAIL:]}"
        )
    return [Seen(**json.loads(line)) for line in done.stdout.splitlines()]
