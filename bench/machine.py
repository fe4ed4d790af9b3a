"""What was measured on which machine, and when."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.real.parts import ROOT


@dataclass(frozen=True, slots=True)
class Machine:
    """The day, the machine, and the versions of what ran."""

    day: str
    hardware: str
    system: str
    versions: str

    @classmethod
    def here(cls, versions: Mapping[str, str]) -> Machine:
        """This machine, today."""
        processor = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
        named = {**versions, "ours": f"{_revision()} {versions.get('ours', '')}".strip()}
        model = processor[1] if processor else "an unknown processor"
        return cls(
            day=f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
            hardware=f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB",
            system=f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}",
            versions=", ".join(f"{name} {told}" for name, told in sorted(named.items())),
        )

    def text(self) -> str:
        """Two lines."""
        return f"{self.day}, {self.hardware}, {self.system}\n{self.versions}"


def _revision() -> str:
    """The commit of this checkout."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short=8", "HEAD"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "without git"
