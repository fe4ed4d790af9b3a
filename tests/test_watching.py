"""Rules and dashboard for Prometheus and Grafana: sound, and each alert seen to fire and not to."""

from __future__ import annotations

import itertools
import re
import tempfile
from pathlib import Path
from unittest import TestCase

from tests.watching import RULE_TESTS, RULES, SCRAPING, dashboard, promtool, queries


class RuleTests(TestCase):
    """The rule file."""

    def test_sound(self) -> None:
        """promtool finds nothing wrong with the rules, nor with the example of a scrape."""
        self.assertEqual(promtool("check", "rules", str(RULES)), "")
        self.assertEqual(promtool("check", "config", str(SCRAPING)), "")

    def test_tried(self) -> None:
        """promtool's own unit tests of the rules hold."""
        self.assertEqual(promtool("test", "rules", str(RULE_TESTS)), "")

    def test_all_tried(self) -> None:
        """Each alert is tried both ways, and says how bad it is, what it means, and what to do."""
        alerts = re.split(r"(?m)^      - alert: ", RULES.read_text())[1:]
        tried = RULE_TESTS.read_text()
        for alert in alerts:
            name = alert.partition("\n")[0]
            with self.subTest(name):
                for part in ("severity: ", "summary: ", "description: ", "expr: "):
                    self.assertIn(part, alert)
                fires = re.findall(rf"alertname: {name}\n        exp_alerts:( \[\])?", tried)
                self.assertTrue(fires, "is never tried")
                self.assertIn("", fires, "never fires")
                if "for: " in alert and "for: 1h" not in alert:
                    self.assertIn(" []", fires, "always fires")
        self.assertGreater(len(alerts), 15)


class DashboardTests(TestCase):
    """The dashboard."""

    def test_model(self) -> None:
        """It is a dashboard as Grafana has them: panels apart, each with a number, and its variables."""
        board = dashboard()
        for key in ("title", "uid", "schemaVersion", "time", "templating", "panels"):
            self.assertIn(key, board)
        self.assertEqual(
            [each["name"] for each in board["templating"]["list"]], ["datasource", "instance", "service"]
        )
        panels = board["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        places = {panel["title"]: panel["gridPos"] for panel in panels}
        self.assertEqual(len(places), len(panels))
        for one, two in itertools.combinations(panels, 2):
            a, b = one["gridPos"], two["gridPos"]
            apart = any(
                c[of] + c[size] <= d[of] for c, d in ((a, b), (b, a)) for of, size in (("x", "w"), ("y", "h"))
            )
            self.assertTrue(apart, (one["title"], two["title"]))
        self.assertTrue(all(place["x"] + place["w"] <= 24 for place in places.values()))
        for panel in panels:
            for target in panel.get("targets", ()):
                self.assertEqual(target["datasource"]["uid"], "${datasource}", panel["title"])
                self.assertIn("$instance", target["expr"], panel["title"])
                self.assertLessEqual(
                    set(re.findall(r"\$(\w+)", target["expr"])), {"instance", "service", "__rate_interval"}
                )

    def test_queries(self) -> None:
        """Prometheus can read every query."""
        with tempfile.TemporaryDirectory() as folder:
            rules = Path(folder) / "rules.yml"
            lines = ["groups:", "- name: queries", "  rules:"]
            for number, query in enumerate(queries()):
                lines += [f"  - record: query:{number}", f"    expr: '{query}'"]
            rules.write_text("\n".join(lines) + "\n")
            self.assertEqual(promtool("check", "rules", str(rules)), "")
