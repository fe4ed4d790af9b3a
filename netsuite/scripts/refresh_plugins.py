"""netsuite refresh-plugins: twistd's list of plugins is written down, where a user later may not write it."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

from typing import Any, NoReturn

from twisted.application.service import IServiceMaker
from twisted.plugin import getCache, getPlugins

from netsuite.outcome import Outcome
from netsuite.scripts.running import ToolOptions, start
from twisted import plugins


class Options(ToolOptions):
    """The command line of netsuite refresh-plugins."""

    tool = "refresh-plugins"
    synopsis = "Usage: netsuite refresh-plugins [options]"
    longdesc = (
        "Write twistd's dropin.cache, once after an installation: where users may not write it, each start "
        "looks through all plugins anew.  Exit status: 0 done, 1 a service is missing, 12 file."
    )
    examples = """Examples:
  sudo netsuite refresh-plugins"""


async def main(reactor: Any, options: Options) -> Outcome:
    """The cache is there, with our services in it."""
    getCache(plugins)
    ours = sorted(
        maker.tapname
        for maker in getPlugins(IServiceMaker)
        if str(getattr(maker, "module", "")).startswith("netsuite.")
    )
    options.results.line(f"twistd offers {', '.join(ours)}")
    return Outcome.done(services=ours) if ours else Outcome.failed("no", "twistd offers none of our services")


def run() -> NoReturn:
    """Run the tool."""
    start(Options, main)


if __name__ == "__main__":
    run()
