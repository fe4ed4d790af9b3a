"""Pages that are open hear of what is counted, and the store is asked once for all of them."""

from __future__ import annotations

import json

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from netsuite.wordproxy.report.live import LIFE_SECONDS, LISTENERS_MAX
from tests.site.wire import Client, ask
from tests.wordproxy.report.desk import ReportCase
from tests.wordproxy.report.test_views import today
from tests.wordproxy.store.samples import batch, page

ASK = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"


class LiveTests(ReportCase):
    def listen(self) -> Client:
        """A client that listens."""
        client = Client(self.site)
        client.protocol.dataReceived(ASK)
        head = client.transport.value()
        self.assertIn(b"Content-Type: text/event-stream", head)
        self.assertIn(b"no-store", head)
        client.transport.clear()
        return client

    def heard(self, client: Client) -> list[str]:
        """The events since last asked for."""
        text = client.transport.value().decode()
        client.transport.clear()
        return [line for line in text.splitlines() if line.startswith(("event:", "data:"))]

    def tick(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.clock.advance(1)

    def test_counted(self) -> None:
        """A page that is counted is told to all who listen, once, with today's coverage."""
        clients = [self.listen() for _ in range(3)]
        self.tick(2)
        self.store.add(batch(page(1, "tide", day=today())))
        self.tick(3)
        for client in clients:
            name, data = self.heard(client)
            self.assertEqual(name, "event: counted")
            self.assertEqual(json.loads(data.removeprefix("data: "))["counted"], 1)

    def test_nobody_listens(self) -> None:
        """While nobody listens the store isn't asked; who is gone is forgotten."""
        client = self.listen()
        self.tick(2)
        client.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual([call for call in self.clock.getDelayedCalls() if call.func.__name__ == "_look"], [])

    def test_sign_of_life(self) -> None:
        """A quiet connection is used now and then, so that one that broke is noticed."""
        client = self.listen()
        self.tick(int(LIFE_SECONDS) + 2)
        self.assertIn(b": \n\n", client.transport.value())

    def test_behind(self) -> None:
        """A client that takes nothing is sent nothing more."""
        client = self.listen()
        self.tick(2)
        client.transport.producer.pauseProducing()
        for n in range(1, 4):
            self.store.add(batch(page(n, "tide", day=today())))
            self.tick(2)
        self.assertEqual(client.transport.value(), b"")
        client.transport.producer.resumeProducing()
        self.store.add(batch(page(9, "tide", day=today())))
        self.tick(2)
        self.assertEqual(len(self.heard(client)), 2)

    def test_bound(self) -> None:
        """One more than may listen is told to come later."""
        for _ in range(LISTENERS_MAX):
            self.listen()
        self.assertEqual(ask(self.site, "/events").status, 503)

    def test_end(self) -> None:
        """When the site stops, nobody is left listening."""
        client = self.listen()
        self.site.stopFactory()
        self.assertTrue(client.transport.value().endswith(b"0\r\n\r\n"))
        self.assertEqual([call for call in self.clock.getDelayedCalls() if call.func.__name__ == "_look"], [])

    def test_head(self) -> None:
        """HEAD has the head and an end."""
        reply = ask(self.site, "/events", method="HEAD")
        self.assertEqual((reply.status, reply.headers["content-type"]), (200, "text/event-stream"))
