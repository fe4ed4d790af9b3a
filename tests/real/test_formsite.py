"""The form site as users run it: killed after a thank-you, its disk full, receivers away; its looks."""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest
from urllib.parse import urlencode

import aiosmtpd.controller
from passlib.apache import HtpasswdFile
from twisted.trial.unittest import SynchronousTestCase

from netsuite.formsite import webhook
from netsuite.formsite.entry import Draft, Entry
from netsuite.formsite.store import FormStore
from tests.formsite.samples import hidden
from tests.real import parts
from tests.real.clients import require_axe, told_by
from tests.real.hatchery import HatchedTwistd
from tests.real.load import memory
from tests.real.parts import FETCH_SECONDS, PartError, Twistd, free_ports, until
from tests.scale import NIGHTLY
from tests.site.test_posted import KIND, body, part

#: How often the service is killed, and clients that post meanwhile.
KILLS, CLIENTS = (100, 8) if NIGHTLY else (2, 4)

#: Times that a corpus is played, the first of them to warm up.
ROUNDS = 20 if NIGHTLY else 2

#: Answers of a large store.
MANY = 100_000 if NIGHTLY else 10_000

FORM = "application/x-www-form-urlencoded"

OWN_FORM = """
title = "Sign up"
intro = "A form of one's own."
[[field]]
name = "email"
label = "Mail"
kind = "email"
required = true
hint = "For the answer"
[[field]]
name = "meal"
kind = "radio"
options = ["soup", "salad"]
[[field]]
name = "size"
kind = "select"
options = ["S", "M"]
[[field]]
name = "langs"
kind = "multiple"
options = ["en", "zh"]
[[field]]
name = "day"
kind = "date"
[[field]]
name = "note"
kind = "textarea"
[[field]]
name = "doc"
kind = "file"
[[field]]
name = "ok"
label = "I agree"
kind = "consent"
required = true
"""


def formsite(*options: str, folder: Path | None = None) -> Twistd:
    """A form site that is up; its store is forms.db in its folder."""
    service = HatchedTwistd("formsite", "-p", "0", "-s", "forms.db", *options, folder=folder)
    try:
        return up(service)
    except PartError:
        service.close()
        raise


def up(service: Twistd) -> Twistd:
    """It is up, and ``ports`` has its port."""
    if not service.running():
        service.launch()
    found = service.wait_log(r"form on http://127\.0\.0\.1:(\d+)/")
    service.ports["form"] = int(found[1])
    return service


def fetch(
    service: Twistd, path: str, content: bytes | None = None, kind: str = FORM, **headers: str
) -> tuple[int, bytes]:
    """Status and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", service.ports["form"], timeout=FETCH_SECONDS)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content is not None:
            named["Content-Type"] = kind
        connection.request("GET" if content is None else "POST", path, content, named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def post(service: Twistd, **fields: str) -> tuple[int, bytes]:
    """Status and body of the answer to a post."""
    return fetch(service, "/posthandler", urlencode(fields).encode())


def kept(folder: Path) -> list[Entry]:
    """What is in a store that nobody uses any more."""
    store = FormStore(str(folder / "forms.db"))
    try:
        return store.after(0, 1_000_000, "all")
    finally:
        store.close()


class Folder(SynchronousTestCase):
    """A test with a folder that outlives its services."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netsuite-form-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def formsite(self, *options: str) -> Twistd:
        service = formsite(*options, folder=self.folder)
        self.addCleanup(service.close)
        return service


class KilledTests(Folder):
    """Whoever was thanked is in the store, whatever happens right after."""

    def test_kill_right_after(self) -> None:
        """kill -9 as soon as a thank-you has come, others being under way: all that were thanked are kept."""
        thanked: set[str] = set()
        for number in range(KILLS):
            service = self.formsite("--allow-origin", "*")
            self.round(service, f"round{number}", thanked, after=number % 7 + 1)
            service.close()
        names = [entry.fields[0][1] for entry in kept(self.folder)]
        self.assertEqual(thanked - set(names), set())
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(len(thanked), KILLS)

    def test_stopped_under_load(self) -> None:
        """SIGTERM while others post: it ends with 0, and all that were thanked are kept."""
        thanked: set[str] = set()
        service = self.formsite("--allow-origin", "*")
        self.round(service, "stopped", thanked, after=20, how=signal.SIGTERM)
        self.assertEqual(service.wait(), 0)
        self.assertNotIn("Traceback", service.log)
        names = [entry.fields[0][1] for entry in kept(self.folder)]
        self.assertEqual(thanked - set(names), set())

    def round(
        self,
        service: Twistd,
        name: str,
        thanked: set[str],
        after: int,
        how: signal.Signals = signal.SIGKILL,
    ) -> None:
        count = threading.Semaphore(0)

        def client(own: str) -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                for n in range(10_000):
                    mark = f"{own}-{n}"
                    status, text = post(service, name=mark)
                    if status == 200 and b"Thank you" in text:
                        thanked.add(mark)
                        count.release()

        clients = [threading.Thread(target=client, args=(f"{name}-{n}",)) for n in range(CLIENTS)]
        for one in clients:
            one.start()
        for _ in range(after):
            count.acquire(timeout=FETCH_SECONDS)
        service.signal(how)
        service.wait()
        for one in clients:
            one.join()

    def test_flushed_before_the_answer(self) -> None:
        """The kernel was told to flush the log after the answer came and before the thank-you went."""
        parts.require("strace", shutil.which("strace"))
        trace = self.folder / "trace"
        service = HatchedTwistd(
            "formsite", "-p", "0", "-s", "forms.db", "--allow-origin", "*", folder=self.folder
        )
        self.addCleanup(service.close)
        run = "from twisted.scripts.twistd import run; run()"
        calls = "trace=fsync,fdatasync,pwrite64,recvfrom,read,sendto,write,sendmsg,writev"
        traced = ["strace", "-f", "-y", "-s", "80", "-o", str(trace), "-e", calls, sys.executable, "-c", run]
        service.start([*traced, "-n", "--pidfile=", *service.arguments])
        up(service)
        self.assertEqual(post(service, name="PLANTEDNAME")[0], 200)
        os.kill(parts.children(service.pid)[0], signal.SIGTERM)
        service.wait()
        lines = trace.read_text(errors="replace").splitlines()
        came = next(n for n, line in enumerate(lines) if "POST /posthandler" in line)
        went = next(n for n, line in enumerate(lines) if n > came and "HTTP/1.1 200" in line)
        flushed = [n for n, line in enumerate(lines) if re.search(r"f(data)?sync\(.*forms\.db-wal", line)]
        written = [n for n, line in enumerate(lines) if re.search(r"pwrite64\(.*forms\.db-wal", line)]
        last = max(n for n in written if came < n < went)
        self.assertTrue([n for n in flushed if last < n < went], lines[came : went + 1])


class DiskTests(Folder):
    """A disk that is full, and files that aren't ours."""

    def test_full(self) -> None:
        """On a full disk nobody is thanked; with room again the next is kept, and what was kept is there."""
        mounted = shutil.which("mount") and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(self.folder)], capture_output=True
        )
        if not mounted or mounted.returncode:
            raise SkipTest("NOT TESTED: no disk of its own for this test; only root may mount one")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(self.folder)], check=True)
        service = self.formsite("--allow-origin", "*", "--max-links", "0")
        self.assertEqual(post(service, name="first")[0], 200)
        filler = self.folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        thanked, refused = ["first"], 0
        for number in range(100):
            status, text = post(service, name=f"n{number}", text="x" * 3000)
            if status == 200:
                thanked.append(f"n{number}")
            else:
                self.assertEqual(status, 507)
                self.assertNotIn(b"Thank you", text)
                refused += 1
                if refused == 3:
                    break
        self.assertEqual(refused, 3)
        self.assertEqual(fetch(service, "/inbox")[0], 200)
        filler.unlink()
        self.assertEqual(post(service, name="last")[0], 200)
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(re.findall(r"no room", service.log)), 1)
        self.assertNotIn("Traceback", service.log)
        self.assertEqual([entry.fields[0][1] for entry in kept(self.folder)], [*thanked, "last"])

    def test_quota(self) -> None:
        """While the store may grow no further (EFBIG) nobody is thanked; afterwards all is as before."""
        service = self.formsite("--allow-origin", "*")
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (512 << 10, resource.RLIM_INFINITY))
        told = [post(service, name=f"n{number}", text="x" * 200_000)[0] for number in range(6)]
        self.assertEqual(set(told), {200, 503}, told)
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.assertEqual(post(service, name="last")[0], 200)
        self.assertEqual(service.stop(), 0)
        self.assertNotIn("Traceback", service.log)
        names = [entry.fields[0][1] for entry in kept(self.folder)]
        self.assertEqual(names, [*(f"n{n}" for n, status in enumerate(told) if status == 200), "last"])

    def test_foreign(self) -> None:
        """A file of another program is refused in one line, with status 1, and keeps every byte."""
        path = self.folder / "forms.db"
        foreign = sqlite3.connect(path)
        foreign.execute("CREATE TABLE a (b)")
        foreign.close()
        before = path.read_bytes()
        service = HatchedTwistd("formsite", "-p", "0", "-s", "forms.db", folder=self.folder)
        self.addCleanup(service.close)
        service.launch()
        self.assertEqual(service.wait(), 1)
        told = [line for line in service.log.splitlines() if line.startswith("netsuite: ")]
        self.assertEqual(len(told), 1, service.log)
        self.assertIn("is a database of another program; choose another file with --store", told[0])
        self.assertEqual(path.read_bytes(), before)
        self.assertNotIn("Traceback", service.log)


class Hook(http.server.BaseHTTPRequestHandler):
    """A receiver of webhooks."""

    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, content))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class Letters:
    """What a mail server takes in (aiosmtpd)."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


class ToldTests(Folder):
    """What is told of answers: by a real mail server, and to a real web server."""

    def test_after_a_kill(self) -> None:
        """Receivers are away, the service is killed: with all of them back each answer is told; spam not."""
        hook_port, mail_port = free_ports(2)
        (self.folder / "form.toml").write_text(OWN_FORM)
        options = (
            *("--allow-origin", "*", "--form", "form.toml", "--max-links", "1"),
            *("--webhook", f"http://127.0.0.1:{hook_port}/told", "--allow-net", "127.0.0.0/8"),
            *("--mail", "owner@example.org", "--smtp", f"localhost:{mail_port}"),
        )
        service = self.formsite(*options)
        name = "Größe\nBcc: evil@example.org"
        self.assertEqual(post(service, email="a@example.org", ok="yes", note=name)[0], 200)
        self.assertEqual(post(service, email="b@example.org", ok="yes", note="http://a http://b")[0], 200)
        service.wait_log(r"webhook failed, try 1")
        service.wait_log(r"mail failed, try 1")
        service.kill9()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", hook_port), Hook)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        letters = Letters()
        mail = aiosmtpd.controller.Controller(letters, hostname="127.0.0.1", port=mail_port)
        mail.start()
        self.addCleanup(mail.stop)
        again = self.formsite(*options)
        token = dict(hidden(fetch(again, "/inbox")[1].decode()))["token"]
        self.assertEqual(fetch(again, "/inbox", urlencode({"token": token, "again": "1"}).encode())[0], 303)
        until("both are told", lambda: Hook.got and letters.got)
        until("nothing waits", lambda: b"wait to be sent" not in fetch(again, "/inbox")[1])
        self.assertEqual(again.stop(), 0)
        ((headers, content),) = Hook.got
        told = json.loads(content)
        self.assertEqual(told["data"]["fields"]["note"], [name])
        secret = webhook.read_secret(str(self.folder / "forms.db.webhook"))
        moment = int(headers["webhook-timestamp"])
        self.assertEqual(
            headers["webhook-signature"], webhook.sign(secret, headers["webhook-id"], moment, content)
        )
        (letter,) = letters.got
        self.assertEqual(
            (letter["To"], letter["Reply-To"], letter["Subject"], letter["Bcc"]),
            ("owner@example.org", "a@example.org", "Sign up: answer 1", None),
        )
        self.assertIn("Größe", letter.get_content())
        for log in (service.log, again.log):
            self.assertNotIn("Größe", log)
            self.assertNotIn("a@example.org", log)
            self.assertNotIn("Traceback", log)


class ServedTests(SynchronousTestCase):
    """One form site, asked all sorts of things."""

    service: ClassVar[Twistd]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.service = formsite("--min-seconds", "0", "--uploads", "uploads", "--max-upload", "64KiB")
        cls.addClassCleanup(cls.service.close)

    def stamp(self) -> str:
        page = fetch(self.service, "/")[1].decode()
        return dict(hidden(page))["_stamp"]

    def test_tutorial(self) -> None:
        """The form is fetched, filled in and sent, its values are listed: both paths, both kinds of body."""
        status, page = fetch(self.service, "/")
        self.assertEqual(status, 200)
        self.assertIn(b"<title>Form Test</title>", page)
        for path in ("/posthandler", "/formhandler"):
            fields = [("name", "Example"), ("color", "blue"), ("flavor", "vanilla"), ("flavor", "coffee")]
            told = urlencode([*fields, ("_stamp", self.stamp())]).encode()
            self.listed(fetch(self.service, path, told))
            pieces = [part(name, value.encode()) for name, value in [*fields, ("_stamp", self.stamp())]]
            self.listed(fetch(self.service, path, body(*pieces), KIND))

    def listed(self, answer: tuple[int, bytes]) -> None:
        self.assertEqual(answer[0], 200)
        for text in (
            b"<title>Posted Form Data</title>",
            b"<h1>Form Data</h1>",
            b"<h2>flavor</h2>\n<ul>\n<li>vanilla</li>\n<li>coffee</li>\n</ul>",
        ):
            self.assertIn(text, answer[1])

    def test_double_click(self) -> None:
        """The same form sent by many at once is one answer."""
        before = len(json.loads(fetch(self.service, "/inbox.json?limit=1000")[1])["entries"])
        content = urlencode({"name": "double", "_stamp": self.stamp()}).encode()
        told: list[int] = []
        clients = [
            threading.Thread(target=lambda: told.append(fetch(self.service, "/posthandler", content)[0]))
            for _ in range(8)
        ]
        for one in clients:
            one.start()
        for one in clients:
            one.join()
        self.assertEqual(told, [200] * 8)
        after = len(json.loads(fetch(self.service, "/inbox.json?limit=1000")[1])["entries"])
        self.assertEqual(after - before, 1)

    def test_secrets(self) -> None:
        """Nothing that was sent, asked or said is in the log."""
        planted = "PLANTED-" + "SECRET"
        stamp = self.stamp()
        for path in (f"/posthandler?a={planted}", f"/inbox?q={planted}", f"/{planted.lower()}x"):
            fetch(self.service, path, Cookie=f"a={planted}", Authorization=f"Basic {planted}")
        fields = {"name": planted, planted: "x", "_gotcha": planted, "_stamp": stamp, "_next": f"/{planted}"}
        post(self.service, **fields)
        post(self.service, name=planted)
        pieces = [part("_stamp", self.stamp().encode()), part("doc", planted.encode(), f"{planted}.txt")]
        self.assertEqual(fetch(self.service, "/posthandler", body(*pieces), KIND)[0], 200)
        self.assertNotIn(planted, self.service.log)
        self.assertIn("kept as spam (honeypot)", self.service.log)

    def test_foreign_names(self) -> None:
        """Under a name that isn't ours nothing is answered, form and inbox alike."""
        for path in ("/", "/inbox", "/inbox.csv"):
            self.assertEqual(fetch(self.service, path, Host="evil.example")[0], 421)

    def test_bad_bodies(self) -> None:
        """A corpus of bad bodies: each a 4xx with a reason or a clean close, no traceback, memory flat."""
        good = body(part("a", b"1"), part("b", b"x" * 5000, "f.txt"))
        corpus = [good[:cut] for cut in range(0, len(good), 397)]
        corpus += [good.replace(b"\r\n", end) for end in (b"\n", b"\r", b"\r\n\r\n", b"\0")]
        corpus += [b"\xff" * 3000, b"--" * 3000, b"\r\n" * 3000, body(*[part("n" * 190, b"")] * 300)]
        corpus += [b"&" * 60_000, b"=" * 60_000, b"%" * 60_000, b"a=%u0000&b=%", b"a[]=1&a[b][c]=\xc0\xaf\0"]
        before = 0
        for _ in range(ROUNDS):
            for content in corpus:
                for kind in (KIND, FORM, f"{FORM}; charset=\xff"):
                    status, text = fetch(self.service, "/posthandler", content, kind)
                    self.assertIn(status, (400, 403, 413, 415, 422), (kind, content[:60]))
                    self.assertTrue(text)
            before = before or memory(self.service.pid)
        self.assertLess(memory(self.service.pid) - before, 16 << 20)
        with socket.create_connection(("127.0.0.1", self.service.ports["form"])) as client:
            client.sendall(
                b"POST /posthandler HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000000\r\n\r\na="
            )
            self.assertIn(b" 413 ", client.recv(1000))
        self.assertNotIn("Traceback", self.service.log)
        self.assertEqual(fetch(self.service, "/")[0], 200)

    def test_slow_bodies(self) -> None:
        """Many clients that never finish their bodies don't keep others waiting."""
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                client = stack.enter_context(
                    socket.create_connection(("127.0.0.1", self.service.ports["form"]))
                )
                client.sendall(b"POST /posthandler HTTP/1.1\r\nHost: localhost\r\nContent-Type: ")
                client.sendall(FORM.encode() + b"\r\nContent-Length: 1000\r\n\r\na=1&")
            self.assertEqual(fetch(self.service, "/")[0], 200)
            self.assertEqual(post(self.service, name="x", _stamp=self.stamp())[0], 200)


class ReloadTests(Folder):
    """Users and a form that change while it runs, and SIGTERM."""

    def test_users_and_reload(self) -> None:
        """With a password file the inbox asks who it is; SIGHUP takes a changed form, not a broken one."""
        users = HtpasswdFile(str(self.folder / "users"), new=True, default_scheme="bcrypt")
        users.context.update(bcrypt__rounds=4)
        users.set_password("owner", "right")
        users.save()
        form = self.folder / "form.toml"
        form.write_text('title = "One"\n[[field]]\nname = "a"\n')
        service = self.formsite("--form", "form.toml", "-A", "users", "--min-seconds", "0")
        for password, status in (("", 401), ("wrong", 401), ("right", 200)):
            told = base64.b64encode(f"owner:{password}".encode()).decode()
            self.assertEqual(fetch(service, "/inbox", Authorization=f"Basic {told}")[0], status)
        for text, title in (('title = "Two"\n[[field]]\nname = "b"\n', b"Two"), ("broken =", b"Two")):
            form.write_text(text)
            service.signal(signal.SIGHUP)
            service.wait_log(
                r"reloaded: form" if "Two" in text else r"reload refused, nothing changed: .*form\.toml"
            )
            self.assertIn(b"<title>%b</title>" % title, fetch(service, "/")[1])
        self.assertEqual(service.stop(), 0)


class LargeTests(Folder):
    """A large store is taken out whole, in memory that doesn't grow with it."""

    def test_export(self) -> None:
        """Every row, in CSV and in JSON, by the tool and from the service, while answers come."""
        store = FormStore(str(self.folder / "forms.db"))
        rows = [Draft((("name", f"Example {n}"), ("text", "some words " * 20))) for n in range(500)]
        for _ in range(MANY // 500):
            store.add(rows, 0)
        store.close()
        service = self.formsite("--allow-origin", "*", "--keep", "0")
        used = memory(service.pid)
        for path, wanted in (("/inbox.csv", MANY + 1), ("/inbox.json?limit=0", MANY + 2)):
            status, content = fetch(service, path)
            self.assertEqual((status, content.count(b"\n")), (200, wanted))
            self.assertEqual(post(service, name="meanwhile", text="x")[0], 200)
        self.assertLess(memory(service.pid) - used, 24 << 20)
        lines = self.tool("csv")
        self.assertEqual(lines, MANY + 3)

    def tool(self, form: str) -> int:
        out = self.folder / f"out.{form}"
        command = [
            sys.executable,
            "-m",
            "netsuite.scripts.formsite_export",
            "-s",
            str(self.folder / "forms.db"),
        ]
        child = subprocess.Popen([*command, "-o", str(out), "--format", form], env=parts.clean_environment())
        used = [0]  # what wait4 tells would count from before the exec, which is this process

        def ended() -> bool:
            with contextlib.suppress(OSError):
                found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{child.pid}/status").read_text())
                used.append(int(found[1]) if found else 0)
            return child.poll() is not None

        until("the export", ended, 300)
        self.assertEqual(child.returncode, 0)
        self.assertLess(max(used), 120 * 1024)
        return out.read_bytes().count(b"\n")


class LookTests(Folder):
    """What people look at, in a real browser."""

    def test_pages(self) -> None:
        """axe-core finds nothing wrong, light and dark, wide and on a phone; keys reach all; no scripts."""
        require_axe()
        (self.folder / "form.toml").write_text(OWN_FORM)
        own = formsite("--form", "form.toml", "--uploads", "up", "--min-seconds", "0", folder=self.folder)
        self.addCleanup(own.close)
        tutorial = formsite("--min-seconds", "0", "--allow-origin", "*", "--max-links", "0")
        self.addCleanup(tutorial.close)
        for bad in (
            "<script>window.alerted=1</script>",
            '"><img src=x onerror=alert(1)>',
            "javascript:alert(1)",
        ):
            post(tutorial, **{bad: bad, "name": bad})
        post(tutorial, name="x" * 5000, _gotcha="1")
        inbox = ["/inbox", "/inbox?box=spam", "/inbox?q=x", "/inbox/1", "/inbox/forget?name=name&value=x"]
        checks = [
            self.order(tutorial, "story", "story"),
            self.order(tutorial, "axe", "tutorial", ["/", "/posthandler?name=a&name=b"], whole=NIGHTLY),
            self.order(own, "fill", "fill", whole=NIGHTLY),
            self.order(own, "axe", "own", ["/"], whole=NIGHTLY),
            self.order(tutorial, "axe", "inbox", inbox, whole=NIGHTLY),
            self.order(tutorial, "keys", "keys", ["/inbox"]),
            self.order(
                tutorial, "hostile", "hostile", ["/inbox", "/inbox/1", "/posthandler?%3Cb%3E=%3Cscript%3E"]
            ),
        ]
        told = told_by("form_browser", checks)
        self.assertEqual(
            told.pop("story"),
            [
                "Form Test",
                "Posted Form Data",
                "Thank you. Your answers are kept.",
                *("name", "Größe & <b>", "color", "blue", "flavor", "vanilla", "coffee"),
                "This form was sent already",
                "1 answer is spam now.",
                "1 answer is in the inbox now.",
                "1 answer is deleted.",
            ],
        )
        self.assertEqual({name: lines for name, lines in told.items() if lines}, {})

    def order(
        self, service: Twistd, check: str, name: str, views: list[str] | None = None, *, whole: bool = False
    ) -> dict[str, Any]:
        base = f"http://127.0.0.1:{service.ports['form']}"
        return {
            "program": shutil.which("chromium"),
            "base": base,
            "check": check,
            "name": name,
            "views": views or [],
            "whole": whole,
        }
