"""The admin listener's three views."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from netsuite.metrics import Gauges
from netsuite.proxy.meter import Meter
from netsuite.site.admin import Admin
from netsuite.site.answer import Answer, Asked


class AdminTests(SynchronousTestCase):
    """What an operator and a scraper are told."""

    def setUp(self) -> None:
        self.state = {"state": "up", "connections": 3}
        self.meter = Meter()
        gauges = Gauges(connections=("Open now.", lambda: 3.0))
        self.admin = Admin(lambda: self.state, (self.meter, gauges))

    def answer(self, view: str) -> Answer:
        """Return what a view says."""
        asked = Asked(f"/{view}")
        return self.successResultOf(Deferred.fromCoroutine(getattr(self.admin, view)(asked)))

    def test_healthz(self) -> None:
        """A service that is up is healthy; one that says otherwise is not."""
        self.assertEqual(self.answer("healthz").status, 200)
        self.state["state"] = "failing"
        self.assertEqual(self.answer("healthz").status, 503)

    def test_status(self) -> None:
        """The status is the service's own words."""
        self.assertEqual(json.loads(self.answer("status").body), self.state)

    def test_metrics(self) -> None:
        """Counters and gauges are there under our name, with labels of the closed set alone."""
        for _ in range(2):
            self.meter.request(200, 0, 0, 0.0)
        lines = self.answer("metrics").body.decode().splitlines()
        told = [line for line in lines if not line.startswith("#")]
        self.assertIn('netsuite_requests_total{class="2xx",listener="port"} 2.0', told)
        self.assertIn("netsuite_connections 3.0", told)
