"""Listening sockets left with a service manager, which gives them back to the next of us (``FDSTORE=1``).

Where the manager keeps descriptors, a restart refuses nobody without a socket unit: clients wait in the
queue of a socket that the last process bound.  Source: sd_pid_notify_with_fds(3), systemd.service(5)
``FileDescriptorStoreMax=``.  A socket's name there says where it is bound, so that one whose place is
configured no more is found, and given up.
"""

from __future__ import annotations

import os

from netsuite import activation
from netsuite.activation import Handed
from netsuite.notify import notify
from netsuite.values import split_endpoint

#: How the names of these sockets begin.
START = "netsuite-"

_given_up: set[str] = set()
_left: set[str] = set()


def is_asked_for() -> bool:
    """Return whether the manager keeps descriptors; systemd says so itself from version 254 on."""
    told = os.environ.get("FDSTORE", "")
    return told.isdecimal() and int(told) > 0


def name_of(description: str) -> str | None:
    """Return the name that a plain endpoint's socket has there; None where it needs or can have none."""
    kind, *rest = split_endpoint(description)
    named = dict((part if "=" in part else f"port={part}").split("=", 1) for part in rest)
    if kind != "tcp" or named.get("port", "0") == "0":
        return None
    place = f"{named.get('interface', '')}-{named['port']}"
    return START + place.replace(":", "_")  # the one letter that a name may not have


def given_back(description: str) -> Handed | None:
    """Return the socket that the last of us has left for a plain endpoint."""
    name = name_of(description)
    if name is None or name in _given_up:
        return None
    return next((each for each in activation.handed() if each.name == name), None)


def leave(sockets: dict[str, int]) -> None:
    """These sockets, by name, are the manager's to keep, and no others."""
    if not is_asked_for():
        return
    back = {each.name: each for each in activation.handed() if each.name.startswith(START)}
    back = {name: each for name, each in back.items() if name not in _given_up}
    for name in sockets.keys() - back.keys() - _left:
        notify("FDSTORE=1", f"FDNAME={name}", fds=[sockets[name]])
        _left.add(name)
    for name in (_left | back.keys()) - sockets.keys():
        notify("FDSTOREREMOVE=1", f"FDNAME={name}")
        _left.discard(name)
        if name in back:
            _given_up.add(name)
            os.close(back[name].fd)  # else clients would wait where nobody listens any more
