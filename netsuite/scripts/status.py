"""netsuite status: how a running service is, or all of a suite, as its admin listener tells."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import json
from typing import Any, ClassVar, NoReturn

from netsuite.client.agent import Request
from netsuite.manual.kind import URL, Kind
from netsuite.outcome import Outcome
from netsuite.scripts.running import ToolOptions, start
from netsuite.scripts.web import WebOptions

#: Of the table.
_HEADS = ("service", "state", "connections", "refused", "limits hit", "listens on")


class Options(WebOptions):
    """The command line of netsuite status."""

    tool = "status"
    total = "20"
    synopsis = "Usage: netsuite status [options]"
    longdesc = (
        "Ask the admin listener of a service (--admin) how it is.  Exit status: 0 all up, 1 a part is down, "
        "3 no answer that can be read, 5 nobody listens, 6 no answer in time, else as every tool's."
    )
    examples = """Examples:
  netsuite status
  netsuite status -j --admin http://127.0.0.1:8009/
  netsuite status --admin https://words.example:8009/ --cafile ca.pem"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["admin", None, "http://127.0.0.1:8009/", "Address of the admin listener."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "admin": URL,
    }

    def postOptions(self) -> None:
        """Take the address; whoever keeps it is near, so proxies of the environment are not asked."""
        if self["proxy"] is None:
            self["proxy"] = ""
        super().postOptions()
        self.page = self.url(str(self["admin"]).rstrip("/") + "/status.json")
        self.target = {"url": self.page.text}

    def complain(self, outcome: Outcome) -> None:
        """A failure is told as by the tools that are not about the web."""
        ToolOptions.complain(self, outcome)


async def main(reactor: Any, options: Options) -> Outcome:
    """Say how each service is."""
    answer = await options.agent(reactor, [options.page]).fetch(Request(options.page))
    body = await answer.read()
    told = understood(body)
    if told is None:
        return Outcome.failed(
            "unknown", f"{options.page.text} says nothing of netsuite (status {answer.status})"
        )
    for line in table(told):
        options.results.line(line)
    not_up = [str(each["name"]) for each in told["services"] if each["state"] != "up"]
    if told["state"] == "up" and not not_up:
        return Outcome.done(**told)
    return Outcome.failed("no", f"not up: {', '.join(not_up) or told['state']}", result=told)


def understood(body: bytes) -> dict[str, Any] | None:
    """Return what an admin listener says, with each service in ``services``; None if it is none of ours."""
    try:
        told = json.loads(body)
        if not str(told["version"]).startswith("netsuite "):
            return None
        services = told["services"] if "services" in told else [_alone(told)]
        for each in services:
            each["name"], each["state"] = str(each["name"]), str(each["state"])
        return {**told, "state": str(told["state"]), "services": services}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _alone(told: dict[str, Any]) -> dict[str, Any]:
    """A service that is a process of its own says of itself what is the process's, too."""
    return {name: value for name, value in told.items() if name not in ("version", "uptime_s")}


def table(told: dict[str, Any]) -> list[str]:
    """Return lines for people: what runs and since when, a row a service, and what is wrong."""
    head = f"{told['version']}: {told['state']}, running for {age(told.get('uptime_s', 0))}"
    if told.get("reloaded"):
        head += f", reloaded {told['reloaded']}"
    rows = [list(_HEADS), *(_row(each) for each in told["services"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = [head, *(_aligned(row, widths) for row in rows)]
    own = [{"name": "netsuite", "reload": told.get("reload")}] if len(told["services"]) != 1 else []
    for each in (*own, *told["services"]):
        lines += [f"{each['name']}: {why}" for why in each.get("reasons", ())]
        reload = each.get("reload") or {}
        if reload.get("ok") is False:
            lines.append(f"{each['name']}: reload refused {reload.get('at')}: {reload.get('message')}")
    return lines


def _row(each: dict[str, Any]) -> list[str]:
    limits = each.get("limits")
    numbers = (
        each.get("connections"),
        each.get("refused"),
        sum(limits.values()) if limits is not None else None,
    )
    shown = ["-" if number is None else f"{number:,}" for number in numbers]
    return [each["name"], each["state"], *shown, " ".join(map(str, each.get("listen", ()))) or "-"]


def _aligned(row: list[str], widths: list[int]) -> str:
    """Names to the left, numbers to the right."""
    cells = (
        cell.rjust(width) if 2 <= column <= 4 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()


def age(seconds: float) -> str:
    """Return a time in its two largest units: ``2 d 3 h``."""
    parts: list[str] = []
    left = int(seconds)
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if left >= size or (name == "s" and not parts):
            parts.append(f"{left // size} {name}")
            left %= size
    return " ".join(parts[:2])


def run() -> NoReturn:
    """Run the tool."""
    start(Options, main)


if __name__ == "__main__":
    run()
