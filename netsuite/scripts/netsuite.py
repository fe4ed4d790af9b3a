"""netsuite: the suite's own commands, and each tool by its name, as ``netsuite status``."""

from __future__ import annotations

from netsuite.scripts.early import watched as watched

import difflib
import importlib
import sys
from typing import NoReturn

PURPOSE = "look after the suite of services, and run its tools"
SYNOPSIS = "netsuite COMMAND [options]"
EXAMPLES = """  netsuite check netsuite.toml      every fault of the file
  netsuite status                   how each running service is
  netsuite webcat --help            a tool's own help"""

#: What looks after the suite, and what it is for.
COMMANDS = {
    "check": "say what is wrong with a settings file, or nothing",
    "status": "ask a running service how it is",
    "pidfile": "say whose process a pidfile names",
    "doctor": "say what would keep the suite from starting",
    "cert": "make a certificate for a trial",
    "refresh-plugins": "write down what twistd offers, after an installation",
    "completion": "what a shell needs to complete these commands",
}

TOOLS = {
    "calllater": "do something later, and say how late it was",
    "connection": "connect, and say with whom",
    "connectiontest": "say whether a place can be reached",
    "dataforward": "standard input to a connection, and back",
    "formsite-export": "the answers of a form as CSV or JSON",
    "portscan": "say which ports are open",
    "proxy-acl": "say what the proxy would do with a URL",
    "runreactor": "run the event loop, and say where it stalls",
    "updatecheck": "say whether a page has changed",
    "validate": "check HTML",
    "webcat": "write what a URL gives",
    "webdownload": "fetch a file, whole or not at all",
    "wordproxy-import": "count pages of files",
}


def usage() -> str:
    """Return what there is."""
    lines = [f"Usage: {SYNOPSIS}", "", "Commands; each has --help:"]
    lines += [f"  {name:18}{what}" for name, what in COMMANDS.items()]
    lines += ["", "Tools, by their names alone, too:"]
    lines += [f"  {name:18}{what}" for name, what in TOOLS.items()]
    return "\n".join([*lines, "", "Services: twistd --help", "", "Examples:", EXAMPLES, ""])


def run() -> NoReturn:
    """Run the command that the command line names."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if word in COMMANDS or word in TOOLS:
        sys.argv = [word, *sys.argv[2:]]
        importlib.import_module(f"netsuite.scripts.{word.replace('-', '_')}").run()
    if word in ("-h", "--help"):
        sys.stdout.write(usage())
        raise SystemExit(0)
    if word == "--version":
        sys.stdout.write(importlib.import_module("netsuite.options").version_line() + "\n")
        raise SystemExit(0)
    if not word:
        sys.stderr.write("netsuite: give a COMMAND; try netsuite --help\n")
        raise SystemExit(2)
    near = difflib.get_close_matches(word, [*COMMANDS, *TOOLS], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    sys.stderr.write(f"netsuite: {word[:80]!r} is no command{hint}; try netsuite --help\n")
    raise SystemExit(2)


if __name__ == "__main__":
    run()
