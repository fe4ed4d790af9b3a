"""Webhook and mail over real sockets: what a receiver gets, and what it can do to us."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from typing import Any

import aiosmtpd.controller
from aiosmtpd.smtp import SMTP, AuthResult
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from netsuite.formsite import mail
from netsuite.formsite.delivery import Undelivered
from netsuite.formsite.entry import Entry
from netsuite.formsite.form import Field, Form
from netsuite.formsite.mail import Mail, Server, message
from netsuite.formsite.store import Letter
from netsuite.formsite.webhook import Webhook
from netsuite.guard import Guard
from netsuite.reach.place import Place
from netsuite.values import parse_network
from tests.real.parts import free_ports

ENTRY = Entry(7, 1767609224000, "", False, "", (("email", "a@example.org"), ("text", "Größe\n.\n.end")))
FORM = Form("T\nBcc: evil@example.org", (Field("email", kind="email"),))


def letter(entry: Entry = ENTRY) -> Letter:
    return Letter(1, "x", 0, 0, entry)


class Answering:
    """A server in a thread that answers each request with the same bytes and closes."""

    def __init__(self, answer: bytes) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """It is gone."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(30)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                with contextlib.suppress(OSError), client:
                    client.settimeout(30)
                    self.requests.append(_request(client))
                    client.sendall(self._answer)


def _request(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(65536)
    head, _, _ = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    while found is not None and len(data) < len(head) + 4 + int(found[1]):
        data += client.recv(65536)
    return data


class MessageTests(TestCase):
    """What a mail says."""

    def test_nothing_slips_into_the_head(self) -> None:
        """Neither the form's title nor an answer can add a line to the head."""
        for given in ("x@example.org\nBcc: evil@example.org", "a@b, c@d", "<a@b>", "Bob a@b", ""):
            entry = Entry(1, 0, "", False, "", (("email", given),))
            told = message(entry, FORM, sender="me@example.org", to="you@example.org", name="n")
            self.assertIsNone(told["Reply-To"], given)
            self.assertIsNone(told["Bcc"])
        self.assertEqual(told["Subject"], "T Bcc: evil@example.org: answer 1")

    def test_servers(self) -> None:
        """What is read as a mail server, and what isn't."""
        self.assertEqual(mail.parse_server("localhost:25"), (Place("localhost", 25, "localhost"), False))
        self.assertEqual(mail.parse_server("tls:x.example:465")[1], True)
        for text in ("", "x", "unix:/run/x", "tls:", "x:0", "x:y"):
            self.assertRaises(ValueError, mail.parse_server, text)


class Taken:
    """A mail server's ears."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.answer = "250 taken"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append(envelope.content)
        return self.answer


class MailTests(TestCase):
    """Over a real mail server."""

    def setUp(self) -> None:
        self.taken = Taken()
        (self.port,) = free_ports(1)

    def serve(self, **more: Any) -> None:
        server = aiosmtpd.controller.Controller(self.taken, hostname="127.0.0.1", port=self.port, **more)
        server.start()
        self.addCleanup(server.stop)

    def mail(self, **more: str) -> Mail:
        server = Server(Place("localhost", self.port), **more)  # type: ignore[arg-type]
        return Mail(reactor, server, lambda: FORM, sender="me@example.org", to="you@example.org", name="n")

    async def test_taken(self) -> None:
        """The message arrives as it was meant, dots and umlauts too."""
        self.serve()
        await self.mail().send(letter())
        (content,) = self.taken.got
        self.assertIn(b"Message-ID: <answer.7.n@example.org>\r\n", content)
        self.assertIn(b"    Gr=C3=B6=C3=9Fe\r\n    .\r\n    .end\r\n", content)
        self.assertNotIn(b"\r\r\n", content)

    async def test_refused(self) -> None:
        """What a server refuses, or that none is there, is told without anything of the answer."""
        with self.assertRaisesRegex(Undelivered, "Connection was refused"):
            await self.mail().send(letter())
        self.taken.answer = "451 Größe a@example.org later"
        self.serve()
        with self.assertRaisesRegex(Undelivered, r"^the mail server answered 451$"):
            await self.mail().send(letter())

    async def test_log_in(self) -> None:
        """With a user it logs in; a wrong password is told as such."""

        def judge(server: SMTP, session: Any, envelope: Any, how: str, data: Any) -> AuthResult:
            return AuthResult(success=data.password == b"right", handled=False)

        self.serve(auth_require_tls=False, authenticator=judge, auth_required=True)
        await self.mail(user="u", password="right").send(letter())
        with self.assertRaisesRegex(Undelivered, "the mail server answered 535"):
            await self.mail(user="u", password="wrong").send(letter())
        self.assertEqual(len(self.taken.got), 1)


class HookTests(TestCase):
    """To a web server that answers what it likes."""

    def hook(
        self, port: int, *, allow: str = "127.0.0.0/8", own: Any = tuple, host: str = "127.0.0.1"
    ) -> Webhook:
        guard = Guard(allow_nets=(parse_network(allow),), own=own)
        url = f"http://{host}:{port}/told?key=SECRET"
        return Webhook(reactor, url, b"s" * 32, guard, name="n", clock=lambda: 1767609224.0)

    def answering(self, answer: bytes) -> Answering:
        server = Answering(answer)
        self.addCleanup(server.close)
        return server

    async def test_taken(self) -> None:
        """A 2xx is enough, whatever body follows."""
        server = self.answering(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok")
        await self.hook(server.port).send(letter())
        head, _, content = server.requests[0].partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"POST /told?key=SECRET HTTP/1.1"))
        self.assertIn(b'"fields":{"email":["a@example.org"]', content)

    async def test_refused(self) -> None:
        """Errors, redirects, nonsense and silence are told, without the address's secrets."""
        for answer, told in (
            (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "the answer's status is 500"),
            (b"HTTP/1.1 302 Go\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n", "302"),
            (b"nonsense\r\n\r\n", ""),
            (b"", ""),
        ):
            with self.assertRaisesRegex(Undelivered, told) as caught:
                await self.hook(self.answering(answer).port).send(letter())
            self.assertNotIn("SECRET", str(caught.exception))

    async def test_guarded(self) -> None:
        """Private addresses and our own are not dialled, under whatever name."""
        server = self.answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        for hook in (
            self.hook(server.port, allow="10.0.0.0/8"),
            self.hook(server.port, allow="10.0.0.0/8", host="localhost"),
            self.hook(server.port, own=lambda: [("127.0.0.1", server.port)]),
        ):
            with self.assertRaises(Undelivered):
                await hook.send(letter())
        self.assertEqual(server.requests, [])

    async def test_endless(self) -> None:
        """An answer without end is read to a bound, and taken for what its status says."""
        server = self.answering(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 500_000)
        await self.hook(server.port).send(letter())
