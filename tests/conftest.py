"""pytest runs trial's test cases: what trial's own runner would have seen to is seen to here."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.real import soaking

#: Folders of tests that have processes, ports and clocks of a real machine, which others use, too.
_OF_A_MACHINE = ("real", "scripts")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What fails against a real machine is tried once more, and named at the end (R); nothing else is."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in _OF_A_MACHINE:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection_finish(session: pytest.Session) -> None:
    """The soak, where it is among the tests, runs beside the others from the start: it takes minutes."""
    if not session.config.option.collectonly and any(
        item.path.name == "test_soak.py" for item in session.items
    ):
        soaking.begin()


@pytest.fixture(autouse=True)
def _files_of_a_test(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``mktemp`` gives paths in the test's own temporary folder, not below the folder pytest runs in."""
    if isinstance(request.instance, SynchronousTestCase):
        numbers = itertools.count()
        monkeypatch.setattr(request.instance, "mktemp", lambda: str(tmp_path / f"tmp{next(numbers)}"))


@pytest.fixture(autouse=True)
def _broken_pipes_are_errors() -> Iterator[None]:
    """No test leaves SIGPIPE to end the process: the next one that writes to who has left would."""
    yield
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
