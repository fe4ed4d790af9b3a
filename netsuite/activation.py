"""Listening sockets that a service manager has bound and hands over by name (sd_listen_fds(3)).

A name may stand for several sockets, as a socket unit has one ``FileDescriptorName=`` for all its addresses:
each is a place of its own then.  The sockets stay the manager's: what we listen with is a copy, so that our
end closes nothing for it, and clients wait in the queue until the next of us accepts them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from twisted.internet import endpoints
from twisted.internet.protocol import Factory

from netsuite import certificates
from netsuite.values import is_loopback, join_endpoint, split_endpoint

#: The arguments of a ``systemd:`` endpoint; ``nth`` is our own: which of several of one name, from 0 on.
ARGUMENTS = frozenset(("domain", "name", "index", "nth"))


@dataclass(frozen=True, slots=True)
class Handed:
    """A socket that was handed over: its name, our descriptor of it, its address family and address."""

    name: str
    fd: int
    family: int
    address: Any

    @property
    def is_public(self) -> bool:
        """Whether other machines reach it."""
        return self.family != socket.AF_UNIX and not is_loopback(str(self.address[0]))

    @property
    def shown(self) -> str:
        """Its name, and where it is."""
        where = self.address if self.family == socket.AF_UNIX else f"{self.address[0]}:{self.address[1]}"
        return f"{self.name or '(no name)'} ({os.fsdecode(where) if where else 'unnamed'})"


class _Taking:
    """What an endpoint takes for a reactor when only its descriptor is asked for."""

    fd = -1

    def adoptStreamPort(self, fd: int, family: int, factory: Any) -> None:
        """Keep a copy, which no child inherits: the endpoint closes its own."""
        self.fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)


def _descriptors() -> Iterator[int]:
    """Each descriptor that was handed over.  Twisted has read the environment, and taken it away, by now."""
    for index in range(1024):
        taking: Any = _Taking()
        try:
            endpoint = endpoints.serverFromString(taking, f"systemd:domain=INET:index={index}")
        except (IndexError, LookupError):
            return
        with contextlib.suppress(OSError):  # said to be there, but isn't
            endpoint.listen(Factory()).addErrback(lambda failure: failure.trap(OSError))
        if taking.fd >= 0:
            yield taking.fd


@cache
def handed() -> tuple[Handed, ...]:
    """Return the listening sockets that this process was started with."""
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    found = []
    for index, fd in enumerate(_descriptors()):
        with socket.socket(fileno=os.dup(fd)) as opened:
            listens = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if opened.type == socket.SOCK_STREAM and listens:
                name = names[index] if index < len(names) else ""
                found.append(Handed(name, fd, opened.family, opened.getsockname()))
    return tuple(found)


def fitting(description: str) -> list[Handed]:
    """Return the sockets that a ``systemd:`` endpoint means.  Raises: ValueError, if it can mean none."""
    named = _named(description)
    domain = named.get("domain", "")
    family = getattr(socket, f"AF_{domain}", None) if domain else None
    if (domain and family is None) or ("name" in named) == ("index" in named):
        raise ValueError("is no socket's name; write systemd:domain=INET:name=NAME")
    if "index" in named:
        chosen = [each for at, each in enumerate(handed()) if str(at) == named["index"]]
    else:
        chosen = [each for each in handed() if each.name == named["name"]]
    chosen = [each for each in chosen if family in (None, each.family)]
    return chosen[int(named["nth"]) :][:1] if "nth" in named else chosen


def may_be_public(descriptions: Iterable[str]) -> bool:
    """Return whether other machines may reach a place.

    A socket that isn't here nobody reaches: the start is refused then, and a check elsewhere can't know.
    """
    for description in descriptions:
        if not description.startswith("systemd:"):
            return True
        if any(each.is_public for each in fitting(certificates.apart(description)[0])):
            return True
    return False


def each_of(description: str) -> tuple[str, ...]:
    """Return a description for each socket that one means; itself where that is one, or none is here.

    Raises: ValueError.
    """
    plain = certificates.apart(description)[0]
    found = fitting(plain) if plain.startswith("systemd:") else []
    if len(found) < 2:
        return (description,)
    return tuple(join_endpoint([*split_endpoint(description), f"nth={at}"]) for at in range(len(found)))


def the_one(description: str) -> Handed:
    """Return the socket that a description means.  Raises: ValueError, with the names that there are."""
    found = fitting(description)
    if found:
        return found[0]
    named = _named(description)
    wanted = f"named {named['name']!r}" if "name" in named else f"number {named['index']}"
    if named.get("domain"):
        wanted += f" in {named['domain']}"
    there = ", ".join(each.shown for each in handed())
    if not there:
        raise ValueError(f"no socket {wanted}: none was handed over (by name, with LISTEN_FDNAMES)")
    raise ValueError(f"no socket {wanted} was handed over; there are: {there}")


def _named(description: str) -> dict[str, str]:
    _kind, *rest = split_endpoint(description)
    named = dict(part.split("=", 1) for part in rest if "=" in part)
    if len(named) < len(rest) or not ARGUMENTS.issuperset(named) or not named.get("nth", "0").isdecimal():
        raise ValueError("is no socket's name; write systemd:domain=INET:name=NAME")
    return named
