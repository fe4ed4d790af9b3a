"""Signals that come before a service can heed them are kept for it.

From its pidfile on others may signal a process, and logrotate or a reload would end one that is just
starting: by themselves HUP, USR1 and USR2 kill, and TERM leaves the pidfile.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

HELD = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT)
ENDING = (signal.SIGTERM, signal.SIGINT)

_waiting: list[int] = []


def note(number: int, frame: FrameType | None) -> None:
    """A signal waits until it is taken; a second one that ends does so at once."""
    if number in ENDING and number in _waiting:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    elif number not in _waiting:
        _waiting.append(number)


def hold() -> None:
    """From now on signals wait."""
    for number in HELD:
        signal.signal(number, note)


def take(*numbers: int) -> list[int]:
    """Return those of ``numbers`` that have come, in that order; they wait no more."""
    came = [number for number in _waiting if number in numbers]
    _waiting[:] = [number for number in _waiting if number not in numbers]
    return came


def release() -> None:
    """What ends a process does so again; what doesn't end a service never does, to the last moment."""
    for number in HELD:
        if signal.getsignal(number) == note:
            signal.signal(number, signal.SIG_DFL if number in ENDING else signal.SIG_IGN)
