"""The rules of the suite on running programs: every tool by one table, every service in one process.

``tests/test_rules.py`` has what options say.  A tool or a service that is not in a table here fails.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any
from unittest import TestCase

from netsuite.formsite.store import FormStore
from netsuite.outcome import EXITS
from tests.real.documents.warm import Warm, programs
from tests.real.hatchery import HatchedTwistd
from tests.real.parts import FETCH_SECONDS, until
from tests.test_rules import services, tools

#: What must be nowhere: a password, a token, a cookie, a value of a form.
SECRET = "plantedxq"

KEYS = ["tool", "version", "ok", "exit", "cause", "message", "target", "started", "elapsed_ms", "result"]

#: Tools that are told nothing secret, and need no case in that table.
NO_SECRETS = {
    *("calllater", "runreactor", "connection", "portscan", "formsite-export"),
    *("pidfile", "cert", "refresh-plugins", "completion"),
}

#: Tools that run on until they are stopped; ``calllater`` and ``dataforward`` end here.
ENDLESS = {"runreactor"}


class Site(http.server.BaseHTTPRequestHandler):
    """An origin: /none is 404, /auth 401, all else a page with a cookie."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        if length := int(self.headers.get("Content-Length", 0)):
            self.rfile.read(length)
        status = 404 if "none" in self.path else 401 if "auth" in self.path else 200
        fields = {"Set-Cookie": f"a={SECRET}", "ETag": '"a"', "Content-Length": "7"}
        self.send_response(status)
        for name, value in {
            **fields,
            **({"WWW-Authenticate": "Basic realm=x"} if status == 401 else {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"<p>page")

    do_POST = do_GET

    def log_message(self, *values: object) -> None:
        """Nothing is said."""


class ToolTests(TestCase):
    """Every tool, and every command of the suite's own."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.warm = Warm()
        cls.addClassCleanup(cls.warm.close)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        refusing, silent = socket.socket(), socket.create_server(("127.0.0.1", 0))
        cls.addClassCleanup(refusing.close)
        cls.addClassCleanup(silent.close)
        refusing.bind(("127.0.0.1", 0))
        cls.port, cls.closed, cls.silent = (
            str(each.getsockname()[1]) for each in (server.socket, refusing, silent)
        )
        cls.url = f"http://127.0.0.1:{cls.port}"
        folder = cls.warm.folder
        upstream = f'upstream = ["http://ann:{SECRET}@127.0.0.1:{cls.closed}"]'
        store = f'[wordproxy]\nstore = "redis://ann:{SECRET}@127.0.0.1:{cls.closed}/0"\n'
        for name, text in {
            "book.txt": "It was the best of times",
            "page.html": "<p>",
            "good.toml": "[echo]\n",
            "secret.toml": f"[proxy]\n{upstream}\n{store}",
            "bad.toml": f'[proxy]\n{upstream}\nidle = "soon"\n{store}',
            "stale.pid": "4194999\n",
        }.items():
            (folder / name).write_text(text)
        with contextlib.closing(FormStore(str(folder / "forms.db"))):
            pass

    def run_(self, tool: str, *arguments: str, **options: Any) -> tuple[int, str, str]:
        """Return a tool's exit status, output and errors; the suite's own commands are netsuite's."""
        words = [tool] if tool in programs() else ["netsuite", tool]
        return self.warm.run(*words, *arguments, **options)

    def cases(self) -> Iterator[tuple[str, list[str], int]]:
        """A success and a failure of each tool: its arguments, and its exit status."""
        here, url = ["127.0.0.1"], self.url
        yield from (
            ("calllater", ["0.01"], 0),
            ("calllater", ["--max-late", "0.000001", "0.01"], 1),
            ("connection", [*here, self.port], 0),
            ("connection", [*here, self.closed], 5),
            ("connectiontest", [*here, self.port], 0),
            ("connectiontest", [*here, self.closed], 5),
            ("dataforward", ["-o", "said", *here, self.port], 0),
            ("dataforward", ["-o", "said", *here, self.closed], 5),
            ("formsite-export", ["-s", "none.db", "-o", "answers.csv"], 12),
            ("formsite-export", ["-s", "forms.db", "-o", "answers.csv"], 1),
            ("portscan", ["-p", self.port, *here], 0),
            ("portscan", ["-p", f"{self.port},{self.closed}", "--expect", self.closed, *here], 1),
            ("proxy-acl", ["https://9.9.9.9/"], 0),
            ("proxy-acl", ["http://169.254.169.254/"], 1),
            ("updatecheck", [f"{url}/"], 0),
            ("updatecheck", [f"{url}/none"], 10),
            ("validate", ["--partial", "page.html"], 3),
            ("webcat", [f"{url}/"], 0),
            ("webcat", [f"{url}/none"], 10),
            ("webdownload", ["-f", f"{url}/", "page"], 0),
            ("webdownload", ["-f", f"{url}/none", "page"], 10),
            ("wordproxy-import", ["-s", "words.db", "book.txt"], 0),
            ("wordproxy-import", ["-s", "words.db", "none.txt"], 12),
            ("check", ["good.toml"], 0),
            ("check", ["bad.toml"], 1),
            ("status", ["--admin", f"http://127.0.0.1:{self.closed}/"], 5),
            ("pidfile", ["stale.pid"], 1),
            ("doctor", ["-c", "none.toml"], 12),
            ("cert", ["-f", "a.example"], 0),
            ("cert", ["a.example"], 12),
            ("refresh-plugins", [], 0),
            ("completion", ["bash"], 0),
            ("completion", ["nosuch"], 2),
        )

    def test_json(self) -> None:
        """With -j there is one object on one line, of the keys that were promised (R4, R5)."""
        seen = set()
        for tool, arguments, status in self.cases():
            with self.subTest(tool=tool, arguments=arguments):
                found, output, errors = self.run_(tool, "-j", *arguments)
                if tool == "refresh-plugins":
                    status = found  # 12 where the folder of an installation can't be written
                self.assertEqual((found, len(output.splitlines())), (status, 1), output + errors)
                told = json.loads(output)
                self.assertEqual([key for key in told if key != "detail"], KEYS)
                self.assertEqual((told["tool"], told["ok"], told["exit"]), (tool, status == 0, status))
                self.assertEqual(told["cause"], {**{v: k for k, v in EXITS.items()}, 0: None}[status])
                self.assertRegex(told["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
                seen.add(tool)
        self.assertEqual(seen | ENDLESS, set(tools()))

    def test_usage(self) -> None:
        """A wrong option is exit 2 and a line that names the tool, and with -j an object, too (R5)."""
        for tool in tools():
            with self.subTest(tool=tool):
                status, output, errors = self.run_(tool, "-j", "--no-such-option")
                self.assertEqual((status, len(errors.splitlines())), (2, 1), errors)
                self.assertIn(f"{tool}: option --no-such-option not recognized", errors)
                self.assertEqual([json.loads(line)["cause"] for line in output.splitlines()], ["usage"])

    def test_output_that_is_full(self) -> None:
        """Where standard output takes nothing, that is told, and is 12: never a success (R5)."""
        for tool, arguments, status in self.cases():
            if status == 0 and tool not in (
                "dataforward",
                "refresh-plugins",
            ):  # they have nothing to say there
                with self.subTest(tool=tool), open("/dev/full", "wb") as full:
                    words = [tool] if tool in programs() else ["netsuite", tool]
                    words[0] = str(self.warm.folder / words[0])
                    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE}
                    done = subprocess.run(
                        [*words, *arguments],
                        stdout=full,
                        cwd=self.warm.folder,
                        timeout=FETCH_SECONDS,
                        **options,
                    )
                    self.assertEqual((done.returncode, len(done.stderr.splitlines())), (12, 1), done.stderr)

    def test_bytes(self) -> None:
        """An argument that is no UTF-8 is no bug: told as what it is, without a traceback (R9)."""
        for tool in set(tools()) - ENDLESS:
            with self.subTest(tool=tool):
                status, output, errors = self.run_(tool, os.fsdecode(b"\xff\xfe"))
                self.assertIn(status, (0, 2, 3, 4, 12) if tool == "pidfile" else (2, 3, 4, 12), errors)
                self.assertNotIn("Traceback", output + errors)

    def test_silence_is_no_success(self) -> None:
        """Who asks something and hears nothing does not say yes (R6)."""
        url = f"http://127.0.0.1:{self.silent}/"
        for tool, arguments in (
            ("connectiontest", ["-t", "0.2", "--banner", "x", "127.0.0.1", self.silent]),
            ("dataforward", ["-t", "0.2", "127.0.0.1", self.silent]),
            ("webcat", ["-t", "0.2", url]),
            ("webdownload", ["-t", "0.2", "-r", "0", "-f", url, "page"]),
            ("updatecheck", ["-t", "0.2", url]),
            ("validate", ["-t", "0.2", "--service", url, "page.html"]),
            ("status", ["-t", "0.2", "--admin", url]),
        ):
            with self.subTest(tool=tool):
                status, _, errors = self.run_(tool, *arguments)
                self.assertIn(status, (3, 6), errors)

    def secrets(self) -> Iterator[tuple[str, list[str]]]:
        """Each way to tell a tool something secret; what follows succeeds, fails, and is refused."""
        user = f"ann:{SECRET}@127.0.0.1"
        web = (
            ["-u", f"ann:{SECRET}", f"{self.url}/auth"],
            [f"http://{user}:{self.port}/"],
            [f"http://{user}:{self.closed}/"],
            ["-H", f"Authorization: Bearer {SECRET}", "-H", f"Cookie: {SECRET}", f"{self.url}/none"],
            ["--proxy", f"http://{user}:{self.closed}", f"{self.url}/"],
            [f"http://{user}:x/"],
        )
        for arguments in web:
            yield "webcat", arguments
            yield "webdownload", ["-f", "-r", "0", *arguments, "page"]
            yield "updatecheck", arguments
        yield "webcat", ["-d", f"a={SECRET}", f"{self.url}/none"]
        for proxy in ("http", "socks5"):
            for tool in ("connectiontest", "dataforward"):
                yield tool, ["--proxy", f"{proxy}://{user}:{self.closed}", "127.0.0.1", self.port]
        yield "validate", ["--service", f"http://{user}:{self.closed}/", "page.html"]
        yield "validate", ["--partial", f"http://{user}:{self.port}/"]
        yield "proxy-acl", [f"http://{user}:{self.port}/?q={SECRET}"]
        yield "proxy-acl", [f"http://{user}:x/?q={SECRET}"]
        yield "proxy-acl", ["-c", "bad.toml", "http://9.9.9.9/"]
        yield "wordproxy-import", ["-s", f"redis://{user}:{self.closed}/0", "book.txt"]
        yield "status", ["--admin", f"http://{user}:{self.closed}/"]
        for tool, option in (("check", []), ("doctor", ["-c"])):
            for file in ("secret.toml", "bad.toml"):
                yield tool, [*option, file]

    def test_secrets(self) -> None:
        """What is secret is in nothing that a tool says: to people, as JSON, with --debug (R3)."""
        seen = set(NO_SECRETS)
        for tool, arguments in self.secrets():
            seen.add(tool)
            with self.subTest(tool=tool, arguments=arguments):
                status, output, errors = self.run_(tool, "-j", "--debug", *arguments)
                self.assertNotIn(SECRET, output + errors)
                self.assertNotEqual(status, 70, errors)
                self.assertTrue(output)
        self.assertEqual(seen, set(tools()))


MORE = {
    "wordproxy": 'report = "0"\nstore = "words.db"\nallow-net = ["127.0.0.0/8"]\n',
    "formsite": 'store = "forms.db"\n',
    "proxy": 'allow-net = ["127.0.0.0/8"]\n',
    "httpecho": "body = true\n",
}


class ServiceTests(TestCase):
    """Every service, in one process: a service that is new is in it by the plugins' list."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.names = sorted(set(services()) - {"netsuite"})
        cls.suite = HatchedTwistd("netsuite", "-c", "netsuite.toml")
        cls.addClassCleanup(cls.suite.close)
        tables = "".join(
            f'[{name}]\nport = "0"\nmax-clients = 2\naccess-log = "{name}.log"\n{MORE.get(name, "")}'
            for name in cls.names
        )
        (cls.suite.folder / "netsuite.toml").write_text(f'[netsuite]\nadmin = "0"\n{tables}')
        cls.suite.launch()
        found = cls.suite.wait_log(r"admin\S* http://127\.0\.0\.1:(\d+)")
        cls.admin = f"http://127.0.0.1:{found[1]}"
        cls.ports = {
            each["name"]: [int(place.rpartition(":")[2]) for place in each["listen"]]
            for each in cls.asked("/status.json")["services"]
        }

    @classmethod
    def asked(cls, path: str) -> Any:
        """What the admin listener says."""
        with urllib.request.urlopen(cls.admin + path, timeout=FETCH_SECONDS) as answer:
            text = answer.read().decode()
        return json.loads(text) if path.endswith(".json") else text

    def refused(self, name: str) -> float:
        """How many connections a service has refused, or has made others give way for."""
        pattern = rf'^netsuite_connections_(?:refused|shed)_total\{{[^}}]*service="{name}"[^}}]*\}} (\S+)$'
        return sum(float(number) for number in re.findall(pattern, self.asked("/metrics"), re.MULTILINE))

    def test_bounds(self) -> None:
        """Past --max-clients clients are refused, which is counted; the others and all services live (R2)."""
        self.assertEqual(sorted(self.ports), self.names)
        for name in self.names:
            with self.subTest(service=name), contextlib.ExitStack() as stack:
                before = self.refused(name)
                for _ in range(6):
                    link = stack.enter_context(
                        socket.create_connection(("127.0.0.1", self.ports[name][0]), 10)
                    )
                    link.sendall(b"GET /x HTTP/1.1\r\nHo" if name != "echo" else b"hel")
                until(f"{name} has refused", lambda n=name, b=before: self.refused(n) > b)
        self.assertRegex(self.suite.log, "was idle and gave way|refused")
        health = self.asked("/status.json")["services"]
        self.assertEqual({each["state"] for each in health}, {"up"})

    def test_secrets(self) -> None:
        """What clients send in secret is in no log, no answer of the admin listener and no metric (R3)."""
        for places in self.ports.values():
            for port in places:
                for said in self.said(port):
                    with socket.create_connection(("127.0.0.1", port), FETCH_SECONDS) as link:
                        link.sendall(said)
                        link.shutdown(socket.SHUT_WR)
                        link.settimeout(FETCH_SECONDS)
                        with contextlib.suppress(OSError):
                            while link.recv(65536):
                                pass
        told = self.suite.log + self.asked("/metrics") + json.dumps(self.asked("/status.json"))
        for path in sorted(self.suite.folder.glob("*.log*")):
            told += path.read_text(errors="replace")
        self.assertNotIn(SECRET, told)
        self.assertIn("public-path", told)  # else nothing was looked at
        self.assertNotIn("Traceback", told)

    def said(self, port: int) -> Iterator[bytes]:
        """Requests with a secret in every place, in order and out of it."""
        basic = "YW5uOnBsYW50ZWR4cQ=="  # ann and the secret, in base64
        for target in (
            "/public-path",
            f"http://127.0.0.1:{port}/public-path",
            f"http://ann:{SECRET}@127.0.0.1:1/",
        ):
            fields = "".join(
                f"{line}\r\n"
                for line in (
                    f"Host: 127.0.0.1:{port}",
                    f"Authorization: Bearer {SECRET}",
                    f"Proxy-Authorization: Basic {basic}",
                    f"Cookie: a={SECRET}",
                    f"Referer: http://a.example/?q={SECRET}",
                    "Connection: close",
                )
            )
            form = f"name={SECRET}&password={SECRET}"
            yield f"GET {target}?token={SECRET} HTTP/1.1\r\n{fields}\r\n".encode()
            yield (
                f"POST {target} HTTP/1.1\r\n{fields}Content-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(form)}\r\n\r\n{form}"
            ).encode()
            yield f"GET {target}?{SECRET} HTTP/1.1\r\n{fields}Content-Length: x\r\n\r\n".encode()
            yield f"GET {target} HTTP/1.1\r\n{fields} folded: {SECRET}\r\n\r\n".encode()
        yield f"BREW /public-path\r\n{SECRET}: {SECRET}\r\n\r\n".encode()
        yield b"\xff\xfe\x00 /public-path\r\n" + SECRET.encode() + b"\r\n\r\n"
