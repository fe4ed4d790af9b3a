"""``python -m tests.real.wire``: the cases against our proxy and its peers, as tables."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.real.wire import table
from tests.real.wire.cases import every_case
from tests.real.wire.proxies import NAMES
from tests.real.wire.rounds import round_of


def main(arguments: Sequence[str] = ()) -> int:
    """Return 0 if our proxy met every MUST and what else is not argued, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.real.wire", description=__doc__)
    parser.add_argument("--peers", default=",".join(NAMES), help="which proxies, parted by commas")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="also write the tables, as reStructuredText"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="just the cases whose name has this text")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long what is due may take (6)")
    told = parser.parse_args(arguments or None)
    cases = [case for case in every_case() if told.only in case.name]
    rounds = [done for name in told.peers.split(",") if (done := round_of(name, cases, told.seconds))]
    sys.stdout.write(f"{table.shares(cases, rounds)}\n\n{table.failures(cases, rounds)}\n")
    if told.write is not None:
        command = shlex.join(["python", "-m", "tests.real.wire", "--peers", told.peers])
        told.write.write_text(table.page(cases, rounds, command, told.seconds))
    return int(any(done.name == "ours" and table.unargued(cases, done) for done in rounds))


if __name__ == "__main__":
    sys.exit(main())
