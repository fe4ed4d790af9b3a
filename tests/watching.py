"""What deploy/ asks of our metrics: names in rules and dashboards, and promtool, which judges both."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.real.parts import ROOT, require

RULES = ROOT / "deploy" / "prometheus" / "netsuite.rules.yml"
RULE_TESTS = ROOT / "deploy" / "prometheus" / "netsuite.rules.test.yml"
SCRAPING = ROOT / "deploy" / "prometheus" / "prometheus.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "netsuite.json"

#: What each of a histogram's and counter's samples is called, after the name of its family.
_ENDS = re.compile(r"_(bucket|sum|count|total|info)$")


def promtool(*arguments: str, given: str = "", folder: Path | None = None) -> str:
    """What promtool complains of; nothing where all is well."""
    require("prometheus", shutil.which("promtool"))
    done = subprocess.run(
        ["promtool", *arguments],
        input=given,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return "" if done.returncode == 0 and not done.stderr else f"{done.stdout}{done.stderr}"


def dashboard() -> dict[str, Any]:
    """The dashboard's model."""
    board: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return board


def queries() -> Iterator[str]:
    """Each query of the dashboard, with its variables as Grafana fills them in."""
    board = dashboard()
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    asked += [each["expr"] for each in board["annotations"]["list"] if "expr" in each]
    for expression in asked:
        yield (
            expression.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$service", ".*")
        )


def families(text: str) -> set[str]:
    """The names after # TYPE of a scrape, without a counter's end."""
    return {_ENDS.sub("", name) for name in re.findall(r"(?m)^# TYPE (\S+) ", text)}


def named(text: str) -> set[str]:
    """The families that PromQL asks for, ours and the process's; recorded ones have colons."""
    found = re.findall(r"(?<![\w:])((?:netsuite|process)_\w+)(?![\w:])", text)
    return {_ENDS.sub("", name) for name in found}
