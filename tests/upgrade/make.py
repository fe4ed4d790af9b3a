"""Make the files of an older version: run its code for a while, and keep what it leaves.

    python -m tests.upgrade.make COMMIT FOLDER

``git archive`` unpacks the commit; its twistd and tools run from there with this interpreter's libraries.
Large files are kept gzipped.  ``expected.json`` has what the old code itself said of them at its end,
``options.json`` the names of its options.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.real.parts import ROOT, clean_environment, until
from tests.upgrade.origin import ADDRESS_OF_PORTS, PAGES, Origin, url

#: Settings that the store of schema 1 had.
WORDPROXY = """\
[wordproxy]
port = "0"
report = "0"
store = "words.db"
allow-net = ["127.0.0.0/8"]
keep = 90
htpasswd = "users"
"""

#: Settings of the version with all services.
SUITE = """\
[netsuite]
admin = "0"
max-clients = 500
[echo]
port = "0"
udp = true
tag = "old"
[wordproxy]
port = "0"
report = "0"
store = "words.db"
allow-net = ["127.0.0.0/8"]
keep = 90
intercept = ["news.example"]
deny = ["host:*.denied.example"]
max-text = "4MiB"
[httpecho]
port = "0"
http11 = true
ring = 50
[pages]
port = "0"
page = ["/=<h1>Home</h1>"]
[formsite]
port = "0"
store = "forms.db"
min-seconds = 0
keep = 0
[colors]
port = "0"
seen = 100
[proxy]
port = "0"
allow-net = ["127.0.0.0/8"]
acl = ["deny host:a.example", "allow port:80"]
"""

#: ann:sesame, of an htpasswd file.
LOGIN = "ann:sesame"


def asked(
    address: str, *, proxy: str = "", login: str = "", sent: bytes | None = None, **fields: str
) -> bytes:
    """What a URL gives."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy} if proxy else {}))
    if login:
        told = "Basic " + base64.b64encode(login.encode()).decode()
        opener.addheaders.append(("Proxy-Authorization" if proxy else "Authorization", told))
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    with opener.open(urllib.request.Request(address, sent, named), timeout=30) as answer:
        return bytes(answer.read())


class Old:
    """The code of a commit, run in a folder of its own."""

    def __init__(self, commit: str, above: Path) -> None:
        self.source, self.home = above / "source", above / "home"
        self.source.mkdir()
        self.home.mkdir()
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x"], cwd=self.source, input=archive, check=True)
        self.env = clean_environment({"XDG_STATE_HOME": str(self.home / "state"), "HOME": str(self.home)})
        self.env["PYTHONPATH"] = str(self.source)

    def tool(self, name: str, *arguments: str) -> int:
        """The exit status of a tool."""
        run = f"from netsuite.scripts.{name} import run; run()"
        return subprocess.run([sys.executable, "-c", run, *arguments], cwd=self.home, env=self.env).returncode

    def twistd(self, service: str) -> tuple[subprocess.Popen[bytes], Mapping[str, str]]:
        """A service that runs, and the addresses that its log names."""
        log = self.home / "log"
        run = "from twisted.scripts.twistd import run; run()"
        with log.open("wb") as out:
            command = [sys.executable, "-c", run, "-n", "--pidfile=", service, "-c", "netsuite.toml"]
            process = subprocess.Popen(command, cwd=self.home, env=self.env, stdout=out, stderr=out)
        until("it runs", lambda: process.poll() is not None or "counter started" in log.read_text())
        if process.poll() is not None:
            raise SystemExit(log.read_text())
        found = re.findall(r"\b(proxy|report|form on) (http://[\d.:]+)", log.read_text())
        return process, dict(reversed(found))  # the first proxy is wordproxy's

    def keep(self, name: str, folder: Path, *, packed: bool = False) -> None:
        """A file that it left is in the folder."""
        data = (self.home / name).read_bytes()
        kept = folder / (name.replace("/", "-") + (".gz" if packed else ""))
        kept.write_bytes(gzip.compress(data, mtime=0) if packed else data)


def count(old: Old, service: str, login: str = "") -> dict[str, Any]:
    """What the report of a service says that has counted the pages."""
    process, places = old.twistd(service)
    try:
        for path in (*PAGES, "/tide"):
            asked(url(path), proxy=places["proxy"], login=login)
        report = places["report"]
        until("they are counted", lambda: _coverage(report, login)["counted"] == len(PAGES) + 1)
        if (old.home / "words.db.token").exists():
            token = (old.home / "words.db.token").read_text().strip()
            told = json.dumps({"words": [{"word": "tide", "lang": "en", "level": "known"}]}).encode()
            asked(
                f"{report}/known",
                login=login,
                sent=told,
                Content_Type="application/json",
                Authorization=f"Bearer {token}",
            )
        expected = {
            "words": json.loads(asked(f"{report}/words.json?all=1&limit=0", login=login))["words"],
            "coverage": _coverage(report, login),
        }
        if "form on" in places:
            for name in ("Ann", "Bo"):
                stamp = re.search(rb'name="_stamp" value="([^"]+)"', asked(f"{places['form on']}/"))
                fields = {"_stamp": stamp[1].decode() if stamp else "", "name": name, "color": "blue"}
                asked(f"{places['form on']}/posthandler", sent=urlencode(fields).encode())
            expected["answers"] = json.loads(asked(f"{places['form on']}/inbox.json"))["entries"]
        time.sleep(1.5)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return expected


def _coverage(report: str, login: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(asked(f"{report}/coverage.json", login=login))
    return told


def make(commit: str, folder: Path) -> None:
    """The folder has the files of that version."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as above:
        old = Old(commit, Path(above))
        has_suite = (old.source / "netsuite" / "suite.py").exists()
        (old.home / "netsuite.toml").write_text(SUITE if has_suite else WORDPROXY)
        if not has_suite:
            from passlib.hash import bcrypt

            (old.home / "users").write_text(f"ann:{bcrypt.using(rounds=4).hash('sesame')}\n")
            old.keep("users", folder)
        origin = Origin(whole=False)
        try:
            expected = count(old, "netsuite" if has_suite else "wordproxy", "" if has_suite else LOGIN)
            if has_suite:
                old.tool("portscan", "--baseline", "ports.txt", "--update", "-p", "1-3", ADDRESS_OF_PORTS)
                old.tool("updatecheck", "--first-ok", "-s", "pages.json", url("/tide"), url("/news"))
                old.tool("webdownload", "-r", "0", url("/file"), "file")
        finally:
            origin.close()
        script = [sys.executable, str(Path(__file__).with_name("options.py"))]
        with (folder / "options.json").open("wb") as names:
            subprocess.run(script, cwd=old.source, env=old.env, stdout=names, check=True)
        old.keep("netsuite.toml", folder)
        old.keep("words.db", folder, packed=True)
        old.keep("words.db.key", folder)
        if has_suite:
            old.keep("words.db.token", folder)
            for name in ("forms.db", "file.part"):
                old.keep(name, folder, packed=True)
            for name in ("ca/ca.pem", "ca/ca.key", "ports.txt", "pages.json", "file.part.json"):
                if (old.home / name).exists():
                    old.keep(name, folder)
        (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")
        sys.stdout.write("\n".join(sorted(os.listdir(old.home))) + "\n")


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]))
