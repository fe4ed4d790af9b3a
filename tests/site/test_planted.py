"""A fault planted in every call that a request makes, one after the other.

As curl's torture tests have it: the calls of our code that one request makes are counted, and the request
is made again once for each with that one failing.  That connection is answered 500 or ends; the next one is
served; the log has one event with a number.  Nothing gets out to the reactor.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from netsuite.colors.service import Options, make_colors
from netsuite.site.token import FORM
from tests.scale import NIGHTLY
from tests.site.wire import Client, ask

#: Code in which faults are planted; the journal and the wire are what a fault is told by.
PLANTED = ("/netsuite/site/", "/netsuite/colors/")

#: One of so many calls fails in `make test`.
EACH = 1 if NIGHTLY else 8


class PlantedError(Exception):
    """The fault."""


class Planter:
    """Counts calls of our code while it is in force, and raises in the ``fails``-th; 0 raises never."""

    def __init__(self, fails: int) -> None:
        self.fails, self.calls, self.place = fails, 0, ""

    def __enter__(self) -> Planter:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *exc: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, arg: Any) -> None:
        code = frame.f_code
        if code.co_name in ("dataReceived", "<genexpr>"):  # the reactor's to end; the collector's
            return
        if event == "call" and any(part in code.co_filename for part in PLANTED):
            self.calls += 1
            if self.calls == self.fails:
                self.place = f"{code.co_filename.rpartition('/')[2]}:{code.co_qualname}"
                raise PlantedError(self.place)


class PlantedTests(SynchronousTestCase):
    """Each call of the requests below fails once."""

    def setUp(self) -> None:
        options = Options()
        options.parse([])
        self.site, desk = make_colors(options.settings, crowd=None, visits=None, reactor=Clock())
        body = f"do=reset&token={desk.judge.of(FORM)}".encode()
        head = (
            b"POST /color/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        )
        get = b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n"
        self.requests = {
            # with a parameter that no other page has, so that it is not remembered
            "page": get % (b"/color/00abef?on=ffffff&x=1", b"Accept-Encoding: gzip\r\n"),
            "chunked post": head
            + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
            "refusal": get % (b"/nowhere", b""),
            "redirection": get % (b"/color/red", b""),
            "nonsense": b"nonsense\r\n\r\n",
            "condition": get % (b"/static/style.css", b'If-None-Match: "x"\r\n'),
        }

    def once(self, request: bytes, fails: int) -> tuple[Planter, list[int], bool]:
        """The planter, the statuses that came, and whether the connection has ended, if this call fails."""
        client = Client(self.site)
        with Planter(fails) as planter:
            client.protocol.dataReceived(request)
        ended = client.transport.disconnecting or client.transport.disconnected
        data = client.transport.value()
        statuses = [] if not data else [reply.status for reply in client.replies()]
        return planter, statuses, bool(ended)

    def test_each_call(self) -> None:
        """Whichever call fails: 500 or the end for this one, one numbered event, the next one is served."""
        tried = 0
        for name, request in self.requests.items():
            with self.subTest(name):
                self.once(request, 0)  # what is remembered is remembered then
                whole = self.once(request, 0)[0].calls
                self.assertGreater(whole, 5)
                for fails in range(1 + tried % EACH, whole + 1, EACH):
                    planter, statuses, ended = self.once(request, fails)
                    faults = self.flushLoggedErrors(PlantedError)
                    what = (name, planter.place, statuses, ended)
                    self.assertLessEqual(len(faults), 2, what)
                    if not statuses:
                        self.assertTrue(ended, what)
                    elif not ended:
                        self.assertEqual(statuses, [500], what)
                    if 500 in statuses or not statuses:
                        self.assertGreaterEqual(len(faults), 1, what)
                    self.assertEqual(ask(self.site, "/color/").status, 200, what)
                    tried += 1
        self.assertGreater(tried, 1000 // EACH)
