"""TLS on every listener, as openssl and curl see it: what is agreed, renewed while it runs, and refused."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import ClassVar
from unittest import TestCase

from netsuite.selfsigned import self_signed
from tests.real.hatchery import HatchedTwistd
from tests.real.origins import Origin
from tests.real.parts import (
    FETCH_SECONDS,
    START_SECONDS,
    Twistd,
    clean_environment,
    free_ports,
    require,
    until,
)
from tests.real.test_suite import RUN

#: Each listener by its table and option, and what it answers to a GET of a path.
LISTENERS = {
    "netsuite admin": ("/healthz", b'{"status":"up"}'),
    "wordproxy report": ("/words", b"<html"),
    "httpecho port": ("/x", b"GET /x HTTP/1.1"),
    "pages port": ("/test", b"<h1>Test</h1>Test Page"),
    "formsite port": ("/inbox", b"<html"),
    "colors port": ("/color/00abef", b"00abef"),
}

#: Those that are no sites.
OTHERS = ("echo port", "wordproxy port", "proxy port")


def put(folder: Path, *, days: int = 90, ago: int = 0) -> bytes:
    """The folder has a key and its certificate, in a moment; return the latter, in PEM."""
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=ago)
    key, certificate = self_signed(["localhost", "127.0.0.1"], days, now)
    for name, data in (("tls.key", key), ("tls.pem", certificate)):
        draft = folder / f"{name}.new"
        draft.write_bytes(data)
        draft.rename(folder / name)
    return certificate


def settings(ports: dict[str, int]) -> str:
    """A suite's file in which each listener speaks TLS, with files beside it."""
    tables: dict[str, list[str]] = {}
    for name, port in ports.items():
        table, option = name.split()
        where = f"ssl:{port}:interface=127.0.0.1:privateKey=tls.key:certKey=tls.pem"
        tables.setdefault(table, []).append(f'{option} = "{where}"')
    tables["wordproxy"] += ['store = "words.db"', 'allow-net = ["127.0.0.0/8"]']
    tables["proxy"] += ['allow-net = ["127.0.0.0/8"]']
    tables["formsite"] += ['store = "forms.db"']
    return "\n".join(f"[{table}]\n" + "\n".join(lines) for table, lines in tables.items())


class TlsTests(TestCase):
    """One suite, every listener in TLS."""

    folder: ClassVar[Path]
    ports: ClassVar[dict[str, int]]
    suite: ClassVar[Twistd]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        require("curl", shutil.which("curl"))
        require("openssl", shutil.which("openssl"))
        names = (*LISTENERS, *OTHERS)
        cls.ports = dict(zip(names, free_ports(len(names)), strict=True))
        cls.suite = HatchedTwistd("netsuite", "-c", "netsuite.toml")
        cls.addClassCleanup(cls.suite.close)
        cls.folder = cls.suite.folder
        put(cls.folder)
        (cls.folder / "netsuite.toml").write_text(settings(cls.ports))
        cls.suite.launch()
        cls.suite.wait_log("netsuite: .* admin http")

    def curl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """What curl says, that trusts the certificate in the file."""
        command = ["curl", "-sS", "--max-time", str(FETCH_SECONDS), "--cacert", str(self.folder / "tls.pem")]
        return subprocess.run(
            [*command, *arguments], capture_output=True, env=clean_environment(), check=False
        )

    def s_client(self, name: str, *arguments: str) -> str:
        """What openssl's client tells of a handshake."""
        place = f"127.0.0.1:{self.ports[name]}"
        done = subprocess.run(
            ["openssl", "s_client", "-connect", place, "-servername", "localhost", *arguments],
            input="",
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
        return done.stdout + done.stderr

    def linked(self, name: str) -> ssl.SSLSocket:
        """A connection that trusts the certificate in the file.  Raises: ssl.SSLError."""
        context = ssl.create_default_context(cafile=str(self.folder / "tls.pem"))
        link = context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.ports[name]), FETCH_SECONDS),
            server_hostname="localhost",
        )
        self.addCleanup(link.close)
        return link

    def test_each(self) -> None:
        """Each site answers curl by https, each proxy in TLS fetches, and echo says back."""
        for name, (path, wanted) in LISTENERS.items():
            done = self.curl(f"https://localhost:{self.ports[name]}{path}")
            self.assertIn(wanted, done.stdout, (name, done.stderr))
        origin = Origin()
        self.addCleanup(origin.close)
        for name in ("wordproxy port", "proxy port"):
            way = [
                "--proxy-cacert",
                str(self.folder / "tls.pem"),
                "-x",
                f"https://localhost:{self.ports[name]}",
            ]
            self.assertEqual(self.curl(*way, origin.url(9)).stdout, bytes(range(9)), name)
        link = self.linked("echo port")
        link.sendall(b"hello\r\n")
        self.assertEqual(link.recv(100), b"You said: hello\r\n")

    def test_agreed(self) -> None:
        """1.0 and 1.1 are refused by an alert, 1.2 and 1.3 spoken; ALPN has HTTP/1.1, never HTTP/2."""
        for name in ("pages port", "echo port", "wordproxy port"):
            for version in ("-tls1", "-tls1_1"):
                told = self.s_client(name, version, "-cipher", "ALL:@SECLEVEL=0")
                self.assertIn("alert protocol version", told, name)
        for name in (*LISTENERS, "wordproxy port", "proxy port"):
            self.assertIn("ALPN protocol: http/1.1", self.s_client(name, "-alpn", "h2,http/1.1"), name)
        for version, cipher in (("-tls1_2", "ECDHE-ECDSA-"), ("-tls1_3", "TLS_")):
            told = self.s_client("pages port", version)
            self.assertRegex(told, rf"Cipher is {cipher}")
        old = self.s_client("pages port", "-tls1_2", "-cipher", "AES128-SHA:AES256-SHA")
        self.assertIn("alert handshake failure", old)  # no forward secrecy
        self.assertIn("no application protocol", self.s_client("pages port", "-alpn", "h2"))
        self.assertIn("No ALPN negotiated", self.s_client("echo port", "-alpn", "h2"))

    def test_posted(self) -> None:
        """A form is posted over TLS, from its own page."""
        url = f"https://localhost:{self.ports['formsite port']}/"
        page = self.curl(url).stdout.decode()
        fields = re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page)
        data = [part for field in (*fields, ("the-field", "hello")) for part in ("-d", "=".join(field))]
        own = ["-H", f"Origin: {url.rstrip('/')}"]
        done = self.curl("-o", "/dev/null", "-w", "%{http_code}", *own, *data, f"{url}posthandler")
        self.assertIn(done.stdout, (b"200", b"303"), done)

    def test_told(self) -> None:
        """When the certificate ends is in /status.json and /metrics, for each listener."""
        admin = f"https://localhost:{self.ports['netsuite admin']}"
        status = json.loads(self.curl(f"{admin}/status.json").stdout)
        told = status["services"][0]["certificates"]
        (path,) = told
        self.assertEqual(path, str(self.folder / "tls.pem"))
        lines = self.curl(f"{admin}/metrics").stdout.decode().splitlines()
        ends = [line for line in lines if line.startswith("netsuite_certificate_expiry_timestamp_seconds{")]
        self.assertEqual(len(ends), len(self.ports), ends)
        moment = datetime.datetime.fromisoformat(told[path])
        self.assertEqual({float(line.split()[-1]) for line in ends}, {moment.timestamp()})

    def test_pac(self) -> None:
        """The file for browsers names a proxy in TLS, and the report's links are by https."""
        report = f"https://localhost:{self.ports['wordproxy report']}"
        self.assertIn(b'"HTTPS 127.0.0.1:', self.curl(f"{report}/proxy.pac").stdout)
        self.assertIn(b"https://127.0.0.1:", self.curl(f"{report}/setup").stdout)

    def test_renewed(self) -> None:
        """Files are looked at without being asked to, and connections go on; broken ones are only told of."""
        old = self.linked("echo port")
        before = (self.folder / "tls.pem").read_bytes()
        after = put(self.folder)

        def is_shown() -> bool:
            try:
                return all(self.linked(name).version() is not None for name in self.ports)
            except ssl.SSLError:  # the old one is no authority for itself any more
                return False

        until("all show the new certificate", is_shown)
        self.assertNotEqual(before, after)
        old.sendall(b"still here\r\n")
        self.assertEqual(old.recv(100), b"You said: still here\r\n")
        (self.folder / "tls.key").write_text("nothing")
        self.suite.wait_log("pages keeps its certificate: .*tls.key: no private key in PEM in it$")
        self.suite.signal(signal.SIGHUP)
        self.suite.wait_log("reload refused, nothing changed: .*tls.key: no private key in PEM in it$")
        self.assertTrue(is_shown())
        put(self.folder)
        until("the next certificate is shown", is_shown)
        self.suite.signal(signal.SIGHUP)
        self.suite.wait_log("reloaded")
        old.sendall(b"quit\r\n")
        self.assertEqual(old.recv(100), b"Goodbye.\r\n")
        self.assertNotIn("Traceback", self.suite.log)


class StartTests(TestCase):
    """Starts."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_refused(self) -> None:
        """A key of another certificate, and files that aren't there, are refused, in a line each."""
        put(self.folder)
        key = (self.folder / "tls.key").read_bytes()
        put(self.folder)
        (self.folder / "other.key").write_bytes(key)
        (self.folder / "x.toml").write_text(
            '[pages]\nport = "ssl:0:interface=127.0.0.1:privateKey=other.key:certKey=tls.pem"\n'
            '[echo]\nport = "ssl:0:interface=127.0.0.1:privateKey=none.key:certKey=tls.pem"\n'
            '[colors]\nport = "ssl:0:interface=127.0.0.1:certKey=tls.pem"\n'
        )
        done = subprocess.run(
            [sys.executable, "-c", RUN, "-n", "--pidfile=", "netsuite", "-c", "x.toml"],
            cwd=self.folder,
            env=clean_environment({"XDG_STATE_HOME": str(self.folder)}),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        lines = done.stderr.splitlines()
        self.assertEqual((done.returncode, len(lines)), (1, 3), done.stderr)
        self.assertIn("other.key: not the key of the certificate in", done.stderr)
        self.assertIn("none.key: No such file or directory", done.stderr)
        self.assertIn("needs the file of its key", done.stderr)

    def test_for_a_trial(self) -> None:
        """What netsuite cert makes is trusted by curl for each name and address that it was made for."""
        command = [sys.executable, "-m", "netsuite.scripts.cert", "localhost", "127.0.0.1", "::1"]
        subprocess.run(command, cwd=self.folder, env=clean_environment(), check=True, capture_output=True)
        self.assertEqual((self.folder / "localhost.key").stat().st_mode & 0o777, 0o600)
        files = f"privateKey={self.folder}/localhost.key:certKey={self.folder}/localhost.pem"
        service = HatchedTwistd("pages", "-p", f"ssl:0:interface=127.0.0.1:{files}")
        self.addCleanup(service.close)
        (port,) = service.up(r"pages: https://127\.0\.0\.1:(\d+)").wait_log(r"https://[^/]*:(\d+)").groups()
        for host in ("localhost", "127.0.0.1"):
            curl = ["curl", "-sS", "--ipv4", "--cacert", "localhost.pem", f"https://{host}:{port}/test"]
            done = subprocess.run(
                curl, cwd=self.folder, env=clean_environment(), capture_output=True, check=False
            )
            self.assertIn(b"<h1>Test</h1>", done.stdout, done.stderr)

    def test_ended(self) -> None:
        """A certificate that has ended is shown all the same, and told of loudly; one that ends soon, too."""
        text = ""
        for name, days, ago in (("pages", 3, 5), ("echo", 9, 0)):
            (self.folder / name).mkdir()
            put(self.folder / name, days=days, ago=ago)
            files = f"privateKey={name}/tls.key:certKey={name}/tls.pem"
            text += f'[{name}]\nport = "ssl:0:interface=127.0.0.1:{files}"\n'
        (self.folder / "x.toml").write_text(text)
        suite = HatchedTwistd("netsuite", "-c", str(self.folder / "x.toml"), "--admin", "0")
        self.addCleanup(suite.close)
        suite.launch()
        suite.wait_log(r"pages: https://127\.0\.0\.1:")
        suite.wait_log(r"pages shows a certificate that HAS ENDED, \S+Z, clients refuse it: .*pages/tls.pem")
        suite.wait_log(r"echo shows a certificate that ends in [89] days, \S+Z: .*echo/tls.pem")
        self.assertEqual(suite.stop(), 0)
