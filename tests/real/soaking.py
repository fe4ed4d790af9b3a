"""The soak's cut runs beside all other tests: begun when they are, asked for when they are nearly over.

It takes minutes and little of the processor.  With several pytest workers the first begins it, and whichever
has the test waits for it; it ends by itself, and soon after pytest if that was ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.real.parts import ROOT, clean_environment, until

#: Minutes; fewer of them for who has no time.
MINUTES = float(os.environ.get("NETSUITE_SOAK_MINUTES", "3"))

#: Deeds a second: the machine is to be busy with the other tests.
RATE = 4

#: Seconds that starts and the settling may take beside, on a busy machine.
BESIDE_SECONDS = 420.0


def folder() -> Path:
    """Where this run of pytest keeps what became of it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    return Path(tempfile.gettempdir()) / f"netsuite-soaked-{run}"


def begin() -> None:
    """It runs, if it did not yet."""
    try:
        folder().mkdir(mode=0o700)
    except FileExistsError:  # another worker was quicker
        return
    pytest = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    soak = [sys.executable, "bench/soak_suite.py", "--minutes", str(MINUTES), "--rate", str(RATE)]
    keep = '"$@" >"$0/output" 2>&1; echo $? >"$0/new" && mv "$0/new" "$0/status"'
    forget = f'kill -0 {pytest} 2>/dev/null || rm -rf "$0"'  # nobody will ask
    subprocess.Popen(
        ["/bin/sh", "-c", f"{keep}; {forget}", str(folder()), *soak, "--beside", str(pytest)],
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def ended() -> tuple[int, str]:
    """Its exit status, once it has one, and what it printed."""
    status = folder() / "status"
    until("the soak has ended", status.exists, MINUTES * 60 + BESIDE_SECONDS)
    return int(status.read_text()), (folder() / "output").read_text(errors="replace")
