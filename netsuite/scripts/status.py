"""netsuite status: how a running service is, or all of a suite, as its admin listener tells."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import json
from typing import Any, ClassVar, NoReturn

from netsuite.client.agent import Request
from netsuite.manual.kind import URL, Kind
from netsuite.outcome import Outcome
from netsuite.scripts.running import start
from netsuite.scripts.web import WebOptions


class Options(WebOptions):
    """The command line of netsuite status."""

    tool = "status"
    synopsis = "Usage: netsuite status [options]"
    longdesc = (
        "Ask the admin listener of a service (--admin) how it is.  Exit status: 0 all up, 1 a part is down, "
        "3 no answer that can be read, 5 nobody listens, 6 no answer in time, else as every tool's."
    )
    examples = """Examples:
  netsuite status
  netsuite status -j --admin http://127.0.0.1:8009/"""

    optParameters: ClassVar[list[list[Any]]] = [
        ["admin", None, "http://127.0.0.1:8009/", "Address of the admin listener."],
    ]
    kinds: ClassVar[dict[str, Kind]] = {
        "admin": URL,
    }

    def postOptions(self) -> None:
        """Take the address."""
        super().postOptions()
        self.page = self.url(str(self["admin"]).rstrip("/") + "/status.json")
        self.target = {"url": self.page.text}


async def main(reactor: Any, options: Options) -> Outcome:
    """Say how each service is."""
    answer = await options.agent(reactor, [options.page]).fetch(Request(options.page))
    body = await answer.read()
    try:
        told: dict[str, Any] = json.loads(body)
        state = str(told["state"])
    except (ValueError, KeyError, TypeError):
        return Outcome.failed(
            "unknown", f"{options.page.text} says nothing of a service (status {answer.status})"
        )
    services = told.get("services") or [{**told, "name": "service"}]
    for each in services:
        listen = ", ".join(each.get("listen", ()))
        options.results.line(f"{each['name']}: {each['state']}{f' on {listen}' if listen else ''}")
    if state == "up":
        return Outcome.done(**told)
    down = [str(each["name"]) for each in services if each["state"] != "up"]
    return Outcome.failed("no", f"not up: {', '.join(down) or state}", result=told)


def run() -> NoReturn:
    """Run the tool."""
    start(Options, main)


if __name__ == "__main__":
    run()
