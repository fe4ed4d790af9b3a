"""What a service manager is told: ready, reloading, stopping, how it goes, that we live (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress

#: What a service manager says to this process alone; a child that heard it would answer, too.
OURS = frozenset(
    ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
)

#: Seconds that a message may take to be taken: a manager that hangs must not hang us.
SEND_SECONDS = 1.0


def notify(*states: str, fds: Iterable[int] = ()) -> None:
    """Send these states as one message, with copies of ``fds``, if somebody asked for any.

    ``@`` in the address names an abstract socket.  What can't be sent is lost: a service is not worse for a
    manager that went away.
    """
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(SEND_SECONDS)
        channel.connect("\0" + path[1:] if path.startswith("@") else path)
        socket.send_fds(channel, ["\n".join(states).encode()], list(fds))


def is_asked_for() -> bool:
    """Return whether somebody wants to be told."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def watchdog_seconds() -> float | None:
    """Return how often the manager wants to hear that this process lives, None if it doesn't ask.

    Source: sd_watchdog_enabled(3); half of it, as that page advises.
    """
    told, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not told.isdecimal() or not int(told) or pid not in ("", str(os.getpid())):
        return None
    return int(told) / 2_000_000


def for_child(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what was said to us alone."""
    return {name: value for name, value in environ.items() if name not in OURS}
