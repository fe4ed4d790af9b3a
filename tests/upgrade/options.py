"""Print the names of all options of services and tools, of the code in this folder, old or new, as JSON."""

from __future__ import annotations

import configparser
import json
import sys

from twisted.application import service
from twisted.plugin import getPlugins
from twisted.python.reflect import namedAny

found = {
    f"twistd {maker.tapname}": sorted(maker.options().longOpt)
    for maker in getPlugins(service.IServiceMaker)
    if maker.module.startswith("netsuite.")
}
settings = configparser.ConfigParser()
settings.read("setup.cfg")
for line in settings["options.entry_points"]["console_scripts"].strip().splitlines():
    tool, _, place = line.partition(" = ")
    made = getattr(namedAny(place.partition(":")[0]), "Options", None)
    if made is not None:  # netsuite itself has none
        found[tool] = sorted(made().longOpt)
json.dump(found, sys.stdout, indent=1)
sys.stdout.write("\n")
