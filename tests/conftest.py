"""pytest runs trial's test cases: what trial's own runner would have seen to is seen to here."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase


@pytest.fixture(autouse=True)
def _files_of_a_test(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``mktemp`` gives paths in the test's own temporary folder, not below the folder pytest runs in."""
    if isinstance(request.instance, SynchronousTestCase):
        numbers = itertools.count()
        monkeypatch.setattr(request.instance, "mktemp", lambda: str(tmp_path / f"tmp{next(numbers)}"))
