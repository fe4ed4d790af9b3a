"""The machine's local days, which data is counted by."""

from __future__ import annotations

import time


def local_day(when: float) -> str:
    """The machine's local day at ``when`` (seconds since the epoch): ``2026-01-05``."""
    return time.strftime("%Y-%m-%d", time.localtime(when))
