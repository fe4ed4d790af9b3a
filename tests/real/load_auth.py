"""How long a try at a name and password takes, for a known name and an unknown one.

    python -m tests.real.load_auth [--tries 2000] [--cost 6]

The two take turns and medians are compared: a guesser must not learn from the time which names there are
(RELIABILITY §2: less than 5 % apart).  No test, since a busy machine would decide it; ``GuessTests`` counts
the work instead.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter_ns

import bcrypt
from twisted.internet.task import Clock

from netsuite.access import Htpasswd


def medians(tries: int, cost: int) -> tuple[float, float]:
    """Return microseconds of a wrong try for a known and for an unknown name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "users")
        path.write_text(f"known:{bcrypt.hashpw(b'right', bcrypt.gensalt(cost)).decode()}\n")
        users = Htpasswd(str(path), Clock())
        taken: dict[str, list[int]] = {"known": [], "other": []}
        for number in range(tries):
            for name, times in taken.items():
                began = perf_counter_ns()
                users._verify(name, f"wrong{number}")
                times.append(perf_counter_ns() - began)
    known, other = (statistics.median(times) / 1000 for times in taken.values())
    return known, other


def main() -> int:
    """Print both, and how far they are apart."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tries", type=int, default=2000)
    parser.add_argument("--cost", type=int, default=6)
    told = parser.parse_args()
    known, other = medians(told.tries, told.cost)
    apart = abs(known - other) / known
    sys.stdout.write(f"known {known:.1f} us, unknown {other:.1f} us: {apart:.2%} apart\n")
    return 0 if apart < 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
