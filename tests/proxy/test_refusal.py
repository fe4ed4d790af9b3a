"""Answers that are ours."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from netsuite.proxy.refusal import PHRASES, answer
from netsuite.proxy.route import Refuse
from tests.proxy.scripted import parsed, request


class AnswerTests(SynchronousTestCase):
    """The page."""

    def test_length(self) -> None:
        """Every status gives a whole answer with a right length."""
        for status in PHRASES:
            head, _, body = answer(Refuse(status, "cause", "why"), None, close=False).partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 %d %b\r\n" % (status, PHRASES[status])))
            self.assertIn(b"\r\nContent-Length: %d\r\n" % len(body), head)
            self.assertNotIn(b"Connection:", head)

    def test_escaped(self) -> None:
        """What others wrote is text on the page, even where it is no Unicode."""
        page = answer(Refuse(403, "guard", "<b>&\udc80"), None, close=True)
        self.assertNotIn(b"<b>", page)
        self.assertIn(b"\r\nConnection: close\r\n", page)

    def test_head(self) -> None:
        """HEAD gets the head alone, with the length that GET would have."""
        refuse = Refuse(403, "guard", "why")
        whole = answer(refuse, parsed(request()), close=False)
        self.assertEqual(
            answer(refuse, parsed(request(b"HEAD")), close=False),
            whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
        )

    def test_json(self) -> None:
        """A client that takes JSON gets it."""
        told = answer(
            Refuse(502, "dns", "why"), parsed(request(b"GET", b"/", b"Accept: application/json")), close=False
        )
        self.assertEqual(
            json.loads(told.partition(b"\r\n\r\n")[2]), {"status": 502, "cause": "dns", "message": "why"}
        )

    def test_fields_by_status(self) -> None:
        """407 asks for credentials, 503 says when to come again."""
        self.assertIn(b"\r\nProxy-Authenticate: Basic ", answer(Refuse(407, "auth", "x"), None, close=False))
        self.assertIn(b"\r\nRetry-After: 5\r\n", answer(Refuse(503, "clients", "x"), None, close=True))
