"""Faults by the admin listener: whole, or not at all and the field at fault named."""

from __future__ import annotations

import json
from typing import Any

from netsuite.echo.desk import Desk
from netsuite.site.answer import JSON
from netsuite.site.frame import Frame
from netsuite.site.routes import Post, Routes
from netsuite.site.server import make_site
from tests.echo.talking import Talking
from tests.site.wire import Client, Now, Reply, ask


class DeskTests(Talking):
    """``/faults`` of the admin listener, on strings."""

    def setUp(self) -> None:
        super().setUp()
        self.factory("--seed", "7", "--drop", "0.5")
        desk, frame = Desk(self.shared), Frame("echo admin")
        posts = {"/faults": Post(desk.replaced, purpose=None, kinds=(JSON,), method="PUT")}
        self.site = make_site(Routes(frame, {"/faults": desk.shown}, posts=posts), frame, reactor=Now())

    def put(self, body: str, *fields: str, kind: str = JSON, method: str = "PUT") -> Reply:
        """What is answered to these bytes."""
        head = [
            f"{method} /faults HTTP/1.1",
            "Host: localhost:8000",
            *fields,
            f"Content-Length: {len(body.encode())}",
        ]
        if kind:
            head.append(f"Content-Type: {kind}")
        client = Client(self.site)
        (reply,) = client.send(("\r\n".join(head) + "\r\n\r\n" + body).encode())
        return reply

    def refused(self, body: str) -> Any:
        """The field that a 400 names; nothing has changed."""
        before = self.shared.told()
        reply = self.put(body)
        self.assertEqual(reply.status, 400, reply.body)
        self.assertEqual(self.shared.told(), before)
        return json.loads(reply.body)["error"]["field"]

    def test_shown(self) -> None:
        """GET tells every knob by its option's name."""
        told = json.loads(ask(self.site, "/faults").body)
        self.assertEqual((told["drop"], told["latency"], told["seed"]), (0.5, None, 7))

    def test_put(self) -> None:
        """PUT replaces all: what it does not name is off; the answer says what holds."""
        reply = self.put('{"latency": "200ms±50ms", "truncate": 100, "slow": "1KiB/s"}')
        self.assertEqual(reply.status, 200, reply.body)
        told = json.loads(reply.body)
        self.assertEqual(
            (told["latency"], told["truncate"], told["slow"], told["drop"]), ("0.2s±0.05s", 100, 1024, None)
        )
        self.assertEqual(self.shared.faults.drop, 0.0)
        self.assertEqual(
            [e["event"] for e in self.events if e.get("event") == "echo.faults"], ["echo.faults"]
        )

    def test_what_was_told_can_be_put(self) -> None:
        """What GET tells makes the same faults again."""
        told = ask(self.site, "/faults").body.decode()
        self.shared.change(self.shared.faults.__class__(), None, "test")
        self.assertEqual(self.put(told).status, 200)
        self.assertEqual(json.dumps(self.shared.told()), json.dumps(json.loads(told)))

    def test_seed(self) -> None:
        """With a seed the next connection is the first again."""
        self.shared.next_number()
        self.assertEqual(self.put('{"seed": 9}').status, 200)
        self.assertEqual((self.shared.seed, self.shared.next_number()), (9, 1))

    def test_refused(self) -> None:
        """400 names the field that is at fault, and changes nothing, also where others are sound."""
        for body, field in (
            ('{"drop": 2}', "drop"),
            ('{"latency": "1s", "drip": 0.1}', "drip"),
            ('{"latency": "soon"}', "latency"),
            ('{"reset": true}', ""),
            ('{"slow": -1}', "slow"),
            ('{"seed": -1}', "seed"),
            ('{"seed": "x"}', "seed"),
            ('{"seed": 1.5}', "seed"),
            ("[]", ""),
            ("", ""),
            ("{", ""),
            ('{"drop": NaN}', ""),
            ("[" * 5000, ""),
        ):
            self.assertEqual(self.refused(body), field, body)

    def test_other_sites(self) -> None:
        """No page of another site changes anything, nor a form, nor another name of ours."""
        for fields, kind in (
            (("Origin: http://evil.example",), JSON),
            (("Sec-Fetch-Site: cross-site",), JSON),
            ((), "application/x-www-form-urlencoded"),
            ((), "text/plain"),
            ((), ""),
        ):
            self.assertIn(self.put('{"drop": 0}', *fields, kind=kind).status, (403, 415))
        self.assertEqual(self.shared.faults.drop, 0.5)

    def test_methods(self) -> None:
        """Other methods are told which there are."""
        reply = self.put("", method="DELETE")
        self.assertEqual((reply.status, reply.headers["allow"]), (405, "GET, HEAD, PUT, OPTIONS"))
