"""What the relay counts, as Prometheus has it."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from netsuite.metrics import BOUNDS, CAUSES_MAX
from netsuite.proxy.meter import Meter
from netsuite.proxy.refusal import PHRASES
from tests.proxy.scripted import Bench, request

STATUSES = st.one_of(st.just(0), st.integers(100, 599))
SECONDS = st.floats(0, 1e6)

CLASSES = {"left", "1xx", "2xx", "3xx", "4xx", "5xx"}


def families(meter: Meter) -> dict[str, Metric]:
    """Return what a meter collects, by name."""
    return {family.name: family for family in meter.collect()}


def values(family: Metric) -> dict[str, float]:
    """Return a family's samples by their only label."""
    return {next(iter(sample.labels.values())): sample.value for sample in family.samples}


class CollectTests(SynchronousTestCase):
    """Families."""

    def test_start(self) -> None:
        """At the start all is there, and nothing has happened."""
        told = families(Meter())
        self.assertEqual(
            set(told),
            {
                "netsuite_requests",
                "netsuite_refusals",
                "netsuite_bytes",
                "netsuite_tunnels",
                "netsuite_tunnels_open",
                "netsuite_request_seconds",
            },
        )
        self.assertEqual(values(told["netsuite_requests"]), dict.fromkeys(CLASSES, 0))
        self.assertEqual(sum(sample.value for family in told.values() for sample in family.samples), 0)

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.tuples(STATUSES, SECONDS, st.integers(0, 1 << 40), st.integers(0, 1 << 40))))
    def test_sums(self, ended: list[tuple[int, float, int, int]]) -> None:
        """Each request is in one class and one bucket; bytes and seconds add up."""
        meter = Meter()
        for status, seconds, sent, uploaded in ended:
            meter.request(status, sent, uploaded, seconds)
        told = families(meter)
        classes = values(told["netsuite_requests"])
        self.assertEqual(sum(classes.values()), len(ended))
        self.assertEqual(classes["left"], sum(status == 0 for status, *_ in ended))
        self.assertEqual(classes["4xx"], sum(400 <= status < 500 for status, *_ in ended))
        self.assertEqual(
            values(told["netsuite_bytes"]),
            {"to_client": sum(each[2] for each in ended), "to_origin": sum(each[3] for each in ended)},
        )
        durations = {
            sample.labels.get("le", sample.name[-5:]): sample.value
            for sample in told["netsuite_request_seconds"].samples
        }
        for bound in BOUNDS:
            self.assertEqual(durations[str(bound)], sum(each[1] <= bound for each in ended))
        self.assertEqual(durations["+Inf"], len(ended))
        self.assertEqual(durations["count"], len(ended))
        self.assertTrue(math.isclose(durations["s_sum"], sum(each[1] for each in ended), rel_tol=1e-9))

    def test_tunnels(self) -> None:
        """A tunnel that ends is open no more, and its bytes count both ways."""
        meter = Meter()
        meter.tunnels_open += 2
        meter.tunnel(10, 20)
        told = families(meter)
        self.assertEqual(told["netsuite_tunnels"].samples[0].value, 1)
        self.assertEqual(told["netsuite_tunnels_open"].samples[0].value, 1)
        self.assertEqual(values(told["netsuite_bytes"]), {"to_client": 20, "to_origin": 10})

    def test_text(self) -> None:
        """What is scraped can be read back."""
        meter, registry = Meter(), CollectorRegistry()
        meter.request(200, 1, 2, 0.02)
        meter.refused("guard")
        registry.register(meter)  # type: ignore[arg-type]  # anything that collects
        read = {
            each.name: each for each in text_string_to_metric_families(generate_latest(registry).decode())
        }
        self.assertEqual(values(read["netsuite_refusals"]), {"guard": 1})
        self.assertIn("netsuite_request_seconds", read)


class ClosedTests(SynchronousTestCase):
    """Labels."""

    def test_bounded(self) -> None:
        """However many causes hooks make up, few are told apart, and all are counted."""
        meter = Meter()
        for number in range(2 * CAUSES_MAX):
            meter.refused(f"cause {number}")
        meter.refused("cause 0")
        told = values(families(meter)["netsuite_refusals"])
        self.assertLessEqual(len(told), CAUSES_MAX + 1)
        self.assertEqual((sum(told.values()), told["cause 0"]), (2 * CAUSES_MAX + 1, 2))

    def test_no_peer_makes_a_label(self) -> None:
        """Whatever is asked and answered, labels are words of ours."""
        bench = Bench()
        for asked in (
            request(host=b"10.0.0.1"),
            request(b"POST", b"/", b"Max-Forwards: x", b"X-Evil: {label}"),
            request(b"OPTIONS", b"/", b"Max-Forwards: evil"),
            b"CONNECT evil.test:22 HTTP/1.1\r\nHost: evil.test:22\r\n\r\n",
            b"\x16\x03\x01evil\r\n\r\n",
            b"GET evil://evil/ HTTP/1.1\r\nHost: evil\r\n\r\n",
        ):
            bench.client = bench.connect()
            bench.ask(asked)
        bench.client = bench.connect()
        bench.ask(request())
        bench.reply(b"HTTP/1.1 599 Evil\r\nContent-Length: 0\r\nEvil: evil\r\n\r\n")
        told = families(bench.relay.meter)
        self.assertLessEqual(set(values(told["netsuite_requests"])), CLASSES)
        causes = set(values(told["netsuite_refusals"]))
        self.assertLessEqual(causes, {"guard", "message", "port", "scheme", "target"})
        self.assertGreaterEqual(len(causes), 4)
        self.assertTrue(all(100 <= status < 600 for status in PHRASES))
