"""A stand-in for Java with the checker: what it says of a document stands in the document.

It writes what the real one writes, where the real one does (names to standard output, JSON to standard
error), so that what no checker does when asked, crashing, falling silent, skipping a file, can be had.
``tests/real`` has the real one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROGRAM = """#!{python}
import json, os, sys, time
with open({log!r}, "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
names = [name for name in sys.argv if name.endswith((".html", ".xhtml", ".svg", ".css"))]
how = os.environ.get("STANDIN", "")
if how == "old":
    sys.exit("Error: java.lang.UnsupportedClassVersionError: nu/validator/client")
if how == "nothing":
    sys.exit(0)
messages = []
for name in names:
    text = open(name).read()
    if "SKIP" in text:
        continue
    print(name, flush=True)
    if "HANG" in text:
        time.sleep(600)
    if "CRASH" in text:
        sys.stderr.write(json.dumps({{"version": "1", "messages": messages}})[:-2])
        sys.exit('\\nException in thread "main" java.lang.IllegalStateException: stand-in')
    place = {{"url": "file:" + os.path.abspath(name), "firstColumn": 5, "lastColumn": 9}}
    for number, line in enumerate(text.splitlines(), 1):
        if "BAD" in line:
            bad = {{"type": "error", "message": "Bad \\u201cx\\u201d.", "extract": line}}
            messages.append({{**bad, "lastLine": number, **place}})
        if "HINT" in line:
            hint = {{"type": "info", "subType": "warning", "message": "A hint."}}
            messages.append({{**hint, "lastLine": number, **place}})
sys.stderr.write(json.dumps({{"version": "1 (x)", "messages": messages}}))
sys.exit(int(os.environ.get("STANDIN_EXIT", "0")))
"""


class StandIn:
    """A folder with ``java`` and ``vnu.jar``; ``environ`` makes them the checker."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.log = folder / "log"
        java = self.bin / "java"
        java.write_text(PROGRAM.format(python=sys.executable, log=str(self.log.absolute())))
        java.chmod(0o755)
        self.jar = folder / "vnu.jar"
        self.jar.write_bytes(b"stand-in")
        self.environ = {
            "PATH": f"{self.bin.absolute()}{os.pathsep}{os.environ['PATH']}",
            "NETSUITE_VNU_JAR": str(self.jar.absolute()),
            "XDG_CACHE_HOME": str((folder / "cache").absolute()),
        }

    @property
    def runs(self) -> list[list[str]]:
        """The documents of each process that was started."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [[word for word in line.split() if word.startswith("0")] for line in lines]
