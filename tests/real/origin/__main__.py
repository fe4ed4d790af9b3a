"""``python -m tests.real.origin [--write FILE]``: the cases against our sites and Twisted's, as tables."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tests.real.origin import peers, visit
from tests.real.origin.argued import ARGUED
from tests.real.origin.cases import CASES, MUST, SHOULD, USEFUL
from tests.real.origin.sites import NAMES, start
from tests.real.origin.visit import Site, Visit
from tests.real.wire.table import grid, machine

LEVELS = (MUST, SHOULD, USEFUL)

_PAGE = """\
Our web sites on the wire
=========================

What RFC 9110 and RFC 9112 ask of an origin server, tried over raw sockets: {number} named cases, played
against our sites and, for comparison, against twisted.web's own ``Site`` as it comes, with a resource that
answers GET, HEAD and POST.  A case fails if a server does something that the section does not allow, or is
silent where bytes are due.  Where an RFC leaves a choice, each choice passes.  *useful* has what no RFC
demands and clients or proxies count on.

:Date: {date}
:Machine: {machine}
:Command: ``python -m tests.real.origin --write docs/origins.rst``

{shares}

What one of them does not meet
------------------------------

{failures}

What ours do otherwise on purpose
---------------------------------

{argued}
"""


def missed(site: Site) -> set[str]:
    """The cases that a site does not meet."""
    found = set()
    for case in CASES.values():
        try:
            with Visit(site) as visiting:
                case.play(visiting)
        except (AssertionError, OSError, ValueError):
            found.add(case.name)
    return found


def share(level: str, failed: set[str]) -> str:
    """How many cases of a level are met."""
    of = [case.name for case in CASES.values() if case.level == level]
    met = len(of) - len(failed.intersection(of))
    return f"{met}/{len(of)}, {100 * met / len(of):.0f} %"


def main(arguments: Sequence[str] = ()) -> int:
    """Return 0 if ours met every MUST and what else is not argued, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.real.origin", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the tables")
    told = parser.parse_args(arguments or None)
    visit.SECONDS = 3.0
    results: dict[str, tuple[str, set[str]]] = {}
    for name in NAMES:
        service, site = start(name)
        try:
            results[name] = (version("netsuite"), missed(site))
        finally:
            service.close()
    child, site, of = peers.plain()
    try:
        results[site.name] = (of, missed(site))
    finally:
        child.close()
    shares = grid(
        [
            ["server", "version", *LEVELS],
            *(
                [name, of, *(share(level, failed) for level in LEVELS)]
                for name, (of, failed) in results.items()
            ),
        ]
    )
    marks = [
        [
            case.level,
            case.section,
            case.name,
            *("no" if case.name in failed else "yes" for _, failed in results.values()),
        ]
        for case in CASES.values()
        if any(case.name in failed for _, failed in results.values())
    ]
    failures = grid([["level", "section", "case", *results], *marks])
    sys.stdout.write(f"{shares}\n\n{failures}\n")
    if told.write is not None:
        argued = "\n".join(f"- ``{name}`` ({CASES[name].section}): {why}" for name, why in ARGUED.items())
        told.write.write_text(
            _PAGE.format(
                number=len(CASES),
                date=time.strftime("%Y-%m-%d"),
                machine=machine(),
                shares=shares,
                failures=failures,
                argued=argued,
            )
        )
    return int(any(results[name][1] - set(ARGUED) for name in NAMES))


if __name__ == "__main__":
    sys.exit(main())
